//! The last admin.

use auth_core::UserId;
use auth_core::store::{
    Epoch, LastAdmin, NewUserRecord, UpdateTerms, Updated, UserChange, UserFilter, UserPage, UserStatus,
};

use super::given::{AnyStore, NOW, is_alive, new_user, opened, stored_user, user_id};
use super::races::together;

const STAYS: UpdateTerms = UpdateTerms { expected: None, keep: None, last_admin: LastAdmin::Stays };

/// How one admin may end another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Demotion,
    Suspension,
    Removal,
}

impl End {
    const ALL: [Self; 3] = [Self::Demotion, Self::Suspension, Self::Removal];

    async fn of(self, store: &AnyStore, id: &UserId) -> Updated {
        let change = match self {
            Self::Demotion => UserChange { admin_access: Some(false), ..UserChange::default() },
            Self::Suspension => UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() },
            Self::Removal => return store.delete(id, LastAdmin::Stays, NOW).await.expect("delete"),
        };
        store.update(id, &change, STAYS, NOW).await.expect("update")
    }
}

async fn admin(store: &AnyStore, id: &str) -> UserId {
    let admin = NewUserRecord { admin_access: true, ..new_user(id, &format!("{id}@example.com")) };
    store.create(&admin).await.expect("create")
}

async fn admins(store: &AnyStore) -> Vec<UserId> {
    let filter = UserFilter { admin_access: Some(true), status: Some(UserStatus::Active), ..UserFilter::default() };
    let page = UserPage { filter, after: None, skip: 0, limit: 100 };
    store.users(&page).await.expect("users").into_iter().map(|user| user.id).collect()
}

/// The last active admin is changed only in ways that leave an admin, and when nobody minds.
pub async fn the_last_admin_stays_when_told_so(store: AnyStore) {
    let (last, user) = (admin(&store, "a1").await, stored_user(&store, "u1").await);
    let suspended =
        NewUserRecord { admin_access: true, status: UserStatus::Suspended, ..new_user("a2", "a2@example.com") };
    store.create(&suspended).await.expect("create");
    let session = opened(&store, 1, last).await;
    for end in End::ALL {
        assert_eq!(end.of(&store, &last).await, Updated::LastAdmin, "{end:?}");
        assert_eq!(admins(&store).await, [last], "{end:?}");
    }
    assert!(is_alive(&store, session).await, "nothing is changed");
    assert_eq!(store.epoch(&last).await.expect("epoch"), Epoch(0));
    assert_eq!(End::Removal.of(&store, &user_id("nobody")).await, Updated::NoSuchUser);

    let renamed = UserChange {
        admin_access: Some(true),
        status: Some(UserStatus::Active),
        role: Some(None),
        ..UserChange::default()
    };
    assert_eq!(store.update(&last, &renamed, STAYS, NOW).await.expect("update"), Updated::Done);
    assert_eq!(End::Demotion.of(&store, &suspended.id).await, Updated::Done, "was none that could sign in");
    assert_eq!(End::Suspension.of(&store, &user).await, Updated::Done);
    let second = admin(&store, "a3").await;
    assert_eq!(End::Removal.of(&store, &last).await, Updated::Done, "there is another one");
    assert_eq!(End::Demotion.of(&store, &second).await, Updated::LastAdmin);
    let demoted = UserChange { admin_access: Some(false), ..UserChange::default() };
    let may_go = store.update(&second, &demoted, UpdateTerms::default(), NOW).await;
    assert_eq!(may_go.expect("update"), Updated::Done);
}

/// Of admins who end each other at once, one is left, whichever way they go about it.
pub async fn of_two_admins_who_end_each_other_one_stays(store: AnyStore) {
    for round in 0..12_usize {
        let pair = [admin(&store, &format!("a{round}")).await, admin(&store, &format!("b{round}")).await];
        for (old, _) in admins(&store).await.into_iter().filter(|id| !pair.contains(id)).zip(0..) {
            assert_eq!(End::Removal.of(&store, &old).await, Updated::Done, "of the round before");
        }
        let work = pair.into_iter().zip([0, round / 3]).map(|(victim, shift)| {
            let (store, end) = (store.clone(), End::ALL[(round + shift) % 3]);
            async move { end.of(&store, &victim).await }
        });
        let mut outcomes = together(work).await;
        outcomes.sort_by_key(|outcome| *outcome == Updated::LastAdmin);
        assert_eq!(outcomes, [Updated::Done, Updated::LastAdmin], "round {round}");
        assert_eq!(admins(&store).await.len(), 1, "round {round}");
    }
}
