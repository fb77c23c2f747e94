//! What of a credential's permissions a call at a payment door needs. Platforms' calls need none.

use holdfast_adapters::payment::Ordered;
use holdfast_adapters::proof::{Permission, Permissions};
use holdfast_adapters::{Inbound, PaymentCall};
use holdfast_core::Posting;

/// The first permission that a call needs and its credential does not have.
pub(super) fn missing(inbound: &Inbound<'_>, granted: Permissions) -> Option<Permission> {
    let needed: &[Permission] = match inbound {
        // What is captured at once takes money.
        Inbound::Payment(PaymentCall { call, .. }) if call.request.posting == Posting::Immediate => {
            &[Permission::Authorize, Permission::Capture]
        }
        Inbound::Payment(_) | Inbound::Authenticated(_) => &[Permission::Authorize],
        Inbound::Order(asked) => match asked.order {
            Ordered::Capture(_) => &[Permission::Capture],
            Ordered::Void => &[Permission::Void],
            Ordered::Refund(_) => &[Permission::Refund],
        },
        Inbound::Look(_) | Inbound::List(_) => &[Permission::Read],
        Inbound::Check(_) => &[Permission::Check],
        Inbound::Authorization(_)
        | Inbound::Balance(_)
        | Inbound::Notification { .. }
        | Inbound::Handshake { .. }
        | Inbound::Fetch(_) => &[],
    };
    needed.iter().copied().find(|permission| !granted.has(*permission))
}
