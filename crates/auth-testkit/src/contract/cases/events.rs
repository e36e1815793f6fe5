//! The audit trail. Its route is off until it is asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::contract::{Refusal, Request, Response, Subject};

async fn events(s: &Subject, token: &str, query: &str) -> Response {
    s.send(Request::get(s.path(&format!("/auth/events{query}"))).bearer(token)).await
}

fn types(response: &Response) -> Vec<String> {
    response.expect_status(200);
    let rows = response.json()["data"].as_array().cloned().expect("a list");
    rows.iter().map(|row| row["type"].as_str().expect("text").to_owned()).collect()
}

/// Who did what, from where and with what outcome; of the newest first.
pub async fn what_happened_is_told(s: &Subject) {
    let wrong = json!({"email": s.user().email, "password": "wrong", "mode": "json"});
    s.send(s.login_request(&wrong)).await.expect_credentials_refused();
    let user = s.login(s.user()).await;
    let refreshed = s.refresh(&user.refresh).await.tokens();
    s.send(s.logout_request(&json!({"refresh_token": refreshed.refresh}))).await.expect_empty();
    let admin = s.login(&s.accounts.admin).await.access;
    let id = s.user().id;
    let patch = Request::new("PATCH", s.path(&format!("/users/{id}"))).json(&json!({"role": "reader"}));
    s.send(patch.bearer(&admin)).await.expect_status(200);

    let all = events(s, &admin, "").await;
    let expected = ["user_changed", "login_succeeded", "session_ended", "login_succeeded", "login_failed"];
    assert_eq!(types(&all), expected);
    let body = all.json();
    assert_eq!(body["meta"], json!({"total_count": 5, "exact": true}));
    let (change, failure) = (&body["data"][0], &body["data"][4]);
    assert_eq!((&change["user"], &change["actor"]), (&json!(id), &json!(s.accounts.admin.id)), "{all}");
    assert_eq!((&change["outcome"], &failure["outcome"]), (&json!("succeeded"), &json!("refused")), "{all}");
    assert!(body["data"].as_array().is_some_and(|rows| rows.iter().all(|row| row["ip"] == "127.0.0.1")), "{all}");
    assert_eq!(failure["session"], Value::Null, "{all}");
    assert_eq!(failure["user"], json!(id), "whose password was tried\n{all}");
    assert_eq!((&change["details"], &failure["details"]), (&json!(["role"]), &json!([])), "{all}");
    assert!(!String::from_utf8_lossy(&all.body).contains('@'), "no address\n{all}");

    let of_user = events(s, &admin, &format!("?user={id}&type=login_succeeded")).await;
    assert_eq!(types(&of_user), ["login_succeeded"]);
    let by_admin = events(s, &admin, &format!("?actor={}", s.accounts.admin.id)).await;
    assert_eq!(types(&by_admin), ["user_changed"]);
    assert!(types(&events(s, &admin, &format!("?actor={id}")).await).is_empty());
    assert_eq!(types(&events(s, &admin, "?limit=2&page=2").await), expected[2..4]);
    let after = body["data"][2]["id"].as_str().expect("an id").to_owned();
    assert_eq!(types(&events(s, &admin, &format!("?after={after}")).await), expected[3..]);
    assert!(types(&events(s, &admin, &format!("?since={}", s.now() * 1000 + 60_000)).await).is_empty());
    assert_eq!(types(&events(s, &admin, "?since=0").await).len(), 5);
    assert!(types(&events(s, &admin, "?type=%27%20OR%201%3D1--").await).is_empty());
}

/// Who tried what only admins do, or what admins may not do either, and why it was refused. A few of a kind a minute are
/// kept: nobody fills the trail by trying.
pub async fn what_was_refused_is_told(s: &Subject) {
    const MOST: usize = 10;
    let admin = s.accounts.admin.id;
    let user = s.login(s.user()).await.access;
    let access = s.login(&s.accounts.admin).await.access;
    for _ in 0..MOST + 3 {
        s.send(Request::get(s.path("/users")).bearer(&user)).await.expect_refused(Refusal::Forbidden);
    }
    let own = s.path(&format!("/users/{admin}"));
    s.send(Request::new("DELETE", &own).bearer(&access)).await.expect_status(400);
    let demote = Request::new("PATCH", &own).json(&json!({"admin_access": false})).bearer(&access);
    s.send(demote).await.expect_status(400);

    let refused = events(s, &access, "?type=admin_refused").await;
    let told = |row: &Value| (row["actor"].clone(), row["user"].clone(), row["details"].clone());
    let rows: Vec<_> = refused.json()["data"].as_array().expect("a list").iter().map(told).collect();
    let (by_admin, by_user) = rows.split_at(2);
    let expected =
        ["update_user", "delete_user"].map(|what| (json!(admin), json!(admin), json!([what, "own_account"])));
    assert_eq!(by_admin, expected, "{refused}");
    let expected = vec![(json!(s.user().id), Value::Null, json!(["list_users", "not_admin"])); MOST];
    assert_eq!(by_user, expected, "{refused}");
}

/// What ends nothing is no event: whoever has one session fills no table. An invitation that gives another role says so.
pub async fn what_happened_to_nobody_is_not_told(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await.access;
    let end_others = || Request::new("DELETE", s.path("/auth/sessions")).bearer(&admin);
    s.send(end_others()).await.expect_empty();
    assert_eq!(types(&events(s, &admin, "").await), ["login_succeeded"]);
    s.login(&s.accounts.admin).await;
    s.send(end_others()).await.expect_empty();
    let expected = ["other_sessions_ended", "login_succeeded", "login_succeeded"];
    assert_eq!(types(&events(s, &admin, "").await), expected);
    for (role, told) in
        [("editor", &["user_invited"][..]), ("editor", &["user_invited"]), ("chief", &["user_invited", "user_changed"])]
    {
        let body = json!({"email": "guest@example.com", "role": role});
        s.send(Request::post(s.path("/users/invite")).json(&body).bearer(&admin)).await.expect_empty();
        assert_eq!(types(&events(s, &admin, &format!("?limit={}", told.len())).await), told, "{role}");
    }
}

/// What happens every few minutes is not kept one by one, and yet it is told how often: whoever asks for it gets what was
/// counted up to now.
pub async fn refreshes_are_counted(s: &Subject) {
    let mut refresh = s.login(s.user()).await.refresh;
    let admin = s.login(&s.accounts.admin).await.access;
    for _ in 0..3 {
        refresh = s.refresh(&refresh).await.tokens().refresh;
        s.clock.advance(Duration::from_secs(11));
    }
    assert_eq!(types(&events(s, &admin, "").await), ["login_succeeded", "login_succeeded"]);
    let counted = events(s, &admin, "?type=session_rotated&since=0").await;
    assert_eq!(types(&counted), ["session_rotated"]);
    let event = &counted.json()["data"][0];
    assert_eq!((&event["times"], &event["user"], &event["ip"]), (&json!(3), &Value::Null, &Value::Null), "{counted}");
    s.refresh(&refresh).await.expect_status(200);
    let again = events(s, &admin, "?type=session_rotated&since=0").await;
    let times: Vec<_> =
        again.json()["data"].as_array().expect("a list").iter().map(|row| row["times"].clone()).collect();
    assert_eq!(times, [1, 3]);
}

/// Admins alone read it; what a query cannot mean is refused by its name.
pub async fn r8_only_admins_read_the_trail(s: &Subject) {
    let user = s.login(s.user()).await.access;
    s.send(Request::get(s.path("/auth/events"))).await.expect_refused(Refusal::NoToken);
    events(s, &user, "").await.expect_refused(Refusal::Forbidden);
    let admin = s.login(&s.accounts.admin).await.access;
    for (query, reason) in [
        ("?limit=0", "\"limit\" must be a number from 1 to 100"),
        ("?page=1000000000", "\"page\" ends at 10000 rows, go on with \"after\""),
        ("?since=yesterday", "\"since\" must be a number of milliseconds"),
        ("?since=99999999999999999999", "\"since\" must be a number of milliseconds"),
        ("?user=", "\"user\" must be an id"),
        ("?actor=", "\"actor\" must be an id"),
        ("?type=%00", "\"type\" must be an id"),
        ("?after=1", "\"after\" must be an id"),
        ("?user=a&user=b", "A parameter of the query is given more than once"),
    ] {
        events(s, &admin, query).await.expect_invalid(reason);
    }
}
