//! `holdfast migrate`: brings the shared ledger's database to this program's schema.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::app::runtime;
use crate::config::{self, Config, Overrides};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate::{self, Brought};

const EXAMPLES: &str = "\
Examples:
  holdfast migrate --check                                what would be done
  holdfast migrate
  HOLDFAST_DATABASE='host=db dbname=holdfast user=owner password=…' holdfast migrate
                                                          as the database's owner, where the configuration says
                                                          connection = \"env:HOLDFAST_DATABASE\"

The user has to be allowed to make a schema and roles. Responders need only what the role holdfast_responder may, and whoever
reads accounts, holds and the journal in SQL what holdfast_reader may: GRANT holdfast_responder TO …. Of several migrations at
once, one does the work and the others wait for it. What somebody took out of the schema (a table, column, constraint, index,
view or function) is named, by --check too, and not made anew: only a backup has what was in it.

Exit codes:
  0  the schema is this program's
  1  it is not (--check), lacks something, or cannot be brought there: what stands in the way is on standard error
  2  the command line is not understood";

/// Brings the shared ledger's database to this program's schema.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Migrate {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    config: PathBuf,
    /// Only tells whether there is something to do.
    #[arg(long)]
    check: bool,
}

impl Migrate {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let config = Config::load(&self.config, Overrides::default())?;
        let Some(shared) = &config.ledger.postgres else {
            let file = self.config.display();
            return Err(Failure::Told(format!("{file}: ledger.engine: is not \"postgres\"; there is no database to migrate")));
        };
        let database = Database::new(shared.connection.clone(), &shared.roots).map_err(Failure::told)?;
        let at = database.whereabouts();
        let runtime = runtime()?;
        if self.check {
            runtime.block_on(migrate::look(&database)).map_err(Failure::told)?;
            return Ok(writeln!(output, "{at}: schema {}, as this program wants it", migrate::ours())?);
        }
        let Brought { from, steps } = runtime.block_on(migrate::bring(&database)).map_err(Failure::told)?;
        if steps.is_empty() {
            // The notes say so. Somebody may have taken away what they say is there.
            runtime.block_on(migrate::look(&database)).map_err(Failure::told)?;
            return Ok(writeln!(output, "{at}: schema {from}; there was nothing to do")?);
        }
        for (number, what) in steps {
            writeln!(output, "{at}: schema {number}: {what}")?;
        }
        runtime.block_on(migrate::must_be_whole(&database)).map_err(Failure::told)?;
        Ok(())
    }
}
