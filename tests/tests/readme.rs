//! The code in the README compiles, and is as short as the README claims.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

include!(concat!(env!("OUT_DIR"), "/readme.rs"));

#[test]
fn no_way_to_use_it_takes_more_than_ten_lines() {
    assert!(LENGTHS.len() >= 7, "the README shows less than it promises");
    assert!(LENGTHS.iter().all(|lines| *lines <= 10), "a way to use it is too long: {LENGTHS:?}");
}
