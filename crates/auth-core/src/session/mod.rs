//! Refresh tokens: one row per session, a ratcheted successor, compare-and-swap.
//!
//! [`codec`] writes and reads the token, [`ratchet`] derives each secret from the one before, and [`machine`] judges a
//! presented token against the row. All three are pure; the statements are in the store, the loop that ties them
//! together is in `service/refresh.rs`.
//!
//! ```text
//! token = base64url( 0x01 | session id 16 | generation 8 | family 16 | secret 32 | crc32 4 )
//!
//!          presented              row              answer
//!          ─────────              ───              ──────
//!   generation g,  secret s_g   current, old       rotate: s_g+1 = HMAC(K, s_g | salt | id | g+1), one UPDATE
//!   generation g,  secret s_g   current, young     the same token again, no write      (another tab was first)
//!   generation g-1              previous, young    derive s_g again, no write          (the answer was lost)
//!   generation g-1 or older     grace is over      end the session                     (somebody holds a copy)
//! ```

pub(crate) mod codec;
pub(crate) mod machine;
#[cfg(test)]
mod model;
pub(crate) mod ratchet;
