use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::{AuthConfig, TokenSources};
use crate::http::{Endpoint, Method};
use crate::mail::NoMail;
use crate::store::memory::MemoryStore;
use crate::{AuditTrail, Auth, AuthBuilder, PersonalTokens};

fn config() -> AuthConfig {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    config.public_url = Some("https://auth.example.com".to_owned());
    config.personal_tokens = Some(PersonalTokens::default());
    config.audit_trail = Some(AuditTrail::default());
    config
}

fn builder(config: AuthConfig) -> AuthBuilder {
    Auth::builder(MemoryStore::new()).config(config).mailer(NoMail)
}

fn document(auth: AuthBuilder) -> Value {
    serde_json::to_value(auth.build().expect("a configuration").openapi()).expect("JSON")
}

/// Every operation, with its path and method.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path");
        item.iter().map(|(method, operation)| (path.clone(), method.clone(), operation))
    });
    operations.collect()
}

/// Everything in the document that has a member of this name.
fn all<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(name));
            members.values().for_each(|member| all(member, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, name, found)),
        _ => {}
    }
}

#[test]
fn exactly_what_is_mounted_is_described() {
    for (auth, count) in [
        (builder(config()).with(Endpoint::ALL), Endpoint::ALL.len()),
        (builder(config()).only(&[Endpoint::Login, Endpoint::Sessions]), 2),
        (builder(config()).only(&[Endpoint::OpenApi]), 1),
        (builder(config()).only(&[]), 0),
    ] {
        let auth = auth.build().expect("a configuration");
        let mounted: BTreeSet<_> = auth
            .routes()
            .iter()
            .flat_map(|route| route.endpoints())
            .collect::<Vec<_>>()
            .iter()
            .map(|endpoint| {
                let method = match endpoint.method() {
                    Method::Get => "get",
                    Method::Post => "post",
                    Method::Patch => "patch",
                    Method::Delete => "delete",
                };
                (endpoint.path().to_owned(), method.to_owned())
            })
            .collect();
        assert_eq!(mounted.len(), count);
        let document = serde_json::to_value(auth.openapi()).expect("JSON");
        let described: BTreeSet<_> =
            operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect();
        assert_eq!(described, mounted);
    }
}

#[test]
fn every_operation_says_what_it_gives_and_every_name_is_ours() {
    let document = document(builder(config()).with(Endpoint::ALL));
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{path}: twice");
        let answers = operation["responses"].as_object().expect("answers");
        assert!(answers.keys().any(|status| status.starts_with(['2', '3'])), "{method} {path} never succeeds");
        assert_eq!(operation.get("requestBody").is_some(), matches!(&*method, "post" | "patch"), "{method} {path}");
        assert_eq!(path.contains("{id}"), operation["parameters"][0]["in"] == "path", "{method} {path}");
        for (status, answer) in answers {
            let is_error = status.as_str() >= "400";
            let schema = &answer["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(is_error, schema == "#/components/schemas/AuthError", "{method} {path} {status}");
            assert!(!answer["description"].as_str().expect("text").is_empty(), "{method} {path} {status}");
        }
    }
    let mut references = Vec::new();
    all(&document, "$ref", &mut references);
    for reference in references {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("one of this document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for kind in ["schemas", "securitySchemes"] {
        for name in document["components"][kind].as_object().expect("named").keys() {
            assert!(name.starts_with("Auth"), "{name} may be in an app's own document");
        }
    }
}

#[test]
fn the_schemes_are_those_of_the_configuration() {
    let of = |config| document(builder(config))["components"]["securitySchemes"].clone();
    let schemes = of(config());
    assert_eq!(schemes["AuthBearer"]["scheme"], "bearer");
    assert_eq!((&schemes["AuthQuery"]["in"], &schemes["AuthQuery"]["name"]), (&"query".into(), &"access_token".into()));
    assert_eq!(schemes["AuthSessionCookie"]["name"], "__Host-session_token");

    let mut other = config();
    other.session_cookie.name = "sid".to_owned();
    other.session_cookie.domain = Some("example.com".to_owned());
    other.token_sources = TokenSources::HeaderOnly;
    let schemes = of(other.clone());
    assert_eq!(schemes["AuthSessionCookie"]["name"], "sid");
    assert!(schemes.get("AuthQuery").is_none(), "it is not read");
    assert!(!document(builder(other)).to_string().contains("AuthQuery"));
}

#[test]
fn only_what_can_be_said_is_described() {
    let described = |config| document(builder(config).with(Endpoint::ALL));
    let body = |document: &Value, path: &str| {
        document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"].clone()
    };
    let document = described(config());
    assert!(body(&document, "/auth/password/request")["properties"].get("reset_url").is_none(), "none is allowed");
    let mut config = config();
    config.password_reset_urls = vec!["https://app.example.com/reset".to_owned()];
    config.password_min_length = 15;
    let document = described(config);
    let url = &body(&document, "/auth/password/request")["properties"]["reset_url"];
    assert_eq!(url["enum"], serde_json::json!(["https://app.example.com/reset"]));
    let body = body(&document, "/auth/password/change");
    assert_eq!(body["properties"]["password"]["minLength"], 15);
    assert_eq!(body["properties"]["current_password"]["minLength"], 1);
}

#[test]
fn answers_are_those_of_the_wire() {
    let document = document(builder(config()));
    let login = &document["paths"]["/auth/login"]["post"]["responses"];
    let example = &login["429"]["content"]["application/json"]["examples"]["REQUESTS_EXCEEDED-1"]["value"];
    assert_eq!(example["errors"][0]["message"], "Too many requests, retry after 8s.");
    assert!(login["429"]["headers"].get("Retry-After").is_some());
    assert!(login["503"]["headers"].get("Retry-After").is_some());
    assert!(login["401"]["headers"].get("WWW-Authenticate").is_none(), "a route that hands out tokens");
    let me = &document["paths"]["/users/me"]["get"];
    assert!(me["responses"]["401"]["headers"].get("WWW-Authenticate").is_some());
    assert_eq!(me["security"].as_array().map(Vec::len), Some(3));
}
