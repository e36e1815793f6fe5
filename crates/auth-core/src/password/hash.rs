//! Argon2id in PHC strings (requirements P1, P3, P4, P6, P7).

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, Version};
use subtle::ConstantTimeEq as _;

use super::pepper::{Pepper, Peppers, UnknownPepper};
use crate::config::AuthConfig;
use crate::secret::Password;

/// The longest password that is ever hashed, in bytes (requirement P6).
pub(crate) const MAX_PASSWORD_BYTES: usize = 1024;

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// A stored password hash: an Argon2id PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`; with a pepper,
/// `,keyid=…` after `p` says which.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash as a store kept it. It is checked when a password is verified against it, not here: a damaged row must
    /// not stop the others from loading.
    #[must_use]
    pub fn from_phc(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// Whether passwords can be verified against it, when `ceiling` is the most that a hash may cost
    /// ([`AuthConfig::max_hash`](crate::AuthConfig)): for who takes hashes over from another program. Peppers are not
    /// looked at.
    ///
    /// # Errors
    /// [`UnusableHash`] says what it is instead, and what to do.
    pub fn check(&self, ceiling: HashParams) -> Result<(), UnusableHash> {
        readable(self, ceiling).map(drop).map_err(UnusableHash)
    }

    /// The same, and with the pepper that it names, if it names one, in this configuration.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_for(&self, config: &AuthConfig) -> Result<(), UnusableHash> {
        let (_, params) = readable(self, config.max_hash).map_err(UnusableHash)?;
        let pepper = Peppers::new(&config.password_peppers).named(params.keyid()).map(drop);
        pepper.map_err(|unknown| UnusableHash(unknown.into()))
    }

    /// The PHC string, for a store.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

/// The cost of one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl HashParams {
    /// The least that OWASP's Password Storage Cheat Sheet recommends: 19 MiB, two passes, one lane.
    pub const RECOMMENDED: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// What Directus 11 stores: 64 MiB, three passes, four lanes.
    pub const DIRECTUS: Self = Self { memory_kib: 65_536, passes: 3, lanes: 4 };

    const LOWEST: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
    const MAX_MEMORY_KIB: u32 = 1 << 20;

    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`InvalidHashParams`] below the equivalents of OWASP's minimum (46 MiB/1 pass, 19/2, 12/3, 9/4, 7/5), above
    /// 1 GiB, 64 passes or 16 lanes.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, InvalidHashParams> {
        let mut strong_enough = false;
        let mut i = 0;
        while i < Self::LOWEST.len() {
            #[expect(clippy::indexing_slicing, reason = "const loop, bounded by the length of the array")]
            let (least_memory, least_passes) = Self::LOWEST[i];
            strong_enough |= memory_kib >= least_memory && passes >= least_passes;
            i += 1;
        }
        let bounded = memory_kib <= Self::MAX_MEMORY_KIB && passes <= 64 && lanes >= 1 && lanes <= 16;
        if strong_enough && bounded { Ok(Self { memory_kib, passes, lanes }) } else { Err(InvalidHashParams) }
    }

    /// Memory in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// The larger of each parameter.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(other.memory_kib),
            passes: self.passes.max(other.passes),
            lanes: self.lanes.max(other.lanes),
        }
    }

    /// Whether a hash of this cost may be computed when `ceiling` is the most that is allowed (requirement P7).
    pub(crate) const fn within(self, ceiling: Self) -> bool {
        self.memory_kib <= ceiling.memory_kib && self.passes <= ceiling.passes && self.lanes <= ceiling.lanes
    }

    /// Whether guessing costs less than with `wanted`.
    const fn weaker_than(self, wanted: Self) -> bool {
        self.work() < wanted.work()
    }

    /// The cost that is missing to that of `ceiling`, in whole passes over its memory; `None` when nothing is.
    pub(crate) fn missing_to(self, ceiling: Self) -> Option<Self> {
        let missing = ceiling.work().checked_sub(self.work()).filter(|missing| *missing > 0)?;
        // To the nearest pass: half a pass more or less is what an attacker would have to tell apart.
        let passes = (missing + u64::from(ceiling.memory_kib) / 2) / u64::from(ceiling.memory_kib).max(1);
        u32::try_from(passes).ok().filter(|passes| *passes > 0).map(|passes| Self { passes, ..ceiling })
    }

    /// Memory times passes: what a hash costs on one thread, whatever its lanes.
    const fn work(self) -> u64 {
        self.memory_kib as u64 * self.passes as u64
    }

    fn of(params: &Params) -> Self {
        Self { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() }
    }

    fn to_argon2(self, pepper: Option<&Pepper>) -> Result<Params, argon2::Error> {
        let mut params = ParamsBuilder::new();
        params.m_cost(self.memory_kib).t_cost(self.passes).p_cost(self.lanes).output_len(OUTPUT_BYTES);
        if let Some(pepper) = pepper {
            params.keyid(KeyId::new(pepper.id().as_bytes())?);
        }
        params.build()
    }
}

/// Parameters that are too weak or out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "hash parameters out of range: at least 19456 KiB with 2 passes (or 47104/1, 12288/3, 9216/4, 7168/5), at most \
     1048576 KiB, 64 passes and 16 lanes"
)]
pub struct InvalidHashParams;

/// The memory that one hashing thread uses again and again: a fresh block for every hash costs up to 1.6 times as much.
#[derive(Default)]
pub(crate) struct HashMemory(Vec<Block>);

impl HashMemory {
    fn blocks(&mut self, params: &Params) -> &mut [Block] {
        let needed = params.block_count();
        if self.0.len() < needed {
            self.0.resize(needed, Block::default());
        }
        self.0.get_mut(..needed).unwrap_or_default()
    }
}

/// Whether a password belongs to a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verification {
    /// It does; `outdated` when the stored parameters are weaker than the wanted ones, or the pepper is not the current
    /// one.
    Match { outdated: bool },
    /// It does not.
    Mismatch,
}

/// A stored hash that cannot be verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error("the stored hash is no Argon2id PHC string")]
    Malformed,
    #[error("the stored hash asks for {0:?}, more than `max_hash` allows: raise it if hashes like this are yours")]
    AboveCeiling(HashParams),
    #[error(
        "the stored hash was made with a pepper that is not in `password_peppers`: put it back at the end of the list"
    )]
    UnknownPepper,
    #[error("argon2: {0}")]
    Argon2(#[from] argon2::Error),
}

/// A stored hash that no password can be verified against.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct UnusableHash(HashError);

impl From<UnknownPepper> for HashError {
    fn from(_: UnknownPepper) -> Self {
        Self::UnknownPepper
    }
}

/// Hashes `password` with a fresh salt and the current pepper.
pub(crate) fn hash(
    password: &Password,
    salt: [u8; SALT_BYTES],
    params: HashParams,
    peppers: &Peppers,
    memory: &mut HashMemory,
) -> Result<PasswordHash, HashError> {
    let mut output = [0; OUTPUT_BYTES];
    let pepper = peppers.current();
    let params = params.to_argon2(pepper)?;
    compute(password, &salt, &params, pepper, &mut output, memory)?;

    let malformed = |_| HashError::Malformed;
    let phc = phc::PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(&params).map_err(|_| HashError::Malformed)?,
        salt: Some(phc::Salt::new(&salt).map_err(malformed)?),
        hash: Some(phc::Output::new(&output).map_err(malformed)?),
    };
    Ok(PasswordHash(phc.to_string()))
}

/// Verifies `password` against `stored`, within `ceiling`, and says what that cost.
pub(crate) fn verify(
    password: &Password,
    stored: &PasswordHash,
    wanted: HashParams,
    ceiling: HashParams,
    peppers: &Peppers,
    memory: &mut HashMemory,
) -> Result<(Verification, HashParams), HashError> {
    let (phc, params) = readable(stored, ceiling)?;
    let cost = HashParams::of(&params);
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { return Err(HashError::Malformed) };
    let pepper = peppers.named(params.keyid())?;

    let mut output = [0; phc::Output::MAX_LENGTH];
    let output = output.get_mut(..expected.len()).ok_or(HashError::Malformed)?;
    compute(password, &salt, &params, pepper, output, memory)?;
    let verification = if bool::from(output.ct_eq(expected.as_bytes())) {
        let other_pepper = pepper.map(Pepper::id) != peppers.current().map(Pepper::id);
        Verification::Match { outdated: cost.weaker_than(wanted) || other_pepper }
    } else {
        Verification::Mismatch
    };
    Ok((verification, cost))
}

/// The parts of an Argon2id hash that may be computed.
fn readable(stored: &PasswordHash, ceiling: HashParams) -> Result<(phc::PasswordHash, Params), HashError> {
    let phc = phc::PasswordHash::new(stored.as_phc()).map_err(|_| HashError::Malformed)?;
    if phc.algorithm != argon2::ARGON2ID_IDENT || phc.version != Some(Version::V0x13.into()) {
        return Err(HashError::Malformed);
    }
    let params = Params::try_from(&phc).map_err(|_| HashError::Malformed)?;
    let cost = HashParams::of(&params);
    if !cost.within(ceiling) {
        return Err(HashError::AboveCeiling(cost));
    }
    if phc.salt.is_none() || phc.hash.is_none() {
        return Err(HashError::Malformed);
    }
    Ok((phc, params))
}

/// Does the work of a verification that cannot succeed, so that an unknown user costs what a known one does
/// (requirement G5).
pub(crate) fn verify_nothing(
    password: &Password,
    cost: HashParams,
    peppers: &Peppers,
    memory: &mut HashMemory,
) -> Result<(), HashError> {
    let mut output = [0; OUTPUT_BYTES];
    let pepper = peppers.current();
    compute(password, &[0; SALT_BYTES], &cost.to_argon2(pepper)?, pepper, &mut output, memory)?;
    std::hint::black_box(output);
    Ok(())
}

fn compute(
    password: &Password,
    salt: &[u8],
    params: &Params,
    pepper: Option<&Pepper>,
    output: &mut [u8],
    memory: &mut HashMemory,
) -> Result<(), argon2::Error> {
    let blocks = memory.blocks(params);
    let password = password.expose_secret().as_bytes();
    let argon2 = match pepper {
        None => Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()),
        Some(pepper) => {
            Argon2::new_with_secret(pepper.expose_secret(), Algorithm::Argon2id, Version::V0x13, params.clone())?
        }
    };
    argon2.hash_password_into_with_memory(password, salt, output, blocks)
}

#[cfg(test)]
mod tests;
