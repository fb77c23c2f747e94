//! Reads a server's own counters over HTTP: what a measurement needs, nothing more.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::Connection;
use crate::problem::Problem;

/// The longest page that is read.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long between two looks at the projection.
const LOOKED_EVERY: Duration = Duration::from_millis(400);

/// What the journal has written so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Journal {
    /// Records, of decisions and events.
    pub records: u64,
    /// Commits, each one sync.
    pub commits: u64,
}

impl Journal {
    /// Reads the counters of a server's `/metrics`.
    ///
    /// # Errors
    /// The page cannot be had.
    pub async fn read(operators: SocketAddr) -> Result<Self, Problem> {
        let page = fetch(operators, "/metrics").await?;
        Ok(Journal {
            records: sum(&page, "holdfast_ledger_commit_records_sum").unwrap_or(0),
            commits: sum(&page, "holdfast_ledger_commit_seconds_count").unwrap_or(0),
        })
    }

    /// What was written since an earlier reading.
    pub const fn since(self, earlier: Journal) -> Self {
        Journal { records: self.records.saturating_sub(earlier.records), commits: self.commits.saturating_sub(earlier.commits) }
    }
}

/// How many records the projection has not followed yet, as the server says.
///
/// # Errors
/// It does not say.
pub async fn not_projected(operators: SocketAddr) -> Result<u64, Problem> {
    let page = fetch(operators, "/metrics").await?;
    let name = "holdfast_projection_lag_records";
    sum(&page, name).ok_or_else(|| Problem::new(format!("the server does not tell {name}")))
}

/// Waits until the projection has everything; twice, as the first look may be before the last records are seen.
///
/// # Errors
/// The server does not say.
pub async fn until_projected(operators: SocketAddr) -> Result<(), Problem> {
    let mut looks_without_lag = 0_u8;
    while looks_without_lag < 2 {
        tokio::time::sleep(LOOKED_EVERY).await;
        looks_without_lag = if not_projected(operators).await? == 0 { looks_without_lag.saturating_add(1) } else { 0 };
    }
    Ok(())
}

/// Gets a page as text.
///
/// # Errors
/// No connection, no answer, or another status than 200.
pub async fn fetch(address: SocketAddr, path: &str) -> Result<String, Problem> {
    fetch_with(address, path, "").await
}

/// Gets a page that wants to know who asks: with header lines, each with its end.
///
/// # Errors
/// As [`fetch`].
pub async fn fetch_with(address: SocketAddr, path: &str, headers: &str) -> Result<String, Problem> {
    let what = format!("reading http://{address}{path}");
    let opened = Connection::open_for_answers_of(address, PAGE_BYTES_MAX).await;
    let mut connection = opened.map_err(Problem::doing(&what))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n");
    let answer = connection.exchange(request.as_bytes()).await.map_err(Problem::doing(&what))?;
    match answer.status {
        200 => String::from_utf8(answer.body.to_vec()).map_err(Problem::doing(&what)),
        status => Err(Problem::new(format!("{what}: status {status}: {}", String::from_utf8_lossy(answer.body).trim()))),
    }
}

/// The sum of a series over all its labels, in whole units; `None` if the page does not have it.
pub fn sum(page: &str, name: &str) -> Option<u64> {
    sum_of(page, name, "")
}

/// The sum of a series over all its lines whose labels say `label`.
pub fn sum_of(page: &str, name: &str, label: &str) -> Option<u64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let value = value.split('.').next()?.trim().parse::<u64>().ok()?;
        labels.contains(label).then_some(value)
    });
    values.fold(None, |total: Option<u64>, value| Some(total.unwrap_or(0).saturating_add(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_over_their_labels() {
        let page = "# TYPE a counter\na 7\na_total 100\nb{x=\"1\"} 3\nb{x=\"} 9\",y=\"2\"} 4.75\nb_sum{x=\"1\"} 50\nd many\n";
        for (name, expected) in [("a", Some(7)), ("b", Some(7)), ("b_sum", Some(50)), ("c", None), ("d", None)] {
            assert_eq!(sum(page, name), expected, "{name}");
        }
    }

    #[test]
    fn series_are_summed_over_the_lines_of_one_label() {
        let page = "a{cause=\"starting\",mount=\"x\"} 2\na{cause=\"late\",mount=\"x\"} 50\na{mount=\"y\",cause=\"starting\"} 1\n";
        assert_eq!(sum_of(page, "a", "cause=\"starting\""), Some(3));
        assert_eq!(sum_of(page, "a", "cause=\"full\""), None);
        assert_eq!(sum(page, "a"), Some(53));
    }
}
