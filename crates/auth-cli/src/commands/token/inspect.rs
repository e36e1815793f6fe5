//! What a token says of itself. Anybody can write anything into one.

use auth_core::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::not_started;
use crate::secrets::read_token;
use crate::shell::Shell;
use crate::table::{RED, printable};

#[derive(Debug, Args)]
pub(crate) struct Inspect {}

impl Inspect {
    pub(crate) fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let (header, mut claims) = parts(&read_token()?)?;
        // A refresh token, which is worth more than what is looked at here.
        if let Some(session) = claims.get_mut("session") {
            *session = "[a refresh token, not shown]".into();
        }
        let json = json!({ "verified": false, "header": header, "claims": claims });
        let mut text =
            format!("{RED}NOT VERIFIED{RED:#}: anybody can write this (`authctl token verify` checks it)\n\n");
        for (title, value) in [("header", &header), ("claims", &claims)] {
            text += &format!("{title} {}\n", lines(value));
        }
        shell.answer(&json, &text)?;
        Ok(Exit::Done)
    }
}

/// Header and claims, whoever wrote them.
pub(super) fn parts(token: &str) -> Result<(Value, Value), Failure> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(claims), Some(_), None) => Ok((decode(header, "header")?, decode(claims, "payload")?)),
        _ => Err(not_started(
            "this is no JWT, which has three parts between dots: refresh tokens and personal access tokens say nothing to \
             anybody but the server",
        )),
    }
}

/// JSON as it is, with the times of RFC 7519 in words behind it.
fn lines(value: &Value) -> String {
    let text = format!("{value:#}");
    let explained = text.lines().map(|line| {
        let is_time =
            ["\"exp\":", "\"iat\":", "\"nbf\":", "\"auth_time\":"].iter().any(|name| line.trim().starts_with(name));
        let seconds = line.rsplit(' ').next().and_then(|number| number.trim_end_matches(',').parse().ok());
        match seconds.filter(|_| is_time) {
            Some(seconds) => format!("{line}  ({})\n", Timestamp::from_secs(seconds)),
            None => format!("{}\n", printable(line)),
        }
    });
    explained.collect()
}

fn decode(part: &str, what: &str) -> Result<Value, Failure> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| not_started(format!("its {what} is not base64url")).because(error))?;
    serde_json::from_slice(&bytes).map_err(|error| not_started(format!("its {what} is no JSON")).because(error))
}
