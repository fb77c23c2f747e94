//! What a program wrote, parsed and typed at load; and what it says about a request.
//!
//! A [`Ruleset`] is made once, checked whole, and never changes. [`evaluate`](evaluate()) asks it about one request: no clock, no
//! allocation, no failure. A rule only ever declines; whatever no rule declines may proceed, under the limits that apply, and is
//! held as the hold policy says ([`HoldRow`]).
//!
//! Reading order: [`verdict`](Verdict), `evaluate`, `rule`, `when`, `limit`, `hold_policy`, `hold_row`, `hold_defaults`,
//! `ruleset`; then the parts they are made of: `sets`, `mcc_groups`, `hours`, `zone`, `percent`.
//!
//! # What a rule does when the datum is absent
//!
//! | | datum listed | datum not listed | datum absent |
//! |---|---|---|---|
//! | allow list | passes | declines | declines: nothing shows that it is allowed |
//! | deny list | declines | passes | passes: nothing shows that it is denied |
//! | `when` condition | the rule applies | it does not | it does not |
//!
//! What only doors of ours tell (surcharge, gratuity, fees, items, 3-D Secure, verifications, the payer's IP address) is asked of nothing
//! else: a rule that checks it passes a question that tells none of it, a card network's. At such a door an absent IP address is a
//! datum that is absent, and the others always have a value: none is zero, and what was not told or verified is a word to be listed.
//!
//! An entry mode of `unknown` is a value that can be listed. A border is looked for where the platform does not tell one:
//! by the merchant's country and the program's; without a merchant country it is absent.
//!
//! # Which kinds a rule is about
//!
//! Without `kinds`, a rule on the **amount** is about the kinds that take money (so neither a verification's zero nor money
//! coming back is ever "too little" or "too much"); a rule on the **kind** is about every kind; every **other** rule is about
//! every kind but `credit`, because a refund from a merchant that was denied since must still arrive. A rule that names
//! `purchase` is about its increments too. No rule is about a kind that this version does not know: that is declined before any of them.

mod checkout;
mod describe;
mod evaluate;
mod hold_defaults;
mod hold_policy;
mod hold_row;
mod hours;
mod limit;
mod mcc_groups;
mod percent;
mod problem;
mod rule;
mod ruleset;
mod sets;
mod verdict;
mod ways;
mod when;
mod zone;

#[cfg(test)]
mod tests;

pub use checkout::{CheckoutCondition, CountRange, NetworkList, PartRange, WordSet};
pub(crate) use describe::{Amount, Length, write_conditions, write_list};
pub use evaluate::{Match, MatchList, NoTrace, Trace, evaluate, limits_alone};
pub use hold_policy::{HoldPolicy, OfLess};
pub use hold_row::{HoldRow, HoldTerms, Margin, PartialRule};
pub use hours::{Hours, Span, TimeOfDay, Weekday};
pub use limit::{BUCKETS_MAX, Limit, LimitWindow, Rolling, moved_from};
pub use mcc_groups::{MCC_GROUPS, MccGroup};
pub use percent::Percent;
pub use problem::{Place, RulesetError, RulesetProblem};
pub use rule::{AmountRange, Check, Requirement, Rule, is_for_rules};
pub use ruleset::{HOLDS_MAX, RULES_MAX, Ruleset, RulesetHash, RulesetParts};
pub use sets::{EntryModeSet, KindSet, Listed, MccEntry, MccSet, NetworkSet, SortedSet};
pub use verdict::{CounterKey, Enforcement, LIMITS_MAX, LimitCheck, LimitScope, Proceed, StillOpen, Verdict, Window};
pub use ways::{WAYS_MAX, Way, Ways, common_reason};
pub(crate) use when::Facts;
pub use when::When;
pub use zone::{TransitionError, Zone};
