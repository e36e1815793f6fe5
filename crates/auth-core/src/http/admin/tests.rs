//! Admins whose requests take their time.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::auth::Auth;
use crate::client::ClientInfo;
use crate::config::AuthConfig;
use crate::email::Email;
use crate::http::head::TestLines;
use crate::http::{Endpoint, RequestHead};
use crate::secret::Password;
use crate::service::{Grant, NewUser};
use crate::store::SessionMode;
use crate::store::memory::MemoryStore;

/// A body that comes piece by piece.
struct Pieces(mpsc::Receiver<&'static str>);

impl Stream for Pieces {
    type Item = Result<&'static str, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}

/// Who begins a request in time and sends the rest of it when the session is over has no rights left.
#[tokio::test]
async fn r8_rights_are_those_of_when_the_body_is_here() {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    let builder = Auth::builder(MemoryStore::new()).config(config).with(&[Endpoint::UpdateUser]);
    let auth = builder.build().expect("a configuration");
    let email = |name: &str| Email::parse(&format!("{name}@example.com")).expect("an address");
    let mut admin = NewUser::new(email("admin"), Password::new("correct horse battery"));
    admin.admin_access = true;
    let admin = auth.create_user(admin).await.expect("an admin");
    let user = auth.create_user(NewUser::new(email("ada"), Password::new("a horse for ada"))).await.expect("a user");

    for (ends, status) in [(false, 200), (true, 401)] {
        let tokens = auth.open_session(&admin, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
        let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
        let (send, pieces) = mpsc::channel(1);
        let (serving, path) = (auth.clone(), format!("/users/{user}"));
        let answer = tokio::spawn(async move {
            let bearer = format!("Bearer {}", access.expose_secret());
            let lines = [("authorization", bearer.as_bytes()), ("content-type", b"application/json".as_slice())];
            let lines = TestLines(&lines);
            let head = RequestHead { path: &path, ..RequestHead::test("PATCH", None, &lines) };
            let route = serving.routes().iter().find(|route| route.endpoints().contains(&Endpoint::UpdateUser));
            serving.handle(route.expect("is mounted"), &head, Pieces(pieces)).await.status()
        });
        send.send("{").await.expect("is read");
        // There is room for it when the first piece was taken: the body is being read.
        send.send("\"role\":").await.expect("is read");
        if ends {
            auth.end_sessions_of(&admin).await.expect("ends");
        }
        send.send("\"editor\"}").await.expect("is read");
        drop(send);
        assert_eq!(answer.await.expect("answers"), status);
    }
}
