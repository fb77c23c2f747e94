//! What will be seen around a question once the ledger has heard what waits for it: the very acts are performed, in their order, by an
//! engine of their own, on a copy of the few rows that they name. Nothing of it reaches memory or the journal.

use holdfast_core::agent::takes_over;
use holdfast_core::hold::{Fact, ToldEvent};
use holdfast_core::stand_in::AddsTo;
use holdfast_core::{AuthorizationRequest, PaymentRef};

use super::cold::Need;
use super::engine::{Engine, Performed, Warmth};
use super::naming::{asked_of, payments_of, subject_of, subject_of_request};
use super::state::{Few, Knows, Naming, State};
use super::window::AsOf;
use crate::clock;
use crate::ledger::postgres::beside::Beside;
use crate::ledger::sight::{Ahead, LeftOut, ToHear};
use crate::ledger::{Adopt, LedgerError, Origin};

/// What a copy was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Of all that there is: what leads nowhere here is nobody's.
    Everything,
    /// Of one account and its cards, and of no payment: what leads nowhere here may be about that all the same.
    NoPayments,
}

/// A copy of the rows that a question names, and what the ledger has yet to hear; and of what of that memory has everything.
#[derive(Debug)]
pub struct Copied {
    pub state: State,
    pub knows: Vec<Knows>,
    pub extent: Extent,
}

impl Copied {
    /// Of memory. For as long as it takes to copy a few rows nobody works on that.
    pub fn of(memory: &State, to_hear: &[ToHear], origin: &Origin, request: &AuthorizationRequest) -> Self {
        let mut few = Few::of(memory);
        // What of the question's own names is not known is looked for by nobody who only looks.
        let _ = few.take(&of_request(origin, request));
        let knows = to_hear.iter().map(|one| few.take(&naming(one))).collect();
        Copied { state: few.copied(), knows, extent: Extent::Everything }
    }

    /// Has the copy hear it, and looks at the question as it is then.
    pub fn ahead(self, to_hear: &[ToHear], origin: &Origin, request: &AuthorizationRequest, as_of: AsOf) -> Ahead {
        let Copied { state, knows, extent } = self;
        let mut engine = Engine::new(Box::new(Beside::default()), Box::new(state));
        let (now, mut left_out, mut ends) = (clock::now(), LeftOut::default(), Ends::AsSaid);
        for (one, knows) in to_hear.iter().zip(knows) {
            if extent == Extent::NoPayments && only_gives(one) {
                // The database may have it already, and what is seen with it: it must not pay for what comes after it.
                continue;
            }
            let leads = leads(engine.state(), one, extent);
            if leads == Leads::PerhapsToAPayment {
                ends = Ends::Perhaps;
            }
            let performed = match (knows, leads) {
                (Knows::All, Leads::Somewhere | Leads::PerhapsToAPayment) => engine.attend(&one.act(), &now, Warmth::Found),
                (Knows::PerhapsNotAll, _) | (_, Leads::PerhapsHere) => Performed::Cold(Need::default()),
            };
            match performed {
                // Refused for whatever reason, it does nothing when the ledger hears it, either; a bug, and what is not known, may do anything.
                Performed::Now(Err(LedgerError::Panicked)) | Performed::Cold(_) => left_out.add(one),
                Performed::Now(Ok(_) | Err(_)) | Performed::OnceDurable(_) => {}
            }
        }
        let ahead = Ahead::of(&engine.state().seen(origin, request, as_of), left_out);
        match (ahead.adds_to, ends) {
            (AddsTo::Open, Ends::Perhaps) => Ahead { adds_to: AddsTo::Perhaps, ..ahead },
            (AddsTo::Open | AddsTo::Perhaps | AddsTo::NotKnown, _) => ahead,
        }
    }
}

/// Whether something that was told gives, and takes nothing.
const fn only_gives(one: &ToHear) -> bool {
    matches!(one, ToHear::Fact(_, event) if matches!(event.fact, Fact::Credited { .. }))
}

/// Whether something that was told may have ended more than what it leads to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    AsSaid,
    Perhaps,
}

/// Where something that is told leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// To what the copy has, or to nobody.
    Somewhere,
    /// It ends or lessens a payment that the copy does not have by this name: it may have it by another one.
    PerhapsToAPayment,
    /// To no account, and it may be about this one.
    PerhapsHere,
}

fn leads(state: &State, one: &ToHear, extent: Extent) -> Leads {
    let (Extent::NoPayments, ToHear::Fact(origin, event)) = (extent, one) else { return Leads::Somewhere };
    let (subject, (payment, own)) = (subject_of(event), payments_of(origin.platform.as_ref(), event));
    let located = state.locate_told(&origin.program, origin.platform.as_ref(), &subject, (payment.as_ref(), own.as_ref()));
    match (located.account, located.hold) {
        (None, _) => Leads::PerhapsHere,
        (Some(_), None) if event.fact.lessens() => Leads::PerhapsToAPayment,
        (Some(_), _) => Leads::Somewhere,
    }
}

/// What a question names.
pub fn of_request<'a>(origin: &'a Origin, request: &AuthorizationRequest) -> Naming<'a> {
    let (payment, own) = request.payments();
    Naming {
        program: &origin.program,
        platform: origin.platform.as_ref(),
        subject: subject_of_request(request),
        payments: [Some(*payment), own.copied()],
        reserved: None,
        asked: Some(request.key),
        told: None,
    }
}

/// What somebody names of whom the ledger has yet to hear.
pub fn naming(to_hear: &ToHear) -> Naming<'_> {
    match to_hear {
        ToHear::Answer(adopt) => Naming { reserved: reserved_for(adopt), ..of_request(&adopt.origin, &adopt.request) },
        ToHear::Fact(origin, event) => of_event(origin, event),
    }
}

fn of_event<'a>(origin: &'a Origin, event: &ToldEvent) -> Naming<'a> {
    let platform = origin.platform.as_ref();
    let (payment, own) = payments_of(platform, event);
    Naming {
        program: &origin.program,
        platform,
        subject: subject_of(event),
        payments: [payment, own],
        reserved: None,
        asked: asked_of(&event.fact),
        told: Some(event.key),
    }
}

/// What an answer gives back that was reserved for its intent.
fn reserved_for(adopt: &Adopt) -> Option<PaymentRef> {
    let (verdict, _) = adopt.verdict.as_ref()?;
    holdfast_core::agent::reservation_of(&takes_over(adopt.governed.as_ref(), verdict)?)
}
