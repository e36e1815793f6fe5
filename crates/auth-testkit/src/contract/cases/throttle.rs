//! The door before a login: who has to wait, for how long, and whom nobody can keep out (requirements G1 to G4, G7).

use std::time::Duration;

use auth_core::PasswordHash;
use auth_core::store::{UserChange, UserStatus};
use serde_json::{Value, json};

use crate::contract::{ADDRESS_LIMIT, Account, DEVICE_COOKIE, Request, Response, Subject};

const WRONG: &str = "a wrong password";

fn guess(s: &Subject, email: &str, password: &str) -> Request {
    s.login_request(&json!({"email": email, "password": password}))
}

async fn wrong(s: &Subject, email: &str) -> Response {
    s.send(guess(s, email, WRONG)).await
}

async fn right(s: &Subject, account: &Account) -> Response {
    s.send(guess(s, &account.email, &account.password)).await
}

/// The value of a device cookie, from a login with it or without.
async fn device_of(s: &Subject, account: &Account) -> String {
    let response = s.send(s.login_request(&Subject::credentials(account, "cookie"))).await;
    response.expect_status(200);
    response.device_cookie().expect("a device cookie").value
}

async fn fail(s: &Subject, email: &str, times: usize) {
    for _ in 0..times {
        wrong(s, email).await.expect_credentials_refused();
    }
}

fn seconds(s: &Subject, seconds: u64) {
    s.clock.advance(Duration::from_secs(seconds));
}

/// G1: five failures are free, then the wait doubles from a second to a quarter of an hour; nothing gets through before,
/// the right password included.
pub async fn g1_failures_cost_ever_longer_waits(s: &Subject) {
    fail(s, &s.user().email, 5).await;
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        wrong(s, &s.user().email).await.expect_throttled(5, wait);
        right(s, s.user()).await.expect_throttled(5, wait);
        s.clock.advance(Duration::from_millis(wait * 1000 - 1));
        let almost = right(s, s.user()).await;
        almost.expect_throttled(5, 1);
        let reset = almost.error()["extensions"]["reset"].as_str().map(str::len);
        assert_eq!(reset, Some("2026-11-24T11:15:01.000Z".len()), "a date\n{almost}");
        s.clock.advance(Duration::from_millis(1));
        wrong(s, &s.user().email).await.expect_credentials_refused();
    }
    // Other accounts never noticed.
    s.login(&s.accounts.admin).await;
    seconds(s, 900);
    s.login(s.user()).await;
}

/// G1: 100 failures in a row, and only a known device gets in; for strangers it is no more than a long wait.
pub async fn g1_after_100_failures_only_a_known_device_gets_in(s: &Subject) {
    let device = device_of(s, s.user()).await;
    for _ in 0..100 {
        s.send(guess(s, &s.user().email, WRONG).unrecorded()).await.expect_credentials_refused();
        seconds(s, 900);
    }
    for later in [0, 900, 86_400] {
        seconds(s, later);
        right(s, s.user()).await.expect_throttled(5, 900);
        wrong(s, "nobody@example.com").await.expect_credentials_refused();
    }
    let known = guess(s, &s.user().email, &s.user().password).cookie(DEVICE_COOKIE, &device);
    s.send(known).await.expect_status(200);
    right(s, s.user()).await.expect_throttled(5, 900);
    // Never for ever.
    seconds(s, 30 * 86_400);
    s.login(s.user()).await;
}

/// G2: a login forgets what came before it.
pub async fn g2_a_login_forgets_the_failures_of_its_account(s: &Subject) {
    for _ in 0..3 {
        fail(s, &s.user().email, 4).await;
        s.login(s.user()).await;
    }
    fail(s, &s.user().email, 5).await;
    right(s, s.user()).await.expect_throttled(5, 1);
    seconds(s, 1);
    s.login(s.user()).await;
    fail(s, &s.user().email, 5).await;
}

/// G2: whoever has an account cannot wash an address with it: so many failures there are the most, then one a minute.
pub async fn g2_a_login_forgets_no_failures_of_its_address(s: &Subject) {
    for n in 0..ADDRESS_LIMIT {
        if n % 4 == 0 {
            s.login(s.user()).await;
        }
        let email = format!("somebody{n}@example.com");
        s.send(guess(s, &email, WRONG).unrecorded()).await.expect_credentials_refused();
    }
    right(s, s.user()).await.expect_throttled(ADDRESS_LIMIT, 1);
    wrong(s, "new@example.com").await.expect_throttled(ADDRESS_LIMIT, 1);
    right(s, &s.accounts.admin).await.expect_throttled(ADDRESS_LIMIT, 1);
    // What was refused there cost the account nothing.
    seconds(s, 480);
    fail(s, &s.accounts.admin.email, 5).await;
    for n in 0..3 {
        wrong(s, &format!("other{n}@example.com")).await.expect_credentials_refused();
    }
    wrong(s, "new@example.com").await.expect_throttled(ADDRESS_LIMIT, 1);
}

/// G3, G4: accounts, strangers, suspended users and users without a password wait alike, to the byte.
pub async fn g3_every_address_waits_alike(s: &Subject) {
    let accounts = &s.accounts;
    let emails = [&accounts.user.email, &accounts.suspended.email, &accounts.nopassword.email, "nobody@example.com"];
    let mut first: Option<Vec<Response>> = None;
    // The clock is taken back for each of them, so that even the dates are the same.
    for email in emails {
        let mut answers = Vec::new();
        let mut passed = Duration::ZERO;
        for wait in [0, 1, 2, 4] {
            let wait = Duration::from_secs(wait);
            s.clock.advance(wait);
            passed += wait;
            for _ in 0..if wait.is_zero() { 6 } else { 2 } {
                let mut answer = wrong(s, email).await;
                answer.headers.retain(|(name, _)| name != "date");
                answers.push(answer);
            }
        }
        s.clock.step_back(passed);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 401, 429, 401, 429, 401, 429], "{email}");
        let first = first.get_or_insert_with(|| answers.clone());
        assert_eq!(&answers, first, "{email} is told from the others");
    }
    // With the right password the suspended one learns nothing either.
    right(s, &accounts.suspended).await.expect_status(429);
}

/// G3: however much strangers guess, from wherever, the owner gets in from a device that is known, in every mode.
pub async fn g3_a_known_device_gets_in_while_strangers_guess(s: &Subject) {
    let device = device_of(s, s.user()).await;
    fail(s, &s.user().email, 5).await;
    right(s, s.user()).await.expect_status(429);
    // The address is exhausted, too.
    for n in 5..ADDRESS_LIMIT {
        let email = format!("somebody{n}@example.com");
        s.send(guess(s, &email, WRONG).unrecorded()).await.expect_credentials_refused();
    }
    right(s, &s.accounts.admin).await.expect_throttled(ADDRESS_LIMIT, 1);
    for mode in ["json", "cookie", "session"] {
        let login = s.login_request(&Subject::credentials(s.user(), mode)).cookie(DEVICE_COOKIE, &device);
        s.send(login).await.expect_status(200);
        right(s, s.user()).await.expect_status(429);
    }
}

/// G3: a stolen device cookie is a counter and nothing more: it runs out like others, and takes nobody with it.
pub async fn g3_a_known_device_has_a_counter_of_its_own(s: &Subject) {
    let device = device_of(s, s.user()).await;
    let other = device_of(s, s.user()).await;
    assert_ne!(device, other);
    let from = |device: &str, password: &str| guess(s, &s.user().email, password).cookie(DEVICE_COOKIE, device);
    for _ in 0..5 {
        s.send(from(&device, WRONG)).await.expect_credentials_refused();
    }
    s.send(from(&device, &s.user().password)).await.expect_throttled(5, 1);
    s.send(from(&other, &s.user().password)).await.expect_status(200);
    s.login(s.user()).await;
    fail(s, &s.user().email, 5).await;
    s.send(from(&device, &s.user().password)).await.expect_throttled(5, 1);
    seconds(s, 1);
    s.send(from(&device, &s.user().password)).await.expect_status(200);
    for _ in 0..5 {
        s.send(from(&device, WRONG)).await.expect_credentials_refused();
    }
}

/// G3: what is not a device cookie of this account is as if it were not there, and never an error.
pub async fn g3_a_device_cookie_that_does_not_count_is_ignored(s: &Subject) {
    let device = device_of(s, s.user()).await;
    let of_admin = device_of(s, &s.accounts.admin).await;
    fail(s, &s.user().email, 5).await;
    let login = || guess(s, &s.user().email, &s.user().password);
    let (start, end) = device.split_at(device.len() / 2);
    let ignored = [
        login().cookie(DEVICE_COOKIE, &of_admin),
        login().cookie(DEVICE_COOKIE, start),
        login().cookie(DEVICE_COOKIE, format!("{end}{start}")),
        login().cookie(DEVICE_COOKIE, ""),
        login().cookie(DEVICE_COOKIE, b"\xff\xfe"),
        login().cookie(DEVICE_COOKIE, &device).cookie(DEVICE_COOKIE, &device),
        login().cookie("__host-device", &device),
        login().cookie("device", &device),
    ];
    for request in ignored {
        s.send(request.clone()).await.expect_throttled(5, 1);
    }
    // Where it is not needed it stops nobody.
    let admin = guess(s, &s.accounts.admin.email, &s.accounts.admin.password);
    s.send(admin.cookie(DEVICE_COOKIE, &device).cookie(DEVICE_COOKIE, "x")).await.expect_status(200);
    s.send(login().cookie(DEVICE_COOKIE, &device)).await.expect_status(200);
    seconds(s, 180 * 86_400);
    fail(s, &s.user().email, 5).await;
    s.send(login().cookie(DEVICE_COOKIE, &device)).await.expect_throttled(5, 1);
}

/// G3: with a new password, known devices are unknown again, and so they are for a user who is suspended or removed.
pub async fn g3_a_changed_password_forgets_devices(s: &Subject) {
    let device = device_of(s, s.user()).await;
    // That of the admin.
    let hash = s.store.find_by_id(&s.accounts.admin.id).await.expect("finds").expect("is there").password;
    let hash: PasswordHash = hash.expect("has one");
    let change = UserChange { password: Some(hash), ..UserChange::default() };
    s.update(&s.user().id, &change).await;
    let login = || guess(s, &s.user().email, &s.accounts.admin.password).cookie(DEVICE_COOKIE, &device);
    let guesses = guess(s, &s.user().email, WRONG).cookie(DEVICE_COOKIE, &device);
    for _ in 0..5 {
        s.send(guesses.clone()).await.expect_credentials_refused();
    }
    // Counted where they belong: at the account.
    s.send(login()).await.expect_throttled(5, 1);
    right(s, s.user()).await.expect_throttled(5, 1);
    seconds(s, 1);
    let response = s.send(login()).await;
    response.expect_status(200);
    // A user who is suspended, and one who is no more, have no known devices.
    let change = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    let device = device_of(s, &s.accounts.admin).await;
    s.update(&s.accounts.admin.id, &change).await;
    let guesses = guess(s, &s.accounts.admin.email, WRONG);
    for _ in 0..5 {
        s.send(guesses.clone().cookie(DEVICE_COOKIE, &device)).await.expect_credentials_refused();
    }
    s.delete(&s.accounts.admin.id).await;
    s.send(guesses.clone().cookie(DEVICE_COOKIE, &device)).await.expect_throttled(5, 1);
    s.send(guesses).await.expect_throttled(5, 1);
}

/// C1: where a login sets a cookie, the device cookie comes with it, for half a year; nowhere else.
pub async fn c1_the_device_cookie_has_every_attribute(s: &Subject) {
    for mode in ["cookie", "session"] {
        let response = s.send(s.login_request(&Subject::credentials(s.user(), mode))).await;
        let cookie = response.device_cookie().expect("is set");
        let value = &cookie.value;
        let expected = format!("{DEVICE_COOKIE}={value}; Path=/; Max-Age=15552000; HttpOnly; Secure; SameSite=Lax");
        assert!(response.all("set-cookie").contains(&expected), "{response}");
        assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')), "needs no quotes: {value}");
        // An id of one digit is in any text by chance.
        for text in [s.user().email.as_str(), s.user().id.as_str()].into_iter().filter(|text| text.len() > 3) {
            assert!(!value.contains(text), "{value}");
        }
        // The same device, at its next login: another half a year.
        seconds(s, 86_400);
        let again = s.login_request(&Subject::credentials(s.user(), mode)).cookie(DEVICE_COOKIE, value);
        let renewed = s.send(again).await.device_cookie().expect("is set again").value;
        assert_ne!(&renewed, value);
    }
    for login in [
        s.login_request(&Subject::credentials(s.user(), "json")),
        s.login_request(&json!({"email": s.user().email, "password": WRONG, "mode": "cookie"})),
        s.login_request(&json!({"email": "nobody@example.com", "password": WRONG, "mode": "session"})),
    ] {
        s.send(login).await.expect_cookies_left_alone();
    }
    let token = s.login_cookie(s.user()).await.refresh;
    assert!(s.refresh_by_cookie(&token).await.device_cookie().is_none());
}

/// G7: what a client says of its address is not believed.
pub async fn g7_nobody_is_believed_who_is_no_proxy_of_ours(s: &Subject) {
    for n in 0..ADDRESS_LIMIT {
        let request = guess(s, &format!("somebody{n}@example.com"), WRONG).unrecorded();
        let request = if n % 2 == 0 {
            request.header("X-Forwarded-For", format!("203.0.113.{n}"))
        } else {
            request.header("Forwarded", format!("for=203.0.113.{n}"))
        };
        s.send(request).await.expect_credentials_refused();
    }
    let from_elsewhere = guess(s, "new@example.com", WRONG).header("X-Forwarded-For", "198.51.100.1");
    s.send(from_elsewhere).await.expect_throttled(ADDRESS_LIMIT, 1);
    assert_eq!(address_of_session(s, "X-Forwarded-For", "198.51.100.1").await, json!("127.0.0.1"));
}

/// G7: behind a proxy each client has a counter, whatever it claims to be; an IPv6 network is one client.
pub async fn g7_behind_a_proxy_each_client_is_counted_by_itself(s: &Subject) {
    let mut n = 0;
    let mut guess_from = |line: String| {
        n += 1;
        guess(s, &format!("somebody{n}@example.com"), WRONG).unrecorded().header("X-Forwarded-For", line)
    };
    for claim in 0..ADDRESS_LIMIT {
        s.send(guess_from(format!("192.0.2.{claim}, 203.0.113.9"))).await.expect_credentials_refused();
        s.send(guess_from(format!("2001:db8::{claim:x}:1, 127.0.0.2"))).await.expect_credentials_refused();
    }
    s.send(guess_from("192.0.2.77, 203.0.113.9".to_owned())).await.expect_throttled(ADDRESS_LIMIT, 1);
    s.send(guess_from("203.0.113.9:4711, 127.0.0.3".to_owned())).await.expect_throttled(ADDRESS_LIMIT, 1);
    s.send(guess_from("2001:db8::ffff:ffff:ffff:ffff".to_owned())).await.expect_throttled(ADDRESS_LIMIT, 1);
    s.send(guess_from("203.0.113.10".to_owned())).await.expect_credentials_refused();
    s.send(guess_from("2001:db8:0:1::1".to_owned())).await.expect_credentials_refused();
    assert_eq!(address_of_session(s, "X-Forwarded-For", "6.6.6.6, 203.0.113.7").await, json!("203.0.113.7"));
    assert_eq!(address_of_session(s, "Forwarded", "for=\"[2001:db8::7]:80\"").await, json!("2001:db8::7"));
    seconds(s, 1);
    assert_eq!(address_of_session(s, "X-Forwarded-For", "6.6.6.6, unknown").await, json!("127.0.0.1"));
}

/// Off is off.
pub async fn g3_without_a_throttle_nobody_waits(s: &Subject) {
    fail(s, &s.user().email, 12).await;
    let response = s.send(s.login_request(&Subject::credentials(s.user(), "cookie"))).await;
    response.expect_status(200);
    assert_eq!(response.device_cookie(), None, "there is nothing to be known for");
}

/// Where the newest session of the user comes from, as its owner is told.
async fn address_of_session(s: &Subject, header: &str, line: &str) -> Value {
    seconds(s, 60);
    // A device of its own is not held up by what others did at this address.
    let login = s.login_request(&Subject::credentials(s.user(), "json")).header(header, line);
    let response = s.send(login).await;
    response.expect_status(200);
    let list = s.send(Request::get(s.path("/auth/sessions")).bearer(&response.tokens().access)).await;
    list.json()["data"][0]["ip"].clone()
}
