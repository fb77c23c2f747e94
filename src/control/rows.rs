//! Accounts and cards as operators write them: CSV to typed rows, with every error at once and never a value in one.
//!
//! Knows the files alone. Whether a program exists, or an account has that currency, is for [`problems_with_programs`]
//! and the ledger.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::{AccountId, CardToken, CardholderToken, Currency, Money, ProgramId};

use super::protocol::{AccountRow, CardRow, Import, ImportFile, RowProblem};

/// The first line of an accounts file.
pub const ACCOUNT_COLUMNS: &[&str] = &["account_id", "program", "currency", "balance", "credit_line", "status"];
/// The first line of a cards file.
pub const CARD_COLUMNS: &[&str] = &["card_token", "account_id", "cardholder_token", "status"];

impl ImportFile {
    /// The file's first line.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            ImportFile::Accounts => ACCOUNT_COLUMNS,
            ImportFile::Cards => CARD_COLUMNS,
        }
    }
}

impl RowProblem {
    /// The column's number in its file, from 1; 1 for the row as a whole.
    #[must_use]
    pub fn column_number(&self) -> usize {
        self.file.columns().iter().position(|column| *column == self.column).unwrap_or(0).saturating_add(1)
    }
}

/// Reads both files of an import, either of which may be left out.
///
/// # Errors
/// Everything that is wrong with either.
pub fn read(accounts: Option<&Path>, cards: Option<&Path>) -> Result<Import, Vec<RowProblem>> {
    let (import, problems) = read_sound_rows(accounts, cards);
    if problems.is_empty() { Ok(import) } else { Err(problems) }
}

/// The rows of both files that are right by themselves, and everything that is wrong with the others: for those who have
/// more to check in the rows that remain.
#[must_use]
pub fn read_sound_rows(accounts: Option<&Path>, cards: Option<&Path>) -> (Import, Vec<RowProblem>) {
    let mut problems = Vec::new();
    let accounts = accounts.and_then(|path| open(ImportFile::Accounts, path, &mut problems));
    let accounts = accounts.map(|text| read_accounts(&text, &mut problems)).unwrap_or_default();
    let cards = cards.and_then(|path| open(ImportFile::Cards, path, &mut problems));
    let cards = cards.map(|text| read_cards(&text, &accounts, &mut problems)).unwrap_or_default();
    (Import { accounts, cards }, problems)
}

/// What is wrong with an import for those who know the programs: rows of unknown programs, or in another currency.
#[must_use]
pub fn problems_with_programs(import: &Import, currency_of: impl Fn(&AccountRow) -> Option<Currency>) -> Vec<RowProblem> {
    let mut problems = Vec::new();
    for row in &import.accounts {
        let problem = match currency_of(row) {
            None => ("program", "is not a program of the configuration".to_owned()),
            Some(currency) if currency != row.balance.currency() => ("currency", format!("must be the program's, {currency}")),
            Some(_) => continue,
        };
        let (column, problem) = (problem.0.to_owned(), problem.1);
        problems.push(RowProblem { file: ImportFile::Accounts, line: row.line, column, problem });
    }
    problems
}

/// Reads an accounts file.
fn read_accounts(text: &[u8], problems: &mut Vec<RowProblem>) -> Vec<AccountRow> {
    let mut seen: BTreeMap<(ProgramId, AccountId), u64> = BTreeMap::new();
    let mut rows = Vec::new();
    for_each_row(ImportFile::Accounts, text, problems, |fields| {
        let account = fields.parse("account_id", AccountId::new);
        let program = fields.parse("program", ProgramId::new);
        let currency = fields.parse("currency", str::parse::<Currency>);
        let balance = currency.and_then(|currency| fields.parse("balance", |text| Money::from_decimal(text, currency)));
        let credit_line = currency.and_then(|currency| fields.parse("credit_line", |text| credit_line(text, currency)));
        let status = fields.parse("status", account_status);
        let (Some(program), Some(account)) = (program, account) else { return };
        fields.refuse_repeated("account_id", seen.entry((program, account)));
        let (Some(balance), Some(credit_line), Some(status)) = (balance, credit_line, status) else { return };
        rows.push(AccountRow { line: fields.line, program, account, balance, credit_line, status });
    });
    rows
}

/// Reads a cards file; `accounts` tell the programs of the accounts that are imported with it.
fn read_cards(text: &[u8], accounts: &[AccountRow], problems: &mut Vec<RowProblem>) -> Vec<CardRow> {
    let mut programs: BTreeMap<AccountId, Vec<ProgramId>> = BTreeMap::new();
    for row in accounts {
        programs.entry(row.account).or_default().push(row.program);
    }
    let mut seen: BTreeMap<(Option<ProgramId>, CardToken), u64> = BTreeMap::new();
    let mut rows = Vec::new();
    for_each_row(ImportFile::Cards, text, problems, |fields| {
        let card = fields.parse("card_token", card_token);
        let account = fields.parse("account_id", AccountId::new);
        let cardholder = fields.parse("cardholder_token", cardholder_token);
        let status = fields.parse("status", card_status);
        let program = account.and_then(|account| fields.parse("account_id", |_| only_program(programs.get(&account))));
        let (Some(card), Some(program)) = (card, program) else { return };
        fields.refuse_repeated("card_token", seen.entry((program, card)));
        let (Some(account), Some(cardholder), Some(status)) = (account, cardholder, status) else { return };
        rows.push(CardRow { line: fields.line, program, card, account, cardholder, status });
    });
    rows
}

fn open(file: ImportFile, path: &Path, problems: &mut Vec<RowProblem>) -> Option<Vec<u8>> {
    let problem = |error| RowProblem { file, line: 1, column: String::new(), problem: format!("cannot be read: {error}") };
    fs::read(path).map_err(|error| problems.push(problem(error))).ok()
}

/// One row's fields by their columns' names.
struct Fields<'r> {
    file: ImportFile,
    line: u64,
    record: &'r ByteRecord,
    problems: &'r mut Vec<RowProblem>,
}

impl Fields<'_> {
    fn wrong(&mut self, column: &str, problem: String) {
        self.problems.push(RowProblem { file: self.file, line: self.line, column: column.to_owned(), problem });
    }

    fn parse<T, E: std::fmt::Display>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let index = self.file.columns().iter().position(|name| *name == column)?;
        let parsed = match std::str::from_utf8(self.record.get(index)?) {
            Ok(text) => parse(text).map_err(|error| error.to_string()),
            Err(_) => Err("is not UTF-8".to_owned()),
        };
        parsed.map_err(|problem| self.wrong(column, problem)).ok()
    }

    fn refuse_repeated<K: Ord>(&mut self, column: &str, entry: Entry<'_, K, u64>) {
        match entry {
            Entry::Vacant(vacant) => {
                vacant.insert(self.line);
            }
            Entry::Occupied(first) => self.wrong(column, format!("is on line {} already", first.get())),
        }
    }
}

/// Hands every row that has the right number of fields to `each`; notes the others. A wrong header ends it: no field could
/// be trusted to be what it seems.
fn for_each_row(file: ImportFile, text: &[u8], problems: &mut Vec<RowProblem>, mut each: impl FnMut(&mut Fields<'_>)) {
    let columns = file.columns();
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let whole_row = |line, problem: String| RowProblem { file, line, column: String::new(), problem };
    match reader.byte_headers() {
        Ok(header) if header.iter().eq(columns.iter().map(|column| column.as_bytes())) => {}
        Ok(_) => return problems.push(whole_row(1, format!("the first line must be {}", columns.join(",")))),
        Err(error) => return problems.push(whole_row(1, format!("cannot be read: {error}"))),
    }
    let mut record = ByteRecord::new();
    let mut lines = Lines { text, offset: 0, line: 1 };
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => return problems.push(whole_row(lines.line, format!("cannot be read: {error}"))),
        }
        let line = lines.of_record_at(record.position().map_or(0, csv::Position::byte));
        if record.len() == columns.len() {
            each(&mut Fields { file, line, record: &record, problems });
        } else {
            problems.push(whole_row(line, format!("has {} fields where there must be {}", record.len(), columns.len())));
        }
    }
}

/// Counts lines up to each record. The reader's own count stops before a record's empty lines, and before the second half
/// of a CRLF.
struct Lines<'t> {
    text: &'t [u8],
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first field of the record that the reader says begins at `position`; positions only grow.
    fn of_record_at(&mut self, position: u64) -> u64 {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        while let Some(byte) = self.text.get(self.offset) {
            let is_before = self.offset < position;
            match byte {
                b'\n' => self.line = self.line.saturating_add(1),
                b'\r' => {}
                _ if is_before => {}
                _ => break,
            }
            self.offset = self.offset.saturating_add(1);
        }
        self.line
    }
}

fn credit_line(text: &str, currency: Currency) -> Result<Money, String> {
    match Money::from_decimal(text, currency) {
        Ok(money) if money.is_negative() => Err("is negative; 0 means none".into()),
        Ok(money) => Ok(money),
        Err(error) => Err(error.to_string()),
    }
}

fn card_token(text: &str) -> Result<CardToken, String> {
    CardToken::new(text).map_err(|error| error.to_string())
}

fn cardholder_token(text: &str) -> Result<Option<CardholderToken>, String> {
    if text.is_empty() { Ok(None) } else { CardholderToken::new(text).map(Some).map_err(|error| error.to_string()) }
}

fn only_program(programs: Option<&Vec<ProgramId>>) -> Result<Option<ProgramId>, &'static str> {
    match programs.map_or(&[][..], Vec::as_slice) {
        [] => Ok(None),
        [program] => Ok(Some(*program)),
        [_, ..] => Err("is an account of several programs; import each program's files by themselves"),
    }
}

fn account_status(text: &str) -> Result<AccountStatus, String> {
    let names = || AccountStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ");
    AccountStatus::from_name(text).ok_or_else(|| format!("must be one of {}", names()))
}

fn card_status(text: &str) -> Result<CardStatus, String> {
    let names = || CardStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ");
    CardStatus::from_name(text).ok_or_else(|| format!("must be one of {}", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(problems: &[RowProblem]) -> String {
        let line = |problem: &RowProblem| {
            format!("{}:{}: {}: {}", problem.line, problem.column_number(), problem.column, problem.problem)
        };
        problems.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn accounts(rows: &str) -> (Vec<AccountRow>, String) {
        let mut problems = Vec::new();
        let text = format!("{}\n{rows}", ACCOUNT_COLUMNS.join(","));
        let rows = read_accounts(text.as_bytes(), &mut problems);
        (rows, told(&problems))
    }

    fn cards(rows: &str, accounts: &[AccountRow]) -> (Vec<CardRow>, String) {
        let mut problems = Vec::new();
        let text = format!("{}\n{rows}", CARD_COLUMNS.join(","));
        let rows = read_cards(text.as_bytes(), accounts, &mut problems);
        (rows, told(&problems))
    }

    #[test]
    fn rows_become_types() {
        let (rows, wrong) =
            accounts("a-1,demo,USD,1000.00,0,active\r\n\"a,2\",demo,JPY,-500,20,frozen\n\na-1,other,KWD,1.250,0,closed\n");
        assert_eq!(wrong, "");
        let read: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {} {} {} {}", row.line, row.account, row.program, row.balance, row.credit_line))
            .collect();
        assert_eq!(
            read,
            ["2 a-1 demo 1000.00 USD 0.00 USD", "3 a,2 demo -500 JPY 20 JPY", "5 a-1 other 1.250 KWD 0.000 KWD"],
            "the empty line does not count as a row, and does count as a line"
        );

        let (rows, wrong) = cards("c-1,\"a,2\",,active\nc-2,elsewhere,h-1,lost\n", &rows);
        assert_eq!(wrong, "");
        assert_eq!(rows[0].program.map(|program| program.to_string()), Some("demo".into()), "from the accounts file");
        assert_eq!((rows[0].cardholder, rows[1].program, rows[1].status), (None, None, CardStatus::Lost));
    }

    #[test]
    fn what_is_wrong_with_an_account() {
        let cases = [
            (",demo,USD,1,0,active", "2:1: account_id: is empty"),
            (" a,demo,USD,1,0,active", "2:1: account_id: has a control character, or a blank at an end"),
            ("a,,USD,1,0,active", "2:2: program: is empty"),
            ("a,demo,XYZ,1,0,active", "2:3: currency: is not a currency of ISO 4217"),
            ("a,demo,USD,,0,active", "2:4: balance: is not a decimal number"),
            ("a,demo,USD,\"1,000.00\",0,active", "2:4: balance: is not a decimal number"),
            ("a,demo,USD,1.005,0,active", "2:4: balance: has more decimal places than its currency"),
            ("a,demo,USD,99999999999999999999,0,active", "2:4: balance: is too large"),
            ("a,demo,USD,1,-0.01,active", "2:5: credit_line: is negative; 0 means none"),
            ("a,demo,USD,1,0,Active", "2:6: status: must be one of active, frozen, closed"),
            ("a,demo,USD,1,0", "2:1: : has 5 fields where there must be 6"),
            ("a,demo,USD,1,0,active,", "2:1: : has 7 fields where there must be 6"),
            ("a,demo,USD,1,0,active\na,demo,USD,2,0,active", "3:1: account_id: is on line 2 already"),
        ];
        for (rows, expected) in cases {
            assert_eq!(accounts(rows).1, expected, "{rows}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_card() {
        let cases = [
            (",a,h,active", "2:1: card_token: is empty"),
            ("4111 1111 1111 1111,a,h,active", "2:1: card_token: reads as a card number; a platform's token is meant"),
            ("c,a,378282246310005,active", "2:3: cardholder_token: reads as a card number; a platform's token is meant"),
            ("c,,h,active", "2:2: account_id: is empty"),
            ("c,both,h,active", "2:2: account_id: is an account of several programs; import each program's files by themselves"),
            ("c,a,h,suspended", "2:4: status: must be one of active, unactivated, frozen, lost, stolen, expired, closed"),
            ("c,a,h,active\nc,b,h,active", "3:1: card_token: is on line 2 already"),
        ];
        let (accounts, _) = accounts("both,one,USD,0,0,active\nboth,two,USD,0,0,active\n");
        for (rows, expected) in cases {
            assert_eq!(cards(rows, &accounts).1, expected, "{rows}");
        }
        assert_eq!(cards("4111111111111112,a,h,active", &accounts).1, "", "a token of digits alone is no card number");
    }

    #[test]
    fn every_error_at_once_and_no_value_in_any() {
        let (rows, wrong) = accounts("4111111111111111 ,demo,secret,x,y,z\nb,demo,USD,1,0,active\nc,demo,USD,x,-1,z\n");
        assert_eq!(rows.len(), 1);
        assert_eq!(
            wrong,
            "2:1: account_id: has a control character, or a blank at an end\n\
             2:3: currency: is not a currency of ISO 4217\n\
             2:6: status: must be one of active, frozen, closed\n\
             4:4: balance: is not a decimal number\n\
             4:5: credit_line: is negative; 0 means none\n\
             4:6: status: must be one of active, frozen, closed"
        );
    }

    #[test]
    fn a_wrong_header_is_told_once() {
        for text in ["", "account_id,program\na,demo\n", "program,account_id,currency,balance,credit_line,status\n"] {
            let mut problems = Vec::new();
            assert_eq!(read_accounts(text.as_bytes(), &mut problems), []);
            assert_eq!(told(&problems), "1:1: : the first line must be account_id,program,currency,balance,credit_line,status");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told() {
        let mut problems = Vec::new();
        let text = [b"card_token,account_id,cardholder_token,status\n".as_slice(), b"c,\xff,h,active\n"].concat();
        read_cards(text.as_slice(), &[], &mut problems);
        assert_eq!(told(&problems), "2:2: account_id: is not UTF-8");
    }

    #[test]
    fn programs_and_their_currencies() {
        let (accounts, _) = accounts("a,demo,USD,0,0,active\nb,demo,EUR,0,0,active\nc,gone,USD,0,0,active\n");
        let import = Import { accounts, cards: vec![] };
        let problems = problems_with_programs(&import, |row| (row.program.as_str() == "demo").then_some(Currency::USD));
        assert_eq!(
            told(&problems),
            "3:3: currency: must be the program's, USD\n4:2: program: is not a program of the configuration"
        );
    }
}
