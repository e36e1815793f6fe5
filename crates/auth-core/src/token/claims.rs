//! Reading claims: once, borrowed from the decoded payload, each of its exact type (requirements J6, J12).

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::identity::Scope;
use super::{Identity, is_reserved, plain};
use crate::clock::Timestamp;
use crate::id::{Role, SessionId, UserId};
use crate::store::Epoch;

/// What a token says, before it is believed.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(crate) struct Claims<'a> {
    pub(super) id: UserId,
    pub(super) role: Option<Role>,
    pub(super) app_access: bool,
    pub(super) admin_access: bool,
    pub(super) sid: Option<SessionId>,
    pub(super) ep: u64,
    pub(super) auth_time: Option<i64>,
    pub(super) aal: u8,
    pub(super) session: Option<Cow<'a, str>>,
    pub(super) iat: Option<i64>,
    pub(super) exp: i64,
    pub(super) nbf: Option<i64>,
    pub(super) iss: Option<Cow<'a, str>>,
    pub(super) aud: Audience<'a>,
    /// Has a claim that only tokens of another kind have: Directus's `scope` and `share`.
    pub(super) other_kind: bool,
    /// Which kind the token says it is; ordinary ones say nothing.
    pub(super) kind: Option<Cow<'a, str>>,
    /// Has claims of the app.
    pub(super) has_more: bool,
}

impl<'a> Claims<'a> {
    /// `None` unless `payload` is one JSON object with `id` and `exp`, no claim of ours twice, each of its type.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        plain::read(payload).or_else(|| Self::parse_any(payload))
    }

    /// The same, however it is written.
    pub(super) fn parse_any(payload: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    pub(super) fn identity(&self, scope: Scope, payload: &[u8]) -> Identity {
        Identity {
            user: self.id,
            role: self.role,
            app_access: self.app_access,
            admin_access: self.admin_access,
            session: self.sid,
            epoch: Epoch(self.ep),
            aal: self.aal,
            auth_time: self.auth_time.map(Timestamp::from_secs),
            issued_at: self.iat.map(Timestamp::from_secs),
            expires_at: Some(Timestamp::from_secs(self.exp)),
            scope,
            payload: self.has_more.then(|| payload.into()),
        }
    }
}

/// Claim `aud`: one name, or several.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) enum Audience<'a> {
    #[default]
    Anybody,
    One(Cow<'a, str>),
    Several(Vec<String>),
}

impl Audience<'_> {
    /// RFC 7519 4.1.3: a token with an audience is for those it names, and for nobody else.
    pub(super) fn allows(&self, us: Option<&str>) -> bool {
        match (self, us) {
            (Self::Anybody, us) => us.is_none(),
            (Self::One(name), Some(us)) => name == us,
            (Self::Several(names), Some(us)) => names.iter().any(|name| name == us),
            (_, None) => false,
        }
    }
}

impl<'de> Deserialize<'de> for Claims<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut id, mut role, mut app_access, mut admin_access) = (None, None, None, None);
        let (mut sid, mut ep, mut auth_time, mut aal, mut session) = (None, None, None, None, None);
        let (mut iat, mut exp, mut nbf, mut iss, mut aud) = (None, None, None, None, None);
        let (mut kind, mut other_kind, mut has_more) = (None, false, false);
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "id" => once(&mut id, map.next_value::<Short<UserId>>()?)?,
                "role" => once(&mut role, map.next_value::<Option<Short<Role>>>()?)?,
                "app_access" => once(&mut app_access, map.next_value::<Flag>()?)?,
                "admin_access" => once(&mut admin_access, map.next_value::<Flag>()?)?,
                "sid" => once(&mut sid, map.next_value::<Short<SessionId>>()?)?,
                "ep" => once(&mut ep, map.next_value::<u64>()?)?,
                "auth_time" => once(&mut auth_time, map.next_value::<NumericDate>()?)?,
                "aal" => once(&mut aal, map.next_value::<u8>()?)?,
                "session" => once(&mut session, map.next_value::<Text<'de>>()?)?,
                "iat" => once(&mut iat, map.next_value::<NumericDate>()?)?,
                "exp" => once(&mut exp, map.next_value::<NumericDate>()?)?,
                "nbf" => once(&mut nbf, map.next_value::<NumericDate>()?)?,
                "iss" => once(&mut iss, map.next_value::<Text<'de>>()?)?,
                "aud" => once(&mut aud, map.next_value::<Audience<'de>>()?)?,
                "kind" => once(&mut kind, map.next_value::<Text<'de>>()?)?,
                "scope" | "share" => {
                    map.next_value::<IgnoredAny>()?;
                    other_kind = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    has_more = true;
                }
            }
        }
        let id = id.ok_or_else(|| de::Error::missing_field("id"))?;
        let exp = exp.ok_or_else(|| de::Error::missing_field("exp"))?;
        Ok(Claims {
            id: id.0,
            role: role.flatten().map(|role| role.0),
            app_access: app_access.is_some_and(|flag| flag.0),
            admin_access: admin_access.is_some_and(|flag| flag.0),
            sid: sid.map(|sid| sid.0),
            ep: ep.unwrap_or_default(),
            auth_time: auth_time.map(|date| date.0),
            aal: aal.unwrap_or(1),
            session: session.map(|text| text.0),
            iat: iat.map(|date| date.0),
            exp: exp.0,
            nbf: nbf.map(|date| date.0),
            iss: iss.map(|text| text.0),
            aud: aud.unwrap_or_default(),
            other_kind,
            kind: kind.map(|text| text.0),
            has_more,
        })
    }
}

/// The claims of the app, out of a payload with whatever else; `None` when there are none. Ours stay out, so that an app
/// reads the same from every kind of token.
pub(super) fn of_the_app(payload: &[u8]) -> Option<Map<String, Value>> {
    let AppClaims(claims) = serde_json::from_slice(payload).ok()?;
    Some(claims).filter(|claims| !claims.is_empty())
}

struct AppClaims(Map<String, Value>);

impl<'de> Deserialize<'de> for AppClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AppClaimsVisitor;
        impl<'de> Visitor<'de> for AppClaimsVisitor {
            type Value = AppClaims;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut claims = Map::new();
                while let Some(Text(key)) = map.next_key()? {
                    if is_reserved(&key) {
                        map.next_value::<IgnoredAny>()?;
                    } else if claims.insert(key.into_owned(), map.next_value()?).is_some() {
                        return Err(de::Error::custom("a claim is there twice"));
                    }
                }
                Ok(AppClaims(claims))
            }
        }
        deserializer.deserialize_map(AppClaimsVisitor)
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, value: T) -> Result<(), E> {
    if slot.replace(value).is_some() {
        return Err(E::custom("a claim is there twice"));
    }
    Ok(())
}

/// Text, borrowed when it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// An id or a name that is copied into the identity.
struct Short<T>(T);

impl<'de, T: std::str::FromStr> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| de::Error::custom("not an id"))
    }
}

/// A boolean; Directus on SQLite writes 0 and 1.
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;
        impl Visitor<'_> for FlagVisitor {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Flag(flag))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                match number {
                    0 => Ok(Flag(false)),
                    1 => Ok(Flag(true)),
                    _ => Err(E::custom("not a boolean")),
                }
            }
        }
        deserializer.deserialize_any(FlagVisitor)
    }
}

/// Seconds since 1970 (RFC 7519 2): a JSON number, rounded down, no further from 1970 than 2^53.
struct NumericDate(i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DateVisitor;
        const FURTHEST: i64 = 1 << 53;
        impl Visitor<'_> for DateVisitor {
            type Value = NumericDate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds")
            }
            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Self::Value, E> {
                if (-FURTHEST..=FURTHEST).contains(&secs) {
                    Ok(NumericDate(secs))
                } else {
                    Err(E::custom("out of range"))
                }
            }
            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Self::Value, E> {
                self.visit_i64(i64::try_from(secs).map_err(|_| E::custom("out of range"))?)
            }
            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<Self::Value, E> {
                #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and the range is checked")]
                self.visit_i64(secs.floor() as i64)
            }
        }
        deserializer.deserialize_any(DateVisitor)
    }
}

impl<'de> Deserialize<'de> for Audience<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;
        impl<'de> Visitor<'de> for AudienceVisitor {
            type Value = Audience<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Audience::One(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Audience::One(Cow::Owned(name.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(Text(name)) = seq.next_element()? {
                    names.push(name.into_owned());
                }
                Ok(Audience::Several(names))
            }
        }
        deserializer.deserialize_any(AudienceVisitor)
    }
}
