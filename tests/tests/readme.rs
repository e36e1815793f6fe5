//! The code in the README compiles, and is as short as the README claims.

include!(concat!(env!("OUT_DIR"), "/readme.rs"));

#[test]
fn no_way_to_use_it_takes_more_than_ten_lines() {
    assert!(LONGEST > 0, "the README has no code");
    assert!(LONGEST <= 10, "a block of the README has {LONGEST} lines");
}
