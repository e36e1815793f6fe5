//! Bodies: read up to a limit, and parsed without a surprise (requirements G10, E2).

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::endpoint::Route;
use super::head::{RequestHead, Single};
use super::problem::{Problem, Reason};

/// How much of a body that is too large is still read and thrown away, so that the client gets to see the answer
/// instead of a reset connection.
const DRAIN_LIMIT: usize = 2 * 1024 * 1024;

/// Takes the chunks of a body as they arrive.
#[derive(Default)]
pub struct BodyBuffer {
    bytes: Zeroizing<Vec<u8>>,
    received: usize,
}

/// Whether a body should be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Buffered {
    /// Hand over the next chunk.
    More,
    /// Enough: it is too large.
    Enough,
}

impl BodyBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk.
    pub fn push(&mut self, chunk: &[u8]) -> Buffered {
        self.received = self.received.saturating_add(chunk.len());
        if self.received <= Route::BODY_LIMIT {
            self.bytes.extend_from_slice(chunk);
        }
        if self.received > DRAIN_LIMIT { Buffered::Enough } else { Buffered::More }
    }

    /// The body, when there is no more.
    #[must_use]
    pub fn finish(self) -> Body {
        if self.received > Route::BODY_LIMIT { Body(Received::TooLarge) } else { Body(Received::Whole(self.bytes)) }
    }
}

impl fmt::Debug for BodyBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyBuffer").field("received", &self.received).finish_non_exhaustive()
    }
}

/// What became of a request's body.
pub struct Body(Received);

enum Received {
    Whole(Zeroizing<Vec<u8>>),
    TooLarge,
    Broken,
    TooSlow,
}

impl Body {
    /// The connection broke, or the framing was wrong.
    #[must_use]
    pub const fn broken() -> Self {
        Self(Received::Broken)
    }

    /// It did not arrive within [`Auth::body_timeout`](crate::Auth::body_timeout).
    #[must_use]
    pub const fn too_slow() -> Self {
        Self(Received::TooSlow)
    }

    /// The fields of a JSON object. No body is an empty object.
    pub(super) fn fields(&self, head: &RequestHead<'_>) -> Result<Fields, Problem> {
        let bytes = match &self.0 {
            Received::Whole(bytes) => bytes,
            Received::TooLarge => return Err(Problem::TooLarge),
            Received::Broken => return Err(Problem::payload(Reason::Broken)),
            Received::TooSlow => return Err(Problem::TooSlow),
        };
        if bytes.is_empty() {
            return Ok(Fields(Vec::new()));
        }
        if !is_json(head.single("content-type")) {
            return Err(Problem::MediaType);
        }
        match serde_json::from_slice(bytes) {
            Ok(Json::Object(fields)) => Ok(Fields(fields)),
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
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Received::Whole(_) => "Body([redacted])",
            Received::TooLarge => "Body(too large)",
            Received::Broken => "Body(broken)",
            Received::TooSlow => "Body(too slow)",
        })
    }
}

/// `application/json`, with or without parameters. Forms of other sites cannot send it without a preflight.
fn is_json(content_type: Single<'_>) -> bool {
    let Single::One(line) = content_type else { return false };
    let essence = line.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// The fields of a body, each once.
pub(super) struct Fields(Vec<(String, Json)>);

impl Fields {
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

    pub(super) fn value(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// JSON as far as bodies of this contract need it: text and objects; the rest only has to be well formed.
pub(super) enum Json {
    Text(Zeroizing<String>),
    Object(Vec<(String, Self)>),
    Other,
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
            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                while seq.next_element::<Json>()?.is_some() {}
                Ok(Json::Other)
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
