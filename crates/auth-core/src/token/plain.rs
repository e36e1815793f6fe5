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
    json.eat(b'{')?;
    loop {
        let key = json.string()?;
        json.eat(b':')?;
        // Letter by letter where many names are of one length, so that none is compared with all of them.
        match key {
            [b'i', b'd'] => once(&mut id, json.parsed::<UserId>()?)?,
            [b'e', b'p'] => once(&mut ep, json.number()?.unsigned_abs())?,
            [b's', b'i', b'd'] => once(&mut sid, json.parsed::<SessionId>()?)?,
            [b'a', b'a', b'l'] => once(&mut aal, u8::try_from(json.number()?).ok()?)?,
            [b'i', b'a', b't'] => once(&mut iat, json.number()?)?,
            [b'e', b'x', b'p'] => once(&mut exp, json.number()?)?,
            [b'n', b'b', b'f'] => once(&mut nbf, json.number()?)?,
            [b'i', b's', b's'] => once(&mut iss, Cow::Borrowed(json.text()?))?,
            [b'a', b'u', b'd'] => once(&mut aud, Audience::One(Cow::Borrowed(json.text()?)))?,
            b"role" => once(&mut role, json.role()?)?,
            b"app_access" => once(&mut app_access, json.flag()?)?,
            b"admin_access" => once(&mut admin_access, json.flag()?)?,
            b"auth_time" => once(&mut auth_time, json.number()?)?,
            b"session" => once(&mut session, Cow::Borrowed(json.text()?))?,
            b"kind" => once(&mut kind, Cow::Borrowed(json.text()?))?,
            b"scope" | b"share" => return None,
            _ => {
                json.skip()?;
                has_more = true;
            }
        }
        if json.eat(b',').is_none() {
            break;
        }
    }
    json.eat(b'}')?;
    if !json.is_read() {
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

/// Printable ASCII without a backslash, so that a quotation mark always ends a string, and how far it is read.
struct Json<'a> {
    all: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    /// More digits may be more than a claim can hold.
    const MAX_DIGITS: usize = 15;

    fn new(payload: &'a [u8]) -> Option<Self> {
        // Without an early exit, so that it compiles to vector instructions.
        let is_plain = payload.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~') & (*byte != b'\\'));
        std::str::from_utf8(payload).ok().filter(|_| is_plain).map(|all| Self { all, at: 0 })
    }

    fn rest(&self) -> &'a [u8] {
        self.all.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn next(&self) -> Option<u8> {
        self.all.as_bytes().get(self.at).copied()
    }

    fn is_read(&self) -> bool {
        self.at == self.all.len()
    }

    fn eat(&mut self, what: u8) -> Option<()> {
        let found = self.next() == Some(what);
        self.at += usize::from(found);
        found.then_some(())
    }

    fn eat_word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found.then_some(())
    }

    /// What is between two quotation marks.
    fn string(&mut self) -> Option<&'a [u8]> {
        let (b'"', rest) = self.rest().split_first()? else { return None };
        let (string, _) = rest.split_at_checked(quotation_mark(rest)?)?;
        self.at += string.len() + 2;
        Some(string)
    }

    fn text(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let length = self.string()?.len();
        self.all.get(start..start + length)
    }

    fn parsed<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    fn role(&mut self) -> Option<Option<Role>> {
        if self.next() == Some(b'n') { self.eat_word(b"null").map(|()| None) } else { self.parsed().map(Some) }
    }

    fn flag(&mut self) -> Option<bool> {
        match self.next()? {
            b't' => self.eat_word(b"true").map(|()| true),
            b'f' => self.eat_word(b"false").map(|()| false),
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
        let digits = self.rest();
        for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
            value = value * 10 + i64::from(digit - b'0');
            length += 1;
            if length > Self::MAX_DIGITS {
                return None;
            }
        }
        if length == 0 || (length > 1 && digits.starts_with(b"0")) {
            return None;
        }
        self.at += length;
        Some(value)
    }

    /// A claim of the app.
    fn skip(&mut self) -> Option<()> {
        match self.next()? {
            b'"' => self.string().map(drop),
            b't' => self.eat_word(b"true"),
            b'f' => self.eat_word(b"false"),
            b'n' => self.eat_word(b"null"),
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
