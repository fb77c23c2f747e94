//! What memory has let go of: it is found again, and what is told of it late counts.

use super::*;
use crate::ledger::embedded::ahead::Copied;
use crate::ledger::embedded::state::ASKED_KEYS_KEPT;
use crate::ledger::embedded::window::AsOf;
use crate::ledger::sight::{Ahead, LeftOut, LongerAgo, ToHear};

/// A ledger whose memory keeps no hold that ended and is projected.
fn forgetful() -> Bench {
    let mut bench = Bench::keeping_closed(Duration::ZERO);
    bench.furnish(1_000);
    bench
}

fn holds_in_memory(bench: &mut Bench) -> u64 {
    bench.engine().state.sizes().holds
}

/// Time goes on, and the writer tidies up.
fn tidy(bench: &mut Bench) {
    bench.pass(Duration::from_secs(1));
}

#[test]
fn memory_keeps_an_ended_hold_until_it_is_projected() {
    let mut bench = forgetful();
    assert_eq!(bench.decide("p", 600), yes(600));
    assert_eq!(bench.finding(&tell("clear", captured("p", 600))), None);
    tidy(&mut bench);
    assert_eq!(holds_in_memory(&mut bench), 1, "nobody else has it");
    bench.catch_up();
    tidy(&mut bench);
    assert_eq!(holds_in_memory(&mut bench), 0);
    // Not even a start brings back what ended long ago.
    bench.pass(Duration::from_secs(700));
    assert_eq!(bench.finding(&kept("later")), None);
    bench.catch_up();
    assert_eq!(bench.restart(), None);
    assert_eq!(holds_in_memory(&mut bench), 0);
}

#[test]
fn a_hold_that_was_changed_after_its_end_stays_until_that_is_projected() {
    let mut bench = forgetful();
    bench.decide("p", 600);
    bench.finding(&tell("release", Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed }));
    bench.catch_up();
    // Ended by a record that is projected, changed by one that is not.
    assert_eq!(bench.finding(&tell("late", captured("p", 100))), Some(Finding::CapturedAfterEnd));
    tidy(&mut bench);
    assert_eq!(holds_in_memory(&mut bench), 1);
    bench.catch_up();
    tidy(&mut bench);
    assert_eq!(holds_in_memory(&mut bench), 0);
}

/// What it is, only whoever finds it can tell: it is left out of what is seen ahead, and how much it may take is told.
#[test]
fn what_memory_may_have_let_go_of_is_left_out_of_what_is_seen_ahead() {
    let mut bench = forgetful();
    assert_eq!(bench.decide("p", 600), yes(600));
    let fee = Fact::Debited { payment: None, amount: usd(40), cause: MovementCause::Fee };
    let to_hear = [tell("late", captured("p", 250)), tell("fee", fee)].map(|act| {
        let Act::Tell(origin, event) = act else { panic!("{act:?}") };
        ToHear::Fact(origin, Box::new(event))
    });
    let ahead = |bench: &mut Bench| {
        let (request, as_of) = (purchase("new", 1), AsOf::durable(Timestamp::EPOCH));
        let copied = Copied::of(bench.engine().state(), &to_hear, &origin(), &request);
        let Ahead { available, left_out, .. } = copied.ahead(&to_hear, &origin(), &request, as_of);
        (available, left_out)
    };
    assert_eq!(ahead(&mut bench), (Some(usd(710)), LeftOut::default()));
    bench.finding(&tell("release", Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed }));
    bench.catch_up();
    tidy(&mut bench);
    assert_eq!(holds_in_memory(&mut bench), 0);
    assert_eq!(ahead(&mut bench), (Some(usd(960)), LeftOut { count: 1, takes: 250 }));
}

#[test]
fn a_late_clearing_finds_its_hold_and_posts() {
    let mut bench = forgetful();
    bench.decide("p", 600);
    bench.finding(&tell("clear", captured("p", 400)));
    bench.catch_up();
    tidy(&mut bench);
    assert_eq!(holds_in_memory(&mut bench), 0);
    let again = tell("again", captured("p", 150));
    assert_eq!(bench.finding(&again), Some(Finding::CapturedAfterEnd), "not a force post: the payment is known");
    bench.catch_up();
    assert_same_hold(&mut bench, 550);
    // And once more, with the same message: it is heard, not applied.
    tidy(&mut bench);
    assert_eq!(bench.finding(&again), Some(Finding::HeardBefore));
    bench.catch_up();
    assert_same_hold(&mut bench, 550);
}

/// The hold in the projection is what the journal says, and the account paid for it.
fn assert_same_hold(bench: &mut Bench, captured: i64) {
    let line = bench.reader().hold(1).unwrap().unwrap();
    assert_eq!((line.hold.captured, line.hold.held, line.hold.status), (captured, 0, HoldStatus::Captured));
    assert_eq!(bench.reader().account(0).unwrap().unwrap().account.posted, 1_000 - captured);
    assert_eq!(bench.memory().accounts[0].account.posted, 1_000 - captured);
    assert_eq!(bench.reader().holds_of_account(0, None, 9).unwrap().len(), 1, "no second hold of the same payment");
}

#[test]
fn a_message_that_was_told_long_ago_is_not_applied_again() {
    let mut bench = forgetful();
    let load = Fact::Credited { payment: None, amount: usd(50), cause: MovementCause::Funding };
    let told = Act::Tell(origin(), event("load", Some(bench.now), load));
    assert_eq!(bench.finding(&told), None);
    bench.catch_up();
    bench.pass(Duration::from_secs(10 * 86_400));
    assert!(bench.memory().told.is_empty());
    assert_eq!(bench.finding(&told), Some(Finding::HeardBefore));
    assert_eq!(bench.memory().accounts[0].account.posted, 1_050);
}

/// One more authorization of the transaction `txn`.
fn another(bench: &mut Bench, key: &str, minor: i64) -> Result<Answer, LedgerError> {
    let payment = PaymentRef::of(id(key)).with_alias(id("txn"));
    let request = AuthorizationRequest { payment, ..purchase(key, minor) };
    let received_at = bench.now;
    bench.done(&decide(request, &[], received_at))
}

/// What a transaction of two authorizations comes to when the second one comes so long after the first one's end.
fn two_of_one_transaction(after: Duration, closed_kept: Duration) -> (Vec<AccountMoney>, Vec<(u64, Hold)>) {
    let mut bench = Bench::keeping_closed(closed_kept);
    bench.furnish(1_000);
    another(&mut bench, "x", 40).unwrap();
    let cleared =
        |minor| Fact::Captured { payment: Some(PaymentRef::by_alias(id("txn"))), amount: usd(minor), finality: Finality::More };
    bench.finding(&tell("clear 1", cleared(40)));
    bench.finding(&tell("over", Fact::Released { payment: payment("x"), cause: ReleaseCause::Reversed }));
    bench.catch_up();
    bench.pass(after);
    another(&mut bench, "x2", 10).unwrap();
    bench.finding(&tell("clear 2", cleared(10)));
    bench.catch_up();
    assert_eq!(bench.replayed(), bench.restored());
    bench.assert_decided_again("two authorizations of one transaction");
    let holds = bench.reader().holds_of_account(0, None, 9).unwrap();
    let money = bench.memory().accounts.iter().map(|row| (row.account.posted, row.account.held)).collect();
    (money, holds.iter().map(|line| (line.number, Hold { expires_at: None, ..line.hold })).collect())
}

type AccountMoney = (i64, i64);

#[test]
fn what_a_payment_comes_to_does_not_depend_on_what_memory_keeps() {
    let within = two_of_one_transaction(Duration::from_secs(1), Duration::from_secs(600));
    let after = two_of_one_transaction(Duration::from_secs(1_200), Duration::from_secs(600));
    assert_eq!(after, within);
    assert_eq!(after.1.len(), 1, "one transaction, one hold: {after:?}");
}

#[test]
fn a_payment_that_was_taken_before_its_question_is_not_taken_again_an_hour_later() {
    let mut bench = forgetful();
    bench.finding(&tell("clear", captured("p", 1_000)));
    bench.catch_up();
    bench.pass(Duration::from_secs(3_600));
    assert_eq!(holds_in_memory(&mut bench), 0);
    // Nothing is left, and nothing is needed.
    assert_eq!(bench.decide("p", 1_000), yes(1_000));
    let account = bench.memory().accounts[0].account;
    assert_eq!((account.posted, account.held), (0, 0));
}

#[test]
fn what_memory_lets_go_of_while_something_is_looked_for_is_looked_for_then() {
    let mut bench = Bench::keeping_closed(Duration::from_secs(60));
    bench.furnish(1_000);
    assert_eq!(bench.decide("p", 600), yes(600));
    bench.catch_up();
    // Its question's key is gone, and it is there.
    bench.pass(Duration::from_secs(49 * 3_600));
    bench.finding(&tell("clear", captured("p", 600)));
    bench.finding(&tell("over", Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed }));
    bench.catch_up();
    let outcome = RecordedOutcome::Approved { amount: usd(600) };
    let recorded = tell("recorded", Fact::Recorded { payment: payment("p"), asked: id("p"), increments: None, outcome });
    let now = Moment { instant: clock::instant(), utc: bench.now };
    let Performed::Cold(need) = bench.engine().attend(&recorded, &now, Warmth::Unknown) else { panic!("its key is gone") };
    assert!(need.asked.is_some() && need.payment.is_empty(), "{need:?}");
    bench.pass(Duration::from_secs(61));
    assert_eq!(holds_in_memory(&mut bench), 0, "it is let go of meanwhile");
    let found = bench.finder().find(&need).unwrap();
    bench.engine().warm(found, now.utc);
    let Performed::Cold(more) = bench.engine().attend(&recorded, &now, Warmth::FoundOf(&need)) else { panic!("it is gone, too") };
    assert!(more.asked.is_none() && !more.payment.is_empty(), "{more:?}");
    let need = need.and(more);
    let found = bench.finder().find(&need).unwrap();
    bench.engine().warm(found, now.utc);
    let performed = bench.engine().attend(&recorded, &now, Warmth::FoundOf(&need));
    assert!(matches!(performed, Performed::OnceDurable(_)), "{performed:?}");
    bench.commit();
    bench.catch_up();
    assert_same_hold(&mut bench, 600);
}

#[test]
fn a_new_payment_is_not_looked_for() {
    let mut bench = forgetful();
    bench.decide("p", 300);
    bench.finding(&tell("clear", captured("p", 300)));
    bench.catch_up();
    for restart in [false, true] {
        tidy(&mut bench);
        bench.pass(Duration::from_secs(3_600));
        if restart {
            bench.finding(&kept("later"));
            bench.catch_up();
            bench.restart();
        }
        let now = Moment { instant: clock::instant(), utc: bench.now };
        let another = AuthorizationRequest { key: id(if restart { "2" } else { "1" }), ..purchase("p", 1) };
        let known = bench.engine().attend(&decide(another, &[], now.utc), &now, Warmth::Unknown);
        assert!(matches!(known, Performed::Cold(_)), "{restart}: {known:?}");
        let new = bench.engine().attend(&decide(purchase("new", 1), &[], now.utc), &now, Warmth::Unknown);
        assert!(matches!(new, Performed::OnceDurable(_)), "{restart}: {new:?}");
        bench.commit();
    }
}

#[test]
fn a_start_brings_back_what_ended_lately() {
    let mut bench = Bench::with(1_000);
    bench.decide("p", 300);
    bench.finding(&tell("clear", captured("p", 300)));
    bench.catch_up();
    assert_eq!(bench.restart(), None);
    assert_eq!(holds_in_memory(&mut bench), 1);
}

/// A question, and what it came to.
fn asked(bench: &mut Bench, request: AuthorizationRequest) -> (Decision, Basis) {
    let received_at = bench.now;
    match bench.done(&decide(request, &[], received_at)) {
        Ok(Answer::Decided { decision, basis, .. }) => (decision, basis),
        other => panic!("{other:?}"),
    }
}

fn money(bench: &mut Bench) -> (i64, i64) {
    let account = bench.memory().accounts[0].account;
    (account.posted, account.held)
}

/// So many hours later, with everything in the projection and, the second time, after a start.
fn hours_later(bench: &mut Bench, hours: u64, check: impl Fn(&mut Bench)) {
    bench.catch_up();
    bench.pass(Duration::from_secs(hours * 3_600));
    bench.pass(Duration::ZERO);
    check(bench);
    bench.finding(&kept("later"));
    bench.catch_up();
    bench.restart();
    check(bench);
    bench.catch_up();
    assert_eq!(bench.restored(), bench.replayed());
    bench.assert_decided_again("hours later");
}

#[test]
fn a_debit_that_is_asked_again_after_days_is_not_posted_again() {
    let mut bench = forgetful();
    let debit = AuthorizationRequest { posting: Posting::Immediate, ..purchase("pd", 5) };
    assert_eq!(asked(&mut bench, debit), (yes(5), Basis::Ledger));
    hours_later(&mut bench, 49, |bench| {
        assert!(bench.memory().asked.is_empty());
        assert_eq!(asked(bench, debit), (yes(5), Basis::Replay));
        assert_eq!(money(bench), (995, 0));
        let another = AuthorizationRequest { amount: usd(6), ..debit };
        let conflict = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
        assert_eq!(asked(bench, another), (conflict, Basis::Ledger));
        assert_eq!(money(bench), (995, 0));
    });
}

#[test]
fn what_was_declined_or_released_hears_the_same_after_days() {
    let mut bench = forgetful();
    let refused = asked(&mut bench, purchase("much", 5_000)).0;
    assert_eq!(refused, Decision::Decline { reason: DeclineReason::InsufficientFunds });
    assert_eq!(bench.decide("p", 300), yes(300));
    bench.finding(&tell("release", Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed }));
    let load = Fact::Credited { payment: None, amount: usd(9_000), cause: MovementCause::Funding };
    bench.finding(&tell("load", load));
    hours_later(&mut bench, 72, |bench| {
        assert_eq!(asked(bench, purchase("much", 5_000)), (refused, Basis::Replay));
        assert_eq!(asked(bench, purchase("p", 300)), (yes(300), Basis::Replay));
        assert_eq!(money(bench), (10_000, 0));
    });
}

#[test]
fn the_platforms_word_counts_for_an_answer_of_days_ago() {
    let mut bench = forgetful();
    assert_eq!(bench.decide("p", 300), yes(300));
    bench.catch_up();
    bench.pass(Duration::from_secs(60 * 3_600));
    let outcome = RecordedOutcome::Declined;
    let fact = Fact::Recorded { payment: payment("p"), asked: id("p"), increments: None, outcome };
    assert_eq!(bench.finding(&tell("recorded", fact)), Some(Finding::AdoptedOverOurs));
    let declined = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
    assert_eq!(asked(&mut bench, purchase("p", 300)), (declined, Basis::Replay));
    hours_later(&mut bench, 49, |bench| {
        assert_eq!(asked(bench, purchase("p", 300)), (declined, Basis::Replay));
        assert_eq!(money(bench), (1_000, 0));
    });
}

#[test]
fn an_order_that_was_refused_is_refused_again_after_days() {
    let mut bench = forgetful();
    bench.decide("p", 300);
    let early = order("refund", "p", Order::Refund { amount: usd(10) });
    let refused = bench.done(&early);
    bench.finding(&tell("clear", captured("p", 300)));
    hours_later(&mut bench, 49, |bench| {
        let Ok(Answer::Decided { decision, .. }) = refused else { panic!("{refused:?}") };
        let again = bench.done(&early);
        assert!(matches!(again, Ok(Answer::Decided { decision: again, basis: Basis::Replay, .. }) if again == decision));
        assert_eq!(money(bench), (700, 0));
    });
}

#[test]
fn a_force_post_that_is_sent_again_after_months_is_not_posted_again() {
    for ahead in [None, Some(0), Some(2)] {
        let mut bench = forgetful();
        let occurred_at = ahead.map(|hours| bench.now.saturating_add(Duration::from_secs(hours * 3_600)));
        let fact = Fact::Captured { payment: None, amount: usd(50), finality: Finality::Final };
        let told = Act::Tell(origin(), event("force", occurred_at, fact));
        assert_eq!(bench.finding(&told), Some(Finding::ForcePosted));
        for hours in [49, 65 * 24] {
            hours_later(&mut bench, hours, |bench| {
                assert_eq!(bench.finding(&told), Some(Finding::HeardBefore), "{ahead:?}");
                assert_eq!(money(bench), (950, 0));
            });
        }
    }
}

#[test]
fn a_key_stays_in_memory_until_it_is_in_the_projection() {
    let mut bench = forgetful();
    bench.catch_up();
    let debit = AuthorizationRequest { posting: Posting::Immediate, ..purchase("pd", 5) };
    asked(&mut bench, debit);
    bench.pass(Duration::from_secs(50 * 3_600));
    assert_eq!(asked(&mut bench, debit), (yes(5), Basis::Replay));
    bench.catch_up();
    bench.pass(Duration::ZERO);
    bench.pass(Duration::ZERO);
    assert_eq!(bench.engine().state.picture().asked.len(), 0);
    assert_eq!(asked(&mut bench, debit), (yes(5), Basis::Replay));
}

#[test]
fn an_answer_that_was_corrected_stays_in_memory_until_the_correction_is_in_the_projection() {
    let mut bench = forgetful();
    assert_eq!(bench.decide("p", 300), yes(300));
    bench.catch_up();
    bench.pass(Duration::from_secs(47 * 3_600));
    let fact = |outcome| Fact::Recorded { payment: payment("p"), asked: id("p"), increments: None, outcome };
    assert_eq!(bench.finding(&tell("no", fact(RecordedOutcome::Declined))), Some(Finding::AdoptedOverOurs));
    // Its key is old by now and its first answer projected, its correction is not.
    bench.pass(Duration::from_secs(2 * 3_600));
    bench.pass(Duration::ZERO);
    let declined = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
    assert_eq!(asked(&mut bench, purchase("p", 300)), (declined, Basis::Replay));
    assert_eq!(bench.engine().state.picture().asked.len(), 1);
    bench.catch_up();
    bench.pass(Duration::ZERO);
    bench.pass(Duration::ZERO);
    assert_eq!(bench.engine().state.picture().asked.len(), 0);
    assert_eq!(asked(&mut bench, purchase("p", 300)), (declined, Basis::Replay));
}

#[test]
fn a_look_tells_a_key_that_may_have_been_answered_long_ago_from_a_new_one() {
    let mut bench = Bench::with(1_000);
    bench.decide("p", 600);
    let seen = |bench: &mut Bench, key: &str| {
        let now = bench.now;
        let seen = bench.engine().state.seen(&origin(), &purchase(key, 600), AsOf::durable(now));
        (seen.answered.is_some(), seen.longer_ago)
    };
    assert_eq!(seen(&mut bench, "p"), (true, LongerAgo::No));
    bench.catch_up();
    bench.pass(ASKED_KEYS_KEPT + Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(seen(&mut bench, "p"), (false, LongerAgo::Perhaps), "it is kept where a look does not reach");
        assert_eq!(seen(&mut bench, "q"), (false, LongerAgo::No));
        bench.restart();
        bench.pass(Duration::ZERO);
    }
}
