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
    /// A token that is limited to scopes is refused, behind a guard that lets it in too: this is often the only guard there is.
    /// A resolver that is for such tokens takes [`with`](Self::with).
    ///
    /// # Errors
    /// There is no good token, or it is limited to scopes: with the codes that guarded routes have.
    pub async fn of(context: &Context<'_>) -> Result<Self> {
        Self::with(context, &Requirement::new()).await
    }

    /// Whose request it is, if they fulfil this. It needs no guard before it, and takes nothing over from one: which limited
    /// tokens are let in is said in both.
    ///
    /// ```
    /// use async_graphql::{Context, Object, Result};
    /// use auth_core::http::Requirement;
    /// use auth_graphql::CurrentUser;
    ///
    /// struct Notes;
    ///
    /// #[Object]
    /// impl Notes {
    ///     async fn greeting(&self, context: &Context<'_>) -> Result<String> {
    ///         let user = CurrentUser::with(context, &Requirement::new().scope("notes:read")).await?;
    ///         Ok(format!("hello {}", user.user()))
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// There is no good token, or it is not enough: with the codes that guarded routes have.
    pub async fn with(context: &Context<'_>, requirement: &Requirement) -> Result<Self> {
        caller(context)?.require(requirement).await.map(Self).map_err(refused)
    }

    /// Whose request it is, if it brings a token.
    ///
    /// # Errors
    /// The token is bad, so that the client learns to refresh it; or it is limited to scopes, as for [`of`](Self::of).
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
///
/// Limited tokens are let in by [`scope`](Self::scope) and [`any_scope`](Self::any_scope) alone. The resolver behind them
/// learns whose it is from [`CurrentUser::with`].
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

    /// Demands that the user signed in, and is not a program with a token made for it, whatever its scopes.
    pub fn login_only(self) -> Self {
        Self(self.0.login_only())
    }

    /// Lets limited tokens in that have this scope, and whoever is not limited.
    pub fn scope(self, name: impl Into<String>) -> Self {
        Self(self.0.scope(name))
    }

    /// Lets limited tokens in whatever their scopes are: the resolver asks [`Identity::has_scope`].
    pub fn any_scope(self) -> Self {
        Self(self.0.any_scope())
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
