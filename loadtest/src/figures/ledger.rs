//! What a ledger holds, by its own word: `holdfast balance --all --json` against the running server.

use std::path::Path;

use serde::Deserialize;

use crate::figures::bench::{Bench, Sync};
use crate::problem::Problem;

/// One account of the list; its other fields do not matter here. Minor units.
#[derive(Debug, Deserialize)]
struct Balance {
    held: i64,
}

/// The sum of what all accounts hold, in minor units.
///
/// # Errors
/// The command fails, or prints something else.
pub async fn held_total(bench: &Bench, holdfast: &Path, sync: Sync) -> Result<i64, Problem> {
    let what = "asking the ledger for its holds (holdfast balance --all --json)";
    let output = bench.balances(holdfast, sync).kill_on_drop(true).output().await.map_err(Problem::doing(what))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Problem::new(format!("{what}: {}: {}", output.status, said.trim())));
    }
    sum_of_holds(&output.stdout)
}

fn sum_of_holds(list: &[u8]) -> Result<i64, Problem> {
    let balances: Vec<Balance> = serde_json::from_slice(list).map_err(Problem::doing("reading the balances"))?;
    let total = balances.iter().try_fold(0_i64, |total, balance| total.checked_add(balance.held));
    total.ok_or_else(|| Problem::new("the holds are more than 64 bits can count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_summed_in_minor_units() {
        let list = br#"[{"account_id":"a","currency":"USD","posted":100000,"held":2735,"available":97265},
            {"account_id":"b","currency":"USD","posted":0,"held":0,"available":0},{"account_id":"c","held":420}]"#;
        assert_eq!(sum_of_holds(list).unwrap(), 3155);
        assert_eq!(sum_of_holds(b"[]").unwrap(), 0);
        for wrong in [&b"[{\"account_id\":\"a\"}]"[..], b"{}", b"", b"[{\"held\":\"27.35\"}]"] {
            assert!(sum_of_holds(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }
}
