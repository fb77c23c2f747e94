//! Secrets by reference: `env:NAME` or `file:PATH`, never written into the configuration. No message repeats a value.

use std::fs;
use std::path::Path;

use holdfast_adapters::Secret;
use sha2::{Digest as _, Sha256};

use super::read::Text;

/// The longest secret, in bytes.
const SECRET_BYTES_MAX: usize = 4096;

/// SHA-256 of every secret that was ever shipped with the demo: the whole world knows them.
const DEMO_SECRETS: &[&str] = &[
    "1a739a9be14b6d591ea97d9f438cb2a20fa7089b0697e095ae8762f3484a49ae",
    "34b9661bce58983eda9d1ca64de729be8c96cce4725ef76a72d50c837b927dad",
    "afd40e8692745b8648349eb94fd0bbaadd6c4cf6b6216b5cec3e4e572d3be573",
    "ab3468b50c0be96c10a11a7078c08422201e0710973748022228d113c98c8754",
    "57aa15205779ae50135e6c720aae86a3e5e44cc941ee5a060c331c052ccc3541",
    "11833f8c95f5c26569bcd3b8c7dd9dae7ea1ed952baae12f4cbf3d06e8dbdb7f",
];

/// Whose word a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The operator's own.
    Own,
    /// Shipped with the demo, wherever the operator copied it to.
    Demo,
}

/// Looks secrets up.
pub(super) struct SecretReader<'s> {
    /// What `file:` is relative to.
    pub directory: &'s Path,
    /// Where `env:` looks.
    pub environment: &'s dyn Fn(&str) -> Option<String>,
}

impl SecretReader<'_> {
    /// The secret that a reference names; notes at the reference what is wrong with it.
    pub fn read(&self, reference: &Text<'_>) -> Option<(Secret, Origin)> {
        reference.parse(|reference| self.look_up(reference))
    }

    /// The text that a reference names, for a library that wants it in clear.
    pub fn read_text(&self, reference: &Text<'_>) -> Option<String> {
        reference.parse(|reference| self.look_up_text(reference))
    }

    fn look_up(&self, reference: &str) -> Result<(Secret, Origin), String> {
        let value = self.look_up_text(reference)?;
        Ok((Secret::new(value.as_bytes()), origin(&value)))
    }

    fn look_up_text(&self, reference: &str) -> Result<String, String> {
        let (kind, name) = reference.split_once(':').unwrap_or(("", ""));
        let (found, place) = match kind {
            "env" => {
                let place = format!("environment variable {name}");
                ((self.environment)(name).ok_or_else(|| "is not set, or is not UTF-8".to_owned()), place)
            }
            "file" => {
                let path = self.directory.join(name);
                let place = format!("file {}", path.display());
                (fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}")), place)
            }
            _ => return Err("must be \"env:NAME\" or \"file:PATH\": a secret is never written here".into()),
        };
        let text = found.map_err(|problem| format!("names the {place}, which {problem}"))?;
        let value = text.strip_suffix('\n').unwrap_or(&text);
        let value = value.strip_suffix('\r').unwrap_or(value);
        check_value(value).map_err(|problem| format!("names the {place}, which {problem}"))?;
        Ok(value.to_owned())
    }
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err("is empty".into());
    }
    if value.len() > SECRET_BYTES_MAX {
        return Err(format!("is longer than {SECRET_BYTES_MAX} bytes"));
    }
    if value.chars().any(char::is_control) {
        return Err("has more than one line, or a control character".into());
    }
    Ok(())
}

fn origin(value: &str) -> Origin {
    let digest = format!("{:x}", Sha256::digest(value.as_bytes()));
    if DEMO_SECRETS.contains(&digest.as_str()) { Origin::Demo } else { Origin::Own }
}
