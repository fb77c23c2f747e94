//! What is asked: kinds, funds, partial approvals, what is held on top, expiry; and the adoption of what was told without
//! the ledger.

use super::*;

const PLAIN: HoldPolicy = HoldPolicy::PLAIN;

#[derive(Clone, Copy)]
enum Funds {
    LookedAt,
    Ignored,
}

#[test]
fn each_kind_does_to_money_and_limits_what_it_is() {
    use AuthorizationKind::*;
    // kind, then: held, amount counted, transactions counted; and whether funds are looked at.
    let table = [
        (Purchase, 100, 100, 1, Funds::LookedAt),
        (PurchaseWithCashback, 100, 100, 1, Funds::LookedAt),
        (CashWithdrawal, 100, 100, 1, Funds::LookedAt),
        (QuasiCash, 100, 100, 1, Funds::LookedAt),
        (BillPayment, 100, 100, 1, Funds::LookedAt),
        (AccountVerification, 0, 0, 1, Funds::Ignored),
        (Incremental, 100, 100, 0, Funds::LookedAt),
        (Credit, 0, 0, 0, Funds::Ignored),
        (BalanceInquiry, 0, 0, 0, Funds::Ignored),
    ];
    assert_eq!(table.map(|row| row.0), AuthorizationKind::ALL);
    for (kind, held, amount, transactions, funds) in table {
        let request = match kind {
            Incremental => increment("more", 100),
            Purchase | PurchaseWithCashback | CashWithdrawal | QuasiCash | BillPayment | AccountVerification | Credit
            | BalanceInquiry | Unknown => AuthorizationRequest { kind, ..purchase(100) },
        };
        let mut book = Book::with(1_000);
        if kind == Incremental {
            book.ask(&purchase(10));
        }
        let outcome = book.ask_with(&request, &proceed([limit(1, None, None)]));
        assert_eq!(outcome.decision, approves(100), "{kind:?}");
        assert_eq!((outcome.held, outcome.posted), (held, 0), "{kind:?}");
        assert_eq!(book.counted(1, DAY), (amount, transactions), "{kind:?}");

        book.tell(Fact::Debited { payment: None, amount: usd(5_000), cause: MovementCause::Fee });
        let expected = match funds {
            Funds::LookedAt => declines(DeclineReason::InsufficientFunds),
            Funds::Ignored => approves(100),
        };
        assert_eq!(book.ask(&AuthorizationRequest { key: key("again"), ..request }).decision, expected, "{kind:?}");
    }
}

#[test]
fn funds_are_enough_to_the_last_minor_unit() {
    for (posted, held, credit_line, asked, enough) in [
        (100, 0, 0, 100, true),
        (100, 0, 0, 101, false),
        (100, 60, 0, 40, true),
        (100, 60, 0, 41, false),
        (0, 0, 50, 50, true),
        (-20, 0, 50, 31, false),
        (i64::MIN, 0, 0, 1, false),
        (i64::MIN, i64::MAX, i64::MIN, 1, false),
        (i64::MAX, 0, i64::MAX, i64::MAX, true),
    ] {
        let mut book = Book::with(posted);
        if held > 0 {
            book.adopt(&another("other", held), yes(held));
        }
        book.account.as_mut().unwrap().credit_line = credit_line;
        let expected = if enough { approves(asked) } else { declines(DeclineReason::InsufficientFunds) };
        assert_eq!(book.ask(&purchase(asked)).decision, expected, "{posted} {held} {credit_line} {asked}");
    }
}

#[test]
fn what_cannot_be_counted_is_declined() {
    let mut book = Book::with(i64::MAX);
    book.account.as_mut().unwrap().credit_line = i64::MAX;
    assert_eq!(book.ask(&purchase(i64::MAX)).decision, approves(i64::MAX));
    assert_eq!(book.ask(&another("k2", 1)).decision, declines(DeclineReason::AmountTooLarge));
    assert_eq!(book.ask(&increment("more", 1)).decision, declines(DeclineReason::AmountTooLarge));
    assert_eq!(book.held(), i64::MAX);
}

#[test]
fn a_single_message_is_debited_at_the_decision() {
    let mut book = Book::with(1_000);
    let outcome = book.ask(&single_message(300));
    assert_eq!((outcome.posted, outcome.held, outcome.cause), (-300, 0, Some(MovementCause::NetworkSettlement)));
    assert_eq!((book.available(), book.hold().ahead, book.hold().expires_at), (700, 300, None));
    assert_eq!(book.ask(&another("k2", 701)).decision, declines(DeclineReason::InsufficientFunds));
    // What is added to it is debited at once too.
    assert_eq!(book.ask(&increment("more", 50)).posted, -50);
}

#[test]
fn an_increment_adds_to_a_payment_under_way_only() {
    let mut unknown = Book::with(1_000);
    assert_eq!(unknown.ask(&increment("more", 50)).decision, declines(DeclineReason::AuthorizationUnknown));
    for (end, decision) in [
        (None, approves(50)),
        (Some(captured(60, Finality::More)), approves(50)),
        (Some(captured(60, Finality::Final)), declines(DeclineReason::AuthorizationUnknown)),
        (Some(captured(100, Finality::More)), declines(DeclineReason::AuthorizationUnknown)),
        (Some(released(ReleaseCause::Expired)), declines(DeclineReason::AuthorizationUnknown)),
        (Some(recorded("k", RecordedOutcome::Declined)), declines(DeclineReason::AuthorizationUnknown)),
    ] {
        let mut book = Book::open();
        end.into_iter().for_each(|fact| drop(book.tell_at(1_000, fact)));
        let held = book.held();
        assert_eq!(book.ask(&increment("more", 50)).decision, decision, "{end:?}");
        assert_eq!(book.held(), if decision == approves(50) { held + 50 } else { held }, "{end:?}");
    }
}

#[test]
fn a_question_after_what_was_told_of_it_takes_only_what_is_missing() {
    let all = |facts: &[(i64, Fact)], posted, request: &AuthorizationRequest| {
        let mut book = Book::with(posted);
        facts.iter().for_each(|(seconds, fact)| drop(book.tell_at(*seconds, *fact)));
        let before = book.available();
        let decision = book.ask(request).decision;
        (decision, before - book.available())
    };
    // What was told, and what the question for 100 costs the account then; it has to be there.
    for (facts, cost) in [
        (vec![(1_100, recorded("k", approved(100)))], 0),
        (vec![(1_100, recorded("other", approved(100)))], 0),
        (vec![(1_100, recorded("other", stood_in(100, Posting::Hold)))], 0),
        (vec![(1_100, recorded("other", stood_in(100, Posting::Immediate)))], 0),
        (vec![(1_100, recorded("other", stood_in(60, Posting::Hold)))], 40),
        (vec![(1_100, captured(100, Finality::Final))], 0),
        (vec![(1_100, captured(120, Finality::Final))], 0),
        (vec![(1_100, captured(60, Finality::More))], 40),
        (vec![(1_100, reduced(30))], 70),
        (vec![(1_100, totalled(50))], 50),
        (vec![(1_100, totalled(130))], 130),
        (vec![(1_100, totalled(130)), (1_200, captured(130, Finality::Final))], 0),
        (vec![(1_100, Fact::Credited { payment: Some(payment("p")), amount: usd(0), cause: MovementCause::Fee })], 100),
    ] {
        let spent = 1_000 - all(&facts, 1_000, &purchase(100)).1;
        let (_, told) = all(&facts, 1_000, &AuthorizationRequest { kind: AuthorizationKind::BalanceInquiry, ..purchase(0) });
        assert_eq!((told, spent), (0, 1_000 - cost), "{facts:?}");
        let mut start = Book::with(0);
        facts.iter().for_each(|(seconds, fact)| drop(start.tell_at(*seconds, *fact)));
        let taken = -start.available();
        assert_eq!(all(&facts, taken + cost, &purchase(100)), (approves(100), cost), "{facts:?}");
        if cost > 0 {
            let poor = all(&facts, taken + cost - 1, &purchase(100));
            assert_eq!(poor, (declines(DeclineReason::InsufficientFunds), 0), "{facts:?}");
        }
    }
    // What leaves nothing of it.
    for fact in [
        released(ReleaseCause::Reversed),
        released(ReleaseCause::Expired),
        recorded("k", RecordedOutcome::Declined),
        recorded("other", RecordedOutcome::Declined),
        reduced(100),
        captured(60, Finality::Final),
        captured(0, Finality::Final),
    ] {
        let over = all(&[(1_100, fact)], 1_000, &purchase(100));
        assert_eq!(over, (declines(DeclineReason::AuthorizationOver), 0), "{fact:?}");
    }
}

// --- partial approvals -----------------------------------------------------------------------------------------------

#[test]
fn less_is_approved_only_where_everyone_allows_it() {
    use PartialApproval::{NotSupported, Supported};
    let reason = DeclineReason::InsufficientFunds;
    let limited = |amount_max| vec![limit(1, Some(amount_max), None)];
    let by_limit = Some((Decision::Decline { reason: DeclineReason::AmountLimitReached }, Basis::Limit(rule("limit-1"))));
    // Terminal, the program's least, available, limits; what is answered to 100.
    for (terminal, least, posted, limits, expected) in [
        (Supported, Some(10), 100, vec![], approves(100)),
        (Supported, Some(10), 60, vec![], approves(60)),
        (Supported, Some(60), 60, vec![], approves(60)),
        (Supported, Some(61), 60, vec![], declines(reason)),
        (Supported, Some(0), 0, vec![], declines(reason)),
        (Supported, Some(0), -5, vec![], declines(reason)),
        (Supported, None, 60, vec![], declines(reason)),
        (NotSupported, Some(10), 60, vec![], declines(reason)),
        (Supported, Some(10), 1_000, limited(40), approves(40)),
        (Supported, Some(10), 30, limited(40), approves(30)),
        (Supported, Some(10), 40, limited(30), approves(30)),
        (Supported, Some(35), 30, limited(40), declines(reason)),
        (Supported, Some(41), 1_000, limited(40), by_limit),
        (NotSupported, Some(10), 1_000, limited(40), by_limit),
    ] {
        let mut book = Book::with(posted);
        let request = AuthorizationRequest { partial_approval: terminal, ..purchase(100) };
        let policy = HoldPolicy { partial_min: least, ..PLAIN };
        let outcome = book.ask_with(&request, &held_by(policy, limits.clone()));
        assert_eq!(outcome.decision, expected, "{terminal:?} {least:?} {posted} {limits:?}");
        if let Some((Decision::Approve { amount }, _)) = outcome.decision {
            assert_eq!((outcome.held, book.hold().authorized), (amount.minor(), amount.minor()));
            let counted = if limits.is_empty() { (0, 0) } else { (i128::from(amount.minor()), 1) };
            assert_eq!(book.counted(1, DAY), counted, "what was approved is what counts");
            assert_eq!(book.ask(&request).decision, approved_before(amount.minor()));
        }
    }
}

#[test]
fn neither_an_increment_nor_what_was_told_before_is_approved_in_part() {
    let policy = held_by(HoldPolicy { partial_min: Some(1), ..PLAIN }, []);
    let mut book = Book::with(120);
    book.ask(&purchase(100));
    let more = AuthorizationRequest { partial_approval: PartialApproval::Supported, ..increment("more", 50) };
    assert_eq!(book.ask_with(&more, &policy).decision, declines(DeclineReason::InsufficientFunds));

    for told in [50, 100] {
        let mut book = Book::with(40);
        book.tell_at(1_100, totalled(told));
        let late = AuthorizationRequest { partial_approval: PartialApproval::Supported, ..purchase(100) };
        assert_eq!(book.ask_with(&late, &policy).decision, declines(DeclineReason::InsufficientFunds), "less would cost as much");
    }
}

// --- what is held on top ---------------------------------------------------------------------------------------------

#[test]
fn what_is_held_on_top_is_a_wish() {
    let padded = |padding, posting| AuthorizationRequest { padding, posting, ..purchase(100) };
    for (request, posted, held, available) in [
        (padded(Padding::None, Posting::Hold), 1_000, 120, 880),
        (padded(Padding::None, Posting::Hold), 110, 110, 0),
        (padded(Padding::None, Posting::Hold), 100, 100, 0),
        (padded(Padding::ByPlatform, Posting::Hold), 1_000, 100, 900),
        (padded(Padding::None, Posting::Immediate), 1_000, 0, 900),
    ] {
        let mut book = Book::with(posted);
        let outcome = book.ask_with(&request, &held_by(HoldPolicy { extra: 20, ..PLAIN }, []));
        assert_eq!(outcome.decision, approves(100), "never a reason to decline, and never part of the answer");
        assert_eq!((book.held(), book.available()), (held, available), "{posted} {request:?}");
    }
}

#[test]
fn what_is_held_on_top_ends_with_what_it_was_held_on() {
    let adds = Fact::Recorded {
        payment: payment("p-more"),
        asked: key("x"),
        increments: Some(payment("p")),
        outcome: stood_in(50, Posting::Hold),
    };
    // 100 and 20 on top; then what is held after each fact.
    let table: [(&str, &[(Fact, i64)]); 8] = [
        ("an advice drops it", &[(totalled(100), 100)]),
        ("a lower one too", &[(totalled(40), 40)]),
        ("a partial reversal takes its part", &[(reduced(40), 72)]),
        ("a full one does not", &[(reduced(100), 0)]),
        ("a release frees it", &[(released(ReleaseCause::Reversed), 0)]),
        ("captures use what was authorized first", &[(captured(60, Finality::More), 60), (captured(40, Finality::More), 20)]),
        ("the last one frees it", &[(captured(60, Finality::More), 60), (captured(50, Finality::Final), 0)]),
        ("what begins anew has none", &[(captured(100, Finality::Final), 0), (adds, 50)]),
    ];
    for (what, facts) in table {
        let mut book = Book::with(1_000);
        book.ask_with(&purchase(100), &held_by(HoldPolicy { extra: 20, ..PLAIN }, []));
        for (fact, held) in facts {
            book.tell(*fact);
            assert_eq!(book.held(), *held, "{what}");
        }
    }
}

#[test]
fn an_adopted_answer_holds_nothing_on_top() {
    let mut book = Book::with(1_000);
    let verdict = held_by(HoldPolicy { extra: 20, tolerance: 7, ..PLAIN }, []);
    book.adopt_with(&purchase(100), yes(100), ASKED, Some(&verdict));
    assert_eq!((book.held(), book.hold().tolerance), (100, 7));
}

// --- expiry ----------------------------------------------------------------------------------------------------------

#[test]
fn a_hold_expires_when_nobody_says_anything() {
    let policy = HoldPolicy { lifetime_seconds: 500, safety_timer_seconds: 9_000, ..PLAIN };
    for (expiry, posting, expires_at) in [
        (Expiry::Ours, Posting::Hold, Some(at(1_500))),
        (Expiry::Told, Posting::Hold, Some(at(10_000))),
        (Expiry::Ours, Posting::Immediate, None),
        (Expiry::Told, Posting::Immediate, None),
    ] {
        let mut book = Book::with(1_000);
        // The life begins when we hear of it, whatever the platform's clock says.
        let request = AuthorizationRequest { expiry, posting, occurred_at: Some(at(1)), ..purchase(100) };
        book.ask_with(&request, &held_by(policy, []));
        assert_eq!(book.hold().expires_at, expires_at, "{expiry:?} {posting:?}");
    }
    let mut book = Book::with(1_000);
    book.ask_with(&purchase(100), &held_by(policy, []));
    let longer = HoldPolicy { safety_timer_seconds: 20_000, ..policy };
    book.ask_with(&increment("more", 1), &held_by(longer, []));
    assert_eq!(book.hold().expires_at, Some(at(21_000)), "an increment prolongs it");
    let shorter = HoldPolicy { safety_timer_seconds: 1, ..policy };
    book.ask_with(&increment("shorter", 1), &held_by(shorter, []));
    assert_eq!(book.hold().expires_at, Some(at(21_000)), "and never shortens it");
}

// --- adoption --------------------------------------------------------------------------------------------------------

#[test]
fn an_approval_that_nobody_heard_is_undone() {
    for request in [purchase(100), single_message(100)] {
        let mut book = Book::with(100);
        book.ask_with(&request, &proceed([limit(1, Some(100), None)]));
        assert_eq!(book.available(), 0);
        assert_eq!(book.adopt(&request, NO).finding, Some(Finding::AdoptedOverOurs));
        assert_eq!((book.available(), book.counted(1, DAY)), (100, (0, 0)));
        let reason = DeclineReason::LedgerUnavailable;
        assert_eq!(book.ask(&request).decision, Some((Decision::Decline { reason }, Basis::Replay)));
        assert_eq!(book.adopt(&request, NO), Outcome::nothing(Finding::HeardBefore));
        // And the other way: what was undone is told yes after all.
        book.adopt(&request, yes(100));
        assert_eq!((book.available(), book.counted(1, DAY)), (0, (100, 1)));
    }
    let mut book = Book::open();
    book.ask(&increment("more", 50));
    book.adopt(&increment("more", 50), NO);
    assert_eq!((book.hold().held, book.hold().status), (100, HoldStatus::Open), "what was there stays");
}

/// A purchase at a merchant of this name, in this country.
fn at_merchant(name: &str, country: &str) -> AuthorizationRequest {
    let merchant = Merchant { name: MerchantName::of(name), country: Country::new(country), ..Merchant::default() };
    AuthorizationRequest { merchant, ..purchase(100) }
}

#[test]
fn another_merchants_name_or_country_is_another_question() {
    for other in [at_merchant("Casino", "USA"), at_merchant("Corner Grocery", "CAN"), purchase(100)] {
        let mut book = Book::with(1_000);
        book.ask(&at_merchant("Corner Grocery", "USA"));
        assert_eq!(book.ask(&other).decision, declines(DeclineReason::ConflictingDuplicate));
        let again = book.ask(&at_merchant("CORNER GROCERY", "US"));
        assert_eq!(again.decision, Some((Decision::Approve { amount: usd(100) }, Basis::Replay)));
        // Nor is the first one's question one that tells more.
        let mut nameless = Book::open();
        assert_eq!(nameless.ask(&purchase(100)).decision, approved_before(100));
        let named = nameless.ask(&at_merchant("Casino", "USA"));
        assert_eq!(named.decision, declines(DeclineReason::ConflictingDuplicate));
    }
}

#[test]
fn a_key_that_an_earlier_version_kept_is_compared_as_it_compared() {
    let request = at_merchant("Corner Grocery", "USA");
    let digest = *request.content_digest().without_names();
    assert_eq!(digest, *purchase(100).content_digest().without_names(), "as it was kept before");
    let mut book = Book::with(1_000);
    let decision = Decision::Approve { amount: usd(100) };
    book.answered.insert(request.key, Answered { digest, asked_at: ASKED, decision });
    assert_eq!(book.ask(&request).decision, Some((decision, Basis::Replay)));
    let dearer = AuthorizationRequest { amount: usd(101), ..request };
    assert_eq!(book.ask(&dearer).decision, declines(DeclineReason::ConflictingDuplicate));
}

#[test]
fn a_decide_that_arrives_after_what_was_told_hears_it() {
    let mut book = Book::with(1_000);
    assert_eq!(book.adopt(&purchase(100), NO), {
        let decision = Decision::Decline { reason: DeclineReason::LedgerUnavailable };
        let answered = Some(Answered { digest: purchase(100).content_digest().kept(), asked_at: ASKED, decision });
        Outcome { answered, ..Outcome::default() }
    });
    let reason = DeclineReason::LedgerUnavailable;
    assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Decline { reason }, Basis::Replay)));
    assert_eq!(book.available(), 1_000);
}

#[test]
fn a_told_approval_is_placed_unconditionally() {
    for decided_before in [false, true] {
        let mut book = Book::with(10);
        book.card = Some(Card { status: CardStatus::Frozen, ..GOOD_CARD });
        if decided_before {
            assert_eq!(book.ask(&purchase(100)).decision, declines(DeclineReason::CardFrozen));
        }
        let outcome = book.adopt(&purchase(100), yes(100));
        assert_eq!((outcome.held, outcome.finding), (100, decided_before.then_some(Finding::AdoptedOverOurs)));
        assert_eq!(book.available(), -90);
        assert_eq!(book.ask(&purchase(100)).decision, approved_before(100));
    }
}

#[test]
fn what_was_told_is_what_is_held() {
    // Whether the ledger had approved 100; what was told by the same callback; what is held then.
    for (decided, told, held) in [(false, 80, 80), (true, 80, 80), (true, 130, 130), (true, 0, 0), (false, 0, 0)] {
        let mut book = Book::with(1_000);
        if decided {
            book.ask(&purchase(100));
        }
        book.adopt(&purchase(100), yes(told));
        assert_eq!(book.held(), held, "decided: {decided}, told {told}");
        book.adopt(&purchase(100), NO);
        assert_eq!(book.held(), 0, "decided: {decided}, told {told}");
    }
}

#[test]
fn a_retry_that_was_told_no_or_less_leaves_what_the_first_one_heard() {
    let retry = at(1_005);
    for (told, held, finding) in [
        (NO, 100, Some(Finding::ApprovedBefore)),
        (yes(80), 100, Some(Finding::ApprovedBefore)),
        (yes(100), 100, Some(Finding::HeardBefore)),
        (yes(130), 130, Some(Finding::AdoptedOverOurs)),
    ] {
        let mut book = Book::open();
        assert_eq!(book.adopt_with(&purchase(100), told, retry, None).finding, finding, "{told:?}");
        // More than was asked is said to nobody.
        assert_eq!((book.held(), book.ask(&purchase(100)).decision), (held, approved_before(held.min(100))), "{told:?}");
    }
    // Only the platform's word releases it.
    let mut book = Book::open();
    book.adopt_with(&purchase(100), NO, retry, None);
    book.tell(recorded("k", RecordedOutcome::Declined));
    assert_eq!(book.held(), 0);
}

#[test]
fn the_platforms_word_counts_whether_it_comes_before_the_adoption_or_after() {
    for (told, outcome, held) in [
        (yes(100), approved(100), 100),
        (yes(100), approved(80), 80),
        (yes(100), RecordedOutcome::Declined, 0),
        (NO, stood_in(70, Posting::Hold), 70),
        (NO, RecordedOutcome::Declined, 0),
    ] {
        let (mut before, mut after) = (Book::with(1_000), Book::with(1_000));
        before.tell_at(1_100, recorded("k", outcome));
        before.adopt(&purchase(100), told);
        after.adopt(&purchase(100), told);
        after.tell_at(1_100, recorded("k", outcome));
        for mut book in [before, after] {
            assert_eq!(book.held(), held, "{told:?}, {outcome:?}");
            let approved = matches!(book.ask(&purchase(100)).decision, Some((Decision::Approve { .. }, Basis::Replay)));
            assert_eq!(approved, held > 0, "{told:?}, {outcome:?}");
        }
    }
}

#[test]
fn what_was_approved_by_the_platforms_word_under_another_name_is_not_held_again_by_its_adoption() {
    let mut book = Book { card: Some(Card { status: CardStatus::Frozen, ..GOOD_CARD }), ..Book::with(1_000) };
    book.tell(recorded("another name", approved(130)));
    assert_eq!((book.ask(&purchase(100)).decision, book.held()), (approves(100), 130));
    // A retry that came while the ledger was away heard the same.
    assert_eq!(book.adopt(&purchase(100), yes(100)), Outcome::nothing(Finding::HeardBefore));
    assert_eq!(book.held(), 130);
}

#[test]
fn what_the_platform_recorded_beside_our_opening_is_not_held_again_by_its_adoption() {
    let recorded_as = AuthorizationRequest { key: key("another name"), ..purchase(18) };
    for told in [yes(18), yes(15), yes(20)] {
        let mut book = Book::with(1_000);
        book.ask(&purchase(15));
        book.tell_at(2_000, recorded("another name", approved(18)));
        assert_eq!((book.adopt(&recorded_as, told).step, book.held()), (None, 18), "{told:?}");
        // What was told is what a retry hears, and it is adopted once, whatever became of it.
        for (seconds, outcome, held) in
            [(2_010, None, 18), (2_020, Some(approved(19)), 19), (2_030, Some(RecordedOutcome::Declined), 0)]
        {
            outcome.into_iter().for_each(|outcome| drop(book.tell_at(seconds, recorded("another name", outcome))));
            assert_eq!(book.adopt(&recorded_as, told), Outcome::nothing(Finding::HeardBefore), "{told:?} at {seconds}");
            assert_eq!(book.held(), held, "{told:?} at {seconds}");
            let again = book.ask(&recorded_as).decision;
            // Never more than is asked.
            let ToldAnswer::Approved { amount } = told else { continue };
            let expected = if held > 0 { approved_before(amount.minor().min(18)) } else { again };
            assert_eq!(again, expected, "{told:?} at {seconds}");
        }
    }
}

#[test]
fn an_adoption_of_what_cannot_be_booked_moves_nothing() {
    let euros = AuthorizationRequest { amount: eur(100), ..purchase(100) };
    let outcome = Book::with(1_000).adopt(&euros, ToldAnswer::Approved { amount: eur(100) });
    assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::CurrencyMismatch)));
    // Nor once the platform tells of the payment in the account's currency.
    let mut dollars = Book::with(1_000);
    for outcome in [None, Some(approved(130))] {
        outcome.into_iter().for_each(|outcome| drop(dollars.tell(recorded("another name", outcome))));
        let outcome = dollars.adopt(&euros, ToldAnswer::Approved { amount: eur(100) });
        assert_eq!((outcome.step, outcome.finding), (None, Some(Finding::CurrencyMismatch)));
    }
    for (posted, told) in [(1_000, yes(-100)), (1_000, yes(i64::MIN))] {
        let outcome = Book::with(posted).adopt(&purchase(100), told);
        assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::AmountTooLarge)));
    }
    let mut full = Book::with(0);
    full.adopt(&another("other", 1), yes(1));
    let outcome = full.adopt(&purchase(100), yes(i64::MAX));
    assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::AmountTooLarge)));

    let mut nowhere = Book::with(0);
    nowhere.account = None;
    let outcome = nowhere.adopt(&purchase(100), yes(100));
    assert_eq!((outcome.held, outcome.finding), (0, Some(Finding::AccountUnknown)));
    assert_eq!(nowhere.ask(&purchase(100)).decision, approved_before(100), "it was told all the same");

    // Only when it can be held is it heard, and then once.
    assert_eq!(nowhere.adopt(&purchase(100), yes(100)).finding, Some(Finding::AccountUnknown));
    nowhere.account = Some(account(0));
    let outcome = nowhere.adopt(&purchase(100), yes(100));
    assert_eq!((outcome.held, outcome.finding), (100, None));
    assert_eq!(nowhere.adopt(&purchase(100), yes(100)), Outcome::nothing(Finding::HeardBefore));
    assert_eq!((nowhere.held(), nowhere.ask(&purchase(100)).decision), (100, approved_before(100)));

    let mut book = Book::open();
    assert_eq!(book.adopt(&purchase(101), NO), Outcome::nothing(Finding::Conflict));
    assert_eq!(book.available(), 900);
}

/// Platforms write whole seconds: what ends a payment in the second in which it was opened and added to ends all of it.
#[test]
fn what_ends_a_payment_in_the_second_of_its_increment_ends_the_increment() {
    let recorded = |asked: &str, payment, increments| Fact::Recorded {
        payment,
        asked: key(asked),
        increments,
        outcome: RecordedOutcome::Approved { amount: usd(if asked == "k" { 1_000 } else { 500 }) },
    };
    let p = || payment("p");
    let ends = [
        (Fact::Released { payment: p(), cause: ReleaseCause::Reversed }, 0, 0),
        (Fact::Captured { payment: Some(p()), amount: usd(1_500), finality: Finality::Final }, 0, -1_500),
        (Fact::Replaced { payment: p(), total: usd(1_200) }, 1_200, 0),
        (Fact::Reduced { payment: p(), by: usd(600), original: None }, 900, 0),
    ];
    for told_before in [false, true] {
        for (end, held, posted) in ends {
            let mut book = Book::with(10_000);
            let of_the_second = |request: AuthorizationRequest| AuthorizationRequest { occurred_at: Some(at(1_000)), ..request };
            assert_eq!(book.ask(&of_the_second(purchase(1_000))).decision, approves(1_000));
            let at_once = |name: &str, fact| ToldEvent { occurred_at: Some(at(1_000)), ..message(name, fact) };
            if told_before {
                book.hear(&at_once("opened", recorded("k", p(), None)));
            }
            assert_eq!(book.ask(&of_the_second(increment("more", 500))).decision, approves(500));
            if told_before {
                book.hear(&at_once("added", recorded("more", payment("more"), Some(p()))));
            }
            book.hear(&at_once("end", end));
            assert_eq!((book.held(), book.posted() - 10_000), (held, posted), "{end:?}, told before: {told_before}");
        }
    }
}
