//! What a question is told apart by: the same key must mean the same question again.
//!
//! Nothing here decides; nor is anything digested but what the question says in our words, never raw bytes.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::authorization::{Alias, AuthorizationRequest};
use crate::ids::{CardToken, CardholderToken, MerchantId};
use crate::merchant::{Country, Merchant, MerchantCategoryCode, MerchantName, first_half};

/// What the same key must mean again, as it is kept: kind, payment, card, amount, currency and merchant; never raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentDigest([u8; 16]);

impl ContentDigest {
    /// A digest that an engine kept and hands back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        ContentDigest(bytes)
    }

    /// The digest as bytes, to be kept.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a question is told apart by, while it is asked.
///
/// Earlier versions left the payment's second name out of what they kept, and the first ones the merchant's name and country too. What is
/// kept is sixteen bytes in every form, and only those versions kept the older ones: so whichever is known says which is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionDigest {
    kept: ContentDigest,
    without_alias: ContentDigest,
    without_names: ContentDigest,
}

impl QuestionDigest {
    /// The question that is known by this digest, which some version kept of it.
    #[must_use]
    pub fn known_by(kept: ContentDigest, request: &AuthorizationRequest) -> Self {
        let digest = request.content_digest();
        if digest.kept == kept { digest } else { kept.into() }
    }

    /// What is kept of it.
    #[must_use]
    pub const fn kept(&self) -> ContentDigest {
        self.kept
    }

    /// Without the merchant's name and country: what some doors' own digests are made of, which tell these apart themselves.
    #[must_use]
    pub const fn without_names(&self) -> &ContentDigest {
        &self.without_names
    }

    /// In the form in which this was kept, if it is of this question.
    #[must_use]
    pub fn as_in(self, known: &ContentDigest) -> Self {
        [self.without_alias, self.without_names].into_iter().find(|older| older == known).map_or(self, QuestionDigest::from)
    }

    /// Whether what was kept is of this question.
    #[must_use]
    pub fn is_of(&self, known: &ContentDigest) -> bool {
        [self.kept, self.without_alias, self.without_names].contains(known)
    }
}

/// The digest of a door's own, which has one form.
impl From<ContentDigest> for QuestionDigest {
    fn from(kept: ContentDigest) -> Self {
        QuestionDigest { kept, without_alias: kept, without_names: kept }
    }
}

impl AuthorizationRequest {
    /// Digests what makes this question this question (SHA-256, the first 16 bytes).
    #[must_use]
    pub fn content_digest(&self) -> QuestionDigest {
        let mut digest = Sha256::new();
        digest.update(self.kind.name());
        digest.update([0, self.posting as u8]);
        for text in [
            Some(self.payment.authorization.as_str()),
            self.increments.as_ref().map(|payment| payment.authorization.as_str()),
            self.card.as_ref().map(CardToken::as_str),
            self.cardholder.as_ref().map(CardholderToken::as_str),
            Some(self.amount.currency().code()),
            self.merchant.id.as_ref().map(MerchantId::as_str),
        ] {
            // No identifier has a zero byte, so the parts cannot run into each other.
            digest.update(text.unwrap_or_default());
            digest.update([0]);
        }
        digest.update(self.amount.minor().to_le_bytes());
        digest.update(self.merchant.mcc.map_or(u16::MAX, MerchantCategoryCode::number).to_le_bytes());
        let without_names = ContentDigest(first_half(digest.clone()));
        let Merchant { name, country, .. } = &self.merchant;
        // Also where neither is told: what is kept is then known for a question that told neither.
        digest.update(name.as_ref().map_or(&[0; 16], MerchantName::as_bytes));
        digest.update(country.as_ref().map_or("", Country::code));
        let Alias::Also(alias) = &self.payment.alias else {
            let kept = ContentDigest(first_half(digest));
            return QuestionDigest { kept, without_alias: kept, without_names };
        };
        let without_alias = ContentDigest(first_half(digest.clone()));
        // One key for two transactions of the platform's is no retry.
        digest.update([0]);
        digest.update(alias.as_str());
        QuestionDigest { kept: ContentDigest(first_half(digest)), without_alias, without_names }
    }
}
