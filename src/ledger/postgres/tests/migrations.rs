//! Migrations: from nothing, twice, by two at once, and past a newer one; and what the schema says of itself.

use tokio_postgres::{Client, NoTls};

use super::server::{Server, run, shared};
use crate::ledger::postgres::migrate::{bring, look, must_be_ours, ours, schema};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};

async fn client(server: &Server, database: &str) -> Client {
    let (client, connection) = server.config(database).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn somewhere(server: &Server, database: &str) -> Whereabouts {
    Whereabouts::of(&server.config(database))
}

#[test]
fn a_database_is_brought_once() {
    let Some(server) = shared() else { return };
    let name = server.empty_database();
    run(async {
        let (looking, at) = (client(server, &name).await, somewhere(server, &name));
        assert_eq!(schema(&looking, &at).await, Err(Trouble::NotMigrated(at.clone())));
        let first = bring(&server.reach(&name)).await.unwrap();
        assert_eq!((first.from, first.steps.len()), (0, usize::try_from(ours()).unwrap()));
        assert_eq!(must_be_ours(&looking, &at).await, Ok(()));
        let again = bring(&server.reach(&name)).await.unwrap();
        assert_eq!((again.from, again.steps), (ours(), vec![]));
    });
}

#[test]
fn of_two_at_once_one_waits_for_the_other() {
    let Some(server) = shared() else { return };
    let name = server.empty_database();
    let database = server.reach(&name);
    let both = run(async { tokio::join!(bring(&database), bring(&database)) });
    let mut taken = [both.0.unwrap().steps.len(), both.1.unwrap().steps.len()];
    taken.sort_unstable();
    assert_eq!(taken, [0, usize::try_from(ours()).unwrap()]);
}

#[test]
fn a_newer_schema_is_left_alone() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let newer = ours() + 1;
    server.run_sql(&name, &format!("INSERT INTO holdfast.migration (number, what, program) VALUES ({newer}, 'x', '9.9.9')"));
    let at = somewhere(server, &name);
    let refused = Trouble::Newer { has: newer, ours: ours(), at: at.clone() };
    assert_eq!(run(bring(&server.reach(&name))), Err(refused.clone()));
    assert_eq!(run(async { must_be_ours(&client(server, &name).await, &at).await }), Err(refused));
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let Some(server) = shared() else { return };
    let name = server.empty_database();
    // Something is there already under a name that the first step wants.
    server.run_sql(&name, "CREATE SCHEMA holdfast; CREATE VIEW holdfast.told AS SELECT 1 AS key");
    let said = run(bring(&server.reach(&name))).unwrap_err();
    assert!(matches!(said, Trouble::InTheWay(1, ..)) && said.to_string().contains("relation \"told\" already exists"), "{said}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'holdfast'";
    let left: i64 = run(async { client(server, &name).await.query_one(tables, &[]).await.unwrap().get(0) });
    assert_eq!(left, 1, "the notes");
}

#[test]
fn without_the_notes_nobody_is_sent_to_migrate_and_back() {
    let Some(server) = shared() else { return };
    let name = server.database();
    server.run_sql(&name, "DROP TABLE holdfast.migration");
    let at = somewhere(server, &name);
    let gone = Trouble::NotesGone(at);
    assert_eq!(run(look(&server.reach(&name))), Err(gone.clone()));
    assert_eq!(run(bring(&server.reach(&name))), Err(gone.clone()));
    assert!(gone.to_string().contains("holdfast.migration") && gone.to_string().contains("backup"), "{gone}");
    // Some lines of it are gone: what a step makes is there.
    let name = server.database();
    server.run_sql(&name, "DELETE FROM holdfast.migration WHERE number > 15");
    let said = run(bring(&server.reach(&name))).unwrap_err();
    assert!(matches!(said, Trouble::InTheWay(16, ..)) && said.to_string().contains("lost lines"), "{said}");
}

#[test]
fn every_table_and_column_says_what_it_is_and_every_moment_has_its_zone() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let silent = "SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p', 'v')
        AND NOT c.relispartition AND col_description(c.oid, a.attnum) IS NULL
        UNION ALL SELECT relname FROM pg_class
        WHERE relnamespace = 'holdfast'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND obj_description(oid) IS NULL";
    let zoneless = "SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'holdfast' AND data_type LIKE '%without time zone'
        UNION ALL SELECT sequence_name FROM information_schema.sequences WHERE sequence_schema = 'holdfast'";
    for wrong in [silent, zoneless] {
        let rows = run(async { client(server, &name).await.query(wrong, &[]).await.unwrap() });
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, Vec::<String>::new());
    }
}
