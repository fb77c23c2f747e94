//! Whose a card is that a door of ours names only by its token: limits of a cardholder count what they pay here and elsewhere together.

use holdfast_core::rules::{LimitScope, Ruleset};
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{AuthorizationRequest, CardToken, CardholderToken};
use tokio::time::timeout_at;

use super::Responder;
use super::breaker::BreakerIs;
use super::deadline::Deadline;
use super::mount::Mount;
use super::soon::soon;
use crate::ledger::sight::Seen;
use crate::ledger::{self, Act, Glimpse, Whose};
use crate::server::Call;

impl Responder {
    /// Names the owner of a question's card where its profile does not, and a limit counts by that. Where the ledger does not tell in time,
    /// it counts by the card.
    pub(super) async fn name_owner(&self, call: &Call<'_>, mount: &Mount, request: &mut AuthorizationRequest) {
        let (None, Some(card)) = (request.cardholder, request.card) else { return };
        if counts_cardholders(&mount.program.rules.load()) {
            request.cardholder = self.owner_of(call, mount, request, card).await;
        }
    }

    async fn owner_of(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        request: &AuthorizationRequest,
        card: CardToken,
    ) -> Option<CardholderToken> {
        let deadline = Deadline::new(&call.received, None, &mount.patience);
        match self.look_around(&mount.origin(), request, deadline).await {
            // Seen, and nobody ever told whose it is: the ledger would say no more.
            Glimpse::Seen(Seen { owner, snapshot: Snapshot { card: Sight::Seen(_) | Sight::Absent, .. }, .. }) => return owner,
            Glimpse::Seen(Seen { snapshot: Snapshot { card: Sight::NotSeen, .. }, .. }) | Glimpse::Busy | Glimpse::Nothing => {}
        }
        if self.breaker.is() != BreakerIs::Closed {
            return None;
        }
        let by = deadline.decide_by.min(soon());
        let asked = ledger::ask(self.ledger.as_ref(), Act::Balances(mount.origin(), Whose::Card(card)));
        let standings = timeout_at(by, asked).await.ok()?.ok()?.into_balances()?;
        standings.first()?.owner
    }
}

fn counts_cardholders(rules: &Ruleset) -> bool {
    rules.limits().iter().any(|limit| limit.scope() == LimitScope::Cardholder)
}
