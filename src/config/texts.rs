//! `[texts]`: the key that seals what people wrote: names, addresses, and what callers of payment doors get back.

use super::optional::OptionalSection;
use super::read::Spot;
use super::secret::{Origin, SecretReader};
use super::server::Exposure;
use crate::seal::Sealer;

/// How texts are kept.
#[derive(Debug, Clone, Default)]
pub struct TextsConfig {
    /// `key`: seals them; without one they are kept in clear.
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
    let (key, mut demo) = (section.spot("key"), None);
    let sealer = section.text("key").and_then(|reference| {
        let (secret, origin) = secrets.read(&reference)?;
        match origin {
            Origin::Own => {}
            Origin::Demo if exposure == Exposure::Loopback => demo = Some(reference.spot.clone()),
            Origin::Demo => {
                reference.spot.wrong("is the demo's key, which everybody knows: it works only on loopback; make your own")
            }
        }
        let text = std::str::from_utf8(secret.expose()).unwrap_or_default();
        Sealer::with_key(text).map_err(|problem| reference.spot.wrong(format_args!("names a secret that {problem}"))).ok()
    });
    section.finish();
    (TextsConfig { sealer: sealer.unwrap_or_default() }, Spots { key, demo })
}
