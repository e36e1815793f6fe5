//! `auth-core` in GraphQL, for [`async_graphql`]: login, refresh and logout as fields, the current user in resolvers, and
//! guards on fields.
//!
//! * [`GraphQl::system`] is `/graphql/system`, ready-made.
//! * [`AuthMutation`] and [`AuthQuery`] merge into a schema of yours, which [`GraphQl::new`] puts at a path.
//! * [`RequireAuth`] guards a field; [`CurrentUser`] says in a resolver who is asking.
//!
//! ```
//! use async_graphql::{Context, EmptySubscription, MergedObject, Object, Result, Schema};
//! use auth_core::http::Route;
//! use auth_graphql::{AuthMutation, AuthQuery, CurrentUser, GraphQl, RequireAuth};
//!
//! #[derive(Default)]
//! struct Notes;
//!
//! #[Object]
//! impl Notes {
//!     async fn hello(&self, context: &Context<'_>) -> Result<String> {
//!         Ok(format!("hello {}", CurrentUser::of(context).await?.user()))
//!     }
//!
//!     #[graphql(guard = "RequireAuth::new().role(\"editor\").mfa()")]
//!     async fn drafts(&self) -> u32 {
//!         3
//!     }
//! }
//!
//! #[derive(MergedObject, Default)]
//! struct Query(Notes, AuthQuery);
//!
//! #[derive(MergedObject, Default)]
//! struct Mutation(AuthMutation);
//!
//! let schema = Schema::new(Query::default(), Mutation::default(), EmptySubscription);
//! let route: Route = GraphQl::new("/graphql", schema).into();
//! // Router::new().merge(auth_axum::route(&auth, route))
//! // App::new().configure(auth_actix_web::route(&auth, route))
//! # assert_eq!(route.path(), "/graphql");
//! ```
//!
//! Everything is decided where REST has it decided: modes, cookies, origins, throttling and the words of refusals. What is
//! refused in a field has HTTP status 200 and the same code in `errors[].extensions.code`; what is no valid GraphQL, or
//! asks for more than the [`Limits`], is 400 `GRAPHQL_VALIDATION`, and nothing of it is done. Requests are POSTs of JSON,
//! one operation each: no GET, no batches, no uploads, and `auth_login` once.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod conflicts;
mod context;
mod endpoint;
mod limits;
mod nesting;
mod operations;
mod types;

#[cfg(test)]
mod tests;

pub use context::{CurrentUser, RequireAuth};
pub use endpoint::{GraphQl, SystemMutation, SystemQuery, SystemSchema};
pub use limits::{Introspection, Limits};
pub use operations::{AuthMutation, AuthQuery};
pub use types::{AuthMode, AuthTokens, AuthUser, BigInt, NewTfa};
