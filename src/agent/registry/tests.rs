//! Objects come, change and go.

use holdfast_adapters::Secret;
use holdfast_adapters::token::Caller;
use holdfast_core::agent::{AgentId, Door, Instrument, IntentNeed, Mode, OrganizationId, OrganizationKind, ScopeSet, Status};
use holdfast_core::{Currency, Merchant, Money};

use super::*;

fn platform() -> PlatformName {
    PlatformName::new("marqeta").unwrap()
}

fn binding(id: &str, instrument: &str) -> Binding {
    Binding {
        id: BindingId::new(id).unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new("sa_1").unwrap(),
        instrument: Instrument { platform: platform(), kind: InstrumentKind::Card, id: InstrumentId::new(instrument).unwrap() },
        status: BindingStatus::Active,
        door: Door::Platform,
        made_at: Timestamp::from_unix_seconds(1),
    }
}

fn intent(reference: &str) -> Intent {
    Intent {
        reference: IntentReference::new(reference).unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new("sa_1").unwrap(),
        binding: None,
        amount: Money::from_minor(100, Currency::USD),
        merchant: Merchant::default(),
        status: IntentStatus::Open,
        expires_at: clock::utc(),
    }
}

fn found(registry: &Registry, environment: Environment, instrument: &str) -> Option<String> {
    let key = (environment, platform(), InstrumentId::new(instrument).unwrap());
    registry.binding_of(&key).map(|binding| binding.id.to_string())
}

#[test]
fn an_instrument_leads_to_the_binding_that_has_it_now() {
    let registry = Registry::default();
    registry.put_binding(binding("bind_1", "card-1").into());
    assert_eq!(found(&registry, Environment::Sandbox, "card-1").as_deref(), Some("bind_1"));
    assert_eq!(found(&registry, Environment::Production, "card-1"), None, "the two never meet");

    registry.put_binding(binding("bind_1", "card-2").into());
    assert_eq!(found(&registry, Environment::Sandbox, "card-1"), None);
    assert_eq!(found(&registry, Environment::Sandbox, "card-2").as_deref(), Some("bind_1"));

    let archived = Binding { status: BindingStatus::Archived, ..binding("bind_1", "card-2") };
    registry.put_binding(binding("bind_2", "card-2").into());
    registry.put_binding(archived.into());
    assert_eq!(found(&registry, Environment::Sandbox, "card-2").as_deref(), Some("bind_2"), "its successor keeps the card");
    assert!(registry.binding(&BindingId::new("bind_1").unwrap()).is_some(), "it is still known by its name");
}

#[test]
fn an_authority_knows_the_intents_that_may_be_used() {
    let registry = Registry::default();
    let authority = AuthorityId::new("sa_1").unwrap();
    let known = |registry: &Registry| -> Vec<String> {
        registry.intents_of(&authority).iter().map(|known| known.reference.to_string()).collect()
    };
    registry.put_intent(Arc::new(intent("intent_1")));
    registry.put_intent(Arc::new(Intent { status: IntentStatus::PendingReview, ..intent("intent_2") }));
    assert_eq!(known(&registry), ["intent_1"]);
    registry.put_intent(Arc::new(Intent { status: IntentStatus::Approved, ..intent("intent_2") }));
    assert_eq!(known(&registry), ["intent_1", "intent_2"]);
    registry.put_intent(Arc::new(Intent { status: IntentStatus::Cancelled, ..intent("intent_1") }));
    assert_eq!(known(&registry), ["intent_2"]);
    assert!(registry.intent(&IntentReference::new("intent_1").unwrap()).is_some());
    // Whose time has long been over is looked through no more when another one comes, and is known by its name.
    registry.put_intent(Arc::new(Intent { expires_at: Timestamp::from_unix_seconds(1), ..intent("intent_2") }));
    registry.put_intent(Arc::new(intent("intent_3")));
    assert_eq!(known(&registry), ["intent_3"]);
    assert!(registry.intent(&IntentReference::new("intent_2").unwrap()).is_some());
}

#[test]
fn a_start_fills_it_as_single_changes_would() {
    let registry = Registry::new(Programs { sandbox: ProgramId::new("demo").ok(), production: None });
    let caller = Caller {
        credential: CredentialId::new("cred_1").unwrap(),
        organization: OrganizationId::new("proc_1").unwrap(),
        kind: OrganizationKind::Processor,
        environment: Environment::Sandbox,
        scopes: ScopeSet::default(),
    };
    let key = KeyId::new("key_1").unwrap();
    let grant = Grant {
        environment: Environment::Sandbox,
        processor: caller.organization,
        enterprise: OrganizationId::new("ent_1").unwrap(),
        platform: platform(),
    };
    let authority = Authority {
        id: AuthorityId::new("sa_1").unwrap(),
        organization: grant.enterprise,
        environment: Environment::Sandbox,
        agent: AgentId::new("ag_1").unwrap(),
        mode: Mode::Enforce,
        status: Status::Active,
        intent_need: IntentNeed::NotRequired,
        policy: None,
    };
    registry.fill(Objects {
        credentials: vec![(key, Arc::new(SharedKey { secret: Secret::new(*b"s"), caller, expires_at: None }))],
        grants: vec![grant],
        authorities: vec![authority.into()],
        bindings: vec![
            binding("bind_1", "card-1").into(),
            Binding { status: BindingStatus::Archived, ..binding("bind_0", "card-1") }.into(),
        ],
        intents: vec![Arc::new(intent("intent_1"))],
    });
    assert_eq!(registry.counts(), (1, 2, 1));
    assert_eq!(found(&registry, Environment::Sandbox, "card-1").as_deref(), Some("bind_1"));
    assert!(registry.find(&key).is_some() && registry.grants(&grant));
    registry.used(&caller.credential, Timestamp::from_unix_seconds(9));
    registry.used(&caller.credential, Timestamp::from_unix_seconds(8));
    assert_eq!(registry.last_used(&caller.credential), Some(Timestamp::from_unix_seconds(9)));
    registry.remove_grant(&grant);
    registry.remove_credential(&key);
    assert!(registry.find(&key).is_none() && !registry.grants(&grant));
    let programs = registry.programs();
    assert_eq!(programs.environment_of(&ProgramId::new("demo").unwrap()), Some(Environment::Sandbox));
    assert_eq!(programs.environment_of(&ProgramId::new("live").unwrap()), None);
}
