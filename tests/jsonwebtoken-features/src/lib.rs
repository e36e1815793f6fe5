//! An app that turns on both backends of `jsonwebtoken`, which by itself makes that crate panic at first use. Each file
//! in `tests/` is a process of its own, since the choice of a backend is for all of a process.

use auth_core::store::SessionMode;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, ClientInfo, Email, Grant, NewUser, Password};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// The secret of everything here.
pub const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";

/// What the app signs with `jsonwebtoken` itself. The header is not the one that `auth-core` writes, so there it goes
/// the slow way, through `jsonwebtoken` again.
pub fn app_token() -> String {
    let claims = json!({ "id": "u1", "iss": "auth", "exp": 9_999_999_999_u64 });
    let header = Header { typ: None, ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("signs")
}

/// What the app verifies with `jsonwebtoken` itself.
pub fn app_verifies(token: &str) -> bool {
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::decode::<Value>(token, &key, &Validation::new(Algorithm::HS256)).is_ok()
}

/// Signs in, and verifies what `auth-core` signed.
pub async fn sign_and_verify(auth: &Auth) -> String {
    let email = Email::parse("ada@example.com").expect("an address");
    let user = auth.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user");
    let tokens = auth.open_session(&user, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
    let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
    assert_eq!(auth.verify(access.expose_secret()).expect("the fast way").user(), &user);
    access.expose_secret().to_owned()
}

/// An `Auth`, which is what makes the choice of a backend.
pub fn auth() -> Auth {
    Auth::builder(MemoryStore::new()).config(AuthConfig::new(SECRET)).build().expect("a configuration")
}
