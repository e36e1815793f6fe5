//! The door (requirements G1 to G3, G6, G11): who may try a password or a code now, and who has to wait.
//!
//! ```text
//!   admit ── reserve in every bucket, or in none ──► 429
//!     │        account, or the device if it is known; and the address
//!     ▼
//!   the work: user, hash, code
//!     ├── right      succeed    the account's failures are forgotten, the address gets its reservation back
//!     ├── wrong      nothing    the reservation is the failure
//!     ├── dropped    nothing    so is this
//!     └── not tried  refund     503: nobody learned anything
//! ```
//!
//! Every login goes through [`Throttle::admit`], every other check of a password through [`Throttle::admit_step_up`],
//! every check of a code through [`Throttle::admit_code`], which has a counter of its own that the right password does not
//! clear. Registrations are counted in [`Throttle::admit_registration`], mails in [`Throttle::admit_mail`]: each one that
//! goes out makes the next one wait.

mod bucket;
mod device;

use std::sync::Arc;
use std::time::Duration;

use bucket::Buckets;
use device::{Device, DeviceKey};

use crate::client::ClientInfo;
use crate::clock::Timestamp;
use crate::config::{AuthConfig, LoginThrottle, ThrottleLimits};
use crate::email::Email;
use crate::error::{AuthError, Throttled};
use crate::id::{SessionId, UserId};
use crate::rng::SecureRandom;
use crate::secret::DeviceToken;
use crate::store::{Attempt, BucketKey, Epoch, Forgetting, Limit, Reservation, Reserved, StoreError, ThrottleStore};
use crate::token::Purpose;

/// How long a device is known since its last login.
pub(crate) const DEVICE_TTL: Duration = Duration::from_secs(180 * 24 * 3600);

/// The wait after the last free failure; each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);
/// So many failures in a row, and nobody gets in who is not known (NIST SP 800-63B-4 3.2.2: no more than 100).
const LOCK_AFTER: u32 = 100;
/// For how long without any attempt failures in a row are remembered. Without an end, a stranger could lock somebody
/// out for ever who has neither a known device nor mail.
const REMEMBER: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often an address is forgiven a failure. Not all at once after a quiet hour: an office has none, and would be
/// shut out for good by the typing errors of a day.
const FORGIVE_ADDRESS: Duration = Duration::from_secs(60);
/// At most one mail of a kind to a user in this time (requirement S6).
const MAIL_PAUSE: Duration = Duration::from_secs(60);

/// Lets attempts through, or tells them to wait.
#[derive(Debug)]
pub(crate) struct Throttle {
    store: Arc<dyn ThrottleStore>,
    buckets: Buckets,
    device_key: DeviceKey,
    /// `None` when it is off.
    limits: Option<ThrottleLimits>,
}

/// An attempt that was let through. It is counted as a failure until it is handed back to
/// [`succeed`](Throttle::succeed) or [`refund`](Throttle::refund); dropped, it stays one.
#[derive(Debug)]
#[must_use = "what is not settled stays counted"]
pub(crate) struct Admission {
    reservations: Vec<Reservation>,
    /// What a success clears: the account or the device, or the second factor; never the address.
    own: Option<BucketKey>,
    device: Option<Device>,
}

impl Throttle {
    pub(crate) fn new(config: &AuthConfig, store: Arc<dyn ThrottleStore>) -> Option<Self> {
        Some(Self {
            store,
            buckets: Buckets::derive(&config.secret)?,
            device_key: DeviceKey::derive(&config.secret)?,
            limits: match config.login_throttle {
                LoginThrottle::Limits(limits) => Some(limits),
                LoginThrottle::Off => None,
            },
        })
    }

    /// Somebody wants to try a password on the account with this address, whether there is one or not.
    ///
    /// A known device has a counter of its own in place of the account's and of the address's: what strangers do to the
    /// account, or from the same address, does not hold up its owner.
    ///
    /// # Errors
    /// `TooManyRequests`; `Unavailable` when the store is down, since without a count nobody gets in.
    pub(crate) async fn admit(
        &self,
        email: &Email,
        device: Option<&DeviceToken>,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<Admission, AuthError> {
        let Some(limits) = self.limits else { return Ok(Admission::uncounted()) };
        if let Some(device) = device.and_then(|token| self.device_key.read(token, email, now)) {
            let bucket = self.buckets.device(&device.id);
            let attempts = [Attempt { bucket, limit: in_a_row(limits.account) }];
            return Ok(Admission { device: Some(device), ..self.reserve(bucket, &attempts, now).await? });
        }
        let bucket = self.buckets.account(email);
        let mut attempts = vec![Attempt { bucket, limit: in_a_row(limits.account) }];
        // Where the framework does not tell the peer's address, there is no counting by it.
        attempts.extend(
            client
                .ip
                .map(|address| Attempt { bucket: self.buckets.address(address), limit: of_address(limits.address) }),
        );
        self.reserve(bucket, &attempts, now).await
    }

    /// Somebody who is signed in wants to prove to know the password. The counter is that of the session, or the user's
    /// where the app does not tell the session: a stolen one guesses no faster than a login does, and what strangers do to
    /// the account at the login does not hold up its owner here.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub(crate) async fn admit_step_up(
        &self,
        user: &UserId,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Admission, AuthError> {
        let Some(limits) = self.limits else { return Ok(Admission::uncounted()) };
        let bucket = self.buckets.step_up(session.as_ref().map_or(user.as_str().as_bytes(), |id| id.as_bytes()));
        self.reserve(bucket, &[Attempt { bucket, limit: in_a_row(limits.account) }], now).await
    }

    /// Somebody wants to register, which costs a hash, a row and a mail. It stays counted however it ends.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub(crate) async fn admit_registration(&self, client: &ClientInfo, now: Timestamp) -> Result<(), AuthError> {
        let (Some(limits), Some(address)) = (self.limits, client.ip) else { return Ok(()) };
        let bucket = self.buckets.registrations(address);
        let Admission { .. } =
            self.reserve(bucket, &[Attempt { bucket, limit: of_address(limits.address) }], now).await?;
        Ok(())
    }

    /// Goes on once the user has been read. A device that was known by the address alone, and is of another user or of an
    /// older epoch, is unknown after all: then the attempt is counted where it belongs.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub(crate) async fn confirm(
        &self,
        admission: &mut Admission,
        owner: Option<(&UserId, Epoch)>,
        email: &Email,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let Some(device) = &admission.device else { return Ok(()) };
        if !owner.is_some_and(|(user, epoch)| self.device_key.is_owner(device, user, epoch)) {
            self.refund(std::mem::replace(admission, Admission::uncounted())).await;
            *admission = self.admit(email, None, client, now).await?;
        }
        Ok(())
    }

    /// Somebody who knows the password wants to try a code of the second factor. The counter is the user's, whatever
    /// the device; only [`succeed`](Self::succeed) with this admission clears it (requirement G6).
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub(crate) async fn admit_code(&self, user: &UserId, now: Timestamp) -> Result<Admission, AuthError> {
        let Some(limits) = self.limits else { return Ok(Admission::uncounted()) };
        let bucket = self.buckets.factor(user);
        self.reserve(bucket, &[Attempt { bucket, limit: in_a_row(limits.account) }], now).await
    }

    /// `None` when the user may get a mail for this purpose now; then not another one for a while, from any node. Otherwise
    /// how long that takes. Also when the throttle is off: that is for guesses.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn admit_mail(
        &self,
        purpose: Purpose,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<Duration>, AuthError> {
        let attempt = Attempt {
            bucket: self.buckets.mail(purpose, user),
            limit: Limit {
                free: 1,
                first_delay: MAIL_PAUSE,
                longest_delay: MAIL_PAUSE,
                lock_after: None,
                forgetting: Forgetting::AllAfter(MAIL_PAUSE),
            },
        };
        Ok(match self.store.reserve(&[attempt], now).await? {
            Reserved::Granted(_) => None,
            Reserved::Refused { until, .. } => {
                Some(Duration::from_millis(u64::try_from(until.millis_since(now)).unwrap_or_default()))
            }
        })
    }

    /// It was right: the account's failures (or the device's, or the code's) are forgotten, the address gets its
    /// reservation back and keeps its failures. When the store fails here, the attempt stays counted, and that is all.
    pub(crate) async fn succeed(&self, admission: Admission) {
        let Some(own) = admission.own else { return };
        logged(self.store.clear(own).await);
        for reservation in admission.reservations.iter().filter(|reservation| reservation.bucket != own) {
            logged(self.store.refund(reservation).await);
        }
    }

    /// It was not decided: a 503 before the hash, or a right password whose second factor is still to come. What it
    /// reserved is taken back, and not more.
    pub(crate) async fn refund(&self, admission: Admission) {
        for reservation in &admission.reservations {
            logged(self.store.refund(reservation).await);
        }
    }

    /// Forgets the failures of the account with this address: it has a new password.
    pub(crate) async fn forgive(&self, email: &Email) {
        if self.limits.is_some() {
            logged(self.store.clear(self.buckets.account(email)).await);
        }
    }

    /// Forgets the wrong passwords that were given for the user without a session: there is a new one.
    pub(crate) async fn forgive_step_up(&self, user: &UserId) {
        if self.limits.is_some() {
            logged(self.store.clear(self.buckets.step_up(user.as_str().as_bytes())).await);
        }
    }

    /// Forgets the wrong codes of the user: the factor that they were tried for is gone.
    pub(crate) async fn forgive_codes(&self, user: &UserId) {
        if self.limits.is_some() {
            logged(self.store.clear(self.buckets.factor(user)).await);
        }
    }

    /// What the device keeps after a login, to be known by; `None` when the throttle is off.
    pub(crate) fn device_token(
        &self,
        admission: &Admission,
        email: &Email,
        owner: (&UserId, Epoch),
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> Option<DeviceToken> {
        self.limits?;
        let known = admission.device.map(|device| device.id);
        // Without random bytes there is no session either, so nobody misses it.
        self.device_key.make(known, email, owner, now, random).ok()
    }

    /// Removes counters that count for nothing any more.
    pub(crate) async fn prune(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.store.prune(now, limit).await
    }

    async fn reserve(&self, own: BucketKey, attempts: &[Attempt], now: Timestamp) -> Result<Admission, AuthError> {
        match self.store.reserve(attempts, now).await? {
            Reserved::Granted(reservations) => Ok(Admission { reservations, own: Some(own), device: None }),
            Reserved::Refused { until, limit } => Err(Throttled::new(limit.free, now, until).into()),
        }
    }
}

impl Admission {
    const fn uncounted() -> Self {
        Self { reservations: Vec::new(), own: None, device: None }
    }
}

/// Failures of one account, one device, one factor.
const fn in_a_row(free: u32) -> Limit {
    Limit {
        free,
        first_delay: FIRST_DELAY,
        longest_delay: LONGEST_DELAY,
        lock_after: Some(LOCK_AFTER),
        forgetting: Forgetting::AllAfter(REMEMBER),
    }
}

/// What comes from one address.
const fn of_address(free: u32) -> Limit {
    Limit { lock_after: None, forgetting: Forgetting::OneEvery(FORGIVE_ADDRESS), ..in_a_row(free) }
}

fn logged(settled: Result<(), StoreError>) {
    if let Err(error) = settled {
        tracing::warn!(target: "auth::throttle", %error, "an attempt stays counted as a failure");
    }
}

#[cfg(test)]
mod tests;
