//! The configuration: every default with its reason, and every rule that [`AuthBuilder::build`] enforces.
//!
//! [`AuthBuilder::build`]: crate::AuthBuilder::build

mod check;
mod duration;
mod env;

use std::time::Duration;

pub use check::ConfigError;

use crate::password::HashParams;
use crate::secret::SecretKey;

/// How authentication behaves. Start from [`AuthConfig::new`] or [`AuthConfig::from_env`] and change fields.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Signs access tokens (HS256) and derives the keys of refresh tokens. At least 32 bytes, `SECRET`.
    pub secret: SecretKey,
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
    /// A floor for the time a refused login takes. Default none, since every path does the same work.
    /// `LOGIN_STALL_TIME`, in milliseconds.
    pub login_stall: Duration,
    /// The shortest password that may be set, in code points: 8 to 64. Default 8, `PASSWORD_MIN_LENGTH`; 15 where the
    /// password is the only factor (NIST SP 800-63B-4).
    pub password_min_length: usize,
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
    /// Lets guards refuse access tokens of revoked sessions within a second, on every node, instead of when they expire.
    /// Default none. Needs [`Auth::spawn_maintenance`](crate::Auth::spawn_maintenance).
    pub revocation_feed: Option<RevocationFeed>,
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

/// One of the two cookies.
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
            issuer: "auth".to_owned(),
            audience: None,
            realm: "auth".to_owned(),
            access_token_ttl: Duration::from_secs(15 * MINUTE),
            refresh_token_ttl: Duration::from_secs(7 * DAY),
            absolute_ttl: Duration::from_secs(90 * DAY),
            session_cookie_ttl: Duration::from_secs(DAY),
            refresh_grace: Duration::from_secs(10),
            leeway: Duration::ZERO,
            on_reuse: ReuseResponse::EndSession,
            refresh_cookie: CookieConfig::named("refresh_token"),
            session_cookie: CookieConfig::named("session_token"),
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
            login_stall: Duration::ZERO,
            password_min_length: 8,
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
        for cookie in [&mut self.refresh_cookie, &mut self.session_cookie] {
            cookie.secure = true;
            cookie.same_site = SameSite::Strict;
            cookie.domain = None;
        }
        self.danger_insecure_cookies = false;
        self
    }
}

impl CookieConfig {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), secure: true, same_site: SameSite::Lax, domain: None }
    }

    /// The name on the wire.
    pub(crate) fn full_name(&self) -> String {
        if self.secure && self.domain.is_none() { format!("__Host-{}", self.name) } else { self.name.clone() }
    }
}
