//! What a body must look like: wire.md 3, first error only.

use serde_json::{Value, json};

use crate::contract::{Request, Subject};

/// A member that is missing, empty, of the wrong type or no address.
pub async fn each_member_has_its_rule(s: &Subject) {
    let (email, password) = (&s.user().email, &s.user().password);
    let with = |member: &str, value: Value| {
        let mut body = json!({"email": email, "password": password});
        body[member] = value;
        body
    };
    let mode = r#""mode" must be one of [cookie, json, session]"#;
    for (body, reason) in [
        (json!({}), r#""email" is required"#),
        (json!({"password": password}), r#""email" is required"#),
        (with("email", json!("")), r#""email" is not allowed to be empty"#),
        (with("email", json!("admin")), r#""email" must be a valid email"#),
        (json!({"email": email}), r#""password" is required"#),
        (with("password", json!("")), r#""password" is not allowed to be empty"#),
        (with("password", json!(null)), r#""password" must be a string"#),
        (with("password", json!(12_345_678)), r#""password" must be a string"#),
        (with("password", json!([password])), r#""password" must be a string"#),
        (with("password", json!({"a": password})), r#""password" must be a string"#),
        (with("password", json!(true)), r#""password" must be a string"#),
        (with("otp", json!("")), r#""otp" is not allowed to be empty"#),
        (with("otp", json!(123_456)), r#""otp" must be a string"#),
        (with("otp", json!(["123456"])), r#""otp" must be a string"#),
        (with("mode", json!(null)), mode),
        (with("mode", json!("")), mode),
        (with("mode", json!("JSON")), mode),
        (with("mode", json!("json ")), mode),
        (with("mode", json!(1)), mode),
        (with("mode", json!(["json"])), mode),
    ] {
        let response = s.send(s.login_request(&body)).await;
        response.expect_invalid(reason);
        response.expect_cookies_left_alone();
    }
}

/// E2: an address that is not one string is refused (CVE-2023-7028).
pub async fn e2_the_address_is_one_string(s: &Subject) {
    let (user, admin) = (&s.user().email, &s.accounts.admin.email);
    for email in [
        json!([user]),
        json!([user, admin]),
        json!({"0": user}),
        json!({"$ne": null}),
        json!(1),
        json!(1.5),
        json!(true),
        json!(null),
        json!([]),
    ] {
        let response = s.send(s.login_request(&json!({"email": email, "password": s.user().password}))).await;
        response.expect_invalid(r#""email" must be a string"#);
    }
}

/// E1: what could be taken for another address is no address (CVE-2026-73420, CVE-2022-35924).
pub async fn e1_a_treacherous_address_is_refused(s: &Subject) {
    for email in [
        "user@example.com,admin@example.com",
        "user@example.com\u{ff20}evil.example",
        "user\u{ff20}example.com",
        " user@example.com",
        "user@example.com ",
        "user@example.com\n",
        "user@example.com\u{0}",
        "us\u{200b}er@example.com",
        "user@@example.com",
        "user@localhost",
        "@example.com",
        "user@",
        &format!("{}@example.com", "x".repeat(300)),
    ] {
        let response = s.send(s.login_request(&json!({"email": email, "password": s.user().password}))).await;
        response.expect_invalid(r#""email" must be a valid email"#);
    }
}

/// E2: a key that is there twice is refused, never first or last wins.
pub async fn e2_duplicate_keys_are_refused(s: &Subject) {
    let (email, password) = (&s.user().email, &s.user().password);
    for body in [
        format!(r#"{{"email":"nobody@example.com","email":"{email}","password":"{password}"}}"#),
        format!(r#"{{"email":"{email}","password":"{password}","email":"{email}"}}"#),
        format!(r#"{{"email":"{email}","\u0065mail":"{email}","password":"{password}"}}"#),
        format!(r#"{{"email":"{email}","password":"a","password":"{password}"}}"#),
        format!(r#"{{"email":"{email}","password":"{password}","mode":"json","mode":"cookie"}}"#),
    ] {
        let response = s.send(Request::post(s.path("/auth/login")).json_text(&body)).await;
        expect_place(&response, "duplicate key");
        assert!(!response.to_string().contains(password.as_str()), "the body is echoed\n{response}");
    }
    let twice = r#"{"refresh_token":"a","refresh_token":"b"}"#;
    expect_place(&s.send(Request::post(s.path("/auth/refresh")).json_text(twice)).await, "duplicate key");
    expect_place(&s.send(Request::post(s.path("/auth/logout")).json_text(twice)).await, "duplicate key");
}

/// Only the first error is named, in the order `email`, `password`, `mode`, `otp`.
pub async fn the_first_error_is_named(s: &Subject) {
    let (email, password) = (&s.user().email, &s.user().password);
    for (body, reason) in [
        (json!({"email": 1, "password": 1, "mode": 1, "otp": 1}), r#""email" must be a string"#),
        (json!({"otp": 1, "mode": 1, "password": 1, "email": email}), r#""password" must be a string"#),
        (
            json!({"otp": 1, "mode": 1, "password": password, "email": email}),
            r#""mode" must be one of [cookie, json, session]"#,
        ),
        (json!({"otp": 1, "mode": "json", "password": password, "email": email}), r#""otp" must be a string"#),
    ] {
        s.send(s.login_request(&body)).await.expect_invalid(reason);
    }
}

/// A body that is JSON but no object.
pub async fn a_body_is_an_object(s: &Subject) {
    for route in ["/auth/login", "/auth/refresh", "/auth/logout"] {
        for body in ["[]", "[{}]", "1", "-1.5e3", "\"email\"", "true", "null"] {
            let response = s.send(Request::post(s.path(route)).json_text(body)).await;
            response.expect_invalid(r#""value" must be of type object"#);
        }
    }
}

/// Malformed JSON: says where, and never what.
pub async fn malformed_json_is_located_and_never_echoed(s: &Subject) {
    let bodies: [&[u8]; 14] = [
        b"{",
        b"{\"canary",
        b"{\"email\":\"canary\"",
        b"{\"email\":\"canary\",}",
        b"{canary:1}",
        b"{'email':'canary'}",
        b"{} canary",
        b"{\"email\":canary}",
        b"{\"email\":\"canary\xff@example.com\"}",
        b"\xff\xfe",
        b"{\"email\":\"canary\\ud800\"}",
        b"{\"email\":\"canary\x00\"}",
        b"{\"email\":NaN}",
        b"canary",
    ];
    for route in ["/auth/login", "/auth/refresh", "/auth/logout"] {
        for body in bodies {
            let response = s.send(Request::post(s.path(route)).json_text(body)).await;
            expect_place(&response, "malformed JSON");
            assert!(!response.to_string().contains("canary"), "the body is echoed\n{response}");
        }
    }
}

/// `mode` and `refresh_token` of refresh and logout are checked like those of login.
pub async fn refresh_and_logout_check_their_members(s: &Subject) {
    for route in ["/auth/refresh", "/auth/logout"] {
        for mode in [json!(null), json!(""), json!("Cookie"), json!(1), json!([])] {
            let body = json!({"mode": mode, "refresh_token": "x"});
            let response = s.send(Request::post(s.path(route)).json(&body)).await;
            response.expect_invalid(r#""mode" must be one of [cookie, json, session]"#);
        }
        for token in [json!(1), json!(["x"]), json!({"a": "x"}), json!(true)] {
            let response = s.send(Request::post(s.path(route)).json(&json!({"refresh_token": token}))).await;
            response.expect_invalid(r#""refresh_token" must be a string"#);
        }
        // Empty or null is no token; whether it is called missing or empty is left open.
        for token in [json!(""), json!(null)] {
            let response = s.send(Request::post(s.path(route)).json(&json!({"refresh_token": token}))).await;
            response.expect_status(400);
            assert_eq!(response.error()["extensions"]["code"], "INVALID_PAYLOAD", "{response}");
        }
    }
}

/// 400 with the reason `<what> at line L column C`.
#[track_caller]
fn expect_place(response: &crate::contract::Response, what: &str) {
    response.expect_status(400);
    let error = response.error();
    let reason = error["extensions"]["reason"].as_str().unwrap_or_default().to_owned();
    response.expect_invalid(&reason);
    let place = reason.strip_prefix(what).and_then(|rest| rest.strip_prefix(" at line "));
    let place = place.and_then(|rest| rest.split_once(" column "));
    let is_place = place.is_some_and(|(line, column)| line.parse::<u32>().is_ok() && column.parse::<u32>().is_ok());
    assert!(is_place, "expected `{what} at line L column C`\n{response}");
}
