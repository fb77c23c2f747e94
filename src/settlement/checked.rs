//! What payments are called besides by the check before them: the number that our pre-auth answers, and that a caller passes on with its
//! payment. The journal's records have none of it; what is kept beside them of what callers wrote has. Sums nothing.

use std::collections::{HashMap, HashSet};

use holdfast_adapters::payment::{ROC, is_roc};
use holdfast_core::ProgramId;
use serde_json::Value;

use super::day::{Day, Movement};
use crate::journal::{JournalError, Reader};
use crate::remnant::Remnant;

/// The numbers of checks by platform and payment.
#[derive(Debug, Default)]
pub struct Checked {
    numbers: HashMap<(String, String), String>,
}

impl Checked {
    /// Those of a program that are sought. Nothing is looked through where nothing sought could be one.
    ///
    /// # Errors
    /// The disk.
    pub fn among(reader: &Reader, program: &ProgramId, sought: &HashSet<String>) -> Result<Self, JournalError> {
        let mut numbers = HashMap::new();
        if sought.iter().any(|name| is_roc(name)) {
            reader.lasting_with(program, ROC, &mut |platform, payment, lasting| {
                if let Some(number) = number_in(lasting).filter(|number| sought.contains(number)) {
                    numbers.insert((platform, payment), number);
                }
            })?;
        }
        Ok(Checked { numbers })
    }

    /// The payments' own names.
    pub fn payments(&self) -> impl Iterator<Item = &String> {
        self.numbers.keys().map(|(_, payment)| payment)
    }

    /// Tells a day's movements, and what was sought of other days.
    pub fn tell(&self, day: &mut Day) {
        let elsewhere = day.elsewhere.iter_mut().map(|(_, movement)| movement);
        for movement in day.movements.iter_mut().chain(elsewhere) {
            let Some(number) = self.number_of(movement) else { continue };
            if movement.payment.is_empty() {
                // What it is called in reports stays what it was.
                movement.payment.extend(movement.names.first().cloned());
            }
            movement.payment.push(number);
        }
    }

    fn number_of(&self, movement: &Movement) -> Option<String> {
        let platform = movement.platform.as_ref().filter(|_| !self.numbers.is_empty())?.to_string();
        movement.called().find_map(|name| self.numbers.get(&(platform.clone(), name.to_owned()))).cloned()
    }
}

/// The number in what is kept of a text.
fn number_in(lasting: &str) -> Option<String> {
    let remnant: Remnant = serde_json::from_str(lasting).ok()?;
    let text: Value = serde_json::from_str(&remnant.text).ok()?;
    text.get("data")?.get(ROC)?.as_str().map(str::to_owned)
}
