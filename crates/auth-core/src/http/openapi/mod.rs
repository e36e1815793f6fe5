//! The routes, described as an OpenAPI 3.1 document: exactly those that are mounted.
//!
//! ```text
//!   Endpoint ─► operations   what it takes, what it gives, why it may refuse     one arm an endpoint, or it does not compile
//!                   │
//!                   ├─► schemas    bodies and answers
//!                   └─► refusals   rendered by `render.rs`, so that no status or code is written twice
//! ```

mod operation;
mod operations;
mod refusals;
mod schemas;

use utoipa::openapi::path::{HttpMethod, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, OpenApiBuilder, Paths, Server};

use super::endpoint::{Method, Route};
use super::reply::Reply;
use crate::auth::Auth;
use crate::config::{AuthConfig, TokenSources};

/// The names of the security schemes. With `Auth` before them, as the schemas: an app's own document may have others.
const BEARER: &str = "AuthBearer";
const QUERY: &str = "AuthQuery";
const SESSION: &str = "AuthSessionCookie";
const REFRESH: &str = "AuthRefreshCookie";

impl Auth {
    /// The OpenAPI 3.1 document of the routes that are mounted. `GET /auth/openapi.json` serves it when
    /// [`Endpoint::OpenApi`](super::Endpoint::OpenApi) is mounted.
    ///
    /// Paths are relative to where the routes are mounted; `nest` of an app's own document takes that prefix, and `merge`
    /// is for routes at the root. Names of schemas and security schemes begin with `Auth`.
    ///
    /// ```
    /// # use auth_core::{Auth, AuthConfig, store::memory::MemoryStore};
    /// use utoipa::openapi::{InfoBuilder, OpenApiBuilder};
    ///
    /// # let config = AuthConfig::new("3q2+7wAB-a-secret-of-32-bytes-or-more");
    /// let auth = Auth::builder(MemoryStore::new()).config(config).build()?;
    /// let own = OpenApiBuilder::new().info(InfoBuilder::new().title("shop").version("1.0.0")).build();
    /// let all = own.nest("/api", auth.openapi());
    /// assert!(all.paths.paths.contains_key("/api/auth/login"));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        let config = &self.inner.config;
        let mut paths = Paths::new();
        for route in self.routes() {
            describe(route, config, &mut paths);
        }
        let mut components = Components::new();
        components.schemas = schemas::components();
        for (name, scheme) in security_schemes(config) {
            components.security_schemes.insert(name.to_owned(), scheme.into());
        }
        OpenApiBuilder::new().info(info(config)).paths(paths).components(Some(components)).build()
    }

    pub(super) fn handle_openapi(&self) -> Reply {
        let written = self.inner.wire.description.get_or_init(|| {
            let mut document = self.openapi();
            // Relative to the document itself (OpenAPI 3.1, 4.8.5): the mount point, wherever that is.
            document.servers = Some(vec![Server::new("..")]);
            // Our own types: writing them to memory cannot fail.
            serde_json::to_vec(&document).unwrap_or_default()
        });
        Reply::written(200, written.clone())
    }
}

fn describe(route: &Route, config: &AuthConfig, paths: &mut Paths) {
    for endpoint in route.endpoints() {
        let operation = endpoint.describe(config).build(endpoint.method(), config);
        let method = match endpoint.method() {
            Method::Get => HttpMethod::Get,
            Method::Post => HttpMethod::Post,
            Method::Patch => HttpMethod::Patch,
            Method::Delete => HttpMethod::Delete,
        };
        let item = PathItem::new(method, operation);
        match paths.paths.get_mut(route.path()) {
            Some(others) => others.merge_operations(item),
            None => drop(paths.paths.insert(route.path().to_owned(), item)),
        }
    }
}

fn info(config: &AuthConfig) -> Info {
    let mut info = Info::new(format!("Authentication of {}", config.issuer), env!("CARGO_PKG_VERSION").to_owned());
    info.description = Some(
        "Login, refresh, logout and what belongs to them. Errors have one shape and a `code`; a method that a path does \
         not have gets 405 with `Allow`, and every GET answers HEAD too."
            .to_owned(),
    );
    info
}

fn security_schemes(config: &AuthConfig) -> Vec<(&'static str, SecurityScheme)> {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token. Sent in more than one place, a request is refused."))
        .build();
    let query = "An access token, for clients that cannot set headers. Answers carry `Cache-Control: private, no-store` \
                 and `Referrer-Policy: no-referrer`.";
    let session = "What a login in mode `session` sets. Other origins are refused.";
    let refresh = "What a login in mode `cookie` sets. Other origins are refused.";
    let cookie = |name, description: &str| {
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description::<String>(name, description.to_owned())))
    };
    let mut schemes = vec![
        (BEARER, SecurityScheme::Http(bearer)),
        (SESSION, cookie(config.session_cookie.full_name(), session)),
        (REFRESH, cookie(config.refresh_cookie.full_name(), refresh)),
    ];
    if config.token_sources == TokenSources::HeaderAndQuery {
        let query = ApiKey::Query(ApiKeyValue::with_description("access_token", query));
        schemes.push((QUERY, SecurityScheme::ApiKey(query)));
    }
    schemes
}

#[cfg(test)]
mod tests;
