//! Merchants' names in policies that an older program kept in clear: taken out of bodies and of what was told, once, before anything is
//! answered. What the policies say stays the same.

use holdfast_core::Timestamp;
use holdfast_core::agent::Environment;
use serde_json::Value;

use super::Office;
use crate::agent::policy_names;
use crate::agent::seal::NoRandomness;
use crate::agent::store::{Deed, Kind, List, Names, Rewrite, Row, StoreError, Text};
use crate::agent::texts::Whose;

/// What is read, and written, at once.
const PAGE: u32 = 1_000;

const WITH_POLICIES: [Kind; 2] = [Kind::Policy, Kind::PolicyVersion];

impl Office {
    /// Takes names out of whatever still has them.
    ///
    /// # Errors
    /// The store; it is tried again at the next start.
    pub async fn take_names_out(&self) -> Result<(), StoreError> {
        if self.store.names().await? == Names::Texts {
            return Ok(());
        }
        for kind in WITH_POLICIES {
            self.take_out_of_objects(kind).await?;
            self.take_out_of_deeds(kind).await?;
        }
        self.store.names_are_texts().await
    }

    async fn take_out_of_objects(&self, kind: Kind) -> Result<(), StoreError> {
        let mut list = List::of(kind, PAGE);
        loop {
            let page = self.store.list(list.clone()).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            let mut rewrite = Rewrite::default();
            for (_, row) in &page {
                let Row { organization, environment, body, updated_at, .. } = row;
                let of = (organization.as_str(), *environment, *updated_at);
                if let Some(anew) = self.without_names(Some(body), of, &mut rewrite.texts)? {
                    rewrite.bodies.push((kind, row.id.clone(), body.clone(), anew));
                }
            }
            // Where another responder was faster, the page is looked at once more.
            if rewrite.bodies.is_empty() || self.store.rewrite(rewrite).await? {
                list.after = *last;
            }
        }
    }

    async fn take_out_of_deeds(&self, kind: Kind) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.store.told_of(kind, after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            let mut rewrite = Rewrite::default();
            for (place, deed) in &page {
                let Deed { organization, environment, at, before, after, .. } = deed;
                let of = (organization.as_str(), *environment, *at);
                let mut anew = |body: &Option<String>| self.without_names(body.as_deref(), of, &mut rewrite.texts);
                let (new_before, new_after) = (anew(before)?, anew(after)?);
                if new_before.is_some() || new_after.is_some() {
                    rewrite.deeds.push((*place, new_before.or_else(|| before.clone()), new_after.or_else(|| after.clone())));
                }
            }
            if !rewrite.deeds.is_empty() {
                self.store.rewrite(rewrite).await?;
            }
        }
    }

    /// A body without names; nothing if it has none.
    fn without_names(
        &self,
        body: Option<&str>,
        (organization, environment, at): (&str, Option<Environment>, Timestamp),
        texts: &mut Vec<Text>,
    ) -> Result<Option<String>, StoreError> {
        let Some(Ok(mut body)) = body.map(serde_json::from_str::<Value>) else { return Ok(None) };
        let (organization, program) = (organization.to_owned(), self.program_of(environment));
        let whose = Whose { organization, program, person: String::new() };
        let taken = policy_names::take_out(&self.sealer, &mut body, &whose, at, texts);
        let taken = taken.map_err(|problem: NoRandomness| StoreError(problem.to_string()))?;
        Ok(taken.then(|| body.to_string()))
    }
}
