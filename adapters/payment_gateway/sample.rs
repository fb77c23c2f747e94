//! A payment for load tests: a basket of items, about 1.5 KB.

use std::io::Write;

use holdfast_core::Money;
use serde_json::json;

/// The merchant that samples pay; the demo has it.
const MERCHANT: &str = "merchant-demo";
/// Items of the basket.
const ITEMS: usize = 7;

/// Writes one. Each is a payment of its own: the interface has no key in its body.
pub(super) fn write(variation: u64, card: &str, amount: Money, body: &mut Vec<u8>) {
    let item = |number: usize| {
        json!({
            "name": format!("Item {number}"), "unit_cost": "1.00", "quantity": 1, "total_amount": "1.00",
            "description": "One of the things in the basket, as it was chosen"
        })
    };
    let items: Vec<_> = (1..=ITEMS).map(item).collect();
    let sample = json!({
        "merchant_id": MERCHANT,
        "data": {
            "transaction_amount": amount.decimal().to_string(),
            "card_token": card,
            "currency_code": amount.currency().code(),
            "internal_transaction_id": format!("{variation:032x}"),
            "description": "Payment for a basket",
            "customer_name": "A Customer",
            "ip_address": "203.0.113.7",
            "items": items,
            "metadata": { "channel": "web" }
        }
    });
    // Writing into memory cannot fail.
    let _ = write!(body, "{sample}");
}
