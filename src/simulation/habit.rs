//! What is decided once about a payment: whose it is, and what its merchant and its platform are like. Its questions follow.

use fastrand::Rng;
use holdfast_core::rules::HoldPolicy;
use holdfast_core::{AuthorizationKind, Expiry, Padding, PartialApproval, Posting, Timestamp};

use super::deed::{Holder, Question};
use super::naming::{Name, Named};

/// What is decided once about a payment: what its platform is like.
#[derive(Debug, Clone, Copy)]
pub struct Habit {
    pub payment: usize,
    pub program: usize,
    pub account: usize,
    pub card: usize,
    pub number: u32,
    pub alias: bool,
    pub posting: Posting,
    pub expiry: Expiry,
    /// The merchant's currency is another one.
    pub foreign_merchant: bool,
    pub policy: HoldPolicy,
}

/// Kinds of questions that want money of their own.
const KINDS: [AuthorizationKind; 5] = [
    AuthorizationKind::Purchase,
    AuthorizationKind::PurchaseWithCashback,
    AuthorizationKind::CashWithdrawal,
    AuthorizationKind::QuasiCash,
    AuthorizationKind::BillPayment,
];

/// Once in so many times.
pub fn one_in(rng: &mut Rng, of: u32) -> bool {
    rng.u32(0..of) == 0
}

impl Habit {
    /// The first card's, without a habit.
    pub const PLAIN: Habit = Habit {
        payment: 0,
        program: 0,
        account: 0,
        card: 0,
        number: 0,
        alias: false,
        posting: Posting::Hold,
        expiry: Expiry::Told,
        foreign_merchant: false,
        policy: HoldPolicy::PLAIN,
    };

    /// Habits by chance, of the payment that `plain` is of.
    pub fn draw(rng: &mut Rng, plain: Habit) -> Habit {
        let policy = HoldPolicy {
            lifetime_seconds: rng.u32(3600..=400_000),
            safety_timer_seconds: rng.u32(86_400..=3_100_000),
            extra: if one_in(rng, 3) { rng.i64(0..=500) } else { 0 },
            tolerance: if one_in(rng, 3) { rng.i64(0..=800) } else { 0 },
            partial_min: rng.bool().then(|| rng.i64(1..=500)),
            of_less: None,
        };
        Habit {
            alias: one_in(rng, 3),
            posting: if one_in(rng, 4) { Posting::Immediate } else { Posting::Hold },
            expiry: if one_in(rng, 3) { Expiry::Ours } else { Expiry::Told },
            foreign_merchant: one_in(rng, 3),
            policy,
            ..plain
        }
    }

    /// The payment by its full name.
    pub fn named(&self) -> Named {
        Named { payment: self.payment, number: self.number, name: Name::Full { alias: self.alias } }
    }

    /// A question about it.
    pub fn question(&self, rng: &mut Rng, key: u32, received_at: Timestamp, occurred_at: Option<Timestamp>) -> Question {
        let amount = if one_in(rng, 40) { rng.i64(1..=2_000_000) } else { rng.i64(1..=9_000) };
        Question {
            program: self.program,
            card: self.card,
            account: self.account,
            in_the_name_of: match rng.u32(0..120) {
                0 => Holder::Another,
                1 => Holder::Nobody,
                2..60 => Holder::Owner,
                _ => Holder::NotTold,
            },
            key,
            of: self.named(),
            kind: KINDS[rng.usize(0..KINDS.len())],
            posting: self.posting,
            amount,
            foreign: one_in(rng, 80),
            original: self.foreign_merchant.then(|| amount * 9 / 10 + 1),
            padding: if one_in(rng, 8) { Padding::ByPlatform } else { Padding::None },
            expiry: self.expiry,
            partial: if one_in(rng, 3) { PartialApproval::Supported } else { PartialApproval::NotSupported },
            policy: self.policy,
            limits: [rng.bool(), rng.bool(), one_in(rng, 4), rng.bool()],
            ways: one_in(rng, 3).then(|| rng.u8(1..4)),
            on: std::array::from_fn(|_| rng.bool().then(|| rng.u8(0..3))),
            refused: one_in(rng, 60),
            late: one_in(rng, 100),
            occurred_at,
            received_at,
        }
    }
}
