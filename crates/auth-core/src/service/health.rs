//! Whether requests can be served now.

use std::time::Duration;

use crate::auth::Auth;
use crate::error::{AuthError, ErrorKind};
use crate::id::{SessionId, UserId};

/// How long the store may take. Whoever asks wants to know before its own time is up.
const DEADLINE: Duration = Duration::from_secs(2);

impl Auth {
    /// Asks the store for something that is not there; and the table of the app, when users live in one. For readiness
    /// probes: `GET /auth/health` asks this, when mounted.
    ///
    /// # Errors
    /// `Unavailable` when there is no answer within two seconds; `Internal` when the tables are not what they should be.
    #[tracing::instrument(name = "auth.health", skip_all)]
    pub async fn health(&self) -> Result<(), AuthError> {
        let ask = async {
            self.inner.sessions.load(SessionId::from_bytes([0; 16])).await?;
            if self.inner.directory.is_none()
                && let Ok(nobody) = UserId::new("0")
            {
                self.inner.users.find_by_id(&nobody).await?;
            }
            Ok(())
        };
        let answer = tokio::time::timeout(DEADLINE, ask).await;
        answer.unwrap_or_else(|_| Err(AuthError::new(ErrorKind::Unavailable, "the store does not answer in time")))
    }
}
