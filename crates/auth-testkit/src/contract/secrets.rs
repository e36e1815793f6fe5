//! What a case sent and got that no log may show: found by its place in what went over the wire, not by its value, so that
//! nobody who writes a case has to think of it.

use std::collections::BTreeSet;

use auth_core::mail::Message;

use super::client::Request;
use super::response::Response;

/// What secrets are called in JSON, GraphQL and queries: each name that ends so.
const NAMES: [&str; 6] = ["password", "otp", "token", "secret", "recovery_codes", "otpauth_url"];

/// Cases about size send megabytes, which are no secrets.
const MOST: usize = 64 * 1024;

/// The parameter of a query that is taken for a secret; by any other name it is the app's, which may log it.
const IN_QUERY: &str = "access_token";

/// Secrets up to now.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    found: BTreeSet<String>,
    /// Whatever a case put where everybody may see it.
    shown: String,
}

impl Secrets {
    /// Adds those of an exchange.
    pub(super) fn collect(&mut self, request: &Request, response: Option<&Response>) {
        let (head, body) = request.text(MOST);
        of_head(&head, &mut self.found);
        of_text(&body, &mut self.found);
        let query = head.lines().next().and_then(|target| target.split_once('?')).unwrap_or_default().1;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.replace("%5F", "_").replace("%5f", "_") != IN_QUERY {
                self.shown.extend([value, "\n"]);
            }
        }
        let Some(response) = response else { return };
        for (name, value) in &response.headers {
            of_head(&format!("{name}: {}", String::from_utf8_lossy(value)), &mut self.found);
        }
        let body = response.body.get(..MOST).unwrap_or(&response.body);
        of_text(&String::from_utf8_lossy(body), &mut self.found);
    }

    /// All of them, and those of these mails.
    pub(super) fn with(&self, mails: &[Message]) -> BTreeSet<String> {
        let mut all = self.found.clone();
        for mail in mails {
            of_text(mail.text(), &mut all);
        }
        all.retain(|secret| !self.shown.contains(secret.as_str()));
        all
    }
}

fn of_head(head: &str, secrets: &mut BTreeSet<String>) {
    for line in head.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_ascii_lowercase().as_str() {
            "authorization" => secrets.extend(value.split_ascii_whitespace().last().and_then(kept)),
            "cookie" | "set-cookie" => {
                let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
                // The others are attributes.
                let cookies = pairs.take(if name.eq_ignore_ascii_case("cookie") { usize::MAX } else { 1 });
                secrets.extend(cookies.filter_map(|(_, value)| kept(value)));
            }
            _ => of_text(line, secrets),
        }
    }
}

/// What follows a name of a secret and `:` or `=`: also in bodies that are broken, which is what logs like to quote.
fn of_text(text: &str, secrets: &mut BTreeSet<String>) {
    for name in NAMES {
        for (at, _) in text.match_indices(name) {
            let rest = text[at + name.len()..].trim_start_matches(['\\', '"', ' ']);
            let Some(rest) = rest.strip_prefix([':', '=']) else { continue };
            let rest = rest.trim_start();
            if let Some(list) = rest.strip_prefix('[') {
                let list = list.split(']').next().unwrap_or_default();
                secrets.extend(list.split(['"', '\\', ',']).filter_map(kept));
                continue;
            }
            let quoted = rest.trim_start_matches('\\').strip_prefix('"');
            let value = match quoted {
                Some(quoted) => quoted.split(['"', '\\']).next(),
                None => rest.split(['&', '"', '}']).next().and_then(|value| value.split_ascii_whitespace().next()),
            };
            secrets.extend(value.and_then(kept));
        }
    }
}

/// Words that are in every log prove nothing: what is short, or has neither a digit nor a capital letter.
fn kept(value: &str) -> Option<String> {
    let is_telling = value.contains(|c: char| c.is_ascii_digit() || c.is_uppercase());
    (value.len() >= 8 && is_telling).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_is() {
        let request = Request::post("/auth/login?a=1&access%5Ftoken=in-Query-1&b=2")
            .bearer("in-Header-2")
            .cookie("session", "in-Cookie-3")
            .cookie("other", "in-Cookie-4")
            .json_text(r#"{"password": "in Body 5", "otp":"123456","query":"login(new_password: \"in-Query-6\") {}","#);
        let response = Response {
            status: 200,
            headers: vec![("set-cookie".to_owned(), b"refresh=in-Cookie-7; Path=/Auth-not-8".to_vec())],
            body: br#"{"data":{"refresh_token":"in-Body-9","recovery_codes":["AAAA-1","AAAA-BBBB-10"],"id":"not-Secret-11"}}"#
                .to_vec(),
        };
        let mut secrets = Secrets::default();
        secrets.collect(&request, Some(&response));
        secrets.collect(&Request::get("/?Access_Token=for-All-12").bearer("for-All-12"), None);
        let expected = [
            "AAAA-BBBB-10", "in Body 5", "in-Body-9", "in-Cookie-3", "in-Cookie-4", "in-Cookie-7", "in-Header-2",
            "in-Query-1", "in-Query-6",
        ];
        assert_eq!(Vec::from_iter(secrets.with(&[])), expected);
    }
}
