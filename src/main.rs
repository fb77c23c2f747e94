//! The `holdfast` binary: arguments to subcommand. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    holdfast::command::main()
}
