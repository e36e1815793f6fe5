//! Every case, by topic. A test beside the list makes sure that none is left out.

use super::{Case, Variant};

pub mod bearer;
pub mod body;
pub mod cookies;
pub mod directus;
pub mod enrolment;
pub mod events;
pub mod graphql;
pub mod graphql_guards;
pub mod graphql_input;
pub mod guard;
pub mod health;
pub mod login;
pub mod logout;
pub mod modes;
pub mod openapi;
pub mod origin;
pub mod password_change;
pub mod password_reset;
pub mod personal_tokens;
pub mod register;
pub mod rotation;
pub mod routes;
pub mod sessions;
pub mod step_up;
pub mod storage;
pub mod tfa;
pub mod throttle;
pub mod tokens;
pub mod users;
pub mod users_me;
pub mod validation;

macro_rules! cases {
    ($($topic:ident { $($variant:ident: [$($name:ident),* $(,)?])* })*) => {
        /// Every case.
        pub const ALL: &[Case] = &[$($($(
            Case {
                name: concat!(stringify!($topic), "::", stringify!($name)),
                variant: Variant::$variant,
                run: |subject| Box::pin($topic::$name(subject)),
            },
        )*)*)*];
    };
}

cases! {
    login {
        Default: [
            json_mode_gives_both_tokens,
            c6_cookie_mode_gives_the_access_token_and_a_cookie,
            c6_session_mode_gives_a_session_cookie_alone,
            the_access_token_says_who_and_for_how_long,
            the_session_cookie_is_a_jwt_of_its_own_kind,
            e1_the_address_is_compared_in_canonical_form,
            a_code_without_mfa_and_unknown_members_are_ignored,
            p6_an_overlong_password_is_a_wrong_one,
            a_bad_bearer_token_breaks_nothing,
        ]
        Unthrottled: [g4_refused_logins_look_the_same, p3_nothing_close_to_the_password_is_accepted]
        Crowded: [g8_a_crowd_is_told_to_come_back]
    }
    validation {
        Default: [
            each_member_has_its_rule,
            e2_the_address_is_one_string,
            e1_a_treacherous_address_is_refused,
            e2_duplicate_keys_are_refused,
            the_first_error_is_named,
            a_body_is_an_object,
            malformed_json_is_located_and_never_echoed,
            refresh_and_logout_check_their_members,
        ]
    }
    body {
        Default: [
            g10_the_limit_is_exact,
            g10_a_large_body_gets_its_answer,
            g10_a_huge_body_does_no_harm,
            g10_deeply_nested_json_is_refused,
            g10_only_json_is_read,
            g10_two_content_types_are_refused,
            json_may_say_its_charset,
            a_chunked_body_is_read,
            an_empty_body_is_an_empty_object,
            b2_who_asks_comes_before_what_is_asked,
        ]
    }
    modes {
        Default: [
            a_body_token_means_json_mode,
            the_cookie_alone_means_cookie_mode,
            session_mode_refreshes_the_session_cookie,
            b6_no_cache_keeps_a_token,
            r10_a_login_ends_the_sessions_of_both_cookies,
            a_refresh_without_a_token_is_refused,
            a_body_token_moves_into_the_cookie,
            c6_the_cookie_token_moves_into_json,
            c6_a_foreign_page_gets_no_token_out_of_the_cookie,
            the_body_token_beats_the_cookie,
            j8_a_session_secret_is_no_refresh_token,
            j8_other_tokens_do_not_refresh_a_session,
        ]
        Hardened: [c6_hardened_refuses_to_take_the_token_out, hardened_still_signs_out_by_cookie]
    }
    rotation {
        Default: [
            r1_a_refresh_rotates,
            r1_the_previous_token_ends_with_the_grace,
            r2_reuse_ends_the_family,
            r2_an_ancestor_ends_the_family,
            r3_parallel_refreshes_rotate_once,
            r4_a_retry_gets_the_same_successor,
            r4_a_retry_by_cookie_gets_the_same_successor,
            f5_a_clock_set_back_ends_nothing,
            d1_within_the_grace_the_current_token_stays,
            r5_idle_sessions_end,
            r5_every_session_ends,
            r5_session_mode_has_its_own_idle_time,
            r7_a_damaged_token_ends_nothing,
            r7_a_forged_token_ends_nothing,
            r8_a_changed_user_is_out_at_once,
            r8_a_new_role_is_in_the_next_token,
        ]
        Hardened: [r2_hardened_reuse_ends_every_session]
        StrictGrace: [r2_strict_the_second_use_ends_the_family, d1_without_a_grace_every_refresh_rotates]
    }
    logout {
        Default: [
            r8_a_logout_ends_the_session,
            r8_a_logout_ends_no_other_session,
            r8_the_previous_token_signs_out,
            r11_a_captured_session_cookie_dies_at_logout,
            r11_the_previous_session_cookie_has_the_grace,
            a_logout_is_idempotent,
            c7_a_logout_clears_the_cookie_it_was_sent,
            c7_a_logout_by_body_clears_its_own_cookie,
            a_logout_in_json_mode_reads_the_cookie,
            r10_every_login_is_a_new_session,
            r10_the_session_of_the_presented_cookie_ends,
            r10_a_refused_login_ends_nothing,
            r10_a_mangled_cookie_does_not_stop_a_login,
        ]
    }
    cookies {
        Default: [
            c1_the_attributes_are_exact,
            c3_two_cookies_of_one_name_are_refused,
            c3_a_login_does_not_guess_which_session_it_ends,
            c3_a_guard_refuses_two_session_cookies,
            c3_only_the_exact_name_is_read,
            cookies_of_others_do_no_harm,
            foreign_bytes_in_other_cookies_do_no_harm,
            c7_a_dead_cookie_is_cleared,
            c7_a_doubtful_cookie_is_left_alone,
            c7_a_dead_body_token_leaves_the_cookie_alone,
        ]
        Hardened: [c1_hardened_cookies_are_strict]
    }
    origin {
        Default: [
            c4_an_upgrade_by_cookie_is_no_safe_request,
            c5_a_login_in_json_mode_may_come_from_anywhere,
            c4_a_refresh_by_cookie_must_be_ours,
            c4_a_logout_by_cookie_must_be_ours,
            c4_a_change_by_session_cookie_must_be_ours,
            c4_reading_and_bearer_tokens_are_free,
            c4_an_allowed_sibling_is_ours,
            c5_a_foreign_page_cannot_plant_its_token,
        ]
        Unthrottled: [c5_a_foreign_page_cannot_set_a_session]
    }
    bearer {
        Default: [
            b3_the_scheme_has_no_case,
            b3_another_scheme_is_no_token,
            b3_a_malformed_bearer_does_not_fall_back,
            b1_two_tokens_are_refused,
            b1_a_token_beats_the_session_cookie,
            b4_the_query_token_is_taken_out_of_the_uri,
            b4_a_uri_without_a_token_is_left_alone,
            b4_only_the_exact_key_is_a_token,
            b4_the_answer_to_a_query_token_is_kept_private,
            b4_a_guard_for_headers_only,
        ]
        Hardened: [b4_hardened_guards_do_not_look_at_the_query]
    }
    guard {
        Default: [
            an_open_route_is_open,
            b2_no_token_is_a_plain_challenge,
            the_handler_sees_the_identity,
            an_optional_guard_refuses_bad_tokens,
            b2_who_may_not_is_forbidden,
            a_role_is_its_exact_name,
            j10_tokens_end_on_time,
            j10_the_edges_are_exact,
        ]
    }
    tokens {
        Default: [
            a_token_of_another_signer_with_the_secret_is_good,
            j2_none_is_refused,
            j1_another_algorithm_is_refused,
            j2_a_wrong_signature_is_refused,
            j4_a_token_does_not_choose_its_key,
            j6_dates_are_numbers,
            j7_a_token_is_from_us_and_for_us,
            j8_tokens_of_other_kinds_open_nothing,
            j12_duplicate_claims_are_refused,
            j12_large_and_nested_tokens_do_no_harm,
        ]
        StrictGrace: [j5_only_strict_base64url_is_read]
    }
    throttle {
        Default: [
            g1_failures_cost_ever_longer_waits,
            g1_after_100_failures_only_a_known_device_gets_in,
            g2_a_login_forgets_the_failures_of_its_account,
            g3_every_address_waits_alike,
            g3_a_known_device_has_a_counter_of_its_own,
            g3_a_device_cookie_that_does_not_count_is_ignored,
            g3_a_changed_password_forgets_devices,
            c1_the_device_cookie_has_every_attribute,
        ]
        Tight: [
            g2_a_login_forgets_no_failures_of_its_address,
            g3_a_known_device_gets_in_while_strangers_guess,
            g7_nobody_is_believed_who_is_no_proxy_of_ours,
        ]
        Proxied: [g7_behind_a_proxy_each_client_is_counted_by_itself]
        Unthrottled: [g3_without_a_throttle_nobody_waits]
    }
    users {
        Administering: [
            r8_only_admins_manage_users,
            users_are_listed,
            hostile_queries_find_nobody,
            p9_an_admin_sets_no_password,
            s2_an_invitation_is_sent_again,
            r8_a_change_ends_the_sessions_of_its_user,
            r9_an_own_change_keeps_the_session_that_asks,
            an_admin_does_not_end_themselves,
            changes_need_a_recent_login,
            of_admins_who_demote_each_other_one_stays,
            r8_a_removed_user_is_out_at_once,
            m7_an_admin_removes_a_lost_factor,
            g6_wrong_codes_go_with_the_factor,
            c4_foreign_pages_change_no_user,
            c8_each_path_has_its_methods,
        ]
    }
    users_me {
        Default: [
            the_default_fields,
            fields_choose,
            unknown_and_secret_fields_are_forbidden,
            b2_it_is_guarded,
            r8_it_tells_what_is_stored_now,
        ]
    }
    sessions {
        Default: [
            r12_own_sessions_are_listed,
            r12_one_session_is_ended,
            r12_all_others_are_ended,
            r12_sessions_of_others_are_out_of_reach,
            r12_a_session_that_is_over_manages_nothing,
            c4_foreign_pages_end_no_sessions,
        ]
    }
    password_reset {
        Default: [
            s1_the_answer_tells_nothing,
            s3_the_link_is_from_the_configuration,
            s4_mail_goes_to_the_stored_address,
            s2_a_link_works_once_and_ends_all_sessions,
            s2_a_link_of_before_a_change_is_void,
            s2_a_suspended_user_has_no_link,
            j8_a_link_is_no_token_and_no_token_is_a_link,
            p5_a_weak_password_keeps_the_link,
            s5_a_reset_does_not_log_in,
            s6_mails_to_one_user_are_a_minute_apart,
            s2_parallel_resets_set_one_password,
            each_member_has_its_rule,
        ]
    }
    password_change {
        Default: [
            p8_a_change_keeps_the_session_that_asks,
            r9_the_session_that_is_kept_can_change_it_again,
            p8_a_wrong_password_changes_nothing,
            g3_strangers_do_not_hold_up_a_session,
            p2_a_weak_password_changes_nothing,
            p8_the_route_is_guarded,
            m5_a_change_asks_for_the_second_factor,
            each_member_has_its_rule,
        ]
    }
    register {
        Registering: [
            g4_who_registers_confirms_the_address_first,
            s1_the_answer_tells_nothing,
            s2_a_link_confirms_its_own_registration,
            s2_a_link_is_void_once_somebody_else_registered,
            g1_registrations_of_one_address_are_counted,
            s3_the_way_on_is_on_the_list,
            s2_a_link_ends,
            j8_a_link_is_for_one_purpose,
            p9_who_is_invited_chooses_the_password,
            r8_only_admins_invite,
        ]
    }
    storage {
        Default: [
            r6_the_store_holds_no_secret,
            f4_requests_beside_each_other_fail_nowhere,
            f6_requests_leave_expired_sessions_alone,
        ]
        Unthrottled: [r9_a_login_beside_a_suspension_leaves_no_session]
    }
    tfa {
        Default: [
            m3_generate_gives_a_new_secret,
            m4_generate_needs_the_password,
            m4_only_the_generated_secret_is_enabled,
            m4_a_pending_enrolment_does_not_replace_a_factor,
            m5_every_login_asks_for_the_code,
            a_code_without_a_factor_is_ignored,
            m1_the_confirming_code_signs_nobody_in,
            m2_the_window_is_one_step_either_side,
            m7_a_recovery_code_is_good_once,
            m7_recovery_codes_are_shown_to_who_asks,
            r9_a_change_of_the_factor_ends_every_other_session,
            a_factor_that_is_not_there_cannot_be_removed,
            c4_foreign_pages_change_no_factor,
            r8_a_session_that_is_over_changes_no_factor,
        ]
        Unthrottled: [
            m1_a_code_signs_in_once,
            m6_a_code_is_six_digits,
            m8_a_login_beside_a_change_of_the_password_is_worth_nothing,
        ]
        MfaStrict: [m2_a_window_of_zero_takes_the_current_code_alone]
    }
    step_up {
        Default: [
            a_recent_login_is_one_with_the_password,
            a_login_at_no_time_is_not_recent,
            m5_a_guard_may_demand_a_second_factor,
            what_nothing_would_mend_is_said_first,
            m4_a_change_needs_a_recent_login_or_the_password,
            r9_a_login_from_before_a_change_steps_up_to_nothing,
        ]
        MfaStrict: [m4_the_password_may_be_demanded_each_time]
    }
    directus {
        Directus: [
            c1_the_cookies_have_the_names_of_directus,
            j7_tokens_are_those_of_directus,
            the_user_is_read_as_from_directus,
            the_link_leads_to_the_page_of_directus,
        ]
    }
    enrolment {
        MfaRequired: [
            j8_an_enrol_token_opens_enrolment_alone,
            m5_enrolment_by_session_cookie,
            m5_enrolment_by_refresh_cookie,
            the_role_decides_who_must_enrol,
            m5_without_the_factor_enrolment_begins_again,
            j8_half_an_enrol_token_is_no_token,
        ]
    }
    personal_tokens {
        PersonalTokens: [
            a_token_is_made_told_once_used_and_revoked,
            b1_a_token_comes_by_header_or_query_alone,
            r7_an_altered_token_is_none,
            a_limited_token_opens_what_asks_for_its_scope,
            m5_a_token_is_no_login,
            r5_a_token_expires,
            r8_a_token_follows_its_user,
            r9_a_new_password_and_the_end_of_other_sessions_end_tokens,
            m4_a_token_needs_a_recent_login_or_the_password,
            tokens_are_bounded_and_those_of_others_out_of_reach,
            what_a_token_is_made_of_is_checked,
            the_last_use_is_told_to_the_minute,
        ]
    }
    events {
        Administering: [
            what_happened_is_told, what_was_refused_is_told, what_happened_to_nobody_is_not_told, refreshes_are_counted, r8_only_admins_read_the_trail
        ]
    }
    health {
        Administering: [a_probe_learns_that_the_store_answers]
    }
    graphql {
        Default: [
            g1_a_login_waits_at_the_same_door,
            r1_a_refresh_by_graphql_is_one_of_rest,
            r3_parallel_refreshes_in_both_forms_rotate_once,
            a_refresh_is_what_it_is_in_rest,
            a_logout_is_what_it_is_in_rest,
            a_forgotten_password_is_what_it_is_in_rest,
            users_me_is_what_it_is_in_rest,
            a_bad_bearer_token_breaks_nothing,
            b4_a_query_token_is_kept_private,
            cookies_of_several_operations_are_set_once,
        ]
        Unthrottled: [
            a_login_is_what_it_is_in_rest,
            c5_a_foreign_page_cannot_set_a_session,
            a_second_factor_is_what_it_is_in_rest,
        ]
        Hardened: [c6_hardened_refuses_to_take_the_token_out]
        MfaRequired: [j8_an_enrol_token_opens_enrolment_alone]
    }
    graphql_guards {
        Default: [fields_of_an_app_are_guarded, c4_foreign_pages_use_no_cookie]
        PersonalTokens: [a_limited_token_opens_fields_that_ask_for_its_scope]
    }
    graphql_input {
        Default: [
            c8_only_post_is_answered,
            g10_only_json_is_read,
            g10_a_large_body_is_refused,
            what_is_no_graphql_does_nothing,
            variables_are_what_they_are_declared_to_be,
            an_operation_is_chosen_by_its_name,
            g1_a_request_signs_in_once,
            g10_deep_wide_and_endless_documents_are_refused,
            g10_whatever_comes_is_answered,
            b7_a_password_in_the_wrong_place_is_not_echoed,
            introspection_tells_the_contract,
        ]
    }
    openapi {
        Default: [what_is_mounted_is_described]
        Registering: [what_is_mounted_by_name_is_described_too]
        Administering: [what_admins_do_is_described_too]
        PersonalTokens: [what_a_setting_switches_on_is_described_too]
    }
    routes {
        Default: [
            the_list_of_providers_is_empty,
            no_secret_is_published_as_a_key,
            c8_only_post_changes_state,
            c8_readers_answer_get_and_head,
            an_unknown_path_is_not_found,
            b7_errors_tell_nothing_about_the_inside,
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn no_case_is_left_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract/cases");
        let mut written = BTreeSet::new();
        for file in std::fs::read_dir(folder).expect("lists the folder") {
            let path = file.expect("lists a file").path();
            let topic = path.file_stem().expect("has a name").to_string_lossy().into_owned();
            let source = std::fs::read_to_string(&path).expect("reads");
            for line in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let name = line.split('(').next().unwrap_or_default();
                written.insert(format!("{topic}::{name}"));
            }
        }
        let listed: BTreeSet<String> = ALL.iter().map(|case| case.name.to_owned()).collect();
        assert_eq!(listed.len(), ALL.len(), "a case is listed twice");
        assert_eq!(written, listed);
    }
}
