//! The stop-list: the cards of a program on which nothing may be approved, for a stand-in that is not ours. From the projection,
//! and from what the spool keeps for the ledger: a freeze counts from the moment at which it is durable, also of a card that the ledger
//! does not know.
//!
//! Cards are named by the platform's tokens, here as everywhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::path::Path;
use std::time::Duration;

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, StandingOf, ToldEvent};
use holdfast_core::{AccountId, CardToken, CardholderToken, DeclineReason, ProgramId, Timestamp};

use crate::clock;
use crate::journal::{self, Body, JournalError};
use crate::ledger::embedded::projection::read::{CardStanding, Reader};
use crate::spool::{Entry, File};

/// How long it waits for the projection.
const FRESH_WITHIN: Duration = Duration::from_secs(5);

/// How often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Records of the journal's end that are read where the projection is not as far.
const BEHIND_MAX: i64 = 100_000;

/// How many cards are read at once.
pub const PAGE: u32 = 10_000;

/// A card on which nothing may be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The card.
    pub card: CardToken,
    /// The account behind it, where one is known.
    pub account: Option<AccountId>,
    /// Why: of the card, its owner or its account, whichever comes first.
    pub reason: DeclineReason,
}

/// What platforms and operators told and the ledger has not heard.
#[derive(Debug, Default)]
pub struct Unheard {
    cards: HashMap<CardToken, (CardStatus, Option<Timestamp>)>,
    cardholders: HashMap<CardholderToken, (CardholderStatus, Option<Timestamp>)>,
    accounts: HashMap<AccountId, (AccountStatus, Option<Timestamp>)>,
}

impl Unheard {
    /// What the spool has of a program.
    ///
    /// # Errors
    /// What stands in the way, for people.
    pub fn of(file: &File, program: ProgramId) -> Result<Self, String> {
        let mut unheard = Unheard::default();
        let aside = file.set_aside().map_err(|error| error.to_string())?;
        let mut take = |body: &[u8], digest: &[u8]| {
            if let Ok(entry) = Entry::from_bytes(body, digest)
                && let Some(event) = entry.told()
                && entry.origin().program == program
            {
                unheard.take(event);
            }
        };
        aside.iter().for_each(|aside| take(&aside.row.body, &aside.row.digest));
        for row in file.waiting() {
            let row = row.map_err(|error| error.to_string())?;
            take(&row.body, &row.digest);
        }
        Ok(unheard)
    }

    fn take(&mut self, event: &ToldEvent) {
        let at = event.occurred_at;
        match event.fact.standing() {
            // Closed for good.
            Some(StandingOf::Card(card, _)) if self.cards.get(&card).is_some_and(|(known, _)| known.is_final()) => {}
            Some(StandingOf::Account(account, _)) if self.accounts.get(&account).is_some_and(|(known, _)| known.is_final()) => {}
            Some(StandingOf::Card(card, status)) => put(&mut self.cards, card, status, at),
            Some(StandingOf::Cardholder(cardholder, status)) => put(&mut self.cardholders, cardholder, status, at),
            Some(StandingOf::Account(account, status)) => put(&mut self.accounts, account, status, at),
            None => {}
        }
    }

    /// Why nothing may be approved on a card, if that is so.
    fn bar(&self, standing: &CardStanding) -> Option<DeclineReason> {
        let CardStanding { card, status, cardholder, account, .. } = standing;
        // Which of the two is newer is the ledger's to say: a card is on the list if either bars it.
        let card = self.cards.get(card).and_then(|(status, _)| status.bar()).or(status.bar());
        let owner = cardholder.as_ref().and_then(|(token, status)| {
            let told = self.cardholders.get(token).and_then(|(status, _)| status.bar());
            told.or(status.as_ref().and_then(|status| status.bar()))
        });
        let account = account.as_ref().and_then(|(id, status)| {
            let told = self.accounts.get(id).and_then(|(status, _)| status.bar());
            told.or(status.bar())
        });
        card.or(owner).or(account)
    }
}

/// The cards that are barred by what the ledger has not heard, and that nobody has listed yet. The ledger enters a card that it hears
/// of so; until then nobody knows an account behind it.
struct Unlisted(BTreeMap<CardToken, DeclineReason>);

impl Unlisted {
    fn of(unheard: &Unheard) -> Self {
        let barred = unheard.cards.iter().filter_map(|(card, (status, _))| Some((*card, status.bar()?)));
        Unlisted(barred.collect())
    }

    fn tell<E>(self, mut each: impl FnMut(Blocked) -> Result<(), E>) -> Result<(), E> {
        self.0.into_iter().try_for_each(|(card, reason)| each(Blocked { card, account: None, reason }))
    }
}

/// Keeps the newer of two; without a time of its own, a message is as new as its arrival.
fn put<K: Eq + Hash, S>(map: &mut HashMap<K, (S, Option<Timestamp>)>, key: K, status: S, at: Option<Timestamp>) {
    let known = map.get(&key).and_then(|(_, known)| *known);
    if at.zip(known).is_none_or(|(at, known)| at >= known) {
        map.insert(key, (status, at));
    }
}

/// Tells every blocked card of a program, in the order in which cards came; and what somebody should know of the list. Blocks.
///
/// Where the projection stays behind, as while the ledger hangs, the end of the journal is read: what bars a card there counts, and what
/// lifts a bar does not.
///
/// # Errors
/// Journal or projection cannot be read, or too much is missing: a list that lacks a card is worse than none.
pub fn blocked<E: From<String>>(
    data: &Path,
    program: ProgramId,
    unheard: Unheard,
    each: impl FnMut(Blocked) -> Result<(), E>,
) -> Result<Option<String>, E> {
    blocked_within(FRESH_WITHIN, data, program, unheard, each)
}

/// The same, of a projection that is waited for so long.
fn blocked_within<E: From<String>>(
    patience: Duration,
    data: &Path,
    program: ProgramId,
    mut unheard: Unheard,
    mut each: impl FnMut(Blocked) -> Result<(), E>,
) -> Result<Option<String>, E> {
    let problem = |error: &dyn std::fmt::Display| E::from(error.to_string());
    let journal = journal::Reader::open(data).map_err(|error| problem(&error))?;
    let reader = Reader::open(data).map_err(|error| problem(&error))?;
    let durable = journal.last().map_err(|error| problem(&error))?;
    let (began, mut note, mut entered) = (clock::instant(), None, Vec::new());
    loop {
        let projected = reader.projected().map_err(|error| problem(&error))?;
        if projected >= durable {
            break;
        }
        if clock::instant().saturating_duration_since(began) >= patience {
            let behind = durable.saturating_sub(projected);
            if behind > BEHIND_MAX {
                return Err(E::from(format!(
                    "the projection is {behind} records behind the journal, so cards may be missing; it follows while a server runs"
                )));
            }
            entered = read_end(&journal, (projected, durable), program, &mut unheard).map_err(|error| problem(&error))?;
            note = Some(format!(
                "the projection is {behind} records behind the journal, whose end was read instead: a card whose bar was lifted there is \
                 listed all the same"
            ));
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let page = |after| reader.card_standings(&program, after, PAGE).map_err(|error| problem(&error));
    let (mut listed, mut unlisted) = (HashSet::new(), Unlisted::of(&unheard));
    each_blocked(page, &unheard, &mut unlisted, |card| {
        if !entered.is_empty() {
            listed.insert(card.card);
        }
        each(card)
    })?;
    entered.retain(|standing: &CardStanding| !listed.contains(&standing.card));
    let mut pages = vec![entered];
    each_blocked(|_| Ok(pages.pop().unwrap_or_default()), &unheard, &mut unlisted, &mut each)?;
    unlisted.tell(each)?;
    Ok(note)
}

/// What the journal says behind the projection: what was told counts as what the ledger has not heard. Gives the cards that were entered.
fn read_end(
    journal: &journal::Reader,
    (projected, durable): (i64, i64),
    program: ProgramId,
    unheard: &mut Unheard,
) -> Result<Vec<CardStanding>, JournalError> {
    let mut entered = Vec::new();
    for number in projected.saturating_add(1)..=durable {
        let Some(record) = journal.record(number)?.filter(|record| record.program == Some(program)) else { continue };
        match record.body {
            Body::Told { event, .. } if bars(&event) => unheard.take(&event),
            Body::CardEntered { card, account, cardholder, status } => {
                let cardholder = cardholder.map(|owner| (owner, None));
                let account = Some((account, AccountStatus::Active));
                entered.push(CardStanding { number: 0, card, status, cardholder, account });
            }
            Body::AccountEntered { account, status, .. } => {
                if status.bar().is_some() {
                    put(&mut unheard.accounts, account, status, None);
                }
            }
            Body::Told { .. }
            | Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => {}
        }
    }
    Ok(entered)
}

/// Whether a message says that somebody may not pay.
fn bars(event: &ToldEvent) -> bool {
    match event.fact.standing() {
        Some(StandingOf::Card(_, status)) => status.bar().is_some(),
        Some(StandingOf::Cardholder(_, status)) => status.bar().is_some(),
        Some(StandingOf::Account(_, status)) => status.bar().is_some(),
        None => false,
    }
}

/// The same, of cards as somebody has them by their numbers: each page begins behind a number. Last come those that are on no page.
///
/// # Errors
/// What the pages, or whoever is told, say.
pub fn blocked_of<E>(
    page: impl FnMut(Option<u32>) -> Result<Vec<CardStanding>, E>,
    unheard: &Unheard,
    mut each: impl FnMut(Blocked) -> Result<(), E>,
) -> Result<(), E> {
    let mut unlisted = Unlisted::of(unheard);
    each_blocked(page, unheard, &mut unlisted, &mut each)?;
    unlisted.tell(each)
}

fn each_blocked<E>(
    mut page: impl FnMut(Option<u32>) -> Result<Vec<CardStanding>, E>,
    unheard: &Unheard,
    unlisted: &mut Unlisted,
    mut each: impl FnMut(Blocked) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = None;
    loop {
        let page = page(after)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.number);
        for standing in &page {
            unlisted.0.remove(&standing.card);
            if let Some(reason) = unheard.bar(standing) {
                let account = standing.account.map(|(id, _)| id);
                each(Blocked { card: standing.card, account, reason })?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::Fact;

    use super::*;
    use crate::fixture::{House, program};
    use crate::ledger::{Act, Entry as Entered, Origin};

    fn projection_files(data: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let named = std::fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
        let own = named.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("projection"));
        own.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
    }

    fn frozen(card: &str) -> ToldEvent {
        let card = CardToken::new(card).unwrap();
        crate::fixture::told(card.as_str(), Fact::Card { card, status: CardStatus::Frozen })
    }

    /// Somebody was told that the card is frozen, and the ledger will enter it so.
    #[test]
    fn a_card_that_nobody_knows_is_listed_once_it_is_frozen() {
        let mut house = House::with(1_000);
        drop(house.stop());
        let mut unheard = Unheard::default();
        ["of-nobody", "c", "not-seen"].map(frozen).iter().for_each(|event| unheard.take(event));
        let active = CardStatus::Active;
        unheard.take(&crate::fixture::told("fine", Fact::Card { card: CardToken::new("fine").unwrap(), status: active }));
        let mut listed = Vec::new();
        let note = blocked(house.directory.path(), program(), unheard, |card| {
            listed.push((card.card.to_string(), card.reason, card.account.map(|account| account.to_string())));
            Ok::<(), String>(())
        });
        assert_eq!(note, Ok(None));
        let bar = |card: &str, account: Option<&str>| (card.to_owned(), DeclineReason::CardFrozen, account.map(str::to_owned));
        assert_eq!(listed, [bar("c", Some("a")), bar("not-seen", None), bar("of-nobody", None)]);
    }

    /// As a ledger that hangs leaves it: the journal has what the projection has not followed.
    #[test]
    fn what_the_projection_has_not_followed_is_read_from_the_journal() {
        let mut house = House::with(1_000);
        drop(house.stop());
        let data = house.directory.path().to_owned();
        let earlier = projection_files(&data);
        assert!(!earlier.is_empty());
        house.start();
        house.tell("freeze", Fact::Card { card: CardToken::new("c").unwrap(), status: CardStatus::Frozen });
        let (account, lost) = (AccountId::new("a").unwrap(), CardToken::new("d").unwrap());
        let card = |card, status| Entered::Card { card, account, cardholder: None, status };
        let cards = vec![card(lost, CardStatus::Lost), card(CardToken::new("fine").unwrap(), CardStatus::Active)];
        house.act(Act::Enter(Origin::of(program()), cards));
        drop(house.stop());
        for (path, _) in projection_files(&data) {
            std::fs::remove_file(path).unwrap();
        }
        earlier.into_iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
        let mut listed = Vec::new();
        let note = blocked_within(Duration::ZERO, &data, program(), Unheard::default(), |card| {
            listed.push((card.card.to_string(), card.reason));
            Ok::<(), String>(())
        });
        let expected =
            [("c", DeclineReason::CardFrozen), ("d", DeclineReason::CardLost)].map(|(card, why)| (card.to_owned(), why));
        assert_eq!(listed, expected);
        let note = note.unwrap().unwrap();
        assert!(note.contains("behind the journal, whose end was read instead"), "{note}");
    }
}
