//! A request as Marqeta sends it, for load tests: model v2, an e-commerce purchase, about 2 KB. Every value is invented.

use std::io::Write as _;

use holdfast_core::Money;
use serde_json::Value;

/// Appends the request; two variations share no token.
pub(super) fn authorization(variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) {
    let token = |role: u16| {
        let (high, low) = (variation >> 32, variation & 0xffff_ffff);
        format!("{high:08x}-{role:04x}-4f5e-8a7b-0000{low:08x}")
    };
    let currency = amount.currency();
    let decimal = amount.decimal();
    let (card, user) = (Value::from(card), Value::from(cardholder));
    let (transaction, order, funding, jit) = (token(1), token(2), token(3), token(4));
    // Writing to a vector does not fail.
    let _ = write!(
        body,
        "{{\"type\":\"authorization\",\"state\":\"PENDING\",\"token\":\"{transaction}\",\"user_token\":{user},\
         \"acting_user_token\":{user},\"card_token\":{card},\"card_product_token\":\"prod-virtual-01\",\
         \"gpa\":{{\"currency_code\":\"{currency}\",\"ledger_balance\":40.0,\"available_balance\":0.0,\"credit_balance\":0.0,\
         \"pending_credits\":0.0,\"balances\":{{}}}},\
         \"gpa_order\":{{\"token\":\"{order}\",\"amount\":{decimal},\"transaction_token\":\"{funding}\",\"state\":\"PENDING\",\
         \"funding\":{{\"amount\":{decimal},\"source\":{{\"type\":\"programgateway\",\"token\":\"**********gw01\",\
         \"active\":true}}}},\"funding_source_token\":\"**********gw01\",\
         \"jit_funding\":{{\"token\":\"{jit}\",\"method\":\"pgfs.authorization\",\"user_token\":{user},\
         \"acting_user_token\":{user},\"amount\":{decimal},\"address_verification\":{{\"request\":{{\
         \"street_address\":\"7   \",\"postal_code\":\"94105    \"}},\"issuer\":{{\"on_file\":{{}},\
         \"response\":{{\"code\":\"0303\",\"memo\":\"Not validated\"}}}}}}}},\"user_token\":{user},\
         \"currency_code\":\"{currency}\"}},\
         \"created_time\":\"2026-03-14T15:09:26Z\",\"user_transaction_time\":\"2026-03-14T15:09:26Z\",\
         \"settlement_date\":\"2026-03-14T00:00:00Z\",\"request_amount\":{decimal},\"amount\":{decimal},\
         \"currency_code\":\"{currency}\",\"network\":\"VISA\",\"subnetwork\":\"VISANET\",\"acquirer_fee_amount\":0,\
         \"acquirer\":{{\"institution_country\":\"840\",\"institution_id_code\":\"020304\",\
         \"retrieval_reference_number\":\"607315000001\",\"system_trace_audit_number\":\"000042\"}},\
         \"card\":{{\"last_four\":\"0000\"}},\
         \"issuer_received_time\":\"2026-03-14T15:09:26.211Z\",\"issuer_payment_node\":\"node-load-01\",\
         \"network_reference_id\":\"{variation:015}\",\
         \"card_acceptor\":{{\"mid\":\"000000000555001\",\"mcc\":\"5734\",\"name\":\"LOAD TEST SOFTWARE\",\
         \"city\":\"SAN FRANCISCO\",\"state\":\"CA\",\"postal_code\":\"94105\",\"country_code\":\"USA\"}},\
         \"pos\":{{\"pan_entry_mode\":\"KEY_ENTERED\",\"pin_entry_mode\":\"FALSE\",\"terminal_id\":\"T0000001\",\
         \"terminal_attendance\":\"UNATTENDED\",\"terminal_location\":\"OFF_PREMISE_CARDHOLDER\",\
         \"card_holder_presence\":false,\"pin_present\":false,\"card_presence\":false,\"country_code\":\"840\",\
         \"partial_approval_capable\":false,\"purchase_amount_only\":false,\"is_recurring\":false,\"is_installment\":false}},\
         \"fraud\":{{\"network\":{{\"transaction_risk_score\":12,\"account_risk_score\":\"3\"}}}},\
         \"transaction_metadata\":{{\"payment_channel\":\"ECOMMERCE\",\"cross_border_transaction\":false}}}}"
    );
}
