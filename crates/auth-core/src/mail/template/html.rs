//! HTML with everything that is inserted escaped.

/// `text` as it may stand between tags and in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_what_is_inserted_stays_text() {
        for (text, escaped) in [
            ("Notes", "Notes"),
            ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            ("a\" onload=\"x", "a&quot; onload=&quot;x"),
            ("a&amp;b", "a&amp;amp;b"),
            ("?a=1&b=2", "?a=1&amp;b=2"),
            ("\u{e9}\u{1f511}", "\u{e9}\u{1f511}"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }
}
