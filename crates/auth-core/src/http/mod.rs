//! The upper storey: the wire, written once, in plain types, so that every framework answers byte for byte the same.
//!
//! An adapter hands over the head ([`RequestHead`]) and the body (a stream of chunks), calls [`Auth::handle`] or
//! [`Guard::check`], and sends the [`Reply`]. It needs no status, header or cookie name of its own.
//!
//! ```text
//!   route     handle ─ endpoint ─ body ─ exchange ─ (origin, cookie) ─ service … ─ render ─ Reply
//!   guard     check ─ credentials ─ service::verify (or Lookup::resolve) ─ origin ─ requirement ─ Verdict
//! ```
//!
//! [`Auth::handle`]: crate::Auth::handle

mod account;
mod body;
mod client;
mod cookie;
mod credentials;
mod date;
mod endpoint;
mod exchange;
mod guard;
mod handle;
mod head;
pub(crate) mod origin;
mod own;
mod problem;
mod query;
mod render;
mod reply;
mod requirement;
mod tfa;
mod tokens;

pub use endpoint::{Endpoint, Method, Route};
pub use guard::{Checked, Guard, Lookup, Passage, Verdict};
pub(crate) use handle::Wire;
pub use head::{HeaderLines, RequestHead};
pub use query::{QueryToken, StrippedQuery, strip_query_token};
pub use reply::{HeaderValue, Reply};
