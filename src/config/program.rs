//! `[[program]]`: one card program of one issuer: its money, its rules, and who may call it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_adapters::Platform;
pub use holdfast_core::agent::Environment;
use holdfast_core::{Country, Currency, ProgramId};
use jiff::tz::TimeZone;

use crate::control::{ImportFile, RowProblem};

use super::Depth;
use super::errors::{Error, Errors};
use super::imports::ImportFiles;
use super::ledger::LedgerEngine;
use super::mount::{MountConfig, MountReader, Taken};
use super::read::{Section, Value};
use super::ruleset::{self, HalfKnown, Home};
use super::secret::SecretReader;
use super::server::Exposure;
use super::settlement;
use super::stand_in::{self, StandInFiles};
use crate::profiles;
use crate::retention::{KEEP_DAYS_MAX, KEEP_DAYS_MIN};
use crate::settlement::FileColumns;
use crate::settlement_day::TimeOfDay;

/// One card program.
#[derive(Debug, Clone)]
pub struct ProgramConfig {
    /// `id`: its name in records, metrics and commands; unique.
    pub id: ProgramId,
    /// `currency`: of its accounts and rules.
    pub currency: Currency,
    /// `environment`.
    pub environment: Environment,
    /// `country`: where its cards are issued; a merchant elsewhere is across the border.
    pub country: Country,
    /// `time_zone`: where its days, weeks and months begin.
    pub time_zone: TimeZone,
    /// `settlement_cutoff`: when its settlement day ends, where the platform does not tell the day.
    pub settlement_cutoff: TimeOfDay,
    /// `[program.settlement_file]`: the columns of the platform's settlement file.
    pub settlement_file: Option<FileColumns>,
    /// `journal_keep_days`: for how long its records are kept; `None` for ever.
    pub journal_keep_days: Option<u32>,
    /// `rules`: the ruleset to start from in an empty ledger; later versions are published.
    pub rules_path: PathBuf,
    /// `[program.stand_in]`: the stand-in tables to start from in an empty ledger; later versions are published.
    pub stand_in: StandInFiles,
    /// `import_accounts`: accounts to import into an empty ledger.
    pub import_accounts: Option<PathBuf>,
    /// `import_cards`: cards to import into an empty ledger.
    pub import_cards: Option<PathBuf>,
    /// `import_profiles`: merchants and instruments to import where there are none.
    pub import_profiles: Option<PathBuf>,
    /// `[[program.mount]]`: the platforms that call it; at least one.
    pub mounts: Vec<MountConfig>,
}

impl ProgramConfig {
    /// Whether a text would load as a ruleset of this program: for `holdfast rules check`.
    ///
    /// # Errors
    /// Everything that is wrong with it; `file` is what messages call it.
    pub fn check_ruleset_text(&self, file: &str, text: &str) -> Result<(), Errors> {
        ruleset::read(file, text, &self.home()).map(|_| ())
    }

    /// What this program's rulesets and stand-in tables are read for.
    #[must_use]
    pub const fn home(&self) -> Home {
        Home { program: self.id, currency: self.currency, country: self.country }
    }

    /// The files to import into an empty ledger.
    #[must_use]
    pub fn import_files(&self) -> ImportFiles<'_> {
        ImportFiles { accounts: self.import_accounts.as_deref(), cards: self.import_cards.as_deref() }
    }

    /// Whether the accounts and cards to import into an empty ledger are right.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn check_imports(&self) -> Result<(), Errors> {
        self.import_files().check(Some(self.id), Some(self.currency))
    }
}

/// Rows' problems as errors with their files; the column is the field's number.
#[must_use]
pub fn row_errors(problems: &[RowProblem], accounts: Option<&Path>, cards: Option<&Path>) -> Errors {
    let error = |problem: &RowProblem| {
        let path = match problem.file {
            ImportFile::Accounts => accounts,
            ImportFile::Cards => cards,
        };
        Error {
            file: path.unwrap_or(Path::new("")).display().to_string(),
            line: usize::try_from(problem.line).unwrap_or(usize::MAX),
            column: problem.column_number(),
            path: problem.column.clone(),
            problem: problem.problem.clone(),
        }
    };
    problems.iter().map(error).collect()
}

/// Reads programs; what they have in common is checked across all of them.
pub(super) struct ProgramReader<'s> {
    pub directory: &'s Path,
    pub secrets: &'s SecretReader<'s>,
    pub platforms: &'static [Platform],
    pub exposure: Exposure,
    pub body_read_max: Duration,
    pub engine: LedgerEngine,
    pub depth: Depth,
    /// Whether processors of agent spend ask beside the mounts.
    pub agents: AgentsPlace,
    /// Where what is wrong with other files goes.
    pub further: &'s RefCell<Errors>,
}

/// Whether `/v1` is agent spend's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgentsPlace {
    Taken,
    Free,
}

/// Every program that was read.
pub(super) struct Programs {
    /// `None` if something is wrong in one of them.
    pub configs: Option<Vec<ProgramConfig>>,
    /// Whether one of them says that its money is real, whatever else is wrong with it.
    pub any_production: bool,
}

impl ProgramReader<'_> {
    /// Every program.
    pub fn programs(&self, root: &Section<'_>) -> Programs {
        if root.optional("program").is_none() {
            root.spot.wrong("has no [[program]]: nothing could be answered; the shipped config/holdfast.toml shows one");
        }
        let mut ids: Vec<ProgramId> = Vec::new();
        let mut taken = Vec::new();
        let mut any_production = false;
        let mut configs = Vec::new();
        for section in root.sections("program") {
            let environment = section.text("environment").and_then(|text| text.parse(environment_named));
            any_production |= environment == Some(Environment::Production);
            configs.push(self.program(section, environment, &mut ids, &mut taken));
        }
        Programs { configs: configs.into_iter().collect(), any_production }
    }

    fn program(
        &self,
        section: Section<'_>,
        environment: Option<Environment>,
        ids: &mut Vec<ProgramId>,
        taken: &mut Vec<Taken>,
    ) -> Option<ProgramConfig> {
        let id = section.text("id").and_then(|text| text.parse(|id| unique_id(id, ids)));
        let currency = section
            .text("currency")
            .and_then(|text| text.parse(|code| Currency::from_alpha(code).ok_or("must be a code of ISO 4217, such as \"USD\"")));
        let country = section
            .text("country")
            .and_then(|text| text.parse(|code| Country::new(code).ok_or("must be a code of ISO 3166-1, such as \"USA\"")));
        let time_zone = section.text("time_zone").and_then(|text| {
            text.parse(|name| {
                TimeZone::get(name).map_err(|_| "must be a name of the IANA database, such as \"America/New_York\"")
            })
        });
        let file = |text: super::read::Text<'_>| {
            text.parse(|name| if name.is_empty() { Err("is empty; name a file") } else { Ok(self.directory.join(name)) })
        };
        let rules_path = section.text("rules").and_then(file);
        let import_accounts = section.optional_text("import_accounts").and_then(file);
        let import_cards = section.optional_text("import_cards").and_then(file);
        let import_profiles = section.optional_text("import_profiles").and_then(file);

        let settlement_cutoff = settlement::cutoff(&section);
        let settlement_file = settlement::file(&section);
        let journal_keep_days = section.optional("journal_keep_days").and_then(|written| self.keep_days(&written));

        if section.optional("mount").is_none() {
            section.spot.wrong("has no [[program.mount]]: no platform could call it");
        }
        let reader = MountReader { common: self, currency, environment };
        let mounts: Vec<_> = section.sections("mount").into_iter().map(|mount| reader.mount(mount, taken)).collect();
        let stand_in = stand_in::read_files(&section, self.directory, &mounts);
        section.finish();
        let home = HalfKnown { program: id, currency, country };
        match self.depth {
            Depth::Credentials => {}
            Depth::Rulesets => {
                let mut further = self.further.borrow_mut();
                further.append(check_rules(rules_path.as_deref(), &home));
                further.append(check_stand_in(stand_in.as_ref(), &home));
            }
            Depth::Everything => {
                let imports = ImportFiles { accounts: import_accounts.as_deref(), cards: import_cards.as_deref() };
                self.further.borrow_mut().append(check_rules(rules_path.as_deref(), &home));
                self.further.borrow_mut().append(check_stand_in(stand_in.as_ref(), &home));
                self.further.borrow_mut().append(imports.check(id, currency).err().unwrap_or_default());
                self.further.borrow_mut().append(check_profiles(import_profiles.as_deref(), currency));
            }
        }
        Some(ProgramConfig {
            id: id?,
            currency: currency?,
            environment: environment?,
            country: country?,
            time_zone: time_zone?,
            settlement_cutoff: settlement_cutoff?,
            settlement_file: settlement_file?,
            journal_keep_days,
            rules_path: rules_path?,
            stand_in: stand_in?,
            import_accounts,
            import_cards,
            import_profiles,
            mounts: mounts.into_iter().collect::<Option<_>>()?,
        })
    }

    /// For how long records are kept; nothing if it is wrong.
    fn keep_days(&self, written: &Value<'_>) -> Option<u32> {
        let days = written.integer(0..=KEEP_DAYS_MAX.into()).and_then(|days| u32::try_from(days).ok())?;
        if self.engine == LedgerEngine::Postgres {
            written
                .spot
                .wrong("is the embedded ledger's: partitions of a shared one are all programs'; write journal_keep_days in [ledger.postgres]");
            return None;
        }
        if days < KEEP_DAYS_MIN {
            written.spot.wrong(format!("must be at least {KEEP_DAYS_MIN}: holds wait 35 days for their platform's word"));
            return None;
        }
        Some(days)
    }
}

fn environment_named(text: &str) -> Result<Environment, &'static str> {
    Environment::named(text).ok_or("must be \"sandbox\" or \"production\"")
}

/// What is wrong with the ruleset that a program names, as far as the program is known.
fn check_rules(rules: Option<&Path>, home: &HalfKnown) -> Errors {
    let Some(path) = rules else { return Errors::default() };
    let name = path.display().to_string();
    super::read_text(path).map_or_else(|unreadable| unreadable, |text| ruleset::check(&name, &text, home))
}

/// What is wrong with the merchants and instruments that a program names, as far as its currency is known.
fn check_profiles(path: Option<&Path>, currency: Option<Currency>) -> Errors {
    let Some((path, currency)) = path.zip(currency) else { return Errors::default() };
    let name = path.display().to_string();
    let read = super::read_text(path).and_then(|text| profiles::file::read(&name, &text, currency));
    read.err().unwrap_or_default()
}

fn check_stand_in(files: Option<&StandInFiles>, home: &HalfKnown) -> Errors {
    files.map(|files| files.check(home)).unwrap_or_default()
}

fn unique_id(text: &str, ids: &mut Vec<ProgramId>) -> Result<ProgramId, String> {
    let id = ProgramId::new(text).map_err(|error| error.to_string())?;
    if ids.contains(&id) {
        return Err("is the id of an earlier program too; every program has its own".into());
    }
    ids.push(id);
    Ok(id)
}
