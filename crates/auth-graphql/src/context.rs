//! Who sent the request, for resolvers and guards.

use std::ops::Deref;
use std::time::Duration;

use async_graphql::{Context, Error, ErrorExtensionValues, Guard, Result, Value};
use auth_core::Identity;
use auth_core::http::{Caller, Refusal, Requirement};

/// Whose request it is, for resolvers.
#[derive(Debug, Clone)]
pub struct CurrentUser(pub Identity);

impl CurrentUser {
    /// Whose request it is.
    ///
    /// # Errors
    /// There is no good token: with the codes that guarded routes have.
    pub async fn of(context: &Context<'_>) -> Result<Self> {
        caller(context)?.require(&Requirement::new()).await.map(Self).map_err(refused)
    }

    /// Whose request it is, if it brings a token.
    ///
    /// # Errors
    /// The token is bad, so that the client learns to refresh it.
    pub async fn optional(context: &Context<'_>) -> Result<Option<Self>> {
        caller(context)?.optional().await.map(|identity| identity.map(Self)).map_err(refused)
    }
}

impl Deref for CurrentUser {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

/// Guards a field: `#[graphql(guard = "RequireAuth::new().role(\"editor\")")]`.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct RequireAuth(Requirement);

impl RequireAuth {
    /// Demands nothing but a good token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands this role.
    pub fn role(self, name: impl Into<String>) -> Self {
        Self(self.0.role(name))
    }

    /// Demands one of these roles.
    pub fn any_role(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(self.0.any_role(names))
    }

    /// Demands `admin_access`.
    pub fn admin(self) -> Self {
        Self(self.0.admin())
    }

    /// Demands `app_access`.
    pub fn app(self) -> Self {
        Self(self.0.app())
    }

    /// Demands a login, with the password, no longer ago than `within`.
    pub fn fresh(self, within: Duration) -> Self {
        Self(self.0.fresh(within))
    }

    /// Demands a login with a second factor.
    pub fn mfa(self) -> Self {
        Self(self.0.mfa())
    }

    /// Demands whatever `check` demands.
    pub fn check_that(self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        Self(self.0.check_that(check))
    }
}

impl From<Requirement> for RequireAuth {
    fn from(requirement: Requirement) -> Self {
        Self(requirement)
    }
}

impl Guard for RequireAuth {
    async fn check(&self, context: &Context<'_>) -> Result<()> {
        caller(context)?.require(&self.0).await.map(drop).map_err(refused)
    }
}

/// Who sent the request: [`GraphQl`](crate::GraphQl) says it.
pub(crate) fn caller<'a>(context: &Context<'a>) -> Result<&'a Caller> {
    context.data_opt::<Caller>().ok_or_else(|| refused(Caller::missing()))
}

/// A refusal in the form of GraphQL.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn refused(refusal: Refusal) -> Error {
    let mut error = Error::new(refusal.message());
    let mut extensions = ErrorExtensionValues::default();
    if let Ok(Value::Object(members)) = async_graphql::to_value(refusal.extensions()) {
        members.into_iter().for_each(|(name, value)| extensions.set(name, value));
    }
    error.extensions = Some(extensions);
    error
}
