//! GraphQL: the same operations as in REST, with the same verdicts.

use std::time::Duration;

use auth_core::Clock as _;
use serde_json::{Value, json};

use super::graphql_guards::app_field;
use crate::contract::{
    Authenticator, DEVICE_COOKIE, Form, REFRESH_COOKIE, RESET_URL, Refusal, Request, Response, SESSION_COOKIE, Subject,
    Tokens, Verdict, operation,
};
use crate::mail::token_in;

const WRONG: &str = "a wrong password";

/// The verdicts in both forms, which must be one.
#[track_caller]
fn same(what: &str, path: &str, answers: &[Response; 2]) -> Verdict {
    let [rest, graphql] = answers;
    let (expected, seen) = (rest.verdict(Form::Rest, path), graphql.verdict(Form::GraphQl, path));
    assert_eq!(seen, expected, "{what}\n{rest}\n{graphql}");
    seen
}

/// Asks in both forms; what is asked may depend on the form, since tokens are used up.
async fn both(s: &Subject, requests: [Request; 2]) -> [Response; 2] {
    let [rest, graphql] = requests;
    [s.send(rest).await, s.send(graphql).await]
}

fn in_both(s: &Subject, path: &str, body: &Value, change: impl Fn(Request) -> Request) -> [Request; 2] {
    Form::BOTH.map(|form| change(s.ask(form, path, body)))
}

/// Every verdict on credentials, in every mode, and tokens that are good.
pub async fn a_login_is_what_it_is_in_rest(s: &Subject) {
    let (user, accounts) = (s.user(), &s.accounts);
    for mode in ["json", "cookie", "session"] {
        for (what, email, password, code) in [
            ("right", &user.email, user.password.as_str(), ""),
            ("wrong password", &user.email, WRONG, "INVALID_CREDENTIALS"),
            ("nobody", &"nobody@example.com".to_owned(), WRONG, "INVALID_CREDENTIALS"),
            ("suspended", &accounts.suspended.email, &accounts.suspended.password, "INVALID_CREDENTIALS"),
            ("no password", &accounts.nopassword.email, WRONG, "INVALID_CREDENTIALS"),
            ("empty password", &user.email, "", "INVALID_PAYLOAD"),
        ] {
            let body = json!({"email": email, "password": password, "mode": mode});
            let answers = both(s, in_both(s, "/auth/login", &body, |request| request)).await;
            let verdict = same(what, "/auth/login", &answers);
            if code.is_empty() {
                assert_eq!(verdict.refusal, None, "{what} {mode}");
            } else {
                assert_eq!(verdict.code(), code, "{what} {mode}");
            }
        }
    }
    for otp in ["", "123456"] {
        let body = json!({"email": user.email, "password": user.password, "otp": otp});
        same("a code without MFA", "/auth/login", &both(s, in_both(s, "/auth/login", &body, |request| request)).await);
    }
    // Where REST says what an address is, GraphQL has nobody with this one.
    for email in ["no address", ""] {
        let body = json!({"email": email, "password": WRONG});
        let nobody = s.send(s.graphql(&operation("/auth/login", &body))).await;
        assert_eq!(nobody.verdict(Form::GraphQl, "/auth/login").code(), "INVALID_CREDENTIALS", "{email:?}\n{nobody}");
    }

    let credentials = json!({"email": user.email, "password": user.password});
    let response = s.send(s.ask(Form::GraphQl, "/auth/login", &credentials)).await;
    let given = response.field("auth_login");
    assert_eq!(given["expires"], "900000", "{response}");
    s.guarded(given["access_token"].as_str().expect("text")).await.expect_status(200);
    s.assert_alive(given["refresh_token"].as_str().expect("text")).await;
    let body = Subject::credentials(user, "session");
    let session = s.send(s.ask(Form::GraphQl, "/auth/login", &body)).await;
    s.guarded_by_session(&session.set_cookie(SESSION_COOKIE).value).await.expect_status(200);
    // R10: the session of the cookie that a login comes with ends.
    let earlier = s.login_cookie(user).await;
    let body = Subject::credentials(user, "cookie");
    let later = s.send(s.ask(Form::GraphQl, "/auth/login", &body).cookie(REFRESH_COOKIE, &earlier.refresh)).await;
    s.assert_dead(&earlier.refresh).await;
    s.refresh_by_cookie(&later.set_cookie(REFRESH_COOKIE).value).await.expect_status(200);
}

/// G1, G2: failures are counted together, and a known device passes in either form.
pub async fn g1_a_login_waits_at_the_same_door(s: &Subject) {
    let user = s.user();
    let cookie = Subject::credentials(user, "cookie");
    let device = s.send(s.ask(Form::GraphQl, "/auth/login", &cookie)).await.device_cookie().expect("a device cookie");
    let wrong = json!({"email": user.email, "password": WRONG});
    for form in [Form::GraphQl, Form::Rest, Form::GraphQl, Form::GraphQl, Form::Rest] {
        let response = s.send(s.ask(form, "/auth/login", &wrong)).await;
        assert_eq!(response.verdict(form, "/auth/login").code(), "INVALID_CREDENTIALS", "{response}");
    }
    let right = json!({"email": user.email, "password": user.password});
    let waiting = both(s, in_both(s, "/auth/login", &right, |request| request)).await;
    let verdict = same("throttled", "/auth/login", &waiting);
    assert_eq!(verdict.code(), "REQUESTS_EXCEEDED");
    assert_eq!(verdict.refusal.expect("one")["message"], "Too many requests, retry after 1s.");
    let known = s.ask(Form::GraphQl, "/auth/login", &cookie).cookie(DEVICE_COOKIE, &device.value);
    let _ = s.send(known).await.set_cookie(REFRESH_COOKIE);
}

/// C5: a login that sets a cookie comes from our own pages.
pub async fn c5_a_foreign_page_cannot_set_a_session(s: &Subject) {
    let evil =
        |request: Request| request.header("Sec-Fetch-Site", "cross-site").header("Origin", "https://evil.example");
    for (mode, code) in [("json", ""), ("cookie", "FORBIDDEN"), ("session", "FORBIDDEN")] {
        let body = Subject::credentials(s.user(), mode);
        let verdict = same(mode, "/auth/login", &both(s, in_both(s, "/auth/login", &body, evil)).await);
        assert_eq!(verdict.refusal.as_ref().map_or("", |_| verdict.code()), code, "{mode}");
    }
}

/// R1, R2: one family of tokens, whichever form rotates it.
pub async fn r1_a_refresh_by_graphql_is_one_of_rest(s: &Subject) {
    let first = s.login(s.user()).await.refresh;
    let response = s.send(s.ask(Form::GraphQl, "/auth/refresh", &json!({"refresh_token": first}))).await;
    let given = response.field("auth_refresh");
    let second = given["refresh_token"].as_str().expect("text").to_owned();
    assert_ne!(first, second);
    s.guarded(given["access_token"].as_str().expect("text")).await.expect_status(200);
    s.clock.advance(Duration::from_secs(11));
    let third = s.assert_alive(&second).await;
    s.clock.advance(Duration::from_secs(11));
    let reused = s.send(s.ask(Form::GraphQl, "/auth/refresh", &json!({"refresh_token": first}))).await;
    assert_eq!(reused.verdict(Form::GraphQl, "/auth/refresh").code(), "INVALID_CREDENTIALS", "{reused}");
    s.assert_dead(&third).await;
}

/// R3: eight at once get one successor.
pub async fn r3_parallel_refreshes_in_both_forms_rotate_once(s: &Subject) {
    let token = s.login(s.user()).await.refresh;
    let mut requests = Vec::new();
    for number in 0..8 {
        let form = Form::BOTH[number % 2];
        let request = s.ask(form, "/auth/refresh", &json!({"refresh_token": token})).unrecorded();
        let addr = s.addr;
        requests.push((form, tokio::spawn(async move { request.send(addr).await })));
    }
    let mut successors = Vec::new();
    for (form, request) in requests {
        let response = request.await.expect("an answer");
        let given = if form == Form::Rest { response.json()["data"].clone() } else { response.field("auth_refresh") };
        successors.push(given["refresh_token"].as_str().unwrap_or_else(|| panic!("refused\n{response}")).to_owned());
    }
    assert_ne!(successors[0], token);
    assert!(successors.iter().all(|successor| *successor == successors[0]), "several successors");
}

type Sources = (Tokens, Tokens, String);

/// A name, a body, and cookies.
type Asked = (&'static str, Value, Vec<(&'static str, String)>);

/// Where a token may be, and what a body says of it.
fn asked((body, cookie, session): &Sources) -> Vec<Asked> {
    let refresh = || vec![(REFRESH_COOKIE, cookie.refresh.clone())];
    let session = || vec![(SESSION_COOKIE, session.clone())];
    let mut twice = refresh();
    twice.extend(refresh());
    vec![
        ("a body token", json!({"refresh_token": body.refresh}), vec![]),
        ("a body token, mode json", json!({"refresh_token": body.refresh, "mode": "json"}), vec![]),
        ("a body token into the cookie", json!({"refresh_token": body.refresh, "mode": "cookie"}), vec![]),
        ("the cookie", json!({}), refresh()),
        ("the cookie, mode cookie", json!({"mode": "cookie"}), refresh()),
        ("the cookie into json", json!({"mode": "json"}), refresh()),
        ("the session cookie", json!({"mode": "session"}), session()),
        ("the session cookie in the wrong mode", json!({"mode": "cookie"}), session()),
        ("nothing", json!({}), vec![]),
        ("nothing, mode session", json!({"mode": "session"}), vec![]),
        ("an empty token", json!({"refresh_token": ""}), vec![]),
        ("a mangled token", json!({"refresh_token": format!("{}A", body.refresh)}), vec![]),
        ("an access token", json!({"refresh_token": body.access}), vec![]),
        ("the cookie twice", json!({}), twice),
        ("a mangled cookie", json!({}), vec![(REFRESH_COOKIE, "AAAA".to_owned())]),
    ]
}

/// Asks in both forms, each with a session of its own for every source of a token.
async fn every_source(s: &Subject, path: &str) {
    let count = asked(&sources(s).await).len();
    for number in 0..count {
        for foreign in [false, true] {
            let mut answers = Vec::new();
            let mut what = "";
            for form in Form::BOTH {
                let (name, body, cookies) = asked(&sources(s).await).swap_remove(number);
                let request = s.ask(form, path, &body);
                let request = if foreign { request.header("Sec-Fetch-Site", "cross-site") } else { request };
                let request = cookies.iter().fold(request, |request, (name, value)| request.cookie(name, value));
                what = name;
                answers.push(s.send(request).await);
            }
            let answers: [Response; 2] = answers.try_into().expect("two");
            let verdict = same(what, path, &answers);
            let uses_cookie = !matches!(number, 0 | 1 | 7..=13);
            if foreign && uses_cookie {
                assert_eq!(verdict.code(), "FORBIDDEN", "{what}");
            }
        }
    }
}

async fn sources(s: &Subject) -> Sources {
    let user = s.user();
    (s.login(user).await, s.login_cookie(user).await, s.login_session(user).await)
}

/// Mode, source of the token, crossings, foreign pages and doubled cookies.
pub async fn a_refresh_is_what_it_is_in_rest(s: &Subject) {
    every_source(s, "/auth/refresh").await;
    // C7: a cookie that is dead goes.
    let mut answers = Vec::new();
    for form in Form::BOTH {
        let dead = s.login_cookie(s.user()).await.refresh;
        s.send(s.logout_request(&json!({"refresh_token": dead}))).await.expect_empty();
        answers.push(s.send(s.ask(form, "/auth/refresh", &json!({})).cookie(REFRESH_COOKIE, &dead)).await);
    }
    let answers: [Response; 2] = answers.try_into().expect("two");
    let verdict = same("a dead cookie", "/auth/refresh", &answers);
    assert!(verdict.cookies.len() == 1 && verdict.cookies[0].1, "{verdict:?}");
}

/// The same table, and the session is over.
pub async fn a_logout_is_what_it_is_in_rest(s: &Subject) {
    every_source(s, "/auth/logout").await;
    let tokens = s.login(s.user()).await;
    let out = s.send(s.ask(Form::GraphQl, "/auth/logout", &json!({"refresh_token": tokens.refresh}))).await;
    assert_eq!(out.field("auth_logout"), true, "{out}");
    s.assert_dead(&tokens.refresh).await;
    let again = s.send(s.ask(Form::GraphQl, "/auth/logout", &json!({"refresh_token": tokens.refresh}))).await;
    assert_eq!(again.field("auth_logout"), true, "{again}");
    let session = s.login_session(s.user()).await;
    let request = s.ask(Form::GraphQl, "/auth/logout", &json!({"mode": "session"})).cookie(SESSION_COOKIE, &session);
    s.send(request).await.expect_cleared(SESSION_COOKIE, "Lax");
    s.guarded_by_session(&session).await.expect_refused(Refusal::Invalid);
}

/// C6: what `hardened` refuses, it refuses in both forms.
pub async fn c6_hardened_refuses_to_take_the_token_out(s: &Subject) {
    let mut answers = Vec::new();
    for form in Form::BOTH {
        let token = s.login_cookie(s.user()).await.refresh;
        answers
            .push(s.send(s.ask(form, "/auth/refresh", &json!({"mode": "json"})).cookie(REFRESH_COOKIE, &token)).await);
    }
    let answers: [Response; 2] = answers.try_into().expect("two");
    assert_eq!(same("the cookie into json", "/auth/refresh", &answers).code(), "INVALID_PAYLOAD");
}

/// S1, S2, S3: the mail and the link.
pub async fn a_forgotten_password_is_what_it_is_in_rest(s: &Subject) {
    let path = "/auth/password/request";
    for body in [
        json!({"email": "nobody@example.com"}),
        json!({"email": s.accounts.suspended.email}),
        json!({"email": "nobody@example.com", "reset_url": RESET_URL}),
        json!({"email": "nobody@example.com", "reset_url": "https://evil.example/reset"}),
        json!({"email": "no address"}),
        json!({"email": ""}),
    ] {
        same(&body.to_string(), path, &both(s, in_both(s, path, &body, |request| request)).await);
    }
    let asked = s.send(s.ask(Form::GraphQl, path, &json!({"email": s.user().email, "reset_url": RESET_URL}))).await;
    assert_eq!(asked.field("auth_password_request"), true, "{asked}");
    let mail = s.mailer.next().await;
    assert!(mail.text().contains(RESET_URL), "{}", mail.text());
    let (link, tokens) = (token_in(mail.text()), s.login(s.user()).await);
    let path = "/auth/password/reset";
    let new = "a new password of the user";
    for (token, password) in [(link.as_str(), "short"), (link.as_str(), ""), ("a.b.c", new), (&tokens.access, new)] {
        let body = json!({"token": token, "password": password});
        let answers = both(s, in_both(s, path, &body, |request| request)).await;
        let verdict = same(password, path, &answers);
        assert!(verdict.refusal.is_some(), "{verdict:?}");
    }
    let done = s.send(s.ask(Form::GraphQl, path, &json!({"token": link, "password": new}))).await;
    assert_eq!(done.field("auth_password_reset"), true, "{done}");
    s.assert_dead(&tokens.refresh).await;
    let used = both(s, in_both(s, path, &json!({"token": link, "password": new}), |request| request)).await;
    assert_eq!(same("a used link", path, &used).code(), "FORBIDDEN");
    let login = s.send(s.ask(Form::GraphQl, "/auth/login", &json!({"email": s.user().email, "password": new}))).await;
    assert!(login.field("auth_login")["access_token"].is_string(), "{login}");
}

/// Whoever asks, however they say who they are.
pub async fn users_me_is_what_it_is_in_rest(s: &Subject) {
    let (tokens, session) = (s.login(s.user()).await, s.login_session(s.user()).await);
    let expired = s.forged(&json!({"exp": s.now()}));
    for (what, code, change) in [
        ("nobody", "INVALID_CREDENTIALS", Box::new(|request| request) as Box<dyn Fn(Request) -> Request + Send + Sync>),
        ("a bearer token", "", Box::new(|request: Request| request.bearer(&tokens.access))),
        ("a session cookie", "", Box::new(|request: Request| request.cookie(SESSION_COOKIE, &session))),
        ("an expired token", "TOKEN_EXPIRED", Box::new(|request: Request| request.bearer(&expired))),
        ("a refresh token", "INVALID_TOKEN", Box::new(|request: Request| request.bearer(&tokens.refresh))),
        ("a session token as bearer", "INVALID_TOKEN", Box::new(|request: Request| request.bearer(&session))),
        ("no bearer token", "INVALID_TOKEN", Box::new(|request: Request| request.header("Authorization", "Bearer"))),
        (
            "two tokens",
            "INVALID_PAYLOAD",
            Box::new(|request: Request| request.bearer(&tokens.access).bearer(&tokens.access)),
        ),
        (
            "two session cookies",
            "INVALID_PAYLOAD",
            Box::new(|request: Request| request.cookie(SESSION_COOKIE, &session).cookie(SESSION_COOKIE, &session)),
        ),
    ] {
        let answers = both(s, in_both(s, "/users/me", &json!({}), &change)).await;
        let verdict = same(what, "/users/me", &answers);
        assert_eq!(verdict.refusal.as_ref().map_or("", |_| verdict.code()), code, "{what}");
        if code.is_empty() {
            assert_eq!(answers[0].json()["data"], answers[1].field("users_me"), "{what}");
        }
    }
}

/// Who signs in may still carry a token that is good no more.
pub async fn a_bad_bearer_token_breaks_nothing(s: &Subject) {
    let credentials = json!({"email": s.user().email, "password": s.user().password});
    let mut refresh = String::new();
    for path in ["/auth/login", "/auth/refresh", "/auth/logout"] {
        let body = if path == "/auth/login" { credentials.clone() } else { json!({"refresh_token": refresh}) };
        let request = s.ask(Form::GraphQl, path, &body).header("Authorization", "Bearer no.good.token");
        let response = s.send(request).await;
        assert_eq!(response.verdict(Form::GraphQl, path).refusal, None, "{response}");
        if path != "/auth/logout" {
            let given = response.json()["data"].as_object().expect("data").values().next().expect("a field").clone();
            given["refresh_token"].as_str().expect("text").clone_into(&mut refresh);
        }
    }
}

/// M1, M3, M4, M5: enrolment, the code at each login, and its end.
pub async fn a_second_factor_is_what_it_is_in_rest(s: &Subject) {
    let (user, admin) = (s.user(), &s.accounts.admin);
    let mut codes: Vec<Vec<String>> = Vec::new();
    for (form, account) in [(Form::Rest, admin), (Form::GraphQl, user)] {
        let mut seen = Vec::new();
        let token = s.login(account).await.access;
        let mut ask = async |path: &str, body: &Value, token: Option<&str>| {
            let request = s.ask(form, path, body).unrecorded();
            let request = token.into_iter().fold(request, Request::bearer);
            let response = s.send(request).await;
            let verdict = response.verdict(form, path);
            let refusal = verdict.refusal.as_ref().map_or("fine".to_owned(), |refusal| refusal.to_string());
            seen.push(format!("{path} {refusal} {:?} {:?}", verdict.given, verdict.expires));
            response
        };
        let (generate, enable, disable) = ("/users/me/tfa/generate", "/users/me/tfa/enable", "/users/me/tfa/disable");
        let password = json!({"password": account.password});
        ask(generate, &password, None).await;
        ask(generate, &json!({"password": WRONG}), Some(&token)).await;
        ask(generate, &json!({"password": ""}), Some(&token)).await;
        let generated = ask(generate, &password, Some(&token)).await;
        let data = match form {
            Form::Rest => generated.json()["data"].clone(),
            Form::GraphQl => generated.field("users_me_tfa_generate"),
        };
        let secret = data["secret"].as_str().expect("text").to_owned();
        let app = Authenticator::new(&secret);
        let now = app.code(s.clock.now());
        ask(enable, &json!({"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "otp": now}), Some(&token)).await;
        ask(enable, &json!({"secret": secret, "otp": "000000"}), Some(&token)).await;
        ask(enable, &json!({"secret": secret, "otp": now}), None).await;
        ask(enable, &json!({"secret": secret, "otp": now}), Some(&token)).await;
        ask(generate, &password, Some(&token)).await;
        s.next_step();
        let mut credentials = json!({"email": account.email, "password": account.password});
        ask("/auth/login", &credentials, None).await;
        credentials["otp"] = json!("");
        ask("/auth/login", &credentials, None).await;
        credentials["otp"] = json!(app.code(s.clock.now()));
        ask("/auth/login", &credentials, None).await;
        ask("/auth/login", &credentials, None).await;
        s.next_step();
        ask(disable, &json!({"otp": "000000"}), Some(&token)).await;
        ask(disable, &json!({"otp": app.code(s.clock.now())}), None).await;
        ask(disable, &json!({"otp": app.code(s.clock.now())}), Some(&token)).await;
        ask(disable, &json!({"otp": app.code(s.clock.now())}), Some(&token)).await;
        codes.push(seen);
    }
    assert_eq!(codes[0], codes[1]);
    assert_eq!(codes[0].iter().filter(|line| line.contains("fine")).count(), 4, "{:#?}", codes[0]);
}

/// J8, M5: whoever must enrol may do that and nothing else.
pub async fn j8_an_enrol_token_opens_enrolment_alone(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let bearer = |request: Request| request.bearer(&token);
    let me = both(s, in_both(s, "/users/me", &json!({}), bearer)).await;
    assert_eq!(same("users_me", "/users/me", &me).refusal, None);
    let body = json!({"otp": "123456"});
    let disable = both(s, in_both(s, "/users/me/tfa/disable", &body, bearer)).await;
    assert_eq!(same("disable", "/users/me/tfa/disable", &disable).code(), "FORBIDDEN");
    for field in ["signed_in", "editor", "guarded", "optional"] {
        let (code, response) = app_field(s, field, bearer).await;
        assert_eq!(code, "FORBIDDEN mfa enrolment required", "{field}\n{response}");
    }
    let generate = s.ask(Form::GraphQl, "/users/me/tfa/generate", &json!({"password": s.user().password}));
    let response = s.send(bearer(generate).unrecorded()).await;
    assert!(response.field("users_me_tfa_generate")["secret"].is_string(), "{response}");
}

/// B4: the token may come in the query, and nobody keeps it or sends it on.
pub async fn b4_a_query_token_is_kept_private(s: &Subject) {
    let token = s.login(s.user()).await.access;
    let target = s.path(&format!("/graphql/system?access_token={token}"));
    let response = s.send(Request::post(target).json(&json!({"query": "{ users_me { id } }"})).unrecorded()).await;
    assert_eq!(response.field("users_me")["id"], s.user().id.as_str(), "{response}");
    assert_eq!(response.header("referrer-policy").as_deref(), Some("no-referrer"), "{response}");
}

/// RFC 6265 4.1.1: a cookie is set once in an answer, and the last operation has the word.
pub async fn cookies_of_several_operations_are_set_once(s: &Subject) {
    let old = s.login_cookie(s.user()).await.refresh;
    let login = operation("/auth/login", &Subject::credentials(s.user(), "cookie"));
    let fields = login.trim_start_matches("mutation { ").trim_end_matches(" }");
    let document = format!("mutation {{ {fields} auth_logout }}");
    let response = s.send(s.graphql(&document).cookie(REFRESH_COOKIE, &old)).await;
    assert_eq!(response.field("auth_logout"), true, "{response}");
    response.field("auth_login")["access_token"].as_str().expect("text");
    let cookies = response.set_cookies();
    assert!(cookies.len() == 1 && cookies[0].is_clearing(), "{response}");
    s.assert_dead(&old).await;
}
