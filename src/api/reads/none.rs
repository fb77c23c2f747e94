//! The lists of a shared ledger: this version has none of them over the API; they are in the database, to be read in SQL.

use holdfast_core::{AccountId, CardToken, ProgramId, Timestamp};

use super::{AccountLine, CardLine, HoldLine, Lines, MovementLine, Reading, Reads, SumLine, Unreadable, Wanted, Whose};
use crate::api::page::Page;

/// Nothing is listed.
#[derive(Debug, Clone, Copy)]
pub struct NoReads;

fn not_here<'a, T: Send + 'a>(table: &'static str) -> Reading<'a, T> {
    let words = format!("is not listed over the API with the shared ledger; read holdfast.{table} in its database");
    Box::pin(std::future::ready(Err(Unreadable(words))))
}

impl Reads for NoReads {
    fn accounts(&self, _program: ProgramId, _page: Page) -> Reading<'_, Lines<AccountLine>> {
        not_here("account")
    }

    fn card(&self, _program: ProgramId, _card: CardToken) -> Reading<'_, Option<CardLine>> {
        not_here("card")
    }

    fn cards(&self, _program: ProgramId, _account: AccountId, _page: Page) -> Reading<'_, Option<Lines<CardLine>>> {
        not_here("card")
    }

    fn hold(&self, _program: ProgramId, _number: i64) -> Reading<'_, Option<HoldLine>> {
        not_here("hold")
    }

    fn holds(&self, _program: ProgramId, _whose: Whose, _wanted: Wanted, _page: Page) -> Reading<'_, Option<Lines<HoldLine>>> {
        not_here("hold")
    }

    fn movements(
        &self,
        _program: ProgramId,
        _account: AccountId,
        _since: Option<Timestamp>,
        _page: Page,
    ) -> Reading<'_, Option<Lines<MovementLine>>> {
        not_here("movement")
    }

    fn sums(&self, _program: ProgramId, _days: (i32, i32)) -> Reading<'_, Vec<SumLine>> {
        not_here("movement")
    }
}
