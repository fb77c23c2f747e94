//! The words that rulesets use for our enums. Each list is the enum's own.

use holdfast_core::rules::{Enforcement, LimitScope, Requirement, Weekday};
use holdfast_core::{AuthorizationKind, DeclineReason, EntryMode, Posting};

use crate::config::read::{Section, Text, Value};

/// One of a list of words.
pub fn one_of<T: Copy>(text: &Text<'_>, all: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
    text.parse(|word| {
        all.iter().copied().find(|known| name(*known) == word).ok_or_else(|| {
            let words: Vec<&str> = all.iter().map(|known| name(*known)).collect();
            format!("is none of {}", words.join(", "))
        })
    })
}

/// Every item of a list, each one of a list of words; `None` if one is not.
fn each_of<T: Copy>(value: &Value<'_>, all: &[T], name: impl Fn(T) -> &'static str + Copy) -> Option<Vec<T>> {
    let texts = value.list_of_texts()?;
    let words: Vec<T> = texts.iter().filter_map(|text| one_of(text, all, name)).collect();
    // An item that was no text was left out and noted; so the list is not what its author meant.
    (words.len() == texts.len()).then_some(words)
}

pub fn kinds(value: &Value<'_>) -> Option<Vec<AuthorizationKind>> {
    each_of(value, &AuthorizationKind::ALL, AuthorizationKind::name)
}

pub fn entry_modes(value: &Value<'_>) -> Option<Vec<EntryMode>> {
    each_of(value, &EntryMode::ALL, EntryMode::name)
}

pub fn weekdays(value: &Value<'_>) -> Option<Vec<Weekday>> {
    each_of(value, &Weekday::ALL, Weekday::name)
}

pub fn weekday(text: &Text<'_>) -> Option<Weekday> {
    one_of(text, &Weekday::ALL, Weekday::name)
}

/// Any reason; of a word that is none, those are told that `may` be had here.
pub fn reason(text: &Text<'_>, may: fn(DeclineReason) -> bool) -> Option<DeclineReason> {
    let known = DeclineReason::ALL.iter().copied().find(|reason| reason.name() == text.text);
    known.or_else(|| {
        let had: Vec<_> = DeclineReason::ALL.iter().copied().filter(|reason| may(*reason)).collect();
        one_of(text, &had, DeclineReason::name)
    })
}

pub fn requirement(text: &Text<'_>) -> Option<Requirement> {
    one_of(text, &[Requirement::Deny, Requirement::Require], |requirement| match requirement {
        Requirement::Deny => "deny",
        Requirement::Require => "require",
    })
}

pub fn posting(text: &Text<'_>) -> Option<Posting> {
    one_of(text, &[Posting::Hold, Posting::Immediate], |posting| match posting {
        Posting::Hold => "hold",
        Posting::Immediate => "immediate",
    })
}

pub fn scope(text: &Text<'_>) -> Option<LimitScope> {
    one_of(text, &LimitScope::OF_PROGRAMS, LimitScope::name)
}

/// Whose answers a cap of stand-in counts: what can be told of a question without the ledger.
pub fn cap_scope(text: &Text<'_>) -> Option<LimitScope> {
    one_of(text, &[LimitScope::Card, LimitScope::Account, LimitScope::Program], LimitScope::name)
}

/// The key `enforcement`: to decline, unless it says otherwise.
pub fn enforcement(section: &Section<'_>) -> Enforcement {
    let word = section.optional_text("enforcement").and_then(|text| {
        one_of(&text, &[Enforcement::Enforce, Enforcement::Observe], |enforcement| match enforcement {
            Enforcement::Enforce => "enforce",
            Enforcement::Observe => "observe",
        })
    });
    word.unwrap_or(Enforcement::Enforce)
}
