//! Authentication for Rust web servers, without a web framework or a database: login with a password, short-lived JWT
//! access tokens, refresh tokens that rotate, sessions, and guards. The wire is that of Directus.
//!
//! Most programs use it through `auth-axum` or `auth-actix-web`, with `auth-sea-orm` as the store.
//!
//! ```
//! use auth_core::store::memory::MemoryStore;
//! use auth_core::{Auth, AuthConfig, ClientInfo, Email, LoginRequest, NewUser, Password};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
//! let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
//!
//! let email = Email::parse("ada@example.com")?;
//! let user = auth.create_user(NewUser::new(email.clone(), Password::new("correct horse"))).await?;
//!
//! let login = LoginRequest::new(email, Password::new("correct horse"));
//! let tokens = auth.login(login, &ClientInfo::default()).await?;
//! let auth_core::Grant::Pair { access, .. } = tokens.grant else { unreachable!("a login in JSON mode") };
//! assert_eq!(auth.verify(access.expose_secret())?.user(), &user);
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Two storeys
//!
//! ```text
//!   axum app    actix-web app            your handlers, command lines, tests
//!      │              │                              │
//!  auth-axum   auth-actix-web                        │
//!      └──────┬───────┘                              │
//!             ▼                                      ▼
//!   http   Auth::handle, Guard::check  ────►  Auth::login, refresh, logout, verify, …
//!          the wire, once                     typed operations
//!                                                    │
//!   pure   token (sign, verify) · session (codec, ratchet, state machine) · password (hash, pool)
//!                                                    │
//!   store  SessionStore · UserStore · FactorStore · TokenStore   ◄── auth-sea-orm, memory
//!          ThrottleStore · EventStore · UserDirectory
//! ```
//!
//! # What one request does
//!
//! ```text
//!   login    body ─► door (429) ─► user ─► hash in the pool (a dummy if there is no user) ─► open ─► no more than 100 ─► sign
//!   refresh  codec ─► load ─► state machine ─► rotate ─► sign                          two statements
//!   guard    header | query ─► signature ─► claims ─► revoked? ─► requirement        no statement, no await
//!            session cookie ─► HMAC ─► load ─► state machine ─► requirement              one statement
//!            token that is no JWT ─► checksum ─► load ─► epoch, expiry, status ─► requirement     one statement
//! ```
//!
//! # Threats, and the tests that try them
//!
//! Ids are those of the requirements; `contract` stands for the cases of `auth-testkit` that run on both frameworks and
//! every store, `store` for its store suite, the rest are unit tests here or suites in the `tests` package.
//!
//! | threat | answer | tried by |
//! |---|---|---|
//! | a stolen refresh token is used beside its owner | rotation; the second use after the grace ends the session | `r1_`, `r2_` in contract |
//! | two tabs refresh at once; an answer is lost | one rotation, one successor for all within the grace | `r3_`, `r4_` in contract, store, `service` and `races`; every interleaving in `session/model` (`i1_` to `i9_`), scripts on every store in `machine` (`i10_`) |
//! | the server is killed between commit and reply | the retry gets the same successor | `f1_` in `crash` |
//! | a clock is set | expiry never goes back; a large step ends nothing | `f5_` in `clock`, contract |
//! | a session is kept alive for ever | idle and absolute expiry, on every token | `r5_` |
//! | the database is read | hashes and a salt only; successors need a key that is not in it | `r6_` in `session`, `service` |
//! | damage or guessing ends sessions of others | checksum, and a family secret of 128 bits | `r7_` in contract and `machine` |
//! | a suspended, demoted or removed user goes on | epoch and status on each refresh and session cookie | `r8_` in contract, `r9_` in store, `races` and `users_elsewhere` |
//! | an access token outlives its session | optional `RevocationFeed`: refused on every node within a second | `r8_` in `revocation` and store |
//! | session fixation | a new session at each login, the presented one ends | `r10_` in contract |
//! | a captured session cookie outlives the logout | the row is read on every request | `r11_` in contract |
//! | a token for a program leaks, or is used to take over its user | 160 random bits, hashed, with a checksum for scanners; read on every request, ended with the credentials; limited to scopes, never a login | `personal_tokens` in contract, store and tests |
//! | `alg` games, forged headers, odd encodings | header compared as bytes, each key for one algorithm, no RSA of ours | `j1_` to `j5_`, `j13_`, with vectors of Wycheproof and the RFCs, and `fuzz` |
//! | a key leaks, or is due to be replaced | a ring of keys that is swapped while requests run; what is taken out stops at once, what was remembered with it | `j11_` in `token` and `keys` |
//! | whoever publishes keys is down, slow, huge or hostile; tokens name keys that nobody has | bounded answers, no redirect, old keys for a day at most, one question in ten seconds, none for what is no name | `j4_`, `j11_` in `verifier` |
//! | missing, wrong or overflowing claims | each of its exact type, `exp` demanded, issuer and audience checked | `j6_`, `j7_`, `j10_` |
//! | one kind of token for another | `typ` and claims differ; the session token from its cookie alone | `j8_` |
//! | a weak or well-known secret | `build()` refuses it | `j9_` |
//! | huge, deep or doubled JSON and GraphQL | size and nesting first, then exact parsing, fragments weighed once | `j12_`, `g10_`, `e2_` |
//! | tokens in two places, malformed schemes | 400; never falls back to a weaker source | `b1_`, `b3_` |
//! | tokens in logs, `Referer` and caches | stripped from URIs, redacted types, `no-store` | `b4_`, `b5_`, `b6_` |
//! | errors that tell | one shape, a code, no detail | `b2_`, `b7_` |
//! | cookies read by scripts, tossed, or sent along by other sites | `__Host-`, HttpOnly, Secure, refused twice, origin checked | `c1_` to `c8_` |
//! | password guessing after a leak | Argon2id, rehash, every byte counts, bounded parameters | `p1_`, `p3_`, `p6_`, `p7_` |
//! | which addresses have accounts | the same work and the same answer for all | `g4_`, `g5_` in contract, `timing` and `users_elsewhere` |
//! | logins that exhaust memory or stall the server | threads of their own, a bounded queue, 503 beyond | `g8_` |
//! | sessions pile up; users cannot end them | `Auth::spawn_maintenance` in batches; 100 of a user go on, so that to end them all is never too much; listed and ended by their owner | `f6_`, `no_more_sessions_…` in `service`, `end_beyond_…` in store, `r12_` in contract |
//! | addresses that look or fold alike | one canonical form, compared bytewise | `e1_` |
//! | the database is down | 503, nothing issued, no cookie cleared, back within two seconds | `f2_` in `service`, `outage` and `revocation` |
//! | passwords and codes are guessed | counted before the work, by account and client address, on every node: delays to 15 min, then known devices only; one login a GraphQL request | `g1_`, `g2_`, `g6_`, `g11_` in `throttle`, contract and store |
//! | a stranger's guesses lock the owner out | a known device has a counter of its own, and so has a session; a reset clears the account's, and that of codes goes with the factor | `g3_`, `g6_` |
//! | made-up client addresses | the rightmost hop that no trusted proxy added | `g7_` |
//! | a code is used twice | compare-and-set on the step, and on each recovery code | `m1_`, `m2_`, `m6_`, `m7_` in contract, store and `second_factor` |
//! | a second factor is read from the database, or set up by a thief | sealed under keys that are not in it; the pending secret of one session, and the password | `m3_`, `m4_` |
//! | a way around the second factor | asked in every mode; enrolment tokens open enrolment alone; a login dies with the credentials it checked | `m5_`, `m8_`, `j8_` |
//! | common passwords, and those that name their user | a list of 6,000, the address, the service | `p2_`, `p5_` |
//! | an open session is used to change the password | the current one is asked, and every other session ends | `p8_`, `r9_` |
//! | reset links are guessed, used twice, old, or lead elsewhere | signed for one purpose and one epoch; the base from the configuration; mail to the stored address | `s2_` to `s5_`, `j8_` |
//! | a token for one program is used at another with the same secret | tokens of Directus with `scope`, `share`, `session` or without `id` are refused; enrolment tokens carry no rights | `j7_` in contract and `directus` |
//! | a user is changed where we are not told | seen at the next login, refresh or session cookie, and every session ends | `r9_` in `directus` |
//! | an admin sets a password, or is the last one to go | the user chooses it by a link; the last admin stays, however many changes meet | `p9_`, `of_admins_…` in contract and store |
//! | a list of users as a way in | a few filters by equality, a prefix without wildcards, bounded pages | `hostile_…` in contract, `a_search_has_no_wildcards` in store |
//! | nobody knows afterwards what happened | an audit trail, written beside the requests, with losses counted | `service/trail`, `events` in contract and store |
//! | a reset tells who has an account, or floods a mailbox | the work begins after the answer; a pause for each user, on all nodes together | `s1_` in `timing`, `s6_` |
//! | registrations without end; one of a stranger before the owner's | counted by client address before the hash; each voids the link before it at once, also while its mail waits | `g1_registrations_…`, `s2_a_link_is_void_…` in contract, `s2_` in `mail` |
//!
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod client;
mod clock;
mod config;
mod date;
mod email;
mod error;
mod event;
mod hooks;
pub mod http;
mod id;
pub mod mail;
mod measure;
mod mfa;
mod password;
mod revocation;
mod rng;
mod secret;
mod service;
mod session;
pub mod store;
mod text;
mod throttle;
mod token;
#[cfg(test)]
mod vectors;
mod verifier;

pub use auth::{Auth, AuthBuilder};
pub use client::ClientInfo;
pub use clock::{Clock, SystemClock, Timestamp};
pub use config::{
    AddressRange, AuditTrail, AuthConfig, ConfigError, CookieConfig, CookieToJson, HostPrefix, InvalidRange,
    LoginThrottle, MfaRequired, PersonalTokens, ReuseResponse, RevocationFeed, SameSite, SameSiteRequests,
    ThrottleLimits, TokenSources, UnreadableThrottle, WhenStale,
};
pub use email::{Email, EmailPrefix, InvalidEmail};
pub use error::{AuthError, ErrorKind};
pub use event::{
    AdminAction, AdminRefusal, AuthEvent, EventDetails, EventKind, EventName, EventSink, Outcome, TracingEvents,
    UserFields,
};
pub use hooks::{ClaimsHook, OpaqueTokens, ResolvedToken};
pub use id::{
    EventId, InvalidEventId, InvalidSessionId, InvalidText, InvalidTokenId, Role, SessionId, TokenId, UserId,
};
pub use mfa::{FactorSealer, InvalidMfaKey, InvalidTotpSecret, MfaKey, OtpauthUrl, QrSvg, RecoveryCode, TotpSecret};
pub use password::{HashParams, InvalidHashParams, PasswordHash, PasswordProblem, UnusableHash};
pub use rng::{RandomError, SecureRandom, SystemRandom};
pub use secret::{
    AccessToken, DeviceToken, OneTimePassword, OpaqueToken, Password, RefreshToken, SecretKey, SessionToken,
};
pub use service::{
    AccountChange, Admin, EnableFactor, FactorProof, Grant, LoginRequest, NewAccount, NewFactor, NewPersonalToken,
    NewUser, OwnSession, PasswordChange, PersonalToken, Tokens, UserUpdate,
};
pub use token::{
    Identity, InvalidKey, InvalidScopes, InvalidTokenName, KeyAlgorithm, KeyPem, KeyRing, TokenKey, TokenName,
    TokenScopes,
};
#[cfg(feature = "jwks-client")]
pub use verifier::{InvalidJwksUrl, JwksUrl};
pub use verifier::{KeySource, Verifier, VerifierBuilder};
