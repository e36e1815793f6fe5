//! A client that keeps its connection, its request and its buffer: it shares the machine with what it measures.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::Failure;

/// A login among many waits for its turn; nothing here waits this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes of one request.
#[derive(Debug, Clone)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// A GET of `/`, with this line among its headers if it is not empty.
    pub(crate) fn get(header: &str) -> Self {
        let line_end = if header.is_empty() { "" } else { "\r\n" };
        Self(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{header}{line_end}\r\n").into_bytes())
    }

    /// A POST of JSON.
    pub(crate) fn post(path: &str, json: &str) -> Self {
        let length = json.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
        Self(format!("{head}Content-Length: {length}\r\n\r\n{json}").into_bytes())
    }
}

/// One connection that is kept from request to request.
#[derive(Debug)]
pub(crate) struct Connection {
    server: String,
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(server: &str, address: SocketAddr) -> Result<Self, Failure> {
        let failed = |source| Failure::io(server, source);
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self { server: server.to_owned(), stream, received: Vec::with_capacity(4096) })
    }

    /// Sends a request, waits for the whole answer, and says its status.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<u16, Failure> {
        let answer = timeout(PATIENCE, self.exchange(request)).await;
        answer.unwrap_or_else(|_| Err(Failure::Slow { server: self.server.clone(), after: PATIENCE }))
    }

    async fn exchange(&mut self, request: &Request) -> Result<u16, Failure> {
        let failed = |source| Failure::io(&self.server, source);
        self.stream.write_all(&request.0).await.map_err(failed)?;
        self.received.clear();
        loop {
            let no_http = || Failure::Http { server: self.server.clone() };
            if self.stream.read_buf(&mut self.received).await.map_err(failed)? == 0 {
                return Err(no_http());
            }
            let Some((head, body)) = split_head(&self.received) else { continue };
            let (status, length) = parse(head).ok_or_else(no_http)?;
            if body.len() >= length {
                return Ok(status);
            }
        }
    }
}

fn split_head(received: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    Some((received.get(..end)?, received.get(end + 4..)?))
}

/// The status, and the length of the body. A chunked body is none that we can wait for.
fn parse(head: &[u8]) -> Option<(u16, usize)> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    match headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        Some((_, length)) => Some((status, length.trim().parse().ok()?)),
        None => (status == 204).then_some((status, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_length() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5", Some((200, 5))),
            ("HTTP/1.1 401 Unauthorized\r\nX: y\r\nContent-Length:0", Some((401, 0))),
            ("HTTP/1.1 204 No Content", Some((204, 0))),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", None),
            ("HTTP/1.1 2", None),
            ("SSH-2.0", None),
        ] {
            assert_eq!(parse(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn a_request_ends_with_an_empty_line() {
        for header in ["", "Cookie: id=1"] {
            let text = String::from_utf8(Request::get(header).0).unwrap();
            assert!(text.ends_with("\r\n\r\n") && !text.contains("\r\n\r\n\r\n"), "{text}");
            assert!(text.contains(header));
        }
    }
}
