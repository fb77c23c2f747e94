//! A question as a processor sends it, for load tests, with fields of its own that we pass over. Every value is invented.

use std::io::Write as _;

use holdfast_core::Money;
use serde_json::Value;

/// Appends the request; two variations share no name.
pub(super) fn write(variation: u64, instrument: &str, amount: Money, body: &mut Vec<u8>) {
    let (minor, currency, instrument) = (amount.minor(), amount.currency(), Value::from(instrument));
    let (high, low) = (variation >> 32, variation & 0xffff_ffff);
    // Writing to a vector does not fail.
    let _ = write!(
        body,
        "{{\"issuing_platform\":\"MARQETA\",\"instrument_id\":{instrument},\"amount\":{minor},\"currency\":\"{currency}\",\
         \"mcc\":\"5734\",\"merchant\":\"Load Test Software\",\"merchant_id\":\"000000000555001\",\"merchant_country\":\"USA\",\
         \"network\":\"VISA\",\"occurred_at\":\"2026-03-14T15:09:26Z\",\
         \"correlation_id\":\"load-{high:08x}-4f5e-8a7b-0000{low:08x}\",\
         \"processor_context\":{{\"acquirer\":{{\"institution_country\":\"840\",\"institution_id_code\":\"020304\",\
         \"retrieval_reference_number\":\"607315000001\",\"system_trace_audit_number\":\"000042\"}},\
         \"card_acceptor\":{{\"city\":\"SAN FRANCISCO\",\"state\":\"CA\",\"postal_code\":\"94105\",\"country_code\":\"USA\"}},\
         \"pos\":{{\"pan_entry_mode\":\"KEY_ENTERED\",\"pin_entry_mode\":\"FALSE\",\"terminal_id\":\"T0000001\",\
         \"terminal_attendance\":\"UNATTENDED\",\"terminal_location\":\"OFF_PREMISE_CARDHOLDER\",\
         \"card_holder_presence\":false,\"pin_present\":false,\"card_presence\":false,\"country_code\":\"840\",\
         \"partial_approval_capable\":false,\"purchase_amount_only\":false,\"is_recurring\":false,\"is_installment\":false}},\
         \"fraud\":{{\"network\":{{\"transaction_risk_score\":12,\"account_risk_score\":\"3\"}}}},\
         \"transaction_metadata\":{{\"payment_channel\":\"ECOMMERCE\",\"cross_border_transaction\":false}}}}}}"
    );
}
