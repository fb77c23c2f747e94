//! The laws of samples: what load tests send is verified and understood, in every currency, under keys of its own.

use std::collections::BTreeSet;

use holdfast_core::{AuthorizationKind, AuthorizationRequest, Currency, Money, card_number};
use http::HeaderMap;
use proptest::prelude::*;

use super::{NOW, keyring};
use crate::adapter::{Adapter, Platform};
use crate::inbound::{AuthorizationCall, Callback, Inbound};
use crate::settings::Settings;
use crate::{PLATFORMS, answer::Answer};
use holdfast_core::{Decision, DeclineReason};

/// How many characters an amount has at most, where an interface says so.
const AMOUNTS_MAX: &[(&str, usize)] = &[("payment_gateway", 12), ("pre_auth", 12)];

const CURRENCIES: [&str; 4] = ["JPY", "USD", "KWD", "CLF"];

fn build(platform: &Platform, code: &str) -> Box<dyn Adapter> {
    (platform.build)(&Settings::defaults(code.parse().unwrap())).unwrap()
}

/// Sends a sample to the adapter, and shows what it is taken for.
fn with_sample<R>(
    adapter: &dyn Adapter,
    variation: u64,
    amount: Money,
    look: impl FnOnce(&AuthorizationCall<'_>, &[u8]) -> R,
) -> R {
    let (mut headers, mut body) = (HeaderMap::new(), Vec::new());
    let route = adapter.sample_authorization(variation, "card-sample", "holder-sample", amount, &mut body);
    adapter.prove(route, &mut headers, &mut body, &keyring(), NOW);
    let callback = Callback { route, segment: "", query: "", headers: &headers, body: &body };
    let authentic = adapter.verify(callback, &keyring(), NOW).unwrap();
    match adapter.decode(&authentic) {
        Ok(Inbound::Authorization(call)) => look(&call, &body),
        // Who brings no name gets one that nobody else has.
        Ok(Inbound::Payment(mut payment)) => {
            if let Some(make) = payment.unnamed {
                (payment.call.request.key, payment.call.request.payment) = make(&variation.to_le_bytes()).unwrap();
            }
            look(&payment.call, &body)
        }
        Ok(Inbound::Check(check)) => {
            let (key, payment) = (check.make)(&variation.to_le_bytes()).unwrap();
            let request = AuthorizationRequest { key, payment, ..check.request };
            look(&AuthorizationCall { request, echo: check.echo, lookup: None, sent_at: None }, &body)
        }
        other => panic!("a sample is {other:?}"),
    }
}

#[test]
fn amounts_survive_in_every_currency() {
    for platform in PLATFORMS {
        for code in CURRENCIES {
            let (adapter, currency) = (build(platform, code), Currency::from_alpha(code).unwrap());
            proptest!(|(minor in prop_oneof![Just(0_i64), 1..100_i64, 1..1_000_000_000_000_i64], variation: u64)| {
                let amount = Money::from_minor(minor, currency);
                // Doors of ours refuse what looks like a card's number wherever it stands.
                prop_assume!(!card_number::stands_in(&minor.to_string()));
                let longest = AMOUNTS_MAX.iter().find(|(name, _)| *name == platform.name).map_or(usize::MAX, |(_, max)| *max);
                prop_assume!(amount.decimal().to_string().len() <= longest);
                with_sample(adapter.as_ref(), variation, amount, |call, _| {
                    prop_assert_eq!(call.request.amount, amount, "{}", platform.name);
                    Ok(())
                })?;
            });
        }
    }
}

/// An approved amount is written with its currency's decimals, and comes back as it was where the answer has it.
#[test]
fn every_currency_is_answered() {
    for platform in PLATFORMS {
        for code in CURRENCIES {
            let adapter = build(platform, code);
            let amount = Money::from_minor(12_345, code.parse().unwrap());
            with_sample(adapter.as_ref(), 7, amount, |call, _| {
                for decision in [Decision::Approve { amount }, Decision::Decline { reason: DeclineReason::CardFrozen }] {
                    let answer = Answer::Decided { decision, reference: super::reply::REFERENCE, balance: None, said: None };
                    let mut body = Vec::new();
                    adapter.encode(&call.echo, &answer, &keyring(), NOW, &mut body);
                    let json: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(&body);
                    assert!(json.is_ok(), "{} {code}: {}", platform.name, String::from_utf8_lossy(&body));
                }
            });
        }
    }
}

#[test]
fn a_sample_says_what_it_was_made_of_and_repeats_no_key() {
    for platform in PLATFORMS {
        let adapter = build(platform, "USD");
        let (mut keys, mut payments) = (BTreeSet::new(), BTreeSet::new());
        let variations = (0..300).chain([u64::MAX, u64::MAX - 1, 1 << 32, (1 << 32) + 1, 1 << 52]);
        for variation in variations {
            with_sample(adapter.as_ref(), variation, Money::from_minor(2745, Currency::USD), |call, body| {
                let request = &call.request;
                let by = (request.card.map(|card| card.to_string()), request.cardholder.map(|holder| holder.to_string()));
                let named = [by.0.as_deref() == Some("card-sample"), by.1.as_deref() == Some("holder-sample")];
                assert!(named.contains(&true), "{}: {by:?}", platform.name);
                assert!(keys.insert(request.key), "{}: key of {variation} again", platform.name);
                for name in request.payment.names() {
                    assert!(payments.insert(name), "{}: payment of {variation} again", platform.name);
                }
                assert!(request.kind != AuthorizationKind::Unknown && request.increments.is_none(), "{}", platform.name);
                assert!((1_000..4_000).contains(&body.len()), "{}: {} bytes", platform.name, body.len());
            });
        }
    }
}
