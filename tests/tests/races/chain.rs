//! A client that refreshes as fast as it can, until it is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::{Auth, ErrorKind, Identity, RefreshToken};

use crate::nodes::{Held, refresh};

/// Raised when the call that ends sessions has returned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the client held, oldest first.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) tokens: Vec<RefreshToken>,
    /// Who the client was after the end, when it got tokens then.
    pub(crate) survivor: Option<Identity>,
}

/// Refreshes, every time on the other node. Without a grace, so that every refresh rotates.
pub(crate) async fn refresh_until_refused(nodes: [Auth; 2], held: Held, ended: Ended) -> Chain {
    let mut tokens = vec![held.refresh];
    loop {
        let is_late = ended.is_raised();
        let auth = &nodes[tokens.len() % 2];
        match refresh(auth, &tokens[tokens.len() - 1]).await {
            Ok(held) => {
                tokens.push(held.refresh);
                if is_late {
                    let identity = auth.verify(held.access.expose_secret()).expect("good");
                    return Chain { tokens, survivor: Some(identity) };
                }
            }
            Err(kind) => {
                assert_eq!(kind, ErrorKind::SessionOver, "after {} refreshes", tokens.len());
                return Chain { tokens, survivor: None };
            }
        }
    }
}
