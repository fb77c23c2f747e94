//! Objects within objects: there and an object, or not. Nothing here knows a member.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::{Member, Object};
use crate::inbound::Malformed;

/// An optional object, leniently: present and an object, or nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nested<T>(pub Option<T>);

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Nested(None)
    }
}

impl<'de, T: Object<'de>> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut nested = Nested(None);
        Self::deserialize_in_place(deserializer, &mut nested)?;
        Ok(nested)
    }

    fn deserialize_in_place<D: Deserializer<'de>>(deserializer: D, nested: &mut Self) -> Result<(), D::Error> {
        deserializer.deserialize_any(ObjectVisitor(&mut nested.0)).map(drop)
    }
}

/// An optional object of a question, of which rules ask. What is there and is none is neither told nor untold: taken for untold, it
/// would pass every rule that denies what was meant.
#[derive(Debug, Clone, Copy)]
pub struct Told<T> {
    object: Option<T>,
    shape: Shape,
}

/// What stands where an object may.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    /// Nothing, or null.
    #[default]
    Nothing,
    Another,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Told { object: None, shape: Shape::Nothing }
    }
}

impl<T> Told<T> {
    /// The object, if it can be read.
    pub const fn readable(&self) -> Option<&T> {
        self.object.as_ref()
    }

    /// The object of a question, if it is told.
    ///
    /// # Errors
    /// What stands at the path is no object.
    pub fn of_question(&self, path: &str) -> Result<Option<&T>, Malformed> {
        match self.shape {
            Shape::Object | Shape::Nothing => Ok(self.readable()),
            Shape::Another => Err(Malformed::field(path, "is not an object")),
        }
    }
}

impl<'de, T: Object<'de>> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut told = Told::default();
        Self::deserialize_in_place(deserializer, &mut told)?;
        Ok(told)
    }

    fn deserialize_in_place<D: Deserializer<'de>>(deserializer: D, told: &mut Self) -> Result<(), D::Error> {
        told.shape = deserializer.deserialize_any(ObjectVisitor(&mut told.object))?;
        Ok(())
    }
}

impl<'de, T: Object<'de>> Member<'de> for Told<T> {
    fn read(raw: &'de RawValue) -> Result<Self, Malformed> {
        let Nested(object) = Nested::read(raw)?;
        let shape = match (&object, raw.get()) {
            (Some(_), _) => Shape::Object,
            (None, "null") => Shape::Nothing,
            (None, _) => Shape::Another,
        };
        Ok(Told { object, shape })
    }
}

/// Reads an object in its place, and says what stood there.
struct ObjectVisitor<'p, T>(&'p mut Option<T>);

impl<T> ObjectVisitor<'_, T> {
    fn without<E>(self, shape: Shape) -> Result<Shape, E> {
        *self.0 = None;
        Ok(shape)
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for ObjectVisitor<'_, T> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape, A::Error> {
        self.0.insert(T::default()).read_members(map).map(|()| Shape::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Shape, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        self.without(Shape::Another)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        self.without(Shape::Another)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        self.without(Shape::Another)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        self.without(Shape::Another)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        self.without(Shape::Another)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        self.without(Shape::Another)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        self.without(Shape::Nothing)
    }
}
