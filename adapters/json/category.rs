//! A merchant's category as platforms tell it, in their questions.

use holdfast_core::MerchantCategoryCode;
use serde::de::{Deserialize, Deserializer};

use super::object::Member;
use super::{Scalar, Text};
use crate::inbound::Malformed;

/// A category, or that none is told. What is there and is none is neither: taken for untold, it would pass every rule that denies
/// the category that was meant.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Absent, null or blank.
    #[default]
    Untold,
    /// As a number or a text, with or without its zeros.
    Told(MerchantCategoryCode),
    /// Something else: `"54a1"`, `79950`, `[7995]`.
    Unreadable,
}

impl Category {
    /// The category of a question, if it is told.
    ///
    /// # Errors
    /// What stands at the path is no category.
    pub fn of_question(self, path: &str) -> Result<Option<MerchantCategoryCode>, Malformed> {
        match self {
            Category::Untold => Ok(None),
            Category::Told(mcc) => Ok(Some(mcc)),
            Category::Unreadable => Err(Malformed::field(path, "is not a merchant category")),
        }
    }

    /// The category, if one can be read.
    #[must_use]
    pub fn readable(self) -> Option<MerchantCategoryCode> {
        match self {
            Category::Told(mcc) => Some(mcc),
            Category::Untold | Category::Unreadable => None,
        }
    }

    pub(crate) fn of(scalar: Scalar<'_>) -> Self {
        let mcc = match scalar {
            Scalar::Null => return Category::Untold,
            Scalar::Text(text) => match Text(text).trimmed() {
                "" => return Category::Untold,
                digits => MerchantCategoryCode::new(digits),
            },
            Scalar::Whole(number) | Scalar::WholeFraction(number) => {
                u16::try_from(number).ok().and_then(MerchantCategoryCode::from_number)
            }
            Scalar::Switch(_) | Scalar::Other => None,
        };
        mcc.map_or(Category::Unreadable, Category::Told)
    }
}

impl<'de> Deserialize<'de> for Category {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(Category::of)
    }
}

impl Member<'_> for Category {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_told_untold_or_unreadable() {
        let told = |number| Category::Told(MerchantCategoryCode::from_number(number).unwrap());
        let cases = [
            ("7995", told(7995)),
            ("7995.0", told(7995)),
            ("7.995e3", told(7995)),
            ("742", told(742)),
            (r#""7995""#, told(7995)),
            (r#"" 7995 ""#, told(7995)),
            (r#""07995""#, told(7995)),
            (r#""742""#, told(742)),
            ("null", Category::Untold),
            (r#""""#, Category::Untold),
            (r#""   ""#, Category::Untold),
            (r#""7995.0""#, Category::Unreadable),
            (r#""54a1""#, Category::Unreadable),
            (r#""79950""#, Category::Unreadable),
            (r#""-799""#, Category::Unreadable),
            (r#""７９９５""#, Category::Unreadable),
            (r#""7995 \ud83d""#, Category::Unreadable),
            ("7995.5", Category::Unreadable),
            ("79950", Category::Unreadable),
            ("-7995", Category::Unreadable),
            ("1e300", Category::Unreadable),
            ("1e400", Category::Unreadable),
            ("true", Category::Unreadable),
            ("[7995]", Category::Unreadable),
            (r#"{"code":7995}"#, Category::Unreadable),
        ];
        for (raw, expected) in cases {
            assert_eq!(serde_json::from_str::<Category>(raw).unwrap(), expected, "{raw}");
        }
    }
}
