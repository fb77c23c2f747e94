//! One payment as an accountant keeps it: every acknowledged entry, in the order of the platform's time. Sums nothing up.

use std::time::Duration;

use holdfast_core::hold::{Finality, StepId};
use holdfast_core::{Posting, Timestamp};

use super::sheet::Sheet;
use crate::simulation::deed::id;
use crate::simulation::naming::message_key;

/// Who made an entry. A payment has one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Our approval of a question.
    Question(u32),
    /// A message of the platform.
    Message(u32),
    /// An order of the program.
    Order(u32),
    /// The timer that had this to wait for.
    Timer(Timestamp),
}

impl Source {
    /// The name that settles what comes first of two of one time and kind: a digest of the key, as the contract has it.
    pub(super) fn name(self) -> StepId {
        let of = |kind, key| id(kind, key).map_or(StepId(0), |key| StepId::of(&key));
        match self {
            Source::Question(key) => of("ask", key),
            Source::Order(key) => of("order", key),
            Source::Message(key) => message_name(key),
            // Nothing else is of its time: it comes after everything.
            Source::Timer(_) => StepId(0),
        }
    }
}

/// The name of a message.
pub fn message_name(key: u32) -> StepId {
    message_key(key).map_or(StepId(0), |key| StepId::of_message(&key))
}

/// One line of a payment's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub source: Source,
    /// When, by the platform's clock.
    pub at: Timestamp,
    pub line: Line,
}

/// What a line says. Amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Approved(Approved),
    /// How a question ended, by the platform's word.
    Word {
        question: u32,
        opening: bool,
        word: Word,
    },
    /// Less is wanted, in the account's currency and perhaps in the merchant's.
    Less {
        by: i64,
        original: Option<i64>,
    },
    /// So much in total.
    Total(i64),
    /// Nothing more will come.
    Ended(Ending),
    /// The merchant took money.
    Taken {
        amount: i64,
        finality: Finality,
    },
    /// Money moved beside the captures; `refund` if the network settles it.
    Moved {
        amount: i64,
        refund: bool,
    },
}

/// Why nothing more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Reversed,
    TimedOut,
}

/// The platform's word on a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Yes(i64),
    StoodIn(i64, Posting),
    No,
}

impl Word {
    /// What was approved by it.
    pub fn amount(self) -> Option<i64> {
        match self {
            Word::Yes(amount) | Word::StoodIn(amount, _) => Some(amount),
            Word::No => None,
        }
    }
}

/// What we approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approved {
    pub amount: i64,
    pub extra: i64,
    pub tolerance: i64,
    pub posting: Posting,
    pub opening: bool,
    pub transactions: i32,
    pub expires_at: Option<Timestamp>,
    pub original: Option<i64>,
}

impl Entry {
    /// Whether it is an approval that nobody heard.
    pub fn is_unheard(&self) -> bool {
        matches!(self.line, Line::Approved(Approved { amount: 0, .. }))
    }
}

/// When something is written that is decided now: after every line that is there.
pub fn below(entries: &[Entry], at: Timestamp) -> Timestamp {
    entries
        .iter()
        .filter(|entry| !entry.is_unheard())
        .map(|entry| entry.at.saturating_add(Duration::from_micros(1)))
        .fold(at, Timestamp::max)
}

/// When something is added to what is there: after every line that settles something. An approval, and what is said of one, settles nothing:
/// what ends a payment in the same second still ends what was added. What is said of the payment as a whole does.
pub fn below_what_was_settled(entries: &[Entry], at: Timestamp) -> Timestamp {
    let settles = |entry: &&Entry| match entry.line {
        Line::Word { question, opening: true, word: Word::Yes(_) } => {
            !approvals(entries).any(|(known, _)| known == question) && !adds(entries, question)
        }
        Line::Approved(_) | Line::Word { word: Word::Yes(_) | Word::StoodIn(..), .. } => false,
        Line::Word { word: Word::No, .. } | Line::Less { .. } | Line::Total(_) | Line::Ended(_) | Line::Taken { .. } => true,
        Line::Moved { .. } => true,
    };
    let after = |entry: &Entry| entry.at.saturating_add(Duration::from_micros(1));
    entries.iter().filter(settles).map(after).fold(at, Timestamp::max)
}

/// The line with which the platform struck out what the payment began with, a yes of ours or its own, while that was the only one it had
/// begun with: every total from above that line was written of what is struck out.
pub(super) fn beginning_struck(entries: &[Entry]) -> Option<usize> {
    let begun_by_us = || approvals(entries).filter(|(_, approved)| approved.opening);
    let no_to = |question: u32| match latest_word(entries, question)? {
        (source, Word::No) => entries.iter().position(|entry| entry.source == source),
        (_, Word::Yes(_) | Word::StoodIn(..)) => None,
    };
    let begun_by_them = entries.iter().rposition(|entry| opening_here(entries, entry) == Some(Word::No));
    let line = begun_by_us().filter_map(|(question, _)| no_to(question)).chain(begun_by_them).max()?;
    let stood_then = entries.iter().filter(|entry| !entry.is_unheard() && entry.at <= entries[line].at).any(|entry| {
        match (entry.source, entry.line) {
            (Source::Question(question), Line::Approved(approved)) if approved.opening => {
                amount_of(entries, question, &approved) > 0
            }
            (_, Line::Word { .. }) => opening_here(entries, entry).is_some_and(|word| word != Word::No),
            (_, _) => false,
        }
    });
    (!stood_then).then_some(line)
}

/// From what day on it is written that a question added something: the first such line below the last no to it. Not if an end is written
/// below that line, and no total below the end.
pub(super) fn added_at(entries: &[Entry], question: u32) -> Option<Timestamp> {
    let yes = |word: Word| word.amount().is_some_and(|amount| amount > 0);
    let says_no = |entry: &Entry| matches!(entry.line, Line::Word { question: of, word, .. } if of == question && !yes(word));
    let rest = entries.iter().rposition(says_no).map_or(entries, |place| &entries[place + 1..]);
    let adds = |entry: &Entry| matches!(entry.line, Line::Word { question: of, opening: false, .. } if of == question);
    let place = rest.iter().position(adds)?;
    let ends = |entry: &Entry| {
        matches!(entry.line, Line::Ended(_) | Line::Total(..=0)) || opening_here(entries, entry) == Some(Word::No)
    };
    let end = rest[place..].iter().rposition(ends);
    // What was struck out with the beginning begins nothing anew.
    let struck = beginning_struck(entries).map(|line| &entries[line]);
    let is_struck = |entry: &Entry| struck.is_some_and(|struck| comes_before(entry, struck));
    let total = rest[place..].iter().rposition(|entry| matches!(entry.line, Line::Total(1..)) && !is_struck(entry));
    (end.is_none() || end < total).then_some(rest[place].at)
}

/// The place of an entry: openings first, then what the platform says opened it, then everything by its time; of one time by
/// kind: approvals, what the platform says of them (that they were declined last), totals (the least last), what is taken back of them,
/// captures, other movements, ends.
fn place(entry: &Entry) -> (u8, Timestamp, u8, i64) {
    let phase = match entry.line {
        Line::Approved(Approved { opening: true, .. }) => 0,
        Line::Word { opening: true, word: Word::Yes(_) | Word::StoodIn(..), .. } => 1,
        Line::Approved(_)
        | Line::Word { .. }
        | Line::Less { .. }
        | Line::Total(_)
        | Line::Ended(_)
        | Line::Taken { .. }
        | Line::Moved { .. } => 2,
    };
    let kind = match entry.line {
        Line::Approved(_) => 0,
        // An opening is alone with its kind.
        Line::Word { .. } => 1,
        Line::Total(_) => 2,
        Line::Less { .. } => 3,
        Line::Taken { .. } => 4,
        Line::Moved { .. } => 5,
        Line::Ended(_) => 6,
    };
    let within = match entry.line {
        Line::Word { word: Word::No, .. } => 1,
        Line::Total(total) => -total,
        Line::Approved(_) | Line::Word { .. } | Line::Less { .. } | Line::Taken { .. } | Line::Moved { .. } | Line::Ended(_) => 0,
    };
    (phase, entry.at, kind, within)
}

/// Whether one entry comes before another one: by place, and of one place by name.
fn comes_before(one: &Entry, other: &Entry) -> bool {
    place(one).cmp(&place(other)).then_with(|| one.source.name().cmp(&other.source.name())).is_lt()
}

/// Writes an entry where it belongs. An approval that is told anew stays where it was.
pub fn write(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter_mut().find(|known| known.source == entry.source) {
        Some(known) => *known = Entry { at: known.at, ..entry },
        None => {
            let before = entries.iter().filter(|known| comes_before(known, &entry)).count();
            entries.insert(before, entry);
        }
    }
}

/// The platform's last word on a question.
pub fn last_word(entries: &[Entry], asked: u32) -> Option<Word> {
    latest_word(entries, asked).map(|(_, word)| word)
}

/// Whether it ever wrote that a question was declined.
pub fn wrote_no(entries: &[Entry], asked: u32) -> bool {
    words(entries, asked).any(|(.., word)| word == Word::No)
}

/// Which entry has it; of one time a no, else by name.
pub(super) fn latest_word(entries: &[Entry], asked: u32) -> Option<(Source, Word)> {
    let later = words(entries, asked).max_by_key(|(at, source, word)| (*at, *word == Word::No, source.name()));
    later.map(|(_, source, word)| (source, word))
}

pub(super) fn words(entries: &[Entry], asked: u32) -> impl Iterator<Item = (Timestamp, Source, Word)> {
    entries.iter().filter_map(move |entry| {
        let Line::Word { question, word, .. } = entry.line else { return None };
        (question == asked).then_some((entry.at, entry.source, word))
    })
}

/// The platform's word on an opening that is none of our approvals, in the place where it is believed: the last word on it.
fn opening_here(entries: &[Entry], entry: &Entry) -> Option<Word> {
    let Line::Word { question, opening: true, .. } = entry.line else { return None };
    let ours = approvals(entries).any(|(known, _)| known == question);
    let (_, source, word) = words(entries, question).max_by_key(|(at, _, word)| (*at, *word == Word::No))?;
    (!ours && !adds(entries, question) && source == entry.source).then_some(word)
}

/// Whether the platform wrote of a question that it added to the payment: then it opened nothing here, whatever else is written of it.
pub(super) fn adds(entries: &[Entry], question: u32) -> bool {
    entries.iter().any(|entry| matches!(entry.line, Line::Word { question: of, opening: false, .. } if of == question))
}

/// Whether a question added to what was there: as we entered it, or where we entered nothing, as the platform wrote.
pub fn is_addition(entries: &[Entry], question: u32) -> bool {
    let ours = approvals(entries).find(|(known, _)| *known == question);
    ours.map_or_else(|| adds(entries, question), |(_, approved)| !approved.opening)
}

/// The first such word of a payment.
pub fn opening_word(entries: &[Entry]) -> Option<Word> {
    entries.iter().find_map(|entry| opening_here(entries, entry))
}

/// Whether the platform wrote below our approval that the payment was declined.
pub fn struck(entries: &[Entry], question: u32) -> bool {
    let is_ours = |entry: &Entry| entry.source == Source::Question(question) && !entry.is_unheard();
    let below = entries.iter().skip_while(|entry| !is_ours(entry)).skip(1);
    below.filter_map(|entry| opening_here(entries, entry)).any(|word| word == Word::No)
}

/// Whether the platform wrote that the payment was declined, and nothing of ours is laid down for the question.
pub fn struck_with(entries: &[Entry], question: u32) -> bool {
    approvals(entries).all(|(known, _)| known != question) && opening_word(entries) == Some(Word::No)
}

/// What an approval amounts to after what the platform said of it.
pub fn amount_of(entries: &[Entry], question: u32, approved: &Approved) -> i64 {
    match last_word(entries, question) {
        Some(Word::Yes(amount) | Word::StoodIn(amount, _)) => amount,
        Some(Word::No) => 0,
        None => approved.amount,
    }
}

/// What we had approved by then on top of what opened the payment, and was not struck out by then.
pub(super) fn added_until(entries: &[Entry], then: Timestamp) -> i64 {
    let early = |question: u32| entries.iter().any(|entry| entry.source == Source::Question(question) && entry.at <= then);
    let added = approvals(entries).filter(|(question, approved)| !approved.opening && early(*question));
    let amount = |(question, approved): (u32, Approved)| {
        let last = words(entries, question).max_by_key(|(at, source, word)| (*at, *word == Word::No, source.name()));
        match last {
            Some((at, _, Word::No)) if at > then => {
                said_by(entries, question, |entry| entry.at <= then).unwrap_or(approved.amount)
            }
            Some(_) | None => amount_of(entries, question, &approved),
        }
    };
    added.map(amount).sum()
}

/// What additions that stand above a line amounted to there, of which a line below it says that they were none.
pub(super) fn struck_below(entries: &[Entry], line: usize) -> i64 {
    let (above, below) = (&entries[..line], &entries[line + 1..]);
    let mut additions: Vec<u32> = Vec::new();
    for entry in above.iter().filter(|entry| !entry.is_unheard()) {
        let question = match (entry.source, entry.line) {
            (Source::Question(question), Line::Approved(approved)) if !approved.opening => question,
            (_, Line::Word { question, opening: false, .. }) if approvals(entries).all(|(known, _)| known != question) => {
                question
            }
            (_, _) => continue,
        };
        if !additions.contains(&question) {
            additions.push(question);
        }
    }
    let struck = |question: u32| match latest_word(entries, question) {
        Some((source, Word::No)) => below.iter().any(|entry| entry.source == source),
        Some((_, Word::Yes(_) | Word::StoodIn(..))) | None => false,
    };
    // What the pile had of them by then.
    let pile = Sheet::of(above);
    let lay = |question: u32| pile.laid.iter().find(|(of, ..)| *of == question).map_or(0, |(_, lies, _)| *lies);
    additions.into_iter().filter(|question| struck(*question)).map(lay).sum()
}

/// What was written of a question by then, if anything: by the last such line.
fn said_by(entries: &[Entry], question: u32, is_known: impl Fn(&Entry) -> bool) -> Option<i64> {
    let known: Vec<Entry> = entries.iter().filter(|entry| is_known(entry)).copied().collect();
    last_word(&known, question).map(|word| word.amount().unwrap_or(0))
}

/// How much was said yes to for a question: ours, if we approved something, whatever was written of it; else what was written.
pub fn said_yes_to(entries: &[Entry], question: u32) -> Option<i64> {
    let ours = approvals(entries).find(|(known, approved)| *known == question && approved.amount > 0);
    match (last_word(entries, question), ours) {
        (Some(Word::No), _) | (None, None) => None,
        (_, Some((_, approved))) => Some(approved.amount),
        (Some(Word::Yes(amount) | Word::StoodIn(amount, _)), None) => Some(amount),
    }
}

/// Our approvals among the entries, but for those that nobody heard.
pub fn approvals(entries: &[Entry]) -> impl Iterator<Item = (u32, Approved)> {
    entries.iter().filter(|entry| !entry.is_unheard()).filter_map(|entry| {
        let (Source::Question(question), Line::Approved(approved)) = (entry.source, entry.line) else { return None };
        Some((question, approved))
    })
}

/// Whether our opening approval stands.
pub fn opened(entries: &[Entry]) -> bool {
    approvals(entries).any(|(question, approved)| approved.opening && amount_of(entries, question, &approved) > 0)
}
