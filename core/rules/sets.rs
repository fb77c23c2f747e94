//! Sets that a rule looks things up in: made once at load, read without allocation. None of them is ever empty.

use crate::authorization::{AuthorizationKind, EntryMode};
use crate::ids::NetworkName;
use crate::merchant::MerchantCategoryCode;

use super::mcc_groups::MccGroup;
use super::problem::RulesetProblem;

/// A list, and what being on it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed<S> {
    /// Only what is listed passes. An absent datum does not.
    Allow(S),
    /// What is listed does not pass. An absent datum does.
    Deny(S),
}

impl<S> Listed<S> {
    /// Whether a datum is refused, given how to look one up.
    pub(super) fn refuses<T>(&self, datum: Option<T>, contains: impl FnOnce(&S, T) -> bool) -> bool {
        match self {
            Listed::Allow(set) => !datum.is_some_and(|datum| contains(set, datum)),
            Listed::Deny(set) => datum.is_some_and(|datum| contains(set, datum)),
        }
    }
}

/// A sorted list, searched by halves: for what has too many possible values for a bitmap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedSet<T>(Box<[T]>);

impl<T: Ord> SortedSet<T> {
    /// Sorts; the same item twice is there once.
    ///
    /// # Errors
    /// No items.
    pub fn new(mut items: Vec<T>) -> Result<Self, RulesetProblem> {
        items.sort_unstable();
        items.dedup();
        if items.is_empty() { Err(RulesetProblem::EmptyList) } else { Ok(SortedSet(items.into_boxed_slice())) }
    }

    /// Whether the item is listed.
    #[must_use]
    pub fn contains(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// The items, ascending.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

/// A set of kinds of authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindSet(u16);

impl KindSet {
    /// Every kind.
    pub const ALL: KindSet = KindSet((1 << AuthorizationKind::ALL.len()) - 1);

    /// The kinds that take money from the account.
    pub const TAKING_MONEY: KindSet = KindSet(
        Self::bit(AuthorizationKind::Purchase)
            | Self::bit(AuthorizationKind::PurchaseWithCashback)
            | Self::bit(AuthorizationKind::CashWithdrawal)
            | Self::bit(AuthorizationKind::QuasiCash)
            | Self::bit(AuthorizationKind::BillPayment)
            | Self::bit(AuthorizationKind::Incremental),
    );

    /// Purchases, and their increments.
    pub const PURCHASES: KindSet = KindSet(Self::bit(AuthorizationKind::Purchase) | Self::bit(AuthorizationKind::Incremental));

    const fn bit(kind: AuthorizationKind) -> u16 {
        1_u16.wrapping_shl(kind as u32)
    }

    /// The kinds listed. `purchase` brings `incremental` with it: an increment belongs to its purchase.
    ///
    /// # Errors
    /// No kinds.
    pub fn new(kinds: &[AuthorizationKind]) -> Result<Self, RulesetProblem> {
        let mut bits = 0;
        for kind in kinds {
            bits |= Self::bit(*kind);
            if matches!(kind, AuthorizationKind::Purchase) {
                bits |= Self::bit(AuthorizationKind::Incremental);
            }
        }
        if bits == 0 { Err(RulesetProblem::EmptyList) } else { Ok(KindSet(bits)) }
    }

    /// Whether every kind of the other set is in this one.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// This set without one kind.
    #[must_use]
    pub const fn without(self, kind: AuthorizationKind) -> Self {
        KindSet(self.0 & !Self::bit(kind))
    }

    /// Whether the kind is listed.
    #[must_use]
    pub const fn contains(self, kind: AuthorizationKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// The kinds, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = AuthorizationKind> {
        AuthorizationKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// A set of entry modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryModeSet(u8);

impl EntryModeSet {
    /// Every entry mode.
    pub const ALL: EntryModeSet = EntryModeSet(u8::MAX >> (8 - EntryMode::ALL.len()));

    const fn bit(mode: EntryMode) -> u8 {
        1_u8.wrapping_shl(mode as u32)
    }

    /// The entry modes listed.
    ///
    /// # Errors
    /// None listed.
    pub fn new(modes: &[EntryMode]) -> Result<Self, RulesetProblem> {
        let bits = modes.iter().fold(0, |bits, mode| bits | Self::bit(*mode));
        if bits == 0 { Err(RulesetProblem::EmptyList) } else { Ok(EntryModeSet(bits)) }
    }

    /// Whether every entry mode of the other set is in this one.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// This set without one entry mode.
    #[must_use]
    pub const fn without(self, mode: EntryMode) -> Self {
        EntryModeSet(self.0 & !Self::bit(mode))
    }

    /// Whether the entry mode is listed.
    #[must_use]
    pub const fn contains(self, mode: EntryMode) -> bool {
        self.0 & Self::bit(mode) != 0
    }

    /// The entry modes, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = EntryMode> {
        EntryMode::ALL.into_iter().filter(move |mode| self.contains(*mode))
    }
}

/// A set of card networks. Platforms write one name in different cases, so the case does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSet(Box<[NetworkName]>);

impl NetworkSet {
    /// The networks listed: there are few, and they are looked through one by one.
    ///
    /// # Errors
    /// None listed.
    pub fn new(networks: Vec<NetworkName>) -> Result<Self, RulesetProblem> {
        if networks.is_empty() { Err(RulesetProblem::EmptyList) } else { Ok(NetworkSet(networks.into_boxed_slice())) }
    }

    /// Whether the network is listed.
    #[must_use]
    pub fn contains(&self, network: &NetworkName) -> bool {
        self.0.iter().any(|listed| listed.as_str().eq_ignore_ascii_case(network.as_str()))
    }

    /// The networks, as they were written.
    pub fn iter(&self) -> std::slice::Iter<'_, NetworkName> {
        self.0.iter()
    }
}

/// One item of a list of merchant categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MccEntry {
    /// One code.
    Code(MerchantCategoryCode),
    /// All codes from one to another, both included.
    Range(MerchantCategoryCode, MerchantCategoryCode),
    /// A named group.
    Group(&'static MccGroup),
}

impl MccEntry {
    /// Reads `5411`, `5811-5814` or `gambling`.
    ///
    /// # Errors
    /// None of the three, or a range that ends before it begins.
    pub fn parse(text: &str) -> Result<Self, RulesetProblem> {
        let code = |digits: &str| {
            // Four digits only: "742" may be a slip of the pen, and a rule has to be sure.
            MerchantCategoryCode::new(digits).filter(|_| digits.len() == 4).ok_or(RulesetProblem::UnknownCategory)
        };
        if let Some(group) = MccGroup::named(text) {
            return Ok(MccEntry::Group(group));
        }
        match text.split_once('-') {
            None => code(text).map(MccEntry::Code),
            Some((first, last)) => {
                let (first, last) = (code(first.trim_end())?, code(last.trim_start())?);
                if first > last { Err(RulesetProblem::RangeReversed) } else { Ok(MccEntry::Range(first, last)) }
            }
        }
    }
}

/// All 10,000 codes, a bit each.
const MCC_WORDS: usize = 10_000_usize.div_ceil(64);

/// A set of merchant categories: a bitmap to look up, and what was written to describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MccSet {
    bits: Box<[u64; MCC_WORDS]>,
    entries: Box<[MccEntry]>,
}

impl MccSet {
    /// The categories listed.
    ///
    /// # Errors
    /// None listed.
    pub fn new(entries: Vec<MccEntry>) -> Result<Self, RulesetProblem> {
        if entries.is_empty() {
            return Err(RulesetProblem::EmptyList);
        }
        let mut bits = Box::new([0; MCC_WORDS]);
        for entry in &entries {
            match entry {
                MccEntry::Code(code) => set_bits(&mut *bits, code.number(), code.number()),
                MccEntry::Range(first, last) => set_bits(&mut *bits, first.number(), last.number()),
                MccEntry::Group(group) => group.ranges.iter().for_each(|&(first, last)| set_bits(&mut *bits, first, last)),
            }
        }
        Ok(MccSet { bits, entries: entries.into_boxed_slice() })
    }

    /// Whether the category is listed.
    #[must_use]
    pub fn contains(&self, mcc: MerchantCategoryCode) -> bool {
        let number = mcc.number();
        self.bits.get(usize::from(number >> 6)).is_some_and(|word| word & bit_of(number) != 0)
    }

    /// Whether every category of the other set is in this one.
    #[must_use]
    pub fn covers(&self, other: &MccSet) -> bool {
        self.bits.iter().zip(other.bits.iter()).all(|(ours, theirs)| theirs & !ours == 0)
    }

    /// What was listed, as it was written.
    #[must_use]
    pub fn entries(&self) -> &[MccEntry] {
        &self.entries
    }
}

fn set_bits(words: &mut [u64], first: u16, last: u16) {
    for number in first..=last {
        if let Some(word) = words.get_mut(usize::from(number >> 6)) {
            *word |= bit_of(number);
        }
    }
}

/// The bit of a number within its word of 64.
pub(super) const fn bit_of(number: u16) -> u64 {
    1_u64.wrapping_shl((number & 63) as u32)
}
