//! Keys in and out of their formats, with those of the RFCs.

use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::jwk::published;
use super::*;
use base64::Engine as _;

/// RFC 8037 A.1.
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// RFC 7515 A.3.1.
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
/// RFC 7638 3.1.
const RSA: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

fn with(jwk: &str, member: &str, value: Value) -> String {
    let mut jwk: Value = serde_json::from_str(jwk).expect("JSON");
    jwk[member] = value;
    jwk.to_string()
}

fn without(jwk: &str, member: &str) -> String {
    let mut jwk: Value = serde_json::from_str(jwk).expect("JSON");
    jwk.as_object_mut().expect("an object").remove(member);
    jwk.to_string()
}

fn problem(jwk: &str) -> InvalidKey {
    TokenKey::from_jwk(jwk).expect_err(jwk)
}

#[test]
fn a_key_is_named_by_its_thumbprint_unless_it_has_a_name() {
    let kid = |jwk: &str| TokenKey::from_jwk(jwk).expect(jwk).kid().map(str::to_owned);
    // RFC 8037 A.3 and RFC 7638 3.1.
    assert_eq!(kid(ED25519).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    assert_eq!(kid(&without(RSA, "kid")).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    assert_eq!(kid(RSA).as_deref(), Some("2011-04-29"));
}

#[test]
fn every_format_gives_the_same_key() {
    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256] {
        let pem = TokenKey::generate_pem(algorithm).expect("random bytes");
        let private = TokenKey::from_pem(pem.expose_secret()).expect("ours");
        assert!(private.can_sign() && private.algorithm() == algorithm);
        let der =
            STANDARD.decode(pem.expose_secret().lines().filter(|line| !line.starts_with('-')).collect::<String>());
        assert_eq!(TokenKey::from_der(&der.expect("base64")).expect("DER").kid(), private.kid());
        let public = TokenKey::from_pem(&private.public_pem().expect("has one")).expect("ours");
        assert!(!public.can_sign());
        assert_eq!((public.kid(), public.algorithm()), (private.kid(), algorithm));
        let published: Value = serde_json::from_slice(&published(std::slice::from_ref(&private))).expect("JSON");
        let jwk = published["keys"][0].to_string();
        assert!(!jwk.contains("\"d\""), "{jwk}");
        assert_eq!(TokenKey::from_jwk(&jwk).expect("ours").public_pem(), public.public_pem());
    }
    let rsa = TokenKey::from_jwk(RSA).expect("good");
    let again = TokenKey::from_pem(&rsa.public_pem().expect("has one")).expect("ours");
    assert_eq!(again.kid(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
}

/// As `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them.
#[test]
fn keys_of_openssl_are_read() {
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let key = TokenKey::from_pem(private).expect("PKCS#8 without the public half");
    assert_eq!(key.public_pem(), TokenKey::from_jwk(ED25519).expect("the same").public_pem());
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n";
    assert_eq!(TokenKey::from_pem(sec1).expect_err("SEC1"), InvalidKey::Unreadable);
    let rsa = "-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n";
    assert_eq!(TokenKey::from_pem(rsa).expect_err("RSA"), InvalidKey::PrivateRsa);
}

#[test]
fn j3_j13_what_is_no_key_says_why() {
    let short = json!("AQAB");
    for (jwk, expected) in [
        (with(RSA, "d", json!("AQAB")), InvalidKey::PrivateRsa),
        (with(RSA, "n", short.clone()), InvalidKey::Rsa),
        (with(RSA, "e", json!("AQ")), InvalidKey::Rsa),
        (with(RSA, "e", json!("Ag")), InvalidKey::Rsa),
        (with(RSA, "alg", json!("RS512")), InvalidKey::Algorithm),
        (with(RSA, "alg", json!("HS256")), InvalidKey::Algorithm),
        (with(RSA, "use", json!("enc")), InvalidKey::Use),
        (with(RSA, "key_ops", json!(["encrypt"])), InvalidKey::Use),
        (with(RSA, "kid", json!("k".repeat(65))), InvalidKey::Id),
        (with(RSA, "kid", json!("a\"b")), InvalidKey::Id),
        (with(ED25519, "crv", json!("Ed448")), InvalidKey::Kind),
        (with(ED25519, "x", short), InvalidKey::Numbers),
        (with(ED25519, "d", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")), InvalidKey::Numbers),
        (with(P256, "crv", json!("secp256k1")), InvalidKey::Kind),
        (with(P256, "y", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")), InvalidKey::Numbers),
        (with(P256, "alg", json!("EdDSA")), InvalidKey::Algorithm),
        (r#"{"kty":"oct","k":"c2hvcnQ"}"#.to_owned(), InvalidKey::ShortSecret),
        (r#"{"kty":"dir"}"#.to_owned(), InvalidKey::Kind),
        (r#"{"kty":"RSA","kty":"oct"}"#.to_owned(), InvalidKey::Unreadable),
        ("[]".to_owned(), InvalidKey::Unreadable),
    ] {
        assert_eq!(problem(&jwk), expected, "{jwk}");
    }
    for pem in ["", "no PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
        assert!(matches!(TokenKey::from_pem(pem), Err(InvalidKey::Empty | InvalidKey::Unreadable)), "{pem}");
    }
    let pem = TokenKey::generate_pem(KeyAlgorithm::EdDsa).expect("random bytes");
    let half = &pem.expose_secret()[..60];
    for text in [half.to_owned(), format!("{}{half}", pem.expose_secret())] {
        assert_eq!(KeyRing::parse(&text).expect_err("half written"), InvalidKey::Unreadable, "{}", text.len());
    }
    assert_eq!(TokenKey::generate_pem(KeyAlgorithm::Rs256).expect_err("RSA"), InvalidKey::CannotSign);
}

#[test]
fn a_ring_has_one_key_that_signs_and_each_name_once() {
    let pem = |algorithm| TokenKey::generate_pem(algorithm).expect("random bytes");
    let [first, second] = [pem(KeyAlgorithm::EdDsa), pem(KeyAlgorithm::Es256)];
    let ring = KeyRing::parse(&[first.expose_secret(), second.expose_secret()].concat()).expect("two keys");
    let signs: Vec<_> = ring.keys().iter().map(TokenKey::can_sign).collect();
    assert_eq!(signs, [true, false], "the second one lost its private half");
    let key = ring.keys()[0].clone();
    assert_eq!(ring.clone().verifying(key.clone()).expect_err("again"), InvalidKey::DuplicateId);
    assert_eq!(KeyRing::new(ring.keys()[1].clone()).expect_err("public"), InvalidKey::CannotSign);
    let many = (0..65).map(|i| key.clone().with_kid(format!("k{i}")).expect("a name"));
    assert_eq!(KeyRing::verify_only(many).expect_err("65"), InvalidKey::TooMany);
    assert_eq!(KeyRing::parse(r#"{"keys":[]}"#).expect_err("none"), InvalidKey::Empty);
    let set = format!(r#"{{"keys":[{P256},{ED25519}]}}"#);
    assert_eq!(KeyRing::parse(&set).expect("two").signing().map(TokenKey::algorithm), Some(KeyAlgorithm::Es256));
}

#[test]
fn j4_secrets_are_never_published_and_nothing_shows_them() {
    let secret =
        TokenKey::hs256("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7").expect("long enough").with_kid("s").expect("a name");
    let private = TokenKey::from_jwk(ED25519).expect("good");
    assert_eq!(published(std::slice::from_ref(&secret)), br#"{"keys":[]}"#);
    let ring = KeyRing::new(secret).and_then(|ring| ring.verifying(private)).expect("a ring");
    let shown = format!("{ring:?} {}", String::from_utf8(published(ring.keys())).expect("text"));
    for secret in ["k7Vq0mJ2", "nWGxne_9", "a7VxMEoy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn debug_of_a_pem_shows_no_key() {
    let pem = TokenKey::generate_pem(KeyAlgorithm::EdDsa).expect("random bytes");
    assert_eq!(format!("{pem:?}"), "KeyPem([redacted])");
}
