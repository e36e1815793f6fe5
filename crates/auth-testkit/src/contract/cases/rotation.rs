//! Rotation of refresh tokens: security.md 3, seen from outside.

use std::time::Duration;

use auth_core::store::{UpdateTerms, Updated, UserChange, UserStatus};
use auth_core::{Clock as _, Role};
use serde_json::json;

use crate::contract::forge::{RefreshPart, with_other};
use crate::contract::{REFRESH_COOKIE, Refusal, Request, SESSION_COOKIE, Subject, Tokens, forge};

const GRACE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// R1: a refresh gives a new refresh token and a new access token of the same session.
pub async fn r1_a_refresh_rotates(s: &Subject) {
    let first = s.login(s.user()).await;
    s.clock.advance(Duration::from_secs(60));
    let response = s.refresh(&first.refresh).await;
    response.expect_token_answer(&["access_token", "expires", "refresh_token"]);
    response.expect_cookies_left_alone();
    assert_eq!(response.json()["data"]["expires"], 900_000, "{response}");
    let second = response.tokens();
    assert_ne!(first.refresh, second.refresh, "the refresh token is the old one");
    s.guarded(&second.access).await.expect_status(200);
    let (before, after) = (forge::decode(&first.access).1, forge::decode(&second.access).1);
    for name in ["id", "role", "sid", "auth_time", "aal", "app_access", "admin_access", "iss"] {
        assert_eq!(before.get(name), after.get(name), "claim `{name}` changed");
    }
    assert_eq!(after["iat"], s.now());
    assert_eq!(after["exp"], s.now() + 900);

    s.clock.advance(GRACE);
    let third = s.assert_alive(&second.refresh).await;
    assert_ne!(second.refresh, third);
}

/// R1: after the grace the previous token is refused.
pub async fn r1_the_previous_token_ends_with_the_grace(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    s.assert_alive(&first).await;
    s.clock.advance(GRACE);
    s.assert_dead(&first).await;
}

/// R2: a token used again after the grace ends the family, the live token included.
pub async fn r2_reuse_ends_the_family(s: &Subject) {
    let bystander = s.login(s.user()).await.refresh;
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    s.clock.advance(GRACE);
    s.assert_dead(&first).await;
    s.assert_dead(&second).await;
    s.assert_alive(&bystander).await;
}

/// R2: a token of several generations ago ends the family too, also within the grace of the last rotation.
pub async fn r2_an_ancestor_ends_the_family(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    s.clock.advance(GRACE);
    let third = s.assert_alive(&second).await;
    s.assert_dead(&first).await;
    s.assert_dead(&third).await;
}

/// R2, hardened: theft ends every session of the user, and of nobody else.
pub async fn r2_hardened_reuse_ends_every_session(s: &Subject) {
    let other_user = s.login(&s.accounts.admin).await.refresh;
    let other_session = s.login(s.user()).await.refresh;
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    s.clock.advance(GRACE);
    s.assert_dead(&first).await;
    s.assert_dead(&second).await;
    s.assert_dead(&other_session).await;
    s.assert_alive(&other_user).await;
}

/// R2, no grace: the second use ends the family at once.
pub async fn r2_strict_the_second_use_ends_the_family(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    let third = s.assert_alive(&second).await;
    assert!(first != second && second != third, "without grace every refresh rotates");
    s.assert_dead(&second).await;
    s.assert_dead(&third).await;
}

/// R3: 32 parallel refreshes of one token all succeed, with one successor.
pub async fn r3_parallel_refreshes_rotate_once(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let refreshes: Vec<_> = (0..32)
        .map(|_| (s.refresh_request(&json!({"refresh_token": first})), s.addr))
        .map(|(request, addr)| tokio::spawn(async move { request.send(addr).await }))
        .collect();
    let mut successors = std::collections::BTreeSet::new();
    for refresh in refreshes {
        let response = refresh.await.expect("a refresh panicked");
        response.expect_token_answer(&["access_token", "expires", "refresh_token"]);
        successors.insert(response.tokens().refresh);
    }
    assert_eq!(successors.len(), 1, "{successors:?}");
    let successor = successors.pop_first().expect("there is one");
    assert_ne!(successor, first);
    s.clock.advance(GRACE);
    s.assert_alive(&successor).await;
}

/// R4: a retry within the grace gets the same successor and harms nothing.
pub async fn r4_a_retry_gets_the_same_successor(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    for millis in [0, 1, 4_000, 5_998] {
        s.clock.advance(Duration::from_millis(millis));
        let again = s.assert_alive(&first).await;
        assert_eq!(again, second, "the retry got another successor");
    }
    s.clock.advance(GRACE);
    s.assert_alive(&second).await;
}

/// R4: by cookie the same: a retry gets the secret of the answer that was lost.
pub async fn r4_a_retry_by_cookie_gets_the_same_successor(s: &Subject) {
    let first = s.login_cookie(s.user()).await.refresh;
    let second = s.refresh_by_cookie(&first).await.set_cookie(REFRESH_COOKIE).value;
    let again = s.refresh_by_cookie(&first).await;
    again.expect_status(200);
    assert_eq!(again.set_cookie(REFRESH_COOKIE).value, second, "the retry got another successor");

    let secret = |cookie: &str| forge::decode(cookie).1["session"].clone();
    let first = s.login_session(s.user()).await;
    let second = s.refresh_session(&first).await.set_cookie(SESSION_COOKIE).value;
    let again = s.refresh_session(&first).await;
    again.expect_status(200);
    assert_eq!(secret(&again.set_cookie(SESSION_COOKIE).value), secret(&second), "the retry got another successor");
    assert_ne!(secret(&first), secret(&second));
}

/// F5: a clock that is set back ends no session and clears no cookie.
pub async fn f5_a_clock_set_back_ends_nothing(s: &Subject) {
    let tokens = s.login_cookie(s.user()).await;
    let first = tokens.refresh;
    let second = s.refresh_by_cookie(&first).await.set_cookie(REFRESH_COOKIE).value;
    s.clock.step_back(Duration::from_secs(300));
    s.guarded(&tokens.access).await.expect_status(200);
    let previous = s.refresh_by_cookie(&first).await;
    previous.expect_credentials_refused();
    previous.expect_cookies_left_alone();
    s.refresh_by_cookie(&second).await.expect_status(200);
}

/// D1, the one deviation from RFC 9700: within the grace of a rotation the current token is given back unchanged, with a
/// new access token, so that tabs converge.
pub async fn d1_within_the_grace_the_current_token_stays(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let second = s.assert_alive(&first).await;
    s.clock.advance(Duration::from_millis(9_999));
    let answer = s.refresh(&second).await;
    answer.expect_token_answer(&["access_token", "expires", "refresh_token"]);
    assert_eq!(answer.tokens().refresh, second);
    assert_eq!(forge::decode(&answer.tokens().access).1["iat"], s.now(), "a new access token\n{answer}");
    s.clock.advance(Duration::from_millis(1));
    assert_ne!(s.assert_alive(&second).await, second);
}

/// D1: `refresh_grace` of 0 is RFC 9700 to the letter: a new token with every answer, at the same moment too.
pub async fn d1_without_a_grace_every_refresh_rotates(s: &Subject) {
    let mut seen = std::collections::BTreeSet::new();
    let mut token = s.login(s.user()).await.refresh;
    for _ in 0..5 {
        assert!(seen.insert(token.clone()), "an old token came back");
        token = s.assert_alive(&token).await;
    }
    assert!(!seen.contains(&token), "an old token came back");
}

/// R5: a session that is not refreshed ends; every refresh gives it its time anew.
pub async fn r5_idle_sessions_end(s: &Subject) {
    let tokens = s.login(s.user()).await;
    s.clock.advance(DAY * 7 - Duration::from_millis(1));
    let second = s.assert_alive(&tokens.refresh).await;
    s.clock.advance(DAY * 7 - Duration::from_millis(1));
    let third = s.assert_alive(&second).await;
    s.clock.advance(DAY * 7);
    s.assert_dead(&third).await;
}

/// R5: no refresh carries a session past its absolute end.
pub async fn r5_every_session_ends(s: &Subject) {
    let mut token = s.login_cookie(s.user()).await.refresh;
    for day in (6..90).step_by(6) {
        s.clock.advance(DAY * 6);
        let response = s.refresh_by_cookie(&token).await;
        assert_eq!(response.status, 200, "day {day}\n{response}");
        token = response.set_cookie(REFRESH_COOKIE).value;
    }
    s.clock.advance(DAY * 6 - Duration::from_millis(1));
    let last = s.refresh_by_cookie(&token).await;
    last.expect_status(200);
    s.clock.advance(Duration::from_millis(1));
    s.assert_dead(&last.set_cookie(REFRESH_COOKIE).value).await;
}

/// R5: a session in session mode lives as long as its cookie.
pub async fn r5_session_mode_has_its_own_idle_time(s: &Subject) {
    let cookie = s.login_session(s.user()).await;
    s.clock.advance(DAY - Duration::from_secs(1));
    s.guarded_by_session(&cookie).await.expect_status(200);
    let response = s.refresh_session(&cookie).await;
    response.expect_status(200);
    let cookie = response.set_cookie(SESSION_COOKIE).value;
    s.clock.advance(DAY);
    s.guarded_by_session(&cookie).await.expect_status(401);
    s.refresh_session(&cookie).await.expect_credentials_refused();
}

/// R7: a damaged token is refused and ends nothing.
pub async fn r7_a_damaged_token_ends_nothing(s: &Subject) {
    let token = s.login(s.user()).await.refresh;
    let mut damaged: Vec<String> = (0..token.len())
        .step_by(7)
        .map(|at| {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).expect("is ASCII")
        })
        .collect();
    damaged.extend([
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\u{0}"),
        token.to_lowercase(),
        format!("{token}{token}"),
        "x".to_owned(),
        "\u{1f511}".to_owned(),
        "x".repeat(10_000),
    ]);
    for damaged in damaged {
        s.refresh(&damaged).await.expect_credentials_refused();
    }
    s.assert_alive(&token).await;
}

/// R7: knowing the format is not enough: with other parts and a right checksum it is refused and ends nothing.
pub async fn r7_a_forged_token_ends_nothing(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let token = s.assert_alive(&first).await;
    s.clock.advance(GRACE);
    for part in [RefreshPart::Session, RefreshPart::Generation, RefreshPart::Family, RefreshPart::Secret] {
        s.refresh(&with_other(&token, part)).await.expect_credentials_refused();
    }
    // Also not what looks like the previous generation of a family that the forger does not know.
    s.refresh(&with_other(&first, RefreshPart::Family)).await.expect_credentials_refused();
    s.refresh(&with_other(&first, RefreshPart::Secret)).await.expect_credentials_refused();
    s.assert_alive(&token).await;
}

/// R8: status, role, deletion and logout stop refreshes and session-mode access at once.
pub async fn r8_a_changed_user_is_out_at_once(s: &Subject) {
    let id = &s.user().id;
    let suspended = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    let active = UserChange { status: Some(UserStatus::Active), ..UserChange::default() };
    let promoted = UserChange { role: Some(Role::new("chief").ok()), ..UserChange::default() };
    let stripped = UserChange { admin_access: Some(false), ..UserChange::default() };
    for change in [&suspended, &promoted, &stripped] {
        let held = Held::new(s).await;
        assert_eq!(
            s.store.update(id, change, UpdateTerms::default(), s.clock.now()).await.expect("updates"),
            Updated::Done
        );
        held.assert_out(s).await;
        // What has ended stays ended when the user may sign in again.
        assert_eq!(
            s.store.update(id, &active, UpdateTerms::default(), s.clock.now()).await.expect("updates"),
            Updated::Done
        );
        held.assert_out(s).await;
    }
    let held = Held::new(s).await;
    s.delete(id).await;
    held.assert_out(s).await;
    let response = s.send(s.login_request(&Subject::credentials(s.user(), "json"))).await;
    response.expect_credentials_refused();
}

/// R8: a new role and a new login meet in the next token.
pub async fn r8_a_new_role_is_in_the_next_token(s: &Subject) {
    let promoted =
        UserChange { role: Some(Role::new("chief").ok()), admin_access: Some(true), ..UserChange::default() };
    assert_eq!(
        s.store.update(&s.user().id, &promoted, UpdateTerms::default(), s.clock.now()).await.expect("updates"),
        Updated::Done
    );
    let tokens = s.login(s.user()).await;
    let claims = forge::decode(&tokens.access).1;
    assert_eq!((&claims["role"], &claims["admin_access"]), (&json!("chief"), &json!(true)));
    s.send(Request::get("/admin").bearer(&tokens.access)).await.expect_status(200);
}

/// What a user holds in the three modes.
struct Held {
    json: Tokens,
    cookie: Tokens,
    session: String,
}

impl Held {
    async fn new(s: &Subject) -> Self {
        Self {
            json: s.login(s.user()).await,
            cookie: s.login_cookie(s.user()).await,
            session: s.login_session(s.user()).await,
        }
    }

    /// Nothing of it counts, and the cookies go (C7).
    async fn assert_out(&self, s: &Subject) {
        s.assert_dead(&self.json.refresh).await;
        let by_cookie = s.refresh_by_cookie(&self.cookie.refresh).await;
        by_cookie.expect_credentials_refused();
        by_cookie.expect_cleared(REFRESH_COOKIE, "Lax");
        s.guarded_by_session(&self.session).await.expect_refused(Refusal::Invalid);
        let by_session = s.refresh_session(&self.session).await;
        by_session.expect_credentials_refused();
        by_session.expect_cleared(SESSION_COOKIE, "Lax");
    }
}
