//! What the ledger has not heard, as the spool keeps it: an answer that was told, or a message from a platform. Nothing here
//! knows a file.

use std::sync::Arc;

use holdfast_adapters::Unrecognized;
use holdfast_core::agent::Governed;
use holdfast_core::hold::{ToldAnswer, ToldEvent};
use holdfast_core::rules::Verdict;
use holdfast_core::stand_in::ToldApproval;
use holdfast_core::{
    AccountId, AuthorizationId, AuthorizationRequest, Basis, Checkout, ContentDigest, Monitoring, PlatformName, ProgramId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::{Act, Adopt, Erase, Origin, Slip};

/// One thing for the ledger to hear.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An answer that a platform heard without the ledger, and the account for whose money it was given, where that was known.
    Told(Box<Adopt>, Option<AccountId>),
    /// A fact that a platform told.
    Fact(Origin, Box<ToldEvent>),
    /// A notification that was not understood.
    Kept(Origin, Unrecognized),
}

/// An entry as it is written. Operators never leave one.
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
        }
    }

    /// The authorization that it is about: the ledger hears what is about the same one in the order in which it came.
    #[must_use]
    pub fn authorization(&self) -> Option<AuthorizationId> {
        match self {
            Entry::Told(adopt, _) => Some(adopt.request.payments().0.authorization),
            Entry::Fact(_, event) => event.fact.payments().0.map(|payment| payment.authorization),
            Entry::Kept(..) => None,
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

    /// How the ledger hears it.
    #[must_use]
    pub fn act(&self) -> Act {
        match self {
            Entry::Told(adopt, _) => Act::Adopt(Adopt::clone(adopt)),
            Entry::Fact(origin, event) => Act::Tell(*origin, **event),
            Entry::Kept(origin, unrecognized) => Act::Keep(*origin, unrecognized.clone()),
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
            Entry::Told(adopt, account) => {
                let Adopt { request, digest, verdict, told, basis, governed, received_at, slip, .. } = Adopt::clone(adopt);
                let account = *account;
                let told = match governed {
                    None => Written::Told { program, platform, request, digest, verdict, told, basis, received_at, account },
                    Some(governed) => Written::Governed {
                        program,
                        platform,
                        request,
                        digest,
                        verdict,
                        told,
                        basis,
                        received_at,
                        account,
                        governed,
                    },
                };
                let told = match request.checkout {
                    None => told,
                    Some(checkout) => match checkout.monitoring {
                        Monitoring::Asked => Written::ToldAtCheckout { told: Box::new(told), checkout },
                        Monitoring::Bypassed => Written::ToldPastRules { told: Box::new(told), checkout },
                    },
                };
                match slip {
                    None => told,
                    Some(slip) => Written::ToldWithSlip { told: Box::new(told), slip: Slip::clone(&slip) },
                }
            }
            Entry::Fact(_, event) => Written::Fact { program, platform, event: **event },
            Entry::Kept(_, Unrecognized { digest, problem, redacted }) => {
                let (problem, redacted) = (problem.clone(), redacted.clone());
                Written::Kept { program, platform, digest: *digest, problem, redacted }
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
        written.entry(None, None).ok_or(Unreadable::Content)
    }
}

impl Written {
    /// The entry that was written so. With a slip goes one answer that was told, and no other slip within it.
    fn entry(self, slip: Option<Arc<Slip>>, checkout: Option<Checkout>) -> Option<Entry> {
        let origin = |program, platform| Origin { program, platform, operator: None };
        Some(match self {
            Written::ToldWithSlip { told, slip: its } if slip.is_none() && checkout.is_none() => {
                return told.entry(Some(Arc::new(its)), None);
            }
            Written::ToldAtCheckout { told, checkout: its } if checkout.is_none() => return told.entry(slip, Some(its)),
            Written::ToldPastRules { told, checkout: its } if checkout.is_none() => {
                return told.entry(slip, Some(Checkout { monitoring: Monitoring::Bypassed, ..its }));
            }
            Written::ToldWithSlip { .. } | Written::ToldAtCheckout { .. } | Written::ToldPastRules { .. } => return None,
            Written::Told { program, platform, request, digest, verdict, told, basis, received_at, account } => {
                let (origin, request) = (origin(program, platform), AuthorizationRequest { checkout, ..request });
                let adopt = Adopt { origin, request, digest, verdict, told, basis, governed: None, received_at, slip };
                Entry::Told(Box::new(adopt), account)
            }
            Written::Governed { program, platform, request, digest, verdict, told, basis, received_at, account, governed } => {
                let (origin, governed) = (origin(program, platform), Some(governed));
                let request = AuthorizationRequest { checkout, ..request };
                let adopt = Adopt { origin, request, digest, verdict, told, basis, governed, received_at, slip };
                Entry::Told(Box::new(adopt), account)
            }
            Written::Fact { program, platform, event } => Entry::Fact(origin(program, platform), Box::new(event)),
            Written::Kept { program, platform, digest, problem, redacted } => {
                Entry::Kept(origin(program, platform), Unrecognized { digest, problem, redacted })
            }
        })
    }
}

/// What tells damaged bytes from those that were written.
pub(super) fn digest_of(bytes: &[u8]) -> [u8; 8] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}
