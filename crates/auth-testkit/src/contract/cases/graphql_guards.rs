//! Guards on the fields of an app.

use serde_json::{Value, json};

use crate::contract::{REFRESH_COOKIE, Request, Response, SESSION_COOKIE, Subject, operation};

/// Guards on fields have the codes of guarded routes, and what is guarded beside an open field does not close it.
pub async fn fields_of_an_app_are_guarded(s: &Subject) {
    let (user, admin) = (s.login(s.user()).await.access, s.login(&s.accounts.admin).await.access);
    let session = s.login_session(s.user()).await;
    let old = s.forged(&json!({"auth_time": s.now() - 301, "sid": null}));
    let (nobody, forbidden) = ("INVALID_CREDENTIALS", "FORBIDDEN");
    let (second, recent) = ("FORBIDDEN second factor required", "FORBIDDEN recent login required");
    for (field, without, as_user, as_admin) in [
        ("open", "", "", ""),
        ("optional", "", "", ""),
        ("guarded", nobody, "", ""),
        ("signed_in", nobody, "", ""),
        ("admin", nobody, forbidden, ""),
        ("editor", nobody, "", forbidden),
        ("fresh", nobody, "", ""),
        ("mfa", nobody, second, second),
    ] {
        assert_eq!(app_field(s, field, |request| request).await.0, without, "{field}, nobody");
        assert_eq!(app_field(s, field, |request| request.bearer(&user)).await.0, as_user, "{field}, user");
        assert_eq!(app_field(s, field, |request| request.bearer(&admin)).await.0, as_admin, "{field}, admin");
        let by_cookie = app_field(s, field, |request| request.cookie(SESSION_COOKIE, &session)).await;
        assert_eq!(by_cookie.0, as_user, "{field}, session cookie");
        let bad = app_field(s, field, |request| request.bearer("no.good.token")).await;
        assert_eq!(bad.0, if field == "open" { "" } else { "INVALID_TOKEN" }, "{field}, a bad token");
    }
    assert_eq!(app_field(s, "fresh", |request| request.bearer(&old)).await.0, recent);
    let (_, response) = app_field(s, "open signed_in guarded", |request| request.bearer(&user)).await;
    let expected = json!({"open": "open", "signed_in": true, "guarded": s.user().id.as_str()});
    assert_eq!(response.json()["data"], expected, "{response}");
    let (_, response) = app_field(s, "open users_me { id }", |request| request).await;
    assert_eq!(response.json()["data"], json!({"open": "open", "users_me": null}), "{response}");
    let (_, response) = app_field(s, "users_me { id } optional", |request| request.bearer(&user)).await;
    assert_eq!(response.json()["data"]["users_me"]["id"], s.user().id.as_str(), "{response}");
    let body = json!({"query": operation("/auth/login", &Subject::credentials(s.user(), "cookie"))});
    let merged = s.send(Request::post("/graphql").json(&body)).await;
    s.refresh_by_cookie(&merged.set_cookie(REFRESH_COOKIE).value).await.expect_status(200);
}

/// A limited token opens the fields that ask for one of its scopes, whose resolvers learn whose it is, and nothing that
/// asks for none.
pub async fn a_limited_token_opens_fields_that_ask_for_its_scope(s: &Subject) {
    let login = s.login(s.user()).await.access;
    let made = async |scopes: Value| {
        let body = json!({"name": "CI", "scopes": scopes});
        s.send(Request::post(s.path("/auth/tokens")).json(&body).bearer(&login)).await.data("token")
    };
    let (read, write) = (made(json!(["notes:read"])).await, made(json!(["notes:write"])).await);
    let all = made(json!(null)).await;
    let (nobody, scope) = ("INVALID_CREDENTIALS", "FORBIDDEN insufficient scope");
    let program = "FORBIDDEN login required";
    for (field, without, reads, writes, unlimited, signed_in) in [
        ("scoped", nobody, "", scope, "", ""),
        ("reader", nobody, "", scope, "", ""),
        ("scoped_strict", nobody, scope, scope, "", ""),
        ("any_scope", nobody, "", "", "", ""),
        ("login_only", nobody, program, program, program, ""),
        ("guarded", nobody, scope, scope, "", ""),
        ("signed_in", nobody, scope, scope, "", ""),
        ("optional", "", scope, scope, "", ""),
    ] {
        assert_eq!(app_field(s, field, |request| request).await.0, without, "{field}, nobody");
        for (token, expected) in [(&read, reads), (&write, writes), (&all, unlimited), (&login, signed_in)] {
            let (code, response) = app_field(s, field, |request| request.bearer(token)).await;
            assert_eq!(code, expected, "{field}\n{response}");
        }
    }
    for field in ["scoped", "reader"] {
        let (_, response) = app_field(s, field, |request| request.bearer(&read)).await;
        assert_eq!(response.json()["data"], json!({field: s.user().id.as_str()}), "{response}");
    }
}

/// C4: a session cookie counts for our own pages alone, in fields of the app too; a bearer token counts from everywhere.
pub async fn c4_foreign_pages_use_no_cookie(s: &Subject) {
    let (session, token) = (s.login_session(s.user()).await, s.login(s.user()).await.access);
    for document in ["{ signed_in }", "mutation { write }", "{ users_me { id } }"] {
        for (header, value) in [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "null")] {
            let ask = |request: Request| request.header(header, value).json(&json!({"query": document}));
            let by_cookie = s.send(ask(Request::post("/graphql")).cookie(SESSION_COOKIE, &session)).await;
            assert_eq!(by_cookie.json()["errors"][0]["extensions"]["code"], "FORBIDDEN", "{document}\n{by_cookie}");
            let by_token = s.send(ask(Request::post("/graphql")).bearer(&token)).await;
            assert_eq!(by_token.json().get("errors"), None, "{document}\n{by_token}");
        }
    }
}

/// Asks for one field of the app's schema: the code of its refusal, and the reason.
pub(super) async fn app_field(s: &Subject, field: &str, change: impl Fn(Request) -> Request) -> (String, Response) {
    let request = Request::post("/graphql").json(&json!({"query": format!("{{ {field} }}")}));
    // Fields of several objects come in the order in which they are ready.
    let response = s.send(change(if field.contains(' ') { request.unrecorded() } else { request })).await;
    response.expect_status(200);
    let extensions = response.json()["errors"][0]["extensions"].clone();
    let words = ["code", "reason"].map(|name| extensions[name].as_str().unwrap_or_default().to_owned());
    (words.join(" ").trim().to_owned(), response)
}
