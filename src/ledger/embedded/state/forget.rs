//! What memory lets go of, once it is safe in the projection or counts no more; and the one key that it keeps although its group was given up.

use std::time::Duration;

use holdfast_core::Timestamp;
use holdfast_core::hold::Answered;

use super::{ASKED_KEYS_KEPT, Aging, Fingerprint, Last, State, TOLD_KEYS_KEPT, Watched};

/// How often a counter is looked at, whether it is over.
const LOOK_AT_COUNTERS_EVERY: Duration = Duration::from_secs(86_400);

impl State {
    /// Keeps the key of a decline that was told `at` that time although its group was given up; a record up to that one says it
    /// again.
    pub fn remember_decline(&mut self, name: Fingerprint, answered: Answered, at: Timestamp, record: i64) {
        self.remember_answer(name, answered, at, record);
    }

    /// What is answered to a key from this record on; what it was before. It may go when both the record that brought the key
    /// and the one that changed it last are safe elsewhere: what is found there must be what was said last.
    pub(super) fn remember_answer(
        &mut self,
        name: Fingerprint,
        answered: Answered,
        at: Timestamp,
        record: i64,
    ) -> Option<Answered> {
        let before = self.asked.insert(name, answered);
        if before.is_none() {
            self.asked_by_age.push_back(Aging { at, record, name, last: Last::Yes });
        } else {
            self.corrected_by.insert(name, record);
        }
        before
    }

    /// Forgets keys that hardly anybody will send again and that are safe in the projection up to `record`, at most so many of
    /// each kind.
    pub fn forget_old_keys(&mut self, now: Timestamp, record: i64, most: usize) {
        let (asked_before, told_before) = (now.saturating_sub(ASKED_KEYS_KEPT), now.saturating_sub(TOLD_KEYS_KEPT));
        for _ in 0..most {
            let safe = |name: &Fingerprint| self.corrected_by.get(name).is_none_or(|corrected_by| *corrected_by <= record);
            let old = |aging: &mut Aging| aging.at < asked_before && aging.record <= record && safe(&aging.name);
            let Some(aging) = self.asked_by_age.pop_front_if(old) else { break };
            self.asked.remove(&aging.name);
            self.corrected_by.remove(&aging.name);
            self.gone.add(aging.name);
        }
        for _ in 0..most {
            let old = |aging: &mut Aging| aging.at < told_before && aging.record <= record;
            let Some(aging) = self.told_by_age.pop_front_if(old) else { break };
            self.told.remove(&aging.name);
            if aging.last == Last::Yes {
                self.gone.add(aging.name);
            }
        }
    }

    /// Lets go of at most so many holds that ended before `before` and are safe in the projection up to `record`.
    pub fn forget_closed_holds(&mut self, before: Timestamp, record: i64, most: usize) {
        for _ in 0..most {
            let Some(row) = self.holds.let_one_go(before, record) else { return };
            for name in row.names {
                self.holds_by_name.remove(&name);
                self.gone.add(name);
            }
        }
    }

    /// Forgets what limits have counted in windows that no question can name any more; looks at so many counters at most. Only
    /// between two groups: what is looked at goes to the end, where a group that is undone takes its own away.
    pub fn forget_old_counters(&mut self, now: Timestamp, most: usize) {
        let looked_at_before = now.saturating_sub(LOOK_AT_COUNTERS_EVERY);
        for _ in 0..most {
            let Some(watched) = self.counters_watched.pop_front_if(|watched| watched.at < looked_at_before) else { return };
            match self.counters.get(&watched.key) {
                Some(counter) if counter.is_over(now) => {
                    self.counters.remove(&watched.key);
                }
                Some(_) => self.counters_watched.push_back(Watched { at: now, ..watched }),
                None => {}
            }
        }
    }
}
