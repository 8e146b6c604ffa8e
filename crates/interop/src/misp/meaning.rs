//! What an attribute is in our words, by its object and relation first, then by its type.

use super::document::{Attribute, Object, Value};
use super::known;
use super::reason::Reason;
use domain::value::Platform;
use fingerprint::InputKind;

/// What becomes of an attribute, as far as its type and place decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An identifier of that kind, on that platform where one is needed.
    Identifier(InputKind, Option<Platform>),
    /// `filename|hash`: the hash of a file behind its name.
    HashAfterName,
    /// An account: digits are its numeric id, anything else its handle.
    Account(Platform),
    /// The id or alias of a Facebook group.
    FacebookGroup,
    /// An identifier of a protected person: never a candidate here, nor elsewhere in the event.
    Protected(InputKind),
    /// Skipped.
    Skip(Reason),
}

/// What the tables of [`known`] say about a type or a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// An identifier that needs no platform.
    As(InputKind),
    /// An identifier on a platform.
    On(InputKind, Platform),
    /// An identifier on the platform that the object names.
    OnNamed(InputKind),
    /// See [`Meaning::HashAfterName`].
    HashAfterName,
    /// See [`Meaning::Account`].
    Account(Platform),
    /// The same, on the platform that the object names.
    AccountNamed,
    /// See [`Meaning::FacebookGroup`].
    FacebookGroup,
    /// A link, unless it is filed under what others wrote.
    LinkUnlessReference,
    /// An identifier of the person that a `person` object is about.
    OfPerson(InputKind),
    /// See [`Meaning::Protected`].
    Protected(InputKind),
    /// Skipped.
    Skip(Reason),
}

/// What an object as a whole says about its attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    name: &'a str,
    platform: Option<Result<Platform, Unsupported>>,
    person: Person,
}

/// A platform is named that version 1 of the normalisation has no rules for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsupported;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    /// Every role that is stated is one of a suspect.
    Suspected,
    /// A victim, a witness, or nobody said.
    Protected,
}

impl<'a> Context<'a> {
    /// Looks through an object for its platform and for the roles of its person.
    pub(super) fn of(object: &'a Object) -> Self {
        let name = object.name.as_ref().map_or("", |name| name.as_str());
        let texts = |wanted: fn(&str, &str) -> bool| {
            object.attributes.iter().filter_map(move |attribute| {
                let relation = attribute.relation.as_ref()?.as_str();
                let Value::Text(text) = &attribute.value else {
                    return None;
                };
                (wanted(name, relation) && !attribute.deleted).then(|| text.as_str())
            })
        };
        let mut platform = None;
        for text in texts(known::names_platform) {
            let next = platform_of(text).ok_or(Unsupported);
            let agrees = platform.is_none_or(|before| before == next);
            platform = Some(if agrees { next } else { Err(Unsupported) });
        }
        let mut roles = texts(|_, relation| relation == "role").peekable();
        let suspected = roles.peek().is_some()
            && roles.all(|role| {
                let role = role.trim().to_ascii_lowercase();
                known::ROLES_OF_SUSPECTS.contains(&role.as_str())
            });
        Self {
            name,
            platform,
            person: if suspected { Person::Suspected } else { Person::Protected },
        }
    }
}

/// Decides by object and relation, then by relation alone, then by type.
pub(super) fn meaning(attribute: &Attribute, context: Option<&Context<'_>>) -> Meaning {
    let Some(attribute_type) = attribute.attribute_type.as_ref().map(|word| word.as_str()) else {
        return Meaning::Skip(Reason::TypeMissing);
    };
    let relation = attribute.relation.as_ref().map_or("", |word| word.as_str());
    let by_object = context.and_then(|context| known::in_object(context.name, relation));
    let by_type = || known::by_type(attribute_type);
    let found = by_object.or_else(by_type);
    resolve(found.unwrap_or(Use::Skip(Reason::TypeUnknown)), attribute, context)
}

fn resolve(found: Use, attribute: &Attribute, context: Option<&Context<'_>>) -> Meaning {
    match found {
        Use::As(kind) => Meaning::Identifier(kind, None),
        Use::On(kind, platform) => Meaning::Identifier(kind, Some(platform)),
        Use::OnNamed(kind) => named(context, |platform| Meaning::Identifier(kind, Some(platform))),
        Use::Account(platform) => Meaning::Account(platform),
        Use::AccountNamed => named(context, Meaning::Account),
        Use::HashAfterName => Meaning::HashAfterName,
        Use::FacebookGroup => Meaning::FacebookGroup,
        Use::LinkUnlessReference if attribute.is_reference => Meaning::Skip(Reason::Reference),
        Use::LinkUnlessReference => Meaning::Identifier(InputKind::Link, None),
        Use::OfPerson(kind) => match context.map(|context| context.person) {
            Some(Person::Suspected) if kind == InputKind::Handle => {
                resolve(Use::OnNamed(kind), attribute, context)
            }
            Some(Person::Suspected) => Meaning::Identifier(kind, None),
            _ => Meaning::Protected(kind),
        },
        Use::Protected(kind) => Meaning::Protected(kind),
        Use::Skip(reason) => Meaning::Skip(reason),
    }
}

fn named(context: Option<&Context<'_>>, then: impl FnOnce(Platform) -> Meaning) -> Meaning {
    match context.and_then(|context| context.platform) {
        Some(Ok(platform)) => then(platform),
        Some(Err(Unsupported)) => Meaning::Skip(Reason::PlatformUnsupported),
        None => Meaning::Skip(Reason::PlatformMissing),
    }
}

/// The platform behind the names that MISP's templates and people use.
fn platform_of(text: &str) -> Option<Platform> {
    let word = text.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "whatsapp" => Platform::Whatsapp,
        "telegram" | "teleram" => Platform::Telegram,
        "facebook" | "facebook messenger" | "messenger" => Platform::Facebook,
        "instagram" => Platform::Instagram,
        "twitter" | "x" => Platform::X,
        "tiktok" | "tik tok" => Platform::Tiktok,
        "snapchat" => Platform::Snapchat,
        "youtube" => Platform::Youtube,
        "signal" => Platform::Signal,
        "viber" => Platform::Viber,
        "skype" => Platform::Skype,
        _ => return None,
    })
}
