//! `auth-core` for axum, and for every other tower stack.
//!
//! * [`routes`] mounts login, refresh, logout and the rest; [`route`] one of another crate, such as `auth-graphql`.
//! * [`RequireAuth`] is a [`Layer`](tower_layer::Layer) that guards a router, a route, or any other service of
//!   `http::Request`s.
//! * [`CurrentUser`] is the extractor for handlers behind it; `Option<CurrentUser>` where the guard only identifies.
//! * With feature `openapi` of `auth-core`, `Auth::openapi` describes what [`routes`] mounts, for a document of the app.
//! * [`StripQueryToken`], outermost, keeps tokens in query strings out of every log.
//!
//! ```
//! use auth_axum::{CurrentUser, RequireAuth};
//! use auth_core::{Auth, AuthConfig, store::memory::MemoryStore};
//! use axum::{Router, routing::get};
//!
//! # fn app() -> Result<Router, auth_core::ConfigError> {
//! let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
//! let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
//! let app = Router::new()
//!     .route("/hello", get(|user: CurrentUser| async move { format!("hello {}", user.user()) }))
//!     .route_layer(RequireAuth::new(&auth))
//!     .merge(auth_axum::routes(&auth));
//! # Ok(app)
//! # }
//! # app().expect("builds");
//! ```
//!
//! Use `route_layer`: `layer` also wraps the answer to unknown paths, and turns 404 into 401.
//!
//! The address of the client is known when the server is started with `into_make_service_with_connect_info`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod convert;
mod extract;
mod layer;
mod routes;
mod strip;

pub use extract::{AuthRejection, CurrentUser};
pub use layer::{GuardedBody, RequireAuth, RequireAuthFuture, RequireAuthService};
pub use routes::{route, routes};
pub use strip::{StripQueryToken, StripQueryTokenService};
