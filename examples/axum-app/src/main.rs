//! A notes API on axum: everybody signs in and sees their own notes, an admin sees how many there are.

#[cfg(feature = "metrics")]
mod metrics;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use auth_axum::{CurrentUser, RequireAuth, StripQueryToken};
use auth_console::Console;
use auth_graphql::GraphQl;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use notes::{App, Count, NewNote, Note, Notes};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;

/// How long open requests may take once the server has been told to stop.
const DRAIN: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    notes::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "metrics")]
    metrics::serve().await?;
    let app = App::start("axum-app").await?;
    let listener = app.listening(tokio::net::TcpListener::bind(app.address).await)?;
    let router = router(&app).into_make_service_with_connect_info::<SocketAddr>();

    let stop_signal = notes::stop_signal()?;
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let draining = async move {
        stop_signal.await;
        drop(stop);
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(draining);
    tokio::select! {
        result = server.into_future() => result?,
        () = async { let _ = stopped.changed().await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("some requests did not end in time");
        }
    }
    notes::stop(&app.auth).await;
    Ok(())
}

fn router(app: &App) -> Router {
    let auth = &app.auth;
    let own_notes = Router::new()
        .route("/notes", get(list).post(create))
        .route("/notes/{id}", delete(remove))
        .route_layer(RequireAuth::new(auth));
    let admin = Router::new().route("/admin/notes", get(count)).route_layer(RequireAuth::new(auth.guard().admin()));
    own_notes
        .merge(admin)
        .merge(auth_axum::routes(auth))
        .merge(auth_axum::route(auth, GraphQl::system()))
        .merge(auth_axum::route(auth, Console::new("/")))
        .merge(described(Api::openapi().merge_from(auth.openapi())))
        .with_state(app.notes.clone())
        .layer(TraceLayer::new_for_http())
        .layer(StripQueryToken)
}

/// What is served beside the routes of `auth_axum`. Were those nested, it would be `.nest("/api", auth.openapi())`.
#[derive(OpenApi)]
#[openapi(info(title = "Notes"), paths(list, create, remove, count))]
struct Api;

/// The description of everything, and with feature `docs` a page that shows it.
#[cfg(feature = "docs")]
fn described(api: utoipa::openapi::OpenApi) -> Router<Notes> {
    // No validator: it would tell another server about this one.
    let config = utoipa_swagger_ui::Config::new(["/openapi.json"]).validator_url("none");
    utoipa_swagger_ui::SwaggerUi::new("/docs").url("/openapi.json", api).config(config).into()
}

#[cfg(not(feature = "docs"))]
fn described(api: utoipa::openapi::OpenApi) -> Router<Notes> {
    Router::new().route("/openapi.json", get(async move || Json(api)))
}

#[utoipa::path(get, path = "/notes", responses((status = 200, body = Vec<Note>)), security(("AuthBearer" = [])))]
async fn list(user: CurrentUser, State(notes): State<Notes>) -> Result<Json<Vec<Note>>, Failure> {
    Ok(Json(notes.list(user.user()).await?))
}

#[utoipa::path(post, path = "/notes", responses((status = 201, body = Note)), security(("AuthBearer" = [])))]
async fn create(
    user: CurrentUser,
    State(notes): State<Notes>,
    Json(note): Json<NewNote>,
) -> Result<(StatusCode, Json<Note>), Failure> {
    Ok((StatusCode::CREATED, Json(notes.create(user.user(), note).await?)))
}

#[utoipa::path(
    delete,
    path = "/notes/{id}",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 404)),
    security(("AuthBearer" = []))
)]
async fn remove(user: CurrentUser, State(notes): State<Notes>, Path(id): Path<i64>) -> Result<StatusCode, Failure> {
    let removed = notes.delete(user.user(), id).await?;
    Ok(if removed { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

#[utoipa::path(get, path = "/admin/notes", responses((status = 200, body = Count)), security(("AuthBearer" = [])))]
async fn count(State(notes): State<Notes>) -> Result<Json<Count>, Failure> {
    Ok(Json(notes.count().await?))
}

/// An error of the database: for the log, not for the client.
struct Failure(Box<dyn Error>);

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "the notes are not available");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
