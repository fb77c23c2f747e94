//! What this responder's own acts left behind, until whoever follows the database has read it there ([`super::following`]): a freeze that
//! was acknowledged, an answer that was told, and money that was approved are known from the moment at which they count, and not only from
//! the next look. Bounded like [`super::last_seen`]. Nothing here reads the database.

use holdfast_core::hold::{Account, Answered, CardStatus, CardholderStatus};
use holdfast_core::{CardToken, CardholderToken, ProgramId};
use serde::{Deserialize, Serialize};

use super::generations::Generations;
use super::load::Loaded;
use super::named::Named;
use super::recording::Recording;
use crate::ledger::embedded::state::{AccountIndex, Fingerprint};

/// What acts left behind, as their transaction was committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What stands as the answer to keys, by number.
    pub answers: Vec<(u64, Answered)>,
    pub cards: Vec<(CardToken, CardStatus)>,
    pub cardholders: Vec<(CardholderToken, CardholderStatus)>,
    /// By number.
    pub accounts: Vec<(i64, AccountNow)>,
}

/// An account, and how many records have changed it: of two that are known, the one with more of them is the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountNow {
    pub account: Account,
    pub changes: i64,
}

impl News {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let News { answers, cards, cardholders, accounts } = self;
        answers.is_empty() && cards.is_empty() && cardholders.is_empty() && accounts.is_empty()
    }

    /// What is so, once what was performed is committed.
    pub fn of(named: &Named, loaded: &Loaded, recording: &Recording) -> Self {
        let (state, ..) = loaded.engine.performed();
        let answer = |name| {
            let Fingerprint([number, _]) = name;
            Some((number, state.answered(name)?))
        };
        let card = |token: &CardToken| Some((*token, state.card(state.card_named(&named.program, token)?)?.status));
        let cardholder =
            |token: &CardholderToken| Some((*token, state.cardholder(state.cardholder_named(&named.program, token)?)?.status?));
        let accounts = (0..).zip(&loaded.accounts).filter_map(|(place, at)| {
            let row = state.account(AccountIndex(place))?;
            Some((at.number, AccountNow { account: row.account, changes: recording.changes_of(place) }))
        });
        News {
            answers: named.asked.iter().filter_map(|name| answer(Fingerprint::from(*name))).collect(),
            cards: named.cards.values().filter_map(card).collect(),
            cardholders: named.cardholders.values().filter_map(cardholder).collect(),
            accounts: accounts.collect(),
        }
    }
}

/// A look at the database, by number: what was heard before one is read by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look(u64);

impl Look {
    /// How many had begun with it.
    pub const fn number(self) -> u64 {
        let Look(number) = self;
        number
    }
}

/// News that nobody has read in the database yet.
#[derive(Debug)]
pub struct Fresh {
    look: Look,
    cards: Generations<(ProgramId, CardToken), (Look, CardStatus)>,
    cardholders: Generations<(ProgramId, CardholderToken), (Look, CardholderStatus)>,
    accounts: Generations<i64, (Look, AccountNow)>,
}

impl Fresh {
    /// Nothing yet, and of each kind never more than twice so many.
    pub fn of_at_most(each_max: usize) -> Self {
        let (cards, cardholders, accounts) = (Generations::new(each_max), Generations::new(each_max), Generations::new(each_max));
        Fresh { look: Look(0), cards, cardholders, accounts }
    }

    /// Acts of this program left that behind; which look was the last one that had begun.
    pub fn hear(&mut self, program: ProgramId, news: &News) -> Look {
        news.cards.iter().for_each(|(token, status)| self.cards.put((program, *token), (self.look, *status)));
        news.cardholders.iter().for_each(|(token, status)| self.cardholders.put((program, *token), (self.look, *status)));
        for (number, now) in &news.accounts {
            // Answers of two connections come in any order.
            if self.accounts.get(number).is_none_or(|(_, known)| known.changes <= now.changes) {
                self.accounts.put(*number, (self.look, *now));
            }
        }
        self.look
    }

    /// The same of acts of an earlier process, in their order: what was heard since is newer, and every look of this process reads them.
    pub fn hear_earlier(&mut self, acts: &[(ProgramId, News)]) {
        let earlier = Look(0);
        for (program, news) in acts.iter().rev() {
            for (token, status) in &news.cards {
                if self.cards.get(&(*program, *token)).is_none() {
                    self.cards.put((*program, *token), (earlier, *status));
                }
            }
            for (token, status) in &news.cardholders {
                if self.cardholders.get(&(*program, *token)).is_none() {
                    self.cardholders.put((*program, *token), (earlier, *status));
                }
            }
            for (number, now) in &news.accounts {
                if self.accounts.get(number).is_none_or(|(_, known)| known.changes < now.changes) {
                    self.accounts.put(*number, (earlier, *now));
                }
            }
        }
    }

    /// Somebody begins to look at the database.
    pub fn begin_look(&mut self) -> Look {
        let Look(number) = self.look;
        self.look = Look(number.saturating_add(1));
        self.look
    }

    /// Whatever was there when that look began has been read.
    pub fn has_read(&mut self, look: Look) {
        self.cards.retain(|(heard, _)| *heard >= look);
        self.cardholders.retain(|(heard, _)| *heard >= look);
        self.accounts.retain(|(heard, _)| *heard >= look);
    }

    /// The graver of what was read of a card and what was heard of it: which of the two is newer is not known, as others have written to
    /// the database, too.
    pub fn card(&self, program: ProgramId, token: CardToken, read: CardStatus) -> CardStatus {
        let heard = self.cards.get(&(program, token)).map(|(_, status)| *status);
        heard.filter(|heard| heard.severity() > read.severity()).unwrap_or(read)
    }

    /// The same of its owner.
    pub fn cardholder(&self, program: ProgramId, token: Option<CardholderToken>, read: CardholderStatus) -> CardholderStatus {
        let heard = token.and_then(|token| self.cardholders.get(&(program, token))).map(|(_, status)| *status);
        heard.filter(|heard| heard.severity() > read.severity()).unwrap_or(read)
    }

    /// An account: the newer of what was read and what was heard.
    pub fn account(&self, number: i64, read: AccountNow) -> Account {
        let heard = self.accounts.get(&number).map(|(_, heard)| *heard);
        heard.filter(|heard| heard.changes > read.changes).unwrap_or(read).account
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::AccountStatus;

    use super::*;
    use crate::ledger::conformance::{id, program, usd};

    fn account(posted: i64, changes: i64) -> AccountNow {
        let account = Account { currency: usd(0).currency(), posted, held: 0, credit_line: 0, status: AccountStatus::Active };
        AccountNow { account, changes }
    }

    #[test]
    fn what_is_heard_during_a_look_stays_until_the_next_one_has_read_it() {
        let mut fresh = Fresh::of_at_most(8);
        let freeze = News { cards: vec![(id("c"), CardStatus::Frozen)], ..News::default() };
        let suspend = News { cardholders: vec![(id("h"), CardholderStatus::Suspended)], ..News::default() };
        fresh.hear(program(), &freeze);
        let look = fresh.begin_look();
        fresh.hear(program(), &suspend);
        let card = |fresh: &Fresh| fresh.card(program(), id("c"), CardStatus::Active);
        let owner = |fresh: &Fresh| fresh.cardholder(program(), Some(id("h")), CardholderStatus::Active);
        assert_eq!((card(&fresh), owner(&fresh)), (CardStatus::Frozen, CardholderStatus::Suspended));
        fresh.has_read(look);
        assert_eq!((card(&fresh), owner(&fresh)), (CardStatus::Active, CardholderStatus::Suspended));
        let look = fresh.begin_look();
        fresh.has_read(look);
        assert_eq!(owner(&fresh), CardholderStatus::Active);
        // What others wrote may be newer.
        fresh.hear(program(), &News { cards: vec![(id("c"), CardStatus::Active)], ..News::default() });
        assert_eq!(fresh.card(program(), id("c"), CardStatus::Frozen), CardStatus::Frozen);
    }

    #[test]
    fn an_account_is_what_changed_it_last_whoever_says_so_and_in_whichever_order() {
        let mut fresh = Fresh::of_at_most(8);
        let hears = |fresh: &mut Fresh, posted, changes| {
            fresh.hear(program(), &News { accounts: vec![(7, account(posted, changes))], ..News::default() });
        };
        let is = |fresh: &Fresh, read: AccountNow| fresh.account(7, read).posted;
        let read = account(2_000, 3);
        hears(&mut fresh, 1_500, 5);
        hears(&mut fresh, 1_700, 4);
        assert_eq!(is(&fresh, read), 1_500, "the one before was heard later");
        let look = fresh.begin_look();
        hears(&mut fresh, 1_400, 6);
        // The look may have read it or not: it counts once.
        assert_eq!((is(&fresh, account(1_500, 5)), is(&fresh, account(1_400, 6))), (1_400, 1_400));
        // Somebody else gave something back meanwhile.
        assert_eq!(is(&fresh, account(1_600, 7)), 1_600);
        fresh.has_read(look);
        assert_eq!(is(&fresh, account(1_500, 5)), 1_400, "it was heard during the look");
        let look = fresh.begin_look();
        fresh.has_read(look);
        assert_eq!(is(&fresh, read), 2_000);
    }

    #[test]
    fn what_an_earlier_process_did_counts_in_its_order_and_under_what_was_heard_since() {
        let card = |name: &str, status| News { cards: vec![(id(name), status)], ..News::default() };
        let owner = |status| News { cardholders: vec![(id("h"), status)], ..News::default() };
        let accounts = |left: &[(i64, i64)]| News {
            accounts: left.iter().map(|(posted, changes)| (7, account(*posted, *changes))).collect(),
            ..News::default()
        };
        let mut fresh = Fresh::of_at_most(8);
        fresh.hear(program(), &card("since", CardStatus::Frozen));
        let look = fresh.begin_look();
        let earlier = [
            card("once", CardStatus::Frozen),
            card("twice", CardStatus::Frozen),
            card("twice", CardStatus::Lost),
            card("since", CardStatus::Active),
            owner(CardholderStatus::Suspended),
            accounts(&[(500, 5), (700, 4)]),
        ];
        fresh.hear_earlier(&earlier.map(|news| (program(), news)));
        let is = |fresh: &Fresh, name: &str| fresh.card(program(), id(name), CardStatus::Active);
        assert_eq!(
            ["once", "twice", "since"].map(|name| is(&fresh, name)),
            [CardStatus::Frozen, CardStatus::Lost, CardStatus::Frozen]
        );
        assert_eq!(fresh.cardholder(program(), Some(id("h")), CardholderStatus::Active), CardholderStatus::Suspended);
        assert_eq!(fresh.account(7, account(900, 3)).posted, 500);
        fresh.has_read(look);
        assert_eq!(["once", "twice", "since"].map(|name| is(&fresh, name)), [CardStatus::Active; 3], "it has all of that");
    }
}
