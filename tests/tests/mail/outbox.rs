//! Mails that go out after the answer: tried again, waited for when the server stops, and put off when one went out just
//! now. Time is tokio's, paused.

use std::time::Duration;

use auth_core::mail::MailErrorKind;
use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, ClientInfo, Clock as _, Email, ErrorKind, LoginRequest, Password};
use auth_testkit::ManualClock;
use auth_testkit::contract::{Variant, seed};
use auth_testkit::mail::{MemoryMailer, token_in};

const LATER: Duration = Duration::from_secs(61);

struct World {
    auth: Auth,
    clock: ManualClock,
    mailer: MemoryMailer,
    user: Email,
}

impl World {
    async fn new() -> Self {
        let (store, clock, mailer) = (MemoryStore::new(), ManualClock::stopped(), MemoryMailer::new());
        let user = Email::parse(&seed(&store, clock.now()).await.user.email).expect("an address");
        let builder = Auth::builder(store).config(Variant::Default.config()).clock(clock.clone());
        Self { auth: builder.mailer(mailer.clone()).build().expect("a configuration"), clock, mailer, user }
    }

    async fn forget_password(&self) {
        self.auth.request_password_reset(self.user.clone(), None).await.expect("is taken");
    }

    async fn register(&self, password: &str) {
        let new = Email::parse("new@example.com").expect("an address");
        let client = ClientInfo::default();
        self.auth.register(new, Password::new(password), None, &client).await.expect("is taken");
        // Until nothing but waiting is left to be done.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn verify(&self, mail: usize) -> Result<(), ErrorKind> {
        let token = token_in(self.mailer.sent()[mail].text()).to_owned();
        self.auth.verify_email(&token, &ClientInfo::default()).await.map(drop).map_err(|error| error.kind())
    }

    async fn may_sign_in(&self, password: &str) -> bool {
        let new = Email::parse("new@example.com").expect("an address");
        self.auth.login(LoginRequest::new(new, Password::new(password)), &ClientInfo::default()).await.is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_cannot_be_sent_now_is_tried_again_and_one_that_never_can_is_not() {
    for (kind, sent) in [(MailErrorKind::Transient, 1), (MailErrorKind::Permanent, 0)] {
        let world = World::new().await;
        world.mailer.fail(kind);
        world.forget_password().await;
        // The first attempt and the second.
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.mailer.fail(None);
        tokio::time::sleep(LATER).await;
        assert_eq!(world.mailer.sent().len(), sent, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_waits_for_its_mails_and_not_for_ever() {
    let world = World::new().await;
    world.forget_password().await;
    assert_eq!(world.mailer.sent().len(), 0, "not on the heels of the answer");
    world.auth.finish(LATER).await.expect("without a trail");
    assert_eq!(world.mailer.sent().len(), 1);

    world.clock.advance(LATER);
    world.mailer.fail(MailErrorKind::Transient);
    world.forget_password().await;
    let stopped = tokio::time::Instant::now();
    world.auth.finish(Duration::from_secs(3)).await.expect("without a trail");
    assert_eq!(stopped.elapsed().as_secs(), 3);
}

/// A stranger who registered the address first may count on the pause between two mails: the owner's registration voids
/// their link all the same, and gets its own when the pause is over.
#[tokio::test(start_paused = true)]
async fn s2_a_registration_that_has_to_wait_for_its_mail_voids_the_link_of_a_stranger_at_once() {
    let world = World::new().await;
    world.register("the password of a stranger").await;
    assert_eq!(world.mailer.sent().len(), 1);
    world.register("the password of the owner").await;
    world.register("the password they meant").await;
    assert_eq!(world.mailer.sent().len(), 1, "at most one a minute");
    assert_eq!(world.verify(0).await, Err(ErrorKind::LinkUsed));

    world.clock.advance(LATER);
    tokio::time::sleep(LATER).await;
    assert_eq!(world.mailer.sent().len(), 2, "for the last of them alone");
    world.verify(1).await.expect("its own link");
    for (password, expected) in
        [("the password of a stranger", false), ("the password of the owner", false), ("the password they meant", true)]
    {
        assert_eq!(world.may_sign_in(password).await, expected, "{password}");
    }
}
