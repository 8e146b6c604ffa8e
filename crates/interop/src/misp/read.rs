//! From hostile bytes to a bounded document.

use super::attribute::{read_attributes, read_objects, read_proposals, read_tags};
use super::document::{Distribution, Document, Event, Form, Title, Uuid};
use super::instant;
use super::json::{ScalarSeed, Shape, visit_list, visit_scalars};
use crate::Fault;
use core::cell::{Cell, RefCell};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::io::Read;
use zeroize::Zeroizing;

/// The longest text beside a value or a tag that is read, in bytes.
pub(super) const SCALAR_BYTES_MAX: usize = 4096;

/// What a file may hold at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest file, in bytes.
    pub bytes_max: u64,
    /// The deepest nesting, in levels; not above 100.
    pub depth_max: usize,
    /// The most events.
    pub events_max: usize,
    /// The most attributes, objects and proposals together.
    pub attributes_max: usize,
    /// The longest value that is kept, in bytes.
    pub value_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024 * 1024,
            depth_max: 64,
            events_max: 10_000,
            attributes_max: 1_000_000,
            value_bytes_max: fingerprint::RAW_BYTES_MAX,
        }
    }
}

/// Reads a file from an open reader, at most [`Limits::bytes_max`] bytes of it.
///
/// # Errors
/// [`Fault::Unreadable`], [`Fault::TooLong`], and those of [`read`].
pub fn read_from(reader: impl Read, limits: &Limits) -> Result<Document, Fault> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = reader.take(limits.bytes_max.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Fault::Unreadable(error.kind()))?;
    self::read(&bytes, limits)
}

/// Reads the bytes of a file. JSON that is no event gives a document of no events.
///
/// # Errors
/// [`Fault::TooLong`], [`Fault::TooDeep`], [`Fault::TooMany`], [`Fault::NotJson`].
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Document, Fault> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.bytes_max {
        return Err(Fault::TooLong { bytes_max: limits.bytes_max });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_depth(bytes, limits.depth_max)?;
    let reading = Reading::new(limits);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let outcome = FileSeed { reading: &reading }.deserialize(&mut json);
    match outcome.and_then(|form| json.end().map(|()| form)) {
        Ok(form) => Ok(reading.into_document(form)),
        Err(error) => Err(reading.fault.take().unwrap_or_else(|| not_json(&error))),
    }
}

/// The rule in serde_json's message without its trailing position; it holds no value of the file,
/// because every reader here takes every type of value.
fn not_json(error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    let why = text.split(" at line ").next().unwrap_or_default().to_owned();
    Fault::NotJson { line: error.line(), column: error.column(), why }
}

/// Counts brackets outside of texts before anything is parsed.
fn check_depth(bytes: &[u8], depth_max: usize) -> Result<(), Fault> {
    let (mut depth, mut line) = (0_usize, 1_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            b'\n' => line += 1,
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > depth_max {
            return Err(Fault::TooDeep { line, depth_max });
        }
    }
    Ok(())
}

/// What is gathered while reading, and how much more may come.
pub(super) struct Reading<'a> {
    pub(super) limits: &'a Limits,
    events: RefCell<Vec<Event>>,
    misshapen: Cell<u32>,
    attributes_left: Cell<usize>,
    fault: Cell<Option<Fault>>,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            events: RefCell::default(),
            misshapen: Cell::new(0),
            attributes_left: Cell::new(limits.attributes_max),
            fault: Cell::new(None),
        }
    }

    fn into_document(self, form: Form) -> Document {
        let events = self.events.into_inner();
        let form = if events.is_empty() { Form::NoEvent } else { form };
        Document { form, events, misshapen: self.misshapen.get() }
    }

    fn add_event(&self, event: Event) -> Result<(), &'static str> {
        let mut events = self.events.borrow_mut();
        if events.len() >= self.limits.events_max {
            return self.stop("events", self.limits.events_max);
        }
        events.push(event);
        Ok(())
    }

    /// Takes one attribute, object or proposal off what may come.
    pub(super) fn spend(&self) -> Result<(), &'static str> {
        match self.attributes_left.get().checked_sub(1) {
            Some(left) => {
                self.attributes_left.set(left);
                Ok(())
            }
            None => self.stop("attributes and objects", self.limits.attributes_max),
        }
    }

    fn stop(&self, what: &'static str, most: usize) -> Result<(), &'static str> {
        self.fault.set(Some(Fault::TooMany { what, most }));
        Err("too many")
    }

    fn note_misshapen(&self) {
        self.misshapen.set(self.misshapen.get().saturating_add(1));
    }
}

/// The whole file.
struct FileSeed<'a> {
    reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for FileSeed<'_> {
    type Value = Form;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Form, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_> {
    type Value = Form;

    visit_scalars!(Form, |_this| Form::NoEvent);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Form, A::Error> {
        let seed = EnvelopeSeed { reading: self.reading, inside: Inside::List };
        while list.next_element_seed(seed)?.is_some() {}
        Ok(Form::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Form, A::Error> {
        EnvelopeSeed { reading: self.reading, inside: Inside::File }.visit_map(map)
    }
}

/// Where an envelope stands. A response holds no further response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    File,
    Response,
    List,
}

/// `{"Event": {...}}`, a bare event, or (at the top) `{"response": ...}`.
#[derive(Clone, Copy)]
struct EnvelopeSeed<'a> {
    reading: &'a Reading<'a>,
    inside: Inside,
}

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_> {
    type Value = Form;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Form, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_> {
    type Value = Form;

    visit_scalars!(Form, |this| {
        this.reading.note_misshapen();
        Form::NoEvent
    });

    /// A list inside `response` holds the events; a list inside a list does not.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Form, A::Error> {
        if self.inside == Inside::Response {
            let seed = EnvelopeSeed { inside: Inside::List, ..self };
            while list.next_element_seed(seed)?.is_some() {}
        } else {
            self.reading.note_misshapen();
            while list.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(Form::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Form, A::Error> {
        let mut form = Form::NoEvent;
        let mut bare = EventFields::new(self.reading);
        while let Some(key) = map.next_key::<String>()? {
            let enveloped = match key.as_str() {
                "Event" => Form::Wrapped,
                "response" if self.inside == Inside::File => Form::Response,
                _ => {
                    bare.read_field(&key, &mut map)?;
                    continue;
                }
            };
            if form != Form::NoEvent {
                return Err(A::Error::custom(
                    "more than one of `Event` and `response` stands in it",
                ));
            }
            form = enveloped;
            if form == Form::Response {
                let inside = Inside::Response;
                map.next_value_seed(EnvelopeSeed { reading: self.reading, inside })?;
            } else {
                map.next_value_seed(EventSeed { reading: self.reading })?;
            }
        }
        match (form, bare.is_event()) {
            (Form::NoEvent, true) => {
                form = Form::Bare;
                self.reading.add_event(bare.event).map_err(A::Error::custom)?;
            }
            // An event around an envelope: the inner one counts, and the outer one is told.
            (_, true) => self.reading.note_misshapen(),
            (_, false) => {}
        }
        Ok(form)
    }
}

/// The value of `Event`.
struct EventSeed<'a> {
    reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_> {
    type Value = ();

    visit_scalars!((), |this| this.reading.note_misshapen());
    visit_list!((), |this| this.reading.note_misshapen());

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut fields = EventFields::new(self.reading);
        while let Some(key) = map.next_key::<String>()? {
            fields.read_field(&key, &mut map)?;
        }
        self.reading.add_event(fields.event).map_err(A::Error::custom)
    }
}

/// An event while its keys come in.
struct EventFields<'a> {
    reading: &'a Reading<'a>,
    event: Event,
    seen: Vec<&'static str>,
}

impl<'a> EventFields<'a> {
    fn new(reading: &'a Reading<'a>) -> Self {
        Self { reading, event: Event::default(), seen: Vec::new() }
    }

    /// Is a structure without an envelope an event? It has a title, and content or an id and a date.
    fn is_event(&self) -> bool {
        let has = |key| self.seen.contains(&key);
        has("info") && (has("Attribute") || has("Object") || (has("uuid") && has("date")))
    }

    /// Keys that matter may stand once: of two readers, one could take the first, one the last.
    fn read_field<'de, A>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>
    where
        A: MapAccess<'de>,
    {
        const KEYS: [&str; 8] = [
            "uuid",
            "info",
            "date",
            "distribution",
            "Tag",
            "Attribute",
            "Object",
            "ShadowAttribute",
        ];
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            return map.next_value::<IgnoredAny>().map(|_| ());
        };
        if self.seen.contains(&key) {
            return Err(A::Error::custom(format!("the key `{key}` stands twice in an event")));
        }
        self.seen.push(key);
        let scalar = ScalarSeed { bytes_max: SCALAR_BYTES_MAX };
        let event = &mut self.event;
        let shape = match key {
            "Tag" => read_tags(map, &mut event.marking)?,
            "Attribute" => read_attributes(map, self.reading, &mut event.attributes)?,
            "Object" => read_objects(map, self.reading, &mut event.objects)?,
            "ShadowAttribute" => read_proposals(map, self.reading, &mut event.proposals)?,
            _ => {
                let value = map.next_value_seed(scalar)?;
                let text = value.as_text().unwrap_or_default();
                match key {
                    "uuid" => event.uuid = Uuid::parse(text),
                    "info" => event.title = Title::new(text),
                    "date" => event.date = instant::parse(text),
                    _ => event.distribution = Distribution::from_level(text),
                }
                Shape::List
            }
        };
        if shape == Shape::Other {
            event.misshapen = event.misshapen.saturating_add(1);
        }
        Ok(())
    }
}
