//! What the ledger will show around a question once it has heard what waits for it. A moment's balance is that of one moment: what is heard
//! while it is looked at is neither forgotten nor counted twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use holdfast_core::stand_in::{AddsTo, CardSight, LetGo, Sight, Snapshot};
use holdfast_core::{AccountId, AuthorizationKind, Money};

use super::Responder;
use super::deadline::Deadline;
use super::mount::Mount;
use super::question::Question;
use super::without_ledger::looked_for;
use crate::ledger::sight::Seen;
use crate::ledger::{Ahead, Glimpse, LeftOut, ToHear};

/// What will be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foresight {
    ahead: Ahead,
    /// How much of the account's approvals had been let go of before it was looked at; nothing where nobody asks for its balance.
    let_go: Option<LetGo>,
}

/// How many entries the ledger had heard before something was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeardBy(u64);

/// Whether what is told of the question itself is looked at, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Itself {
    Counts,
    IsLeftOut,
}

impl Foresight {
    /// What is seen, where nothing that waits can make it another thing to whoever asks: but for the balance, for which nobody asks.
    pub fn as_seen(seen: &Seen) -> Self {
        let ahead = Ahead::of(seen, LeftOut::default());
        let nothing = |available: Money| Money::from_minor(i64::MIN, available.currency());
        Foresight { ahead: Ahead { available: ahead.available.map(nothing), ..ahead }, let_go: None }
    }

    /// What will be seen, if nothing had to be left out of it.
    pub fn whole(&self) -> Option<&Ahead> {
        Some(&self.ahead).filter(|ahead| ahead.left_out.count == 0)
    }

    /// Whether what a question would add to is there.
    pub const fn adds_to(&self) -> AddsTo {
        match (self.ahead.adds_to, self.ahead.left_out.count) {
            (known, 0) => known,
            // What is left out may end it.
            (AddsTo::Open | AddsTo::Perhaps, _) => AddsTo::Perhaps,
            (AddsTo::NotKnown, _) => AddsTo::NotKnown,
        }
    }

    /// For how much the payment that a question names was opened before.
    pub const fn stands(&self) -> i64 {
        self.ahead.stands
    }

    /// The same snapshot, as it will be.
    pub fn of(&self, snapshot: Snapshot) -> Snapshot {
        let account = match (snapshot.account, self.ahead.available) {
            (Sight::Seen(mut account), Some(available)) => {
                (account.available, account.let_go) = (available, self.let_go);
                Sight::Seen(account)
            }
            (unseen @ (Sight::Seen(_) | Sight::NotSeen | Sight::Absent), _) => unseen,
        };
        let card = match snapshot.card {
            Sight::Seen(card) => Sight::Seen(CardSight { used: self.ahead.used, ..card }),
            unseen @ (Sight::NotSeen | Sight::Absent) => unseen,
        };
        Snapshot { card, account, merchant: self.ahead.merchant, adds_to: self.adds_to() }
    }
}

impl Responder {
    /// How much the ledger has heard by now.
    pub(super) fn heard_by(&self) -> HeardBy {
        HeardBy(self.unheard.entries_heard.load(Ordering::Acquire))
    }

    /// Whether it can matter to a new question what waits: a table that asks for no balance goes by caps, and those count by themselves.
    /// Nor may anything have been heard since it was looked at.
    pub(super) fn has_to_look_ahead(&self, mount: &Mount, question: &Question<'_>, (seen, heard_by): (&Seen, HeardBy)) -> bool {
        let account = match &seen.snapshot.account {
            Sight::Seen(account) => Some(account.id),
            Sight::NotSeen | Sight::Absent => None,
        };
        account.is_none()
            || question.request.kind == AuthorizationKind::Incremental
            || mount.program.stand_in.looks_at_balances(&mount.platform)
            || (self.unheard.waiting.may_take_back(mount.program.id, account)
                && mount.program.stand_in.looks_at_acquaintances(&mount.platform))
            || self.unheard.waiting.concern(mount.program.id, account)
            || self.heard_by() != heard_by
    }

    /// What will be seen around a question of which this was seen, after the ledger had heard so much; nothing where its account is not seen.
    pub(super) async fn foresee(
        &self,
        (mount, question): (&Mount, &Question<'_>),
        (seen, heard_by): (&Seen, HeardBy),
        itself: Itself,
        deadline: Deadline,
    ) -> Option<Foresight> {
        let Sight::Seen(account) = &seen.snapshot.account else { return None };
        // Before anything is looked at again: what is heard from here on is in what is seen then.
        let mut of_account = self.unheard.waiting.of(mount.program.id, account.id);
        let (approved, let_go) = mount.program.stand_in.approved_of(&account.id, &of_account.approved);
        match itself {
            Itself::Counts => {}
            Itself::IsLeftOut => of_account.to_hear.retain(|one| !is_of(question, one)),
        }
        let ahead = if of_account.to_hear.is_empty() && self.heard_by() == heard_by {
            Ahead::of(seen, of_account.left_out)
        } else {
            let ahead = self.look_ahead(question, &of_account.to_hear, deadline).await?;
            Ahead { left_out: ahead.left_out.and(of_account.left_out), ..ahead }
        };
        // Caps count what stand-in approved on top of what is seen, as they do where nothing of it is.
        let with = |available: Money| {
            let minor = available.minor().saturating_sub(ahead.left_out.takes).saturating_add(approved);
            Money::from_minor(minor, available.currency())
        };
        Some(Foresight { ahead: Ahead { available: ahead.available.map(with), ..ahead }, let_go: Some(let_go) })
    }

    async fn look_ahead(&self, question: &Question<'_>, to_hear: &[ToHear], deadline: Deadline) -> Option<Ahead> {
        let look = || {
            let looked = || self.ledger.look_ahead(&question.origin, &question.request, to_hear);
            let looked = catch_unwind(AssertUnwindSafe(looked)).unwrap_or_else(|_| {
                self.metrics.server.panicked();
                Glimpse::Nothing
            });
            Some(looked).filter(|glimpse| *glimpse != Glimpse::Busy)
        };
        match looked_for(look, deadline).await? {
            Glimpse::Seen(ahead) => Some(ahead),
            Glimpse::Busy | Glimpse::Nothing => None,
        }
    }

    /// Looks again whose messages are of which that was not seen: a few at a time, as long as there are any.
    pub(super) fn see_whose_they_are(&self) {
        if !self.unheard.waiting.any() {
            return;
        }
        for (origin, event) in self.programs().flat_map(|program| self.unheard.waiting.nobodys(program.id)) {
            let seen = catch_unwind(AssertUnwindSafe(|| self.ledger.account_of(&origin, &event)));
            let account: Option<AccountId> = seen.ok().and_then(|seen| self.unheard.account_of(&origin, &event, seen));
            if let Some(account) = account {
                self.unheard.waiting.belongs(&origin, &event, account);
            }
        }
    }
}

fn is_of(question: &Question<'_>, one: &ToHear) -> bool {
    match one {
        ToHear::Answer(adopt) => adopt.origin == question.origin && adopt.request.key == question.request.key,
        ToHear::Fact(..) => false,
    }
}
