//! `auth-core` for actix-web.
//!
//! * [`routes`] mounts login, refresh, logout and the rest; [`route`] one of another crate, such as `auth-graphql`.
//! * [`RequireAuth`] is a middleware that guards an app, a scope, a resource, or any other service.
//! * [`CurrentUser`] is the extractor for handlers behind it; `Option<CurrentUser>` where the guard only identifies.
//! * With feature `openapi` of `auth-core`, `Auth::openapi` describes what [`routes`] mounts, for a document of the app.
//! * [`StripQueryToken`], outermost, keeps tokens in query strings out of every log.
//!
//! ```
//! use actix_web::{App, Responder, web};
//! use auth_actix_web::{CurrentUser, RequireAuth};
//! use auth_core::{Auth, AuthConfig, store::memory::MemoryStore};
//!
//! async fn hello(user: CurrentUser) -> impl Responder {
//!     format!("hello {}", user.user())
//! }
//!
//! # fn main() -> Result<(), auth_core::ConfigError> {
//! let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
//! let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
//! let app = App::new()
//!     .configure(auth_actix_web::routes(&auth))
//!     .service(web::resource("/hello").wrap(RequireAuth::new(&auth)).get(hello));
//! # Ok(())
//! # }
//! ```
//!
//! Build [`Auth`](auth_core::Auth) once, outside the closure of `HttpServer::new`, and clone it into each worker.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod convert;
mod extract;
mod middleware;
mod routes;
mod strip;

pub use extract::{AuthRejection, CurrentUser};
pub use middleware::{RequireAuth, RequireAuthFuture, RequireAuthService};
pub use routes::{route, routes};
pub use strip::{StripQueryToken, StripQueryTokenService};
