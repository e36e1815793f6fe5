//! A page for people: they sign in with password and one-time code, set up a second factor, change a forgotten password and
//! see where they are signed in; admins see users, the audit trail and what happened over time.
//!
//! ```
//! use auth_console::Console;
//! use auth_core::http::Route;
//!
//! let route: Route = Console::new("/").into();
//! // Router::new().merge(auth_axum::routes(&auth)).merge(auth_axum::route(&auth, route))
//! // App::new().configure(auth_actix_web::routes(&auth)).configure(auth_actix_web::route(&auth, route))
//! # assert_eq!(route.path(), "/");
//! ```
//!
//! ```text
//!   /                        the page                         mounted beside the routes of auth-core, at any prefix
//!   /console/app.js …        its modules, style, picture      nothing is loaded from elsewhere
//!   /admin/reset-password    the page, where links in mails lead without `reset_url`
//!   /admin/accept-invite     the same for invitations
//! ```
//!
//! The page knows the public routes alone, and shows what is mounted: without a mailer nobody is told to ask for a mail.
//! It signs in with mode `cookie`: the refresh token is out of reach for scripts, the access token lives in the memory of a
//! tab. No script, style or frame of another origin is let in; `auth_core::http::File` says by which headers.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod strings;

use std::borrow::Cow;

use auth_core::http::{File, FileKind, Route};

pub use strings::InvalidStrings;
use strings::Strings;

const PAGE: &str = include_str!("page/index.html");

/// What lies in the folder `console` beside the page.
const FILES: &[(&str, FileKind, &str)] = &[
    ("account.js", FileKind::JavaScript, include_str!("page/account.js")),
    ("api.js", FileKind::JavaScript, include_str!("page/api.js")),
    ("app.js", FileKind::JavaScript, include_str!("page/app.js")),
    ("audit.js", FileKind::JavaScript, include_str!("page/audit.js")),
    ("devices.js", FileKind::JavaScript, include_str!("page/devices.js")),
    ("dom.js", FileKind::JavaScript, include_str!("page/dom.js")),
    ("factor.js", FileKind::JavaScript, include_str!("page/factor.js")),
    ("plot.js", FileKind::JavaScript, include_str!("page/plot.js")),
    ("session.js", FileKind::JavaScript, include_str!("page/session.js")),
    ("signin.js", FileKind::JavaScript, include_str!("page/signin.js")),
    ("text.js", FileKind::JavaScript, include_str!("page/text.js")),
    ("users.js", FileKind::JavaScript, include_str!("page/users.js")),
    ("style.css", FileKind::Css, include_str!("page/style.css")),
    ("mark.svg", FileKind::Svg, include_str!("page/mark.svg")),
];

/// Where links in mails lead, below the folder of the page.
const LINKED: [&str; 2] = ["admin/reset-password", "admin/accept-invite"];

/// The page at a path. Mount it with `auth_axum::route` or `auth_actix_web::route`.
#[derive(Debug, Clone)]
#[must_use]
pub struct Console {
    path: Cow<'static, str>,
    api: Cow<'static, str>,
    strings: Strings,
}

impl Console {
    /// The page at a path of the app: `/`, or `/console` where the root is taken. Below a prefix without a slash at its end
    /// use the second: a page at `/api` cannot tell where `/api/…` is.
    pub fn new(path: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.into(), api: Cow::Borrowed("."), strings: Strings::english() }
    }

    /// Where the routes of `auth-core` are mounted, seen from the folder of the page: `..`, `api/`. Default `.`, beside it.
    pub fn api(self, folder: impl Into<Cow<'static, str>>) -> Self {
        Self { api: folder.into(), ..self }
    }

    /// Another language: the text of a file like `strings.en.json`, with the same keys.
    ///
    /// # Errors
    /// [`InvalidStrings`] when it is no such file, or a key is missing; it says which.
    pub fn strings(self, json: &str) -> Result<Self, InvalidStrings> {
        Ok(Self { strings: Strings::parse(json)?, ..self })
    }
}

impl From<Console> for Route {
    fn from(console: Console) -> Self {
        let (folder, name) = console.path.rsplit_once('/').unwrap_or(("", &console.path));
        let page = |path: String, home: &str| {
            let api =
                if console.api.starts_with('/') { console.api.to_string() } else { format!("{home}{}", console.api) };
            let text = console.strings.fill(PAGE);
            let text = text.replace("{{home}}", home).replace("{{name}}", &attribute(name));
            File::new(path, FileKind::Html, text.replace("{{api}}", &attribute(&api)).into_bytes())
        };
        let mut files = vec![page(console.path.to_string(), "")];
        files.extend(LINKED.map(|link| page(format!("{folder}/{link}"), "../")));
        let strings = console.strings.module();
        files.push(File::new(format!("{folder}/console/strings.js"), FileKind::JavaScript, strings.into_bytes()));
        for (name, kind, text) in FILES {
            files.push(File::new(format!("{folder}/console/{name}"), *kind, text.as_bytes()));
        }
        Self::files(files)
    }
}

/// A text as the value of an attribute in double quotes.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests;
