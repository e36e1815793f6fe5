//! What admins do with users. These routes are off until they are asked for.

use std::time::Duration;

use auth_core::UserId;
use auth_core::store::{UserChange, UserFilter, UserPage, UserStatus};
use serde_json::{Value, json};

use super::body::unreadable;
use crate::contract::{INVITE_URL, PUBLIC_URL, Refusal, Request, Response, SESSION_COOKIE, Subject};
use crate::mail::token_in;

const NOBODY: &str = "01890000-0000-7000-8000-0000000000ff";

async fn get(s: &Subject, token: &str, path: &str) -> Response {
    s.send(Request::get(s.path(path)).bearer(token)).await
}

async fn post(s: &Subject, token: &str, path: &str, body: &Value) -> Response {
    s.send(Request::post(s.path(path)).json(body).bearer(token)).await
}

async fn patch(s: &Subject, token: &str, id: &UserId, body: &Value) -> Response {
    s.send(Request::new("PATCH", s.path(&format!("/users/{id}"))).json(body).bearer(token)).await
}

async fn delete(s: &Subject, token: &str, id: &str) -> Response {
    s.send(Request::new("DELETE", s.path(&format!("/users/{id}"))).bearer(token)).await
}

async fn reset(s: &Subject, token: &str, id: &str) -> Response {
    s.send(Request::post(s.path(&format!("/users/{id}/tfa/disable"))).bearer(token)).await
}

async fn login(s: &Subject, email: &str, password: &str) -> Response {
    s.send(s.login_request(&json!({"email": email, "password": password}))).await
}

fn emails(response: &Response) -> Vec<String> {
    response.expect_status(200);
    let rows = response.json()["data"].as_array().cloned().expect("a list");
    rows.iter().map(|row| row["email"].as_str().expect("text").to_owned()).collect()
}

/// Nobody but admins, and nobody without a login that still counts.
pub async fn r8_only_admins_manage_users(s: &Subject) {
    let (user, admin) = (s.login(s.user()).await, s.login(&s.accounts.admin).await);
    let id = s.user().id;
    let requests = || {
        [
            Request::get(s.path("/users")),
            Request::get(s.path("/users?limit=x")),
            Request::post(s.path("/users")).json(&json!({"email": "new@example.com"})),
            Request::get(s.path(&format!("/users/{id}"))),
            Request::new("PATCH", s.path(&format!("/users/{id}"))).json(&json!({"admin_access": true})),
            Request::new("DELETE", s.path(&format!("/users/{id}"))),
            Request::post(s.path(&format!("/users/{id}/invite"))),
            Request::post(s.path(&format!("/users/{id}/tfa/disable"))),
        ]
    };
    for request in requests() {
        s.send(request.clone()).await.expect_refused(Refusal::NoToken);
        s.send(request.bearer(&user.access)).await.expect_refused(Refusal::Forbidden);
    }
    // Nor does anybody else hear what is wrong with a body.
    for request in [Request::post(s.path("/users")), Request::new("PATCH", s.path(&format!("/users/{id}")))] {
        for (request, status) in unreadable(&request) {
            s.send(request.clone()).await.expect_refused(Refusal::NoToken);
            s.send(request.clone().bearer(&user.access)).await.expect_refused(Refusal::Forbidden);
            s.send(request.bearer(&admin.access)).await.expect_status(status);
        }
    }
    // The token says that its user is an admin; the session is over.
    s.update(&s.accounts.admin.id, &UserChange { admin_access: Some(false), ..UserChange::default() }).await;
    for request in requests() {
        s.send(request.bearer(&admin.access)).await.expect_refused(Refusal::Invalid);
    }
    let left = s.store.count().await.expect("counts");
    assert_eq!(left, 4, "nobody was made or removed");
}

/// Page by page, with what an admin may know of each user and no hash.
pub async fn users_are_listed(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await.access;
    let all = get(s, &admin, "/users").await;
    let every = ["nopassword@example.com", "suspended@example.com", "user@example.com", "admin@example.com"];
    assert_eq!(emails(&all), every);
    let body = all.json();
    assert_eq!(body["meta"], json!({"total_count": 4, "exact": true}));
    assert_eq!(all.header("cache-control").as_deref(), Some("private, no-store"), "{all}");
    let expected = json!({
        "id": s.user().id, "email": "user@example.com", "role": "editor", "status": "active", "app_access": true,
        "admin_access": false, "tfa_enabled": false, "created_at": body["data"][2]["created_at"],
    });
    assert_eq!(body["data"][2], expected);
    assert!(!String::from_utf8_lossy(&all.body).contains("argon2"), "{all}");
    let one = get(s, &admin, &format!("/users/{}", s.user().id)).await;
    assert_eq!(one.json(), json!({"data": expected}));
    get(s, &admin, &format!("/users/{NOBODY}")).await.expect_refused(Refusal::Forbidden);
    get(s, &admin, "/users/%00").await.expect_refused(Refusal::Forbidden);

    let (suspended, user) = (s.accounts.suspended.id, s.user().id);
    for (query, expected) in [
        ("limit=3".to_owned(), &every[..3]),
        ("limit=3&page=2".to_owned(), &every[3..]),
        ("limit=3&page=3".to_owned(), &[]),
        (format!("limit=1&after={suspended}"), &every[2..3]),
        (format!("after={user}"), &every[3..]),
        ("search=USER".to_owned(), &every[2..3]),
        ("search=user%40example.com".to_owned(), &every[2..3]),
        ("search=example".to_owned(), &[]),
        ("filter[status][_eq]=suspended".to_owned(), &every[1..2]),
        ("filter=%7B%22status%22%3A%7B%22_eq%22%3A%22suspended%22%7D%7D".to_owned(), &every[1..2]),
        ("filter[admin_access][_eq]=true".to_owned(), &every[3..]),
        ("filter[role][_eq]=editor&filter[status][_eq]=active&search=n".to_owned(), &every[..1]),
    ] {
        assert_eq!(emails(&get(s, &admin, &format!("/users?{query}")).await), expected, "{query}");
    }
    let filtered = get(s, &admin, "/users?limit=1&filter[role][_eq]=editor").await;
    assert_eq!(filtered.json()["meta"], json!({"total_count": 3, "exact": true}));
}

/// What a query cannot mean is refused by its name; what could be an attack finds nobody.
pub async fn hostile_queries_find_nobody(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await.access;
    let deep = format!("filter={}1{}", "%7B%22status%22%3A".repeat(200), "%7D".repeat(200));
    const LIMIT: &str = "\"limit\" must be a number from 1 to 100";
    const FILTER: &str = "\"filter\" must compare status, role or admin_access by _eq, each at most once";
    for (query, reason) in [
        ("limit=0", LIMIT),
        ("limit=101", LIMIT),
        ("limit=-1", LIMIT),
        ("limit=1%3B%20DROP%20TABLE%20auth_user", LIMIT),
        ("page=0", "\"page\" must be a number from 1"),
        ("page=1000000000", "\"page\" ends at 10000 rows, go on with \"after\""),
        ("page=340282366920938463463374607431768211456", "\"page\" ends at 10000 rows, go on with \"after\""),
        ("after=", "\"after\" must be an id"),
        ("search=", "\"search\" must be what an email begins with"),
        ("search=%00", "\"search\" must be what an email begins with"),
        ("limit=1&limit=2", "A parameter of the query is given more than once"),
        ("filter[status][_eq]=gone", "\"status\" must be one of [active, invited, unverified, inactive, suspended]"),
        ("filter[status][_in]=active", FILTER),
        ("filter[password][_eq]=x", FILTER),
        ("filter[1=1)--][_eq]=x", FILTER),
        ("filter=%7B", FILTER),
        ("filter=%7B%22%24where%22%3A%22sleep(9)%22%7D", FILTER),
        (&deep, FILTER),
    ] {
        get(s, &admin, &format!("/users?{query}")).await.expect_invalid(reason);
    }
    for query in [
        "search=%25",
        "search=_ser",
        "search=%27%20OR%20%271%27%3D%271",
        "search=%5C",
        "search=%F4%8F%BF%BF",
        "filter[role][_eq]=%27%20OR%20%271%27%3D%271",
        "filter[role][_eq]=%25",
    ] {
        assert!(emails(&get(s, &admin, &format!("/users?{query}")).await).is_empty(), "{query}");
    }
    let after = get(s, &admin, "/users?after=%27%20OR%201%3D1--").await;
    assert!(emails(&after).is_empty(), "it is lower than every id");
    assert_eq!(s.store.count().await.expect("counts"), 4);
}

/// P9: an admin makes users and starts them off; the password is chosen by whoever has the mail.
pub async fn p9_an_admin_sets_no_password(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await.access;
    let reason = "\"password\" is chosen by the user, by the link of a mail";
    let with_password = json!({"email": "new@example.com", "password": "chosen by the admin"});
    post(s, &admin, "/users", &with_password).await.expect_invalid(reason);
    patch(s, &admin, &s.user().id, &json!({"password": "chosen by the admin"})).await.expect_invalid(reason);
    login(s, &s.user().email, &s.user().password).await.expect_status(200);

    let body = json!({"email": "New@example.com", "role": "editor", "invite_url": INVITE_URL});
    let made = post(s, &admin, "/users", &body).await;
    made.expect_status(200);
    let data = made.json()["data"].clone();
    assert_eq!((&data["email"], &data["status"]), (&json!("New@example.com"), &json!("invited")), "{made}");
    assert_eq!((&data["admin_access"], &data["role"]), (&json!(false), &json!("editor")), "{made}");
    assert_eq!(data["invitation_mailed"], true, "{made}");
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{INVITE_URL}?token=")), "{}", mail.text());
    let accept = json!({"token": token_in(mail.text()), "password": "chosen by the user"});
    s.send(Request::post(s.path("/users/invite/accept")).json(&accept)).await.expect_empty();
    login(s, "new@example.com", "chosen by the user").await.expect_status(200);

    post(s, &admin, "/users", &json!({"email": "new@EXAMPLE.com"})).await.expect_invalid("\"email\" is taken");
    let other = json!({"email": "other@example.com", "invite_url": "https://evil.example/"});
    let reason = "URL \"https://evil.example/\" can't be used to invite users";
    post(s, &admin, "/users", &other).await.expect_invalid(reason);
    let active = json!({"email": "other@example.com", "status": "active", "role": null, "admin_access": true});
    let made = post(s, &admin, "/users", &active).await;
    assert_eq!((&made.json()["data"]["role"], &made.json()["data"]["status"]), (&Value::Null, &json!("active")));
    assert_eq!(made.json()["data"]["invitation_mailed"], false, "{made}");
    assert_eq!(s.mails().await, 1, "only who is invited gets a mail");
}

/// S2: an invitation can be sent again, also after a change that made the first link void; whoever accepted gets none.
pub async fn s2_an_invitation_is_sent_again(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await.access;
    let made = post(s, &admin, "/users", &json!({"email": "late@example.com", "role": "reader"})).await;
    let id = UserId::new(made.json()["data"]["id"].as_str().expect("an id")).expect("an id");
    let first = s.mailer.next().await;
    let accept = async |mail: &str, password: &str| {
        let body = json!({"token": token_in(mail), "password": password});
        s.send(Request::post(s.path("/users/invite/accept")).json(&body)).await
    };
    patch(s, &admin, &id, &json!({"role": "editor"})).await.expect_status(200);
    accept(first.text(), "chosen too late").await.expect_forbidden();

    let again = format!("/users/{id}/invite");
    post(s, &admin, &again, &json!({"invite_url": INVITE_URL})).await.expect_empty();
    let second = s.mailer.next().await;
    assert!(second.text().contains(INVITE_URL), "{}", second.text());
    post(s, &admin, &again, &json!({})).await.expect_empty();
    let third = s.mailer.next().await;
    assert!(third.text().contains(PUBLIC_URL), "{}", third.text());
    let reason = "URL \"https://evil.example/\" can't be used to invite users";
    post(s, &admin, &again, &json!({"invite_url": "https://evil.example/"})).await.expect_invalid(reason);
    accept(second.text(), "chosen by the user").await.expect_empty();
    login(s, "late@example.com", "chosen by the user").await.expect_status(200);

    accept(third.text(), "chosen by another").await.expect_forbidden();
    let reason = "The user is not invited, or has accepted already";
    post(s, &admin, &again, &json!({})).await.expect_invalid(reason);
    let nobody = format!("/users/{NOBODY}/invite");
    post(s, &admin, &nobody, &json!({})).await.expect_refused(Refusal::Forbidden);
    let user = s.login(s.user()).await.access;
    post(s, &user, &again, &json!({})).await.expect_refused(Refusal::Forbidden);
    assert_eq!(s.mails().await, 3, "and nobody else gets a mail");
}

/// R8: what is changed counts at once, and the answer shows it.
pub async fn r8_a_change_ends_the_sessions_of_its_user(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await;
    let id = s.user().id;
    for (body, field) in [
        (json!({"role": "reader"}), "role"),
        (json!({"role": null}), "role"),
        (json!({"app_access": false}), "app_access"),
        (json!({"admin_access": true}), "admin_access"),
        (json!({"email": "Moved@example.com"}), "email"),
        (json!({"status": "suspended"}), "status"),
    ] {
        let mut account = s.user().clone();
        account.email = s.store.find_by_id(&id).await.expect("finds").expect("is there").email;
        let refresh = s.login(&account).await.refresh;
        let changed = patch(s, &admin.access, &id, &body).await;
        changed.expect_status(200);
        assert_eq!(changed.json()["data"][field], body[field], "{changed}");
        s.assert_dead(&refresh).await;
    }
    login(s, "moved@example.com", &s.user().password).await.expect_credentials_refused();
    patch(s, &admin.access, &id, &json!({"status": "active"})).await.expect_status(200);
    login(s, "moved@example.com", &s.user().password).await.expect_status(200);

    let unchanged = s.login(&s.accounts.admin).await.refresh;
    patch(s, &admin.access, &s.accounts.admin.id, &json!({})).await.expect_status(200);
    s.assert_alive(&unchanged).await;
    for (body, reason) in [
        (json!({"email": "admin@example.com"}), "\"email\" is taken"),
        (json!({"email": "nobody"}), "\"email\" must be a valid email"),
        (json!({"email": null}), "\"email\" must be a string"),
        (json!({"status": "gone"}), "\"status\" must be one of [active, invited, unverified, inactive, suspended]"),
        (json!({"role": 1}), "\"role\" must be a string"),
        (json!({"role": "x".repeat(65)}), "\"role\" must have 1 to 64 characters"),
        (json!({"admin_access": "yes"}), "\"admin_access\" must be a boolean"),
    ] {
        patch(s, &admin.access, &id, &body).await.expect_invalid(reason);
    }
    let nobody = UserId::new(NOBODY).expect("is short");
    patch(s, &admin.access, &nobody, &json!({"role": null})).await.expect_refused(Refusal::Forbidden);
}

/// R9: admins who change themselves go on with the session that asked, and no other.
pub async fn r9_an_own_change_keeps_the_session_that_asks(s: &Subject) {
    let (asking, other) = (s.login(&s.accounts.admin).await, s.login(&s.accounts.admin).await);
    let id = s.accounts.admin.id;
    patch(s, &asking.access, &id, &json!({"email": "boss@example.com"})).await.expect_status(200);
    s.assert_alive(&asking.refresh).await;
    s.assert_dead(&other.refresh).await;
}

/// Nobody locks themselves out, or takes their own second factor off without it.
pub async fn an_admin_does_not_end_themselves(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await;
    let id = s.accounts.admin.id;
    let reason = "Admins cannot suspend, demote or remove themselves, nor reset their own second factor";
    for body in [json!({"status": "suspended"}), json!({"status": "inactive"}), json!({"admin_access": false})] {
        patch(s, &admin.access, &id, &body).await.expect_invalid(reason);
    }
    delete(s, &admin.access, id.as_str()).await.expect_invalid(reason);
    reset(s, &admin.access, id.as_str()).await.expect_invalid(reason);
    s.assert_alive(&admin.refresh).await;
}

/// A session that was left open looks at users, and makes nobody an admin who stays.
pub async fn changes_need_a_recent_login(s: &Subject) {
    const RECENT_LOGIN: Refusal = Refusal::Lacking("recent login required");
    let admin = s.login(&s.accounts.admin).await;
    s.clock.advance(Duration::from_secs(15 * 60 + 1));
    let token = s.refresh(&admin.refresh).await.tokens().access;
    let id = s.user().id;
    get(s, &token, "/users").await.expect_status(200);
    post(s, &token, "/users", &json!({"email": "eve@example.com", "admin_access": true}))
        .await
        .expect_refused(RECENT_LOGIN);
    patch(s, &token, &id, &json!({"email": "eve@example.com"})).await.expect_refused(RECENT_LOGIN);
    reset(s, &token, id.as_str()).await.expect_refused(RECENT_LOGIN);
    delete(s, &token, id.as_str()).await.expect_refused(RECENT_LOGIN);
    let invitation = json!({"email": "eve@example.com", "role": "chief"});
    post(s, &token, "/users/invite", &invitation).await.expect_refused(RECENT_LOGIN);
    let again = s.login(&s.accounts.admin).await;
    patch(s, &again.access, &id, &json!({"role": null})).await.expect_status(200);
}

/// However admins who demote each other meet, one of them stays.
pub async fn of_admins_who_demote_each_other_one_stays(s: &Subject) {
    s.update(&s.user().id, &UserChange { admin_access: Some(true), ..UserChange::default() }).await;
    let (one, other) = (s.login(&s.accounts.admin).await, s.login(s.user()).await);
    let demote = |token: &str, id: UserId| {
        let request = Request::new("PATCH", s.path(&format!("/users/{id}"))).json(&json!({"admin_access": false}));
        // Who wins is left to chance.
        request.bearer(token).unrecorded()
    };
    let (first, second) =
        tokio::join!(s.send(demote(&one.access, s.user().id)), s.send(demote(&other.access, s.accounts.admin.id)));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    // The other one was the last admin by then, or none any more.
    assert!(statuses[0] == 200 && [400, 401, 403].contains(&statuses[1]), "{first}\n{second}");
    let filter = UserFilter { admin_access: Some(true), status: Some(UserStatus::Active), ..UserFilter::default() };
    let page = UserPage { filter, after: None, skip: 0, limit: 10 };
    assert_eq!(s.store.users(&page).await.expect("users").len(), 1);
}

/// Who is removed is gone with all sessions.
pub async fn r8_a_removed_user_is_out_at_once(s: &Subject) {
    let (admin, user) = (s.login(&s.accounts.admin).await, s.login(s.user()).await);
    let id = s.user().id;
    delete(s, &admin.access, id.as_str()).await.expect_empty();
    s.assert_dead(&user.refresh).await;
    login(s, &s.user().email, &s.user().password).await.expect_credentials_refused();
    delete(s, &admin.access, id.as_str()).await.expect_refused(Refusal::Forbidden);
    get(s, &admin.access, &format!("/users/{id}")).await.expect_refused(Refusal::Forbidden);
}

/// Who lost the phone signs in again, with the password alone.
pub async fn m7_an_admin_removes_a_lost_factor(s: &Subject) {
    let user = s.login(s.user()).await;
    s.enrol(s.user(), &user.access).await;
    login(s, &s.user().email, &s.user().password).await.expect_otp_refused();
    let admin = s.login(&s.accounts.admin).await;
    let id = s.user().id;
    let shown = get(s, &admin.access, &format!("/users/{id}")).await;
    assert_eq!(shown.json()["data"]["tfa_enabled"], true, "{shown}");

    reset(s, &admin.access, id.as_str()).await.expect_empty();
    s.assert_dead(&user.refresh).await;
    login(s, &s.user().email, &s.user().password).await.expect_status(200);
    reset(s, &admin.access, id.as_str()).await.expect_invalid("TFA Secret is not set for this user");
    reset(s, &admin.access, NOBODY).await.expect_refused(Refusal::Forbidden);
}

/// G6: whoever guessed at codes until nobody could enter one does not keep the owner from a new factor.
pub async fn g6_wrong_codes_go_with_the_factor(s: &Subject) {
    let user = s.login(s.user()).await;
    s.enrol(s.user(), &user.access).await;
    let guess = || s.login_request(&json!({"email": s.user().email, "password": s.user().password, "otp": "000000"}));
    for _ in 0..5 {
        s.send(guess()).await.expect_otp_refused();
    }
    s.send(guess()).await.expect_throttled(5, 1);
    let admin = s.login(&s.accounts.admin).await;
    reset(s, &admin.access, s.user().id.as_str()).await.expect_empty();
    let user = s.login(s.user()).await;
    s.enrol(s.user(), &user.access).await;
}

/// C4: a page of another origin changes nobody with the cookie of an admin.
pub async fn c4_foreign_pages_change_no_user(s: &Subject) {
    let cookie = s.login_session(&s.accounts.admin).await;
    let id = s.user().id;
    for request in [
        Request::new("PATCH", s.path(&format!("/users/{id}"))).json(&json!({"admin_access": true})),
        Request::new("DELETE", s.path(&format!("/users/{id}"))),
        Request::post(s.path("/users")).json(&json!({"email": "new@example.com"})),
    ] {
        let foreign = request.cookie(SESSION_COOKIE, &cookie).header("sec-fetch-site", "cross-site");
        s.send(foreign).await.expect_refused(Refusal::Forbidden);
    }
    let own = Request::get(s.path("/users")).cookie(SESSION_COOKIE, &cookie);
    assert_eq!(emails(&s.send(own).await).len(), 4);
}

/// C8: each path has its methods, and says which; and a path is what is written, not what that could be decoded to.
pub async fn c8_each_path_has_its_methods(s: &Subject) {
    for (path, allow) in [
        ("/users", "GET, HEAD, POST"),
        (&*format!("/users/{NOBODY}"), "GET, HEAD, PATCH, DELETE"),
        (&*format!("/users/{NOBODY}/invite"), "POST"),
        (&*format!("/users/{NOBODY}/tfa/disable"), "POST"),
        ("/users/me", "GET, HEAD"),
        ("/users/%6De", "GET, HEAD, PATCH, DELETE"),
    ] {
        let refused = s.send(Request::new("PUT", s.path(path))).await;
        refused.expect_status(405);
        assert_eq!(refused.header("allow").as_deref(), Some(allow), "{path}\n{refused}");
    }
    s.send(Request::get(s.path("/users/me"))).await.expect_refused(Refusal::NoToken);
    let me = s.login(s.user()).await.access;
    get(s, &me, "/users/me").await.expect_status(200);
    // The id of nobody, also for whoever may ask for users.
    let admin = s.login(&s.accounts.admin).await.access;
    for token in [&me, &admin] {
        get(s, token, "/users/%6De").await.expect_refused(Refusal::Forbidden);
        let change = Request::new("PATCH", s.path("/users/%6De")).json(&json!({"role": null}));
        s.send(change.bearer(token)).await.expect_refused(Refusal::Forbidden);
    }
}
