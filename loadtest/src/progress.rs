//! Progress bars, on standard error; hidden where nobody looks. They only read what they show.

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

/// Shows what is waited for, and for how long already.
pub async fn wait<T>(form: Form, name: &str, work: impl Future<Output = T>) -> T {
    let spinner = match form {
        Form::Table => ProgressBar::new_spinner(),
        Form::Json => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.set_message(name.to_owned());
    let mut work = pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(TICK, &mut work).await {
            spinner.finish_and_clear();
            return done;
        }
        spinner.tick();
    }
}

/// A bar that somebody else moves, up to so many.
pub fn counting(form: Form, name: &str, total: u64) -> ProgressBar {
    let bar = match form {
        Form::Table => ProgressBar::new(total),
        Form::Json => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {human_pos} of {human_len}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}
