//! Claims as nearly every token has them, read in one pass: JSON without white space, escapes, nesting or fractions, in
//! printable ASCII. That is how we and Directus write it.
//!
//! This reader refuses nothing. Whatever is not as plain as that, or has a claim of the wrong type or twice, it leaves to
//! the serde one, which decides; what it does read, that one reads alike (`token/tests/ways.rs`, `fuzz/`).

use std::borrow::Cow;
use std::str::FromStr;

use super::claims::{Audience, Claims};
use crate::id::{Role, SessionId, UserId};

/// `None` says nothing about `payload` but that it is not plain.
pub(super) fn read(payload: &[u8]) -> Option<Claims<'_>> {
    let mut json = Json::new(payload)?;
    let (mut id, mut role, mut app_access, mut admin_access) = (None, None, None, None);
    let (mut sid, mut ep, mut auth_time, mut aal, mut session) = (None, None, None, None, None);
    let (mut iat, mut exp, mut nbf, mut iss, mut aud, mut kind) = (None, None, None, None, None, None);
    let mut has_more = false;
    json.eat('{')?;
    loop {
        let key = json.text()?;
        json.eat(':')?;
        match key {
            "id" => once(&mut id, json.parsed::<UserId>()?)?,
            "role" => once(&mut role, json.role()?)?,
            "app_access" => once(&mut app_access, json.flag()?)?,
            "admin_access" => once(&mut admin_access, json.flag()?)?,
            "sid" => once(&mut sid, json.parsed::<SessionId>()?)?,
            "ep" => once(&mut ep, json.number()?.unsigned_abs())?,
            "auth_time" => once(&mut auth_time, json.number()?)?,
            "aal" => once(&mut aal, u8::try_from(json.number()?).ok()?)?,
            "session" => once(&mut session, Cow::Borrowed(json.text()?))?,
            "iat" => once(&mut iat, json.number()?)?,
            "exp" => once(&mut exp, json.number()?)?,
            "nbf" => once(&mut nbf, json.number()?)?,
            "iss" => once(&mut iss, Cow::Borrowed(json.text()?))?,
            "aud" => once(&mut aud, Audience::One(Cow::Borrowed(json.text()?)))?,
            "kind" => once(&mut kind, Cow::Borrowed(json.text()?))?,
            "scope" | "share" => return None,
            _ => {
                json.skip()?;
                has_more = true;
            }
        }
        if json.eat(',').is_none() {
            break;
        }
    }
    json.eat('}')?;
    if !json.0.is_empty() {
        return None;
    }
    Some(Claims {
        id: id?,
        role: role.flatten(),
        app_access: app_access.unwrap_or_default(),
        admin_access: admin_access.unwrap_or_default(),
        sid,
        ep: ep.unwrap_or_default(),
        auth_time,
        aal: aal.unwrap_or(1),
        session,
        iat,
        exp: exp?,
        nbf,
        iss,
        aud: aud.unwrap_or_default(),
        other_kind: false,
        kind,
        has_more,
    })
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

/// What is left to read: printable ASCII without a backslash, so that a quotation mark always ends a string.
struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// More digits may be more than a claim can hold.
    const MAX_DIGITS: usize = 15;

    fn new(payload: &'a [u8]) -> Option<Self> {
        // Without an early exit, so that it compiles to vector instructions.
        let is_plain = payload.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~') & (*byte != b'\\'));
        std::str::from_utf8(payload).ok().filter(|_| is_plain).map(Self)
    }

    fn eat(&mut self, what: char) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    fn eat_word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        self.eat('"')?;
        let end = quotation_mark(self.0.as_bytes())?;
        let text = self.0.get(..end)?;
        self.0 = self.0.get(end + 1..)?;
        Some(text)
    }

    fn parsed<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    fn role(&mut self) -> Option<Option<Role>> {
        if self.0.starts_with('n') { self.eat_word("null").map(|()| None) } else { self.parsed().map(Some) }
    }

    fn flag(&mut self) -> Option<bool> {
        match self.0.bytes().next()? {
            b't' => self.eat_word("true").map(|()| true),
            b'f' => self.eat_word("false").map(|()| false),
            _ => match self.number()? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }
    }

    /// What follows the digits is not looked at: the comma or brace that has to follow makes it a whole number.
    fn number(&mut self) -> Option<i64> {
        let mut value = 0;
        let mut length = 0;
        for digit in self.0.bytes().take_while(u8::is_ascii_digit) {
            value = value * 10 + i64::from(digit - b'0');
            length += 1;
            if length > Self::MAX_DIGITS {
                return None;
            }
        }
        if length == 0 || (length > 1 && self.0.starts_with('0')) {
            return None;
        }
        self.0 = self.0.get(length..)?;
        Some(value)
    }

    /// A claim of the app.
    fn skip(&mut self) -> Option<()> {
        match self.0.bytes().next()? {
            b'"' => self.text().map(drop),
            b't' => self.eat_word("true"),
            b'f' => self.eat_word("false"),
            b'n' => self.eat_word("null"),
            _ => self.number().map(drop),
        }
    }
}

/// Where the first one is, eight bytes at a time: strings are most of a payload, and short.
fn quotation_mark(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // The lowest zero byte of this has the lowest high bit of the next line (Hacker's Delight 6-1).
        let difference = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'"'));
        let found = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
        if found != 0 {
            return usize::try_from(found.trailing_zeros() / 8).ok().map(|within| at * 8 + within);
        }
    }
    let within = rest.iter().position(|byte| *byte == b'"')?;
    Some(bytes.len() - rest.len() + within)
}
