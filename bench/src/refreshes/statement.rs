//! The UPDATE of a rotation, as `auth-sea-orm` sends it, for whom the store is held against.

use auth_core::SessionId;

/// The hash that every session here begins with. Those that the UPDATE alone works on keep it, so that one statement
/// serves again and again.
pub(super) const HASH: [u8; 32] = [0xaa; 32];

/// Whose rows they are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    Store,
    Alone,
}

impl Rows {
    /// The first byte of their ids.
    pub(super) const fn prefix(self) -> u8 {
        match self {
            Self::Store => 0x51,
            Self::Alone => 0xa1,
        }
    }

    /// The id of row `n`.
    pub(super) fn id(self, n: u32) -> SessionId {
        SessionId::from_bytes((u128::from(self.prefix()) << 120 | u128::from(n)).to_be_bytes())
    }
}

/// What stands in for the values: placeholders, literals or variables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) expected: &'a str,
    pub(super) successor: &'a str,
    pub(super) salt: &'a str,
    pub(super) key_id: &'a str,
    pub(super) now: &'a str,
    pub(super) idle_expires_at: &'a str,
    pub(super) id: &'a str,
}

pub(super) fn update(values: Values<'_>) -> String {
    let Values { expected, successor, salt, key_id, now, idle_expires_at, id } = values;
    format!(
        "UPDATE \"auth_session\" SET \"previous_hash\" = {expected}, \"current_hash\" = {successor}, \
         \"salt\" = {salt}, \"key_id\" = {key_id}, \"generation\" = \"generation\" + 1, \"rotated_at\" = {now}, \
         \"last_used_at\" = {now}, \"idle_expires_at\" = {idle_expires_at} \
         WHERE \"id\" = {id} AND \"current_hash\" = {expected} AND \"revoked_at\" IS NULL"
    )
}
