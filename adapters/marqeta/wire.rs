//! Marqeta's JSON, as far as it is read: the transaction object of both routes, and the transitions of cards and users.
//!
//! Everything is borrowed and optional here: what is required, and in which currency an amount is, is said where it is
//! used ([`super::jit`], [`super::webhook`]). Unknown fields are ignored, values of another type count as absent. An
//! ordinary request is read with one allocation, the parser's own for the nested values that it skips.
//!
//! Field names: Marqeta OpenAPI, CoreAPI 3.0.40, schemas `transaction_model`, `jit_funding_api`, `pos`,
//! `card_transition_response`, `user_transition_response`.

use std::borrow::Cow;

use holdfast_core::{AmountError, CardToken, Currency, Money};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::inbound::Malformed;
use crate::json::category::Category;
use crate::json::object::{Member, Object, members};
use crate::json::{self, Amount, Lenient, Nested, Text, Told};

members! {
    /// A card transaction, before the decision (a request) or after it (a notification).
    struct Transaction<'a> {
        "type" => kind: Lenient<Text<'a>>,
        "state" => state: Lenient<Text<'a>>,
        "token" => token: Lenient<Text<'a>>,
        "user_token" => user_token: Lenient<Text<'a>>,
        "acting_user_token" => acting_user_token: Lenient<Text<'a>>,
        /// Raw, because it says whose money it is: another type than a text is not as good as none.
        "card_token" => card_token: Option<&'a RawValue>,
        "preceding_related_transaction_token" => preceding_related_transaction_token: Lenient<Text<'a>>,
        "original_transaction_token" => original_transaction_token: Lenient<Text<'a>>,
        "amount" => amount: Option<Amount<'a>>,
        "request_amount" => request_amount: Option<Amount<'a>>,
        "cash_back_amount" => cash_back_amount: Option<Amount<'a>>,
        "currency_conversion" => currency_conversion: Nested<CurrencyConversion<'a>>,
        "currency_code" => currency_code: Lenient<Text<'a>>,
        "network" => network: Lenient<Text<'a>>,
        "user_transaction_time" => user_transaction_time: Lenient<Text<'a>>,
        "created_time" => created_time: Lenient<Text<'a>>,
        "settlement_date" => settlement_date: Lenient<Text<'a>>,
        "issuer_received_time" => issuer_received_time: Lenient<Text<'a>>,
        /// Model v1 only; v2 has it in `pos`.
        "is_recurring" => is_recurring: Lenient<bool>,
        "is_final_clearing" => is_final_clearing: Lenient<bool>,
        "multi_clearing_sequence_number" => multi_clearing_sequence_number: Lenient<Text<'a>>,
        "multi_clearing_sequence_count" => multi_clearing_sequence_count: Lenient<Text<'a>>,
        "standin_approved_by" => standin_approved_by: Lenient<Text<'a>>,
        "standin_by" => standin_by: Lenient<Text<'a>>,
        "standin_reason" => standin_reason: Lenient<Text<'a>>,
        "response" => response: Nested<Response<'a>>,
        "gpa" => gpa: Nested<Gpa<'a>>,
        "gpa_order" => gpa_order: Nested<Order<'a>>,
        "gpa_order_unload" => gpa_order_unload: Nested<Order<'a>>,
        "card_acceptor" => card_acceptor: Told<CardAcceptor<'a>>,
        "pos" => pos: Nested<Pos<'a>>,
        "transaction_metadata" => transaction_metadata: Nested<TransactionMetadata<'a>>,
        "digital_wallet_token" => digital_wallet_token: Presence,
    }

    struct CurrencyConversion<'a> {
        "network" => network: Nested<NetworkConversion<'a>>,
    }

    /// What the merchant asked, in its own currency, which is told by its ISO 4217 number.
    struct NetworkConversion<'a> {
        "original_amount" => original_amount: Option<Amount<'a>>,
        "original_currency_code" => original_currency_code: Lenient<Text<'a>>,
    }

    struct Response<'a> {
        "code" => code: Lenient<Text<'a>>,
    }

    struct Gpa<'a> {
        "currency_code" => currency_code: Lenient<Text<'a>>,
        /// Only after the decision; negative when money left.
        "impacted_amount" => impacted_amount: Option<Amount<'a>>,
    }

    /// `gpa_order` (the purchase is funded: our account pays) or `gpa_order_unload` (funds come back to us).
    struct Order<'a> {
        "currency_code" => currency_code: Lenient<Text<'a>>,
        "funding" => funding: Nested<Funding<'a>>,
        "jit_funding" => jit_funding: Nested<JitFunding<'a>>,
    }

    struct Funding<'a> {
        "gateway_log" => gateway_log: Nested<GatewayLog<'a>>,
    }

    struct GatewayLog<'a> {
        /// The `jit_funding.token` of our conversation.
        "transaction_id" => transaction_id: Lenient<Text<'a>>,
        "timed_out" => timed_out: Lenient<bool>,
    }

    /// What must be funded, or is given back. Raw, because an answer repeats it.
    struct JitFunding<'a> {
        "token" => token: Option<&'a RawValue>,
        "method" => method: Option<&'a RawValue>,
        "user_token" => user_token: Option<&'a RawValue>,
        "acting_user_token" => acting_user_token: Option<&'a RawValue>,
        "business_token" => business_token: Option<&'a RawValue>,
        "amount" => amount: Option<Amount<'a>>,
        "original_jit_funding_token" => original_jit_funding_token: Option<&'a RawValue>,
    }

    /// The merchant; `country` and `poi` are model v1's, `country_code` is v2's.
    struct CardAcceptor<'a> {
        "mid" => mid: Lenient<Text<'a>>,
        "mcc" => mcc: Category,
        "name" => name: Lenient<Text<'a>>,
        "country_code" => country_code: Lenient<Text<'a>>,
        "country" => country: Lenient<Text<'a>>,
        "poi" => poi: Nested<Poi<'a>>,
    }

    /// The terminal, model v1: every value is a text.
    struct Poi<'a> {
        "partial_approval_capable" => partial_approval_capable: Lenient<bool>,
        "special_condition_indicator" => special_condition_indicator: Lenient<Text<'a>>,
        "transaction_initiated_category" => transaction_initiated_category: Lenient<Text<'a>>,
        "channel" => channel: Lenient<Text<'a>>,
    }

    /// The terminal, model v2.
    struct Pos<'a> {
        "pan_entry_mode" => pan_entry_mode: Lenient<Text<'a>>,
        "terminal_type" => terminal_type: Lenient<Text<'a>>,
        "country_code" => country_code: Lenient<Text<'a>>,
        "partial_approval_capable" => partial_approval_capable: Lenient<bool>,
        "is_recurring" => is_recurring: Lenient<bool>,
        "is_installment" => is_installment: Lenient<bool>,
        "special_condition_indicator" => special_condition_indicator: Lenient<Text<'a>>,
        "transaction_initiated_category" => transaction_initiated_category: Lenient<Text<'a>>,
    }

    struct TransactionMetadata<'a> {
        "payment_channel" => payment_channel: Lenient<Text<'a>>,
        "moto_indicator" => moto_indicator: Lenient<Text<'a>>,
        "cross_border_transaction" => cross_border_transaction: Lenient<bool>,
    }

    /// A card's change of state, in the groups `cardtransitions` and `cards`.
    struct CardTransition<'a> {
        "token" => token: Lenient<Text<'a>>,
        "card_token" => card_token: Lenient<Text<'a>>,
        "user_token" => user_token: Lenient<Text<'a>>,
        "state" => state: Lenient<Text<'a>>,
        "reason_code" => reason_code: Lenient<Text<'a>>,
        "created_time" => created_time: Lenient<Text<'a>>,
    }

    /// A user's change of status, in the group `usertransitions`.
    struct UserTransition<'a> {
        "token" => token: Lenient<Text<'a>>,
        "user_token" => user_token: Lenient<Text<'a>>,
        "status" => status: Lenient<Text<'a>>,
        "created_time" => created_time: Lenient<Text<'a>>,
    }
}

impl<'a> Transaction<'a> {
    /// The order that carries `jit_funding`, with its name: `gpa_order` first, then `gpa_order_unload`.
    pub fn order(&self) -> (&'static str, Option<&Order<'a>>) {
        let has_funding = |order: &&Order<'a>| order.jit_funding.0.is_some();
        let load = self.gpa_order.0.as_ref();
        let unload = self.gpa_order_unload.0.as_ref();
        match (load.filter(has_funding), unload.filter(has_funding)) {
            (Some(order), _) => ("gpa_order", Some(order)),
            (None, Some(order)) => ("gpa_order_unload", Some(order)),
            (None, None) if load.is_none() && unload.is_some() => ("gpa_order_unload", unload),
            (None, None) => ("gpa_order", load),
        }
    }

    /// The card; `None` where none is named.
    ///
    /// # Errors
    /// What is named is no token. Taken for none, it would leave the owner's money without the card's standing.
    pub fn card(&self) -> Result<Option<CardToken>, Malformed> {
        const PATH: &str = "card_token";
        let Some(raw) = self.card_token else { return Ok(None) };
        let token = text_of(raw).ok_or_else(|| Malformed::field(PATH, "is not an identifier"))?;
        CardToken::new(&token).map(Some).map_err(|error| Malformed::identifier(PATH, error))
    }

    /// The same of a question, in which nothing may contradict it: what is asked for is held, and one of the two would be wrong.
    ///
    /// # Errors
    /// As [`Transaction::currency`]; or the transaction's is no currency, or not the order's.
    pub fn agreed_currency(&self, program: Currency) -> Result<Currency, Malformed> {
        let currency = self.currency(program)?;
        match self.currency_code.text() {
            None => Ok(currency),
            Some(code) if code == currency.code() => Ok(currency),
            // In lower case it is the same one, as it is in the order.
            Some(code) => match Currency::from_alpha(code) {
                Some(same) if same == currency => Ok(currency),
                Some(_) => Err(Malformed::amount("currency_code", AmountError::CurrencyMismatch)),
                None => Err(Malformed::amount("currency_code", AmountError::UnknownCurrency)),
            },
        }
    }

    /// A question's own amount, merchant and category must be what they should be, where they are told. None is what must be funded,
    /// but a message in which they are garbled is not one to pay on.
    ///
    /// # Errors
    /// The path of the one that is not.
    pub fn must_be_readable(&self, currency: Currency) -> Result<(), Malformed> {
        if let Some(amount) = self.amount {
            money(amount, currency).map_err(|error| Malformed::amount("amount", error))?;
        }
        let Some(acceptor) = self.card_acceptor.of_question("card_acceptor")? else { return Ok(()) };
        acceptor.mcc.of_question("card_acceptor.mcc").map(|_| ())
    }

    /// The currency of the amounts: the order's, else the transaction's, else the program's.
    ///
    /// # Errors
    /// The path of the first one that is there and that ISO 4217 does not list.
    pub fn currency(&self, program: Currency) -> Result<Currency, Malformed> {
        let load = self.gpa_order.0.as_ref().and_then(|order| order.currency_code.text());
        let unload = self.gpa_order_unload.0.as_ref().and_then(|order| order.currency_code.text());
        let (path, code) = match (load, unload, self.currency_code.text()) {
            (Some(code), _, _) => ("gpa_order.currency_code", code),
            (None, Some(code), _) => ("gpa_order_unload.currency_code", code),
            (None, None, Some(code)) => ("currency_code", code),
            (None, None, None) => return Ok(program),
        };
        if code == program.code() {
            return Ok(program);
        }
        Currency::from_alpha(code).ok_or_else(|| Malformed::amount(path, AmountError::UnknownCurrency))
    }
}

/// Parses an object of Marqeta's, in place.
///
/// # Errors
/// Not JSON, not an object, or a field that comes twice.
pub(super) fn object<'p, 'a, T: Object<'a>>(bytes: &'a [u8], place: &'p mut Nested<T>) -> Result<&'p T, Malformed> {
    json::parse_into(bytes, place)?;
    place.0.as_ref().ok_or_else(|| Malformed::field("", "is not an object"))
}

/// A raw value as text: a string without its quotes and blanks, or a number's digits; anything else is none.
pub(super) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    let text = match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain.trim()),
        Some(_) => Cow::Owned(serde_json::from_str::<String>(json).ok()?.trim().to_owned()),
        None if json.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(json),
        None => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// An amount in a currency, never negative: of the places that use this, none may be.
pub(super) fn money(amount: Amount<'_>, currency: Currency) -> Result<Money, AmountError> {
    let money = amount.money(currency)?;
    if money.is_negative() { Err(AmountError::Negative) } else { Ok(money) }
}

/// Whether an object is there and has members. What it holds is not read: here it is personal data.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Absent,
    Present,
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let inside = raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        Ok(if inside.is_some_and(|members| !members.trim_ascii().is_empty()) { Presence::Present } else { Presence::Absent })
    }
}

impl Member<'_> for Presence {}
