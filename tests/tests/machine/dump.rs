//! Looking for secrets where none may be (I8): in rows, and in the bytes of a database file and its log.

use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Pieces of 16 bytes of every secret that was given out: as bytes, as base64url within the token, and in hex.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    pieces: HashSet<[u8; 16]>,
    /// As `Debug` prints an array.
    printed: HashSet<String>,
    tokens: usize,
}

impl Secrets {
    /// `token` is a refresh token: `0x01 | session 16 | generation 8 | family 16 | secret 32 | crc32 4`.
    pub(crate) fn add(&mut self, token: &str) {
        let bytes = URL_SAFE_NO_PAD.decode(token).expect("a refresh token");
        assert_eq!(bytes.len(), 77);
        let mut add = |piece: &[u8]| self.pieces.insert(piece.try_into().expect("16 bytes"));
        // Family, and both halves of the secret.
        for piece in [&bytes[25..41], &bytes[41..57], &bytes[57..73]] {
            add(piece);
            let hex: String = piece[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            add(hex.as_bytes());
            add(hex.to_uppercase().as_bytes());
            self.printed.insert(piece.iter().map(u8::to_string).collect::<Vec<_>>().join(", "));
        }
        // Characters 36 to 51 are made of family alone, 56 to 95 of the secret.
        for at in [36, 56, 72] {
            add(&token.as_bytes()[at..at + 16]);
        }
        self.printed.insert(token[36..].to_owned());
        self.tokens += 1;
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.pieces.extend(others.pieces);
        self.printed.extend(others.printed);
        self.tokens += others.tokens;
    }

    pub(crate) fn are_not_in_text(&self, text: &str) {
        for secret in &self.printed {
            assert!(!text.contains(secret.as_str()), "I8: a secret is in {text}");
        }
    }

    fn found_in(&self, bytes: &[u8]) -> Option<usize> {
        bytes.windows(16).position(|window| self.pieces.contains(window))
    }

    /// The file and the log beside it, as somebody takes them who takes the disk.
    pub(crate) fn are_not_in_file(&self, file: &Path) {
        assert!(self.tokens > 0, "no token was given out");
        let log = file.with_extension("db-wal");
        let bytes = [std::fs::read(file).expect("the file"), std::fs::read(&log).expect("the log")].concat();
        assert_eq!(self.found_in(&bytes), None, "I8: a secret is in the database");
        println!("I8: {} tokens, none in {} bytes of file and log", self.tokens, bytes.len());
    }
}

#[test]
fn i8_a_secret_that_is_stored_would_be_found() {
    let token = URL_SAFE_NO_PAD.encode((0..77).collect::<Vec<u8>>());
    let mut secrets = Secrets::default();
    secrets.add(&token);
    let secret: Vec<u8> = (41..73).collect();
    for stored in [secret.as_slice(), token.as_bytes(), b"292A2B2C2D2E2F30", b"292a2b2c2d2e2f30"] {
        assert!(secrets.found_in(&[b"before", stored, b"after"].concat()).is_some());
    }
    assert_eq!(secrets.found_in(b"nothing of it, in more than sixteen bytes"), None);
    assert!(secrets.printed.iter().any(|printed| format!("{secret:?}").contains(printed)));
}
