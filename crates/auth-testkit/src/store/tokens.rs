//! Personal access tokens: made, found, listed, revoked, removed, also at once.

use auth_core::store::{
    Epoch, LastAdmin, LoadedToken, NewTokenRecord, RevokeReason, Swap, TokenCreated, TokenHash, TokenRecord,
    UpdateTerms, Updated, UserChange, UserStatus,
};
use auth_core::{TokenId, TokenName, TokenScopes, UserId};

use super::factors::enabled;
use super::given::{AnyStore, NOW, seconds, stored_user, user_id};
use super::races::{together, together_with};

const MOST: u64 = 100;

fn token(n: u16, user: UserId, epoch: Epoch) -> NewTokenRecord {
    let mut id = [0; 16];
    id[14..].copy_from_slice(&n.to_be_bytes());
    let token = TokenRecord {
        id: TokenId::from_bytes(id),
        user,
        epoch,
        name: TokenName::new("Ada\u{2019}s CI \u{1f511}").expect("a name"),
        scopes: None,
        created_at: NOW,
        expires_at: seconds(600),
        last_used_at: None,
    };
    NewTokenRecord { hash: hash(n), token }
}

fn hash(n: u16) -> TokenHash {
    let mut hash = [0xff; 32];
    hash[..2].copy_from_slice(&n.to_be_bytes());
    TokenHash::from_bytes(hash)
}

async fn created(store: &AnyStore, new: NewTokenRecord) -> TokenRecord {
    assert_eq!(store.create_token(&new, MOST).await.expect("create_token"), TokenCreated::Stored);
    new.token
}

async fn found(store: &AnyStore, n: u16) -> Option<LoadedToken> {
    store.find_token(&hash(n)).await.expect("find_token")
}

/// Whether the token counts: what the core checks at each use.
async fn counts(store: &AnyStore, n: u16) -> bool {
    let Some(loaded) = found(store, n).await else { return false };
    let active = loaded.user.is_none_or(|user| user.status == UserStatus::Active);
    loaded.token.epoch == loaded.epoch && active
}

/// What is stored is found by its hash, with its owner and what decides about it.
pub async fn a_token_is_found_with_every_field(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let mut new = token(1, user, Epoch(0));
    let longest = format!("!#[]~ {}", "a".repeat(994));
    new.token.scopes = Some(TokenScopes::parse(&longest).expect("scopes"));
    new.token.name = TokenName::new("\u{1f511}".repeat(100)).expect("a name");
    let token = created(&store, new).await;
    let loaded = found(&store, 1).await.expect("a token");
    assert_eq!((&loaded.token, loaded.epoch, loaded.has_factor), (&token, Epoch(0), false));
    assert_eq!(loaded.user.expect("lives here").id, user);
    assert!(found(&store, 2).await.is_none());

    enabled(&store, 1, &user, None).await;
    let loaded = found(&store, 1).await.expect("a token");
    assert_eq!((loaded.token.epoch, loaded.epoch, loaded.has_factor), (Epoch(0), Epoch(1), true));
}

/// A user that the store does not hold has tokens too.
pub async fn users_unknown_to_the_store_have_tokens(store: AnyStore) {
    let user = user_id("elsewhere");
    let token = created(&store, token(1, user, Epoch(0))).await;
    let loaded = found(&store, 1).await.expect("a token");
    assert!(loaded.user.is_none());
    assert_eq!(store.list_tokens(&user, Epoch(0)).await.expect("list_tokens"), [token]);
    assert!(counts(&store, 1).await);
}

/// Nobody gets a token by what was true before a change.
pub async fn r9_a_token_under_another_epoch_or_of_a_user_who_is_not_active_is_stale(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let stale = async |epoch| {
        let outcome = store.create_token(&token(1, user, epoch), MOST).await.expect("create_token");
        assert_eq!(outcome, TokenCreated::Stale, "{epoch:?}");
        assert!(found(&store, 1).await.is_none());
    };
    stale(Epoch(1)).await;
    let change = UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    let updated = store.update(&user, &change, UpdateTerms::default(), NOW).await.expect("update");
    assert_eq!(updated, Updated::Done);
    stale(Epoch(0)).await;
    stale(Epoch(1)).await;
    assert_eq!(store.delete(&user, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::Done);
    stale(Epoch(1)).await;
}

/// What ends all sessions ends all tokens, and so does what keeps one session; others keep theirs.
pub async fn r9_each_change_ends_the_tokens_of_its_user(store: AnyStore) {
    let other = stored_user(&store, "other").await;
    created(&store, token(100, other, Epoch(0))).await;
    for (n, keep) in [(1, None), (2, Some(super::given::session_id(9)))] {
        let user = stored_user(&store, &format!("u{n}")).await;
        created(&store, token(n, user, Epoch(0))).await;
        store.end_sessions(&user, keep, RevokeReason::Ended, NOW).await.expect("end_sessions");
        assert!(!counts(&store, n).await);
        assert_eq!(store.list_tokens(&user, Epoch(1)).await.expect("list_tokens"), []);
    }
    let user = stored_user(&store, "u3").await;
    created(&store, token(3, user, Epoch(0))).await;
    assert_eq!(store.delete(&user, LastAdmin::MayGo, NOW).await.expect("delete"), Updated::Done);
    assert!(found(&store, 3).await.is_none(), "of a removed user nothing is left");
    assert!(counts(&store, 100).await);
}

/// Newest first, with those that expired, and without those of others.
pub async fn tokens_are_listed_newest_first(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    created(&store, token(100, other, Epoch(0))).await;
    let mut expected = Vec::new();
    for (n, at) in [(1, 0), (2, 20), (3, 10)] {
        let mut new = token(n, user, Epoch(0));
        new.token.created_at = seconds(at);
        new.token.expires_at = seconds(at + 100);
        expected.push(created(&store, new).await);
    }
    let expected = [expected[1].clone(), expected[2].clone(), expected[0].clone()];
    assert_eq!(store.list_tokens(&user, Epoch(0)).await.expect("list_tokens"), expected);
}

/// A token is revoked by its owner alone, once.
pub async fn a_token_is_revoked_once_and_by_its_owner(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let other = stored_user(&store, "u2").await;
    let id = created(&store, token(1, user, Epoch(0))).await.id;
    created(&store, token(2, user, Epoch(0))).await;
    assert_eq!(store.revoke_token(&other, id).await.expect("revoke_token"), Swap::Lost);
    assert!(counts(&store, 1).await);
    assert_eq!(store.revoke_token(&user, id).await.expect("revoke_token"), Swap::Won);
    assert!(found(&store, 1).await.is_none());
    assert_eq!(store.revoke_token(&user, id).await.expect("revoke_token"), Swap::Lost);
    assert!(counts(&store, 2).await);
}

/// The last use is kept, whatever the order in which uses are noted; one of a token that is gone is nothing.
pub async fn the_last_use_of_a_token_is_kept(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let id = created(&store, token(1, user, Epoch(0))).await.id;
    for (at, last) in [(10, 10), (5, 10), (20, 20), (20, 20)] {
        store.note_token_use(id, seconds(at)).await.expect("note_token_use");
        let token = found(&store, 1).await.expect("a token").token;
        assert_eq!(token.last_used_at, Some(seconds(last)));
    }
    assert_eq!(store.revoke_token(&user, id).await.expect("revoke_token"), Swap::Won);
    store.note_token_use(id, seconds(30)).await.expect("note_token_use");
    assert!(found(&store, 1).await.is_none());
}

/// Those that do not count make room.
pub async fn a_user_has_no_more_tokens_than_one_may(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let create = async |new: NewTokenRecord| store.create_token(&new, 2).await.expect("create_token");
    let mut short = token(1, user, Epoch(0));
    short.token.expires_at = seconds(10);
    assert_eq!(create(short).await, TokenCreated::Stored);
    assert_eq!(create(token(2, user, Epoch(0))).await, TokenCreated::Stored);
    assert_eq!(create(token(3, user, Epoch(0))).await, TokenCreated::TooMany);
    let mut later = token(3, user, Epoch(0));
    later.token.created_at = seconds(10);
    assert_eq!(create(later).await, TokenCreated::Stored);
    assert!(found(&store, 1).await.is_none(), "it has expired");
    assert_eq!(create(token(4, user, Epoch(0))).await, TokenCreated::TooMany);
    store.end_sessions(&user, None, RevokeReason::Ended, NOW).await.expect("end_sessions");
    assert_eq!(create(token(4, user, Epoch(1))).await, TokenCreated::Stored);
    assert!(found(&store, 2).await.is_none() && found(&store, 3).await.is_none());
    let other = stored_user(&store, "u2").await;
    assert_eq!(create(token(5, other, Epoch(0))).await, TokenCreated::Stored);
}

/// Also when all are asked for at once.
pub async fn of_many_concurrent_tokens_no_more_are_stored_than_one_may_have(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let creates = (0..32).map(|n| {
        let store = store.clone();
        async move { store.create_token(&token(n, user, Epoch(0)), 5).await.expect("create_token") }
    });
    let outcomes = together(creates).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == TokenCreated::Stored).count(), 5);
    assert!(outcomes.iter().all(|outcome| *outcome != TokenCreated::Stale));
    assert_eq!(store.list_tokens(&user, Epoch(0)).await.expect("list_tokens").len(), 5);
}

/// Tokens made while credentials change: either they were first and are dead too, or they are refused.
pub async fn r9_a_token_beside_a_change_of_credentials_is_dead(store: AnyStore) {
    for round in 0..20_u16 {
        let user = user_id(&format!("user-{round}"));
        let creates = (0..6).map(|n| {
            let store = store.clone();
            let new = token(round * 10 + n, user, Epoch(0));
            async move {
                let (TokenCreated::Stored | TokenCreated::Stale) =
                    store.create_token(&new, MOST).await.expect("create_token")
                else {
                    panic!("there is room")
                };
            }
        });
        let ender = store.clone();
        let end = async move {
            ender.end_sessions(&user, None, RevokeReason::CredentialsChanged, NOW).await.expect("end_sessions");
        };
        together_with(creates, end).await;
        for n in 0..6 {
            assert!(!counts(&store, round * 10 + n).await, "round {round}: a token slipped through");
        }
    }
}

/// Uses that are noted while a token is revoked do not bring it back.
pub async fn a_use_beside_a_revocation_leaves_nothing(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    for n in 0..20 {
        let id = created(&store, token(n, user, Epoch(0))).await.id;
        let uses = (0..6).map(|at| {
            let store = store.clone();
            async move { store.note_token_use(id, seconds(at)).await.expect("note_token_use") }
        });
        let revoker = store.clone();
        let revoke = async move {
            assert_eq!(revoker.revoke_token(&user, id).await.expect("revoke_token"), Swap::Won);
        };
        together_with(uses, revoke).await;
        assert!(found(&store, n).await.is_none());
    }
}

/// What expired before a moment or is of an older epoch is removed, and no more than asked for at once.
pub async fn f6_purge_removes_tokens_that_count_no_more(store: AnyStore) {
    let user = stored_user(&store, "u1").await;
    let ended = user_id("elsewhere");
    for n in 0..3 {
        created(&store, token(n, ended, Epoch(0))).await;
    }
    store.end_sessions(&ended, None, RevokeReason::Ended, NOW).await.expect("end_sessions");
    created(&store, token(3, ended, Epoch(1))).await;
    for (n, expires) in [(4, 10), (5, 10), (6, 20)] {
        let mut new = token(n, user, Epoch(0));
        new.token.expires_at = seconds(expires);
        created(&store, new).await;
    }
    assert_eq!(store.purge_tokens(seconds(10), 0).await.expect("purge_tokens"), 0);
    assert_eq!(store.purge_tokens(seconds(20), 1).await.expect("purge_tokens"), 1);
    assert_eq!(store.purge_tokens(seconds(20), 100).await.expect("purge_tokens"), 1);
    for (n, is_there) in [(0, false), (1, false), (2, false), (3, true), (4, false), (5, false), (6, true)] {
        assert_eq!(found(&store, n).await.is_some(), is_there, "token {n}");
    }
    assert_eq!(store.purge_tokens(seconds(7000), 100).await.expect("purge_tokens"), 2);
}
