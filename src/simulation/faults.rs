//! What goes wrong: groups that are not written or in doubt, logs that cannot be opened, and the process that dies.

use super::model::GivenUp;
use super::world::{Checked, World};
use crate::journal::{Crash, Fault};
use crate::ledger::embedded::engine::Writable;

/// What became of a group whose commit failed.
pub enum Doubt {
    /// Nothing is in doubt.
    None,
    /// It is not on the disk; its declines are owed.
    NotThere,
    /// It is there, and nobody knows.
    There(GivenUp),
    /// It is not, but the record of its declines is, and nobody knows.
    OnlyDeclines,
}

impl World {
    /// Now and then a group is committed; now and then the process dies, before or after that.
    pub(super) fn commit_or_die(&mut self) -> Checked<()> {
        if self.rng.u32(0..800) == 0 {
            self.die()?;
        }
        if self.engine.writable() == Writable::Yes && self.rng.u32(0..3) == 0 {
            self.commit();
            if self.rng.u32(0..300) == 0 {
                self.die()?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) {
        let now = self.now.utc;
        let fault = match self.rng.u32(0..80) {
            0 => Fault::NotWritten,
            1 => Fault::InDoubt,
            _ => Fault::None,
        };
        if self.engine.gathered() > 0 {
            self.disk.plan([fault]);
        }
        if self.engine.commit().is_ok() {
            self.engine.tidy(now);
            self.model.acknowledge();
            return;
        }
        self.report.faults += 1;
        let given_up = self.model.give_up();
        self.doubt = match fault {
            Fault::InDoubt => Doubt::There(given_up),
            Fault::NotWritten | Fault::None => Doubt::NotThere,
        };
    }

    /// The engine opens its log again; that may fail, and so may the proof that it can be written.
    pub(super) fn try_to_come_back(&mut self) {
        if self.rng.u32(0..4) == 0 {
            self.disk.fail_reopens(1);
            self.engine.come_back(self.now.utc);
            return;
        }
        let fault = match self.rng.u32(0..8) {
            0 => Fault::NotWritten,
            1 => Fault::InDoubt,
            _ => Fault::None,
        };
        self.disk.plan([fault]);
        self.engine.come_back(self.now.utc);
        let doubt = std::mem::replace(&mut self.doubt, Doubt::None);
        self.doubt = match (doubt, fault) {
            (Doubt::There(given_up), Fault::None) => {
                self.model.take_in(given_up);
                Doubt::None
            }
            (Doubt::NotThere | Doubt::OnlyDeclines | Doubt::None, Fault::None) => {
                self.model.owe_nothing();
                Doubt::None
            }
            (Doubt::NotThere, Fault::InDoubt) => Doubt::OnlyDeclines,
            (doubt, Fault::NotWritten | Fault::InDoubt) => doubt,
        };
    }

    /// The process dies, and with it perhaps what was not synced; another one begins.
    pub(super) fn die(&mut self) -> Checked<()> {
        let crash = if self.rng.bool() { Crash::KeepsAll } else { Crash::LosesUnsynced };
        let quiet = self.engine.gathered() == 0 && self.engine.writable() == Writable::Yes;
        self.disk.crash(crash);
        match (std::mem::replace(&mut self.doubt, Doubt::None), crash) {
            (Doubt::There(given_up), Crash::KeepsAll) => self.model.take_in(given_up),
            (Doubt::OnlyDeclines, Crash::KeepsAll) => self.model.owe_nothing(),
            (Doubt::None | Doubt::NotThere | Doubt::There(_) | Doubt::OnlyDeclines, _) => {}
        }
        self.model.crash();
        self.restart(quiet)
    }

    /// Whatever was under way is made durable.
    pub(super) fn settle(&mut self) -> Checked<()> {
        while self.engine.writable() == Writable::No {
            self.try_to_come_back();
        }
        self.commit();
        while self.engine.writable() == Writable::No {
            self.try_to_come_back();
        }
        self.die()
    }
}
