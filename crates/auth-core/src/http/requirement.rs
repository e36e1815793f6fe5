//! What a guard demands of an identity beyond being one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::id::Role;
use crate::token::Identity;

/// What an identity must fulfil; an empty one is content with any. Shared, since a guard is cloned on many requests.
#[derive(Clone, Default)]
pub(super) struct Requirement(Arc<Vec<Rule>>);

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
    /// What `identity` lacks, as the kind of the refusal. What signing in again would not mend comes first: nobody is
    /// asked for a code in vain.
    ///
    /// A limited token opens nothing but what asks for scopes: what an app guards without a thought of them stays shut.
    pub(super) fn lacking(&self, identity: &Identity, now: Timestamp) -> Option<ErrorKind> {
        let decides = |rule: &Rule| matches!(rule, Rule::Scope(_) | Rule::AnyScope | Rule::Login);
        if identity.scopes().is_some() && !self.0.iter().any(decides) {
            return Some(ErrorKind::InsufficientScope);
        }
        let lacking = self.0.iter().filter_map(|rule| rule.lacking(identity, now));
        lacking.min_by_key(|kind| *kind != ErrorKind::Forbidden)
    }

    pub(super) fn role(&mut self, names: Vec<String>) {
        self.push(Rule::Role(names));
    }

    pub(super) fn admin(&mut self) {
        self.push(Rule::Admin);
    }

    pub(super) fn app(&mut self) {
        self.push(Rule::App);
    }

    pub(super) fn fresh(&mut self, within: Duration) {
        self.push(Rule::Fresh(within));
    }

    pub(super) fn mfa(&mut self) {
        self.push(Rule::Mfa);
    }

    pub(super) fn login(&mut self) {
        self.push(Rule::Login);
    }

    pub(super) fn scope(&mut self, name: String) {
        self.push(Rule::Scope(name));
    }

    pub(super) fn any_scope(&mut self) {
        self.push(Rule::AnyScope);
    }

    pub(super) fn check(&mut self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) {
        self.push(Rule::Check(Arc::new(check)));
    }

    fn push(&mut self, rule: Rule) {
        Arc::make_mut(&mut self.0).push(rule);
    }
}

impl Rule {
    fn lacking(&self, identity: &Identity, now: Timestamp) -> Option<ErrorKind> {
        let (is_met, otherwise) = match self {
            Self::Role(names) => {
                let role = identity.role().map(Role::as_str);
                (role.is_some_and(|role| names.iter().any(|name| name == role)), ErrorKind::Forbidden)
            }
            Self::Admin => (identity.is_admin(), ErrorKind::Forbidden),
            Self::App => (identity.has_app_access(), ErrorKind::Forbidden),
            Self::Check(check) => (check(identity), ErrorKind::Forbidden),
            Self::Fresh(within) => (identity.authenticated_within(*within, now), ErrorKind::RecentLoginRequired),
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
