//! Receipts: 36 columns, every line centred, as a till prints them. Of the card no more than its last four digits.

use std::borrow::Cow;

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
    pub bill: &'a [(Cow<'a, str>, String)],
    /// `APPROVED` or `DECLINED`.
    pub result: &'a str,
}

/// Both copies.
pub(super) struct Receipts {
    /// The customer's.
    pub customer: String,
    /// The merchant's, to be signed.
    pub merchant: String,
}

/// Prints both copies. Down to the signature they are the same.
pub(super) fn print(slip: &Slip<'_>) -> Receipts {
    let mut customer = Paper(String::with_capacity(PRINTED));
    customer.above_signature(slip);
    let mut merchant = Paper(customer.0.clone());
    customer.lines(&["NO SIGNATURE REQUIRED", slip.result, "", "Customer Copy"]);
    merchant.lines(&[
        "X_______________________",
        "I AGREE TO PAY ABOVE TOTAL AMOUNT IN",
        "ACCORDANCE WITH CARD ISSUER'S",
        "AGREEMENT",
        "KEEP COPY FOR YOUR RECORDS",
        slip.result,
        "",
        "Merchant Copy",
    ]);
    Receipts { customer: customer.0, merchant: merchant.0 }
}

/// About as long as a receipt is.
const PRINTED: usize = 1024;

/// What is printed so far.
struct Paper(String);

impl Paper {
    fn above_signature(&mut self, slip: &Slip<'_>) {
        self.line(&[slip.merchant]);
        slip.address.iter().for_each(|line| self.line(&[line]));
        slip.phone.iter().for_each(|phone| self.line(&[phone]));
        self.lines(&["", slip.at]);
        self.line(&["CREDIT - ", slip.transaction]);
        self.line(&["Entry Mode : KEYED"]);
        slip.card.iter().for_each(|card| self.line(&["Card: ", card]));
        self.line(&["Transaction ID: ", slip.number]);
        slip.order.iter().for_each(|order| self.line(&["Invoice Number: ", order]));
        slip.description.iter().for_each(|description| self.line(&["Description: ", description]));
        for (name, amount) in slip.bill {
            let whole = [name, ": ", amount].concat();
            // An amount is not broken: a name that leaves it no room stands above it.
            if whole.width() <= COLUMNS {
                self.line(&[&whole]);
            } else {
                self.line(&[name, ":"]);
                self.line(&[amount]);
            }
        }
        self.line(&[]);
    }

    fn lines(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.line(&[line]));
    }

    /// Prints a line of these parts, in pieces that fit.
    fn line(&mut self, parts: &[&str]) {
        let line = parts.concat();
        if line.len() <= COLUMNS && line.bytes().all(|letter| matches!(letter, b' '..=b'~')) {
            self.centred(&line, line.len());
        } else {
            folded(&line).iter().for_each(|piece| self.centred(piece, piece.width()));
        }
    }

    fn centred(&mut self, line: &str, width: usize) {
        const BLANKS: &str = "                                    ";
        let left = COLUMNS.saturating_sub(width);
        let before = left.checked_div(2).unwrap_or(0);
        let blanks = |many| BLANKS.get(..many).unwrap_or_default();
        self.0.extend([blanks(before), line, blanks(left.saturating_sub(before)), "\n"]);
    }
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

/// A moment by a zone's clock: as the interface writes it, and as receipts print it. In UTC where the zone is unknown.
pub(super) fn local(at: Timestamp, zone: &str) -> (String, String) {
    let moment = jiff::Timestamp::from_microsecond(at.unix_micros()).unwrap_or_default();
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = moment.to_zoned(zone);
    (local.strftime("%Y-%m-%dT%H:%M:%S").to_string(), local.strftime("%Y-%m-%d %I:%M %p").to_string())
}
