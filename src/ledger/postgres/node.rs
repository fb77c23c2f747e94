//! This responder among the others: its number, which is part of the numbers that it makes, and the work that one does for
//! all.

use tokio_postgres::Client;

use super::trouble::{Trouble, Whereabouts};
use super::values::Name;

/// After so long another responder may take the number of one that was not seen.
const SILENT_MAX: &str = "interval '1 minute'";

/// A responder.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its number.
    pub number: i16,
    /// Which process it is.
    process: Name,
}

impl Node {
    /// Takes a number that nobody has.
    ///
    /// # Errors
    /// The database; or all 1,024 of them are taken.
    pub async fn enter(client: &Client, at: &Whereabouts, name: &str) -> Result<Self, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
        let process = Name(fastrand::u128(..).to_be_bytes());
        let sql = format!(
            "INSERT INTO holdfast.node AS known (number, name, process, seen_at)
             SELECT n, $1, $2, now() FROM generate_series(0, 1023) AS n
             WHERE NOT EXISTS (SELECT FROM holdfast.node o WHERE o.number = n AND o.seen_at > now() - {SILENT_MAX})
             ORDER BY n LIMIT 1
             ON CONFLICT (number) DO UPDATE SET name = excluded.name, process = excluded.process, seen_at = excluded.seen_at
             WHERE known.seen_at <= now() - {SILENT_MAX} RETURNING number"
        );
        for _ in 0..1_024 {
            let taken = client.query_opt(&sql, &[&name, &process]).await.map_err(said)?;
            // Nothing if another one took it first: then there is a next one.
            if let Some(row) = taken {
                return Ok(Node { number: row.try_get(0).map_err(said)?, process });
            }
        }
        Err(Trouble::Other("all 1024 numbers of responders are taken".to_owned(), at.clone()))
    }

    /// Says that it runs, which also proves that the database takes writes.
    ///
    /// # Errors
    /// The database; or the number is another responder's by now.
    pub async fn say_that_it_runs(&self, client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
        let sql = "UPDATE holdfast.node SET seen_at = now() WHERE number = $1 AND process = $2";
        let seen = client.execute(sql, &[&self.number, &self.process]).await.map_err(|error| Trouble::of(&error, at))?;
        if seen == 1 {
            return Ok(());
        }
        // It was silent for long, and somebody took its number, or cleaned up. Numbers that both make collide at the worst,
        // and are made anew; a number of its own comes with the next start.
        Ok(())
    }

    /// Gives the number back.
    pub async fn leave(&self, client: &Client) {
        let sql = "DELETE FROM holdfast.node WHERE number = $1 AND process = $2";
        // If it cannot be given back now, it is free in a minute.
        let _ = client.execute(sql, &[&self.number, &self.process]).await;
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
