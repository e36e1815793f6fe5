//! SQL for several rows at once, in few shapes: drivers and servers keep prepared statements by their text.

use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{ArrayType, Expr, ExprTrait as _};
use sea_orm::{DbBackend, Value};

/// `column` is one of `keys`: an array on PostgreSQL, a list elsewhere.
pub(super) fn is_one_of<T>(backend: DbBackend, column: Expr, kind: ArrayType, mut keys: Vec<T>) -> Expr
where
    T: Clone + Into<Value>,
{
    if backend == DbBackend::Postgres {
        return column.eq(PgFunc::any(Expr::val(array(kind, keys))));
    }
    pad(&mut keys);
    column.is_in(keys.into_iter().map(Into::into))
}

/// Repeats the last one, up to a power of two: eight shapes and not a hundred and twenty-eight.
pub(super) fn pad<T: Clone>(items: &mut Vec<T>) {
    if let Some(last) = items.last().cloned() {
        items.resize(items.len().next_power_of_two(), last);
    }
}

/// A column of values, to be unnested.
pub(super) fn array<T: Into<Value>>(kind: ArrayType, values: impl IntoIterator<Item = T>) -> Value {
    Value::Array(kind, Some(Box::new(values.into_iter().map(Into::into).collect())))
}
