//! What a verification takes from the heap: nothing. The identity is inline; only the claims of an app, which may be of
//! any size, are kept in one block.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use auth_core::http::{HeaderLines, RequestHead, Verdict};
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, RevocationFeed};
use auth_tests::tokens::{SECRET, Shape, bearer, token};

struct Lines<'a>(&'a [(&'a str, &'a str)]);

impl HeaderLines for Lines<'_> {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        self.0.iter().filter(|(key, _)| *key == name).for_each(|(_, value)| line(value.as_bytes()));
    }
}

/// Blocks asked for on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

fn auth(feed: Option<RevocationFeed>) -> Auth {
    let mut config = AuthConfig::new(SECRET);
    config.revocation_feed = feed;
    Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration")
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[tokio::test]
async fn a_verification_allocates_nothing_and_the_claims_of_an_app_one_block() {
    let fed = auth(Some(RevocationFeed::default()));
    fed.poll_revocations().await.expect("polls");
    for auth in [auth(None), fed] {
        for (shape, expected) in [(Shape::Ours, 0), (Shape::Directus, 0), (Shape::WithClaims, 1)] {
            let token = token(shape);
            let mut identity = None;
            let count = allocations(|| identity = Some(auth.verify(&token)));
            let identity = identity.expect("was asked").expect("good");
            assert_eq!(count, expected, "{shape:?}");
            assert_eq!(allocations(|| drop(identity.clone())), 0, "{shape:?}: cheap to clone");
        }
    }
}

#[test]
fn a_guard_allocates_nothing_for_a_token_in_the_header() {
    let guard = auth(None).guard().any_role(["editor"]).app();
    let header = bearer(&token(Shape::Ours));
    let lines = Lines(&[("authorization", &header), ("host", "app.example.com")]);
    let head = RequestHead {
        method: "GET",
        path: "/notes",
        query: Some("page=2"),
        authority: None,
        peer: None,
        stripped: None,
        headers: &lines,
    };
    // A thread that looks at the ring of keys for the first time makes itself known to it, once.
    drop(guard.check(&head));
    let mut verdict = None;
    assert_eq!(allocations(|| verdict = Some(guard.check(&head))), 0);
    assert!(matches!(verdict, Some(Verdict::Allowed(_))), "{verdict:?}");
}
