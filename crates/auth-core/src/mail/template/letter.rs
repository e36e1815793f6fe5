//! The shape that the default mails share: paragraphs, and at most one link. Written once, rendered twice.

use super::Rendered;
use super::html::escape;
use crate::mail::Link;
use crate::mail::message::single_line;

/// A short letter. Texts are plain: escaping happens here.
#[derive(Debug)]
pub(super) struct Letter<'a> {
    pub(super) subject: String,
    pub(super) before: Vec<String>,
    pub(super) action: Option<Action<'a>>,
    pub(super) after: Vec<String>,
}

/// What the reader is asked to do.
#[derive(Debug)]
pub(super) struct Action<'a> {
    pub(super) label: &'static str,
    pub(super) link: &'a Link,
}

impl Letter<'_> {
    pub(super) fn render(&self) -> Rendered {
        Rendered { subject: single_line(&self.subject), text: self.text(), html: self.html() }
    }

    fn text(&self) -> String {
        let link = self.action.as_ref().map(|action| single_line(action.link.expose_secret()));
        let paragraphs = self.before.iter().cloned().chain(link).chain(self.after.iter().cloned());
        paragraphs.map(|paragraph| format!("{paragraph}\n")).collect::<Vec<_>>().join("\n")
    }

    /// No tables, no pictures, nothing from elsewhere. The colours of text and page are those of the reader's program, so
    /// dark mode needs no second palette; the button brings both of its own, with a contrast of 6.7 to 1.
    fn html(&self) -> String {
        let paragraphs = |texts: &[String]| -> String {
            texts.iter().map(|text| format!("<p style=\"margin:0 0 16px\">{}</p>\n", escape(text))).collect()
        };
        let action = self.action.as_ref().map(|Action { label, link }| {
            let (label, link) = (escape(label), escape(&single_line(link.expose_secret())));
            format!(
                "<p style=\"margin:24px 0\"><a href=\"{link}\" style=\"display:inline-block;padding:12px 20px;\
                 border-radius:6px;background:#1d4ed8;color:#ffffff;font-weight:600;text-decoration:none\">{label}</a></p>\n\
                 <p style=\"margin:0 0 16px;font-size:14px\">If the button does not work, open this address:<br>\n\
                 <a href=\"{link}\" style=\"overflow-wrap:anywhere\">{link}</a></p>\n"
            )
        });
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"supported-color-schemes\" content=\"light dark\">\n\
             <style>:root{{color-scheme:light dark}}</style>\n\
             <title>{title}</title>\n</head>\n<body style=\"margin:0;padding:24px\">\n\
             <main style=\"max-width:560px;margin:0 auto;font:16px/1.5 system-ui,sans-serif\">\n\
             {before}{action}{after}</main>\n</body>\n</html>\n",
            title = escape(&single_line(&self.subject)),
            before = paragraphs(&self.before),
            action = action.unwrap_or_default(),
            after = paragraphs(&self.after),
        )
    }
}
