//! The preset beside Directus: its cookie names, its tokens, its users.

use serde_json::{Value, json};

use crate::contract::{PUBLIC_URL, Refusal, Request, SECRET, Subject, forge};

const REFRESH: &str = "directus_refresh_token";
const SESSION: &str = "directus_session_token";

/// C1: the bare names, and every attribute as ever.
pub async fn c1_the_cookies_have_the_names_of_directus(s: &Subject) {
    for (mode, name, max_age) in [("cookie", REFRESH, 604_800), ("session", SESSION, 86_400)] {
        let login = s.send(s.login_request(&Subject::credentials(s.user(), mode))).await;
        login.expect_status(200);
        let value = login.set_cookie(name).value;
        let expected = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; Secure; SameSite=Lax");
        assert!(login.all("set-cookie").contains(&expected), "{login}");

        let refresh = s.send(s.refresh_request(&json!({"mode": mode})).cookie(name, &value)).await;
        refresh.expect_status(200);
        let value = refresh.set_cookie(name).value;
        let prefixed = format!("__Host-{name}");
        let by_other_name = s.refresh_request(&json!({"mode": mode})).cookie(&prefixed, &value);
        s.send(by_other_name).await.expect_invalid("The refresh token is required in either the payload or cookie");
        if mode == "session" {
            s.send(Request::get("/guarded").cookie(name, &value)).await.expect_status(200);
        }
        let logout = s.send(s.logout_request(&json!({"mode": mode})).cookie(name, &value)).await;
        logout.expect_cleared(name, "Lax");
    }
}

/// J7: header and claims are those that Directus writes and reads; ours come after them.
pub async fn j7_tokens_are_those_of_directus(s: &Subject) {
    let token = s.login(s.user()).await.access;
    assert!(token.starts_with(&format!("{}.", forge::encode(forge::ACCESS_HEADER))), "{token}");
    let (_, claims) = forge::decode(&token);
    let names: Vec<&str> = claims.keys().map(String::as_str).collect();
    for name in ["id", "role", "app_access", "admin_access", "iat", "exp", "iss"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!((&claims["iss"], &claims["id"]), (&json!("directus"), &json!(s.user().id.as_str())));
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(900));
    for name in ["session", "scope", "share", "share_scope"] {
        assert!(!names.contains(&name), "{name} means something else to Directus");
    }

    // What Directus itself would sign: no claim of ours.
    let now = s.now();
    let theirs = json!({
        "id": s.user().id.as_str(), "role": null, "app_access": true, "admin_access": false,
        "iat": now, "exp": now + 900, "iss": "directus",
    });
    let signed = |payload: &Value| forge::hs256(SECRET.as_bytes(), forge::ACCESS_HEADER, &payload.to_string());
    s.guarded(&signed(&theirs)).await.expect_status(200);
    for (name, value) in [
        ("scope", json!("invite")),
        ("share", json!("5d6e")),
        ("session", json!("xMIPMJAI9NUYByjye7vjTHanqtit4Kbm")),
        ("iss", json!("auth")),
        ("id", Value::Null),
        ("exp", json!(now)),
    ] {
        let mut altered = theirs.clone();
        altered[name] = value;
        let refusal = if name == "exp" { Refusal::Expired } else { Refusal::Invalid };
        s.guarded(&signed(&altered)).await.expect_refused(refusal);
    }
}

/// The SDK asks with `fields`; what a user may not read is 403, as there.
pub async fn the_user_is_read_as_from_directus(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let me = async |query: &str| s.send(Request::get(s.path(&format!("/users/me{query}"))).bearer(&token)).await;
    assert_eq!(
        me("?fields=id,email").await.json(),
        json!({"data": {"id": s.user().id.as_str(), "email": s.user().email}})
    );
    assert_eq!(me("?fields[]=role").await.json(), json!({"data": {"role": s.user().role}}));
    me("?fields=password").await.expect_forbidden();
    me("?fields=tfa_secret").await.expect_forbidden();
}

/// Its page for a new password looks for the token in the query.
pub async fn the_link_leads_to_the_page_of_directus(s: &Subject) {
    let body = json!({"email": s.user().email});
    s.send(Request::post(s.path("/auth/password/request")).json(&body)).await.expect_empty();
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{PUBLIC_URL}/admin/reset-password?token=")), "{}", mail.text());
}
