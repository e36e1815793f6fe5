//! `GET /users/me`.

use auth_core::Clock as _;
use auth_core::store::{UpdateTerms, Updated, UserChange, UserStatus};
use serde_json::{Value, json};

use crate::contract::{Refusal, Request, Response, SESSION_COOKIE, Subject};

/// Who I am, whichever way the token comes; never a hash.
pub async fn the_default_fields(s: &Subject) {
    for account in [&s.accounts.user, &s.accounts.admin] {
        let token = s.login(account).await.access;
        let cookie = s.login_session(account).await;
        let expected = json!({"data": {
            "id": account.id.as_str(), "email": account.email, "role": account.role, "status": "active",
        }});
        for request in [
            Request::get(s.path("/users/me")).bearer(&token),
            Request::get(s.path(&format!("/users/me?access_token={token}"))),
            Request::get(s.path("/users/me")).cookie(SESSION_COOKIE, &cookie),
        ] {
            let response = s.send(request).await;
            response.expect_status(200);
            assert_eq!(response.header("content-type").as_deref(), Some("application/json"), "{response}");
            assert_eq!(response.json(), expected, "{response}");
        }
    }
}

/// `fields` chooses: `*`, a list, or repeated `fields[]`.
pub async fn fields_choose(s: &Subject) {
    let all = ["email", "id", "role", "status"];
    for (query, keys) in [
        ("fields=*", all.as_slice()),
        ("fields=id", &["id"]),
        ("fields=id,email", &["email", "id"]),
        ("fields=status,role", &["role", "status"]),
        ("fields=id%2Cemail", &["email", "id"]),
        ("fields[]=id&fields[]=email", &["email", "id"]),
        ("fields%5B%5D=id&fields%5B%5D=role", &["id", "role"]),
        ("fields=id,id", &["id"]),
        ("fields=*,id", &all),
        ("unknown=1&fields=email", &["email"]),
    ] {
        let response = me(s, &format!("?{query}")).await;
        assert_eq!(response.status, 200, "{query}\n{response}");
        let mut found: Vec<String> =
            response.json()["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default();
        found.sort();
        assert_eq!(found, keys, "{query}\n{response}");
    }
}

/// A field that does not exist, or that nobody gets, is forbidden, and does not say which.
pub async fn unknown_and_secret_fields_are_forbidden(s: &Subject) {
    for fields in
        ["password", "tfa_secret", "token", "unknown", "id,password", "*,password", "ID", "role.*", "$", "*.*"]
    {
        let response = me(s, &format!("?fields={fields}")).await;
        assert_eq!(response.status, 403, "{fields}\n{response}");
        response.expect_forbidden();
    }
    me(s, "?fields[]=id&fields[]=password").await.expect_forbidden();
}

/// It is a guarded route.
pub async fn b2_it_is_guarded(s: &Subject) {
    let me = || Request::get(s.path("/users/me"));
    s.send(me()).await.expect_refused(Refusal::NoToken);
    s.send(me().bearer("garbage")).await.expect_refused(Refusal::Invalid);
    s.send(me().bearer(&s.forged(&json!({"exp": s.now()})))).await.expect_refused(Refusal::Expired);
    s.send(me().cookie(SESSION_COOKIE, "garbage")).await.expect_refused(Refusal::Invalid);
    let head = s.send(Request::new("HEAD", s.path("/users/me")).bearer(&s.login(s.user()).await.access)).await;
    head.expect_status(200);
    assert!(head.body.is_empty(), "an answer to HEAD has no body\n{head}");
}

/// It tells what is stored now, not what the token says; who may not sign in any more is told nothing.
pub async fn r8_it_tells_what_is_stored_now(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let me = || Request::get(s.path("/users/me")).bearer(&tokens.access);
    let email = auth_core::Email::parse("renamed@example.com").ok();
    let renamed = UserChange { email, role: Some(None), ..UserChange::default() };
    assert_eq!(
        s.store.update(&s.user().id, &renamed, UpdateTerms::default(), s.clock.now()).await.expect("updates"),
        Updated::Done
    );
    let response = s.send(me()).await;
    if response.status == 200 {
        assert_eq!(response.json()["data"]["email"], "renamed@example.com", "{response}");
        assert_eq!(response.json()["data"]["role"], Value::Null, "{response}");
    } else {
        response.expect_status(401);
    }
    let suspended = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    assert_eq!(
        s.store.update(&s.user().id, &suspended, UpdateTerms::default(), s.clock.now()).await.expect("updates"),
        Updated::Done
    );
    s.send(me()).await.expect_status(401);
    s.delete(&s.user().id).await;
    s.send(me()).await.expect_status(401);
}

async fn me(s: &Subject, query: &str) -> Response {
    let token = s.login(s.user()).await.access;
    s.send(Request::get(s.path(&format!("/users/me{query}"))).bearer(&token)).await
}
