//! Who asks: the verbs of whoever has a ledger, and the house in which laws are tried.

use std::sync::Arc;

use futures_executor::block_on;
use holdfast_core::hold::{Fact, Finding, Order, ToldAnswer};
use holdfast_core::{AuthorizationRequest, Basis, Decision, ProgramId};

use super::words::*;
use super::{End, Engine, Premises};
use crate::ledger::{AccountStanding, Act, Answer, Entry, Ledger, LedgerError, Origin, RowsEntered, Ticket, Wait, Whose, ask};

/// What a question or an order is answered with, and why.
pub type Said = (Decision, Basis);

/// What becomes of an act.
pub type Became = Result<Answer, LedgerError>;

/// Whoever has a ledger and asks it things, one at a time.
pub trait Client {
    /// The ledger.
    fn ledger(&self) -> &dyn Ledger;

    /// Submits an act and waits for what becomes of it.
    fn act(&self, act: Act) -> Became {
        block_on(ask(self.ledger(), act))
    }

    /// Submits acts at once and waits for what becomes of each.
    fn act_at_once(&self, acts: impl IntoIterator<Item = Act>) -> Vec<Became>
    where
        Self: Sized,
    {
        let tickets: Vec<_> = acts.into_iter().map(|act| submit(self.ledger(), act)).collect();
        tickets.into_iter().map(wait).collect()
    }

    /// Asks a question that the rules have nothing against, and no limit counts.
    fn decide(&self, request: AuthorizationRequest) -> Said {
        said(self.act(Act::Decide(asked(request))))
    }

    /// Tells a fact about the card `c`, of no time of its own.
    fn tell(&self, key: &str, fact: Fact) -> Option<Finding> {
        found(self.act(Act::Tell(origin(), told(key, fact))))
    }

    /// Orders something about the payment of that name.
    fn order(&self, key: &str, payment: &str, order: Order) -> Said {
        said(self.act(Act::Order(origin(), ordered(key, payment, order))))
    }

    /// Has an answer adopted that was told in the question's own callback.
    fn adopt(&self, request: AuthorizationRequest, answer: ToldAnswer) -> Option<Finding> {
        found(self.act(Act::Adopt(adoption(request, answer))))
    }

    /// Enters accounts and cards.
    fn enter(&self, entries: Vec<Entry>) -> Became {
        self.act(Act::Enter(Origin::of(program()), entries))
    }

    /// Accounts as operators see them.
    fn standings(&self, whose: Whose) -> Vec<AccountStanding> {
        match self.act(Act::Balances(origin(), whose)) {
            Ok(Answer::Balances(standings)) => standings,
            other => panic!("{other:?}"),
        }
    }

    /// All of a program's accounts, in pages of two.
    fn all_of(&self, program: ProgramId) -> Vec<AccountStanding> {
        let (mut all, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            match self.act(Act::Accounts { program, from: place, most: 2 }) {
                Ok(Answer::Accounts { standings, next }) => {
                    assert!(standings.len() <= 2);
                    all.extend(standings);
                    from = next;
                }
                other => panic!("{other:?}"),
            }
        }
        all
    }

    /// Names of all accounts, and what is posted to and held on them.
    fn everyone(&self) -> Vec<(String, i64, i64)> {
        self.all_of(program()).iter().map(|standing| figures(&standing.balance)).collect()
    }

    /// Names, and what is posted to and held on them.
    fn balances(&self, whose: Whose) -> Vec<(String, i64, i64)> {
        self.standings(whose).iter().map(|standing| figures(&standing.balance)).collect()
    }

    /// What is posted to, and held on, an account.
    fn balance_of(&self, account: &str) -> (i64, i64) {
        let (_, posted, held) = self.balances(Whose::Account(id(account)))[0].clone();
        (posted, held)
    }

    /// What is posted to, and held on, the account `a`.
    fn balance(&self) -> (i64, i64) {
        self.balance_of("a")
    }
}

/// Submits an act; what becomes of it is waited for later, or never.
pub fn submit(ledger: &dyn Ledger, act: Act) -> Arc<Ticket> {
    let ticket = Ticket::new(act);
    ledger.submit(Arc::clone(&ticket));
    ledger.nudge();
    ticket
}

/// Waits for what becomes of a ticket.
pub fn wait(ticket: Arc<Ticket>) -> Became {
    block_on(Wait::on(ticket))
}

/// Premises on which a law is tried.
pub struct House {
    premises: Box<dyn Premises>,
}

impl Client for House {
    fn ledger(&self) -> &dyn Ledger {
        self.premises.ledger()
    }
}

impl House {
    /// With nothing in it.
    pub fn empty(engine: &dyn Engine) -> Self {
        House { premises: engine.premises() }
    }

    /// With an account `a` of so much, and its card `c` of the cardholder `h`.
    pub fn with(engine: &dyn Engine, balance: i64) -> Self {
        let house = House::empty(engine);
        let entered = house.enter(vec![account("a", balance), card("c", "a", Some("h"))]);
        assert_eq!(entered, Ok(Answer::Entered(RowsEntered { accounts: 1, cards: 1, cards_moved: 0, bars_kept: 0 })));
        house
    }

    /// Ends the process so, and starts another.
    pub fn end(&mut self, end: End) {
        match end {
            End::InOrder => self.premises.restart(),
            End::Crash => self.premises.crash(),
        }
    }

    /// Ends the process in order, and starts another.
    pub fn restart(&mut self) {
        self.premises.restart();
    }

    /// Checks something now, in the next process, and in the one after a crash.
    pub fn always(&mut self, check: impl Fn(&House)) {
        check(self);
        for end in End::BOTH {
            self.end(end);
            check(self);
        }
    }

    /// Where it stands.
    pub fn premises(&mut self) -> &mut dyn Premises {
        self.premises.as_mut()
    }
}
