//! What the laws do not say: whose keys and payments are whose.

use holdfast_core::agent::OrganizationId;

use super::names::{key_of, payment_of};

#[test]
fn two_processors_names_never_meet() {
    let (one, other) = (OrganizationId::new("proc_1").unwrap(), OrganizationId::new("proc_2").unwrap());
    assert_ne!(payment_of(&one, "request"), payment_of(&other, "request"));
    assert_ne!(key_of(&["asked", "proc_1", "k"]), key_of(&["asked", "proc_2", "k"]));
    assert_ne!(key_of(&["asked", "proc_1", "k"]), key_of(&["event", "proc_1", "k"]));
    assert_ne!(key_of(&["asked", "ab", "c"]), key_of(&["asked", "a", "bc"]));
}
