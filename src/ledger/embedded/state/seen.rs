//! What memory shows of a question to whoever may only look.

use holdfast_core::stand_in::{AccountSight, Acquaintance, CardSight, Sight, Snapshot};
use holdfast_core::{AuthorizationRequest, Timestamp};

use super::State;
use crate::ledger::Origin;
use crate::ledger::embedded::naming::locate_request;
use crate::ledger::sight::Seen;

impl State {
    /// The card, its account and the key of a question, found as the ledger would find them.
    pub fn seen(&self, origin: &Origin, request: &AuthorizationRequest, as_of: Timestamp) -> Seen {
        let platform = origin.platform.as_ref();
        let located = locate_request(self, &origin.program, platform, request);
        let card = self.card_standing(&located).map_or(Sight::Absent, |card| {
            let (since, used) = (None, Acquaintance::NotKnown);
            Sight::Seen(CardSight { status: card.status, cardholder: card.cardholder, as_of, since, used })
        });
        let account = located.account.and_then(|index| self.account(index)).map_or(Sight::Absent, |row| {
            let available = row.account.money(row.account.available());
            Sight::Seen(AccountSight { id: row.id, status: row.account.status, available, as_of })
        });
        let answered = self.answered(self.asked_name(&origin.program, platform, &request.key));
        Seen { snapshot: Snapshot { card, account, merchant: Acquaintance::NotKnown }, answered }
    }
}
