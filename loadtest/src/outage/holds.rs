//! What the ledger holds, payment by payment, as its management API lists it.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::Deserialize;

use crate::figures::metrics;
use crate::outage::stage::Stage;
use crate::problem::Problem;

/// One hold of a page; its other fields do not matter here.
#[derive(Debug, Deserialize)]
struct Hold {
    payment: String,
    authorized: i64,
    held: i64,
}

#[derive(Debug, Deserialize)]
struct Page {
    holds: Vec<Hold>,
    next_cursor: Option<String>,
}

/// What is held, by payment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The amounts, in minor units.
    pub by_payment: HashMap<String, i64>,
    /// Holds of a payment that has another one, or that hold less than was authorized. There must not be any.
    pub odd: u64,
}

impl Holds {
    /// Reads the list of all open holds.
    ///
    /// # Errors
    /// The API does not tell.
    pub async fn read(api: SocketAddr) -> Result<Self, Problem> {
        let (mut holds, mut cursor) = (Holds::default(), String::new());
        loop {
            let path = format!("/v1/holds?status=open&limit=200{cursor}");
            let text = metrics::fetch_with(api, &path, &Stage::authorization()).await?;
            match holds.add(&text)? {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(holds),
            }
        }
    }

    fn add(&mut self, page: &str) -> Result<Option<String>, Problem> {
        let page: Page = serde_json::from_str(page).map_err(Problem::doing("reading the list of holds"))?;
        for hold in page.holds {
            let is_odd = hold.held != hold.authorized;
            let other = self.by_payment.insert(hold.payment, hold.held);
            self.odd = self.odd.saturating_add(u64::from(is_odd || other.is_some()));
        }
        Ok(page.next_cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_added_up_and_what_is_odd_is_counted() {
        let mut holds = Holds::default();
        let first =
            r#"{"holds":[{"hold_id":2,"payment":"b","authorized":420,"held":420,"status":"open"}],"next_cursor":"x","as_of":3}"#;
        assert_eq!(holds.add(first).unwrap().as_deref(), Some("x"));
        assert_eq!(holds.add(r#"{"holds":[{"payment":"a","authorized":999,"held":999}],"as_of":3}"#).unwrap(), None);
        assert_eq!((holds.by_payment.get("a"), holds.by_payment.get("b"), holds.odd), (Some(&999), Some(&420), 0));
        holds.add(r#"{"holds":[{"payment":"a","authorized":1,"held":1},{"payment":"c","authorized":2,"held":1}]}"#).unwrap();
        assert_eq!(holds.odd, 2);
        assert!(holds.add("[]").is_err());
    }
}
