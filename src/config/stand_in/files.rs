//! `[program.stand_in]`: which tables a program starts with; later versions are published.

use std::path::{Path, PathBuf};

use holdfast_core::PlatformName;

use crate::config::errors::Errors;
use crate::config::mount::MountConfig;
use crate::config::read::{Section, Text};
use crate::config::read_text;
use crate::config::ruleset::HalfKnown;

/// The tables that an empty ledger starts with. Without any, a program declines whatever its ledger does not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandInFiles {
    /// `table`: for every platform that has none of its own.
    pub table: Option<PathBuf>,
    /// `[program.stand_in.platforms]`: by platform.
    pub platforms: Vec<(PlatformName, PathBuf)>,
}

impl StandInFiles {
    /// Every file with the platform that it is for, the program's first.
    pub fn all(&self) -> impl Iterator<Item = (Option<PlatformName>, &Path)> {
        let table = self.table.iter().map(|path| (None, path.as_path()));
        table.chain(self.platforms.iter().map(|(platform, path)| (Some(*platform), path.as_path())))
    }

    /// What is wrong with the tables, as far as their program is known.
    #[must_use]
    pub fn check(&self, home: &HalfKnown) -> Errors {
        let mut errors = Errors::default();
        for (_, path) in self.all() {
            let name = path.display().to_string();
            errors.append(read_text(path).map_or_else(|unreadable| unreadable, |text| super::check(&name, &text, home)));
        }
        errors
    }
}

/// Reads the section, which may be absent; `mounts` are those of the program that are right.
pub fn read(program: &Section<'_>, directory: &Path, mounts: &[Option<MountConfig>]) -> Option<StandInFiles> {
    let Some(section) = program.optional_section("stand_in") else { return Some(StandInFiles::default()) };
    let file =
        |text: Text<'_>| text.parse(|name| if name.is_empty() { Err("is empty; name a file") } else { Ok(directory.join(name)) });
    let table = section.text("table").and_then(file);
    let platforms: Option<Vec<_>> = section.optional_section("platforms").map_or(Some(Vec::new()), |platforms| {
        let entries = platforms.entries();
        let read = entries.into_iter().map(|(name, value)| {
            let platform = name.parse(|name| of_mount(name, mounts));
            let path = value.text().and_then(file);
            Some((platform?, path?))
        });
        // Every one is read, so that every error is noted.
        read.collect::<Vec<_>>().into_iter().collect()
    });
    section.finish();
    Some(StandInFiles { table: Some(table?), platforms: platforms? })
}

fn of_mount(name: &str, mounts: &[Option<MountConfig>]) -> Result<PlatformName, String> {
    let known: Vec<_> = mounts.iter().flatten().map(|mount| mount.platform.name).collect();
    // With a mount that is wrong it cannot be told.
    if mounts.iter().all(Option::is_some) && !known.contains(&name) {
        return Err(format!("is not a platform of this program's mounts, which are of {}", known.join(", ")));
    }
    PlatformName::new(name).map_err(|error| error.to_string())
}
