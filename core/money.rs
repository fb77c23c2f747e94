//! Money: minor units with their currency, checked. There is no floating point here and no rounding.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency with its exponent (0, 2, 3 or 4 decimal places).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// United States dollar, the currency of the demo program.
    pub const USD: Currency = Currency(iso_currency::Currency::USD);

    /// By its alphabetic code, upper or lower case; `None` for a code that ISO 4217 does not list, and for those that
    /// have no minor unit (metals, test codes), which nobody can pay with.
    #[must_use]
    pub fn from_alpha(code: &str) -> Option<Self> {
        let currency = match code.len() {
            3 if code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                return by_code(code).or_else(|| iso_currency::Currency::from_code(code).and_then(Currency::with_minor_unit));
            }
            3 => iso_currency::Currency::from_code(&code.to_ascii_uppercase())?,
            _ => return None,
        };
        Currency::with_minor_unit(currency)
    }

    fn with_minor_unit(currency: iso_currency::Currency) -> Option<Self> {
        currency.exponent().map(|_| Currency(currency))
    }

    /// By its numeric code, as networks write it: 840, 978.
    #[must_use]
    pub fn from_numeric(code: u16) -> Option<Self> {
        iso_currency::Currency::from_numeric(code).and_then(Currency::with_minor_unit)
    }

    /// The alphabetic code: `USD`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal places the minor unit stands for.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

/// Those that have a numeric code, which is all but a few old ones. The library compares with each code in turn, and every amount
/// that is read back has one: here each code has its place.
fn by_code(code: &str) -> Option<Currency> {
    static BY_CODE: LazyLock<Vec<Option<Currency>>> = LazyLock::new(|| {
        let mut all = vec![None; 26 * 26 * 26];
        for currency in (0..1_000).filter_map(Currency::from_numeric) {
            if let Some(place) = place_of(currency.code()).and_then(|place| all.get_mut(place)) {
                *place = Some(currency);
            }
        }
        all
    });
    BY_CODE.get(place_of(code)?).copied().flatten()
}

/// Three capital letters as a number.
fn place_of(code: &str) -> Option<usize> {
    let letters: &[u8; 3] = code.as_bytes().try_into().ok()?;
    letters.iter().try_fold(0_usize, |place, letter| {
        let letter = letter.checked_sub(b'A').filter(|letter| *letter < 26)?;
        place.checked_mul(26)?.checked_add(usize::from(letter))
    })
}

/// By code, so that lists come in an order that people expect.
impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = AmountError;

    fn from_str(code: &str) -> Result<Self, AmountError> {
        Currency::from_alpha(code).ok_or(AmountError::UnknownCurrency)
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <&str>::deserialize(deserializer)?;
        Currency::from_alpha(code).ok_or_else(|| serde::de::Error::custom("unknown currency"))
    }
}

/// Why a text is not an amount. The text itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountError {
    /// Not a decimal number.
    NotANumber,
    /// More decimal places than the currency has, and they are not zero.
    TooPrecise,
    /// Beyond what 64 bits of minor units can hold.
    TooLarge,
    /// ISO 4217 lists no such currency with a minor unit.
    UnknownCurrency,
    /// A sign where the platform's contract allows none.
    Negative,
    /// Two amounts of different currencies met where they must be of one.
    CurrencyMismatch,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AmountError::NotANumber => "is not a decimal number",
            AmountError::TooPrecise => "has more decimal places than its currency",
            AmountError::TooLarge => "is too large",
            AmountError::UnknownCurrency => "is not a currency of ISO 4217",
            AmountError::Negative => "is negative",
            AmountError::CurrencyMismatch => "is in another currency",
        })
    }
}

impl std::error::Error for AmountError {}

/// An amount of money: minor units and currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units (cents, yen, fils) of a currency.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Money { minor, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Money { minor: 0, currency }
    }

    /// Reads a decimal number in major units exactly, as JSON writes it: `27.35`, `-5`, `1.5e2`, also `70.00`.
    ///
    /// # Errors
    /// Not a decimal number, more decimal places than the currency has (trailing zeros aside), or too large.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, AmountError> {
        parse_decimal(text, currency.exponent()).map(|minor| Money { minor, currency })
    }

    /// The same of what people write in files: without an exponent, which is nobody's way to write money, and what a spreadsheet makes of a
    /// large amount, the last digits left out.
    ///
    /// # Errors
    /// As [`Money::from_decimal`]; one with an exponent is not a decimal number.
    pub fn from_plain_decimal(text: &str, currency: Currency) -> Result<Self, AmountError> {
        if text.contains(['e', 'E']) {
            return Err(AmountError::NotANumber);
        }
        Money::from_decimal(text, currency)
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is nothing at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Whether this is less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The sum of two amounts of one currency.
    ///
    /// # Errors
    /// Different currencies, or a sum too large.
    pub fn checked_add(self, other: Money) -> Result<Money, AmountError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference of two amounts of one currency.
    ///
    /// # Errors
    /// Different currencies, or a difference too large.
    pub fn checked_sub(self, other: Money) -> Result<Money, AmountError> {
        self.combine(other, i64::checked_sub)
    }

    /// The amount without its sign.
    ///
    /// # Errors
    /// The one amount whose positive twin does not fit.
    pub fn checked_abs(self) -> Result<Money, AmountError> {
        let minor = self.minor.checked_abs().ok_or(AmountError::TooLarge)?;
        Ok(Money { minor, currency: self.currency })
    }

    fn combine(self, other: Money, operation: fn(i64, i64) -> Option<i64>) -> Result<Money, AmountError> {
        if self.currency != other.currency {
            return Err(AmountError::CurrencyMismatch);
        }
        let minor = operation(self.minor, other.minor).ok_or(AmountError::TooLarge)?;
        Ok(Money { minor, currency: self.currency })
    }

    /// The number alone, in major units with all of its currency's decimals: `27.35`, `500` (yen), `1.250` (dinar).
    #[must_use]
    pub const fn decimal(self) -> Decimal {
        Decimal(self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Displays an amount's number without its currency; a JSON number for platforms that write decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(Money);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.0.currency.exponent();
        let sign = if self.0.minor < 0 { "-" } else { "" };
        let unsigned = self.0.minor.unsigned_abs();
        let scale = 10_u64.saturating_pow(exponent);
        match exponent {
            0 => write!(f, "{sign}{unsigned}"),
            _ => {
                let (major, minor) = (unsigned.checked_div(scale).unwrap_or(0), unsigned.checked_rem(scale).unwrap_or(0));
                let width = usize::try_from(exponent).unwrap_or(0);
                write!(f, "{sign}{major}.{minor:0width$}")
            }
        }
    }
}

/// `[-]digits[.digits][(e|E)[+|-]digits]`, scaled to minor units without ever leaving the integers.
fn parse_decimal(text: &str, exponent: u32) -> Result<i64, AmountError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, power) = split_power(unsigned)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_point_without_digits = mantissa.contains('.') && fraction.is_empty();
    if whole.is_empty() || has_point_without_digits {
        return Err(AmountError::NotANumber);
    }
    // The decimal point moves right by the JSON exponent and by the currency's.
    let point = i64::try_from(whole.len()).map_err(|_| AmountError::TooLarge)?.checked_add(power).ok_or(AmountError::TooLarge)?;
    let point = point.checked_add(i64::from(exponent)).ok_or(AmountError::TooLarge)?;

    let mut minor: i64 = 0;
    let mut position: i64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(AmountError::NotANumber);
        }
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if position < point {
            // Counting downwards reaches i64::MIN too.
            minor = minor.checked_mul(10).and_then(|ten| ten.checked_sub(digit)).ok_or(AmountError::TooLarge)?;
        } else if digit != 0 {
            return Err(AmountError::TooPrecise);
        }
        position = position.saturating_add(1);
    }
    while position < point && minor != 0 {
        minor = minor.checked_mul(10).ok_or(AmountError::TooLarge)?;
        position = position.saturating_add(1);
    }
    if negative { Ok(minor) } else { minor.checked_neg().ok_or(AmountError::TooLarge) }
}

fn split_power(text: &str) -> Result<(&str, i64), AmountError> {
    let Some((mantissa, power)) = text.split_once(['e', 'E']) else {
        return Ok((text, 0));
    };
    let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountError::NotANumber);
    }
    // A power that does not fit is an amount that does not fit, or one too precise: either way no amount.
    let power = power.parse::<i64>().map_err(|_| AmountError::TooLarge)?;
    Ok((mantissa, power))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_alpha(code).unwrap()
    }

    #[test]
    fn exponents_of_iso_4217() {
        for (code, exponent) in [("JPY", 0), ("USD", 2), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(currency(code).exponent(), exponent, "{code}");
        }
        for code in ["XAU", "XXX", "ABC", "US", "USDX", ""] {
            assert_eq!(Currency::from_alpha(code), None, "{code}");
        }
        assert_eq!(Currency::from_alpha("usd"), Some(Currency::USD));
        for currency in (0..1_000).filter_map(Currency::from_numeric) {
            assert_eq!(Currency::from_alpha(currency.code()), Some(currency));
        }
        for code in ["ZZZ", "[[[", "@@@", "U$D", "ÜD", "AAA"] {
            assert_eq!(Currency::from_alpha(code), None, "{code}");
        }
        assert_eq!(Currency::from_numeric(840), Some(Currency::USD));
    }

    #[test]
    fn reads_decimals_exactly() {
        let cases: &[(&str, &str, Result<i64, AmountError>)] = &[
            ("27.35", "USD", Ok(2735)),
            ("-5", "USD", Ok(-500)),
            ("9", "USD", Ok(900)),
            ("70.00", "USD", Ok(7000)),
            ("0.1", "USD", Ok(10)),
            ("-0.00", "USD", Ok(0)),
            ("1.5e2", "USD", Ok(15_000)),
            ("150E-1", "USD", Ok(1500)),
            ("0e99999", "USD", Ok(0)),
            ("12.3400", "USD", Ok(1234)),
            ("500", "JPY", Ok(500)),
            ("500.00", "JPY", Ok(500)),
            ("1.250", "KWD", Ok(1250)),
            ("1.2345", "CLF", Ok(12_345)),
            ("92233720368547758.07", "USD", Ok(i64::MAX)),
            ("-92233720368547758.08", "USD", Ok(i64::MIN)),
            ("92233720368547758.08", "USD", Err(AmountError::TooLarge)),
            ("1e18", "USD", Err(AmountError::TooLarge)),
            ("1e99999999999999999999", "USD", Err(AmountError::TooLarge)),
            ("12.345", "USD", Err(AmountError::TooPrecise)),
            ("500.5", "JPY", Err(AmountError::TooPrecise)),
            ("1e-3", "USD", Err(AmountError::TooPrecise)),
            ("", "USD", Err(AmountError::NotANumber)),
            ("-", "USD", Err(AmountError::NotANumber)),
            ("+1", "USD", Err(AmountError::NotANumber)),
            (".5", "USD", Err(AmountError::NotANumber)),
            ("5.", "USD", Err(AmountError::NotANumber)),
            ("1,5", "USD", Err(AmountError::NotANumber)),
            ("1.2.3", "USD", Err(AmountError::NotANumber)),
            (" 1", "USD", Err(AmountError::NotANumber)),
            ("1e", "USD", Err(AmountError::NotANumber)),
            ("NaN", "USD", Err(AmountError::NotANumber)),
        ];
        for (text, code, expected) in cases {
            assert_eq!(Money::from_decimal(text, currency(code)).map(Money::minor), *expected, "{text} {code}");
        }
    }

    #[test]
    fn what_people_write_has_no_exponent() {
        let plain = |text| Money::from_plain_decimal(text, Currency::USD).map(Money::minor);
        assert_eq!((plain("1234567890.12"), plain("-5")), (Ok(123_456_789_012), Ok(-500)));
        for text in ["1.23457E+09", "1.5e2", "0e0", "150E-1"] {
            assert_eq!(plain(text), Err(AmountError::NotANumber), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_amount_reads_back(minor: i64, code in prop::sample::select(vec!["JPY", "USD", "KWD", "CLF"])) {
            let money = Money::from_minor(minor, currency(code));
            prop_assert_eq!(Money::from_decimal(&money.decimal().to_string(), money.currency()), Ok(money));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Money::from_decimal(&text, Currency::USD);
        }
    }

    #[test]
    fn sums_are_checked() {
        let one = Money::from_minor(1, Currency::USD);
        assert_eq!(Money::from_minor(i64::MAX, Currency::USD).checked_add(one), Err(AmountError::TooLarge));
        assert_eq!(one.checked_add(Money::from_minor(1, currency("EUR"))), Err(AmountError::CurrencyMismatch));
        assert_eq!(one.checked_sub(one), Ok(Money::zero(Currency::USD)));
    }
}
