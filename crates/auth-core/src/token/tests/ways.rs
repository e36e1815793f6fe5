//! The fast way and the slow way accept the same tokens and say the same of them, whatever is done to a token.
//! `PROPTEST_CASES` says how often each is tried.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::token::claims::Claims;
use crate::token::{Identity, Scope};

/// The same in another order: goes the slow way.
const OTHER_HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

const SESSION: &str = "0193c1b2-9e21-7d44-8a10-2b3c4d5e6f70";

/// Verification without anything of the fast way: header and signature through `jsonwebtoken`, the usual base64, claims
/// through serde.
fn slowly(keys: &TokenKeys, token: &str) -> Result<Identity, TokenProblem> {
    let invalid = TokenProblem::Invalid;
    let ring = keys.ring.load();
    let (key, parts) = ring.find_slowly(token).ok_or(invalid)?;
    let encoded = key.verified_slowly(&parts).ok_or(invalid)?;
    let payload = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| invalid)?;
    let claims = Claims::parse_any(&payload).ok_or(invalid)?;
    keys.check(&claims, TokenKind::Access, now())?;
    Ok(claims.identity(Scope::Full, &payload))
}

pub(super) fn agree(keys: &TokenKeys, token: &str) -> Result<bool, TestCaseError> {
    let [fast, slow] = [keys.verify_access(token, now()), slowly(keys, token)];
    // Says all that there is, the app's claims included.
    prop_assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{}", token);
    Ok(fast.is_ok())
}

/// Claims as they may be written: mostly good ones, so that most of what follows is reached.
fn payload() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        8 => prop::sample::select(vec![
            r#""role":"editor""#, r#""role":null"#, r#""app_access":true"#, r#""app_access":0"#, r#""admin_access":1"#,
            r#""admin_access":false"#, r#""ep":3"#, r#""ep":0"#, r#""aal":2"#, r#""auth_time":1799999990"#,
            r#""iat":1800000000"#, r#""nbf":1800000000"#, r#""tenant":"acme""#, r#""n":17"#, r#""x":null"#,
        ]).prop_map(str::to_owned),
        1 => Just(format!(r#""sid":"{SESSION}""#)),
        1 => Just(format!(r#""sid":"{}""#, SESSION.to_ascii_uppercase())),
        3 => (
            prop::sample::select(vec![
                "id", "role", "app_access", "admin_access", "sid", "ep", "auth_time", "aal", "session", "iat", "exp",
                "nbf", "iss", "aud", "kind", "scope", "share", "x", "", "\\u0069d", "i\\/d", "\u{e4}",
            ]),
            value(),
        ).prop_map(|(key, value)| format!(r#""{key}":{value}"#)),
    ];
    let end = prop::sample::select(vec![
        r#""exp":1800000900"#, r#""exp":1800000900"#, r#""exp":1800000000"#, r#""exp":1800000000.5"#, r#""exp":1.9e9"#,
    ]);
    let members = prop::collection::vec(member, 0..7);
    (members, end, 0..9_usize).prop_map(|(mut members, end, at)| {
        for member in [r#""id":"u1""#, end, r#""iss":"auth""#] {
            members.insert(at % (members.len() + 1), member.to_owned());
        }
        format!("{{{}}}", members.join(","))
    })
}

/// Values in and out of every range.
fn value() -> impl Strategy<Value = String> {
    let written = [
        "null", "true", "false", "0", "1", "2", "-0", "-1", "00", "01", "255", "256", "1.0", "1e0", "1E3", "0.5",
        "-1e-3", "1800000001", "999999999999999", "1000000000000000", "9007199254740992", "9007199254740993",
        "18446744073709551615", "18446744073709551616", "1e400", "\"\"", "\"auth\"", "\"u1\"", "\"enrol\"",
        "\"\\u0041\"", "\"\\n\"", "\"\u{7f}\"", "\"\u{85}\"", "\"\u{e9}\"", "\"a\tb\"", "[]", "{}", "[\"auth\"]",
        "{\"a\":[1,{}]}", "tru", "nul", "\"", "",
    ];
    prop_oneof![
        4 => prop::sample::select(written.to_vec()).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| json!(number).to_string()),
        1 => "[ -~]{0,70}".prop_map(|text| json!(text).to_string()),
        1 => "\\PC{0,8}".prop_map(|text| json!(text).to_string()),
        1 => "[0-9]{1,20}",
    ]
}

/// What somebody does to a text: puts a byte or a word somewhere, in place of up to two bytes.
pub(super) fn edits(words: Vec<&'static str>) -> impl Strategy<Value = Vec<(prop::sample::Index, usize, String)>> {
    let put = prop_oneof![prop::sample::select(words).prop_map(str::to_owned), "[ -~]{0,2}"];
    prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, put), 0..3)
}

pub(super) fn edited(text: &str, edits: &[(prop::sample::Index, usize, String)]) -> String {
    let mut text = text.to_owned();
    for (at, gone, put) in edits {
        let start = text.floor_char_boundary(at.index(text.len() + 1));
        let end = text.ceil_char_boundary((start + gone).min(text.len()));
        text.replace_range(start..end, put);
    }
    text
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(4000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The properties below are worth something only if plenty of tokens pass.
#[test]
fn the_tokens_that_are_tried_are_good_and_bad() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (keys, mut good, mut plain) = (keys(), 0, 0);
    for _ in 0..500 {
        let payload = payload().new_tree(&mut runner).expect("generates").current();
        good += usize::from(agree(&keys, &forge(HEADER, &payload)).expect("agree"));
        plain += usize::from(crate::token::plain::read(payload.as_bytes()).is_some());
    }
    assert!((50..450).contains(&good), "{good} of 500 are good");
    assert!((50..450).contains(&plain), "{plain} of 500 are read by the fast reader");
}

proptest! {
    #![proptest_config(config())]

    /// Signed claims, however they are written.
    #[test]
    fn j6_both_ways_read_the_same_claims(
        payload in payload(),
        edits in edits(vec![",", "\"", ":", "{", "}", " ", "\n", "\\", "\u{e9}", "\u{0}", "null", "1", "\"id\":\"u2\","]),
        slow_header in any::<bool>(),
    ) {
        let keys = keys();
        let payload = edited(&payload, &edits);
        agree(&keys, &forge(if slow_header { OTHER_HEADER } else { HEADER }, &payload))?;
        if let Some(claims) = crate::token::plain::read(payload.as_bytes()) {
            prop_assert_eq!(Some(claims), Claims::parse_any(payload.as_bytes()), "{}", payload);
        }
    }

    /// What a stranger does to a token that is good: both refuse it, unless it comes out the same.
    #[test]
    fn j5_both_ways_refuse_what_was_changed(
        edits in edits(vec![".", "..", "=", "-", "_", "+", "/", "A", "B", "eyJ", " ", "\n", "%2E", "\u{e9}"]),
        slow_header in any::<bool>(),
    ) {
        let good = forge(if slow_header { OTHER_HEADER } else { HEADER }, &claims().to_string());
        let token = edited(&good, &edits);
        prop_assert_eq!(agree(&keys(), &token)?, token == good, "{}", token);
    }

    /// Encodings that somebody with the key could sign: characters of other alphabets, padding, spare bits.
    #[test]
    fn j5_both_ways_take_the_same_base64(
        tail in "[A-Za-z0-9_=+/ .-]{0,5}",
        cut in 0..4_usize,
        space in 0..40_usize,
    ) {
        let payload = format!("{}{}", claims(), " ".repeat(space));
        let encoded = URL_SAFE_NO_PAD.encode(payload);
        let signed = format!("{}.{}{tail}", URL_SAFE_NO_PAD.encode(HEADER), &encoded[..encoded.len() - cut]);
        agree(&keys(), &sign_with(SECRET, &signed))?;
    }

    #[test]
    fn j5_nothing_that_is_sent_as_a_token_panics(token in "\\PC{0,300}") {
        prop_assert_eq!(verdict(&token), Err(TokenProblem::Invalid));
    }
}

/// Every byte and every length, through both decoders of base64.
#[test]
fn j5_both_decoders_refuse_the_same() {
    let decode = |text: &str| {
        let mut buffer = vec![0; text.len() + 3];
        crate::token::verify::decode(text, &mut buffer).map(<[u8]>::to_vec)
    };
    for length in 0..100 {
        let text = "A".repeat(length);
        assert_eq!(decode(&text), URL_SAFE_NO_PAD.decode(&text).ok(), "{length}");
        for byte in 0..=127_u8 {
            for at in [0, length / 2, length.saturating_sub(1)] {
                let mut bytes = text.clone().into_bytes();
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
                let text = String::from_utf8(bytes).expect("ASCII");
                assert_eq!(decode(&text), URL_SAFE_NO_PAD.decode(&text).ok(), "{text:?}");
            }
        }
    }
}
