//! The app's routes: what customers see and change of their own.

use auth_axum::{CurrentUser, RequireAuth, StripQueryToken};
use auth_core::{Auth, AuthError, Clock as _, ErrorKind, Password, SystemClock};
use axum::extract::State;
use axum::http::StatusCode;
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
    let customer = app.customers.find(user.user()).await?.ok_or(Failure(StatusCode::UNAUTHORIZED))?;
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
    app.auth.verify_password(user.user(), Password::new(wanted.current_password)).await?;
    let hash = app.auth.hash_password(user.user(), Password::new(wanted.password)).await?;
    app.customers.set_password(user.user(), &hash).await?;
    // After the change, never before: a login that checked the old password meanwhile comes to nothing.
    app.auth.end_sessions_of(user.user()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Leave {
    current_password: String,
}

async fn leave(user: CurrentUser, State(app): State<App>, Json(leave): Json<Leave>) -> Result<StatusCode, Failure> {
    app.auth.verify_password(user.user(), Password::new(leave.current_password)).await?;
    app.customers.soft_delete(user.user(), SystemClock.now()).await?;
    app.auth.end_sessions_of(user.user()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A status for the client; the reason goes to the log.
struct Failure(StatusCode);

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        Self(match error.kind() {
            ErrorKind::InvalidCredentials => StatusCode::FORBIDDEN,
            ErrorKind::WeakPassword => StatusCode::BAD_REQUEST,
            kind => {
                tracing::error!(?error, "auth failed");
                if kind == ErrorKind::Unavailable {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            }
        })
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        auth_core::AuthError::from(auth_sea_orm::store_error(error)).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
