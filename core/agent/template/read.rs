//! JSON to [`Template`]: every field that is wrong is named by its path.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::card_number;
use crate::ids::MerchantId;
use crate::merchant::{Country, MerchantName};
use crate::money::{Currency, Money};
use crate::rules::{Listed, MccEntry, Percent, Rolling, Span, TimeOfDay, Weekday, Zone};

use super::fields::Fields;
use super::{DEPTH_MAX, FieldError, Lock, LockedName, TEMPLATES_MAX, Template, TemplateWindow, Zones};

/// How many merchants, countries or spans a list may have.
const LISTED_MAX: usize = 250;
/// How many merchant categories and ranges of them.
const MCCS_MAX: usize = 500;
/// The longest merchant's name, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// What a rolling window's length must be a multiple of, so that it divides into sixty buckets of whole seconds.
const ROLLING_STEP_SECONDS: i64 = 60;
const ROLLING_SECONDS_MAX: i64 = 366 * 86_400;
const ROLLING_BUCKETS: u8 = 60;
/// The field of a merchant's name of which only the digest is kept.
pub(super) const DIGEST: &str = "digest";

/// What a template without parameters has: each of those that it must have is then named as missing.
static NO_PARAMETERS: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

impl Template {
    /// Reads `{"template": …, "parameters": {…}}`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(value: &Value, zones: &Zones<'_>) -> Result<Self, Vec<FieldError>> {
        Template::read_as(value, zones, written_name)
    }

    /// Reads what was kept: of merchants' names their digests are enough.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read_kept(value: &Value, zones: &Zones<'_>) -> Result<Self, Vec<FieldError>> {
        Template::read_as(value, zones, |item| kept_name(item).or_else(|| written_name(item)))
    }

    fn read_as(value: &Value, zones: &Zones<'_>, name: NameReader) -> Result<Self, Vec<FieldError>> {
        let errors = RefCell::default();
        let reading = Reading { zones, errors: &errors, templates: Cell::new(0), name };
        let template = reading.template(value, "", 1);
        let errors = errors.take();
        match template {
            Some(template) if errors.is_empty() => Ok(template),
            Some(_) | None => Err(errors),
        }
    }
}

/// What an item of `merchants` means; `None` if nothing.
type NameReader = fn(&Value) -> Option<LockedName>;

struct Reading<'a> {
    zones: &'a Zones<'a>,
    errors: &'a RefCell<Vec<FieldError>>,
    templates: Cell<usize>,
    name: NameReader,
}

impl<'a> Reading<'a> {
    fn template(&self, value: &'a Value, path: &str, depth: usize) -> Option<Template> {
        let mut fields = Fields::of(value, path, self.errors)?;
        self.templates.set(self.templates.get().saturating_add(1));
        if depth > DEPTH_MAX || self.templates.get() > TEMPLATES_MAX {
            let problem = format!("is one too many: at most {TEMPLATES_MAX} templates, {DEPTH_MAX} deep");
            self.errors.borrow_mut().push(FieldError::new(path, problem));
            return None;
        }
        let name = fields.text("template");
        let parameters = fields.optional("parameters");
        let parameters_path = fields.path_of("parameters");
        let template = name.and_then(|name| {
            let parameters = Fields::of(parameters.unwrap_or(&NO_PARAMETERS), &parameters_path, self.errors)?;
            self.named(name, parameters, &fields, depth)
        });
        fields.finish();
        template
    }

    fn named(&self, name: &str, mut fields: Fields<'a>, whole: &Fields<'_>, depth: usize) -> Option<Template> {
        let fields_of = &mut fields;
        let template = match name {
            "max_amount" => money(fields_of).map(|amount| Template::MaxAmount { amount }),
            "merchant_lock" => lock(fields_of, self.name).map(Template::MerchantLock),
            "mcc_allowlist" => mccs(fields_of).map(Template::MccAllowlist),
            "mcc_blocklist" => mccs(fields_of).map(Template::MccBlocklist),
            "country" => countries(fields_of).map(Template::Country),
            "budget" => {
                let (amount, window) = (money(fields_of), self.window(fields_of));
                amount.zip(window).map(|(amount, window)| Template::Budget { amount, window })
            }
            "count" => {
                let count = fields_of.whole("count", 1, i64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok());
                count.zip(self.window(fields_of)).map(|(count, window)| Template::Count { count, window })
            }
            "time_of_day" => self.time_of_day(fields_of),
            "one_time" => Some(Template::OneTime),
            "recurring_merchant" => recurring(fields_of, self.name),
            "human_review" => money(fields_of).map(|above| Template::HumanReview { above }),
            "all_of" => self.several(fields_of, 1, depth).map(Template::AllOf),
            "any_of" => self.several(fields_of, 2, depth).map(Template::AnyOf),
            _ => {
                whole.wrong("template", "is not a template; `GET /v1/policy-templates` lists them");
                return None;
            }
        };
        fields.finish();
        template
    }

    fn several(&self, fields: &mut Fields<'a>, least: usize, depth: usize) -> Option<Vec<Template>> {
        let value = fields.required("policies")?;
        let deeper = depth.saturating_add(1);
        let policies = fields.list("policies", value, TEMPLATES_MAX, |item, path| self.template(item, path, deeper))?;
        if policies.len() < least {
            fields.wrong("policies", format_args!("must be a list of at least {least}"));
            return None;
        }
        Some(policies)
    }

    fn zone(&self, fields: &mut Fields<'a>) -> Option<Arc<Zone>> {
        let Some(name) = fields.optional_text("time_zone") else { return Some(Arc::new(Zone::utc())) };
        let zone = (self.zones)(name);
        if zone.is_none() {
            fields.wrong("time_zone", "is not a time zone of the IANA database, such as \"America/New_York\"");
        }
        zone
    }

    fn window(&self, fields: &mut Fields<'a>) -> Option<TemplateWindow> {
        match fields.text("window")? {
            "day" => self.zone(fields).map(TemplateWindow::Day),
            "week" => {
                let first = match fields.optional_text("week_starts") {
                    None => Some(Weekday::Monday),
                    Some(name) => weekday(name).or_else(|| {
                        fields.wrong("week_starts", "is not a day of the week, such as \"monday\"");
                        None
                    }),
                };
                self.zone(fields).zip(first).map(|(zone, first)| TemplateWindow::Week(zone, first))
            }
            "month" => self.zone(fields).map(TemplateWindow::Month),
            "rolling" => {
                let seconds = fields.whole("rolling_seconds", ROLLING_STEP_SECONDS, ROLLING_SECONDS_MAX)?;
                let rolling = u32::try_from(seconds).ok().and_then(|seconds| Rolling::new(seconds, ROLLING_BUCKETS).ok());
                if rolling.is_none() {
                    fields.wrong("rolling_seconds", format_args!("must be a multiple of {ROLLING_STEP_SECONDS}"));
                }
                rolling.map(TemplateWindow::Rolling)
            }
            "lifetime" => Some(TemplateWindow::Lifetime),
            _ => {
                fields.wrong("window", "must be `day`, `week`, `month`, `rolling` or `lifetime`");
                None
            }
        }
    }

    fn time_of_day(&self, fields: &mut Fields<'a>) -> Option<Template> {
        let zone = self.zone(fields);
        let value = fields.required("allow")?;
        let spans = fields.list("allow", value, LISTED_MAX, |item, path| {
            let mut item = Fields::of(item, path, self.errors)?;
            let span = span(&mut item);
            item.finish();
            span
        });
        zone.zip(spans).map(|(zone, spans)| Template::TimeOfDay { spans, zone })
    }
}

fn money(fields: &mut Fields<'_>) -> Option<Money> {
    let minor = fields.whole("amount", 1, i64::MAX);
    let currency = fields.text("currency").and_then(|code| {
        let currency = Currency::from_alpha(code);
        if currency.is_none() {
            fields.wrong("currency", "is not a currency of ISO 4217, such as \"USD\"");
        }
        currency
    });
    minor.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency))
}

fn written_name(item: &Value) -> Option<LockedName> {
    let name = item.as_str().filter(|name| name.len() <= NAME_BYTES_MAX && !card_number::stands_in(name))?;
    Some(LockedName { digest: MerchantName::of(name)?, written: Some(name.into()) })
}

fn kept_name(item: &Value) -> Option<LockedName> {
    let digits = item.get(DIGEST)?.as_str().filter(|digits| digits.len() == 32)?;
    let digest = u128::from_str_radix(digits, 16).ok()?;
    Some(LockedName { digest: MerchantName::of_bytes(digest.to_be_bytes()), written: None })
}

fn lock(fields: &mut Fields<'_>, name: NameReader) -> Option<Lock> {
    let (ids, names) = (fields.optional("merchant_ids"), fields.optional("merchants"));
    if ids.is_none() && names.is_none() {
        fields.wrong("merchant_ids", "is missing, and so is `merchants`: one of them must be there");
        return None;
    }
    let merchant_ids = ids.map(|value| {
        fields.texts("merchant_ids", value, LISTED_MAX, "is not a card acceptor's identifier", |id| MerchantId::new(id).ok())
    });
    let merchants = names.map(|value| {
        fields.list("merchants", value, LISTED_MAX, |item, path| {
            let read = name(item);
            if read.is_none() {
                fields.wrong_at(path.to_owned(), "is not a merchant's name of at most 128 bytes, without a card's number");
            }
            read
        })
    });
    let (merchant_ids, merchants) =
        (merchant_ids.unwrap_or_else(|| Some(Vec::new()))?, merchants.unwrap_or_else(|| Some(Vec::new()))?);
    Some(Lock { merchant_ids, merchants })
}

fn mccs(fields: &mut Fields<'_>) -> Option<Vec<MccEntry>> {
    let value = fields.required("mccs")?;
    let problem =
        "is neither a merchant category (\"5411\"), nor a range (\"5811-5814\"), nor the name of a group (\"gambling\")";
    fields.texts("mccs", value, MCCS_MAX, problem, |text| MccEntry::parse(text).ok())
}

fn countries(fields: &mut Fields<'_>) -> Option<Listed<Vec<Country>>> {
    let problem = "is not a country of ISO 3166-1, such as \"USA\"";
    match (fields.optional("allow"), fields.optional("deny")) {
        (Some(value), None) => fields.texts("allow", value, LISTED_MAX, problem, Country::new).map(Listed::Allow),
        (None, Some(value)) => fields.texts("deny", value, LISTED_MAX, problem, Country::new).map(Listed::Deny),
        (None, None) | (Some(_), Some(_)) => {
            fields.wrong("allow", "or `deny` must be there, and not both");
            None
        }
    }
}

fn recurring(fields: &mut Fields<'_>, name: NameReader) -> Option<Template> {
    let (merchant, amount) = (lock(fields, name), money(fields));
    let tolerance = fields.whole("tolerance_percent", 0, 100).and_then(|percent| u32::try_from(percent).ok()).map(Percent::whole);
    let days = fields.whole("period_days", 1, 366).and_then(|days| u16::try_from(days).ok());
    Some(Template::RecurringMerchant { merchant: merchant?, amount: amount?, tolerance: tolerance?, period_days: days? })
}

fn span(fields: &mut Fields<'_>) -> Option<Span> {
    let days = match fields.optional("days") {
        None => Some(Weekday::ALL.to_vec()),
        Some(value) => fields.texts("days", value, Weekday::ALL.len(), "is not a day of the week, such as \"monday\"", weekday),
    };
    let mut time = |name| {
        let time = TimeOfDay::parse(fields.text(name)?).ok();
        if time.is_none() {
            fields.wrong(name, "is not a time of day from \"00:00\" to \"24:00\"");
        }
        time
    };
    let (from, to) = (time("from"), time("to"));
    Span::new(days?, from?, to?).map_err(|problem| fields.wrong("to", problem)).ok()
}

fn weekday(name: &str) -> Option<Weekday> {
    Weekday::ALL.into_iter().find(|day| day.name() == name)
}
