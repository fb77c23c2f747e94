//! The `holdfast` binary: arguments to subcommand. Everything it does is in the library.

use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

/// Counts heap allocations, for the benchmark build only: `holdfast_heap_allocations_total`.
#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_bug));
    holdfast::command::main()
}

/// Says where a bug is, and nothing of what it was about: a panic's message may hold what a caller sent.
fn report_bug(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    // Without standard error the metric `holdfast_panics_total` still tells.
    let _ = writeln!(std::io::stderr(), "a bug, caught: panic at {place}; please report it");
}
