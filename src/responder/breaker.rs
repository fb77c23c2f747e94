//! The circuit breaker before the ledger: when it does not answer, nobody waits for it any more, and one question at a time is
//! still asked to find out when it does again.
//!
//! It opens after a few failures in a row, or when questions are out and nothing came back for a while. Whoever probes gets its
//! answer in time like everybody else: from stand-in, if the ledger is silent.
//!
//! Where nobody asks, nobody probes: then the ledger is looked at now and then, and once it answers to that, it counts as back. It may do
//! one thing and not another, so the next question is still a probe, and until it is answered it stays the only one: others wait for it, as
//! what it finds out is most likely good. If it fails, looks told wrong, and it is longer, twice as long each time, until the next one counts;
//! what the ledger is known to have made durable since ends that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::Instant;
use crate::config::BreakerConfig;

/// How long it is at most until a look counts again where looks told wrong.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(30);

/// The breaker of one ledger.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerConfig,
    inner: Mutex<Inner>,
    /// Rung when a question that had to find out has come back.
    found_out: Notify,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Questions that are with the ledger, and since when nothing came back.
    out: u32,
    quiet_since: Option<Instant>,
    /// How often in a row looks told that the ledger is back, and the question after that failed.
    told_wrong: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        since: Instant,
        probed: Instant,
        probe: Probe,
    },
    /// It answers to looks: the next question finds out.
    Half {
        probe: Probe,
    },
}

impl State {
    const fn open(now: Instant) -> Self {
        State::Open { since: now, probed: now, probe: Probe::None }
    }
}

/// Whether a question is out to find out whether the ledger is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    None,
    Out,
}

/// What may be done with a question.
#[derive(Debug)]
pub enum Admission<'a> {
    /// Ask the ledger.
    Ask(Out<'a>),
    /// Ask it, but wait only so long.
    Probe(Out<'a>, Duration),
    /// Somebody asks it whether it is back, and will know soon: wait for that at most so long, and come again.
    Wait(Duration),
    /// Stand in at once.
    StandIn,
}

/// A question that is with the ledger. Dropped without a response, it says nothing about the ledger.
#[derive(Debug)]
#[must_use]
pub struct Out<'a> {
    breaker: &'a Breaker,
    probe: Probe,
    response: Option<(Response, Instant)>,
}

impl Out<'_> {
    /// What became of it.
    pub fn came_back(mut self, response: Response, now: Instant) {
        self.response = Some((response, now));
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.breaker.came_back(self.probe, self.response);
    }
}

/// How the ledger took a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// It answered.
    Answered,
    /// It did not, or said that it cannot.
    Failed,
}

/// Whether the breaker lets questions through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerIs {
    /// It does, or will with the next one.
    Closed,
    /// It does not, since then.
    Open(Instant),
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: BreakerConfig) -> Self {
        let inner = Inner { state: State::Closed { failures: 0 }, out: 0, quiet_since: None, told_wrong: 0 };
        Breaker { settings, inner: Mutex::new(inner), found_out: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is(&self) -> BreakerIs {
        match self.lock().state {
            State::Closed { .. } | State::Half { .. } => BreakerIs::Closed,
            State::Open { since, .. } => BreakerIs::Open(since),
        }
    }

    /// A question comes.
    pub fn admit(&self, now: Instant) -> Admission<'_> {
        let mut inner = self.lock();
        inner.notice_stall(now, self.settings.stall);
        let Inner { state, out, quiet_since, .. } = &mut *inner;
        let probing = match state {
            State::Closed { .. } => None,
            State::Open { probed, probe: probe @ Probe::None, .. }
                if now.saturating_duration_since(*probed) >= self.settings.probe_every =>
            {
                (*probed, *probe) = (now, Probe::Out);
                Some(self.settings.probe_max)
            }
            State::Half { probe: probe @ Probe::None } => {
                *probe = Probe::Out;
                Some(self.settings.probe_max)
            }
            State::Half { probe: Probe::Out } => return Admission::Wait(self.settings.probe_max),
            State::Open { .. } => return Admission::StandIn,
        };
        if *out == 0 {
            *quiet_since = Some(now);
        }
        *out = out.saturating_add(1);
        match probing {
            None => Admission::Ask(Out { breaker: self, probe: Probe::None, response: None }),
            Some(probe_max) => Admission::Probe(Out { breaker: self, probe: Probe::Out, response: None }, probe_max),
        }
    }

    /// The ledger did, or did not do, what it had to hear besides questions: entries of the spool are brought whether anybody asks
    /// or not. That it heard of them closes nothing, as it may do one thing and not another: the next question finds out, at once.
    pub fn heard_of(&self, response: Response, now: Instant) {
        let mut inner = self.lock();
        match (response, &mut inner.state) {
            (Response::Answered, State::Open { probed, .. }) => {
                *probed = now.checked_sub(self.settings.probe_every).unwrap_or(*probed);
                inner.told_wrong = 0;
            }
            (Response::Answered, State::Closed { .. } | State::Half { .. }) => {}
            (Response::Failed, _) => inner.learn(response, now, self.settings.failures),
        }
    }

    /// Opens it if questions are out and nothing came back for too long: whoever asks next need not wait for that to be seen.
    pub fn notice_stall(&self, now: Instant) {
        self.lock().notice_stall(now, self.settings.stall);
    }

    /// How often the ledger is to be looked at while it is open, and whether it stalls.
    #[must_use]
    pub const fn look_every(&self) -> Duration {
        self.settings.probe_every
    }

    /// How long an answer may take that is to say that the ledger is back.
    #[must_use]
    pub const fn probe_max(&self) -> Duration {
        self.settings.probe_max
    }

    /// For how long nothing may come back.
    #[must_use]
    pub const fn stall(&self) -> Duration {
        self.settings.stall
    }

    /// Whether a look would say anything: nobody has asked for a while.
    #[must_use]
    pub fn wants_a_look(&self, now: Instant) -> bool {
        let inner = self.lock();
        match inner.state {
            State::Open { probed, .. } => now.saturating_duration_since(probed) >= self.look_after(inner.told_wrong),
            State::Closed { .. } | State::Half { .. } => false,
        }
    }

    /// For how long nobody has to have asked.
    fn look_after(&self, told_wrong: u32) -> Duration {
        let every = self.settings.probe_every;
        every.saturating_mul(2_u32.saturating_pow(told_wrong)).min(LOOK_AGAIN_MAX.max(every))
    }

    /// The ledger answered to a look that began then. What was asked before the breaker opened says nothing.
    pub fn looked_well(&self, began: Instant) {
        let mut inner = self.lock();
        if let State::Open { since, probe, .. } = inner.state
            && began >= since
        {
            inner.state = State::Half { probe };
        }
    }

    /// Done when a question that has to find out comes back, from now on.
    pub fn finds_out(&self) -> Notified<'_> {
        self.found_out.notified()
    }

    /// What became of a question that was asked; nothing if nobody waited for it.
    fn came_back(&self, was: Probe, response: Option<(Response, Instant)>) {
        self.learn_from(was, response);
        if was == Probe::Out {
            self.found_out.notify_waiters();
        }
    }

    fn learn_from(&self, was: Probe, response: Option<(Response, Instant)>) {
        let mut inner = self.lock();
        inner.out = inner.out.saturating_sub(1);
        if let (Probe::Out, State::Open { probe, .. } | State::Half { probe }) = (was, &mut inner.state) {
            *probe = Probe::None;
        }
        let Some((response, now)) = response else { return };
        if let (Response::Failed, Probe::None, State::Half { .. }) = (response, was, inner.state) {
            // It was asked before the ledger was looked at.
            return;
        }
        inner.learn(response, now, self.settings.failures);
    }
}

impl Inner {
    fn notice_stall(&mut self, now: Instant, stall: Duration) {
        let stalled = self.out > 0 && self.quiet_since.is_some_and(|since| now.saturating_duration_since(since) >= stall);
        if stalled && matches!(self.state, State::Closed { .. }) {
            self.state = State::open(now);
        }
    }

    fn learn(&mut self, response: Response, now: Instant, failures_max: u32) {
        match (response, self.state) {
            (Response::Answered, _) => {
                (self.quiet_since, self.told_wrong) = (Some(now), 0);
                self.state = State::Closed { failures: 0 };
            }
            (Response::Failed, State::Closed { failures }) => {
                let failures = failures.saturating_add(1);
                let open = failures >= failures_max;
                self.state = if open { State::open(now) } else { State::Closed { failures } };
            }
            (Response::Failed, State::Half { .. }) => {
                self.told_wrong = self.told_wrong.saturating_add(1);
                self.state = State::open(now);
            }
            (Response::Failed, State::Open { .. }) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(BreakerConfig::default()), clock::instant())
    }

    fn ask(breaker: &Breaker, now: Instant) -> Out<'_> {
        let Admission::Ask(out) = breaker.admit(now) else { panic!("it is open") };
        out
    }

    fn stands_in(breaker: &Breaker, now: Instant) -> bool {
        matches!(breaker.admit(now), Admission::StandIn)
    }

    fn waits(breaker: &Breaker, now: Instant) -> bool {
        matches!(breaker.admit(now), Admission::Wait(_))
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only_and_closes_with_the_first_answer() {
        let (breaker, now) = breaker();
        for response in [Response::Failed, Response::Answered] {
            (0..4).for_each(|_| ask(&breaker, now).came_back(response, now));
        }
        (0..5).for_each(|_| ask(&breaker, now).came_back(Response::Failed, now));
        assert_eq!(breaker.is(), BreakerIs::Open(now));
        assert!(stands_in(&breaker, now + ms(249)));
        let Admission::Probe(probe, wait) = breaker.admit(now + ms(250)) else { panic!("nobody probes") };
        assert_eq!(wait, ms(100));
        // One at a time, however long it takes.
        assert!(stands_in(&breaker, now + ms(251)));
        assert!(stands_in(&breaker, now + ms(600)));
        probe.came_back(Response::Failed, now + ms(350));
        assert!(stands_in(&breaker, now + ms(499)));
        let Admission::Probe(probe, _) = breaker.admit(now + ms(500)) else { panic!("nobody probes") };
        // Whoever probed went away.
        drop(probe);
        let Admission::Probe(probe, _) = breaker.admit(now + ms(750)) else { panic!("nobody probes") };
        probe.came_back(Response::Answered, now + ms(751));
        drop(ask(&breaker, now + ms(752)));
    }

    #[test]
    fn it_opens_when_nothing_comes_back_and_not_while_something_does() {
        let (breaker, now) = breaker();
        let [first, _second, third] = [ask(&breaker, now), ask(&breaker, now), ask(&breaker, now)];
        first.came_back(Response::Answered, now + ms(400));
        // Whoever asked went away: that says nothing.
        drop(third);
        drop(ask(&breaker, now + ms(899)));
        assert!(stands_in(&breaker, now + ms(900)));
    }

    #[test]
    fn what_the_spool_meets_opens_it_too_and_has_the_next_question_find_out() {
        let (breaker, now) = breaker();
        (0..5).for_each(|_| breaker.heard_of(Response::Failed, now));
        assert_eq!(breaker.is(), BreakerIs::Open(now));
        assert!(stands_in(&breaker, now + ms(1)));
        breaker.heard_of(Response::Answered, now + ms(2));
        let Admission::Probe(probe, _) = breaker.admit(now + ms(3)) else { panic!("nobody probes") };
        probe.came_back(Response::Answered, now + ms(4));
        // That it hears what was told does not mean that it decides.
        for _ in 0..5 {
            ask(&breaker, now + ms(5)).came_back(Response::Failed, now + ms(5));
            breaker.heard_of(Response::Answered, now + ms(5));
        }
        assert_eq!(breaker.is(), BreakerIs::Open(now + ms(5)));
    }

    #[test]
    fn a_look_ends_an_outage_and_the_next_question_is_the_only_one_until_it_is_answered() {
        let (breaker, now) = breaker();
        let open = |now| (0..5).for_each(|_| ask(&breaker, now).came_back(Response::Failed, now));
        assert!(!breaker.wants_a_look(now), "it is closed");
        breaker.looked_well(now);
        let early = ask(&breaker, now);
        open(now);
        assert_eq!((breaker.wants_a_look(now + ms(249)), breaker.wants_a_look(now + ms(250))), (false, true));
        breaker.looked_well(now + ms(250));
        assert_eq!(breaker.is(), BreakerIs::Closed);
        // Asked before that, it says nothing.
        early.came_back(Response::Failed, now + ms(251));
        let Admission::Probe(probe, wait) = breaker.admit(now + ms(251)) else { panic!("nobody probes") };
        assert_eq!(wait, ms(100));
        assert!(waits(&breaker, now + ms(251)));
        probe.came_back(Response::Answered, now + ms(252));
        drop([ask(&breaker, now + ms(252)), ask(&breaker, now + ms(252))]);
        // What was looked at before it opened again says nothing.
        open(now + ms(300));
        breaker.looked_well(now + ms(299));
        assert_eq!(breaker.is(), BreakerIs::Open(now + ms(300)));
    }

    /// A look says that it is back, and the question after that fails at this moment.
    fn is_told_wrong(breaker: &Breaker, now: Instant) {
        breaker.looked_well(now);
        let Admission::Probe(probe, _) = breaker.admit(now) else { panic!("nobody probes") };
        probe.came_back(Response::Failed, now);
        assert_eq!(breaker.is(), BreakerIs::Open(now));
    }

    /// For how long after a moment no look counts.
    fn looks_after(breaker: &Breaker, now: Instant) -> u64 {
        (0..=60_000).find(|after| breaker.wants_a_look(now.checked_add(ms(*after)).unwrap())).expect("for ever")
    }

    #[test]
    fn looks_that_told_wrong_count_again_later_each_time_and_at_once_when_something_became_durable() {
        let (breaker, mut now) = breaker();
        (0..5).for_each(|_| ask(&breaker, now).came_back(Response::Failed, now));
        for expected in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            now += ms(60_000);
            is_told_wrong(&breaker, now);
            assert_eq!(looks_after(&breaker, now), expected);
        }
        breaker.heard_of(Response::Answered, now + ms(1));
        assert_eq!(looks_after(&breaker, now + ms(1)), 0);
        is_told_wrong(&breaker, now + ms(2));
        assert_eq!(looks_after(&breaker, now + ms(2)), 500);
        breaker.looked_well(now + ms(502));
        let Admission::Probe(probe, _) = breaker.admit(now + ms(502)) else { panic!("nobody probes") };
        probe.came_back(Response::Answered, now + ms(502));
        (0..5).for_each(|_| ask(&breaker, now).came_back(Response::Failed, now + ms(600)));
        assert_eq!(looks_after(&breaker, now + ms(600)), 250, "that is another outage");
    }

    #[test]
    fn a_stall_is_seen_although_nobody_else_asks() {
        let (breaker, now) = breaker();
        let (out, stall) = (ask(&breaker, now), BreakerConfig::default().stall);
        breaker.notice_stall(now + stall - ms(1));
        assert_eq!(breaker.is(), BreakerIs::Closed);
        breaker.notice_stall(now + stall);
        assert_eq!(breaker.is(), BreakerIs::Open(now + stall));
        out.came_back(Response::Failed, now + stall + ms(500));
        assert_eq!(breaker.is(), BreakerIs::Open(now + stall));
    }

    #[test]
    fn a_ledger_that_nobody_asks_does_not_stall() {
        let (breaker, now) = breaker();
        ask(&breaker, now).came_back(Response::Answered, now);
        drop(ask(&breaker, now + ms(60_000)));
        drop(ask(&breaker, now + ms(120_000)));
    }
}
