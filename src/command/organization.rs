//! `holdfast organization`: enterprises and processors of agent spend, their first members, and their way to production.

use std::io;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_core::Timestamp;
use holdfast_core::agent::{Environment, OrganizationKind};
use serde_json::Value;

use super::inbox::moment;
use super::ledger::{Ledger, not_an_answer};
use super::{Failure, Place};
use crate::agent::bodies::Role;
use crate::agent::store::Kind;
use crate::control::protocol::{
    DecisionsWanted, DeedsWanted, GoLiveDecision, InsightView, SpendAnswer, SpendRequest, WouldWanted,
};
use crate::control::{ControlAnswer, ControlRequest};

const EXAMPLES: &str = "\
Examples:
  holdfast organization create --kind enterprise --name 'Example Inc.' --owner ada@example.com --by ann
  holdfast organization list
  holdfast organization invite ent_bcdf --email bob@example.com --role reviewer --by ann
  holdfast organization invitation mem_bcdf --by ann
  holdfast organization approve ent_bcdf --by ann --why 'contract 77'
  holdfast organization metrics ent_bcdf
  holdfast organization authorizations ent_bcdf --correlation-id order-77
  holdfast organization authorizations ent_bcdf --would-have-declined
  holdfast organization audit ent_bcdf --limit 20
  holdfast organization audit ent_bcdf --who mem_ghjk --object binding --since 2026-03-14

An organization begins in the sandbox. Its owners invite members, make credentials and ask for production; `approve` lets them make
production credentials. An invitation is sent by mail if [agents.smtp] is configured and the mail server takes it; otherwise it is printed,
for you to hand over: whoever brings it to POST /v1/invitations/accept is taken for the owner of the address. Whom an owner invites by
POST /v1/members is not told to that owner: without [agents.smtp], `invitation` makes it anew for you to hand over, once you know whose
the address is.

Exit codes:
  0  done
  1  not done (every error on standard error)
  2  the command line is not understood";

/// Enterprises and processors of agent spend.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Organization {
    #[command(subcommand)]
    command: OrganizationCommand,
}

#[derive(Debug, Subcommand)]
enum OrganizationCommand {
    /// Makes an organization, and invites its first owner.
    Create(Create),
    /// Lists organizations, one line of JSON each.
    List(ListAll),
    /// Invites a member.
    Invite(Invite),
    /// Makes the invitation of a member who has not accepted yet anew, to be handed over; the one before is worth nothing then.
    Invitation(Again),
    /// Lets an organization that asked for it make production credentials.
    Approve(Decide),
    /// Says no to an organization that asked for production.
    Refuse(Decide),
    /// Lists what was decided for an organization, the latest first, one line of JSON each.
    Authorizations(Decisions),
    /// Sums up what was decided for an organization.
    Metrics(Seen),
    /// Counts what was decided for an organization, month by month.
    Usage(Seen),
    /// Lists who did what to an organization's objects, the latest first, one line of JSON each.
    Audit(Deeds),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EnvironmentArgument {
    Sandbox,
    Production,
}

#[derive(Debug, Args)]
struct Seen {
    /// The organization.
    organization: String,
    /// Where.
    #[arg(long, value_enum, default_value_t = EnvironmentArgument::Sandbox)]
    environment: EnvironmentArgument,
    /// The most lines of a list.
    #[arg(long, value_name = "LINES", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Decisions {
    #[command(flatten)]
    seen: Seen,
    /// Only those that a processor asked for with this correlation id, exactly.
    #[arg(long, value_name = "TEXT")]
    correlation_id: Option<String>,
    /// Only those that enforce would have declined, under an authority that observes.
    #[arg(long)]
    would_have_declined: bool,
}

impl Decisions {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let would = if self.would_have_declined { WouldWanted::Declined } else { WouldWanted::Any };
        let wanted = DecisionsWanted { most: self.seen.limit, correlation_id: self.correlation_id, would };
        self.seen.run(InsightView::Authorizations(wanted), output)
    }
}

#[derive(Debug, Args)]
struct Deeds {
    #[command(flatten)]
    seen: Seen,
    /// Only what this member (mem_…), credential (cred_…) or operator (operator:…) did.
    #[arg(long, value_name = "WHO")]
    who: Option<String>,
    /// Only what was done to objects of this kind, such as binding or spending_authority.
    #[arg(long, value_name = "KIND", value_parser = kind_of_object)]
    object: Option<String>,
    /// Only what was done to this object.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only deeds of this kind, such as binding.created.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only from then on: a date, which begins at midnight UTC, or a moment in RFC 3339.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before then.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
}

impl Deeds {
    fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Deeds { seen, who, object, id, action, since, until } = self;
        let wanted = DeedsWanted { most: seen.limit, id, action, who, object, since, until };
        seen.run(InsightView::Audit(wanted), output)
    }
}

fn kind_of_object(text: &str) -> Result<String, String> {
    let known = || format!("must be one of {}", Kind::ALL.map(Kind::name).join(", "));
    Kind::named(text).map(|kind| kind.name().to_owned()).ok_or_else(known)
}

impl Seen {
    fn run(self, view: InsightView, output: &mut dyn io::Write) -> Result<(), Failure> {
        let environment = match self.environment {
            EnvironmentArgument::Sandbox => Environment::Sandbox,
            EnvironmentArgument::Production => Environment::Production,
        };
        ask(self.place, SpendRequest::Insight { organization: self.organization, environment, view }, output)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArgument {
    Enterprise,
    Processor,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    Owner,
    Developer,
    Reviewer,
    ReadOnly,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Owner => Role::Owner,
            RoleArgument::Developer => Role::Developer,
            RoleArgument::Reviewer => Role::Reviewer,
            RoleArgument::ReadOnly => Role::ReadOnly,
        }
    }
}

#[derive(Debug, Args)]
struct Create {
    /// Enterprises own agents; processors ask for decisions.
    #[arg(long, value_enum)]
    kind: KindArgument,
    /// What it is called.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The address of its first owner, who is invited.
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// Who makes it.
    #[arg(long, value_name = "WHO")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct ListAll {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Invite {
    /// The organization.
    organization: String,
    /// The address.
    #[arg(long, value_name = "EMAIL")]
    email: String,
    /// What the member may do.
    #[arg(long, value_enum)]
    role: RoleArgument,
    /// Who invites.
    #[arg(long, value_name = "WHO")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Again {
    /// The member, as `POST /v1/members` answered it.
    member: String,
    /// Who hands it over.
    #[arg(long, value_name = "WHO")]
    by: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Decide {
    /// The organization.
    organization: String,
    /// Who decides.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Why.
    #[arg(long, value_name = "WHY")]
    why: String,
    #[command(flatten)]
    place: Place,
}

impl Organization {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        match self.command {
            OrganizationCommand::Create(Create { kind, name, owner, by, place }) => {
                let kind = match kind {
                    KindArgument::Enterprise => OrganizationKind::Enterprise,
                    KindArgument::Processor => OrganizationKind::Processor,
                };
                ask(place, SpendRequest::MakeOrganization { kind, name, owner, by }, output)
            }
            OrganizationCommand::List(ListAll { place }) => ask(place, SpendRequest::Organizations, output),
            OrganizationCommand::Invite(Invite { organization, email, role, by, place }) => {
                ask(place, SpendRequest::Invite { organization, email, role: role.into(), by }, output)
            }
            OrganizationCommand::Invitation(Again { member, by, place }) => {
                ask(place, SpendRequest::InviteAgain { member, by }, output)
            }
            OrganizationCommand::Approve(decide) => decide.run(GoLiveDecision::Approve, output),
            OrganizationCommand::Refuse(decide) => decide.run(GoLiveDecision::Refuse, output),
            OrganizationCommand::Authorizations(decisions) => decisions.run(output),
            OrganizationCommand::Metrics(seen) => seen.run(InsightView::Metrics, output),
            OrganizationCommand::Usage(seen) => seen.run(InsightView::Usage, output),
            OrganizationCommand::Audit(deeds) => deeds.run(output),
        }
    }
}

impl Decide {
    fn run(self, decision: GoLiveDecision, output: &mut dyn io::Write) -> Result<(), Failure> {
        let Decide { organization, by, why, place } = self;
        ask(place, SpendRequest::DecideGoLive { organization, decision, by, why }, output)
    }
}

/// Asks, and prints what came of it: objects as one line of JSON each, as the API shows them; then what is told only once.
pub(super) fn ask(place: Place, request: SpendRequest, output: &mut dyn io::Write) -> Result<(), Failure> {
    let ControlAnswer::Spend(answer) = Ledger::at(place)?.ask(ControlRequest::Spend(request))? else {
        return Err(not_an_answer());
    };
    match *answer {
        SpendAnswer::Object(object) => writeln!(output, "{object}")?,
        SpendAnswer::Objects(objects) => objects.iter().try_for_each(|object| writeln!(output, "{object}"))?,
        SpendAnswer::Invited { object, hand_over } => {
            writeln!(output, "{object}")?;
            match hand_over {
                Some(invitation) => writeln!(output, "invitation, to be handed over: {invitation}")?,
                None => writeln!(output, "nobody is to be handed anything: the invitation, if there is one, was sent by mail")?,
            }
        }
        SpendAnswer::Issued { object, shared_secret } => {
            let key = object.get("api_key").and_then(Value::as_str).unwrap_or_default();
            writeln!(output, "{object}")?;
            writeln!(output, "API key: {key}\nshared secret, shown now and never again: {shared_secret}")?;
        }
        SpendAnswer::Erased(texts) => writeln!(output, "{texts} texts erased")?,
    }
    Ok(())
}
