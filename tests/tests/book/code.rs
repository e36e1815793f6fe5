//! What the blocks of the book are: compiled, but for those that say they are not.

use auth_core::store::memory::MemoryStore;
use auth_core::store::{NewUserRecord, UserStatus, UserStore as _};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, LoginRequest, Password, PasswordHash, SystemClock, UserId,
};

use super::Page;

include!(concat!(env!("OUT_DIR"), "/book.rs"));

#[test]
fn every_block_says_what_it_is() {
    for page in Page::all() {
        let mut fences = page.text.lines().filter(|line| line.starts_with("```"));
        while let (Some(opening), Some(closing)) = (fences.next(), fences.next()) {
            let tag = &opening[3..];
            let known = ["text", "sh", "rust", "rust,ignore"].contains(&tag) || tag.starts_with("rust ");
            assert!(known, "{}: a block is `{tag}`", page.name);
            assert_eq!(closing, "```", "{}: a block does not end", page.name);
        }
    }
}

/// Code of other crates alone, and a sketch that says so, are taken at their word.
#[test]
fn few_blocks_are_not_compiled() {
    let ignored = |name: &str| Page::named(name).text.matches("```rust,ignore").count();
    let total: usize = Page::all().iter().map(|page| ignored(&page.name)).sum();
    let expected = ignored("from-axum-login.md") + ignored("from-actix-identity.md") + ignored("writing-a-store.md");
    assert_eq!((total, expected), (3, 3));
}

/// What everybody writes before there is anything to protect.
const BARE: [&str; 17] = [
    "use axum::{Router, routing::get};",
    "use actix_web::{App, HttpServer, web};",
    "#[tokio::main]",
    "#[actix_web::main]",
    "async fn main() -> Result<(), Box<dyn std::error::Error>> {",
    "let app = Router::new()",
    ".route(\"/hello\", get(hello))",
    "let listener = tokio::net::TcpListener::bind(\"127.0.0.1:3000\").await?;",
    "axum::serve(listener, app).await?;",
    "HttpServer::new(move || {",
    "App::new()",
    "})",
    ".bind((\"127.0.0.1\", 3000))?",
    ".run()",
    ".await?;",
    "Ok(())",
    "}",
];

#[test]
fn a_protected_route_takes_less_than_ten_lines_more() {
    for name in ["quick-start-axum.md", "quick-start-actix-web.md"] {
        let page = Page::named(name);
        let (_, program) = page.text.split_once("```rust program\n").expect("a program");
        let (program, _) = program.split_once("```").expect("its end");
        let lines = program.lines().map(str::trim).filter(|line| !line.is_empty());
        // The handler is the app's own, whatever it asks for.
        let is_handler = |line: &str| line.contains("user: CurrentUser") || line.contains("hello {}");
        let more: Vec<_> = lines.filter(|line| !BARE.contains(line) && !is_handler(line)).collect();
        assert!(more.len() < 10, "{name}: {more:#?}");
        assert!(more.iter().any(|line| line.contains("RequireAuth")), "{name} protects nothing");
    }
}

/// The hash that the chapter shows is one that `password_auth::generate_hash` made.
#[tokio::test]
async fn passwords_of_password_auth_sign_in() {
    let page = Page::named("from-axum-login.md");
    let hash = page.text.split('"').find(|text| text.starts_with("$argon2id$")).expect("a hash");
    let (store, email) = (MemoryStore::new(), Email::parse("ada@example.com").expect("an address"));
    let record = NewUserRecord {
        id: UserId::new("ada").expect("an id"),
        email: email.clone(),
        password: Some(PasswordHash::from_phc(hash)),
        status: UserStatus::Active,
        role: None,
        app_access: true,
        admin_access: false,
        created_at: SystemClock.now(),
    };
    store.create(&record).await.expect("a user");
    let config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    let auth = Auth::builder(store).config(config).build().expect("a configuration");
    let login = LoginRequest::new(email, Password::new("correct horse battery"));
    auth.login(login, &ClientInfo::default()).await.expect("signs in");
}
