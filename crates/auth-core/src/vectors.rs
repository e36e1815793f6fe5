//! Reads the vectors that outsiders wrote: `tests/vectors/`, whose README says where each is from.

use std::path::Path;

use serde_json::Value;

pub(crate) fn read(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// What is written in hexadecimal.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit");
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).expect("a byte")).collect()
}

/// What is expected in place of what `file` says of its case `test`: `invalid`, or `skip`.
pub(crate) fn exception(file: &str, test: &Value) -> Option<String> {
    let exceptions = read("exceptions.json");
    let found =
        exceptions.as_array().expect("a list").iter().find(|exception| {
            exception["file"] == file && exception["tests"].as_array().expect("a list").contains(test)
        })?;
    assert!(!found["reason"].as_str().expect("a reason").is_empty());
    Some(found["expect"].as_str().expect("a verdict").to_owned())
}
