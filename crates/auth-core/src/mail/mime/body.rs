//! The text of a part, so that every mail server lets it pass as it is.

/// The longest line of a mail, its end aside (RFC 5322 2.1.1).
const MAX_LINE: usize = 998;

/// The longest line of quoted-printable text (RFC 2045 6.7, rule 5).
const MAX_QUOTED: usize = 76;

/// The transfer encoding of `text`, and the text in it. Plain ASCII stays as it is, so that a developer finds the link in
/// the file.
pub(super) fn encode(text: &str) -> (&'static str, String) {
    // A carriage return elsewhere than before a line feed is left in its line, to be encoded.
    let text = text.replace("\r\n", "\n");
    let lines = || text.split('\n');
    let plain = |line: &str| {
        line.len() <= MAX_LINE && line.bytes().all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic())
    };
    if lines().all(plain) {
        ("7bit", lines().collect::<Vec<_>>().join("\r\n"))
    } else {
        ("quoted-printable", lines().map(quote).collect::<Vec<_>>().join("\r\n"))
    }
}

/// One line in quoted-printable.
fn quote(line: &str) -> String {
    let mut quoted = String::with_capacity(line.len() + line.len() / 8);
    let mut width = 0;
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let last = bytes.peek().is_none();
        let literal = match byte {
            // White space at the end of a line gets lost on the way (rule 3).
            b' ' | b'\t' => !last,
            b'=' => false,
            _ => byte.is_ascii_graphic(),
        };
        let needed = if literal { 1 } else { 3 };
        // The `=` of a soft line break needs a place of its own, but on the last character.
        if width + needed > MAX_QUOTED - usize::from(!last) {
            quoted.push_str("=\r\n");
            width = 0;
        }
        if literal {
            quoted.push(char::from(byte));
        } else {
            quoted.push_str(&format!("={byte:02X}"));
        }
        width += needed;
    }
    quoted
}
