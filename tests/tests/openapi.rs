//! The OpenAPI document of the routes, as other tools see it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

use auth_core::http::Endpoint;
use auth_core::store::memory::MemoryStore;
use auth_core::{AuditTrail, Auth, AuthConfig, PersonalTokens};
use auth_testkit::contract::Request;
use auth_testkit::mail::MemoryMailer;
use auth_tests::servers::Framework;
use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};
use utoipa::openapi::{Info, OpenApi, PathsBuilder, Response};

fn auth() -> Auth {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    config.public_url = Some("https://auth.example.com".to_owned());
    config.personal_tokens = Some(PersonalTokens::default());
    config.audit_trail = Some(AuditTrail::default());
    let auth = Auth::builder(MemoryStore::new()).config(config).mailer(MemoryMailer::new()).with(Endpoint::ALL);
    auth.build().expect("a configuration")
}

/// What an app has of its own.
fn app() -> OpenApi {
    let operation = OperationBuilder::new().response("200", Response::new("a greeting"));
    OpenApi::new(
        Info::new("shop", "1.0.0"),
        PathsBuilder::new().path("/hello", PathItem::new(HttpMethod::Get, operation)),
    )
}

#[test]
fn the_document_is_valid_by_the_schema_of_the_specification() {
    let schema: Value = serde_json::from_str(include_str!("../openapi/schema-3.1.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for document in [auth().openapi(), app().nest("/api", auth().openapi())] {
        let document = serde_json::to_value(document).expect("JSON");
        let problems: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{problems:#?}");
    }
    let mut broken = serde_json::to_value(auth().openapi()).expect("JSON");
    broken["paths"]["/auth/login"]["post"]["responses"] = Value::Null;
    assert!(!validator.is_valid(&broken), "it finds mistakes");
}

#[test]
fn every_schema_is_one_of_json_schema() {
    let document = serde_json::to_value(auth().openapi()).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
    }
}

#[tokio::test]
async fn an_apps_own_document_takes_the_routes_where_they_are_mounted() {
    let auth = auth();
    let merged = serde_json::to_value(app().nest("/api/v1", auth.openapi())).expect("JSON");
    assert_eq!(merged["info"]["title"], "shop");
    assert!(merged.get("servers").is_none(), "the app says where it is");
    let paths = merged["paths"].as_object().expect("paths");
    assert!(paths.contains_key("/hello") && paths.contains_key("/api/v1/auth/login"));
    for framework in Framework::ALL {
        let server = framework.serve(&auth, "/api/v1").await;
        for (path, item) in paths.iter().filter(|(path, _)| *path != "/hello") {
            for method in item.as_object().expect("methods").keys() {
                let request = Request::new(&method.to_uppercase(), path.replace("{id}", "none"));
                let response = request.send(server.addr).await;
                assert!(!matches!(response.status, 404 | 405), "{}: {method} {path}\n{response}", framework.name());
            }
        }
    }
}
