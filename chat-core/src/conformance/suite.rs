//! The list of all cases, and how it becomes tests.

/// Makes one `#[test]` of every case, over a [`Fixture`](crate::conformance::Fixture).
///
/// `suite!(fixture)` belongs into a test file of its own, or into a module of one.
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:expr) => {
        fn conformance_fixture() -> impl $crate::conformance::Fixture {
            $fixture
        }
        $crate::conformance_tests! {
            friendships {
                strangers_have_nothing,
                put_compares_the_version,
                every_state_is_kept,
                records_come_in_the_order_asked,
                a_fence_is_due_until_it_is_done,
                fences_are_never_undone,
                due_fences_are_listed_a_few_at_a_time,
                each_side_sees_its_own_row,
                lists_hold_what_their_filter_admits,
                lists_are_pages_by_key,
                blocks_count_from_either_side,
                feeds_are_dense_and_show_what_is_now,
                a_foreign_position_in_a_feed_is_a_reset,
                feeds_keep_their_last_256_changes,
                a_feed_names_each_pair_once,
            }
            accounts {
                every_field_is_kept,
                particulars_are_replaced_with_the_account,
                a_user_has_one_account,
                the_first_taken_claim_is_named,
                claims_are_compared_byte_by_byte,
                update_compares_the_version,
                updates_move_claims,
                tombstones_stay,
                search_is_by_beginnings_of_words,
                search_takes_words_literally,
                search_follows_the_account,
                search_is_in_pages,
                accounts_are_listed_by_state,
                a_claim_has_one_winner,
                an_update_has_one_winner,
            }
            sessions {
                every_field_is_kept,
                an_id_is_used_once,
                the_oldest_logins_end,
                a_new_login_never_ends_itself,
                logins_are_listed_oldest_first,
                rotate_compares_the_generation,
                a_rotation_has_one_winner,
                an_ended_login_never_was,
                touch_only_raises,
                logins_expire,
                expired_ones_are_listed_a_few_at_a_time,
                logins_at_once_stay_within_the_bound,
            }
            conversations {
                a_shell_is_empty,
                a_direct_shell_has_its_two,
                every_field_of_a_shell_is_kept,
                ensure_is_idempotent,
                ensure_at_once_makes_one,
                conversations_come_in_the_order_asked,
                a_fence_is_invisible,
                a_fence_of_nothing_does_nothing,
                fences_at_once_all_count,
                the_walk_sees_all_by_id,
                a_walk_while_others_write_misses_none,
            }
            log {
                positions_are_dense,
                entries_are_kept_as_drafted,
                entries_are_read_after_a_position,
                entries_of_many_conversations,
                heads_and_last_messages,
                messages_at_positions,
                a_refused_lane_leaves_nothing,
                lanes_are_independent,
                a_conversation_has_one_lane_in_a_batch,
                acl_is_compared,
                roster_is_compared_when_given,
                a_lane_is_compared_once,
                only_taking_a_right_raises_acl,
                a_closed_conversation_takes_nothing,
                time_never_falls,
                time_begins_with_the_shell,
                empty_batches_and_lanes,
                large_batches,
                effects_are_visible_with_their_position,
                a_dropped_append_is_whole_or_nothing,
            }
            repeats {
                a_repeat_answers_the_first,
                a_repeat_inside_a_lane,
                repeats_among_new_drafts,
                what_is_no_repeat,
                repeats_count_over_all_entries,
                an_entry_is_known_by_its_own_id,
                repeats_are_answered_after_a_fence,
                repeats_are_answered_after_the_close,
                a_repeat_opens_no_door,
                a_repeat_of_a_deleted_message,
                entries_are_found_by_their_sender,
                an_old_repeat_is_found,
            }
            effects {
                a_message_is_its_entry,
                parts_of_a_message_may_be_absent,
                writing_moves_ones_own_receipt,
                writing_makes_no_member,
                an_edit_replaces_the_body,
                an_edit_compares_the_rev,
                drafts_see_those_before_them,
                stale_inside_a_lane,
                a_tombstone_leaves_no_text,
                deletion_is_final,
                changes_touch_one_message,
                the_record_is_patched,
                settings_are_replaced,
                closing_takes_it_out_of_lists,
                effects_of_one_entry_are_applied_in_order,
            }
            marks {
                marks_come_and_go,
                marks_move_the_rev,
                marks_need_a_living_message,
                marks_go_with_their_message,
                marks_inside_a_lane,
                keys_are_kept_to_the_letter,
                an_unknown_kind_passes_unchanged,
                nothing_has_no_marks,
            }
            members {
                who_joins_begins_anew,
                many_join_in_one_entry,
                a_role_changes_alone,
                who_comes_back_begins_anew,
                a_ban_keeps_nothing_else,
                strangers_can_be_banned,
                the_roster_counts_memberships,
                taking_away_nothing,
                joining_and_writing_in_one_lane,
            }
            memberships {
                rows_come_in_the_order_asked,
                a_place_is_a_conversation_with_a_row,
                members_are_pages_by_id,
                members_walked_while_others_come,
                positions_tell_all_memberships,
                seats_asked_by_name,
                listed_seats_are_pages,
                seats_walked_while_others_come,
                hiding_lasts_until_the_next_message,
                only_a_member_hides,
                entering_makes_a_row,
                entering_twice_changes_nothing,
                entering_is_compared,
                leaving_takes_the_row,
                who_is_removed_has_no_seat,
            }
            receipt_log {
                reads_are_told_from_a_position_on,
                the_first_time_of_a_read_stays,
                of_many_times_of_a_read_one_stays,
                a_walk_tells_every_read_once,
            }
            receipts {
                receipts_merge_by_maximum,
                a_report_is_cut_to_the_head,
                read_n_moves_with_read,
                only_members_are_raised,
                one_member_several_times_in_a_batch,
                a_batch_over_many_conversations,
                raising_moves_nothing_else,
                each_step_has_one_winner,
                receipts_never_go_back,
            }
            attachments {
                rows_are_kept_whole,
                put_compares_the_version,
                a_change_has_one_winner,
                remove_compares_the_version,
                due_ones_are_listed_in_order,
                waiting_ones_are_counted,
                rows_of_a_range_are_replaced,
                attachments_are_apart,
                attachments_follow_a_copy,
            }
            unread {
                messages_count_and_nothing_else,
                deletes_before_and_after_read,
                reading_over_deleted_ones,
                counts_over_thousands,
                ones_own_are_read,
                any_mix_is_exact,
            }
            windows {
                windows_hold_what_they_say,
                windows_at_the_ends,
                windows_leap_over_what_is_no_message,
                history_shows_what_is_now,
                nothing_is_an_empty_window,
                history_walked_while_others_write,
            }
            changes {
                what_is_appended_is_told,
                memberships_are_told,
                friendships_are_told_to_both,
                ended_logins_are_told,
                what_did_not_happen_is_not_told,
                small_pages_tell_all,
                a_foreign_cursor_lags,
                nothing_is_missed_while_many_write,
            }
            races {
                writers_on_one_conversation,
                one_client_id_at_once,
                overlapping_batches,
                an_edit_has_one_winner,
                a_fence_against_appends,
                a_removal_against_messages,
                entering_against_a_ban,
                entering_and_leaving_at_once,
                leaving_against_messages,
                the_roster_lets_one_through,
                crossed_puts_of_one_pair,
                a_feed_is_read_while_it_grows,
                dropped_writes_are_whole_or_nothing,
            }
            unicode {
                texts_are_kept_to_the_letter,
                nothing_is_cut,
                records_are_kept_to_the_letter,
                users_of_every_range,
                times_are_exact,
            }
            text {
                claims_that_look_alike,
                words_that_look_alike,
                beginnings_end_at_characters,
                marks_that_look_alike,
                client_ids_that_look_alike,
                people_are_kept_to_the_letter,
                empty_is_not_absent,
            }
            order {
                friends_of_every_range,
                conversations_of_every_range,
                logins_of_one_moment,
                accounts_of_every_range,
                marks_of_every_range,
            }
            isolation {
                the_losers_of_an_update_claim_nothing,
                names_are_not_swapped,
                a_name_given_back_is_taken_once,
                pairs_in_a_ring,
                reading_against_writing,
                a_touch_against_a_rotation,
                members_come_by_both_doors,
                no_change_of_a_record_is_lost,
                overlapping_lanes_of_one_sender,
                marks_at_once,
                a_deletion_against_edits,
            }
            one_state {
                a_seat_is_of_one_state,
                a_seat_of_who_reads_is_of_one_state,
                entries_come_with_one_state_of_their_messages,
                windows_are_of_one_state,
                a_head_brings_its_effects,
                positions_are_of_one_state,
                a_row_is_no_older_than_its_place,
                a_feed_brings_its_rows,
            }
            times {
                people_of_every_instant,
                pairs_of_every_instant,
                conversations_of_every_instant,
                logins_end_at_every_instant,
                time_under_clocks_apart,
            }
            numbers {
                accounts_at_the_end_of_their_count,
                logins_at_the_end_of_their_count,
                kinds_of_16_bits,
                expectations_nobody_meets,
                positions_nobody_has,
                limits_without_bound,
                thousands_in_one_call,
            }
            crowds {
                a_group_at_its_limit,
                a_channel_of_many,
                writers_over_crossed_conversations,
                everybody_at_once,
            }
            walks {
                friends_walked_while_others_come,
                accounts_walked_while_others_come,
                expired_logins_swept_by_two,
                a_log_walked_while_it_grows,
            }
            transfer {
                a_log_is_put_in_pieces,
                a_row_is_replaced,
                holes_are_refused,
                members_of_a_range_are_replaced,
                logins_of_a_range_are_replaced,
                accounts_are_put_whole,
                feeds_go_on_where_they_were,
                the_meaning_of_rows_is_put_first,
            }
            two_engines {
                talk_on_both,
                members_on_both,
                a_block_on_the_other,
                devices_on_both,
            }
            tenants {
                a_store_knows_its_tenant,
                conversations_are_apart,
                memberships_are_apart,
                friendships_are_apart,
                accounts_and_logins_are_apart,
                copies_are_apart,
            }
            durability {
                the_epoch_stays,
                conversations_stay,
                people_stay,
                the_database_answers,
            }
            schedules {
                a_removal_overtakes_a_send,
                a_removal_overtakes_a_send_decided_from_memory,
                a_demotion_overtakes_a_removal,
                two_owners_leave_at_once,
                a_fence_that_the_first_blocker_did_not_finish,
                a_friendship_ended_without_a_fence,
                a_reader_finishes_the_fence,
                a_block_overtakes_the_first_message,
                two_first_messages_meet,
                a_crash_in_the_middle_of_a_deletion,
                a_crash_in_the_middle_of_an_edit,
                a_send_repeated_elsewhere,
                a_repeat_in_the_middle_of_a_batch,
                a_lane_decided_again_keeps_its_place,
                a_crash_in_the_middle_of_leaving_a_channel,
                a_tightened_door_overtakes_a_join,
                a_history_reply_older_than_the_deletion,
                a_late_joiner_and_an_edit_of_an_old_message,
                a_client_ahead_of_a_restored_store,
            }
            copies {
                a_copy_is_the_same_to_the_letter,
                what_is_new_is_copied_by_the_next_run,
                a_copy_beside_a_writer,
                a_copy_cut_off_anywhere_is_gone_on_with,
                a_client_goes_on_at_the_copy,
                a_row_that_differs_is_put_again,
                a_target_that_went_on_is_refused,
                a_target_of_something_else_is_refused,
                names_that_were_swapped,
            }
            lost_calls {
                a_poison_draft_spoils_nothing_else,
                any_single_call,
                a_kill_at_any_call,
            }
        }
    };
}

/// One module for each part, one test for each case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($($part:ident { $($case:ident),+ $(,)? })+) => {
        $(
            mod $part {
                $(
                    #[test]
                    fn $case() {
                        $crate::conformance::check(&super::conformance_fixture(), $crate::conformance::$part::$case);
                    }
                )+
            }
        )+
    };
}
