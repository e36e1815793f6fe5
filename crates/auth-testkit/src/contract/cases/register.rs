//! New users: by themselves, or invited. These routes are off until they are asked for.

use std::time::Duration;

use auth_core::Email;
use auth_core::store::{UserChange, UserRecord, UserStatus};
use serde_json::{Value, json};

use super::body::unreadable;
use crate::contract::{INVITE_URL, PUBLIC_URL, Refusal, Request, Response, Subject, VERIFIED_URL};
use crate::mail::token_in;

const LATER: Duration = Duration::from_secs(61);
const NEW: &str = "the password of somebody new";

async fn post(s: &Subject, path: &str, body: Value) -> Response {
    s.send(Request::post(s.path(path)).json(&body)).await
}

async fn register(s: &Subject, email: &str, password: &str) -> Response {
    post(s, "/users/register", json!({"email": email, "password": password})).await
}

async fn verify(s: &Subject, token: &str) -> Response {
    s.send(Request::get(s.path(&format!("/users/register/verify-email?token={token}")))).await
}

async fn login(s: &Subject, email: &str, password: &str) -> Response {
    s.send(s.login_request(&json!({"email": email, "password": password}))).await
}

async fn token(s: &Subject, to: &str) -> String {
    let mail = s.mailer.next().await;
    assert_eq!(mail.to().as_typed(), to);
    token_in(mail.text())
}

async fn find(s: &Subject, email: &str) -> UserRecord {
    let email = Email::parse(email).expect("an address");
    s.store.find_by_email(&email).await.expect("finds").expect("is there")
}

/// G4: nobody signs in before the address is confirmed, and the link works once.
pub async fn g4_who_registers_confirms_the_address_first(s: &Subject) {
    register(s, "New@example.com", NEW).await.expect_empty();
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{PUBLIC_URL}/users/register/verify-email?token=")), "{}", mail.text());
    let token = token_in(mail.text());
    login(s, "new@example.com", NEW).await.expect_credentials_refused();
    let looked = Request::new("HEAD", s.path(&format!("/users/register/verify-email?token={token}")));
    s.send(looked).await.expect_status(204);
    login(s, "new@example.com", NEW).await.expect_credentials_refused();

    verify(s, &token).await.expect_empty();
    verify(s, &token).await.expect_forbidden();
    login(s, "new@example.com", NEW).await.expect_status(200);
    let user = find(s, "new@example.com").await;
    assert_eq!((user.role, user.admin_access, user.app_access), (None, false, true));
}

/// S1: an address with an account gets the same answer; its owner is told, and nothing changes.
pub async fn s1_the_answer_tells_nothing(s: &Subject) {
    let new = register(s, "new@example.com", NEW).await;
    new.expect_empty();
    token(s, "new@example.com").await;
    for email in [&s.user().email, &s.accounts.suspended.email, "new@example.com"] {
        let known = register(s, email, NEW).await;
        assert_eq!((known.status, &known.body), (new.status, &new.body), "{email}\n{known}");
    }
    let notice = s.mailer.next().await;
    assert_eq!(notice.to().as_typed(), s.user().email);
    assert!(notice.subject().contains("have an account") && !notice.text().contains("token="), "{}", notice.text());
    login(s, &s.user().email, NEW).await.expect_credentials_refused();
    login(s, &s.user().email, &s.user().password).await.expect_status(200);
    register(s, &s.user().email, "password").await.expect_status(400);
    register(s, "another@example.com", "password").await.expect_status(400);
}

/// S2: a link confirms the password that it was sent for: who registers an address of somebody else beforehand gets no
/// way in by the owner's click.
pub async fn s2_a_link_confirms_its_own_registration(s: &Subject) {
    register(s, "ada@example.com", "what the stranger chose").await.expect_empty();
    let first = token(s, "ada@example.com").await;
    s.clock.advance(LATER);
    register(s, "ada@example.com", NEW).await.expect_empty();
    let second = token(s, "ada@example.com").await;
    verify(s, &first).await.expect_forbidden();
    verify(s, &second).await.expect_empty();
    login(s, "ada@example.com", "what the stranger chose").await.expect_credentials_refused();
    login(s, "ada@example.com", NEW).await.expect_status(200);
}

/// S2: nor does a stranger gain anything by being so quick that the owner's mail has to wait.
pub async fn s2_a_link_is_void_once_somebody_else_registered(s: &Subject) {
    register(s, "ada@example.com", "what the stranger chose").await.expect_empty();
    let first = token(s, "ada@example.com").await;
    register(s, "ada@example.com", NEW).await.expect_empty();
    let owner = Email::parse("ada@example.com").expect("an address");
    // Nobody is told when it is done, so the store is asked.
    let before = find(s, "ada@example.com").await.epoch;
    let mut tries = 0..500;
    while s.store.find_by_email(&owner).await.expect("finds").expect("is there").epoch == before {
        tries.next().expect("within ten seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    verify(s, &first).await.expect_forbidden();
    for password in ["what the stranger chose", NEW] {
        login(s, "ada@example.com", password).await.expect_credentials_refused();
    }
}

/// G1: each costs a hash, a row and a mail, so one client address makes so many and no more, whoever they are for.
pub async fn g1_registrations_of_one_address_are_counted(s: &Subject) {
    // Too weak, which costs no hash here, and is counted like any other.
    for n in 0..50 {
        register(s, &format!("new{n}@example.com"), "password").await.expect_status(400);
    }
    for email in ["new@example.com", &s.user().email, &s.accounts.suspended.email] {
        register(s, email, NEW).await.expect_throttled(50, 1);
    }
    // What is counted there is none of a login's failures.
    login(s, &s.user().email, &s.user().password).await.expect_status(200);
    s.clock.advance(Duration::from_secs(1));
    register(s, "new@example.com", NEW).await.expect_empty();
    token(s, "new@example.com").await;
}

/// S3: the browser goes on to a URL on the list, and to no other one.
pub async fn s3_the_way_on_is_on_the_list(s: &Subject) {
    let to = |email: &str, url: &str| json!({"email": email, "password": NEW, "verification_url": url});
    let reason = "URL \"https://evil.example/\" can't be used to verify users";
    post(s, "/users/register", to("new@example.com", "https://evil.example/")).await.expect_invalid(reason);
    post(s, "/users/register", to("new@example.com", VERIFIED_URL)).await.expect_empty();
    let token = token(s, "new@example.com").await;
    let response = verify(s, &token).await;
    response.expect_status(302);
    assert_eq!(response.header("location").as_deref(), Some(VERIFIED_URL), "{response}");
    assert_eq!(response.header("referrer-policy").as_deref(), Some("no-referrer"), "{response}");
}

/// The link ends with its day, and with a suspension.
pub async fn s2_a_link_ends(s: &Subject) {
    register(s, "new@example.com", NEW).await.expect_empty();
    let late = token(s, "new@example.com").await;
    s.clock.advance(Duration::from_secs(86_400));
    verify(s, &late).await.expect_error(401, "TOKEN_EXPIRED", "Token expired.");
    register(s, "new@example.com", NEW).await.expect_empty();
    let void = token(s, "new@example.com").await;
    let suspended = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    s.update(&find(s, "new@example.com").await.id, &suspended).await;
    verify(s, &void).await.expect_forbidden();
    login(s, "new@example.com", NEW).await.expect_credentials_refused();
}

/// J8: links are for what they were sent for.
pub async fn j8_a_link_is_for_one_purpose(s: &Subject) {
    register(s, "new@example.com", NEW).await.expect_empty();
    let confirm = token(s, "new@example.com").await;
    post(s, "/auth/password/request", json!({"email": s.user().email})).await.expect_empty();
    let reset = token(s, &s.user().email).await;
    let invalid = |response: Response| response.expect_error(403, "INVALID_TOKEN", "Invalid token.");
    for path in ["/auth/password/reset", "/users/invite/accept"] {
        invalid(post(s, path, json!({"token": confirm, "password": NEW})).await);
    }
    invalid(post(s, "/users/invite/accept", json!({"token": reset, "password": NEW})).await);
    invalid(verify(s, &reset).await);
    invalid(verify(s, &s.login(s.user()).await.access).await);
    s.send(Request::get(s.path("/users/register/verify-email"))).await.expect_invalid("\"token\" is required");
}

/// P9: an admin invites, and never sees the password; it is chosen once, by whoever has the mail.
pub async fn p9_who_is_invited_chooses_the_password(s: &Subject) {
    let admin = s.login(&s.accounts.admin).await;
    let invite = |url: Option<&str>| {
        let mut body = json!({"email": "guest@example.com", "role": "editor"});
        if let Some(url) = url {
            body["invite_url"] = json!(url);
        }
        Request::post(s.path("/users/invite")).json(&body).bearer(&admin.access)
    };
    let reason = "URL \"https://evil.example/\" can't be used to invite users";
    s.send(invite(Some("https://evil.example/"))).await.expect_invalid(reason);
    s.send(invite(Some(INVITE_URL))).await.expect_empty();
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{INVITE_URL}?token=")), "{}", mail.text());
    s.send(invite(None)).await.expect_empty();
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(&format!("{PUBLIC_URL}/admin/accept-invite#token=")), "{}", mail.text());
    let token = token_in(mail.text());

    let accept = |password: &str| post(s, "/users/invite/accept", json!({"token": token, "password": password}));
    accept("short").await.expect_invalid("\"password\" must have at least 8 characters");
    accept(NEW).await.expect_empty();
    accept("another password").await.expect_forbidden();
    login(s, "guest@example.com", NEW).await.expect_status(200);
    let user = find(s, "guest@example.com").await;
    assert_eq!((user.role.as_ref().map(|role| role.as_str()), user.admin_access), (Some("editor"), false));
    s.send(invite(None)).await.expect_invalid("\"email\" is taken");
}

/// Only admins invite, and only while they are admins and signed in: their access token outlives both.
pub async fn r8_only_admins_invite(s: &Subject) {
    let body = json!({"email": "guest@example.com", "role": "editor"});
    let invite = || Request::post(s.path("/users/invite")).json(&body);
    s.send(invite()).await.expect_refused(Refusal::NoToken);
    let user = s.login(s.user()).await;
    s.send(invite().bearer(&user.access)).await.expect_refused(Refusal::Forbidden);
    // Nothing is said about the request either.
    let empty = Request::post(s.path("/users/invite")).json(&json!({}));
    s.send(empty.bearer(&user.access)).await.expect_refused(Refusal::Forbidden);
    let stolen = s.login(&s.accounts.admin).await;
    s.send(s.logout_request(&json!({"refresh_token": stolen.refresh}))).await.expect_empty();
    s.guarded(&stolen.access).await.expect_status(200);
    s.send(invite().bearer(&stolen.access)).await.expect_refused(Refusal::Invalid);
    let admin = s.login(&s.accounts.admin).await;
    for (request, status) in unreadable(&Request::post(s.path("/users/invite"))) {
        s.send(request.clone()).await.expect_refused(Refusal::NoToken);
        s.send(request.clone().bearer(&user.access)).await.expect_refused(Refusal::Forbidden);
        s.send(request.bearer(&admin.access)).await.expect_status(status);
    }
    let demoted = UserChange { admin_access: Some(false), ..UserChange::default() };
    s.update(&s.accounts.admin.id, &demoted).await;
    s.send(invite().bearer(&admin.access)).await.expect_refused(Refusal::Invalid);
    assert_eq!(s.mails().await, 0);
    let email = Email::parse("guest@example.com").expect("an address");
    assert!(s.store.find_by_email(&email).await.expect("finds").is_none(), "nobody was invited");
}
