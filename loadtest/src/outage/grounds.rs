//! On what grounds each answer was given, as the server's telemetry tells: a line a callback. A server that was killed did not
//! write its last lines; what it answered then is known from when it did.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::problem::Problem;

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// The ledger, or the rules and limits with it.
    Ledger,
    /// Stand-in.
    StandIn,
}

#[derive(Debug, Deserialize)]
struct Line {
    key_sha256: Option<String>,
    basis: Option<String>,
}

/// Reads the grounds of all answers, by the digest of their keys.
///
/// # Errors
/// The file cannot be read.
pub fn read(telemetry: &Path) -> Result<HashMap<String, Grounds>, Problem> {
    let file = File::open(telemetry).map_err(Problem::doing(telemetry.display()))?;
    let mut grounds = HashMap::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(Problem::doing(telemetry.display()))?;
        if let Some((key, found)) = grounds_in(&line) {
            grounds.entry(key).or_insert(found);
        }
    }
    Ok(grounds)
}

/// What a line says; nothing if it was cut off, or repeats an answer.
fn grounds_in(line: &[u8]) -> Option<(String, Grounds)> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let grounds = match line.basis?.as_str() {
        "replay" => return None,
        "stand_in" => Grounds::StandIn,
        _ => Grounds::Ledger,
    };
    Some((line.key_sha256?, grounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_who_decided() {
        let line =
            |basis: &str| format!(r#"{{"kind":"authorization","key_sha256":"ab","decision":"approve","basis":"{basis}"}}"#);
        for (basis, expected) in [("stand_in", Grounds::StandIn), ("ledger", Grounds::Ledger), ("rule", Grounds::Ledger)] {
            assert_eq!(grounds_in(line(basis).as_bytes()), Some(("ab".to_owned(), expected)), "{basis}");
        }
        for nothing in [line("replay").as_str(), r#"{"kind":"notification"}"#, r#"{"kind":"authoriz"#, ""] {
            assert_eq!(grounds_in(nothing.as_bytes()), None, "{nothing}");
        }
    }
}
