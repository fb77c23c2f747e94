//! `/v1/accounts`: where the money is. One account is read from the ledger itself, and is what it is at that moment.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::hold::{self, AccountStatus, Fact, MovementCause, Subject};
use holdfast_core::{AccountId, Money, ProgramId};
use http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::caller::{Caller, ProgramParameter};
use super::input::{self, Fields, Need};
use super::meanwhile::{BAR_WITHIN, Barred, LEDGER, NOT_LOOKED_UP, holds_here};
use super::openapi::{ReadProblems, WriteProblems};
use super::page::{Page, PageParameters};
use super::problem::{Code, Problem};
use super::reads::{AccountLine, AsOf};
use super::router::{Target, from_reads};
use super::write::{Change, KeyParameter, Write};
use super::{Api, other_answer};
use crate::ledger::{AccountStanding, Act, BEYOND_COUNTING, Entry, Whose};

/// An account. Amounts are whole numbers in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    /// Its name, unique in the program.
    #[schema(value_type = String, max_length = 64, example = "acct-demo-1")]
    pub account_id: AccountId,
    /// ISO 4217.
    #[schema(value_type = String, example = "USD")]
    pub currency: &'static str,
    /// `active`, `frozen` or `closed`.
    #[schema(value_type = String, example = "active")]
    pub status: &'static str,
    /// What is booked, in minor units.
    #[schema(example = 100_000)]
    pub posted: i64,
    /// What of it is held for payments under way, in minor units.
    #[schema(example = 2735)]
    pub held: i64,
    /// What may be authorized: `posted` − `held` + `credit_line`, in minor units, and never beyond 64 bits.
    #[schema(example = 97_265)]
    pub available: i64,
    /// How far below zero it may go, in minor units.
    #[schema(example = 0)]
    pub credit_line: i64,
}

/// An account that is barred at this server while the ledger is away: what is on it, only the ledger can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BarredAccount {
    /// Its name.
    #[schema(value_type = String, max_length = 64, example = "acct-demo-1")]
    pub account_id: AccountId,
    /// `frozen` or `closed`.
    #[schema(value_type = String, example = "frozen")]
    pub status: &'static str,
    /// `ledger`: it has yet to hear of it. Stand-in goes by it already.
    #[schema(value_type = String, example = "ledger")]
    pub waits_for: &'static str,
    /// What to look at later, where nobody could look up whether there is such an account. Not there otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub note: Option<&'static str>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    /// The accounts, in the order in which they came.
    pub accounts: Vec<Account>,
    /// What to send as `cursor` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Everything up to this record of the journal is in it.
    pub as_of: i64,
}

/// An account to create. It begins with nothing posted: money comes by a credit, which says where from.
#[derive(Debug, Clone, ToSchema)]
pub struct NewAccount {
    /// Its name, unique in the program: 1 to 64 bytes without control characters.
    #[schema(value_type = String, max_length = 64, example = "acct-1001")]
    pub account_id: AccountId,
    /// ISO 4217; the program's.
    #[schema(value_type = String, example = "USD")]
    pub currency: Money,
    /// How far below zero it may go, in minor units; 0 if left out.
    #[schema(value_type = Option<i64>, minimum = 0, example = 0)]
    pub credit_line: i64,
    /// Why, for whoever reads it later.
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: String,
}

/// Money to credit or to debit by hand.
#[derive(Debug, Clone, ToSchema)]
pub struct Amount {
    /// How much, in minor units; more than nothing.
    #[schema(value_type = i64, minimum = 1, example = 2500)]
    pub amount: Money,
    /// ISO 4217; the account's.
    #[schema(value_type = String, example = "USD")]
    pub currency: (),
    /// What it is balanced against: `funding` (loads, deposits, withdrawals), `fee`, `dispute`, or
    /// `stand_in_loss` (a credit that writes off what stand-in approved and nobody repaid; a debit takes that back).
    #[schema(value_type = String, example = "funding")]
    pub cause: MovementCause,
    /// Why, for whoever reads it later. Debits need it.
    #[schema(value_type = Option<String>, max_length = 500, example = "payroll of March")]
    pub reason: String,
}

/// A status to set.
#[derive(Debug, Clone, ToSchema)]
pub struct NewStatus {
    /// `active`, `frozen` or `closed`. What is closed stays closed.
    #[schema(value_type = String, example = "frozen")]
    pub status: AccountStatus,
    /// Why, for whoever reads it later.
    #[schema(max_length = 500, example = "owner asked for it")]
    pub reason: String,
}

/// Lists accounts.
#[utoipa::path(get, operation_id = "list_accounts", path = "/v1/accounts", tag = "accounts", params(ProgramParameter, PageParameters),
    responses((status = 200, body = Accounts), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Accounts>, Problem> {
    let page = caller.query.finish(|fields| Page::read(fields, "accounts"))?;
    let read = from_reads(api.reads.accounts(caller.program.id, page).await)?;
    Ok(Json(Accounts {
        accounts: read.found.lines.iter().map(Account::of_line).collect(),
        next_cursor: read.found.more_behind.map(|last| Page::cursor("accounts", last)),
        as_of: read.record,
    }))
}

/// Gets an account, as the ledger has it at this moment.
#[utoipa::path(get, operation_id = "get_account", path = "/v1/accounts/{account_id}", tag = "accounts",
    params(("account_id" = String, Path, description = "The account's name."), ProgramParameter),
    responses((status = 200, body = Account), ReadProblems))]
pub(super) async fn get(State(api): State<Arc<Api>>, target: Target, caller: Caller) -> Result<Json<Account>, Problem> {
    caller.query.finish(|_| Some(()))?;
    api.account(caller.program.id, target.parse("account")?).await.map(|standing| Json(Account::of(&standing)))
}

/// Creates an account. One that is there already with the same currency and credit line is answered with 200.
#[utoipa::path(post, operation_id = "create_account", path = "/v1/accounts", tag = "accounts", params(ProgramParameter, KeyParameter),
    request_body = NewAccount,
    responses((status = 201, body = Account), (status = 200, description = "It was there", body = Account), WriteProblems))]
pub(super) async fn create(State(api): State<Arc<Api>>, write: Write) -> Result<Response, Problem> {
    let currency = write.program().currency;
    let (new, change) = write.read(|fields| NewAccount::read(fields, currency))?;
    let program = change.program.id;
    let _one_at_a_time = api.create_alone().await?;
    let known = api.account_or_none(program, new.account_id).await?;
    match known {
        Some(known) if !new.is(&known) => {
            let detail = "an account of this name has another currency, credit line or status; nothing was changed";
            api.made_before(&change, new.reason.clone(), Problem::of(Code::AlreadyExists, detail)).await?;
            Ok(Json(Account::of(&known)).into_response())
        }
        Some(known) => {
            api.take_down(&change, new.reason.clone()).await?;
            Ok(Json(Account::of(&known)).into_response())
        }
        None => {
            let taken = api.take_down(&change, new.reason.clone()).await?;
            let entry = Entry::Account {
                account: new.account_id,
                balance: new.currency,
                credit_line: new.credit_line,
                status: AccountStatus::Active,
            };
            api.ask(Act::Enter(taken.origin, vec![entry])).await?;
            let account = api.account(program, new.account_id).await?;
            Ok((StatusCode::CREATED, Json(Account::of(&account))).into_response())
        }
    }
}

/// Credits an account by hand.
#[utoipa::path(post, operation_id = "credit_account", path = "/v1/accounts/{account_id}/credits", tag = "accounts",
    params(("account_id" = String, Path, description = "The account's name."), ProgramParameter, KeyParameter),
    request_body = Amount, responses((status = 200, body = Account), WriteProblems))]
pub(super) async fn credit(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Json<Account>, Problem> {
    api.book(&target, write, Direction::In).await
}

/// Debits an account by hand. It is booked in full, even if less is available.
#[utoipa::path(post, operation_id = "debit_account", path = "/v1/accounts/{account_id}/debits", tag = "accounts",
    params(("account_id" = String, Path, description = "The account's name."), ProgramParameter, KeyParameter),
    request_body = Amount, responses((status = 200, body = Account), WriteProblems))]
pub(super) async fn debit(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Json<Account>, Problem> {
    api.book(&target, write, Direction::Out).await
}

/// Sets an account's status. While the ledger is away, `frozen` and `closed` hold at this server at once, are durable in the spool, and are brought
/// to the ledger once, with who and why: answered 202. `active` needs the ledger. An account that nobody can look up then is barred as well, and
/// the answer has a `note`: if the ledger does not know it, the bar is set aside when it is back.
#[utoipa::path(put, operation_id = "set_account_status", path = "/v1/accounts/{account_id}/status", tag = "accounts",
    params(("account_id" = String, Path, description = "The account's name."), ProgramParameter, KeyParameter),
    request_body = NewStatus, responses((status = 200, body = Account),
    (status = 202, description = "It holds at this server, and waits for the ledger", body = BarredAccount), WriteProblems))]
pub(super) async fn set_status(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Response, Problem> {
    api.set_account_status(&target, write).await
}

/// Which way money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

impl Api {
    /// What the ledger has of an account now.
    ///
    /// # Errors
    /// It is not there, or the ledger is away.
    pub(super) async fn account(&self, program: ProgramId, account: AccountId) -> Result<AccountStanding, Problem> {
        self.account_or_none(program, account).await?.ok_or_else(|| Problem::unknown("account"))
    }

    async fn account_or_none(&self, program: ProgramId, account: AccountId) -> Result<Option<AccountStanding>, Problem> {
        let origin = crate::ledger::Origin::of(program);
        let standings = self.ask(Act::Balances(origin, Whose::Account(account))).await?.into_balances();
        standings.map(|standings| standings.into_iter().next()).ok_or_else(other_answer)
    }

    async fn set_account_status(&self, target: &Target, write: Write) -> Result<Response, Problem> {
        let account = target.parse("account")?;
        let program = write.program().id;
        let (known, note) = match timeout(BAR_WITHIN, self.account(program, account)).await {
            Ok(Err(problem)) if !problem.is(Code::LedgerUnavailable) => return Err(problem),
            Ok(Ok(standing)) => (Some(standing.status), None),
            Ok(Err(_)) | Err(_) => {
                let note = self.must_not_be_unknown(program, account).await?;
                (self.meanwhile.waiting_of_account(program, account), note)
            }
        };
        let (NewStatus { status, reason }, change) = write.read(NewStatus::read)?;
        if known.is_some_and(|known| !known.may_become(status)) {
            let refusal = Problem::of(Code::StatusFinal, "the account is closed for good; nothing was changed");
            self.made_before(&change, reason, refusal).await?;
            return self.account(program, account).await.map(|standing| Json(Account::of(&standing)).into_response());
        }
        let fact = Fact::Account { account, status };
        let barred = if status.bar().is_some() {
            self.bar(&change, reason, fact).await?
        } else {
            let taken = self.take_down(&change, reason).await?;
            self.tell(&taken, Subject::default(), fact).await?;
            Barred::ByLedger
        };
        match barred {
            Barred::ByLedger => self.account(program, account).await.map(|standing| Json(Account::of(&standing)).into_response()),
            Barred::Here => Ok(holds_here(BarredAccount { account_id: account, status: status.name(), waits_for: LEDGER, note })),
        }
    }

    /// Where the ledger cannot be asked, what follows it may know all that was ever entered: then an account that it does not have is none. What
    /// to say where nobody knows.
    async fn must_not_be_unknown(&self, program: ProgramId, account: AccountId) -> Result<Option<&'static str>, Problem> {
        let page = Page { limit: 1, last: None };
        match timeout(BAR_WITHIN, self.reads.cards(program, account, page)).await {
            Ok(Ok(AsOf { fresh: true, found: None, .. })) => Err(Problem::unknown("account")),
            Ok(Ok(AsOf { found: Some(_), .. })) => Ok(None),
            Ok(Ok(AsOf { found: None, .. }) | Err(_)) | Err(_) => Ok(Some(NOT_LOOKED_UP)),
        }
    }

    async fn book(&self, target: &Target, write: Write, direction: Direction) -> Result<Json<Account>, Problem> {
        let account = target.parse("account")?;
        let currency = self.account(write.program().id, account).await?.balance.posted.currency();
        let why = if direction == Direction::In { Need::Optional } else { Need::Required };
        let (Amount { amount, cause, reason, .. }, change) = write.read(|fields| Amount::read(fields, currency, why))?;
        if direction == Direction::In {
            self.must_be_countable(&change, &reason, account, amount).await?;
        }
        let taken = self.take_down(&change, reason).await?;
        let fact = match direction {
            Direction::In => Fact::Credited { payment: None, amount, cause },
            Direction::Out => Fact::Debited { payment: None, amount, cause },
        };
        self.tell(&taken, Subject { account: Some(account), ..Subject::default() }, fact).await?;
        self.account(change.program.id, account).await.map(|standing| Json(Account::of(&standing)))
    }
}

impl Api {
    /// A credit that would leave more to be spent, with the credit line, than can be counted is refused, unless it was made before.
    async fn must_be_countable(&self, change: &Change, reason: &str, account: AccountId, amount: Money) -> Result<(), Problem> {
        let known = self.account(change.program.id, account).await?;
        let after = known.balance.posted.minor().checked_add(amount.minor());
        // More than can be posted the ledger refuses itself, and keeps that.
        let is_beyond = after.is_some_and(|posted| hold::Account::spendable_max(posted, known.credit_line.minor()).is_none());
        if !is_beyond {
            return Ok(());
        }
        let refusal = Problem::too_large(&format!("{BEYOND_COUNTING}; nothing was changed"));
        self.made_before(change, reason.to_owned(), refusal).await
    }
}

impl NewAccount {
    fn read(fields: &Fields, of_program: holdfast_core::Currency) -> Option<Self> {
        let account_id = fields.parsed("account_id", Need::Required, AccountId::new);
        let currency = fields.currency(of_program, input::Whose::Program);
        let credit_line = fields.minor("credit_line", Need::Optional, 0).unwrap_or_default();
        let reason = fields.reason(Need::Optional);
        Some(NewAccount { account_id: account_id?, currency: Money::zero(currency?), credit_line, reason: reason? })
    }

    /// Whether what is there is what was to be created.
    fn is(&self, known: &AccountStanding) -> bool {
        let same_line = known.credit_line == Money::from_minor(self.credit_line, self.currency.currency());
        same_line && known.status == AccountStatus::Active
    }
}

impl Amount {
    fn read(fields: &Fields, of_account: holdfast_core::Currency, why: Need) -> Option<Self> {
        let amount = fields.money(of_account);
        let cause = fields.parsed("cause", Need::Required, |word| match word {
            "funding" => Ok(MovementCause::Funding),
            "fee" => Ok(MovementCause::Fee),
            "dispute" => Ok(MovementCause::Dispute),
            "stand_in_loss" => Ok(MovementCause::StandInLoss),
            _ => Err("must be funding, fee, dispute or stand_in_loss"),
        });
        let reason = fields.reason(why);
        Some(Amount { amount: amount?, currency: (), cause: cause?, reason: reason? })
    }
}

impl NewStatus {
    fn read(fields: &Fields) -> Option<Self> {
        let status = fields
            .parsed("status", Need::Required, |name| AccountStatus::from_name(name).ok_or("must be active, frozen or closed"));
        let reason = fields.reason(Need::Required);
        Some(NewStatus { status: status?, reason: reason? })
    }
}

impl Account {
    fn of(standing: &AccountStanding) -> Self {
        Account {
            account_id: standing.balance.account,
            currency: standing.balance.posted.currency().code(),
            status: standing.status.name(),
            posted: standing.balance.posted.minor(),
            held: standing.balance.held.minor(),
            available: standing.balance.available.minor(),
            credit_line: standing.credit_line.minor(),
        }
    }

    fn of_line(line: &AccountLine) -> Self {
        let AccountLine { account, status, posted, held, credit_line } = *line;
        let (currency, minor) = (posted.currency(), posted.minor());
        let available = hold::Account { currency, posted: minor, held, credit_line, status }.available();
        Account {
            account_id: account,
            currency: posted.currency().code(),
            status: status.name(),
            posted: posted.minor(),
            held,
            available,
            credit_line,
        }
    }
}
