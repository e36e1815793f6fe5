//! The upper storey: the wire, written once, in plain types, so that every framework answers byte for byte the same.
//!
//! An adapter hands over the head ([`RequestHead`]) and the body (a stream of chunks), calls [`Auth::handle`] or
//! [`Guard::check`], and sends the [`Reply`]. It needs no status, header or cookie name of its own.
//!
//! ```text
//!   route     handle ─ endpoint ─ body ─ exchange ─ (origin, cookie) ─ service … ─ render ─ Reply
//!   GraphQL   handle ─ dialect ─ caller ─ exchange … ─ Given | Refusal            (crate `auth-graphql`)
//!   page      handle ─ file ─ Reply                                               (crate `auth-console`)
//!   guard     check ─ credentials ─ service::verify (or Lookup::resolve) ─ origin ─ requirement ─ Verdict
//! ```
//!
//! [`Auth::handle`]: crate::Auth::handle

mod account;
mod admin;
mod body;
mod caller;
mod client;
mod cookie;
mod credentials;
mod dialect;
mod endpoint;
mod exchange;
mod file;
mod guard;
mod handle;
pub(crate) mod head;
mod listing;
#[cfg(feature = "openapi")]
mod openapi;
pub(crate) mod origin;
mod own;
mod problem;
mod query;
mod render;
mod reply;
mod requirement;
mod task;
mod tfa;
mod tokens;

pub use body::Fields;
pub use caller::Caller;
pub use dialect::Dialect;
pub use endpoint::{Endpoint, Method, Route};
pub use exchange::Given;
pub use file::{File, FileKind};
pub use guard::{Checked, Guard, Lookup, Passage, Verdict};
pub(crate) use handle::Wire;
pub use head::{HeaderLines, RequestHead};
pub use query::{QueryToken, StrippedQuery, strip_query_token};
pub use render::Refusal;
pub use reply::Reply;
pub use requirement::Requirement;
