//! The progress bar, on standard error; hidden where nobody looks. It only reads a run.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::drive::Run;
use crate::report::Form;

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(250);

/// Shows a run until `work`, which drives it, is done.
pub async fn show<T>(run: &Rc<Run>, length: Duration, form: Form, work: impl Future<Output = T>) -> T {
    let bar = match form {
        Form::Table => ProgressBar::new(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
        Form::Json => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {msg}") {
        bar.set_style(style);
    }
    let mut work = pin!(work);
    loop {
        let (due, missing, late) = run.so_far();
        bar.set_position(u64::try_from(run.elapsed().as_millis()).unwrap_or(u64::MAX));
        bar.set_message(format!("{due} requests, {missing} missing, {late} late"));
        if let Ok(done) = tokio::time::timeout(TICK, &mut work).await {
            bar.finish_and_clear();
            return done;
        }
    }
}
