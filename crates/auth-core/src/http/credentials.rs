//! Where an access token may be in a request (requirements B1, B3): the header, the query, or the session cookie.

use std::borrow::Cow;

use super::cookie::Cookie;
use super::head::{RequestHead, Single};
use super::problem::{Problem, Reason};
use super::query::{StrippedQuery, strip_query_token};
use crate::config::TokenSources;
use crate::error::ErrorKind;

/// What a request brings.
#[derive(Debug)]
pub(super) enum Credentials<'a> {
    Nothing,
    /// From header or query.
    Bearer(Cow<'a, str>),
    /// From the session cookie.
    Session(&'a str),
}

/// What a request brings, and what was taken out of its query on the way.
pub(super) struct Found<'a> {
    pub(super) credentials: Result<Credentials<'a>, Problem>,
    /// The new query, when this guard stripped it.
    pub(super) stripped: Option<StrippedQuery>,
    /// Whether a token came in the query, stripped here or before.
    pub(super) in_query: bool,
}

/// Looks for a token, nowhere twice.
pub(super) fn find<'a>(head: &RequestHead<'a>, sources: TokenSources, session_cookie: Option<&Cookie>) -> Found<'a> {
    let reads_query = sources == TokenSources::HeaderAndQuery;
    let stripped = if reads_query { head.query.and_then(strip_query_token) } else { None };
    let earlier = head.stripped.filter(|_| reads_query);
    let in_query = earlier.into_iter().chain(stripped.as_ref().map(|stripped| &stripped.token));
    let mut query_tokens = in_query.flat_map(|token| token.values());

    let first = query_tokens.next();
    let several = query_tokens.next().is_some();
    let credentials = match (head.single("authorization"), first) {
        (Single::Several, _) => Err(Problem::payload(Reason::SeveralTokens)),
        (Single::One(line), None) => match bearer(line) {
            Scheme::Bearer(token) => Ok(Credentials::Bearer(Cow::Borrowed(token))),
            Scheme::Malformed => Err(ErrorKind::InvalidToken.into()),
            Scheme::Other => session(head, session_cookie),
        },
        (Single::One(line), Some(_)) if !matches!(bearer(line), Scheme::Other) => {
            Err(Problem::payload(Reason::SeveralTokens))
        }
        (_, Some(_)) if several => Err(Problem::payload(Reason::SeveralTokens)),
        (_, Some(token)) => Ok(Credentials::Bearer(Cow::Owned(token.clone()))),
        (Single::Absent, None) => session(head, session_cookie),
    };
    Found { credentials, in_query: first.is_some(), stripped }
}

fn session<'a>(head: &RequestHead<'a>, cookie: Option<&Cookie>) -> Result<Credentials<'a>, Problem> {
    let token = cookie.map_or(Ok(None), |cookie| cookie.read(head))?;
    Ok(token.map_or(Credentials::Nothing, Credentials::Session))
}

enum Scheme<'a> {
    Bearer(&'a str),
    Malformed,
    Other,
}

/// `Bearer`, in any case, one space, and a token of the alphabet of RFC 6750 2.1.
fn bearer(line: &[u8]) -> Scheme<'_> {
    let end = line.iter().position(|byte| *byte == b' ' || *byte == b'\t').unwrap_or(line.len());
    let (scheme, rest) = line.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Scheme::Other;
    }
    match rest.strip_prefix(b" ") {
        Some(token) if !token.is_empty() && is_b64token(token) => {
            std::str::from_utf8(token).map_or(Scheme::Malformed, Scheme::Bearer)
        }
        _ => Scheme::Malformed,
    }
}

fn is_b64token(token: &[u8]) -> bool {
    // Without an early exit, so that it compiles to vector instructions; in few ranges, so that they are few.
    token.iter().fold(true, |all, byte| {
        let is_letter = (byte | 0x20).is_ascii_lowercase();
        let is_digit_or_mark = matches!(byte, b'-'..=b'9');
        all & (is_letter | is_digit_or_mark | (*byte == b'_') | (*byte == b'~') | (*byte == b'+') | (*byte == b'='))
    })
}

#[cfg(test)]
mod tests {
    use super::super::head::TestLines;
    use super::*;
    use crate::config::AuthConfig;

    #[test]
    fn the_alphabet_of_a_token_is_that_of_rfc_6750() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            assert_eq!(is_b64token(&[byte]), expected, "{byte:#x}");
        }
    }

    fn look(query: Option<&str>, headers: &[(&str, &[u8])], sources: TokenSources) -> String {
        let lines = TestLines(headers);
        let cookie = Cookie::new(&AuthConfig::new("").session_cookie);
        match find(&RequestHead::test("GET", query, &lines), sources, Some(&cookie)).credentials {
            Ok(Credentials::Nothing) => "nothing".to_owned(),
            Ok(Credentials::Bearer(token)) => format!("bearer {token}"),
            Ok(Credentials::Session(token)) => format!("session {token}"),
            Err(Problem::Payload(reason)) => format!("400 {reason:?}"),
            Err(Problem::Operation(error)) => format!("401 {:?}", error.kind()),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn b1_b3_a_token_is_found_in_one_place_or_refused() {
        let cookie: (&str, &[u8]) = ("cookie", b"__Host-session_token=s");
        for (query, headers, expected) in [
            (None, vec![], "nothing"),
            (None, vec![("authorization", b"Bearer a.b-c_d~e+f/g==".as_slice())], "bearer a.b-c_d~e+f/g=="),
            (None, vec![("authorization", b"bEaReR t")], "bearer t"),
            (None, vec![("authorization", b"Basic dTpw")], "nothing"),
            (None, vec![("authorization", b"Bearerx t")], "nothing"),
            (None, vec![("authorization", b"\xff\xfe")], "nothing"),
            (None, vec![("authorization", b"Bearer")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer ")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer  t")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer\tt")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer t t")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer t,")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer \xff")], "401 InvalidToken"),
            (None, vec![("authorization", b"Bearer"), cookie], "401 InvalidToken"),
            (None, vec![("authorization", b"Basic dTpw"), cookie], "session s"),
            (None, vec![cookie], "session s"),
            (None, vec![cookie, cookie], "400 CookieTwice"),
            (None, vec![("cookie", b"__Host-session_token=")], "nothing"),
            (None, vec![("cookie", b"__host-session_token=s")], "nothing"),
            (None, vec![("cookie", b"a=1;__Host-session_token=s ; b=2")], "session s"),
            (None, vec![("cookie", b"\xff\xfe; =; ;;a")], "nothing"),
            (None, vec![("authorization", b"Bearer t"), cookie], "bearer t"),
            (None, vec![("authorization", b"Bearer t"), cookie, cookie], "bearer t"),
            (None, vec![("authorization", b"Bearer t"), ("authorization", b"Bearer t")], "400 SeveralTokens"),
            (Some("access_token=t"), vec![], "bearer t"),
            (Some("access_token=t"), vec![cookie], "bearer t"),
            (Some("access_token=t"), vec![("authorization", b"Bearer t")], "400 SeveralTokens"),
            (Some("access_token=t"), vec![("authorization", b"Bearer")], "400 SeveralTokens"),
            (Some("access_token=t"), vec![("authorization", b"Basic dTpw")], "bearer t"),
            (Some("access_token=t&x=1&access%5Ftoken=t"), vec![], "400 SeveralTokens"),
            (Some("access_token="), vec![cookie], "bearer "),
        ] {
            assert_eq!(look(query, &headers, TokenSources::HeaderAndQuery), expected, "{query:?} {headers:?}");
        }
        assert_eq!(look(Some("access_token=t"), &[cookie], TokenSources::HeaderOnly), "session s");
        let header: (&str, &[u8]) = ("authorization", b"Bearer h");
        assert_eq!(look(Some("access_token=t"), &[header], TokenSources::HeaderOnly), "bearer h");
    }
}
