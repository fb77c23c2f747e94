//! One line an authentic callback, for whoever wants to look at single answers: what was said, on what grounds, and where the time went.
//!
//! The responder's guard leaves a [`Record`] in a bounded queue and goes on; a thread of its own writes the lines. Nothing ever
//! waits for it: when the queue is full, or the file cannot be written, records are dropped and counted. A crash may lose what
//! is in the queue. There is no card number, name, secret or raw key in a line, because there is none in a record's text.

mod file;
mod record;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use self::file::BoundedFile;
pub use self::record::{Kind, Record, Said};
use crate::metrics::Metrics;
use crate::second_place::take_second_place;

/// The most records that wait to be written; a record has about 400 bytes.
const QUEUE_RECORDS_MAX: usize = 8192;
/// As soon as so many bytes are gathered they are written.
const BATCH_BYTES_MAX: usize = 64 * 1024;
/// How long records gather before they are written: the queue has room for what comes meanwhile.
const GATHERING: Duration = Duration::from_millis(10);

/// Where records are left. One value a process, shared by the workers; the writing ends when it is gone.
#[derive(Debug)]
pub struct Telemetry {
    queue: SyncSender<Record>,
    metrics: Arc<Metrics>,
}

impl Telemetry {
    /// Leaves a record, or counts it as dropped if there is no room. Never waits.
    pub fn leave(&self, record: Record) {
        if self.queue.try_send(record).is_err() {
            self.metrics.telemetry.dropped(1);
        }
    }

    fn with_room_for(records: usize, metrics: Arc<Metrics>) -> (Self, Receiver<Record>) {
        let (queue, waiting) = sync_channel(records);
        (Telemetry { queue, metrics }, waiting)
    }
}

/// The thread that writes, running.
pub struct Writing(JoinHandle<()>);

impl Writing {
    /// Waits until everything that was left is written. Whoever can leave something must be gone by then. Blocks.
    pub fn finish(self) {
        // A thread that panicked has nothing left to write.
        let _ = self.0.join();
    }
}

/// Opens the file, behind what it holds already, and starts the thread that writes to it. `say` tells the operator.
///
/// # Errors
/// The file cannot be opened, or there can be no further thread.
pub fn start(
    path: &Path,
    bytes_max: u64,
    metrics: Arc<Metrics>,
    say: impl Fn(&str) + Send + 'static,
) -> std::io::Result<(Telemetry, Writing)> {
    let file = BoundedFile::open(path, bytes_max)?;
    let (telemetry, waiting) = Telemetry::with_room_for(QUEUE_RECORDS_MAX, Arc::clone(&metrics));
    let thread = std::thread::Builder::new().name("telemetry".to_owned());
    let write = move || {
        take_second_place();
        write_all(&waiting, file, &metrics, say);
    };
    let thread = thread.spawn(write)?;
    Ok((telemetry, Writing(thread)))
}

/// Writes what waits, as much at once as there is, until nobody can leave anything any more.
fn write_all(waiting: &Receiver<Record>, mut file: BoundedFile, metrics: &Metrics, say: impl Fn(&str)) {
    let mut lines = Vec::with_capacity(BATCH_BYTES_MAX);
    let mut failing = false;
    while let Ok(first) = waiting.recv() {
        // Whoever leaves a record wakes whoever waits for one, which costs it more than everything else that it does here: others may gather.
        std::thread::sleep(GATHERING);
        let mut next = Some(first);
        while next.is_some() {
            lines.clear();
            let mut count = 0_u64;
            while lines.len() < BATCH_BYTES_MAX
                && let Some(record) = next
            {
                record.write_line(&mut lines);
                count = count.saturating_add(1);
                next = waiting.try_recv().ok();
            }
            match file.append(&lines) {
                Ok(()) => failing = false,
                Err(error) => {
                    metrics.telemetry.dropped(count);
                    // Once a failure, not once a batch: a full disk stays full for a while.
                    if !failing {
                        say(&format!("telemetry is dropped: {} cannot be written: {error}", file.path().display()));
                    }
                    failing = true;
                }
            }
        }
    }
}
