//! Counters of failures (requirements G1, G2, G11).

use std::time::Duration;

use auth_core::Timestamp;
use auth_core::store::{Attempt, BucketKey, Forgetting, Limit, Reservation, Reserved};

use super::given::{AnyStore, NOW, seconds};
use super::races::together;

const SECOND: Duration = Duration::from_secs(1);

/// Five free, then one second, two, four; never more than ten in a row.
const IN_A_ROW: Limit = Limit {
    free: 5,
    first_delay: SECOND,
    longest_delay: Duration::from_secs(900),
    lock_after: Some(10),
    forgetting: Forgetting::AllAfter(Duration::from_secs(100_000)),
};

/// Twenty free, one forgiven a minute.
const LEAKY: Limit =
    Limit { free: 20, lock_after: None, forgetting: Forgetting::OneEvery(Duration::from_secs(60)), ..IN_A_ROW };

fn bucket(n: u8) -> BucketKey {
    // Zeros and bytes that are no UTF-8: all of them count.
    BucketKey::from_bytes([0, n, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, n])
}

fn account(n: u8) -> Attempt {
    Attempt { bucket: bucket(n), limit: IN_A_ROW }
}

fn address(n: u8) -> Attempt {
    Attempt { bucket: bucket(n), limit: LEAKY }
}

async fn reserve(store: &AnyStore, attempts: &[Attempt], now: Timestamp) -> Result<Vec<Reservation>, Timestamp> {
    match store.reserve(attempts, now).await.expect("reserve") {
        Reserved::Granted(reservations) => {
            let buckets: Vec<_> = reservations.iter().map(|reservation| reservation.bucket).collect();
            assert_eq!(buckets, attempts.iter().map(|attempt| attempt.bucket).collect::<Vec<_>>(), "in their order");
            Ok(reservations)
        }
        Reserved::Refused { until, limit } => {
            assert!(attempts.iter().any(|attempt| attempt.limit == limit), "the limit of one of them");
            Err(until)
        }
    }
}

/// How many attempts are granted one after the other at `now`.
async fn room(store: &AnyStore, attempt: Attempt, now: Timestamp) -> u32 {
    let mut granted = 0;
    while reserve(store, &[attempt], now).await.is_ok() {
        granted += 1;
        assert!(granted < 1000, "there is no end to it");
    }
    granted
}

/// G1: the free ones, then the wait, which doubles; each bucket by itself; and an end at the last of all.
pub async fn g1_failures_cost_no_wait_then_ever_longer_ones(store: AnyStore) {
    assert_eq!(room(&store, account(1), NOW).await, 5);
    assert_eq!(room(&store, account(2), NOW).await, 5, "another bucket knows nothing of it");
    let mut now = NOW;
    for wait in [1, 2, 4, 8, 16] {
        let until = reserve(&store, &[account(1)], now).await.expect_err("a wait");
        assert_eq!(until, now.after(wait * SECOND));
        let just_before = until.before(Duration::from_millis(1));
        assert_eq!(reserve(&store, &[account(1)], just_before).await, Err(until));
        now = until;
        assert_eq!(room(&store, account(1), now).await, 1, "after the wait there is one");
    }
    for later in [0, 900, 99_999] {
        let at = now.after(later * SECOND);
        assert_eq!(reserve(&store, &[account(1)], at).await, Err(at.after(IN_A_ROW.longest_delay)), "ten in a row");
    }
    assert_eq!(room(&store, account(1), now.after(100_000 * SECOND)).await, 5, "forgotten");
}

/// G2: what is refunded was none, what is cleared is forgotten, and neither is undone by the other.
pub async fn g2_a_refund_takes_back_one_and_clear_takes_back_all(store: AnyStore) {
    let mut reservations = Vec::new();
    for _ in 0..5 {
        reservations.extend(reserve(&store, &[account(1)], NOW).await.expect("free"));
    }
    store.refund(&reservations[0]).await.expect("refund");
    assert_eq!(room(&store, account(1), NOW).await, 1);
    store.refund(&reservations[1]).await.expect("refund");
    store.refund(&reservations[2]).await.expect("refund");
    assert_eq!(room(&store, account(1), NOW).await, 2);

    store.clear(bucket(1)).await.expect("clear");
    assert_eq!(room(&store, account(1), NOW).await, 5);
    store.refund(&reservations[3]).await.expect("refund");
    assert_eq!(room(&store, account(1), NOW).await, 0, "it was cleared before, and takes nothing back now");

    // Nor after it was forgotten, nor where nothing is.
    let later = NOW.after(100_000 * SECOND);
    assert_eq!(room(&store, account(1), later).await, 5);
    store.refund(&reservations[4]).await.expect("refund");
    assert_eq!(room(&store, account(1), later).await, 0);
    store.clear(bucket(9)).await.expect("clear");
    store.refund(&Reservation { bucket: bucket(9), ..reservations[0] }).await.expect("refund");
    assert_eq!(room(&store, account(9), NOW).await, 5);
    for reservation in &reserve(&store, &[account(8)], NOW).await.expect("free") {
        store.refund(reservation).await.expect("refund");
        store.refund(reservation).await.expect("refund");
    }
    assert_eq!(room(&store, account(8), NOW).await, 5, "there are no failures below none");
}

/// G2: who was sent away with a 503 waits no longer than before.
pub async fn g2_a_refund_returns_to_the_wait_of_before(store: AnyStore) {
    assert_eq!(room(&store, account(1), NOW).await, 5);
    let now = seconds(1);
    let reservation = reserve(&store, &[account(1)], now).await.expect("the wait is over")[0];
    assert!(reserve(&store, &[account(1)], now).await.is_err());
    store.refund(&reservation).await.expect("refund");
    assert_eq!(room(&store, account(1), now).await, 1);
}

/// G2: all of the buckets count, or none.
pub async fn g2_one_bucket_that_refuses_leaves_the_others_alone(store: AnyStore) {
    assert_eq!(room(&store, account(1), NOW).await, 5);
    for _ in 0..30 {
        assert_eq!(reserve(&store, &[account(1), address(2)], NOW).await, Err(seconds(1)));
        assert_eq!(reserve(&store, &[address(2), account(1)], NOW).await, Err(seconds(1)));
    }
    assert_eq!(room(&store, address(2), NOW).await, 20);
    // The longest wait is told, and the limit that asks for it.
    let at = seconds(1);
    assert_eq!(room(&store, account(1), at).await, 1);
    assert_eq!(room(&store, address(2), at).await, 1);
    let until = at.after(2 * SECOND);
    assert_eq!(reserve(&store, &[address(2), account(1)], at).await, Err(until));
    assert_eq!(reserve(&store, &[account(3), address(4)], NOW).await.map(|granted| granted.len()), Ok(2));
    assert_eq!((room(&store, account(3), NOW).await, room(&store, address(4), NOW).await), (4, 19));
}

/// G3: what many share forgives one after the other, and attempts in between do not hold that up.
pub async fn g3_a_leaky_bucket_forgives_one_failure_at_a_time(store: AnyStore) {
    assert_eq!(room(&store, address(1), NOW).await, 20);
    assert_eq!(room(&store, address(1), seconds(600)).await, 10);
    assert_eq!(room(&store, address(1), seconds(659)).await, 1, "the second's wait is over, nothing is forgiven yet");
    assert_eq!(room(&store, address(1), seconds(721)).await, 1, "two minutes forgave two");
    let later = seconds(100_000);
    let granted = reserve(&store, &[address(1)], later).await.expect("all is forgiven");
    store.refund(&granted[0]).await.expect("refund");
    assert_eq!(room(&store, address(1), later).await, 20);

    // A hundred successes leave it as it was, also in what it forgives.
    assert_eq!(room(&store, address(2), NOW).await, 20);
    for n in 1..=100 {
        let at = seconds(600).after(n * SECOND / 10);
        store.refund(&reserve(&store, &[address(2)], at).await.expect("ten are free")[0]).await.expect("refund");
    }
    assert_eq!(room(&store, address(2), seconds(610)).await, 10);
    assert_eq!(room(&store, address(2), seconds(1210)).await, 10);
}

/// G1: of 200 attempts at once, exactly the free ones are granted, in two buckets or one, known or new.
pub async fn g1_of_200_concurrent_attempts_the_free_ones_are_granted(store: AnyStore) {
    for n in 0..3 {
        // A bucket that is new, one that is there, and one that has been cleared.
        if n > 0 {
            reserve(&store, &[account(n)], NOW).await.expect("free");
        }
        if n > 1 {
            store.clear(bucket(n)).await.expect("clear");
        }
        let free = if n == 1 { 4 } else { 5 };
        let granted = crowd(&store, 200, vec![account(n)], NOW).await;
        assert_eq!(granted, free, "bucket {n}");
        // Once the wait is over it is one, whoever is first.
        assert_eq!(crowd(&store, 50, vec![account(n)], seconds(1)).await, 1, "bucket {n}");
    }
    assert_eq!(crowd(&store, 200, vec![address(10)], NOW).await, 20);
    assert_eq!(crowd(&store, 100, vec![address(10)], seconds(600)).await, 10, "ten were forgiven");
    // Many accounts, one address: the address allows 20, and no account has lost one by being refused there.
    let work = (0..60_u8).map(|n| {
        let store = store.clone();
        async move { reserve(&store, &[account(100 + n), address(11)], NOW).await.is_ok() }
    });
    let granted = together(work).await.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted, 20);
    let mut left = 0;
    for n in 0..60 {
        left += room(&store, account(100 + n), NOW).await;
    }
    assert_eq!(left, 60 * 5 - 20);
}

async fn crowd(store: &AnyStore, size: usize, attempts: Vec<Attempt>, now: Timestamp) -> usize {
    let work = (0..size).map(|_| {
        let (store, attempts) = (store.clone(), attempts.clone());
        async move { reserve(&store, &attempts, now).await.is_ok() }
    });
    together(work).await.into_iter().filter(|granted| *granted).count()
}

/// G2: refunds and clears beside reservations lose none and invent none.
pub async fn g2_refunds_beside_reservations_lose_none(store: AnyStore) {
    let roomy = Attempt { limit: Limit { free: 1000, lock_after: None, ..IN_A_ROW }, ..account(1) };
    // 40 tasks reserve ten times each, and take back every second one.
    let work = (0..40).map(|_| {
        let store = store.clone();
        async move {
            for n in 0..10 {
                let granted = reserve(&store, &[roomy], NOW).await.expect("there is room");
                if n % 2 == 0 {
                    store.refund(&granted[0]).await.expect("refund");
                }
            }
        }
    });
    together(work).await;
    let left = Attempt { limit: Limit { free: 201, ..roomy.limit }, ..roomy };
    assert_eq!(room(&store, left, NOW).await, 1, "200 are counted");

    // One clears among them: what it leaves are those that came after it, never fewer than none.
    let work = (0..20).map(|n| {
        let store = store.clone();
        async move {
            if n == 10 {
                store.clear(bucket(2)).await.expect("clear");
            } else if let Ok(granted) = reserve(&store, &[Attempt { bucket: bucket(2), ..roomy }], NOW).await {
                store.refund(&granted[0]).await.expect("refund");
            }
        }
    });
    together(work).await;
    assert_eq!(room(&store, account(2), NOW).await, 5, "all were taken back or cleared");
}

/// G11: what counts for nothing goes, in batches, and what counts stays.
pub async fn g11_prune_removes_what_is_forgotten_and_nothing_that_counts(store: AnyStore) {
    for n in 0..7 {
        reserve(&store, &[address(n)], NOW).await.expect("free");
    }
    assert_eq!(room(&store, account(100), NOW).await, 5);
    reserve(&store, &[account(101)], NOW).await.expect("free");
    store.clear(bucket(101)).await.expect("clear");

    assert_eq!(store.prune(NOW, 100).await.expect("prune"), 0, "nothing is before now");
    assert_eq!(store.prune(seconds(61), 3).await.expect("prune"), 3, "no more than asked for");
    assert_eq!(store.prune(seconds(61), 100).await.expect("prune"), 5, "the other four, and what was cleared");
    assert_eq!(store.prune(seconds(61), 100).await.expect("prune"), 0);
    assert_eq!(room(&store, account(100), NOW).await, 0, "what counts stays");
    assert_eq!(store.prune(seconds(100_001), 100).await.expect("prune"), 1);
    assert_eq!(room(&store, account(100), NOW).await, 5);

    // More than one batch.
    for n in 0..1100_u128 {
        let bucket = BucketKey::from_bytes((1_000_000 + n).to_be_bytes());
        reserve(&store, &[Attempt { bucket, limit: LEAKY }], NOW).await.expect("free");
    }
    assert_eq!(store.prune(seconds(61), u64::MAX).await.expect("prune"), 1100);
}
