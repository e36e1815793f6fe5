//! GraphQL at a path: from the text of a request to an answer.

use std::borrow::Cow;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::parser::{Error as SyntaxError, parse_query};
use async_graphql::{
    EmptySubscription, Executor, MergedObject, Request, Response, Schema, ServerError, Value, Variables,
};
use auth_core::http::{Caller, Dialect, Reply, Route};
use serde::Deserialize;

use crate::conflicts;
use crate::limits::{Introspection, Limits};
use crate::nesting::is_flat;
use crate::operations::{AuthMutation, AuthQuery};

/// How many reasons an answer gives. There may be one a byte.
const MOST_REASONS: usize = 20;

/// GraphQL at a path, over a schema. Mount it with `auth_axum::route` or `auth_actix_web::route`.
#[derive(Debug, Clone)]
#[must_use]
pub struct GraphQl<E> {
    path: Cow<'static, str>,
    schema: E,
    limits: Limits,
}

/// The schema of `/graphql/system`.
pub type SystemSchema = Schema<SystemQuery, SystemMutation, EmptySubscription>;

/// The queries of `/graphql/system`.
#[derive(Debug, Default, MergedObject)]
#[graphql(name = "Query")]
pub struct SystemQuery(AuthQuery);

/// The mutations of `/graphql/system`.
#[derive(Debug, Default, MergedObject)]
#[graphql(name = "Mutation")]
pub struct SystemMutation(AuthMutation);

impl GraphQl<SystemSchema> {
    /// `/graphql/system`, as clients of Directus know it.
    pub fn system() -> Self {
        let schema = Schema::build(SystemQuery::default(), SystemMutation::default(), EmptySubscription);
        // A name that is close to one is no question about the schema.
        Self::new("/graphql/system", schema.disable_suggestions().finish())
    }
}

impl<E: Executor> GraphQl<E> {
    /// A schema of the app, at a path of its own. Its resolvers find out who is asking with
    /// [`CurrentUser`](crate::CurrentUser).
    pub fn new(path: impl Into<Cow<'static, str>>, schema: E) -> Self {
        Self { path: path.into(), schema, limits: Limits::default() }
    }

    /// Other limits than the default ones.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

impl<E: Executor> From<GraphQl<E>> for Route {
    fn from(graphql: GraphQl<E>) -> Self {
        Self::new(graphql.path.clone(), graphql)
    }
}

#[async_trait::async_trait]
impl<E: Executor> Dialect for GraphQl<E> {
    fn body_limit(&self) -> usize {
        self.limits.body
    }

    async fn answer(&self, caller: Caller, body: &[u8]) -> Reply {
        let request = match self.read(body) {
            Ok(request) => request,
            Err(error) => return caller.invalid_graphql(&[error]),
        };
        let mut response = self.schema.execute(request.data(caller.clone())).await;
        if is_invalid(&response) {
            response.errors.truncate(MOST_REASONS);
            return caller.invalid_graphql(&response.errors);
        }
        caller.answer(&response)
    }
}

/// The body of a request. Other members, such as those of persisted queries, are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Variables>,
}

impl<E: Executor> GraphQl<E> {
    fn read(&self, body: &[u8]) -> Result<Request, ServerError> {
        let body: Body = serde_json::from_slice(body).map_err(|_| {
            let expected = "`query` must be a string, `operationName` a string and `variables` an object.";
            ServerError::new(expected, None)
        })?;
        if !is_flat(&body.query) {
            return Err(ServerError::new("The query is nested too deep.", None));
        }
        let document = parse_query(&body.query).map_err(|error| located(&error))?;
        self.limits.check(&document)?;
        conflicts::check(&document)?;
        let variables = body.variables.unwrap_or_default();
        if let Some(operation) = selected(&document, body.operation_name.as_deref()) {
            are_given(operation, &variables)?;
        }
        let mut request = Request::new(body.query).variables(variables);
        request.operation_name = body.operation_name;
        request.set_parsed_query(document);
        Ok(match self.limits.introspection {
            Introspection::Allowed => request,
            Introspection::Refused => request.disable_introspection(),
        })
    }
}

/// Whether nothing was executed: what is wrong in a resolver is wrong at a path.
fn is_invalid(response: &Response) -> bool {
    response.data == Value::Null && response.is_err() && response.errors.iter().all(|error| error.path.is_empty())
}

/// Where a text is no GraphQL. The parser's own message quotes the line, and what stands in it may be a password.
fn located(error: &SyntaxError) -> ServerError {
    let message = match error {
        SyntaxError::Syntax { .. } => "Syntax error.".to_owned(),
        other => other.to_string(),
    };
    ServerError { locations: error.positions().collect(), ..ServerError::new(message, None) }
}

fn selected<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = operations.find(|(other, _)| name.is_none() || other.map(|other| other.as_str()) == name);
    found.map(|(_, operation)| &operation.node)
}

/// Whether every variable that must be there is: validation looks at those that are.
fn are_given(operation: &OperationDefinition, variables: &Variables) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let (name, variable) = (&definition.node.name.node, &definition.node);
        let is_null = variables.get(name).is_none_or(|value| *value == Value::Null);
        let is_missing = !variables.contains_key(name) && variable.default_value.is_none();
        if !variable.var_type.node.nullable && is_null && (is_missing || variables.contains_key(name)) {
            let message = format!("Variable \"${name}\" of type \"{}\" must be given.", variable.var_type.node);
            return Err(ServerError::new(message, Some(definition.pos)));
        }
    }
    Ok(())
}
