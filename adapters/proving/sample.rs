//! A valid question for load tests, in size and shape like those of real platforms: about 2 KB, most of it never read.

use holdfast_core::Money;

/// Appends the body of variation number `variation`.
pub(super) fn write(variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) {
    let unread: Vec<_> = (0..12)
        .map(|number| {
            let name = format!("proving-field-{number:02}");
            serde_json::json!({ "name": name, "value": "0123456789abcdef".repeat(4), "version": number })
        })
        .collect();
    let message = serde_json::json!({
        "authorization": {
            // Halves: twenty digits in a row could be those of a card.
            "payment": format!("pay-{:08x}-{:08x}", variation >> 32, variation & 0xffff_ffff),
            "card": card,
            "cardholder": cardholder,
            "kind": "purchase",
            "amount": amount.minor(),
            "currency": amount.currency().code(),
            "merchant_id": "PROVING00000042",
            "merchant_name": "PROVING GROCER",
            "mcc": "5411",
            "country": "USA",
            "entry_mode": "chip",
            "wallet": false,
            "partial_approval": false,
            "network": "VISA",
            "unread": unread,
        },
    });
    body.extend_from_slice(message.to_string().as_bytes());
}
