//! The app's routes: what customers see and change of their own.

use std::time::Duration;

use auth_axum::{CurrentUser, RequireAuth, StripQueryToken};
use auth_core::{Auth, AuthError, Clock as _, ErrorKind, Password, SystemClock, UserId};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use tower_http::trace::TraceLayer;

use crate::users::Customers;

/// The app's routes behind the guard, and those of auth.
pub fn router(auth: &Auth, customers: &Customers) -> Router {
    Router::new()
        .route("/me", get(show).delete(leave))
        .route("/me/password", post(change_password))
        .route_layer(RequireAuth::new(auth))
        .with_state(App { auth: auth.clone(), customers: customers.clone() })
        .merge(auth_axum::routes(auth))
        .layer(TraceLayer::new_for_http())
        .layer(StripQueryToken)
}

#[derive(Clone)]
struct App {
    auth: Auth,
    customers: Customers,
}

#[derive(Serialize)]
struct Profile {
    id: i64,
    email: String,
    display_name: String,
    newsletter: bool,
}

async fn show(user: CurrentUser, State(app): State<App>) -> Result<Json<Profile>, Failure> {
    // An access token outlives the customer by up to 15 minutes.
    let customer = app.customers.find(user.user()).await?.ok_or(Failure::of(StatusCode::UNAUTHORIZED))?;
    Ok(Json(Profile {
        id: customer.id,
        email: customer.email,
        display_name: customer.display_name,
        newsletter: customer.newsletter,
    }))
}

#[derive(Deserialize)]
struct NewPassword {
    current_password: String,
    password: String,
}

async fn change_password(
    user: CurrentUser,
    State(app): State<App>,
    Json(wanted): Json<NewPassword>,
) -> Result<StatusCode, Failure> {
    let id = *user.user();
    let old = app.auth.verify_password(&id, Password::new(wanted.current_password)).await?;
    let new = app.auth.hash_password(&id, Password::new(wanted.password)).await?;
    to_the_end(async move {
        // Only in place of the password that was checked: somebody else who knows it may be faster.
        if !app.customers.set_password(&id, &old, &new).await? {
            return Err(Failure::of(StatusCode::CONFLICT));
        }
        end_sessions(&app, &id).await
    })
    .await
}

#[derive(Deserialize)]
struct Leave {
    current_password: String,
}

async fn leave(user: CurrentUser, State(app): State<App>, Json(leave): Json<Leave>) -> Result<StatusCode, Failure> {
    let id = *user.user();
    app.auth.verify_password(&id, Password::new(leave.current_password)).await?;
    to_the_end(async move {
        app.customers.soft_delete(&id, SystemClock.now()).await?;
        end_sessions(&app, &id).await
    })
    .await
}

/// After the change, never before, so that a login that checked the old password meanwhile comes to nothing; and again
/// until it is done, since nobody else will do it.
async fn end_sessions(app: &App, id: &UserId) -> Result<StatusCode, Failure> {
    loop {
        match app.auth.end_sessions_of(id).await {
            Ok(_) => return Ok(StatusCode::NO_CONTENT),
            Err(error) if error.kind() == ErrorKind::Unavailable => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// In a task of its own: a handler is dropped when its client hangs up, and half of this must not be done.
async fn to_the_end(
    work: impl Future<Output = Result<StatusCode, Failure>> + Send + 'static,
) -> Result<StatusCode, Failure> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(Failure::of(StatusCode::INTERNAL_SERVER_ERROR)))
}

/// A status for the client, and when to come back; the reason goes to the log.
struct Failure {
    status: StatusCode,
    retry_after: Option<Duration>,
}

impl Failure {
    const fn of(status: StatusCode) -> Self {
        Self { status, retry_after: None }
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let retry_after = error.retry_after();
        let status = match error.kind() {
            ErrorKind::InvalidCredentials => StatusCode::FORBIDDEN,
            ErrorKind::WeakPassword => StatusCode::BAD_REQUEST,
            ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            kind => {
                tracing::error!(?error, "auth failed");
                if kind == ErrorKind::Unavailable {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            }
        };
        Self { status, retry_after }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        auth_core::AuthError::from(auth_sea_orm::store_error(error)).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self.retry_after {
            Some(wait) => (self.status, [(RETRY_AFTER, wait.as_secs().max(1).to_string())]).into_response(),
            None => self.status.into_response(),
        }
    }
}
