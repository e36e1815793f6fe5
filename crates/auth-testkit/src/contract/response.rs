//! What came back: parsed just enough, nothing hidden.

use std::fmt;

use serde_json::Value;

use super::DEVICE_COOKIE;

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Every header line in its order, the name in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The values of every line of this name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The value of the one line of this name.
    ///
    /// # Panics
    /// When there are several.
    #[must_use]
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<String> {
        let mut all = self.all(name);
        assert!(all.len() < 2, "`{name}` is there {} times\n{self}", all.len());
        all.pop()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("the body is no JSON: {error}\n{self}"))
    }

    /// Every `Set-Cookie` line, but for the device cookie: that holds no token, and comes with every login that sets one.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<SetCookie> {
        let all = self.all("set-cookie");
        all.iter().map(|line| SetCookie::parse(line)).filter(|cookie| cookie.name != DEVICE_COOKIE).collect()
    }

    /// The device cookie, if it is set.
    #[must_use]
    pub fn device_cookie(&self) -> Option<SetCookie> {
        let all = self.all("set-cookie");
        all.iter().map(|line| SetCookie::parse(line)).find(|cookie| cookie.name == DEVICE_COOKIE)
    }

    /// The one `Set-Cookie` line that sets `name` to something.
    ///
    /// # Panics
    /// When there is none, or another one beside it.
    #[must_use]
    #[track_caller]
    pub fn set_cookie(&self, name: &str) -> SetCookie {
        let mut cookies = self.set_cookies();
        assert!(cookies.len() == 1 && cookies[0].name == name, "expected one cookie, `{name}`\n{self}");
        assert!(!cookies[0].is_clearing(), "the cookie is cleared, not set\n{self}");
        cookies.remove(0)
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- the answer ---\nHTTP/1.1 {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value))?;
        }
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2000).collect();
        write!(f, "\n{body}\n--- end ---")
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A `Set-Cookie` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The name, as written.
    pub name: String,
    /// The value.
    pub value: String,
    /// The attributes in their order, as written.
    pub attributes: Vec<String>,
}

impl SetCookie {
    fn parse(line: &str) -> Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or((line, ""));
        Self { name: name.to_owned(), value: value.to_owned(), attributes: parts.map(str::to_owned).collect() }
    }

    /// Whether it removes the cookie: no value, and `Max-Age=0`.
    #[must_use]
    pub fn is_clearing(&self) -> bool {
        self.value.is_empty() && self.attributes.iter().any(|attribute| attribute == "Max-Age=0")
    }

    /// The line with `value` in place of the value.
    #[must_use]
    pub fn with_value(&self, value: &str) -> String {
        let mut line = format!("{}={value}", self.name);
        for attribute in &self.attributes {
            line.push_str("; ");
            line.push_str(attribute);
        }
        line
    }
}

/// The answer in `bytes` once it is whole; at the `end` of the connection, a body without a length is whole too.
pub(super) fn parse(bytes: &[u8], method: &str, end: bool) -> Option<Response> {
    let head_end = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    let status: u16 = head.lines().next()?.split(' ').nth(1)?.parse().ok()?;
    let body = &bytes[head_end + 4..];
    if (100..200).contains(&status) {
        return parse(body, method, end);
    }
    let mut headers = Vec::new();
    for line in split_lines(&bytes[..head_end]).into_iter().skip(1) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    let mut response = Response { status, headers, body: Vec::new() };
    if method == "HEAD" || status == 204 || status == 304 {
        // Nothing may follow: what does is a framing error, and shows as a body.
        response.body = body.to_vec();
        return end.then_some(response);
    }
    if response.header("transfer-encoding").is_some_and(|encoding| encoding == "chunked") {
        response.body = unchunk(body)?;
        return Some(response);
    }
    match response.header("content-length").map(|length| length.parse::<usize>()) {
        Some(length) if body.len() >= length.clone().ok()? => response.body = body[..length.ok()?].to_vec(),
        Some(_) => return None,
        None if end => response.body = body.to_vec(),
        None => return None,
    }
    Some(response)
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = find(bytes, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line_end]).ok()?.trim(), 16).ok()?;
        bytes = bytes.get(line_end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size + 2..)?;
    }
}

fn split_lines(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(at) = find(rest, b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    lines
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_only_with_its_last_byte() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: a\r\nx: b\r\n\r\nbody",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx: a\r\nx: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
        ] {
            let whole = parse(answer.as_bytes(), "GET", false).expect("parses");
            assert_eq!((whole.status, whole.body.as_slice()), (200, b"body".as_slice()));
            assert_eq!(whole.all("x"), ["a", "b"]);
            let cut = answer.len() - if answer.ends_with('y') { 1 } else { 5 };
            assert_eq!(parse(&answer.as_bytes()[..cut], "GET", true), None);
        }
    }

    #[test]
    fn a_cookie_line_reads_back() {
        let line = "a=b=c; Path=/; Max-Age=0; HttpOnly";
        let cookie = SetCookie::parse(line);
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("a", "b=c"));
        assert_eq!(cookie.with_value(&cookie.value), line);
        assert!(!cookie.is_clearing());
    }
}
