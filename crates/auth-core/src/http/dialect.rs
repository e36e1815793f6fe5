//! Languages other than REST for the same operations.

use super::caller::Caller;
use super::reply::Reply;

/// A language at a path of its own, as a crate beside this one speaks it: see [`Route::new`](super::Route::new).
///
/// Method, content type, size and time of the body are checked before it is asked; what it answers comes from the
/// [`Caller`].
#[async_trait::async_trait]
pub trait Dialect: Send + Sync + 'static {
    /// The longest body, in bytes.
    fn body_limit(&self) -> usize;

    /// Answers a POST. `body` is the text of a JSON object without duplicate keys, or empty.
    async fn answer(&self, caller: Caller, body: &[u8]) -> Reply;
}
