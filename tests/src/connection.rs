//! A client that keeps its connection and its buffer, so that a bench counts the server's work and not its own.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection that is kept from request to request.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    addr: SocketAddr,
    received: Vec<u8>,
}

/// What came back. Bodies have a length here: both frameworks give one to JSON.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The number of the first line.
    pub status: u16,
    /// The body, as text.
    pub body: &'a str,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("connects");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, addr, received: Vec::with_capacity(4096) }
    }

    /// Sends a GET, and waits for the answer.
    ///
    /// # Panics
    /// When the server breaks the connection off or answers no HTTP.
    pub async fn get(&mut self, path: &str) -> Answer<'_> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.addr)).await
    }

    /// The same with an access token.
    ///
    /// # Panics
    /// When the server breaks the connection off or answers no HTTP.
    pub async fn get_with(&mut self, token: &str, path: &str) -> Answer<'_> {
        let addr = self.addr;
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\n\r\n")).await
    }

    /// Sends a POST with a JSON body, and waits for the answer.
    ///
    /// # Panics
    /// When the server breaks the connection off or answers no HTTP.
    pub async fn post(&mut self, path: &str, json: &str) -> Answer<'_> {
        let (addr, length) = (self.addr, json.len());
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
        ))
        .await
    }

    async fn exchange(&mut self, request: &str) -> Answer<'_> {
        self.stream.write_all(request.as_bytes()).await.expect("writes");
        self.received.clear();
        let head_length = loop {
            let read = self.stream.read_buf(&mut self.received).await.expect("reads");
            assert!(read > 0, "closed: {}", String::from_utf8_lossy(&self.received));
            let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.received[..end]).expect("text");
            if self.received.len() >= end + 4 + content_length(head) {
                break end;
            }
        };
        let text = std::str::from_utf8(&self.received).expect("text");
        let (head, body) = text.split_at(head_length);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        Answer { status, body: &body[4..] }
    }
}

fn content_length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let length = lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(0, |(_, value)| value.parse().expect("a length"))
}
