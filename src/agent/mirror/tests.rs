//! Rows that cannot be read: what was there of them is in force no more, and whatever they mean for others is what is the stricter.

use super::*;

fn row(kind: Kind, id: &str, version: u32, status: &str, body: &str) -> Row {
    let at = holdfast_core::Timestamp::from_unix_seconds(1);
    Row {
        kind,
        id: id.to_owned(),
        organization: "ent_1".to_owned(),
        environment: Some(Environment::Sandbox),
        parent: String::new(),
        status: status.to_owned(),
        version,
        created_at: at,
        updated_at: at,
        body: body.to_owned(),
    }
}

fn authority(id: &str, version: u32, status: &str) -> Row {
    let body = r#"{"agent_id": "ag_1", "mode": "enforce", "require_intent": false}"#;
    row(Kind::Authority, id, version, status, body)
}

fn mirror() -> Mirror {
    let key = crate::seal::SealingKey::new([7; 32]);
    let sealer = Sealer::new(&key, &[]).unwrap();
    Mirror::new(Arc::default(), Arc::new(sealer), Currencies::default(), Box::new(|_| 0), |_| {})
}

fn standing(mirror: &Mirror, id: &str) -> Option<Status> {
    mirror.registry().authority(&AuthorityId::new(id).unwrap()).map(|authority| authority.status)
}

#[test]
fn an_authority_in_words_of_a_newer_version_is_in_force_no_more() {
    let mirror = mirror();
    mirror.committed(&[
        row(Kind::Agent, "ag_1", 1, "active", "{}"),
        authority("sa_1", 1, "active"),
        authority("sa_2", 1, "active"),
    ]);
    assert_eq!(standing(&mirror, "sa_1"), Some(Status::Active));
    mirror.committed(&[authority("sa_1", 2, "of a newer version")]);
    assert_eq!([standing(&mirror, "sa_1"), standing(&mirror, "sa_2")], [None, Some(Status::Active)]);

    // One that cannot be read keeps no other of its agent from what becomes of that.
    mirror.committed(&[row(Kind::Agent, "ag_1", 2, "suspended", "{}")]);
    assert_eq!([standing(&mirror, "sa_1"), standing(&mirror, "sa_2")], [None, Some(Status::Suspended)]);
    mirror.committed(&[authority("sa_1", 3, "active"), row(Kind::Agent, "ag_1", 3, "active", "{}")]);
    assert_eq!([standing(&mirror, "sa_1"), standing(&mirror, "sa_2")], [Some(Status::Active); 2]);
}

#[test]
fn an_agent_in_words_of_a_newer_version_spends_nothing() {
    let mirror = mirror();
    mirror.committed(&[row(Kind::Agent, "ag_1", 1, "active", "{}"), authority("sa_1", 1, "active")]);
    mirror.committed(&[row(Kind::Agent, "ag_1", 2, "of a newer version", "{}")]);
    assert_eq!(standing(&mirror, "sa_1"), Some(Status::Suspended));
}

#[test]
fn an_intent_and_a_grant_that_cannot_be_read_are_in_force_no_more() {
    let mirror = mirror();
    let body = r#"{"spending_authority_id": "sa_1", "amount": 100, "currency": "USD", "expires_at": "2999-01-01T00:00:00Z",
        "eligible": true, "reason_code": "POLICY_MATCH", "remaining_limits": [], "requested_by": "mem_1", "credential": "cred_1"}"#;
    let reference = IntentReference::new("int_1").unwrap();
    let intent = |version, body: &str| row(Kind::Intent, "int_1", version, "open", body);
    let of_newer = |version| row(Kind::Intent, "int_1", version, "of a newer version", body);
    let grant = |version, body: &str| row(Kind::Grant, "gr_1", version, "active", body);
    mirror.committed(&[intent(1, body), grant(1, r#"{"processor_id": "proc_1", "issuing_platform": "MARQETA"}"#)]);
    let known = KnownGrant {
        environment: Environment::Sandbox,
        processor: "proc_1".parse().unwrap(),
        enterprise: "ent_1".parse().unwrap(),
        platform: platform("MARQETA").unwrap(),
    };
    let in_force = || {
        let asks = holdfast_adapters::token::KeyStore::grants(&**mirror.registry(), &known);
        (
            mirror.registry().intent(&reference).is_some(),
            mirror.registry().intents_of(&AuthorityId::new("sa_1").unwrap()).len(),
            asks,
        )
    };
    assert_eq!(in_force(), (true, 1, true));
    mirror.committed(&[intent(2, "{}"), grant(2, "{}")]);
    assert_eq!(in_force(), (false, 0, false));
    mirror.committed(&[intent(3, body), of_newer(4)]);
    assert_eq!(in_force(), (false, 0, false));
}
