//! Random histories: whatever happens, memory from the journal alone, memory from the projection and the journal's tail, and
//! the memory that lived through it are the same.

use std::collections::BTreeMap;

use super::*;
use crate::ledger::embedded::projection::read::Movement;
use crate::ledger::embedded::projection::rows::HoldKept;
use crate::ledger::embedded::projection::schema;

/// SplitMix64: the same history on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn amount(&mut self) -> Money {
        usd(i64::try_from(self.roll(5_000)).unwrap())
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.roll(u64::try_from(all.len()).unwrap())).unwrap()]
    }

    fn heads(&mut self) -> bool {
        self.roll(2) == 0
    }
}

/// A history as it is made up.
struct Story {
    dice: Dice,
    keys: u64,
    /// Payments are named up to here; most acts are about late ones, some about old or coming ones.
    payments: u64,
}

impl Story {
    fn key(&mut self) -> String {
        if self.dice.roll(12) > 0 {
            self.keys += 1;
            return format!("k{}", self.keys);
        }
        // Said again, or another message under the same key.
        format!("k{}", self.dice.roll(self.keys + 1))
    }

    fn name(&mut self) -> AuthorizationId {
        let reach = self.dice.one_of(&[2, 8, 60]);
        let number = (self.payments + 1).saturating_sub(self.dice.roll(reach));
        id(&format!("p{number}"))
    }

    fn payment(&mut self) -> PaymentRef {
        let payment = PaymentRef::of(self.name());
        match self.dice.roll(9) {
            0 => payment.with_alias(self.name()),
            1..4 => PaymentRef::by_alias(self.name()),
            _ => payment,
        }
    }

    /// The key of a message; many are payments' names themselves, for a later one.
    fn message(&mut self) -> String {
        let key = self.key();
        if self.dice.roll(3) == 0 { format!("{}/{key}", self.name()) } else { key }
    }

    fn card(&mut self) -> CardToken {
        id(&format!("c{}", self.dice.roll(9)))
    }

    fn subject(&mut self) -> Subject {
        let cardholder = self.dice.heads().then(|| id(&format!("h{}", self.dice.roll(4))));
        Subject { account: None, card: self.dice.heads().then(|| self.card()), cardholder }
    }

    fn limits(&mut self, now: Timestamp) -> Vec<LimitCheck> {
        let day = Timestamp::from_unix_seconds(now.unix_seconds().div_euclid(86_400) * 86_400);
        let hour = Window::Rolling { bucket: now.unix_seconds().div_euclid(3_600), buckets: 24 };
        let all = [
            (1, LimitScope::Card, Window::Since(day)),
            (2, LimitScope::Account, hour),
            (3, LimitScope::Program, Window::Lifetime),
        ];
        let check = |(counter, scope, window)| LimitCheck {
            limit: id("limit"),
            counter: CounterKey(counter),
            scope,
            window,
            amount_max: Some(5_000_000),
            count_max: None,
            enforcement: Enforcement::Observe,
            still: StillOpen::default(),
            ways: None,
        };
        all.into_iter().filter(|_| self.dice.heads()).map(check).collect()
    }

    fn request(&mut self) -> AuthorizationRequest {
        let increments = (self.dice.roll(6) == 0).then(|| self.payment());
        if self.dice.roll(3) > 0 {
            self.payments += 1;
        }
        AuthorizationRequest {
            key: id(&self.key()),
            payment: self.payment(),
            increments,
            kind: if increments.is_some() { AuthorizationKind::Incremental } else { AuthorizationKind::Purchase },
            posting: self.dice.one_of(&[Posting::Hold, Posting::Hold, Posting::Immediate]),
            card: Some(self.card()),
            expiry: self.dice.one_of(&[Expiry::Told, Expiry::Ours]),
            amount: self.dice.amount(),
            ..purchase("any", 0)
        }
    }

    fn of_payment(&mut self) -> Fact {
        let (payment, amount) = (self.payment(), self.dice.amount());
        match self.dice.roll(9) {
            0 => Fact::Reduced { payment, by: amount, original: None },
            1 => Fact::Replaced { payment, total: amount },
            2 => Fact::Released { payment, cause: self.dice.one_of(&[ReleaseCause::Reversed, ReleaseCause::Expired]) },
            3 => Fact::Completed { payment, amount },
            4 => Fact::Credited { payment: Some(payment), amount, cause: MovementCause::NetworkSettlement },
            5 => {
                let outcome = self.dice.one_of(&[
                    RecordedOutcome::Approved { amount },
                    RecordedOutcome::ApprovedByStandIn { amount, posting: Posting::Hold },
                    RecordedOutcome::Declined,
                ]);
                let increments = (self.dice.roll(4) == 0).then(|| self.payment());
                Fact::Recorded { payment, asked: id(&self.key()), increments, outcome }
            }
            _ => {
                let finality = self.dice.one_of(&[Finality::Final, Finality::More]);
                Fact::Captured { payment: Some(payment), amount, finality }
            }
        }
    }

    fn fact(&mut self) -> Fact {
        let amount = self.dice.amount();
        match self.dice.roll(16) {
            0 => Fact::Card { card: self.card(), status: self.dice.one_of(CardStatus::ALL) },
            1 => {
                let cardholder = id(&format!("h{}", self.dice.roll(5)));
                Fact::Cardholder { cardholder, status: self.dice.one_of(CardholderStatus::ALL) }
            }
            2 => {
                let account = id(&format!("a{}", self.dice.roll(5)));
                Fact::Account { account, status: AccountStatus::Active }
            }
            3 => Fact::Captured { payment: None, amount, finality: Finality::Final },
            4 => Fact::Credited { payment: None, amount, cause: MovementCause::Funding },
            5 => Fact::Debited { payment: None, amount, cause: MovementCause::Fee },
            6 => Fact::SettlementAnnounced { total: amount },
            _ => self.of_payment(),
        }
    }

    fn entries(&mut self) -> Vec<Entry> {
        let name = format!("a{}", self.dice.roll(4));
        let entered = Entry::Account {
            account: id(&name),
            balance: usd(1_000_000),
            credit_line: i64::try_from(self.dice.roll(100)).unwrap(),
            status: AccountStatus::Active,
        };
        let cardholder = self.dice.heads().then(|| id(&format!("h{}", self.dice.roll(4))));
        let card = Entry::Card { card: self.card(), account: id(&name), cardholder, status: CardStatus::Active };
        vec![entered, card]
    }

    fn act(&mut self, now: Timestamp) -> Act {
        match self.dice.roll(40) {
            0 => Act::Enter(Origin::of(program()), self.entries()),
            1 => kept("something new"),
            2 => {
                let told = self.dice.one_of(&[
                    ToldAnswer::Approved { amount: usd(700) },
                    ToldAnswer::Declined { reason: DeclineReason::InsufficientFunds },
                ]);
                self.keys += 1;
                let key = id(&format!("k{}", self.keys));
                adopt(AuthorizationRequest { key, ..self.request() }, told, now)
            }
            3 => {
                let amount = self.dice.amount();
                let asked = self.dice.one_of(&[
                    Order::Capture { amount, finality: Finality::Final },
                    Order::Release,
                    Order::Refund { amount },
                ]);
                order(&self.key(), self.name().as_str(), asked)
            }
            4..20 => {
                let limits = self.limits(now);
                decide(self.request(), &limits, now)
            }
            _ => {
                let ago = Duration::from_secs(self.dice.roll(40_000));
                let occurred_at = self.dice.heads().then(|| now.saturating_sub(ago));
                let settlement_day = self.dice.heads().then(|| 20_000 + i32::try_from(self.dice.roll(3)).unwrap());
                let subject = self.subject();
                let told = event(&self.message(), occurred_at, self.fact());
                Act::Tell(origin(), ToldEvent { settlement_day, subject, ..told })
            }
        }
    }
}

/// What becomes of a history, with everybody stopping and starting wherever the dice say.
pub(super) fn tell_story(seed: u64, acts: u32, closed_kept: Duration) -> Bench {
    let mut bench = Bench::keeping_closed(closed_kept);
    let mut story = Story { dice: Dice(seed), keys: 0, payments: 0 };
    for _ in 0..8 {
        let entries = story.entries();
        bench.act(&Act::Enter(Origin::of(program()), entries)).unwrap();
    }
    for number in 0..acts {
        let act = story.act(bench.now);
        bench.act(&act).unwrap_or_else(|error| panic!("seed {seed}, act {number}: {error}: {act:?}"));
        if story.dice.roll(4) == 0 {
            bench.commit();
            let time = story.dice.one_of(&[0, 1, 30, 900, 40_000]);
            bench.pass(Duration::from_secs(time));
            let now = bench.now;
            bench.engine().expire(now, 4);
        }
        if story.dice.roll(25) == 0 {
            bench.follow();
        }
        if story.dice.roll(150) == 0 {
            bench.commit();
            assert_same(&mut bench, seed, number);
            if story.dice.heads() {
                assert_eq!(bench.restart(), None);
            }
        }
    }
    bench.commit();
    bench.catch_up();
    assert_same(&mut bench, seed, acts);
    assert_rows(&bench, seed);
    bench.assert_decided_again(&format!("seed {seed}"));
    bench
}

/// Every hold that ever was is in its row as the journal has it, and movements add up to what accounts have.
fn assert_rows(bench: &Bench, seed: u64) {
    let (reader, everything) = (bench.reader(), bench.replayed_whole());
    let connection = schema::open_to_read(bench.directory.path()).unwrap().unwrap();
    assert!(everything.holds.len() > 50);
    for (number, row) in &everything.holds {
        let kept = HoldKept::load(&connection, *number).unwrap().unwrap();
        assert_eq!(&kept.row, row, "seed {seed}, hold {number}");
    }
    for (number, row) in (0..).zip(&everything.accounts) {
        let lines = reader.movements_of_account(number, None, u32::MAX).unwrap();
        let sum = |part: fn(&Movement) -> Money| lines.iter().map(|line| part(line).minor()).sum::<i64>();
        let sums = (sum(|line| line.posted), sum(|line| line.held));
        assert_eq!(sums, (row.account.posted, row.account.held), "seed {seed}, account {number}");
        let last = lines.first().map(|line| (line.posted_after.minor(), line.held_after.minor()));
        assert!(last.is_none_or(|last| last == sums), "seed {seed}, account {number}");
    }
}

fn assert_same(bench: &mut Bench, seed: u64, number: u32) {
    let replayed = bench.replayed();
    assert_alike(&bench.restored(), &replayed, &format!("restored, seed {seed}, act {number}"));
    let lived = bench.memory();
    // It keeps a key until that is projected; then an answer that is corrected may be younger for it.
    let lost = replayed.asked.iter().find(|(name, answered)| lived.asked.get(name).is_some_and(|known| known != *answered));
    assert_eq!(lost, None, "lived, seed {seed}, act {number}: asked");
    let without_asked = |picture| Picture { asked: BTreeMap::new(), asked_by_age: Vec::new(), ..picture };
    assert_alike(&without_asked(lived), &without_asked(replayed), &format!("lived, seed {seed}, act {number}"));
}

/// As `assert_eq!`, but says which hold or row it is.
pub(super) fn assert_alike(one: &Picture, other: &Picture, what: &str) {
    for (number, row) in &one.holds {
        assert_eq!(Some(row), other.holds.get(number), "{what}: hold {number}");
    }
    assert_eq!(one.holds_by_name, other.holds_by_name, "{what}: names");
    assert_eq!(one.accounts, other.accounts, "{what}: accounts");
    assert_eq!(one.cards, other.cards, "{what}: cards");
    assert_eq!(one.cardholders, other.cardholders, "{what}: cardholders");
    assert_eq!(one.counters, other.counters, "{what}: counters");
    assert_eq!(one.asked_by_age, other.asked_by_age, "{what}: asked");
    assert_eq!(one.told_by_age, other.told_by_age, "{what}: told");
    assert_eq!((one.next_hold, &one.due), (other.next_hold, &other.due), "{what}: waiting");
    assert!(one == other, "{what}");
}

#[test]
fn memory_is_the_same_from_the_projection_and_from_the_journal() {
    for seed in 0..4 {
        tell_story(seed, 1_000, Duration::from_secs(600));
    }
}

#[test]
fn memory_is_the_same_whatever_it_lets_go_of() {
    for seed in 10..14 {
        tell_story(seed, 1_000, Duration::ZERO);
    }
}

#[test]
fn a_correction_is_forgotten_with_its_answer() {
    let mut bench = Bench::with(1_000);
    bench.decide("p", 600);
    bench.catch_up();
    bench.pass(Duration::from_secs(47 * 3_600));
    let outcome = RecordedOutcome::Declined;
    let fact = Fact::Recorded { payment: payment("p"), asked: id("p"), increments: None, outcome };
    assert_eq!(bench.finding(&tell("recorded", fact)), Some(Finding::AdoptedOverOurs));
    bench.catch_up();
    assert_eq!(bench.restored().asked.len(), 1);
    bench.pass(Duration::from_secs(2 * 3_600));
    bench.finding(&kept("later"));
    bench.catch_up();
    assert_eq!(bench.restored().asked.len(), 0);
    assert_eq!(bench.restored(), bench.replayed());
}
