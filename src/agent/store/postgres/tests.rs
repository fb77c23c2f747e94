//! The shared store before the laws of all stores; and what responders hear of each other.

use std::sync::Arc;

use futures_executor::block_on;

use super::super::conformance::{Heard, Premises, conforms, put, row};
use super::super::{Expect, Shared};
use super::*;
use crate::ledger::postgres::tests::server::{Server, shared};

/// A database of its own.
struct OnPostgres {
    server: &'static Server,
    database: String,
}

/// `None` where PostgreSQL is not installed and tests may be skipped.
fn premises() -> Option<OnPostgres> {
    let server = shared()?;
    Some(OnPostgres { server, database: server.database() })
}

impl Premises for OnPostgres {
    fn open(&self) -> (Shared, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let database = self.server.reach(&self.database);
        (Arc::new(PostgresStore::start(database, Arc::<Heard>::clone(&heard), |_| {}).unwrap()), heard)
    }
}

conforms!(premises());

fn until_heard(heard: &Heard, count: usize) -> Vec<(String, u32)> {
    while heard.all().len() < count {
        std::thread::yield_now();
    }
    heard.all()
}

#[test]
fn responders_hear_of_each_other_from_where_they_began_and_in_order() {
    let Some(premises) = premises() else { return };
    let ((one, _), (other, heard)) = (premises.open(), premises.open());
    let done = |commit| assert_eq!(block_on(one.commit(commit)), Ok(Committed::Done));
    done(put(row("before", 1), Expect::New, &[], &[]));
    other.follow_from(block_on(other.place()).unwrap());
    done(put(row("a", 1), Expect::New, &[], &[]));
    done(put(row("a", 2), Expect::Version(1), &[], &[]));
    done(put(row("b", 1), Expect::New, &[], &[]));
    // Of an object that changed twice, the first change may never be seen.
    let names = |known: Vec<(String, u32)>| known.into_iter().filter(|row| *row != ("a".to_owned(), 1)).collect::<Vec<_>>();
    while names(heard.all()).len() < 2 {
        std::thread::yield_now();
    }
    assert_eq!(names(heard.all()), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
}

#[test]
fn what_was_written_while_nobody_could_hear_it_is_heard_afterwards() {
    let Some(premises) = premises() else { return };
    let ((one, _), (other, heard)) = (premises.open(), premises.open());
    other.follow_from(block_on(other.place()).unwrap());
    block_on(one.commit(put(row("a", 1), Expect::New, &[], &[]))).unwrap();
    until_heard(&heard, 1);
    let cut = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        premises.database
    );
    premises.server.run_sql("postgres", &cut);
    // A connection that was cut off is found out by whoever uses it: a change is refused then, or made.
    while block_on(one.commit(put(row("b", 1), Expect::New, &[], &[]))).is_err() {}
    assert_eq!(until_heard(&heard, 2).last(), Some(&("b".to_owned(), 1)));
}

#[test]
fn a_responder_that_hangs_within_its_change_holds_nobody_up_for_long() {
    let Some(premises) = premises() else { return };
    let (one, _) = premises.open();
    let reach = premises.server.reach(&premises.database);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (client, _driving) = runtime.block_on(reach.open(|_| {})).unwrap();
    let take =
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '50ms'; UPDATE holdfast.agent_numbering SET last = last + 1";
    runtime.block_on(client.batch_execute(take)).unwrap();
    assert_eq!(block_on(one.commit(put(row("a", 1), Expect::New, &[], &[]))), Ok(Committed::Done));
}
