//! `holdfast card-token`: makes the token by which a card is found that comes as a number. It reads the number from standard input
//! and from nowhere else: what stands in arguments or the environment is seen by others.

use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use holdfast_core::ProgramId;
use holdfast_core::card_number::CardNumber;
use zeroize::{Zeroize as _, Zeroizing};

use super::Failure;
use crate::card_numbers::leave_no_core;
use crate::config::{self, Config, Overrides};

const EXAMPLES: &str = "\
Examples:
  holdfast card-token --program demo < number              the number alone, blanks and dashes as you like
  read -rs NUMBER; printf %s \"$NUMBER\" | holdfast card-token --program demo

It needs [card_numbers] in the configuration, whose key makes the token, and asks no server. Put the token as `number_token` into the
instrument (`/v1/instruments/{card}`, or a file for `holdfast import --profiles`): payment doors that take card numbers then find
the card by its number. The token is the program's, and another one with another key.

Exit codes:
  0  done: the token on standard output
  1  not done (the error on standard error, which never has the number)
  2  the command line is not understood";

/// The longest input: a number in groups, and a line end.
const INPUT_BYTES_MAX: u64 = 64;

/// Makes the token of a card's number, which it reads from standard input.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CardToken {
    /// The program whose card it is.
    #[arg(long, value_name = "PROGRAM")]
    program: ProgramId,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    config: PathBuf,
}

impl CardToken {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        leave_no_core().map_err(|error| Failure::Told(format!("core images cannot be turned off: {error}")))?;
        let config = Config::load(&self.config, Overrides::default())?;
        if config.programs.iter().all(|program| program.id != self.program) {
            return Err(Failure::Told(format!("{}: has no program {}", self.config.display(), self.program)));
        }
        let numbers = config.card_numbers.ok_or_else(|| {
            Failure::Told(format!("{}: has no [card_numbers], whose key makes the token", self.config.display()))
        })?;
        let number = read()?.ok_or_else(|| {
            Failure::Told("standard input: is no card number: 13 to 19 digits, the last of which is their check digit".into())
        })?;
        Ok(writeln!(output, "{}", numbers.key.token(&self.program, &number))?)
    }
}

fn read() -> Result<Option<CardNumber>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(INPUT_BYTES_MAX.try_into().unwrap_or(64)));
    let read = io::stdin().lock().take(INPUT_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| Failure::Told(format!("standard input cannot be read: {error}")))?;
    let mut digits: String = text.trim_end().chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
    let number = CardNumber::new(&digits);
    digits.zeroize();
    Ok(number)
}
