//! A minimal HTTP/1.1 client that sends exactly the bytes it is given: doubled headers, bytes that are no UTF-8, bodies
//! that nobody reads to their end. One connection a request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::response::{Response, parse};

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A request, built line by line.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    lines: Vec<Vec<u8>>,
    cookies: Vec<Vec<u8>>,
    body: Body,
    writes_first: bool,
    recorded: bool,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Sized(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
}

impl Request {
    /// A request for `target`: path and query, as they go over the wire.
    #[must_use]
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            lines: Vec::new(),
            cookies: Vec::new(),
            body: Body::None,
            writes_first: false,
            recorded: true,
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// A POST.
    #[must_use]
    pub fn post(target: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header line; a second one of the same name stays a second line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.lines.push([name.as_bytes(), b": ", value.as_ref()].concat());
        self
    }

    /// Adds `Authorization: Bearer <token>`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Adds a cookie to the one `Cookie` line.
    #[must_use]
    pub fn cookie(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.cookies.push([name.as_bytes(), b"=", value.as_ref()].concat());
        self
    }

    /// A JSON body with its content type.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.json_text(value.to_string())
    }

    /// A body that claims to be JSON.
    #[must_use]
    pub fn json_text(self, text: impl AsRef<[u8]>) -> Self {
        self.header("Content-Type", "application/json").body(text)
    }

    /// A body of known length, without a content type.
    #[must_use]
    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body = Body::Sized(bytes.as_ref().to_vec());
        self
    }

    /// A body in pieces of `size` bytes, without a content type.
    #[must_use]
    pub fn chunked(mut self, bytes: impl AsRef<[u8]>, size: usize) -> Self {
        self.body = Body::Chunked(bytes.as_ref().chunks(size).map(<[u8]>::to_vec).collect());
        self
    }

    /// Sends the whole body before it reads the answer, as simple clients do: the connection must stay whole until then.
    #[must_use]
    pub fn writes_first(mut self) -> Self {
        self.writes_first = true;
        self
    }

    /// Stays out of the transcript: because the order or the answer is left to chance or to the framework.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.recorded = false;
        self
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// Method and target, for transcripts and messages.
    pub(super) fn title(&self) -> String {
        let (method, target) = self.line();
        format!("{method} {target}")
    }

    /// Method and target.
    pub(super) fn line(&self) -> (String, String) {
        (self.method.clone(), String::from_utf8_lossy(&self.target).into_owned())
    }

    /// Sends it, without noting it in any transcript.
    ///
    /// # Panics
    /// When the server does not answer, answers no HTTP, or breaks the connection off.
    pub async fn send(&self, addr: SocketAddr) -> Response {
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(addr)).await;
        let title: String = self.title().chars().take(400).collect();
        match answer {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => panic!("{title}: the connection broke before the answer was whole: {error}"),
            Err(_) => panic!("{title}: no answer within {TIMEOUT:?}"),
        }
    }

    /// Like [`send`](Self::send), but `None` when the server closes the connection without an answer.
    pub(super) async fn send_at_all(&self, addr: SocketAddr) -> Option<Response> {
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(addr)).await;
        let title: String = self.title().chars().take(400).collect();
        answer.unwrap_or_else(|_| panic!("{title}: neither an answer nor an end within {TIMEOUT:?}")).ok()
    }

    async fn exchange(&self, addr: SocketAddr) -> io::Result<Response> {
        let mut stream = TcpStream::connect(addr).await?;
        let (mut reader, mut writer) = stream.split();
        if self.writes_first {
            self.write(addr, &mut writer).await?;
        }
        let mut received = Vec::new();
        let read = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let length = match reader.read(&mut buffer).await {
                    // Once the answer is whole, only a client that wrote first may expect a tidy end.
                    Err(error) if self.writes_first || parse(&received, &self.method, true).is_none() => {
                        return Err(error);
                    }
                    Ok(0) | Err(_) => break,
                    Ok(length) => length,
                };
                received.extend_from_slice(&buffer[..length]);
                if !self.writes_first && parse(&received, &self.method, false).is_some() {
                    break;
                }
            }
            parse(&received, &self.method, true).ok_or_else(|| {
                let head: String = String::from_utf8_lossy(&received).chars().take(300).collect();
                io::Error::new(io::ErrorKind::UnexpectedEof, format!("{} bytes: {head:?}", received.len()))
            })
        };
        if self.writes_first {
            return read.await;
        }
        tokio::pin!(read);
        let write = self.write(addr, &mut writer);
        tokio::select! {
            response = &mut read => response,
            // An early answer makes the server stop reading: what counts is whether the answer arrives.
            _ = write => read.await,
        }
    }

    async fn write(&self, addr: SocketAddr, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        writer.write_all(&self.head(addr)).await?;
        match &self.body {
            Body::None => {}
            Body::Sized(bytes) => writer.write_all(bytes).await?,
            Body::Chunked(chunks) => {
                for chunk in chunks {
                    writer.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
                    writer.write_all(chunk).await?;
                    writer.write_all(b"\r\n").await?;
                    writer.flush().await?;
                }
                writer.write_all(b"0\r\n\r\n").await?;
            }
        }
        writer.flush().await
    }

    /// Head and body as text, no more than `most` bytes of each.
    pub(super) fn text(&self, most: usize) -> (String, String) {
        let head = [&self.target, &b"\n"[..], &self.lines.join(b"\n".as_slice())].concat();
        let head = [head, b"\ncookie: ".to_vec(), self.cookies.join(b"; ".as_slice())].concat();
        let body = match &self.body {
            Body::None => Vec::new(),
            Body::Sized(bytes) => bytes.iter().take(most).copied().collect(),
            Body::Chunked(chunks) => chunks.iter().flatten().take(most).copied().collect(),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)).into_owned();
        (text(&head), text(&body))
    }

    fn head(&self, addr: SocketAddr) -> Vec<u8> {
        let mut head = [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\n"].concat();
        let mut line = |line: &[u8]| {
            head.extend_from_slice(line);
            head.extend_from_slice(b"\r\n");
        };
        if !self.lines.iter().any(|line| line.to_ascii_lowercase().starts_with(b"host:")) {
            line(format!("Host: {addr}").as_bytes());
        }
        line(b"Connection: close");
        for given in &self.lines {
            line(given);
        }
        if !self.cookies.is_empty() {
            line(&[b"Cookie: ", self.cookies.join(b"; ".as_slice()).as_slice()].concat());
        }
        match &self.body {
            Body::None if self.method == "GET" || self.method == "HEAD" => {}
            Body::None => line(b"Content-Length: 0"),
            Body::Sized(bytes) => line(format!("Content-Length: {}", bytes.len()).as_bytes()),
            Body::Chunked(_) => line(b"Transfer-Encoding: chunked"),
        }
        line(b"");
        head
    }
}
