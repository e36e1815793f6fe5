//! The audit trail of an app with customers of its own: there as well, with their ids.

use std::sync::Arc;

use auth_core::http::Endpoint;
use auth_core::store::{EventFilter, EventPage};
use auth_core::{AuditTrail, Clock as _, ErrorKind, Password};
use auth_testkit::ManualClock;
use auth_testkit::contract::{Refusal, Request, Subject, Variant, seed};
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use serde_json::{Value, json};

use super::{PASSWORD, World, config};

#[tokio::test(flavor = "multi_thread")]
async fn what_customers_do_is_kept_under_their_ids() {
    for kind in Kind::SHARED {
        let mut with_trail = config();
        with_trail.audit_trail = Some(AuditTrail::default());
        let Some(world) = World::with(kind, with_trail).await else { continue };
        assert_eq!(world.login("wrong").await.map(drop), Err(ErrorKind::InvalidCredentials), "{kind:?}");
        world.login(PASSWORD).await.expect("signs in");
        world.auth.verify_password(&world.customer, Password::new("wrong")).await.expect_err("is another one");
        world.leave().await;
        assert_eq!(world.login(PASSWORD).await.map(drop), Err(ErrorKind::InvalidCredentials), "{kind:?}: left");

        let of = |user| EventPage {
            filter: EventFilter { user, ..EventFilter::default() },
            after: None,
            skip: 0,
            limit: 100,
        };
        let events = world.auth.events(&of(Some(world.customer))).await.expect("reads");
        let names: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        let expected = ["all_sessions_ended", "step_up_refused", "login_succeeded", "login_failed", "user_created"];
        assert_eq!(names, expected, "{kind:?}");
        let all = world.auth.events(&of(None)).await.expect("reads");
        assert_eq!(
            (all[0].kind.as_str(), all[0].user),
            ("login_failed", None),
            "{kind:?}: nobody has this address now"
        );
        assert_eq!(all.len(), 6, "{kind:?}");
    }
}

/// `GET /auth/events` asks for the rights that the app's table says.
#[tokio::test(flavor = "multi_thread")]
async fn admins_of_the_app_read_the_trail() {
    for kind in Kind::SHARED {
        for framework in Framework::ALL {
            let Some(database) = Database::fresh(kind).await else { continue };
            let both = WithCustomers::open(database.url()).await;
            let clock = ManualClock::stopped();
            let accounts = seed(&both, clock.now()).await;
            let mut config = Variant::Default.config();
            config.audit_trail = Some(AuditTrail::default());
            let auth = both.builder().config(config).clock(clock.clone()).with(&[Endpoint::Events]).build();
            let server = framework.serve(&auth.expect("a configuration"), "").await;
            let subject = Subject::new(server.addr, "", clock, Arc::new(both), accounts);
            let on = format!("{kind:?}, {framework:?}");

            let events = async |access: &str| subject.send(Request::get("/auth/events").bearer(access)).await;
            let user = subject.login(subject.user()).await.access;
            events(&user).await.expect_refused(Refusal::Forbidden);
            let admin = subject.login(&subject.accounts.admin).await.access;
            let told = events(&admin).await;
            told.expect_status(200);
            let rows = told.json()["data"].clone();
            let types: Vec<_> = rows.as_array().expect("a list").iter().map(|row| row["type"].clone()).collect();
            assert_eq!(types, ["login_succeeded", "admin_refused", "login_succeeded"], "{on}: {told}");
            let who = json!(subject.user().id);
            assert_eq!((&rows[1]["actor"], &rows[1]["user"]), (&who, &Value::Null), "{on}: {told}");
            assert_eq!(rows[1]["details"], json!(["read_events", "not_admin"]), "{on}: {told}");
            assert_eq!(rows[2]["user"], who, "{on}: {told}");
        }
    }
}
