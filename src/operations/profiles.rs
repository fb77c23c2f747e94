//! Merchants and instruments, brought in from a file: all that it has, or nothing of it.

use std::sync::Arc;

use holdfast_core::ProgramId;

use super::{Desk, refused};
use crate::clock;
use crate::control::OperationError;
use crate::control::protocol::{ImportProfiles, ProfilesSummary};
use crate::profiles::{Profile, file};

impl Desk {
    /// Reads a file's text and keeps what it says.
    pub(super) async fn bring_profiles_in(&self, import: ImportProfiles) -> Result<ProfilesSummary, OperationError> {
        let ImportProfiles { program, file, text } = import;
        let home = self.counter(program)?.home;
        let read = file::read(&file, &text, home.currency).map_err(refused)?;
        let mut summary = ProfilesSummary::default();
        for profile in &read {
            let count = match profile {
                Profile::Merchant(_) => &mut summary.merchants,
                Profile::Instrument(_) => &mut summary.instruments,
            };
            *count = count.saturating_add(1);
        }
        let profiles =
            self.profiles.clone().ok_or_else(|| OperationError::Unavailable("there is no data directory".to_owned()))?;
        // A disk may take its time; whoever answers beside this does not wait for it.
        let put = tokio::task::spawn_blocking(move || profiles.put(program, &read, clock::utc())).await;
        match put {
            Ok(Ok(())) => Ok(summary),
            Ok(Err(error)) => Err(OperationError::Unavailable(error.to_string())),
            Err(_) => Err(OperationError::Unavailable("keeping them met a bug".to_owned())),
        }
    }

    /// Whether a program has merchants or instruments.
    #[must_use]
    pub fn has_profiles(&self, program: ProgramId) -> bool {
        self.profiles.as_ref().is_some_and(|profiles: &Arc<_>| profiles.has_any(program))
    }
}
