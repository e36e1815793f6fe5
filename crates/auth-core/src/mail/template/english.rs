//! The default texts, in English.

use std::time::Duration;

use super::letter::{Action, Letter};
use super::{Mail, Rendered, Templates};
use crate::mail::message::single_line;

/// Short texts in plain English, and HTML without tables or pictures that follows the reader's dark mode.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnglishTemplates;

impl Templates for EnglishTemplates {
    fn render(&self, mail: &Mail<'_>) -> Rendered {
        letter(mail).render()
    }
}

fn letter<'a>(mail: &Mail<'a>) -> Letter<'a> {
    match *mail {
        Mail::PasswordReset { link, expires_in, service } => {
            let (service, time) = (single_line(service), in_words(expires_in));
            Letter {
                subject: format!("Reset your password for {service}"),
                before: vec![
                    "Hello,".to_owned(),
                    format!("somebody asked for a new password for your account at {service}."),
                    format!("If it was you, choose one within {time}. The link works once:"),
                ],
                action: Some(Action { label: "Choose a new password", link }),
                after: vec!["If it was not you, there is nothing to do: your password stays as it is.".to_owned()],
            }
        }
        Mail::PasswordChanged { service } => {
            let service = single_line(service);
            Letter {
                subject: format!("Your password for {service} was changed"),
                before: vec![
                    "Hello,".to_owned(),
                    format!("the password of your account at {service} has just been changed."),
                    "If it was you, there is nothing to do.".to_owned(),
                    format!(
                        "If it was not you, somebody else can sign in as you: ask for a new password on the sign-in page of \
                         {service} at once, and tell the people who run it."
                    ),
                ],
                action: None,
                after: Vec::new(),
            }
        }
        Mail::AccountExists { service } => {
            let service = single_line(service);
            Letter {
                subject: format!("You have an account at {service}"),
                before: vec![
                    "Hello,".to_owned(),
                    format!(
                        "somebody wanted to register at {service} with this address, which has an account already."
                    ),
                    "If it was you, sign in, or ask for a new password on the sign-in page.".to_owned(),
                    "If it was not you, there is nothing to do.".to_owned(),
                ],
                action: None,
                after: Vec::new(),
            }
        }
        Mail::VerifyEmail { link, expires_in, service } => {
            let (service, time) = (single_line(service), in_words(expires_in));
            Letter {
                subject: format!("Confirm your e-mail address for {service}"),
                before: vec![
                    "Hello,".to_owned(),
                    format!("this address was given for an account at {service}."),
                    format!("If it was you, confirm it within {time}:"),
                ],
                action: Some(Action { label: "Confirm the address", link }),
                after: vec!["If it was not you, there is nothing to do.".to_owned()],
            }
        }
        Mail::Invitation { link, expires_in, service } => {
            let (service, time) = (single_line(service), in_words(expires_in));
            Letter {
                subject: format!("You are invited to {service}"),
                before: vec![
                    "Hello,".to_owned(),
                    format!("you are invited to {service}."),
                    format!("To accept, choose a password within {time}:"),
                ],
                action: Some(Action { label: "Accept the invitation", link }),
                after: vec!["If you do not know what this is about, there is nothing to do.".to_owned()],
            }
        }
    }
}

/// A duration for people; rounded down, so that it promises nothing.
fn in_words(duration: Duration) -> String {
    let minutes = (duration.as_secs() / 60).max(1);
    let (count, unit) = match minutes {
        minutes if minutes % 1_440 == 0 => (minutes / 1_440, "day"),
        minutes if minutes % 60 == 0 => (minutes / 60, "hour"),
        minutes if minutes > 2 * 1_440 => (minutes / 1_440, "day"),
        minutes => (minutes, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Link;

    const HOUR: Duration = Duration::from_secs(3600);

    fn each<'a>(link: &'a Link, service: &'a str) -> [Mail<'a>; 5] {
        [
            Mail::PasswordReset { link, expires_in: HOUR, service },
            Mail::VerifyEmail { link, expires_in: 24 * HOUR, service },
            Mail::Invitation { link, expires_in: 7 * 24 * HOUR, service },
            Mail::PasswordChanged { service },
            Mail::AccountExists { service },
        ]
    }

    #[test]
    fn s1_each_mail_says_what_it_is_for_in_both_renderings() {
        let link = Link::new("https://notes.example/do?a=1&token=AbC_-123");
        for mail in each(&link, "Notes") {
            let Rendered { subject, text, html } = EnglishTemplates.render(&mail);
            assert!(subject.contains("Notes") && html.contains(&format!("<title>{subject}</title>")), "{subject}");
            assert!(text.is_ascii() && text.starts_with("Hello,\n\n"), "{text}");
            let has_link = !matches!(mail, Mail::PasswordChanged { .. } | Mail::AccountExists { .. });
            assert_eq!(text.contains("\n\nhttps://notes.example/do?a=1&token=AbC_-123\n\n"), has_link, "{text}");
            let anchors = html.matches("<a href=\"https://notes.example/do?a=1&amp;token=AbC_-123\"").count();
            let shown = html.matches(">https://notes.example/do?a=1&amp;token=AbC_-123</a>").count();
            assert_eq!((anchors, shown), if has_link { (2, 1) } else { (0, 0) }, "{html}");
            assert!(html.contains("lang=\"en\"") && html.contains("content=\"light dark\""), "{html}");
            assert!(!html.contains("<table") && !html.contains("<img"), "{html}");
        }
    }

    #[test]
    fn s4_what_is_inserted_breaks_neither_header_nor_text_nor_html() {
        let link = Link::new("https://notes.example/?token=\"><script>\r\nX: y");
        let service = "Notes\r\nBcc: eve@example.com\r\n\r\n<b onclick='x'>\"";
        for mail in each(&link, service) {
            let Rendered { subject, text, html } = EnglishTemplates.render(&mail);
            assert!(!subject.contains(char::is_control), "{subject:?}");
            assert!(!text.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("X:")), "{text}");
            assert!(!html.contains("<script") && !html.contains("<b ") && !html.contains("'x'"), "{html}");
        }
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        for (seconds, words) in [
            (0, "1 minute"),
            (60, "1 minute"),
            (1_799, "29 minutes"),
            (3_600, "1 hour"),
            (5_400, "90 minutes"),
            (7_200, "2 hours"),
            (86_400, "1 day"),
            (604_800, "7 days"),
            (200_100, "2 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words, "{seconds}");
        }
    }
}
