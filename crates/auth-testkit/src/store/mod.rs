//! What every store must do, one property a function. A backend runs all of them:
//!
//! ```no_run
//! use auth_core::store::memory::MemoryStore;
//! use auth_testkit::store::Property;
//!
//! async fn in_memory(property: Property) {
//!     property.check(MemoryStore::new()).await;
//! }
//!
//! auth_testkit::store_conformance!(in_memory); // one #[tokio::test] for each property
//! ```
//!
//! Each property wants a store without users and sessions. `r3_…`, `r9_…` and the like name the requirement kept.

mod admins;
mod directory;
mod events;
mod factor_races;
mod factors;
pub(crate) mod given;
mod races;
mod revocations;
mod sessions;
mod throttle;
mod tokens;
mod user_lists;
mod users;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use auth_core::store::Store;

use crate::users::{
    a_user_who_may_not_sign_in_is_never_active, an_unknown_user_is_none,
    create_of_an_address_that_exists_is_a_conflict, create_then_find_returns_the_user,
    e1_addresses_are_compared_by_their_bytes, e1_an_id_in_another_spelling_is_nobody,
    of_16_concurrent_creates_of_one_address_one_wins, of_16_concurrent_rehashes_one_wins,
    rehash_replaces_only_the_expected_hash,
};

pub use admins::*;
pub use directory::*;
pub use events::*;
pub use factor_races::*;
pub use factors::*;
pub use races::*;
pub use revocations::*;
pub use sessions::*;
pub use throttle::*;
pub use tokens::*;
pub use user_lists::*;
pub use users::*;

/// One promise of the store traits.
#[derive(Clone, Copy)]
pub struct Property {
    /// Its name, which is that of its function.
    pub name: &'static str,
    check: fn(Arc<dyn Store>) -> Checking,
}

type Checking = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Property {
    /// # Panics
    /// When `store`, which must be empty, does not keep the promise.
    pub async fn check(self, store: impl Store) {
        (self.check)(Arc::new(store)).await;
    }

    /// The property with this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        ALL.iter().copied().find(|property| property.name == name).expect("a property with this name")
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Property").field(&self.name).finish()
    }
}

/// One list, from which both [`ALL`] and the macro are made. `$d` is a dollar sign for the inner macro.
macro_rules! properties {
    ($d:tt $($name:ident)*) => {
        /// Every property.
        pub const ALL: &[Property] =
            &[$(Property { name: stringify!($name), check: |store| Box::pin($name(store)) }),*];

        /// Runs every property of [`store`](crate::store) as a test of its own. Takes the path of an
        /// `async fn(Property)` that makes an empty store and calls [`Property::check`](crate::store::Property::check). The
        /// caller needs tokio with its features `macros` and `rt-multi-thread`.
        #[macro_export]
        macro_rules! store_conformance {
            ($d run:path) => {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $name() {
                        $d run($crate::store::Property::named(stringify!($name))).await;
                    }
                )*
            };
        }
    };
}

properties! {
    $
    open_then_load_returns_every_field
    open_without_client_details_stores_none
    an_unknown_session_is_none
    a_session_id_is_stored_once
    r9_open_under_another_epoch_is_stale
    r9_open_for_a_user_who_is_not_active_is_stale
    r9_open_for_a_removed_user_is_stale
    users_unknown_to_the_store_have_sessions
    an_unknown_user_has_epoch_zero
    rotate_replaces_the_secret_and_nothing_else
    r3_rotate_wins_once
    rotate_from_another_hash_loses_and_writes_nothing
    rotate_of_an_ended_session_loses_and_writes_nothing
    rotate_of_an_unknown_session_loses
    rotations_are_counted_one_by_one
    revoke_keeps_the_first_time
    revoke_of_an_unknown_session_loses
    list_has_the_living_newest_first
    end_beyond_ends_the_oldest_of_the_living
    f6_purge_removes_what_expired_and_no_more_than_asked_for
    f6_purge_removes_more_than_one_batch
    create_then_find_returns_every_field
    create_of_an_id_or_address_that_exists_is_a_conflict
    create_then_find_returns_the_user
    a_user_who_may_not_sign_in_is_never_active
    an_unknown_user_is_none
    e1_an_id_in_another_spelling_is_nobody
    create_of_an_address_that_exists_is_a_conflict
    e1_addresses_are_compared_by_their_bytes
    e1_user_ids_are_compared_by_their_bytes
    rehash_replaces_only_the_expected_hash
    of_16_concurrent_creates_of_one_address_one_wins
    of_16_concurrent_rehashes_one_wins
    rehash_of_a_user_without_a_password_does_nothing
    rehash_ends_no_session
    r8_end_sessions_ends_all_of_one_user
    r9_end_sessions_keeps_one_and_moves_it_to_the_new_epoch
    r9_end_sessions_does_not_revive_what_it_keeps
    end_sessions_keeps_no_session_of_somebody_else
    r9_each_change_of_a_user_is_stored_and_ends_sessions
    r9_an_empty_change_ends_sessions
    e1_an_address_of_somebody_else_is_a_conflict_and_changes_nothing
    an_address_can_be_changed_to_itself
    update_of_an_unknown_user_changes_nothing
    s2_an_update_that_expects_another_epoch_changes_nothing
    r9_an_update_keeps_one_session_and_moves_it_to_the_new_epoch
    r8_delete_removes_the_user_and_ends_sessions
    r9_reactivation_revives_nothing
    r9_a_user_created_again_does_not_revive_sessions
    count_follows_create_and_delete
    users_are_listed_by_id_page_by_page
    users_are_found_by_what_their_address_begins_with
    users_are_filtered_and_counted
    a_search_has_no_wildcards
    a_user_in_a_list_says_whether_there_is_a_factor
    the_last_admin_stays_when_told_so
    of_two_admins_who_end_each_other_one_stays
    r8_a_store_without_revocations_tells_none
    r8_ended_sessions_are_told_from_a_moment_on
    r8_the_end_of_all_sessions_is_told_with_the_lowest_epoch_that_counts
    r9_a_session_that_is_kept_is_not_told
    r8_removed_users_are_told
    g1_failures_cost_no_wait_then_ever_longer_ones
    g2_a_refund_takes_back_one_and_clear_takes_back_all
    g2_a_refund_returns_to_the_wait_of_before
    g2_one_bucket_that_refuses_leaves_the_others_alone
    g3_a_leaky_bucket_forgives_one_failure_at_a_time
    g11_prune_removes_what_is_forgotten_and_nothing_that_counts
    g1_of_200_concurrent_attempts_the_free_ones_are_granted
    g2_refunds_beside_reservations_lose_none
    r3_of_64_concurrent_rotations_one_wins
    r9_open_beside_end_sessions_leaves_no_live_session_of_the_old_epoch
    r9_open_beside_a_suspension_leaves_no_live_session
    s2_of_32_updates_that_expect_one_epoch_one_is_done
    r9_a_rotation_beside_revoke_ends_revoked
    f4_concurrent_work_on_many_users_fails_nowhere
    a_user_without_a_factor_has_none
    m4_the_last_pending_factor_is_kept
    m4_only_the_expected_pending_factor_is_enabled
    m4_an_active_factor_is_not_replaced
    m1_a_step_is_accepted_once_and_none_before_it
    r9_enabling_ends_every_other_session
    r9_enabling_keeps_no_session_that_is_not_the_users
    r9_disabling_ends_every_other_session_and_leaves_nothing
    m7_a_recovery_code_is_used_once
    a_secret_is_sealed_again_if_it_is_the_expected_one
    r9_a_removed_user_leaves_no_factor
    m1_of_64_concurrent_submissions_one_is_accepted
    m2_concurrent_submissions_of_neighbouring_steps_go_up
    m7_of_64_concurrent_uses_of_a_recovery_code_one_counts
    m7_concurrent_sets_of_recovery_codes_never_mix
    m4_of_concurrent_enablings_one_wins
    r9_open_beside_a_change_of_the_factor_leaves_no_other_live_session
    a_token_is_found_with_every_field
    users_unknown_to_the_store_have_tokens
    r9_a_token_under_another_epoch_or_of_a_user_who_is_not_active_is_stale
    r9_each_change_ends_the_tokens_of_its_user
    tokens_are_listed_newest_first
    a_token_is_revoked_once_and_by_its_owner
    the_last_use_of_a_token_is_kept
    a_user_has_no_more_tokens_than_one_may
    of_many_concurrent_tokens_no_more_are_stored_than_one_may_have
    r9_a_token_beside_a_change_of_credentials_is_dead
    a_use_beside_a_revocation_leaves_nothing
    f6_purge_removes_tokens_that_count_no_more
    an_event_is_kept_with_every_field
    f4_events_that_come_twice_are_kept_once
    events_are_listed_newest_first
    f6_purge_removes_old_events_and_no_more_than_asked_for
}
