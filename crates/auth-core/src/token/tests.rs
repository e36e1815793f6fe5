//! Attacks on the verifier (requirements J1 to J12), and the two ways of verifying held together.

mod hostile;
mod kinds;
mod rotation;
mod vectors;
mod ways;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::hmac;
use serde_json::{Map, Value, json};

use super::{Identity, NewToken, Rights, Scope, TokenKeys, TokenKind, TokenProblem};
use crate::clock::Timestamp;
use crate::config::AuthConfig;
use crate::id::{Role, SessionId, UserId};

const SECRET: &str = "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7";
const NOW: i64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn keys() -> TokenKeys {
    TokenKeys::new(&AuthConfig::new(SECRET)).expect("a secret")
}

/// The two kinds that a bearer token may be of, each by itself.
impl TokenKeys {
    pub(super) fn verify_access(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        self.verify_only(token, &Scope::Full, now)
    }

    pub(super) fn verify_enrol(&self, token: &str, now: Timestamp) -> Result<Identity, TokenProblem> {
        self.verify_only(token, &Scope::Enrolment, now)
    }

    fn verify_only(&self, token: &str, scope: &Scope, now: Timestamp) -> Result<Identity, TokenProblem> {
        let identity = self.verify_bearer(token, now)?;
        if identity.scope == *scope { Ok(identity) } else { Err(TokenProblem::Invalid) }
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

fn claims() -> Value {
    json!({ "id": "u1", "role": null, "app_access": true, "admin_access": false, "iat": NOW, "exp": NOW + 900, "iss": "auth" })
}

fn with(key: &str, value: Value) -> String {
    let mut claims = claims();
    claims[key] = value;
    claims.to_string()
}

/// A token as somebody with the key would make it, whatever the parts are.
fn forge(header: &str, payload: &str) -> String {
    sign_with(SECRET, &format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)))
}

fn sign_with(secret: &str, signed: &str) -> String {
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// As it is signed for somebody without a role.
fn new_token<'a>(user: &'a UserId, session: Option<&'a str>, extra: &'a Map<String, Value>) -> NewToken<'a> {
    NewToken {
        id: user,
        rights: Some(Rights { role: None, app_access: true, admin_access: false }),
        sid: SessionId::from_bytes([7; 16]),
        ep: 0,
        auth_time: NOW,
        aal: 1,
        session,
        iat: NOW,
        exp: NOW + 900,
        extra,
    }
}

fn verdict(token: &str) -> Result<(), TokenProblem> {
    keys().verify_access(token, now()).map(drop)
}

#[test]
fn a_token_we_sign_says_who_it_is() {
    let user = UserId::new("u1").expect("short");
    let role = Role::new("editor").expect("short");
    let session = SessionId::from_bytes([7; 16]);
    let extra: Map<String, Value> = [("tenant".to_owned(), json!("acme"))].into_iter().collect();
    let token = NewToken {
        id: &user,
        rights: Some(Rights { role: Some(&role), app_access: true, admin_access: false }),
        sid: session,
        ep: 3,
        auth_time: NOW - 10,
        aal: 2,
        session: None,
        iat: NOW,
        exp: NOW + 900,
        extra: &extra,
    };
    let identity = keys().verify_access(&keys().sign(TokenKind::Access, &token).expect("signs"), now()).expect("good");
    assert_eq!(identity.user(), &user);
    assert_eq!(identity.role(), Some(&role));
    assert_eq!((identity.has_app_access(), identity.is_admin()), (true, false));
    assert_eq!((identity.session(), identity.epoch().0, identity.aal()), (Some(session), 3, 2));
    assert_eq!(identity.auth_time(), Some(Timestamp::from_secs(NOW - 10)));
    assert_eq!(identity.expires_at(), Some(Timestamp::from_secs(NOW + 900)));
    let claims: Map<String, Value> = identity.claims().expect("has claims of the app");
    assert_eq!(claims.get("tenant"), Some(&json!("acme")));
}

#[test]
fn j7_what_is_ours_is_no_claim_of_the_app() {
    let read = |payload: &str| {
        let identity = keys().verify_access(&forge(HEADER, payload), now()).expect("good");
        identity.claims::<Value>()
    };
    for (claim, expected) in [("jti", None), ("sub", None), ("tenant", Some(json!({ "tenant": "acme" })))] {
        assert_eq!(read(&with(claim, json!("acme"))), expected, "{claim}");
    }
    let doubled = with("tenant", json!("acme")).replacen('{', r#"{"tenant":"other","#, 1);
    assert_eq!(read(&doubled), None, "whichever came first");
}

#[test]
fn a_token_that_directus_signed_passes_and_takes_the_fast_path() {
    let config =
        AuthConfig { issuer: "directus".to_owned(), ..AuthConfig::new("peer-secret-0123456789abcdef0123456789abcdef") };
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6ImY3ZjE0MzVmLTgwOWUtNGUwMC1hZjM3LTFiOGExNjk3Y2FhZSIsInJvbGUiOiJlNDVlN2U4ZC05MDEyLTQxOTktOGVhZi1hZDE4NGZjOGY1MTkiLCJhcHBfYWNjZXNzIjp0cnVlLCJhZG1pbl9hY2Nlc3MiOnRydWUsImlhdCI6MTc5NTQ5MzQ3NSwiZXhwIjoxNzk1NDk0Mzc1LCJpc3MiOiJkaXJlY3R1cyJ9.XUJvLEXo_OKJB6UcokpOvpscag_1O0M4NqyIB4AUEDQ";
    let keys = TokenKeys::new(&config).expect("a secret");
    assert!(keys.ring.load().find(token, TokenKind::Access).is_some());
    let identity = keys.verify_access(token, Timestamp::from_secs(1_795_493_475)).expect("good");
    assert_eq!(identity.user().as_str(), "f7f1435f-809e-4e00-af37-1b8a1697caae");
    assert!(identity.is_admin());
    let expired = keys.verify_access(token, Timestamp::from_secs(1_795_494_375));
    assert_eq!(expired.map(drop), Err(TokenProblem::Expired));

    let session = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6ImY3ZjE0MzVmLTgwOWUtNGUwMC1hZjM3LTFiOGExNjk3Y2FhZSIsInJvbGUiOiJlNDVlN2U4ZC05MDEyLTQxOTktOGVhZi1hZDE4NGZjOGY1MTkiLCJhcHBfYWNjZXNzIjp0cnVlLCJhZG1pbl9hY2Nlc3MiOnRydWUsInNlc3Npb24iOiJ4TUlQTUpBSTlOVVlCeWp5ZTd2alRIYW5xdGl0NEtibUlKc0llRUNKUm10d1Y3MzNHWDdsbkhndjRpdWZpaHgxIiwiaWF0IjoxNzk1NDkzNDc4LCJleHAiOjE3OTU1Nzk4NzgsImlzcyI6ImRpcmVjdHVzIn0.-1Ce_dv7CG7bygMNvxFTiQDIeu_xMg1i7S4MXC8LT04";
    let as_bearer = keys.verify_access(session, Timestamp::from_secs(1_795_493_478));
    assert_eq!(as_bearer.map(drop), Err(TokenProblem::Invalid), "a session token is no access token");
}

#[test]
fn j1_only_our_algorithm_in_its_exact_case_passes() {
    assert_eq!(verdict(&forge(HEADER, &claims().to_string())), Ok(()));
    // The slow way: another order, no type.
    for header in [r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"alg":"HS256"}"#, r#"{ "alg": "HS256", "typ": "jwt" }"#] {
        assert_eq!(verdict(&forge(header, &claims().to_string())), Ok(()), "{header}");
    }
    for alg in ["hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "HS256 ", ""] {
        let header = json!({ "alg": alg, "typ": "JWT" }).to_string();
        assert_eq!(verdict(&forge(&header, &claims().to_string())), Err(TokenProblem::Invalid), "{alg}");
    }
    let other_key = sign_with("another-secret-another-secret-ano", &forge(HEADER, &claims().to_string())[..60]);
    assert_eq!(verdict(&other_key), Err(TokenProblem::Invalid));
}

#[test]
fn j2_none_in_any_case_and_an_empty_signature_are_refused() {
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = json!({ "alg": alg, "typ": "JWT" }).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims().to_string()));
        for token in [format!("{signed}."), signed.clone(), sign_with(SECRET, &signed)] {
            assert_eq!(verdict(&token), Err(TokenProblem::Invalid), "{alg}");
        }
    }
    let good = forge(HEADER, &claims().to_string());
    let unsigned = good.rsplit_once('.').expect("has a signature").0;
    assert_eq!(verdict(&format!("{unsigned}.")), Err(TokenProblem::Invalid));
    assert_eq!(verdict(unsigned), Err(TokenProblem::Invalid));
}

#[test]
fn j3_public_keys_are_never_hmac_secrets() {
    use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256, RS256};
    let public = [4; 65];
    let keys = [
        DecodingKey::from_rsa_der(&public),
        DecodingKey::from_rsa_raw_components(&public, &[1, 0, 1]),
        DecodingKey::from_ec_der(&public),
        DecodingKey::from_ed_der(&public),
    ];
    for key in &keys {
        assert!((super::provider::RING.verifier_factory)(&HS256, key).is_err(), "{:?}", key.family());
    }
    for algorithm in [RS256, ES256, EdDSA] {
        let secret = DecodingKey::from_secret(SECRET.as_bytes());
        assert!((super::provider::RING.verifier_factory)(&algorithm, &secret).is_err(), "{algorithm:?}");
    }
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims().to_string()));
    let pem = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----\n";
    assert_eq!(verdict(&sign_with(pem, &signed)), Err(TokenProblem::Invalid));
}

#[test]
fn j4_headers_do_not_choose_keys_and_what_is_critical_must_be_understood() {
    for (key, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("kid", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("kid", json!("../../../dev/null")),
        ("kid", json!("x' OR 1=1 --")),
        ("kid", json!("k".repeat(4000))),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("cty", json!("JWT")),
        ("typ", json!("session+jwt")),
        ("typ", json!("reset+jwt")),
        ("typ", json!(7)),
    ] {
        let mut header = json!({ "alg": "HS256" });
        header[key] = value;
        let token = forge(&header.to_string(), &claims().to_string());
        assert_eq!(verdict(&token), Err(TokenProblem::Invalid), "{header}");
    }
    // Ignored for the choice of the key: signed with ours they pass, with the embedded key they do not.
    for (key, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode("evil-secret-evil-secret-evil-secre") })),
    ] {
        let mut header = json!({ "alg": "HS256" });
        header[key] = value;
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims().to_string()));
        assert_eq!(verdict(&sign_with(SECRET, &signed)), Ok(()), "{header}");
        let evil = sign_with("evil-secret-evil-secret-evil-secre", &signed);
        assert_eq!(verdict(&evil), Err(TokenProblem::Invalid), "{header}");
    }
    let twice = forge(r#"{"alg":"none","alg":"HS256"}"#, &claims().to_string());
    assert_eq!(verdict(&twice), Err(TokenProblem::Invalid));
}

#[test]
fn j5_only_the_compact_form_in_canonical_base64url_passes() {
    let good = forge(HEADER, &claims().to_string());
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    // 43 characters hold 258 bits: two spare ones, which must be zero.
    let last = signature.chars().last().expect("not empty");
    let spare_bits = char::from(last as u8 + 1);
    let tail = format!("{}{spare_bits}", &signature[..signature.len() - 1]);
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}.{tail}"),
        format!("{header}.{payload}.{}", &signature[..42]),
        format!("{header}.{payload}.{signature}AAAA"),
        format!("{header}.{payload}.{payload}.{signature}"),
        json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
    ] {
        assert_eq!(verdict(&token), Err(TokenProblem::Invalid), "{token:?}");
    }
    // The same, signed: only the encoding is wrong.
    let padded = format!("{header}.{}", base64::engine::general_purpose::URL_SAFE.encode("{}    "));
    assert_eq!(verdict(&sign_with(SECRET, &padded)), Err(TokenProblem::Invalid));
    let standard =
        format!("{header}.{}", base64::engine::general_purpose::STANDARD.encode(claims().to_string() + "  "));
    if standard.contains(['+', '/', '=']) {
        assert_eq!(verdict(&sign_with(SECRET, &standard)), Err(TokenProblem::Invalid));
    }
}

#[test]
fn j6_times_are_numbers_and_exp_is_there() {
    let mut without = claims();
    without.as_object_mut().expect("an object").remove("exp");
    assert_eq!(verdict(&forge(HEADER, &without.to_string())), Err(TokenProblem::Invalid));
    for claim in ["exp", "nbf", "iat", "auth_time"] {
        for value in
            [json!("1900000000"), json!(null), json!(true), json!([NOW]), json!({}), json!(u64::MAX), json!(1e300)]
        {
            let token = forge(HEADER, &with(claim, value.clone()));
            assert_eq!(verdict(&token), Err(TokenProblem::Invalid), "{claim} {value}");
        }
    }
    assert_eq!(verdict(&forge(HEADER, &with("exp", json!(-1)))), Err(TokenProblem::Expired));
    assert_eq!(verdict(&forge(HEADER, &with("exp", json!(0)))), Err(TokenProblem::Expired));
    assert_eq!(verdict(&forge(HEADER, &with("exp", json!(NOW as f64 + 0.5)))), Err(TokenProblem::Expired));
    assert_eq!(verdict(&forge(HEADER, &with("exp", json!(NOW as f64 + 1.5)))), Ok(()));
    assert_eq!(verdict(&forge(HEADER, &with("nbf", json!(NOW)))), Ok(()));
    assert_eq!(verdict(&forge(HEADER, &with("nbf", json!(NOW + 1)))), Err(TokenProblem::Invalid));
    let overflow = claims().to_string().replace(&format!("{}", NOW + 900), "1e999");
    assert_eq!(verdict(&forge(HEADER, &overflow)), Err(TokenProblem::Invalid));
}

#[test]
fn j7_issuer_audience_and_subject_are_checked() {
    for (claim, value) in [
        ("iss", json!("directus")),
        ("iss", json!("")),
        ("iss", json!(null)),
        ("iss", json!(["auth"])),
        ("id", json!(null)),
        ("id", json!("")),
        ("id", json!(7)),
        ("id", json!("x".repeat(65))),
        ("id", json!("u1\u{0000}")),
        ("role", json!(7)),
        ("admin_access", json!("true")),
        ("admin_access", json!(2)),
        ("sid", json!("not-a-session")),
        ("ep", json!(-1)),
        ("aal", json!("2")),
        ("aud", json!("somebody else")),
        ("scope", json!("password-reset")),
        ("share", json!("s1")),
        ("kind", json!("enrol")),
    ] {
        let token = forge(HEADER, &with(claim, value.clone()));
        assert_eq!(verdict(&token), Err(TokenProblem::Invalid), "{claim} {value}");
    }
    for claim in ["id", "iss"] {
        let mut without = claims();
        without.as_object_mut().expect("an object").remove(claim);
        assert_eq!(verdict(&forge(HEADER, &without.to_string())), Err(TokenProblem::Invalid), "without {claim}");
    }

    let config = AuthConfig { audience: Some("notes".to_owned()), ..AuthConfig::new(SECRET) };
    let keys = TokenKeys::new(&config).expect("a secret");
    for (aud, expected) in [
        (json!("notes"), Ok(())),
        (json!(["other", "notes"]), Ok(())),
        (json!("other"), Err(TokenProblem::Invalid)),
        (json!([]), Err(TokenProblem::Invalid)),
        (json!(["notes", 7]), Err(TokenProblem::Invalid)),
    ] {
        let token = forge(HEADER, &with("aud", aud.clone()));
        assert_eq!(keys.verify_access(&token, now()).map(drop), expected, "{aud}");
    }
    let without = keys.verify_access(&forge(HEADER, &claims().to_string()), now());
    assert_eq!(without.map(drop), Err(TokenProblem::Invalid), "an audience is demanded when one is configured");
}

#[test]
fn j8_session_tokens_and_access_tokens_are_never_taken_for_each_other() {
    let (user, extra) = (UserId::new("u1").expect("short"), Map::new());
    let token = |session| new_token(&user, session, &extra);
    let keys = keys();
    let access = keys.sign(TokenKind::Access, &token(None)).expect("signs");
    let session = keys.sign(TokenKind::Session, &token(Some("secret"))).expect("signs");
    assert!(keys.verify_access(&access, now()).is_ok());
    assert!(keys.verify_session(&session, now()).is_ok());
    assert_eq!(keys.verify_access(&session, now()).map(drop), Err(TokenProblem::Invalid));
    assert_eq!(keys.verify_session(&access, now()).map(drop), Err(TokenProblem::Invalid));
    // With the right header and the wrong claims, and the reverse.
    let session_header = r#"{"alg":"HS256","typ":"session+jwt"}"#;
    assert!(keys.verify_access(&forge(HEADER, &with("session", json!("s"))), now()).is_err());
    assert!(keys.verify_session(&forge(session_header, &claims().to_string()), now()).is_err());
    assert!(keys.verify_access(&forge(session_header, &claims().to_string()), now()).is_err());
    assert!(keys.verify_session(&forge(HEADER, &with("session", json!("s"))), now()).is_err());
}

#[test]
fn j10_leeway_is_zero_by_default_and_counts_at_the_edge() {
    let at_end = |leeway: u64, past_end: i64| {
        let config = AuthConfig { leeway: std::time::Duration::from_secs(leeway), ..AuthConfig::new(SECRET) };
        let token = forge(HEADER, &with("exp", json!(NOW)));
        let now = Timestamp::from_millis(NOW * 1000 + past_end);
        TokenKeys::new(&config).expect("a secret").verify_access(&token, now).map(drop)
    };
    assert_eq!(at_end(0, -1), Ok(()));
    assert_eq!(at_end(0, 0), Err(TokenProblem::Expired), "exp == now is expired");
    assert_eq!(at_end(5, 4_999), Ok(()));
    assert_eq!(at_end(5, 5_000), Err(TokenProblem::Expired));
}

#[test]
fn j12_size_depth_and_doubled_claims_are_bounded() {
    let huge = forge(HEADER, &with("pad", json!("x".repeat(7000))));
    assert!(huge.len() > super::MAX_TOKEN_BYTES);
    assert_eq!(verdict(&huge), Err(TokenProblem::Invalid));
    let large = forge(HEADER, &with("pad", json!("x".repeat(5000))));
    assert_eq!(verdict(&large), Ok(()), "beyond the buffer on the stack, within the limit");
    assert_eq!(verdict(&"a".repeat(1 << 20)), Err(TokenProblem::Invalid));
    assert_eq!(verdict(&".".repeat(1 << 20)), Err(TokenProblem::Invalid));

    let deep = claims().to_string().replace("null", &format!("{}{}", "[".repeat(2000), "]".repeat(2000)));
    assert_eq!(verdict(&forge(HEADER, &deep)), Err(TokenProblem::Invalid));
    // A claim that nobody reads is skipped without recursion.
    let deep = claims().to_string().replacen('{', &format!("{{\"x\":{}{},", "[".repeat(2000), "]".repeat(2000)), 1);
    let identity = keys().verify_access(&forge(HEADER, &deep), now()).expect("the key vouches for it");
    assert!(identity.claims::<Value>().is_none(), "and reading it does not crash either");

    for doubled in [r#"{"exp":9999999999,"#, r#"{"id":"admin","#, r#"{"admin_access":true,"#, r#"{"\u0069d":"admin","#]
    {
        let payload = claims().to_string().replacen('{', doubled, 1);
        assert_eq!(verdict(&forge(HEADER, &payload)), Err(TokenProblem::Invalid), "{doubled}");
    }
    for payload in ["", "null", "[]", "7", "\"x\"", "{", "{}", "\u{feff}{}"] {
        assert_eq!(verdict(&forge(HEADER, payload)), Err(TokenProblem::Invalid), "{payload}");
    }
}

#[test]
fn jsonwebtoken_has_a_provider_and_does_not_panic() {
    let _ = keys();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).expect("signs");
    assert_eq!(verdict(&token), Ok(()), "what jsonwebtoken signs passes here");

    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.validate_exp = false;
    let ours = forge(HEADER, &claims().to_string());
    let read = jsonwebtoken::decode::<Value>(&ours, &DecodingKey::from_secret(SECRET.as_bytes()), &validation);
    assert_eq!(read.expect("what passes here passes jsonwebtoken").claims, claims());
}

#[test]
fn the_provider_signs_and_verifies_with_every_kind_of_key() {
    use jsonwebtoken::Algorithm::{ES256, ES384, EdDSA, HS384, HS512};
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    };
    let random = ring::rand::SystemRandom::new();
    let _ = keys();
    // PKCS #8 version 1, as openssl writes it: without the public key that ring appends.
    let mut ed = Ed25519KeyPair::generate_pkcs8(&random).expect("generates").as_ref()[..48].to_vec();
    (ed[1], ed[4]) = (46, 0);
    let ed_public = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&ed).expect("reads").public_key().as_ref().to_vec();
    let ec = |parameters| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(parameters, &random).expect("generates");
        let pair = EcdsaKeyPair::from_pkcs8(parameters, pkcs8.as_ref(), &random).expect("reads");
        (pkcs8.as_ref().to_vec(), pair.public_key().as_ref().to_vec())
    };
    let (p256, p256_public) = ec(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let (p384, p384_public) = ec(&ECDSA_P384_SHA384_FIXED_SIGNING);
    for (algorithm, signing, verifying) in [
        (HS384, EncodingKey::from_secret(SECRET.as_bytes()), DecodingKey::from_secret(SECRET.as_bytes())),
        (HS512, EncodingKey::from_secret(SECRET.as_bytes()), DecodingKey::from_secret(SECRET.as_bytes())),
        (EdDSA, EncodingKey::from_ed_der(&ed), DecodingKey::from_ed_der(&ed_public)),
        (ES256, EncodingKey::from_ec_der(&p256), DecodingKey::from_ec_der(&p256_public)),
        (ES384, EncodingKey::from_ec_der(&p384), DecodingKey::from_ec_der(&p384_public)),
    ] {
        let mut validation = jsonwebtoken::Validation::new(algorithm);
        validation.validate_exp = false;
        let header = jsonwebtoken::Header::new(algorithm);
        let token = jsonwebtoken::encode(&header, &claims(), &signing).expect("signs");
        jsonwebtoken::decode::<Value>(&token, &verifying, &validation).expect("verifies");
        let mut altered = token.clone();
        altered.replace_range(
            token.len() - 8..token.len() - 7,
            if &token[token.len() - 8..token.len() - 7] == "A" { "B" } else { "A" },
        );
        assert!(jsonwebtoken::decode::<Value>(&altered, &verifying, &validation).is_err(), "{algorithm:?}");
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&signing, algorithm);
        assert!(jwk.is_ok(), "{algorithm:?}: {jwk:?}");
    }
}
