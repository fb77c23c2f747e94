//! `holdfast explain`: one authorization's whole story, in words that can be read out.

use std::io;

use clap::Args;
use holdfast_core::{Alias, PaymentRef, PlatformName, ProgramId};

use super::journal::Told;
use super::reading::Needs;
use super::{Failure, Place};
use crate::config::{Config, Overrides};
use crate::explain::check::{self, Check};
use crate::explain::{self, NotOne, Sought};
use crate::journal::Slip;
use crate::seal::Sealer;
use crate::spool::Entry;

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
        let found = explain::find(reader, &sought, &mut |step, done, all| told.progress(step, done, all));
        if found.is_err()
            && let Some(waits) = self.waits(&sought.name)
        {
            return Err(Failure::Told(waits));
        }
        let payment = match found {
            Ok(payment) => payment,
            Err(unknown @ (NotOne::Unknown(..) | NotOne::NoProgram(_))) => {
                let is_its = sought.platform.is_none_or(|platform| platform.as_str() == check::DOOR);
                let check = || reader.check_named(check::DOOR, sought.program.as_ref(), &sought.name);
                let slip = is_its.then(check).transpose().map_err(Failure::told)?.flatten();
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

    /// That the spool has something of that name which the ledger has not heard. Whoever cannot read the spool does not know.
    fn waits(&self, name: &str) -> Option<String> {
        let overrides = Overrides { data: self.place.data.clone(), ..Overrides::default() };
        let config = Config::load(&self.place.config, overrides).ok()?;
        let file = super::spool_of(&config).ok()??;
        let aside = file.set_aside().ok()?.into_iter().map(|aside| (aside.row, "was set aside"));
        let waiting = file.waiting().filter_map(Result::ok).map(|row| (row, "waits for the ledger"));
        aside.chain(waiting).find_map(|(row, state)| {
            let entry = Entry::from_bytes(&row.body, &row.digest).ok()?;
            let is_it = self.program.is_none_or(|program| entry.origin().program == program) && is_named(&entry, name);
            let number = row.number;
            is_it.then(|| {
                format!(
                    "no record of the journal knows `{name}` yet: entry {number} of the spool is about it, and {state}; `holdfast spool` \
                     tells what was told, and `holdfast explain` the rest once the ledger has heard it"
                )
            })
        })
    }
}

/// Whether an entry goes by a name: the payment's, or the key under which it was asked.
fn is_named(entry: &Entry, name: &str) -> bool {
    let goes_by = |payment: &PaymentRef| {
        let also = matches!(&payment.alias, Alias::Also(also) if also.as_str() == name);
        also || payment.authorization.as_str() == name
    };
    match entry {
        Entry::Told(adopt, _) => {
            let (payment, increment) = adopt.request.payments();
            adopt.request.key.as_str() == name || goes_by(payment) || increment.is_some_and(goes_by)
        }
        Entry::Fact(_, event) | Entry::Ordered(_, _, event) => {
            let (payment, increment) = event.fact.payments();
            payment.into_iter().chain(increment).any(goes_by)
        }
        Entry::Kept(..) | Entry::Published(..) => false,
    }
}
