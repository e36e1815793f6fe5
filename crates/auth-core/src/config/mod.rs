//! The configuration: every default with its reason, and every rule that [`AuthBuilder::build`] enforces.
//!
//! [`AuthBuilder::build`]: crate::AuthBuilder::build

mod audit;
mod check;
mod directus;
mod duration;
mod env;
mod proxies;
mod throttle;
mod tokens;

use std::time::Duration;

pub use audit::AuditTrail;
pub use check::ConfigError;
pub(crate) use check::check_ring;
pub use proxies::{AddressRange, InvalidRange};
pub use throttle::{LoginThrottle, ThrottleLimits, UnreadableThrottle};
pub use tokens::PersonalTokens;

use crate::id::Role;
use crate::mfa::MfaKey;
use crate::password::HashParams;
use crate::secret::SecretKey;
use crate::token::KeyRing;

/// How authentication behaves. Start from [`AuthConfig::new`] or [`AuthConfig::from_env`] and change fields.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Signs access tokens (HS256) unless there are [`signing_keys`](Self::signing_keys), and session cookies and links in
    /// mails; derives the keys of refresh tokens. At least 32 bytes, `SECRET`.
    pub secret: SecretKey,
    /// Signs access tokens in place of [`secret`](Self::secret): with public keys, other services can check them
    /// ([`Verifier`](crate::Verifier)) and not make any. Default none. `SIGNING_KEYS`, separated by commas, the first one
    /// signs: each `file:/path` of a file with PEM blocks or a JWK set, or the base64 of a key in DER, or `SECRET` for
    /// the secret, whose tokens then verify as well.
    pub signing_keys: Option<KeyRing>,
    /// How many access tokens each node remembers whose signature it verified with a public key: 0 (none) to 1,000,000.
    /// A look-up costs a fiftieth of such a signature. Default 10,000: some 5 MB when there are so many, and 20 MB at most.
    pub verified_tokens: usize,
    /// Claim `iss` of access tokens, checked on each. Default `auth`.
    pub issuer: String,
    /// Claim `aud` of access tokens: set on new ones and demanded of all when there is one. Default none.
    pub audience: Option<String>,
    /// The realm in `WWW-Authenticate`. Default `auth`.
    pub realm: String,
    /// How long an access token lives: 1 s to 24 h. Default 15 min, `ACCESS_TOKEN_TTL`. It is the time a stateless
    /// token goes on working after its session ended.
    pub access_token_ttl: Duration,
    /// How long a session lives without a refresh: up to a year. Default 7 d, `REFRESH_TOKEN_TTL`.
    pub refresh_token_ttl: Duration,
    /// How long a session lives at all: up to 10 years. Default 90 d, `REFRESH_ABSOLUTE_TTL`.
    pub absolute_ttl: Duration,
    /// How long a session cookie lives without a refresh. Default 1 d, `SESSION_COOKIE_TTL`.
    pub session_cookie_ttl: Duration,
    /// How many sessions of one user go on: 1 to 10,000. Default 100. Whoever signs in once more ends the one that was
    /// opened first, however lately it was used; what lists a user's sessions, or ends them all, does no more work than that.
    pub max_sessions_per_user: u64,
    /// How long the previous refresh token still gets the same successor, so that tabs and retries converge: 0 to 60 s.
    /// Default 10 s, `SESSION_REFRESH_GRACE_PERIOD`. Within it the current token is given back unchanged too, where
    /// RFC 9700 has a new one with every answer ([`Auth::refresh`](crate::Auth::refresh) says why). 0 is strict: every
    /// refresh rotates, and every second use ends the session.
    pub refresh_grace: Duration,
    /// By how much the clocks of issuer and verifier may differ: 0 to 60 s. Default 0.
    pub leeway: Duration,
    /// What else ends when a refresh token is used again after the grace. Default the one session.
    pub on_reuse: ReuseResponse,
    /// The refresh cookie. `REFRESH_TOKEN_COOKIE_*`.
    pub refresh_cookie: CookieConfig,
    /// The session cookie. `SESSION_COOKIE_*`.
    pub session_cookie: CookieConfig,
    /// The cookie by which a browser is known again, so that strangers who guess cannot lock its user out. It opens
    /// nothing, holds no secret, and stays for 180 days, also after a logout. `DEVICE_COOKIE_*`.
    pub device_cookie: CookieConfig,
    /// Allows cookies without `Secure`. `DANGER_INSECURE_COOKIES=1`.
    pub danger_insecure_cookies: bool,
    /// Whether `{"mode":"json"}` may take the token out of the refresh cookie into JSON, where scripts can read it.
    /// Default allowed for requests from the same origin, since the contract asks for it.
    pub cookie_to_json: CookieToJson,
    /// Where guards look for access tokens. Default header and query, since the contract asks for it.
    pub token_sources: TokenSources,
    /// Origins (`https://app.example.com`) whose pages may use cookies here, beside this host's own. `ALLOWED_ORIGINS`,
    /// separated by commas.
    pub allowed_origins: Vec<String>,
    /// Whether sibling hosts of this site may use cookies here. Default refused.
    pub same_site_requests: SameSiteRequests,
    /// Where clients reach this server, when a proxy rewrites `Host`, and with what the links in mails begin. `PUBLIC_URL`.
    pub public_url: Option<String>,
    /// The cost of new password hashes. Default OWASP's minimum, `HASH_MEMORY`, `HASH_TIME`, `HASH_PARALLELISM`.
    pub hash: HashParams,
    /// The highest cost accepted of stored hashes, and what an unknown user costs. At least `hash`; default the same.
    pub max_hash: HashParams,
    /// Hashing threads: 1 to 64. Default one per core. Each keeps up to `max_hash` of memory.
    pub hash_threads: usize,
    /// How many passwords may wait for a hashing thread: 1 to 65536. Default 64.
    pub hash_queue: usize,
    /// How many guesses are allowed. Default 5 for an account and 50 for an address, then ever longer waits.
    /// `LOGIN_THROTTLE`: `off`, or limits such as `account=5,address=50`.
    pub login_throttle: LoginThrottle,
    /// The proxies in front of this server, and nobody else. What they say of a client's address (`X-Forwarded-For`,
    /// `Forwarded`) is believed; of everybody else the socket's address counts. Default none. `TRUSTED_PROXIES`,
    /// separated by commas.
    pub trusted_proxies: Vec<AddressRange>,
    /// A floor for the time that a refused login and a request for a reset take. Default none, since every path does the
    /// same work.
    /// `LOGIN_STALL_TIME`, in milliseconds.
    pub login_stall: Duration,
    /// The shortest password that may be set, in code points: 8 to 64. Default 8, `PASSWORD_MIN_LENGTH`; 15 where the
    /// password is the only factor (NIST SP 800-63B-4).
    pub password_min_length: usize,
    /// Seal the secrets of second factors at rest: the first one seals, all of them open. To change keys, put a new one
    /// first; a factor is sealed again when its user next signs in with it. Default none: a key is derived from `secret`,
    /// and changing that then locks out everybody with a second factor. `MFA_KEYS`, separated by commas: each the base64
    /// of 32 bytes, or `file:/path` of a file with it.
    pub mfa_keys: Vec<MfaKey>,
    /// How many 30-second steps the clock of an authenticator app may be off, either way: 0 or 1. Default 1,
    /// `MFA_WINDOW`.
    pub mfa_window: u8,
    /// What an authenticator app calls this service: up to 64 bytes without a colon. Default `issuer`, `MFA_ISSUER`.
    pub mfa_issuer: Option<String>,
    /// Who must have a second factor. Default nobody, `MFA_REQUIRED`: `nobody`, `everybody`, or `roles:` and names that
    /// commas separate.
    ///
    /// Whoever must and has none still signs in, and gets tokens that open nothing but the routes to set one up,
    /// `GET /users/me`, refresh and logout.
    pub mfa_required: MfaRequired,
    /// How long after a login the second factor may be changed without the password: 0 to 24 h. Default 15 min.
    pub step_up_within: Duration,
    /// The lowest score of the estimator zxcvbn that a new password must have: 0 (anything) to 4 (some 10¹⁰ guesses).
    /// It looks at the first 32 characters. Default none. Needs the cargo feature `zxcvbn`. `PASSWORD_MIN_SCORE`.
    pub password_min_score: Option<u8>,
    /// Secrets that go into password hashes and are not in the database, current one first, each of at least 32 bytes.
    /// Hashes made without a pepper, or with a later one of the list, verify and are made again at the next login. Default
    /// none. `PASSWORD_PEPPER`, separated by commas. Whoever loses a pepper loses the passwords hashed with it.
    pub password_peppers: Vec<SecretKey>,
    /// How long the link in a mail for a new password works: 1 min to 1 h. Default 1 h, `PASSWORD_RESET_TTL`.
    pub password_reset_ttl: Duration,
    /// How long the link in a mail to a new user works: 1 min to 7 d. Default 1 d, `EMAIL_VERIFICATION_TTL`.
    pub email_verification_ttl: Duration,
    /// How long an invitation works: 1 min to 30 d. Default 7 d, `USER_INVITE_TTL`.
    pub invitation_ttl: Duration,
    /// Where links of password resets may lead, beside the default below `public_url`: whole URLs, compared exactly.
    /// Default none. `PASSWORD_RESET_URL_ALLOW_LIST`, separated by commas.
    pub password_reset_urls: Vec<String>,
    /// Where browsers may go after an address was confirmed. Default none. `USER_REGISTER_URL_ALLOW_LIST`.
    pub verification_urls: Vec<String>,
    /// Where links of invitations may lead. Default none. `USER_INVITE_URL_ALLOW_LIST`.
    pub invitation_urls: Vec<String>,
    /// How long a client may take to send a body. Default 10 s.
    pub body_timeout: Duration,
    /// Lets guards refuse access tokens of revoked sessions within a second (and the time of one statement), on every
    /// node, instead of when they expire. Default none. Needs
    /// [`Auth::spawn_maintenance`](crate::Auth::spawn_maintenance). A request that was let in goes on, also a stream or a
    /// WebSocket that stays open for hours: ask [`Auth::verify`](crate::Auth::verify) again there.
    pub revocation_feed: Option<RevocationFeed>,
    /// Lets users make access tokens for their programs: guards know these then, and `/auth/tokens` is mounted. Default
    /// none. `PERSONAL_TOKENS=1`.
    pub personal_tokens: Option<PersonalTokens>,
    /// Keeps events in the store, for [`Auth::events`](crate::Auth::events). Default none. `AUDIT_TRAIL=1`. Needs
    /// [`Auth::spawn_maintenance`](crate::Auth::spawn_maintenance).
    pub audit_trail: Option<AuditTrail>,
}

/// How guards learn of revoked sessions: each node asks the store, and keeps the answer in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationFeed {
    /// How often the store is asked: 10 ms to 60 s. Default 1 s.
    pub poll_every: Duration,
    /// How old an answer may be before `when_stale` applies: twice `poll_every` to a day. Default 60 s. Before the first
    /// answer guards serve nobody; that lasts no longer than this when they fail open.
    pub stale_after: Duration,
    /// What guards do when the store has not answered for longer. Default [`WhenStale::FailClosed`].
    pub when_stale: WhenStale,
}

impl Default for RevocationFeed {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_secs(1),
            stale_after: Duration::from_secs(60),
            when_stale: WhenStale::FailClosed,
        }
    }
}

/// What guards do with good access tokens when they cannot know whether these were revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenStale {
    /// Accept them until they expire, but for those known to be revoked.
    FailOpen,
    /// Answer 503 until the store is back.
    FailClosed,
}

/// One of our cookies.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CookieConfig {
    /// The name without prefix: `__Host-` goes before it when the cookie is `Secure` and has no domain.
    pub name: String,
    /// Sent over https (and to localhost) only. Default yes; `no` needs `danger_insecure_cookies`.
    pub secure: bool,
    /// Which requests of other sites carry it. Default [`SameSite::Lax`].
    pub same_site: SameSite,
    /// The domain whose hosts share it. Default this host alone.
    pub domain: Option<String>,
    /// Whether `__Host-` goes before the name. Default wherever browsers accept it.
    pub prefix: HostPrefix,
}

/// Whether browsers keep a cookie for the very host that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPrefix {
    /// `__Host-` before the name, unless the cookie has a domain or is not `Secure`.
    WherePossible,
    /// Never, for programs that know the cookie by its bare name. A sibling host can plant one of that name then, which
    /// keeps users out: two of a name are refused.
    DangerNever,
}

/// The `SameSite` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Only requests of this site.
    Strict,
    /// And links to it from elsewhere.
    Lax,
    /// All; needs `Secure`.
    None,
}

/// What ends when a refresh token is used again after the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseResponse {
    /// The session it belongs to.
    EndSession,
    /// Every session of the user.
    EndAllSessions,
}

/// Whether a token may go from the refresh cookie into a JSON answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieToJson {
    /// For requests that pass the same-origin check.
    SameOrigin,
    /// Never: 400, as Directus 11 answers.
    Refused,
}

/// Of whom a second factor is demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MfaRequired {
    /// Whoever wants one has one.
    Nobody,
    /// Of every user.
    Everybody,
    /// Of users with one of these roles.
    Roles(Vec<Role>),
}

impl MfaRequired {
    /// Whether it is demanded of a user with this role.
    pub(crate) fn includes(&self, role: Option<&Role>) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everybody => true,
            Self::Roles(roles) => role.is_some_and(|role| roles.contains(role)),
        }
    }
}

/// Where a guard looks for an access token, the session cookie aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSources {
    /// `Authorization` and `?access_token=`.
    HeaderAndQuery,
    /// `Authorization` alone, as RFC 9700 advises.
    HeaderOnly,
}

/// Whether requests that a browser calls `same-site` count as our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSiteRequests {
    /// They do not.
    Refused,
    /// They do.
    Allowed,
}

impl AuthConfig {
    /// Every default, and this secret.
    #[must_use]
    pub fn new(secret: impl Into<SecretKey>) -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            secret: secret.into(),
            signing_keys: None,
            verified_tokens: 10_000,
            issuer: "auth".to_owned(),
            audience: None,
            realm: "auth".to_owned(),
            access_token_ttl: Duration::from_secs(15 * MINUTE),
            refresh_token_ttl: Duration::from_secs(7 * DAY),
            absolute_ttl: Duration::from_secs(90 * DAY),
            session_cookie_ttl: Duration::from_secs(DAY),
            max_sessions_per_user: 100,
            refresh_grace: Duration::from_secs(10),
            leeway: Duration::ZERO,
            on_reuse: ReuseResponse::EndSession,
            refresh_cookie: CookieConfig::named("refresh_token"),
            session_cookie: CookieConfig::named("session_token"),
            device_cookie: CookieConfig::named("device"),
            danger_insecure_cookies: false,
            cookie_to_json: CookieToJson::SameOrigin,
            token_sources: TokenSources::HeaderAndQuery,
            allowed_origins: Vec::new(),
            same_site_requests: SameSiteRequests::Refused,
            public_url: None,
            hash: HashParams::RECOMMENDED,
            max_hash: HashParams::RECOMMENDED,
            hash_threads: std::thread::available_parallelism().map_or(1, usize::from).min(64),
            hash_queue: 64,
            login_throttle: LoginThrottle::default(),
            trusted_proxies: Vec::new(),
            login_stall: Duration::ZERO,
            password_min_length: 8,
            mfa_keys: Vec::new(),
            mfa_window: 1,
            mfa_issuer: None,
            mfa_required: MfaRequired::Nobody,
            step_up_within: Duration::from_secs(15 * MINUTE),
            password_min_score: None,
            password_peppers: Vec::new(),
            password_reset_ttl: Duration::from_secs(60 * MINUTE),
            email_verification_ttl: Duration::from_secs(DAY),
            invitation_ttl: Duration::from_secs(7 * DAY),
            password_reset_urls: Vec::new(),
            verification_urls: Vec::new(),
            invitation_urls: Vec::new(),
            body_timeout: Duration::from_secs(10),
            revocation_feed: None,
            personal_tokens: None,
            audit_trail: None,
        }
    }

    /// Every strict choice in one line: tokens from the header only, none from cookie to JSON, theft ends all sessions
    /// of the user, passwords of at least 15 characters, `SameSite=Strict`.
    #[must_use]
    pub fn hardened(mut self) -> Self {
        self.token_sources = TokenSources::HeaderOnly;
        self.cookie_to_json = CookieToJson::Refused;
        self.on_reuse = ReuseResponse::EndAllSessions;
        self.password_min_length = self.password_min_length.max(15);
        for cookie in [&mut self.refresh_cookie, &mut self.session_cookie, &mut self.device_cookie] {
            cookie.secure = true;
            cookie.same_site = SameSite::Strict;
            cookie.domain = None;
            cookie.prefix = HostPrefix::WherePossible;
        }
        self.danger_insecure_cookies = false;
        self
    }
}

impl CookieConfig {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            secure: true,
            same_site: SameSite::Lax,
            domain: None,
            prefix: HostPrefix::WherePossible,
        }
    }

    /// The name on the wire.
    pub(crate) fn full_name(&self) -> String {
        let has_prefix = self.secure && self.domain.is_none() && self.prefix == HostPrefix::WherePossible;
        if has_prefix { format!("__Host-{}", self.name) } else { self.name.clone() }
    }
}
