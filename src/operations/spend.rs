//! What operators do about agent spend: organizations, members, credentials, and texts that have to go.

use holdfast_core::agent::{Environment, OrganizationId, OrganizationKind};

use super::Desk;
use crate::agent::bodies::{GoLiveState, Organization};
use crate::agent::door::House;
use crate::agent::insight::table::{Of, Which, Would};
use crate::agent::office::change::Change;
use crate::agent::office::credentials::NewCredential;
use crate::agent::office::organizations::NewOrganization;
use crate::agent::office::people::{Delivery, Invitation, Invited};
use crate::agent::office::{Office, read, unavailable, unknown};
use crate::agent::post::is_address;
use crate::agent::store::{Deeds, Erase, Kind, List, Row};
use crate::api::problem::{Code, FieldError, Problem};
use crate::clock;
use crate::control::OperationError;
use crate::control::protocol::{
    DecisionsWanted, DeedsWanted, Erasure, GoLiveDecision, InsightView, SpendAnswer, SpendRequest, WouldWanted,
};

impl Desk {
    pub(super) async fn do_spend(&self, asked: SpendRequest) -> Result<SpendAnswer, OperationError> {
        if let SpendRequest::Erase(erasure) = asked {
            return self.erase(erasure).await;
        }
        let house: &House = self.spend.as_ref().ok_or_else(|| {
            OperationError::Refused(vec!["there is no [agents] in the configuration: agent spend is off".to_owned()])
        })?;
        let answered = if let SpendRequest::Insight { organization, environment, view } = asked {
            house.told_to_operator(&organization, environment, view).await
        } else {
            house.office.operate(asked).await
        };
        answered.map_err(refused)
    }
}

/// A problem as operators hear it.
pub(super) fn refused(problem: Problem) -> OperationError {
    let again = problem.is(Code::StoreUnavailable);
    if again { OperationError::Unavailable(problem.lines().join("; ")) } else { OperationError::Refused(problem.lines()) }
}

/// Who an operator is, in records.
fn operator(by: &str) -> String {
    format!("operator:{by}")
}

/// Something that an operator asks for cannot be it.
fn bad(path: &str, problem: &str) -> Problem {
    Problem::bad_request(vec![FieldError { path: path.to_owned(), problem: problem.to_owned() }])
}

impl House {
    async fn told_to_operator(
        &self,
        organization: &str,
        environment: Environment,
        view: InsightView,
    ) -> Result<SpendAnswer, Problem> {
        let (row, body) = self.office.organization(organization).await?;
        let of = match body.kind {
            OrganizationKind::Enterprise => Of::Enterprise(row.id.clone()),
            OrganizationKind::Processor => Of::Processor(row.id.clone()),
        };
        let environment_number = i64::from(environment == Environment::Production);
        let which = Which { of, environment: environment_number, only: Vec::new(), would: None, since: None, until: None };
        match view {
            InsightView::Authorizations(DecisionsWanted { most, correlation_id, would }) => {
                let correlation = |text: String| {
                    let digest = self.office.correlation(&text);
                    digest.ok_or_else(|| bad("correlation_id", "must be a text of 1 to 128 characters"))
                };
                let only = correlation_id.map(correlation).transpose()?.map(|digest| ("correlation", digest));
                let would = match would {
                    WouldWanted::Any => None,
                    WouldWanted::Declined => Some(Would::Decline),
                };
                let which = Which { only: only.into_iter().collect(), would, ..which };
                let found = self.looked(move |table| table.list(&which, None, most)).await?;
                Ok(SpendAnswer::Objects(found.into_iter().map(|(_, line)| line).collect()))
            }
            InsightView::Metrics => self.looked(move |table| table.metrics(&which)).await.map(SpendAnswer::Object),
            InsightView::Usage => self.looked(move |table| table.usage(&which)).await.map(SpendAnswer::Objects),
            InsightView::Audit(DeedsWanted { most, id, action, who, object, since, until }) => {
                let kind_of = |name: String| Kind::named(&name).ok_or_else(|| bad("object", "is no kind of object"));
                let kind = object.map(kind_of).transpose()?;
                let deeds = Deeds { id, action, who, kind, since, until, ..Deeds::of(row.id, Some(environment), most) };
                let found = self.office.store.deeds(deeds).await.map_err(unavailable)?;
                self.office.audited(&found.into_iter().map(|(_, deed)| deed).collect::<Vec<_>>()).await.map(SpendAnswer::Objects)
            }
        }
    }
}

impl Office {
    async fn operate(&self, asked: SpendRequest) -> Result<SpendAnswer, Problem> {
        let now = clock::utc();
        match asked {
            SpendRequest::MakeOrganization { kind, name, owner, by } => {
                must_be_addresses(owner.as_deref())?;
                let new = NewOrganization { id: None, kind, name, owner };
                let (row, invited) = self.make_organization(&new, &operator(&by), now).await?;
                self.told(row, invited).await
            }
            SpendRequest::Organizations => self.listed(List::of(Kind::Organization, u32::MAX)).await,
            SpendRequest::DecideGoLive { organization, decision, by, why } => {
                let decided = match decision {
                    GoLiveDecision::Approve => GoLiveState::Approved,
                    GoLiveDecision::Refuse => GoLiveState::Refused,
                };
                let row = self.decide_go_live(&organization, decided, &why, &operator(&by), now).await?;
                self.show(row).await.map(SpendAnswer::Object)
            }
            SpendRequest::Invite { organization, email, role, by } => {
                must_be_addresses(Some(&email))?;
                let (id, _) = self.named(&organization).await?;
                let change = Change::new(operator(&by), now, None);
                let (row, invited) = self.invite(change, &Invitation { organization: id, email, role }).await?;
                self.told(row, invited).await
            }
            SpendRequest::InviteAgain { member, by } => {
                let (row, invited) = self.invite_again(Change::new(operator(&by), now, None), &member).await?;
                self.told(row, Some(invited)).await
            }
            SpendRequest::MakeCredential { organization, environment, scopes, name, expires_at, by } => {
                let (id, body) = self.named(&organization).await?;
                let new = NewCredential {
                    organization: id,
                    of: body.kind,
                    environment,
                    scopes,
                    member: None,
                    made_by: None,
                    name,
                    expires_at,
                    given: None,
                };
                let (row, issued) = self.make_credential(Change::new(operator(&by), now, None), &new).await?;
                let object = self.show(row).await?;
                let secret = issued.map(|issued| String::from_utf8_lossy(issued.shared_secret.expose()).into_owned());
                Ok(SpendAnswer::Issued { object, shared_secret: secret.unwrap_or_default() })
            }
            SpendRequest::Credentials { organization } => {
                self.named(&organization).await?;
                self.listed(List { organization: Some(organization), ..List::of(Kind::Credential, u32::MAX) }).await
            }
            SpendRequest::RevokeCredential { credential, by } => {
                let row = self.get(Kind::Credential, &credential).await?.ok_or_else(|| unknown(Kind::Credential))?;
                let row = self.revoke_credential(Change::new(operator(&by), now, None), &row).await?;
                self.show(row).await.map(SpendAnswer::Object)
            }
            SpendRequest::Insight { .. } => Err(Problem::of(Code::Internal, "asked of the wrong desk")),
            SpendRequest::Erase(erasure) => self.erase(erasure).await.map(SpendAnswer::Erased),
        }
    }

    /// Whether there is an organization of that name.
    pub(super) async fn is_organization(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.get(Kind::Organization, name).await?.is_some())
    }

    /// Erases what agent spend keeps; how many texts that were.
    pub(super) async fn erase(&self, erasure: Erasure) -> Result<u64, Problem> {
        let mut gone: u64 = 0;
        for erase in self.erases(erasure).await? {
            gone = gone.saturating_add(self.store.erase(erase).await.map_err(unavailable)?);
        }
        Ok(gone)
    }

    async fn named(&self, id: &str) -> Result<(OrganizationId, Organization), Problem> {
        let (row, body) = self.organization(id).await?;
        Ok((row.id.parse().map_err(|_| unknown(Kind::Organization))?, body))
    }

    async fn told(&self, row: Row, invited: Option<Invited>) -> Result<SpendAnswer, Problem> {
        let object = self.show(row).await?;
        let by_hand = invited.filter(|invited| invited.delivery == Delivery::HandOver);
        Ok(SpendAnswer::Invited { object, hand_over: by_hand.map(|invited| self.link_of(&invited)) })
    }

    async fn listed(&self, list: List) -> Result<SpendAnswer, Problem> {
        let found = self.store.list(list).await.map_err(unavailable)?;
        self.show_all(found.into_iter().map(|(_, row)| row).collect()).await.map(SpendAnswer::Objects)
    }

    /// A person's texts are found by the member's name, or by an address that members of any organization have.
    async fn erases(&self, erasure: Erasure) -> Result<Vec<Erase>, Problem> {
        Ok(match erasure {
            Erasure::Program(program) => vec![Erase::Program(program)],
            Erasure::Organization(organization) => vec![Erase::Organization(organization)],
            Erasure::Before(moment) => vec![Erase::Before(moment)],
            Erasure::Person(person) if !person.contains('@') => vec![Erase::Person(person)],
            Erasure::Person(address) => {
                let known_by = self.address_of(&address);
                let members = self.store.list(List::of(Kind::Member, u32::MAX)).await.map_err(unavailable)?;
                let is_theirs =
                    |row: &Row| read::<crate::agent::bodies::Member>(row).is_ok_and(|member| member.address == known_by);
                members.into_iter().filter(|(_, row)| is_theirs(row)).map(|(_, row)| Erase::Person(row.id)).collect()
            }
        })
    }
}

fn must_be_addresses(address: Option<&str>) -> Result<(), Problem> {
    match address {
        Some(address) if !is_address(address) => Err(Problem::of(Code::BadRequest, "the address is no e-mail address")),
        Some(_) | None => Ok(()),
    }
}
