//! A JIT funding request: Marqeta waits, and takes what the gateway says.
//!
//! The amount is `jit_funding.amount` (what must be funded), never the transaction's own: they differ where a program asks
//! for more than the merchant did ([`amounts::padding`]). What Marqeta holds in its own account (`gpa`) is not the customer's balance and is not
//! read.

use std::borrow::Cow;

use holdfast_core::{
    AuthorizationKind, AuthorizationRequest, CardToken, CardholderToken, Country, CrossBorder, Currency, EntryMode, Expiry,
    IdempotencyKey, Merchant, MerchantCategoryCode, MerchantId, MerchantName, Money, NetworkName, Padding, PartialApproval,
    Posting, Timestamp, Wallet, card_number,
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::answer::Dialect;
use super::method::Method;
use super::wire::{self, CardAcceptor, JitFunding, Presence, Transaction, text_of};
use super::{PartialAnswers, amounts, chain, webhook};
use crate::answer::Echo;
use crate::inbound::{AuthorizationCall, Inbound, Malformed};
use crate::json::{self, Nested};

/// Understands a body that came to the gateway.
///
/// # Errors
/// The path of the first field without which the question cannot be answered.
pub(super) fn decode<'a>(body: &'a [u8], program: Currency, partial: PartialAnswers) -> Result<Inbound<'a>, Malformed> {
    let mut place = Nested::default();
    let transaction: &Transaction<'a> = wire::object(body, &mut place)?;
    let (order_name, order) = transaction.order();
    let jit = order.and_then(|order| order.jit_funding.0.as_ref());
    let jit = jit.ok_or_else(|| Malformed::field(format!("{order_name}.jit_funding"), "is missing"))?;
    let within = |field: &str| format!("{order_name}.jit_funding.{field}");

    let method = required(jit.method, || within("method"))?;
    let mut echo = echo(jit);
    let (kind, posting) = match Method::of(&method) {
        Method::Decide { .. } if is_decided(transaction) => {
            // Its conversation's key is that of the question that was decided, or is yet to come.
            let key = key_of_content(transaction, &method)?;
            return not_a_question(transaction, jit, key, echo, program);
        }
        Method::Decide { kind, posting } => (kind, posting),
        Method::Unknown => {
            let told = jit.token.and_then(text_of).and_then(|token| IdempotencyKey::new(&token).ok());
            let key = told.map_or_else(|| key_of_content(transaction, &method), Ok)?;
            return not_a_question(transaction, jit, key, echo, program);
        }
        // Neither asks for anything: whatever is missing in it, it is not refused.
        Method::Answered => return Ok(Inbound::Handshake { echo }),
        Method::Informative => {
            // What it lacks here could make something else of it than it is: the webhook tells it again, whole.
            let notice = match lacking(jit) {
                Some(field) => webhook::unrecognized(body, &Malformed::field(within(field), "is missing")),
                None => webhook::transaction_notice(transaction, body, program),
            };
            return Ok(Inbound::Notification { notices: vec![notice], echo });
        }
    };

    let token = required(jit.token, || within("token"))?;
    let user = required(jit.user_token, || within("user_token"))?;
    let raw_amount = jit.amount.ok_or_else(|| Malformed::field(within("amount"), "is missing"))?;

    let currency = transaction.agreed_currency(program)?;
    transaction.must_be_readable(currency)?;
    let amount = wire::money(raw_amount, currency).map_err(|error| Malformed::amount(within("amount"), error))?;
    let kind = precise_kind(transaction, kind, posting, amount.is_zero(), currency);
    if kind == AuthorizationKind::BalanceInquiry {
        echo.dialect = Dialect::BalanceInquiry.number();
    }

    let missing_original = || Malformed::field(within("original_jit_funding_token"), "is missing");
    let original = (kind == AuthorizationKind::Incremental).then(|| chain::original(transaction, Some(jit)));
    let increments = original.map(|original| original.ok_or_else(missing_original)).transpose()?;
    let key = IdempotencyKey::new(&token).map_err(|error| Malformed::identifier(within("token"), error))?;
    let payment =
        chain::own(transaction, Some(&token)).ok_or_else(|| Malformed::field(within("token"), "is not an identifier"))?;
    let card = transaction.card()?;
    let owner = CardholderToken::new(&user).map_err(|error| Malformed::identifier(within("user_token"), error))?;
    let request = AuthorizationRequest {
        key,
        payment,
        increments,
        kind,
        posting,
        card,
        cardholder: Some(cardholder(transaction, jit, card, owner)),
        amount,
        original: amounts::original(transaction, currency),
        padding: amounts::padding(transaction, amount),
        // `authorization.reversal.issuerexpiration`.
        expiry: Expiry::Told,
        merchant: merchant(transaction),
        entry_mode: entry_mode(transaction),
        wallet: wallet(transaction),
        cross_border: cross_border(transaction),
        partial_approval: partial_approval(transaction, partial),
        network: transaction.network.text().and_then(|name| NetworkName::new(name).ok()),
        occurred_at: occurred_at(transaction),
        checkout: None,
    };
    let sent_at = transaction.issuer_received_time.text().and_then(json::moment);
    Ok(Inbound::Authorization(AuthorizationCall { request, echo, sent_at, lookup: None }))
}

/// The first of the fields that it needs and lacks.
fn lacking(jit: &JitFunding<'_>) -> Option<&'static str> {
    let fields = [("token", jit.token.is_none()), ("user_token", jit.user_token.is_none()), ("amount", jit.amount.is_none())];
    fields.into_iter().find(|(_, is_lacking)| *is_lacking).map(|(field, _)| field)
}

/// Whether it happened already, by its own word: then nobody waits for a decision, and none may hold money. Only a request is PENDING
/// or does not say; a state that is new may be a request's.
fn is_decided(transaction: &Transaction<'_>) -> bool {
    matches!(transaction.state.text(), Some("CLEARED" | "COMPLETION" | "DECLINED" | "ERROR"))
}

/// A message of a method that nobody knows, or of which the decision is past: declined for what it is, and counted, whatever it lacks.
fn not_a_question<'a>(
    transaction: &Transaction<'_>,
    jit: &JitFunding<'_>,
    key: IdempotencyKey,
    echo: Echo<'a>,
    program: Currency,
) -> Result<Inbound<'a>, Malformed> {
    let payment = chain::own(transaction, Some(key.as_str()));
    let payment = payment.ok_or_else(|| Malformed::field("token", "is not an identifier"))?;
    let currency = transaction.currency(program).unwrap_or(program);
    let amount = jit.amount.and_then(|amount| wire::money(amount, currency).ok()).unwrap_or(Money::zero(currency));
    let card = transaction.card().ok().flatten();
    let owner = jit.user_token.and_then(text_of).and_then(|user| CardholderToken::new(&user).ok());
    let request = AuthorizationRequest {
        key,
        payment,
        increments: None,
        kind: AuthorizationKind::Unknown,
        posting: Posting::Hold,
        card,
        cardholder: owner.map(|owner| cardholder(transaction, jit, card, owner)),
        amount,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: merchant(transaction),
        entry_mode: entry_mode(transaction),
        wallet: wallet(transaction),
        cross_border: cross_border(transaction),
        partial_approval: PartialApproval::NotSupported,
        network: transaction.network.text().and_then(|name| NetworkName::new(name).ok()),
        occurred_at: occurred_at(transaction),
        checkout: None,
    };
    let sent_at = transaction.issuer_received_time.text().and_then(json::moment);
    Ok(Inbound::Authorization(AuthorizationCall { request, echo, sent_at, lookup: None }))
}

/// A key for what names no question: of letters, in which nobody can read a card's number.
fn key_of_content(transaction: &Transaction<'_>, method: &str) -> Result<IdempotencyKey, Malformed> {
    let mut digest = Sha256::new();
    for text in [Some(method), transaction.token.text(), transaction.kind.text(), transaction.state.text()] {
        digest.update(text.unwrap_or_default());
        digest.update([0]);
    }
    let letter = |nibble: u8| char::from(b'a'.saturating_add(nibble & 15));
    let letters: String = digest.finalize().iter().take(16).flat_map(|byte| [letter(byte >> 4), letter(*byte)]).collect();
    let key = format!("{}{letters}", IdempotencyKey::OF_CONTENT);
    IdempotencyKey::new(&key).map_err(|error| Malformed::identifier("token", error))
}

fn required<'a>(raw: Option<&'a RawValue>, path: impl Fn() -> String) -> Result<Cow<'a, str>, Malformed> {
    let raw = raw.ok_or_else(|| Malformed::field(path(), "is missing"))?;
    text_of(raw).ok_or_else(|| Malformed::field(path(), "is not an identifier"))
}

/// What the answer repeats, in the order in which it is written. A value that is no text or number is not repeated, nor one with a
/// card's number in it: of what Marqeta sends none has, and no answer of ours is the place for it.
fn echo<'a>(jit: &JitFunding<'a>) -> Echo<'a> {
    let mut echo = Echo { dialect: Dialect::Jit.number(), ..Echo::default() };
    let fields = [
        ("token", jit.token),
        ("method", jit.method),
        ("user_token", jit.user_token),
        ("acting_user_token", jit.acting_user_token),
        ("business_token", jit.business_token),
        ("amount", jit.amount.map(|amount| amount.0)),
        ("original_jit_funding_token", jit.original_jit_funding_token),
    ];
    for (name, raw) in fields {
        let Some(raw) = raw.filter(|raw| !raw.get().starts_with(['{', '['])) else { continue };
        let json = raw.get();
        if name == "amount" {
            echo.fields.push((name, without_sign_of_nothing(number_of(json))));
        } else if text_of(raw).is_none_or(|text| !card_number::stands_in(&text)) {
            echo.fields.push((name, json));
        }
    }
    echo
}

/// The number in a text: the answer's amount is one, however it was asked. What is no number of JSON stays what it was.
fn number_of(json: &str) -> &str {
    let Some(text) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return json };
    let number = without_leading_zeros(text.trim());
    let is_one = number.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if is_one && serde_json::from_str::<&RawValue>(number).is_ok() { number } else { json }
}

/// Nothing is answered as nothing, and not as `-0`.
fn without_sign_of_nothing(number: &str) -> &str {
    let is_nothing =
        |digits: &&str| digits.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| matches!(byte, b'0' | b'.'));
    number.strip_prefix('-').filter(is_nothing).unwrap_or(number)
}

/// The method says the kind only roughly unless a program has the finer-grained ones.
fn precise_kind(
    transaction: &Transaction<'_>,
    kind: AuthorizationKind,
    posting: Posting,
    is_zero: bool,
    currency: Currency,
) -> AuthorizationKind {
    match kind {
        AuthorizationKind::Purchase => {}
        // A verification moves no money: an amount says that it does, whatever the method's name.
        AuthorizationKind::AccountVerification if !is_zero => {}
        AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::AccountVerification
        | AuthorizationKind::Incremental
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => return kind,
    }
    if is_zero && posting == Posting::Hold {
        return AuthorizationKind::AccountVerification;
    }
    let transaction_type = transaction.kind.text().unwrap_or_default();
    let mcc = transaction.card_acceptor.readable().and_then(mcc).map(MerchantCategoryCode::number);
    // 6010 is cash from a counter, 6011 cash from a machine.
    if transaction_type.contains("atm.withdrawal") || matches!(mcc, Some(6010 | 6011)) {
        return AuthorizationKind::CashWithdrawal;
    }
    if transaction_type.contains("quasi.cash") || is_quasi_cash(transaction) {
        return AuthorizationKind::QuasiCash;
    }
    let cash_back = transaction.cash_back_amount.and_then(|amount| wire::money(amount, currency).ok());
    if transaction_type.contains("cashback") || cash_back.is_some_and(|amount| !amount.is_zero()) {
        return AuthorizationKind::PurchaseWithCashback;
    }
    AuthorizationKind::Purchase
}

fn is_quasi_cash(transaction: &Transaction<'_>) -> bool {
    let terminal = transaction.pos.0.as_ref().and_then(|pos| pos.special_condition_indicator.text());
    let old_terminal = poi(transaction).and_then(|poi| poi.special_condition_indicator.text());
    matches!(
        terminal.or(old_terminal),
        Some(
            "QUASI_CASH"
                | "CRYPTOCURRENCY_PURCHASE"
                | "CENTRAL_BANK_DIGITAL_CURRENCY_PURCHASE"
                | "STABLECOIN_PURCHASE"
                | "BLOCKCHAIN_NATIVE_TOKEN_PURCHASE"
                | "NON_FUNGIBLE_TOKEN_PURCHASE"
        )
    )
}

fn poi<'t, 'a>(transaction: &'t Transaction<'a>) -> Option<&'t wire::Poi<'a>> {
    transaction.card_acceptor.readable().and_then(|acceptor| acceptor.poi.0.as_ref())
}

/// Who presents the card: it is theirs. Where no card is named, who owns the money.
fn cardholder(
    transaction: &Transaction<'_>,
    jit: &JitFunding<'_>,
    card: Option<CardToken>,
    owner: CardholderToken,
) -> CardholderToken {
    let acting = jit.acting_user_token.and_then(text_of);
    let acting = transaction.acting_user_token.text().or(acting.as_deref()).filter(|_| card.is_some());
    acting.and_then(|acting| CardholderToken::new(acting).ok()).unwrap_or(owner)
}

fn mcc(acceptor: &CardAcceptor<'_>) -> Option<MerchantCategoryCode> {
    acceptor.mcc.readable()
}

fn merchant(transaction: &Transaction<'_>) -> Merchant {
    let terminal_country = transaction.pos.0.as_ref().and_then(|pos| pos.country_code.text());
    let Some(acceptor) = transaction.card_acceptor.readable() else {
        return Merchant { country: terminal_country.and_then(Country::new), ..Merchant::default() };
    };
    Merchant {
        id: acceptor.mid.text().and_then(|id| MerchantId::new(id).ok()),
        name: acceptor.name.text().and_then(MerchantName::presented),
        mcc: mcc(acceptor),
        country: [acceptor.country_code.text(), acceptor.country.text(), terminal_country]
            .into_iter()
            .flatten()
            .find_map(Country::new),
    }
}

/// A card that was there says so in `pan_entry_mode`. Otherwise the agreement counts before the channel, the channel before
/// how the number was stored.
fn entry_mode(transaction: &Transaction<'_>) -> EntryMode {
    let pos = transaction.pos.0.as_ref();
    let metadata = transaction.transaction_metadata.0.as_ref();
    let presented = pos.and_then(|pos| pos.pan_entry_mode.text()).map_or(EntryMode::Unknown, pan_entry_mode);
    match presented {
        EntryMode::Chip | EntryMode::Contactless | EntryMode::MagneticStripe => return presented,
        EntryMode::Keyed | EntryMode::Ecommerce | EntryMode::CardOnFile | EntryMode::Recurring | EntryMode::Unknown => {}
    }
    let category = pos
        .and_then(|pos| pos.transaction_initiated_category.text())
        .or_else(|| poi(transaction).and_then(|poi| poi.transaction_initiated_category.text()))
        .unwrap_or_default();
    let moto = metadata.and_then(|metadata| metadata.moto_indicator.text()).unwrap_or_default();
    let agreed = pos.is_some_and(|pos| pos.is_recurring.0 == Some(true) || pos.is_installment.0 == Some(true))
        || transaction.is_recurring.0 == Some(true)
        || matches!(category, "RECURRING_PAYMENT" | "RECURRING_VAR_AMT_FIXED_FREQ" | "INSTALLMENT_PAYMENT")
        || matches!(moto, "RECURRING" | "INSTALLMENT");
    if agreed {
        return EntryMode::Recurring;
    }
    if presented == EntryMode::CardOnFile || matches!(category, "CARD_ON_FILE" | "UNSCHEDULED_PAYMENT") {
        return EntryMode::CardOnFile;
    }
    let channel = metadata
        .and_then(|metadata| metadata.payment_channel.text())
        .or_else(|| poi(transaction).and_then(|poi| poi.channel.text()));
    let at_home = pos.and_then(|pos| pos.terminal_type.text()) == Some("ECOMMERCE");
    match channel {
        Some("ECOMMERCE") => EntryMode::Ecommerce,
        Some("MAIL" | "PHONE" | "MOTO") => EntryMode::Keyed,
        Some(_) | None if at_home => EntryMode::Ecommerce,
        Some(_) | None => presented,
    }
}

fn pan_entry_mode(mode: &str) -> EntryMode {
    match mode {
        "CHIP" => EntryMode::Chip,
        "CHIP_CONTACTLESS" | "MAG_STRIPE_CONTACTLESS" => EntryMode::Contactless,
        "MAG_STRIPE" | "CHIP_FALLBACK" | "MAG_STRIPE_READ_KEYED_PCSC" => EntryMode::MagneticStripe,
        "MANUAL" | "KEY_ENTERED" | "KEYED_CARD_PCSC" | "OCR" | "MICR" | "BAR_CODE" => EntryMode::Keyed,
        "CARD_ON_FILE" | "CREDENTIALS_ON_FILE" => EntryMode::CardOnFile,
        _ => EntryMode::Unknown,
    }
}

fn wallet(transaction: &Transaction<'_>) -> Wallet {
    match transaction.digital_wallet_token {
        Presence::Present => Wallet::Token,
        Presence::Absent => Wallet::None,
    }
}

/// By the platform's own clock, as its webhooks tell what follows; the acceptor's is another one.
fn occurred_at(transaction: &Transaction<'_>) -> Option<Timestamp> {
    let times = [&transaction.created_time, &transaction.user_transaction_time];
    times.into_iter().find_map(|time| time.text().and_then(json::moment))
}

fn cross_border(transaction: &Transaction<'_>) -> CrossBorder {
    match transaction.transaction_metadata.0.as_ref().and_then(|metadata| metadata.cross_border_transaction.0) {
        Some(true) => CrossBorder::Yes,
        Some(false) => CrossBorder::No,
        None => CrossBorder::NotTold,
    }
}

fn partial_approval(transaction: &Transaction<'_>, answers: PartialAnswers) -> PartialApproval {
    let terminal = transaction.pos.0.as_ref().and_then(|pos| pos.partial_approval_capable.0);
    let old_terminal = poi(transaction).and_then(|poi| poi.partial_approval_capable.0);
    match (answers, terminal.or(old_terminal)) {
        (PartialAnswers::Allowed, Some(true)) => PartialApproval::Supported,
        (PartialAnswers::Allowed, Some(false) | None) | (PartialAnswers::Never, _) => PartialApproval::NotSupported,
    }
}

/// A number as JSON writes it: with a zero in front only where nothing else is.
fn without_leading_zeros(number: &str) -> &str {
    let bare = number.trim_start_matches('0');
    let has_digit = bare.starts_with(|first: char| first.is_ascii_digit());
    let zeros = number.len().saturating_sub(bare.len()).saturating_sub(usize::from(!has_digit));
    number.get(zeros..).unwrap_or(number)
}
