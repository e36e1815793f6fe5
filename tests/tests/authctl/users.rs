//! Users: made, found, changed, removed; and whoever may not be.

use auth_core::store::SessionMode;
use auth_core::{ClientInfo, Email, ErrorKind, Grant, LoginRequest, Password, UserId};

use super::*;

async fn login(auth: &Auth, email: &str, password: &str) -> Result<auth_core::Tokens, ErrorKind> {
    let request = LoginRequest::new(Email::parse(email).expect("an address"), Password::new(password));
    auth.login(request, &ClientInfo::default()).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_user_is_made_and_signs_in_with_the_password_from_standard_input() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let id = world.add(&["ada@example.com", "--admin", "--role", "editor"]);
        let shown = world.user("ADA@example.com");
        assert_eq!(
            (&shown["id"], &shown["role"], &shown["admin_access"]),
            (&id.clone().into(), &"editor".into(), &true.into())
        );
        assert_eq!((&shown["has_password"], &shown["sessions"]), (&true.into(), &0.into()), "{kind:?}");
        assert_eq!(world.user(&id), shown, "{kind:?}: by id");
        let (auth, _) = world.auth().await;
        login(&auth, "ada@example.com", PASSWORD).await.expect("signs in");
        assert_eq!(world.user(&id)["sessions"], 1);
    }
}

#[tokio::test]
async fn nobody_is_made_when_something_is_wrong() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        world.add(&["ada@example.com"]);
        let add = |args: &[&str], input: &str| world.run_with(&[&["user", "add"], args].concat(), input);
        add(&["ADA@example.com", "--stdin"], PASSWORD).refuses(&["this address already"]);
        add(&["nobody", "--stdin"], PASSWORD).refuses(&["address"]);
        add(&["bob@example.com", "--stdin"], "short").refuses(&["fewer than 8", "choose another"]);
        add(&["bob@example.com", "--stdin"], "bob@example.com").refuses(&["e-mail address of the user"]);
        add(&["bob@example.com", "--stdin"], "").refuses(&["standard input is empty"]);
        add(&["bob@example.com"], PASSWORD).refuses(&["no terminal", "--stdin"]);
        add(&["bob@example.com", "--stdin", "--status", "happy"], PASSWORD).ends(2).says(&["suspended"]);
        add(&["bob@example.com", PASSWORD], "").ends(2);
        assert_eq!(world.json(&["user", "list"])["users"].as_array().map(Vec::len), Some(1), "{kind:?}");
    }
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        world.add(&["ada@example.com", "--admin"]);
        world.add(&["bob@example.com", "--role", "editor"]);
        world.add(&["bea@example.com", "--status", "suspended"]);
        let emails = |args: &[&str]| -> Vec<String> {
            let page = world.json(&[&["user", "list"], args].concat());
            let users = page["users"].as_array().expect("users");
            users.iter().map(|user| user["email"].as_str().expect("an address").to_owned()).collect()
        };
        assert_eq!(emails(&[]), ["bea@example.com", "bob@example.com", "ada@example.com"], "{kind:?}");
        assert_eq!(emails(&["--admins"]), ["ada@example.com"]);
        assert_eq!(emails(&["--role", "editor"]), ["bob@example.com"]);
        assert_eq!(emails(&["--status", "suspended"]), ["bea@example.com"]);
        assert_eq!(emails(&["--email", "B"]), ["bea@example.com", "bob@example.com"]);
        let next = world.json(&["user", "list", "--limit", "2"])["next"].as_str().expect("there are more").to_owned();
        assert_eq!(emails(&["--limit", "2", "--after", &next]), ["ada@example.com"]);
        assert_eq!(world.json(&["user", "list", "--limit", "3"])["next"], Value::Null);
        world.run(&["user", "list"]).succeeds().says(&["address", "ada@example.com", "admin"]);
    }
}

#[tokio::test]
async fn r9_each_change_ends_the_sessions_of_the_user() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let id = UserId::new(&world.add(&["ada@example.com", "--admin"])).expect("an id");
        let (auth, _) = world.auth().await;
        let who = "ada@example.com";
        for (args, input) in [
            (&["user", "set-password", who, "--stdin"][..], "another horse battery\n"),
            (&["user", "set-role", who, "editor"], ""),
            (&["user", "set-role", who, "--none", "--app-access", "no"], ""),
            (&["user", "suspend", who], ""),
        ] {
            let tokens = auth.open_session(&id, SessionMode::Json, &ClientInfo::default()).await.expect("a session");
            let Grant::Pair { refresh, .. } = tokens.grant else { panic!("a pair") };
            world.run_with(args, input).succeeds().says(&["sessions have ended"]);
            let refused = auth.refresh(&refresh, &ClientInfo::default()).await.expect_err("has ended").kind();
            assert_eq!(refused, ErrorKind::SessionOver, "{kind:?} {args:?}");
        }
        let user = world.user(who);
        assert_eq!(
            (&user["role"], &user["app_access"], &user["status"]),
            (&Value::Null, &false.into(), &"suspended".into())
        );
        assert!(login(&auth, who, "another horse battery").await.is_err(), "{kind:?}: suspended");
        let noted = world.run_with(&["user", "set-password", who, "--stdin"], "another horse battery\n");
        noted.succeeds().says(&["the user is suspended", "authctl user activate"]);
        world.run(&["user", "activate", who]).succeeds();
        login(&auth, who, "another horse battery").await.expect("has the new password");
        assert!(login(&auth, who, PASSWORD).await.is_err(), "{kind:?}: the old one");
        world.run_with(&["user", "set-password", who, "--stdin"], "ada@example.com").refuses(&["e-mail address"]);
    }
}

#[tokio::test]
async fn whoever_is_removed_is_gone_and_the_last_admin_is_missed() {
    for kind in Kind::SHARED {
        let Some(world) = World::migrated(kind).await else { continue };
        let id = world.add(&["ada@example.com", "--admin"]);
        world.run(&["user", "delete", &id]).refuses(&["ada@example.com", "--yes", "Nothing was done"]);
        assert_eq!(world.user(&id)["status"], "active");
        world.run(&["user", "delete", &id, "--yes"]).succeeds().says(&["nobody is an admin now"]);
        for args in
            [&["user", "show", &id][..], &["user", "delete", "ada@example.com", "--yes"], &["user", "suspend", "?"]]
        {
            world.run(args).refuses(&["no such user", "authctl user list"]);
        }
    }
}
