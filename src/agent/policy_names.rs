//! Merchants' names in policies and intents. A kept policy has the digests that decide, sealed, and names the texts that people read: those can be
//! erased, and the policy still decides. Nobody can try names out on a copy of the store, for the digests need its key.
//!
//! ```json
//! {"parameters": {"merchants": [{"text": "text_…"}], "merchant_tokens": "…"}, "template": "merchant_lock"}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::agent::Template;
use holdfast_core::{MerchantName, Timestamp};
use serde_json::{Map, Value, json};

use super::seal::{NoRandomness, Sealer};
use super::store::Text;
use super::texts::{self, Whose};
use crate::config::ruleset::zone;

/// Where names are listed.
const NAMES: &str = "merchants";
/// Their digests, one behind the other, sealed; in the order of the names.
const TOKENS: &str = "merchant_tokens";
/// How long a digest is.
const DIGEST_BYTES: usize = 16;

/// Why a kept policy cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CannotBeRead;

/// A policy as it is kept, and the texts that go with it.
///
/// # Errors
/// No random bytes.
pub fn keep(sealer: &Sealer, template: &Template, whose: &Whose, at: Timestamp) -> Result<(Value, Vec<Text>), NoRandomness> {
    let mut policy = template.written();
    let mut texts = Vec::new();
    seal_all(&mut policy, &mut Sealing { sealer, whose, at, texts: &mut texts })?;
    Ok((policy, texts))
}

/// Takes the names out of a policy that was kept with them; whether there were any.
///
/// # Errors
/// No random bytes.
pub fn take_out(
    sealer: &Sealer,
    policy: &mut Value,
    whose: &Whose,
    at: Timestamp,
    texts: &mut Vec<Text>,
) -> Result<bool, NoRandomness> {
    let before = texts.len();
    seal_all(policy, &mut Sealing { sealer, whose, at, texts })?;
    Ok(texts.len() > before)
}

/// Reads a kept policy, whether anybody can still read its names or not.
///
/// # Errors
/// It was sealed with another key, or for another organization, or is damaged.
pub fn read(sealer: &Sealer, organization: &str, kept: &Value) -> Result<Template, CannotBeRead> {
    let mut policy = kept.clone();
    let mut opened = Ok(());
    each_lock(&mut policy, &mut |lock| {
        let Some(tokens) = lock.remove(TOKENS) else { return };
        match digests(sealer, organization, &tokens) {
            Some(digests) => drop(lock.insert(NAMES.to_owned(), Value::Array(digests))),
            None => opened = Err(CannotBeRead),
        }
    });
    opened?;
    Template::read_kept(&policy, &zone).map_err(|_| CannotBeRead)
}

/// What a payment's merchant is compared with, sealed as in policies.
///
/// # Errors
/// No random bytes.
pub fn seal_name(sealer: &Sealer, organization: &str, name: &MerchantName) -> Result<String, NoRandomness> {
    sealer.seal(&place(organization), name.as_bytes()).map(|sealed| STANDARD.encode(sealed))
}

/// Reads such a name; nothing if it was sealed with another key, or for another organization, or is damaged.
#[must_use]
pub fn open_name(sealer: &Sealer, organization: &str, sealed: &str) -> Option<MerchantName> {
    let clear = sealer.open(&place(organization), &STANDARD.decode(sealed).ok()?).ok()?;
    clear.try_into().ok().map(MerchantName::of_bytes)
}

/// Takes what is ours alone out of a policy that is shown.
pub fn hide(policy: &mut Value) {
    each_lock(policy, &mut |lock| drop(lock.remove(TOKENS)));
}

struct Sealing<'a> {
    sealer: &'a Sealer,
    whose: &'a Whose,
    at: Timestamp,
    texts: &'a mut Vec<Text>,
}

fn place(organization: &str) -> String {
    format!("merchants/{organization}")
}

fn seal_all(policy: &mut Value, sealing: &mut Sealing<'_>) -> Result<(), NoRandomness> {
    let mut sealed = Ok(());
    each_lock(policy, &mut |lock| {
        if sealed.is_ok() {
            sealed = sealing.seal(lock);
        }
    });
    sealed
}

impl Sealing<'_> {
    /// Leaves a list alone that has no names but texts already.
    fn seal(&mut self, lock: &mut Map<String, Value>) -> Result<(), NoRandomness> {
        let names: Option<Vec<&str>> = match lock.get(NAMES) {
            Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
            Some(_) | None => None,
        };
        let Some(names) = names else { return Ok(()) };
        let mut digests = Vec::new();
        let mut shown = Vec::new();
        for name in names {
            // A name without a letter or digit was never taken.
            let Some(digest) = MerchantName::of(name) else { continue };
            digests.extend_from_slice(digest.as_bytes());
            let (words, text) = texts::keep(self.sealer, name, self.whose, self.at)?;
            self.texts.push(text);
            shown.push(serde_json::to_value(words).unwrap_or_default());
        }
        let tokens = self.sealer.seal(&place(&self.whose.organization), &digests)?;
        lock.insert(NAMES.to_owned(), Value::Array(shown));
        lock.insert(TOKENS.to_owned(), Value::String(STANDARD.encode(tokens)));
        Ok(())
    }
}

fn digests(sealer: &Sealer, organization: &str, tokens: &Value) -> Option<Vec<Value>> {
    let sealed = STANDARD.decode(tokens.as_str()?).ok()?;
    let clear = sealer.open(&place(organization), &sealed).ok()?;
    let (digests, rest) = clear.as_chunks::<DIGEST_BYTES>();
    let shown = |digest: &[u8; DIGEST_BYTES]| json!({ "digest": format!("{:032x}", u128::from_be_bytes(*digest)) });
    rest.is_empty().then(|| digests.iter().map(shown).collect())
}

/// Visits the parameters of every template that may lock to merchants.
fn each_lock(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key(NAMES) {
                visit(fields);
            }
            fields.values_mut().for_each(|field| each_lock(field, visit));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_lock(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealingKey;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&SealingKey::new([byte; 32]), &[]).unwrap()
    }

    fn whose() -> Whose {
        Whose { organization: "ent_1".to_owned(), program: "demo".to_owned(), person: String::new() }
    }

    fn written() -> Value {
        json!({ "template": "all_of", "parameters": { "policies": [
            { "template": "merchant_lock", "parameters": { "merchants": ["Ada Lovelace", "Acme 12"], "merchant_ids": ["m1"] } },
            { "template": "one_time", "parameters": {} },
        ] } })
    }

    #[test]
    fn a_kept_policy_shows_no_name_and_decides_with_its_key_alone() {
        let (other, sealer, template) = (sealer(2), sealer(1), Template::read(&written(), &zone).unwrap());
        let (kept, texts) = keep(&sealer, &template, &whose(), Timestamp::EPOCH).unwrap();
        assert_eq!(texts.len(), 2);
        let text = kept.to_string();
        let digest = Template::canonical(&template).to_string();
        assert!(!text.contains("Ada") && !text.contains("Acme") && !digest.contains("Ada"), "{text}");
        assert_eq!(read(&sealer, "ent_1", &kept), Ok(template));
        assert_eq!(read(&sealer, "ent_2", &kept), Err(CannotBeRead), "another organization's");
        assert_eq!(read(&other, "ent_1", &kept), Err(CannotBeRead), "another key's");
        let mut shown = kept;
        hide(&mut shown);
        assert!(!shown.to_string().contains(TOKENS));
    }

    #[test]
    fn an_intents_merchant_is_known_with_the_key_alone() {
        let name = MerchantName::of("Ada Lovelace").unwrap();
        let sealed = seal_name(&sealer(1), "ent_1", &name).unwrap();
        assert_eq!(open_name(&sealer(1), "ent_1", &sealed), Some(name));
        assert_eq!(open_name(&sealer(1), "ent_2", &sealed), None, "another organization's");
        assert_eq!(open_name(&sealer(2), "ent_1", &sealed), None, "another key's");
        assert_ne!(seal_name(&sealer(1), "ent_1", &name).unwrap(), sealed, "the same name twice looks different");
    }

    #[test]
    fn a_policy_that_was_kept_with_its_names_is_read_and_loses_them_once() {
        let (sealer, template) = (sealer(1), Template::read(&written(), &zone).unwrap());
        let (mut old, mut texts) = (template.written(), Vec::new());
        assert_eq!(read(&sealer, "ent_1", &old), Ok(template.clone()), "before");
        assert_eq!(take_out(&sealer, &mut old, &whose(), Timestamp::EPOCH, &mut texts), Ok(true));
        assert_eq!((read(&sealer, "ent_1", &old), texts.len()), (Ok(template), 2), "after");
        assert_eq!(take_out(&sealer, &mut old, &whose(), Timestamp::EPOCH, &mut texts), Ok(false));
    }
}
