//! A forgotten password from end to end: over HTTP and a real conversation with an SMTP server.

use auth_core::mail::SmtpMailer;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, Clock as _};
use auth_testkit::ManualClock;
use auth_testkit::contract::{RESET_URL, Request, Subject, Variant, seed};
use auth_testkit::mail::SmtpSink;
use auth_tests::servers::Framework;
use serde_json::json;

use crate::from;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_a_mail_over_smtp_brings_a_new_password() {
    for framework in Framework::ALL {
        let sink = SmtpSink::start().await;
        let mailer = SmtpMailer::from_url(&sink.url(), from()).expect("a URL");
        let (store, clock) = (MemoryStore::new(), ManualClock::stopped());
        let accounts = seed(&store, clock.now()).await;
        let builder = Auth::builder(store.clone()).config(Variant::Default.config()).clock(clock.clone());
        let server = framework.serve(&builder.mailer(mailer).build().expect("a configuration"), "").await;
        let s = Subject::new(server.addr, "", clock, std::sync::Arc::new(store), accounts);

        for email in ["nobody@example.com", "USER@example.com"] {
            let body = json!({"email": email, "reset_url": RESET_URL});
            s.send(Request::post("/auth/password/request").json(&body)).await.expect_empty();
        }
        let mail = sink.next().await;
        assert_eq!(mail.to, ["user@example.com"]);
        assert!(mail.text().contains(&format!("{RESET_URL}?token=")), "{}", mail.text());
        let body = json!({"token": mail.token(), "password": "a new password"});
        s.send(Request::post("/auth/password/reset").json(&body)).await.expect_empty();
        s.send(s.login_request(&Subject::credentials(s.user(), "json"))).await.expect_credentials_refused();
        let new = json!({"email": s.user().email, "password": "a new password"});
        s.send(s.login_request(&new)).await.expect_status(200);
        assert!(sink.next().await.header("Subject").expect("a subject").contains("was changed"));
        assert_eq!(sink.mails().len(), 2, "nobody else got a mail");
    }
}
