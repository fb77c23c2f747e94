//! Accounts and cards as operators write them: CSV to typed rows, with every error at once and never a value in one.
//!
//! Knows the files alone. Whether a program exists, or an account has that currency, is for [`problems_with_programs`]
//! and the ledger.

mod file;
mod overdrawn;
mod seen;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use holdfast_core::hold::{Account, AccountStatus, CardStatus};
use holdfast_core::{AccountId, CardToken, CardholderToken, Currency, Money, ProgramId};

use self::file::{Fields, RowFile};
pub use self::overdrawn::Overdrawn;
pub use self::seen::Seen;
use super::protocol::{AccountRow, CardRow, Import, ImportFile, RowProblem};
use crate::ledger::BEYOND_COUNTING;

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

/// Reads both files of an import, either of which may be left out. `problems_of` is asked about the rows that are right by
/// themselves if others are not.
///
/// # Errors
/// Everything that is wrong with either.
pub fn read(
    accounts: Option<&Path>,
    cards: Option<&Path>,
    problems_of: impl FnOnce(&Import) -> Vec<RowProblem>,
) -> Result<Import, Vec<RowProblem>> {
    let mut problems = Vec::new();
    let accounts = accounts.and_then(|path| AccountRows::open(path, &mut problems));
    let accounts = accounts.map(|rows| all_accounts(rows, &mut problems)).unwrap_or_default();
    let cards = cards.and_then(|path| CardRows::open(path, &mut problems));
    let cards = cards.map(|rows| all_cards(rows, &accounts, &mut problems)).unwrap_or_default();
    let import = Import { accounts, cards };
    if problems.is_empty() {
        return Ok(import);
    }
    problems.extend(problems_of(&import));
    problems.sort_by_key(|problem| (problem.file == ImportFile::Cards, problem.line, problem.column_number()));
    Err(problems)
}

fn all_accounts<R: Read>(mut file: AccountRows<R>, problems: &mut Vec<RowProblem>) -> Vec<AccountRow> {
    let mut seen = Seen::default();
    file.portion(usize::MAX, Some(&mut seen), problems)
}

/// `accounts` tell the programs of the accounts that are imported with the cards.
fn all_cards<R: Read>(mut file: CardRows<R>, accounts: &[AccountRow], problems: &mut Vec<RowProblem>) -> Vec<CardRow> {
    let mut programs: BTreeMap<AccountId, Vec<ProgramId>> = BTreeMap::new();
    for row in accounts {
        programs.entry(row.account).or_default().push(row.program);
    }
    let mut seen = Seen::default();
    file.portion(usize::MAX, Some(&mut seen), problems, |account| only_program(programs.get(account)))
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

/// An accounts file that is being read.
pub struct AccountRows<R>(RowFile<R>);

impl AccountRows<File> {
    /// Opens it; notes why it cannot be read.
    pub fn open(path: &Path, problems: &mut Vec<RowProblem>) -> Option<Self> {
        RowFile::open(ImportFile::Accounts, path, problems).map(AccountRows)
    }
}

impl<R: Read> AccountRows<R> {
    /// The next rows that are right by themselves, so many at the most; none at the end. What is wrong with the others is
    /// noted; also what is there twice, if `seen` goes with all portions.
    pub fn portion(&mut self, most: usize, mut seen: Option<&mut Seen>, problems: &mut Vec<RowProblem>) -> Vec<AccountRow> {
        let mut rows = Vec::new();
        while rows.len() < most
            && let Some(mut fields) = self.0.next(problems)
        {
            rows.extend(account_row(&mut fields, seen.as_deref_mut()));
        }
        rows
    }
}

/// A cards file that is being read.
pub struct CardRows<R>(RowFile<R>);

impl CardRows<File> {
    /// Opens it; notes why it cannot be read.
    pub fn open(path: &Path, problems: &mut Vec<RowProblem>) -> Option<Self> {
        RowFile::open(ImportFile::Cards, path, problems).map(CardRows)
    }
}

impl<R: Read> CardRows<R> {
    /// As [`AccountRows::portion`]; `program_of` tells which program an account is of, or what is wrong with that.
    pub fn portion(
        &mut self,
        most: usize,
        mut seen: Option<&mut Seen>,
        problems: &mut Vec<RowProblem>,
        program_of: impl Fn(&AccountId) -> Result<Option<ProgramId>, &'static str>,
    ) -> Vec<CardRow> {
        let mut rows = Vec::new();
        while rows.len() < most
            && let Some(mut fields) = self.0.next(problems)
        {
            rows.extend(card_row(&mut fields, seen.as_deref_mut(), &program_of));
        }
        rows
    }
}

fn account_row(fields: &mut Fields<'_>, seen: Option<&mut Seen>) -> Option<AccountRow> {
    let account = fields.parse("account_id", AccountId::new);
    let program = fields.parse("program", ProgramId::new);
    let currency = fields.parse("currency", str::parse::<Currency>);
    let balance = currency.and_then(|currency| fields.parse("balance", |text| Money::from_plain_decimal(text, currency)));
    let credit_line = currency.and_then(|currency| fields.parse("credit_line", |text| credit_line(text, currency)));
    if let (Some(balance), Some(line)) = (balance, credit_line)
        && Account::spendable_max(balance.minor(), line.minor()).is_none()
    {
        fields.wrong("credit_line", format!("is too large beside the balance: {BEYOND_COUNTING}"));
    }
    let status = fields.parse("status", account_status);
    let (Some(program), Some(account)) = (program, account) else {
        if let Some(seen) = seen {
            seen.add_nameless();
        }
        return None;
    };
    refuse_repeated(fields, "account_id", seen, Some(&program), account.as_str());
    Some(AccountRow { line: fields.line, program, account, balance: balance?, credit_line: credit_line?, status: status? })
}

fn card_row(
    fields: &mut Fields<'_>,
    seen: Option<&mut Seen>,
    program_of: impl Fn(&AccountId) -> Result<Option<ProgramId>, &'static str>,
) -> Option<CardRow> {
    let card = fields.parse("card_token", card_token);
    let account = fields.parse("account_id", AccountId::new);
    let cardholder = fields.parse("cardholder_token", cardholder_token);
    let status = fields.parse("status", card_status);
    let program = account.and_then(|account| fields.parse("account_id", |_| program_of(&account)));
    let (card, program) = (card?, program?);
    refuse_repeated(fields, "card_token", seen, program.as_ref(), card.as_str());
    Some(CardRow { line: fields.line, program, card, account: account?, cardholder: cardholder?, status: status? })
}

fn refuse_repeated(fields: &mut Fields<'_>, column: &str, seen: Option<&mut Seen>, program: Option<&ProgramId>, name: &str) {
    let before = seen.and_then(|seen| seen.add(program, name, fields.line));
    if let Some(line) = before {
        fields.wrong(column, format!("is on line {line} already"));
    }
}

fn credit_line(text: &str, currency: Currency) -> Result<Money, String> {
    match Money::from_plain_decimal(text, currency) {
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
        let file = AccountRows(RowFile::new(ImportFile::Accounts, text.as_bytes(), &mut problems));
        let rows = all_accounts(file, &mut problems);
        (rows, told(&problems))
    }

    fn cards(rows: &str, accounts: &[AccountRow]) -> (Vec<CardRow>, String) {
        let mut problems = Vec::new();
        let text = format!("{}\n{rows}", CARD_COLUMNS.join(","));
        let file = CardRows(RowFile::new(ImportFile::Cards, text.as_bytes(), &mut problems));
        let rows = all_cards(file, accounts, &mut problems);
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
            ("4111111111111111,demo,USD,1,0,active", "2:1: account_id: has a card number in it; a platform's token is meant"),
            ("a,,USD,1,0,active", "2:2: program: is empty"),
            ("a,demo,XYZ,1,0,active", "2:3: currency: is not a currency of ISO 4217"),
            ("a,demo,USD,,0,active", "2:4: balance: is not a decimal number"),
            ("a,demo,USD,\"1,000.00\",0,active", "2:4: balance: is not a decimal number"),
            (
                "a,demo,USD,1.23457E+09,1e3,active",
                "2:4: balance: is not a decimal number\n2:5: credit_line: is not a decimal number",
            ),
            ("a,demo,USD,1.005,0,active", "2:4: balance: has more decimal places than its currency"),
            ("a,demo,USD,99999999999999999999,0,active", "2:4: balance: is too large"),
            ("a,demo,USD,1,-0.01,active", "2:5: credit_line: is negative; 0 means none"),
            (
                "a,demo,USD,92233720368547758.07,0.01,active",
                "2:5: credit_line: is too large beside the balance: what is on the account and its credit line are together more than \
                 can be counted (9223372036854775807 minor units)",
            ),
            ("a,demo,USD,-1,92233720368547758.07,active", ""),
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
            ("4111 1111 1111 1111,a,h,active", "2:1: card_token: has a card number in it; a platform's token is meant"),
            ("c,a,378282246310005,active", "2:3: cardholder_token: has a card number in it; a platform's token is meant"),
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
            let file = AccountRows(RowFile::new(ImportFile::Accounts, text.as_bytes(), &mut problems));
            assert_eq!(all_accounts(file, &mut problems), []);
            assert_eq!(told(&problems), "1:1: : the first line must be account_id,program,currency,balance,credit_line,status");
        }
    }

    #[test]
    fn portions_end_and_tell_what_is_there_twice_and_on_which_line() {
        let text = format!(
            "{}\n\na,demo,USD,1,0,active\r\nb,demo,USD,1,0,active\n\"c\nc\",demo,USD,1,0,active\na,demo,USD,1,0,active\n",
            ACCOUNT_COLUMNS.join(",")
        );
        let (mut problems, mut seen) = (Vec::new(), Seen::default());
        // A reader that gives a byte at a time: no line may depend on how much was read ahead.
        let mut file = AccountRows(RowFile::new(ImportFile::Accounts, OneByOne(text.as_bytes()), &mut problems));
        let mut portions = Vec::new();
        loop {
            let portion = file.portion(2, Some(&mut seen), &mut problems);
            if portion.is_empty() {
                break;
            }
            portions.push(portion.iter().map(|row| row.line).collect::<Vec<_>>());
        }
        assert_eq!(portions, [vec![3, 4], vec![7]]);
        assert_eq!(
            told(&problems),
            "5:1: account_id: has a control character, or a blank at an end\n7:1: account_id: is on line 3 already"
        );
    }

    struct OneByOne<'t>(&'t [u8]);

    impl Read for OneByOne<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let few = buffer.len().min(1);
            self.0.read(&mut buffer[..few])
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told() {
        let mut problems = Vec::new();
        let text = [b"card_token,account_id,cardholder_token,status\n".as_slice(), b"c,\xff,h,active\n"].concat();
        let file = CardRows(RowFile::new(ImportFile::Cards, text.as_slice(), &mut problems));
        all_cards(file, &[], &mut problems);
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
