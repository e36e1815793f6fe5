//! The probe. Its route is off until it is asked for.

use serde_json::json;

use crate::contract::{Request, Subject};

/// Whoever asks learns that requests can be served, and nothing else.
pub async fn a_probe_learns_that_the_store_answers(s: &Subject) {
    let well = s.send(Request::get(s.path("/auth/health"))).await;
    well.expect_status(200);
    assert_eq!(well.json(), json!({"data": {"status": "ok"}}));
    assert_eq!(well.header("cache-control").as_deref(), Some("no-store"), "{well}");
    let head = s.send(Request::new("HEAD", s.path("/auth/health"))).await;
    head.expect_status(200);
}
