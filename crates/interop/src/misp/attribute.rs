//! Reads the parts of an event: its attributes, its objects, its tags, and what others proposed.

use super::document::{Attribute, Flag, Object, Seen, Uuid, Value, Word};
use super::instant;
use super::json::{ListSeed, Scalar, ScalarSeed, Shape, drain, visit_list, visit_scalars};
use super::marking::{Marking, TAG_BYTES_MAX};
use super::read::{Reading, SCALAR_BYTES_MAX};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads the value of `Attribute`.
pub(super) fn read_attributes<'de, A: MapAccess<'de>>(
    map: &mut A,
    reading: &Reading<'_>,
    attributes: &mut Vec<Attribute>,
) -> Result<Shape, A::Error> {
    let take = |attribute| {
        reading.spend()?;
        attributes.push(attribute);
        Ok(())
    };
    map.next_value_seed(ListSeed { element: AttributeSeed { reading }, take })
}

/// Reads the value of `Object`.
pub(super) fn read_objects<'de, A: MapAccess<'de>>(
    map: &mut A,
    reading: &Reading<'_>,
    objects: &mut Vec<Object>,
) -> Result<Shape, A::Error> {
    let take = |object| {
        reading.spend()?;
        objects.push(object);
        Ok(())
    };
    map.next_value_seed(ListSeed { element: ObjectSeed { reading }, take })
}

/// Counts the elements of the value of `ShadowAttribute`; what they propose is not read.
pub(super) fn read_proposals<'de, A: MapAccess<'de>>(
    map: &mut A,
    reading: &Reading<'_>,
    proposals: &mut u32,
) -> Result<Shape, A::Error> {
    let take = |_: IgnoredAny| {
        reading.spend()?;
        *proposals = proposals.saturating_add(1);
        Ok(())
    };
    map.next_value_seed(ListSeed { element: core::marker::PhantomData, take })
}

/// Reads the value of `Tag` into the sum of the tags.
pub(super) fn read_tags<'de, A: MapAccess<'de>>(
    map: &mut A,
    marking: &mut Marking,
) -> Result<Shape, A::Error> {
    let take = |tag: Option<String>| {
        match tag {
            Some(tag) => marking.add_tag(&tag),
            None => marking.add_unreadable(),
        }
        Ok(())
    };
    let shape = map.next_value_seed(ListSeed { element: TagSeed, take })?;
    if shape == Shape::Other {
        marking.add_unreadable();
    }
    Ok(shape)
}

/// One attribute. Anything else at its place is an attribute of no shape, so that counts add up.
#[derive(Clone, Copy)]
struct AttributeSeed<'a> {
    reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for AttributeSeed<'_> {
    type Value = Attribute;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Attribute, D::Error> {
        d.deserialize_any(self)
    }
}

const ATTRIBUTE_KEYS: [&str; 12] = [
    "type",
    "category",
    "to_ids",
    "uuid",
    "timestamp",
    "deleted",
    "object_relation",
    "value",
    "first_seen",
    "last_seen",
    "Tag",
    "ShadowAttribute",
];

impl<'de> Visitor<'de> for AttributeSeed<'_> {
    type Value = Attribute;

    visit_scalars!(Attribute, |_this| misshapen_attribute());
    visit_list!(Attribute, |_this| misshapen_attribute());

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attribute, A::Error> {
        let mut attribute = Attribute::default();
        let mut keys = KeysOnce::default();
        while let Some(key) = map.next_key::<String>()? {
            let known = ATTRIBUTE_KEYS.iter().position(|known| *known == key);
            let Some(position) = known else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            attribute.ambiguous |= keys.repeats(position);
            match key.as_str() {
                "Tag" => {
                    read_tags(&mut map, &mut attribute.marking)?;
                }
                "ShadowAttribute" => {
                    read_proposals(&mut map, self.reading, &mut attribute.proposals)?;
                }
                "value" => {
                    let bytes_max = self.reading.limits.value_bytes_max;
                    attribute.value = value(map.next_value_seed(ScalarSeed { bytes_max })?);
                }
                key => {
                    let seed = ScalarSeed { bytes_max: SCALAR_BYTES_MAX };
                    attribute.set(key, &map.next_value_seed(seed)?);
                }
            }
        }
        Ok(attribute)
    }
}

impl Attribute {
    fn set(&mut self, key: &str, scalar: &Scalar) {
        let text = scalar.as_text().unwrap_or_default();
        match key {
            "type" => self.attribute_type = Word::new(text),
            "object_relation" => self.relation = Word::new(text),
            "uuid" => self.uuid = Uuid::parse(text),
            "timestamp" => self.edited_s = instant::seconds(text).unwrap_or(0),
            "first_seen" => self.seen.first = instant::parse(text),
            "last_seen" => self.seen.last = instant::parse(text),
            "deleted" => self.deleted = is_deleted(scalar),
            "category" => self.is_reference = is_reference(text),
            _ => {
                self.flag = match scalar.as_truth() {
                    Some(true) => Flag::ForDetection,
                    Some(false) => Flag::ForContext,
                    None => Flag::NotSaid,
                }
            }
        }
    }
}

fn misshapen_attribute() -> Attribute {
    Attribute { misshapen: true, ..Attribute::default() }
}

fn value(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Nothing => Value::Missing,
        Scalar::Text(text) if text.trim().is_empty() => Value::Missing,
        Scalar::Text(text) => Value::Text(text),
        Scalar::TooLong => Value::TooLong,
        Scalar::Truth(_) | Scalar::Other => Value::NotText,
    }
}

/// A mark of deletion that cannot be read counts as one.
fn is_deleted(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Nothing => false,
        scalar => scalar.as_truth().unwrap_or(true),
    }
}

/// MISP's categories for what others wrote about a thing.
fn is_reference(category: &str) -> bool {
    let category = category.trim().to_ascii_lowercase();
    matches!(
        category.as_str(),
        "external analysis" | "internal reference" | "antivirus detection" | "support tool"
    )
}

/// One object.
#[derive(Clone, Copy)]
struct ObjectSeed<'a> {
    reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Object, D::Error> {
        d.deserialize_any(self)
    }
}

const OBJECT_KEYS: [&str; 5] = ["name", "deleted", "first_seen", "last_seen", "Attribute"];

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Object;

    visit_scalars!(Object, |_this| Object::default());
    visit_list!(Object, |_this| Object::default());

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut object = Object::default();
        let mut keys = KeysOnce::default();
        while let Some(key) = map.next_key::<String>()? {
            let known = OBJECT_KEYS.iter().position(|known| *known == key);
            let Some(position) = known else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if keys.repeats(position) {
                let why = format!("the key `{key}` stands twice in an object");
                return Err(A::Error::custom(why));
            }
            if key == "Attribute" {
                read_attributes(&mut map, self.reading, &mut object.attributes)?;
                continue;
            }
            let scalar = map.next_value_seed(ScalarSeed { bytes_max: SCALAR_BYTES_MAX })?;
            let text = scalar.as_text().unwrap_or_default();
            match key.as_str() {
                "name" => object.name = Word::new(text),
                "deleted" => object.deleted = is_deleted(&scalar),
                "first_seen" => object.seen.first = instant::parse(text),
                _ => object.seen.last = instant::parse(text),
            }
        }
        Ok(object)
    }
}

impl Seen {
    /// What is said here, else what is said about the whole.
    #[must_use]
    pub fn or(self, whole: Self) -> Self {
        let said = self.first.is_some() || self.last.is_some();
        if said { self } else { whole }
    }
}

/// One tag: `{"name": "tlp:red"}` or only the name. `None`: it cannot be read.
#[derive(Clone, Copy)]
struct TagSeed;

impl<'de> DeserializeSeed<'de> for TagSeed {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Option<String>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TagSeed {
    type Value = Option<String>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok((text.len() <= TAG_BYTES_MAX).then(|| text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<String>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// A tag whose name stands twice cannot be read.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut name = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "name" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let scalar = map.next_value_seed(ScalarSeed { bytes_max: TAG_BYTES_MAX })?;
            if name.is_some() {
                drain(&mut map)?;
                return Ok(None);
            }
            name = scalar.as_text().map(str::to_owned);
        }
        Ok(name)
    }
}

/// Remembers which of up to 16 keys came already.
#[derive(Default)]
struct KeysOnce(u16);

impl KeysOnce {
    fn repeats(&mut self, position: usize) -> bool {
        let bit = 1_u16.checked_shl(u32::try_from(position).unwrap_or(u32::MAX)).unwrap_or(0);
        let repeats = self.0 & bit != 0;
        self.0 |= bit;
        repeats
    }
}
