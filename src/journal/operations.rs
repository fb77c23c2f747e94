//! What operators did, by whom and why, kept beside the records that name it by its id. Rows are only ever added: what people
//! write is not in the records themselves, so that it can be erased one day without breaking their chain.

use holdfast_core::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest, Sha256};

/// Something that an operator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Whose data it is about.
    pub program: String,
    /// The same key is the same operation.
    pub key: String,
    /// SHA-256 of what was asked: the same key must mean the same again.
    pub request: [u8; 32],
    /// By whom: the name of a credential, or as they said.
    pub who: String,
    /// Why, as they said.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl Operation {
    /// What records name it by: made of program and key.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        Operation::id_of(&self.program, &self.key)
    }

    /// What records name the operation of that key by.
    #[must_use]
    pub fn id_of(program: &str, key: &str) -> [u8; 16] {
        let mut digest = Sha256::new();
        for part in ["operation", program, key] {
            // No key has a zero byte, so the parts cannot run into each other.
            digest.update(part);
            digest.update([0]);
        }
        digest.finalize().first_chunk().copied().unwrap_or_default()
    }
}

/// What became of noting an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is new.
    New,
    /// The same came before, at this moment.
    Again(Timestamp),
    /// The same key came before with something else: nothing was noted.
    Conflict,
}

pub(super) fn note(connection: &Connection, operation: &Operation) -> rusqlite::Result<Noted> {
    let id = operation.id();
    if let Some(known) = find(connection, &id)? {
        return Ok(if known.request == operation.request { Noted::Again(known.at) } else { Noted::Conflict });
    }
    let Operation { program, key, request, who, why, at } = operation;
    connection
        .execute(
            "INSERT INTO operation (id, program, key, request, who, why, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![&id[..], program, key, &request[..], who, why, at.unix_micros()],
        )
        .map(|_| Noted::New)
}

/// A text, with a sign in place of what is damaged: the chain does not cover it, and what was done counts without it.
fn text(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes()?).into_owned())
}

/// By its id.
pub(super) fn find(connection: &Connection, id: &[u8; 16]) -> rusqlite::Result<Option<Operation>> {
    let sql = "SELECT program, key, request, who, why, at FROM operation WHERE id = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Operation {
            program: text(row, 0)?,
            key: text(row, 1)?,
            // Of another length it is damaged, and no request's.
            request: row.get_ref(2)?.as_bytes()?.try_into().unwrap_or_default(),
            who: text(row, 3)?,
            why: text(row, 4)?,
            at: Timestamp::from_unix_micros(row.get(5)?),
        })
    };
    connection.query_row(sql, params![&id[..]], read).optional()
}
