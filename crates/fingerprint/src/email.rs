//! E-mail addresses: one lower-case form, nothing folded that a provider might tell apart.
//!
//! Decided for version 1: the local part is lower-cased. RFC 5321 lets a host tell capitals apart,
//! but no large provider does, and a missed match is likelier than a wrong one. Dots and `+tags`
//! are kept: they are one provider's habit, not a rule. Quoted local parts are refused.

use unicode_normalization::UnicodeNormalization;
use url::Host;

use crate::refused::Refused;
use crate::unicode::{is_invisible, is_letter, is_mark};

/// RFC 5321 4.5.3.1.1, in bytes.
const LOCAL_BYTES_MAX: usize = 64;
/// RFC 5321 4.5.3.1.3 without the angle brackets, in bytes.
const ADDRESS_BYTES_MAX: usize = 254;
/// RFC 1035 2.3.4, in bytes.
const DOMAIN_BYTES_MAX: usize = 253;

/// The canonical address: lower-case local part, `@`, the domain in ASCII (IDNA, UTS 46).
pub(crate) fn canonical(raw: &str) -> Result<String, Refused> {
    let text: String = raw.nfkc().filter(|character| !is_invisible(*character)).collect();
    let text = unwrapped(text.trim());
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(Refused::EmailInvalid)?;
    let local: String = local.chars().flat_map(char::to_lowercase).nfc().collect();
    check_local(&local)?;
    let domain = ascii_domain(domain)?;
    let address = format!("{local}@{domain}");
    if address.len() > ADDRESS_BYTES_MAX {
        return Err(Refused::EmailInvalid);
    }
    Ok(address)
}

/// The domain in full and the first letter: `b...@example.org`.
pub(crate) fn masked(canonical: &str) -> String {
    let (local, domain) = canonical.rsplit_once('@').unwrap_or_default();
    local.chars().take(1).chain("...@".chars()).chain(domain.chars()).collect()
}

/// Without `mailto:` (RFC 6068), its headers, and angle brackets.
fn unwrapped(text: &str) -> &str {
    let text = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    match text.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => {
            rest.split_once('?').map_or(rest, |(address, _)| address).trim()
        }
        _ => text,
    }
}

fn check_local(local: &str) -> Result<(), Refused> {
    let well_formed = !local.is_empty()
        && local.len() <= LOCAL_BYTES_MAX
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(is_local_character);
    if well_formed { Ok(()) } else { Err(Refused::EmailInvalid) }
}

/// `atext` of RFC 5322 and the dot, and letters of other scripts (RFC 6531).
fn is_local_character(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
    } else {
        is_letter(character) || is_mark(character) || character.is_numeric()
    }
}

fn ascii_domain(domain: &str) -> Result<String, Refused> {
    // A host of a URL may be percent-encoded; a mail domain may not.
    if domain.contains('%') {
        return Err(Refused::EmailDomain);
    }
    let Ok(Host::Domain(name)) = Host::parse(domain) else {
        return Err(Refused::EmailDomain);
    };
    let name = name.strip_suffix('.').unwrap_or(&name);
    let labels: Vec<&str> = name.split('.').collect();
    let well_formed = name.len() <= DOMAIN_BYTES_MAX
        && labels.len() >= 2
        && labels.iter().all(|label| is_label(label));
    if well_formed { Ok(name.to_owned()) } else { Err(Refused::EmailDomain) }
}

/// A label of RFC 1123 2.1: letters, digits and hyphens, not at its ends.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_form() {
        for raw in [
            "boat@example.org",
            " Boat@EXAMPLE.org. ",
            "<boat@example.org>",
            "mailto:boat@example.org?subject=hi",
            "ｂoat@example。org",
            "bo\u{200B}at@example.org",
        ] {
            assert_eq!(canonical(raw).unwrap(), "boat@example.org", "{raw}");
        }
        assert_ne!(canonical("bo.at@example.org"), canonical("boat@example.org"));
        assert_eq!(canonical("boat@bücher.example").unwrap(), "boat@xn--bcher-kva.example");
        assert_eq!(masked("boat@example.org"), "b...@example.org");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in ["boat", "@example.org", "a b@example.org", ".a@example.org", "a..b@x.org"] {
            assert_eq!(canonical(raw), Err(Refused::EmailInvalid), "{raw}");
        }
        for raw in ["a@b", "a@[127.0.0.1]", "a@127.0.0.1", "a@-b.org", "a@b_c.org", "a@%62.org"] {
            assert_eq!(canonical(raw), Err(Refused::EmailDomain), "{raw}");
        }
        assert_eq!(
            canonical(&format!("{}@example.org", "a".repeat(65))),
            Err(Refused::EmailInvalid)
        );
    }
}
