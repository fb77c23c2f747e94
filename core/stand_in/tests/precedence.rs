//! Every way to say no, by descending precedence: the first question is wrong in all of them, and each step puts one right.

use super::*;

/// Puts one thing right.
type Step = fn(&mut World);

struct World {
    policy: StandInParts,
    request: AuthorizationRequest,
    verdict: Option<Verdict>,
    snapshot: Snapshot,
}

impl World {
    fn answer(&self) -> (StandInAnswer, StandInBy) {
        let policy = StandInPolicy::new(self.policy.clone()).unwrap();
        let proposal = stand_in(&policy, &platform(), &self.request, self.verdict.as_ref(), &self.snapshot, CAUSE, NOW);
        let mut counters = CapCounters::new(&[policy.caps()], Share::WHOLE, 1);
        let other = AuthorizationRequest { key: IdempotencyKey::new("other").unwrap(), ..request() };
        let other = ToldApproval::of(&platform(), &other, &account().id, usd(1), NOW).unwrap();
        counters = match self.request.key.as_str() {
            "full" => CapCounters::restored(&[policy.caps()], Share::WHOLE, 1, [other], NOW),
            _ => counters,
        };
        let StoodIn { answer, basis } = counters.try_take(0, &proposal);
        let Basis::StandInTable(StandInBasis { by, cause, table }) = basis else { panic!("{basis:?}") };
        assert_eq!((cause, table), (CAUSE, policy.hash()));
        (answer, by)
    }

    fn card(&mut self) -> &mut CardSight {
        if !matches!(self.snapshot.card, Sight::Seen(_)) {
            self.snapshot.card = Sight::Seen(CardSight {
                status: CardStatus::Lost,
                cardholder: CardholderStatus::Suspended,
                as_of: NOW,
                since: None,
                used: Acquaintance::New,
            });
        }
        let Sight::Seen(card) = &mut self.snapshot.card else { panic!() };
        card
    }

    fn account(&mut self) -> &mut AccountSight {
        if !matches!(self.snapshot.account, Sight::Seen(_)) {
            let available = Money::from_minor(5, Currency::from_alpha("EUR").unwrap());
            self.snapshot.account = Sight::Seen(AccountSight { status: AccountStatus::Frozen, available, ..account() });
        }
        let Sight::Seen(account) = &mut self.snapshot.account else { panic!() };
        account
    }
}

fn declines(reason: DeclineReason, by: StandInBy) -> (StandInAnswer, StandInBy) {
    (StandInAnswer::Decline { reason }, by)
}

/// Wrong in every way: nothing was seen, no rule was asked, the mode says no, a row declines, nothing is covered, a cap is
/// reached, and nothing can be remembered.
fn wrong_in_every_way() -> World {
    let refuses = Row::new(id("refuses"), Conditions::default(), RowAnswer::Decline(DeclineReason::SuspectedFraud));
    let covered = Conditions { balance_age_seconds_max: Some(60), ..Conditions::default() };
    let little = Row::new(id("little"), covered, RowAnswer::ApproveUpTo(usd(1000)));
    let small = Cap { amount_max: Some(usd(500)), count_max: Some(1), ..cap("small", LimitScope::Card, CapWindow::Last(60)) };
    let mut policy = parts(vec![refuses, little]);
    policy.mode = Mode::Drop(Silence::NoAnswer);
    policy.caps.caps.push(small);
    let key = IdempotencyKey::new("full").unwrap();
    World { policy, request: AuthorizationRequest { key, ..request() }, verdict: None, snapshot: Snapshot::default() }
}

#[test]
fn every_way_to_say_no_by_descending_precedence() {
    let unavailable = DeclineReason::LedgerUnavailable;
    let standing = |reason| declines(reason, StandInBy::Standing);
    let row = |name: &str| StandInBy::Row(id(name));
    let steps: Vec<((StandInAnswer, StandInBy), Step)> = vec![
        (standing(unavailable), |world| world.snapshot.card = Sight::Absent),
        (standing(DeclineReason::CardUnknown), |world| world.card().status = CardStatus::Unactivated),
        (standing(DeclineReason::CardNotActive), |world| world.card().status = CardStatus::Frozen),
        (standing(DeclineReason::CardFrozen), |world| world.card().status = CardStatus::Lost),
        (standing(DeclineReason::CardLost), |world| world.card().status = CardStatus::Stolen),
        (standing(DeclineReason::CardStolen), |world| world.card().status = CardStatus::Expired),
        (standing(DeclineReason::CardExpired), |world| world.card().status = CardStatus::Closed),
        (standing(DeclineReason::CardClosed), |world| world.card().status = CardStatus::Active),
        (standing(DeclineReason::CardholderNotActive), |world| world.card().cardholder = CardholderStatus::Active),
        (standing(unavailable), |world| world.snapshot.account = Sight::Absent),
        (standing(DeclineReason::AccountUnknown), |world| world.account().status = AccountStatus::Closed),
        (standing(DeclineReason::AccountClosed), |world| world.account().status = AccountStatus::Frozen),
        (standing(DeclineReason::AccountFrozen), |world| world.account().status = AccountStatus::Active),
        (standing(DeclineReason::CurrencyNotAllowed), |world| {
            world.account().available = usd(5);
            world.request.amount = usd(-1);
        }),
        (standing(DeclineReason::AmountTooLarge), |world| world.request.amount = usd(2000)),
        (declines(unavailable, StandInBy::NoVerdict), |world| {
            world.verdict = Some(Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule: id("no-cash") });
        }),
        (declines(DeclineReason::CashNotAllowed, StandInBy::Rule(id("no-cash"))), |world| {
            world.verdict = Some(proceed(&world.request));
        }),
        ((StandInAnswer::Abstain(Silence::NoAnswer), StandInBy::ModeDrop), |world| world.policy.mode = Mode::Decline),
        (declines(unavailable, StandInBy::ModeDecline), |world| world.policy.mode = Mode::Rules),
        (declines(DeclineReason::SuspectedFraud, row("refuses")), |world| drop(world.policy.rows.remove(0))),
        (declines(unavailable, StandInBy::NoRow), |world| world.account().available = usd(500_000)),
        (declines(DeclineReason::AmountAboveMaximum, row("little")), |world| world.request.amount = usd(1000)),
        // Told before: one for 0.01.
        (declines(DeclineReason::CountLimitReached, StandInBy::Cap(id("small"))), |world| {
            world.policy.caps.caps[0].count_max = None;
        }),
        (declines(DeclineReason::AmountLimitReached, StandInBy::Cap(id("small"))), |world| world.policy.caps.caps.clear()),
        (declines(unavailable, StandInBy::Full), |world| world.request.key = IdempotencyKey::new("key-1").unwrap()),
    ];
    let mut world = wrong_in_every_way();
    for (number, (expected, put_right)) in steps.into_iter().enumerate() {
        assert_eq!(world.answer(), expected, "step {number}");
        put_right(&mut world);
    }
    assert_eq!(world.answer(), (StandInAnswer::Approve { amount: usd(1000) }, row("little")));
}

#[test]
fn what_names_nobody_is_declined_for_what_it_names_and_for_no_card() {
    let mut world = wrong_in_every_way();
    world.request.card = None;
    assert_eq!(world.answer(), declines(DeclineReason::LedgerUnavailable, StandInBy::Standing));
    world.verdict = Some(Verdict::Decline { reason: DeclineReason::BindingUnknown, rule: id("spending-authority") });
    for sight in [Sight::NotSeen, Sight::Absent] {
        world.snapshot.card = sight;
        assert_eq!(world.answer(), declines(DeclineReason::BindingUnknown, StandInBy::Rule(id("spending-authority"))));
    }
}

/// Nobody could look at the card, or at its account: what declines anyway says why.
#[test]
fn what_the_verdict_declines_is_said_also_where_nothing_is_seen() {
    let mut world = wrong_in_every_way();
    world.verdict = Some(Verdict::Decline { reason: DeclineReason::PolicyAmount, rule: id("spending-authority") });
    let of_policy = declines(DeclineReason::PolicyAmount, StandInBy::Rule(id("spending-authority")));
    assert_eq!(world.answer(), of_policy);
    world.card().status = CardStatus::Frozen;
    world.snapshot.account = Sight::NotSeen;
    assert_eq!(world.answer(), declines(DeclineReason::CardFrozen, StandInBy::Standing), "what is known comes first");
    world.card().status = CardStatus::Active;
    world.card().cardholder = CardholderStatus::Active;
    assert_eq!(world.answer(), of_policy);
    world.verdict = Some(proceed(&world.request));
    assert_eq!(world.answer(), declines(DeclineReason::LedgerUnavailable, StandInBy::Standing));
}

#[test]
fn the_mode_approve_looks_at_no_row_and_ends_by_itself() {
    let refuses = Row::new(id("refuses"), Conditions::default(), RowAnswer::Decline(DeclineReason::SuspectedFraud));
    let until = seconds_later(60);
    let approving = StandInPolicy::new(StandInParts { mode: Mode::Approve { until }, ..parts(vec![refuses]) }).unwrap();
    let request = request();
    let verdict = proceed(&request);
    let at = |now| stand_in(&approving, &platform(), &request, Some(&verdict), &snapshot(), CAUSE, now).uncapped();
    assert_eq!(at(NOW), (StandInAnswer::Approve { amount: usd(2000) }, StandInBy::ModeApprove));
    assert_eq!(at(until), declines(DeclineReason::SuspectedFraud, StandInBy::Row(id("refuses"))));
    // It obeys every cap.
    let caps = Caps { exposure_max: Some(usd(1999)), caps: vec![] };
    let proposal = stand_in(&approving, &platform(), &request, Some(&verdict), &snapshot(), CAUSE, NOW);
    let capped = CapCounters::new(&[&caps], Share::WHOLE, 10).try_take(0, &proposal);
    let reason = DeclineReason::AmountLimitReached;
    assert_eq!(capped, StoodIn { answer: StandInAnswer::Decline { reason }, basis: basis(StandInBy::Cap(id("exposure"))) });
}

#[test]
fn less_than_was_asked_only_where_the_answer_can_carry_it() {
    let up_to = |most| policy(vec![Row::new(id("little"), Conditions::default(), RowAnswer::ApproveUpTo(usd(most)))]);
    let partial = AuthorizationRequest { partial_approval: PartialApproval::Supported, ..request() };
    let approves = |minor| StandInAnswer::Approve { amount: usd(minor) };
    let refuses = StandInAnswer::Decline { reason: DeclineReason::AmountAboveMaximum };
    assert_eq!(asked(&up_to(2000), &request(), &snapshot()).uncapped().0, approves(2000));
    assert_eq!(asked(&up_to(1999), &request(), &snapshot()).uncapped().0, refuses);
    assert_eq!(asked(&up_to(1999), &partial, &snapshot()).uncapped().0, approves(1999));
    // The rules' ceiling counts, too.
    let Verdict::Proceed(mut lower) = proceed(&partial) else { panic!() };
    lower.ceiling = usd(700);
    let verdict = Verdict::Proceed(lower);
    let proposal = stand_in(&up_to(1999), &platform(), &partial, Some(&verdict), &snapshot(), CAUSE, NOW);
    assert_eq!(proposal.uncapped().0, approves(700));
}

#[test]
fn an_increment_adds_to_a_payment_that_is_known_to_be_open() {
    let all = policy(vec![Row::new(id("all"), Conditions::default(), RowAnswer::Approve)]);
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..request() };
    let says = |adds_to| asked(&all, &increment, &Snapshot { adds_to, ..snapshot() }).uncapped();
    let (unknown, standing) = (DeclineReason::AuthorizationUnknown, StandInBy::Standing);
    assert_eq!(says(AddsTo::NotKnown), declines(unknown, standing));
    assert_eq!(says(AddsTo::Perhaps), declines(DeclineReason::LedgerUnavailable, standing));
    assert_eq!(says(AddsTo::Open).0, StandInAnswer::Approve { amount: increment.amount });
    let opens = asked(&all, &request(), &Snapshot { adds_to: AddsTo::NotKnown, ..snapshot() }).uncapped();
    assert_eq!(opens.0, StandInAnswer::Approve { amount: request().amount });
}
