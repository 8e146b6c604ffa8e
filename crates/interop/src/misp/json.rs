//! Reading JSON that may lie about its types: every value is accepted, bounded, and called what it is.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// Visits of single values at a place where a structure is wanted: noted, not fatal.
macro_rules! visit_scalars {
    ($value:ty, |$this:ident| $otherwise:expr) => {
        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("any value")
        }
        fn visit_str<E>(self, _: &str) -> Result<$value, E> {
            let $this = self;
            Ok($otherwise)
        }
        fn visit_u64<E>(self, _: u64) -> Result<$value, E> {
            let $this = self;
            Ok($otherwise)
        }
        fn visit_i64<E>(self, _: i64) -> Result<$value, E> {
            let $this = self;
            Ok($otherwise)
        }
        fn visit_f64<E>(self, _: f64) -> Result<$value, E> {
            let $this = self;
            Ok($otherwise)
        }
        fn visit_bool<E>(self, _: bool) -> Result<$value, E> {
            let $this = self;
            Ok($otherwise)
        }
        fn visit_unit<E>(self) -> Result<$value, E> {
            let $this = self;
            Ok($otherwise)
        }
    };
}

/// A list where one structure is wanted: read over, noted, not fatal.
macro_rules! visit_list {
    ($value:ty, |$this:ident| $otherwise:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<$value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            let $this = self;
            Ok($otherwise)
        }
    };
}

pub(super) use {visit_list, visit_scalars};

/// A single value. Numbers become their text where that is exact.
#[derive(Clone, Default)]
pub(super) enum Scalar {
    /// `null`, or not there.
    #[default]
    Nothing,
    /// A text or a whole number.
    Text(Zeroizing<String>),
    /// `true` or `false`.
    Truth(bool),
    /// A text over the limit.
    TooLong,
    /// A list, a structure or a number without an exact text.
    Other,
}

impl Scalar {
    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The ways MISP writes true and false; `None` for anything else.
    pub(super) fn as_truth(&self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(*truth),
            Self::Text(text) => match text.as_str() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Reads a [`Scalar`] of at most so many bytes.
#[derive(Clone, Copy)]
pub(super) struct ScalarSeed {
    /// The longest text that is kept, in bytes.
    pub(super) bytes_max: usize,
}

impl<'de> DeserializeSeed<'de> for ScalarSeed {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Scalar, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed {
    type Value = Scalar;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        if text.len() > self.bytes_max {
            return Ok(Scalar::TooLong);
        }
        Ok(Scalar::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Text(Zeroizing::new(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Text(Zeroizing::new(number.to_string())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar::Truth(truth))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        drain(&mut map)?;
        Ok(Scalar::Other)
    }
}

/// Reads and drops the rest of a structure.
pub(super) fn drain<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// What was found where a list should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// A list, nothing, or the structure with numbered keys that PHP makes of a list.
    List,
    /// Something else.
    Other,
}

/// Reads a list, giving each element to `element`, which sees whether it can go on.
pub(super) struct ListSeed<S, F> {
    /// Reads one element.
    pub(super) element: S,
    /// Takes one element, or says why the list is too long.
    pub(super) take: F,
}

impl<'de, S, F> DeserializeSeed<'de> for ListSeed<S, F>
where
    S: DeserializeSeed<'de> + Clone,
    F: FnMut(S::Value) -> Result<(), &'static str>,
{
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Shape, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, S, F> Visitor<'de> for ListSeed<S, F>
where
    S: DeserializeSeed<'de> + Clone,
    F: FnMut(S::Value) -> Result<(), &'static str>,
{
    type Value = Shape;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Shape, A::Error> {
        while let Some(element) = list.next_element_seed(self.element.clone())? {
            (self.take)(element).map_err(A::Error::custom)?;
        }
        Ok(Shape::List)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Shape, A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            let element = map.next_value_seed(self.element.clone())?;
            (self.take)(element).map_err(A::Error::custom)?;
        }
        Ok(Shape::List)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::List)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(if text.is_empty() { Shape::List } else { Shape::Other })
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Other)
    }
}
