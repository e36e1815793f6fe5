//! How deep a text nests, before anything that recurses reads it.

/// The parser calls itself for each bracket, and a thread of a server has 2 MiB of stack.
pub(crate) const DEEPEST: usize = 64;

/// Whether brackets nest no deeper than [`DEEPEST`]. Those in strings and comments are text.
///
/// A text that is wrong in one of them is refused by the parser right there, so nothing behind it matters; but for three
/// quotes without an end, which the parser would read as two strings, and which are refused here.
pub(crate) fn is_flat(text: &str) -> bool {
    let mut rest = text.as_bytes();
    let mut depth = 0_usize;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > DEEPEST {
                    return false;
                }
                after
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                after
            }
            b'#' => behind(after, |rest| rest.first().is_some_and(|byte| matches!(byte, b'\n' | b'\r')), 1),
            b'"' => match after.strip_prefix(b"\"\"") {
                Some(block) => match behind_block(block) {
                    Some(rest) => rest,
                    None => return false,
                },
                None => behind_string(after),
            },
            _ => after,
        };
    }
    true
}

/// What is behind the first place where `is_end`, and the `length` bytes of it.
fn behind(mut rest: &[u8], is_end: impl Fn(&[u8]) -> bool, length: usize) -> &[u8] {
    while !rest.is_empty() && !is_end(rest) {
        rest = rest.get(1..).unwrap_or_default();
    }
    rest.get(length..).unwrap_or_default()
}

fn behind_string(mut rest: &[u8]) -> &[u8] {
    loop {
        match rest {
            [b'\\', _, after @ ..] => rest = after,
            [b'"' | b'\n' | b'\r', after @ ..] => return after,
            [_, after @ ..] => rest = after,
            [] => return rest,
        }
    }
}

fn behind_block(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        match rest {
            [b'\\', b'"', b'"', b'"', after @ ..] => rest = after,
            [b'"', b'"', b'"', after @ ..] => return Some(after),
            [_, after @ ..] => rest = after,
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "{a".repeat(depth), "}".repeat(depth))
    }

    #[test]
    fn brackets_are_counted_and_text_is_not() {
        let brackets = "{[(".repeat(DEEPEST);
        for text in [
            nested(DEEPEST),
            "{a}".repeat(1000),
            format!("{{a(b:\"{brackets}\")}}"),
            format!("{{a(b:\"\\\"{brackets}\")}}"),
            format!("{{a(b:\"\"\"{brackets}\" \\\"\"\" {brackets}\"\"\")}}"),
            format!("{{a # {brackets}\n}}"),
            "}])".repeat(1000),
            String::new(),
        ] {
            assert!(is_flat(&text), "{text}");
        }
        let deep = nested(DEEPEST + 1);
        for text in [
            deep.clone(),
            brackets,
            format!("{{a(b:\"\"){deep}"),
            format!("{{a(b:\"\\\\\"){deep}"),
            format!("# {{\n{deep}"),
            format!("#\r{deep}"),
            format!("{{a(b:\"\"\"\"\"\"){deep}"),
            // Three quotes without an end are two strings to the parser, and what follows is no text.
            format!("{{a(b:[\"\"\" \" {deep}"),
            format!("\"unended\n{deep}"),
        ] {
            assert!(!is_flat(&text), "{text}");
        }
    }
}
