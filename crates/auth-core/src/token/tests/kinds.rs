//! No kind of token is taken for another, by whichever way it is verified (requirement J8).

use super::*;
use crate::token::Scope;

const HEADERS: [&str; 3] = [HEADER, r#"{"alg":"HS256","typ":"session+jwt"}"#, r#"{"alg":"HS256","typ":"enrol+jwt"}"#];

/// The claims of an access token, a session token and a token for enrolment.
fn payloads() -> [String; 3] {
    [claims().to_string(), with("session", json!("s")), with("kind", json!("enrol"))]
}

#[test]
fn j8_each_kind_needs_its_header_and_its_claims() {
    let keys = keys();
    for (h, header) in HEADERS.iter().enumerate() {
        for (p, payload) in payloads().iter().enumerate() {
            let token = forge(header, payload);
            let accepted = [
                keys.verify_access(&token, now()).is_ok(),
                keys.verify_session(&token, now()).is_ok(),
                keys.verify_enrol(&token, now()).is_ok(),
            ];
            let expected: [bool; 3] = std::array::from_fn(|kind| kind == h && kind == p);
            assert_eq!(accepted, expected, "{header} {payload}");
        }
    }
}

#[test]
fn j8_a_request_is_told_which_of_the_two_it_sent() {
    let keys = keys();
    let scope = |header: &str, payload: &str| keys.verify_bearer(&forge(header, payload), now()).map(|id| id.scope);
    let [access, session, enrol] = payloads();
    assert_eq!(scope(HEADERS[0], &access), Ok(Scope::Full));
    assert_eq!(scope(HEADERS[2], &enrol), Ok(Scope::Enrolment));
    for (header, payload) in [
        (HEADERS[0], &enrol),
        (HEADERS[0], &session),
        (HEADERS[1], &session),
        (HEADERS[1], &access),
        (HEADERS[2], &access),
        (HEADERS[2], &session),
    ] {
        assert_eq!(scope(header, payload), Err(TokenProblem::Invalid), "{header} {payload}");
    }
    assert_eq!(scope(HEADERS[2], &with("exp", json!(NOW))), Err(TokenProblem::Invalid), "never good, so not expired");
}

/// Headers that are not ours byte for byte go the slow way: it makes access tokens alone.
#[test]
fn j8_the_slow_way_takes_no_other_kind() {
    let keys = keys();
    let [access, session, enrol] = payloads();
    for typ in ["enrol+jwt", "ENROL+JWT", "application/enrol+jwt", "session+jwt", "at+jwt", "JWT", "jwt"] {
        for header in [
            format!(r#"{{"typ":"{typ}","alg":"HS256"}}"#),
            format!(r#"{{"alg":"HS256","typ":"{typ}" }}"#),
            format!(r#"{{"alg":"HS256","typ":"{typ}","x":1}}"#),
        ] {
            for payload in [&access, &session, &enrol] {
                let token = forge(&header, payload);
                let is_access = typ.to_ascii_lowercase().trim_start_matches("at+") == "jwt" && *payload == access;
                assert_eq!(keys.verify_access(&token, now()).is_ok(), is_access, "{header} {payload}");
                assert_eq!(keys.verify_bearer(&token, now()).is_ok(), is_access, "{header} {payload}");
                assert!(keys.verify_enrol(&token, now()).is_err(), "{header} {payload}");
                assert!(keys.verify_session(&token, now()).is_err(), "{header} {payload}");
            }
        }
    }
    let without_typ = forge(r#"{"alg":"HS256"}"#, &enrol);
    assert!(keys.verify_bearer(&without_typ, now()).is_err());
}

#[test]
fn j8_only_its_own_name_makes_a_kind() {
    let keys = keys();
    for kind in
        [json!("Enrol"), json!("enrol "), json!(""), json!("access"), json!(null), json!(true), json!(["enrol"])]
    {
        for header in HEADERS {
            assert!(keys.verify_bearer(&forge(header, &with("kind", kind.clone())), now()).is_err(), "{header} {kind}");
        }
    }
    let twice = claims().to_string().replacen('{', r#"{"kind":"enrol","kind":"enrol","#, 1);
    assert!(keys.verify_bearer(&forge(HEADERS[2], &twice), now()).is_err());
}
