//! The query string: its parameters, and the access token taken out of it (requirement B4).

use std::borrow::Cow;
use std::fmt;

/// The parameter that may carry an access token (RFC 6750 2.3).
const ACCESS_TOKEN: &str = "access_token";

/// Access tokens that were taken out of a query, for a guard further in. Redacted in `Debug`.
#[derive(Clone)]
pub struct QueryToken(Vec<String>);

impl QueryToken {
    pub(super) fn values(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for QueryToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryToken([redacted])")
    }
}

/// A query without its access token.
#[derive(Debug, Clone)]
pub struct StrippedQuery {
    /// The other parameters as they were; `None` when there are none, and the `?` should go too.
    pub query: Option<String>,
    /// What was taken out.
    pub token: QueryToken,
}

/// Takes every `access_token` out of `query`. `None` when there is none, which is the common case and costs no
/// allocation.
#[must_use]
pub fn strip_query_token(query: &str) -> Option<StrippedQuery> {
    let is_token = |pair: &&str| decode(key_and_value(pair).0) == ACCESS_TOKEN;
    if !query.split('&').any(|pair| is_token(&pair)) {
        return None;
    }
    let (tokens, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_token);
    let tokens = tokens.into_iter().map(|pair| decode(key_and_value(pair).1).into_owned()).collect();
    let query = (!others.is_empty()).then(|| others.join("&"));
    Some(StrippedQuery { query, token: QueryToken(tokens) })
}

/// The parameters, decoded.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = key_and_value(pair);
        (decode(key), decode(value))
    })
}

/// A segment of a path, decoded: there `+` is itself.
pub(super) fn segment(text: &str) -> Cow<'_, str> {
    if text.contains('+') { Cow::Owned(decode(&text.replace('+', "%2B")).into_owned()) } else { decode(text) }
}

fn key_and_value(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// `application/x-www-form-urlencoded`: `+` is a space, `%XX` a byte; what is no UTF-8 becomes U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_only_the_token_is_taken_out_and_the_rest_stays_as_it_was() {
        for (query, rest, tokens) in [
            ("access_token=a.b.c", None, vec!["a.b.c"]),
            ("x=1&access_token=t&y=%20+&z", Some("x=1&y=%20+&z"), vec!["t"]),
            ("access%5Ftoken=t&x", Some("x"), vec!["t"]),
            ("%61ccess_token=%74", None, vec!["t"]),
            ("access_token=a&access_token=b", None, vec!["a", "b"]),
            ("access_token", None, vec![""]),
            ("&access_token=t&", Some("&"), vec!["t"]),
        ] {
            let stripped = strip_query_token(query).expect(query);
            assert_eq!(stripped.query.as_deref(), rest, "{query}");
            assert_eq!(stripped.token.values(), tokens, "{query}");
            assert!(!format!("{stripped:?}").contains("a.b.c"));
        }
        for query in ["", "x=access_token", "Access_Token=t", "access_tokens=t", "access_token%00=t", "x&y=%zz&%"] {
            assert!(strip_query_token(query).is_none(), "{query}");
        }
    }

    #[test]
    fn a_segment_is_decoded_and_a_plus_is_itself() {
        for (text, expected) in [("u1", "u1"), ("a%40b", "a@b"), ("a+b%20c", "a+b c"), ("%zz", "%zz")] {
            assert_eq!(segment(text), expected);
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let all: Vec<_> = parameters("a=1+2&b=%C3%A9&&c&d=%4&e=%zz=%").collect();
        let expected = [("a", "1 2"), ("b", "\u{e9}"), ("c", ""), ("d", "%4"), ("e", "%zz=%")];
        assert_eq!(all, expected.map(|(key, value)| (Cow::from(key), Cow::from(value))));
    }
}
