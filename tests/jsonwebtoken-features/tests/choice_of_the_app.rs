//! The app chose a backend first: it stays, and ours is used where we verify.

use jsonwebtoken_features::{app_token, app_verifies, auth, sign_and_verify};

#[tokio::test]
async fn the_choice_of_the_app_stays() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().expect("nobody chose before");
    let auth = auth();
    let ours = sign_and_verify(&auth).await;
    assert!(app_verifies(&ours));
    assert_eq!(auth.verify(&app_token()).expect("the slow way").user().as_str(), "u1");
}
