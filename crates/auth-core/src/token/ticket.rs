//! One-time links without a table: what a link carries is signed, and good while the user's epoch is the one in it.
//!
//! Redeeming a ticket raises the epoch, so a used one, an earlier one and one of before a change of password or address
//! are worth nothing (requirement S2). Each purpose has a `typ` of its own, which is compared as bytes with the header
//! that we write: no ticket is an access token, a session token, or a ticket for something else (requirement J8).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::prepared::completed_by_hmac;
use super::sign::begun;
use super::verify::Parts;
use super::{TokenKeys, TokenProblem};
use crate::clock::Timestamp;
use crate::id::UserId;
use crate::password::PasswordHash;
use crate::store::Epoch;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    Reset,
    Verify,
    Invite,
}

impl Purpose {
    #[cfg(test)]
    const ALL: [Self; 3] = [Self::Reset, Self::Verify, Self::Invite];

    const fn header(self) -> &'static str {
        match self {
            Self::Reset => r#"{"alg":"HS256","typ":"reset+jwt"}"#,
            Self::Verify => r#"{"alg":"HS256","typ":"verify+jwt"}"#,
            Self::Invite => r#"{"alg":"HS256","typ":"invite+jwt"}"#,
        }
    }
}

/// What a link carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) user: UserId,
    /// The one under which it is good.
    pub(crate) epoch: Epoch,
    /// Of the password that it replaces: for users in a table of the app, whose changes raise no epoch of ours by
    /// themselves.
    pub(crate) fingerprint: Option<String>,
    /// Where the browser goes afterwards.
    pub(crate) then: Option<String>,
    pub(crate) expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    id: String,
    ep: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pw: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    then: Option<String>,
    /// Seconds.
    exp: i64,
    /// 128 random bits.
    jti: String,
    iss: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
}

impl TokenKeys {
    /// A signed ticket, made different from every other one by `nonce`.
    pub(crate) fn sign_ticket(
        &self,
        purpose: Purpose,
        ticket: &Ticket,
        nonce: [u8; 16],
    ) -> Result<String, serde_json::Error> {
        let claims = serde_json::to_vec(&Claims {
            id: ticket.user.as_str().to_owned(),
            ep: ticket.epoch.0,
            pw: ticket.fingerprint.clone(),
            then: ticket.then.clone(),
            exp: ticket.expires_at.as_secs(),
            jti: URL_SAFE_NO_PAD.encode(nonce),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
        })?;
        let start = URL_SAFE_NO_PAD.encode(purpose.header()) + ".";
        Ok(completed_by_hmac(&self.hmac, begun(&start, &claims)))
    }

    /// What a ticket for `purpose` carries; whether it was used, the user's epoch says.
    pub(crate) fn verify_ticket(&self, purpose: Purpose, token: &str, now: Timestamp) -> Result<Ticket, TokenProblem> {
        self.read_ticket(purpose, token)
            .ok_or(TokenProblem::Invalid)
            .and_then(|ticket| if now < ticket.expires_at { Ok(ticket) } else { Err(TokenProblem::Expired) })
    }

    fn read_ticket(&self, purpose: Purpose, token: &str) -> Option<Ticket> {
        let parts = Parts::split(token)?;
        if parts.header != URL_SAFE_NO_PAD.encode(purpose.header()) {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(parts.signature).ok()?;
        hmac::verify(&self.hmac, parts.signed.as_bytes(), &signature).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.payload).ok()?).ok()?;
        (claims.iss == self.issuer && claims.aud == self.audience).then_some(())?;
        Some(Ticket {
            user: UserId::new(&claims.id).ok()?,
            epoch: Epoch(claims.ep),
            fingerprint: claims.pw,
            then: claims.then,
            expires_at: Timestamp::from_secs(claims.exp),
        })
    }

    /// Tells password hashes apart, and nothing about them to whoever has no key.
    pub(crate) fn fingerprint(&self, hash: &PasswordHash) -> String {
        // No token begins like this, so this is the signature of none.
        let tag = hmac::sign(&self.hmac, &[b"password\0", hash.as_phc().as_bytes()].concat());
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuthConfig;
    use crate::id::SessionId;
    use crate::token::{NewToken, Rights, TokenKind};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn keys() -> TokenKeys {
        TokenKeys::new(&AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7")).expect("a secret")
    }

    fn ticket() -> Ticket {
        Ticket {
            user: UserId::new("u1").expect("short"),
            epoch: Epoch(7),
            fingerprint: None,
            then: Some("https://app.example.com/welcome".to_owned()),
            expires_at: Timestamp::from_secs(NOW.as_secs() + 60),
        }
    }

    #[test]
    fn j8_a_ticket_is_for_one_purpose_and_no_access_or_session_token() {
        let keys = keys();
        for purpose in Purpose::ALL {
            let token = keys.sign_ticket(purpose, &ticket(), [3; 16]).expect("signs");
            for other in Purpose::ALL {
                let verdict = keys.verify_ticket(other, &token, NOW);
                assert_eq!(verdict.is_ok(), other == purpose, "{purpose:?} as {other:?}");
            }
            assert_eq!(keys.verify_access(&token, NOW).err(), Some(TokenProblem::Invalid), "{purpose:?}");
            assert_eq!(keys.verify_session(&token, NOW).err(), Some(TokenProblem::Invalid), "{purpose:?}");
        }
        let (user, extra) = (UserId::new("u1").expect("short"), serde_json::Map::new());
        for (kind, session) in [(TokenKind::Access, None), (TokenKind::Session, Some("secret"))] {
            let token = NewToken {
                id: &user,
                rights: Some(Rights { role: None, app_access: true, admin_access: false }),
                sid: SessionId::from_bytes([7; 16]),
                ep: 7,
                auth_time: NOW.as_secs(),
                aal: 1,
                session,
                iat: NOW.as_secs(),
                exp: NOW.as_secs() + 60,
                extra: &extra,
            };
            let token = keys.sign(kind, &token).expect("signs");
            for purpose in Purpose::ALL {
                assert_eq!(keys.verify_ticket(purpose, &token, NOW), Err(TokenProblem::Invalid), "{kind:?}");
            }
        }
    }

    #[test]
    fn s2_a_ticket_carries_random_bits_and_ends_on_time() {
        let keys = keys();
        let token = keys.sign_ticket(Purpose::Reset, &ticket(), [3; 16]).expect("signs");
        assert_ne!(token, keys.sign_ticket(Purpose::Reset, &ticket(), [4; 16]).expect("signs"));
        assert_eq!(keys.verify_ticket(Purpose::Reset, &token, NOW), Ok(ticket()));
        let last = Timestamp::from_millis(ticket().expires_at.as_millis() - 1);
        assert!(keys.verify_ticket(Purpose::Reset, &token, last).is_ok());
        let end = keys.verify_ticket(Purpose::Reset, &token, ticket().expires_at);
        assert_eq!(end, Err(TokenProblem::Expired));
    }

    #[test]
    fn s2_a_ticket_that_was_changed_or_is_of_somebody_else_is_none() {
        let keys = keys();
        let token = keys.sign_ticket(Purpose::Reset, &ticket(), [3; 16]).expect("signs");
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            let verdict = keys.verify_ticket(Purpose::Reset, &changed, NOW);
            assert_eq!(verdict, Err(TokenProblem::Invalid), "at {at}");
        }
        for config in [
            AuthConfig::new("another-secret-of-32-bytes-Q2w4E6r8T0"),
            AuthConfig { issuer: "other".to_owned(), ..AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7") },
            AuthConfig { audience: Some("other".to_owned()), ..AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7") },
        ] {
            let other = TokenKeys::new(&config).expect("a secret");
            assert_eq!(other.verify_ticket(Purpose::Reset, &token, NOW), Err(TokenProblem::Invalid));
        }
    }
}
