//! How many files and sockets this process may have open, and how many of them the connections of each listener may take.
//!
//! A process that has used up its descriptors accepts nobody any more. So the limit is raised as far as it may be, and each
//! listener has a bound of its own that ends before it does: callers never take what operators need, nor they what callers need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The operators' connections, where there is room for all: they are few.
const OPERATORS_MAX: usize = 64;
/// The management API's: callers are back offices, few, with pools of connections.
const MANAGEMENT_MAX: usize = 256;
/// Commands that are carried out at once.
const COMMANDS_MAX: usize = 16;
/// The files of journal, projection, spool and telemetry, and the listeners.
const FILES: usize = 64;
/// What each worker has open besides connections.
const FILES_PER_WORKER: usize = 8;

/// Who else needs descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// How many threads answer.
    pub workers: usize,
    /// The most connections to a shared ledger's database.
    pub database: usize,
    /// The most connections of the listener for card numbers.
    pub card_numbers: usize,
}

/// How many connections there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Callers', as configured.
    pub connections_max: usize,
    /// Callers', as many as there can be, never more than configured.
    pub connections: usize,
    /// The operators' listener's.
    pub operators: usize,
    /// The management API's.
    pub management: usize,
    /// The command socket's.
    pub commands: usize,
    /// What the operating system lets us open.
    pub descriptors: Option<u64>,
}

impl Room {
    /// What a limit leaves for connections; without one, all.
    #[must_use]
    pub fn within(descriptors: Option<u64>, connections_max: usize, needs: Needs) -> Self {
        let (operators, management, commands) = (OPERATORS_MAX, MANAGEMENT_MAX, COMMANDS_MAX);
        let whole = Room { connections_max, connections: connections_max, operators, management, commands, descriptors };
        let Some(limit) = descriptors.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)) else { return whole };
        let files = needs.workers.saturating_mul(FILES_PER_WORKER).saturating_add(FILES);
        let files = files.saturating_add(needs.database).saturating_add(needs.card_numbers);
        let others_max = OPERATORS_MAX.saturating_add(MANAGEMENT_MAX).saturating_add(COMMANDS_MAX);
        // Of very few, callers and the rest get half each.
        let reserve = files.saturating_add(others_max).min(limit.div_ceil(2));
        let others = reserve.saturating_sub(files);
        let share = |most: usize| most.saturating_mul(others).checked_div(others_max).unwrap_or(0).clamp(1, most);
        Room {
            connections: limit.saturating_sub(reserve).clamp(1, connections_max),
            operators: share(OPERATORS_MAX),
            management: share(MANAGEMENT_MAX),
            commands: share(COMMANDS_MAX),
            ..whole
        }
    }

    /// What an operator should know: that there will be fewer connections than configured.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let limit = self.descriptors.filter(|_| self.connections < self.connections_max)?;
        let Room { connections_max, connections, operators, management, .. } = self;
        Some(format!(
            "server.connections_max is {connections_max}, and the limit of {limit} open files leaves room for {connections} \
             connections of callers, {management} of the management API and {operators} of operators: no more are accepted; \
             raise the hard limit (`ulimit -Hn`, or LimitNOFILE= of the service) or lower connections_max"
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
            let room = Room::within(descriptors, connections_max, Needs { workers, database: 0, card_numbers: 0 });
            assert_eq!(room.connections, expected, "{descriptors:?}");
            assert_eq!(room.warning().is_some(), expected < connections_max, "{descriptors:?}");
        }
    }

    #[test]
    fn nobody_takes_what_callers_need() {
        for limit in 200..2_000 {
            let needs = Needs { workers: 2, database: 0, card_numbers: 0 };
            let Room { connections, operators, management, commands, .. } = Room::within(Some(limit), 10_000, needs);
            let files = FILES + 2 * FILES_PER_WORKER;
            assert!(connections + operators + management + commands + files <= usize::try_from(limit).unwrap(), "{limit}");
        }
        let roomy = Room::within(Some(1_048_576), 10_000, Needs { workers: 2, database: 0, card_numbers: 0 });
        assert_eq!((roomy.operators, roomy.management, roomy.commands), (64, 256, 16));
        let tight = Room::within(Some(256), 10_000, Needs { workers: 2, database: 0, card_numbers: 0 });
        assert_eq!((tight.connections, tight.operators, tight.management, tight.commands), (128, 9, 36, 2));
        let shared = Room::within(Some(1024), 10_000, Needs { workers: 2, database: 24, card_numbers: 0 });
        assert_eq!(shared.connections, 584, "a shared ledger's connections are set aside, too");
    }
}
