//! Objects that are read in place: every member is written where it stays.
//!
//! `#[derive(Deserialize)]` makes an object member by member, then moves it into its `Option`, its `Result`, its parent and
//! that one's `Result`. A message of a kilobyte and more was copied a dozen times on its way.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Amount, Lenient, Members, Nested};
use crate::inbound::Malformed;

/// An object with optional members only, read in place. `members!`, below, declares one.
pub trait Object<'de>: Default {
    /// Reads a map's members over what is here.
    ///
    /// # Errors
    /// Not JSON, or a member that comes twice.
    fn read_members<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error>;

    /// Reads one member by its name over what is here; whether it is one of this object's.
    ///
    /// # Errors
    /// A member, within it, that comes twice.
    fn read_member(&mut self, name: &str, raw: &'de RawValue) -> Result<bool, Malformed>;
}

/// What an optional member can be read from, whatever is there.
pub trait Member<'de>: Deserialize<'de> + Default {
    /// The member, absent if it is of another type.
    ///
    /// # Errors
    /// A member, within it, that comes twice.
    fn read(raw: &'de RawValue) -> Result<Self, Malformed> {
        Ok(serde_json::from_str(raw.get()).unwrap_or_default())
    }
}

impl<'de, T> Member<'de> for Lenient<T> where Lenient<T>: Deserialize<'de> {}
impl<'de: 'a, 'a> Member<'de> for Option<Amount<'a>> {}
impl<'de: 'a, 'a> Member<'de> for Option<&'a RawValue> {}

impl<'de, T: Object<'de>> Member<'de> for Nested<T> {
    fn read(raw: &'de RawValue) -> Result<Self, Malformed> {
        let Ok(Members(members)) = serde_json::from_str(raw.get()) else { return Ok(Nested(None)) };
        let mut object = T::default();
        let mut known: Vec<String> = Vec::new();
        for (name, value) in members {
            let within = |malformed: Malformed| Malformed { path: format!("{name}.{}", malformed.path), ..malformed };
            if object.read_member(&name, value).map_err(within)? {
                if known.iter().any(|known| *known == name) {
                    return Err(Malformed::field(name, "is given twice"));
                }
                known.push(name.into_owned());
            }
        }
        Ok(Nested(Some(object)))
    }
}

/// Where a value is read into.
pub struct At<'p, T>(pub &'p mut T);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for At<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        T::deserialize_in_place(deserializer, self.0)
    }
}

/// Reads a member's name as what it means here, without keeping it.
pub struct Name<F>(pub F);

impl<'de, M, F: FnOnce(&str) -> Option<M>> DeserializeSeed<'de> for Name<F> {
    type Value = Option<M>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<M>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<M, F: FnOnce(&str) -> Option<M>> Visitor<'_> for Name<F> {
    type Value = Option<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<M>, E> {
        Ok((self.0)(name))
    }
}

/// Declares objects that are read in place: each member's name, field and type, one that is absent if its value is of another
/// type. Members that are not listed are ignored.
macro_rules! members {
    ($($(#[$about:meta])* struct $object:ident<$life:lifetime> {
        $($(#[$note:meta])* $name:literal => $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$about])*
        #[derive(Debug, Default)]
        pub(super) struct $object<$life> {
            $($(#[$note])* pub $field: $type,)*
        }

        impl<'de: $life, $life> $crate::json::object::Object<'de> for $object<$life> {
            fn read_members<A: ::serde::de::MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
                #[derive(Clone, Copy)]
                #[expect(non_camel_case_types, reason = "named as the fields are")]
                enum Member { $($field,)* }
                let member = |name: &str| match name {
                    $($name => Some((Member::$field, $name)),)*
                    _ => None,
                };
                let mut seen = 0_u64;
                while let Some(member) = map.next_key_seed($crate::json::object::Name(member))? {
                    let Some((member, name)) = member else {
                        map.next_value::<::serde::de::IgnoredAny>()?;
                        continue;
                    };
                    let bit = 1_u64.wrapping_shl(member as u32);
                    if seen & bit != 0 {
                        return Err(::serde::de::Error::duplicate_field(name));
                    }
                    seen |= bit;
                    match member {
                        $(Member::$field => map.next_value_seed($crate::json::object::At(&mut self.$field))?,)*
                    }
                }
                Ok(())
            }

            fn read_member(&mut self, name: &str, raw: &'de ::serde_json::value::RawValue) -> Result<bool, $crate::inbound::Malformed> {
                match name {
                    $($name => self.$field = $crate::json::object::Member::read(raw)?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    )*};
}

pub(crate) use members;
