//! How long the store takes: each port is wrapped once, when [`Auth`](crate::Auth) is built, and every call of it is
//! recorded under a name that stays.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::email::Email;
use crate::id::{SessionId, TokenId, UserId};
use crate::password::PasswordHash;
use crate::store::{
    Attempt, BucketKey, Enabling, Epoch, EventFilter, EventPage, EventRecord, EventStore, FactorStore, LastAdmin,
    LoadedSession, LoadedToken, NewSession, NewTokenRecord, NewUserRecord, Opened, PendingFactor, RecoveryHash,
    Reservation, Reserved, RevokeReason, Revoked, Rotation, Sealed, SecondFactor, SessionRecord, SessionStore, Step,
    StoreError, StoreErrorKind, Swap, ThrottleStore, TokenCreated, TokenHash, TokenRecord, TokenStore, UpdateTerms,
    Updated, UserChange, UserDirectory, UserFilter, UserPage, UserRecord, UserStore, UserSummary,
};

/// A port of the core whose calls can be timed.
pub(crate) trait Port {
    /// The same, timed.
    fn timed(self: Arc<Self>) -> Arc<Self>;
}

/// Forwards each call, and records how long it took.
#[derive(Debug)]
struct Timed<T: ?Sized>(Arc<T>);

macro_rules! timed {
    ($port:ident { $($operation:literal = $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* }) => {
        impl Port for dyn $port {
            fn timed(self: Arc<Self>) -> Arc<Self> {
                Arc::new(Timed(self))
            }
        }

        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl $port for Timed<dyn $port> {
            $(async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                record($operation, self.0.$method($($argument),*)).await
            })*
        }
    };
}

timed!(SessionStore {
    "session_open" = open(session: &NewSession) -> Opened;
    "session_load" = load(id: SessionId) -> Option<LoadedSession>;
    "session_rotate" = rotate(rotation: &Rotation) -> Swap;
    "session_revoke" = revoke(id: SessionId, reason: RevokeReason, now: Timestamp) -> Swap;
    "session_list" = list(user: &UserId, now: Timestamp) -> Vec<SessionRecord>;
    "session_end_beyond" = end_beyond(user: &UserId, keep: u64, now: Timestamp) -> Vec<SessionId>;
    "session_revoked_since" = revoked_since(since: Timestamp) -> Vec<Revoked>;
    "session_purge" = purge_expired(expired_before: Timestamp, limit: u64) -> u64;
});

timed!(UserStore {
    "user_find_by_email" = find_by_email(email: &Email) -> Option<UserRecord>;
    "user_find_by_id" = find_by_id(id: &UserId) -> Option<UserRecord>;
    "user_create" = create(user: &NewUserRecord) -> UserId;
    "user_rehash" = rehash(id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> bool;
});

timed!(UserDirectory {
    "user_update" = update(id: &UserId, change: &UserChange, terms: UpdateTerms, now: Timestamp) -> Updated;
    "user_delete" = delete(id: &UserId, last_admin: LastAdmin, now: Timestamp) -> Updated;
    "user_count_all" = count() -> u64;
    "user_list" = users(page: &UserPage) -> Vec<UserSummary>;
    "user_count" = count_users(filter: &UserFilter, most: u64) -> u64;
});

timed!(FactorStore {
    "factor_epoch" = epoch(user: &UserId) -> Epoch;
    "factor_end_sessions" =
        end_sessions(user: &UserId, keep: Option<SessionId>, reason: RevokeReason, now: Timestamp) -> u64;
    "factor_load" = second_factor(user: &UserId) -> SecondFactor;
    "factor_keep_pending" = keep_pending(user: &UserId, pending: &PendingFactor) -> Swap;
    "factor_enable" = enable_factor(user: &UserId, enabling: &Enabling, now: Timestamp) -> Swap;
    "factor_accept_step" = accept_step(user: &UserId, step: Step) -> Swap;
    "factor_disable" =
        disable_factor(user: &UserId, expected: Epoch, keep: Option<SessionId>, now: Timestamp) -> Swap;
    "factor_replace_recovery_codes" =
        replace_recovery_codes(user: &UserId, expected: Epoch, hashes: &[RecoveryHash]) -> Swap;
    "factor_use_recovery_code" = use_recovery_code(user: &UserId, hash: &RecoveryHash, now: Timestamp) -> Swap;
    "factor_reseal" = reseal(user: &UserId, expected: &Sealed, new: &Sealed) -> Swap;
});

timed!(ThrottleStore {
    "throttle_reserve" = reserve(attempts: &[Attempt], now: Timestamp) -> Reserved;
    "throttle_refund" = refund(reservation: &Reservation) -> ();
    "throttle_clear" = clear(bucket: BucketKey) -> ();
    "throttle_prune" = prune(now: Timestamp, limit: u64) -> u64;
});

timed!(TokenStore {
    "token_create" = create_token(token: &NewTokenRecord, most: u64) -> TokenCreated;
    "token_find" = find_token(hash: &TokenHash) -> Option<LoadedToken>;
    "token_list" = list_tokens(user: &UserId, epoch: Epoch) -> Vec<TokenRecord>;
    "token_revoke" = revoke_token(user: &UserId, id: TokenId) -> Swap;
    "token_note_use" = note_token_use(id: TokenId, at: Timestamp) -> ();
    "token_purge" = purge_tokens(expired_before: Timestamp, limit: u64) -> u64;
});

timed!(EventStore {
    "event_append" = append_events(events: &[EventRecord]) -> ();
    "event_list" = events(page: &EventPage) -> Vec<EventRecord>;
    "event_count" = count_events(filter: &EventFilter, most: u64) -> u64;
    "event_purge" = purge_events(before: Timestamp, limit: u64) -> u64;
});

async fn record<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut under_way = UnderWay { operation, outcome: "dropped", begun: Instant::now() };
    let result = call.await;
    under_way.outcome = match result.as_ref().map_err(StoreError::kind) {
        Ok(_) => "done",
        Err(StoreErrorKind::Unavailable) => "unavailable",
        Err(StoreErrorKind::Conflict) => "conflict",
        Err(StoreErrorKind::Corrupt) => "corrupt",
    };
    result
}

/// Recorded however it ends: those that nobody waits for any more are the slowest.
struct UnderWay {
    operation: &'static str,
    outcome: &'static str,
    begun: Instant,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Self { operation, outcome, begun } = self;
        metrics::histogram!("auth_store_seconds", "operation" => *operation, "outcome" => *outcome)
            .record(begun.elapsed());
    }
}
