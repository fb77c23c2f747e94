//! While a start is not over, operators see that, whatever the ledger says of itself.

use serde_json::Value;

use super::process::{Caller, Process};
use crate::journal::MemoryDisk;
use crate::ledger::{Ledger as _, Readiness};
use crate::responder::Stage;

#[test]
fn a_ledger_is_not_shown_as_ready_before_questions_reach_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let process = Process::start(&Caller::new(), tempfile::tempdir().unwrap(), MemoryDisk::new()).await;
        assert_eq!(process.ledger.readiness(), Readiness::Ready);
        let shown = || serde_json::from_str::<Value>(&process.responder.status()).unwrap()["ledger"].clone();
        for (stage, expected) in [(Stage::Starting, "starting"), (Stage::Foreseen, "starting"), (Stage::Open, "ready")] {
            process.stage.send_replace(stage);
            assert_eq!(shown(), expected, "{stage:?}");
        }
    });
}
