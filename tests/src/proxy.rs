//! The network between a program and its database, with the faults that networks have.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// What happens to bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They pass.
    Passes,
    /// They pass this much later.
    Delays(Duration),
    /// They wait and are delivered in the end: packets are lost for a while, and TCP sends them again.
    Stalls,
    /// They are lost and nobody is told. A connection that lost any stays mute for ever, also when others pass again: a
    /// firewall forgot it.
    Swallows,
    /// Connections are refused, and those that were open are cut.
    Cuts,
}

/// What happens once the server has answered a certain request, before the answer arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accident {
    /// This connection is cut.
    Cut,
    /// The whole link becomes [`Link::Swallows`].
    Swallow,
}

/// A TCP proxy before one server.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub addr: SocketAddr,
    wires: Arc<Wires>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Wires {
    server: SocketAddr,
    link: watch::Sender<Link>,
    /// Counts the times that all connections were cut.
    cuts: watch::Sender<u64>,
    trap: Mutex<Option<Trap>>,
}

#[derive(Debug)]
struct Trap {
    needle: Vec<u8>,
    accident: Accident,
}

impl Proxy {
    /// A proxy before the server at `server`; everything passes.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let (link, cuts) = (watch::Sender::new(Link::Passes), watch::Sender::new(0));
        let wires = Arc::new(Wires { server, link, cuts, trap: Mutex::default() });
        let accepted = wires.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wires = accepted.clone();
                tokio::spawn(async move { wires.connect(client).await });
            }
        });
        Self { addr, wires, accepting: accepting.abort_handle() }
    }

    /// From now on the network is like this.
    pub fn set(&self, link: Link) {
        self.wires.link.send_replace(link);
        if link == Link::Cuts {
            self.cut();
        }
    }

    /// Cuts every connection there is, the mute ones too.
    pub fn cut(&self) {
        self.wires.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The next request with `needle` in it reaches the server and is answered; then this happens.
    pub fn after(&self, needle: &[u8], accident: Accident) {
        *self.wires.trap() = Some(Trap { needle: needle.to_vec(), accident });
    }

    /// Whether what [`after`](Self::after) waits for has not happened.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.wires.trap().is_some()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Wires {
    fn trap(&self) -> std::sync::MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self, client: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        tokio::select! {
            _ = cuts.changed() => {}
            () = self.relay(client) => {}
        }
    }

    async fn relay(&self, mut client: TcpStream) {
        let link = *self.link.borrow();
        match link {
            Link::Cuts => return,
            Link::Swallows => std::future::pending().await,
            Link::Passes | Link::Delays(_) | Link::Stalls => {}
        }
        let Ok(mut server) = TcpStream::connect(self.server).await else { return };
        for socket in [&client, &server] {
            socket.set_nodelay(true).expect("an option");
        }
        let mut accident = None;
        let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            let (to, bytes) = tokio::select! {
                read = client.read(&mut up) => match read {
                    Ok(length) if length > 0 => (&mut server, &up[..length]),
                    _ => return,
                },
                read = server.read(&mut down) => match read {
                    Ok(length) if length > 0 => (&mut client, &down[..length]),
                    _ => return,
                },
            };
            let to_server = std::ptr::eq(bytes.as_ptr(), up.as_ptr());
            if to_server {
                let trapped = self.trap().take_if(|trap| contains(bytes, &trap.needle));
                accident = trapped.map(|trap| trap.accident).or(accident);
            } else {
                match accident.take() {
                    Some(Accident::Cut) => return,
                    Some(Accident::Swallow) => drop(self.link.send_replace(Link::Swallows)),
                    None => {}
                }
            }
            if self.swallows().await {
                // Neither end ever hears of the other again, not even that it is gone.
                return std::future::pending().await;
            }
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }

    /// Waits as long as the link asks for, and says whether it loses what is on its way.
    async fn swallows(&self) -> bool {
        let link = *self.link.borrow();
        match link {
            Link::Passes | Link::Cuts => {}
            Link::Delays(time) => tokio::time::sleep(time).await,
            Link::Stalls => {
                let mut link = self.link.subscribe();
                // The sender lives as long as this.
                drop(link.wait_for(|link| *link != Link::Stalls).await);
            }
            Link::Swallows => return true,
        }
        *self.link.borrow() == Link::Swallows
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
