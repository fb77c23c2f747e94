//! Merchants and instruments as operators write them: a TOML file, with every error at once and never a value in one.

use std::str::FromStr as _;

use holdfast_adapters::payment::{AddressVerification, CardBrand, SecurityCodeVerification};
use holdfast_core::{CardToken, CardholderToken, Country, Currency, MerchantCategoryCode, MerchantId, Money};

use super::{
    ADDRESS_LINES_MAX, Instrument, Merchant, MerchantLimits, MerchantStanding, NetworkTokenization, Profile, Surcharges,
    last_four, one_of_two, text, time_zone,
};
use crate::card_numbers::NumberToken;
use crate::config::Errors;
use crate::config::read::{Document, Section, Text};

/// Reads a file's text; `file` is what messages call it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(file: &str, source: &str, currency: Currency) -> Result<Vec<Profile>, Errors> {
    let document = Document::parse(file, source)?;
    let root = document.root();
    let mut profiles = Vec::new();
    let mut named: Vec<String> = Vec::new();
    for section in root.sections("merchant") {
        profiles.extend(merchant(&section, currency, &mut named).map(Profile::Merchant));
        section.finish();
    }
    for section in root.sections("instrument") {
        profiles.extend(instrument(&section, &mut named).map(Profile::Instrument));
        section.finish();
    }
    root.finish();
    let errors = document.finish();
    if errors.is_empty() { Ok(profiles) } else { Err(errors) }
}

fn merchant(section: &Section<'_>, currency: Currency, named: &mut Vec<String>) -> Option<Merchant> {
    let id = section.text("id").and_then(|id| unique(&id, "merchant", named, MerchantId::new));
    let name = section.text("name").and_then(|name| name.parse(text));
    let address = address(section);
    let phone = optional(section, "phone", text);
    let mcc = section.text("mcc").and_then(|mcc| {
        mcc.parse(|digits| {
            let code = MerchantCategoryCode::new(digits).filter(|_| digits.len() == 4);
            code.ok_or("must be a category of four digits, such as \"5734\"")
        })
    });
    let country = section.text("country").and_then(|country| {
        country.parse(|code| Country::new(code).map(|_| code.to_owned()).ok_or("must be a code of ISO 3166-1, such as \"USA\""))
    });
    let zone = section.text("time_zone").and_then(|zone| zone.parse(time_zone));
    let application = optional(section, "application", text);
    let standing = match section.optional_switch("enabled") {
        Some(false) => MerchantStanding::Disabled,
        Some(true) | None => MerchantStanding::Enabled,
    };
    let surcharges = optional(section, "surcharges", |word| match word {
        "allowed" => Ok(Surcharges::Allowed),
        "prohibited" => Ok(Surcharges::Prohibited),
        _ => Err("must be allowed or prohibited"),
    });
    let network_tokenization = optional(section, "network_tokenization", |word| match word {
        "off" => Ok(NetworkTokenization::Off),
        "automatic" => Ok(NetworkTokenization::Automatic),
        _ => Err("must be off or automatic"),
    });
    let limits = limits(section, currency);
    Some(Merchant {
        id: id?,
        name: name?,
        address: address?,
        phone: phone?,
        mcc: mcc?.number(),
        country: country?,
        time_zone: zone?,
        application: application?,
        standing,
        surcharges: surcharges?.unwrap_or(Surcharges::Allowed),
        limits: limits?,
        network_tokenization: network_tokenization?.unwrap_or_default(),
    })
}

fn limits(section: &Section<'_>, currency: Currency) -> Option<MerchantLimits> {
    let amount = |key| {
        optional(section, key, |decimal| match Money::from_plain_decimal(decimal, currency) {
            Ok(money) if money.minor() > 0 => Ok(money.minor()),
            Ok(_) => Err("must be more than nothing".to_owned()),
            Err(error) => Err(format!("{error}; amounts are in {currency}")),
        })
    };
    let (amount_max, day, month) = (amount("amount_max"), amount("day_amount_max"), amount("month_amount_max"));
    let day_count_max = match section.optional("day_count_max") {
        None => Some(None),
        Some(value) => value.integer(1..=i64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok()).map(Some),
    };
    Some(MerchantLimits {
        amount_max: amount_max?,
        day_amount_max: day?,
        day_count_max: day_count_max?,
        month_amount_max: month?,
    })
}

fn address(section: &Section<'_>) -> Option<Vec<String>> {
    let Some(value) = section.optional("address") else { return Some(Vec::new()) };
    let lines = value.list_of_texts()?;
    if lines.len() > ADDRESS_LINES_MAX {
        value.spot.wrong("has more than three lines");
        return None;
    }
    lines.iter().map(|line| line.parse(text)).collect()
}

fn instrument(section: &Section<'_>, named: &mut Vec<String>) -> Option<Instrument> {
    let card = section.text("card").and_then(|card| unique(&card, "card", named, CardToken::new));
    let brand = section.text("brand").and_then(|brand| one_of(&brand, CardBrand::ALL, CardBrand::name));
    let four = optional(section, "last_four", last_four);
    let token = optional(section, "number_token", NumberToken::from_str);
    if let (Some(four), Some(token)) = (&four, &token)
        && let Err(problem) = one_of_two(four.as_ref(), token.as_ref())
    {
        section.spot.wrong(problem);
        return None;
    }
    let address = verification(section, "address_verification", AddressVerification::ALL, AddressVerification::name);
    let code = verification(section, "security_code_verification", SecurityCodeVerification::ALL, SecurityCodeVerification::name);
    let owner = optional(section, "cardholder", |token| CardholderToken::new(token).map_err(|error| error.to_string()));
    Some(Instrument {
        card: card?,
        brand: brand?,
        last_four: four?,
        number_token: token?,
        address_verification: address?.unwrap_or(AddressVerification::Unavailable),
        security_code_verification: code?.unwrap_or(SecurityCodeVerification::Unavailable),
        owner: owner?,
    })
}

/// The outer `None` is a value that is wrong, and noted.
fn optional<T, E: std::fmt::Display>(
    section: &Section<'_>,
    key: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<Option<T>> {
    match section.optional(key) {
        None => Some(None),
        Some(value) => value.text()?.parse(parse).map(Some),
    }
}

fn verification<T: Copy>(section: &Section<'_>, key: &'static str, all: &[T], name: fn(T) -> &'static str) -> Option<Option<T>> {
    match section.optional(key) {
        None => Some(None),
        Some(value) => one_of(&value.text()?, all, name).map(Some),
    }
}

fn one_of<T: Copy>(text: &Text<'_>, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    text.parse(|word| {
        all.iter().copied().find(|known| name(*known) == word).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|known| name(*known)).collect();
            format!("is none of {}", names.join(", "))
        })
    })
}

fn unique<T, E: std::fmt::Display>(
    text: &Text<'_>,
    kind: &str,
    named: &mut Vec<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let id = text.parse(|name| parse(name).map_err(|error| error.to_string()))?;
    let name = format!("{kind} {}", text.text);
    if named.contains(&name) {
        text.spot.wrong("is there twice");
        return None;
    }
    named.push(name);
    Some(id)
}
