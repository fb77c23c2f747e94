//! What of a policy must hold together, while it is made of a template.

use super::counting::Counting;
use super::names::free_id;
use super::{Most, Owner, Part};
use crate::agent::template::FieldError;
use crate::money::{Currency, Money};
use crate::rules::{
    AmountRange, Check, KindSet, Listed, Place, Rule, Ruleset, RulesetError, RulesetHash, RulesetParts, Ways, When,
};

/// What must hold together, on its way.
#[derive(Default)]
pub(super) struct PartInMaking {
    /// What its limits' names say of where they count: nothing of those that always do.
    pub(super) of_way: String,
    /// How many `any_of`s of it have made ways so far.
    pub(super) any_ofs: usize,
    pub(super) rules: Vec<Rule>,
    pub(super) counted: Vec<Counting>,
    pub(super) review: Option<AmountRange>,
    /// Of single amounts.
    pub(super) maxima: Vec<i64>,
    /// Where the template that is compiled stands,
    pub(super) standing: Standing,
    /// and whether any with a maximum stands among others of which one is enough.
    pub(super) maxima_stand: Standing,
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// It must hold.
    #[default]
    Alone,
    /// It is part of one of several checks of which one is enough.
    AmongOthers,
}

impl PartInMaking {
    pub(super) fn compiled(
        self,
        owner: &Owner,
        currency: Currency,
        hash: RulesetHash,
        ways: Option<Ways>,
    ) -> Result<Part, Vec<FieldError>> {
        let most = self.most();
        let parts = RulesetParts {
            hash,
            program: owner.program,
            currency,
            country: None,
            rules: self.rules,
            limits: self.counted.into_iter().filter_map(|counting| counting.limit(owner.authority.as_str(), ways)).collect(),
            holds: Vec::new(),
            partial_approval: None,
        };
        // What was written was checked field by field; what is left has no field of its own.
        let ruleset = Ruleset::new(parts).map_err(|errors| errors.iter().map(of_ruleset).collect::<Vec<_>>())?;
        Ok(Part { ruleset, unreviewed: self.review, ways, currency, most })
    }

    /// What bounds one payment.
    fn most(&self) -> Most {
        match (self.maxima.iter().min(), self.maxima_stand) {
            (None, _) => Most::Unbounded,
            (Some(least), Standing::Alone) => Most::Plain(*least),
            (Some(_), Standing::AmongOthers) => {
                let mut maxima = self.maxima.clone();
                maxima.sort_unstable_by(|one, other| other.cmp(one));
                Most::ByCheck(maxima.into())
            }
        }
    }

    pub(super) fn note_maximum(&mut self, most: Money) {
        self.maxima.push(most.minor());
        if self.standing == Standing::AmongOthers {
            self.maxima_stand = Standing::AmongOthers;
        }
    }

    pub(super) fn add_rule(&mut self, name: &str, check: Check) {
        let known = self.rules.iter().map(Rule::id).collect::<Vec<_>>();
        if let Some(id) = free_id(name, &known) {
            self.rules.push(Rule::new(id, check));
        }
    }

    /// A budget cannot count what is in another currency, so nothing in one passes beside it.
    pub(super) fn keep_to_currency(&mut self, currency: Currency) {
        if self.counted.iter().any(Counting::is_on_amounts) {
            self.add_rule("currency", Check::Currency(Listed::Allow(Box::new([currency]))));
            let payments = When { kinds: Some(KindSet::TAKING_MONEY), ..When::default() };
            if let Some(rule) = self.rules.pop() {
                self.rules.push(rule.when(payments));
            }
        }
    }
}

fn of_ruleset(error: &RulesetError) -> FieldError {
    match error.place {
        Place::Ruleset | Place::Rule(_) | Place::Limit(_) | Place::Hold(_) | Place::PartialApproval => {
            FieldError::new("parameters", error)
        }
    }
}
