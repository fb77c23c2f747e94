//! What a transaction's state and type mean for the ledger: the table of this folder's README. Nothing here reads an amount.

/// A transaction's state as Apto tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Declined,
    Complete,
}

/// A transaction's type as Apto tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pending,
    Reversal,
    Purchase,
    PinPurchase,
    Refund,
    Decline,
    BalanceInquiry,
    Withdrawal,
    Credit,
    Debit,
    NonFinancial,
    Unsupported,
    Other,
}

/// What a state and a type together mean for the ledger: the table is in this folder's README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Approved by us or in our stead; the money is held.
    Authorized,
    /// Authorized once more, for another amount in total: a pump's reversal lies before it.
    AuthorizedAnew,
    /// Declined, or reversed by the merchant after its authorization.
    Declined,
    /// Paid.
    Settled,
    /// Reversed by the merchant: nothing more will be captured.
    Reversed,
    /// Money for the cardholder, paid.
    Credited,
    /// Nothing that moves money, or nothing yet.
    Nothing,
    /// A combination that no document explains.
    Unknown,
}

impl State {
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "pending" => State::Pending,
            "declined" => State::Declined,
            "complete" => State::Complete,
            _ => return None,
        })
    }
}

impl Kind {
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "pending" => Kind::Pending,
            "reversal" => Kind::Reversal,
            "purchase" => Kind::Purchase,
            "pin_purchase" => Kind::PinPurchase,
            "refund" => Kind::Refund,
            "decline" => Kind::Decline,
            // The second spelling stands in a partner's specification.
            "balance_inquiry" | "balance_unquiry" => Kind::BalanceInquiry,
            "withdrawal" => Kind::Withdrawal,
            "credit" => Kind::Credit,
            "debit" => Kind::Debit,
            "non_financial" => Kind::NonFinancial,
            "unsupported" => Kind::Unsupported,
            "other" => Kind::Other,
            _ => return None,
        })
    }
}

impl Meaning {
    /// `None` is a type that nobody has told us of.
    pub(super) const fn of(state: State, kind: Option<Kind>) -> Self {
        match (state, kind) {
            (State::Declined, _) => Meaning::Declined,
            (_, Some(Kind::BalanceInquiry | Kind::NonFinancial | Kind::Unsupported)) => Meaning::Nothing,
            (_, None | Some(Kind::Decline | Kind::Other)) => Meaning::Unknown,
            (State::Pending, Some(Kind::Reversal | Kind::Refund | Kind::Credit)) => Meaning::Nothing,
            (State::Pending, Some(Kind::Pending | Kind::Purchase | Kind::PinPurchase | Kind::Withdrawal | Kind::Debit)) => {
                Meaning::Authorized
            }
            // Said to be impossible, and seen in real data between a reversal and a purchase: an authorization's event.
            (State::Complete, Some(Kind::Pending)) => Meaning::AuthorizedAnew,
            (State::Complete, Some(Kind::Purchase | Kind::PinPurchase | Kind::Withdrawal | Kind::Debit)) => Meaning::Settled,
            (State::Complete, Some(Kind::Reversal)) => Meaning::Reversed,
            (State::Complete, Some(Kind::Refund | Kind::Credit)) => Meaning::Credited,
        }
    }
}
