//! What of a credential's permissions a call at a payment door needs. Platforms' calls need none.

use holdfast_adapters::payment::Ordered;
use holdfast_adapters::proof::{Permission, Permissions};
use holdfast_adapters::{Inbound, PaymentCall};
use holdfast_core::Posting;

/// The first permission that a call needs and its credential does not have.
pub(super) fn missing(inbound: &Inbound<'_>, granted: Permissions) -> Option<Permission> {
    let needed: &[Permission] = match inbound {
        Inbound::Payment(asked) => of_payment(asked),
        // Which payment goes on is not known yet: its own are looked at then.
        Inbound::Authenticated(_) => &[Permission::Authorize],
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

/// The same of a payment that goes on, now that it is known which one: to finish it takes what asking for it at once does.
pub(super) fn missing_to_finish(asked: &PaymentCall<'_>, granted: Permissions) -> Option<Permission> {
    of_payment(asked).iter().copied().find(|permission| !granted.has(*permission))
}

const fn of_payment(asked: &PaymentCall<'_>) -> &'static [Permission] {
    match asked.call.request.posting {
        Posting::Hold => &[Permission::Authorize],
        // What is captured at once takes money.
        Posting::Immediate => &[Permission::Authorize, Permission::Capture],
    }
}
