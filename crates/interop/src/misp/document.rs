//! What a MISP file says, bounded and without a judgement: events, objects, attributes.

use super::marking::Marking;
use domain::time::Timestamp;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest type, object name or relation that is kept, in bytes.
pub(super) const WORD_BYTES_MAX: usize = 64;
/// The longest title that is kept, in characters; the rest is cut.
pub(super) const TITLE_CHARACTERS_MAX: usize = 256;

/// A file, read.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The form of the file.
    pub form: Form,
    /// Its events, in the order of the file; none if the file is no event.
    pub events: Vec<Event>,
    /// Places where an event or a list of events should stand and something else does.
    pub misshapen: u32,
}

/// The four forms real events come in, and everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `{"Event": {...}}`.
    Wrapped,
    /// The event itself.
    Bare,
    /// `{"response": [...]}` or `{"response": {...}}`.
    Response,
    /// A list of events.
    List,
    /// No event: a feed manifest, a list of sharing groups, any other JSON.
    #[default]
    NoEvent,
}

impl Form {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wrapped => "WRAPPED",
            Self::Bare => "BARE",
            Self::Response => "RESPONSE",
            Self::List => "LIST",
            Self::NoEvent => "NO_EVENT",
        }
    }
}

/// One event.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// Its global id; absent or malformed ones are `None`.
    pub uuid: Option<Uuid>,
    /// What it is called; may name persons.
    pub title: Title,
    /// The date its author gave it.
    pub date: Option<Timestamp>,
    /// How far its server would distribute it. Noted; widens nothing.
    pub distribution: Option<Distribution>,
    /// What its tags say.
    pub marking: Marking,
    /// Its own attributes.
    pub attributes: Vec<Attribute>,
    /// Its objects.
    pub objects: Vec<Object>,
    /// Proposals for new attributes, which its author has not accepted.
    pub proposals: u32,
    /// Lists that are no lists.
    pub misshapen: u32,
}

/// One object: attributes that belong together.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// The name of its template.
    pub name: Option<Word>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Whether its author deleted it.
    pub deleted: bool,
    /// When it was seen.
    pub seen: Seen,
}

/// One attribute.
#[derive(Debug, Clone, Default)]
pub struct Attribute {
    /// Its type.
    pub attribute_type: Option<Word>,
    /// What it is in its object.
    pub relation: Option<Word>,
    /// Its global id.
    pub uuid: Option<Uuid>,
    /// Its value.
    pub value: Value,
    /// When it was last edited, in seconds since 1970; 0 if not said.
    pub edited_s: u64,
    /// When it was seen.
    pub seen: Seen,
    /// Whether its author meant it for detection.
    pub flag: Flag,
    /// What its tags say.
    pub marking: Marking,
    /// Whether it is filed under analysis by others, not under what was found.
    pub is_reference: bool,
    /// Proposals to change it, which its author has not accepted.
    pub proposals: u32,
    /// Whether its author deleted it.
    pub deleted: bool,
    /// Whether a key that matters stands in it twice.
    pub ambiguous: bool,
    /// Whether something else stands where an attribute should.
    pub misshapen: bool,
}

/// When something was seen, as far as the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// First.
    pub first: Option<Timestamp>,
    /// Last.
    pub last: Option<Timestamp>,
}

/// Did the author mean an attribute for detection (`to_ids`)?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flag {
    /// Yes.
    ForDetection,
    /// No, for context.
    ForContext,
    /// The file does not say.
    #[default]
    NotSaid,
}

/// The value of an attribute; zeroised when dropped.
#[derive(Clone, Default)]
pub enum Value {
    /// There is none.
    #[default]
    Missing,
    /// A text, or a whole number as text.
    Text(Zeroizing<String>),
    /// Longer than anything that can be compared.
    TooLong,
    /// A list, a structure, a truth value, or a number that has no exact text.
    NotText,
}

impl core::fmt::Debug for Value {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Text(_) => "Text(..)",
            Self::TooLong => "TooLong",
            Self::NotText => "NotText",
        })
    }
}

/// How far a MISP server distributes something. Source: MISP core format, "distribution".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distribution {
    /// The own organisation.
    Organisation,
    /// The own server.
    Community,
    /// Connected servers.
    Connected,
    /// Everybody.
    All,
    /// A sharing group.
    SharingGroup,
    /// As the event.
    Inherited,
}

impl Distribution {
    /// Reads the level.
    pub fn from_level(level: &str) -> Option<Self> {
        Some(match level.trim() {
            "0" => Self::Organisation,
            "1" => Self::Community,
            "2" => Self::Connected,
            "3" => Self::All,
            "4" => Self::SharingGroup,
            "5" => Self::Inherited,
            _ => return None,
        })
    }
}

/// The title of an event. It may name persons, so `Debug` shows nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Title(Zeroizing<String>);

impl Title {
    /// Keeps the first [`TITLE_CHARACTERS_MAX`] characters, without control and direction marks.
    pub fn new(text: &str) -> Self {
        let shown = text.chars().filter(|c| !c.is_control() && !is_direction_mark(*c));
        Self(Zeroizing::new(shown.take(TITLE_CHARACTERS_MAX).collect()))
    }

    /// The title, for the officer who has the file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Title {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Title(..)")
    }
}

/// Marks that reorder text on a screen (Unicode Bidirectional Algorithm).
const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A type, an object's name or a relation: short, printable, safe to show.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Word(Arc<str>);

impl Word {
    /// Takes printable ASCII of 1 to [`WORD_BYTES_MAX`] bytes; anything else is no word.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=WORD_BYTES_MAX).contains(&text.len());
        let printable = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        (fits && printable).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Word {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

impl core::fmt::Display for Word {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(&self.0)
    }
}

/// A universally unique identifier (RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Reads the usual 36 characters, either case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        let hyphens = [8, 13, 18, 23].iter().all(|at| text.get(*at) == Some(&b'-'));
        if text.len() != 36 || !hyphens {
            return None;
        }
        let digits: Vec<u8> = text.iter().copied().filter(|b| *b != b'-').collect();
        let mut bytes = [0; 16];
        domain::hexadecimal::decode(&digits, &mut bytes).map(|()| Self(bytes))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl core::fmt::Display for Uuid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let digits = domain::hexadecimal::encode(&self.0);
        let part = |from, to| digits.get(from..to).unwrap_or_default();
        let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        f.pad(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_in_either_case_and_nothing_else_is() {
        let text = "5bbe59a6-2e48-4da3-9e01-01550a016219";
        assert_eq!(Uuid::parse(&text.to_uppercase()).unwrap().to_string(), text);
        for bad in ["", "5bbe59a62e484da39e0101550a016219", "5bbe59a6-2e48-4da3-9e01-01550a01621g"]
        {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
        assert_eq!(Uuid::parse(&"-".repeat(36)), None);
    }

    #[test]
    fn words_and_titles_cannot_play_with_the_terminal() {
        assert!(Word::new("filename|sha256").is_some());
        for bad in ["", "  ", "a\u{1b}[2J", "té", &"x".repeat(65)] {
            assert!(Word::new(bad).is_none(), "{bad:?}");
        }
        assert_eq!(Title::new("a\u{1b}b\u{202e}c\nd").expose(), "abcd");
        assert_eq!(Title::new(&"é".repeat(999)).expose().chars().count(), TITLE_CHARACTERS_MAX);
        assert_eq!(format!("{:?}", Title::new("a name")), "Title(..)");
        let value = Value::Text(Zeroizing::new("+33199001234".to_owned()));
        assert_eq!(format!("{value:?}"), "Text(..)");
    }
}
