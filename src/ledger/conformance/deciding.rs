//! Deciding: what is approved, for how much, and what is held for it.

use holdfast_core::hold::{AccountStatus, Fact, Finality, ReleaseCause};
use holdfast_core::rules::{HoldPolicy, LimitCheck, Margin, OfLess, Percent, Verdict, Window};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, Basis, Decision, DeclineReason, PartialApproval, Posting};

use super::*;
use crate::clock;
use crate::ledger::{Act, Answer, Decide, Entry, LedgerError};

pub fn an_approval_holds_and_a_retry_hears_the_same(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("yes", 600)), approved(600));
    assert_eq!(house.decide(purchase("no", 401)), declined(NO_FUNDS));
    house.always(|house| {
        assert_eq!(house.balance(), (1_000, 600));
        assert_eq!(house.decide(purchase("yes", 600)), again(approved(600)));
        assert_eq!(house.decide(purchase("no", 401)), again(declined(NO_FUNDS)));
        assert_eq!(house.decide(purchase("yes", 601)), declined(DeclineReason::ConflictingDuplicate));
    });
    assert_eq!(house.tell("load", load(1_000)), None);
    assert_eq!(house.decide(purchase("no", 401)), again(declined(NO_FUNDS)), "whatever came since");
}

pub fn what_is_not_there_is_not_held(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("1", 1_001)), declined(NO_FUNDS));
    assert_eq!(house.decide(purchase("2", 1_000)), approved(1_000), "to the last cent");
    assert_eq!(house.decide(purchase("3", 1)), declined(NO_FUNDS), "what is held is not there");
    assert_eq!(house.balance(), (1_000, 1_000));
}

pub fn a_credit_line_is_spent_below_zero(engine: &dyn Engine) {
    let house = House::empty(engine);
    let (account, status) = (id("a"), AccountStatus::Active);
    let on_credit = Entry::Account { account, balance: usd(100), credit_line: 400, status };
    house.enter(vec![on_credit, card("c", "a", None)]).unwrap();
    assert_eq!(house.decide(purchase("1", 501)), declined(NO_FUNDS));
    assert_eq!(house.decide(purchase("2", 500)), approved(500));
    house.tell("fee", captured("2", 500, Finality::Final));
    assert_eq!(house.balance(), (-400, 0));
    assert_eq!(house.decide(purchase("3", 1)), declined(NO_FUNDS));
}

pub fn what_rules_decline_names_the_rule(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let (reason, rule) = (DeclineReason::MerchantNotAllowed, id("no-casinos"));
    let no = (Decision::Decline { reason }, Basis::Rule(rule));
    let verdict = Verdict::Decline { reason, rule };
    assert_eq!(said(house.act(Act::Decide(Decide { verdict, ..asked(purchase("k", 1)) }))), no);
    house.always(|house| {
        assert_eq!(house.decide(purchase("k", 1)), again(no), "whatever the rules say now");
        assert_eq!(house.balance(), (1_000, 0));
    });
}

/// A question whose holds follow a policy.
fn with_policy(request: AuthorizationRequest, hold: HoldPolicy) -> Act {
    Act::Decide(Decide { verdict: proceed(&request, &[], hold), ..asked(request) })
}

pub fn part_is_approved_where_all_allow_it(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let in_part = |key: &str, least, partial_approval| {
        let policy = HoldPolicy { partial_min: least, ..HoldPolicy::PLAIN };
        with_policy(AuthorizationRequest { partial_approval, ..purchase(key, 1_500) }, policy)
    };
    let (offered, refused) = (PartialApproval::Supported, PartialApproval::NotSupported);
    assert_eq!(said(house.act(in_part("terminal", Some(1), refused))), declined(NO_FUNDS));
    assert_eq!(said(house.act(in_part("program", None, offered))), declined(NO_FUNDS));
    assert_eq!(said(house.act(in_part("too little", Some(1_001), offered))), declined(NO_FUNDS));
    assert_eq!(said(house.act(in_part("part", Some(1_000), offered))), approved(1_000));
    house.always(|house| {
        assert_eq!(said(house.act(in_part("part", Some(1_000), offered))), again(approved(1_000)));
        assert_eq!(house.balance(), (1_000, 1_000));
    });
}

pub fn what_is_held_on_top_of_a_part_is_of_that_part(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let fifth = Some(Margin { percent: Some(Percent::whole(20)), ..Margin::default() });
    let of_less = Some(OfLess::new(fifth, None, None));
    let policy = HoldPolicy { extra: 120, partial_min: Some(1), of_less, ..HoldPolicy::PLAIN };
    let request = AuthorizationRequest { partial_approval: PartialApproval::Supported, ..purchase("part", 600) };
    let limits = [LimitCheck { amount_max: Some(400), ..limit(Window::Lifetime) }];
    let decide = Decide { verdict: proceed(&request, &limits, policy), ..asked(request) };
    assert_eq!(said(house.act(Act::Decide(decide))), approved(400));
    house.always(|house| assert_eq!(house.balance(), (1_000, 480), "a fifth of what was approved"));
}

pub fn what_is_held_on_top_is_never_a_reason_to_decline(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let tip = HoldPolicy { extra: 120, ..HoldPolicy::PLAIN };
    assert_eq!(said(house.act(with_policy(purchase("dinner", 600), tip))), approved(600));
    assert_eq!(house.balance(), (1_000, 720));
    assert_eq!(said(house.act(with_policy(purchase("taxi", 250), tip))), approved(250));
    house.always(|house| assert_eq!(house.balance(), (1_000, 1_000)));
}

pub fn a_single_message_is_debited_at_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let request = AuthorizationRequest { posting: Posting::Immediate, ..purchase("single", 300) };
    assert_eq!(house.decide(request), approved(300));
    house.always(|house| {
        assert_eq!(house.balance(), (700, 0));
        assert_eq!(house.decide(request), again(approved(300)));
    });
}

pub fn what_needs_no_money_holds_none(engine: &dyn Engine) {
    let mut house = House::with(engine, 0);
    for (kind, minor) in [(AuthorizationKind::AccountVerification, 0), (AuthorizationKind::Credit, 500)] {
        assert_eq!(house.decide(of_kind(kind, kind.name(), minor)), approved(minor), "{kind:?}");
    }
    house.always(|house| assert_eq!(house.balance(), (0, 0)));
}

pub fn a_question_for_nothing_needs_no_funds(engine: &dyn Engine) {
    let mut house = House::with(engine, 0);
    house.tell("overdrawn", captured("force-posted", 4_000, Finality::Final));
    let debit = |key: &str, minor| AuthorizationRequest { posting: Posting::Immediate, ..purchase(key, minor) };
    assert_eq!(house.decide(purchase("something", 1)), declined(NO_FUNDS));
    assert_eq!(house.decide(debit("debit", 1)), declined(NO_FUNDS));
    for kind in [AuthorizationKind::AccountVerification, AuthorizationKind::BalanceInquiry] {
        assert_eq!(house.decide(of_kind(kind, kind.name(), 0)), approved(0), "{kind:?}");
    }
    assert_eq!(house.decide(purchase("nothing", 0)), approved(0));
    assert_eq!(house.decide(debit("no debit", 0)), approved(0));
    house.always(|house| assert_eq!(house.balance(), (-4_000, 0)));
}

pub fn an_inquiry_is_answered_with_the_balance(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    house.decide(purchase("p", 100));
    match house.act(Act::Decide(asked(of_kind(AuthorizationKind::BalanceInquiry, "inquiry", 0)))) {
        Ok(Answer::Decided { balance: Some(balance), .. }) => {
            assert_eq!(figures(&balance), ("a".to_owned(), 1_000, 100));
            assert_eq!((balance.available, balance.usable), (usd(900), true));
        }
        other => panic!("{other:?}"),
    }
    match house.act(Act::Decide(asked(purchase("purchase", 1)))) {
        Ok(Answer::Decided { balance: None, .. }) => {}
        other => panic!("{other:?}"),
    }
}

pub fn another_currency_is_declined(engine: &dyn Engine) {
    let house = House::with(engine, 1_000);
    let request = AuthorizationRequest { amount: eur(1), ..purchase("k", 1) };
    assert_eq!(house.decide(request), declined(DeclineReason::CurrencyNotAllowed));
    assert_eq!(house.everyone(), [("a".to_owned(), 1_000, 0)]);
}

pub fn amounts_beyond_counting_are_declined(engine: &dyn Engine) {
    let mut house = House::with(engine, i64::MAX);
    assert_eq!(house.decide(purchase("negative", -1)), declined(DeclineReason::AmountTooLarge));
    assert_eq!(house.decide(purchase("all", i64::MAX)), approved(i64::MAX));
    assert_eq!(house.decide(purchase("more", i64::MAX)), declined(NO_FUNDS));
    // A sum of what was authorized for one payment that nothing can hold.
    house.tell("load", Fact::Released { payment: payment("all"), cause: ReleaseCause::Reversed });
    assert_eq!(house.decide(purchase("one", 1)), approved(1));
    let beyond = said(house.act(Act::Decide(asked(increment("beyond", "one", i64::MAX)))));
    assert!(matches!(beyond.0, Decision::Decline { .. }), "{beyond:?}");
    house.always(|house| assert_eq!(house.balance(), (i64::MAX, 1)));
}

pub fn what_comes_too_late_is_not_applied(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let not_after = clock::instant();
    while clock::instant() <= not_after {
        std::hint::spin_loop();
    }
    let late = house.act(Act::Decide(Decide { not_after, ..asked(purchase("late", 100)) }));
    assert_eq!(late, Err(LedgerError::Late));
    house.always(|house| assert_eq!(house.balance(), (1_000, 0)));
    assert_eq!(house.decide(purchase("late", 100)), approved(100), "it was never answered");
}
