//! This responder among the others: its number, which is part of the numbers that it makes, and the work that one does for
//! all.

use tokio_postgres::Client;

use super::numbers::Numbers;
use super::trouble::{Trouble, Whereabouts};
use super::values::Name;

/// After so long another responder may take the number of one that was not seen.
const SILENT_MAX: &str = "interval '1 minute'";

/// The greatest number of a responder.
const NUMBER_MAX: i16 = 1_023;

/// A responder. Its number is that of the numbers that it makes.
#[derive(Debug, Clone)]
pub struct Node {
    /// What people call it.
    name: String,
    /// Which process it is.
    process: Name,
}

impl Node {
    /// A process that has no number yet.
    pub fn new(name: &str) -> Self {
        Node { name: name.to_owned(), process: Name(fastrand::u128(..).to_be_bytes()) }
    }

    /// Takes a number that nobody has.
    ///
    /// # Errors
    /// The database; or all 1,024 of them are taken.
    pub async fn take_number(&self, client: &Client, at: &Whereabouts) -> Result<i16, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
        let sql = format!(
            "INSERT INTO holdfast.node AS known (number, name, process, seen_at)
             SELECT n, $1, $2, now() FROM generate_series(0, {NUMBER_MAX}) AS n
             WHERE NOT EXISTS (SELECT FROM holdfast.node o WHERE o.number = n AND o.seen_at > now() - {SILENT_MAX})
             ORDER BY n LIMIT 1
             ON CONFLICT (number) DO UPDATE SET name = excluded.name, process = excluded.process, seen_at = excluded.seen_at
             WHERE known.seen_at <= now() - {SILENT_MAX} RETURNING number"
        );
        // As often as there are numbers: each time that another one is faster, there is one number less.
        for _ in 0..=NUMBER_MAX {
            if let Some(row) = client.query_opt(&sql, &[&self.name, &self.process]).await.map_err(said)? {
                return row.try_get(0).map_err(said);
            }
        }
        Err(Trouble::Other("all 1024 numbers of responders are taken".to_owned(), at.clone()))
    }

    /// Says that it runs, which also proves that the database takes writes. If it was silent for so long that another one has
    /// its number by now, it takes the next one.
    ///
    /// # Errors
    /// As [`Node::take_number`].
    pub async fn say_that_it_runs(&self, client: &Client, numbers: &Numbers, at: &Whereabouts) -> Result<(), Trouble> {
        let sql = "UPDATE holdfast.node SET seen_at = now() WHERE number = $1 AND process = $2";
        let number = numbers.node();
        let seen = client.execute(sql, &[&number, &self.process]).await.map_err(|error| Trouble::of(&error, at))?;
        if seen == 0 {
            // What both made under one number meanwhile has met in the tables, where a number is there once: it was made anew.
            numbers.become_of(self.take_number(client, at).await?);
        }
        Ok(())
    }

    /// Gives the number back.
    pub async fn leave(&self, client: &Client) {
        // If it cannot be given back now, it is free in a minute.
        let _ = client.execute("DELETE FROM holdfast.node WHERE process = $1", &[&self.process]).await;
    }

    /// Whether this responder does the work that one does for all, for the next seconds.
    ///
    /// # Errors
    /// The database.
    pub async fn has_lease(&self, client: &Client, at: &Whereabouts) -> Result<bool, Trouble> {
        let sql = "UPDATE holdfast.lease SET process = $1, until = now() + interval '10 seconds'
            WHERE what = 'upkeep' AND (process = $1 OR until IS NULL OR until < now())";
        client.execute(sql, &[&self.process]).await.map(|rows| rows == 1).map_err(|error| Trouble::of(&error, at))
    }
}
