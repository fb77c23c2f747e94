//! The settings of a mount of this door.

use crate::idempotency::{self, NamesAre};
use crate::settings::{SettingError, Settings};

/// Where callers reach the mount from outside: what `_links` begin with.
const LINKS: &str = "links";

/// The settings, understood.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Without a slash at its end; empty for links that begin with the path below the mount.
    pub links: String,
    /// Whose callers' ids are.
    pub names: NamesAre,
}

impl Options {
    pub fn parse(settings: &Settings) -> Result<Self, Vec<SettingError>> {
        let mut errors = Vec::new();
        let links = settings.text(LINKS, "", &mut errors).trim_end_matches('/').to_owned();
        let is_address = links.is_empty() || links.starts_with("https://") || links.starts_with("http://");
        if !is_address || links.chars().any(|character| character.is_whitespace() || character == '"') {
            let problem = "must be the address of this mount as its callers know it, such as \"https://api.example/payments/na\"";
            errors.push(SettingError { key: LINKS.to_owned(), problem: problem.to_owned() });
        }
        let names = NamesAre::parse(settings, &mut errors);
        settings.refuse_unknown(&[LINKS, idempotency::KEY], &mut errors);
        if errors.is_empty() { Ok(Options { links, names }) } else { Err(errors) }
    }
}
