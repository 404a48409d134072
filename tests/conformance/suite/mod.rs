//! The sentences. [`every_test`] names them all, once for every store.

pub(crate) mod access;
pub(crate) mod accounts;
pub(crate) mod changing;
pub(crate) mod comparisons;
pub(crate) mod constraints;
pub(crate) mod edits;
pub(crate) mod erasing;
pub(crate) mod fields;
pub(crate) mod forms;
pub(crate) mod heavy;
pub(crate) mod history;
pub(crate) mod invitations;
pub(crate) mod kinds;
pub(crate) mod members;
pub(crate) mod once;
pub(crate) mod order;
pub(crate) mod outside;
pub(crate) mod queries;
pub(crate) mod reading;
pub(crate) mod references;
pub(crate) mod services;
pub(crate) mod sessions;
pub(crate) mod snapshots;
pub(crate) mod triggers;
pub(crate) mod upkeep;

/// Instantiates the whole suite for a harness.
macro_rules! every_test {
    ($harness:ty) => {
        $crate::suite::every_test! { $harness:
            access: a_member_has_the_role_of_the_row, somebody_else_has_none,
                an_own_channel_is_its_persons, people_have_names;
            accounts: an_address_has_one_account_whatever_its_case,
                an_account_may_be_made_for_a_person_who_is_there,
                a_new_password_ends_every_session_but_one, a_hash_is_replaced_by_its_successor_alone,
                a_reset_code_works_once_and_in_time, a_closed_account_opens_no_session,
                who_is_no_administrator_any_more_is_signed_out, accounts_are_listed_in_pages,
                what_is_over_is_forgotten, notifications_are_recorded_as_before;
            sessions: a_refresh_token_works_once, a_second_use_is_a_race_at_first_and_then_a_theft,
                of_two_who_refresh_at_once_one_wins, a_session_that_is_over_is_not_renewed,
                a_session_ends_for_its_person_alone, whatever_ended_is_told_to_all,
                the_oldest_of_very_many_sessions_end;
            services: a_service_is_a_person_with_memberships,
                whoever_leaves_is_ended_everywhere_and_named_nowhere, only_owners_give_away_a_project,
                a_service_that_ended_reaches_nothing,
                services_are_their_makers_and_their_owners;
            members: a_project_begins_with_its_owner, a_project_is_its_owners_to_change,
                who_is_added_is_told, nobody_is_added_twice_or_from_nowhere,
                the_last_owner_stays, two_owners_do_not_remove_each_other,
                members_may_leave_and_owners_may_remove, what_accounts_write_is_numbered;
            invitations: an_invitation_lets_in_whoever_has_it,
                an_invitation_ends_in_time_or_when_it_is_withdrawn,
                a_member_gets_the_higher_of_both_roles,
                who_was_removed_does_not_come_back_by_an_older_link,
                registering_with_an_invitation_joins_at_once;
            changing: a_new_column_is_live_at_once, edits_that_meet_a_migration_are_named_where_they_stand, a_table_made_anew_takes_no_edit_unrecorded,
                a_table_that_is_gone_takes_its_rows_along_and_comes_back,
                a_table_that_no_longer_fits_is_left_alone_until_it_does,
                a_renamed_column_breaks_no_writer,
                triggers_that_went_away_come_back_and_what_they_missed_is_reset,
                a_mended_table_is_reset, a_table_changed_while_no_hub_ran_is_reset_by_the_next;
            comparisons: filters_hold_as_the_cases_say, pages_of_every_order_have_each_row_once;
            constraints: each_broken_constraint_is_named, a_broken_check_names_its_only_column,
                a_broken_check_does_not_tell_of_a_hidden_column,
                a_value_that_must_be_unique_does_not_tell_of_a_hidden_column,
                what_is_hidden_later_is_told_by_nothing, a_bad_edit_harms_no_neighbour,
                a_row_still_referred_to_stays, a_refused_edit_leaves_nothing;
            triggers: a_delete_that_a_trigger_turns_into_a_mark_is_accepted,
                deletes_of_what_is_not_there_are_refused_beside_it,
                an_update_that_a_trigger_leaves_out_is_accepted,
                an_insert_that_a_trigger_leaves_out_is_refused_whole,
                a_key_that_a_trigger_changes_is_its_edit_s;
            edits: an_edit_becomes_a_row_an_entry_and_an_outcome,
                a_batch_on_one_channel_is_one_entry_that_names_every_edit,
                numbering_is_gapless_over_many_channels,
                an_update_that_changes_nothing_acks_the_head,
                the_same_again_by_another_person_leaves_no_trace,
                edits_of_one_row_apply_in_order,
                a_deleted_row_is_gone_with_what_hangs_on_it,
                a_row_that_moves_leaves_one_log_and_enters_the_other,
                an_edit_of_several_operations_is_whole_or_nothing,
                a_row_of_another_channel_is_not_found,
                a_move_to_a_place_that_does_not_exist_fails,
                an_edit_above_the_bounds_is_refused,
                a_batch_above_the_bounds_is_several_entries,
                side_effects_reach_their_own_channels,
                mixed_batches_give_what_their_order_says;
            erasing: a_person_goes_from_rows_log_and_outcomes, the_past_of_a_row_goes_and_the_row_stays;
            fields: fields_that_are_not_named_stay, numbers_are_added, items_are_added_and_removed,
                a_guard_that_fails_returns_the_row, a_guard_that_holds_lets_the_edit_pass,
                hidden_columns_never_appear, values_of_all_kinds_can_be_written;
            heavy: thousands_of_items_are_added_at_once, items_are_removed_from_a_long_list,
                a_list_has_no_more_items_than_it_may, a_row_has_no_more_bytes_than_it_may,
                a_heavy_batch_is_committed_piece_by_piece,
                whatever_one_edit_fails_of_its_neighbours_pass,
                what_the_database_computes_is_read_only,
                pages_of_rows_are_bounded_in_bytes, pages_of_history_are_bounded_in_bytes;
            history: a_rows_past_is_told_newest_first, history_comes_in_pages,
                a_page_of_history_ends_between_entries,
                a_move_ends_and_begins_a_past;
            kinds: every_kind_of_column_has_the_same_bytes, recorded_values_equal_read_ones;
            once: the_same_edit_again_is_answered_from_memory,
                the_same_id_with_other_content_is_a_conflict,
                a_refusal_is_remembered_too, two_people_may_use_one_id,
                a_retryable_refusal_is_not_remembered,
                a_failed_guard_is_kept_without_the_row_it_met;
            order: rows_are_placed_first_and_last, rows_are_placed_after_and_before,
                rows_without_a_place_come_last, rows_are_placed_between_the_texts_of_others,
                long_keys_are_rebalanced, an_anchor_must_be_in_the_channel,
                a_new_row_takes_its_place, many_rows_are_placed_in_one_batch,
                a_row_is_placed_beside_any_row_of_a_long_list,
                a_refused_move_does_not_mislead_those_after_it,
                the_operations_of_an_edit_see_each_others_places;
            outside: an_insert_an_update_and_a_delete_are_found,
                statements_of_one_transaction_stand_together, what_was_rolled_back_never_shows,
                an_update_that_changes_nothing_is_not_recorded, cascades_are_recorded,
                a_move_between_channels_is_told_to_both, emptying_a_table_is_seen,
                a_huge_update_becomes_a_reset, a_reset_of_one_channel_spares_the_others,
                what_follows_a_huge_update_is_told_too, a_huge_move_is_told_to_both,
                a_changed_primary_key_is_a_new_row, an_insert_over_a_row_replaces_it,
                strange_text_and_large_values_survive, an_outsiders_change_comes_before_the_edit_that_saw_it,
                a_busy_writer_is_waited_for, notifications_are_made;
            queries: random_queries_find_what_a_plain_evaluation_finds,
                a_channel_without_rows_gives_an_empty_answer,
                an_entry_is_told_with_what_it_replaced,
                an_outcome_is_found_by_person_id_and_content;
            reading: a_reader_continues_from_any_place, a_budget_cuts_between_entries,
                a_cursor_of_another_history_needs_a_snapshot, a_cursor_ahead_needs_a_snapshot,
                a_cursor_that_was_trimmed_needs_a_snapshot, a_reset_in_between_needs_a_snapshot,
                heads_of_unknown_channels_are_zero, a_log_outlives_the_process;
            references: a_row_elsewhere_is_told_of_as_one_that_is_not_there,
                rows_of_one_channel_refer_to_each_other,
                among_many_edits_those_that_lead_elsewhere_are_refused,
                a_row_moves_alone_or_not_at_all,
                who_moves_a_row_and_who_refers_to_it_do_not_pass_each_other,
                a_deletion_takes_no_row_of_another_channel_along,
                what_is_declared_to_go_across_does,
                what_is_checked_late_is_checked_for_whoever_comes_late,
                a_task_names_nobody_and_nothing_of_another_project,
                a_task_that_moves_takes_its_steps_and_comments_along,
                who_leaves_a_project_has_nothing_of_it_any_more,
                a_database_whose_rows_lead_out_is_upgraded;
            snapshots: pages_and_entries_together_give_the_table, an_empty_channel_has_an_empty_page,
                composite_keys_are_paged;
            upkeep: old_entries_and_outcomes_are_trimmed, a_sound_database_is_found_good,
                a_missing_trigger_is_found, a_tampered_row_is_found, a_gap_is_found,
                a_database_that_was_not_migrated_is_refused, a_newer_database_is_refused,
                declarations_that_do_not_fit_are_named, migrating_twice_changes_nothing,
                the_texts_that_a_check_lists_are_in_the_schema, a_store_answers_a_ping;
        }
    };
    ($harness:ty: $($module:ident: $($test:ident),+;)+) => {
        $(mod $module {
            $(#[tokio::test]
            async fn $test() {
                $crate::suite::$module::$test::<$harness>().await;
            })+
        })+
    };
}
pub(crate) use every_test;
