//! Without the feature `jwks-client`, keys never come by themselves.

use crate::auth::Auth;
use crate::error::{AuthError, ErrorKind};
use crate::token::Identity;

impl Auth {
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the other one fetches keys")]
    pub(crate) const fn follow_keys(&self) -> Result<(), AuthError> {
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "the other one looks at the token")]
    pub(crate) const fn keys_may_come(&self, _: &str) -> bool {
        false
    }

    #[expect(clippy::unused_async, reason = "the other one waits for keys")]
    pub(crate) async fn identify_by_new_keys(&self, _: &str) -> Result<Identity, AuthError> {
        Err(ErrorKind::InvalidToken.into())
    }
}
