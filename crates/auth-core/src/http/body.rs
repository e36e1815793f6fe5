//! Bodies: read up to a limit, and parsed without a surprise (requirements G10, E2).

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use futures_core::Stream;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::endpoint::Route;
use super::head::{RequestHead, Single};
use super::problem::{Problem, Reason};
use crate::clock::Timestamp;

/// How much of a body that is too large is still read and thrown away, so that the client gets to see the answer
/// instead of a reset connection. Of a request that is refused for whom it is from, nothing is read.
const DRAIN_LIMIT: usize = 2 * 1024 * 1024;

/// Reads the fields of a JSON object, within `time` and [`Route::BODY_LIMIT`]. No body is an empty object.
pub(super) async fn read<C, E>(
    chunks: impl Stream<Item = Result<C, E>>,
    head: &RequestHead<'_>,
    time: Duration,
) -> Result<Fields, Problem>
where
    C: AsRef<[u8]>,
{
    Ok(read_both(chunks, head, time, Route::BODY_LIMIT).await?.1)
}

/// The same, and the text that the fields are from, for whoever reads more in it than texts.
pub(super) async fn read_both<C, E>(
    chunks: impl Stream<Item = Result<C, E>>,
    head: &RequestHead<'_>,
    time: Duration,
    limit: usize,
) -> Result<(Zeroizing<Vec<u8>>, Fields), Problem>
where
    C: AsRef<[u8]>,
{
    let bytes = tokio::time::timeout(time, collect(chunks, limit)).await.map_err(|_| Problem::TooSlow)??;
    let fields = Fields::parse(&bytes, head.single("content-type"))?;
    Ok((bytes, fields))
}

async fn collect<C, E>(chunks: impl Stream<Item = Result<C, E>>, limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    C: AsRef<[u8]>,
{
    let mut chunks = pin!(chunks);
    let mut bytes = Zeroizing::new(Vec::new());
    let mut received = 0_usize;
    while let Some(chunk) = poll_fn(|context| chunks.as_mut().poll_next(context)).await {
        let chunk = chunk.map_err(|_| Problem::payload(Reason::Broken))?;
        let chunk = chunk.as_ref();
        received = received.saturating_add(chunk.len());
        if received <= limit {
            bytes.extend_from_slice(chunk);
        } else if received > DRAIN_LIMIT.max(limit) {
            break;
        }
    }
    if received > limit { Err(Problem::TooLarge) } else { Ok(bytes) }
}

/// The fields of a body, each once; or the arguments of a call that came in another language, under the same names.
pub struct Fields(Vec<(String, Json)>);

/// What is `None` was not sent.
impl<const N: usize> From<[(&'static str, Option<String>); N]> for Fields {
    fn from(texts: [(&'static str, Option<String>); N]) -> Self {
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
        Self(texts.map(|(name, text)| (name, Json::Text(Zeroizing::new(text)))).collect())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Fields {
    fn parse(bytes: &[u8], content_type: Single<'_>) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Ok(Self(Vec::new()));
        }
        if !is_json(content_type) {
            return Err(Problem::MediaType);
        }
        match serde_json::from_slice(bytes) {
            Ok(Json::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Problem::payload(Reason::NotAnObject)),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Err(Problem::payload(if error.is_data() {
                    Reason::DuplicateKey { line, column }
                } else {
                    Reason::Malformed { line, column }
                }))
            }
        }
    }

    /// Those of a request without a body.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// The text of an optional field. `null` is text of the wrong type.
    pub(super) fn optional(&self, name: &'static str) -> Result<Option<&str>, Reason> {
        match self.value(name) {
            None => Ok(None),
            Some(Json::Text(text)) if text.is_empty() => Err(Reason::Empty(name)),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Reason::NotAString(name)),
        }
    }

    /// The text of a field that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Reason> {
        self.optional(name)?.ok_or(Reason::Required(name))
    }

    /// An optional boolean. Without it, `false`.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Reason> {
        Ok(self.optional_flag(name)?.unwrap_or_default())
    }

    /// A boolean that makes a difference when it is not there.
    pub(super) fn optional_flag(&self, name: &'static str) -> Result<Option<bool>, Reason> {
        match self.value(name) {
            None => Ok(None),
            Some(Json::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Reason::NotABoolean(name)),
        }
    }

    /// An optional moment, in milliseconds since 1970. `null` is none.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Reason> {
        match self.value(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Integer(millis)) => Ok(Some(Timestamp::from_millis(*millis))),
            Some(_) => Err(Reason::NotATime(name)),
        }
    }

    /// An optional list. `null` is none.
    pub(super) fn list(&self, name: &'static str) -> Result<Option<&[Json]>, Reason> {
        match self.value(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::List(list)) => Ok(Some(list)),
            Some(_) => Err(Reason::NotAList(name)),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// `application/json`, with or without parameters. Forms of other sites cannot send it without a preflight.
fn is_json(content_type: Single<'_>) -> bool {
    let Single::One(line) = content_type else { return false };
    let essence = line.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// JSON as far as bodies of this contract need it; the rest only has to be well formed.
pub(super) enum Json {
    Text(Zeroizing<String>),
    Flag(bool),
    Integer(i64),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    Null,
    Other,
}

impl Json {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonVisitor;
        impl<'de> Visitor<'de> for JsonVisitor {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(Zeroizing::new(text.to_owned())))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
                Ok(Json::Flag(flag))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
                Ok(Json::Integer(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(i64::try_from(number).map_or(Json::Other, Json::Integer))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = seq.next_element()? {
                    list.push(element);
                }
                Ok(Json::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut fields: Vec<(String, Json)> = Vec::new();
                let mut keys = std::collections::HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !keys.insert(key.clone()) {
                        // The key itself may be a secret in the wrong place: say where, not what.
                        return Err(de::Error::custom("duplicate key"));
                    }
                    fields.push((key, map.next_value()?));
                }
                Ok(Json::Object(fields))
            }
        }
        deserializer.deserialize_any(JsonVisitor)
    }
}

#[cfg(test)]
mod tests;
