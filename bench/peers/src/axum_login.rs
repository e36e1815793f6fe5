//! axum-login over tower-sessions in memory: <https://docs.rs/axum-login>, "Usage".

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId, login_required};
use tower::ServiceExt as _;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use crate::ANSWER;

const ADA: i64 = 1;

#[derive(Debug, Clone)]
struct User {
    id: i64,
    pw_hash: Vec<u8>,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> Self::Id {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.pw_hash
    }
}

#[derive(Debug, Clone)]
struct Backend {
    users: HashMap<i64, User>,
}

#[derive(Debug, Clone)]
struct Credentials {
    user_id: i64,
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(
        &self,
        Credentials { user_id }: Self::Credentials,
    ) -> Result<Option<Self::User>, Self::Error> {
        Ok(self.users.get(&user_id).cloned())
    }

    async fn get_user(&self, user_id: &UserId<Self>) -> Result<Option<Self::User>, Self::Error> {
        Ok(self.users.get(user_id).cloned())
    }
}

type AuthSession = axum_login::AuthSession<Backend>;

async fn login(mut auth_session: AuthSession) -> impl IntoResponse {
    let Ok(Some(user)) = auth_session.authenticate(Credentials { user_id: ADA }).await else {
        return StatusCode::UNAUTHORIZED;
    };
    match auth_session.login(&user).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The app, and the cookie of somebody who signed in.
pub(crate) async fn router() -> Result<(Router, String), Box<dyn Error>> {
    let session_layer = SessionManagerLayer::new(MemoryStore::default());
    let backend = Backend { users: HashMap::from([(ADA, User { id: ADA, pw_hash: vec![7; 32] })]) };
    let auth_layer = AuthManagerLayerBuilder::new(backend, session_layer).build();
    let app = Router::new()
        .route("/", get(async || ANSWER))
        .route_layer(login_required!(Backend))
        .route("/login", post(login))
        .layer(auth_layer);

    let answer = app.clone().oneshot(Request::post("/login").body(Body::empty())?).await?;
    let cookie = answer.headers().get("set-cookie").ok_or("axum-login set no cookie")?.to_str()?;
    let cookie = cookie.split(';').next().unwrap_or_default();
    Ok((app, format!("Cookie: {cookie}")))
}
