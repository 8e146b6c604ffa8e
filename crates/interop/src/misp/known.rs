//! The tables: which types of MISP, and which relations of its objects, hold something comparable.
//!
//! Source: the attribute types of the MISP core format and the templates of misp-objects. What is
//! in no table is skipped as unknown; nothing is guessed from the look of a value.

use super::meaning::Use;
use super::reason::Reason;
use domain::value::Platform;
use fingerprint::InputKind::{
    ChannelId, Email, Handle, Iban, Link, NumericId, Phone, Sha256, Wallet,
};

/// The roles of a `person` object that make its identifiers those of a suspect; `defendent` is
/// how the template spells it.
pub(super) const ROLES_OF_SUSPECTS: &[&str] =
    &["suspect", "defendent", "defendant", "accused", "culprit", "accomplice"];

/// Does this relation of this object say which platform the object is about?
pub(super) fn names_platform(object: &str, relation: &str) -> bool {
    matches!(
        (object, relation),
        ("instant-message" | "instant-message-group", "app-used")
            | ("social-media-group", "platform")
            | ("chat-message", "protocol")
            | ("user-account", "account-type")
            | ("microblog", "type")
            | ("impersonation", "type-of-account")
            | ("person", "instant-messaging-used")
    )
}

/// What a relation of an object holds; `None` leaves it to the type.
pub(super) fn in_object(object: &str, relation: &str) -> Option<Use> {
    of_platform(object, relation)
        .or_else(|| of_conversation(object, relation))
        .or_else(|| of_person(object, relation))
        .or_else(|| in_any_object(object, relation))
}

/// Objects that are about one platform.
fn of_platform(object: &str, relation: &str) -> Option<Use> {
    Some(match (object, relation) {
        ("telegram-account", "id") => Use::On(NumericId, Platform::Telegram),
        ("telegram-account", "phone") => Use::As(Phone),
        ("telegram-account" | "telegram-bot", "username") => Use::On(Handle, Platform::Telegram),
        ("telegram-account", "first_name" | "last_name") => Use::Skip(Reason::PersonalDetail),

        ("facebook-account", "account-id") => Use::On(NumericId, Platform::Facebook),
        ("facebook-post", "user-id") => Use::On(NumericId, Platform::Facebook),
        ("facebook-post", "username") => Use::On(Handle, Platform::Facebook),
        ("facebook-page", "page-id") => Use::On(NumericId, Platform::Facebook),
        ("facebook-group", "id") => Use::FacebookGroup,
        ("facebook-group", "administrator" | "creator") => Use::Account(Platform::Facebook),

        ("instagram-account", "account-id") => Use::On(NumericId, Platform::Instagram),
        ("instagram-account", "account-name") => Use::On(Handle, Platform::Instagram),

        ("twitter-account", "id") => Use::On(NumericId, Platform::X),
        ("twitter-post", "user-id") => Use::On(NumericId, Platform::X),
        ("twitter-account" | "twitter-post", "name") => Use::On(Handle, Platform::X),
        ("twitter-account", "displayed-name") => Use::Skip(Reason::PersonalDetail),
        ("twitter-account", "profile-image-url" | "profile-banner-url") => {
            Use::Skip(Reason::Attachment)
        }
        (
            "twitter-account",
            "followers" | "following" | "twitter-followers" | "twitter-following",
        ) => Use::Skip(Reason::Bystander),

        ("youtube-channel", "channel-id") => Use::On(ChannelId, Platform::Youtube),
        ("reddit-account", "account-id" | "account-name") => Use::Skip(Reason::PlatformUnsupported),
        ("reddit-account", "account-avatar-url") => Use::Skip(Reason::Attachment),
        _ => return None,
    })
}

/// Messages, posts, groups and accounts on a platform that the object names.
fn of_conversation(object: &str, relation: &str) -> Option<Use> {
    Some(match (object, relation) {
        ("instant-message", "from-user") => Use::AccountNamed,
        ("instant-message-group" | "social-media-group", "username" | "person-name") => {
            Use::Skip(Reason::Bystander)
        }
        ("facebook-page", "team-member") => Use::Skip(Reason::Bystander),
        ("social-media-group", "administrator") => Use::AccountNamed,
        ("chat-message", "user-account-id") => Use::AccountNamed,
        ("chat-message", "address" | "network") => Use::Skip(Reason::NotAKind),
        ("microblog", "username") => Use::OnNamed(Handle),
        ("microblog", "twitter-id") => Use::Skip(Reason::NotAKind),
        ("user-account", "username") => Use::OnNamed(Handle),
        ("user-account", "user-id") => Use::OnNamed(NumericId),
        ("user-account", "display-name") => Use::Skip(Reason::PersonalDetail),
        ("impersonation", "account-name") => Use::OnNamed(Handle),
        ("short-message-service", "from") => Use::As(Phone),
        ("short-message-service", "smsc" | "url-rfc5724") => Use::Skip(Reason::NotAKind),
        ("short-message-service", "to") => Use::Skip(Reason::Bystander),
        ("email", "to" | "cc" | "bcc") => Use::Skip(Reason::Bystander),
        ("phone", "msisdn") => Use::As(Phone),
        ("coin-address", "address" | "address-crypto" | "address-xmr") => Use::As(Wallet),
        _ => return None,
    })
}

/// Objects about a person: whose it is decides whether it may be compared at all.
fn of_person(object: &str, relation: &str) -> Option<Use> {
    Some(match (object, relation) {
        ("person", "phone-number" | "fax-number") => Use::OfPerson(Phone),
        ("person", "e-mail") => Use::OfPerson(Email),
        ("person", "handle") => Use::OfPerson(Handle),
        ("person", _) => Use::Skip(Reason::PersonalDetail),
        ("victim", "email") => Use::Protected(Email),
        ("victim", _) => Use::Skip(Reason::ProtectedPerson),
        ("impersonation", "impersonated-account-url") => Use::Protected(Link),
        ("impersonation", "impersonated-account-name" | "real-name") => {
            Use::Skip(Reason::ProtectedPerson)
        }
        _ => return None,
    })
}

/// Relations that mean the same in every template.
fn in_any_object(object: &str, relation: &str) -> Option<Use> {
    let is_reply = relation.starts_with("in-reply-to-") || relation.starts_with("to-");
    if is_reply || relation == "username-quoted" {
        return Some(Use::Skip(Reason::Bystander));
    }
    Some(match relation {
        "archive" | "embedded-safe-link" => Use::Skip(Reason::Reference),
        "link" | "url" if HOLD_THEIR_OWN_LINK.contains(&object) => Use::As(Link),
        _ => return None,
    })
}

/// Templates whose `link` is "the original link to the page", not a link to a report.
const HOLD_THEIR_OWN_LINK: &[&str] = &[
    "facebook-account",
    "facebook-group",
    "facebook-page",
    "facebook-post",
    "forged-document",
    "image",
    "instagram-account",
    "instant-message",
    "instant-message-group",
    "meme-image",
    "microblog",
    "reddit-account",
    "social-media-group",
    "twitter-account",
    "twitter-post",
    "user-account",
    "youtube-channel",
    "youtube-video",
];

/// What a type holds; `None` for a type that MISP does not list.
pub(super) fn by_type(attribute_type: &str) -> Option<Use> {
    Some(match attribute_type {
        "url" | "uri" => Use::As(Link),
        "link" => Use::LinkUnlessReference,
        "phone-number" => Use::As(Phone),
        "email" | "email-src" | "email-dst" | "email-reply-to" => Use::As(Email),
        "iban" => Use::As(Iban),
        "btc" | "dash" | "xmr" => Use::As(Wallet),
        "sha256" => Use::As(Sha256),
        "filename|sha256" => Use::HashAfterName,
        "twitter-id" => Use::Account(Platform::X),
        "target-email" => Use::Protected(Email),
        other => Use::Skip(skipped_type(other)?),
    })
}

fn skipped_type(attribute_type: &str) -> Option<Reason> {
    Some(match attribute_type {
        "md5" | "sha1" | "filename|md5" | "filename|sha1" | "malware-sample" => Reason::WeakHash,
        "attachment" | "email-attachment" => Reason::Attachment,
        "github-username" | "github-organisation" | "github-repository" | "jabber-id" | "eppn" => {
            Reason::PlatformUnsupported
        }
        "target-user" | "target-machine" | "target-org" | "target-location" | "target-external" => {
            Reason::ProtectedPerson
        }
        "text" | "comment" | "other" | "email-body" | "email-subject" | "email-header"
        | "threat-actor" | "campaign-name" | "campaign-id" => Reason::FreeText,
        "first-name"
        | "middle-name"
        | "last-name"
        | "full-name"
        | "date-of-birth"
        | "place-of-birth"
        | "gender"
        | "nationality"
        | "country-of-residence"
        | "primary-residence"
        | "passport-number"
        | "passport-country"
        | "passport-expiration"
        | "identity-card-number"
        | "redress-number"
        | "visa-number"
        | "issue-date-of-the-visa"
        | "frequent-flyer-number"
        | "passenger-name-record-locator-number"
        | "travel-details"
        | "special-service-request"
        | "payment-details"
        | "cc-number"
        | "gene"
        | "email-src-display-name"
        | "email-dst-display-name"
        | "whois-registrant-name"
        | "whois-registrant-email"
        | "whois-registrant-phone" => Reason::PersonalDetail,
        other if NOT_COMPARED.contains(&other) => Reason::NotAKind,
        _ => return None,
    })
}

/// Types of MISP that nothing here compares.
const NOT_COMPARED: &[&str] = &[
    "AS",
    "aba-rtn",
    "anonymised",
    "authentihash",
    "azure-application-id",
    "bank-account-nr",
    "bic",
    "bin",
    "boolean",
    "bro",
    "cdhash",
    "chrome-extension-id",
    "community-id",
    "cookie",
    "cortex",
    "counter",
    "cpe",
    "datetime",
    "dkim",
    "dkim-signature",
    "dns-soa-email",
    "dom-hash",
    "domain",
    "domain|ip",
    "email-message-id",
    "email-mime-boundary",
    "email-thread-index",
    "email-x-mailer",
    "favicon-mmh3",
    "filename",
    "filename-pattern",
    "filename|authentihash",
    "filename|impfuzzy",
    "filename|imphash",
    "filename|pehash",
    "filename|sha224",
    "filename|sha3-224",
    "filename|sha3-256",
    "filename|sha3-384",
    "filename|sha3-512",
    "filename|sha384",
    "filename|sha512",
    "filename|sha512/224",
    "filename|sha512/256",
    "filename|ssdeep",
    "filename|tlsh",
    "filename|vhash",
    "float",
    "git-commit-id",
    "hassh-md5",
    "hasshserver-md5",
    "hex",
    "hostname",
    "hostname|port",
    "http-method",
    "impfuzzy",
    "imphash",
    "integer",
    "ip-dst",
    "ip-dst|port",
    "ip-src",
    "ip-src|port",
    "ja3-fingerprint-md5",
    "jarm-fingerprint",
    "kusto-query",
    "mac-address",
    "mac-eui-64",
    "malware-type",
    "mime-type",
    "mobile-application-id",
    "mutex",
    "named pipe",
    "namedpipe",
    "onion-address",
    "pattern-in-file",
    "pattern-in-memory",
    "pattern-in-traffic",
    "pdb",
    "pehash",
    "pgp-private-key",
    "pgp-public-key",
    "place-port-of-clearance",
    "place-port-of-onward-foreign-destination",
    "place-port-of-original-embarkation",
    "port",
    "process-state",
    "prtn",
    "regkey",
    "regkey|value",
    "sha224",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "sha384",
    "sha512",
    "sha512/224",
    "sha512/256",
    "sigma",
    "size-in-bytes",
    "snort",
    "ssdeep",
    "ssh-fingerprint",
    "stix2-pattern",
    "suricata",
    "telfhash",
    "tlsh",
    "user-agent",
    "uuid",
    "vhash",
    "vulnerability",
    "weakness",
    "whois-creation-date",
    "whois-registrant-org",
    "whois-registrar",
    "windows-scheduled-task",
    "windows-service-displayname",
    "windows-service-name",
    "x509-fingerprint-md5",
    "x509-fingerprint-sha1",
    "x509-fingerprint-sha256",
    "yara",
    "zeek",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_documents_and_names_are_never_identifiers() {
        for attribute_type in ["passport-number", "full-name", "date-of-birth", "visa-number"] {
            let meaning = by_type(attribute_type);
            assert_eq!(meaning, Some(Use::Skip(Reason::PersonalDetail)), "{attribute_type}");
        }
        assert_eq!(in_object("person", "alias"), Some(Use::Skip(Reason::PersonalDetail)));
        assert_eq!(in_object("victim", "anything"), Some(Use::Skip(Reason::ProtectedPerson)));
    }

    #[test]
    fn a_type_that_misp_does_not_list_means_nothing() {
        for attribute_type in ["URL", "phone", "sha-256", "url ", ""] {
            assert_eq!(by_type(attribute_type), None, "{attribute_type}");
        }
    }
}
