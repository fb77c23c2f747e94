//! Names, addresses and free text: sealed as they come in, opened for whoever may read the object that names them, and gone from both
//! when they are erased. A body has [`Words`] where a text stands.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::fresh;
use super::seal::{DoesNotOpen, NoRandomness, Sealer};
use super::store::{Shared, StoreError, Text};

/// The one field of [`Words`]. No other object of a body has a field of this name alone.
const FIELD: &str = "text";

/// Where a text stands in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    text: String,
}

/// Whose a text is, and about whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The organization.
    pub organization: String,
    /// The program that decides where it lives; empty for what an organization has as a whole.
    pub program: String,
    /// About whom; empty for nobody.
    pub person: String,
}

/// Seals a text for its place.
///
/// # Errors
/// No random bytes.
pub fn keep(sealer: &Sealer, text: &str, whose: &Whose, at: Timestamp) -> Result<(Words, Text), NoRandomness> {
    let id = fresh(sealer, "text_")?;
    let sealed = sealer.seal(&place(&id), text.as_bytes())?;
    let Whose { organization, program, person } = whose.clone();
    Ok((Words { text: id.clone() }, Text { id, organization, program, person, at, sealed }))
}

fn place(id: &str) -> String {
    format!("text/{id}")
}

/// Puts every text in its place, and nothing where it was erased. All are looked up at once.
///
/// # Errors
/// The store.
pub async fn open_all(store: &Shared, sealer: &Sealer, bodies: &mut [Value]) -> Result<(), StoreError> {
    let mut ids = Vec::new();
    for body in &mut *bodies {
        each(body, &mut |slot, id| {
            let _ = slot;
            ids.push(id);
        });
    }
    if ids.is_empty() {
        return Ok(());
    }
    ids.sort_unstable();
    ids.dedup();
    let sealed = store.texts(ids).await?;
    let open = |(id, sealed): (String, Vec<u8>)| {
        let clear = sealer.open(&place(&id), &sealed).ok().and_then(|clear| String::from_utf8(clear).ok());
        clear.map(|clear| (id, clear))
    };
    let clear: HashMap<String, String> = sealed.into_iter().filter_map(open).collect();
    for body in bodies {
        each(body, &mut |slot, id| *slot = clear.get(&id).cloned().map_or(Value::Null, Value::String));
    }
    Ok(())
}

/// Visits every place of a text.
fn each(value: &mut Value, visit: &mut impl FnMut(&mut Value, String)) {
    match value {
        Value::Object(fields) => {
            if let Some(id) = only_text(fields) {
                visit(value, id);
                return;
            }
            fields.values_mut().for_each(|field| each(field, visit));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn only_text(fields: &Map<String, Value>) -> Option<String> {
    let id = fields.get(FIELD).filter(|_| fields.len() == 1)?;
    id.as_str().filter(|id| id.starts_with("text_")).map(str::to_owned)
}

/// Seals a shared secret for its credential.
///
/// # Errors
/// No random bytes.
pub fn keep_secret(sealer: &Sealer, credential: &str, secret: &str) -> Result<String, NoRandomness> {
    Ok(STANDARD.encode(sealer.seal(&format!("secret/{credential}"), secret.as_bytes())?))
}

/// Opens a shared secret of its credential.
///
/// # Errors
/// It is another credential's, or sealed with another key.
pub fn open_secret(sealer: &Sealer, credential: &str, sealed: &str) -> Result<Vec<u8>, DoesNotOpen> {
    let sealed = STANDARD.decode(sealed).map_err(|_| DoesNotOpen)?;
    sealer.open(&format!("secret/{credential}"), &sealed)
}
