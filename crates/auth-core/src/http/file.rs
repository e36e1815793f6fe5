//! The files of a page, as a crate beside this one brings them: who may read, frame, keep and mistake them is said here.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::head::RequestHead;
use super::reply::Reply;

/// What a page of ours may do: load what lies beside it, and speak to its own origin. No inline script, so that markup that
/// gets into the page is only markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Every answer has them. A URL may have a token in it, and is nobody else's business.
const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// Kept, and asked for again each time: the names stay the same from one version to the next.
const ASKED_FOR_AGAIN: (&str, &str) = ("cache-control", "no-cache");
/// A URL with a query may have the token of a link in it: nothing is kept under that name.
const NOT_KEPT: (&str, &str) = ("cache-control", "no-store");

/// One file of a page, at a path of its own: see [`Route::files`](super::Route::files).
#[derive(Clone)]
pub struct File {
    path: Cow<'static, str>,
    kind: FileKind,
    body: Cow<'static, [u8]>,
    tag: String,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A page.
    Html,
    /// Its style.
    Css,
    /// A module of its script.
    JavaScript,
    /// A picture.
    Svg,
}

impl File {
    /// A file below the mount point. `path` begins with `/`.
    pub fn new(path: impl Into<Cow<'static, str>>, kind: FileKind, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let body = body.into();
        let digest = ring::digest::digest(&ring::digest::SHA256, &body);
        Self { path: path.into(), kind, tag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest)), body }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn answer(&self, head: &RequestHead<'_>) -> Reply {
        let is_kept = head.query.is_none_or(str::is_empty);
        let reply = if is_kept && self.is_known(head) {
            Reply::new(304)
        } else {
            Reply::written(200, self.body.to_vec()).with("content-type", self.kind.media_type())
        };
        let reply = reply.with_all(HEADERS);
        if is_kept {
            reply.with("etag", self.tag.clone()).with_all(&[ASKED_FOR_AGAIN])
        } else {
            reply.with_all(&[NOT_KEPT])
        }
    }

    /// Whether whoever asks has it already (RFC 9110 13.1.2).
    fn is_known(&self, head: &RequestHead<'_>) -> bool {
        let mut is_known = false;
        head.each("if-none-match", &mut |line| {
            let tags = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            is_known |= tags.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag)).any(|tag| tag == self.tag.as_bytes());
        });
        is_known
    }
}

impl FileKind {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
            Self::JavaScript => "text/javascript; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.path).field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::{Route, Target};
    use super::super::head::TestLines;
    use super::*;

    fn site() -> Route {
        Route::files([
            File::new("/", FileKind::Html, &b"<!doctype html>"[..]),
            File::new("/console/app.js", FileKind::JavaScript, &b"export {}"[..]),
        ])
    }

    fn file(route: &Route, method: &str, path: &str) -> Option<String> {
        let head = RequestHead { path, ..RequestHead::test(method, None, &TestLines(&[])) };
        match route.target(&head) {
            Some(Target::File(file)) => file.map(|file| file.path().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_file_is_found_below_whatever_its_routes_are_mounted_at() {
        let route = site();
        assert_eq!(route.paths().collect::<Vec<_>>(), ["/", "/console/app.js"]);
        for (path, expected) in [
            ("/", Some("/")),
            ("/prefix/", Some("/")),
            ("/console/app.js", Some("/console/app.js")),
            ("/some/prefix/console/app.js", Some("/console/app.js")),
            ("/console/app%2Ejs", None),
            ("/console", None),
        ] {
            assert_eq!(file(&route, "GET", path).as_deref(), expected, "{path}");
        }
        assert_eq!(file(&route, "HEAD", "/").as_deref(), Some("/"));
        assert_eq!(file(&route, "POST", "/"), None);
        assert_eq!(route.allow(), "GET, HEAD");
    }

    #[test]
    fn who_has_the_file_is_told_so() {
        let file = File::new("/", FileKind::Html, &b"<!doctype html>"[..]);
        let other = File::new("/", FileKind::Html, &b"<!doctype html><p>"[..]);
        assert_ne!(file.tag, other.tag);
        let (weak, list) = (format!("W/{}", file.tag), format!("\"a\" , {}", file.tag));
        for (line, status) in [
            (file.tag.as_str(), 304),
            (&weak, 304),
            (&list, 304),
            (&other.tag, 200),
            (file.tag.trim_matches('"'), 200),
            ("", 200),
        ] {
            let headers = [("if-none-match", line.as_bytes())];
            let lines = TestLines(&headers);
            let reply = file.answer(&RequestHead::test("GET", None, &lines));
            assert_eq!(reply.status(), status, "{line}");
            assert!(reply.headers().any(|(name, value)| name == "etag" && value == file.tag));
            assert_eq!(reply.headers().filter(|(name, _)| *name == "content-security-policy").count(), 1);
            assert_eq!(reply.into_body().is_empty(), status == 304);
        }
    }

    #[test]
    fn b5_a_page_with_a_token_in_its_url_is_kept_nowhere() {
        let file = File::new("/", FileKind::Html, &b"<!doctype html>"[..]);
        let headers = [("if-none-match", file.tag.as_bytes())];
        let lines = TestLines(&headers);
        for (query, status, expected) in
            [(None, 304, "no-cache"), (Some(""), 304, "no-cache"), (Some("token=x"), 200, "no-store")]
        {
            let reply = file.answer(&RequestHead { query, ..RequestHead::test("GET", None, &lines) });
            assert_eq!(reply.status(), status, "{query:?}");
            let kept = reply.headers().filter(|(name, _)| *name == "cache-control");
            assert_eq!(kept.map(|(_, value)| value).collect::<Vec<_>>(), [expected], "{query:?}");
            assert_eq!(reply.headers().any(|(name, _)| name == "etag"), expected == "no-cache", "{query:?}");
        }
    }
}
