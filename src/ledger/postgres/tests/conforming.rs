//! The shared ledger before the laws of all ledgers.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::NoTls;

use super::server::{Server, run, shared};
use crate::ledger::conformance::{Engine, Premises, conforms, submit, wait};
use crate::ledger::embedded::Observer;
use crate::ledger::postgres::{Patience, Postgres, Settings};
use crate::ledger::{Act, Ledger, Readiness};

mod on_postgres {
    super::conforms!(crate::ledger::postgres::tests::conforming::OnPostgres);
}

/// Each on a database of its own.
struct OnPostgres;

impl Engine for OnPostgres {
    fn premises(&self) -> Box<dyn Premises> {
        // Where tests may be skipped, laws cannot be: there is nothing to put before them.
        let server = shared().expect("PostgreSQL is not installed: apt-get install postgresql");
        let database = server.database();
        let mut process = Process { server, database, ledger: None };
        process.open();
        Box::new(process)
    }
}

/// A responder's ledger, and how to start the next one on the same database.
struct Process {
    server: &'static Server,
    database: String,
    ledger: Option<Postgres>,
}

impl Process {
    /// The next process finds a database that takes writes.
    fn open(&mut self) {
        let sql = format!("ALTER DATABASE {} RESET default_transaction_read_only", self.database);
        self.server.run_sql("postgres", &sql);
        self.ledger = Some(start(self.server, &self.database, 8));
    }

    fn until(&self, readiness: Readiness) {
        while self.ledger().readiness() != readiness {
            std::thread::yield_now();
        }
    }

    /// Ends every connection: what is set for the database counts for new ones.
    fn cut_off(&self) {
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.database);
        self.server.run_sql("postgres", &sql);
    }
}

/// A responder's ledger on a database, when it is ready.
pub fn start(server: &Server, database: &str, connections_max: usize) -> Postgres {
    let database = server.reach(database);
    let (node, patience) = ("test".to_owned(), Patience::None);
    let settings = Settings {
        database,
        connections_max,
        node,
        journal_keep_days: None,
        patience,
        snapshot: None,
        observer: Arc::new(Nobody),
    };
    let (ledger, opening) = Postgres::start(settings).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    ledger
}

impl Premises for Process {
    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.ledger = None;
        self.open();
    }

    fn crash(&mut self) {
        self.ledger.as_ref().unwrap().abandon();
        self.restart();
    }

    /// A primary that takes no writes any more.
    fn obstruct(&mut self) {
        let sql = format!("ALTER DATABASE {} SET default_transaction_read_only = on", self.database);
        self.server.run_sql("postgres", &sql);
        self.cut_off();
        // It notices when it has something to do.
        let _ = wait(submit(self.ledger(), Act::Rulesets(crate::ledger::conformance::program())));
        let _ = wait(submit(self.ledger(), Act::Rest));
        self.until(Readiness::Unavailable);
    }

    fn clear(&mut self) {
        // The database is read only for whoever sets it back, too.
        let sql = format!("ALTER DATABASE {} RESET default_transaction_read_only", self.database);
        self.server.run_sql("postgres", &sql);
        self.until(Readiness::Ready);
    }

    fn age(&mut self, by: Duration) {
        let older = |columns: &[&str]| {
            let older = |column: &&str| format!("{column} = {column} - interval '{} seconds'", by.as_secs());
            columns.iter().map(older).collect::<Vec<_>>().join(", ")
        };
        let sql = format!(
            "UPDATE holdfast.hold SET {}; UPDATE holdfast.asked SET {}; UPDATE holdfast.told SET {};",
            older(&["opened_at", "changed_at", "expires_at"]),
            older(&["asked_at", "at"]),
            older(&["at"]),
        );
        self.server.run_sql(&self.database, &sql);
    }

    fn hold_number(&self, place: u64) -> u64 {
        let sql = "SELECT number FROM holdfast.hold ORDER BY number OFFSET $1::bigint - 1 LIMIT 1";
        let number: i64 = run(async {
            let (client, connection) = self.server.config(&self.database).connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            client.query_one(sql, &[&place.cast_signed()]).await.unwrap().get(0)
        });
        number.cast_unsigned()
    }

    fn let_time_work(&self) {
        wait(submit(self.ledger(), Act::Rest)).unwrap();
    }
}

/// Nobody is told.
pub struct Nobody;

impl Observer for Nobody {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}
    fn say(&self, _message: &str) {}
}
