//! What only doors of ours tell: each condition as a rule's check and under `when`, at its ends, absent, and at another door; and
//! limits that count by address.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::checkout::{AddressVerification, Checkout, Monitoring, SecurityCodeVerification, ThreeDSecure};

/// 110.00 USD, of which 10.00 are a surcharge, 10.00 a gratuity and 11.00 fees; three items, from a documentation address.
fn checkout() -> Checkout {
    Checkout {
        surcharge: 1000,
        gratuity: 1000,
        fees: 1100,
        items: 3,
        three_d_secure: ThreeDSecure::Attempted,
        address_verification: AddressVerification::PostalCodeMatch,
        security_code: SecurityCodeVerification::NotMatched,
        ip_address: "203.0.113.7".parse().ok(),
        monitoring: Monitoring::Asked,
    }
}

fn told(checkout: Checkout) -> AuthorizationRequest {
    AuthorizationRequest { amount: usd("110.00"), checkout: Some(checkout), ..request() }
}

fn at_most(percent: &str) -> PartRange {
    PartRange { percent_max: Percent::parse(percent).ok(), ..PartRange::default() }
}

fn up_to(amount: &str) -> PartRange {
    PartRange { max: Some(usd(amount)), ..PartRange::default() }
}

fn list(networks: &[&str]) -> NetworkList {
    NetworkList::new(networks.iter().map(|text| NetworkList::parse(text).unwrap()).collect()).unwrap()
}

/// Each condition, whether it holds of [`checkout`], and the reason of a rule that checks it.
fn table() -> Vec<(CheckoutCondition, bool, DeclineReason)> {
    use CheckoutCondition as Condition;
    let (parts, fraud) = (DeclineReason::TransactionNotPermitted, DeclineReason::SuspectedFraud);
    let words = |words: &[ThreeDSecure]| Condition::ThreeDSecure(WordSet::new(words.to_vec()).unwrap());
    let addresses = |word| Condition::AddressVerification(WordSet::new(vec![word]).unwrap());
    let codes = |word| Condition::SecurityCode(WordSet::new(vec![word]).unwrap());
    vec![
        (Condition::Surcharge(at_most("10")), true, parts),
        (Condition::Surcharge(at_most("9.99")), false, parts),
        (Condition::Surcharge(up_to("10.00")), true, parts),
        (Condition::Surcharge(up_to("9.99")), false, parts),
        (Condition::Gratuity(at_most("10")), true, parts),
        (Condition::Gratuity(at_most("9.99")), false, parts),
        (Condition::Gratuity(PartRange { min: Some(usd("10.01")), ..PartRange::default() }), false, parts),
        (Condition::Fees(at_most("10")), true, parts),
        (Condition::Fees(at_most("9.99")), false, parts),
        (Condition::Fees(PartRange { percent_min: Percent::parse("10.01").ok(), ..PartRange::default() }), false, parts),
        (Condition::Items(CountRange::new(Some(3), Some(3)).unwrap()), true, parts),
        (Condition::Items(CountRange::new(Some(4), None).unwrap()), false, parts),
        (Condition::Items(CountRange::new(None, Some(2)).unwrap()), false, parts),
        (words(&[ThreeDSecure::Authenticated, ThreeDSecure::Attempted]), true, fraud),
        (words(&[ThreeDSecure::NotTold]), false, fraud),
        (addresses(AddressVerification::PostalCodeMatch), true, fraud),
        (addresses(AddressVerification::Unavailable), false, fraud),
        (codes(SecurityCodeVerification::NotMatched), true, fraud),
        (codes(SecurityCodeVerification::Matched), false, fraud),
        (Condition::IpAddress(list(&["203.0.113.7"])), true, fraud),
        (Condition::IpAddress(list(&["198.51.100.1", "203.0.112.0/23"])), true, fraud),
        (Condition::IpAddress(list(&["203.0.114.0/24", "2001:db8::/32"])), false, fraud),
    ]
}

#[test]
fn each_condition_checks_and_restricts() {
    for (condition, holds, reason_of_rule) in table() {
        let allow = rule("allow", Check::Checkout(Listed::Allow(condition.clone())));
        let deny = rule("deny", Check::Checkout(Listed::Deny(condition.clone())));
        let of = |declines: bool| declines.then_some(reason_of_rule);
        assert_eq!(reason(allow.clone(), &told(checkout())), of(!holds), "{condition}: allowed");
        assert_eq!(reason(deny.clone(), &told(checkout())), of(holds), "{condition}: denied");
        let when = When { checkout: vec![condition.clone()], ..When::default() };
        let never = || Check::Amount(AmountRange::new(None, Some(usd("0.01"))).unwrap());
        let applies = reason(rule("when", never()).when(when.clone()), &told(checkout())).is_some();
        assert_eq!(applies, holds, "{condition}: when");
        // A card network tells none of it: no rule is about that.
        for rule in [allow, deny, rule("when", never()).when(when)] {
            assert_eq!(reason(rule, &request()), None, "{condition}: nothing told");
        }
    }
}

#[test]
fn an_address_that_is_not_told_is_absent_and_everything_else_has_a_value() {
    let address = || CheckoutCondition::IpAddress(list(&["203.0.113.0/24"]));
    let nothing = told(Checkout::NOTHING_TOLD);
    assert_eq!(reason(rule("allow", Check::Checkout(Listed::Allow(address()))), &nothing), Some(DeclineReason::SuspectedFraud));
    assert_eq!(reason(rule("deny", Check::Checkout(Listed::Deny(address()))), &nothing), None);
    let required = CheckoutCondition::ThreeDSecure(WordSet::new(vec![ThreeDSecure::Authenticated]).unwrap());
    assert!(reason(rule("allow", Check::Checkout(Listed::Allow(required))), &nothing).is_some());
    let some_item = CheckoutCondition::Items(CountRange::new(Some(1), None).unwrap());
    assert!(reason(rule("allow", Check::Checkout(Listed::Allow(some_item))), &nothing).is_some());
}

#[test]
fn what_is_no_range_or_network_does_not_load() {
    assert_eq!(PartRange::default().checked(), Err(RulesetProblem::NoPart));
    let reversed = PartRange { min: Some(usd("2.00")), max: Some(usd("1.00")), ..PartRange::default() };
    assert_eq!(reversed.checked(), Err(RulesetProblem::MinAboveMax));
    let shares = PartRange { percent_min: Percent::parse("2").ok(), ..at_most("1") };
    assert_eq!(shares.checked(), Err(RulesetProblem::MinAboveMax));
    assert_eq!(CountRange::new(None, None), Err(RulesetProblem::NoPart));
    for text in ["203.0.113.7/24", "203.0.113", "here", "203.0.113.0/33", ""] {
        assert_eq!(NetworkList::parse(text), Err(RulesetProblem::NotANetwork), "{text}");
    }
    assert_eq!(NetworkList::new(Vec::new()), Err(RulesetProblem::EmptyList));
    let in_euro = CheckoutCondition::Fees(PartRange { max: Some(euro("1.00")), ..PartRange::default() });
    assert_eq!(in_euro.problems(Currency::USD), Some(RulesetProblem::OtherCurrency));
}

#[test]
fn a_limit_by_address_counts_each_address_apart_and_what_tells_none_nowhere() {
    let limit =
        || Limit::new(id("rush"), LimitScope::IpAddress, LimitWindow::Rolling(Rolling::new(600, 10).unwrap())).count_max(5);
    let rules = ruleset(Vec::new(), vec![limit()]);
    let counter = |request: &AuthorizationRequest| match evaluate(&rules, request, now(), &mut NoTrace) {
        Verdict::Proceed(proceed) => proceed.limits.first().map(|check| check.counter),
        Verdict::Decline { .. } => panic!("nothing declines"),
    };
    let from = |address: &str| told(Checkout { ip_address: address.parse().ok(), ..checkout() });
    assert!(counter(&from("203.0.113.7")).is_some());
    assert_eq!(counter(&from("203.0.113.7")), counter(&from("::ffff:203.0.113.7")), "the same address, written otherwise");
    assert_ne!(counter(&from("203.0.113.7")), counter(&from("203.0.113.8")));
    assert_eq!(counter(&told(Checkout::NOTHING_TOLD)), None);
    assert_eq!(counter(&request()), None);
}

proptest! {
    #[test]
    fn a_list_of_networks_is_what_its_ranges_are(
        ranges in prop::collection::vec((any::<u32>(), 1_u8..=32), 1..8), address: u32, from_range in any::<prop::sample::Index>(),
    ) {
        let network = |(bits, length): &(u32, u8)| ipnet::Ipv4Net::new((*bits).into(), *length).unwrap().trunc();
        let networks: Vec<ipnet::Ipv4Net> = ranges.iter().map(network).collect();
        let list = NetworkList::new(networks.iter().copied().map(ipnet::IpNet::V4).collect()).unwrap();
        for address in [address, u32::from(from_range.get(&networks).broadcast()), u32::from(from_range.get(&networks).network())] {
            let inside = networks.iter().any(|network| {
                let shift = 32 - u32::from(network.prefix_len());
                u64::from(address) >> shift == u64::from(u32::from(network.network())) >> shift
            });
            prop_assert_eq!(list.contains(IpAddr::V4(address.into())), inside);
            prop_assert_eq!(list.contains(IpAddr::V6(std::net::Ipv4Addr::from(address).to_ipv6_mapped())), inside);
        }
    }

    #[test]
    fn a_share_is_compared_without_rounding(part in 0_i64..1_000_000, rest in 0_i64..1_000_000, hundredths in 0_u32..20_000) {
        let share = Percent::parse(&format!("{}.{:02}", hundredths / 100, hundredths % 100)).unwrap();
        let range = PartRange { percent_max: Some(share), ..PartRange::default() };
        let asked = AuthorizationRequest {
            amount: Money::from_minor(part + rest, Currency::USD),
            ..told(Checkout { surcharge: part, ..Checkout::NOTHING_TOLD })
        };
        let within = part * 10_000 <= rest * i64::from(hundredths);
        prop_assert_eq!(CheckoutCondition::Surcharge(range).holds(&asked), Some(within));
    }
}

#[test]
fn rules_that_are_bypassed_are_asked_by_nobody() {
    let deny = rule("deny", Check::Checkout(Listed::Deny(CheckoutCondition::Surcharge(at_most("10")))));
    assert!(reason(deny.clone(), &told(checkout())).is_some());
    let past = Checkout { monitoring: Monitoring::Bypassed, ..checkout() };
    assert_eq!(reason(deny, &told(past)), None);
}
