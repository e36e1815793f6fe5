//! What a guard demands of an identity beyond being one.

use std::fmt;
use std::sync::Arc;

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
    Check(Arc<dyn Fn(&Identity) -> bool + Send + Sync>),
}

impl Requirement {
    /// Whether `identity` fulfils all of it.
    pub(super) fn allows(&self, identity: &Identity) -> bool {
        self.0.iter().all(|rule| match rule {
            Rule::Role(names) => {
                identity.role().map(Role::as_str).is_some_and(|role| names.iter().any(|name| name == role))
            }
            Rule::Admin => identity.is_admin(),
            Rule::App => identity.has_app_access(),
            Rule::Check(check) => check(identity),
        })
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

    pub(super) fn check(&mut self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) {
        self.push(Rule::Check(Arc::new(check)));
    }

    fn push(&mut self, rule: Rule) {
        Arc::make_mut(&mut self.0).push(rule);
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|rule| match rule {
                Rule::Role(names) => format!("role {}", names.join(" or ")),
                Rule::Admin => "admin_access".to_owned(),
                Rule::App => "app_access".to_owned(),
                Rule::Check(_) => "a check of the app".to_owned(),
            }))
            .finish()
    }
}
