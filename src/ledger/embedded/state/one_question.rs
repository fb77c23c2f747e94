//! One key of the platform's for two of its transactions: the second one is refused, and what the platform tells of it is not about the
//! first one's payment, although it gives that one's key as a name. Which transaction a message is of decides. Nothing here changes a row.

use holdfast_core::hold::{Fact, Step, StepId, What};

use super::{HoldIndex, Located, PaymentNames, State};

impl State {
    /// The hold of a payment, by either of its names; by the second where the first is the key of a question about both that it leads to.
    pub fn hold_named(&self, names: &PaymentNames) -> Option<HoldIndex> {
        let (by_first, by_second) = (self.hold_by(&names.first), names.second.and_then(|name| self.hold_by(&name)));
        match (by_first, by_second) {
            (Some(first), Some(second)) if self.share_a_question(first, second, names) => Some(second),
            (Some(first), _) => Some(first),
            (None, second) => second,
        }
    }

    /// Whether two payments are two transactions under one key: both know its question.
    pub fn share_a_question(&self, one: HoldIndex, other: HoldIndex, names: &PaymentNames) -> bool {
        one != other && names.question.is_some_and(|question| self.knows(one, question) && self.knows(other, question))
    }

    /// Whether a fact says how a question ended that another transaction asked under the same key: the payment that the key leads to knows its
    /// question, and is called by a transaction, and by another one.
    pub fn is_of_another_transaction(&self, located: &Located, fact: &Fact) -> bool {
        let Fact::Recorded { increments: None, .. } = fact else { return false };
        let Some((index, names)) = located.hold.zip(located.payment) else { return false };
        let (Some(second), Some(question), Some(row)) = (names.second, names.question, self.hold(index)) else { return false };
        let is_called_otherwise = row.names.iter().any(|name| *name != names.first) && !row.names.contains(&second);
        self.hold_by(&names.first) == Some(index) && is_called_otherwise && self.knows(index, question)
    }

    /// Whether the answer to the key that is a payment's first name is another payment's.
    pub fn is_anothers_answer(&self, located: &Located) -> bool {
        let Some((names, question)) = located.payment.and_then(|names| Some((names, names.question?))) else { return false };
        let asked = self.hold_by(&names.first).filter(|index| Some(*index) != located.hold);
        asked.is_some_and(|index| self.knows(index, question))
    }

    fn knows(&self, index: HoldIndex, question: StepId) -> bool {
        self.hold(index).is_some_and(|row| row.steps.iter().any(|step| is_of(step, question)))
    }
}

/// Whether a step is a question, or the platform's word on it.
fn is_of(step: &Step, question: StepId) -> bool {
    match step.what {
        What::Placed(_) => step.id == question,
        What::Recorded { asked, .. } => asked == question,
        What::Reduced { .. } | What::Totalled { .. } | What::Released { .. } | What::Captured { .. } | What::Moved { .. } => {
            false
        }
    }
}
