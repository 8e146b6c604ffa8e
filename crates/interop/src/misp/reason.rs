//! Why an attribute is no candidate: a closed list of reasons with stable codes.

use super::document::{Uuid, Word};
use fingerprint::Refused;

macro_rules! reasons {
    ($( $(#[$meta:meta])* $variant:ident $code:literal $text:literal, )+) => {
        /// Why an attribute is skipped. Where several hold, the first that was met is told; of two
        /// tags that stop an import, the later in this list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $( $(#[$meta])* $variant, )+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The stable code, the same in JSON and documentation.
            pub const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }

            /// The reason in a few words.
            pub const fn text(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }
    };
}

reasons! {
    /// The author deleted it, or the object it stands in.
    Deleted "DELETED" "its author deleted it",
    /// A change that somebody proposed and the author has not accepted.
    Proposal "PROPOSAL" "a proposal that its author has not accepted",
    /// Something else stands where an attribute should.
    Misshapen "MISSHAPEN" "not an attribute",
    /// A key that matters stands in it twice: two readers could read two things.
    DuplicateKey "DUPLICATE_KEY" "a key stands in it twice, so it could mean two things",
    /// No type.
    TypeMissing "TYPE_MISSING" "it has no type",
    /// A type that MISP does not list.
    TypeUnknown "TYPE_UNKNOWN" "not a type that MISP lists",
    /// A type that nothing here can compare: domains, addresses of machines, file names, rules.
    NotAKind "NOT_A_KIND" "nothing of that type can be compared here",
    /// Words for people: texts, comments, names of groups.
    FreeText "FREE_TEXT" "words for people; a person reads them and submits what matters",
    /// A name, a date of birth, a document number: never an indicator.
    PersonalDetail "PERSONAL_DETAIL" "a personal detail is never an indicator",
    /// MD5 and SHA-1: two files can share one.
    WeakHash "WEAK_HASH" "MD5 and SHA-1 can be forged; hash the file again",
    /// The bytes of a file.
    Attachment "ATTACHMENT" "attached files are not opened; hash the file and submit it",
    /// A link to what somebody wrote about it, not to the thing.
    Reference "REFERENCE" "a link to a report, not to the thing itself",
    /// An account on a platform that version 1 of the normalisation does not know.
    PlatformUnsupported "PLATFORM_UNSUPPORTED" "accounts of that platform cannot be compared yet",
    /// A handle, and nothing says of which platform.
    PlatformMissing "PLATFORM_MISSING" "nothing says which platform it is on",
    /// Recipients, members, followers, quoted accounts: those who read or answer.
    Bystander "BYSTANDER" "those who read, answer or belong to a group are never indexed",
    /// A victim, a witness, a source, an impersonated person, or nobody knows.
    ProtectedPerson "PROTECTED_PERSON" "it belongs to a victim, a witness, or nobody knows whom",
    /// No value.
    ValueMissing "VALUE_MISSING" "it has no value",
    /// A structure, a list, or a number without an exact text.
    ValueNotText "VALUE_NOT_TEXT" "its value is no text",
    /// Longer than anything that can be compared.
    ValueTooLong "VALUE_TOO_LONG" "its value is longer than anything that can be compared",
    /// A rule of normalisation refused it; [`Skipped::refused`] says which.
    ValueRefused "VALUE_REFUSED" "not a well-formed value of its type",
    /// A contact of rescue, aid, lawyers, the press or a family.
    NegativeBank "NEGATIVE_BANK" "a contact of aid, rescue, lawyers, press or family is never indexed",
    /// The same thing stood in the event before; the markings were merged.
    Repeated "REPEATED" "the same thing as before; the stricter marking of both counts",
    /// A tag says that its time is over.
    RetentionExpired "RETENTION_EXPIRED" "a tag says that its time is over",
    /// A tag says that it is a false positive.
    FalsePositive "FALSE_POSITIVE" "a tag says that it is a false positive",
    /// A tag says that the source deceives.
    DeceptiveSource "DECEPTIVE_SOURCE" "a tag says that the source deceives",
    /// A tag says that it shows the abuse of a child: never indexed here.
    ChildAbuseMaterial "CHILD_ABUSE_MATERIAL" "never indexed here; report it to the unit for child protection",
}

impl core::fmt::Display for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.code())
    }
}

/// Where in an event something stands; holds no value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The type; `None` if missing or no word.
    pub attribute_type: Option<Word>,
    /// The object, by its place among the event's objects, from 0; `None` at the event itself.
    pub object: Option<u32>,
    /// The name of the object's template.
    pub object_name: Option<Word>,
    /// What it is in its object.
    pub relation: Option<Word>,
    /// Its place among the attributes of the event or of the object, from 0.
    pub position: u32,
    /// Its global id.
    pub uuid: Option<Uuid>,
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let word = |word: &Option<Word>| word.as_ref().map_or("?", Word::as_str).to_owned();
        match self.object {
            None => write!(f, "{} ({})", self.position, word(&self.attribute_type)),
            Some(object) => write!(
                f,
                "{object}/{} ({} {}, {})",
                self.position,
                word(&self.object_name),
                word(&self.relation),
                word(&self.attribute_type)
            ),
        }
    }
}

/// An attribute that is no candidate, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it stands.
    pub place: Place,
    /// Why.
    pub reason: Reason,
    /// The rule of normalisation that refused it, for [`Reason::ValueRefused`].
    pub refused: Option<Refused>,
}
