//! Makes the requests: real callbacks of any adapter, each with keys of its own, proven as the platform proves them.
//!
//! Rendering one through the adapter costs about what sending it costs. Where callbacks of one amount differ only in their
//! keys and cards, and the proof does not depend on them, they are rendered once and the keys are written into a copy; this
//! is found out by trying, never assumed ([`Callbacks::are_copied`] tells). Nothing here sends or waits.

use std::io::Write as _;

use holdfast_adapters::{Adapter, Keyring, Platform, Route, RouteMethod};
use holdfast_core::{Currency, Money, Timestamp};
use http::HeaderMap;

use crate::clock;
use crate::problem::Problem;

/// Variations come from here on: 15 decimal digits, and 12 hexadecimal ones (a UUID's last group), up to the end below.
const VARIATIONS_START: u64 = 100_000_000_000_000;
/// Variations end here, lest they grow a thirteenth hexadecimal digit.
const VARIATIONS_END: u64 = 1 << 48;
/// The variation that templates are made of; it has letters among its hexadecimal digits, and occurs in no callback by chance.
const TEMPLATE_VARIATION: u64 = 0xb5e6_20f4_8afc;
/// How many callbacks a template is compared with before it is believed.
const COMPARISONS: u64 = 64;

/// Whose cards pay.
#[derive(Debug, Clone)]
pub struct Population {
    /// How many cards there are; their numbers start at 0.
    pub cards: u64,
    /// The card's token before its number of six digits; with one card, the whole token.
    pub card: String,
    /// The cardholder's token likewise.
    pub cardholder: String,
}

impl Population {
    /// The token of the card of that number.
    pub fn card_token(&self, number: u64) -> String {
        self.token(&self.card, number)
    }

    /// The token of the cardholder who owns the card of that number.
    pub fn cardholder_token(&self, number: u64) -> String {
        self.token(&self.cardholder, number)
    }

    fn token(&self, prefix: &str, number: u64) -> String {
        if self.cards <= 1 { prefix.to_owned() } else { format!("{prefix}{number:06}") }
    }
}

/// How much is asked for.
#[derive(Debug, Clone)]
pub struct Mix {
    /// The currency of all amounts.
    pub currency: Currency,
    /// Amounts that the program approves, in minor units; taken in turn. At least one.
    pub approved_minor: Vec<i64>,
    /// An amount that it declines.
    pub declined_minor: i64,
    /// How many of a thousand callbacks ask for an amount that it approves; the others are spread evenly.
    pub approve_per_mille: u16,
}

impl Mix {
    /// What the callback of that number asks for, as a position in [`Mix::amounts`].
    fn choice(&self, number: u64) -> usize {
        let declines_per_mille = u64::from(1000_u16.saturating_sub(self.approve_per_mille));
        let place = number % 1000;
        let declined_before = place.saturating_mul(declines_per_mille) / 1000;
        let declined_with = place.saturating_add(1).saturating_mul(declines_per_mille) / 1000;
        if declined_with > declined_before {
            return self.approved_minor.len();
        }
        let turn = number.checked_rem(self.approved_minor.len() as u64).unwrap_or(0);
        usize::try_from(turn).unwrap_or(0)
    }

    /// All amounts, the declined one last.
    fn amounts(&self) -> Vec<Money> {
        let minor = self.approved_minor.iter().chain([&self.declined_minor]);
        minor.map(|minor| Money::from_minor(*minor, self.currency)).collect()
    }
}

/// Who calls, and where.
pub struct Caller {
    /// The platform's facts.
    pub platform: &'static Platform,
    /// Speaks for the platform.
    pub adapter: Box<dyn Adapter>,
    /// What it proves itself with.
    pub keyring: Keyring,
    /// The `Host` header.
    pub host: String,
    /// The path of the mount, without a slash at its end.
    pub mount: String,
    /// The path below the mount; `None`: the platform's own for what the sample is.
    pub route: Option<String>,
}

/// One callback before it is written as a request.
pub struct Rendered {
    /// The adapter's number of the route.
    pub route: u8,
    /// The headers of the proof.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Caller {
    /// Renders and proves one callback through the adapter.
    pub fn render(&self, variation: u64, tokens: (&str, &str), amount: Money, now: Timestamp) -> Rendered {
        let (mut headers, mut body) = (HeaderMap::new(), Vec::with_capacity(2560));
        let route = self.adapter.sample_authorization(variation, tokens.0, tokens.1, amount, &mut body);
        self.adapter.prove(route, &mut headers, &mut body, &self.keyring, now);
        Rendered { route, headers, body }
    }

    /// Appends a rendered callback as an HTTP request.
    fn write(&self, rendered: &Rendered, request: &mut Vec<u8>) -> Result<(), Problem> {
        let route = self.platform.routes.iter().find(|route| route.id == rendered.route);
        let method = match route.map(|route| route.method) {
            Some(RouteMethod::Get) => "GET",
            Some(RouteMethod::Put) => "PUT",
            Some(RouteMethod::Post) | None => "POST",
        };
        let path = self.path(route)?;
        let length = rendered.body.len();
        let head = format!(
            "{method} {}{path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n",
            self.mount, self.host
        );
        request.extend_from_slice(head.as_bytes());
        for (name, value) in &rendered.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                request.extend_from_slice(part);
            }
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(&rendered.body);
        Ok(())
    }

    fn path<'a>(&'a self, route: Option<&'a Route>) -> Result<&'a str, Problem> {
        let path = match (&self.route, route) {
            (Some(given), _) => given.as_str(),
            (None, Some(route)) => route.path,
            (None, None) => return Err(Problem::new("the adapter's sample names no route of its own; say --route PATH")),
        };
        if path.contains('{') {
            return Err(Problem::new(format!("the route {path} has a segment to fill in; say --route with the whole path")));
        }
        Ok(path)
    }
}

/// The requests of a run, by number.
pub struct Callbacks {
    caller: Caller,
    population: Population,
    mix: Mix,
    amounts: Vec<Money>,
    /// One an amount, in the order of `amounts`; empty where copies would not be what the adapter renders.
    templates: Vec<Template>,
    first_variation: u64,
}

/// One rendered request, and where its keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

/// What stands at one place of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    at: usize,
    bytes: usize,
    what: Varying,
}

/// What differs from callback to callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Varying {
    /// The variation in decimal digits.
    Decimal,
    /// In lower-case hexadecimal digits, as a UUID's last group.
    Hexadecimal,
    /// Its upper 32 bits, in eight such digits.
    UpperHalf,
    /// Its lower 32 bits likewise.
    LowerHalf,
    /// The card's token.
    Card,
    /// The cardholder's.
    Cardholder,
}

impl Callbacks {
    /// Prepares the requests of a run. `now` makes their keys differ from those of every earlier run.
    ///
    /// # Errors
    /// The adapter's sample cannot be sent anywhere.
    pub fn prepare(caller: Caller, population: Population, mix: Mix, now: Timestamp) -> Result<Self, Problem> {
        let range = VARIATIONS_END.saturating_sub(VARIATIONS_START);
        let since_epoch = u64::try_from(now.unix_micros()).unwrap_or(0);
        let offset = since_epoch.checked_rem(range).unwrap_or(0);
        let amounts = mix.amounts();
        let first_variation = VARIATIONS_START.saturating_add(offset);
        let mut callbacks = Callbacks { caller, population, mix, amounts, templates: Vec::new(), first_variation };
        let templates = callbacks.amounts.iter().map(|amount| callbacks.template(*amount));
        callbacks.templates = templates.collect::<Result<_, _>>()?;
        if !callbacks.templates_hold(now)? {
            callbacks.templates.clear();
        }
        Ok(callbacks)
    }

    /// Whether requests are copies of prepared ones; if not, each is rendered and proven when it is due, at some cost to the
    /// load's own core.
    pub const fn are_copied(&self) -> bool {
        !self.templates.is_empty()
    }

    /// Who calls.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// A callback that nobody sends, for learning what answers look like.
    pub fn unsent(&self, number: u64, amount: Money, now: Timestamp) -> Rendered {
        let card = self.card_of(number);
        let tokens = (self.population.card_token(card), self.population.cardholder_token(card));
        self.caller.render(self.variation(number), (&tokens.0, &tokens.1), amount, now)
    }

    /// The amounts that callbacks ask for; the last one is meant to be declined.
    pub fn amounts(&self) -> &[Money] {
        &self.amounts
    }

    /// Writes the request of that number over `request`; tells how much it asks for.
    pub fn write(&self, number: u64, request: &mut Vec<u8>) -> Money {
        request.clear();
        let choice = self.mix.choice(number);
        let amount = self.amounts.get(choice).copied().unwrap_or(Money::zero(self.mix.currency));
        match self.templates.get(choice) {
            Some(template) => {
                self.fill(template, number, request);
            }
            None => self.write_rendered(number, amount, clock::utc(), request),
        }
        amount
    }

    fn write_rendered(&self, number: u64, amount: Money, now: Timestamp, request: &mut Vec<u8>) {
        // `prepare` has written every amount's request once; routes do not change from one to the next.
        let _ = self.caller.write(&self.unsent(number, amount, now), request);
    }

    /// The variation of the callback of that number.
    fn variation(&self, number: u64) -> u64 {
        let range = VARIATIONS_END.saturating_sub(VARIATIONS_START);
        let offset = self.first_variation.saturating_sub(VARIATIONS_START).saturating_add(number);
        VARIATIONS_START.saturating_add(offset.checked_rem(range).unwrap_or(0))
    }

    /// Which card pays: all alike often, in no order (Fibonacci hashing).
    pub fn card_of(&self, number: u64) -> u64 {
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        spread.checked_rem(self.population.cards).unwrap_or(0)
    }

    /// Renders the request of an amount, and finds what varies in it.
    fn template(&self, amount: Money) -> Result<Template, Problem> {
        let tokens = (self.population.card_token(0), self.population.cardholder_token(0));
        let rendered = self.caller.render(TEMPLATE_VARIATION, (&tokens.0, &tokens.1), amount, Timestamp::EPOCH);
        let mut bytes = Vec::new();
        self.caller.write(&rendered, &mut bytes)?;
        let mut slots = Vec::new();
        for (what, text) in [
            (Varying::Decimal, format!("{TEMPLATE_VARIATION}")),
            (Varying::Hexadecimal, format!("{TEMPLATE_VARIATION:x}")),
            (Varying::UpperHalf, format!("{:08x}", upper_half(TEMPLATE_VARIATION))),
            (Varying::LowerHalf, format!("{:08x}", lower_half(TEMPLATE_VARIATION))),
            (Varying::Card, tokens.0),
            (Varying::Cardholder, tokens.1),
        ] {
            let places = bytes.windows(text.len().max(1)).enumerate().filter(|(_, window)| *window == text.as_bytes());
            slots.extend(places.map(|(at, _)| Slot { at, bytes: text.len(), what }));
        }
        Ok(Template { bytes, slots })
    }

    /// Writes a copy of a template with the keys and the card of that number.
    fn fill(&self, template: &Template, number: u64, request: &mut Vec<u8>) {
        request.extend_from_slice(&template.bytes);
        let (variation, card) = (self.variation(number), self.card_of(number));
        for slot in &template.slots {
            let Some(mut place) = request.get_mut(slot.at..slot.at.saturating_add(slot.bytes)) else { continue };
            // A slot that is too short cuts its text: the comparison with what the adapter renders finds it. Slots may overlap,
            // where both halves stand together: they write the same digits.
            let _ = match (slot.what, self.population.cards) {
                (Varying::Decimal, _) => write!(place, "{variation}"),
                (Varying::Hexadecimal, _) => write!(place, "{variation:x}"),
                (Varying::UpperHalf, _) => write!(place, "{:08x}", upper_half(variation)),
                (Varying::LowerHalf, _) => write!(place, "{:08x}", lower_half(variation)),
                (Varying::Card, 0 | 1) => place.write_all(self.population.card.as_bytes()),
                (Varying::Cardholder, 0 | 1) => place.write_all(self.population.cardholder.as_bytes()),
                (Varying::Card, _) => write!(place, "{}{card:06}", self.population.card),
                (Varying::Cardholder, _) => write!(place, "{}{card:06}", self.population.cardholder),
            };
        }
    }

    /// Compares copies with what the adapter renders and proves, now and at another time.
    fn templates_hold(&self, now: Timestamp) -> Result<bool, Problem> {
        let (mut copied, mut rendered) = (Vec::new(), Vec::new());
        for step in 0..COMPARISONS {
            let number = step.wrapping_mul(0x0001_0000_0001).wrapping_add(step);
            for (template, amount) in self.templates.iter().zip(&self.amounts) {
                copied.clear();
                rendered.clear();
                self.fill(template, number, &mut copied);
                self.caller.write(&self.unsent(number, *amount, now), &mut rendered)?;
                if copied != rendered {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

const fn upper_half(variation: u64) -> u64 {
    variation >> 32
}

const fn lower_half(variation: u64) -> u64 {
    variation & 0xffff_ffff
}

#[cfg(test)]
#[path = "callbacks_tests.rs"]
mod tests;
