//! Access tokens made by hand, as an outsider with the secret would make them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::Ed25519KeyPair;
use serde_json::json;

/// Of tests and benches alone.
pub const SECRET: &str = "7hQx2vN9-for-benches-alone-Lk4bT8w";

/// The header that we and Directus write.
pub const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What is in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As `auth-core` signs it.
    Ours,
    /// Directus: fewer claims, no session.
    Directus,
    /// Ours with a claim of the app.
    WithClaims,
}

/// An access token that is good until 2100.
pub fn token(shape: Shape) -> String {
    let payload = payload(shape);
    sign(&format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload)))
}

/// `signed` and its signature.
pub fn sign(signed: &str) -> String {
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The private key of RFC 8037 A.1, under a name of our own.
pub const KEY_PAIR: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"k1","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The same token as [`Shape::Ours`], signed by [`KEY_PAIR`].
pub fn token_by_key_pair() -> String {
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let seed = URL_SAFE_NO_PAD.decode(SEED).expect("base64");
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
    let [header, payload] = [r#"{"alg":"EdDSA","typ":"JWT","kid":"k1"}"#.to_owned(), payload(Shape::Ours)];
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())))
}

/// The value of an `Authorization` header.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn payload(shape: Shape) -> String {
    const ID: &str = "0193c1b2-7c1f-7a2b-9d3e-4f5a6b7c8d9e";
    const SESSION: &str = "0193c1b2-9e21-7d44-8a10-2b3c4d5e6f70";
    let (iat, exp) = (1_800_000_000, 4_102_444_800_u64);
    let claims = match shape {
        // In the order in which they are signed: `json!` would sort them.
        Shape::Ours | Shape::WithClaims => {
            let more = if shape == Shape::WithClaims { r#""tenant":"acme","# } else { "" };
            return format!(
                r#"{{"id":"{ID}","role":"editor","app_access":true,"admin_access":false,"sid":"{SESSION}","ep":1,"auth_time":{iat},"aal":1,"iat":{iat},"exp":{exp},{more}"iss":"auth"}}"#
            );
        }
        Shape::Directus => {
            json!({ "id": ID, "role": SESSION, "app_access": 1, "admin_access": 0, "iat": iat, "exp": exp, "iss": "auth" })
        }
    };
    claims.to_string()
}
