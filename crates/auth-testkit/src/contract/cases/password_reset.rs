//! A forgotten password: the mail, the link in it, and what the link does.

use std::time::Duration;

use auth_core::Email;
use auth_core::store::UserChange;
use serde_json::json;

use crate::contract::{Account, PUBLIC_URL, RESET_URL, Request, Response, SESSION_COOKIE, Subject};
use crate::mail::token_in;

/// Longer than the pause between two mails to one user.
const LATER: Duration = Duration::from_secs(61);
const NEW: &str = "a new password of the user";

async fn ask(s: &Subject, email: &str) -> Response {
    s.send(Request::post(s.path("/auth/password/request")).json(&json!({"email": email}))).await
}

/// The token of the link that this account gets.
async fn link(s: &Subject, account: &Account) -> String {
    ask(s, &account.email).await.expect_empty();
    let mail = s.mailer.next().await;
    assert_eq!(mail.to().as_typed(), account.email);
    token_in(mail.text())
}

async fn reset(s: &Subject, token: &str, password: &str) -> Response {
    s.send(Request::post(s.path("/auth/password/reset")).json(&json!({"token": token, "password": password}))).await
}

async fn login(s: &Subject, account: &Account, password: &str) -> Response {
    s.send(s.login_request(&json!({"email": account.email, "password": password}))).await
}

fn expect_used(response: &Response) {
    response.expect_forbidden();
    assert_eq!(response.header("www-authenticate"), None, "{response}");
}

/// S1, G4: the answer is the same for everybody, and mail gets who may sign in with a password, and nobody else.
pub async fn s1_the_answer_tells_nothing(s: &Subject) {
    let known = ask(s, &s.user().email).await;
    known.expect_empty();
    let mail = s.mailer.next().await;
    for email in [&s.accounts.suspended.email, &s.accounts.nopassword.email, "nobody@example.com", &s.user().email] {
        let other = ask(s, email).await;
        assert_eq!((other.status, &other.body), (known.status, &known.body), "{email}\n{other}");
        for name in ["content-type", "cache-control", "set-cookie", "retry-after"] {
            assert_eq!(other.header(name), known.header(name), "{name} for {email}\n{other}");
        }
    }
    link(s, &s.accounts.admin).await;
    assert_eq!(s.mails().await, 2);
    let sent = s.mailer.sent();
    let to: Vec<&str> = sent.iter().map(|mail| mail.to().as_typed()).collect();
    assert_eq!(to, [s.user().email.as_str(), s.accounts.admin.email.as_str()]);
    assert!(mail.text().contains("1 hour"), "{}", mail.text());
}

/// S3: the link begins with what is configured, whatever the request says; another one must be on the list, exactly.
pub async fn s3_the_link_is_from_the_configuration(s: &Subject) {
    let request = Request::post(s.path("/auth/password/request"))
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "http")
        .header("Forwarded", "host=evil.example")
        .header("Origin", "https://evil.example")
        .header("Referer", "https://evil.example/")
        .json(&json!({"email": s.user().email}));
    s.send(request).await.expect_empty();
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{PUBLIC_URL}/admin/reset-password#token=")), "{}", mail.text());
    assert!(!mail.text().contains("evil") && !mail.html().contains("evil"), "{}", mail.text());

    s.clock.advance(LATER);
    let to = |url: &str| {
        let body = json!({"email": s.user().email, "reset_url": url});
        Request::post(s.path("/auth/password/request")).json(&body)
    };
    s.send(to(RESET_URL)).await.expect_empty();
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{RESET_URL}?token=")), "{}", mail.text());

    s.clock.advance(LATER);
    for url in [
        "https://evil.example/reset".to_owned(),
        format!("{RESET_URL}/"),
        format!("{RESET_URL}?next=https://evil.example"),
        format!("{RESET_URL}.evil.example"),
        RESET_URL.to_uppercase(),
        format!("{RESET_URL}#"),
        "javascript:alert(1)".to_owned(),
    ] {
        let reason = format!("URL \"{url}\" can't be used to reset passwords");
        s.send(to(&url)).await.expect_invalid(&reason);
        let unknown = json!({"email": "nobody@example.com", "reset_url": url});
        let unknown = s.send(Request::post(s.path("/auth/password/request")).json(&unknown)).await;
        unknown.expect_invalid(&reason);
    }
    assert_eq!(s.mails().await, 2);
}

/// S4: the mail goes to the address that is stored, not to the one that the request spells.
pub async fn s4_mail_goes_to_the_stored_address(s: &Subject) {
    ask(s, &s.user().email.to_uppercase()).await.expect_empty();
    assert_eq!(s.mailer.next().await.to().as_typed(), s.user().email);
    for email in ["us\u{e9}r@example.com", "\u{fc}ser@example.com", "user@ex\u{e4}mple.com"] {
        ask(s, email).await.expect_empty();
    }
    link(s, &s.accounts.admin).await;
    assert_eq!(s.mails().await, 2, "an address that a collation folds is another one");
}

/// S2, R8: the link sets the password once, and every session ends.
pub async fn s2_a_link_works_once_and_ends_all_sessions(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    let admin = s.login(&s.accounts.admin).await;
    let token = link(s, s.user()).await;
    reset(s, &token, NEW).await.expect_empty();
    s.assert_dead(&tokens.refresh).await;
    assert_eq!(s.send(Request::get("/guarded").cookie(SESSION_COOKIE, &cookie)).await.status, 401);
    login(s, s.user(), &s.user().password).await.expect_credentials_refused();
    expect_used(&reset(s, &token, "yet another password").await);
    login(s, s.user(), NEW).await.expect_status(200);
    s.assert_alive(&admin.refresh).await;

    let notice = s.mailer.next().await;
    assert_eq!(notice.to().as_typed(), s.user().email);
    assert!(notice.subject().contains("was changed") && !notice.text().contains("token="), "{}", notice.text());
}

/// S2: a link ends with the use of another one, with a change of password or address, and with its time.
pub async fn s2_a_link_of_before_a_change_is_void(s: &Subject) {
    let first = link(s, s.user()).await;
    s.clock.advance(LATER);
    let second = link(s, s.user()).await;
    assert_ne!(first, second);
    reset(s, &second, NEW).await.expect_empty();
    expect_used(&reset(s, &first, "yet another password").await);
    s.mailer.next().await;

    let id = s.user().id;
    for change in [
        UserChange { email: Email::parse("moved@example.com").ok(), ..UserChange::default() },
        UserChange { email: Email::parse(&s.user().email).ok(), ..UserChange::default() },
        UserChange { admin_access: Some(false), ..UserChange::default() },
    ] {
        s.clock.advance(LATER);
        let found = s.store.find_by_id(&id).await.expect("finds").expect("is there");
        let token = link(s, &Account { email: found.email, ..s.user().clone() }).await;
        s.update(&id, &change).await;
        expect_used(&reset(s, &token, "yet another password").await);
    }

    s.clock.advance(LATER);
    let token = link(s, s.user()).await;
    s.clock.advance(Duration::from_secs(3599));
    reset(s, &token, "short").await.expect_status(400);
    s.clock.advance(Duration::from_secs(1));
    reset(s, &token, "yet another password").await.expect_error(401, "TOKEN_EXPIRED", "Token expired.");
    login(s, s.user(), NEW).await.expect_status(200);
}

/// S2: and somebody who was suspended meanwhile does not come back by it.
pub async fn s2_a_suspended_user_has_no_link(s: &Subject) {
    let token = link(s, s.user()).await;
    let suspended = UserChange { status: Some(auth_core::store::UserStatus::Suspended), ..UserChange::default() };
    s.update(&s.user().id, &suspended).await;
    expect_used(&reset(s, &token, NEW).await);
}

/// J8: no other token resets a password, and the link's token opens nothing.
pub async fn j8_a_link_is_no_token_and_no_token_is_a_link(s: &Subject) {
    let tokens = s.login(s.user()).await;
    let cookie = s.login_session(s.user()).await;
    let invalid = |response: &Response| response.expect_error(403, "INVALID_TOKEN", "Invalid token.");
    let token = link(s, s.user()).await;
    let altered = format!("{}x", &token[..token.len() - 1]);
    let parts: Vec<&str> = token.split('.').collect();
    let retyped = format!("{}.{}.{}", tokens.access.split('.').next().unwrap_or_default(), parts[1], parts[2]);
    for no_link in [
        tokens.access.as_str(),
        &cookie,
        &tokens.refresh,
        &altered,
        &retyped,
        "x",
        "a.b.c",
        "\u{0}",
        "..",
        &parts[1..].join("."),
    ] {
        invalid(&reset(s, no_link, NEW).await);
    }
    s.guarded(&token).await.expect_refused(crate::contract::Refusal::Invalid);
    s.guarded_by_session(&token).await.expect_refused(crate::contract::Refusal::Invalid);
    s.refresh(&token).await.expect_credentials_refused();
    s.refresh_session(&token).await.expect_credentials_refused();
    reset(s, &token, NEW).await.expect_empty();
}

/// P2, P5: a password that is not good enough is refused with the reason, and the link is not used up.
pub async fn p5_a_weak_password_keeps_the_link(s: &Subject) {
    let token = link(s, s.user()).await;
    for (password, reason) in [
        ("seven77", "\"password\" must have at least 8 characters"),
        ("password1", "\"password\" is one of the most common passwords"),
        ("USER@example.com", "\"password\" must not be the email"),
        ("", "\"password\" is not allowed to be empty"),
    ] {
        reset(s, &token, password).await.expect_invalid(reason);
    }
    let long = "x".repeat(1025);
    reset(s, &token, &long).await.expect_invalid("\"password\" must have at most 1024 bytes");
    reset(s, &token, NEW).await.expect_empty();
}

/// S5: a reset signs nobody in.
pub async fn s5_a_reset_does_not_log_in(s: &Subject) {
    let token = link(s, s.user()).await;
    let response = reset(s, &token, NEW).await;
    response.expect_empty();
    response.expect_cookies_left_alone();
    assert_eq!(response.header("cache-control").as_deref(), Some("no-store"), "{response}");
    assert_eq!(response.header("referrer-policy").as_deref(), Some("no-referrer"), "{response}");
}

/// S6: one mail a minute, and no answer that shows it.
pub async fn s6_mails_to_one_user_are_a_minute_apart(s: &Subject) {
    let first = link(s, s.user()).await;
    for _ in 0..5 {
        s.clock.advance(Duration::from_secs(10));
        ask(s, &s.user().email).await.expect_empty();
    }
    link(s, &s.accounts.admin).await;
    assert_eq!(s.mails().await, 2);
    s.clock.advance(Duration::from_secs(10));
    assert_ne!(link(s, s.user()).await, first);
}

/// Of links that are used at the same moment, one works.
pub async fn s2_parallel_resets_set_one_password(s: &Subject) {
    let token = link(s, s.user()).await;
    let mut statuses = Vec::new();
    let bodies: Vec<_> = (0..6).map(|n| json!({"token": token, "password": format!("password number {n}")})).collect();
    let requests =
        bodies.iter().map(|body| s.send(Request::post(s.path("/auth/password/reset")).json(body).unrecorded()));
    let mut requests: Vec<_> = requests.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        requests.retain_mut(|request| match request.as_mut().poll(context) {
            std::task::Poll::Ready(response) => {
                statuses.push(response.status);
                false
            }
            std::task::Poll::Pending => true,
        });
        if requests.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 403, 403, 403, 403, 403]);
}

/// What is missing is named, before anything else happens.
pub async fn each_member_has_its_rule(s: &Subject) {
    let post = |path: &str, body: serde_json::Value| s.send(Request::post(s.path(path)).json(&body));
    let request = "/auth/password/request";
    post(request, json!({})).await.expect_invalid("\"email\" is required");
    post(request, json!({"email": "x"})).await.expect_invalid("\"email\" must be a valid email");
    post(request, json!({"email": s.user().email, "reset_url": 1}))
        .await
        .expect_invalid("\"reset_url\" must be a string");
    let reset = "/auth/password/reset";
    post(reset, json!({"password": NEW})).await.expect_invalid("\"token\" is required");
    post(reset, json!({"token": "x"})).await.expect_invalid("\"password\" is required");
}
