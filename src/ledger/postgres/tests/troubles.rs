//! What is wrong with a database is said so that somebody can do something about it, and no message has a password in it.

use tokio_postgres::Config;

use super::server::{PASSWORD, Server, run, shared};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate::{bring, look, must_be_whole, ours};
use crate::ledger::postgres::needs::{COLUMNS, FUNCTIONS, TABLES};
use crate::ledger::postgres::tests::conforming::Nobody;
use crate::ledger::postgres::trouble::{NotTrusted, Trouble};
use crate::ledger::postgres::{Patience, Postgres, Settings};

/// What `check` and `serve` say of a database.
fn both_say(config: &Config) -> Trouble {
    let database = Database::new(config.clone(), &[]).unwrap();
    let checked = run(look(&database)).unwrap_err();
    let (node, patience, observer) = ("test".to_owned(), Patience::None, std::sync::Arc::new(Nobody));
    let (_ledger, opening) = Postgres::start(Settings {
        database,
        connections_max: 1,
        node,
        journal_keep_days: None,
        patience,
        snapshot: None,
        observer,
    })
    .unwrap();
    let served = opening.blocking_recv().unwrap().unwrap_err();
    assert_eq!(std::mem::discriminant(&checked), std::mem::discriminant(&served), "{checked}\n{served}");
    for said in [checked.to_string(), served.to_string()] {
        assert!(!said.contains(PASSWORD) && !said.contains("wrong-Password"), "{said}");
    }
    checked
}

fn as_user(server: &Server, database: &str, user: &str) -> Config {
    let mut config = server.config(database);
    config.user(user);
    config
}

/// Two responders behind a pooler that lends another connection for each transaction prepare under one name.
#[test]
fn a_statement_that_is_another_ones_is_the_poolers_doing() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let database = Database::new(server.config(&name), &[]).unwrap();
    for statements in ["PREPARE s0 AS SELECT 1; PREPARE s0 AS SELECT 2", "EXECUTE s1"] {
        let said = run(async {
            let (client, _driving) = database.open(|_| {}).await.unwrap();
            Trouble::of(&client.batch_execute(statements).await.unwrap_err(), &database.whereabouts())
        });
        assert!(matches!(said, Trouble::PooledByTransaction(_)) && said.to_string().contains("pool_mode = session"), "{said}");
    }
}

#[test]
fn each_trouble_is_said_with_what_to_do_about_it() {
    let Some(server) = shared() else { return };
    let name = server.database();

    let mut wrong_password = server.config(&name);
    wrong_password.password("wrong-Password");
    assert!(matches!(both_say(&wrong_password), Trouble::NotLetIn(_)));
    assert!(matches!(both_say(&as_user(server, &name, "nobody")), Trouble::NotLetIn(_)));

    let said = both_say(&server.config("no_such_database"));
    assert!(matches!(said, Trouble::NoDatabase(_)), "{said}");
    assert!(said.to_string().contains("createdb no_such_database"), "{said}");

    let mut elsewhere = server.config(&name);
    let nobody_there = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    elsewhere = {
        let mut config = Config::new();
        config.host("127.0.0.1").port(nobody_there).user("postgres").password(PASSWORD);
        config.dbname(elsewhere.get_dbname().unwrap());
        config
    };
    let said = both_say(&elsewhere);
    assert!(matches!(said, Trouble::Unreachable(..)), "{said}");

    let empty = server.empty_database();
    let said = both_say(&server.config(&empty));
    assert!(matches!(said, Trouble::NotMigrated(_)) && said.to_string().contains("holdfast migrate"), "{said}");

    let newer = server.database();
    let note = format!("INSERT INTO holdfast.migration (number, what, program) VALUES ({}, 'x', '9')", ours() + 1);
    server.run_sql(&newer, &note);
    assert!(matches!(both_say(&server.config(&newer)), Trouble::Newer { .. }));
    let older = server.database();
    server.run_sql(&older, &format!("DELETE FROM holdfast.migration WHERE number = {}", ours()));
    assert!(matches!(both_say(&server.config(&older)), Trouble::Behind { .. }));

    let read_only = server.database();
    server.run_sql("postgres", &format!("ALTER DATABASE {read_only} SET default_transaction_read_only = on"));
    assert!(matches!(both_say(&server.config(&read_only)), Trouble::ReadOnly(_)));
}

#[test]
fn a_responders_role_is_enough_and_a_readers_is_not() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let of = |user: &str| {
        let mut config = as_user(server, &name, user);
        config.password("wrong-Password");
        config
    };
    for (user, role) in [("clerk", "holdfast_responder"), ("guest", "holdfast_reader"), ("stranger", "")] {
        server.run_sql("postgres", &format!("CREATE ROLE {user}_{name} LOGIN PASSWORD 'wrong-Password'"));
        if !role.is_empty() {
            server.run_sql("postgres", &format!("GRANT {role} TO {user}_{name}"));
        }
    }
    for user in ["guest", "stranger"] {
        let said = both_say(&of(&format!("{user}_{name}")));
        assert!(matches!(said, Trouble::NotAllowed(..)), "{said}");
        assert!(said.to_string().contains("GRANT holdfast_responder TO"), "{said}");
    }
    assert_eq!(run(look(&Database::new(of(&format!("clerk_{name}")), &[]).unwrap())), Ok(()));
}

#[test]
fn whatever_is_missing_is_named_by_both() {
    let Some(server) = shared() else { return };
    let name = server.database();
    server.run_sql("postgres", &format!("CREATE ROLE lacks_{name} LOGIN PASSWORD '{PASSWORD}' IN ROLE holdfast_responder"));
    let config = as_user(server, &name, &format!("lacks_{name}"));
    assert_eq!(run(look(&Database::new(config.clone(), &[]).unwrap())), Ok(()));
    for (taken, back, named) in [
        ("REVOKE INSERT ON holdfast.slip FROM", "GRANT INSERT ON holdfast.slip TO", "INSERT on holdfast.slip"),
        ("REVOKE UPDATE ON holdfast.lease FROM", "GRANT UPDATE ON holdfast.lease TO", "UPDATE on holdfast.lease"),
        ("REVOKE INSERT ON holdfast.hold_name FROM", "GRANT INSERT ON holdfast.hold_name TO", "INSERT on holdfast.hold_name"),
        ("REVOKE UPDATE ON holdfast.asked FROM", "GRANT UPDATE ON holdfast.asked TO", "UPDATE on holdfast.asked"),
        ("REVOKE SELECT ON holdfast.card FROM", "GRANT SELECT ON holdfast.card TO", "SELECT on holdfast.card"),
        ("REVOKE INSERT ON holdfast.told FROM", "GRANT INSERT ON holdfast.told TO", "INSERT on holdfast.told"),
        (
            "REVOKE EXECUTE ON FUNCTION holdfast.varint FROM",
            "GRANT EXECUTE ON FUNCTION holdfast.varint TO",
            "EXECUTE on function holdfast.varint",
        ),
    ] {
        server.run_sql(&name, &format!("{taken} holdfast_responder"));
        let said = both_say(&config);
        assert!(matches!(&said, Trouble::NotAllowed(what, _) if what == named), "{said}");
        server.run_sql(&name, &format!("{back} holdfast_responder"));
    }
    server.run_sql(&name, "DROP FUNCTION holdfast.decide; DROP TABLE holdfast.told");
    let said = both_say(&config);
    assert!(matches!(&said, Trouble::Incomplete(what, _) if what == "table holdfast.told, function holdfast.decide"), "{said}");
}

#[test]
fn whatever_was_taken_out_of_the_schema_is_named_by_both() {
    let Some(server) = shared() else { return };
    for (done, named) in [
        ("ALTER TABLE holdfast.card DROP COLUMN status", "column holdfast.card.status"),
        (
            "ALTER TABLE holdfast.account ALTER COLUMN credit_line DROP NOT NULL",
            "column holdfast.account.credit_line (it is bigint, and should be bigint NOT NULL)",
        ),
        (
            "ALTER TABLE holdfast.record ALTER COLUMN transaction DROP DEFAULT",
            "column holdfast.record.transaction (it is xid8 NOT NULL, and should be xid8 NOT NULL DEFAULT)",
        ),
        ("DROP TABLE holdfast.record_other", "table holdfast.record_other"),
        ("ALTER TABLE holdfast.asked DROP CONSTRAINT asked_pkey", "constraint holdfast.asked.asked_pkey"),
        ("ALTER TABLE holdfast.told SET UNLOGGED", "table holdfast.told (it is unlogged, and should be plain)"),
        ("DROP FUNCTION holdfast.make_partitions", "function holdfast.make_partitions"),
        (
            "CREATE OR REPLACE FUNCTION holdfast.varint(p_number bigint) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
                 AS $$ BEGIN RETURN ''; END $$",
            "function holdfast.varint (its body is not the one that `holdfast migrate` makes)",
        ),
        (
            "ALTER FUNCTION holdfast.go_on_counting STABLE",
            "function holdfast.go_on_counting (it is () plpgsql STABLE SECURITY DEFINER, and should be () plpgsql VOLATILE SECURITY DEFINER)",
        ),
    ] {
        let name = server.database();
        server.run_sql(&name, done);
        let said = both_say(&server.config(&name));
        assert!(matches!(&said, Trouble::Incomplete(what, _) if what == named), "{said}");
        assert!(said.to_string().contains("backup"), "{said}");
        let whole = run(must_be_whole(&server.reach(&name)));
        assert!(matches!(&whole, Err(Trouble::Incomplete(what, _)) if what.contains(named)), "by `migrate --check`: {whole:?}");
    }
}

#[test]
fn what_a_responder_needs_is_what_its_role_may() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let granted = "SELECT 'holdfast.' || c.relname || ': ' || a.privilege_type AS it FROM pg_class c, aclexplode(c.relacl) AS a
            WHERE c.relnamespace = 'holdfast'::regnamespace AND a.grantee = 'holdfast_responder'::regrole AND c.relkind IN ('r', 'p')
        UNION ALL SELECT 'holdfast.' || c.relname || '.' || t.attname || ': ' || a.privilege_type
            FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a
            WHERE c.relnamespace = 'holdfast'::regnamespace AND a.grantee = 'holdfast_responder'::regrole
        UNION ALL SELECT 'holdfast.' || p.proname || ': EXECUTE' FROM pg_proc p, aclexplode(p.proacl) AS a
            WHERE p.pronamespace = 'holdfast'::regnamespace AND a.grantee = 'holdfast_responder'::regrole ORDER BY it";
    let granted: Vec<String> = run(async {
        let (client, connection) = server.config(&name).connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query(granted, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    });
    // Its partitions are reached through the table.
    let granted: std::collections::BTreeSet<String> =
        granted.into_iter().filter(|line| !line.starts_with("holdfast.record_")).collect();
    let of_tables = TABLES.iter().flat_map(|(table, written)| {
        std::iter::once(&"SELECT").chain(*written).map(move |what| format!("holdfast.{table}: {what}"))
    });
    let of_columns = COLUMNS.iter().map(|(table, column)| format!("holdfast.{table}.{column}: UPDATE"));
    let needed =
        of_tables.chain(of_columns).chain(FUNCTIONS.iter().map(|function| format!("holdfast.{function}: EXECUTE"))).collect();
    assert_eq!(granted, needed);
}

#[test]
fn whoever_is_kept_out_hears_by_what() {
    // The tests' servers let in from 127.0.0.1 by password only.
    let Some(server) = shared() else { return };
    let name = server.database();
    let mut without = Config::new();
    without.host("127.0.0.1").port(server.port()).user("postgres").dbname(&name);
    let said = both_say(&without);
    assert!(matches!(said, Trouble::NoPassword(_)) && said.to_string().contains("add password="), "{said}");
    assert!(!said.may_pass());

    let Some(own) = Server::start(&[]) else { return };
    own.keep_out("kept_out");
    own.run_sql("postgres", &format!("CREATE ROLE kept_out LOGIN PASSWORD '{PASSWORD}'; SELECT pg_reload_conf()"));
    let database = Database::new(as_user(&own, "postgres", "kept_out"), &[]).unwrap();
    // The server takes its new rules a moment later.
    let said = loop {
        let said = run(look(&database)).unwrap_err();
        if !matches!(said, Trouble::NotMigrated(_) | Trouble::NotAllowed(..)) {
            break said;
        }
        std::thread::yield_now();
    };
    assert!(matches!(said, Trouble::KeptOut(..)) && said.to_string().contains("pg_hba.conf"), "{said}");
    assert!(!said.may_pass());

    let visitor = format!("visitor_{name}");
    server.run_sql("postgres", &format!("CREATE ROLE {visitor} LOGIN PASSWORD '{PASSWORD}'"));
    let empty = server.empty_database();
    let said = run(bring(&Database::new(as_user(server, &empty, &visitor), &[]).unwrap())).unwrap_err();
    assert!(matches!(said, Trouble::MayNotMigrate(..)) && said.to_string().contains("as the owner of the database"), "{said}");
    let roots = [rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.der().clone()];
    let said = run(look(&Database::new(server.config(&name), &roots).unwrap())).unwrap_err();
    assert!(matches!(said, Trouble::Encryption(NotTrusted::None, _)) && !said.may_pass(), "{said}");
}

#[test]
fn a_standby_is_told_to_whoever_seeks_the_primary_already_in_other_words() {
    let says = |connection: &str| {
        let config: Config = connection.parse().unwrap();
        Trouble::ReadOnly(Database::new(config, &[]).unwrap().whereabouts()).to_string()
    };
    let advice = "name all hosts and add target_session_attrs=read-write";
    for connection in ["host=a,b user=u", "host=a user=u target_session_attrs=read-write"] {
        assert!(says(connection).contains(advice), "{}", says(connection));
    }
    let said = says("host=a,b user=u target_session_attrs=read-write");
    assert!(!said.contains(advice) && said.contains("promote one of these hosts"), "{said}");
}
