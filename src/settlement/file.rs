//! The platform's settlement file: a CSV whose columns the configuration names. Amounts are decimals in major units.

use std::fmt;
use std::io::Read;

use holdfast_core::{Currency, Money};

use crate::csv_lines::Lines;

/// What the columns are called, and what the amounts' sign means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileColumns {
    /// What names the payment: its id, its alias, the number of the check before it, its message's key, or the platform's own token of that message.
    pub payment: String,
    /// How much.
    pub amount: String,
    /// In which currency, by code; without one, the program's.
    pub currency: Option<String>,
    /// Over which network; without one, it is not compared.
    pub network: Option<String>,
    /// What a positive amount means.
    pub sign: Sign,
}

/// What a positive amount in the file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is due to the network.
    Due,
    /// It is the program's: what is due is negative.
    Ours,
}

impl std::str::FromStr for Sign {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "due_positive" => Ok(Sign::Due),
            "due_negative" => Ok(Sign::Ours),
            _ => Err("must be \"due_positive\" (a purchase is positive) or \"due_negative\""),
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The line of the file, from 1.
    pub line: u64,
    /// What it calls the payment.
    pub payment: String,
    /// What is due, negative if it is due to us.
    pub due: Money,
    /// Over which network, where the file tells.
    pub network: Option<String>,
}

/// What is wrong with a file, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The line, from 1.
    pub line: u64,
    /// The column, where it is one's fault.
    pub column: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.problem),
            column => write!(f, "line {}: {column}: {}", self.line, self.problem),
        }
    }
}

/// Where the columns are.
struct Places {
    payment: usize,
    amount: usize,
    currency: Option<usize>,
    network: Option<usize>,
}

/// Reads a settlement file.
///
/// # Errors
/// Everything that is wrong with it; one row that is not understood makes every sum worthless.
pub fn read_file(file: impl Read, columns: &FileColumns, currency: Currency) -> Result<Vec<FileRow>, Vec<FileProblem>> {
    let (watched, mut lines) = Lines::of(file);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(watched);
    let unreadable = |line, error: csv::Error| FileProblem { line, column: String::new(), problem: error.to_string() };
    let head = reader.headers().map_err(|error| vec![unreadable(1, error)])?.clone();
    let places = places(&head, columns)?;
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            Err(error) => {
                let line = error.position().map_or(lines.now(), |position| lines.of_record_at(position.byte()));
                problems.push(unreadable(line, error));
            }
            Ok(record) => {
                let line = lines.of_record_at(record.position().map_or(0, csv::Position::byte));
                match row(&record, &places, columns, currency) {
                    Ok(row) => rows.push(FileRow { line, ..row }),
                    Err((column, problem)) => problems.push(FileProblem { line, column, problem }),
                }
            }
        }
    }
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}

fn places(head: &csv::StringRecord, columns: &FileColumns) -> Result<Places, Vec<FileProblem>> {
    let mut missing = Vec::new();
    let mut find = |name: &str| {
        let mut places = head.iter().enumerate().filter(|(_, column)| *column == name).map(|(place, _)| place);
        let problem = match (places.next(), places.next()) {
            (Some(place), None) => return Some(place),
            (Some(_), Some(_)) => "is the name of several columns: which of them is meant, nothing says",
            (None, _) => "is not a column of the file; [program.settlement_file] names them",
        };
        missing.push(FileProblem { line: 1, column: name.to_owned(), problem: problem.to_owned() });
        None
    };
    let (payment, amount) = (find(&columns.payment), find(&columns.amount));
    let (currency, network) = (columns.currency.as_deref().map(&mut find), columns.network.as_deref().map(&mut find));
    match (payment, amount) {
        (Some(payment), Some(amount)) if missing.is_empty() => {
            Ok(Places { payment, amount, currency: currency.flatten(), network: network.flatten() })
        }
        (_, _) => Err(missing),
    }
}

fn row(
    record: &csv::StringRecord,
    places: &Places,
    columns: &FileColumns,
    currency: Currency,
) -> Result<FileRow, (String, String)> {
    let field = |place: usize| record.get(place).unwrap_or_default();
    let currency = match (places.currency, &columns.currency) {
        (Some(place), Some(name)) => {
            Currency::from_alpha(field(place)).ok_or_else(|| (name.clone(), "is not a currency of ISO 4217".to_owned()))?
        }
        (_, _) => currency,
    };
    let wrong = |error: holdfast_core::AmountError| (columns.amount.clone(), error.to_string());
    let amount = Money::from_plain_decimal(field(places.amount), currency).map_err(wrong)?;
    let due = match columns.sign {
        Sign::Due => amount,
        Sign::Ours => Money::zero(currency).checked_sub(amount).map_err(wrong)?,
    };
    if field(places.payment).is_empty() {
        return Err((columns.payment.clone(), "is empty".to_owned()));
    }
    let network = places.network.map(|place| field(place).to_owned()).filter(|network| !network.is_empty());
    Ok(FileRow { line: 0, payment: field(places.payment).to_owned(), due, network })
}
