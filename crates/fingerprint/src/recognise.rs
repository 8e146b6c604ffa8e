//! Guesses what a pasted value is, so that a prompt can offer the likeliest answer first.

use domain::value::Platform;

use crate::input::{Hint, InputKind};
use crate::normalise::{RAW_BYTES_MAX, normalise};
use crate::unicode::tidy;
use crate::{link, web};

/// A guess that a person confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// What the value seems to be.
    pub kind: InputKind,
    /// The platform, when the value tells.
    pub platform: Option<Platform>,
}

/// The likeliest kind; `None` for what only a person can tell, such as a bare name.
///
/// Kinds with check digits are tried first, because they cannot be taken for anything else. Never
/// says [`InputKind::Text`], and never tells SHA-256 from BLAKE3: it says the commoner.
pub fn recognise(raw: &str) -> Option<Guess> {
    if raw.len() > RAW_BYTES_MAX {
        return None;
    }
    let is = |kind: InputKind| normalise(kind, raw, &Hint::default()).is_ok();
    let guess = |kind: InputKind| Some(Guess { kind, platform: None });
    if web::looks_like_link(raw) && is(InputKind::Link) {
        return Some(Guess { kind: InputKind::Link, platform: link::platform_of(raw) });
    }
    let certain = [InputKind::Iban, InputKind::Sha256, InputKind::Wallet, InputKind::Email];
    if let Some(kind) = certain.into_iter().find(|kind| is(*kind)) {
        return guess(kind);
    }
    let text = tidy(raw);
    if text.starts_with('@') && !text.contains(char::is_whitespace) {
        return guess(InputKind::Handle);
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let grouped = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-.()/".contains(c);
    if is(InputKind::Phone) || (text.starts_with('0') && digits >= 8 && text.chars().all(grouped)) {
        return guess(InputKind::Phone);
    }
    let is_host = text.contains('.') && !text.contains(char::is_whitespace);
    if is_host && is(InputKind::Link) { guess(InputKind::Link) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_told_is_told() {
        for (raw, kind) in [
            ("https://t.me/malines_fict", InputKind::Link),
            ("example.org/boat", InputKind::Link),
            ("example.org", InputKind::Link),
            ("tg://resolve?domain=malines_fict", InputKind::Link),
            ("+33 1 99 00 12 34", InputKind::Phone),
            ("01 99 00 12 34", InputKind::Phone),
            ("@malines_fict", InputKind::Handle),
            ("boat@example.org", InputKind::Email),
            ("FR14 2004 1010 0505 0001 3M02 606", InputKind::Iban),
            ("1111111111111111111114oLvT2", InputKind::Wallet),
            (&"ab".repeat(32), InputKind::Sha256),
        ] {
            assert_eq!(recognise(raw).map(|guess| guess.kind), Some(kind), "{raw}");
        }
        let platform = recognise("https://t.me/malines_fict").unwrap().platform;
        assert_eq!(platform, Some(Platform::Telegram));
        for raw in ["", "boat", "boat travel to the other side", "12"] {
            assert_eq!(recognise(raw), None, "{raw}");
        }
    }
}
