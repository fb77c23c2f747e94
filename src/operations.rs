//! What operators ask, done on a ledger: the same for a running server and for a command that opens the ledger itself.
//!
//! Nothing here knows a socket or a command line; money is moved by the ledger only.

mod erase;
mod import;
mod in_turn;
mod meanwhile;
mod outage;
mod profiles;
mod spend;
mod stand_in;
mod trim;
mod versions;

#[cfg(test)]
mod tests;

use in_turn::InTurn;
pub use outage::{Outage, SpoolOf};
pub use trim::Least;

use std::sync::Arc;

use holdfast_core::rules::{Ruleset, RulesetHash};
use holdfast_core::{AccountId, ProgramId};

use crate::agent::door::House;
use crate::agent::outside::is_outside;
use crate::clock;
use crate::config::ProgramConfig;
use crate::config::ruleset::{self, Home};
use crate::control::protocol::{
    BalancesPage, BringBack, ImportProfiles, PageStart, ProfilesSummary, RulesHistory, RulesPublish, RulesRollback, SpendAnswer,
    SpendRequest, Switch, SwitchReport, Trim, TrimReport,
};
use crate::control::{AccountReport, Import, ImportSummary, OperationError, Operations, RulesVersion};
use crate::ledger::{
    self, AccountStanding, Act, Answer, KeptKind, KeptRuleset, Ledger, LedgerError, Noted, Operation, Origin, Readiness, Whose,
};
use crate::metrics::Metrics;
use crate::profiles::Profiles;
use crate::responder::Program;
use crate::retention::Retention;

/// Who published what an empty ledger starts with.
const BY_CONFIGURATION: &str = "configuration";

/// A program as operators work on it.
#[derive(Clone)]
pub struct Counter {
    /// What its rulesets are read for.
    pub home: Home,
    /// Where its live ruleset is.
    pub live: Arc<Program>,
}

impl Counter {
    /// The counter of a configured program.
    #[must_use]
    pub fn new(config: &ProgramConfig, live: Arc<Program>) -> Self {
        Counter { home: config.home(), live }
    }
}

/// Does what operators ask.
#[derive(Clone)]
pub struct Desk {
    ledger: Arc<dyn Ledger>,
    programs: Vec<Counter>,
    metrics: Option<Arc<Metrics>>,
    retention: Option<Arc<Retention>>,
    outage: Option<Outage>,
    spend: Option<Arc<House>>,
    profiles: Option<Arc<Profiles>>,
    in_turn: Arc<InTurn>,
}

impl Desk {
    /// A desk for these programs on this ledger; a change of rules is shown in `metrics`.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, programs: Vec<Counter>, metrics: Option<Arc<Metrics>>) -> Self {
        Desk { ledger, programs, metrics, retention: None, outage: None, profiles: None, spend: None, in_turn: Arc::default() }
    }

    /// The same, with the merchants and instruments of payment doors.
    #[must_use]
    pub fn with_profiles(self, profiles: Arc<Profiles>) -> Self {
        Desk { profiles: Some(profiles), ..self }
    }

    /// The same, for a ledger whose journal may be trimmed.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Desk { retention: Some(Arc::new(retention)), ..self }
    }

    /// The same, with agent spend.
    #[must_use]
    pub fn with_spend(self, spend: Option<Arc<House>>) -> Self {
        Desk { spend, ..self }
    }

    /// Whether its ledger answers now.
    #[must_use]
    pub fn has_its_ledger(&self) -> bool {
        self.ledger.readiness() == Readiness::Ready
    }

    /// Puts each program's last published ruleset and stand-in tables in force; a program that never published one publishes its
    /// configured one. Returns what an operator should know.
    ///
    /// # Errors
    /// The ledger, or a kept ruleset that does not load any more.
    pub async fn restore_rules(&self) -> Result<Vec<String>, OperationError> {
        let mut remarks = Vec::new();
        for counter in &self.programs {
            self.restore_stand_in(counter, &mut remarks).await?;
            let _alone = self.in_turn.rules.lock().await;
            let configured = counter.live.rules.load_full();
            let mut last = self.versions(counter.home.program, KeptKind::Rules).await?.pop();
            if last.is_none() {
                let why = "the ruleset that an empty ledger starts with";
                let source = counter.live.configured_rules.as_ref();
                self.keep_first(counter, (KeptKind::Rules, configured.hash()), source, why).await?;
                // It is another responder's that was there a moment before.
                last = self.versions(counter.home.program, KeptKind::Rules).await?.pop();
            }
            let Some(last) = last else {
                self.put_in_force(counter, configured);
                continue;
            };
            if last.hash != *configured.hash().as_bytes() {
                remarks.push(format!(
                    "program {}: ruleset {} is in force, published by {}; the configured file is another one: publish it with \
                     `holdfast rules publish`",
                    counter.home.program,
                    RulesetHash::from_bytes(last.hash),
                    last.published_by
                ));
            }
            let loaded = ruleset::read_in_force("the ruleset in force", whole(&last)?, &counter.home).map_err(refused)?;
            self.put_in_force(counter, Arc::new(loaded));
        }
        Ok(remarks)
    }

    /// Puts in force what was published last of all that a journal keeps, before the ledger can say which that is. Of what was never
    /// published, the configured one stays.
    ///
    /// # Errors
    /// A kept ruleset or table does not load any more.
    pub fn foresee_rules(&self, kept: &[KeptRuleset]) -> Result<(), OperationError> {
        for counter in &self.programs {
            let program = counter.home.program;
            let last = |kind| kept.iter().rfind(|kept| kept.program == program.as_str() && kept.kind == kind);
            let its: Vec<_> = kept.iter().filter(|kept| kept.program == program.as_str()).cloned().collect();
            self.see_versions(program, &its);
            for table in counter.live.stand_in.tables() {
                let waits = self.waiting(program, table.kind()).pop();
                if let Some(last) = waits.as_ref().or_else(|| last(table.kind())) {
                    self.put_table_in_force(counter, table.kind(), last)?;
                }
            }
            if let Some(last) = last(KeptKind::Rules) {
                let loaded = ruleset::read_in_force("the ruleset in force", whole(last)?, &counter.home).map_err(refused)?;
                self.put_in_force(counter, Arc::new(loaded));
            }
        }
        Ok(())
    }

    fn counter(&self, program: ProgramId) -> Result<&Counter, OperationError> {
        self.programs.iter().find(|counter| counter.home.program == program).ok_or_else(|| {
            let known: Vec<_> = self.programs.iter().map(|counter| counter.home.program.to_string()).collect();
            OperationError::Refused(vec![format!("there is no program `{program}`; the configuration has {}", known.join(", "))])
        })
    }

    async fn ask(&self, act: Act) -> Result<Answer, OperationError> {
        ledger::ask(self.ledger.as_ref(), act).await.map_err(|error| match error {
            LedgerError::Refused | LedgerError::BeyondCounting => OperationError::Refused(vec![error.to_string()]),
            LedgerError::Starting | LedgerError::Unavailable | LedgerError::Late | LedgerError::Panicked => {
                OperationError::Unavailable(error.to_string())
            }
        })
    }

    async fn standings(&self, program: ProgramId, whose: Whose) -> Result<Vec<AccountStanding>, OperationError> {
        self.ask(Act::Balances(Origin::of(program), whose)).await?.into_balances().ok_or_else(other_answer)
    }

    async fn versions(&self, program: ProgramId, kind: KeptKind) -> Result<Vec<KeptRuleset>, OperationError> {
        let versions = self.ask(Act::Rulesets(program)).await?.into_rulesets().ok_or_else(other_answer)?;
        self.see_versions(program, &versions);
        Ok(versions.into_iter().filter(|kept| kept.kind == kind).collect())
    }

    async fn keep(
        &self,
        counter: &Counter,
        (kind, hash): (KeptKind, RulesetHash),
        source: &str,
        by: &str,
        why: &str,
    ) -> Result<KeptRuleset, OperationError> {
        let kept = kept_now(counter, (kind, hash), source, by, why);
        self.ask(Act::Publish(Box::new(kept.clone()), None)).await?;
        Ok(kept)
    }

    /// Keeps what is configured, unless another responder was first.
    async fn keep_first(
        &self,
        counter: &Counter,
        named: (KeptKind, RulesetHash),
        source: &str,
        why: &str,
    ) -> Result<(), OperationError> {
        let kept = kept_now(counter, named, source, BY_CONFIGURATION, why);
        self.ask(Act::PublishFirst(Box::new(kept))).await.map(drop)
    }

    fn put_in_force(&self, counter: &Counter, ruleset: Arc<Ruleset>) {
        if let Some(metrics) = &self.metrics {
            metrics.ruleset(counter.home.program, &ruleset.hash().to_string());
        }
        counter.live.rules.store(ruleset);
    }

    /// Whether a program has any account.
    ///
    /// # Errors
    /// The ledger cannot answer now.
    pub async fn has_accounts(&self, program: ProgramId) -> Result<bool, OperationError> {
        let mut from = Some(0);
        while let Some(place) = from {
            let (standings, next) = self.page(program, place).await?;
            if !standings.is_empty() {
                return Ok(true);
            }
            from = next;
        }
        Ok(false)
    }

    /// Notes something that the configuration asks for, beside the journal.
    ///
    /// # Errors
    /// The ledger cannot write now.
    pub async fn note(&self, program: ProgramId, key: &str, why: &str) -> Result<(), OperationError> {
        let (who, why, at) = ("configuration".to_owned(), why.to_owned(), clock::utc());
        let operation = Operation { program: program.to_string(), key: key.to_owned(), request: [0; 32], who, why, at };
        self.ask(Act::Note(Box::new(operation))).await.map(drop)
    }

    /// Whether it was noted.
    ///
    /// # Errors
    /// The ledger cannot answer now.
    pub async fn was_noted(&self, program: ProgramId, key: &str) -> Result<bool, OperationError> {
        let noted = self.ask(Act::WasNoted(Operation::id_of(program.as_str(), key))).await?.into_noted();
        noted.map(|noted| noted != Noted::New).ok_or_else(other_answer)
    }

    /// A page of a program's accounts, and where the next one begins. Accounts without money behind them are on none.
    async fn page(&self, program: ProgramId, from: u32) -> Result<(Vec<AccountStanding>, Option<u32>), OperationError> {
        let page = self.ask(Act::Accounts { program, from, most: u32::MAX }).await?.into_accounts();
        let (mut standings, next) = page.ok_or_else(other_answer)?;
        standings.retain(|standing| !is_outside(&standing.balance.account, standing.credit_line.minor()));
        Ok((standings, next))
    }
}

impl Operations for Desk {
    async fn import(&self, import: Import) -> Result<ImportSummary, OperationError> {
        self.import_rows(&import).await
    }

    async fn balance(&self, program: Option<ProgramId>, account: AccountId) -> Result<AccountReport, OperationError> {
        let mut found = Vec::new();
        for counter in &self.programs {
            if program.is_none_or(|program| program == counter.home.program) {
                found.extend(self.standings(counter.home.program, Whose::Account(account)).await?);
            }
        }
        match found.as_slice() {
            [only] => Ok(report(only)),
            [] => Err(OperationError::Refused(vec![format!(
                "there is no account `{account}`; `holdfast import` brings accounts in"
            )])),
            [_, ..] => {
                let programs: Vec<_> = found.iter().map(|standing| standing.program.to_string()).collect();
                let problem = format!("several programs have an account `{account}`: say --program {}", programs.join(" or "));
                Err(OperationError::Refused(vec![problem]))
            }
        }
    }

    async fn balances(&self, program: Option<ProgramId>, from: Option<PageStart>) -> Result<BalancesPage, OperationError> {
        let wanted = |id: &ProgramId| program.is_none_or(|program| program == *id);
        let mut programs = self.programs.iter().map(|counter| counter.home.program).filter(wanted);
        let start = match from {
            Some(start) => programs.find(|program| *program == start.program).map(|_| start),
            None => programs.next().map(|program| PageStart { program, number: 0 }),
        };
        let Some(PageStart { program, number }) = start else {
            return Ok(BalancesPage { accounts: Vec::new(), next: None });
        };
        let (standings, next) = self.page(program, number).await?;
        let next = match next {
            Some(number) => Some(PageStart { program, number }),
            None => programs.next().map(|program| PageStart { program, number: 0 }),
        };
        Ok(BalancesPage { accounts: standings.iter().map(report).collect(), next })
    }

    async fn rules_publish(&self, publish: RulesPublish) -> Result<RulesVersion, OperationError> {
        self.publish_version(&publish).await
    }

    async fn rules_history(&self, asked: RulesHistory) -> Result<Vec<RulesVersion>, OperationError> {
        self.versions_told(asked).await
    }

    async fn rules_rollback(&self, rollback: RulesRollback) -> Result<RulesVersion, OperationError> {
        self.roll_back(rollback).await
    }

    async fn trim(&self, trim: Trim) -> Result<TrimReport, OperationError> {
        self.trim_journal(trim.mode, Least::Anything).await
    }

    async fn switch(&self, switch: Switch) -> Result<SwitchReport, OperationError> {
        self.turn_switch(switch).await
    }

    async fn spend(&self, asked: SpendRequest) -> Result<SpendAnswer, OperationError> {
        self.do_spend(asked).await
    }

    async fn bring_back(&self, back: BringBack) -> Result<i64, OperationError> {
        self.bring_entry_back(back).await
    }

    async fn import_profiles(&self, import: ImportProfiles) -> Result<ProfilesSummary, OperationError> {
        self.bring_profiles_in(import).await
    }
}

/// The text of what was published, if it still is what its hash says. Nobody decides by another one under that name.
fn whole(kept: &KeptRuleset) -> Result<&str, OperationError> {
    if kept.is_whole() {
        return Ok(&kept.source);
    }
    Err(OperationError::Refused(vec![format!(
        "the text of {} is not what its hash says: in the ledger's table `ruleset` (of journal.sqlite, or of the database) it was changed \
         or is damaged; restore the ledger from a backup",
        kept.named()
    )]))
}

/// A version as it is kept, that comes into force now.
fn kept_now(counter: &Counter, (kind, hash): (KeptKind, RulesetHash), source: &str, by: &str, why: &str) -> KeptRuleset {
    KeptRuleset {
        kind,
        hash: *hash.as_bytes(),
        program: counter.home.program.to_string(),
        source: source.to_owned(),
        published_at: clock::utc(),
        published_by: by.to_owned(),
        why: why.to_owned(),
    }
}

/// Whether a version decides now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InForce {
    Yes,
    No,
}

fn version(program: ProgramId, kept: &KeptRuleset, in_force: InForce) -> RulesVersion {
    RulesVersion {
        kind: kept.kind,
        program,
        hash: RulesetHash::from_bytes(kept.hash).to_string(),
        at: kept.published_at,
        by: kept.published_by.clone(),
        why: kept.why.clone(),
        in_force: in_force == InForce::Yes,
        waits_for_ledger: false,
        passed_over: Vec::new(),
    }
}

fn report(standing: &AccountStanding) -> AccountReport {
    AccountReport {
        program: standing.program,
        account: standing.balance.account,
        status: standing.status,
        posted: standing.balance.posted,
        held: standing.balance.held,
        credit_line: standing.credit_line,
        available: standing.balance.available,
        holds_open: standing.holds_open,
    }
}

fn refused(errors: crate::config::Errors) -> OperationError {
    OperationError::Refused(errors.to_string().lines().map(str::to_owned).collect())
}

fn other_answer() -> OperationError {
    OperationError::Unavailable("the ledger answered something else than was asked".to_owned())
}
