//! Everything that is known of merchants and instruments at one moment, as the path looks it up: it never changes, and a change makes
//! another one. It keeps nothing.

use std::collections::HashMap;
use std::sync::Arc;

use holdfast_core::{CardToken, MerchantId, ProgramId, Timestamp};

use super::row::Kept;
use super::{Instrument, Merchant, Profile, StoreError, Unless};
use crate::card_numbers::NumberToken;

/// Everything that is known.
#[derive(Debug, Default, Clone)]
pub(super) struct Snapshot {
    pub merchants: HashMap<(ProgramId, MerchantId), Arc<Merchant>, foldhash::fast::RandomState>,
    pub instruments: HashMap<(ProgramId, CardToken), Arc<Instrument>, foldhash::fast::RandomState>,
    pub by_number: HashMap<(ProgramId, NumberToken), CardToken, foldhash::fast::RandomState>,
    marks: HashMap<(ProgramId, Named), Mark, foldhash::fast::RandomState>,
    /// The place of the last row of the shared ledger's that is in here; 0 where there is none.
    pub place: i64,
}

/// What a profile is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Merchant(MerchantId),
    Instrument(CardToken),
}

/// What is known of a profile besides what it says.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// When it was asked for, where that is known.
    put_at: Option<Timestamp>,
    whose: Whose,
}

/// Who has a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This data directory, as far as it knows.
    Own,
    /// All responders of a shared ledger.
    Shared,
}

impl Snapshot {
    /// With a profile, new or in place of the one of its name.
    pub fn put(&mut self, kept: &Kept, whose: Whose) {
        let Kept { program, profile, put_at } = kept;
        let program = *program;
        self.marks.insert((program, named(profile)), Mark { put_at: *put_at, whose });
        match profile {
            Profile::Merchant(merchant) => {
                self.merchants.insert((program, merchant.id), Arc::new(merchant.clone()));
            }
            Profile::Instrument(instrument) => self.put_instrument(program, instrument.clone(), whose),
        }
    }

    fn put_instrument(&mut self, program: ProgramId, instrument: Instrument, whose: Whose) {
        let (card, token) = (instrument.card, instrument.number_token);
        let before = self.instruments.insert((program, card), Arc::new(instrument));
        if let Some(before) = before.and_then(|before| before.number_token)
            && self.by_number.get(&(program, before)) == Some(&card)
        {
            self.by_number.remove(&(program, before));
        }
        if let Some(token) = token {
            // Whoever has it already keeps it, and the other one is refused; but what all responders know is above what one does.
            let holder = self.by_number.entry((program, token)).or_insert(card);
            let holds = self.marks.get(&(program, Named::Instrument(*holder))).map(|mark| mark.whose);
            if whose == Whose::Shared && holds == Some(Whose::Own) {
                *holder = card;
            }
        }
    }

    /// With those of the changes that are to be made, which are answered.
    ///
    /// # Errors
    /// Two cards would have one number.
    pub fn change(&mut self, mut wanted: Vec<Kept>, unless: Unless, whose: Whose) -> Result<Vec<Kept>, StoreError> {
        wanted.retain(|kept| match unless {
            Unless::Never => true,
            Unless::KeptSince => !self.is_kept_since(kept, whose),
            Unless::There => !self.has(kept, whose) && self.has_its_number(kept).is_ok(),
        });
        for kept in &wanted {
            self.put(kept, whose);
        }
        wanted.iter().try_for_each(|kept| self.has_its_number(kept))?;
        Ok(wanted)
    }

    /// Whether what was asked for at that time is kept by those, or another change that was asked for since.
    fn is_kept_since(&self, kept: &Kept, by: Whose) -> bool {
        self.mark(kept, by).is_some_and(|mark| match (mark.put_at, kept.put_at) {
            (Some(put_at), Some(asked_at)) => put_at >= asked_at,
            // Of what older versions kept, nobody knows when it was asked for.
            (None, _) | (_, None) => true,
        })
    }

    /// Whether there is a profile of that name, of those.
    fn has(&self, kept: &Kept, by: Whose) -> bool {
        self.mark(kept, by).is_some()
    }

    fn mark(&self, kept: &Kept, by: Whose) -> Option<&Mark> {
        self.marks.get(&(kept.program, named(&kept.profile))).filter(|mark| mark.whose == by)
    }

    /// What this data directory has and the shared ledger, as far as it is in here, has not.
    pub fn own(&self) -> Vec<Kept> {
        let of = |((program, named), mark): (&(ProgramId, Named), &Mark)| {
            let profile = match named {
                Named::Merchant(id) => Profile::Merchant(self.merchants.get(&(*program, *id))?.as_ref().clone()),
                Named::Instrument(card) => Profile::Instrument(self.instruments.get(&(*program, *card))?.as_ref().clone()),
            };
            Some(Kept { program: *program, profile, put_at: mark.put_at })
        };
        self.marks.iter().filter(|(_, mark)| mark.whose == Whose::Own).filter_map(of).collect()
    }

    /// Whether a card's number is its own.
    ///
    /// # Errors
    /// It is another card's.
    fn has_its_number(&self, kept: &Kept) -> Result<(), StoreError> {
        let Profile::Instrument(Instrument { card, number_token: Some(token), .. }) = &kept.profile else { return Ok(()) };
        match self.by_number.get(&(kept.program, *token)) {
            Some(other) if other != card => Err(StoreError::NumberTaken { card: card.to_string(), other: other.to_string() }),
            Some(_) | None => Ok(()),
        }
    }
}

const fn named(profile: &Profile) -> Named {
    match profile {
        Profile::Merchant(merchant) => Named::Merchant(merchant.id),
        Profile::Instrument(instrument) => Named::Instrument(instrument.card),
    }
}
