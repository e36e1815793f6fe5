//! A door between a pool and its database server that a test can shut: then the server is down, for this pool alone.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server while it is open. Dropping it shuts it for good.
#[derive(Debug)]
pub struct Gate {
    url: String,
    is_open: Arc<watch::Sender<bool>>,
    accepting: tokio::task::AbortHandle,
}

impl Gate {
    /// An open gate before the server of `url`, which has to name its port.
    ///
    /// # Panics
    /// When `url` has no port.
    pub async fn before(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (authority, path) = rest.split_once('/').expect("a path");
        let (user, server) = authority.rsplit_once('@').map_or(("", authority), |(user, server)| (user, server));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("an address");
        let at = if user.is_empty() { "" } else { "@" };
        let is_open = Arc::new(watch::Sender::new(true));
        let task = tokio::spawn(accept(listener, server.to_owned(), is_open.clone()));
        Self { url: format!("{scheme}://{user}{at}{here}/{path}"), is_open, accepting: task.abort_handle() }
    }

    /// The database, behind this gate.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Cuts all connections, and lets no new one through.
    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shut();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: String, is_open: Arc<watch::Sender<bool>>) {
    loop {
        let Ok((mut client, _)) = listener.accept().await else { continue };
        if !*is_open.borrow() {
            continue;
        }
        let (server, mut changes) = (server.clone(), is_open.subscribe());
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(&server).await else { return };
            tokio::select! {
                // Whoever of the two hangs up: the other learns it.
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = changes.wait_for(|is_open| !is_open) => {}
            }
        });
    }
}
