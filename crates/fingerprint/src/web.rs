//! Web addresses: parsing as browsers do (WHATWG URL Standard), one canonical form, and the
//! question whether an address names somebody.
//!
//! The canonical form lower-cases scheme and host only, writes the host in ASCII (IDNA), drops the
//! default port, the fragment, tracking parameters and a dot after the host, and writes percent
//! escapes as RFC 3986 6.2.2 does. The case of the path stays: two invites may differ by it alone.
//! Short links are never resolved: asking a server would show it our interest.

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;
use url::{Host, Url};

use crate::refused::Refused;
use crate::unicode::with_ascii_digit;

/// Application schemes whose links can be compared.
const APPLICATION_SCHEMES: &[&str] = &[
    "bitcoin",
    "ethereum",
    "fb",
    "instagram",
    "mailto",
    "sgnl",
    "skype",
    "snapchat",
    "tel",
    "tg",
    "twitter",
    "viber",
    "whatsapp",
];

/// Query parameters that say where a click came from, never what is shown.
const TRACKING: &[&str] = &[
    "_ga",
    "_gl",
    "dclid",
    "fbclid",
    "gbraid",
    "gclid",
    "gclsrc",
    "igsh",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mibextid",
    "msclkid",
    "rdid",
    "ref_src",
    "ref_url",
    "sfnsn",
    "ttclid",
    "twclid",
    "wbraid",
    "wtsid",
    "yclid",
];
/// The same, by the beginning of the name.
const TRACKING_PREFIXES: &[&str] = &["utm_", "__cft__", "__tn__", "__xts__"];

/// Query parameters whose value names a person.
const NAMING_PARAMETERS: &[&str] = &[
    "account",
    "author",
    "email",
    "handle",
    "instagram",
    "login",
    "mail",
    "nick",
    "nickname",
    "phone",
    "profile",
    "screen_name",
    "tel",
    "telegram",
    "user",
    "user_id",
    "user_name",
    "username",
    "via",
    "whatsapp",
];

/// This many digits in a row count as an identifier.
const IDENTIFIER_DIGITS: usize = 7;
/// How often an address is percent-decoded in search of an identifier.
const DECODE_ROUNDS_MAX: usize = 3;

/// Parses an address as people paste it: without scheme, with invisible marks around it, or made
/// harmless (`hxxps://example[.]org`).
pub(crate) fn parse(raw: &str) -> Result<Url, Refused> {
    let visible: String = raw.chars().filter(|character| !is_direction_mark(*character)).collect();
    let text = visible.trim();
    let text = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    let text = with_scheme(&rearmed(text))?;
    let mut url = Url::parse(&text).map_err(|_| Refused::UrlInvalid)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::UrlUserinfo);
    }
    if is_web(&url) {
        let host = match url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(_) => return Ok(url),
            None => return Err(Refused::UrlHost),
        };
        if !host.contains('.') {
            return Err(Refused::UrlHost);
        }
        url.set_host(Some(&host)).map_err(|_| Refused::UrlHost)?;
    }
    Ok(url)
}

/// Could a person have meant this as a link rather than as a bare name, number or code?
pub(crate) fn looks_like_link(raw: &str) -> bool {
    let text = raw.trim();
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    text.contains("://")
        || scheme.is_some_and(|scheme| APPLICATION_SCHEMES.contains(&scheme.as_str()))
        || text.split_once('/').is_some_and(|(host, _)| {
            host.contains('.') && host.contains(|c: char| c.is_ascii_alphabetic())
        })
}

/// http or https?
pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The canonical form of a web address.
pub(crate) fn canonical(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let mut text = format!("{}://{host}", url.scheme());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    text.push_str(&with_plain_escapes(url.path()));
    let query: Vec<String> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !is_tracking(pair))
        .map(with_plain_escapes)
        .collect();
    if !query.is_empty() {
        text.push('?');
        text.push_str(&query.join("&"));
    }
    text
}

/// Does the address hold an e-mail address, an @handle, seven or more digits, or a parameter that
/// names somebody? Looked for in host, path and query, as written and percent-decoded.
pub(crate) fn holds_identifier(canonical: &str) -> bool {
    let text = canonical.split_once("://").map_or(canonical, |(_, rest)| rest);
    let names_somebody = text.split_once('?').is_some_and(|(_, query)| {
        url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
            !value.is_empty() && NAMING_PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
        })
    });
    if names_somebody {
        return true;
    }
    let mut text = text.to_owned();
    for _ in 0..=DECODE_ROUNDS_MAX {
        let plain: Vec<char> = text.nfkc().map(with_ascii_digit).collect();
        if holds_digits(&plain) || holds_at_sign(&plain) {
            return true;
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            return false;
        }
        text = decoded;
    }
    // Escapes within escapes within escapes hide something.
    true
}

fn holds_digits(text: &[char]) -> bool {
    let mut digits = 0;
    text.iter().any(|character| {
        match character {
            '0'..='9' => digits += 1,
            '-' | '.' | ' ' | '_' | '(' | ')' | '+' => {}
            _ => digits = 0,
        }
        digits >= IDENTIFIER_DIGITS
    })
}

fn holds_at_sign(text: &[char]) -> bool {
    text.windows(2).any(
        |pair| matches!(pair, ['@', next] if next.is_alphanumeric() || matches!(next, '_' | '.')),
    )
}

fn is_tracking(pair: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    TRACKING.contains(&name.as_str())
        || TRACKING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Escapes of unreserved characters are undone, all others get capital digits (RFC 3986 6.2.2).
fn with_plain_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let escaped = after.split_at_checked(2).and_then(|(digits, tail)| {
            let byte = u8::from_str_radix(digits, 16).ok()?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some((byte, tail))
        });
        match escaped {
            Some((byte, tail)) => {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    plain.push(char::from(byte));
                } else {
                    plain.push_str(&format!("%{byte:02X}"));
                }
                rest = tail;
            }
            None => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Undoes the usual ways of making a link harmless.
fn rearmed(text: &str) -> String {
    let text = match text.split_at_checked(4) {
        Some((head, tail)) if head.eq_ignore_ascii_case("hxxp") => format!("http{tail}"),
        _ => text.to_owned(),
    };
    text.replace("[.]", ".").replace("(.)", ".").replace("[dot]", ".").replace("[:]", ":")
}

fn with_scheme(text: &str) -> Result<String, Refused> {
    if text.starts_with("//") {
        return Ok(format!("https:{text}"));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Ok(format!("https://{text}"));
    };
    if scheme.contains(char::is_whitespace) {
        return Err(Refused::UrlInvalid);
    }
    let lower = scheme.to_ascii_lowercase();
    if lower == "http" || lower == "https" || APPLICATION_SCHEMES.contains(&lower.as_str()) {
        return Ok(text.to_owned());
    }
    // The colon of another link, which stands behind the host of this one.
    let is_behind = scheme.contains(['/', '?']);
    let is_host = scheme.contains('.') || rest.starts_with(|c: char| c.is_ascii_digit());
    if is_behind || (is_host && !rest.starts_with("//")) {
        Ok(format!("https://{text}"))
    } else {
        Err(Refused::UrlScheme)
    }
}

/// Direction marks, zero-width space and byte order mark, which come along when text is copied. The
/// zero-width joiners stay: Persian words and emoji in a path need them.
fn is_direction_mark(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<String, Refused> {
        parse(raw).map(|url| canonical(&url))
    }

    #[test]
    fn spellings_of_one_address_meet() {
        for raw in [
            "https://example.org/Boat?b=1",
            "HTTPS://EXAMPLE.org:443/Boat?b=1#top",
            "example.org/Boat?b=1&utm_source=x&fbclid=y",
            "hxxps://example[.]org/%42oat?utm%5Fmedium=z&b=1",
            "\u{202A}https://example.org./Boat?b=1\u{202C} ",
            "<https://example.org/x/../Boat?&b=1&>",
            "https://ＥＸＡＭＰＬＥ.org/Boat?b=1",
        ] {
            assert_eq!(read(raw).unwrap(), "https://example.org/Boat?b=1", "{raw}");
        }
        assert_ne!(read("example.org/Boat"), read("example.org/boat"));
        assert_eq!(read("bücher.example/").unwrap(), "https://xn--bcher-kva.example/");
        assert_eq!(read("example.org:8080/a").unwrap(), "https://example.org:8080/a");
    }

    #[test]
    fn tricks_are_refused() {
        for (raw, refused) in [
            ("https://t.me@example.org/", Refused::UrlUserinfo),
            ("https://a:b@example.org/", Refused::UrlUserinfo),
            ("javascript:alert(1)", Refused::UrlScheme),
            ("file:///etc/passwd", Refused::UrlScheme),
            ("ftp://example.org/a", Refused::UrlScheme),
            ("http://localhost:80/a", Refused::UrlHost),
            ("https://", Refused::UrlInvalid),
            ("https://exa mple.org/", Refused::UrlInvalid),
            (" ", Refused::Empty),
        ] {
            assert_eq!(read(raw), Err(refused), "{raw}");
        }
    }

    #[test]
    fn identifiers_are_found_however_they_are_written() {
        for held in [
            "https://example.org/call/0199001234",
            "https://example.org/call/01-99-00-12-34",
            "https://example.org/?q=+33%20199%20001234",
            "https://example.org/%D9%A0%D9%A1%D9%A9%D9%A9%D9%A0%D9%A0%D9%A1",
            "https://example.org/@boat",
            "https://example.org/?to=boat%40example.org",
            "https://example.org/?to=boat%252540example.org",
            "https://example.org/?username=boat",
            "https://example.org/%EF%BC%A0boat",
        ] {
            assert!(holds_identifier(held), "{held}");
        }
        for free in [
            "https://example.org/boat/123456",
            "https://example.org/a1b2c3d4e5f6a7b8",
            "https://example.org/?page=2&user=",
            "https://example.org/2026/11/21/boat",
        ] {
            assert!(!holds_identifier(free), "{free}");
        }
    }
}
