//! [`Template`] to JSON, in one form: what the same template is written as, and what its hash is of. Keys are written in the order of
//! the alphabet, so that no map's own order matters; what has a default is written out. Merchants' names are digests there: what a hash
//! is of must not need a name that can be erased.

use serde_json::{Map, Value, json};

use crate::money::Money;
use crate::rules::{Listed, Weekday};

use super::read::DIGEST;
use super::{Lock, LockedName, Template, TemplateWindow};

impl Template {
    /// As JSON that [`Template::read_kept`] takes back to an equal template: merchants' names by their digests.
    #[must_use]
    pub fn canonical(&self) -> Value {
        self.with_names(digest)
    }

    /// The same with merchants' names as they were written, where that is known.
    #[must_use]
    pub fn written(&self) -> Value {
        self.with_names(|name| name.written.as_deref().map_or_else(|| digest(name), Value::from))
    }

    fn with_names(&self, shown: fn(&LockedName) -> Value) -> Value {
        let parameters = match self {
            Template::MaxAmount { amount } | Template::HumanReview { above: amount } => object(money(*amount)),
            Template::MerchantLock(lock) => object(lock_fields(lock, shown)),
            Template::MccAllowlist(mccs) | Template::MccBlocklist(mccs) => json!({ "mccs": texts(mccs) }),
            Template::Country(Listed::Allow(countries)) => json!({ "allow": texts(countries) }),
            Template::Country(Listed::Deny(countries)) => json!({ "deny": texts(countries) }),
            Template::Budget { amount, window } => object(money(*amount).into_iter().chain(window_fields(window))),
            Template::Count { count, window } => object([("count", json!(count))].into_iter().chain(window_fields(window))),
            Template::TimeOfDay { spans, zone } => {
                let span = |span: &crate::rules::Span| {
                    let days: Vec<_> = span.days().iter().map(|day| day.name()).collect();
                    json!({ "days": days, "from": span.from().to_string(), "to": span.to().to_string() })
                };
                let spans: Vec<_> = spans.iter().map(span).collect();
                json!({ "allow": spans, "time_zone": zone.name() })
            }
            Template::OneTime => json!({}),
            Template::RecurringMerchant { merchant, amount, tolerance, period_days } => {
                let [minor, currency] = money(*amount);
                let percent = tolerance.basis_points().div_euclid(100);
                let fields = [minor, currency].into_iter().chain(lock_fields(merchant, shown));
                object(fields.chain([("period_days", json!(period_days)), ("tolerance_percent", json!(percent))]))
            }
            Template::AllOf(policies) | Template::AnyOf(policies) => {
                json!({ "policies": policies.iter().map(|policy| policy.with_names(shown)).collect::<Vec<_>>() })
            }
        };
        json!({ "parameters": parameters, "template": self.name() })
    }
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut fields: Vec<_> = fields.into_iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn money(amount: Money) -> [(&'static str, Value); 2] {
    [("amount", json!(amount.minor())), ("currency", json!(amount.currency().code()))]
}

fn texts<T: ToString>(items: &[T]) -> Value {
    Value::Array(items.iter().map(|item| Value::String(item.to_string())).collect())
}

/// `{"digest": "…"}`, in hexadecimal.
fn digest(name: &LockedName) -> Value {
    json!({ DIGEST: format!("{:032x}", u128::from_be_bytes(*name.digest.as_bytes())) })
}

fn lock_fields(lock: &Lock, shown: fn(&LockedName) -> Value) -> impl Iterator<Item = (&'static str, Value)> {
    let listed = |name, list: Value, empty: bool| (!empty).then_some((name, list));
    let ids = listed("merchant_ids", texts(&lock.merchant_ids), lock.merchant_ids.is_empty());
    let names = listed("merchants", lock.merchants.iter().map(shown).collect(), lock.merchants.is_empty());
    ids.into_iter().chain(names)
}

fn window_fields(window: &TemplateWindow) -> Vec<(&'static str, Value)> {
    let mut fields = vec![("window", json!(window.name()))];
    match window {
        TemplateWindow::Day(zone) | TemplateWindow::Month(zone) => fields.push(("time_zone", json!(zone.name()))),
        TemplateWindow::Week(zone, first) => {
            fields.push(("time_zone", json!(zone.name())));
            fields.push(("week_starts", json!(Weekday::name(*first))));
        }
        TemplateWindow::Rolling(rolling) => fields.push(("rolling_seconds", json!(rolling.length_seconds()))),
        TemplateWindow::Lifetime => {}
    }
    fields
}
