//! The schema of an app: the objects of `auth-graphql` merged with fields of its own.

use async_graphql::{Context, EmptySubscription, MergedObject, Object, Result, Schema};
use auth_core::http::{Requirement, Route};
use auth_graphql::{AuthMutation, AuthQuery, CurrentUser, GraphQl, RequireAuth};

use super::FIVE_MINUTES;

pub(super) fn app() -> Route {
    GraphQl::new("/graphql", Schema::new(Query::default(), Mutation::default(), EmptySubscription)).into()
}

#[derive(Default, MergedObject)]
struct Query(Own, AuthQuery);

#[derive(Default, MergedObject)]
struct Mutation(OwnChanges, AuthMutation);

#[derive(Default)]
struct Own;

#[Object(rename_fields = "snake_case")]
impl Own {
    async fn open(&self) -> &str {
        "open"
    }

    async fn guarded(&self, context: &Context<'_>) -> Result<String> {
        Ok(CurrentUser::of(context).await?.user().to_string())
    }

    async fn optional(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(CurrentUser::optional(context).await?.map(|user| user.user().to_string()))
    }

    #[graphql(guard = "RequireAuth::new()")]
    async fn signed_in(&self) -> Option<bool> {
        Some(true)
    }

    #[graphql(guard = "RequireAuth::new().admin()")]
    async fn admin(&self) -> Option<bool> {
        Some(true)
    }

    #[graphql(guard = "RequireAuth::new().role(\"editor\")")]
    async fn editor(&self) -> Option<bool> {
        Some(true)
    }

    #[graphql(guard = "RequireAuth::new().fresh(FIVE_MINUTES)")]
    async fn fresh(&self) -> Option<bool> {
        Some(true)
    }

    #[graphql(guard = "RequireAuth::new().mfa()")]
    async fn mfa(&self) -> Option<bool> {
        Some(true)
    }

    #[graphql(guard = "RequireAuth::new().scope(\"notes:read\")")]
    async fn scoped(&self, context: &Context<'_>) -> Result<String> {
        Ok(CurrentUser::with(context, &Requirement::new().any_scope()).await?.user().to_string())
    }

    async fn reader(&self, context: &Context<'_>) -> Result<String> {
        let requirement = Requirement::new().scope("notes:read");
        Ok(CurrentUser::with(context, &requirement).await?.user().to_string())
    }

    #[graphql(guard = "RequireAuth::new().scope(\"notes:read\")")]
    async fn scoped_strict(&self, context: &Context<'_>) -> Result<String> {
        Ok(CurrentUser::of(context).await?.user().to_string())
    }

    #[graphql(guard = "RequireAuth::new().any_scope()")]
    async fn any_scope(&self) -> Option<bool> {
        Some(true)
    }

    #[graphql(guard = "RequireAuth::new().any_scope().login_only()")]
    async fn login_only(&self) -> Option<bool> {
        Some(true)
    }
}

#[derive(Default)]
struct OwnChanges;

#[Object(rename_fields = "snake_case")]
impl OwnChanges {
    #[graphql(guard = "RequireAuth::new()")]
    async fn write(&self) -> Option<bool> {
        Some(true)
    }
}
