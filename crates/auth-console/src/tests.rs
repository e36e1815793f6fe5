#![allow(clippy::expect_used, clippy::panic, reason = "test code: a failed expectation is its result")]

use std::pin::Pin;
use std::task::{Context, Poll};

use auth_core::http::{HeaderLines, RequestHead, Route};
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig};

use super::*;

struct NoLines;

impl HeaderLines for NoLines {
    fn each<'a>(&'a self, _: &str, _: &mut dyn FnMut(&'a [u8])) {}
}

struct NoBody;

impl futures_core::Stream for NoBody {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

async fn get(console: Console, path: &str) -> String {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let head = RequestHead {
        method: "GET",
        path,
        query: None,
        authority: None,
        peer: None,
        stripped: None,
        headers: &NoLines,
    };
    let reply = auth.handle(&console.into(), &head, NoBody).await;
    assert_eq!(reply.status(), 200, "{path}");
    String::from_utf8(reply.into_body()).expect("text")
}

#[tokio::test]
async fn the_page_finds_its_files_and_the_routes_wherever_it_is() {
    let meta = |name: &str, content: &str| format!("<meta name=\"{name}\" content=\"{content}\">");
    for (path, api, asked, home, expected) in [
        ("/", None, "/", "", "."),
        ("/", None, "/some/prefix/", "", "."),
        ("/", None, "/admin/reset-password", "../", "../."),
        ("/console", None, "/console", "console", "."),
        ("/console", None, "/api/admin/accept-invite", "../console", "../."),
        ("/ui/account", Some(".."), "/ui/account", "account", ".."),
        ("/ui/account", Some(".."), "/ui/admin/reset-password", "../account", "../.."),
        ("/", Some("/api/"), "/admin/reset-password", "../", "/api/"),
        ("/", Some("a\"b"), "/", "", "a&quot;b"),
    ] {
        let console = Console::new(path);
        let console = if let Some(api) = api { console.api(api) } else { console };
        let page = get(console, asked).await;
        assert!(page.contains(&meta("console-home", home)), "{path} {asked}: {page}");
        assert!(page.contains(&meta("auth-api", expected)), "{path} {asked}: {page}");
        let folder = if asked.contains("/admin/") { "../" } else { "" };
        assert!(page.contains(&format!("src=\"{folder}console/app.js\"")), "{path} {asked}: {page}");
        assert!(!page.contains("{{"), "something is not filled in: {page}");
    }
}

#[test]
fn every_path_is_there_once() {
    let route: Route = Console::new("/ui/account").into();
    let paths: Vec<_> = route.paths().collect();
    assert_eq!(paths.first(), Some(&"/ui/account"));
    assert!(paths.contains(&"/ui/console/strings.js") && paths.contains(&"/ui/admin/reset-password"), "{paths:?}");
    assert_eq!(paths.len(), FILES.len() + 1 + 1 + LINKED.len());
}

#[tokio::test]
async fn what_one_module_imports_is_served() {
    for (name, _, text) in FILES {
        for line in text.lines().filter(|line| line.starts_with("import ")) {
            let (_, from) = line.split_once("from './").expect("beside this module");
            let imported = from.trim_end_matches("';");
            get(Console::new("/"), &format!("/console/{imported}")).await;
            assert!(imported == "strings.js" || FILES.iter().any(|(file, ..)| *file == imported), "{name}: {imported}");
        }
    }
}

/// Data becomes text, nothing is loaded from elsewhere, and no token is kept.
#[test]
fn no_file_has_what_the_page_must_not_do() {
    const FORBIDDEN: [&str; 13] = [
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "new Function",
        "localStorage", "document.cookie", "style=", "onclick=", "https://", "@import",
    ];
    for (name, _, text) in FILES.iter().chain(&[("index.html", FileKind::Html, PAGE)]) {
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{name}: {word}");
        }
        // The one URL is a name: that of SVG.
        assert!(text.matches("http://").count() == text.matches("http://www.w3.org/2000/svg").count(), "{name}");
    }
    assert!(!PAGE.contains("<script>") && !PAGE.contains("<style"));
}

/// `t('key')` and `count('key')`, and what the markup has filled in.
#[test]
fn every_key_that_a_module_names_has_a_text() {
    let english = Strings::english();
    let has = |key: &str| english.has(key) || english.has(&format!("{key}_other"));
    let mut found = 0;
    for (name, _, text) in FILES {
        for call in ["t('", "count('"] {
            for (at, _) in text.match_indices(call) {
                let before = text.get(..at).and_then(|text| text.chars().next_back());
                if before.is_some_and(|c| c.is_alphanumeric() || c == '.') {
                    continue;
                }
                let rest = text.get(at + call.len()..).unwrap_or_default();
                let key = rest.split('\'').next().unwrap_or_default();
                assert!(has(key), "{name}: {key}");
                found += 1;
            }
        }
    }
    assert!(found > 150, "only {found}: does this test still see the calls?");
}

#[tokio::test]
async fn another_language_takes_the_place_of_all_texts_or_of_none() {
    let english = include_str!("page/strings.en.json");
    let german = english
        .replacen("\"lang\": \"en\"", "\"lang\": \"de\"", 1)
        .replacen("\"Account\"", "\"Konto \\u0026 <mehr>\"", 1);
    let console = || Console::new("/").strings(&german).expect("all keys");
    let page = get(console(), "/").await;
    assert!(page.contains("<html lang=\"de\"") && page.contains("<title>Konto &amp; &lt;mehr></title>"), "{page}");
    assert!(get(console(), "/console/strings.js").await.starts_with("export default {"));

    let missing = english.replacen("\"sign_in\":", "\"sign_on\":", 1);
    let error = Console::new("/").strings(&missing).expect_err("a key is missing").to_string();
    assert!(error.contains("`sign_in` is missing"), "{error}");
    let number = english.replacen("\"Sign in\"", "1", 1);
    assert!(Console::new("/").strings(&number).expect_err("a number").to_string().contains("`sign_in`"));
    assert!(Console::new("/").strings("[]").is_err());
}
