//! The least that a login can be: its hash, in memory that stays.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth_core::AuthConfig;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;

use super::{PASSWORD, SECRET};
use crate::failure::Failure;

struct Hashing {
    argon2: Argon2<'static>,
    /// One for each that hashes at the same time.
    memory: Mutex<Vec<Vec<Block>>>,
}

pub(super) fn router() -> Result<Router, Failure> {
    let cost = AuthConfig::new(SECRET).hash;
    let params = Params::new(cost.memory_kib(), cost.passes(), cost.lanes(), Some(32))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashing = Arc::new(Hashing { argon2, memory: Mutex::default() });
    Ok(Router::new().route("/auth/login", post(hash)).with_state(hashing))
}

async fn hash(State(hashing): State<Arc<Hashing>>) -> StatusCode {
    let free = hashing.memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut memory = free.unwrap_or_else(|| vec![Block::default(); hashing.argon2.params().block_count()]);
    let mut hash = [0; 32];
    let done = hashing.argon2.hash_password_into_with_memory(
        PASSWORD.as_bytes(),
        b"a salt of 16 bytes",
        &mut hash,
        &mut memory,
    );
    std::hint::black_box(hash);
    hashing.memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    if done.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}
