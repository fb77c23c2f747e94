//! The `holdfast` binary: arguments to subcommand. Everything it does is in the library.

fn main() {}
