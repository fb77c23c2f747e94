//! `holdfast explain`: one authorization's whole story, in words that can be read out.

use std::io;

use clap::Args;
use holdfast_core::{PlatformName, ProgramId};

use super::journal::Told;
use super::reading::Needs;
use super::{Failure, Place};
use crate::config::{Config, Overrides};
use crate::explain::check::{self, Check};
use crate::explain::{self, NotOne, Sought};
use crate::journal::Slip;
use crate::seal::Sealer;

const EXAMPLES: &str = "\
Examples:
  holdfast explain tx-1001
  holdfast explain jit-1001 --program demo
  holdfast explain 77a4b209-3159-80e9-9029-034597423049
  holdfast explain tx-1001 --json | jq .now

It only reads, beside a running server or without one. Of a shared ledger the journal is copied out of its database first, which takes
as long as reading all of it; `holdfast journal copy` makes a copy that stays. An authorization is named by the platform's id of the payment (or of
any later message about it), by the key under which it was asked (Marqeta: the JIT token; Apto: the authorization's id), or by
our reference (Marqeta: the tag dec=...; Apto: external_authorization_id). A payment that was only checked is named by its transaction_id or
its roc_text_data; those of a shared ledger are not in its journal's copy. Amounts that were used and funds are those of the
moment, before the decision. No merchant is named: the journal has none. In JSON, amounts are whole numbers of minor units.

Exit codes:
  0  told
  1  nobody knows that name, several payments go by it (which, on standard error), or the journal cannot be read
  2  the command line is not understood";

/// Tells who asked for an authorization, what was decided and why, and all that became of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    /// The payment, its key, or our reference.
    authorization: String,
    /// Only in this program.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<ProgramId>,
    /// Only of this platform.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<PlatformName>,
    /// Only the hold of this number, where one name was given to several payments.
    #[arg(long, value_name = "NUMBER")]
    hold: Option<u64>,
    /// An object of JSON instead of words.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Explain {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let reading = self.place.journal(Needs::WhatIsThere)?;
        let reader = &reading.reader;
        let name = self.authorization.strip_prefix("dec=").unwrap_or(&self.authorization).to_owned();
        let sought = Sought { name, program: self.program, platform: self.platform, hold: self.hold };
        let mut told = Told::default();
        let payment = match explain::find(reader, &sought, &mut |step, done, all| told.progress(step, done, all)) {
            Ok(payment) => payment,
            Err(unknown @ NotOne::Unknown(..)) => {
                let slip = reader.check_named(check::DOOR, &sought.name).map_err(Failure::told)?;
                let check = slip.map(|slip| self.check(slip)).ok_or_else(|| Failure::told(unknown))?;
                let text = if self.json { format!("{}\n", check.json()) } else { check.words() };
                return Ok(write!(output, "{text}")?);
            }
            Err(other) => return Err(Failure::told(other)),
        };
        let mut told = Told::default();
        let story =
            explain::tell(reader, payment, &mut |step, done, all| told.progress(step, done, all)).map_err(Failure::told)?;
        if self.json {
            return Ok(writeln!(output, "{}", explain::json::of(&story))?);
        }
        Ok(write!(output, "{}", explain::words::of(&story))?)
    }

    /// A check, as far as the configuration's key opens it.
    fn check(&self, slip: Slip) -> Check {
        let config = Config::load(&self.place.config, Overrides::default()).ok();
        let sealer = config.map_or_else(Sealer::default, |config| config.texts.sealer);
        Check::of(slip, &sealer)
    }
}
