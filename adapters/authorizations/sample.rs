//! A payment for load tests: level 3 data for a basket, about 1.5 KB, like a shop's.

use holdfast_core::Money;
use serde_json::json;
use std::io::Write;

/// The merchant that samples pay; the demo has it.
const MERCHANT: &str = "merchant-demo";
/// Items of the basket.
const ITEMS: usize = 7;

/// Writes one; two variations share no key.
pub(super) fn write(variation: u64, card: &str, amount: Money, body: &mut Vec<u8>) {
    let item = |number: usize| {
        json!({
            "amount_excluding_sales_tax": 1_200,
            "amount_including_sales_tax": 1_296,
            "commodity_code": format!("SKU-{number}"),
            "description": format!("Item {number} of the basket, in the size that was chosen"),
            "quantity": 1,
            "unit_of_measure": "EA"
        })
    };
    let items: Vec<_> = (1..=ITEMS).map(item).collect();
    let sample = json!({
        "amount": amount.minor(),
        "currency": amount.currency().code(),
        "merchant": MERCHANT,
        "source": card,
        "idempotency_id": format!("order-{variation:032x}"),
        "tags": { "order_number": format!("ORD-{variation:032x}"), "channel": "web" },
        "additional_purchase_data": { "customer_reference_number": "PO-7", "sales_tax": 96, "item_data": items }
    });
    // Writing into memory cannot fail.
    let _ = write!(body, "{sample}");
}
