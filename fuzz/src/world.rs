//! One server with one user and one session, on a clock that stands still.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use auth_core::http::{HeaderLines, RequestHead};
use auth_core::store::SessionMode;
use auth_core::store::memory::MemoryStore;
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock, Email, Grant, HashParams, Identity, NewUser, Password, RefreshToken, Timestamp,
};
use futures_core::Stream;

pub(crate) const SECRET: &str = "7hQx2vN9-for-fuzzing-alone-Lk4bT8w";
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct World {
    pub(crate) auth: Auth,
    /// A good access token.
    pub(crate) token: String,
    /// Whose it is.
    pub(crate) identity: Identity,
    /// The good refresh token of the same session.
    pub(crate) refresh: RefreshToken,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub(crate) fn shared() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::new)
    }

    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut config = AuthConfig::new(SECRET);
        config.hash = HashParams::new(7_168, 5, 1).expect("the cheapest allowed");
        config.max_hash = config.hash;
        let auth = Auth::builder(MemoryStore::new()).config(config).clock(Still).build().expect("a configuration");
        let tokens = runtime.block_on(async {
            let email = Email::parse("ada@example.com").expect("an address");
            let user = auth.create_user(NewUser::new(email, Password::new("correct horse"))).await.expect("a user");
            auth.open_session(&user, SessionMode::Json, &ClientInfo::default()).await.expect("a session")
        });
        let Grant::Pair { access, refresh, .. } = tokens.grant else { panic!("asked for a pair") };
        let token = access.expose_secret().to_owned();
        let identity = auth.verify(&token).expect("good");
        Self { auth, token, identity, refresh, runtime }
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Status and body of the answer.
    pub(crate) fn post(&self, path: &str, lines: &Lines, body: &[u8]) -> (u16, Vec<u8>) {
        let route = self.auth.routes().iter().find(|route| route.path() == path).expect("mounted");
        let head = RequestHead { path, ..lines.head("POST", None) };
        let reply = self.wait(self.auth.handle(route, &head, Body(Some(body.to_vec()))));
        (reply.status(), reply.into_body())
    }

    /// `data` with the good access token where it says `TOKEN`.
    pub(crate) fn with_token(&self, data: &[u8]) -> Vec<u8> {
        const MARK: &[u8] = b"TOKEN";
        match data.windows(MARK.len()).position(|window| window == MARK) {
            Some(at) => [&data[..at], self.token.as_bytes(), &data[at + MARK.len()..]].concat(),
            None => data.to_vec(),
        }
    }
}

pub(crate) fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

struct Body(Option<Vec<u8>>);

impl Stream for Body {
    type Item = Result<Vec<u8>, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

/// Lines of one header, beside those that every request has.
pub(crate) struct Lines {
    name: &'static str,
    values: Vec<Vec<u8>>,
}

impl Lines {
    /// As many as `data` has lines.
    pub(crate) fn each_of(name: &'static str, data: &[u8]) -> Self {
        Self { name, values: data.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect() }
    }

    pub(crate) const fn none() -> Self {
        Self { name: "", values: Vec::new() }
    }

    pub(crate) fn values(&self) -> &[Vec<u8>] {
        &self.values
    }

    pub(crate) fn head<'a>(&'a self, method: &'a str, query: Option<&'a str>) -> RequestHead<'a> {
        RequestHead {
            method,
            path: "/notes",
            query,
            authority: None,
            peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            stripped: None,
            headers: self,
        }
    }
}

impl HeaderLines for Lines {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        match name {
            "host" => line(b"app.example.com"),
            "content-type" => line(b"application/json"),
            _ if name == self.name => self.values.iter().for_each(|value| line(value)),
            _ => {}
        }
    }
}
