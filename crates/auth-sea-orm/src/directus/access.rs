//! What a user may do: the policies of the user, of the role, and of the roles above that one.

use std::collections::HashMap;

use auth_core::store::StoreError;
use sea_orm::sea_query::{Cond, Expr, ExprTrait as _};
use sea_orm::{ConnectionTrait as _, DbErr};

use super::DirectusDatabase;
use super::schema::{Access, Policies, id_value, is_uuid, select_policies, select_roles};
use crate::retry::{Resend, retrying};

/// What the policies of a user grant together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Granted {
    pub(super) app_access: bool,
    pub(super) admin_access: bool,
}

impl DirectusDatabase {
    /// Two statements, also for who has no role.
    pub(super) async fn granted(&self, user: &str, role: Option<&str>) -> Result<Granted, StoreError> {
        let (db, backend) = (&self.db.read, self.backend());
        let roles = select_roles(backend);
        retrying(Resend::Safe, async || {
            let mut parents = HashMap::new();
            for row in db.query_all(&roles).await? {
                parents.insert(row.try_get::<String>("", "id")?, row.try_get::<Option<String>>("", "parent")?);
            }
            let mut holders = Cond::any();
            if is_uuid(user) {
                holders = holders.add(Expr::col((Access::Table, Access::User)).eq(id_value(backend, user)));
            }
            for role in lineage(role, &parents) {
                holders = holders.add(Expr::col((Access::Table, Access::Role)).eq(id_value(backend, role)));
            }
            if holders.is_empty() {
                return Ok(Granted::default());
            }
            let mut policies = select_policies();
            policies
                .inner_join(
                    Access::Table,
                    Expr::col((Access::Table, Access::Policy)).equals((Policies::Table, Policies::Id)),
                )
                .cond_where(holders);
            let mut granted = Granted::default();
            for row in db.query_all(&policies).await? {
                let addresses: Option<String> = row.try_get("", "ip_access")?;
                // It holds for some addresses alone, and no token of ours is tied to one.
                if addresses.is_some_and(|addresses| !addresses.trim().is_empty()) {
                    continue;
                }
                granted.app_access |= flag(&row, "app_access")?;
                granted.admin_access |= flag(&row, "admin_access")?;
            }
            Ok(granted)
        })
        .await
    }
}

fn flag(row: &sea_orm::QueryResult, column: &str) -> Result<bool, DbErr> {
    row.try_get("", column)
}

/// The role and those above it, each once: a circle of parents ends where it began.
fn lineage<'a>(role: Option<&'a str>, parents: &'a HashMap<String, Option<String>>) -> Vec<&'a str> {
    let mut lineage = Vec::new();
    let mut next = role;
    while let Some(role) = next {
        if lineage.contains(&role) || !is_uuid(role) {
            break;
        }
        lineage.push(role);
        next = parents.get(role).and_then(Option::as_deref);
    }
    lineage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_followed_upwards_and_a_circle_ends() {
        let [editor, staff, all] = ['1', '2', '3'].map(|digit| format!("00000000-0000-4000-8000-00000000000{digit}"));
        let mut parents: HashMap<_, _> =
            [(editor.clone(), Some(staff.clone())), (staff.clone(), Some(all.clone())), (all.clone(), None)].into();
        assert_eq!(lineage(Some(&editor), &parents), [&editor, &staff, &all]);
        assert_eq!(lineage(Some(&all), &parents), [&all]);
        assert!(lineage(None, &parents).is_empty());
        parents.insert(all.clone(), Some(editor.clone()));
        assert_eq!(lineage(Some(&staff), &parents), [&staff, &all, &editor]);
    }
}
