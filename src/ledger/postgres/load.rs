//! From rows to a slice: locks the accounts that some acts concern, reads all that they name, and makes an engine of it in
//! which they can be performed as in the embedded ledger's.
//!
//! An account's lock covers its cards, holds and limits: they are read after it is had, in a newer snapshot. Accounts are
//! locked in the order of their numbers.

use std::collections::{BTreeSet, HashMap, HashSet};

use deadpool_postgres::Transaction;
use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus, Counted, Step};
use holdfast_core::rules::CounterKey;
use holdfast_core::{Currency, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::beside::Beside;
use super::concerned::{ACCOUNT_COLUMNS, ACCOUNTS_CONCERNED, CARDS_CONCERNED};
use super::counting::counter_of;
use super::named::{Named, People};
use super::rows::{HoldRead, HoldRows, KeyRows, PeopleRows, read_answered, read_hold, read_operation, read_ruleset};
use super::trouble::{Trouble, Whereabouts};
use super::values::{At, Name, counted, mark, merchants, named, word};
use crate::ledger::embedded::engine::Engine;
use crate::ledger::embedded::state::{
    AccountIndex, CardIndex, CardRow, CardholderIndex, CardholderRow, Counting, HoldNumber, HoldRow, NameKey, State, ToldContent,
    UNTOLD,
};

/// How often more accounts may turn out to be concerned than were locked.
const TRIES_MAX: u32 = 8;

/// Where an account's row was read.
#[derive(Debug, Clone, Copy)]
pub struct AccountAt {
    pub number: i64,
    /// How many records had changed it.
    pub changes: i64,
}

/// An engine with the rows that some acts concern, and what those are in the database.
pub struct Loaded {
    pub engine: Engine,
    pub beside: Beside,
    /// By the engine's places.
    pub accounts: Vec<AccountAt>,
    pub cards: Vec<i64>,
    pub cardholders: Vec<i64>,
    /// Where the database has the names that were asked for.
    pub hold_names: HashMap<Name, i64>,
    /// Which counters it has.
    pub counters: HashSet<(CounterKey, Counting)>,
}

/// What a hold's row has of its life, beside its columns.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Life {
    pub steps: SmallVec<[Step; 1]>,
    pub counted: SmallVec<[Counted; 3]>,
}

/// One transaction's reading.
pub struct Loading<'t> {
    pub transaction: &'t Transaction<'t>,
    pub key: NameKey,
    pub named: &'t Named,
    pub now: Timestamp,
    pub at: &'t Whereabouts,
}

/// Rows by number, while they are put in their places.
#[derive(Default)]
struct Places {
    accounts: HashMap<i64, AccountIndex>,
    cards: HashMap<i64, CardIndex>,
    cardholders: HashMap<i64, CardholderIndex>,
}

impl Loading<'_> {
    /// Locks, reads, and makes the engine; the next hold that it places gets `next_hold`.
    ///
    /// # Errors
    /// The database, or [`Trouble::Collided`] if rows moved too often meanwhile.
    pub async fn load(&self, next_hold: i64) -> Result<Loaded, Trouble> {
        let mut more = BTreeSet::new();
        for _ in 0..TRIES_MAX {
            let accounts = self.lock_accounts(&more).await?;
            let known: BTreeSet<i64> = accounts.iter().filter_map(|row| row.try_get("number").ok()).collect();
            let people = self.people();
            let (people, holds, keys, beside) = tokio::try_join!(people, self.holds(), self.keys(), self.beside())?;
            let missing: BTreeSet<i64> =
                people.accounts().chain(holds.accounts()).filter(|number| !known.contains(number)).collect();
            if missing.is_empty() {
                return self.make(next_hold, &accounts, &people, holds, &keys, beside).await;
            }
            // What leads to accounts changed between the two readings; their numbers are known now.
            more.extend(missing);
        }
        Err(Trouble::Collided)
    }

    async fn query(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, self.at);
        let statement = self.transaction.prepare_cached(sql).await.map_err(said)?;
        self.transaction.query(&statement, parameters).await.map_err(said)
    }

    async fn lock_accounts(&self, more: &BTreeSet<i64>) -> Result<Vec<Row>, Trouble> {
        let named = self.named;
        let program = named.program.as_str();
        let names: Vec<&str> = named.accounts.iter().map(|account| account.as_str()).collect();
        let cards: Vec<&str> = named.cards.values().map(|card| card.as_str()).collect();
        let owners: Vec<&str> = named.owners.iter().map(|owner| owner.as_str()).collect();
        let more: Vec<i64> = more.iter().copied().collect();
        let all = named.people == People::Changed;
        let sql = format!(
            "SELECT {ACCOUNT_COLUMNS} FROM holdfast.account WHERE number IN ({ACCOUNTS_CONCERNED}) ORDER BY number FOR UPDATE"
        );
        self.query(&sql, &[&program, &names, &cards, &all, &owners, &self.payment_names(), &named.holds, &more]).await
    }

    fn payment_names(&self) -> Vec<Name> {
        self.named.payments.iter().copied().map(Name::from).collect()
    }

    async fn people(&self) -> Result<PeopleRows, Trouble> {
        let named = self.named;
        let program = named.program.as_str();
        let lock = if named.people == People::Changed { "ORDER BY number FOR UPDATE" } else { "" };
        let cards: Vec<&str> = named.cards.values().map(|card| card.as_str()).collect();
        let owners: Vec<&str> = named.cardholders.values().map(|owner| owner.as_str()).collect();
        let payments = self.payment_names();
        let columns =
            "number, token, account, cardholder, status, told_at, told_by, known_since, used_since, merchants, merchants_others";
        let of_cards = format!("SELECT {columns} FROM holdfast.card WHERE number IN ({CARDS_CONCERNED}) {lock}");
        let cards = self.query(&of_cards, &[&program, &cards, &payments, &named.holds]).await?;
        let of_owners = format!(
            "SELECT number, token, status, told_at, told_by FROM holdfast.cardholder WHERE number IN (
                SELECT number FROM holdfast.cardholder WHERE program = $1 AND token = ANY($2)
                UNION SELECT unnest($3::bigint[])) {lock}"
        );
        let behind_cards: Vec<i64> = cards.iter().filter_map(|row| row.try_get("cardholder").ok().flatten()).collect();
        let cardholders = self.query(&of_owners, &[&program, &owners, &behind_cards]).await?;
        let whose = self.whose_accounts_matter(&cards, &cardholders);
        let of_accounts = "SELECT cardholder, account, cards FROM holdfast.ownership WHERE cardholder = ANY($1) ORDER BY account";
        let ownership = if whose.is_empty() { Vec::new() } else { self.query(of_accounts, &[&whose]).await? };
        Ok(PeopleRows { cards, cardholders, ownership })
    }

    /// The cardholders whose accounts may be meant, or may change.
    fn whose_accounts_matter(&self, cards: &[Row], cardholders: &[Row]) -> Vec<i64> {
        let named = self.named;
        let is_owner = |row: &&Row| {
            let token: Result<&str, _> = row.try_get("token");
            token.is_ok_and(|token| named.owners.iter().any(|owner| owner.as_str() == token))
        };
        let owners = cardholders.iter().filter(is_owner).filter_map(|row| row.try_get("number").ok());
        let all = named.people == People::Changed;
        let leads_nowhere = |row: &&Row| all || row.try_get::<_, Option<i64>>("account").is_ok_and(|account| account.is_none());
        let behind_cards = cards.iter().filter(leads_nowhere).filter_map(|row| row.try_get("cardholder").ok().flatten());
        owners.chain(behind_cards).collect::<BTreeSet<i64>>().into_iter().collect()
    }

    async fn holds(&self) -> Result<HoldRows, Trouble> {
        let payments = self.payment_names();
        if payments.is_empty() && self.named.holds.is_empty() {
            return Ok(HoldRows::default());
        }
        let names = self.query("SELECT name, hold FROM holdfast.hold_name WHERE name = ANY($1)", &[&payments]).await?;
        let numbers: BTreeSet<i64> =
            names.iter().filter_map(|row| row.try_get("hold").ok()).chain(self.named.holds.iter().copied()).collect();
        let numbers: Vec<i64> = numbers.into_iter().collect();
        let sql = "SELECT number, platform, payment, account, card, status, posting, authorized, held, ahead, captured, refunded,
            moved, tolerance, expiry, expires_at, changed_at, names, life FROM holdfast.hold WHERE number = ANY($1) ORDER BY number";
        let rows = if numbers.is_empty() { Vec::new() } else { self.query(sql, &[&numbers]).await? };
        let damaged = || Trouble::Damaged("hold", self.at.clone());
        let holds = rows.iter().map(|row| read_hold(row).ok_or_else(damaged)).collect::<Result<_, _>>()?;
        Ok(HoldRows { names, holds })
    }

    async fn keys(&self) -> Result<KeyRows, Trouble> {
        let (asked, told) = (&self.named.asked, &self.named.told);
        let answers = "SELECT key, digest, asked_at, amount, currency, reason FROM holdfast.asked WHERE key = ANY($1)";
        let messages = "SELECT key, content FROM holdfast.told WHERE key = ANY($1)";
        let asked = if asked.is_empty() { Vec::new() } else { self.query(answers, &[asked]).await? };
        let told = if told.is_empty() { Vec::new() } else { self.query(messages, &[told]).await? };
        Ok(KeyRows { asked, told })
    }

    async fn beside(&self) -> Result<Beside, Trouble> {
        let beside = Beside::default();
        if self.named.publishes {
            self.query("UPDATE holdfast.numbering SET next = next + 1 WHERE what = 'publication' RETURNING next", &[]).await?;
        }
        if self.named.rulesets {
            let sql = "SELECT hash, kind, program, source, published_at, published_by, why FROM holdfast.ruleset
                WHERE program = $1 ORDER BY number";
            let rows = self.query(sql, &[&self.named.program.as_str()]).await?;
            beside.kept().rulesets = self.all_of("ruleset", &rows, read_ruleset)?;
        }
        if !self.named.operations.is_empty() {
            let ids: Vec<Name> = self.named.operations.iter().copied().map(Name).collect();
            let sql = "SELECT program, key, request, who, why, at FROM holdfast.operation WHERE id = ANY($1)";
            let rows = self.query(sql, &[&ids]).await?;
            beside.kept().operations = self.all_of("operation", &rows, read_operation)?;
        }
        Ok(beside)
    }

    fn all_of<T>(&self, table: &'static str, rows: &[Row], read: impl Fn(&Row) -> Option<T>) -> Result<Vec<T>, Trouble> {
        rows.iter().map(|row| read(row).ok_or_else(|| Trouble::Damaged(table, self.at.clone()))).collect()
    }

    /// Puts everything in its place.
    async fn make(
        &self,
        next_hold: i64,
        accounts: &[Row],
        people: &PeopleRows,
        holds: HoldRows,
        keys: &KeyRows,
        beside: Beside,
    ) -> Result<Loaded, Trouble> {
        let damaged = |table| move || Trouble::Damaged(table, self.at.clone());
        let mut state = State::of_few(self.key);
        let mut places = Places::default();
        let (mut at, mut open) = (Vec::new(), Vec::new());
        for row in accounts {
            let (place, holds_open) = self.place_account(&mut state, &mut places, row).ok_or_else(damaged("account"))?;
            at.push(place);
            open.push(holds_open);
        }
        for row in &people.cardholders {
            self.place_cardholder(&mut state, &mut places, row, &people.ownership).ok_or_else(damaged("cardholder"))?;
        }
        for row in &people.cards {
            self.place_card(&mut state, &mut places, row).ok_or_else(damaged("card"))?;
        }
        let hold_names = holds.names.iter().filter_map(|row| Some((row.try_get("name").ok()?, row.try_get("hold").ok()?)));
        // All of a payment's names: it may be joined to another one, and gives them all.
        let others = holds.holds.iter().flat_map(|hold| hold.names.iter().map(|name| (Name::from(*name), hold.number)));
        let hold_names: HashMap<Name, i64> = others.chain(hold_names).collect();
        let mut limits: BTreeSet<(i64, &'static str)> =
            self.named.limits.iter().map(|(counter, scope)| (counter.0.cast_signed(), scope.kept_as().name())).collect();
        for hold in holds.holds {
            limits.extend(hold.life.counted.iter().map(|place| (place.counter.0.cast_signed(), place.scope.kept_as().name())));
            self.place_hold(&mut state, &places, hold).ok_or_else(damaged("hold"))?;
        }
        for (place, holds_open) in (0..).zip(open) {
            state.restore_holds_open(AccountIndex(place), holds_open);
        }
        state.number_holds_from(next_hold.cast_unsigned());
        let counters = self.place_counters(&mut state, &places, &limits).await?;
        for row in &keys.asked {
            let (name, answered) = read_answered(row).ok_or_else(damaged("asked"))?;
            // How old it is does not matter to a memory that ends with its transaction.
            state.restore_asked(self.now, name, answered);
        }
        for row in &keys.told {
            let read = || Some((row.try_get("key").ok()?, row.try_get("content").ok()?));
            let (name, content): (Name, Option<i64>) = read().ok_or_else(damaged("told"))?;
            state.restore_told(self.now, name.into(), content.map(ToldContent::from_column));
        }
        let numbers = |rows: &[Row]| rows.iter().filter_map(|row| row.try_get("number").ok()).collect();
        let (cards, cardholders) = (numbers(&people.cards), numbers(&people.cardholders));
        let engine = Engine::new(Box::new(beside.clone()), Box::new(state));
        Ok(Loaded { engine, beside, accounts: at, cards, cardholders, hold_names, counters })
    }

    fn place_account(&self, state: &mut State, places: &mut Places, row: &Row) -> Option<(AccountAt, u32)> {
        let account = Account {
            currency: word(row, "currency", Currency::from_alpha)?,
            status: word(row, "status", AccountStatus::from_name)?,
            posted: row.try_get("posted").ok()?,
            held: row.try_get("held").ok()?,
            credit_line: row.try_get("credit_line").ok()?,
        };
        let (number, changes) = (row.try_get("number").ok()?, row.try_get("changes").ok()?);
        let told = mark(row)?.unwrap_or(UNTOLD);
        let index = state.restore_account(&named(row, "program")?, &named(row, "name")?, account, told);
        places.accounts.insert(number, index);
        Some((AccountAt { number, changes }, counted(row, "holds_open")?))
    }

    fn place_cardholder(&self, state: &mut State, places: &mut Places, row: &Row, ownership: &[Row]) -> Option<()> {
        let number: i64 = row.try_get("number").ok()?;
        let status = match row.try_get::<_, Option<&str>>("status").ok()? {
            Some(name) => Some(CardholderStatus::from_name(name)?),
            None => None,
        };
        let mut accounts = SmallVec::new();
        for row in ownership {
            let cards: u32 = counted(row, "cards")?;
            if row.try_get::<_, i64>("cardholder").ok()? == number && cards > 0 {
                accounts.push((*places.accounts.get(&row.try_get("account").ok()?)?, cards));
            }
        }
        let row_of = CardholderRow { status, told: mark(row)?, accounts, ..CardholderRow::default() };
        places.cardholders.insert(number, state.restore_cardholder(&self.named.program, &named(row, "token")?, row_of));
        Some(())
    }

    fn place_card(&self, state: &mut State, places: &mut Places, row: &Row) -> Option<()> {
        let place = |column| row.try_get::<_, Option<i64>>(column).ok();
        let account = match place("account")? {
            Some(number) => Some(*places.accounts.get(&number)?),
            None => None,
        };
        let cardholder = match place("cardholder")? {
            Some(number) => Some(*places.cardholders.get(&number)?),
            None => None,
        };
        let status = word(row, "status", CardStatus::from_name)?;
        let At(since) = row.try_get("known_since").ok()?;
        let used = row.try_get::<_, Option<At>>("used_since").ok()?.map(|At(at)| at);
        let (told, merchants) = (mark(row)?.unwrap_or(UNTOLD), merchants(row)?);
        let card = CardRow { status, told, account, cardholder, since, used, merchants };
        let index = state.restore_card_of_owner(&self.named.program, &named(row, "token")?, card);
        places.cards.insert(row.try_get("number").ok()?, index);
        Some(())
    }

    fn place_hold(&self, state: &mut State, places: &Places, read: HoldRead) -> Option<()> {
        let card = match read.card {
            Some(number) => Some(*places.cards.get(&number)?),
            None => None,
        };
        let row = HoldRow {
            number: HoldNumber(read.number.cast_unsigned()),
            account: *places.accounts.get(&read.account)?,
            card,
            platform: read.platform,
            payment: read.payment,
            expiry: read.expiry,
            hold: read.hold,
            steps: read.life.steps,
            counted: read.life.counted,
            names: read.names,
        };
        state.restore_hold(row, read.changed_at, 0);
        Some(())
    }

    /// Counters are locked too: a program's is many accounts', and a card may move to another account.
    async fn place_counters(
        &self,
        state: &mut State,
        places: &Places,
        limits: &BTreeSet<(i64, &'static str)>,
    ) -> Result<HashSet<(CounterKey, Counting)>, Trouble> {
        if limits.is_empty() {
            return Ok(HashSet::new());
        }
        let (counters, scopes): (Vec<i64>, Vec<&str>) = limits.iter().copied().unzip();
        let (cards, accounts): (Vec<i64>, Vec<i64>) =
            (places.cards.keys().copied().collect(), places.accounts.keys().copied().collect());
        let sql = "SELECT counter, scope, subject, kind, slots, amounts, counts, over_at FROM holdfast.counter
            WHERE (counter, scope, subject) IN (
                SELECT w.counter, w.scope, s.subject FROM unnest($1::bigint[], $2::text[]) AS w (counter, scope)
                CROSS JOIN LATERAL (
                    SELECT unnest($3::bigint[]) WHERE w.scope = 'card'
                    UNION ALL SELECT unnest($4::bigint[]) WHERE w.scope = 'account'
                    UNION ALL SELECT 0 WHERE w.scope = 'program') AS s (subject))
            ORDER BY counter, scope, subject FOR UPDATE";
        let rows = self.query(sql, &[&counters, &scopes, &cards, &accounts]).await?;
        let mut known = HashSet::new();
        for row in &rows {
            let read = || {
                let subject: i64 = row.try_get("subject").ok()?;
                let counting = match row.try_get("scope").ok()? {
                    "card" => Counting::Card(*places.cards.get(&subject)?),
                    "account" => Counting::Account(*places.accounts.get(&subject)?),
                    "program" => Counting::Program,
                    // The database lets no other one be written.
                    _ => return None,
                };
                let key = CounterKey(row.try_get::<_, i64>("counter").ok()?.cast_unsigned());
                Some(((key, counting), counter_of(row)?))
            };
            let ((key, counting), counter) = read().ok_or_else(|| Trouble::Damaged("counter", self.at.clone()))?;
            state.restore_counter(key, counting, counter);
            known.insert((key, counting));
        }
        Ok(known)
    }
}
