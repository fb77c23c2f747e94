//! What the ledger has not heard, as the spool keeps it: an answer that was told, a message from a platform, an operator's word, or
//! a stand-in table. Nothing here knows a file.

use std::sync::Arc;

use holdfast_adapters::Unrecognized;
use holdfast_core::agent::Governed;
use holdfast_core::hold::{ToldAnswer, ToldEvent};
use holdfast_core::rules::{OfLess, Verdict};
use holdfast_core::stand_in::ToldApproval;
use holdfast_core::{
    AccountId, AuthorizationId, AuthorizationRequest, Basis, Checkout, ContentDigest, Monitoring, PlatformName, ProgramId,
    QuestionDigest, Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::{Act, Adopt, Erase, KeptKind, KeptRuleset, Operation, Origin, Slip};

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

/// Which part of a spool an entry may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is there for everything.
    Common,
    /// Also what is kept for what makes nothing looser.
    Reserve,
}

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "lives only while it is written or read")]
enum Written {
    Told {
        program: ProgramId,
        platform: Option<PlatformName>,
        request: AuthorizationRequest,
        digest: ContentDigest,
        verdict: Option<(Verdict, [u8; 32])>,
        told: ToldAnswer,
        basis: Basis,
        received_at: Timestamp,
        account: Option<AccountId>,
    },
    Fact {
        program: ProgramId,
        platform: Option<PlatformName>,
        event: ToldEvent,
    },
    Kept {
        program: ProgramId,
        platform: Option<PlatformName>,
        digest: [u8; 32],
        problem: String,
        redacted: String,
    },
    /// [`Written::Told`], of a question under an agent's authority.
    Governed {
        program: ProgramId,
        platform: Option<PlatformName>,
        request: AuthorizationRequest,
        digest: ContentDigest,
        verdict: Option<(Verdict, [u8; 32])>,
        told: ToldAnswer,
        basis: Basis,
        received_at: Timestamp,
        account: Option<AccountId>,
        governed: Governed,
    },
    /// As `Told`, of a payment of which its caller wrote something.
    ToldWithSlip {
        told: Box<Written>,
        slip: Slip,
    },
    /// As `Told`, of a payment of which a door of ours told something besides. Within a slip, if it has one.
    ToldAtCheckout {
        told: Box<Written>,
        checkout: Checkout,
    },
    /// As `ToldAtCheckout`, past the program's rules.
    ToldPastRules {
        told: Box<Written>,
        checkout: Checkout,
    },
    /// By the management API: whoever it was is named here, and in the ledger's record by the digest that is made of it.
    Ordered {
        program: ProgramId,
        key: String,
        request: [u8; 32],
        who: String,
        why: String,
        at: Timestamp,
        event: ToldEvent,
    },
    /// With who and why.
    Published {
        program: ProgramId,
        kind: KeptKind,
        hash: [u8; 32],
        source: String,
        at: Timestamp,
        by: String,
        why: String,
    },
    /// As `Told`, of a payment that the rules would have held otherwise if less had been approved. Within all that was told besides.
    ToldOfLess {
        told: Box<Written>,
        of_less: OfLess,
    },
    /// As `ToldAtCheckout`, of a caller that wanted the program's rules skipped, and may not.
    ToldOfRefusedBypass {
        told: Box<Written>,
        checkout: Checkout,
    },
}

/// What is written around an answer that was told.
#[derive(Default)]
struct Besides {
    slip: Option<Arc<Slip>>,
    checkout: Option<Checkout>,
    of_less: Option<OfLess>,
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

    /// The authorization that it is about: the ledger hears what is about the same one in the order in which it came.
    #[must_use]
    pub fn authorization(&self) -> Option<AuthorizationId> {
        match self {
            Entry::Told(adopt, _) => Some(adopt.request.payments().0.authorization),
            Entry::Fact(_, event) | Entry::Ordered(_, _, event) => event.fact.payments().0.map(|payment| payment.authorization),
            Entry::Kept(..) | Entry::Published(..) => None,
        }
    }

    /// How much of which account's money was approved by it, in minor units, where that is known.
    #[must_use]
    pub fn approved(&self) -> Option<(AccountId, i64)> {
        let Entry::Told(adopt, account) = self else { return None };
        let ToldAnswer::Approved { amount } = adopt.told else { return None };
        Some(((*account)?, amount.minor()))
    }

    /// An approval as caps count it.
    #[must_use]
    pub fn approval(&self, at: Timestamp) -> Option<ToldApproval> {
        let Entry::Told(adopt, account) = self else { return None };
        let ToldAnswer::Approved { amount } = adopt.told else { return None };
        ToldApproval::of(adopt.origin.platform.as_ref()?, &adopt.request, account.as_ref()?, amount, at)
    }

    /// Which part of the spool it may fill.
    pub(super) fn part(&self) -> Part {
        let bars = self.told().and_then(|event| event.fact.standing()).is_some();
        let is_table = matches!(self, Entry::Published(..));
        if self.is_decline() || bars || is_table { Part::Reserve } else { Part::Common }
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
            Entry::Published(_, kept) => Act::Publish(kept.clone()),
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

    /// The entry as bytes.
    ///
    /// # Errors
    /// There is no memory for them.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        let Origin { program, platform, .. } = *self.origin();
        let written = match self {
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
        };
        postcard::to_allocvec(&written)
    }

    /// The entry that these bytes are.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn from_bytes(bytes: &[u8], digest: &[u8]) -> Result<Self, Unreadable> {
        if digest_of(bytes) != digest {
            return Err(Unreadable::Digest);
        }
        let (written, rest) = postcard::take_from_bytes::<Written>(bytes).map_err(|_| Unreadable::Content)?;
        if !rest.is_empty() {
            return Err(Unreadable::Content);
        }
        written.entry(Besides::default()).ok_or(Unreadable::Content)
    }
}

impl Written {
    /// The entry that was written so. With a slip goes one answer that was told, and no other slip within it.
    fn entry(self, besides: Besides) -> Option<Entry> {
        let origin = |program, platform| Origin { program, platform, operator: None };
        Some(match self {
            Written::ToldWithSlip { told, slip } if besides.slip.is_none() && besides.checkout.is_none() => {
                return told.entry(Besides { slip: Some(Arc::new(slip)), ..besides });
            }
            Written::ToldAtCheckout { told, checkout } if besides.checkout.is_none() => {
                return told.entry(Besides { checkout: Some(checkout), ..besides });
            }
            Written::ToldPastRules { told, checkout } if besides.checkout.is_none() => {
                let checkout = Checkout { monitoring: Monitoring::Bypassed, ..checkout };
                return told.entry(Besides { checkout: Some(checkout), ..besides });
            }
            Written::ToldOfRefusedBypass { told, checkout } if besides.checkout.is_none() => {
                let checkout = Checkout { monitoring: Monitoring::BypassRefused, ..checkout };
                return told.entry(Besides { checkout: Some(checkout), ..besides });
            }
            Written::ToldOfLess { told, of_less } if besides.of_less.is_none() => {
                return told.entry(Besides { of_less: Some(of_less), ..besides });
            }
            Written::ToldWithSlip { .. }
            | Written::ToldAtCheckout { .. }
            | Written::ToldPastRules { .. }
            | Written::ToldOfRefusedBypass { .. }
            | Written::ToldOfLess { .. } => return None,
            Written::Told { program, platform, request, digest, verdict, told, basis, received_at, account } => {
                let (origin, digest, slip) = (origin(program, platform), digest.into(), None);
                let adopt = Adopt { origin, request, digest, verdict, told, basis, governed: None, received_at, slip };
                Entry::Told(Box::new(besides.of(adopt)), account)
            }
            Written::Governed { program, platform, request, digest, verdict, told, basis, received_at, account, governed } => {
                let (origin, digest) = (origin(program, platform), digest.into());
                let (governed, slip) = (Some(governed), None);
                let adopt = Adopt { origin, request, digest, verdict, told, basis, governed, received_at, slip };
                Entry::Told(Box::new(besides.of(adopt)), account)
            }
            Written::Fact { program, platform, event } => Entry::Fact(origin(program, platform), Box::new(event)),
            Written::Kept { program, platform, digest, problem, redacted } => {
                Entry::Kept(origin(program, platform), Unrecognized { digest, problem, redacted })
            }
            Written::Ordered { program, key, request, who, why, at, event } => {
                Entry::ordered(program, Operation { program: program.to_string(), key, request, who, why, at }, event)
            }
            Written::Published { program, kind, hash, source, at, by, why } => {
                let (of, published_at, published_by) = (program.to_string(), at, by);
                Entry::published(program, KeptRuleset { kind, hash, program: of, source, published_at, published_by, why })
            }
        })
    }
}

impl Besides {
    /// The answer as it was before it was written.
    fn of(self, mut adopt: Adopt) -> Adopt {
        let Besides { slip, checkout, of_less } = self;
        if let Some((Verdict::Proceed(proceed), _)) = &mut adopt.verdict {
            proceed.hold.of_less = of_less;
        }
        let request = AuthorizationRequest { checkout, ..adopt.request };
        // Only the whole question says by which version its digest was made.
        let digest = QuestionDigest::known_by(adopt.digest.kept(), &request);
        Adopt { request, digest, slip, ..adopt }
    }
}

/// An answer that was told, as it is written.
fn told(adopt: Adopt, account: Option<AccountId>) -> Written {
    let Adopt { origin, request, digest, verdict, told, basis, governed, received_at, slip } = adopt;
    let digest = digest.kept();
    let Origin { program, platform, .. } = origin;
    let of_less = match &verdict {
        Some((Verdict::Proceed(proceed), _)) => proceed.hold.of_less,
        Some((Verdict::Decline { .. }, _)) | None => None,
    };
    let told = match governed {
        None => Written::Told { program, platform, request, digest, verdict, told, basis, received_at, account },
        Some(governed) => {
            Written::Governed { program, platform, request, digest, verdict, told, basis, received_at, account, governed }
        }
    };
    let told = match of_less {
        None => told,
        Some(of_less) => Written::ToldOfLess { told: Box::new(told), of_less },
    };
    let told = match request.checkout {
        None => told,
        Some(checkout) => match checkout.monitoring {
            Monitoring::Asked => Written::ToldAtCheckout { told: Box::new(told), checkout },
            Monitoring::Bypassed => Written::ToldPastRules { told: Box::new(told), checkout },
            Monitoring::BypassRefused => Written::ToldOfRefusedBypass { told: Box::new(told), checkout },
        },
    };
    match slip {
        None => told,
        Some(slip) => Written::ToldWithSlip { told: Box::new(told), slip: Slip::clone(&slip) },
    }
}

/// What tells damaged bytes from those that were written.
pub(super) fn digest_of(bytes: &[u8]) -> [u8; 8] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}
