//! What the path sees of one row: of a grant, of a binding, of an intent. What cannot be read of it is the caller's to deal with.

use holdfast_adapters::token::Grant as KnownGrant;
use holdfast_core::agent::{
    Binding as KnownBinding, BindingStatus, Instrument, Intent as KnownIntent, IntentStatus, OrganizationId,
};
use holdfast_core::{Country, Currency, Merchant, MerchantCategoryCode, MerchantId, Money, PlatformName};

use crate::agent::bodies::{self, Binding, Grant, Intent, Unreadable};
use crate::agent::policy_names;
use crate::agent::seal::Sealer;
use crate::agent::store::Row;

pub(super) fn grant_of(row: &Row) -> Result<KnownGrant, Unreadable> {
    let body: Grant = bodies::read(row)?;
    let unreadable = || unreadable(row);
    Ok(KnownGrant {
        environment: row.environment.ok_or_else(unreadable)?,
        processor: body.processor_id.parse().map_err(|_| unreadable())?,
        enterprise: row.organization.parse().map_err(|_| unreadable())?,
        platform: platform(&body.issuing_platform).ok_or_else(unreadable)?,
    })
}

pub(super) fn binding_of(row: &Row) -> Result<KnownBinding, Unreadable> {
    let body: Binding = bodies::read(row)?;
    let unreadable = || unreadable(row);
    Ok(KnownBinding {
        id: row.id.parse().map_err(|_| unreadable())?,
        organization: row.organization.parse().map_err(|_| unreadable())?,
        environment: row.environment.ok_or_else(unreadable)?,
        authority: body.spending_authority_id.parse().map_err(|_| unreadable())?,
        instrument: Instrument {
            platform: platform(&body.issuing_platform).ok_or_else(unreadable)?,
            kind: body.instrument_kind,
            id: body.instrument_id.parse().map_err(|_| unreadable())?,
        },
        status: BindingStatus::named(&row.status).ok_or_else(unreadable)?,
        door: body.authoritative_door,
        made_at: row.created_at,
    })
}

/// An intent as a payment sees it; `None` for one that no payment can be for.
pub(super) fn intent_of(sealer: &Sealer, row: &Row) -> Result<Option<KnownIntent>, Unreadable> {
    let body: Intent = bodies::read(row)?;
    opened(sealer, row, &body).ok_or_else(|| unreadable(row))
}

/// An inner `None` for one that no payment can be for; `None` if it cannot be read.
fn opened(sealer: &Sealer, row: &Row, body: &Intent) -> Option<Option<KnownIntent>> {
    let Some(status) = IntentStatus::named(&row.status) else {
        // Not eligible: it was answered, and that is all.
        return Some(None);
    };
    let merchant = Merchant {
        id: settle(body.merchant_id.as_deref(), |id| MerchantId::new(id).ok())?,
        name: settle(body.merchant_token.as_deref(), |sealed| policy_names::open_name(sealer, &row.organization, sealed))?
            .or(body.merchant_digest),
        mcc: settle(body.mcc.as_deref(), MerchantCategoryCode::new)?,
        country: settle(body.merchant_country.as_deref(), Country::new)?,
    };
    Some(Some(KnownIntent {
        reference: row.id.parse().ok()?,
        organization: row.organization.parse::<OrganizationId>().ok()?,
        environment: row.environment?,
        authority: body.spending_authority_id.parse().ok()?,
        binding: settle(body.binding_id.as_deref(), |id| id.parse().ok())?,
        amount: Money::from_minor(body.amount, Currency::from_alpha(&body.currency)?),
        merchant,
        status,
        expires_at: body.expires_at.0,
    }))
}

/// What is absent is settled; what cannot be read is not.
fn settle<T>(written: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(text) => read(text).map(Some),
    }
}

/// A platform by the name that callers write in upper case.
#[must_use]
pub fn platform(name: &str) -> Option<PlatformName> {
    PlatformName::new(&name.to_ascii_lowercase()).ok()
}

pub(super) fn unreadable(row: &Row) -> Unreadable {
    Unreadable(format!("{} {} cannot be read; it is not in force", row.kind.name(), row.id))
}
