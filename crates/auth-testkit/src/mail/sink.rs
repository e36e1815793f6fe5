//! An SMTP server for tests (RFC 5321): it takes every mail and delivers none.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::ReceivedMail;

/// Where in a conversation the sink can be told to do something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// Before the client says anything.
    Greeting,
    /// `EHLO`
    Ehlo,
    /// `STARTTLS`
    StartTls,
    /// `AUTH`
    Auth,
    /// `MAIL FROM`
    Mail,
    /// `RCPT TO`
    Rcpt,
    /// `DATA`
    Data,
    /// After the mail.
    EndOfData,
    /// `NOOP`, which clients send to see whether an idle connection is still good
    Noop,
}

/// An SMTP server on a free port of this machine, without TLS; ends when dropped.
///
/// ```
/// use auth_core::mail::{Mailbox, MailErrorKind};
/// use auth_testkit::mail::{At, SmtpSink};
///
/// # async fn example() {
/// let sink = SmtpSink::start().await;
/// // Give `sink.url()` to the app as SMTP_URL, and let it send a mail. Then:
/// // let mail = sink.next().await;
/// // let token = mail.token();
/// sink.reply(At::Rcpt, "451 4.3.0 try again later");
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example());
/// ```
#[derive(Debug)]
pub struct SmtpSink {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    replies: HashMap<At, Reply>,
    mails: Vec<ReceivedMail>,
    seen: usize,
    lines: Vec<String>,
    connections: usize,
}

#[derive(Debug, Clone)]
enum Reply {
    Line(String),
    Silence,
}

impl SmtpSink {
    /// Starts to listen.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { addr, shared, server }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL for `SmtpMailer::from_url` and `SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp+danger-plaintext://{}", self.addr)
    }

    /// Replies `line` at this place from now on. A reply 2xx or 3xx is a yes, and the sink goes on as after its own.
    pub fn reply(&self, at: At, line: &str) {
        self.shared.with(|state| state.replies.insert(at, Reply::Line(line.to_owned())));
    }

    /// Says nothing any more at this place, and keeps the connection open.
    pub fn hang(&self, at: At) {
        self.shared.with(|state| state.replies.insert(at, Reply::Silence));
    }

    /// Behaves everywhere again.
    pub fn behave(&self) {
        self.shared.with(|state| state.replies.clear());
    }

    /// The first mail that `next` did not return yet, waiting for it if need be.
    ///
    /// # Panics
    /// When none comes within ten seconds.
    pub async fn next(&self) -> ReceivedMail {
        let next = async {
            loop {
                let arrived = self.shared.arrived.notified();
                if let Some(mail) = self.shared.unseen() {
                    return mail;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), next).await.expect("a mail within ten seconds")
    }

    /// Every mail up to now.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.shared.with(|state| state.mails.clone())
    }

    /// Every line that clients sent, but for those of mails.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.shared.with(|state| state.lines.clone())
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.with(|state| state.connections)
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn unseen(&self) -> Option<ReceivedMail> {
        self.with(|state| {
            let mail = state.mails.get(state.seen).cloned();
            state.seen += usize::from(mail.is_some());
            mail
        })
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The conversations end with the sink.
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.with(|state| state.connections += 1);
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            // A client that is gone is no failure of the sink.
            let _ = Conversation { stream: BufReader::new(stream), shared }.hold().await;
        });
    }
}

struct Conversation<S> {
    stream: BufReader<S>,
    shared: Arc<Shared>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    async fn hold(mut self) -> io::Result<()> {
        self.answer(At::Greeting, "220 sink ESMTP").await?;
        let (mut from, mut to) = (String::new(), Vec::new());
        while let Some(line) = self.line().await? {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.shared.with(|state| state.lines.push(line.clone()));
            match line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.answer(At::Ehlo, "250-sink\r\n250-AUTH PLAIN LOGIN\r\n250-SMTPUTF8\r\n250 8BITMIME").await?;
                }
                "STARTTLS" => drop(self.answer(At::StartTls, "502 5.5.1 no TLS here").await?),
                "AUTH" => drop(self.answer(At::Auth, "235 2.7.0 welcome").await?),
                "MAIL" => {
                    if self.answer(At::Mail, "250 2.1.0 ok").await? {
                        (from, to) = (path_of(&line), Vec::new());
                    }
                }
                "RCPT" => {
                    if self.answer(At::Rcpt, "250 2.1.5 ok").await? {
                        to.push(path_of(&line));
                    }
                }
                "DATA" => {
                    if self.answer(At::Data, "354 go on").await? {
                        let raw = self.data().await?;
                        self.take(ReceivedMail { from: from.clone(), to: to.clone(), raw }).await?;
                    }
                }
                "NOOP" => drop(self.answer(At::Noop, "250 2.0.0 ok").await?),
                "QUIT" => return self.say("221 2.0.0 bye").await,
                _ => self.say("500 5.5.2 what").await?,
            }
        }
        Ok(())
    }

    /// Keeps the mail before the reply, so that whoever has the reply finds it.
    async fn take(&mut self, mail: ReceivedMail) -> io::Result<()> {
        const TAKEN: &str = "250 2.0.0 taken";
        if self.reply(At::EndOfData, TAKEN).is_some_and(|line| is_positive(&line)) {
            self.shared.with(|state| state.mails.push(mail));
            self.shared.arrived.notify_waiters();
        }
        self.answer(At::EndOfData, TAKEN).await.map(drop)
    }

    /// Answers as usual or as told, and says whether that was a yes.
    async fn answer(&mut self, at: At, usual: &str) -> io::Result<bool> {
        match self.reply(at, usual) {
            Some(line) => self.say(&line).await.map(|()| is_positive(&line)),
            None => std::future::pending().await,
        }
    }

    /// `None` is silence.
    fn reply(&self, at: At, usual: &str) -> Option<String> {
        self.shared.with(|state| match state.replies.get(&at) {
            None => Some(usual.to_owned()),
            Some(Reply::Line(line)) => Some(line.clone()),
            Some(Reply::Silence) => None,
        })
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    /// A line without its end; `None` when the client hung up.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        Ok(line.strip_suffix(b"\r\n").map(<[u8]>::to_vec))
    }

    /// Up to the line with a dot alone; of other lines that begin with one, the first dot is SMTP's (RFC 5321 4.5.2).
    async fn data(&mut self) -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        loop {
            let line = self.line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line == b"." {
                return Ok(raw);
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            raw.extend_from_slice(b"\r\n");
        }
    }
}

fn is_positive(line: &str) -> bool {
    line.starts_with(['2', '3'])
}

/// What stands between the brackets of `MAIL FROM:<…>` and `RCPT TO:<…>`.
fn path_of(line: &str) -> String {
    let path = line.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>'));
    path.map_or_else(String::new, |(path, _)| path.to_owned())
}
