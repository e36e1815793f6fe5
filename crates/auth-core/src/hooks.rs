//! Where an app joins in.

use std::fmt;

use serde_json::{Map, Value};

use crate::store::UserRecord;

/// Adds claims of the app to every access token. Called on the request path: look nothing up.
///
/// Any `Fn(&UserRecord) -> Map<String, Value>` is one. A claim that has a meaning of its own (`id`, `role`, `exp`, …)
/// fails the login with an internal error and a line in the log: the hook is a bug then.
pub trait ClaimsHook: Send + Sync + 'static {
    /// The claims for this user, by names of the app's own.
    fn claims(&self, user: &UserRecord) -> Map<String, Value>;
}

impl<F: Fn(&UserRecord) -> Map<String, Value> + Send + Sync + 'static> ClaimsHook for F {
    fn claims(&self, user: &UserRecord) -> Map<String, Value> {
        self(user)
    }
}

impl fmt::Debug for dyn ClaimsHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimsHook")
    }
}
