//! What is remembered, and names that nobody else has. What leads where is proven over sockets.

use std::collections::HashSet;

use holdfast_core::agent::{AuthorityId, BindingId, Environment, Instrument, ReasonCode};
use holdfast_core::{StandInCause, Timestamp};

use super::*;
use crate::agent::registry::Programs;

#[test]
fn a_fresh_key_is_nobody_elses() {
    let (one, other) = (FreshKeys::new(), FreshKeys::new());
    let keys: HashSet<_> = (0..1000).flat_map(|_| [one.next(), other.next()]).collect();
    assert_eq!((keys.len(), keys.contains(&None)), (2000, false));
}

#[test]
fn words_are_remembered_until_there_are_too_many() {
    let words = Lately::new();
    let reference = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        DecisionReference::from_digest(bytes)
    };
    let said = |code| Said { code, policy: None, binding: None, intent: None, stand_in: None };
    for number in 0..=u32::try_from(REMEMBERED_MAX).unwrap() {
        words.keep(reference(number), said(ReasonCode::PolicyMatch));
    }
    assert_eq!(words.of(&reference(0)), None);
    assert_eq!(words.of(&reference(1)), Some(said(ReasonCode::PolicyMatch)));

    // What nobody heard comes first or last; what was heard stays.
    words.keep(reference(1), said(ReasonCode::LimitReached));
    assert_eq!(words.of(&reference(1)), Some(said(ReasonCode::PolicyMatch)));
    words.put(reference(1), said(ReasonCode::StandIn));
    words.keep(reference(1), said(ReasonCode::PolicyMatch));
    assert_eq!(words.of(&reference(1)), Some(said(ReasonCode::StandIn)));
}

#[test]
fn why_stand_in_was_asked_is_said_again_once_the_ledger_has_heard_it() {
    let agents = Agents::new(Arc::new(Registry::new(Programs { sandbox: None, production: None })), None, None);
    let reference = DecisionReference::from_digest([1; 16]);
    let journaled = |code| Said { code, policy: None, binding: None, intent: None, stand_in: None };
    let heard = Said { stand_in: Some(StandInCause::LedgerUnavailable), ..journaled(ReasonCode::LimitReached) };
    agents.remember(reference, heard);
    agents.was_said(reference, journaled(ReasonCode::LimitReached));
    assert_eq!(agents.remembered(&reference), Some(heard));
    agents.was_said(reference, journaled(ReasonCode::StandIn));
    assert_eq!(agents.remembered(&reference), Some(journaled(ReasonCode::StandIn)));
}

/// Whoever may bind a card comes before whoever bound it while its platform did not call; of two alike the first one leads.
#[test]
fn a_binding_of_who_may_not_bind_it_never_leads_before_one_of_who_may() {
    let bound = |organization: &str, seconds: u64| Binding {
        id: BindingId::new(&format!("bind_{organization}_{seconds}")).unwrap(),
        organization: OrganizationId::new(organization).unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new("sa_1").unwrap(),
        instrument: Instrument {
            platform: PlatformName::new("marqeta").unwrap(),
            kind: InstrumentKind::Card,
            id: InstrumentId::new("card").unwrap(),
        },
        status: BindingStatus::Active,
        door: Door::Platform,
        made_at: Timestamp::from_unix_seconds(i64::try_from(seconds).unwrap()),
    };
    let with = |listed: Option<Vec<OrganizationId>>| {
        Agents::new(Arc::new(Registry::new(Programs { sandbox: None, production: None })), listed, None)
    };
    let (stranger, ours, later) = (bound("ent_stranger", 1), bound("ent_ours", 2), bound("ent_ours", 3));
    let listed = with(Some(vec![ours.organization]));
    assert!(listed.precedes(&ours, &stranger) && !listed.precedes(&stranger, &ours));
    assert!(listed.precedes(&ours, &later) && !listed.precedes(&later, &ours));
    let open = with(None);
    assert!(open.precedes(&stranger, &ours) && !open.precedes(&ours, &stranger));
}
