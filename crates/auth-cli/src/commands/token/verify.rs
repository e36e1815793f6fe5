//! Whether a token is good, by the keys of this server or by those that another one publishes.

use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, ErrorKind, Identity, JwksUrl, KeyRing, Verifier};
use clap::Args;
use serde_json::{Value, json};

use super::inspect;
use crate::exit::{Exit, Failure};
use crate::open::{self, not_started};
use crate::secrets::read_token;
use crate::shell::Shell;
use crate::table::{DIM, GREEN, RED, pairs, printable, yes_no};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The published keys: a URL (https://…/auth/jwks), or a file with a JWK set or PEM blocks; instead of SECRET and
    /// SIGNING_KEYS
    #[arg(long, value_name = "URL|FILE")]
    jwks: Option<String>,
    /// The issuer that the token must name, with --jwks
    #[arg(long, default_value = "auth", requires = "jwks")]
    issuer: String,
    /// The audience that the token must name, with --jwks
    #[arg(long, requires = "jwks")]
    audience: Option<String>,
}

/// What a token is held against.
struct Expected {
    issuer: String,
    audience: Option<String>,
    kids: Vec<String>,
}

impl Verify {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let (verdict, expected, token) = match &self.jwks {
            Some(place) => {
                let (verifier, kids) = self.verifier(place).await?;
                let token = read_token()?;
                let expected = Expected { issuer: self.issuer.clone(), audience: self.audience.clone(), kids };
                (verifier.verify(&token), expected, token)
            }
            None => {
                let config = open::config(shell)?;
                let kids = config.signing_keys.as_ref().map(kids).unwrap_or_default();
                let expected = Expected { issuer: config.issuer.clone(), audience: config.audience.clone(), kids };
                let auth = Auth::builder(MemoryStore::new()).config(config).build();
                let auth = auth.map_err(|error| not_started(error.to_string()))?;
                let token = read_token()?;
                (auth.verify(&token), expected, token)
            }
        };
        match verdict {
            Ok(identity) => good(&identity, shell),
            Err(error) => bad(&expected.why(error.kind(), &token), shell),
        }
    }

    async fn verifier(&self, place: &str) -> Result<(Verifier, Vec<String>), Failure> {
        let wrong = |error: &dyn std::fmt::Display| not_started(format!("--jwks: {error}"));
        let (builder, known) = if place.contains("://") {
            (Auth::verifier(JwksUrl::parse(place).map_err(|error| wrong(&error))?), Vec::new())
        } else {
            let text = std::fs::read_to_string(place);
            let text = text.map_err(|error| not_started(format!("{place} cannot be read")).because(error))?;
            let keys = KeyRing::parse(&text).map_err(|error| wrong(&error))?;
            let kids = kids(&keys);
            (Auth::verifier(keys), kids)
        };
        let builder = builder.issuer(&self.issuer);
        let builder = match &self.audience {
            Some(audience) => builder.audience(audience),
            None => builder,
        };
        let verifier = builder.build().map_err(|error| not_started(error.to_string()))?;
        verifier.fetch_keys().await.map_err(|error| {
            not_started("the published keys cannot be fetched: see that the URL is right, and that it answers")
                .because(error)
        })?;
        // Those that were fetched, or no others than before.
        let fetched = KeyRing::parse(&verifier.jwks()).map(|keys| kids(&keys)).unwrap_or_default();
        Ok((verifier, [known, fetched].concat()))
    }
}

fn kids(ring: &KeyRing) -> Vec<String> {
    ring.keys().iter().filter_map(|key| key.kid().map(str::to_owned)).collect()
}

impl Expected {
    /// What the token says of itself tells why it does not count; it may be forged, and then that is wrong as well.
    fn why(&self, kind: ErrorKind, token: &str) -> String {
        if kind == ErrorKind::TokenExpired {
            return "its signature is right, and it has expired".to_owned();
        }
        if kind == ErrorKind::EnrolmentRequired {
            return "it is good for setting up a second factor, and for nothing else".to_owned();
        }
        let (header, claims) = match inspect::parts(token) {
            Ok(parts) => parts,
            Err(failure) => return failure.to_string(),
        };
        let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
        if *member(&header, "typ") == "session+jwt" {
            return "it is the token of a session cookie, which counts in that cookie alone".to_owned();
        }
        let named = member(&header, "kid").as_str();
        if let Some(kid) = named.filter(|kid| !self.kids.iter().any(|known| known == kid)) {
            return format!("it was signed with the key {kid}, which is not among these");
        }
        if *member(&claims, "iss") != self.issuer.as_str() {
            return format!("its issuer is {}, and {} is expected", text(member(&claims, "iss")), self.issuer);
        }
        let audiences = |name: &str| match member(&claims, "aud") {
            Value::Array(all) => all.iter().any(|one| one == name),
            one => one == name,
        };
        match &self.audience {
            Some(name) if !audiences(name) => {
                return format!("its audience is {}, and {name} is expected", text(member(&claims, "aud")));
            }
            None if !member(&claims, "aud").is_null() => {
                return format!("it is for the audience {}, and none is expected", text(member(&claims, "aud")));
            }
            _ => {}
        }
        "its signature is not right: it was changed, or signed with another secret or key".to_owned()
    }
}

/// A member of an object, or null.
fn member<'a>(object: &'a Value, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

fn bad(why: &str, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let text =
        format!("{RED}not valid{RED:#}: {}\n`authctl token inspect` shows what it says of itself", printable(why));
    shell.answer(&json!({ "valid": false, "why": why }), &text)?;
    Ok(Exit::SomeFailed)
}

fn good(identity: &Identity, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
    let expires_at = identity.expires_at().map(|at| at.to_string());
    let session = identity.session().map(|session| session.to_string());
    let json = json!({
        "valid": true,
        "user": identity.user(),
        "role": identity.role(),
        "app_access": identity.has_app_access(),
        "admin_access": identity.is_admin(),
        "session": session,
        "epoch": identity.epoch().0,
        "aal": identity.aal(),
        "expires_at": expires_at,
    });
    let none = || "-".to_owned();
    let facts = pairs(&[
        ("user", identity.user().to_string()),
        ("role", identity.role().map_or_else(none, ToString::to_string)),
        ("admin", yes_no(identity.is_admin()).to_owned()),
        ("session", session.unwrap_or_else(none)),
        ("level", format!("aal{}", identity.aal())),
        ("expires", expires_at.unwrap_or_else(none)),
    ]);
    let text = format!("{GREEN}valid{GREEN:#}\n{facts}{DIM}whether its session was ended is not looked at{DIM:#}");
    shell.answer(&json, &text)?;
    Ok(Exit::Done)
}
