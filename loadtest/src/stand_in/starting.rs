//! A server is killed while its ledger's disk hangs, and started again while it still does: how soon it stands in for cards that it knows,
//! and whether it remembers what it told before. The embedded ledger's: on the shared one others may have answered, and by design only a
//! question that its platform stamped five seconds after the start is approved, which samples are not. Its end is a comparison of what is held with what was told.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::figures::bench::Places;
use crate::figures::setup::Setting;
use crate::figures::{contender, metrics};
use crate::outage::asking::{Asker, Heard};
use crate::outage::holds::Holds;
use crate::outage::stage::{MOUNTS, Stage};
use crate::problem::Problem;
use crate::process::{Server, Starting};
use crate::progress;
use crate::recognition::Told;
use crate::report::{Form, nanos};

/// How long the mount's questions wait for a ledger that may know the answer, in milliseconds: its deadline of 200 less this.
const RESERVE_MS: u64 = 150;
/// How many questions are asked before the kill, while the ledger hangs: they are told, spooled, and counted by caps.
const TOLD_BEFORE: u64 = 200;
/// How many of them at once.
const AT_ONCE: u64 = 20;
/// How long between two questions after the start.
const ASKED_EVERY: Duration = Duration::from_millis(5);
/// How long between two attempts to connect, and two looks at what should come.
const TRIED_EVERY: Duration = Duration::from_millis(1);
const LOOKED_EVERY: Duration = Duration::from_millis(500);
/// How long approvals may stay away after the start.
const APPROVED_WITHIN: Duration = Duration::from_secs(60);
/// How long the spool may take in the end.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);

/// What was measured. Times count from the moment before the program is started.
#[derive(Debug, Serialize)]
pub struct Started {
    pub cards: u64,
    /// Until a connection was taken.
    pub listening_ns: u64,
    /// Until the first approval of a question that was not asked before; the wait of `waited_ns` is in it.
    pub approved_ns: u64,
    /// Until what was approved before the kill was approved again, the same wait in it.
    pub told_again_ns: u64,
    /// How long a question waits for a ledger that starts.
    pub waited_ns: u64,
    /// Questions that were declined before the first approval.
    pub declined_before: u64,
    /// Approvals told before the kill.
    pub told_approved: u64,
    /// Answers told before it that were another when they were asked again, or stayed away.
    pub told_otherwise: u64,
    /// Whether the ledger was still hanging at the end of that, by the server's word.
    pub stood_in: bool,
    pub approved_minor: i64,
    pub held_minor: i64,
    pub is_drained: bool,
}

impl Started {
    /// Whether what was told before was told again, by stand-in, and is held.
    ///
    /// # Errors
    /// It was not.
    pub fn verdict(&self) -> Result<(), Problem> {
        let wrong = |sentence: String| Err(Problem::new(format!("the start without its ledger: {sentence}")));
        if !self.stood_in {
            return wrong("the server does not count stand-ins for the cause starting: something else answered".to_owned());
        }
        if self.told_otherwise > 0 {
            return wrong(format!("{} answers were told otherwise after it", self.told_otherwise));
        }
        if !self.is_drained {
            return wrong("the spool was not drained in the end".to_owned());
        }
        if self.held_minor != self.approved_minor {
            return wrong(format!("{} is held, and {} was approved (minor units)", self.held_minor, self.approved_minor));
        }
        Ok(())
    }
}

/// One run.
pub struct Start<'a> {
    pub setting: &'a Setting,
    pub stage: &'a Stage,
    pub cards: u64,
    pub form: Form,
}

/// What came after the start.
struct Came {
    listening: Duration,
    approved: Duration,
    told_again: Duration,
    declined_before: u64,
}

impl Start<'_> {
    /// Fills, hangs, kills, starts, and compares.
    ///
    /// # Errors
    /// A server does not start, or does not tell what it is asked.
    pub async fn measure(&self) -> Result<Started, Problem> {
        self.answer_soon()?;
        let clock = Clock::start();
        let starting = self.starting("holdfast.log", None)?;
        let server = progress::wait(self.form, "importing cards", starting.ready(self.setting.ready_max)).await?;
        let places = places_of(&server)?;
        let asker = self.asker(&clock, places.listen)?;
        progress::wait(self.form, "waiting until everything is kept", self.until_kept(&asker, places.ops_listen)).await?;
        self.stage.hang()?;
        let told = progress::wait(self.form, "standing in", self.tell(&asker)).await?;
        server.kill().await?;
        asker.forget_connections();
        let before = clock.elapsed();
        let again = self.starting("restarted.log", Some(places))?;
        let came = progress::wait(self.form, "starting again", self.come_back(&asker, &told, before)).await?;
        let told_otherwise = self.ask_again(&asker, &told).await;
        let page = metrics::fetch(places.ops_listen, "/metrics").await?;
        let stood_in = metrics::sum_of(&page, "holdfast_stand_ins_total", "cause=\"starting\"").is_some_and(|count| count > 0);
        self.stage.let_go()?;
        let server = progress::wait(self.form, "opening the ledger", again.ready(self.setting.ready_max)).await?;
        let is_drained = progress::wait(self.form, "draining the spool", drained(&clock, places.ops_listen)).await?;
        let holds = Holds::read(places.api_listen).await?;
        server.stop().await?;
        Ok(Started {
            cards: self.cards,
            listening_ns: nanos(came.listening),
            approved_ns: nanos(came.approved),
            told_again_ns: nanos(came.told_again),
            waited_ns: nanos(wait_of_a_question()),
            declined_before: came.declined_before,
            told_approved: u64::try_from(told.iter().filter(|heard| is_approved(heard)).count()).unwrap_or(u64::MAX),
            told_otherwise,
            stood_in,
            approved_minor: approved_minor(&asker.heard()),
            held_minor: holds.by_payment.values().copied().fold(0, i64::saturating_add),
            is_drained,
        })
    }

    /// Has questions wait as short as can be for a ledger that starts: the wait is no part of what is measured, and hides it.
    fn answer_soon(&self) -> Result<(), Problem> {
        let path = self.stage.path("outage.toml");
        let config = fs::read_to_string(&path).map_err(Problem::doing(path.display()))?;
        let config = config
            .replace("budget_ms = 200\n", &format!("budget_ms = 200\nreserve_ms = {RESERVE_MS}\n"))
            .replace("body_read_ms_max = 100\n", "body_read_ms_max = 40\n");
        fs::write(&path, config).map_err(Problem::doing(path.display()))
    }

    fn starting(&self, log: &str, places: Option<Places>) -> Result<Starting, Problem> {
        let command = self.stage.serve(&self.setting.holdfast, places)?;
        Starting::start(command, &self.stage.path(log), self.setting.cores)
    }

    /// Asks at the mount with the shorter deadline, for nothing that is declined.
    fn asker(&self, clock: &Clock, address: SocketAddr) -> Result<Rc<Asker>, Problem> {
        let [(platform, mount, _), _] = MOUNTS;
        Asker::new(clock, address, contender::callbacks(address, (platform, mount), 1000, self.stage.bench.population())?, 0)
    }

    /// Until the server approves, and what a start without the ledger reads has all that was imported.
    async fn until_kept(&self, asker: &Rc<Asker>, operators: SocketAddr) -> Result<(), Problem> {
        while !is_approved(&ask_next(asker).await) {
            if asker.clock.elapsed() > self.setting.ready_max {
                return Err(Problem::new("holdfast serves but approves nothing; run with --keep and look at its log"));
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        metrics::until_projected(operators).await
    }

    /// Asks while the ledger hangs; what was told.
    async fn tell(&self, asker: &Rc<Asker>) -> Result<Vec<Heard>, Problem> {
        let mut told = Vec::new();
        while u64::try_from(told.len()).unwrap_or(u64::MAX) < TOLD_BEFORE {
            let mut asking = JoinSet::new();
            for _ in 0..AT_ONCE {
                let asker = Rc::clone(asker);
                asking.spawn_local(async move { ask_next(&asker).await });
            }
            while let Some(heard) = asking.join_next().await {
                told.push(heard.map_err(Problem::doing("asking"))?);
            }
        }
        if told.iter().any(is_approved) {
            return Ok(told);
        }
        let why = asker.first_missing().unwrap_or_else(|| "all were declined".to_owned());
        Err(Problem::new(format!("stand-in approves nothing while the ledger hangs: {why}; run with --keep and look at its log")))
    }

    /// Connects as soon as it can be, and asks every few milliseconds, of new payments and of those that were told, until one of each is
    /// approved.
    async fn come_back(&self, asker: &Rc<Asker>, told: &[Heard], before: Duration) -> Result<Came, Problem> {
        let since = |at: Duration| at.saturating_sub(before);
        while TcpStream::connect(asker.address).await.is_err() {
            if since(asker.clock.elapsed()) > APPROVED_WITHIN {
                return Err(Problem::new("the server that was started again does not listen"));
            }
            tokio::time::sleep(TRIED_EVERY).await;
        }
        let listening = since(asker.clock.elapsed());
        let approved_before = || told.iter().filter(|heard| is_approved(heard)).map(|heard| heard.number);
        let (mut of_old, known) = (approved_before().cycle(), asker.heard().len());
        let came = |numbered: &dyn Fn(u64) -> bool| -> Option<Duration> {
            let heard = asker.heard();
            let approved =
                heard.get(known..).unwrap_or_default().iter().filter(|heard| is_approved(heard) && numbered(heard.number));
            approved.map(|heard| since(heard.ended)).min()
        };
        let is_old = |number: u64| told.iter().any(|heard| heard.number == number);
        let mut asking = JoinSet::new();
        let (approved, told_again) = loop {
            if let (Some(new), Some(old)) = (came(&|number| !is_old(number)), came(&is_old)) {
                break (new, old);
            }
            if since(asker.clock.elapsed()) > APPROVED_WITHIN {
                return Err(Problem::new(format!("stand-in approves nothing within {APPROVED_WITHIN:?} of the start")));
            }
            let (new, old) = (Rc::clone(asker), Rc::clone(asker));
            asking.spawn_local(async move { ask_next(&new).await });
            if let Some(number) = of_old.next() {
                asking.spawn_local(async move { old.ask(number, old.clock.elapsed()).await });
            }
            tokio::time::sleep(ASKED_EVERY).await;
        };
        while asking.join_next().await.is_some() {}
        let heard = asker.heard();
        let declined = heard
            .get(known..)
            .unwrap_or_default()
            .iter()
            .filter(|heard| heard.told == Some(Told::Declined) && !is_old(heard.number) && since(heard.ended) < approved);
        let declined_before = u64::try_from(declined.count()).unwrap_or(u64::MAX);
        Ok(Came { listening, approved, told_again, declined_before })
    }

    /// As platforms do; how many answers were another than before.
    async fn ask_again(&self, asker: &Rc<Asker>, told: &[Heard]) -> u64 {
        let mut otherwise = 0_u64;
        for first in told {
            let second = asker.ask(first.number, asker.clock.elapsed()).await;
            let differs = second.told.is_none() || first.told.is_some() && second.told != first.told;
            otherwise = otherwise.saturating_add(u64::from(differs));
        }
        otherwise
    }
}

async fn ask_next(asker: &Rc<Asker>) -> Heard {
    let number = asker.next.replace(asker.next.get().saturating_add(1));
    asker.ask(number, asker.clock.elapsed()).await
}

fn is_approved(heard: &Heard) -> bool {
    heard.told == Some(Told::Approved)
}

fn wait_of_a_question() -> Duration {
    let [(_, _, deadline_ms), _] = MOUNTS;
    Duration::from_millis(deadline_ms.saturating_sub(RESERVE_MS))
}

/// How much was approved, each question once, by the last answer to it.
fn approved_minor(heard: &[Heard]) -> i64 {
    let mut last: HashMap<u64, &Heard> = HashMap::new();
    for heard in heard.iter().filter(|heard| heard.told.is_some()) {
        last.insert(heard.number, heard);
    }
    last.values().filter(|heard| is_approved(heard)).map(|heard| heard.asked_minor).fold(0, i64::saturating_add)
}

/// Waits until the spool is empty; whether it is, and nothing was set aside.
async fn drained(clock: &Clock, operators: SocketAddr) -> Result<bool, Problem> {
    let until = clock.elapsed().saturating_add(DRAINED_WITHIN);
    let mut quiet = 0_u8;
    while clock.elapsed() < until {
        let page = metrics::fetch(operators, "/metrics").await?;
        let left =
            ["holdfast_spool_entries", "holdfast_projection_lag_records"].map(|name| metrics::sum(&page, name).unwrap_or(0));
        quiet = if left == [0, 0] { quiet.saturating_add(1) } else { 0 };
        if quiet > 2 {
            return Ok(metrics::sum(&page, "holdfast_spool_set_aside") == Some(0));
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
    Ok(false)
}

fn places_of(server: &Server) -> Result<Places, Problem> {
    let ready = &server.ready;
    let (Some(ops_listen), Some(api_listen)) = (ready.ops_listen, ready.api_listen) else {
        return Err(Problem::new("the server's ready line does not tell all of its listeners"));
    };
    Ok(Places { listen: ready.listen, ops_listen, api_listen })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(number: u64, told: Option<Told>) -> Heard {
        let at = Duration::ZERO;
        Heard { number, due: at, sent: at, ended: at, asked_minor: 420, told }
    }

    #[test]
    fn each_question_counts_once_by_its_last_answer() {
        let all = [
            heard(1, Some(Told::Approved)),
            heard(1, Some(Told::Approved)),
            heard(2, Some(Told::Declined)),
            heard(3, None),
            heard(3, Some(Told::Approved)),
            heard(4, Some(Told::Approved)),
            heard(4, None),
        ];
        assert_eq!(approved_minor(&all), 3 * 420);
    }

    #[test]
    fn a_start_that_forgets_or_that_had_its_ledger_is_no_figure() {
        let fine = || Started {
            cards: 2,
            listening_ns: 1,
            approved_ns: 1,
            told_again_ns: 1,
            waited_ns: 1,
            declined_before: 0,
            told_approved: 1,
            told_otherwise: 0,
            stood_in: true,
            approved_minor: 420,
            held_minor: 420,
            is_drained: true,
        };
        assert!(fine().verdict().is_ok());
        assert!(Started { told_otherwise: 1, ..fine() }.verdict().is_err());
        assert!(Started { stood_in: false, ..fine() }.verdict().is_err());
        assert!(Started { is_drained: false, ..fine() }.verdict().is_err());
        assert!(Started { held_minor: 0, ..fine() }.verdict().is_err());
    }
}
