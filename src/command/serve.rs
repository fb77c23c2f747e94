//! `holdfast serve`: reads the configuration and hands it to the application.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::app::{self, Signals, Stopped};
use crate::card_numbers;
use crate::config::{self, Config, Overrides};

const EXAMPLES: &str = "\
Examples:
  holdfast serve                                          the demo: callbacks on 127.0.0.1:8080, management API on :8081,
                                                          operators on :9090
  holdfast serve --config /etc/holdfast/holdfast.toml --data /var/lib/holdfast
  holdfast serve --listen 127.0.0.1:0                     a free port; the ready line tells which

It listens at once, says on standard error where, and answers from stand-in until the ledger has its state and the rules are in
force. Once it is ready, which in an outage is when that is over, it prints one line of JSON, and nothing else, on standard output:
  {\"api_listen\":\"127.0.0.1:8081\",\"listen\":\"127.0.0.1:8080\",\"ops_listen\":\"127.0.0.1:9090\"}
With [card_numbers] it also has \"card_numbers_listen\"; the process then begins itself anew once, with memory that is overwritten when
it is let go of (glibc), and leaves no core image.

SIGTERM and SIGINT drain: answers that are owed are given, then it exits with 0; with 1 if the ledger's disk hangs for longer than
server.stop_seconds_max.
SIGHUP reads credentials, the management API's tokens, certificate and key again, also before the ledger is ready.

Exit codes:
  0  drained
  1  could not start, or not close the ledger in time (every error on standard error)
  2  the command line is not understood";

/// What it is called on the command line.
pub(super) const NAME: &str = "serve";

/// Answers callbacks until it is told to stop.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    config: PathBuf,
    /// The data directory, over ledger.data.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where platforms call, over server.listen.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where operators look, over server.ops_listen.
    #[arg(long, value_name = "ADDR")]
    ops_listen: Option<SocketAddr>,
    /// Where the management API listens, over api.listen.
    #[arg(long, value_name = "ADDR")]
    api_listen: Option<SocketAddr>,
}

impl Serve {
    /// The configuration that the arguments name, and what they put over it.
    pub(super) fn config(self) -> (PathBuf, Overrides) {
        let Serve { config, data, listen, ops_listen, api_listen } = self;
        (config, Overrides { listen, ops_listen, api_listen, data })
    }

    pub(super) fn run(self, signals: io::Result<Signals>) -> Result<(), Failure> {
        let signals = signals.map_err(|error| Failure::Told(format!("signals cannot be heard: {error}")))?;
        let (path, overrides) = self.config();
        let config = Config::load(&path, overrides)?;
        if config.card_numbers.is_some() {
            let not_begun = |error| Failure::Told(format!("memory that had card numbers would not be overwritten: {error}"));
            card_numbers::begin_overwriting().map_err(not_begun)?;
        }
        if config.card_numbers.is_some() || config.has_payment_door() {
            let not_off =
                |error| Failure::Told(format!("core images, which may have card numbers, cannot be turned off: {error}"));
            card_numbers::leave_no_core().map_err(not_off)?;
        }
        start(config, signals)
    }
}

/// Nobody who waits for the line hears it if it cannot be written: that is told, and the server goes on.
fn tell_ready(line: &str, output: &mut dyn io::Write, errors: &mut dyn io::Write) {
    if let Err(error) = writeln!(output, "{line}").and_then(|()| output.flush()) {
        // With standard error gone too, nobody is left to tell.
        let _ = writeln!(errors, "the ready line cannot be written to standard output ({error}), and the server goes on: {line}");
    }
}

/// The one call into the application.
fn start(config: Config, signals: Signals) -> Result<(), Failure> {
    let stop_max = config.server.stop_max;
    let stopped = app::serve(config, signals, |listening| {
        // Nothing else ever goes to standard output.
        let mut line = serde_json::json!({
            "listen": listening.callbacks.to_string(),
            "ops_listen": listening.operators.to_string(),
            "api_listen": listening.api.to_string(),
        });
        if let (Some(address), Some(members)) = (listening.card_numbers, line.as_object_mut()) {
            members.insert("card_numbers_listen".to_owned(), address.to_string().into());
        }
        tell_ready(&line.to_string(), &mut io::stdout(), &mut io::stderr());
    });
    match stopped.map_err(Failure::told)? {
        Stopped::Drained => Ok(()),
        Stopped::CutShort => Err(Failure::told(format!(
            "the ledger's disk or database did not answer within {} s of the signal (server.stop_seconds_max), so the process ends \
             without it; everything that was approved is durable, and the next start reads it again",
            stop_max.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_ready_line_that_cannot_be_written_is_told_where_errors_are() {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        tell_ready("{}", &mut output, &mut errors);
        assert_eq!((output.as_slice(), errors.as_slice()), (b"{}\n".as_slice(), b"".as_slice()));
        tell_ready("{}", &mut Full, &mut errors);
        let told = String::from_utf8(errors).unwrap();
        assert!(told.starts_with("the ready line cannot be written to standard output") && told.ends_with(": {}\n"), "{told}");
    }
}
