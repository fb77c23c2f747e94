//! Receipts: 36 columns, every line centred, as a till prints them. Of the card no more than its last four digits.

use holdfast_core::Timestamp;
use jiff::tz::TimeZoneDatabase;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How wide a receipt is.
pub(super) const COLUMNS: usize = 36;

/// What a receipt prints.
pub(super) struct Slip<'a> {
    /// The merchant's name.
    pub merchant: &'a str,
    /// The lines of its address.
    pub address: &'a [String],
    /// Its telephone number.
    pub phone: Option<&'a str>,
    /// When, by the merchant's clock.
    pub at: &'a str,
    /// What it was: `SALE`, `AUTH` …
    pub transaction: &'a str,
    /// Its number.
    pub number: &'a str,
    /// The order's number.
    pub order: Option<&'a str>,
    /// What it was for.
    pub description: Option<&'a str>,
    /// Brand and last four digits.
    pub card: Option<String>,
    /// The lines of the bill: name and amount.
    pub bill: &'a [(&'a str, String)],
    /// `APPROVED` or `DECLINED`.
    pub result: &'a str,
}

/// Whose copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    /// The customer's.
    Customer,
    /// The merchant's, to be signed.
    Merchant,
}

/// Prints a receipt.
pub(super) fn print(slip: &Slip<'_>, copy: Copy) -> String {
    let mut lines = vec![slip.merchant.to_owned()];
    lines.extend(slip.address.iter().cloned());
    lines.extend(slip.phone.map(str::to_owned));
    lines.extend([String::new(), slip.at.to_owned(), format!("CREDIT - {}", slip.transaction), "Entry Mode : KEYED".to_owned()]);
    lines.extend(slip.card.iter().map(|card| format!("Card: {card}")));
    lines.push(format!("Transaction ID: {}", slip.number));
    lines.extend(slip.order.map(|order| format!("Invoice Number: {order}")));
    lines.extend(slip.description.map(|description| format!("Description: {description}")));
    for (name, amount) in slip.bill {
        let line = format!("{name}: {amount}");
        // An amount is not broken: a name that leaves it no room stands above it.
        if line.width() <= COLUMNS { lines.push(line) } else { lines.extend([format!("{name}:"), amount.clone()]) }
    }
    lines.push(String::new());
    match copy {
        Copy::Customer => lines.push("NO SIGNATURE REQUIRED".to_owned()),
        Copy::Merchant => {
            lines.push("X_______________________".to_owned());
            lines.extend(
                ["I AGREE TO PAY ABOVE TOTAL AMOUNT IN", "ACCORDANCE WITH CARD ISSUER'S", "AGREEMENT"].map(str::to_owned),
            );
            lines.push("KEEP COPY FOR YOUR RECORDS".to_owned());
        }
    }
    lines.extend([slip.result.to_owned(), String::new()]);
    lines.push(match copy {
        Copy::Customer => "Customer Copy".to_owned(),
        Copy::Merchant => "Merchant Copy".to_owned(),
    });
    lines.iter().flat_map(|line| folded(line)).map(|line| centred(&line)).collect()
}

/// Whether a letter is printed. What only says how others are set is not: it turns the rest of a line around, or hides in it.
fn is_printed(letter: char) -> bool {
    let is_mark = matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
    );
    !is_mark && !letter.is_control()
}

/// A line in pieces that fit, by how wide its letters are printed. What is not printable becomes a blank.
fn folded(line: &str) -> Vec<String> {
    let (mut pieces, mut piece, mut used) = (Vec::new(), String::new(), 0_usize);
    for letter in line.chars().map(|letter| if is_printed(letter) { letter } else { ' ' }) {
        let width = letter.width().unwrap_or(1);
        if used.saturating_add(width) > COLUMNS {
            pieces.push(std::mem::take(&mut piece));
            used = 0;
        }
        piece.push(letter);
        used = used.saturating_add(width);
    }
    pieces.push(piece);
    pieces
}

fn centred(line: &str) -> String {
    let left = COLUMNS.saturating_sub(line.width());
    let before = left.checked_div(2).unwrap_or(0);
    format!("{}{line}{}\n", " ".repeat(before), " ".repeat(left.saturating_sub(before)))
}

/// A moment by a zone's clock: as the interface writes it, and as receipts print it. In UTC where the zone is unknown.
pub(super) fn local(at: Timestamp, zone: &str) -> (String, String) {
    let moment = jiff::Timestamp::from_microsecond(at.unix_micros()).unwrap_or_default();
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = moment.to_zoned(zone);
    (local.strftime("%Y-%m-%dT%H:%M:%S").to_string(), local.strftime("%Y-%m-%d %I:%M %p").to_string())
}
