//! A secret that does not fit the data.

use auth_core::store::{Enabling, FactorStore as _, PendingFactor, Step, Swap};
use auth_core::{Clock as _, FactorSealer, SessionId, SystemClock, TotpSecret, UserId};

use super::*;

/// Another server's.
const OTHER: &str = "pP3mN6bV9cX2zL5kJ8hG1fD4sA7oI0uY";

/// Ada, with a second factor that was sealed under [`SECRET`].
async fn with_factor(kind: Kind) -> Option<World> {
    let world = World::migrated(kind).await?;
    let id = UserId::new(&world.add(&["ada@example.com", "--admin"])).expect("an id");
    let (_, store) = world.auth().await;
    let sealer = FactorSealer::new(&AuthConfig::new(SECRET)).expect("a configuration");
    let secret = TotpSecret::parse("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").expect("a secret");
    let sealed = sealer.seal(&id, &secret).expect("seals");
    let session = SessionId::from_bytes([7; 16]);
    let pending = PendingFactor { secret: sealed.clone(), session, created_at: SystemClock.now() };
    assert_eq!(store.keep_pending(&id, &pending).await.expect("is up"), Swap::Won);
    let enabling = Enabling {
        expected: store.epoch(&id).await.expect("is up"),
        pending: sealed.clone(),
        secret: sealed,
        step: Step(1),
        recovery_codes: Vec::new(),
        keep: None,
    };
    assert_eq!(store.enable_factor(&id, &enabling, SystemClock.now()).await.expect("is up"), Swap::Won);
    Some(world)
}

#[tokio::test]
async fn m3_a_factor_that_another_secret_sealed_is_not_removed_by_mistake() {
    for kind in Kind::SHARED {
        let Some(mut world) = with_factor(kind).await else { continue };
        assert_eq!(world.user("ada@example.com")["has_second_factor"], true);
        world.set("SECRET", OTHER);
        let reset = ["user", "reset-mfa", "ada@example.com"];
        world.run(&reset).refuses(&["SECRET and MFA_KEYS do not open", "--force"]);
        assert_eq!(world.user("ada@example.com")["has_second_factor"], true, "{kind:?}");
        world.set("SECRET", SECRET);
        world.run(&reset).succeeds().says(&["second factor removed"]);
        assert_eq!(world.user("ada@example.com")["has_second_factor"], false, "{kind:?}");
        world.run(&reset).refuses(&["no second factor"]);
    }
    let Some(mut world) = with_factor(Kind::Sqlite).await else { return };
    world.set("SECRET", OTHER);
    world.run(&["user", "reset-mfa", "ada@example.com", "--force"]).succeeds();
}

#[tokio::test]
async fn m3_the_doctor_sees_a_secret_that_does_not_fit() {
    for kind in Kind::SHARED {
        let Some(mut world) = with_factor(kind).await else { continue };
        world.run(&["doctor"]).succeeds().says(&["1 second factors open"]);
        world.set("SECRET", OTHER);
        world.run(&["doctor"]).ends(1).says(&["problem", "1 of 1 second factors do not open", "MFA_KEYS"]);
    }
}
