//! Random histories: in which order things arrive does not matter, the books balance, money comes from somewhere, and
//! nothing panics.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::hold::word::is_of_what_was_told;

const PAYMENTS: u8 = 3;
const SAYABLE: [i64; 7] = [0, 1, -1, i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1];

/// Something that arrives.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    Asked(AuthorizationRequest, Verdict),
    Adopted(AuthorizationRequest, ToldAnswer, Verdict),
    Told(ToldEvent),
    Ordered(u8, Order),
}

impl Arrival {
    pub(super) fn at(&self, book: &mut Book) -> Outcome {
        match self {
            Arrival::Asked(request, verdict) => book.ask_with(request, verdict),
            Arrival::Adopted(request, told, verdict) => book.adopt_with(request, *told, ASKED, Some(verdict)),
            Arrival::Told(event) => book.hear(event),
            Arrival::Ordered(number, order) => book.order(&format!("order-{number}"), *order),
        }
    }
}

/// Each question is about its own payment, and so is what is said of it.
fn payment_number(number: u8) -> PaymentRef {
    match number % PAYMENTS {
        0 => payment("p"),
        number => payment(&format!("p{number}")),
    }
}

fn any_payment() -> impl Strategy<Value = PaymentRef> {
    (0..PAYMENTS).prop_map(payment_number)
}

/// Small amounts, so that histories meet.
pub(super) fn small() -> BoxedStrategy<Money> {
    (0_i64..200).prop_map(usd).boxed()
}

/// Small amounts mostly, and the edges.
fn amount() -> BoxedStrategy<Money> {
    prop_oneof![16 => small(), 1 => select(&SAYABLE).prop_map(usd), 1 => (0_i64..200).prop_map(eur)].boxed()
}

/// A few moments, so that some are equal; around the times at which things are asked.
fn moment() -> impl Strategy<Value = Timestamp> {
    (990_i64..1_020).prop_map(at)
}

fn posting() -> impl Strategy<Value = Posting> {
    prop_oneof![4 => Just(Posting::Hold), 1 => Just(Posting::Immediate)]
}

/// One of twelve questions, of a few payments.
pub(super) fn question(amount: BoxedStrategy<Money>) -> impl Strategy<Value = AuthorizationRequest> {
    let kind = prop_oneof![
        6 => Just(AuthorizationKind::Purchase),
        4 => Just(AuthorizationKind::Incremental),
        1 => select(&AuthorizationKind::ALL),
    ];
    let times = (prop::option::of(moment()), prop::option::of((1_i64..200).prop_map(eur)));
    let partial = select(vec![PartialApproval::Supported, PartialApproval::NotSupported]);
    (0_u8..12, kind, posting(), amount, times, partial).prop_map(
        |(number, kind, posting, amount, (occurred_at, original), partial_approval)| AuthorizationRequest {
            key: key(&format!("k{number}")),
            payment: payment_number(number),
            increments: (kind == AuthorizationKind::Incremental).then_some(payment_number(number)),
            kind,
            posting,
            original,
            occurred_at,
            partial_approval,
            ..AuthorizationRequest { amount, ..purchase(0) }
        },
    )
}

pub(super) fn verdict() -> impl Strategy<Value = Verdict> {
    let window = select(vec![DAY, NEXT_DAY, Window::Lifetime]);
    let maxima = (prop::option::of(0_i64..500), prop::option::of(0_u32..5));
    let check = |number| {
        (window.clone(), maxima.clone())
            .prop_map(move |(window, (amount, count))| LimitCheck { window, ..limit(number, amount, count) })
    };
    let limits = (prop::option::of(check(0)), prop::option::of(check(1))).prop_map(|(one, two)| one.into_iter().chain(two));
    let hold = (0_i64..30, 0_i64..30, prop::option::of(0_i64..50)).prop_map(|(extra, tolerance, partial_min)| HoldPolicy {
        extra,
        tolerance,
        partial_min,
        ..HoldPolicy::PLAIN
    });
    prop_oneof![
        1 => Just(Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule: rule("r") }),
        9 => (hold, limits).prop_map(|(hold, limits)| held_by(hold, limits)),
    ]
}

fn fact(amount: BoxedStrategy<Money>) -> impl Strategy<Value = Fact> {
    let cause = select(vec![MovementCause::NetworkSettlement, MovementCause::Funding, MovementCause::Fee]);
    let finality = select(vec![Finality::Final, Finality::More]);
    let release = select(vec![
        ReleaseCause::Reversed,
        ReleaseCause::Expired,
        ReleaseCause::Operator,
        ReleaseCause::Declined,
        ReleaseCause::SafetyTimer,
    ]);
    let outcome = prop_oneof![
        amount.clone().prop_map(|amount| RecordedOutcome::Approved { amount }),
        (amount.clone(), posting()).prop_map(|(amount, posting)| RecordedOutcome::ApprovedByStandIn { amount, posting }),
        Just(RecordedOutcome::Declined),
    ];
    let word = (0_u8..15, any::<bool>(), outcome).prop_map(|(number, adds, outcome)| Fact::Recorded {
        payment: payment_number(number),
        asked: key(&format!("k{number}")),
        increments: adds.then_some(payment_number(number)),
        outcome,
    });
    let original = prop::option::of((-10_i64..200).prop_map(eur));
    let maybe = prop::option::of(any_payment()).boxed();
    prop_oneof![
        4 => word,
        3 => (any_payment(), amount.clone(), original).prop_map(|(payment, by, original)| Fact::Reduced { payment, by, original }),
        2 => (any_payment(), amount.clone()).prop_map(|(payment, total)| Fact::Replaced { payment, total }),
        2 => (any_payment(), release).prop_map(|(payment, cause)| Fact::Released { payment, cause }),
        4 => (maybe.clone(), amount.clone(), finality)
            .prop_map(|(payment, amount, finality)| Fact::Captured { payment, amount, finality }),
        1 => (any_payment(), amount.clone()).prop_map(|(payment, amount)| Fact::Completed { payment, amount }),
        1 => (maybe.clone(), amount.clone(), cause.clone())
            .prop_map(|(payment, amount, cause)| Fact::Credited { payment, amount, cause }),
        1 => (maybe, amount, cause).prop_map(|(payment, amount, cause)| Fact::Debited { payment, amount, cause }),
    ]
}

/// What is told of the payment `p`, which one question opens or none.
fn of_one_question() -> impl Strategy<Value = Fact> {
    prop_oneof![
        2 => (0_i64..200).prop_map(totalled),
        1 => (0_i64..200).prop_map(reduced),
        1 => (0_i64..200).prop_map(|minor| recorded("k", approved(minor))),
        1 => (0_i64..200, posting()).prop_map(|(minor, posting)| recorded("k", stood_in(minor, posting))),
        1 => Just(recorded("k", RecordedOutcome::Declined)),
        1 => select(vec![ReleaseCause::Reversed, ReleaseCause::Expired]).prop_map(released),
        1 => (0_i64..200, select(vec![Finality::Final, Finality::More])).prop_map(|(minor, finality)| captured(minor, finality)),
    ]
}

/// Messages with the platform's times, each with a key of its own.
pub(super) fn messages(how_many: std::ops::Range<usize>) -> impl Strategy<Value = Vec<ToldEvent>> {
    vec((fact(small()), moment()), how_many).prop_map(|facts| {
        let told = |(number, (fact, occurred_at)): (usize, (Fact, Timestamp))| ToldEvent {
            occurred_at: Some(occurred_at),
            ..message(&format!("m{number}"), fact)
        };
        facts.into_iter().enumerate().map(told).collect()
    })
}

/// What was told to the platform in answer to questions that each have their own key.
pub(super) fn answers() -> impl Strategy<Value = Vec<Arrival>> {
    let told = prop_oneof![6 => small().prop_map(|amount| ToldAnswer::Approved { amount }), 1 => Just(NO)];
    vec((question(small()), told, verdict()), 0..6).prop_map(|mut answers| {
        let mut keys = BTreeSet::new();
        answers.retain(|(request, ..)| keys.insert(request.key));
        answers.into_iter().map(|(request, told, verdict)| Arrival::Adopted(request, told, verdict)).collect()
    })
}

/// Takes the answers that open a payment, the first of each, out of what adds to one: that lies after everything that is known
/// when it is adopted, and so what is known then has to be the same.
fn openings(answers: Vec<Arrival>) -> (Vec<Arrival>, Vec<Arrival>) {
    let mut payments = BTreeSet::new();
    answers.into_iter().partition(|answer| {
        let Arrival::Adopted(request, ..) = answer else { return false };
        request.increments.is_none() && payments.insert(request.payment.authorization)
    })
}

/// These in any order, and some of them twice.
fn shuffled_with_some_again(all: Vec<Arrival>, before: &[Arrival]) -> impl Strategy<Value = Vec<Arrival>> + use<> {
    let known: Vec<Arrival> = before.iter().chain(&all).cloned().collect();
    let again = prop::sample::subsequence(known.clone(), 0..=known.len());
    again.prop_flat_map(move |again| Just([all.as_slice(), &again].concat()).prop_shuffle())
}

/// The same arrivals in two orders, and some of them twice in the second.
fn twice() -> impl Strategy<Value = (Vec<Arrival>, Vec<Arrival>)> {
    (answers(), messages(1..14), 0_usize..14).prop_flat_map(|(answers, messages, place)| {
        let (opening, adding) = openings(answers);
        let mut first: Vec<Arrival> = messages.into_iter().map(Arrival::Told).collect();
        let last = first.split_off(place.min(first.len()));
        first.extend(opening);
        let known = [first.as_slice(), &adding].concat();
        let one = (Just(first.clone()).prop_shuffle(), Just(adding.clone()), Just(last.clone()).prop_shuffle());
        let other = (shuffled_with_some_again(first, &[]), Just(adding), shuffled_with_some_again(last, &known));
        let whole = |(first, adding, last): (Vec<Arrival>, Vec<Arrival>, Vec<Arrival>)| [first, adding, last].concat();
        (one.prop_map(whole), other.prop_map(whole))
    })
}

/// What two orders of arrival must agree on. (Places are put in one order; and a decline is a decline, whatever its reason.)
type State = (Option<Account>, BTreeMap<AuthorizationId, Kept>, Counters, Vec<(IdempotencyKey, Option<Money>)>);

fn state(book: &Book) -> State {
    let mut payments = book.payments.clone();
    for kept in payments.values_mut() {
        kept.counted.sort_by_key(|counted| (counted.placement, counted.counter));
    }
    payments.retain(|_, kept| *kept != Kept::default());
    let approved = |answered: &Answered| match answered.decision {
        Decision::Approve { amount } => Some(amount),
        Decision::Decline { .. } => None,
    };
    let answered = book.answered.iter().map(|(key, answered)| (*key, approved(answered))).collect();
    (book.account, payments, nonzero(&book.counters), answered)
}

/// What was held of a payment on top of what was authorized, where it turns out to be debited at once: then nothing is held any more, and
/// what was taken already pays for what is approved.
fn on_top_given_up(held: Hold, stands: Hold) -> i64 {
    match (held.posting, stands.posting) {
        (Posting::Hold, Posting::Immediate) => {
            held.held.saturating_sub(held.authorized.saturating_sub(held.captured).max(0)).max(0)
        }
        (Posting::Hold, Posting::Hold) | (Posting::Immediate, Posting::Hold | Posting::Immediate) => 0,
    }
}

/// Whether an answer is what the platform's word says, on the question or on the payment that it opened.
fn is_approved_by_the_platform(book: &Book, request: &AuthorizationRequest, decision: Decision) -> bool {
    let payment = request.increments.unwrap_or(request.payment).authorization;
    let (Decision::Approve { amount }, Some(kept)) = (decision, book.payments.get(&payment)) else { return false };
    let steps = Steps::of(&kept.steps);
    let recorded = steps.last_word(StepId::of(&request.key)).and_then(|word| word.approves());
    recorded.is_some_and(|most| amount.minor() <= most) || is_of_what_was_told(&steps, request, amount)
}

/// Whether the payment of an increment holds, or spent, as much as is said yes to.
fn is_held_or_captured(book: &Book, request: &AuthorizationRequest, decision: Decision) -> bool {
    let payment = request.increments.unwrap_or(request.payment).authorization;
    let hold = book.payments.get(&payment).and_then(|kept| kept.hold).unwrap_or(Hold::NONE);
    let there = hold.held.saturating_add(hold.ahead).saturating_add(hold.captured);
    matches!(decision, Decision::Approve { amount } if amount.minor() <= there)
}

fn arbitrary() -> impl Strategy<Value = Arrival> {
    let told = prop_oneof![amount().prop_map(|amount| ToldAnswer::Approved { amount }), Just(NO)];
    let order = prop_oneof![
        (amount(), select(vec![Finality::Final, Finality::More]))
            .prop_map(|(amount, finality)| Order::Capture { amount, finality }),
        Just(Order::Release),
        amount().prop_map(|amount| Order::Refund { amount }),
    ];
    let event = (0_u8..40, fact(amount()), prop::option::of(moment()))
        .prop_map(|(number, fact, occurred_at)| ToldEvent { occurred_at, ..message(&format!("k{number}"), fact) });
    prop_oneof![
        5 => (question(amount()), verdict()).prop_map(|(request, verdict)| Arrival::Asked(request, verdict)),
        2 => (question(amount()), told, verdict()).prop_map(|(request, told, verdict)| Arrival::Adopted(request, told, verdict)),
        5 => event.prop_map(Arrival::Told),
        2 => (0_u8..4, order).prop_map(|(number, order)| Arrival::Ordered(number, order)),
    ]
}

/// More where the environment wants more.
pub(super) fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(1_000), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(cases())]

    /// Told before it is asked, late, twice, in any order: the same account, holds, steps, counters and answers.
    #[test]
    fn the_order_of_arrival_does_not_matter((one, other) in twice()) {
        let (mut first, mut second) = (Book::with(1_000), Book::with(1_000));
        one.iter().for_each(|arrival| drop(arrival.at(&mut first)));
        other.iter().for_each(|arrival| drop(arrival.at(&mut second)));
        prop_assert_eq!(state(&first), state(&second));
    }

    /// However often and whenever it was advised, captured, reversed or recorded otherwise: what the platform declined last holds nothing,
    /// wherever among its messages the question comes, and what moved is the same.
    #[test]
    fn what_is_declined_last_holds_nothing_wherever_it_is_asked(
        told in vec((of_one_question(), moment()), 0..6),
        last in 0_usize..8,
        single in any::<bool>(),
    ) {
        let declined = recorded("k", RecordedOutcome::Declined);
        let mut messages: Vec<(Fact, Timestamp)> = told;
        messages.insert(last.min(messages.len()), (declined, at(1_020)));
        let question = if single { single_message(100) } else { purchase(100) };
        let mut moved = BTreeSet::new();
        for place in 0..=messages.len() {
            let mut book = Book::with(100_000);
            for (number, (fact, occurred_at)) in messages.iter().enumerate() {
                if number == place {
                    book.ask(&question);
                }
                book.hear(&ToldEvent { occurred_at: Some(*occurred_at), ..message(&format!("m{number}"), *fact) });
            }
            let heard = book.ask(&question).decision;
            prop_assert!(matches!(heard, Some((Decision::Decline { .. }, _))) || book.hold().captured > 0, "{heard:?}");
            prop_assert_eq!((book.held(), book.hold().ahead), (0, 0), "asked before message {}", place);
            moved.insert(book.posted());
        }
        prop_assert_eq!(moved.len(), 1, "{:?}", moved);
    }

    /// Whatever was told: what is approved of a payment that we opened, or of which nothing was told, is taken from what is
    /// available then, and was there; unless the platform has told already what the question came to. An approval that is adopted
    /// is taken as well, there or not.
    #[test]
    fn what_is_approved_was_available_and_is_taken(posted in 0_i64..1_000, arrivals in vec(arbitrary(), 1..40)) {
        let mut book = Book::with(posted);
        for arrival in &arrivals {
            let before = book.clone();
            let outcome = arrival.at(&mut book);
            let (request, amount, there) = match (arrival, outcome.decision) {
                (Arrival::Asked(request, _), Some((Decision::Approve { amount }, Basis::Ledger))) => {
                    (request, amount, before.available())
                }
                (Arrival::Adopted(request, ToldAnswer::Approved { amount }, _), _) => (request, *amount, i64::MAX),
                (_, _) => continue,
            };
            let payment = request.increments.unwrap_or(request.payment).authorization;
            let known = before.payments.get(&payment).map_or([].as_slice(), |kept| kept.steps.as_slice());
            let id = StepId::of(&request.key);
            let was_told = Steps::of(known).last_word(id).is_some() || known.iter().any(|step| step.id == id);
            if was_told || outcome.step.is_none() || !(known.is_empty() || Steps::of(known).opened() || request.increments.is_some()) {
                continue;
            }
            let taken = i128::from(outcome.held) - i128::from(outcome.posted);
            let [held, stands] = [&before, &book].map(|book| book.payments.get(&payment).and_then(|kept| kept.hold));
            let given_up = i128::from(held.zip(stands).map_or(0, |(held, stands)| on_top_given_up(held, stands)));
            prop_assert!(i128::from(amount.minor()) <= i128::from(there) + given_up, "{amount} of {there} and {given_up}");
            prop_assert!(taken + given_up >= i128::from(amount.minor()), "{taken} and {given_up} for {amount}");
            prop_assert!(taken <= i128::from(there), "{taken} of {there}");
        }
    }

    /// [`Book::balances`] looks after every event; and no approval takes what is not there.
    #[test]
    fn every_history_balances(
        posted in prop_oneof![5 => 0_i64..1_000, 1 => select(vec![i64::MAX, i64::MIN])],
        arrivals in vec(arbitrary(), 1..40),
    ) {
        let mut book = Book::with(posted);
        for arrival in &arrivals {
            let before = book.available();
            let outcome = arrival.at(&mut book);
            if let Arrival::Asked(request, _) = arrival {
                let (decision, basis) = outcome.decision.unwrap();
                prop_assert!(book.available() >= before.min(0), "{before} became {}", book.available());
                prop_assert!(basis != Basis::Replay || outcome.step.is_none());
                // What the platform recorded in the account's currency is remembered, and is no answer to a question in another.
                let answer_of = |remembered: Decision| match remembered {
                    Decision::Approve { amount } if amount.currency() != request.amount.currency() => {
                        Decision::Decline { reason: DeclineReason::CurrencyNotAllowed }
                    }
                    // Nor is more said than is asked for, whatever it recorded.
                    Decision::Approve { .. } | Decision::Decline { .. } => remembered.at_most(request.amount),
                };
                if let Decision::Approve { amount } = decision {
                    prop_assert!(amount.minor() <= request.amount.minor(), "{amount} for a question of {}", request.amount);
                }
                let heard = book.answered.get(&request.key).is_none_or(|answered| answer_of(answered.decision) == decision);
                // The platform's word on the payment undoes an approval, and not what is remembered of it.
                let undone = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
                let undone = (basis, decision) == (Basis::Replay, undone);
                // And so it approves what was refused.
                let after_all = basis == Basis::Replay && is_approved_by_the_platform(&book, request, decision);
                if after_all && !heard && request.kind == AuthorizationKind::Incremental {
                    prop_assert!(is_held_or_captured(&book, request, decision), "{decision:?} of {request:?}");
                }
                // No door asks for less than nothing: what the platform recorded of such a question is no answer to it.
                let is_asked_by_a_door = !request.amount.is_negative();
                prop_assert!(heard || outcome.finding == Some(Finding::Conflict) || undone || after_all || !is_asked_by_a_door);
            }
        }
    }

    /// An approval that says where it counts never takes a limit beyond its maximum.
    #[test]
    fn no_approval_passes_a_limit(arrivals in vec((question(small()), verdict()), 1..30)) {
        let mut book = Book::with(100_000);
        for (request, verdict) in &arrivals {
            let before = book.counters.clone();
            let outcome = book.ask_with(request, verdict);
            let (Some((Decision::Approve { .. }, Basis::Ledger)), Verdict::Proceed(proceed)) = (outcome.decision, verdict) else {
                prop_assert_eq!(nonzero(&book.counters), nonzero(&before));
                continue;
            };
            for check in &proceed.limits {
                let (amount, count) = book.counted(check.counter.0, check.window);
                let (amount_before, count_before) =
                    before.get(&(check.counter, check.window)).copied().unwrap_or_default();
                prop_assert!(amount <= check.amount_max.map_or(i128::MAX, i128::from).max(amount_before));
                prop_assert!(count <= check.count_max.map_or(i64::MAX, i64::from).max(count_before));
            }
        }
    }

    /// Whatever happened: what is released by everybody's last word holds nothing, and nothing debited ahead is kept.
    #[test]
    fn released_payments_hold_nothing(arrivals in vec(arbitrary(), 1..40)) {
        let mut book = Book::with(1_000);
        arrivals.iter().for_each(|arrival| drop(arrival.at(&mut book)));
        for number in 0..PAYMENTS {
            let payment = payment_number(number);
            let outcome = book.tell(Fact::Released { payment, cause: ReleaseCause::Operator });
            let hold = book.payments[&payment.authorization].hold.unwrap_or(Hold::NONE);
            // What was debited ahead may find no room on an account at the edge; what is held always goes.
            let no_room = outcome.finding == Some(Finding::AmountTooLarge) && hold.ahead > 0;
            prop_assert!(no_room || hold.ahead == 0, "{hold:?}");
            prop_assert!(hold.held == 0 && hold.status != HoldStatus::Open, "{hold:?}");
        }
        prop_assert_eq!(book.held(), 0);
    }

    /// Whatever the platform's clock says, a release and an expiry of ours leave nothing held.
    #[test]
    fn what_ends_by_us_leaves_nothing_held(arrivals in vec(arbitrary(), 1..40)) {
        let mut book = Book::with(1_000);
        arrivals.iter().for_each(|arrival| drop(arrival.at(&mut book)));
        // Ours is behind all of the platform's times.
        book.now = at(500);
        for number in 0..PAYMENTS {
            let payment = payment_number(number);
            let Some(kept) = book.payments.get(&payment.authorization).filter(|kept| kept.hold.is_some_and(|hold| hold.held > 0)) else {
                continue;
            };
            let mut other = book.clone();
            let ends_at = Some(life::ends_at(&kept.steps, at(500)));
            let fact = Fact::Released { payment, cause: ReleaseCause::SafetyTimer };
            other.hear(&ToldEvent { occurred_at: ends_at, ..message("expiry", fact) });
            prop_assert_eq!(other.payments[&payment.authorization].hold.unwrap().held, 0);
            if payment == payment_number(0) {
                book.order("release", Order::Release);
                prop_assert_eq!(book.hold().held, 0);
            }
        }
    }

    /// What a payment spent, or may still spend, is what its placements count, told totals and over-captures included.
    #[test]
    fn limits_count_all_that_is_spoken_for(
        asked in vec(question(small()), 1..8),
        told in messages(1..14),
        order in any::<u64>(),
    ) {
        let verdict = proceed([limit(1, None, None)]);
        let mut arrivals: Vec<Arrival> = asked.into_iter().map(|request| Arrival::Asked(request, verdict.clone())).collect();
        for (number, event) in told.into_iter().enumerate() {
            let place = usize::try_from(order.rotate_left(u32::try_from(number).unwrap() * 7) % 8).unwrap();
            arrivals.insert(place.min(arrivals.len()), Arrival::Told(event));
        }
        let mut book = Book::with(10_000);
        for arrival in &arrivals {
            arrival.at(&mut book);
            // What needs no money counts beside payments, and has no placement.
            let counts = |kept: &&Kept| {
                Steps::of(&kept.steps).placements().any(|(id, _)| kept.counted.iter().any(|counted| counted.placement == id))
            };
            for kept in book.payments.values().filter(counts) {
                let hold = kept.hold.unwrap();
                let spoken_for = if hold.is_under_way() { hold.authorized.max(hold.captured) } else { hold.captured };
                let counted: i64 = kept.counted.iter().map(|counted| counted.amount).sum();
                prop_assert_eq!(counted, spoken_for, "{:?}", kept);
            }
        }
    }
}
