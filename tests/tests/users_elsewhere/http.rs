//! Customers of an app over real sockets, on both frameworks and every database.

use std::sync::Arc;

use auth_core::store::{Epoch, FactorStore as _, RevokeReason};
use auth_core::{Clock as _, UserId};
use auth_testkit::ManualClock;
use auth_testkit::contract::{Account, Request, Subject, Variant, forge, seed};
use auth_tests::customers::WithCustomers;
use auth_tests::databases::{Database, Kind};
use auth_tests::servers::Framework;
use byo_users::customer::{ActiveModel, Entity};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, Set};
use serde_json::json;

/// A server with the contract's accounts in the app's table, and beside them a customer with the number 42.
struct World {
    subject: Subject,
    both: WithCustomers,
    customer: Account,
    _server: auth_tests::servers::Server,
    _database: Database,
}

impl World {
    async fn on(kind: Kind, framework: Framework) -> Option<Self> {
        let database = Database::fresh(kind).await?;
        let both = WithCustomers::open(database.url()).await;
        let clock = ManualClock::stopped();
        let accounts = seed(&both, clock.now()).await;
        let mut customer = accounts.user.clone();
        let row = Entity::find_by_id(customer.id.as_str().parse::<i64>().expect("a number")).one(both.db()).await;
        let mut row: ActiveModel = row.expect("finds").expect("is there").into();
        customer.id = UserId::new("42").expect("an id");
        customer.email = "customer@example.com".to_owned();
        row.id = Set(42);
        row.email = Set(customer.email.clone());
        row.email_key = Set(customer.email.clone());
        row.reset_all().insert(both.db()).await.expect("inserts");
        let auth = both.builder().config(Variant::Default.config()).clock(clock.clone()).build();
        let server = framework.serve(&auth.expect("a configuration"), "").await;
        let subject = Subject::new(server.addr, "", clock, Arc::new(both.clone()), accounts);
        Some(Self { subject, both, customer, _server: server, _database: database })
    }

    /// One for each database and framework at hand.
    async fn all() -> Vec<(String, Self)> {
        let mut worlds = Vec::new();
        for kind in Kind::SHARED {
            for framework in Framework::ALL {
                let world = Self::on(kind, framework).await;
                worlds.extend(world.map(|world| (format!("{kind:?}, {framework:?}"), world)));
            }
        }
        worlds
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j7_an_integer_id_is_text_in_tokens_and_answers() {
    for (on, world) in World::all().await {
        let (subject, customer) = (&world.subject, &world.customer);
        let tokens = subject.login(customer).await;
        let next = subject.refresh(&tokens.refresh).await.tokens();
        for access in [&tokens.access, &next.access] {
            assert_eq!(forge::decode(access).1["id"], json!("42"), "{on}");
            assert_eq!(subject.guarded(access).await.json()["user"], json!("42"), "{on}");
            let me = subject.send(Request::get("/users/me").bearer(access)).await;
            me.expect_status(200);
            let expected = json!({"id": "42", "email": customer.email, "role": "editor", "status": "active"});
            assert_eq!(me.json()["data"], expected, "{on}");
        }
        let session = subject.login_session(customer).await;
        assert_eq!(subject.guarded_by_session(&session).await.json()["user"], json!("42"), "{on}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_a_customer_who_left_is_as_unknown_as_anybody() {
    for (on, world) in World::all().await {
        let (subject, customer) = (&world.subject, &world.customer);
        let tokens = subject.login(customer).await;
        let cookie = subject.login_cookie(customer).await.refresh;
        let session = subject.login_session(customer).await;
        let other = subject.login(subject.user()).await.refresh;

        // The row alone counts at once, before the app has come to end the sessions.
        assert!(world.both.customers.soft_delete(&customer.id, subject.clock.now()).await.expect("marks"), "{on}");
        subject.assert_dead(&tokens.refresh).await;
        subject.refresh_by_cookie(&cookie).await.expect_credentials_refused();
        subject.guarded_by_session(&session).await.expect_status(401);
        subject.send(Request::get("/users/me").bearer(&tokens.access)).await.expect_status(401);
        let ended =
            world.both.ours.end_sessions(&customer.id, None, RevokeReason::CredentialsChanged, subject.clock.now());
        assert_eq!(ended.await.expect("ends"), 3, "{on}");
        assert_eq!(world.both.ours.epoch(&customer.id).await.expect("epoch"), Epoch(1));
        subject.assert_dead(&tokens.refresh).await;

        let refused = subject.send(subject.login_request(&Subject::credentials(customer, "json"))).await;
        refused.expect_credentials_refused();
        let nobody = Account { email: "nobody@example.com".to_owned(), ..customer.clone() };
        let unknown = subject.send(subject.login_request(&Subject::credentials(&nobody, "json"))).await;
        let told = |mut answer: auth_testkit::contract::Response| {
            answer.headers.retain(|(name, _)| name != "date");
            answer
        };
        assert_eq!(told(refused), told(unknown), "{on}");
        subject.assert_alive(&other).await;

        // Who comes back comes back to nothing.
        let mut row: ActiveModel =
            Entity::find_by_id(42).one(world.both.db()).await.expect("finds").expect("row").into();
        row.deleted_at = Set(None);
        row.update(world.both.db()).await.expect("updates");
        subject.assert_dead(&tokens.refresh).await;
        subject.refresh_by_cookie(&cookie).await.expect_credentials_refused();
        let fresh = subject.login(customer).await;
        subject.assert_alive(&fresh.refresh).await;
    }
}
