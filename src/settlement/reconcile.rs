//! The platform's settlement file against our own movements: what matches, what differs, what is missing on either side.

use std::collections::{BTreeMap, HashMap, HashSet};

use holdfast_core::hold::MovementCause;
use holdfast_core::{Currency, PlatformName};

use super::day::{Day, Movement};
use super::file::FileRow;

/// What became of one payment of the file or of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the file, or else we, call it.
    pub payment: String,
    /// In which currency both count.
    pub currency: Currency,
    /// What is due by our records, in minor units; nothing if we have none.
    pub ours: Option<i128>,
    /// What is due by the file; nothing if it has none.
    pub file: Option<i128>,
    /// Our records behind it.
    pub records: Vec<i64>,
    /// The file's lines behind it.
    pub lines: Vec<u64>,
    /// How the two compare.
    pub verdict: Verdict,
    /// Where else its money is, if the file alone has it here.
    pub elsewhere: Option<Elsewhere>,
}

/// Why money that a row names is not compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Our record of it counts to another day, in days since 1970-01-01.
    OfDay(i32, i64),
    /// Our record of it is compared with the rows of another of its names.
    Under(String, i64),
}

/// How the two sides compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The same.
    Matches,
    /// Another amount.
    AmountDiffers,
    /// The same amount over another network.
    NetworkDiffers,
    /// Only the file has it.
    MissingHere,
    /// Only we have it.
    MissingInFile,
}

impl Verdict {
    /// As reports write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Matches => "matches",
            Verdict::AmountDiffers => "amount_differs",
            Verdict::NetworkDiffers => "network_differs",
            Verdict::MissingHere => "missing_here",
            Verdict::MissingInFile => "missing_in_file",
        }
    }
}

/// A file, compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// How many payments match.
    pub matching: u64,
    /// The others: first those of the file in its order, then ours.
    pub differences: Vec<Difference>,
}

/// Compares a day with the rows of its file, payment by payment: a payment may be settled in several of either. Where the file
/// is one platform's, only what came from that counts.
///
/// Each of our movements goes to the one name that says most of it, of those that the file has: the message's own before the
/// payment's. So the order of the file's rows means nothing.
#[must_use]
pub fn reconcile(day: &Day, rows: &[FileRow], platform: Option<&PlatformName>) -> Reconciled {
    let payments = in_order(rows);
    let named: HashSet<(&str, Currency)> = payments.iter().map(|(key, _)| *key).collect();
    let mut ours: HashMap<(&str, Currency), Vec<&Movement>> = HashMap::new();
    let mut under: HashMap<(&str, Currency), Elsewhere> = HashMap::new();
    let mut only_ours = Vec::new();
    for movement in day.movements.iter().filter(|movement| is_settled_by(movement, platform)) {
        let mut keys = movement.called().map(|name| (name, movement.posted.currency()));
        match keys.find(|key| named.contains(key)) {
            Some(key) => {
                for other in movement.called().map(|name| (name, key.1)).filter(|other| *other != key) {
                    under.insert(other, Elsewhere::Under(key.0.to_owned(), movement.record));
                }
                ours.entry(key).or_default().push(movement);
            }
            None => only_ours.push(movement),
        }
    }
    let mut reconciled = Reconciled::default();
    for ((payment, currency), rows) in payments {
        let ours = ours.remove(&(payment, currency)).unwrap_or_default();
        let mut find = || under.remove(&(payment, currency)).or_else(|| of_another_day(day, platform, payment, currency));
        let elsewhere = if ours.is_empty() { find() } else { None };
        reconciled.add(Difference { elsewhere, ..compare(payment, currency, &ours, &rows) });
    }
    for movement in only_ours {
        let payment = movement.payment_name().unwrap_or_default();
        reconciled.add(compare(payment, movement.posted.currency(), &[movement], &[]));
    }
    reconciled
}

/// Our record of a payment that the file has for this day, where we count it to another one.
fn of_another_day(day: &Day, platform: Option<&PlatformName>, payment: &str, currency: Currency) -> Option<Elsewhere> {
    let is_it = |movement: &Movement| {
        let is_named = movement.called().any(|name| name == payment) && movement.posted.currency() == currency;
        is_named && is_settled_by(movement, platform)
    };
    let found = day.elsewhere.iter().rev().find(|(_, movement)| is_it(movement));
    found.map(|(day, movement)| Elsewhere::OfDay(*day, movement.record))
}

/// Whether a platform's file should have it; any platform's, where none is named.
fn is_settled_by(movement: &Movement, platform: Option<&PlatformName>) -> bool {
    movement.cause == MovementCause::NetworkSettlement && (platform.is_none() || movement.platform.as_ref() == platform)
}

impl Reconciled {
    fn add(&mut self, difference: Difference) {
        match difference.verdict {
            Verdict::Matches => self.matching = self.matching.saturating_add(1),
            Verdict::AmountDiffers | Verdict::NetworkDiffers | Verdict::MissingHere | Verdict::MissingInFile => {
                self.differences.push(difference);
            }
        }
    }
}

/// The file's payments in the order in which they first come, each with all of its rows.
fn in_order(rows: &[FileRow]) -> Vec<((&str, Currency), Vec<&FileRow>)> {
    let mut places: BTreeMap<(&str, Currency), usize> = BTreeMap::new();
    let mut payments: Vec<((&str, Currency), Vec<&FileRow>)> = Vec::new();
    for row in rows {
        let key = (row.payment.as_str(), row.due.currency());
        let place = *places.entry(key).or_insert(payments.len());
        match payments.get_mut(place) {
            Some((_, rows)) => rows.push(row),
            None => payments.push((key, vec![row])),
        }
    }
    payments
}

fn compare(payment: &str, currency: Currency, ours: &[&Movement], rows: &[&FileRow]) -> Difference {
    let our_sum = ours.iter().fold(0_i128, |sum, movement| sum.saturating_sub(movement.posted.minor().into()));
    let file_sum = rows.iter().fold(0_i128, |sum, row| sum.saturating_add(row.due.minor().into()));
    let verdict = match (ours, rows) {
        ([], _) => Verdict::MissingHere,
        (_, []) => Verdict::MissingInFile,
        (_, _) if our_sum != file_sum => Verdict::AmountDiffers,
        (_, _) if other_network(ours, rows) => Verdict::NetworkDiffers,
        (_, _) => Verdict::Matches,
    };
    Difference {
        payment: payment.to_owned(),
        currency,
        ours: (!ours.is_empty()).then_some(our_sum),
        file: (!rows.is_empty()).then_some(file_sum),
        records: ours.iter().map(|movement| movement.record).collect(),
        lines: rows.iter().map(|row| row.line).collect(),
        verdict,
        elsewhere: None,
    }
}

/// Whether a network is told on both sides, and they are not one; or each is told of everything, and has another sum over one of them.
fn other_network(ours: &[&Movement], rows: &[&FileRow]) -> bool {
    let known: Vec<_> = ours.iter().filter_map(|movement| movement.network).collect();
    let told = rows.iter().filter_map(|row| row.network.as_deref());
    let strange = |network: &str| !known.iter().any(|known| known.as_str().eq_ignore_ascii_case(network));
    !known.is_empty() && told.into_iter().any(strange)
        || by_network(ours, rows).is_some_and(|sums| sums.values().any(|left| *left != 0))
}

/// By network, what the file has more than we have; nothing where one of them is not told.
fn by_network(ours: &[&Movement], rows: &[&FileRow]) -> Option<BTreeMap<String, i128>> {
    let ours = ours.iter().map(|movement| Some((movement.network?.as_str().to_owned(), movement.posted.minor())));
    let rows = rows.iter().map(|row| Some((row.network.clone()?, row.due.minor())));
    let mut sums = BTreeMap::new();
    // What leaves an account is due: the two have opposite signs.
    for one in ours.chain(rows) {
        let (network, minor) = one?;
        let sum: &mut i128 = sums.entry(network.to_ascii_uppercase()).or_default();
        *sum = sum.saturating_add(minor.into());
    }
    Some(sums)
}
