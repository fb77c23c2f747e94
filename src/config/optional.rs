//! A section that may be left out, and whose keys may be left out: each then has its default.

use std::ops::RangeInclusive;

use super::read::{Section, Spot, Text};

/// A section that need not be there.
pub struct OptionalSection<'d> {
    section: Option<Section<'d>>,
    /// Where to report what concerns the section as a whole.
    spot: Spot<'d>,
}

impl<'d> OptionalSection<'d> {
    /// The section of that name in `parent`.
    pub fn open(parent: &Section<'d>, key: &'static str) -> Self {
        let section = parent.optional_section(key);
        let spot = section.as_ref().map_or_else(|| parent.spot.clone(), |section| section.spot.clone());
        OptionalSection { section, spot }
    }

    /// Whether it is there.
    pub const fn is_there(&self) -> bool {
        self.section.is_some()
    }

    /// Where a key was written; the section's place if it was not.
    pub fn spot(&self, key: &'static str) -> Spot<'d> {
        let written = self.section.as_ref().and_then(|section| section.optional(key));
        written.map_or_else(|| self.spot.clone(), |value| value.spot)
    }

    /// Notes what is wrong with a key that must not be there.
    pub fn refuse(&self, key: &'static str, problem: &str) {
        if let Some(written) = self.section.as_ref().and_then(|section| section.optional(key)) {
            written.spot.wrong(problem);
        }
    }

    /// A whole number in a range; `default` if it is absent or wrong.
    pub fn number(&self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let range = i64::from(*range.start())..=i64::from(*range.end());
        let written = self.section.as_ref().and_then(|section| section.optional_integer(key, range));
        written.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    }

    /// A switch; `default` if it is absent or wrong.
    pub fn switch(&self, key: &'static str, default: bool) -> bool {
        self.section.as_ref().and_then(|section| section.optional_switch(key)).unwrap_or(default)
    }

    /// A text, if it is there.
    pub fn text(&self, key: &'static str) -> Option<Text<'d>> {
        self.section.as_ref()?.optional_text(key)
    }

    /// A list of texts, if it is there.
    pub fn list_of_texts(&self, key: &'static str) -> Option<Vec<Text<'d>>> {
        self.section.as_ref().and_then(|section| section.optional_list_of_texts(key))
    }

    /// A table within, if it is there.
    pub fn section(&self, key: &'static str) -> Option<Section<'d>> {
        self.section.as_ref()?.optional_section(key)
    }

    /// The tables written as `[[section.key]]`, in their order.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        self.section.as_ref().map(|section| section.sections(key)).unwrap_or_default()
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        if let Some(section) = self.section {
            section.finish();
        }
    }
}
