//! Texts that have to go: those of agent spend, and what callers of payment doors wrote. Objects, decisions and money stay.

use holdfast_core::{CardToken, CardholderToken, MerchantId, ProgramId};

use super::{Desk, other_answer};
use crate::control::OperationError;
use crate::control::protocol::{Erasure, SpendAnswer};
use crate::ledger::{Act, Erase};
use crate::profiles::Profiles;

impl Desk {
    /// Erases texts wherever they are kept; how many that were. One that fails half way may be done again.
    pub(super) async fn erase(&self, erasure: Erasure) -> Result<SpendAnswer, OperationError> {
        self.must_be_known(&erasure).await?;
        let mut erased: u64 = 0;
        for which in self.slips_of(&erasure)? {
            // First what the ledger has yet to hear: what reached it before is there for the ledger to erase.
            erased = erased.saturating_add(self.erase_unheard(which).await?);
            let slips = self.ask(Act::EraseSlips(which)).await?.into_erased().ok_or_else(other_answer)?;
            erased = erased.saturating_add(slips);
        }
        let Some(house) = &self.spend else { return Ok(SpendAnswer::Erased(erased)) };
        let texts = house.office.erase(erasure).await.map_err(super::spend::refused)?;
        Ok(SpendAnswer::Erased(erased.saturating_add(texts)))
    }

    /// A name that was misspelled must not look like one whose texts are gone. Of a person nothing may be left that tells.
    async fn must_be_known(&self, erasure: &Erasure) -> Result<(), OperationError> {
        let programs = || self.programs.iter().map(|counter| counter.home.program);
        let nobody = |problem: String| Err(OperationError::Refused(vec![problem]));
        match erasure {
            Erasure::Program(name) if programs().all(|program| program.as_str() != name) => {
                let known: Vec<_> = programs().map(|program| program.to_string()).collect();
                nobody(format!("no program is called `{name}`; there is {}. Nothing was erased", known.join(", ")))
            }
            Erasure::Organization(name) => {
                let of_merchants = programs().any(|program| !merchants_of(self.profiles.as_deref(), program, name).is_empty());
                let known = of_merchants
                    || match &self.spend {
                        Some(house) => house.office.is_organization(name).await.map_err(super::spend::refused)?,
                        None => false,
                    };
                let problem = "is no organization of agent spend, and the application of no merchant. Nothing was erased";
                if known { Ok(()) } else { nobody(format!("`{name}` {problem}")) }
            }
            Erasure::Program(_) | Erasure::Person(_) | Erasure::Before(_) => Ok(()),
        }
    }

    /// What callers of payment doors wrote, as far as it is to go.
    fn slips_of(&self, erasure: &Erasure) -> Result<Vec<Erase>, OperationError> {
        let all = |program| Erase { program, payment: None, merchant: None, source: None, before: None };
        let programs = self.programs.iter().map(|counter| counter.home.program);
        Ok(match erasure {
            Erasure::Program(program) => {
                let program =
                    ProgramId::try_from(program.as_str()).map_err(|error| OperationError::Refused(vec![error.to_string()]))?;
                vec![all(program)]
            }
            Erasure::Before(moment) => programs.map(|program| Erase { before: Some(*moment), ..all(program) }).collect(),
            Erasure::Organization(name) => {
                let merchants = |program| {
                    let of = merchants_of(self.profiles.as_deref(), program, name);
                    of.into_iter().map(move |merchant| Erase { merchant: Some(merchant), ..all(program) })
                };
                programs.flat_map(merchants).collect()
            }
            Erasure::Person(name) => {
                let cards = |program| {
                    let of = cards_of(self.profiles.as_deref(), program, name);
                    of.into_iter().map(move |source| Erase { source: Some(source), ..all(program) })
                };
                programs.flat_map(cards).collect()
            }
        })
    }
}

/// The merchants of an application.
fn merchants_of(profiles: Option<&Profiles>, program: ProgramId, application: &str) -> Vec<MerchantId> {
    let all = profiles.map(|profiles| profiles.merchants(program, None, usize::MAX)).unwrap_or_default();
    all.iter().filter(|merchant| merchant.application.as_deref() == Some(application)).map(|merchant| merchant.id).collect()
}

/// A person's cards: the one of that name, and those of which the person is the owner.
fn cards_of(profiles: Option<&Profiles>, program: ProgramId, person: &str) -> Vec<CardToken> {
    let owner = CardholderToken::try_from(person).ok();
    let all = profiles.map(|profiles| profiles.instruments(program, None, usize::MAX)).unwrap_or_default();
    let owned = all.iter().filter(|instrument| owner.is_some() && instrument.owner == owner).map(|instrument| instrument.card);
    let named = CardToken::try_from(person).ok();
    let mut cards: Vec<CardToken> = owned.chain(named).collect();
    cards.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    cards.dedup();
    cards
}
