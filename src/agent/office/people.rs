//! Members: invited by an address, which they show to be theirs by bringing back what was sent there; each gets a credential of their own.
//!
//! Whoever has an invitation is taken for the owner of its address. So no caller of the API ever sees one: it goes by mail, or through the
//! hands of an operator.

use holdfast_core::Timestamp;
use holdfast_core::agent::{Environment, OrganizationId};
use sha2::{Digest as _, Sha256};

use super::change::{Change, New};
use super::credentials::{Issued, NewCredential};
use super::organizations::whose;
use super::{Office, archived, no_randomness, read, seconds_after, taken, unavailable, unknown, wrong_state};
use crate::agent::bodies::{MEMBER_PREFIX, Member, Moment, Role};
use crate::agent::names::{fresh, fresh_secret};
use crate::agent::post::Letter;
use crate::agent::store::{Guard, Kind, Row};
use crate::agent::texts::Whose;
use crate::api::problem::{Code, Problem};

/// How long an invitation can be accepted.
const INVITATION_SECONDS: u32 = 7 * 86_400;
/// What invitations begin with.
const INVITATION_PREFIX: &str = "inv_";

/// Somebody to invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Where to.
    pub organization: OrganizationId,
    /// At what address.
    pub email: String,
    /// As what.
    pub role: Role,
}

/// Somebody who is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The member.
    pub member: String,
    /// Where to write.
    email: String,
    /// What has to be brought back: whoever has it is taken for the owner of the address.
    token: String,
    /// Whether it was sent there.
    pub delivery: Delivery,
}

/// Who takes an invitation to whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It was sent by mail, and nobody here sees it.
    Sent,
    /// It was not: an operator hands it over.
    HandOver,
}

impl Office {
    /// Adds an invited member to a change.
    ///
    /// # Errors
    /// No random bytes.
    pub(super) fn put_invitation(&self, change: &mut Change, invitation: &Invitation) -> Result<Invited, Problem> {
        let Invitation { organization, email, role } = invitation;
        let id = fresh(&self.sealer, MEMBER_PREFIX).map_err(no_randomness)?;
        let token = fresh_secret(&self.sealer, INVITATION_PREFIX).map_err(no_randomness)?;
        let address = self.address_of(email);
        let words = self.words(change, &about(organization.as_str(), &id), email)?;
        let body = Member {
            email: words,
            name: None,
            role: *role,
            verified_at: None,
            invited_until: Some(Moment(seconds_after(change.at(), INVITATION_SECONDS))),
            invitation: Some(digest(&token)),
            address: address.clone(),
        };
        let claims = vec![address_claim(organization.as_str(), &address), invitation_claim(&digest(&token))];
        let place = New {
            id: &id,
            organization: organization.as_str(),
            environment: None,
            parent: organization.as_str(),
            status: "invited",
        };
        change.create(&place, &body, claims, "member.invited");
        Ok(Invited { member: id, email: email.clone(), token, delivery: Delivery::HandOver })
    }

    /// What an address is known by.
    #[must_use]
    pub fn address_of(&self, email: &str) -> String {
        self.sealer.digest("address", &email.trim().to_lowercase())
    }

    /// Invites a member for an operator, who hands the invitation over where no mail takes it.
    ///
    /// # Errors
    /// Somebody has the address; the store.
    pub async fn invite(&self, mut change: Change, invitation: &Invitation) -> Result<(Row, Option<Invited>), Problem> {
        let invited = self.put_invitation(&mut change, invitation)?;
        let row = self.make(change).await?;
        if row.id != invited.member {
            // It was done before; its token is known to nobody but the invited.
            return Ok((row, None));
        }
        let invited = self.deliver(invited).await;
        Ok((row, Some(invited)))
    }

    /// Invites a member for somebody who is not to see the invitation. Where mail is sent, it is there before the member is: of a letter that
    /// is not taken nothing is kept, and what is sent for a change that then fails leads nowhere. Where none is sent, nobody knows the
    /// invitation, until an operator [makes it anew](Office::invite_again).
    ///
    /// # Errors
    /// Somebody has the address; the mail server did not take the letter; the store.
    pub async fn invite_unseen(&self, mut change: Change, invitation: &Invitation) -> Result<Row, Problem> {
        if self.post.is_some() {
            let claim = address_claim(invitation.organization.as_str(), &self.address_of(&invitation.email));
            if self.store.holder(&claim).await.map_err(unavailable)?.is_some() {
                return Err(taken(&claim));
            }
        }
        let invited = self.put_invitation(&mut change, invitation)?;
        let delivery = self.deliver(invited).await.delivery;
        if self.post.is_some() && delivery == Delivery::HandOver {
            let detail = "the mail server did not take the invitation: nobody is invited; send it again later";
            return Err(Problem::of(Code::MailUnavailable, detail).retry_after(60));
        }
        self.make(change).await
    }

    /// Makes the invitation of somebody who has not accepted yet anew, for an operator: the one before is worth nothing from then on.
    ///
    /// # Errors
    /// There is no such member, or nobody who is invited; the store.
    pub async fn invite_again(&self, mut change: Change, id: &str) -> Result<(Row, Invited), Problem> {
        let row = self.get(Kind::Member, id).await?.ok_or_else(|| unknown(Kind::Member))?;
        if row.status != "invited" {
            return Err(wrong_state("the member has accepted an invitation, or was removed: there is none to hand over"));
        }
        let was: Member = read(&row)?;
        let token = fresh_secret(&self.sealer, INVITATION_PREFIX).map_err(no_randomness)?;
        let body = Member {
            invited_until: Some(Moment(seconds_after(change.at(), INVITATION_SECONDS))),
            invitation: Some(digest(&token)),
            ..was.clone()
        };
        let releases = was.invitation.as_deref().map(invitation_claim).into_iter().collect();
        change.update(&row, "invited", &body, releases, "member.invited_again");
        change.claim(invitation_claim(&digest(&token)));
        let row = self.make(change).await?;
        let shown = self.show(row.clone()).await?;
        // Of an address that was erased only the invitation is left.
        let email = shown.get("email").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let invited = Invited { member: row.id.clone(), email, token, delivery: Delivery::HandOver };
        Ok((row, self.deliver(invited).await))
    }

    /// Sends an invitation, if mail can be sent.
    pub(super) async fn deliver(&self, invited: Invited) -> Invited {
        let Some(post) = &self.post else { return invited };
        let letter = Letter {
            to: invited.email.clone(),
            subject: "You are invited".to_owned(),
            text: format!(
                "You are invited to work on agent spend.\n\nTo accept, within seven days:\n\n{}\n\nIf you did not expect this, ignore \
                 it: without your word nothing happens.\n",
                self.link_of(&invited)
            ),
        };
        let delivery = if post.send(letter).await { Delivery::Sent } else { Delivery::HandOver };
        Invited { delivery, ..invited }
    }

    /// What an invited member follows, or brings to `POST /v1/invitations/accept`.
    #[must_use]
    pub fn link_of(&self, invited: &Invited) -> String {
        format!("{}{}", self.invitation_link.as_deref().unwrap_or_default(), invited.token)
    }

    /// Accepts an invitation: the address is verified, and the member has a sandbox credential of their own.
    ///
    /// # Errors
    /// Nobody is invited by it, or its time is over.
    pub async fn accept(&self, token: &str, name: Option<&str>, at: Timestamp) -> Result<(Row, Issued), Problem> {
        let nobody = || Problem::of(Code::NotFound, "nobody is invited by this, or the invitation was accepted or is over");
        let claim = invitation_claim(&digest(token));
        let holder = self.store.holder(&claim).await.map_err(unavailable)?.ok_or_else(nobody)?;
        let row = self.get(Kind::Member, &holder).await?.ok_or_else(nobody)?;
        let mut member: Member = read(&row)?;
        if row.status != "invited" || member.invited_until.is_none_or(|until| until.0 < at) {
            return Err(nobody());
        }
        let (_, organization) = self.organization(&row.organization).await?;
        let mut change = Change::new(row.id.clone(), at, None);
        let words = self.some_words(&mut change, &about(&row.organization, &row.id), name)?;
        member = Member { name: words, verified_at: Some(Moment(at)), invited_until: None, invitation: None, ..member };
        change.update(&row, "active", &member, vec![claim], "member.accepted");
        let own = NewCredential {
            organization: row.organization.parse().map_err(|_| unknown(Kind::Organization))?,
            of: organization.kind,
            environment: Environment::Sandbox,
            scopes: member.role.scopes(organization.kind).to_vec(),
            member: Some(row.id.clone()),
            made_by: None,
            name: None,
            expires_at: None,
            given: None,
        };
        let issued = self.put_credential(&mut change, &own)?;
        // Who comes second with one invitation has none, at once as well as later.
        let taken = |problem: Problem| if problem.is(Code::VersionConflict) { nobody() } else { problem };
        let row = self.make(change).await.map_err(taken)?;
        Ok((row, issued))
    }

    /// Takes a member out, and revokes what they have and what they made: whoever made a credential may have kept its secret.
    ///
    /// # Errors
    /// There is no such member; the only owner stays.
    pub async fn remove_member(&self, mut change: Change, organization: OrganizationId, id: &str) -> Result<Row, Problem> {
        let row = self.get(Kind::Member, id).await?.filter(|row| row.organization == organization.as_str());
        let row = row.ok_or_else(|| unknown(Kind::Member))?;
        if row.status == "removed" {
            return Err(archived(Kind::Member));
        }
        let member: Member = read(&row)?;
        if member.role == Role::Owner && row.status == "active" {
            // Two owners may each take the other out at once: one of them stays.
            change.only_if(Guard::SomeActiveHas(Kind::Member, organization.to_string(), "role", Role::Owner.name()));
        }
        let mut releases = vec![address_claim(organization.as_str(), &member.address)];
        releases.extend(member.invitation.as_deref().map(invitation_claim));
        let gone = Member { invitation: None, invited_until: None, ..member };
        change.update(&row, "removed", &gone, releases, "member.removed");
        let (who, at) = (change.who().to_owned(), change.at());
        self.put_revocations_of(&mut change, organization, id).await?;
        let removed = self.make(change).await?;
        // What they made while these were looked up; from now on they make none.
        loop {
            let mut rest = Change::new(who.clone(), at, None);
            if self.put_revocations_of(&mut rest, organization, id).await? == 0 {
                return Ok(removed);
            }
            match self.make(rest).await {
                Ok(_) => {}
                // Somebody else revoked one meanwhile: it is looked again.
                Err(problem) if problem.is(Code::VersionConflict) => {}
                Err(problem) => return Err(problem),
            }
        }
    }
}

/// Whose texts about a member are.
fn about(organization: &str, member: &str) -> Whose {
    Whose { person: member.to_owned(), ..whose(organization) }
}

fn digest(token: &str) -> String {
    format!("{:x}", Sha256::digest(token))
}

fn address_claim(organization: &str, address: &str) -> String {
    format!("address/{organization}/{address}")
}

fn invitation_claim(digest: &str) -> String {
    format!("invitation/{digest}")
}
