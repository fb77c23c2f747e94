//! The hold policy that is built in: what counts where no row of a program's names a field.
//!
//! Sources: the networks' published rules and two issuers' tables of what a clearing may exceed its authorization by; they
//! disagree, which is why every field can be written ([`super::hold_row`]). Each list below is read from the top: the
//! first line that fits decides. Changing one changes what holds look like without a change of a ruleset: such a change is
//! a starred line in the changelog.
//!
//! | lifetime of a hold that is ours to end | |
//! |---|---|
//! | cruises (4411), lodging, vehicle rental: estimates | 30 days |
//! | `MASTERCARD` | 7 days |
//! | `VISA`, by an agreement (`recurring`: the merchant's initiative) | 5 days |
//! | `VISA`, card present (chip, contactless, stripe) | 5 days |
//! | `VISA`, anything else (what is not told is taken for absent: to let go late harms less than to let go early) | 10 days |
//! | any other network | 7 days |
//!
//! | tolerance: captured above the authorization without a word | |
//! |---|---|
//! | cash and quasi-cash | none: what is handed out is known |
//! | fuel pumps (5542) | up to 175.00 USD in all, in programs in USD: a pump asks for one unit and takes what was filled |
//! | taxis (4121), restaurants, bars, fast food (5812 to 5814), barbers (7230), spas (7298): tips | 20 % |
//! | cruises, lodging | 15 % |
//! | vehicle rental | 15 %; in programs in USD at least 75.00 |
//! | card absent on the cardholder's initiative (keyed, e-commerce, on file) | 15 % |
//! | anything else | none |
//!
//! What is asked at a payment door, so that its end is ours, is held for seven days and tolerates nothing: that is what the doors'
//! documents tell their callers.
//!
//! Nothing is held on top, neither for fuel nor for another currency, and less than was asked is never approved: that is
//! somebody's money, and for a program to say. Fuel sold over a counter (5541) is like any other purchase: its amount is known.
//! The safety timer of holds that the platform ends is 35 days.

use crate::authorization::{AuthorizationKind, AuthorizationRequest, EntryMode, Expiry};
use crate::ids::NetworkName;
use crate::merchant::MerchantCategoryCode;
use crate::money::{Currency, Money};

use super::hold_policy::HoldPolicy;
use super::hold_row::{HoldTerms, Margin};
use super::mcc_groups::{LODGING, MccGroup, VEHICLE_RENTAL};
use super::percent::Percent;

const DAY: u32 = 86_400;

const CRUISES: MccGroup = MccGroup { name: "cruises", ranges: &[(4411, 4411)] };
const FUEL_PUMPS: MccGroup = MccGroup { name: "fuel_pumps", ranges: &[(5542, 5542)] };
/// Where people add a tip when the bill is settled.
const TIPS: MccGroup = MccGroup { name: "tips", ranges: &[(4121, 4121), (5812, 5814), (7230, 7230), (7298, 7298)] };

/// What is built in for a request of a program with this currency.
pub(super) fn terms(request: &AuthorizationRequest, currency: Currency) -> HoldTerms {
    // A payment door says how long it holds, and that nothing is captured above it, whatever the network's rules are.
    let (lifetime_seconds, tolerance) = match request.expiry {
        Expiry::Ours => (7 * DAY, None),
        Expiry::Told => (lifetime_seconds(request), tolerance(request, currency)),
    };
    HoldTerms {
        lifetime_seconds: Some(lifetime_seconds),
        safety_timer_seconds: Some(HoldPolicy::PLAIN.safety_timer_seconds),
        tolerance,
        extra: None,
        cross_currency: None,
    }
}

fn lifetime_seconds(request: &AuthorizationRequest) -> u32 {
    let mcc = request.merchant.mcc;
    if [CRUISES, LODGING, VEHICLE_RENTAL].iter().any(|group| is_in(group, mcc)) {
        return 30 * DAY;
    }
    let network = request.network.as_ref().map(NetworkName::as_str).unwrap_or_default();
    if !network.eq_ignore_ascii_case("VISA") {
        return 7 * DAY;
    }
    match request.entry_mode {
        EntryMode::Chip | EntryMode::Contactless | EntryMode::MagneticStripe | EntryMode::Recurring => 5 * DAY,
        EntryMode::Keyed | EntryMode::Ecommerce | EntryMode::CardOnFile | EntryMode::Unknown => 10 * DAY,
    }
}

fn tolerance(request: &AuthorizationRequest, currency: Currency) -> Option<Margin> {
    match request.kind {
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental => {}
        AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::AccountVerification
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => return None,
    }
    let mcc = request.merchant.mcc;
    let dollars = |whole: i64| (currency == Currency::USD).then(|| Money::from_minor(whole.saturating_mul(100), currency));
    let share = |percent| Margin { percent: Some(Percent::whole(percent)), ..Margin::default() };
    if is_in(&FUEL_PUMPS, mcc) {
        return Some(Margin { up_to: dollars(175), ..Margin::default() });
    }
    if is_in(&TIPS, mcc) {
        return Some(share(20));
    }
    if is_in(&CRUISES, mcc) || is_in(&LODGING, mcc) {
        return Some(share(15));
    }
    if is_in(&VEHICLE_RENTAL, mcc) {
        return Some(Margin { amount: dollars(75), ..share(15) });
    }
    match request.entry_mode {
        EntryMode::Keyed | EntryMode::Ecommerce | EntryMode::CardOnFile => Some(share(15)),
        EntryMode::Chip | EntryMode::Contactless | EntryMode::MagneticStripe | EntryMode::Recurring | EntryMode::Unknown => None,
    }
}

fn is_in(group: &MccGroup, mcc: Option<MerchantCategoryCode>) -> bool {
    mcc.is_some_and(|mcc| group.contains(mcc))
}
