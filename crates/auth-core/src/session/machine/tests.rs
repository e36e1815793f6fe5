use zeroize::Zeroizing;

use super::*;
use crate::client::ClientInfo;
use crate::id::{SessionId, UserId};
use crate::store::SessionMode;

const GRACE: i64 = 10_000;
const ROTATED_AT: i64 = 1_000_000;

fn token(generation: u64, family: u8, secret: u8) -> TokenParts {
    TokenParts {
        session: SessionId::from_bytes([0; 16]),
        generation,
        family: Zeroizing::new([family; 16]),
        secret: Zeroizing::new([secret; 32]),
    }
}

/// Generation 5 with secret 5, previous secret 4, family 1.
fn row() -> SessionRecord {
    SessionRecord {
        id: SessionId::from_bytes([0; 16]),
        user: UserId::new("u").expect("short"),
        epoch: Epoch(3),
        aal: 1,
        family_hash: codec::hash(&[1; 16]),
        generation: 5,
        current_hash: codec::hash(&[5; 32]),
        previous_hash: Some(codec::hash(&[4; 32])),
        salt: [0; 16],
        key_id: 1,
        mode: SessionMode::Json,
        auth_time: Timestamp::from_millis(0),
        created_at: Timestamp::from_millis(0),
        rotated_at: Some(Timestamp::from_millis(ROTATED_AT)),
        idle_expires_at: Timestamp::from_millis(10_000_000),
        absolute_expires_at: Timestamp::from_millis(20_000_000),
        revoked_at: None,
        client: ClientInfo::default(),
    }
}

fn after_rotation(millis: i64) -> Circumstances {
    Circumstances {
        now: Timestamp::from_millis(ROTATED_AT + millis),
        grace_millis: GRACE,
        epoch: Epoch(3),
        user_active: true,
        lost_race: false,
    }
}

#[test]
fn a_token_is_judged_by_generation_secret_and_age() {
    let current = token(5, 1, 5);
    let previous = token(4, 1, 4);
    let ancestor = token(3, 1, 3);
    for (token, millis, expected) in [
        (&current, 0, Standing::CurrentYoung),
        (&current, GRACE - 1, Standing::CurrentYoung),
        (&current, GRACE, Standing::CurrentOld),
        (&previous, 0, Standing::PreviousYoung),
        (&previous, GRACE - 1, Standing::PreviousYoung),
        (&previous, GRACE, Standing::Reused),
        (&ancestor, 0, Standing::Reused),
        (&token(6, 1, 6), 0, Standing::Ahead),
        (&token(u64::MAX, 1, 6), 0, Standing::Ahead),
        (&token(5, 1, 9), 0, Standing::Mismatch),
        (&token(4, 1, 9), 0, Standing::Mismatch),
        (&token(5, 9, 5), 0, Standing::Unknown),
        (&token(3, 9, 3), 0, Standing::Unknown),
        (&token(6, 9, 6), 0, Standing::Unknown),
        // Another node's clock is a little ahead, or far ahead.
        (&current, -60_000, Standing::CurrentYoung),
        (&previous, -60_000, Standing::PreviousYoung),
        (&previous, -60_001, Standing::ClockFault),
        (&current, -60_001, Standing::CurrentOld),
    ] {
        assert_eq!(judge(&row(), token, after_rotation(millis)), expected, "{} at {millis}", token.generation);
    }
}

#[test]
fn r1_without_a_grace_every_use_rotates_and_every_second_use_is_reuse() {
    let strict = Circumstances { grace_millis: 0, ..after_rotation(0) };
    assert_eq!(judge(&row(), &token(5, 1, 5), strict), Standing::CurrentOld);
    assert_eq!(judge(&row(), &token(4, 1, 4), strict), Standing::Reused);
}

#[test]
fn r3_who_lost_the_race_came_in_time_unless_every_second_use_is_reuse() {
    let slow = Circumstances { lost_race: true, ..after_rotation(10 * GRACE) };
    let strict = Circumstances { grace_millis: 0, ..slow };
    assert_eq!(judge(&row(), &token(4, 1, 4), slow), Standing::PreviousYoung);
    assert_eq!(judge(&row(), &token(4, 1, 4), strict), Standing::Reused);
    assert_eq!(judge(&row(), &token(3, 1, 3), slow), Standing::Overtaken);
    assert_eq!(judge(&row(), &token(3, 1, 3), strict), Standing::Reused);
    assert_eq!(judge(&row(), &token(4, 1, 9), slow), Standing::Mismatch);
    let revoked = SessionRecord { revoked_at: Some(Timestamp::from_millis(0)), ..row() };
    assert_eq!(judge(&revoked, &token(4, 1, 4), slow), Standing::Dead);
}

#[test]
fn the_first_refresh_of_a_new_session_always_rotates() {
    let fresh = SessionRecord { generation: 0, previous_hash: None, rotated_at: None, ..row() };
    assert_eq!(judge(&fresh, &token(0, 1, 5), after_rotation(-ROTATED_AT)), Standing::CurrentOld);
}

#[test]
fn r5_idle_and_absolute_expiry_end_a_session() {
    for (idle, absolute) in [(0, 1), (1, 0)] {
        let expired = SessionRecord {
            idle_expires_at: Timestamp::from_millis(ROTATED_AT + idle),
            absolute_expires_at: Timestamp::from_millis(ROTATED_AT + absolute),
            ..row()
        };
        assert_eq!(judge(&expired, &token(5, 1, 5), after_rotation(0)), Standing::Dead);
        assert_eq!(judge(&expired, &token(5, 1, 5), after_rotation(-1)), Standing::CurrentYoung);
    }
}

#[test]
fn r8_an_ended_session_another_epoch_and_an_inactive_user_are_dead() {
    let revoked = SessionRecord { revoked_at: Some(Timestamp::from_millis(0)), ..row() };
    let at = after_rotation(0);
    for presented in [token(5, 1, 5), token(4, 1, 4), token(2, 1, 2), token(9, 1, 9)] {
        assert_eq!(judge(&revoked, &presented, at), Standing::Dead);
        assert_eq!(judge(&row(), &presented, Circumstances { epoch: Epoch(4), ..at }), Standing::Dead);
        assert_eq!(judge(&row(), &presented, Circumstances { user_active: false, ..at }), Standing::Dead);
    }
}

#[test]
fn r7_a_forger_without_the_family_secret_learns_and_changes_nothing() {
    let revoked = SessionRecord { revoked_at: Some(Timestamp::from_millis(0)), ..row() };
    for generation in 0..10 {
        let forged = token(generation, 7, 5);
        assert_eq!(judge(&row(), &forged, after_rotation(GRACE)), Standing::Unknown);
        assert_eq!(judge(&revoked, &forged, after_rotation(GRACE)), Standing::Unknown, "nor whether it is alive");
    }
}
