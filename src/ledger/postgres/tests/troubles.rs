//! What is wrong with a database is said so that somebody can do something about it, and no message has a password in it.

use tokio_postgres::Config;

use super::server::{PASSWORD, Server, run, shared};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate::{look, ours};
use crate::ledger::postgres::tests::conforming::Nobody;
use crate::ledger::postgres::trouble::Trouble;
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
