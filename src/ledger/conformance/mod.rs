//! What every ledger must do, as tests that any engine can be put through: it passes, or it is not a ledger.
//!
//! A law speaks to an engine as the server does, by [`Act`](super::Act) and [`Answer`](super::Answer), and sees no more of it
//! than an operator can read. An engine brings an [`Engine`], which makes it [`Premises`]: a place in which one ledger is
//! kept, and from which its process can be taken. `conforms!` makes one test a law, under the theme's name, so that what
//! fails says what is broken. How an engine keeps its data, and what its own parts do, is tested beside it.
//!
//! Nothing here waits for time. What has to be past is asked or told as of then, or is made older where it is kept; what has
//! to be late has its `not_after` behind it.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use std::time::Duration;

mod house;
mod words;

pub mod adopting;
pub mod ageing;
pub mod asking;
pub mod beside;
pub mod contradicting;
pub mod counting;
pub mod deciding;
pub mod earlier;
pub mod entering;
pub mod governing;
pub mod holding;
pub mod joining;
pub mod keeping;
pub mod ordering;
pub mod racing;
pub mod sharing;
pub mod slips;
pub mod standing;
pub mod telling;
pub mod trouble;
pub mod ways;

pub use self::house::{Client, House, submit, wait};
pub use self::words::*;
use super::{Adopt, Ledger};

/// In tests, an engine meets a bug when it is about to finish an act of this program: when everything of it is written, and
/// nothing is durable or answered. There is no other way to a bug on purpose.
pub const PROGRAM_THAT_PANICS: &str = "panics";

/// An engine that wants to pass.
pub trait Engine {
    /// Premises of their own: an empty ledger on them, ready.
    fn premises(&self) -> Box<dyn Premises>;
}

/// Where one ledger is kept, and the process that runs it there.
pub trait Premises {
    /// The ledger, as it runs now.
    fn ledger(&self) -> &dyn Ledger;

    /// Ends the process in order and starts another.
    fn restart(&mut self);

    /// Ends the process wherever it is, and starts another: acts that it had not answered may never be answered, applied or
    /// not.
    fn crash(&mut self);

    /// From now on nothing can be kept; returns when the ledger says that it is unavailable.
    fn obstruct(&mut self);

    /// Things can be kept again; returns when the ledger says that it is ready.
    fn clear(&mut self);

    /// Returns when holds whose time has come are released.
    fn let_time_work(&self);

    /// Makes everything that is kept of payments and keys so much older.
    fn age(&mut self, by: Duration);

    /// The number of the hold that was placed as the first, the second …: what an operator's page says.
    fn hold_number(&self, place: u64) -> u64;
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// In order.
    InOrder,
    /// Wherever it is.
    Crash,
}

impl End {
    /// Both.
    pub const BOTH: [End; 2] = [End::InOrder, End::Crash];
}

/// Makes a test of every law, for an engine that is named by its full path.
macro_rules! conforms {
    ($engine:path) => {
        $crate::ledger::conformance::conforms! { @on $engine =>
            deciding {
                an_approval_holds_and_a_retry_hears_the_same
                what_is_not_there_is_not_held
                a_credit_line_is_spent_below_zero
                what_rules_decline_names_the_rule
                part_is_approved_where_all_allow_it
                what_is_held_on_top_of_a_part_is_of_that_part
                what_is_held_on_top_is_never_a_reason_to_decline
                a_single_message_is_debited_at_once
                what_needs_no_money_holds_none
                a_question_for_nothing_needs_no_funds
                an_inquiry_is_answered_with_the_balance
                another_currency_is_declined
                amounts_beyond_counting_are_declined
                what_comes_too_late_is_not_applied
            }
            asking {
                who_is_not_known_is_declined
                a_card_is_good_for_its_owner_only
                a_payment_that_is_named_by_its_question_is_opened_by_one
                what_is_asked_again_is_held_against_what_was_asked_not_what_was_recorded
                programs_and_platforms_have_keys_and_payments_of_their_own
                a_payment_is_found_by_either_of_its_names_also_an_increment
                a_payment_is_found_by_what_its_messages_are_called
                an_increment_needs_a_payment_that_is_under_way
                an_increment_of_one_transaction_adds_once
                what_adds_to_a_payment_costs_what_it_adds_whatever_was_told
                an_unknown_card_adds_nothing_to_a_known_payment
                a_card_never_spends_the_money_of_another_accounts_payment
                balances_are_told_by_account_card_and_cardholder
                a_standing_says_all_that_there_is_of_an_account
            }
            slips {
                what_a_caller_wrote_is_kept_with_the_decision
                a_payment_that_waits_keeps_what_was_written_first
                a_payment_that_would_wait_too_late_is_not_kept
                what_stands_of_a_payment_is_told
            }
            racing {
                concurrent_authorizations_never_hold_more_than_is_there
                concurrent_retries_hold_once
                concurrent_messages_book_once
                concurrent_messages_about_a_payment_of_ours_pass_no_bound
                concurrent_authorizations_never_pass_a_limit
                what_was_acknowledged_outlives_a_crash
            }
            holding {
                a_process_that_begins_agrees_about_everything
                a_hold_of_ours_is_released_when_its_time_has_come
                a_hold_of_the_platforms_is_released_by_the_safety_timer
                a_total_that_is_told_lives_as_long_as_what_was_asked
                a_hold_waits_for_the_latest_of_its_placements
                what_was_released_by_time_is_still_captured_in_full
                what_a_platform_stood_in_for_is_not_held_for_ever
                what_ends_by_us_holds_nothing_however_far_ahead_the_platforms_clock_is
            }
            telling {
                of_a_payment_of_ours_that_was_taken_back_nothing_is_cleared
                every_fact_books_what_it_says
                what_is_told_of_no_payment_is_said_so
                a_message_is_applied_once
                a_known_key_with_another_amount_is_a_conflict_and_moves_nothing
                a_known_key_of_another_payment_is_a_conflict_and_moves_nothing
                a_known_key_that_was_no_payments_is_a_conflict_too
                messages_end_the_same_in_every_order
                a_total_of_what_was_declined_after_all_holds_nothing
                the_platforms_word_changes_what_a_retry_hears
                a_retry_of_what_we_declined_hears_what_the_platform_recorded_last
                the_platforms_word_counts_whichever_came_first
                a_payment_that_was_recorded_under_another_name_holds_what_was_recorded
                another_currency_is_kept_and_moves_nothing
                amounts_beyond_counting_are_kept_and_move_nothing
                what_could_not_be_booked_counts_when_it_is_sent_again
                an_unknown_card_means_its_owners_only_account
                what_led_nowhere_counts_when_it_is_sent_again
            }
            joining {
                messages_of_a_chain_end_the_same_in_every_order
                a_payment_that_nobody_asked_about_is_one_in_every_order
                what_stand_in_added_is_one_with_its_payment_in_every_order
                what_stand_in_added_goes_to_no_other_account
                what_stand_in_added_long_after_its_clearing_is_one_with_it
                what_was_told_long_ago_under_another_name_is_joined
                what_was_told_long_ago_under_a_messages_own_name_is_its_payment
                what_was_told_long_ago_under_both_names_is_joined
                a_join_gives_back_to_limits
                what_was_debited_at_once_is_captured_once_under_another_name
                a_payment_is_known_by_every_question_that_was_told_yes
                a_payment_is_known_by_every_question_of_its_increments
                what_is_long_over_is_known_by_every_question_that_was_told_yes
                two_payments_that_were_both_approved_stay_two
                a_join_never_moves_money_between_accounts
            }
            beside {
                a_question_that_was_approved_is_held_once_whatever_it_is_said_to_add_to
                a_question_of_long_ago_adds_to_no_other_payment
                what_is_declined_after_all_was_held_where_it_was_asked
                what_follows_on_one_payment_takes_no_name_of_another_that_ended
                what_we_approved_to_add_to_one_payment_is_held_on_no_other
                what_was_added_long_ago_is_held_on_no_other_payment
                what_is_declined_after_all_was_held_where_it_was_added
                what_is_said_to_add_to_a_message_of_its_payment_joins_the_two
            }
            earlier {
                what_was_told_to_add_is_held_once_whatever_its_question_names
                what_was_told_to_add_is_released_with_what_its_question_names
                what_was_recorded_is_held_whatever_amount_is_asked
                what_was_told_to_add_is_declined_for_no_reason_of_ours
                what_was_declined_and_then_told_to_add_elsewhere_is_held_there
                what_the_platform_declined_of_one_payment_is_held_on_no_other
                what_was_captured_where_it_was_told_is_held_where_it_is_asked
                what_is_over_where_it_was_told_is_decided_as_any
                what_was_taken_back_where_it_was_told_is_decided_as_any
                what_is_told_again_of_another_payment_is_held_once
                what_was_told_to_add_and_is_adopted_is_held_once
                what_was_told_to_add_takes_no_name_of_the_payment_that_it_is_asked_of
                a_transaction_that_was_told_to_add_is_held_once_under_every_key
                what_was_told_to_add_to_what_was_only_told_is_held_once
                what_was_told_to_add_is_money_of_its_own_account_only
            }
            contradicting {
                every_order_of_a_contradiction_ends_alike
                what_is_said_again_after_days_moves_nothing_back
                what_was_cleared_by_an_increments_own_name_is_taken_once
                what_was_told_to_add_before_it_is_asked_adds_where_it_was_told
                what_was_told_as_a_payment_first_is_held_once_however_much_it_is
                what_adds_under_the_key_of_its_payment_takes_nothing_from_it
                what_was_told_as_a_payment_under_another_key_is_held_once
                what_was_debited_at_once_comes_back_from_where_it_was_told
                what_we_opened_is_no_part_of_what_its_name_is_said_to_add_to
            }
            sharing {
                a_refused_transaction_undoes_nothing_of_the_one_that_was_approved_under_its_key
                what_is_said_of_the_approved_transaction_counts_after_a_word_on_the_refused_one
                what_stand_in_approved_under_anothers_key_is_a_payment_of_its_own
                a_transaction_that_is_over_is_not_what_is_told_of_another_under_its_key
                a_refused_transaction_leaves_the_answer_to_one_that_was_declined
            }
            ordering {
                a_payment_of_ours_is_captured_released_and_refunded
                a_tolerance_is_captured_without_a_word
                every_refusal_says_why_and_moves_nothing
                an_order_is_carried_out_once
                a_refusal_is_remembered
                a_refusal_is_forgotten_under_a_key_that_nobody_chose
                a_key_that_was_a_question_is_no_order
                what_was_debited_at_once_is_given_back_once
            }
            adopting {
                what_was_told_is_held_over_the_limit_if_need_be
                a_told_decline_is_what_a_retry_hears
                a_decline_is_heard_again_once_what_the_platform_approved_is_over
                a_declined_increment_is_heard_as_approved_only_while_it_is_there
                an_approval_that_nobody_heard_is_undone
                a_retrys_decline_releases_nothing_that_was_told
                the_larger_of_two_told_answers_stays
                an_answer_is_adopted_once
                another_question_under_the_key_is_a_conflict
                what_cannot_be_held_is_remembered_all_the_same
                what_could_not_be_held_is_held_once_it_can_be
                the_platforms_word_stands_over_an_adopted_answer
                one_payment_that_was_told_yes_twice_is_held_once
                what_was_told_stays_told_and_what_was_recorded_is_held
                what_adds_to_a_payment_is_held_as_it_was_told_whatever_else_was
            }
            counting {
                windows_roll_over_and_limits_go_on_counting
                a_rolling_window_forgets_nothing_that_is_younger_than_it_is_long
                a_question_from_before_a_window_ended_counts_in_the_one_that_is_open
                a_limit_counts_on_when_its_calendar_is_moved
                each_scope_counts_its_own
                a_count_limit_counts_transactions
                an_observed_limit_counts_and_declines_nothing
                a_limit_is_used_up_by_a_part
                what_comes_back_returns_to_its_window
                what_comes_back_returns_to_the_card_that_counted_it
                what_is_captured_stays_counted
                an_adopted_answer_counts_over_the_limit_if_need_be
                what_was_told_elsewhere_counts_nowhere_when_it_is_adopted
                an_adopted_answer_without_a_verdict_counts_nowhere
                a_payment_is_tried_against_the_limits_of_the_card_that_it_counts_for
                what_is_undone_is_not_counted
                a_verification_stays_counted_whatever_was_told
                what_is_told_above_what_was_approved_counts
            }
            governing {
                an_authoritys_budget_is_its_own_whatever_card_pays
                an_intent_is_used_once_and_a_full_reversal_gives_it_back
                of_payments_at_once_one_uses_an_intent
                a_preview_says_the_same_and_moves_nothing
                a_preview_of_a_payment_that_is_there_is_that_payment
                what_an_intent_reserves_is_its_payments_alone
                of_payments_at_once_one_takes_a_reservation_over
                a_reservation_stands_until_a_payment_uses_it
                a_reservation_that_nobody_uses_comes_back_in_time
                a_payment_is_bounded_with_all_that_is_added_to_it
                for_which_intent_a_payment_was_named_is_known_to_whoever_decides_it
                which_intent_is_free_is_known_where_it_is_counted
                a_question_that_may_join_holds_once
            }
            ways {
                the_first_way_with_room_is_taken_and_counts_alone
                what_is_reversed_comes_back_to_the_way_that_counted_it
                of_payments_at_once_one_takes_the_last_place_on_a_way_and_another_the_next_way
                an_answer_that_was_told_counts_on_the_way_that_it_took
                a_look_says_which_way_would_be_taken
                what_is_added_takes_no_way_that_counts_payments_and_has_not_counted_its_own
            }
            standing {
                every_bar_gives_its_reason
                events_make_cards_and_set_their_standing
                a_card_whose_account_nobody_can_tell_is_said_to_lead_to_none
                operators_undo_nothing_that_was_reported
                the_latest_standing_by_the_platforms_clock_wins
                a_standing_without_a_time_or_a_name_is_told_anew_each_time
                a_standing_with_a_name_is_told_once_also_without_a_time
                of_one_second_the_graver_standing_counts
                what_is_closed_stays_closed
                a_freeze_that_is_told_late_wins_over_a_file_that_says_active
            }
            entering {
                entering_again_never_changes_a_balance
                entering_again_never_lifts_a_bar
                what_is_there_and_its_credit_line_can_be_counted
                a_file_may_bar_what_was_in_use
                a_card_that_leads_to_another_account_is_told
                a_credit_line_is_what_was_entered_last
                a_refused_batch_leaves_nothing
                a_card_that_changes_hands_takes_its_account_along
            }
            ageing {
                an_old_payment_that_is_asked_under_its_name_again_is_that_payment
                an_old_payment_is_found_by_what_its_messages_are_called
                an_old_key_hears_the_same
                an_old_message_is_applied_once
                an_old_message_that_says_something_else_is_a_conflict
                an_order_by_number_is_about_that_payment_whoever_has_its_name
            }
            keeping {
                rulesets_are_kept_and_told_oldest_first
                only_the_first_publication_of_its_kind_is_kept_as_the_first
                what_is_published_again_is_kept_once
                what_is_published_too_late_is_not_kept
                an_operation_is_noted_once
                what_is_not_understood_is_recorded
            }
            trouble {
                nothing_is_applied_while_nothing_can_be_kept
                a_process_that_ends_in_trouble_loses_nothing
                a_bug_costs_only_its_own_act
            }
        }
    };
    (@on $engine:path => $($theme:ident { $($law:ident)+ })+) => {
        $(
            mod $theme {
                $(
                    #[test]
                    fn $law() {
                        $crate::ledger::conformance::$theme::$law(&$engine);
                    }
                )+
            }
        )+
    };
}
pub(in crate::ledger) use conforms;
