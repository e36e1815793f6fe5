use actix_web::{App, HttpServer, web};
use auth_actix_web::{CurrentUser, RequireAuth};
use auth_core::{Auth, AuthConfig, Email, NewUser, Password};

async fn hello(user: CurrentUser) -> String {
    format!("hello {}\n", user.user())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = auth_sea_orm::SeaOrmStore::connect("sqlite://app.db?mode=rwc").await?;
    store.migrate().await?;
    let auth = Auth::builder(store).config(AuthConfig::from_env()?).build()?;
    if auth.count_users().await? == 0 {
        auth.create_user(NewUser::new(Email::parse("ada@example.com")?, Password::new("four words for ada"))).await?;
    }

    HttpServer::new(move || {
        App::new()
            .configure(auth_actix_web::routes(&auth))
            .service(web::resource("/hello").wrap(RequireAuth::new(&auth)).get(hello))
    })
    .bind(("127.0.0.1", 3000))?
    .run()
    .await?;
    Ok(())
}
