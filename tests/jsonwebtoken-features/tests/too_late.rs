//! The app used `jsonwebtoken` before `build()`, which panics and leaves a default that panics for ever. Ours does not
//! go through it.

use base64::Engine as _;
use jsonwebtoken_features::{app_token, auth, sign_and_verify};

#[tokio::test]
async fn a_default_that_panics_does_not_reach_us() {
    let before = std::panic::catch_unwind(app_token);
    assert!(before.is_err(), "jsonwebtoken with both backends panics: if it does not any more, this test can go");
    let auth = auth();
    let ours = sign_and_verify(&auth).await;

    // Another header, so that it goes the slow way; the signature is wrong then, which has to be found out.
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let (_, rest) = ours.split_once('.').expect("a token");
    auth.verify(&format!("{header}.{rest}")).expect_err("refused, not a panic");
}
