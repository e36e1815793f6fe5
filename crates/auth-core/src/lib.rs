//! Authentication for Rust web servers, without a web framework or a database.

mod auth;
mod client;
mod clock;
mod config;
mod email;
mod error;
mod event;
mod hooks;
pub mod http;
mod id;
mod password;
mod rng;
mod secret;
mod service;
mod session;
pub mod store;
mod text;
mod token;

pub use auth::{Auth, AuthBuilder};
pub use client::ClientInfo;
pub use clock::{Clock, SystemClock, Timestamp};
pub use config::{
    AuthConfig, ConfigError, CookieConfig, CookieToJson, ReuseResponse, SameSite, SameSiteRequests, TokenSources,
};
pub use email::{Email, InvalidEmail};
pub use error::{AuthError, ErrorKind};
pub use event::{AuthEvent, EventKind, EventSink, TracingEvents};
pub use hooks::ClaimsHook;
pub use id::{InvalidSessionId, Role, SessionId, TextTooLong, UserId};
pub use password::{HashParams, InvalidHashParams, PasswordHash};
pub use rng::{RandomError, SecureRandom, SystemRandom};
pub use secret::{AccessToken, Password, RefreshToken, SecretKey, SessionToken};
pub use service::{Grant, LoginRequest, NewUser, Tokens, UserUpdate};
pub use token::Identity;
