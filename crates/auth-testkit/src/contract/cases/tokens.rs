//! Forged access tokens (requirements J2 to J8, J12): none of these opens a door.

use ring::hmac;
use serde_json::{Value, json};

use crate::contract::forge::{ACCESS_HEADER, encode, hs256, sign_parts, with_trailing_bit};
use crate::contract::{Refusal, Request, SECRET, SESSION_COOKIE, Subject};

const KEY: &[u8] = SECRET.as_bytes();

/// The claims of a good token, as JSON.
fn claims(s: &Subject) -> String {
    Value::Object(s.claims(s.user())).to_string()
}

async fn refused(s: &Subject, what: &str, token: &str) {
    let response = s.guarded(token).await;
    assert_eq!(response.status, 401, "{what}: {token}\n{response}");
    response.expect_refused(Refusal::Invalid);
}

/// The control: a token that anybody with the secret makes is good, with `typ` or without.
pub async fn a_token_of_another_signer_with_the_secret_is_good(s: &Subject) {
    for header in [
        ACCESS_HEADER, r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"alg":"HS256"}"#, r#"{ "alg" : "HS256", "typ" : "JWT" }"#,
        r#"{"\u0061lg":"HS256"}"#,
    ] {
        let response = s.guarded(&hs256(KEY, header, &claims(s))).await;
        assert_eq!(response.status, 200, "{header}\n{response}");
        assert_eq!(response.json()["user"], s.user().id.as_str(), "{response}");
        assert_eq!(response.json()["session"], Value::Null, "{response}");
    }
}

/// J2: `none`, in any case, with and without a signature.
pub async fn j2_none_is_refused(s: &Subject) {
    for alg in ["none", "None", "NONE", "nOnE", "none ", ""] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        let unsigned = format!("{}.{}.", encode(&header), encode(claims(s)));
        refused(s, alg, &unsigned).await;
        refused(s, alg, unsigned.trim_end_matches('.')).await;
        refused(s, alg, &format!("{unsigned}{}", encode(b"x"))).await;
        refused(s, alg, &hs256(KEY, &header, &claims(s))).await;
        refused(s, alg, &hs256(b"", &header, &claims(s))).await;
    }
    let good = hs256(KEY, ACCESS_HEADER, &claims(s));
    let signature = good.rfind('.').expect("has parts");
    refused(s, "no signature", &good[..=signature]).await;
}

/// J1: the algorithm is the key's, in its exact case.
pub async fn j1_another_algorithm_is_refused(s: &Subject) {
    for alg in ["hs256", "Hs256", "HS256 ", "HS-256", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "A256GCM"] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        refused(s, alg, &hs256(KEY, &header, &claims(s))).await;
    }
    for (alg, algorithm) in [("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        let header = encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        refused(s, alg, &sign_parts(algorithm, KEY, &header, &encode(claims(s)))).await;
    }
    for header in
        [r#"{"typ":"JWT"}"#, r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":256}"#, "{}", "[]", "", "HS256"]
    {
        refused(s, header, &hs256(KEY, header, &claims(s))).await;
    }
}

/// J2: another key, and a signature cut, stretched or exchanged.
pub async fn j2_a_wrong_signature_is_refused(s: &Subject) {
    for key in [b"".as_slice(), b"secret", &KEY[..KEY.len() - 1], &[0; 32], encode(KEY).as_bytes()] {
        refused(s, "another key", &hs256(key, ACCESS_HEADER, &claims(s))).await;
    }
    let good = hs256(KEY, ACCESS_HEADER, &claims(s));
    let other = s.forged(&json!({"admin_access": true}));
    let (signed, signature) = good.rsplit_once('.').expect("has parts");
    let (other_signed, _) = other.rsplit_once('.').expect("has parts");
    for (what, token) in [
        ("the signature of another token", format!("{other_signed}.{signature}")),
        ("a cut signature", format!("{signed}.{}", &signature[..20])),
        ("half a signature", format!("{signed}.{}", &signature[..22])),
        ("a longer signature", format!("{signed}.{signature}AAAA")),
        ("a doubled signature", format!("{signed}.{signature}{signature}")),
        ("the key", format!("{signed}.{}", encode(KEY))),
        ("zeros", format!("{signed}.{}", encode([0; 32]))),
    ] {
        refused(s, what, &token).await;
    }
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        refused(s, "an altered character", &String::from_utf8(bytes).expect("is ASCII")).await;
    }
}

/// J4: a token does not bring or choose its key, and nothing critical is skipped.
pub async fn j4_a_token_does_not_choose_its_key(s: &Subject) {
    let evil = b"the attacker's own key, 32 bytes";
    let jwk = json!({"kty": "oct", "k": encode(evil), "alg": "HS256"});
    for extra in [
        json!({"jwk": jwk}),
        json!({"jku": "https://evil.example/jwks.json"}),
        json!({"x5u": "https://evil.example/cert.pem"}),
        json!({"x5c": ["MIIB"]}),
        json!({"kid": "evil", "jwk": jwk}),
    ] {
        refused(s, "the attacker's key", &hs256(evil, &header_with(&extra), &claims(s))).await;
    }
    for kid in ["", "1", "../../../../dev/null", "/dev/null", "' UNION SELECT 'a", "https://evil.example/k", "a\u{0}b"]
    {
        let header = header_with(&json!({"kid": kid}));
        refused(s, "an empty key", &hs256(b"", &header, &claims(s))).await;
        refused(s, "a kid without a key", &hs256(KEY, &header, &claims(s))).await;
    }
    refused(s, "a long kid", &hs256(KEY, &header_with(&json!({"kid": "k".repeat(2000)})), &claims(s))).await;
    for crit in [json!(["unknown"]), json!(["exp"]), json!(["b64"]), json!([]), json!("exp")] {
        let header = header_with(&json!({"crit": crit, "unknown": 1}));
        refused(s, "crit", &hs256(KEY, &header, &claims(s))).await;
    }
    let unencoded = header_with(&json!({"crit": ["b64"], "b64": false}));
    refused(s, "b64", &hs256(KEY, &unencoded, &claims(s))).await;
    refused(s, "zip", &hs256(KEY, &header_with(&json!({"zip": "DEF"})), &claims(s))).await;
    refused(s, "a nested token", &hs256(KEY, &header_with(&json!({"cty": "JWT"})), &claims(s))).await;
}

fn header_with(extra: &Value) -> String {
    let mut header = json!({"alg": "HS256", "typ": "JWT"});
    for (name, value) in extra.as_object().expect("is an object") {
        header[name] = value.clone();
    }
    header.to_string()
}

/// J5: compact serialization in strict base64url, and nothing else.
pub async fn j5_only_strict_base64url_is_read(s: &Subject) {
    let header = encode(ACCESS_HEADER);
    // A payload whose last character has unused bits, and whose text has `-` and `_`.
    let mut text = claims(s);
    while encode(&text).len().is_multiple_of(4) {
        text.push(' ');
    }
    let payload = encode(&text);
    let sign = |header: &str, payload: &str| sign_parts(hmac::HMAC_SHA256, KEY, header, payload);
    let good = sign(&header, &payload);
    s.guarded(&good).await.expect_status(200);
    let (signed, signature) = good.rsplit_once('.').expect("has parts");

    let special = encode(claims(s).replace('{', r#"{"x":"???>>>~~~","#));
    assert!(special.contains(['-', '_']), "the payload should have special characters: {special}");
    s.guarded(&sign(&header, &special)).await.expect_status(200);

    for (what, token) in [
        ("trailing bits in the signature", format!("{signed}.{}", with_trailing_bit(signature))),
        ("trailing bits in the payload", sign(&header, &with_trailing_bit(&payload))),
        ("a padded signature", format!("{good}=")),
        ("a padded payload", sign(&header, &format!("{payload}="))),
        ("a padded header", sign(&format!("{header}="), &payload)),
        ("plain base64", sign(&header, &special.replace('-', "+").replace('_', "/"))),
        ("a space in the payload", sign(&header, &format!("{} {}", &payload[..8], &payload[8..]))),
        ("a tab in the signature", format!("{signed}.{}\t{}", &signature[..8], &signature[8..])),
        ("a comma", format!("{signed}.{},{}", &signature[..8], &signature[8..])),
        ("four parts", format!("{good}.")),
        ("five parts", format!("{good}..")),
        ("a leading dot", format!(".{good}")),
        ("two parts", signed.to_owned()),
        ("an empty payload", sign(&header, "")),
        ("an empty header", sign("", &payload)),
        ("JSON", json!({"protected": header, "payload": payload, "signature": signature}).to_string()),
        ("not JSON", sign(&header, &encode("claims"))),
        ("an array", sign(&header, &encode(format!("[{text}]")))),
        ("more than one object", sign(&header, &encode(format!("{text}{text}")))),
        ("cut JSON", sign(&header, &encode(&text[..text.len() - 3]))),
        ("no UTF-8", sign(&header, &encode(b"{\"id\":\"\xff\",\"exp\":99999999999}"))),
    ] {
        refused(s, what, &token).await;
    }
    // White space that a header cannot carry can come through the query.
    for inserted in ["%20", "%0A", "%0D%0A", "%00", "%09", "=", "%3D", "+"] {
        for token in
            [format!("{good}{inserted}"), format!("{inserted}{good}"), good.replace('.', &format!(".{inserted}"))]
        {
            let response = s.send(Request::get(format!("/guarded?access_token={token}"))).await;
            response.expect_refused(Refusal::Invalid);
        }
    }
}

/// J6: `exp` must be there, and dates are numbers.
pub async fn j6_dates_are_numbers(s: &Subject) {
    let with = |date: &str| claims(s).replace('{', &format!("{{{date},"));
    let without_exp = {
        let mut claims = s.claims(s.user());
        claims.remove("exp");
        Value::Object(claims).to_string()
    };
    refused(s, "no exp", &hs256(KEY, ACCESS_HEADER, &without_exp)).await;
    for value in [
        "null",
        "true",
        r#""9999999999""#,
        r#""""#,
        "[9999999999]",
        "{}",
        "1e300",
        "-1e300",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775807",
        "999999999999999999999999999999999999999999",
    ] {
        let exp = without_exp.replace('{', &format!(r#"{{"exp":{value},"#));
        refused(s, value, &hs256(KEY, ACCESS_HEADER, &exp)).await;
    }
    for value in ["-1", "-9999999999", "0.5", "1e3"] {
        let exp = without_exp.replace('{', &format!(r#"{{"exp":{value},"#));
        s.guarded(&hs256(KEY, ACCESS_HEADER, &exp)).await.expect_refused(Refusal::Expired);
    }
    let float = without_exp.replace('{', &format!(r#"{{"exp":{}.5,"#, s.now() + 60));
    s.guarded(&hs256(KEY, ACCESS_HEADER, &float)).await.expect_status(200);
    for date in [r#""nbf":"0""#, r#""nbf":{}"#, r#""nbf":[0]"#, r#""nbf":1e300"#, r#""nbf":true"#] {
        refused(s, date, &hs256(KEY, ACCESS_HEADER, &with(date))).await;
    }
    let mut without_iat = s.claims(s.user());
    without_iat.remove("iat");
    let without_iat = Value::Object(without_iat).to_string();
    s.guarded(&hs256(KEY, ACCESS_HEADER, &without_iat)).await.expect_status(200);
    for value in [r#""0""#, "{}", "true", "1e300"] {
        let iat = without_iat.replace('{', &format!(r#"{{"iat":{value},"#));
        refused(s, value, &hs256(KEY, ACCESS_HEADER, &iat)).await;
    }
}

/// J7: issuer, audience and subject are checked, each of its type.
pub async fn j7_a_token_is_from_us_and_for_us(s: &Subject) {
    for changes in [
        json!({"iss": null}),
        json!({"iss": ""}),
        json!({"iss": "Auth"}),
        json!({"iss": "auth "}),
        json!({"iss": "directus"}),
        json!({"iss": ["auth"]}),
        json!({"iss": 1}),
        json!({"aud": "somebody else"}),
        json!({"aud": ["somebody else", "auth"]}),
        json!({"aud": 1}),
        json!({"id": null}),
        json!({"id": ""}),
        json!({"id": 1}),
        json!({"id": [s.user().id.as_str()]}),
        json!({"id": "x".repeat(65)}),
        json!({"role": 1}),
        json!({"role": ["editor"]}),
        json!({"admin_access": "true"}),
        json!({"admin_access": 2}),
        json!({"app_access": []}),
        json!({"sid": "no session id"}),
        json!({"sid": 1}),
        json!({"scope": "password-reset"}),
        json!({"scope": "invite"}),
        json!({"share": "01890000-0000-7000-8000-000000000001"}),
    ] {
        refused(s, &changes.to_string(), &s.forged(&changes)).await;
    }
    // Without an `id`, `sub` is no substitute.
    refused(s, "sub", &s.forged(&json!({"id": null, "sub": s.user().id.as_str()}))).await;
    // What another signer adds for itself is none of our business.
    let more = json!({"https://example.com/claim": {"a": [1]}, "jti": "x", "sub": "y"});
    s.guarded(&s.forged(&more)).await.expect_status(200);
}

/// J8: tokens of one kind do not do for another.
pub async fn j8_tokens_of_other_kinds_open_nothing(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let session = s.login_session(s.user()).await;
    // A session token comes from its cookie alone.
    refused(s, "a session token as bearer", &session).await;
    let response = s.send(Request::get(format!("/guarded?access_token={session}"))).await;
    response.expect_refused(Refusal::Invalid);
    let response = s.send(Request::get("/header-only").bearer(&session)).await;
    response.expect_refused(Refusal::Invalid);
    // Its claims under the header of an access token are no access token.
    let (_, claims) = crate::contract::forge::decode(&session);
    refused(s, "session claims", &hs256(KEY, ACCESS_HEADER, &Value::Object(claims).to_string())).await;
    // An access token is no session cookie, a refresh token neither of the two.
    for value in [&tokens.access, &tokens.refresh, &s.forged(&json!({"session": tokens.refresh}))] {
        s.guarded_by_session(value).await.expect_refused(Refusal::Invalid);
        let users_me = Request::get(s.path("/users/me")).cookie(SESSION_COOKIE, value);
        s.send(users_me).await.expect_refused(Refusal::Invalid);
    }
    refused(s, "a refresh token", &tokens.refresh).await;
    for typ in ["session+jwt", "reset+jwt", "dpop+jwt", "id_token", "", "JWT "] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        refused(s, typ, &hs256(KEY, &header, &self::claims(s))).await;
    }
}

/// J12: a claim that is there twice is refused, never first or last wins.
pub async fn j12_duplicate_claims_are_refused(s: &Subject) {
    let now = s.now();
    for duplicate in [
        r#""admin_access":true"#.to_owned(),
        format!(r#""id":"{}""#, s.accounts.admin.id),
        r#""iss":"auth""#.to_owned(),
        r#""iss":"evil""#.to_owned(),
        r#""role":"administrator""#.to_owned(),
        format!(r#""exp":{}"#, now + 60),
        format!(r#""exp":{}"#, now - 60),
        r#""\u0069d":"somebody""#.to_owned(),
    ] {
        let claims = claims(s);
        let first = claims.replace('{', &format!("{{{duplicate},"));
        let last = claims.replace('}', &format!(",{duplicate}}}"));
        refused(s, &duplicate, &hs256(KEY, ACCESS_HEADER, &first)).await;
        refused(s, &duplicate, &hs256(KEY, ACCESS_HEADER, &last)).await;
    }
}

/// J12: a large token is refused unread, a nested one does no harm, and nothing hangs.
pub async fn j12_large_and_nested_tokens_do_no_harm(s: &Subject) {
    for nested in ["[".repeat(2_500) + &"]".repeat(2_500), r#"{"a":"#.repeat(800) + "1" + &"}".repeat(800)] {
        let claims = claims(s).replace('{', &format!("{{\"nested\":{nested},"));
        let response = s.guarded(&hs256(KEY, ACCESS_HEADER, &claims)).await;
        assert!(matches!(response.status, 200 | 401), "{response}");
    }
    refused(s, "nested header", &hs256(KEY, &"[".repeat(2_000), &claims(s))).await;
    for size in [9 * 1024, 16 * 1024] {
        refused(s, "a large token", &s.forged(&json!({"pad": "x".repeat(size)}))).await;
        refused(s, "a large text", &"a".repeat(size)).await;
        refused(s, "many dots", &".".repeat(size)).await;
        let response = s.send(Request::get(format!("/guarded?access_token={}", "a".repeat(size)))).await;
        response.expect_refused(Refusal::Invalid);
        s.guarded_by_session(&"a".repeat(size)).await.expect_refused(Refusal::Invalid);
    }
    let huge = "a".repeat(1 << 20);
    for request in [
        Request::get("/guarded").bearer(&huge),
        Request::get(format!("/guarded?access_token={huge}")),
        Request::get("/guarded").cookie(SESSION_COOKIE, &huge),
        Request::get("/guarded").bearer(&".".repeat(1 << 20)),
    ] {
        if let Some(response) = s.send_at_all(request).await {
            assert!((400..500).contains(&response.status), "{response}");
        }
    }
    s.login(s.user()).await;
}
