//! Authorities, bindings and intents as a decision sees them: no names, no texts, nothing that only listings need.

use std::sync::Arc;

use crate::ids::{CardToken, PlatformName};
use crate::merchant::Merchant;
use crate::money::Money;
use crate::time::Timestamp;

use super::ids::{AgentId, AuthorityId, BindingId, InstrumentId, IntentReference, OrganizationId};
use super::policy::CompiledPolicy;
use super::words::{BindingStatus, Door, Environment, InstrumentKind, IntentNeed, IntentStatus, Mode, Status};

/// What an agent may spend.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Its name.
    pub id: AuthorityId,
    /// The enterprise.
    pub organization: OrganizationId,
    /// Where it lives.
    pub environment: Environment,
    /// Whose spending it is about.
    pub agent: AgentId,
    /// Whether its policy declines.
    pub mode: Mode,
    /// Whether it may be spent on.
    pub status: Status,
    /// Whether its payments need an intent.
    pub intent_need: IntentNeed,
    /// Its policy, in the version that is in force.
    pub policy: Option<Arc<CompiledPolicy>>,
}

/// What leads from an instrument to an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub id: BindingId,
    /// The enterprise.
    pub organization: OrganizationId,
    /// Where it lives.
    pub environment: Environment,
    /// Where it leads.
    pub authority: AuthorityId,
    /// From what.
    pub instrument: Instrument,
    /// Whether it leads anywhere.
    pub status: BindingStatus,
    /// Where its money moves.
    pub door: Door,
    /// When it was made: of two bindings of the same money, of enterprises that may both bind it, the first one leads.
    pub made_at: Timestamp,
}

impl Binding {
    /// Whether it was made before another one; of two of one moment, by their names.
    #[must_use]
    pub fn is_before(&self, other: &Binding) -> bool {
        (self.made_at, self.id.as_str()) < (other.made_at, other.id.as_str())
    }
}

/// Something that pays: one a platform and environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instrument {
    /// Who issued it, in lower case.
    pub platform: PlatformName,
    /// What it is.
    pub kind: InstrumentKind,
    /// The platform's name for it.
    pub id: InstrumentId,
}

impl Instrument {
    /// The card that a platform's own callbacks would name, where it is one.
    #[must_use]
    pub fn card(&self) -> Option<CardToken> {
        match self.kind {
            InstrumentKind::Card | InstrumentKind::Token => CardToken::try_from(self.id.as_str()).ok(),
            InstrumentKind::Account | InstrumentKind::Instrument => None,
        }
    }
}

/// What an agent said that it was about to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub reference: IntentReference,
    /// The enterprise.
    pub organization: OrganizationId,
    /// Where it lives.
    pub environment: Environment,
    /// On what it would be spent.
    pub authority: AuthorityId,
    /// The one binding that may pay for it, if only one may.
    pub binding: Option<BindingId>,
    /// The most that it is about.
    pub amount: Money,
    /// Where; what is not told may be anything.
    pub merchant: Merchant,
    /// How far it has come.
    pub status: IntentStatus,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}
