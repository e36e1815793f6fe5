//! With both backends on, `jsonwebtoken` alone panics at first use. After `build()` it does not.

use jsonwebtoken_features::{app_token, app_verifies, auth, sign_and_verify};

#[tokio::test]
async fn both_backends_and_no_choice_of_the_app() {
    let auth = auth();
    let ours = sign_and_verify(&auth).await;
    assert!(app_verifies(&ours), "the app's jsonwebtoken uses our provider");
    assert_eq!(auth.verify(&app_token()).expect("the slow way").user().as_str(), "u1");
}
