use auth_axum::{CurrentUser, RequireAuth};
use auth_core::{Auth, AuthConfig, Email, NewUser, Password};
use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = auth_sea_orm::SeaOrmStore::connect("sqlite://app.db?mode=rwc").await?;
    store.migrate().await?;
    let auth = Auth::builder(store).config(AuthConfig::from_env()?).build()?;
    if auth.count_users().await? == 0 {
        auth.create_user(NewUser::new(Email::parse("ada@example.com")?, Password::new("four words for ada"))).await?;
    }

    let hello = async |user: CurrentUser| format!("hello {}\n", user.user());
    let app = Router::new()
        .route("/hello", get(hello))
        .route_layer(RequireAuth::new(&auth))
        .merge(auth_axum::routes(&auth));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
