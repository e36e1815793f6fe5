//! The description of the routes.

use std::collections::BTreeSet;

use auth_core::http::{Endpoint, Method};
use serde_json::Value;

use crate::contract::{Request, Subject};

/// The routes that are always there.
pub async fn what_is_mounted_is_described(s: &Subject) {
    let described = described(s).await;
    assert!(!described.contains(&("/users/register".to_owned(), "post".to_owned())), "nobody asked for it");
    assert_served(s, &described).await;
}

/// And those that let new users in.
pub async fn what_is_mounted_by_name_is_described_too(s: &Subject) {
    let described = described(s).await;
    assert!(described.contains(&("/users/invite".to_owned(), "post".to_owned())), "{described:?}");
    assert_served(s, &described).await;
}

/// And those of admins: there is nothing more but what a setting switches on.
pub async fn what_admins_do_is_described_too(s: &Subject) {
    let described = described(s).await;
    let all = Endpoint::ALL.iter().filter(|endpoint| !endpoint.needs_personal_tokens());
    assert_eq!(described.len(), all.count(), "{described:?}");
    assert_served(s, &described).await;
}

/// And personal access tokens.
pub async fn what_a_setting_switches_on_is_described_too(s: &Subject) {
    let described = described(s).await;
    assert!(described.contains(&("/auth/tokens".to_owned(), "post".to_owned())), "{described:?}");
    assert_served(s, &described).await;
}

/// Paths and methods of the description, which is open to all.
async fn described(s: &Subject) -> BTreeSet<(String, String)> {
    let response = s.send(Request::get(s.path("/auth/openapi.json"))).await;
    response.expect_status(200);
    assert_eq!(response.header("content-type").as_deref(), Some("application/json"), "{response}");
    response.expect_cookies_left_alone();
    let document = response.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "..", "relative to the document, wherever that is mounted");
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let methods = |item: &Value| item.as_object().into_iter().flat_map(|item| item.keys().cloned()).collect::<Vec<_>>();
    paths.iter().flat_map(|(path, item)| methods(item).into_iter().map(|method| (path.clone(), method))).collect()
}

/// The server answers what is described, and nothing else of this contract.
async fn assert_served(s: &Subject, described: &BTreeSet<(String, String)>) {
    for endpoint in Endpoint::ALL {
        let method = match endpoint.method() {
            Method::Post => "post",
            Method::Delete => "delete",
            Method::Patch => "patch",
            _ => "get",
        };
        let is_described = described.contains(&(endpoint.path().to_owned(), method.to_owned()));
        let path = s.path(&endpoint.path().replace("{id}", "none"));
        let response = s.send(Request::new(&method.to_uppercase(), path).unrecorded()).await;
        let is_served = !matches!(response.status, 404 | 405);
        assert_eq!(is_described, is_served, "{method} {}\n{response}", endpoint.path());
    }
}
