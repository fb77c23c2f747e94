//! What this responder's own acts left behind, until whoever follows the database has read it there ([`super::following`]): a freeze that
//! was acknowledged, an answer that was told, and money that was approved are known from the moment at which they count, and not only from
//! the next look. Bounded like [`super::last_seen`]. Nothing here reads the database.

use holdfast_core::hold::{Account, AccountStatus, Answered, CardStatus, CardholderStatus};
use holdfast_core::{CardToken, CardholderToken, ProgramId};
use smallvec::SmallVec;

use super::generations::Generations;
use super::load::Loaded;
use super::named::Named;
use crate::ledger::embedded::state::{AccountIndex, Fingerprint};

/// What acts left behind, as their transaction was committed.
#[derive(Debug, Default)]
pub struct News {
    /// What stands as the answer to keys, by number.
    pub answers: Vec<(u64, Answered)>,
    pub cards: Vec<(CardToken, CardStatus)>,
    pub cardholders: Vec<(CardholderToken, CardholderStatus)>,
    /// By number.
    pub accounts: Vec<(i64, AccountNow)>,
}

/// What is known of an account after an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountNow {
    /// All of it.
    Is(Account),
    /// So much less is available.
    Less(i64),
}

impl News {
    /// What is so, once what was performed is committed.
    pub fn of(named: &Named, loaded: &Loaded) -> Self {
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
            Some((at.number, AccountNow::Is(row.account)))
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

/// News that nobody has read in the database yet.
#[derive(Debug)]
pub struct Fresh {
    look: Look,
    cards: Generations<(ProgramId, CardToken), (Look, CardStatus)>,
    cardholders: Generations<(ProgramId, CardholderToken), (Look, CardholderStatus)>,
    accounts: Generations<i64, AccountFresh>,
}

/// What is not read yet of an account.
#[derive(Debug, Clone, Default)]
struct AccountFresh {
    was: Option<(Look, Account)>,
    /// What was taken from it since.
    less: SmallVec<[(Look, i64); 1]>,
}

impl AccountFresh {
    fn hear(&mut self, look: Look, now: AccountNow) {
        match (now, self.less.last_mut()) {
            (AccountNow::Is(account), _) => {
                self.was = Some((look, account));
                self.less.clear();
            }
            (AccountNow::Less(minor), Some((of_look, sum))) if *of_look == look => *sum = sum.saturating_add(minor),
            (AccountNow::Less(minor), _) => self.less.push((look, minor)),
        }
    }

    /// Whether anything is left that this look did not read.
    fn outlives(&mut self, look: Look) -> bool {
        self.was = self.was.filter(|(heard, _)| *heard >= look);
        self.less.retain(|(heard, _)| *heard >= look);
        self.was.is_some() || !self.less.is_empty()
    }
}

impl Fresh {
    /// Nothing yet, and of each kind never more than twice so many.
    pub fn of_at_most(each_max: usize) -> Self {
        let (cards, cardholders, accounts) = (Generations::new(each_max), Generations::new(each_max), Generations::new(each_max));
        Fresh { look: Look(0), cards, cardholders, accounts }
    }

    /// Acts of this program left that behind.
    pub fn hear(&mut self, program: ProgramId, news: &News) {
        news.cards.iter().for_each(|(token, status)| self.cards.put((program, *token), (self.look, *status)));
        news.cardholders.iter().for_each(|(token, status)| self.cardholders.put((program, *token), (self.look, *status)));
        for (number, now) in &news.accounts {
            let mut fresh = self.accounts.get(number).cloned().unwrap_or_default();
            fresh.hear(self.look, *now);
            self.accounts.put(*number, fresh);
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
        self.accounts.retain(|fresh| fresh.outlives(look));
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

    /// The same of an account, and what is available of it: the less of the two.
    pub fn account(&self, number: i64, read: &Account) -> (AccountStatus, i64) {
        let Some(AccountFresh { was, less }) = self.accounts.get(&number) else { return (read.status, read.available()) };
        let was = was.map(|(_, account)| account);
        let status = was.map(|was| was.status).filter(|was| was.severity() > read.status.severity());
        let available = was.map_or(read.available(), |was| was.available().min(read.available()));
        let left = less.iter().fold(available, |left, (_, minor)| left.saturating_sub(*minor));
        (status.unwrap_or(read.status), left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::conformance::{id, program, usd};

    fn account(posted: i64, status: AccountStatus) -> Account {
        Account { currency: usd(0).currency(), posted, held: 0, credit_line: 0, status }
    }

    fn of_account(now: AccountNow) -> News {
        News { accounts: vec![(7, now)], ..News::default() }
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
    fn what_was_approved_of_an_account_is_not_available_again() {
        let mut fresh = Fresh::of_at_most(8);
        let read = account(2_000, AccountStatus::Active);
        let is = |fresh: &Fresh| fresh.account(7, &read);
        fresh.hear(program(), &of_account(AccountNow::Less(300)));
        fresh.hear(program(), &of_account(AccountNow::Less(200)));
        assert_eq!(is(&fresh), (AccountStatus::Active, 1_500));
        fresh.hear(program(), &of_account(AccountNow::Is(account(1_400, AccountStatus::Frozen))));
        assert_eq!(is(&fresh), (AccountStatus::Frozen, 1_400), "what was taken before is in it");
        let look = fresh.begin_look();
        fresh.hear(program(), &of_account(AccountNow::Less(100)));
        assert_eq!(is(&fresh), (AccountStatus::Frozen, 1_300));
        fresh.has_read(look);
        assert_eq!(is(&fresh), (AccountStatus::Active, 1_900), "the look has read the rest");
        let look = fresh.begin_look();
        fresh.has_read(look);
        assert_eq!(is(&fresh), (AccountStatus::Active, 2_000));
    }
}
