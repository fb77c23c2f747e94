//! Organizations: an operator makes one with its first owner, an owner asks for production, an operator says yes or no.

use holdfast_core::Timestamp;
use holdfast_core::agent::{OrganizationId, OrganizationKind};

use super::change::{Change, New};
use super::people::{Invitation, Invited};
use super::{Office, no_randomness, read, unknown, wrong_state};
use crate::agent::bodies::{GoLive, GoLiveState, Moment, Organization, Role};
use crate::agent::store::{Kind, Row};
use crate::agent::texts::Whose;
use crate::api::problem::Problem;

/// An organization to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrganization {
    /// Its name among ours; a new one if absent.
    pub id: Option<OrganizationId>,
    /// Enterprise or processor.
    pub kind: OrganizationKind,
    /// What it is called.
    pub name: String,
    /// The address of its first owner, who is invited.
    pub owner: Option<String>,
}

impl Office {
    /// Makes an organization, and invites its first owner.
    ///
    /// # Errors
    /// The store; a name that is taken.
    pub async fn make_organization(
        &self,
        new: &NewOrganization,
        by: &str,
        at: Timestamp,
    ) -> Result<(Row, Option<Invited>), Problem> {
        let id = match new.id {
            Some(id) => id,
            None => self.fresh_organization(new.kind)?,
        };
        let mut change = Change::new(by, at, None);
        let whose = whose(id.as_str());
        let name = self.words(&mut change, &whose, &new.name)?;
        let body = Organization { kind: new.kind, name, go_live: GoLive::SANDBOX };
        let place = New { id: id.as_str(), organization: id.as_str(), environment: None, parent: "", status: "active" };
        change.create(&place, &body, Vec::new(), "organization.created");
        let invited = match &new.owner {
            None => None,
            Some(email) => {
                let invitation = Invitation { organization: id, email: email.clone(), role: Role::Owner };
                Some(self.put_invitation(&mut change, &invitation)?)
            }
        };
        let row = self.make(change).await?;
        let invited = match invited {
            None => None,
            Some(invited) => Some(self.deliver(invited).await),
        };
        Ok((row, invited))
    }

    fn fresh_organization(&self, kind: OrganizationKind) -> Result<OrganizationId, Problem> {
        let bytes = self.sealer.random().map_err(no_randomness)?;
        Ok(match kind {
            OrganizationKind::Enterprise => OrganizationId::of_enterprise(bytes),
            OrganizationKind::Processor => OrganizationId::of_processor(bytes),
        })
    }

    /// An organization.
    ///
    /// # Errors
    /// There is none of that name; the store.
    pub async fn organization(&self, id: &str) -> Result<(Row, Organization), Problem> {
        let row = self.get(Kind::Organization, id).await?.ok_or_else(|| unknown(Kind::Organization))?;
        let body = read(&row)?;
        Ok((row, body))
    }

    /// Asks for production.
    ///
    /// # Errors
    /// It was asked for, or granted, before.
    pub async fn request_go_live(&self, mut change: Change, id: OrganizationId, note: Option<&str>) -> Result<Row, Problem> {
        let (row, mut body) = self.organization(id.as_str()).await?;
        match body.go_live.state {
            GoLiveState::Sandbox | GoLiveState::Refused => {}
            GoLiveState::Requested => return Err(wrong_state("production was asked for already; an operator has to look")),
            GoLiveState::Approved => return Err(wrong_state("production is approved already")),
        }
        let note = self.some_words(&mut change, &whose(id.as_str()), note)?;
        body.go_live = GoLive {
            state: GoLiveState::Requested,
            requested_by: Some(change.who().to_owned()),
            requested_at: Some(Moment(change.at())),
            decided_at: None,
            note,
        };
        change.update(&row, &row.status, &body, Vec::new(), "organization.go_live_requested");
        self.make(change).await
    }

    /// An operator's word on a request for production.
    ///
    /// # Errors
    /// There is no request, or no such organization.
    pub async fn decide_go_live(
        &self,
        id: &str,
        decided: GoLiveState,
        note: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<Row, Problem> {
        let (row, mut body) = self.organization(id).await?;
        if body.go_live.state != GoLiveState::Requested {
            return Err(wrong_state("the organization has not asked for production, or was answered already"));
        }
        let mut change = Change::new(by, at, None);
        let note = self.words(&mut change, &whose(id), note)?;
        body.go_live = GoLive { state: decided, decided_at: Some(Moment(at)), note: Some(note), ..body.go_live };
        let action = match decided {
            GoLiveState::Approved => "organization.go_live_approved",
            GoLiveState::Refused | GoLiveState::Sandbox | GoLiveState::Requested => "organization.go_live_refused",
        };
        change.update(&row, &row.status, &body, Vec::new(), action);
        self.make(change).await
    }
}

/// Whose texts of an organization as a whole are.
pub(super) fn whose(organization: &str) -> Whose {
    Whose { organization: organization.to_owned(), program: String::new(), person: String::new() }
}
