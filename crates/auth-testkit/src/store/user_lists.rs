//! Lists of users.

use auth_core::store::{NewUserRecord, UserFilter, UserPage, UserStatus};
use auth_core::{EmailPrefix, Role, UserId};

use super::factors::enabled;
use super::given::{AnyStore, NOW, new_user, stored_user, user_id};

fn begins(text: &str) -> UserFilter {
    UserFilter { email: Some(EmailPrefix::new(text).expect("a prefix")), ..UserFilter::default() }
}

fn page(filter: UserFilter) -> UserPage {
    UserPage { filter, after: None, skip: 0, limit: 100 }
}

async fn ids(store: &AnyStore, page: &UserPage) -> Vec<String> {
    store.users(page).await.expect("users").into_iter().map(|user| user.id.as_str().to_owned()).collect()
}

async fn count(store: &AnyStore, filter: &UserFilter, most: u64) -> u64 {
    store.count_users(filter, most).await.expect("count_users")
}

/// The highest id first; each page goes on where the one before ended, or after so many.
pub async fn users_are_listed_by_id_page_by_page(store: AnyStore) {
    assert!(ids(&store, &page(UserFilter::default())).await.is_empty());
    for n in [3, 1, 5, 2, 4] {
        stored_user(&store, &format!("u{n}")).await;
    }
    assert_eq!(ids(&store, &page(UserFilter::default())).await, ["u5", "u4", "u3", "u2", "u1"]);
    let part = |after: Option<&str>, skip| UserPage {
        after: after.map(user_id),
        skip,
        limit: 2,
        ..page(UserFilter::default())
    };
    for (after, skip, expected) in [
        (None, 0, vec!["u5", "u4"]),
        (None, 2, vec!["u3", "u2"]),
        (None, 4, vec!["u1"]),
        (None, 5, vec![]),
        (None, 1_000_000_000, vec![]),
        (Some("u4"), 0, vec!["u3", "u2"]),
        (Some("u4"), 2, vec!["u1"]),
        (Some("u35"), 0, vec!["u3", "u2"]),
        (Some("u1"), 0, vec![]),
    ] {
        assert_eq!(ids(&store, &part(after, skip)).await, expected, "{after:?} {skip}");
    }
    let listed = store.users(&part(None, 0)).await.expect("users").swap_remove(0);
    let stored = new_user("u5", "u5@example.com");
    assert_eq!((listed.id, listed.email.as_str()), (stored.id, stored.email.as_typed()));
    assert_eq!((listed.status, listed.role, listed.created_at), (stored.status, stored.role, NOW));
    assert_eq!((listed.app_access, listed.admin_access, listed.has_factor), (true, false, false));
}

/// By address then, whatever its case was, and from there on page by page too.
pub async fn users_are_found_by_what_their_address_begins_with(store: AnyStore) {
    for (id, address) in
        [("u1", "Bob@example.com"), ("u2", "ada@example.com"), ("u3", "adam@example.com"), ("u4", "bea@example.com")]
    {
        store.create(&new_user(id, address)).await.expect("create");
    }
    for (text, expected) in [
        ("ada", vec!["u2", "u3"]),
        ("ADA", vec!["u2", "u3"]),
        ("ada@", vec!["u2"]),
        ("b", vec!["u4", "u1"]),
        ("bob@example.com", vec!["u1"]),
        ("example", vec![]),
        ("\u{10ffff}", vec![]),
    ] {
        assert_eq!(ids(&store, &page(begins(text))).await, expected, "{text}");
        assert_eq!(count(&store, &begins(text), 10).await, expected.len() as u64, "{text}");
    }
    for (after, expected) in [("u4", vec!["u1"]), ("u1", vec![]), ("u2", vec!["u4", "u1"]), ("nobody", vec![])] {
        let part = UserPage { after: Some(user_id(after)), ..page(begins("b")) };
        assert_eq!(ids(&store, &part).await, expected, "{after}");
    }
}

/// Each filter by itself and all of them together; a count goes no further than it is told.
pub async fn users_are_filtered_and_counted(store: AnyStore) {
    let user = |n: u8, status, role: Option<&str>, admin_access| NewUserRecord {
        status,
        role: role.map(|role| Role::new(role).expect("a role")),
        admin_access,
        ..new_user(&format!("u{n}"), &format!("u{n}@example.com"))
    };
    for new in [
        user(1, UserStatus::Active, Some("editor"), false),
        user(2, UserStatus::Suspended, Some("editor"), true),
        user(3, UserStatus::Active, None, true),
        user(4, UserStatus::Active, Some("Editor"), false),
    ] {
        store.create(&new).await.expect("create");
    }
    let role = |name: &str| Some(Role::new(name).expect("a role"));
    let all = UserFilter::default;
    for (filter, expected) in [
        (all(), vec!["u4", "u3", "u2", "u1"]),
        (UserFilter { status: Some(UserStatus::Active), ..all() }, vec!["u4", "u3", "u1"]),
        (UserFilter { status: Some(UserStatus::Invited), ..all() }, vec![]),
        (UserFilter { role: role("editor"), ..all() }, vec!["u2", "u1"]),
        (UserFilter { role: role("' OR 1=1 --"), ..all() }, vec![]),
        (UserFilter { admin_access: Some(true), ..all() }, vec!["u3", "u2"]),
        (UserFilter { admin_access: Some(false), ..all() }, vec!["u4", "u1"]),
        (
            UserFilter {
                status: Some(UserStatus::Suspended),
                role: role("editor"),
                admin_access: Some(true),
                ..begins("u")
            },
            vec!["u2"],
        ),
    ] {
        assert_eq!(ids(&store, &page(filter.clone())).await, expected, "{filter:?}");
        let found = expected.len() as u64;
        assert_eq!(count(&store, &filter, 100).await, found, "{filter:?}");
        assert_eq!(count(&store, &filter, 2).await, found.min(2), "{filter:?}");
    }
}

/// What is a pattern in SQL is itself in a search.
pub async fn a_search_has_no_wildcards(store: AnyStore) {
    for (id, address) in [("u1", "a_b@example.com"), ("u2", "axb@example.com"), ("u3", "a%b@example.com")] {
        store.create(&new_user(id, address)).await.expect("create");
    }
    for (text, expected) in [
        ("a_", vec!["u1"]),
        ("a%", vec!["u3"]),
        ("%", vec![]),
        ("_", vec![]),
        ("a\\_", vec![]),
        ("a' OR '1'='1", vec![]),
        ("a", vec!["u3", "u1", "u2"]),
    ] {
        assert_eq!(ids(&store, &page(begins(text))).await, expected, "{text}");
    }
}

/// Whether a login will ask for a code is told; the secret is not.
pub async fn a_user_in_a_list_says_whether_there_is_a_factor(store: AnyStore) {
    let (with, without) = (stored_user(&store, "u1").await, stored_user(&store, "u2").await);
    enabled(&store, 1, &with, None).await;
    let listed = store.users(&page(UserFilter::default())).await.expect("users");
    let listed: Vec<(UserId, bool)> = listed.into_iter().map(|user| (user.id, user.has_factor)).collect();
    assert_eq!(listed, [(without, false), (with, true)]);
}
