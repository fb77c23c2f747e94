//! What is asked, by descending precedence: the first to object is the reason. And the standings that bar.

use super::*;

/// A question with everything that can be wrong with it.
struct Question {
    request: AuthorizationRequest,
    verdict: Verdict,
    answered: Option<Answered>,
    card: Option<Card>,
    account: Option<Account>,
    steps: Vec<Step>,
    uses: Vec<LimitUse>,
}

impl Question {
    fn wrong_in_every_way() -> Self {
        let other = ContentDigest::from_bytes([7; 16]);
        let decision = Decision::Approve { amount: usd(1) };
        Question {
            request: AuthorizationRequest { amount: usd(-1), ..increment("k", 0) },
            verdict: Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: rule("r") },
            answered: Some(Answered { digest: other, asked_at: ASKED, decision }),
            card: None,
            account: None,
            // An order of the same key, and the payment is over.
            steps: vec![
                Step { id: StepId::of(&key("k")), at: at(1), what: What::Captured { amount: 0, finality: Finality::More } },
                Step { id: StepId(1), at: at(2), what: What::Released { cause: ReleaseCause::Operator } },
            ],
            uses: vec![LimitUse { amount: 950, count: 0 }, LimitUse { amount: 0, count: 3 }],
        }
    }

    fn ask(&self) -> Outcome {
        let slice = Slice {
            account: self.account,
            card: self.card,
            hold: (!self.steps.is_empty()).then(|| fold(&Steps::of(&self.steps)).unwrap()),
            found_by: FoundBy::ItsNames,
            steps: &self.steps,
            counted: &[],
            answered: self.answered,
            heard: Heard::First,
            uses: &self.uses,
            standing: None,
        };
        let digest = self.request.content_digest();
        let asked = Asked { request: &self.request, digest, asked_at: ASKED, verdict: &self.verdict, weight: Weight::Moves };
        apply(&slice, &Event::Asked(asked), at(2_000))
    }
}

#[test]
fn the_first_to_object_is_the_reason() {
    use DeclineReason::*;
    type Mend = fn(&mut Question);
    let mut question = Question::wrong_in_every_way();
    let bad_card = |q: &mut Question| {
        q.card = Some(Card { status: CardStatus::Closed, cardholder: CardholderStatus::Closed });
    };
    let bad_account = |q: &mut Question| {
        q.account = Some(Account { status: AccountStatus::Closed, currency: eur(0).currency(), ..account(99) });
    };
    let limits = |q: &mut Question| q.verdict = proceed([limit(1, Some(1_000), None), limit(2, None, Some(3))]);
    let ledger = |reason| (reason, Basis::Ledger);
    let stages: Vec<(&str, Mend, (DeclineReason, Basis))> = vec![
        ("nothing", |_| {}, ledger(ConflictingDuplicate)),
        ("the answer", |q| q.answered = None, ledger(ConflictingDuplicate)),
        ("the step of the key", |q| q.steps.retain(|step| step.id == StepId(1)), ledger(CardUnknown)),
        ("the card is known", bad_card, ledger(CardClosed)),
        ("its status", |q| q.card.as_mut().unwrap().status = CardStatus::Active, ledger(CardholderNotActive)),
        ("its cardholder", |q| q.card = Some(GOOD_CARD), ledger(AccountUnknown)),
        ("the account is known", bad_account, ledger(AccountClosed)),
        ("its status", |q| q.account.as_mut().unwrap().status = AccountStatus::Active, ledger(CurrencyNotAllowed)),
        ("its currency", |q| q.account = Some(account(99)), ledger(AmountTooLarge)),
        ("the sign", |q| q.request.amount = usd(100), (MerchantNotAllowed, Basis::Rule(rule("r")))),
        ("the rule", limits, ledger(AuthorizationUnknown)),
        ("it is no increment", |q| q.request.kind = AuthorizationKind::Purchase, ledger(AuthorizationOver)),
        ("the payment is new", |q| q.steps.clear(), (AmountLimitReached, Basis::Limit(rule("limit-1")))),
        ("the amount limit", |q| q.uses[0].amount = 900, (CountLimitReached, Basis::Limit(rule("limit-2")))),
        ("the count limit", |q| q.uses[1].count = 2, ledger(InsufficientFunds)),
    ];
    for (mended, mend, (reason, basis)) in stages {
        mend(&mut question);
        let outcome = question.ask();
        assert_eq!(outcome.decision, Some((Decision::Decline { reason }, basis)), "mended: {mended}");
        assert_eq!((outcome.posted, outcome.held, outcome.hold), (0, 0, None), "mended: {mended}");
        assert!(outcome.counted.is_empty(), "mended: {mended}");
    }
    question.account = Some(account(100));
    let outcome = question.ask();
    assert_eq!(outcome.decision, approves(100));
    assert_eq!(outcome.held, 100);
}

#[test]
fn every_standing_bars_as_documented() {
    for status in CardStatus::ALL {
        let expected = match status {
            CardStatus::Active => None,
            CardStatus::Unactivated => Some(DeclineReason::CardNotActive),
            CardStatus::Frozen => Some(DeclineReason::CardFrozen),
            CardStatus::Lost => Some(DeclineReason::CardLost),
            CardStatus::Stolen => Some(DeclineReason::CardStolen),
            CardStatus::Expired => Some(DeclineReason::CardExpired),
            CardStatus::Closed => Some(DeclineReason::CardClosed),
        };
        bars(|book| book.card = Some(Card { status: *status, ..GOOD_CARD }), expected);
    }
    for status in CardholderStatus::ALL {
        let expected = match status {
            CardholderStatus::Active => None,
            CardholderStatus::Suspended | CardholderStatus::Closed | CardholderStatus::Unverified => {
                Some(DeclineReason::CardholderNotActive)
            }
        };
        bars(|book| book.card = Some(Card { cardholder: *status, ..GOOD_CARD }), expected);
    }
    for status in AccountStatus::ALL {
        let expected = match status {
            AccountStatus::Active => None,
            AccountStatus::Frozen => Some(DeclineReason::AccountFrozen),
            AccountStatus::Closed => Some(DeclineReason::AccountClosed),
        };
        bars(|book| book.account.as_mut().unwrap().status = *status, expected);
    }
}

/// Every kind is barred, and none is barred without a reason.
fn bars(set: impl Fn(&mut Book), expected: Option<DeclineReason>) {
    for kind in AuthorizationKind::ALL.into_iter().filter(|kind| *kind != AuthorizationKind::Incremental) {
        let mut book = Book::with(500);
        set(&mut book);
        let decided = book.ask(&AuthorizationRequest { kind, ..purchase(100) }).decision;
        assert_eq!(decided, expected.map_or(approves(100), declines), "{kind:?}");
    }
}

#[test]
fn status_names_read_back() {
    for status in CardStatus::ALL {
        assert_eq!(CardStatus::from_name(status.name()), Some(*status));
    }
    assert_eq!(CardStatus::from_name("Active"), None);
}

// --- replays ---------------------------------------------------------------------------------------------------------

#[test]
fn a_retry_hears_the_same_answer_whatever_changed() {
    let mut book = Book::with(100);
    assert_eq!(book.ask(&purchase(100)).decision, approves(100));
    let refused = another("k2", 1);
    assert_eq!(book.ask(&refused).decision, declines(DeclineReason::InsufficientFunds));

    book.card = Some(Card { status: CardStatus::Frozen, ..GOOD_CARD });
    let denied = Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule: rule("r") };
    let again = book.ask_with(&purchase(100), &denied);
    assert_eq!(again, Outcome { decision: approved_before(100), ..Outcome::default() });

    book.card = Some(GOOD_CARD);
    book.tell(Fact::Credited { payment: None, amount: usd(1_000), cause: MovementCause::Funding });
    let reason = DeclineReason::InsufficientFunds;
    let again = book.ask(&refused);
    assert_eq!((again.decision, again.held), (Some((Decision::Decline { reason }, Basis::Replay)), 0));
}

#[test]
fn another_question_under_the_same_key_is_refused() {
    for other in [
        purchase(101),
        AuthorizationRequest { amount: eur(100), ..purchase(100) },
        AuthorizationRequest { kind: AuthorizationKind::CashWithdrawal, ..purchase(100) },
        AuthorizationRequest { card: Some(CardToken::new("other").unwrap()), ..purchase(100) },
        AuthorizationRequest { payment: payment("other"), ..purchase(100) },
    ] {
        let mut book = Book::open();
        let outcome = book.ask(&other);
        assert_eq!(outcome.decision, declines(DeclineReason::ConflictingDuplicate), "{other:?}");
        assert_eq!((outcome.finding, outcome.answered), (Some(Finding::Conflict), None));
        assert_eq!(book.ask(&purchase(100)).decision, approved_before(100));
    }
}

#[test]
fn a_key_that_was_forgotten_is_remembered_by_its_step() {
    let mut book = Book::with(100);
    book.ask_with(&purchase(100), &proceed([limit(1, None, None)]));
    book.forget_keys();
    let again = book.ask_with(&purchase(100), &proceed([limit(1, None, None)]));
    assert_eq!(again, Outcome { decision: approved_before(100), ..Outcome::default() });

    book.tell(recorded("k", RecordedOutcome::Declined));
    let reason = DeclineReason::AnswerUnknown;
    assert_eq!(book.ask(&purchase(100)).decision, Some((Decision::Decline { reason }, Basis::Replay)));
}

#[test]
fn what_was_taken_for_less_before_its_question_came_is_not_approved_for_more() {
    // Recorded as approved at 40, an authorization of 50 hears 40: that is held, and may yet be captured.
    let mut book = Book::with(1_000);
    book.tell(recorded("k", approved(40)));
    let asked = book.ask(&purchase(50));
    assert_eq!((asked.decision, book.held()), (approves(40), 40));
    // A single message that was completed at 40 is over: there is nothing of it that a yes to 50 could still debit.
    let mut book = Book::with(1_000);
    book.tell(Fact::Completed { payment: payment("p"), amount: usd(40) });
    let decision = Decision::Decline { reason: DeclineReason::AuthorizationOver };
    assert_eq!(book.ask(&single_message(50)).decision, Some((decision, Basis::Ledger)));
    assert_eq!(book.available(), 960);
    // For as much or less than was taken, the money is where it should be.
    for minor in [40, 30] {
        let mut book = Book::with(1_000);
        book.tell(Fact::Completed { payment: payment("p"), amount: usd(40) });
        assert_eq!(book.ask(&single_message(minor)).decision, approves(minor));
        assert_eq!(book.available(), 960, "{minor}");
    }
}
