//! The audit trail.

use auth_core::store::{EventFilter, EventPage, EventRecord};
use auth_core::{EventDetails, EventId, EventName, Outcome, SessionId, TokenId};

use super::given::{AnyStore, NOW, seconds, user_id};

/// Event `n`, which is `n` seconds after the first.
fn event(n: u8, kind: &str) -> EventRecord {
    let at = seconds(i64::from(n));
    let mut id = *EventId::lowest(at).as_bytes();
    id[15] = n;
    EventRecord {
        id: EventId::from_bytes(id),
        at,
        kind: EventName::new(kind).expect("a name"),
        times: 1,
        outcome: Outcome::Succeeded,
        user: None,
        actor: None,
        session: None,
        token: None,
        details: None,
        ip: None,
        user_agent: None,
    }
}

fn page(filter: EventFilter) -> EventPage {
    EventPage { filter, after: None, skip: 0, limit: 100 }
}

async fn seconds_of(store: &AnyStore, page: &EventPage) -> Vec<i64> {
    let events = store.events(page).await.expect("events");
    events.iter().map(|event| event.at.as_secs() - NOW.as_secs()).collect()
}

/// Every field is what it was, and so is every one that is not there.
pub async fn an_event_is_kept_with_every_field(store: AnyStore) {
    let full = EventRecord {
        times: 3_000_000_000,
        outcome: Outcome::Refused,
        user: Some(user_id("u1")),
        actor: Some(user_id("a1")),
        session: Some(SessionId::from_bytes([7; 16])),
        token: Some(TokenId::from_bytes([8; 16])),
        details: Some(EventDetails::new(&"x".repeat(EventDetails::MAX_BYTES)).expect("as long as they get")),
        ip: Some("2001:db8::1".parse().expect("an address")),
        user_agent: Some("curl/8 \u{1f980}".to_owned()),
        ..event(1, "otp_refused")
    };
    let empty = event(2, "of_a_later_version");
    store.append_events(&[full.clone(), empty.clone()]).await.expect("append_events");
    store.append_events(&[]).await.expect("nothing to do");
    assert_eq!(store.events(&page(EventFilter::default())).await.expect("events"), [empty, full]);
}

/// A batch that is sent again, whole or in part, is stored once, and what is new in it as well.
pub async fn f4_events_that_come_twice_are_kept_once(store: AnyStore) {
    let events: Vec<_> = (1..=3).map(|n| event(n, "login_succeeded")).collect();
    for part in [&events[..2], &events[..2], &events[1..]] {
        store.append_events(part).await.expect("append_events");
    }
    assert_eq!(seconds_of(&store, &page(EventFilter::default())).await, [3, 2, 1]);
}

/// Newest first, page by page, of one user, by one admin, of one kind, from one moment on.
pub async fn events_are_listed_newest_first(store: AnyStore) {
    let of = |n, user: &str, kind| EventRecord { user: Some(user_id(user)), ..event(n, kind) };
    let events = [
        of(1, "u1", "login_succeeded"),
        of(2, "u2", "login_succeeded"),
        of(3, "u1", "password_changed"),
        EventRecord { actor: Some(user_id("a1")), ..event(4, "login_failed") },
        EventRecord { actor: Some(user_id("a2")), ..of(5, "u1", "login_succeeded") },
    ];
    store.append_events(&events).await.expect("append_events");
    let user = || Some(user_id("u1"));
    let kind = |name| Some(EventName::new(name).expect("a name"));
    let all = EventFilter::default;
    for (filter, expected) in [
        (all(), vec![5, 4, 3, 2, 1]),
        (EventFilter { user: user(), ..all() }, vec![5, 3, 1]),
        (EventFilter { actor: Some(user_id("a1")), ..all() }, vec![4]),
        (EventFilter { actor: Some(user_id("u1")), ..all() }, vec![]),
        (EventFilter { actor: Some(user_id("a2")), user: user(), ..all() }, vec![5]),
        (EventFilter { actor: Some(user_id("a1")), user: user(), ..all() }, vec![]),
        (EventFilter { kind: kind("login_succeeded"), ..all() }, vec![5, 2, 1]),
        (EventFilter { kind: kind("' OR 1=1"), ..all() }, vec![]),
        (EventFilter { since: Some(seconds(3)), ..all() }, vec![5, 4, 3]),
        (EventFilter { since: Some(seconds(-1_000_000_000_000)), ..all() }, vec![5, 4, 3, 2, 1]),
        (EventFilter { since: Some(seconds(1_000_000_000_000)), ..all() }, vec![]),
        (EventFilter { user: user(), kind: kind("login_succeeded"), since: Some(seconds(2)), ..all() }, vec![5]),
    ] {
        assert_eq!(seconds_of(&store, &page(filter.clone())).await, expected, "{filter:?}");
        for most in [2, 100] {
            let counted = store.count_events(&filter, most).await.expect("count_events");
            assert_eq!(counted, most.min(expected.len() as u64), "{filter:?}");
        }
    }
    let part = |after, skip| EventPage { after, skip, limit: 2, ..page(all()) };
    for (after, skip, expected) in [
        (None, 0, vec![5, 4]),
        (None, 4, vec![1]),
        (None, 1_000_000_000, vec![]),
        (Some(events[3].id), 0, vec![3, 2]),
        (Some(events[0].id), 0, vec![]),
    ] {
        assert_eq!(seconds_of(&store, &part(after, skip)).await, expected, "{after:?} {skip}");
    }
}

/// What is old goes, the oldest first, and no more than asked for.
pub async fn f6_purge_removes_old_events_and_no_more_than_asked_for(store: AnyStore) {
    let events: Vec<_> = (1..=5).map(|n| event(n, "login_succeeded")).collect();
    store.append_events(&events).await.expect("append_events");
    let purge = |before, limit| store.purge_events(seconds(before), limit);
    assert_eq!(purge(1, 10).await.expect("purge_events"), 0);
    assert_eq!(purge(4, 2).await.expect("purge_events"), 2);
    assert_eq!(seconds_of(&store, &page(EventFilter::default())).await, [5, 4, 3]);
    assert_eq!(purge(4, 10).await.expect("purge_events"), 1);
    assert_eq!(seconds_of(&store, &page(EventFilter::default())).await, [5, 4]);
}
