//! A question for balances: it decides nothing and holds nothing, so nothing of it is remembered.

use holdfast_adapters::{Answer, BalanceCall, Refused, Reply};
use tokio::time::timeout_at;

use super::{Deadline, Mount, Responder, encode};
use crate::clock;
use crate::ledger::{self, Act, Whose};

impl Responder {
    /// Answers with what the ledger says before its deadline, or not at all: stand-in knows no balance.
    pub(super) async fn tell_balances(&self, mount: &Mount, question: &BalanceCall<'_>, body: &mut Vec<u8>) -> Reply {
        let whose = match (question.card, question.cardholder) {
            (Some(card), _) => Whose::Card(card),
            (None, Some(cardholder)) => Whose::Cardholder(cardholder),
            (None, None) => return encode(mount, &question.echo, &Answer::Balances(&[]), body),
        };
        let wait = async {
            self.until_open().await;
            ledger::ask(self.ledger.as_ref(), Act::Balances(mount.origin(), whose)).await
        };
        let by = Deadline::new(&clock::now(), None, &mount.patience).decide_by;
        match timeout_at(by, wait).await {
            Ok(Ok(ledger::Answer::Balances(standings))) => {
                let balances: Vec<_> = standings.iter().map(|standing| standing.balance).collect();
                encode(mount, &question.echo, &Answer::Balances(&balances), body)
            }
            Ok(Ok(_) | Err(_)) | Err(_) => mount.adapter.refuse(&Refused::Unavailable, body),
        }
    }
}
