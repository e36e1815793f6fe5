//! Several keys: which token belongs to which, and what a rotation does (requirements J1, J4, J11).

use proptest::prelude::*;

use super::*;
use crate::token::{KeyAlgorithm, KeyRing, TokenKey};

fn key(algorithm: KeyAlgorithm) -> TokenKey {
    let pem = TokenKey::generate_pem(algorithm).expect("random bytes");
    TokenKey::from_pem(pem.expose_secret()).expect("ours")
}

fn keys_of(ring: KeyRing) -> TokenKeys {
    let mut config = AuthConfig::new(SECRET);
    config.signing_keys = Some(ring);
    TokenKeys::new(&config).expect("keys")
}

fn token_by(keys: &TokenKeys, kind: TokenKind) -> String {
    let (user, extra) = (UserId::new("u1").expect("short"), Map::new());
    let session = (kind == TokenKind::Session).then_some("a refresh token");
    keys.sign(kind, &new_token(&user, session, &extra)).expect("signs")
}

fn opens(keys: &TokenKeys, token: &str) -> bool {
    keys.verify_access(token, now()).is_ok()
}

fn header_of(token: &str) -> Value {
    let header = token.split('.').next().expect("a header");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64")).expect("JSON")
}

#[test]
fn j1_j11_each_algorithm_signs_and_verifies_and_says_its_key() {
    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256] {
        let key = key(algorithm);
        let keys = keys_of(KeyRing::new(key.clone()).expect("signs"));
        let token = token_by(&keys, TokenKind::Access);
        let header = header_of(&token);
        assert_eq!(header, json!({ "alg": algorithm.name(), "typ": "JWT", "kid": key.kid() }));
        // The second time from what is remembered.
        assert!(opens(&keys, &token) && opens(&keys, &token));
        // A public key is enough.
        assert!(opens(&keys_of(KeyRing::verify_only([key]).expect("a key")), &token));
        assert!(!opens(&super::keys(), &token), "the secret alone does not do");
        assert!(!opens(&keys, &token_by(&super::keys(), TokenKind::Access)), "nor does the secret here");
    }
}

#[test]
fn j11_two_keys_verify_during_a_rotation_and_what_is_removed_stops() {
    let [old, next] = [key(KeyAlgorithm::EdDsa), key(KeyAlgorithm::Es256)];
    let keys = keys_of(KeyRing::new(old.clone()).expect("signs"));
    let first = token_by(&keys, TokenKind::Access);

    keys.replace(&KeyRing::new(old.clone()).and_then(|ring| ring.verifying(next.clone())).expect("two")).expect("keys");
    assert_eq!(header_of(&token_by(&keys, TokenKind::Access))["kid"], json!(old.kid()), "published, not signing yet");

    keys.replace(&KeyRing::new(next.clone()).and_then(|ring| ring.verifying(old)).expect("two")).expect("keys");
    let second = token_by(&keys, TokenKind::Access);
    assert_eq!(header_of(&second)["kid"], json!(next.kid()));
    assert!(opens(&keys, &first) && opens(&keys, &second));

    keys.replace(&KeyRing::new(next).expect("one")).expect("keys");
    assert!(!opens(&keys, &first), "also one that was remembered");
    assert!(opens(&keys, &second));
}

/// Tokens of every kind of key of the ring, by the fast and by the slow way.
#[test]
fn j1_a_key_verifies_only_what_it_is_named_for() {
    let secret =
        TokenKey::hs256("another-8bTq-secret-that-is-long-Zx").expect("long enough").with_kid("s").expect("a name");
    let all = [key(KeyAlgorithm::EdDsa), key(KeyAlgorithm::EdDsa), key(KeyAlgorithm::Es256), secret];
    let keys = keys_of(KeyRing::verify_only(all.clone()).expect("keys"));
    for signing in &all {
        let token = token_by(&keys_of(KeyRing::new(signing.clone()).expect("signs")), TokenKind::Access);
        assert!(opens(&keys, &token));
        let (_, rest) = token.split_once('.').expect("a header");
        for other in &all {
            for alg in ["EdDSA", "ES256", "HS256", "none", "eddsa"] {
                let header = json!({ "alg": alg, "typ": "JWT", "kid": other.kid() }).to_string();
                let same = header_of(&token) == serde_json::from_str::<Value>(&header).expect("JSON");
                let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
                assert!(same || !opens(&keys, &forged), "{alg} {:?} for {:?}", other.kid(), signing.kid());
            }
        }
        let nameless = json!({ "alg": signing.algorithm().name(), "typ": "JWT" }).to_string();
        assert!(!opens(&keys, &format!("{}.{rest}", URL_SAFE_NO_PAD.encode(nameless))));
    }
}

/// The public key as the secret of an HMAC, in every form in which it is published.
#[test]
fn j3_a_public_key_is_no_secret() {
    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256] {
        let key = key(algorithm);
        let keys = keys_of(KeyRing::new(key.clone()).expect("signs"));
        let pem = key.public_pem().expect("has one");
        let jwk: Value = serde_json::from_slice(&keys.jwks()).expect("JSON");
        let x = jwk["keys"][0]["x"].as_str().expect("a number").to_owned();
        for secret in [pem.clone(), pem.trim_end().to_owned(), x, jwk["keys"][0].to_string()] {
            for header in
                [json!({ "alg": "HS256", "kid": key.kid() }), json!({ "alg": algorithm.name(), "kid": key.kid() })]
            {
                let signed = format!(
                    "{}.{}",
                    URL_SAFE_NO_PAD.encode(header.to_string()),
                    URL_SAFE_NO_PAD.encode(claims().to_string())
                );
                assert!(!opens(&keys, &sign_with(&secret, &signed)), "{header}");
            }
        }
    }
}

#[test]
fn j8_kinds_stay_apart_under_every_key() {
    let keys = keys_of(KeyRing::new(key(KeyAlgorithm::EdDsa)).expect("signs"));
    let [access, session, enrol] =
        [TokenKind::Access, TokenKind::Session, TokenKind::Enrol].map(|kind| token_by(&keys, kind));
    for token in [&access, &session, &enrol] {
        assert_eq!(opens(&keys, token), token == &access);
        assert_eq!(keys.verify_session(token, now()).is_ok(), token == &session);
        assert_eq!(keys.verify_enrol(token, now()).is_ok(), token == &enrol);
    }
    assert_eq!(header_of(&session)["alg"], "HS256", "nobody else reads it");
}

/// What is remembered is a signature, and nothing else (rules of the cache).
#[test]
fn j6_a_remembered_token_still_expires_and_no_other_payload_goes_with_it() {
    let keys = keys_of(KeyRing::new(key(KeyAlgorithm::EdDsa)).expect("signs"));
    let token = token_by(&keys, TokenKind::Access);
    assert!(opens(&keys, &token) && opens(&keys, &token));
    let later = Timestamp::from_secs(NOW + 900);
    assert_eq!(keys.verify_access(&token, later).map(drop), Err(TokenProblem::Expired));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let admin = URL_SAFE_NO_PAD.encode(with("admin_access", json!(true)));
    assert!(!opens(&keys, &format!("{header}.{admin}.{signature}")));
    assert!(!opens(&keys, &format!("{token}.")) && !opens(&keys, &format!("{token} ")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a stranger does to a good token of each kind of key: refused both ways, unless it comes out the same.
    #[test]
    fn j5_both_ways_refuse_what_was_changed_under_public_keys(
        edits in super::ways::edits(vec![".", "..", "=", "-", "_", "+", "/", "A", "B", "eyJ", " ", "\n", "\u{e9}"]),
        second in any::<bool>(),
    ) {
        static KEYS: std::sync::LazyLock<[TokenKeys; 2]> = std::sync::LazyLock::new(|| {
            [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256].map(|algorithm| keys_of(KeyRing::new(key(algorithm)).expect("signs")))
        });
        let keys = &KEYS[usize::from(second)];
        let good = token_by(keys, TokenKind::Access);
        let token = super::ways::edited(&good, &edits);
        prop_assert_eq!(super::ways::agree(keys, &token)?, token == good, "{}", token);
    }
}
