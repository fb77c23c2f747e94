//! A V3 authorize request for load tests, with the fields that are known and some that the adapter has to skip.

use holdfast_core::Money;

use super::answer::{append, json_text};

/// Appends a purchase of `amount`; `variation` makes its ids and its merchant's name.
pub(super) fn write(variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) {
    // A purchase is negative.
    let sign = if amount.is_zero() || amount.is_negative() { "" } else { "-" };
    let (card, cardholder) = (json_text(card), json_text(cardholder));
    let money = format!(r#"{{"currency":"{}","amount":{sign}{}}}"#, amount.currency(), amount.decimal());
    let zero = format!(r#"{{"currency":"{}","amount":0.00}}"#, amount.currency());
    // No run of digits is as long as a card's number.
    let (high, low) = (variation >> 32, variation & 0xffff_ffff);
    let number = format!("{high:09x}x{low:010x}");
    let store = variation.checked_rem(1000).unwrap_or(0);
    append(body, format_args!(r#"{{"authorization":{{"id":"auth_{number}","transaction_id":"txn_{number}","#));
    append(body, format_args!(r#""cardholder_id":{cardholder},"card_id":{card},"livemode":true,"#));
    append(body, format_args!(r#""funding_source_id":"bal_{number}","funding_source_name":"Main","#));
    append(body, format_args!(r#""billing_amount":{money},"local_amount":{money},"hold_amount":{zero},"#));
    append(body, format_args!(r#""cashback_amount":{zero},"fee_amount":{zero},"#));
    append(
        body,
        format_args!(
            r#""merchant_data":{{"merchant_name":"CORNER GROCERY {store:03}","merchant_locality":"AUSTIN","merchant_region":"TX","merchant_country":"USA","mcc":5411,"mcc_group":"Food and Beverage","merchant_id":"00000{store:010}","merchant_descriptor":"CORNER GROCERY {store:03} AUSTIN TXUS"}},"#
        ),
    );
    body.extend_from_slice(
        br#""transaction_data":{"card_present":true,"ecommerce":false,"international":false,"emv":true,"network":"MASTERCARD","context":"Authorization (MASTERCARD)","created_at":"2026-03-14T15:09:26+00:00"},"pos_data":{"entry_mode":"integrated_circuit_card","terminal_type":"attended","cardholder_presence":"present","card_presence":"present","pin_present":false,"partial_approval_capable":false,"terminal_country":"USA","terminal_postal_code":"78701"},"risk_data":{"network_score":"12","address_verification":"not_performed","card_verification":"match","three_d_secure":"not_performed"}}}"#,
    );
}
