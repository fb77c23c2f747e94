//! Finds what was only checked: it is no record, for it moves nothing, and is kept as what its caller wrote. And finds payments by what
//! lasts of theirs.

use holdfast_adapters::payment::roc_of;
use holdfast_core::{AuthorizationId, ProgramId};

use super::error::JournalError;
use super::reader::Reader;
use super::slips::{self, Slip};

impl Reader {
    /// The check of a door, in a program or in any, that goes by its name, or by the number that its caller passes on. All of the
    /// door's are looked through: the number is made of the name, and leads to nothing by itself.
    ///
    /// # Errors
    /// The disk.
    pub fn check_named(&self, door: &str, program: Option<&ProgramId>, name: &str) -> Result<Option<Slip>, JournalError> {
        let disk = JournalError::disk(self.path());
        let is_meant =
            |payment: &str| payment == name || AuthorizationId::new(payment).is_ok_and(|payment| roc_of(&payment) == name);
        slips::first_where(&self.connection, (door, program), is_meant).map_err(disk)
    }

    /// Tells platform, payment and what lasts of each text of a program whose part that lasts has a word. It is no part of the chain.
    ///
    /// # Errors
    /// The disk.
    pub fn lasting_with(
        &self,
        program: &ProgramId,
        word: &str,
        each: &mut dyn FnMut(String, String, &str),
    ) -> Result<(), JournalError> {
        slips::lasting_with(&self.connection, (program, word), each).map_err(JournalError::disk(self.path()))
    }
}
