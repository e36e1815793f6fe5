//! The signatures that outsiders made, through the slow way: their headers are not ours. The algorithm is that of the data,
//! so those that have no key in a server yet are held to the same verdicts.

use std::collections::BTreeMap;

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;

use super::*;
use crate::token::slow::{Header, SlowKey};
use crate::vectors::{exception, read};

/// What the files say there is, so that none passes by not running.
const SIGNATURES: usize = 401;
const KEYS: usize = 26;

/// `None` for a key without an algorithm, or one that nothing here can verify with.
fn key(jwk: &Value, algorithm: &Value) -> Option<SlowKey> {
    let algorithm: Algorithm = serde_json::from_value(algorithm.clone()).ok()?;
    let parsed: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
    Some(SlowKey { algorithm, kid, key: DecodingKey::from_jwk(&parsed).ok()? })
}

/// The payload of a signature that is good.
fn payload(key: Option<&SlowKey>, jws: &str) -> Option<Vec<u8>> {
    let (key, (header, parts)) = (key?, Header::read(jws)?);
    let encoded = (key.is_named_by(&header) && key.verifies(&parts)).then_some(parts.payload)?;
    // The server's own base64: it comes after the signature.
    let mut buffer = vec![0; encoded.len() + 3];
    super::super::verify::decode(encoded, &mut buffer).map(<[u8]>::to_vec)
}

/// The public key, or the secret.
fn jwk_of(group: &Value) -> &Value {
    let jwk = group.get("public").unwrap_or(&group["private"]);
    // A set of one is that one.
    jwk.get("keys").map_or(jwk, |keys| &keys[0])
}

#[test]
fn j1_j2_j3_j5_signatures_of_wycheproof_have_the_verdict_of_wycheproof() {
    const FILE: &str = "wycheproof/json_web_signature_test.json";
    let _ = keys();
    let (mut cases, mut accepted) = (0, BTreeMap::<String, usize>::new());
    for group in read(FILE)["testGroups"].as_array().expect("a list") {
        let jwk = jwk_of(group);
        let key = key(jwk, &jwk["alg"]);
        for test in group["tests"].as_array().expect("a list") {
            cases += 1;
            let (id, said) = (&test["tcId"], test["result"].as_str().expect("a verdict"));
            let expected = exception(FILE, id).unwrap_or_else(|| said.to_owned());
            let good = test["jws"].as_str().is_some_and(|jws| payload(key.as_ref(), jws).is_some());
            assert_eq!(good, expected == "valid", "{id} {}", test["comment"]);
            if good {
                *accepted.entry(jwk["alg"].to_string()).or_default() += 1;
            }
        }
    }
    assert_eq!(cases, SIGNATURES);
    let algorithms: Vec<_> = accepted.keys().map(|name| name.trim_matches('"')).collect();
    assert_eq!(algorithms, ["ES256", "HS256", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]);
}

#[test]
fn j9_keys_of_wycheproof_have_the_verdict_of_wycheproof() {
    const FILE: &str = "wycheproof/json_web_key_test.json";
    let (mut cases, mut run) = (0, 0);
    for group in read(FILE)["testGroups"].as_array().expect("a list") {
        for test in group["tests"].as_array().expect("a list") {
            cases += 1;
            if exception(FILE, &test["tcId"]).is_some() {
                continue;
            }
            run += 1;
            let jwk = jwk_of(group);
            let key = key(jwk, &jwk["alg"]);
            // A short secret makes no server, so there is nothing that could accept its tokens.
            let is_short = jwk["kty"] == "oct" && {
                let secret = URL_SAFE_NO_PAD.decode(jwk["k"].as_str().expect("a secret")).expect("base64");
                crate::Auth::builder(crate::store::memory::MemoryStore::new())
                    .config(AuthConfig::new(crate::SecretKey::new(secret)))
                    .build()
                    .is_err()
            };
            let good = !is_short && payload(key.as_ref(), test["jws"].as_str().expect("a token")).is_some();
            assert_eq!(good, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
        }
    }
    assert_eq!((cases, run), (KEYS, 4));
}

#[test]
fn j1_j2_signatures_in_the_rfcs() {
    let _ = keys();
    let file = read("rfc/jws_rfc.json");
    let tests = file["tests"].as_array().expect("a list");
    for test in tests {
        let jws = test["jws"].as_str().expect("a token");
        let key = test.get("jwk").and_then(|jwk| key(jwk, &test["alg"]));
        assert_eq!(payload(key.as_ref(), jws).is_some(), test["valid"] == true, "{}", test["ref"]);
        // Whatever is signed in another way is nothing to the key of a server.
        assert_eq!(verdict(jws), Err(TokenProblem::Invalid), "{}", test["ref"]);
    }
    assert_eq!(tests.len(), 4);
}

#[test]
fn j1_j4_j5_signatures_of_the_jose_cookbook() {
    let _ = keys();
    for file in [
        "4_1.rsa_v15_signature.json",
        "4_2.rsa-pss_signature.json",
        "4_3.ecdsa_signature.json",
        "4_4.hmac-sha2_integrity_protection.json",
        "jws.json",
        "hmac-sha2_b64_false.json",
    ] {
        let file = format!("jose-cookbook/{file}");
        let example = read(&file);
        let input = &example["input"];
        let compact = example["output"]["compact"].as_str().expect("a token");
        let key = key(&input["key"], &input["alg"]);
        let found = payload(key.as_ref(), compact);
        // RFC 7797: `b64` is critical, and we do not do it (requirement J4).
        let is_good = !file.contains("b64_false") && exception(&file, &json!(0)).is_none();
        assert_eq!(found.is_some(), is_good, "{file}");
        if let Some(found) = found {
            assert_eq!(found, input["payload"].as_str().expect("a text").as_bytes(), "{file}");
        }
        // The JSON serialisations are no tokens.
        for other in ["json", "json_flat"] {
            let text = example["output"][other].to_string();
            assert_eq!(payload(key.as_ref(), &text), None, "{file} {other}");
        }
    }
}

/// A reason that no longer holds must not stay.
#[test]
fn every_exception_is_of_a_case_that_is_there() {
    let exceptions = read("exceptions.json");
    for exception in exceptions.as_array().expect("a list") {
        let file = exception["file"].as_str().expect("a file");
        let cases = read(file).to_string();
        for test in exception["tests"].as_array().expect("a list") {
            let is_there = test == 0
                || cases.contains(&format!("\"tcId\":{test},"))
                || cases.contains(&format!("\"tcId\":{test}}}"))
                || cases.contains(&format!("\"alg\":{test}"));
            assert!(is_there, "{file} {test}");
        }
        if exception["expect"] != "skip" && file.starts_with("wycheproof") {
            let file = read(file);
            let groups = file["testGroups"].as_array().expect("a list");
            let tests = groups.iter().flat_map(|group| group["tests"].as_array().expect("a list"));
            for test in tests.filter(|test| exception["tests"].as_array().expect("a list").contains(&test["tcId"])) {
                assert_ne!(test["result"], exception["expect"], "{} is no exception", test["tcId"]);
            }
        }
    }
}
