//! What a message's other amounts say of the one that is decided: what the merchant asked in a currency of its own, and
//! whether Marqeta put something on top. All of them are optional; one that is not understood is not told.

use holdfast_core::{Currency, Money, Padding};

use super::wire::{Transaction, money};

/// How much it is in the merchant's currency, where that is another one than the account's.
///
/// A zero is not told either: no payment of something is one of nothing, whatever the currency.
pub(super) fn original(transaction: &Transaction<'_>, account: Currency) -> Option<Money> {
    let network = transaction.currency_conversion.0.as_ref()?.network.0.as_ref()?;
    let numeric = network.original_currency_code.text()?.parse().ok()?;
    let currency = Currency::from_numeric(numeric).filter(|currency| *currency != account)?;
    let original = network.original_amount?.money(currency).and_then(Money::checked_abs).ok()?;
    (!original.is_zero()).then_some(original)
}

/// Whether what must be funded is more than the transaction: an MCC group's `authorization_controls.hold_increase` makes
/// Marqeta ask for more than the merchant did. Which of the transaction's two amounts it raises with it is not documented, so
/// that either of them tells.
pub(super) fn padding(transaction: &Transaction<'_>, funded: Money) -> Padding {
    let told = [transaction.amount, transaction.request_amount].into_iter().flatten();
    let less = told.filter_map(|amount| money(amount, funded.currency()).ok()).any(|amount| amount.minor() < funded.minor());
    if less { Padding::ByPlatform } else { Padding::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::USD)
    }

    #[test]
    fn the_merchants_currency_where_it_is_told_and_another_one() {
        let cases = [
            (
                r#"{"network":{"original_amount":23.0,"conversion_rate":1.18913,"original_currency_code":"826"}}"#,
                Some("23.00 GBP"),
            ),
            (r#"{"network":{"original_amount":"23.50","original_currency_code":826}}"#, Some("23.50 GBP")),
            (r#"{"network":{"original_amount":-23.5,"original_currency_code":"826"}}"#, Some("23.50 GBP")),
            (r#"{"network":{"original_amount":1250,"original_currency_code":"392"}}"#, Some("1250 JPY")),
            (r#"{"network":{"original_amount":12.5,"original_currency_code":"036"}}"#, Some("12.50 AUD")),
            (r#"{"network":{"original_amount":1.234,"original_currency_code":"414"}}"#, Some("1.234 KWD")),
            (r#"{"network":{"original_amount":23.0,"original_currency_code":"840"}}"#, None),
            (r#"{"network":{"original_amount":0,"original_currency_code":"826"}}"#, None),
            (r#"{"network":{"original_amount":1250.5,"original_currency_code":"392"}}"#, None),
            (r#"{"network":{"original_amount":23.0,"original_currency_code":"GBP"}}"#, None),
            (r#"{"network":{"original_amount":23.0,"original_currency_code":"999"}}"#, None),
            (r#"{"network":{"original_amount":23.0,"original_currency_code":"70000"}}"#, None),
            (r#"{"network":{"original_amount":23.0}}"#, None),
            (r#"{"network":{"original_currency_code":"826"}}"#, None),
            (r#"{"network":{"original_amount":{},"original_currency_code":"826"}}"#, None),
            (r#"{"network":{"original_amount":null,"original_currency_code":"826"}}"#, None),
            (r#"{"network":{"original_amount":23.0,"original_currency_code":{"code":826}}}"#, None),
            (r#"{"network":[]}"#, None),
            (r#"{"network":null}"#, None),
            ("{}", None),
            (r#""826""#, None),
            ("null", None),
        ];
        for (conversion, expected) in cases {
            let body = format!(r#"{{"currency_conversion":{conversion}}}"#);
            let transaction: Transaction<'_> = serde_json::from_str(&body).unwrap();
            let found = original(&transaction, Currency::USD).map(|original| original.to_string());
            assert_eq!(found.as_deref(), expected, "{conversion}");
        }
    }

    #[test]
    fn more_than_the_transaction_is_padded() {
        let cases = [
            ("{}", Padding::None),
            (r#"{"amount":100.00,"request_amount":100.00}"#, Padding::None),
            (r#"{"amount":"100.00"}"#, Padding::None),
            (r#"{"amount":120.00,"request_amount":150.00}"#, Padding::None),
            (r#"{"amount":99.99}"#, Padding::ByPlatform),
            (r#"{"amount":"83.34"}"#, Padding::ByPlatform),
            (r#"{"amount":100.00,"request_amount":83.34}"#, Padding::ByPlatform),
            (r#"{"amount":83.34,"request_amount":100.00}"#, Padding::ByPlatform),
            (r#"{"amount":null,"request_amount":"none"}"#, Padding::None),
            (r#"{"amount":{},"request_amount":-5}"#, Padding::None),
            (r#"{"amount":99.999}"#, Padding::None),
        ];
        for (body, expected) in cases {
            let transaction: Transaction<'_> = serde_json::from_str(body).unwrap();
            assert_eq!(padding(&transaction, usd(10_000)), expected, "{body}");
        }
    }
}
