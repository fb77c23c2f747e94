//! What of a payment's text is kept when that is erased: amounts, and nothing that anybody worded.

use serde_json::{Map, Value, json};

use super::authenticated::{INDICATOR, RESULT};
use crate::payment::ROC;
use crate::strict;

/// What is asked for.
const ASKED: [&str; 4] = ["kind", "amount", "currency", "currency_was_sent"];

/// Amounts of `data`, by their own names.
const AMOUNTS: [&str; 6] =
    ["sales_tax", "gratuity", "service_charge", "surcharge_amount", "pre_settlement_fee_charge", "post_settlement_fee_charge"];

/// What every further tax is called then: its name is its caller's.
const OTHER_TAX: &str = "OTHER TAX";

/// What is kept of a text.
pub(super) fn of(text: &Map<String, Value>) -> String {
    let mut kept = some(text, &ASKED);
    let empty = Map::new();
    let data = text.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let mut amounts = some(data, &AMOUNTS);
    // Digits that we made ourselves: reconciliation goes by them.
    amounts.extend(some(data, &[ROC]));
    let taxes = data.get("other_tax").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !taxes.is_empty() {
        let taxes: Vec<Value> = taxes.iter().map(|tax| json!({ "name": OTHER_TAX, "amount": tax.get("amount") })).collect();
        amounts.insert("other_tax".to_owned(), Value::Array(taxes));
    }
    kept.insert("data".to_owned(), Value::Object(amounts));
    if let Some(outcome) = text.get(RESULT).and_then(|result| result.get(INDICATOR)) {
        // Not the transaction's id: whoever authenticated wrote that.
        kept.insert(RESULT.to_owned(), json!({ INDICATOR: outcome }));
    }
    strict::written(&kept)
}

fn some(members: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_kept_and_no_words() {
        let text = json!({
            "kind": 0, "amount": 100, "currency": "USD", "currency_was_sent": true, "attempt_3d_secure": null,
            "metadata_as_written": "{\"a\":1.0}", "three_d_secure": {"electronic_commerce_indicator": "ATTEMPTED", "transaction_id": "w"},
            "data": {
                "sales_tax": "0.10", "gratuity": "0.20", "service_charge": "0.30", "surcharge_amount": "0.40",
                "pre_settlement_fee_charge": "0.05", "post_settlement_fee_charge": "0.06",
                "roc_text_data": "000000012345", "other_tax": [{"name": "w", "amount": "0.01"}], "items": [{"name": "w"}], "metadata": {"w": "w"},
                "additional_data": {"w": "w"}, "customer_name": "w", "description": "w", "order_number": "w", "gateway_id": "w",
                "internal_transaction_id": "w", "fraud_monitor_session_id": "w", "ip_address": "192.0.2.1",
            },
        });
        let kept: Value = serde_json::from_str(&of(text.as_object().unwrap())).unwrap();
        let expected = json!({
            "kind": 0, "amount": 100, "currency": "USD", "currency_was_sent": true,
            "three_d_secure": {"electronic_commerce_indicator": "ATTEMPTED"},
            "data": {
                "sales_tax": "0.10", "gratuity": "0.20", "service_charge": "0.30", "surcharge_amount": "0.40",
                "pre_settlement_fee_charge": "0.05", "post_settlement_fee_charge": "0.06",
                "roc_text_data": "000000012345", "other_tax": [{"name": "OTHER TAX", "amount": "0.01"}],
            },
        });
        assert_eq!(kept, expected);
    }
}
