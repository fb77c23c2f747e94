//! How many files and sockets this process may have open, and how many of them callers' connections may take.
//!
//! A process that has used up its descriptors accepts nobody any more, operators and commands included. So the limit is raised
//! as far as it may be, and what callers can take ends before it does.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is not for callers: the operators' 64 connections, the management API's 256, 16 commands, and the files of journal,
/// projection and telemetry.
const RESERVE: u64 = 64 + 256 + 16 + 64;
/// What each worker has open besides connections.
const RESERVE_PER_WORKER: u64 = 8;

/// How many connections there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// As configured.
    pub connections_max: usize,
    /// As many as there can be, never more than configured.
    pub connections: usize,
    /// What the operating system lets us open.
    pub descriptors: Option<u64>,
}

impl Room {
    /// What a limit leaves for connections; without one, all.
    #[must_use]
    pub fn within(descriptors: Option<u64>, connections_max: usize, workers: usize) -> Self {
        let connections = descriptors.map_or(connections_max, |limit| {
            let workers = u64::try_from(workers).unwrap_or(u64::MAX).saturating_mul(RESERVE_PER_WORKER);
            // Of very few, callers and the rest get half each.
            let reserve = RESERVE.saturating_add(workers).min(limit.div_ceil(2));
            usize::try_from(limit.saturating_sub(reserve)).unwrap_or(usize::MAX).clamp(1, connections_max)
        });
        Room { connections_max, connections, descriptors }
    }

    /// What an operator should know: that there will be fewer connections than configured.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let limit = self.descriptors.filter(|_| self.connections < self.connections_max)?;
        Some(format!(
            "server.connections_max is {}, and the limit of {limit} open files leaves room for {} connections: no more are accepted; \
             raise the hard limit (`ulimit -Hn`, or LimitNOFILE= of the service) or lower connections_max",
            self.connections_max, self.connections
        ))
    }
}

/// Raises the soft limit of open files to the hard one; what it is then, `None` if there is none.
pub fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

/// What [`raise_limit`] would come to.
#[must_use]
pub fn limit_within_reach() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_never_take_what_operators_need() {
        for (descriptors, connections_max, workers, expected) in [
            (None, 10_000, 2, 10_000),
            (Some(1_048_576), 10_000, 2, 10_000),
            (Some(1024), 10_000, 2, 608),
            (Some(1024), 600, 2, 600),
            (Some(256), 10_000, 64, 128),
            (Some(1), 10_000, 2, 1),
            (Some(0), 10_000, 2, 1),
        ] {
            let room = Room::within(descriptors, connections_max, workers);
            assert_eq!(room.connections, expected, "{descriptors:?}");
            assert_eq!(room.warning().is_some(), expected < connections_max, "{descriptors:?}");
        }
    }
}
