//! What goes wrong: groups that are not written or in doubt, logs that cannot be opened, and the process that dies.

use super::model::GivenUp;
use super::world::{Checked, World};
use crate::journal::{Crash, Fault, Rest, Tear};
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
            match self.rng.u32(0..600) {
                // While the group is written: nobody hears that it is.
                0..2 => {
                    self.commit_with(Fault::InDoubt);
                    self.die()?;
                }
                2..4 => {
                    self.commit();
                    self.die()?;
                }
                _ => self.commit(),
            }
        }
        Ok(())
    }

    fn commit(&mut self) {
        let fault = match self.rng.u32(0..120) {
            0 => Fault::NotWritten,
            1 => Fault::InDoubt,
            2 => Fault::Torn(self.some_tear()),
            _ => Fault::None,
        };
        self.commit_with(fault);
    }

    fn commit_with(&mut self, fault: Fault) {
        let now = self.now.utc;
        if self.engine.gathered() > 0 {
            self.report.torn += u64::from(matches!(fault, Fault::Torn(_)));
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
            Fault::NotWritten | Fault::Torn(_) | Fault::None => Doubt::NotThere,
        };
    }

    /// Somewhere in what is written.
    fn some_tear(&mut self) -> Tear {
        let rest = if self.rng.bool() { Rest::Missing } else { Rest::WithoutSector };
        Tear { after: self.rng.usize(0..1 << 20), rest }
    }

    /// The engine opens its log again; that may fail, and so may the proof that it can be written.
    pub(super) fn try_to_come_back(&mut self) {
        if self.rng.u32(0..4) == 0 {
            self.disk.fail_reopens(1);
            self.engine.come_back(self.now.utc);
            return;
        }
        let fault = match self.rng.u32(0..12) {
            0 => Fault::NotWritten,
            1 => Fault::InDoubt,
            2 => Fault::Torn(self.some_tear()),
            _ => Fault::None,
        };
        self.report.torn += u64::from(matches!(fault, Fault::Torn(_)));
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
            (doubt, Fault::NotWritten | Fault::InDoubt | Fault::Torn(_)) => doubt,
        };
    }

    /// The process dies, and with it perhaps what was not synced; another one begins.
    pub(super) fn die(&mut self) -> Checked<()> {
        let crash = match self.rng.u32(0..4) {
            0 => Crash::KeepsAll,
            1 => Crash::LosesUnsynced,
            _ => Crash::Tears(self.some_tear()),
        };
        let quiet = self.engine.gathered() == 0 && self.engine.writable() == Writable::Yes;
        // What is in doubt is the first of what is not synced.
        let is_whole = self.disk.crash(crash) > 0;
        let is_something = matches!(self.doubt, Doubt::There(_) | Doubt::OnlyDeclines);
        self.report.torn += u64::from(is_something && matches!(crash, Crash::Tears(_)));
        match std::mem::replace(&mut self.doubt, Doubt::None) {
            Doubt::There(given_up) if is_whole => self.model.take_in(given_up),
            Doubt::OnlyDeclines if is_whole => self.model.owe_nothing(),
            Doubt::None | Doubt::NotThere | Doubt::There(_) | Doubt::OnlyDeclines => {}
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
