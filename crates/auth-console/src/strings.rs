//! Every word that the page says, in one file a language.

use serde_json::{Map, Value};

/// The texts of one language, by key.
#[derive(Debug, Clone)]
pub(crate) struct Strings(Map<String, Value>);

/// A file of strings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidStrings(Problem);

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the strings of the console are no JSON object of texts: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`{key}` is missing in the strings of the console: take it over from strings.en.json, and translate it")]
    Missing { key: String },
    #[error("`{key}` in the strings of the console is no text: write it in quotes")]
    NotAText { key: String },
}

const ENGLISH: &str = include_str!("page/strings.en.json");

impl Strings {
    pub(crate) fn english() -> Self {
        // Our own file: a test reads it.
        Self(serde_json::from_str(ENGLISH).unwrap_or_default())
    }

    pub(crate) fn parse(json: &str) -> Result<Self, InvalidStrings> {
        let strings: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| InvalidStrings(Problem::Json(error)))?;
        for key in Self::english().0.keys() {
            match strings.get(key) {
                None => return Err(InvalidStrings(Problem::Missing { key: key.clone() })),
                Some(Value::String(_)) => {}
                Some(_) => return Err(InvalidStrings(Problem::NotAText { key: key.clone() })),
            }
        }
        Ok(Self(strings))
    }

    #[cfg(test)]
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_string)
    }

    /// A text of markup in which `{{t:key}}` stands for what that key says.
    pub(crate) fn fill(&self, markup: &str) -> String {
        self.0.iter().fold(markup.to_owned(), |text, (key, value)| {
            let value = value.as_str().unwrap_or_default();
            let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            text.replace(&format!("{{{{t:{key}}}}}"), &escaped)
        })
    }

    /// The module that the page imports. JSON is JavaScript (ECMAScript 2019).
    pub(crate) fn module(&self) -> String {
        format!("export default {};\n", Value::Object(self.0.clone()))
    }
}
