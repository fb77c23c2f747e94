//! Texts and switches for a reader that has no raw values: what [`crate::json`] reads from serde_json, here from any deserializer.
//! Nothing here says what a scalar means; that is said there.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::json::category::Category;
use crate::json::{Lenient, Scalar, Text};

/// A text that has to be one.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
    Text::of(scalar(deserializer)?).ok_or_else(|| D::Error::custom("not a text"))
}

/// A text that may be null.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text<'de>>, D::Error> {
    #[derive(Deserialize)]
    struct Present<'a>(#[serde(borrow, deserialize_with = "text")] Text<'a>);
    Ok(Option::<Present<'de>>::deserialize(deserializer)?.map(|Present(text)| text))
}

/// A text, or nothing.
pub(super) fn lenient_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Lenient<Text<'de>>, D::Error> {
    scalar(deserializer).map(Lenient::<Text<'de>>::of)
}

/// A switch, or nothing.
pub(super) fn lenient_switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Lenient<bool>, D::Error> {
    scalar(deserializer).map(Lenient::<bool>::of)
}

/// A merchant's category.
pub(super) fn category<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Category, D::Error> {
    scalar(deserializer).map(Category::of)
}

fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scalar<'de>, D::Error> {
    deserializer.deserialize_any(ScalarVisitor)
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, switch: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Switch(switch))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Whole))
    }

    /// Amounts do not come here.
    fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::of_float(number))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Scalar<'de>, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
