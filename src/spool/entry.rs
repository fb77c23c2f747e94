//! What the ledger has not heard, as the spool keeps it: an answer that was told, a message from a platform, an operator's word, or
//! a stand-in table. Nothing here knows a file.

use std::sync::Arc;

use holdfast_adapters::Unrecognized;
use holdfast_core::agent::Weight;
use holdfast_core::hold::{StandingOf, ToldAnswer, ToldEvent};
use holdfast_core::stand_in::ToldApproval;
use holdfast_core::{AccountId, AuthorizationId, Basis, Money, ProgramId, Timestamp};
use sha2::{Digest, Sha256};

use super::written::{Besides, Written, told};
use crate::ledger::{Act, Adopt, Erase, KeptRuleset, Operation, Origin, Slip, weight_of};

/// One thing for the ledger to hear.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An answer that a platform heard without the ledger, and the account for whose money it was given, where that was known.
    Told(Box<Adopt>, Option<AccountId>),
    /// A fact that a platform told.
    Fact(Origin, Box<ToldEvent>),
    /// A notification that was not understood.
    Kept(Origin, Unrecognized),
    /// What an operator said of a card or an account, with who and why.
    Ordered(Origin, Box<Operation>, Box<ToldEvent>),
    /// A stand-in table that was put in force.
    Published(Origin, Box<KeptRuleset>),
}

/// How much nearly every entry fits into.
const USUAL_BYTES: usize = 2_048;

/// Which part of a spool an entry may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is there for everything.
    Common,
    /// Also what is kept for what makes nothing looser.
    Reserve,
    /// Everything, to the last entry: also what no flood of declines may take.
    Whole,
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// They are not those that were written.
    Digest,
    /// They say nothing that this version understands.
    Content,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unreadable::Digest => "its bytes are not those that were written",
            Unreadable::Content => "this version does not understand what was written",
        })
    }
}

impl Entry {
    /// Whose it is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Entry::Told(adopt, _) => &adopt.origin,
            Entry::Fact(origin, _) | Entry::Kept(origin, _) => origin,
            Entry::Ordered(origin, ..) | Entry::Published(origin, _) => origin,
        }
    }

    /// What an operator said, as it waits for the ledger.
    #[must_use]
    pub fn ordered(program: ProgramId, operation: Operation, event: ToldEvent) -> Self {
        let origin = Origin { program, platform: None, operator: Some(operation.id()) };
        Entry::Ordered(origin, Box::new(operation), Box::new(event))
    }

    /// A table of a program, as it waits for the ledger.
    #[must_use]
    pub fn published(program: ProgramId, kept: KeptRuleset) -> Self {
        Entry::Published(Origin::of(program), Box::new(kept))
    }

    /// What it says of the standing of a card, an owner or an account, or of a payment; nothing of an answer.
    #[must_use]
    pub fn told(&self) -> Option<&ToldEvent> {
        match self {
            Entry::Fact(_, event) | Entry::Ordered(_, _, event) => Some(event),
            Entry::Told(..) | Entry::Kept(..) | Entry::Published(..) => None,
        }
    }

    /// The authorization that it is about, by the first of its names.
    #[must_use]
    pub fn authorization(&self) -> Option<AuthorizationId> {
        match self {
            Entry::Told(adopt, _) => Some(adopt.request.payments().0.authorization),
            Entry::Fact(_, event) | Entry::Ordered(_, _, event) => event.fact.payments().0.map(|payment| payment.authorization),
            Entry::Kept(..) | Entry::Published(..) => None,
        }
    }

    /// An approval of stand-in's own. What repeats one that the platform had recorded puts nothing more at risk.
    fn own_approval(&self) -> Option<(&Adopt, &Option<AccountId>, Money)> {
        let Entry::Told(adopt, account) = self else { return None };
        match (adopt.told, adopt.basis) {
            (ToldAnswer::Approved { .. }, Basis::Replay) | (ToldAnswer::Declined { .. }, _) => None,
            (ToldAnswer::Approved { amount }, _) => Some((adopt, account, amount)),
        }
    }

    /// One that puts something at risk: a preview moves nothing.
    fn own_at_risk(&self) -> Option<(&Adopt, &Option<AccountId>, Money)> {
        self.own_approval().filter(|(adopt, _, _)| weight_of(adopt.governed.as_ref()) != Weight::Preview)
    }

    /// Whether it is an approval of stand-in's own.
    #[must_use]
    pub fn is_own_approval(&self) -> bool {
        self.own_approval().is_some()
    }

    /// How much of which account's money was approved by it, in minor units, where that is known.
    #[must_use]
    pub fn approved(&self) -> Option<(AccountId, i64)> {
        let (_, account, amount) = self.own_at_risk()?;
        Some(((*account)?, amount.minor()))
    }

    /// An approval as caps count it.
    #[must_use]
    pub fn approval(&self, at: Timestamp) -> Option<ToldApproval> {
        let (adopt, account, amount) = self.own_at_risk()?;
        ToldApproval::of(adopt.origin.platform.as_ref()?, &adopt.request, account.as_ref()?, amount, at)
    }

    /// Which part of the spool it may fill.
    pub(super) fn part(&self) -> Part {
        let bars = self.told().and_then(|event| event.fact.standing()).is_some_and(StandingOf::bars);
        let is_table = matches!(self, Entry::Published(..));
        if bars || is_table {
            Part::Whole
        } else if self.is_decline() {
            Part::Reserve
        } else {
            Part::Common
        }
    }

    /// Whether it is an answer that approves nothing: told whether it is durable or not.
    #[must_use]
    pub fn is_decline(&self) -> bool {
        matches!(self, Entry::Told(adopt, _) if matches!(adopt.told, ToldAnswer::Declined { .. }))
    }

    /// How the ledger hears it.
    #[must_use]
    pub fn act(&self) -> Act {
        match self {
            Entry::Told(adopt, _) => Act::Adopt(Adopt::clone(adopt)),
            Entry::Fact(origin, event) => Act::Tell(*origin, **event),
            Entry::Kept(origin, unrecognized) => Act::Keep(*origin, unrecognized.clone()),
            Entry::Ordered(origin, _, event) => Act::Tell(*origin, **event),
            Entry::Published(_, kept) => Act::Publish(kept.clone(), None),
        }
    }

    /// What the ledger has to take down before it hears it: who did it, and why.
    #[must_use]
    pub fn note(&self) -> Option<Act> {
        match self {
            Entry::Ordered(_, operation, _) => Some(Act::Note(operation.clone())),
            Entry::Told(..) | Entry::Fact(..) | Entry::Kept(..) | Entry::Published(..) => None,
        }
    }

    /// The same without what its caller wrote, if that is one of those that are to go and is still there.
    #[must_use]
    pub fn without(&self, which: &Erase) -> Option<Entry> {
        let Entry::Told(adopt, account) = self else { return None };
        let slip = adopt.slip.as_ref().filter(|slip| slip.body.is_some() && which.has(slip))?;
        let slip = Some(Arc::new(Slip { body: None, ..Slip::clone(slip) }));
        Some(Entry::Told(Box::new(Adopt { slip, ..Adopt::clone(adopt) }), *account))
    }

    /// The entry as bytes, which grow nowhere where they are as many as usual.
    ///
    /// # Errors
    /// There is no memory for them.
    pub fn to_bytes(&self) -> Result<Arc<[u8]>, postcard::Error> {
        let written = self.written();
        let mut room = [0; USUAL_BYTES];
        match postcard::to_slice(&written, &mut room) {
            Ok(bytes) => Ok(Arc::from(&*bytes)),
            Err(postcard::Error::SerializeBufferFull) => postcard::to_allocvec(&written).map(Arc::from),
            Err(error) => Err(error),
        }
    }

    fn written(&self) -> Written {
        let Origin { program, platform, .. } = *self.origin();
        match self {
            Entry::Told(adopt, account) => told(Adopt::clone(adopt), *account),
            Entry::Fact(_, event) => Written::Fact { program, platform, event: **event },
            Entry::Kept(_, Unrecognized { digest, problem, redacted }) => {
                let (problem, redacted) = (problem.clone(), redacted.clone());
                Written::Kept { program, platform, digest: *digest, problem, redacted }
            }
            Entry::Ordered(_, operation, event) => {
                let Operation { key, request, who, why, at, .. } = Operation::clone(operation);
                Written::Ordered { program, key, request, who, why, at, event: **event }
            }
            Entry::Published(_, kept) => {
                let KeptRuleset { kind, hash, source, published_at, published_by, why, .. } = KeptRuleset::clone(kept);
                Written::Published { program, kind, hash, source, at: published_at, by: published_by, why }
            }
        }
    }

    /// The entry that these bytes are.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn from_bytes(bytes: &[u8], digest: &[u8]) -> Result<Self, Unreadable> {
        if digest_of(bytes) != digest {
            return Err(Unreadable::Digest);
        }
        Entry::read(bytes)
    }

    /// The entry that these bytes are, which never left memory.
    ///
    /// # Errors
    /// [`Unreadable::Content`].
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (written, rest) = postcard::take_from_bytes::<Written>(bytes).map_err(|_| Unreadable::Content)?;
        if !rest.is_empty() {
            return Err(Unreadable::Content);
        }
        written.entry(Besides::default()).ok_or(Unreadable::Content)
    }
}

/// What tells damaged bytes from those that were written.
pub(super) fn digest_of(bytes: &[u8]) -> [u8; 8] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}
