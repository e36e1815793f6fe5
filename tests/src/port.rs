//! Ports for servers that must come back where they were.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of this machine on which nobody listens, below those that systems give to outgoing connections: nobody takes
/// it while its server is down, and a client that knocks meanwhile cannot be given it as its own and meet itself.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u16 = 11_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Programs that run at the same time begin at different places.
    let own = u16::try_from(std::process::id().wrapping_mul(613) % u32::from(COUNT)).unwrap_or_default();
    (0..COUNT)
        .map(|_| FIRST + (own + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
