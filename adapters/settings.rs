//! A mount's own settings, as its configuration section has them: typed by the adapter, unknown ones refused.

use std::collections::BTreeMap;
use std::fmt;

use holdfast_core::Currency;

#[cfg(test)]
mod tests;

/// The settings of one mount that only its adapter understands, and what it needs to know of its program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program's currency.
    pub currency: Currency,
    /// The keys of the mount's `[settings]` table.
    pub values: BTreeMap<String, SettingValue>,
}

/// One value of a settings table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// On or off.
    Switch(bool),
    /// A table of texts.
    Table(BTreeMap<String, String>),
}

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The key.
    pub key: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.problem)
    }
}

impl Settings {
    /// Settings with nothing but a currency: every key at its default.
    #[must_use]
    pub fn defaults(currency: Currency) -> Self {
        Settings { currency, values: BTreeMap::new() }
    }

    /// A switch, or its default if the key is absent.
    pub fn switch(&self, key: &str, default: bool, errors: &mut Vec<SettingError>) -> bool {
        match self.values.get(key) {
            None => default,
            Some(SettingValue::Switch(on)) => *on,
            Some(SettingValue::Text(_) | SettingValue::Integer(_) | SettingValue::Table(_)) => {
                errors.push(SettingError { key: key.into(), problem: "must be true or false".into() });
                default
            }
        }
    }

    /// A text, or its default if the key is absent.
    pub fn text<'a>(&'a self, key: &str, default: &'a str, errors: &mut Vec<SettingError>) -> &'a str {
        match self.values.get(key) {
            None => default,
            Some(SettingValue::Text(text)) => text,
            Some(SettingValue::Switch(_) | SettingValue::Integer(_) | SettingValue::Table(_)) => {
                errors.push(SettingError { key: key.into(), problem: "must be a text".into() });
                default
            }
        }
    }

    /// A table of texts, empty if the key is absent.
    pub fn table(&self, key: &str, errors: &mut Vec<SettingError>) -> BTreeMap<String, String> {
        match self.values.get(key) {
            None => BTreeMap::new(),
            Some(SettingValue::Table(table)) => table.clone(),
            Some(SettingValue::Switch(_) | SettingValue::Integer(_) | SettingValue::Text(_)) => {
                errors.push(SettingError { key: key.into(), problem: "must be a table of texts".into() });
                BTreeMap::new()
            }
        }
    }

    /// Names every key that is none of `known`.
    pub fn refuse_unknown(&self, known: &[&str], errors: &mut Vec<SettingError>) {
        for key in self.values.keys().filter(|key| !known.contains(&key.as_str())) {
            let problem = if known.is_empty() {
                "is unknown: this platform has no settings".to_owned()
            } else {
                format!("is unknown; the settings are {}", known.join(", "))
            };
            errors.push(SettingError { key: key.clone(), problem });
        }
    }
}
