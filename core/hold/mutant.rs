//! The field's known bugs, each to be put back on purpose: a proof that the simulation would find it.
//!
//! Only builds with the feature `mutants` have them, one at a time and thread; in every other build [`is`] is a constant, and
//! nothing is left of its hooks.

macro_rules! mutants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A bug that can be put back.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $($(#[$doc])* $variant,)* }

        impl Mutant {
            /// All of them, in the order of declaration.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$variant,)*];

            /// As the command line writes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Mutant::$variant => $name,)* }
            }
        }
    };
}

mutants! {
    /// What was released is released again by a second void.
    DoubleVoid = "double-void",
    /// What is held can be spent once more.
    HoldsNotCounted = "holds-not-counted",
    /// An order captures what was declined or released.
    CommitAfterReject = "commit-after-reject",
    /// A clearing above the authorization posts only as much as was authorized.
    OverCaptureCut = "over-capture-cut",
    /// The first of several clearings frees the rest of the hold.
    FirstCaptureEnds = "first-capture-ends",
    /// The final clearing leaves the rest held.
    FinalKeepsRest = "final-keeps-rest",
    /// A clearing after the hold's end posts nothing.
    CaptureAfterEndLost = "capture-after-end-lost",
    /// A clearing before its authorization is never matched with it.
    EarlyCaptureUnmatched = "early-capture-unmatched",
    /// A force post has to be covered.
    ForcePostNeedsFunds = "force-post-needs-funds",
    /// What was approved in our stead cannot be reversed.
    StandInNotReversed = "stand-in-not-reversed",
    /// A refund has to name its payment.
    RefundNeedsLink = "refund-needs-link",
    /// What was told is not remembered over a restart.
    ToldAgainAfterRestart = "told-again-after-restart",
    /// An expiry releases what was captured before it, too.
    ExpiryRacesCapture = "expiry-races-capture",
    /// A reversal in the merchant's currency is believed in the account's.
    ReversalAtOldRate = "reversal-at-old-rate",
    /// A verification is refused for funds.
    VerificationNeedsFunds = "verification-needs-funds",
    /// A credit can be spent before it clears.
    CreditSpendable = "credit-spendable",
    /// A limit does not get back what was not spent.
    LimitGetsNothingBack = "limit-gets-nothing-back",
    /// An increment is one more transaction.
    IncrementIsTransaction = "increment-is-transaction",
    /// A retry that heard no releases what the first callback was told.
    RetryReleases = "retry-releases",
    /// A retry is decided afresh.
    RetryDecidedAfresh = "retry-decided-afresh",
    /// More can be refunded than was captured.
    RefundAboveCaptured = "refund-above-captured",
    /// The last standing to arrive wins, whatever its time.
    StaleStanding = "stale-standing",
    /// A decline that was told is forgotten with the group that could not be written.
    ToldDeclineForgotten = "told-decline-forgotten",
    /// What is asked now is covered by a total that was told before.
    AddedBeforeTotals = "added-before-totals",
    /// What is held on top stays whole when what it is held on is reversed in part.
    ExtraStaysWhole = "extra-stays-whole",
    /// A total or a capture above what was approved counts in no limit.
    ExcessNotCounted = "excess-not-counted",
    /// What we release is folded by our clock against the platform's.
    EndedByOurClock = "ended-by-our-clock",
    /// A word that comes late and tells no time opens what was paid in full, or declined.
    LateWordReopens = "late-word-reopens",
    /// What the platform recorded as approved is declined when its question comes after.
    RecordedYesDeclined = "recorded-yes-declined",
    /// A question for less than the platform recorded of its payment under another name lowers what is held.
    QuestionLowersTold = "question-lowers-told",
    /// A question that the platform recorded as approved adds to the payment that another one opened.
    RecordedQuestionAdds = "recorded-question-adds",
    /// A retry hears the amount that the platform recorded instead of the one that was told.
    RetryHearsRecorded = "retry-hears-recorded",
    /// A question is approved for more than it asks, where the platform recorded more.
    MoreThanAsked = "more-than-asked",
    /// What was told of a payment under two names stays apart when a message says that they are of one.
    NamesNotJoined = "names-not-joined",
    /// What the platform told to add is held once more where it is asked.
    ToldIncrementAddsTwice = "told-increment-adds-twice",
    /// What is told first of an increment says with which payment it is held.
    FirstTellingCounts = "first-telling-counts",
    /// What a total named of a payment that was declined after all stays held.
    DeclinedTotalHeld = "declined-total-held",
    /// What a total named of an increment that was declined after it stays held.
    DeclinedIncrementInTotal = "declined-increment-in-total",
    /// An increment that we declined, and the platform approved and took back, is said yes to while the rest of its payment is there.
    RestSaysYes = "rest-says-yes",
}

#[cfg(feature = "mutants")]
mod switch {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        static PUT_BACK: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Puts a bug back in this thread, or none; whether this build can.
    pub fn put_back(mutant: Option<Mutant>) -> bool {
        PUT_BACK.set(mutant);
        true
    }

    /// Whether this bug is put back.
    #[must_use]
    pub fn is(mutant: Mutant) -> bool {
        PUT_BACK.get() == Some(mutant)
    }
}

#[cfg(not(feature = "mutants"))]
mod switch {
    use super::Mutant;

    /// Puts a bug back in this thread, or none; whether this build can.
    pub const fn put_back(_: Option<Mutant>) -> bool {
        false
    }

    /// Whether this bug is put back.
    #[must_use]
    pub const fn is(_: Mutant) -> bool {
        false
    }
}

pub use switch::{is, put_back};
