//! What must hold however requests meet: the whole service, on two nodes with connections of their own to one database,
//! on each kind of it and at each isolation that servers come with or are set to. The races of the stores alone are in
//! `auth-testkit`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is its result"
)]

mod chain;
mod contention;
mod credentials;
mod elsewhere;
mod links;
mod nodes;
mod revocation;
mod rotation;
mod rounds;
mod throttle;

/// A test for each race in each setting.
macro_rules! races {
    ({ $($setting:ident: $value:expr,)* } $races:tt) => {
        $(races!(@ $setting, $value, $races);)*
    };
    (@ $setting:ident, $value:expr, [$($module:ident::$race:ident,)*]) => {
        mod $setting {
            use crate::nodes::Setting::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $race() {
                    crate::$module::$race($value).await;
                }
            )*
        }
    };
}

races! {
    {
        sqlite: Sqlite,
        postgres_read_committed: Postgres("read committed"),
        postgres_repeatable_read: Postgres("repeatable read"),
        postgres_serializable: Postgres("serializable"),
        mysql_read_committed: MySql("read committed"),
        mysql_repeatable_read: MySql("repeatable read"),
    }
    [
        rotation::r3_64_refreshes_over_two_nodes_rotate_once,
        rotation::r3_without_a_grace_one_is_served_and_the_family_ends,
        rotation::r2_reuse_beside_a_rotation_ends_the_family,
        rotation::r8_a_logout_beside_refreshes_ends_the_session,
        rounds::r3_rounds_over_the_same_sessions_rotate_each_once,
        rounds::r8_revocations_beside_rounds_end_every_session,
        rounds::r9_rounds_of_new_sessions_beside_changes_store_no_stale_one,
        revocation::r9_refreshes_beside_end_sessions_of_leave_nothing,
        revocation::r12_refreshes_beside_end_other_sessions_leave_only_the_one_that_asks,
        revocation::logins_beside_each_other_leave_no_more_sessions_than_may_go_on,
        credentials::r9_logins_beside_a_password_change_leave_no_session,
        credentials::r9_logins_beside_a_suspension_leave_no_session,
        credentials::r9_logins_beside_a_change_of_role_get_the_new_role_or_nothing,
        credentials::r9_logins_beside_a_change_of_address_leave_no_session,
        credentials::r9_logins_beside_a_removal_leave_no_session,
        credentials::r9_sessions_opened_beside_a_change_are_of_the_changed_user,
        elsewhere::r9_logins_beside_a_change_in_a_table_of_the_app_leave_no_session,
        links::s2_of_32_uses_of_one_link_one_works,
        links::s2_of_32_uses_of_one_link_one_works_in_a_table_of_the_app,
        links::s2_logins_and_refreshes_beside_a_reset_leave_no_session,
        links::r9_logins_and_refreshes_beside_a_change_leave_the_session_that_asks,
        throttle::g1_of_64_guesses_at_once_five_are_checked,
        throttle::s6_of_64_requests_for_a_mail_one_sends_it,
        contention::f4_everything_at_once_is_answered,
    ]
}
