//! A notes API on actix-web: everybody signs in and sees their own notes, an admin sees how many there are.
#![expect(clippy::future_not_send, reason = "everything in actix-web lives on one thread")]

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use actix_web::http::StatusCode;
use actix_web::middleware::Logger;
use actix_web::web::{Data, Json, Path, ServiceConfig, resource, scope};
use actix_web::{App as ActixApp, HttpResponse, HttpServer, ResponseError};
use auth_actix_web::{CurrentUser, RequireAuth, StripQueryToken};
use auth_console::Console;
use auth_graphql::GraphQl;
use notes::{App, Count, NewNote, Note, Notes};
use utoipa::OpenApi;

/// How long open requests may take once the server has been told to stop, in seconds.
const DRAIN: u64 = 10;

#[actix_web::main]
async fn main() -> ExitCode {
    notes::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let app = App::start("actix-app").await?;
    // Made once, outside the closure, and shared by all workers.
    let (auth, notes) = (app.auth.clone(), Data::new(app.notes.clone()));
    let api = Api::openapi().merge_from(auth.openapi());
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(notes.clone())
            .configure(auth_actix_web::routes(&auth))
            .configure(auth_actix_web::route(&auth, GraphQl::system()))
            .configure(auth_actix_web::route(&auth, Console::new("/")))
            .configure(routes(&auth))
            .configure(described(api.clone()))
            .wrap(Logger::default())
            .wrap(StripQueryToken)
    })
    .shutdown_timeout(DRAIN)
    .bind(app.address);
    app.listening(server)?.run().await?;
    notes::stop(&app.auth).await;
    Ok(())
}

fn routes(auth: &auth_core::Auth) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let (signed_in, admin) = (RequireAuth::new(auth), RequireAuth::new(auth.guard().admin()));
    move |config| {
        config.service(resource("/admin/notes").wrap(admin).get(count)).service(
            scope("/notes")
                .wrap(signed_in)
                .service(resource("").get(list).post(create))
                .service(resource("/{id}").delete(remove)),
        );
    }
}

/// What is served beside the routes of `auth_actix_web`. Were those in a scope, it would be `.nest("/api", auth.openapi())`.
#[derive(OpenApi)]
#[openapi(info(title = "Notes"), paths(list, create, remove, count))]
struct Api;

/// The description of everything, and with feature `docs` a page that shows it.
#[cfg(feature = "docs")]
fn described(api: utoipa::openapi::OpenApi) -> impl FnOnce(&mut ServiceConfig) {
    // No validator: it would tell another server about this one.
    let config = utoipa_swagger_ui::Config::new(["/openapi.json"]).validator_url("none");
    move |app| {
        app.service(utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", api).config(config));
    }
}

#[cfg(not(feature = "docs"))]
fn described(api: utoipa::openapi::OpenApi) -> impl FnOnce(&mut ServiceConfig) {
    let api = Data::new(api);
    move |app| {
        let document = async |api: Data<utoipa::openapi::OpenApi>| HttpResponse::Ok().json(&**api);
        app.app_data(api).service(resource("/openapi.json").get(document));
    }
}

#[utoipa::path(get, path = "/notes", responses((status = 200, body = Vec<Note>)), security(("AuthBearer" = [])))]
async fn list(user: CurrentUser, notes: Data<Notes>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(notes.list(user.user()).await?))
}

#[utoipa::path(post, path = "/notes", responses((status = 201, body = Note)), security(("AuthBearer" = [])))]
async fn create(user: CurrentUser, notes: Data<Notes>, note: Json<NewNote>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Created().json(notes.create(user.user(), note.into_inner()).await?))
}

#[utoipa::path(
    delete,
    path = "/notes/{id}",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 404)),
    security(("AuthBearer" = []))
)]
async fn remove(user: CurrentUser, notes: Data<Notes>, id: Path<i64>) -> Result<HttpResponse, Failure> {
    let removed = notes.delete(user.user(), id.into_inner()).await?;
    Ok(if removed { HttpResponse::NoContent() } else { HttpResponse::NotFound() }.finish())
}

#[utoipa::path(get, path = "/admin/notes", responses((status = 200, body = Count)), security(("AuthBearer" = [])))]
async fn count(notes: Data<Notes>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(notes.count().await?))
}

/// An error of the database: for the log, not for the client.
#[derive(Debug)]
struct Failure(Box<dyn Error>);

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the notes are not available")
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        tracing::error!(error = %self.0, "{self}");
        HttpResponse::build(self.status_code()).finish()
    }
}
