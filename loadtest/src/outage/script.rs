//! The order of events of one run: a ledger that works, one that hangs, one that comes back, one that hangs again, a kill in the
//! middle of that, a restart; and then the questions to the data directory.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use holdfast_adapters::{Callback, Inbound};
use holdfast_core::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::figures::bench::Places;
use crate::figures::contender;
use crate::figures::metrics;
use crate::figures::setup::Setting;
use crate::outage::asking::{Asker, Heard};
use crate::outage::compare::{Answered, Compared};
use crate::outage::grounds;
use crate::outage::holds::Holds;
use crate::outage::phases::{
    BREAKER_OPENS, Moments, grounds_by_time, is_cut_off, is_unserved, late_by_phase, latencies, moments,
};
use crate::outage::report::{self, Drain, Findings};
use crate::outage::stage::{self, MOUNTS, Stage};
use crate::problem::Problem;
use crate::process::{Server, Starting};
use crate::progress;
use crate::recognition::Told;
use crate::report::Form;

/// Over how many connections the capacity is found.
const CONNECTIONS: usize = 64;
const WARMING: Duration = Duration::from_secs(2);
/// A run takes at least so long: a breaker needs time to open, and a server to start.
const RUN_SECONDS_MIN: u64 = 10;
/// How often the server's gauges are read.
pub const LOOKED_EVERY: Duration = Duration::from_millis(50);
/// How long the spool may take in the end.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);
/// How many told answers are asked for again, beside those that were cut off.
const ASKED_AGAIN: usize = 1000;
/// How many questions are asked again at once.
const AT_ONCE: usize = 16;

/// One run.
pub struct Script<'a> {
    pub setting: &'a Setting,
    pub stage: &'a Stage,
    pub callbacks: u64,
    pub rate: Option<NonZeroU32>,
    pub form: Form,
}

/// What happened to the server meanwhile.
struct Events {
    server: Server,
    /// When its kill began, and when it took connections again.
    killed: Duration,
    back: Duration,
    drain: Drain,
    exposure_seen_max: i64,
}

/// The gauges that are watched.
struct Gauges {
    spooled: u64,
    aside: u64,
    exposure: i64,
    not_projected: u64,
}

impl Gauges {
    async fn read(operators: SocketAddr) -> Result<Self, Problem> {
        let page = metrics::fetch(operators, "/metrics").await?;
        let gauge =
            |name: &str| metrics::sum(&page, name).ok_or_else(|| Problem::new(format!("the server does not tell {name}")));
        Ok(Gauges {
            spooled: gauge("holdfast_spool_entries")?,
            aside: gauge("holdfast_spool_set_aside")?,
            exposure: i64::try_from(gauge("holdfast_stand_in_exposure_minor")?).unwrap_or(i64::MAX),
            // The shared ledger has no projection.
            not_projected: metrics::sum(&page, "holdfast_projection_lag_records").unwrap_or(0),
        })
    }
}

impl Script<'_> {
    /// Plays it.
    ///
    /// # Errors
    /// A server does not start, or does not tell what it is asked.
    pub async fn play(&self) -> Result<Findings, Problem> {
        let clock = Clock::start();
        let server = self.start_server(None).await?;
        let places = places_of(&server)?;
        let askers = self.askers(&clock, places.listen)?;
        let capacity = progress::wait(self.form, "warming the server up", self.warm_up(&askers)).await?;
        let warmed: Vec<usize> = askers.iter().map(|asker| asker.heard().len()).collect();
        let rate = self.rate_of(capacity)?;
        let moments = moments(&clock, self.callbacks, rate);
        let events = {
            let asking = async {
                self.ask_all(&askers, moments.start, rate).await;
                Ok(())
            };
            let playing = async { tokio::try_join!(asking, self.happen(&clock, server, places, moments, &askers)) };
            progress::wait(self.form, "the outage", playing).await?.1
        };
        let is_drained = progress::wait(self.form, "draining the spool", self.drained(&clock, places.ops_listen)).await?;
        let heard: Vec<Vec<Heard>> = askers.iter().map(|asker| asker.heard()).collect();
        let (again, retold, cut_off) = self.ask_again(&clock, &askers, &heard, &events).await;
        self.drained(&clock, places.ops_listen).await?;
        let holds = progress::wait(self.form, "reading the holds", Holds::read(places.api_listen)).await?;
        let events_at = (events.killed, events.back);
        events.server.stop().await?;
        self.prove_journal().await?;
        let (answered, grounds_unknown) = self.answers(&askers, &heard, &again, moments, events.killed)?;
        let runs: Vec<Vec<Heard>> =
            heard.iter().zip(warmed).map(|(all, warmed)| all.get(warmed..).unwrap_or_default().to_vec()).collect();
        // What was sent while there was no process waits in the kernel, whoever answers it in the end.
        let served: Vec<Vec<Heard>> = runs
            .iter()
            .map(|heard| heard.iter().filter(|heard| !is_unserved(heard, events_at.0, events_at.1)).copied().collect())
            .collect();
        let all = || runs.iter().flatten();
        let missing = |heard: &&Heard| match heard.told {
            Some(Told::Approved | Told::Declined) => false,
            Some(Told::Refused) => true,
            None => !is_cut_off(heard, events.killed, events.back),
        };
        Ok(Findings {
            callbacks: count(all().count()),
            rate: rate.get(),
            capacity,
            late: MOUNTS
                .iter()
                .zip(&served)
                .map(|((_, _, ms), heard)| (*ms, report::late(heard, Duration::from_millis(*ms))))
                .collect(),
            late_by_phase: late_by_phase(&served, moments, events_at),
            no_process: events_at.1.saturating_sub(events_at.0),
            missing: count(all().filter(missing).count()),
            first_missing: askers.iter().find_map(|asker| asker.first_missing()),
            cut_off,
            retold,
            asked_again: count(again.len()),
            grounds_unknown,
            compared: Compared::of(&answered, &holds, stage::CARD_COUNT_MAX),
            exposure_seen_max: events.exposure_seen_max,
            healthy: latencies(&runs, moments.start, moments.hangs),
            open: latencies(&runs, moments.hangs.saturating_add(BREAKER_OPENS), moments.comes_back),
            sent_late_max: all().map(|heard| heard.sent.saturating_sub(heard.due)).max().unwrap_or_default(),
            drain: events.drain,
            is_drained,
        })
    }

    async fn start_server(&self, places: Option<Places>) -> Result<Server, Problem> {
        self.starting(places)?.ready(self.setting.ready_max).await
    }

    fn starting(&self, places: Option<Places>) -> Result<Starting, Problem> {
        let log = if places.is_some() { "restarted.log" } else { "holdfast.log" };
        let command = self.stage.serve(&self.setting.holdfast, places)?;
        Starting::start(command, &self.stage.path(log), self.setting.cores)
    }

    fn askers(&self, clock: &Clock, address: SocketAddr) -> Result<Vec<Rc<Asker>>, Problem> {
        let mut askers = Vec::new();
        for (place, (platform, mount, _)) in (0_u64..).zip(MOUNTS) {
            let callbacks =
                contender::callbacks(address, (platform, mount), self.setting.approve_per_mille, self.stage.bench.population())?;
            // Far enough apart that no key comes twice.
            let first = place.saturating_mul(1 << 40);
            askers.push(Asker::new(clock, address, callbacks, first)?);
        }
        Ok(askers)
    }

    /// Until the server approves, and then at full speed; how many answers a second it gives.
    async fn warm_up(&self, askers: &[Rc<Asker>]) -> Result<u64, Problem> {
        let Some(asker) = askers.last() else { return Ok(0) };
        for _ in 0..600_u32 {
            let number = asker.next.replace(asker.next.get().saturating_add(1));
            if asker.ask(number, asker.clock.elapsed()).await.told == Some(Told::Approved) {
                asker.closed(CONNECTIONS, WARMING).await;
                return Ok(asker.closed(CONNECTIONS, WARMING).await);
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        Err(Problem::new("holdfast serves but approves nothing; run with --keep and look at its log"))
    }

    fn rate_of(&self, capacity: u64) -> Result<NonZeroU32, Problem> {
        if let Some(rate) = self.rate {
            return Ok(rate);
        }
        let rate = (capacity / 2).min(self.callbacks / RUN_SECONDS_MIN);
        let rate = u32::try_from(rate).ok().and_then(NonZeroU32::new);
        rate.ok_or_else(|| Problem::new("there are too few callbacks, or the server answers too few"))
    }

    /// The mounts take turns: each one has its part of the rate.
    async fn ask_all(&self, askers: &[Rc<Asker>], start: Duration, rate: NonZeroU32) {
        let mounts = u32::try_from(askers.len()).unwrap_or(1);
        let each = rate.get().checked_div(mounts).and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let count = self.callbacks.checked_div(u64::from(mounts)).unwrap_or(self.callbacks);
        let mut asking = tokio::task::JoinSet::new();
        for asker in askers {
            asking.spawn_local(Rc::clone(asker).open(start, each, count));
        }
        while asking.join_next().await.is_some() {}
    }

    /// What befalls the server.
    async fn happen(
        &self,
        clock: &Clock,
        server: Server,
        places: Places,
        moments: Moments,
        askers: &[Rc<Asker>],
    ) -> Result<Events, Problem> {
        let mut exposure_seen_max = 0;
        clock.wait_until(moments.hangs).await;
        self.stage.hang()?;
        while clock.elapsed() < moments.comes_back {
            exposure_seen_max = Gauges::read(places.ops_listen).await?.exposure.max(exposure_seen_max);
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        let entries = Gauges::read(places.ops_listen).await?.spooled;
        self.stage.let_go()?;
        let began = clock.elapsed();
        let mut emptied = None;
        while clock.elapsed() < moments.hangs_again {
            let gauges = Gauges::read(places.ops_listen).await?;
            exposure_seen_max = gauges.exposure.max(exposure_seen_max);
            if gauges.spooled == 0 {
                emptied.get_or_insert(clock.elapsed());
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        let took = emptied.unwrap_or(clock.elapsed()).saturating_sub(began);
        let left = if emptied.is_some() { 0 } else { Gauges::read(places.ops_listen).await?.spooled };
        let drain = Drain { entries, left, took };
        self.stage.hang()?;
        while clock.elapsed() < moments.killed {
            exposure_seen_max = Gauges::read(places.ops_listen).await?.exposure.max(exposure_seen_max);
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        let killed = clock.elapsed();
        // Not waited for: answers that it wrote before are still on their way to whoever asked.
        server.kill().await?;
        askers.iter().for_each(|asker| asker.forget_connections());
        self.stage.let_go()?;
        let starting = self.starting(Some(places))?;
        while tokio::net::TcpStream::connect(places.listen).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let back = clock.elapsed();
        let server = starting.ready(self.setting.ready_max).await?;
        Ok(Events { server, killed, back, drain, exposure_seen_max })
    }

    /// Waits until the ledger has heard everything and the projection has followed it.
    async fn drained(&self, clock: &Clock, operators: SocketAddr) -> Result<bool, Problem> {
        let until = clock.elapsed().saturating_add(DRAINED_WITHIN);
        let mut quiet = 0_u8;
        while clock.elapsed() < until {
            let gauges = Gauges::read(operators).await?;
            quiet = if gauges.spooled == 0 && gauges.not_projected == 0 { quiet.saturating_add(1) } else { 0 };
            if quiet > 2 {
                return Ok(gauges.aside == 0);
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        Ok(false)
    }

    /// As platforms do: what was cut off is asked again, and some of what was told, too. What each question heard then, how many
    /// heard another answer than before or none, and how many had been cut off.
    async fn ask_again(
        &self,
        clock: &Clock,
        askers: &[Rc<Asker>],
        heard: &[Vec<Heard>],
        events: &Events,
    ) -> (HashMap<u64, Option<Told>>, u64, u64) {
        let (mut again, mut retold, mut cut_off) = (HashMap::new(), 0_u64, 0_u64);
        for (asker, heard) in askers.iter().zip(heard) {
            let every = heard.len().checked_div(ASKED_AGAIN).unwrap_or(1).max(1);
            let wanted = heard.iter().enumerate().filter(|(place, heard)| heard.told.is_none() || place.is_multiple_of(every));
            let wanted: Vec<Heard> = wanted.map(|(_, heard)| *heard).collect();
            for some in wanted.chunks(AT_ONCE) {
                let asking = some.iter().map(|first| {
                    let (asker, first, now) = (Rc::clone(asker), *first, clock.elapsed());
                    tokio::task::spawn_local(async move { (first, asker.ask(first.number, now).await) })
                });
                for asked in asking.collect::<Vec<_>>() {
                    let Ok((first, second)) = asked.await else { continue };
                    let differs = second.told.is_none() || first.told.is_some() && first.told != second.told;
                    retold = retold.saturating_add(u64::from(differs));
                    cut_off = cut_off.saturating_add(u64::from(is_cut_off(&first, events.killed, events.back)));
                    again.insert(first.number, second.told);
                }
            }
        }
        (again, retold, cut_off)
    }

    async fn prove_journal(&self) -> Result<(), Problem> {
        let what = "proving the journal (holdfast journal verify)";
        let mut command = self.stage.command(&self.setting.holdfast, &["journal", "verify"]);
        let output = command.kill_on_drop(true).output().await.map_err(Problem::doing(what))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Problem::new(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }

    /// Every question with its last answer, and on what grounds that was given; how often the grounds were not written.
    fn answers(
        &self,
        askers: &[Rc<Asker>],
        heard: &[Vec<Heard>],
        again: &HashMap<u64, Option<Told>>,
        moments: Moments,
        killed: Duration,
    ) -> Result<(Vec<Answered>, u64), Problem> {
        let known = grounds::read(&self.stage.telemetry())?;
        let (mut answers, mut unknown, mut met) = (Vec::new(), 0_u64, HashSet::new());
        for (asker, heard) in askers.iter().zip(heard) {
            for first in heard.iter().filter(|heard| met.insert(heard.number)) {
                let (payment, key_sha256) = names(asker, first)?;
                let told = first.told.or_else(|| again.get(&first.number).copied().flatten());
                let grounds = known.get(&key_sha256).copied().unwrap_or_else(|| {
                    unknown = unknown.saturating_add(1);
                    grounds_by_time(first, moments, killed)
                });
                let (card, asked_minor) = (asker.callbacks.card_of(first.number), first.asked_minor);
                answers.push(Answered { payment, card, asked_minor, told, grounds });
            }
        }
        Ok((answers, unknown))
    }
}

fn places_of(server: &Server) -> Result<Places, Problem> {
    let ready = &server.ready;
    let (Some(ops_listen), Some(api_listen)) = (ready.ops_listen, ready.api_listen) else {
        return Err(Problem::new("the server's ready line does not tell all of its listeners"));
    };
    Ok(Places { listen: ready.listen, ops_listen, api_listen })
}

/// The platform's name of a callback's payment, and the digest of its key, as the adapter reads them.
fn names(asker: &Asker, heard: &Heard) -> Result<(String, String), Problem> {
    let amount = asker.callbacks.amounts().first().copied().ok_or_else(|| Problem::new("there are no amounts"))?;
    let caller = asker.callbacks.caller();
    let rendered = asker.callbacks.unsent(heard.number, amount, Timestamp::EPOCH);
    let callback = Callback { route: rendered.route, segment: "", query: "", headers: &rendered.headers, body: &rendered.body };
    let authentic = caller.adapter.verify(callback, &caller.keyring, Timestamp::EPOCH);
    let authentic =
        authentic.map_err(|refusal| Problem::new(format!("the adapter refuses its own proof: {}", refusal.name())))?;
    match caller.adapter.decode(&authentic).map_err(Problem::doing("decoding the adapter's own sample"))? {
        Inbound::Authorization(call) => {
            let key = Sha256::digest(call.request.key.as_str());
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok((call.request.payments().0.authorization.to_string(), key))
        }
        Inbound::Balance(_)
        | Inbound::Notification { .. }
        | Inbound::Handshake { .. }
        | Inbound::Payment(_)
        | Inbound::Authenticated(_)
        | Inbound::Order(_)
        | Inbound::Look(_)
        | Inbound::List(_)
        | Inbound::Check(_)
        | Inbound::Fetch(_) => Err(Problem::new("the adapter's sample is no authorization")),
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
