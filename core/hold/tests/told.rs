//! What is told: fact by fact and state by state; words about questions; single messages; what cannot be booked.

use super::*;

/// What an event does: posted, held, the hold's status afterwards (if there is a hold), and what is found.
type Effect = (i64, i64, Option<HoldStatus>, Option<Finding>);

/// A book with 1,000, and in it the payment `p` of 100: unknown, open, captured in full, or released.
fn books() -> [Book; 4] {
    let (mut captured_in_full, mut over) = (Book::open(), Book::open());
    captured_in_full.tell(captured(100, Finality::Final));
    over.tell(released(ReleaseCause::Reversed));
    [Book::with(1_000), Book::open(), captured_in_full, over]
}

#[test]
fn each_fact_does_in_each_state_what_it_says() {
    use Finding::*;
    use HoldStatus::{Captured, Expired, Open, Released, Unplaced};
    let p = payment("p");
    let credited = |payment| Fact::Credited { payment, amount: usd(25), cause: MovementCause::NetworkSettlement };
    let force_post = Fact::Captured { payment: None, amount: usd(5_000), finality: Finality::Final };
    let some = |status: HoldStatus| (0, 0, Some(status), None);
    let unknown = (0, 0, Some(Unplaced), Some(PaymentUnknown));
    let late = |minor: i64| (-minor, 0, Some(Captured), Some(CapturedAfterEnd));
    let above = |minor: i64| (-minor, 0, Some(Captured), Some(CapturedAboveAuthorized));
    let force = |minor: i64| (-minor, 0, Some(Captured), Some(ForcePosted));
    // The columns: no hold; open; captured; released.
    let table: Vec<(Fact, [Effect; 4])> = vec![
        (recorded("k", approved(100)), [(0, 100, Some(Open), Some(AdoptedOverOurs)), some(Open), some(Captured), some(Released)]),
        (
            recorded("k", stood_in(100, Posting::Hold)),
            [(0, 100, Some(Open), Some(AdoptedOverOurs)), some(Open), some(Captured), some(Released)],
        ),
        (
            recorded("k", stood_in(100, Posting::Immediate)),
            [(-100, 0, Some(Captured), Some(AdoptedOverOurs)), some(Open), some(Captured), some(Released)],
        ),
        (
            recorded("k", RecordedOutcome::Declined),
            [
                some(Released),
                (0, -100, Some(Released), Some(AdoptedOverOurs)),
                (0, 0, Some(Captured), Some(AdoptedOverOurs)),
                (0, 0, Some(Released), Some(AdoptedOverOurs)),
            ],
        ),
        (reduced(40), [unknown, (0, -40, Some(Open), None), some(Captured), some(Released)]),
        (reduced(140), [unknown, (0, -100, Some(Released), None), some(Captured), some(Released)]),
        (totalled(150), [unknown, (0, 50, Some(Open), None), (0, 50, Some(Open), None), (0, 150, Some(Open), None)]),
        (totalled(60), [unknown, (0, -40, Some(Open), None), some(Captured), (0, 60, Some(Open), None)]),
        (totalled(0), [unknown, (0, -100, Some(Released), None), some(Captured), some(Released)]),
        (
            released(ReleaseCause::Reversed),
            [(0, 0, Some(Released), Some(PaymentUnknown)), (0, -100, Some(Released), None), some(Captured), some(Released)],
        ),
        (
            released(ReleaseCause::Expired),
            [(0, 0, Some(Expired), Some(PaymentUnknown)), (0, -100, Some(Expired), None), some(Captured), some(Released)],
        ),
        (
            released(ReleaseCause::SafetyTimer),
            [
                (0, 0, Some(Expired), Some(PaymentUnknown)),
                (0, -100, Some(Expired), Some(NeverEnded)),
                some(Captured),
                some(Released),
            ],
        ),
        (captured(60, Finality::Final), [force(60), (-60, -100, Some(Captured), None), above(60), late(60)]),
        (captured(60, Finality::More), [force(60), (-60, -60, Some(Open), None), above(60), late(60)]),
        (
            captured(120, Finality::More),
            [force(120), (-120, -100, Some(Captured), Some(CapturedAboveAuthorized)), above(120), late(120)],
        ),
        (
            captured(0, Finality::Final),
            [
                (0, 0, Some(Released), Some(ForcePosted)),
                (0, -100, Some(Released), None),
                late(0),
                (0, 0, Some(Released), Some(CapturedAfterEnd)),
            ],
        ),
        (force_post, [(-5_000, 0, None, Some(ForcePosted)); 4]),
        (
            Fact::Completed { payment: p, amount: usd(100) },
            [force(100), (-100, -100, Some(Captured), None), above(100), late(100)],
        ),
        (credited(Some(p)), [Unplaced, Open, Captured, Released].map(|status| (25, 0, Some(status), None))),
        (credited(None), [(25, 0, None, None); 4]),
        (
            Fact::Debited { payment: Some(p), amount: usd(25), cause: MovementCause::Fee },
            [Unplaced, Open, Captured, Released].map(|status| (-25, 0, Some(status), None)),
        ),
        (Fact::SettlementAnnounced { total: usd(-25) }, [(0, 0, None, None); 4]),
    ];
    for (fact, effects) in table {
        for (mut book, (state, expected)) in
            books().into_iter().zip(["no hold", "open", "captured", "released"].iter().zip(effects))
        {
            let outcome = book.tell(fact);
            let effect = (outcome.posted, outcome.held, outcome.hold.map(|hold| hold.status), outcome.finding);
            assert_eq!(effect, expected, "{fact:?}, {state}");
            assert_eq!(outcome.decision, None);
        }
    }
}

#[test]
fn every_cause_balances_its_own_movements() {
    for cause in [
        MovementCause::NetworkSettlement,
        MovementCause::Funding,
        MovementCause::Fee,
        MovementCause::Dispute,
        MovementCause::StandInLoss,
    ] {
        for to in [None, Some(payment("p"))] {
            let mut book = Book::open();
            let outcome = book.tell(Fact::Credited { payment: to, amount: usd(70), cause });
            assert_eq!((outcome.posted, outcome.cause), (70, Some(cause)));
            let outcome = book.tell(Fact::Debited { payment: to, amount: usd(30), cause });
            assert_eq!((outcome.posted, outcome.cause), (-30, Some(cause)));
            assert_eq!((book.posted(), book.held()), (1_040, 100));
        }
    }
}

// --- words about questions -------------------------------------------------------------------------------------------

#[test]
fn a_word_on_our_own_question_is_what_it_amounts_to() {
    // What the platform says of the question `k` (we held 100) or of its increment `more` (50), and what is held then.
    for (asked, outcome, held) in [
        ("k", approved(100), 150),
        ("k", approved(80), 130),
        ("k", approved(130), 180),
        ("k", stood_in(130, Posting::Hold), 180),
        ("k", stood_in(130, Posting::Immediate), 180),
        ("k", RecordedOutcome::Declined, 50),
        ("more", approved(50), 150),
        ("more", approved(20), 120),
        ("more", RecordedOutcome::Declined, 100),
    ] {
        let mut book = Book::open();
        book.ask(&increment("more", 50));
        let outcome_of_word = book.tell(recorded(asked, outcome));
        assert_eq!(book.held(), held, "{asked} {outcome:?}");
        assert_eq!(outcome_of_word.finding, (held != 150).then_some(Finding::AdoptedOverOurs), "{asked} {outcome:?}");
    }
}

#[test]
fn a_word_under_another_name_than_the_question_is_of_the_payment() {
    // Some platforms tell of a payment under a key that was never asked. We held 100 under `k`.
    for (outcome, held, status) in [
        (approved(100), 100, HoldStatus::Open),
        (approved(130), 130, HoldStatus::Open),
        (approved(80), 100, HoldStatus::Open),
        (stood_in(100, Posting::Hold), 100, HoldStatus::Open),
        (stood_in(5_000, Posting::Hold), 5_000, HoldStatus::Open),
        (stood_in(1, Posting::Hold), 100, HoldStatus::Open),
        (RecordedOutcome::Declined, 0, HoldStatus::Released),
    ] {
        let mut book = Book::open();
        book.tell(recorded("another name", outcome));
        assert_eq!((book.held(), book.hold().status), (held, status), "{outcome:?}");
    }
}

#[test]
fn a_payment_that_was_recorded_under_another_name_holds_what_was_recorded_whatever_is_asked_of_it() {
    let counting = proceed([limit(1, None, None)]);
    // What is asked of a payment that was recorded at 18, and what is held then, and debited where it is a single message.
    for (minor, held) in [(15, 18), (18, 18), (25, 25)] {
        for question in [purchase(minor), single_message(minor)] {
            let (mut before, mut after) = (Book::with(1_000), Book::with(1_000));
            before.tell(recorded("another name", approved(18)));
            assert_eq!(before.ask_with(&question, &counting).decision, approves(minor));
            after.ask_with(&question, &counting);
            after.tell(recorded("another name", approved(18)));
            for mut book in [before, after] {
                assert_eq!((1_000 - book.available(), book.counted(1, DAY)), (held, (i128::from(held), 1)), "{question:?}");
                // Whoever asks again hears what was told under the name that is used, and nothing more is held.
                assert_eq!(book.ask_with(&question, &counting).decision, approved_before(minor));
                let by_the_other = AuthorizationRequest { key: key("another name"), amount: usd(18), ..question };
                assert_eq!(book.ask_with(&by_the_other, &counting).decision, approves(18), "{question:?}");
                assert_eq!(book.ask_with(&by_the_other, &counting).decision, approved_before(18), "{question:?}");
                assert_eq!((1_000 - book.available(), book.counted(1, DAY)), (held, (i128::from(held), 1)), "{question:?}");
            }
        }
    }
    // What was taken back of it stays taken back, and what ended is not opened again.
    for (fact, held) in [(reduced(8), 10), (released(ReleaseCause::Reversed), 0), (captured(18, Finality::Final), 0)] {
        let mut book = Book::with(1_000);
        book.ask(&purchase(15));
        book.tell_at(2_000, recorded("another name", approved(18)));
        book.tell_at(2_010, fact);
        book.tell_at(2_020, recorded("another name", approved(18)));
        assert_eq!(book.held(), held, "{fact:?}");
    }
    // Nor by the question itself, if it comes only then: what is not held is not approved.
    for cause in [ReleaseCause::Reversed, ReleaseCause::Expired] {
        for minor in [15, 18] {
            let mut book = Book::with(1_000);
            book.ask(&purchase(15));
            book.tell_at(2_000, recorded("another name", approved(18)));
            book.tell_at(2_010, released(cause));
            let late = AuthorizationRequest { key: key("another name"), ..purchase(minor) };
            for basis in [Basis::Ledger, Basis::Replay] {
                let decision = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
                assert_eq!(book.ask(&late).decision, Some((decision, basis)), "{cause:?} {minor}");
                assert_eq!((book.held(), book.available()), (0, 1_000), "{cause:?} {minor}");
            }
        }
    }
    // A total of what was added to has the addition in it; what is added after it comes on top.
    let more = |name: &str, minor| AuthorizationRequest { key: key(name), ..purchase(minor) };
    let mut book = Book::open();
    book.ask(&more("more", 50));
    book.tell_at(2_000, recorded("another name", approved(160)));
    assert_eq!(book.held(), 160);
    assert_eq!((book.ask(&more("still more", 30)).held, book.held()), (30, 190));
    book.tell_at(9_000_000, recorded("another name", approved(190)));
    assert_eq!(book.held(), 190);
}

#[test]
fn a_question_in_another_currency_is_not_approved_in_the_accounts_by_the_platforms_word() {
    let declined = |basis| Some((Decision::Decline { reason: DeclineReason::CurrencyNotAllowed }, basis));
    let euros = AuthorizationRequest { amount: eur(15), ..purchase(15) };
    let (mut before, mut after) = (Book::with(1_000), Book::with(1_000));
    before.tell(recorded("k", approved(18)));
    assert_eq!(before.ask(&euros).decision, declined(Basis::Ledger));
    assert_eq!(after.ask(&euros).decision, declined(Basis::Ledger));
    after.tell(recorded("k", approved(18)));
    for mut book in [before, after] {
        assert_eq!((book.ask(&euros).decision, book.held()), (declined(Basis::Replay), 18), "what the platform recorded is held");
    }
}

#[test]
fn an_increment_that_nobody_asked_us_adds_to_its_payment() {
    let adds = |outcome| Fact::Recorded { payment: payment("p-more"), asked: key("x"), increments: Some(payment("p")), outcome };
    for (outcome, held) in [(approved(50), 150), (stood_in(50, Posting::Hold), 150), (RecordedOutcome::Declined, 100)] {
        let mut book = Book::open();
        book.tell(adds(outcome));
        assert_eq!(book.held(), held, "{outcome:?}");
        let mut alone = Book::with(1_000);
        alone.tell(adds(outcome));
        assert_eq!(alone.held(), held - 100, "{outcome:?}, of a payment that nobody knows");
    }
}

#[test]
fn the_question_hears_from_then_on_what_the_platform_says_of_it() {
    let mut book = Book::open();
    book.tell(recorded("k", RecordedOutcome::Declined));
    let reason = DeclineReason::TransactionNotPermitted;
    assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Decline { reason }, Basis::Replay)));
    // One that tells no time and was overtaken is older than that.
    book.tell(recorded("k", approved(80)));
    assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Decline { reason }, Basis::Replay)));
    assert_eq!(book.held(), 0);
    // Approved after all: how much was said stays said, and as much as it says is held.
    book.tell_at(9_000, recorded("k", approved(80)));
    assert_eq!((book.ask(&purchase(100)).decision, book.held()), (approved_before(100), 80));
    // A word of before is not the last one.
    book.tell_at(1_100, recorded("k", RecordedOutcome::Declined));
    assert_eq!((book.ask(&purchase(100)).decision, book.held()), (approved_before(100), 80));
}

#[test]
fn declines_agree_whatever_their_reasons() {
    let mut book = Book::with(10);
    book.ask(&purchase(100));
    assert_eq!(book.tell(recorded("k", RecordedOutcome::Declined)).finding, None);
    let reason = DeclineReason::InsufficientFunds;
    assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Decline { reason }, Basis::Replay)));
    let outcome = book.tell_at(9_000, recorded("k", approved(100)));
    assert_eq!((outcome.held, outcome.finding), (100, Some(Finding::AdoptedOverOurs)));
    assert_eq!(book.ask(&purchase(100)).decision, approved_before(100));
}

#[test]
fn what_the_platform_recorded_as_approved_is_not_declined_when_the_question_comes_after() {
    let refuses = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") };
    let frozen = Some(Card { status: CardStatus::Frozen, ..GOOD_CARD });
    let declined = Some((Decision::Decline { reason: DeclineReason::MerchantNotAllowed }, Basis::Rule(rule("r"))));
    // What it says, under which name; what the question of 100 hears whose rule refuses it, and what is held.
    for (asked, outcome, expected, held) in [
        ("k", approved(100), approves(100), 100),
        ("k", approved(80), approves(80), 80),
        ("k", stood_in(130, Posting::Hold), approves(100), 130),
        ("k", RecordedOutcome::Declined, declined, 0),
        ("another name", approved(100), approves(100), 100),
        ("another name", approved(130), approves(100), 130),
        ("another name", approved(80), declined, 80),
        ("another name", RecordedOutcome::Declined, declined, 0),
    ] {
        let (mut first, mut last) = (Book::with(1_000), Book::with(1_000));
        first.tell(recorded(asked, outcome));
        assert_eq!(first.ask_with(&purchase(100), &refuses).decision, expected, "{asked} {outcome:?}");
        assert_eq!(first.held(), held, "{asked} {outcome:?}");
        // The other way round it ends the same, also for whoever asks again.
        assert_eq!(last.ask_with(&purchase(100), &refuses).decision, declined);
        last.tell(recorded(asked, outcome));
        let again = expected.map(|(decision, _)| (decision, Basis::Replay));
        for book in [&mut first, &mut last] {
            assert_eq!(book.ask_with(&purchase(100), &refuses).decision, again, "{asked} {outcome:?}");
            assert_eq!(book.held(), held, "{asked} {outcome:?}");
        }
        // Whatever it is that we would object to.
        let mut cold = Book { card: frozen, ..Book::with(0) };
        cold.tell(recorded(asked, outcome));
        let said = cold.ask(&purchase(100)).decision;
        assert_eq!(matches!(said, Some((Decision::Approve { .. }, _))), expected != declined, "{asked} {outcome:?}");
    }
    // What is not there any more is not said yes to.
    let mut over = Book::with(1_000);
    over.tell(recorded("k", approved(100)));
    over.tell(released(ReleaseCause::Reversed));
    assert_eq!(over.ask_with(&purchase(100), &refuses).decision, declined);
}

#[test]
fn an_approval_is_not_repeated_once_the_platform_says_that_the_payment_was_declined() {
    let reason = DeclineReason::TransactionNotPermitted;
    let undone = Some((Decision::Decline { reason }, Basis::Replay));
    let mut book = Book::open();
    book.tell(recorded("another name", RecordedOutcome::Declined));
    assert_eq!((book.ask(&purchase(100)).decision, book.held()), (undone, 0));
    // The question's own step tells as much as its key did.
    book.forget_keys();
    assert_eq!(book.ask(&purchase(100)).decision, undone);
    // What is asked, and approved, after that is held.
    let later = AuthorizationRequest { key: key("later"), ..purchase(40) };
    assert_eq!((book.ask(&later).decision, book.held()), (approves(40), 40));
    assert_eq!((book.ask(&later).decision, book.ask(&purchase(100)).decision), (approved_before(40), undone));
    // A merchant that reverses it takes nothing back of what was said; nor is a purchase undone that was paid.
    for facts in [
        vec![released(ReleaseCause::Reversed)],
        vec![captured(100, Finality::More), recorded("another name", RecordedOutcome::Declined)],
        vec![recorded("another name", RecordedOutcome::Declined), recorded("another name", approved(100))],
    ] {
        let mut book = Book::open();
        (2_000..).zip(&facts).for_each(|(seconds, fact)| drop(book.tell_at(seconds, *fact)));
        assert_eq!(book.ask(&purchase(100)).decision, approved_before(100), "{facts:?}");
    }
}

#[test]
fn a_question_that_comes_after_its_decline_was_recorded_is_declined_the_first_time_and_again() {
    let reason = DeclineReason::TransactionNotPermitted;
    // The payment is there, as its own question was paid at once.
    let mut book = Book::with(1_000);
    book.ask(&single_message(100));
    book.tell(recorded("later", RecordedOutcome::Declined));
    let later = AuthorizationRequest { key: key("later"), ..purchase(40) };
    assert_eq!((book.ask(&later).decision, book.held()), (Some((Decision::Decline { reason }, Basis::Ledger)), 0));
    assert_eq!((book.ask(&later).decision, book.held()), (Some((Decision::Decline { reason }, Basis::Replay)), 0));
    // The word is of that question: another one is decided as ever.
    let another = AuthorizationRequest { key: key("another"), ..purchase(40) };
    assert_eq!(book.ask(&another).decision, approves(40));
}

#[test]
fn a_late_word_without_a_time_opens_nothing_that_was_paid_in_full_or_declined() {
    // Captured, and closed at that; then the total of before arrives.
    let closed = |book: &mut Book| {
        book.tell_at(1_100, captured(40, Finality::More));
        book.tell(totalled(40));
    };
    let mut book = Book::open();
    closed(&mut book);
    assert_eq!(book.held(), 0);
    book.tell(totalled(100));
    assert_eq!(book.held(), 0);
    // One that says when it was is believed, and so is one where nothing closed the payment.
    book.tell_at(9_000, totalled(100));
    assert_eq!(book.held(), 60);
    let mut open = Book::open();
    open.tell_at(1_100, captured(40, Finality::More));
    open.tell(totalled(130));
    assert_eq!(open.held(), 90);
    // Nor is what was declined approved again by it.
    let mut declined = Book::with(1_000);
    declined.tell(recorded("another name", RecordedOutcome::Declined));
    declined.tell(recorded("another name", approved(100)));
    assert_eq!(declined.held(), 0);
    declined.tell_at(9_000, recorded("another name", approved(100)));
    assert_eq!(declined.held(), 100);
    // What we approve after the end stays held.
    let mut again = Book::open();
    closed(&mut again);
    again.ask(&AuthorizationRequest { key: key("later"), ..purchase(25) });
    again.tell(totalled(100));
    assert_eq!(again.held(), 25);
}

// --- single messages -------------------------------------------------------------------------------------------------

#[test]
fn a_single_messages_completion_moves_nothing_and_its_release_pays_back() {
    let p = payment("p");
    for (fact, posted, over) in [
        (Fact::Completed { payment: p, amount: usd(100) }, 0, true),
        (Fact::Completed { payment: p, amount: usd(90) }, 10, true),
        (Fact::Completed { payment: p, amount: usd(110) }, -10, true),
        (captured(60, Finality::More), 0, false),
        (reduced(30), 30, false),
        (totalled(130), -30, false),
        (totalled(0), 100, false),
        (released(ReleaseCause::Reversed), 100, false),
        (recorded("k", RecordedOutcome::Declined), 100, false),
        (recorded("k", approved(80)), 20, false),
        (Fact::Credited { payment: Some(p), amount: usd(100), cause: MovementCause::NetworkSettlement }, 100, false),
    ] {
        let mut book = Book::with(1_000);
        book.ask(&single_message(100));
        assert_eq!((book.posted(), book.held(), book.hold().ahead), (900, 0, 100));
        assert_eq!(book.tell(fact).posted, posted, "{fact:?}");
        assert_eq!((book.posted(), book.held()), (900 + posted, 0), "{fact:?}");
        if over {
            book.tell(released(ReleaseCause::Reversed));
            assert_eq!(book.posted(), 900 + posted, "what is complete is not paid back: {fact:?}");
        }
    }
}

#[test]
fn a_single_message_ends_the_same_whatever_came_first() {
    let facts = [
        (1_100, recorded("k", stood_in(100, Posting::Immediate))),
        (1_200, Fact::Completed { payment: payment("p"), amount: usd(90) }),
        (1_300, Fact::Credited { payment: Some(payment("p")), amount: usd(90), cause: MovementCause::NetworkSettlement }),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut book = Book::with(1_000);
        for place in order {
            let (seconds, fact) = facts[place];
            book.tell_at(seconds, fact);
        }
        assert_eq!((book.posted(), book.held(), book.hold().ahead), (1_000, 0, 0), "{order:?}");
    }
}

// --- what cannot be booked -------------------------------------------------------------------------------------------

#[test]
fn what_cannot_be_booked_is_found_and_moves_nothing() {
    let p = payment("p");
    let with = |amount: Money| {
        [
            recorded("other", RecordedOutcome::Approved { amount }),
            Fact::Reduced { payment: p, by: amount, original: None },
            Fact::Replaced { payment: p, total: amount },
            Fact::Captured { payment: Some(p), amount, finality: Finality::More },
            Fact::Captured { payment: None, amount, finality: Finality::Final },
            Fact::Completed { payment: p, amount },
            Fact::Credited { payment: None, amount, cause: MovementCause::Funding },
            Fact::Debited { payment: Some(p), amount, cause: MovementCause::Fee },
        ]
    };
    for (amount, finding) in
        [(eur(10), Finding::CurrencyMismatch), (usd(-10), Finding::AmountTooLarge), (usd(i64::MIN), Finding::AmountTooLarge)]
    {
        for fact in with(amount) {
            assert_eq!(Book::open().tell(fact), Outcome::nothing(finding), "{fact:?}");
        }
    }
    for fact in with(usd(10)) {
        let mut book = Book::with(0);
        book.account = None;
        assert_eq!(book.tell(fact), Outcome::nothing(Finding::AccountUnknown), "{fact:?}");
    }
}

#[test]
fn what_cannot_be_counted_is_found_and_changes_nothing() {
    let most = i64::MAX;
    let adds = Fact::Recorded {
        payment: payment("p-more"),
        asked: key("x"),
        increments: Some(payment("p")),
        outcome: stood_in(most, Posting::Hold),
    };
    // An account at the edge, and a payment of 100 of which something was captured, refunded and held.
    let mut edge = Book::open();
    edge.tell(captured(10, Finality::More));
    edge.tell(Fact::Credited { payment: Some(payment("p")), amount: usd(5), cause: MovementCause::NetworkSettlement });
    edge.ask(&another("other", 100));
    for fact in [
        adds,
        totalled(most),
        captured(most, Finality::Final),
        Fact::Credited { payment: Some(payment("p")), amount: usd(most), cause: MovementCause::Funding },
        Fact::Credited { payment: None, amount: usd(most), cause: MovementCause::Funding },
        recorded("k", approved(most)),
    ] {
        let mut book = edge.clone();
        let outcome = book.tell(fact);
        assert_eq!(outcome, Outcome::nothing(Finding::AmountTooLarge), "{fact:?}");
        assert_eq!((book.account, book.hold()), (edge.account, edge.hold()), "{fact:?}");
        assert_eq!(book.tell(captured(90, Finality::Final)).posted, -90, "what comes after is booked as if it had not been");
    }
}

#[test]
fn every_finding_has_a_name_of_its_own() {
    let all = [
        Finding::HeardBefore,
        Finding::Conflict,
        Finding::PaymentUnknown,
        Finding::ForcePosted,
        Finding::CapturedAboveAuthorized,
        Finding::CapturedAfterEnd,
        Finding::AdoptedOverOurs,
        Finding::AccountUnknown,
        Finding::CurrencyMismatch,
        Finding::AmountTooLarge,
        Finding::ApprovedBefore,
        Finding::Superseded,
        Finding::NeverEnded,
    ];
    let names: BTreeSet<&str> = all.iter().map(|finding| finding.name()).collect();
    assert_eq!(names.len(), all.len());
    let names: BTreeSet<&str> = HoldStatus::ALL.iter().map(|status| status.name()).collect();
    assert_eq!(names.len(), HoldStatus::ALL.len());
}
