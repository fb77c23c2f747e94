//! Cards and their owners, written back: part of [`super::save`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio_postgres::types::ToSql;

use super::load::Loaded;
use super::save::{Changes, Places, Saving, mark_columns, number_of};
use super::trouble::Trouble;
use super::values::At;
use crate::ledger::embedded::state::{AccountIndex, CardIndex, CardholderIndex, Fingerprint, State};

impl Saving<'_> {
    /// Writes cardholders, and which accounts are behind their cards.
    ///
    /// # Errors
    /// The database.
    pub async fn save_cardholders(
        &self,
        state: &State,
        loaded: &Loaded,
        changes: &Changes,
        places: &Places,
    ) -> Result<(), Trouble> {
        let known = u32::try_from(loaded.cardholders.len()).unwrap_or(u32::MAX);
        for (place, name) in (known..).zip(&changes.cardholders_new) {
            let token = self.named.cardholders.get(name).ok_or_else(self.damaged("cardholder"))?;
            let number = number_of(&places.cardholders, place);
            let sql = "INSERT INTO holdfast.cardholder (number, program, token) VALUES ($1, $2, $3)";
            self.execute(sql, &[&number, &self.named.program.as_str(), &token.as_str()]).await?;
        }
        for (place, before) in &changes.cardholders {
            let index = CardholderIndex(*place);
            let Some((row, number)) = state.cardholder(index).zip(places.cardholder(index)) else { continue };
            if (row.status, row.told) != (before.status, before.told) {
                let status = row.status.map(holdfast_core::hold::CardholderStatus::name);
                let (told_at, told_by) = mark_columns(row.told);
                let sql = "UPDATE holdfast.cardholder SET status = $2, told_at = $3, told_by = $4 WHERE number = $1";
                self.execute(sql, &[&number, &status, &told_at, &told_by]).await?;
            }
            let mut cards: BTreeMap<AccountIndex, i64> = BTreeMap::new();
            row.accounts.iter().for_each(|(account, many)| *cards.entry(*account).or_default() = i64::from(*many));
            for (account, _) in &before.accounts {
                cards.entry(*account).or_default();
            }
            for (account, many) in cards {
                let account = places.account(account);
                let sql = "INSERT INTO holdfast.ownership (cardholder, account, cards) VALUES ($1, $2, $3)
                    ON CONFLICT (cardholder, account) DO UPDATE SET cards = excluded.cards";
                self.execute(sql, &[&number, &account, &many]).await?;
            }
        }
        Ok(())
    }

    /// Writes cards.
    ///
    /// # Errors
    /// The database.
    pub async fn save_cards(&self, state: &State, loaded: &Loaded, changes: &Changes, places: &Places) -> Result<(), Trouble> {
        let known = u32::try_from(loaded.cards.len()).unwrap_or(u32::MAX);
        let new: HashMap<u32, &Fingerprint> = (known..).zip(&changes.cards_new).collect();
        let all: BTreeSet<u32> = changes.cards.iter().chain(new.keys()).copied().collect();
        for place in all {
            let index = CardIndex(place);
            let Some((row, number)) = state.card(index).zip(places.card(index)) else { continue };
            let account = row.account.and_then(|index| places.account(index));
            let cardholder = row.cardholder.and_then(|index| places.cardholder(index));
            let (told_at, told_by) = mark_columns(Some(row.told));
            let status = row.status.name();
            let (since, used) = (At(row.since), row.used.map(At));
            let (merchants, others): (Vec<i64>, _) = (row.merchants.latest().map(i64::from).collect(), row.merchants.others());
            let place_written = place_of(account, number, cardholder).ok_or_else(self.damaged("card"))?;
            match new.get(&place) {
                None => {
                    let sql = "UPDATE holdfast.card SET account = $2, cardholder = $3, status = $4, told_at = $5, told_by = $6,
                        place = $7, known_since = $8, used_since = $9, merchants = $10, merchants_others = $11 WHERE number = $1";
                    let values: [&(dyn ToSql + Sync); 11] = [
                        &number,
                        &account,
                        &cardholder,
                        &status,
                        &told_at,
                        &told_by,
                        &place_written,
                        &since,
                        &used,
                        &merchants,
                        &others,
                    ];
                    self.execute(sql, &values).await?;
                }
                Some(name) => {
                    let token = self.named.cards.get(*name).ok_or_else(self.damaged("card"))?;
                    let (program, token) = (self.named.program.as_str(), token.as_str());
                    let sql = "INSERT INTO holdfast.card (number, program, token, account, cardholder, status, told_at, told_by,
                        place, known_since, used_since, merchants, merchants_others)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
                    let values: [&(dyn ToSql + Sync); 13] = [
                        &number,
                        &program,
                        &token,
                        &account,
                        &cardholder,
                        &status,
                        &told_at,
                        &told_by,
                        &place_written,
                        &since,
                        &used,
                        &merchants,
                        &others,
                    ];
                    self.execute(sql, &values).await?;
                }
            }
        }
        Ok(())
    }
}

/// What records of a card's questions are about, as the journal writes it, without the hold.
fn place_of(account: Option<i64>, card: i64, cardholder: Option<i64>) -> Option<Vec<u8>> {
    let lasting = |number: Option<i64>| match number {
        Some(number) => u32::try_from(number).ok().map(Some),
        None => Some(None),
    };
    postcard::to_allocvec(&(lasting(account)?, lasting(Some(card))?, lasting(cardholder)?)).ok()
}
