//! What a case saw, without what chance decides: two servers that keep the contract have equal transcripts.
//!
//! Replaced: the date from which a throttled client may try again, tokens, cookie values and every word as long as one, ids made at run time, times in milliseconds, the address
//! of the server. Left out: `date`, `connection`, `keep-alive`, `transfer-encoding` and `content-length`, which say how a
//! body is framed and not what it is. Header lines are sorted, names in lower case.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::Accounts;
use super::client::Request;
use super::response::Response;

const LEFT_OUT: [&str; 5] = ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];

/// The length of a refresh token, in characters.
const REFRESH_TOKEN: usize = 103;

/// From this length on, a word is a token or a piece of one: a signature has 43 characters.
const LONG: usize = 40;

/// The length of a time in milliseconds since 1970, until the year 2286.
const MILLISECONDS: usize = 13;

/// One exchange as text.
pub(super) fn entry(request: &Request, response: &Response, addr: SocketAddr, accounts: &Accounts) -> String {
    let mut entry = format!("> {}\n< {}\n", request.title(), response.status);
    let mut lines: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    lines.sort();
    for line in lines {
        let _ = writeln!(entry, "< {line}");
    }
    let body = without_reset(&String::from_utf8_lossy(&response.body));
    let _ = writeln!(entry, "<\n{body}");
    let known: Vec<&str> = accounts.all().iter().map(|account| account.id.as_str()).collect();
    normalise(&entry.replace(&addr.to_string(), "<addr>"), &known)
}

/// The one date that answers hold.
fn without_reset(body: &str) -> String {
    const KEY: &str = "\"reset\":\"";
    let Some((before, after)) = body.split_once(KEY) else { return body.to_owned() };
    let (date, after) = after.split_once('"').unwrap_or((after, ""));
    let digits = date.bytes().filter(u8::is_ascii_digit).count();
    format!("{before}{KEY}<a date of {digits} digits>\"{after}")
}

/// Replaces every word that looks like a token or an id.
fn normalise(text: &str, known: &[&str]) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_word) {
        normal.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        normal.push_str(placeholder(&rest[..end], known));
        rest = &rest[end..];
    }
    normal.push_str(rest);
    normal
}

const fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%')
}

fn placeholder<'a>(word: &'a str, known: &[&str]) -> &'a str {
    let hyphens: Vec<usize> = word.match_indices('-').map(|(at, _)| at).collect();
    if word.len() == REFRESH_TOKEN {
        "<refresh token>"
    } else if word.len() >= LONG && word.starts_with("eyJ") && word.matches('.').count() == 2 {
        "<jwt>"
    } else if word.len() >= LONG {
        "<long>"
    } else if word.len() == MILLISECONDS && word.bytes().all(|byte| byte.is_ascii_digit()) {
        "<time>"
    } else if word.len() == 36 && hyphens == [8, 13, 18, 23] && !known.contains(&word) {
        "<id>"
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_replaced_and_nothing_else() {
        let known = ["01890000-0000-7000-8000-000000000001"];
        let text = format!(
            r#"{{"id":"{}","sid":"01890000-0000-7000-8000-00000000ffff","a":"eyJh.eyJi.{}","r":"{}"}}; Path=/"#,
            known[0],
            "c".repeat(43),
            "A".repeat(REFRESH_TOKEN)
        );
        assert_eq!(
            normalise(&text, &known),
            format!(r#"{{"id":"{}","sid":"<id>","a":"<jwt>","r":"<refresh token>"}}; Path=/"#, known[0])
        );
    }
}
