//! `[texts]`: the key that seals what people wrote: names, addresses, and what callers of payment doors get back.

use super::optional::OptionalSection;
use super::read::{Spot, Text};
use super::secret::{Origin, SecretReader};
use super::server::Exposure;
use crate::seal::{Sealer, SealingKey};

/// How texts are kept.
#[derive(Debug, Clone, Default)]
pub struct TextsConfig {
    /// `key`, which seals them, and `old_keys`, which did; without one they are kept in clear.
    pub sealer: Sealer,
}

/// Where the key stands, which is checked against the programs.
pub(super) struct Spots<'d> {
    /// Where it is, or would be.
    pub key: Spot<'d>,
    /// Where one is that everybody knows.
    pub demo: Option<Spot<'d>>,
}

/// Reads the section; without a section, texts are kept in clear.
pub(super) fn read<'d>(section: OptionalSection<'d>, secrets: &SecretReader<'_>, exposure: Exposure) -> (TextsConfig, Spots<'d>) {
    let (spot, mut demo) = (section.spot("key"), None);
    let mut read = |reference: &Text<'d>| {
        let (secret, origin) = secrets.read(reference)?;
        match origin {
            Origin::Own => {}
            Origin::Demo if exposure == Exposure::Loopback => demo = Some(reference.spot.clone()),
            Origin::Demo => {
                reference.spot.wrong("is the demo's key, which everybody knows: it works only on loopback; make your own")
            }
        }
        let key = SealingKey::of_hex(secret.expose());
        key.map_err(|problem| reference.spot.wrong(format_args!("names a secret that {problem}"))).ok()
    };
    let key = section.text("key").and_then(|reference| read(&reference));
    let old = section.list_of_texts("old_keys").unwrap_or_default();
    let old_keys: Vec<SealingKey> = old.iter().filter_map(read).collect();
    if let (None, Some(first)) = (&key, old.first()) {
        first.spot.wrong("is of no use without `key`, which seals from now on");
    }
    section.finish();
    let sealer = key.map(|key| Sealer::new(&key, &old_keys)).unwrap_or_default();
    (TextsConfig { sealer }, Spots { key: spot, demo })
}
