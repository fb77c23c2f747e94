//! `[[program]]`: one card program of one issuer: its money, its rules, and who may call it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_adapters::Platform;
use holdfast_core::{Country, Currency, ProgramId};
use jiff::tz::TimeZone;

use crate::control::rows;
use crate::control::{Import, ImportFile, RowProblem};

use super::Depth;
use super::mount::{MountConfig, MountReader, Taken};
use super::read::{Error, Errors, Section};
use super::ruleset::{self, Home};
use super::secret::SecretReader;
use super::server::Exposure;

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
    /// `rules`: the ruleset to start from in an empty ledger; later versions are published.
    pub rules_path: PathBuf,
    /// `import_accounts`: accounts to import into an empty ledger.
    pub import_accounts: Option<PathBuf>,
    /// `import_cards`: cards to import into an empty ledger.
    pub import_cards: Option<PathBuf>,
    /// `[[program.mount]]`: the platforms that call it; at least one.
    pub mounts: Vec<MountConfig>,
}

/// Whether the money is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// It is not.
    Sandbox,
    /// It is.
    Production,
}

impl Environment {
    /// As the configuration and metrics write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Environment::Sandbox => "sandbox",
            Environment::Production => "production",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "sandbox" => Ok(Environment::Sandbox),
            "production" => Ok(Environment::Production),
            _ => Err("must be \"sandbox\" or \"production\""),
        }
    }
}

impl ProgramConfig {
    /// Whether the ruleset that the configuration names would load.
    ///
    /// # Errors
    /// Everything that is wrong with its file.
    pub fn check_ruleset(&self) -> Result<(), Errors> {
        let text = super::read_text(&self.rules_path)?;
        self.check_ruleset_text(&self.rules_path.display().to_string(), &text)
    }

    /// Whether a text would load as a ruleset of this program.
    ///
    /// The one place where the configuration and `holdfast rules check` hand a ruleset to its loader.
    ///
    /// # Errors
    /// Everything that is wrong with it; `file` is what messages call it.
    pub fn check_ruleset_text(&self, file: &str, text: &str) -> Result<(), Errors> {
        let home = Home { program: self.id, currency: self.currency, country: self.country };
        ruleset::read(file, text, &home).map(|_| ())
    }

    /// The accounts and cards to import into an empty ledger.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn imports(&self) -> Result<Import, Errors> {
        let (accounts, cards) = (self.import_accounts.as_deref(), self.import_cards.as_deref());
        let currency_of = |program: &ProgramId| (*program == self.id).then_some(self.currency);
        let problems = match rows::read(accounts, cards) {
            Ok(import) => {
                let mut problems = rows::problems_with_programs(&import, currency_of);
                // What an empty ledger starts with stands for itself: no card leads to an account of elsewhere.
                problems.extend(import.cards.iter().filter(|card| card.program.is_none()).map(|card| RowProblem {
                    file: ImportFile::Cards,
                    line: card.line,
                    column: "account_id".to_owned(),
                    problem: "is not an account of the accounts file".to_owned(),
                }));
                if problems.is_empty() {
                    return Ok(import);
                }
                problems
            }
            Err(problems) => problems,
        };
        Err(row_errors(&problems, accounts, cards))
    }

    fn check_files(&self) -> Errors {
        let mut errors = Errors::default();
        if let Err(wrong) = self.check_ruleset() {
            errors.append(wrong);
        }
        if let Err(wrong) = self.imports() {
            errors.append(wrong);
        }
        errors
    }
}

/// Rows' problems as errors with their files; the column is the field's number.
#[must_use]
pub fn row_errors(problems: &[RowProblem], accounts: Option<&Path>, cards: Option<&Path>) -> Errors {
    let mut errors = Errors::default();
    for problem in problems {
        let path = match problem.file {
            ImportFile::Accounts => accounts,
            ImportFile::Cards => cards,
        };
        errors.push(Error {
            file: path.unwrap_or(Path::new("")).display().to_string(),
            line: usize::try_from(problem.line).unwrap_or(usize::MAX),
            column: problem.column_number(),
            path: problem.column.clone(),
            problem: problem.problem.clone(),
        });
    }
    errors
}

/// Reads programs; what they have in common is checked across all of them.
pub(super) struct ProgramReader<'s> {
    pub directory: &'s Path,
    pub secrets: &'s SecretReader<'s>,
    pub platforms: &'static [Platform],
    pub exposure: Exposure,
    pub body_read_max: Duration,
    pub depth: Depth,
    /// Where what is wrong with other files goes.
    pub further: &'s RefCell<Errors>,
}

impl ProgramReader<'_> {
    /// Every program; `None` for one in which something is wrong.
    pub fn programs(&self, root: &Section<'_>) -> Vec<Option<ProgramConfig>> {
        if root.optional("program").is_none() {
            root.spot.wrong("has no [[program]]: nothing could be answered; the shipped config/holdfast.toml shows one");
        }
        let mut ids: Vec<ProgramId> = Vec::new();
        let mut taken = Vec::new();
        root.sections("program").into_iter().map(|section| self.program(section, &mut ids, &mut taken)).collect()
    }

    fn program(&self, section: Section<'_>, ids: &mut Vec<ProgramId>, taken: &mut Vec<Taken>) -> Option<ProgramConfig> {
        let id = section.text("id").and_then(|text| text.parse(|id| unique_id(id, ids)));
        let currency = section
            .text("currency")
            .and_then(|text| text.parse(|code| Currency::from_alpha(code).ok_or("must be a code of ISO 4217, such as \"USD\"")));
        let environment = section.text("environment").and_then(|text| text.parse(Environment::parse));
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

        if section.optional("mount").is_none() {
            section.spot.wrong("has no [[program.mount]]: no platform could call it");
        }
        let reader = MountReader { common: self, currency, environment };
        let mounts: Vec<_> = section.sections("mount").into_iter().map(|mount| reader.mount(mount, taken)).collect();
        section.finish();
        let program = ProgramConfig {
            id: id?,
            currency: currency?,
            environment: environment?,
            country: country?,
            time_zone: time_zone?,
            rules_path: rules_path?,
            import_accounts,
            import_cards,
            mounts: Vec::new(),
        };
        match self.depth {
            Depth::Everything => self.further.borrow_mut().append(program.check_files()),
            Depth::Credentials => {}
        }
        Some(ProgramConfig { mounts: mounts.into_iter().collect::<Option<_>>()?, ..program })
    }
}

fn unique_id(text: &str, ids: &mut Vec<ProgramId>) -> Result<ProgramId, String> {
    let id = ProgramId::new(text).map_err(|error| error.to_string())?;
    if ids.contains(&id) {
        return Err("is the id of an earlier program too; every program has its own".into());
    }
    ids.push(id);
    Ok(id)
}
