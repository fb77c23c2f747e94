//! A change while it is put together: objects, their texts, what is told of it, and the key that it is done once under.

use holdfast_core::Timestamp;
use holdfast_core::agent::Environment;

use crate::agent::bodies::{self, Body};
use crate::agent::store::{Commit, Deed, Expect, Guard, Once, Put, Row, Text};

/// A change.
#[derive(Debug, Clone)]
pub struct Change {
    who: String,
    at: Timestamp,
    commit: Commit,
}

/// An object that was not there before.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Its name.
    pub id: &'a str,
    /// Whose it is.
    pub organization: &'a str,
    /// Where it lives.
    pub environment: Option<Environment>,
    /// What it belongs to.
    pub parent: &'a str,
    /// In one word.
    pub status: &'a str,
}

impl Change {
    /// A change that somebody makes, once if it has a key.
    #[must_use]
    pub fn new(who: impl Into<String>, at: Timestamp, once: Option<Once>) -> Self {
        Change { who: who.into(), at, commit: Commit { once, ..Commit::default() } }
    }

    /// Who makes it.
    #[must_use]
    pub fn who(&self) -> &str {
        &self.who
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The key that it is done once under.
    #[must_use]
    pub const fn once(&self) -> Option<&Once> {
        self.commit.once.as_ref()
    }

    /// Adds a text.
    pub fn add_text(&mut self, text: Text) {
        self.commit.texts.push(text);
    }

    /// Makes an object; what it claims, nothing else holds.
    pub fn create<B: Body>(&mut self, new: &New<'_>, body: &B, claims: Vec<String>, action: &str) {
        let row = Row {
            kind: B::KIND,
            id: new.id.to_owned(),
            organization: new.organization.to_owned(),
            environment: new.environment,
            parent: new.parent.to_owned(),
            status: new.status.to_owned(),
            version: 1,
            created_at: self.at,
            updated_at: self.at,
            body: bodies::write(body),
        };
        self.tell(&row, action, None);
        self.commit.puts.push(Put { row, expect: Expect::New, claims, releases: Vec::new() });
    }

    /// Changes an object as it was read; what it releases, others can claim.
    pub fn update<B: Body>(&mut self, was: &Row, status: &str, body: &B, releases: Vec<String>, action: &str) {
        let row = Row {
            status: status.to_owned(),
            version: was.version.saturating_add(1),
            updated_at: self.at,
            body: bodies::write(body),
            ..was.clone()
        };
        self.tell(&row, action, Some(with_status(&was.body, &was.status)));
        self.commit.puts.push(Put { row, expect: Expect::Version(was.version), claims: Vec::new(), releases });
    }

    /// What the object that was changed last claims besides: nothing else holds it.
    pub fn claim(&mut self, claim: String) {
        if let Some(put) = self.commit.puts.last_mut() {
            put.claims.push(claim);
        }
    }

    fn tell(&mut self, row: &Row, action: &str, before: Option<String>) {
        self.commit.deeds.push(Deed {
            organization: row.organization.clone(),
            environment: row.environment,
            at: self.at,
            who: self.who.clone(),
            action: action.to_owned(),
            kind: row.kind,
            id: row.id.clone(),
            before,
            after: Some(with_status(&row.body, &row.status)),
        });
    }

    /// What must hold of other objects, for the change to be made.
    pub fn only_if(&mut self, guard: Guard) {
        self.commit.guards.push(guard);
    }

    /// Adds what another change is made of: it happens together with this one.
    pub fn append(&mut self, other: Change) {
        let Commit { puts, texts, deeds, once: _, guards } = other.commit;
        self.commit.guards.extend(guards);
        self.commit.puts.extend(puts);
        self.commit.texts.extend(texts);
        self.commit.deeds.extend(deeds);
    }

    /// As the store takes it.
    #[must_use]
    pub fn into_commit(self) -> Commit {
        self.commit
    }
}

/// A body with its object's status, which is a column of its own.
fn with_status(body: &str, status: &str) -> String {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(body) else { return body.to_owned() };
    fields.insert("status".to_owned(), serde_json::Value::String(status.to_owned()));
    serde_json::Value::Object(fields).to_string()
}
