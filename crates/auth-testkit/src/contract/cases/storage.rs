//! What requests leave in the store, and what they do to each other there.

use std::time::Duration;

use auth_core::store::{RevokeReason, UpdateTerms, Updated, UserChange, UserStatus};
use auth_core::{Clock as _, Timestamp};
use serde_json::json;

use crate::contract::{Request, Response, SESSION_COOKIE, Subject, forge};

/// R6: the store holds hashes alone: no row has a byte sequence from which a token could be made.
pub async fn r6_the_store_holds_no_secret(s: &Subject) {
    let first = s.login(s.user()).await;
    let second = s.assert_alive(&first.refresh).await;
    let cookie = s.login_session(s.user()).await;
    let (_, claims) = forge::decode(&cookie);
    let in_cookie = claims["session"].as_str().expect("a refresh token").to_owned();
    assert_ne!(forge::secrets(&first.refresh), forge::secrets(&in_cookie), "sessions share a secret");
    for token in [&first.refresh, &second, &in_cookie] {
        let [family, secret] = forge::secrets(token);
        assert!(family.len() >= 16 && secret.len() >= 16, "128 bits or more");
        let loaded = s.store.load(forge::session(token)).await.expect("loads").expect("a session");
        let row = loaded.session;
        let stored: [&[u8]; 4] =
            [&row.family_hash, &row.current_hash, row.previous_hash.as_ref().map_or(&[], |hash| hash), &row.salt];
        for bytes in stored {
            for part in family.chunks(8).chain(secret.chunks(8)) {
                assert!(!bytes.windows(8).any(|window| window == part), "a piece of a secret is in the row");
            }
        }
        let user = s.store.find_by_id(&row.user).await.expect("finds").expect("a user");
        let hash = user.password.expect("a hash");
        assert!(!hash.as_phc().contains(&s.user().password), "the password is in the row");
    }
}

/// R9: logins that are under way while the user is shut out leave nothing that opens anything.
pub async fn r9_a_login_beside_a_suspension_leaves_no_session(s: &Subject) {
    let mut logins = tokio::task::JoinSet::new();
    for n in 0..6 {
        let mode = if n % 2 == 0 { "json" } else { "session" };
        let request = s.login_request(&Subject::credentials(s.user(), mode)).unrecorded();
        let addr = s.addr;
        logins.spawn(async move { request.send(addr).await });
    }
    // The first one is through; the others are somewhere between their password and their session.
    let first = logins.join_next().await.expect("six").expect("a login panicked");
    let suspended = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    assert_eq!(
        s.store.update(&s.user().id, &suspended, UpdateTerms::default(), s.clock.now()).await.expect("updates"),
        Updated::Done
    );
    let mut answers = logins.join_all().await;
    answers.push(first);
    for answer in answers {
        if answer.status != 200 {
            answer.expect_credentials_refused();
            continue;
        }
        if answer.header("set-cookie").is_some() {
            let cookie = answer.set_cookie(SESSION_COOKIE).value;
            let request = Request::get("/guarded").cookie(SESSION_COOKIE, &cookie).unrecorded();
            s.send(request).await.expect_status(401);
        } else {
            refresh(s, &answer.tokens().refresh).await.expect_credentials_refused();
        }
    }
    assert_eq!(s.store.list(&s.user().id, s.clock.now()).await.expect("lists"), []);
}

/// F4: whatever meets in the store, nobody is told that it was busy.
pub async fn f4_requests_beside_each_other_fail_nowhere(s: &Subject) {
    let mut visits = tokio::task::JoinSet::new();
    for n in 0..8 {
        let account = if n % 2 == 0 { s.user() } else { &s.accounts.admin };
        let login = s.login_request(&Subject::credentials(account, "json")).unrecorded();
        let (addr, store, user, now) = (s.addr, s.store.clone(), account.id, s.clock.now());
        let (refresh, logout, list) = (s.path("/auth/refresh"), s.path("/auth/logout"), s.path("/auth/sessions"));
        visits.spawn(async move {
            let mut answers = vec![login.send(addr).await];
            let answer = answers[0].clone();
            if answer.status != 200 {
                return answers;
            }
            let tokens = answer.tokens();
            let body = json!({"refresh_token": tokens.refresh});
            let bearer = |request: Request| request.bearer(&tokens.access);
            for request in [
                Request::post(&refresh).json(&body),
                bearer(Request::get(&list)),
                bearer(Request::new("DELETE", &list)),
                Request::post(&refresh).json(&body),
                Request::post(&logout).json(&body),
            ] {
                answers.push(request.send(addr).await);
            }
            store.end_sessions(&user, None, RevokeReason::Ended, now).await.expect("ends");
            answers
        });
    }
    for answer in visits.join_all().await.into_iter().flatten() {
        // A session may have been ended by another visit: then its token is refused. Nothing else may happen.
        assert!([200, 204, 401].contains(&answer.status), "{answer}");
    }
}

/// F6: no request removes what expired; that is done beside them, and takes nothing that is alive.
pub async fn f6_requests_leave_expired_sessions_alone(s: &Subject) {
    let old = [s.login(s.user()).await.refresh, s.login_cookie(s.user()).await.refresh];
    s.clock.advance(Duration::from_secs(40 * 86_400));
    let alive = s.login(s.user()).await;
    let next = s.assert_alive(&alive.refresh).await;
    s.assert_dead(&old[0]).await;
    s.send(s.logout_request(&json!({"refresh_token": old[1]}))).await.expect_empty();
    for token in &old {
        assert!(is_stored(s, token).await, "a request removed an expired session");
    }
    let purge = async |before: Timestamp| s.store.purge_expired(before, 100).await.expect("purges");
    assert_eq!(purge(s.clock.now()).await, 2);
    assert!(!is_stored(s, &old[0]).await && !is_stored(s, &old[1]).await);
    s.clock.advance(Duration::from_secs(10));
    s.assert_alive(&next).await;
    // To the client, a removed session is as dead as an expired one.
    s.assert_dead(&old[0]).await;
}

async fn is_stored(s: &Subject, token: &str) -> bool {
    s.store.load(forge::session(token)).await.expect("loads").is_some()
}

async fn refresh(s: &Subject, token: &str) -> Response {
    s.send(s.refresh_request(&json!({"refresh_token": token})).unrecorded()).await
}
