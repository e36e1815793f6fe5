//! What a guard demands of an identity beyond being one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::id::Role;
use crate::token::Identity;

/// What an identity must fulfil; an empty one is content with any.
///
/// [`Guard`](super::Guard) has the same demands for whole routes; this is for parts of one, such as the fields of a
/// GraphQL schema.
// Shared, since a guard is cloned on many requests.
#[derive(Clone, Default)]
#[must_use]
pub struct Requirement(Arc<Vec<Rule>>);

#[derive(Clone)]
enum Rule {
    Role(Vec<String>),
    Admin,
    App,
    Fresh(Duration),
    Mfa,
    Login,
    Scope(String),
    AnyScope,
    Check(Arc<dyn Fn(&Identity) -> bool + Send + Sync>),
}

impl Requirement {
    /// Demands nothing but an identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands this role.
    pub fn role(self, name: impl Into<String>) -> Self {
        self.any_role([name])
    }

    /// Demands one of these roles.
    pub fn any_role(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(Rule::Role(names.into_iter().map(Into::into).collect()))
    }

    /// Demands `admin_access`.
    pub fn admin(self) -> Self {
        self.with(Rule::Admin)
    }

    /// Demands `app_access`.
    pub fn app(self) -> Self {
        self.with(Rule::App)
    }

    /// Demands a login, with the password, no longer ago than `within`.
    pub fn fresh(self, within: Duration) -> Self {
        self.with(Rule::Fresh(within))
    }

    /// Demands a login with a second factor.
    pub fn mfa(self) -> Self {
        self.with(Rule::Mfa)
    }

    /// Demands that the user signed in, and is not a program with a token made for it.
    pub fn login_only(self) -> Self {
        self.with(Rule::Login)
    }

    /// Lets limited tokens in that have this scope, and whoever is not limited.
    pub fn scope(self, name: impl Into<String>) -> Self {
        self.with(Rule::Scope(name.into()))
    }

    /// Lets limited tokens in whatever their scopes are.
    pub fn any_scope(self) -> Self {
        self.with(Rule::AnyScope)
    }

    /// Demands whatever `check` demands.
    pub fn check_that(self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        self.with(Rule::Check(Arc::new(check)))
    }

    /// What `identity` lacks, as the kind of the refusal. What signing in again would not mend comes first: nobody is
    /// asked for a code in vain.
    ///
    /// A limited token opens nothing but what asks for scopes: what an app guards without a thought of them stays shut.
    pub(super) fn lacking(&self, identity: &Identity, clock: &dyn Clock) -> Option<ErrorKind> {
        let decides = |rule: &Rule| matches!(rule, Rule::Scope(_) | Rule::AnyScope | Rule::Login);
        if identity.scopes().is_some() && !self.0.iter().any(decides) {
            return Some(ErrorKind::InsufficientScope);
        }
        let lacking = self.0.iter().filter_map(|rule| rule.lacking(identity, clock));
        lacking.min_by_key(|kind| *kind != ErrorKind::Forbidden)
    }

    /// Demands all that `other` demands too.
    pub(super) fn and(mut self, other: &Self) -> Self {
        Arc::make_mut(&mut self.0).extend(other.0.iter().cloned());
        self
    }

    fn with(mut self, rule: Rule) -> Self {
        Arc::make_mut(&mut self.0).push(rule);
        self
    }
}

impl Rule {
    fn lacking(&self, identity: &Identity, clock: &dyn Clock) -> Option<ErrorKind> {
        let (is_met, otherwise) = match self {
            Self::Role(names) => {
                let role = identity.role().map(Role::as_str);
                (role.is_some_and(|role| names.iter().any(|name| name == role)), ErrorKind::Forbidden)
            }
            Self::Admin => (identity.is_admin(), ErrorKind::Forbidden),
            Self::App => (identity.has_app_access(), ErrorKind::Forbidden),
            Self::Check(check) => (check(identity), ErrorKind::Forbidden),
            Self::Fresh(within) => {
                (identity.authenticated_within(*within, clock.now()), ErrorKind::RecentLoginRequired)
            }
            Self::Mfa => (identity.aal() >= 2, ErrorKind::SecondFactorRequired),
            Self::Login => (identity.is_login(), ErrorKind::LoginRequired),
            Self::Scope(name) => (identity.has_scope(name), ErrorKind::InsufficientScope),
            Self::AnyScope => return None,
        };
        (!is_met).then_some(otherwise)
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|rule| match rule {
                Rule::Role(names) => format!("role {}", names.join(" or ")),
                Rule::Admin => "admin_access".to_owned(),
                Rule::App => "app_access".to_owned(),
                Rule::Fresh(within) => format!("a login within {within:?}"),
                Rule::Mfa => "a second factor".to_owned(),
                Rule::Login => "a login".to_owned(),
                Rule::Scope(name) => format!("scope {name}"),
                Rule::AnyScope => "any scope".to_owned(),
                Rule::Check(_) => "a check of the app".to_owned(),
            }))
            .finish()
    }
}
