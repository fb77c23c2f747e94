//! An entry as its bytes have it: one variant for each form that was ever written, never changed, so that a spool of an older version
//! is read.

use std::sync::Arc;

use holdfast_adapters::Unrecognized;
use holdfast_core::agent::{CorrelationDigest, Governed};
use holdfast_core::hold::{ToldAnswer, ToldEvent};
use holdfast_core::rules::{OfLess, Verdict, Way, Ways};
use holdfast_core::{
    AccountId, AuthorizationRequest, Basis, Checkout, ContentDigest, Monitoring, PlatformName, ProgramId, QuestionDigest,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use crate::ledger::{Adopt, KeptKind, KeptRuleset, Operation, Origin, Slip};

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "lives only while it is written or read")]
pub(super) enum Written {
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
    /// As `ToldWithSlip`, with what lasts of it.
    ToldWithLastingSlip {
        told: Box<Written>,
        slip: Slip,
        lasting: String,
    },
    /// As `Governed`, of a question that its processor finds again by this. Within all that was told besides.
    ToldCorrelated {
        told: Box<Written>,
        correlation: CorrelationDigest,
    },
    /// As `Told`, of a payment that took one of several ways: its limits are those of that way. Within all that was told besides.
    ToldByWay {
        told: Box<Written>,
        way: Way,
    },
}

/// What is written around an answer that was told.
#[derive(Default)]
pub(super) struct Besides {
    slip: Option<Arc<Slip>>,
    checkout: Option<Checkout>,
    of_less: Option<OfLess>,
    correlation: Option<CorrelationDigest>,
    way: Option<Way>,
}

impl Written {
    /// The entry that was written so. With a slip goes one answer that was told, and no other slip within it.
    pub fn entry(self, besides: Besides) -> Option<Entry> {
        let origin = |program, platform| Origin { program, platform, operator: None };
        Some(match self {
            Written::ToldWithSlip { told, slip } if besides.slip.is_none() && besides.checkout.is_none() => {
                return told.entry(Besides { slip: Some(Arc::new(slip)), ..besides });
            }
            Written::ToldWithLastingSlip { told, slip, lasting } if besides.slip.is_none() && besides.checkout.is_none() => {
                let slip = Slip { lasting: Some(lasting), ..slip };
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
            Written::ToldCorrelated { told, correlation } if besides.correlation.is_none() => {
                return told.entry(Besides { correlation: Some(correlation), ..besides });
            }
            Written::ToldByWay { told, way } if besides.way.is_none() => {
                return told.entry(Besides { way: Some(way), ..besides });
            }
            Written::ToldWithSlip { .. }
            | Written::ToldWithLastingSlip { .. }
            | Written::ToldAtCheckout { .. }
            | Written::ToldPastRules { .. }
            | Written::ToldOfRefusedBypass { .. }
            | Written::ToldOfLess { .. }
            | Written::ToldCorrelated { .. }
            | Written::ToldByWay { .. } => return None,
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
        let Besides { slip, checkout, of_less, correlation, way } = self;
        if let Some((Verdict::Proceed(proceed), _)) = &mut adopt.verdict {
            proceed.hold.of_less = of_less;
            proceed.ways = way.map(Ways::from);
        }
        if let Some(governed) = &mut adopt.governed {
            governed.correlation = correlation;
        }
        let request = AuthorizationRequest { checkout, ..adopt.request };
        // Only the whole question says by which version its digest was made.
        let digest = QuestionDigest::known_by(adopt.digest.kept(), &request);
        Adopt { request, digest, slip, ..adopt }
    }
}

/// An answer that was told, as it is written.
pub(super) fn told(adopt: Adopt, account: Option<AccountId>) -> Written {
    let Adopt { origin, request, digest, verdict, told, basis, governed, received_at, slip } = adopt;
    let digest = digest.kept();
    let Origin { program, platform, .. } = origin;
    let (verdict, way) = on_one_way(verdict);
    let of_less = match &verdict {
        Some((Verdict::Proceed(proceed), _)) => proceed.hold.of_less,
        Some((Verdict::Decline { .. }, _)) | None => None,
    };
    let correlation = governed.and_then(|governed| governed.correlation);
    let told = match governed {
        None => Written::Told { program, platform, request, digest, verdict, told, basis, received_at, account },
        Some(governed) => {
            Written::Governed { program, platform, request, digest, verdict, told, basis, received_at, account, governed }
        }
    };
    let told = match correlation {
        None => told,
        Some(correlation) => Written::ToldCorrelated { told: Box::new(told), correlation },
    };
    let told = match of_less {
        None => told,
        Some(of_less) => Written::ToldOfLess { told: Box::new(told), of_less },
    };
    let told = match way {
        None => told,
        Some(way) => Written::ToldByWay { told: Box::new(told), way },
    };
    let told = match request.checkout {
        None => told,
        Some(checkout) => match checkout.monitoring {
            Monitoring::Asked => Written::ToldAtCheckout { told: Box::new(told), checkout },
            Monitoring::Bypassed => Written::ToldPastRules { told: Box::new(told), checkout },
            Monitoring::BypassRefused => Written::ToldOfRefusedBypass { told: Box::new(told), checkout },
        },
    };
    let Some(slip) = slip else { return told };
    let (told, slip) = (Box::new(told), Slip::clone(&slip));
    match slip.lasting.clone() {
        None => Written::ToldWithSlip { told, slip },
        Some(lasting) => Written::ToldWithLastingSlip { told, slip, lasting },
    }
}

/// An opinion with the limits of one way, and which one that is: the one that was taken, or the first where nobody took one.
fn on_one_way(opinion: Option<(Verdict, [u8; 32])>) -> (Option<(Verdict, [u8; 32])>, Option<Way>) {
    match opinion {
        Some((Verdict::Proceed(proceed), ruleset)) => {
            let way = proceed.first_way();
            (Some((Verdict::Proceed(proceed.by(way)), ruleset)), way)
        }
        Some((Verdict::Decline { .. }, _)) | None => (opinion, None),
    }
}
