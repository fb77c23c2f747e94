//! What a rule, a limit or a hold row is about: every condition that is written must hold.

use crate::authorization::{AuthorizationRequest, CrossBorder, Posting, Wallet};
use crate::merchant::Country;
use crate::money::Currency;
use crate::time::Timestamp;

use super::checkout::CheckoutCondition;
use super::problem::RulesetProblem;
use super::sets::{EntryModeSet, KindSet, MccSet, NetworkSet, SortedSet};

/// A request and what rules need to know around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub request: &'a AuthorizationRequest,
    pub now: Timestamp,
    /// As the platform tells it or, where it does not, by the two countries.
    pub border: CrossBorder,
}

impl<'a> Facts<'a> {
    /// Looks for the border where the platform does not tell one.
    pub(crate) fn of(request: &'a AuthorizationRequest, program_country: Option<Country>, now: Timestamp) -> Self {
        let border = match (request.cross_border, request.merchant.country, program_country) {
            (told @ (CrossBorder::No | CrossBorder::Yes), _, _) => told,
            (CrossBorder::NotTold, Some(merchant), Some(program)) if merchant == program => CrossBorder::No,
            (CrossBorder::NotTold, Some(_), Some(_)) => CrossBorder::Yes,
            (CrossBorder::NotTold, None, _) | (CrossBorder::NotTold, _, None) => CrossBorder::NotTold,
        };
        Facts { request, now, border }
    }
}

/// Conditions under which a rule, a limit or a hold row applies. Without any it applies to everything that it is about by its nature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Only these kinds.
    pub kinds: Option<KindSet>,
    /// Only what leaves the account this way.
    pub posting: Option<Posting>,
    /// Only these entry modes.
    pub entry_modes: Option<EntryModeSet>,
    /// Only with, or only without, a wallet's token.
    pub wallet: Option<Wallet>,
    /// Only across a border, or only within one country.
    pub border: Option<CrossBorder>,
    /// Only what these merchant categories sell.
    pub mcc: Option<MccSet>,
    /// Only merchants in these countries.
    pub countries: Option<SortedSet<Country>>,
    /// Only over these networks.
    pub networks: Option<NetworkSet>,
    /// Only payments at a door of ours of which all of this is told.
    pub checkout: Vec<CheckoutCondition>,
}

impl When {
    /// Whether every condition but the kinds, which the part itself knows better, holds.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        let request = facts.request;
        let merchant = &request.merchant;
        self.posting.is_none_or(|posting| posting == request.posting)
            && self.entry_modes.is_none_or(|modes| modes.contains(request.entry_mode))
            && self.wallet.is_none_or(|wallet| wallet == request.wallet)
            && self.border.is_none_or(|border| border == facts.border)
            && self.mcc.as_ref().is_none_or(|set| merchant.mcc.is_some_and(|mcc| set.contains(mcc)))
            && self.countries.as_ref().is_none_or(|set| merchant.country.is_some_and(|country| set.contains(&country)))
            && self.networks.as_ref().is_none_or(|set| request.network.is_some_and(|network| set.contains(&network)))
            && self.checkout.iter().all(|condition| condition.holds(request) == Some(true))
    }
}

impl When {
    /// Every way in which the conditions are wrong.
    pub(crate) fn problems(&self, currency: Currency, country: Option<Country>) -> Vec<RulesetProblem> {
        let asks_for_border = self.border.is_some() && country.is_none();
        let border = asks_for_border.then_some(RulesetProblem::CountryNotNamed);
        border.into_iter().chain(self.checkout.iter().filter_map(|condition| condition.problems(currency))).collect()
    }
}
