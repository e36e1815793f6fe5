//! The HTTP contract, executable: cases that speak to a running server over a real socket.
//!
//! ```text
//!   your test                    this module                          your server
//!   ─────────                    ───────────                          ───────────
//!   for case in ALL {
//!     store, clock  ─ seed() ─►  Accounts
//!     server        ◄──────────  case.variant.config()
//!     Subject::new(addr, …)
//!     (case.run)(&subject)  ──►  one promise, checked by requests ──► TCP
//!     subject.transcript()  ◄──  what was seen, without chance
//!   }
//! ```
//!
//! Each case wants a server and a store of its own: it moves the clock and changes users. The transcripts of one case
//! on two servers must be equal byte for byte; [`Subject::transcript`] says what is replaced and left out.
//!
//! # What the server must be
//!
//! * [`Variant::config`] as configuration, [`Variant::endpoints`] mounted too, the [`ManualClock`](crate::ManualClock) as clock, a store filled by [`seed`], and
//!   a [`MemoryMailer`](crate::mail::MemoryMailer) that the subject knows;
//! * the auth routes at the prefix, nested or scoped, and `auth_graphql::GraphQl::system()` beside them;
//! * at the root, at `/graphql`, a schema into which `AuthQuery` and `AuthMutation` are merged, with the queries `open`,
//!   `guarded` (the user's id), `optional` (the id or null), and `signed_in`, `admin`, `editor`, `fresh`, `mfa`, `login_only`,
//!   guarded as below, `any_scope` behind a guard for any scope, and the guarded mutation `write`. Three more give the id:
//!   `scoped` and `scoped_strict` behind a guard for scope `notes:read`, by `CurrentUser::with` any scope and by
//!   `CurrentUser::of`; and `reader`, by `CurrentUser::with` that scope, without a guard;
//! * beside them, at the root, for **any** method:
//!
//! | path | guard | answer |
//! |---|---|---|
//! | `/open` | none | 200, text `open` |
//! | `/guarded` | an identity is required | 200, the JSON below |
//! | `/optional` | identifies and demands nothing | 200, the JSON below |
//! | `/admin` | admin access | 200, the JSON below |
//! | `/editor` | role `editor` | 200, the JSON below |
//! | `/header-only` | an identity, tokens from the header alone | 200, the JSON below |
//! | `/closure` | a closure: no admin access | 200, the JSON below |
//! | `/fresh` | a login within five minutes | 200, the JSON below |
//! | `/mfa` | a second factor | 200, the JSON below |
//! | `/scoped` | scope `notes:read` | 200, the JSON below |
//! | `/login-only` | a login, whatever the scopes | 200, the JSON below |
//! | `/payments` | role `editor`, a second factor, a login within five minutes | 200, the JSON below |
//!
//! `{"user":<id or null>,"role":<name or null>,"admin":<bool>,"session":<id or null>,"uri":"<path?query>"}`, with
//! `Content-Type: application/json` and the members in this order; `uri` is what the handler itself sees.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a case is a test: it panics to fail, and says what it saw"
)]

mod accounts;
mod authenticator;
pub mod cases;
mod client;
mod expect;
pub mod forge;
mod graphql;
mod response;
mod secrets;
mod subject;
mod transcript;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use auth_core::http::Endpoint;
use auth_core::{AuditTrail, AuthConfig, HashParams, LoginThrottle, MfaRequired, PersonalTokens, Role, ThrottleLimits};

pub use accounts::{Account, Accounts, seed};
pub use authenticator::{Authenticator, PERIOD};
pub use cases::ALL;
pub use client::Request;
pub use expect::Refusal;
pub use graphql::{Form, Verdict, operation};
pub use response::{Response, SetCookie};
pub use subject::{Enrolled, Exchange, Subject, Tokens};

/// The HS256 secret of every variant.
pub const SECRET: &str = "Zk3vQ9xT1mB7nR5cW8yL2pH6sD4fG0jA-contract";

/// The issuer of every variant.
pub const ISSUER: &str = "auth";

/// The realm of every variant.
pub const REALM: &str = "auth";

/// The name of the refresh cookie.
pub const REFRESH_COOKIE: &str = "__Host-refresh_token";

/// The name of the session cookie.
pub const SESSION_COOKIE: &str = "__Host-session_token";

/// The name of the device cookie.
pub const DEVICE_COOKIE: &str = "__Host-device";

/// How many failures an address has free in [`Variant::Tight`] and [`Variant::Proxied`].
pub const ADDRESS_LIMIT: u32 = 12;

/// How many personal access tokens a user may have in [`Variant::PersonalTokens`].
pub const MOST_TOKENS: u64 = 3;

/// The one origin on the allow list.
pub const ALLOWED_ORIGIN: &str = "https://app.example.com";

/// One promise.
#[derive(Clone, Copy)]
pub struct Case {
    /// `topic::name`.
    pub name: &'static str,
    /// The configuration it is for.
    pub variant: Variant,
    /// Checks it, and panics when it is broken.
    pub run: for<'a> fn(&'a Subject) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.variant)
    }
}

/// Where clients reach the server, in every variant: links in mails begin with it.
pub const PUBLIC_URL: &str = "https://auth.example.com/base";

/// The one URL that links for a new password may lead to, beside the default.
pub const RESET_URL: &str = "https://app.example.com/reset";

/// The one URL to which a browser goes after an address was confirmed.
pub const VERIFIED_URL: &str = "https://app.example.com/welcome";

/// The one URL that links of invitations may lead to, beside the default.
pub const INVITE_URL: &str = "https://app.example.com/join";

/// Which configuration a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// [`AuthConfig::new`].
    Default,
    /// [`AuthConfig::hardened`].
    Hardened,
    /// No grace: every second use of a refresh token ends the session.
    StrictGrace,
    /// One hashing thread with a queue of one, and no throttle.
    Crowded,
    /// No throttle, for cases that guess a lot.
    Unthrottled,
    /// No more than [`ADDRESS_LIMIT`] failures from one address.
    Tight,
    /// The same, and the servers of this machine are trusted proxies.
    Proxied,
    /// A second factor is demanded of role `editor`.
    MfaRequired,
    /// Only the code of the current step counts, and every change of the second factor needs the password.
    MfaStrict,
    /// With the routes that let new users in. Not for users in a table of the app.
    Registering,
    /// And with the routes of admins. Not for users in a table of the app either.
    Administering,
    /// Users may make [`MOST_TOKENS`] access tokens each.
    PersonalTokens,
    /// [`AuthConfig::directus`].
    Directus,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 13] = [
        Self::Default,
        Self::Hardened,
        Self::StrictGrace,
        Self::Crowded,
        Self::Unthrottled,
        Self::Tight,
        Self::Proxied,
        Self::MfaRequired,
        Self::MfaStrict,
        Self::Registering,
        Self::Administering,
        Self::PersonalTokens,
        Self::Directus,
    ];

    /// What is mounted beside the routes that always are: for [`AuthBuilder::with`](auth_core::AuthBuilder::with).
    #[must_use]
    pub const fn endpoints(self) -> &'static [Endpoint] {
        match self {
            Self::Registering => &[
                Endpoint::Register,
                Endpoint::VerifyEmail,
                Endpoint::Invite,
                Endpoint::AcceptInvitation,
                Endpoint::OpenApi,
            ],
            // In no order that would be of use: `{id}` before names.
            Self::Administering => &[
                Endpoint::Users,
                Endpoint::CreateUser,
                Endpoint::User,
                Endpoint::UpdateUser,
                Endpoint::DeleteUser,
                Endpoint::InviteAgain,
                Endpoint::ResetUserFactor,
                Endpoint::Events,
                Endpoint::Health,
                Endpoint::Register,
                Endpoint::VerifyEmail,
                Endpoint::Invite,
                Endpoint::AcceptInvitation,
                Endpoint::OpenApi,
            ],
            _ => &[Endpoint::OpenApi],
        }
    }

    /// The configuration.
    #[must_use]
    ///
    /// # Panics
    /// Never: what it parses is fixed.
    pub fn config(self) -> AuthConfig {
        let mut config = if self == Self::Directus { AuthConfig::directus(SECRET) } else { AuthConfig::new(SECRET) };
        config.realm = REALM.to_owned();
        config.allowed_origins = vec![ALLOWED_ORIGIN.to_owned()];
        // Cheap hashes, also where dearer ones are accepted.
        config.hash = HashParams::RECOMMENDED;
        config.public_url = Some(PUBLIC_URL.to_owned());
        config.verification_urls = vec![VERIFIED_URL.to_owned()];
        config.invitation_urls = vec![INVITE_URL.to_owned()];
        config.password_reset_urls = vec![RESET_URL.to_owned()];
        match self {
            Self::Default | Self::Registering | Self::Directus => config,
            Self::Administering => {
                config.audit_trail = Some(AuditTrail::default());
                config
            }
            Self::PersonalTokens => {
                let mut tokens = PersonalTokens::default();
                tokens.max_per_user = MOST_TOKENS;
                config.personal_tokens = Some(tokens);
                config
            }
            Self::Hardened => config.hardened(),
            Self::StrictGrace => {
                config.refresh_grace = Duration::ZERO;
                config
            }
            Self::Crowded => {
                config.hash_threads = 1;
                config.hash_queue = 1;
                config.login_throttle = LoginThrottle::Off;
                config
            }
            Self::Unthrottled => {
                config.login_throttle = LoginThrottle::Off;
                config
            }
            Self::Tight => {
                config.login_throttle = tight();
                config
            }
            Self::Proxied => {
                config.login_throttle = tight();
                config.trusted_proxies = ["127.0.0.0/8", "::1"].map(|range| range.parse().expect("a range")).to_vec();
                config
            }
            Self::MfaRequired => {
                config.mfa_required = MfaRequired::Roles(vec![Role::new("editor").expect("is short")]);
                config
            }
            Self::MfaStrict => {
                config.mfa_window = 0;
                config.step_up_within = Duration::ZERO;
                config
            }
        }
    }
}

fn tight() -> LoginThrottle {
    let mut limits = ThrottleLimits::default();
    limits.address = ADDRESS_LIMIT;
    LoginThrottle::Limits(limits)
}
