//! A server is killed with many holds under way and started again: how long until it listens, until it answers from stand-in,
//! until it is ready; and whether it still holds what it approved.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::drive::{self, Load, Run};
use crate::figures::bench::Bench;
use crate::figures::contender::{self, Contender};
use crate::figures::setup::Setting;
use crate::figures::{ledger, metrics};
use crate::problem::Problem;
use crate::process::{Memory, Server, Starting};
use crate::progress;
use crate::report::{Form, nanos};
use crate::scale::{SYNC, step};

/// How long callbacks are sent before the holds are counted.
const SLICE: Duration = Duration::from_millis(500);
/// How long between two attempts to connect.
const TRIED_EVERY: Duration = Duration::from_millis(1);
/// How long a server may take to listen.
const LISTENING_MAX: Duration = Duration::from_secs(60);

/// What was measured. Times count from the moment before the program is started.
#[derive(Debug, Clone, Serialize)]
pub struct Restart {
    /// Holds under way when it was killed.
    pub holds_open: u64,
    /// Records that the journal had then and the projection had not.
    pub records_not_projected: u64,
    /// Until a connection was taken.
    pub listening_ns: u64,
    /// Until `/healthz` was answered.
    pub healthy_ns: u64,
    /// From the sending of the first callback to its answer. A server that starts keeps it waiting, as its ledger may know the
    /// answer in time, and stands in shortly before the platform's deadline.
    pub answer_took_ns: u64,
    /// The platform's deadline.
    pub deadline_ns: u64,
    /// Whether that answer was stand-in's, for the cause Starting; if not, the ledger was quicker.
    pub stood_in_while_starting: bool,
    /// Until the ready line.
    pub ready_ns: u64,
    /// What it takes when it is ready.
    pub memory: Memory,
    /// How much was approved before, and is held after, in minor units.
    pub approved_minor: i64,
    pub held_minor: i64,
}

/// What came while it started.
struct Probed {
    listening: Duration,
    healthy: Duration,
    answer_took: Duration,
    stood_in: bool,
    approved_minor: i64,
}

/// Fills a ledger, kills its server, and starts it again.
///
/// # Errors
/// A server does not start, or stops answering.
pub async fn measure(setting: &Setting, bench: &Bench, holds: u64, form: Form) -> Result<Restart, Problem> {
    let starting = Contender::holdfast(setting, bench, SYNC);
    let mut contender = step(form, "restart: importing accounts and cards", starting).await?;
    let holds_open = place_holds(&mut contender, holds, form).await?;
    let records_not_projected = metrics::not_projected(contender.counters()).await?;
    let (places, approved_before) = (contender.places()?, contender.approved_minor);
    contender.kill().await?;

    // Prepared before, so that it costs none of the time.
    let load = contender::load(places.listen, setting, bench)?;
    let deadline = load.patience.deadline;
    let clock = Clock::start();
    let command = bench.serve_at(&setting.holdfast, SYNC, places);
    let again = Starting::start(command, &bench.path("restarted.log"), setting.cores)?;
    let ready = async {
        let server = again.ready(setting.ready_max).await?;
        Ok::<_, Problem>((server, clock.elapsed()))
    };
    let probing = probe(&clock, &load, places.ops_listen);
    let (ready, probed) = step(form, "restart: starting again", async { tokio::join!(ready, probing) }).await;
    let ((server, ready), probed) = (ready?, probed?);
    let memory = server.memory()?;
    let held_minor = step(form, "restart: counting what is held", ledger::held_total(bench, &setting.holdfast, SYNC)).await?;
    stop(server, form).await?;
    Ok(Restart {
        holds_open,
        records_not_projected,
        listening_ns: nanos(probed.listening),
        healthy_ns: nanos(probed.healthy),
        answer_took_ns: nanos(probed.answer_took),
        deadline_ns: nanos(deadline),
        stood_in_while_starting: probed.stood_in,
        ready_ns: nanos(ready),
        memory,
        approved_minor: approved_before.saturating_add(probed.approved_minor),
        held_minor,
    })
}

async fn stop(server: Server, form: Form) -> Result<(), Problem> {
    step(form, "restart: stopping", server.stop()).await
}

/// Lets callbacks be approved at full speed until so many are; how many were.
async fn place_holds(contender: &mut Contender, holds: u64, form: Form) -> Result<u64, Problem> {
    let bar = progress::counting(form, "restart: placing holds", holds);
    // The one that showed that it approves.
    let mut placed = 1_u64;
    while placed < holds {
        let approved = contender.warm_up(SLICE).await?;
        if approved == 0 {
            return Err(Problem::new("nothing is approved any more; are the accounts used up?"));
        }
        placed = placed.saturating_add(approved);
        bar.set_position(placed);
    }
    bar.finish_and_clear();
    Ok(placed)
}

/// Connects, asks for the server's health, and sends one callback, each as soon as it can be.
async fn probe(clock: &Clock, load: &Rc<Load>, operators: SocketAddr) -> Result<Probed, Problem> {
    while TcpStream::connect(load.address).await.is_err() {
        if clock.elapsed() > LISTENING_MAX {
            return Err(Problem::new("the restarted server does not listen"));
        }
        tokio::time::sleep(TRIED_EVERY).await;
    }
    let listening = clock.elapsed();
    metrics::fetch(load.address, "/healthz").await?;
    let healthy = clock.elapsed();
    let run = Run::start(load)?;
    let tally = drive::once(&run).await;
    let answer_took = clock.elapsed().saturating_sub(healthy);
    if tally.answered() == 0 {
        let why = tally.first_missing.unwrap_or_default();
        return Err(Problem::new(format!("the restarted server does not answer a callback: {why}")));
    }
    let page = metrics::fetch(operators, "/metrics").await?;
    let stood_in = metrics::sum_of(&page, "holdfast_stand_ins_total", "cause=\"starting\"").is_some_and(|count| count > 0);
    Ok(Probed { listening, healthy, answer_took, stood_in, approved_minor: tally.approved_minor })
}
