//! Where the links in mails lead: to a page below `public_url`, or to a URL that is on a list of the configuration
//! (requirement S3).

use crate::auth::Inner;
use crate::error::{AuthError, ErrorKind};

/// Where a link leads, before the token is added.
#[derive(Debug)]
pub(super) struct LinkBase {
    pub(super) url: String,
    /// Where the browser goes afterwards, when the link leads to us.
    pub(super) then: Option<String>,
}

/// What comes between a URL and the parameter `token`: a fragment may have a query of its own, or be nothing else.
pub(super) fn separator(url: &str) -> &'static str {
    match url.rsplit_once('#') {
        Some((_, "")) => "",
        Some((_, fragment)) if fragment.contains('?') => "&",
        None if url.contains('?') => "&",
        _ => "?",
    }
}

/// `url` if it is on the list.
pub(super) fn allowed<'a>(url: &'a str, list: &[String], what: &'static str) -> Result<&'a str, AuthError> {
    if list.iter().any(|allowed| allowed == url) {
        return Ok(url);
    }
    Err(AuthError::new(ErrorKind::UrlNotAllowed, UrlNotAllowed { url: url.to_owned(), what }))
}

/// A URL that no mail may lead to.
#[derive(Debug, thiserror::Error)]
#[error("URL \"{url}\" can't be used to {what}")]
pub(crate) struct UrlNotAllowed {
    url: String,
    what: &'static str,
}

impl Inner {
    /// Where a link leads for which nobody gave a URL. The token is behind a `#`, where no log of a server gets it
    /// (requirement B5); the page of Directus, which is there beside Directus, looks for it in the query.
    pub(super) fn landing_page(&self, path: &str) -> Result<String, AuthError> {
        let mark = if self.config.is_beside_directus() { "" } else { "#" };
        Ok(format!("{}{mark}", self.page(path)?))
    }

    /// A page below [`AuthConfig::public_url`](crate::AuthConfig::public_url): never from what a request says
    /// (requirement S3).
    pub(super) fn page(&self, path: &str) -> Result<String, AuthError> {
        let base = self.config.public_url.as_deref();
        let base = base.ok_or_else(|| AuthError::new(ErrorKind::Internal, "`public_url` is not set"))?;
        Ok(format!("{}{path}", base.trim_end_matches('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::separator;

    #[test]
    fn b5_the_token_comes_behind_whatever_the_url_ends_with() {
        for (url, expected) in [
            ("https://a.example/reset", "?"),
            ("https://a.example/reset?x=1", "&"),
            ("https://a.example/reset#", ""),
            ("https://a.example/#/reset", "?"),
            ("https://a.example/?x=1#/reset", "?"),
            ("https://a.example/#/reset?x=1", "&"),
        ] {
            assert_eq!(separator(url), expected, "{url}");
        }
    }
}
