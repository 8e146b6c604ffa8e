//! What an officer is shown of the value just typed: enough to recognise it, not enough to use it.

use domain::indicator::Kind;
use domain::value::Platform;

use crate::{email, iban, phone, wallet};

/// Characters of a handle, an id or a code that are shown.
const CHARACTERS_SHOWN: usize = 2;
/// Bytes of a file's hash that are shown.
const HASH_BYTES_SHOWN: usize = 4;

pub(crate) fn masked(kind: Kind, platform: Option<Platform>, canonical: &[u8]) -> String {
    let text = core::str::from_utf8(canonical).unwrap_or_default();
    match kind {
        Kind::Phone => phone::masked(text),
        Kind::Email => email::masked(text),
        Kind::Iban => iban::masked(text),
        Kind::Wallet => wallet::masked(text),
        Kind::NumericId
        | Kind::Handle
        | Kind::ChannelId
        | Kind::InviteCode
        | Kind::InviteCodeShort => {
            let shown: String = text.chars().take(CHARACTERS_SHOWN).collect();
            format!("{} {shown}...", platform.map_or("", Platform::as_str))
        }
        Kind::Url | Kind::UrlWithIdentifier => {
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            format!("{}/...", rest.get(..end).unwrap_or_default())
        }
        Kind::Sha256 | Kind::Blake3 => {
            let shown = canonical.get(..HASH_BYTES_SHOWN).unwrap_or_default();
            format!("{}...", domain::hexadecimal::encode(shown))
        }
        Kind::AdText => {
            let letters = text.chars().filter(|character| character.is_alphabetic()).count();
            format!("text, {letters} letters")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_hides_the_most_of_it() {
        let telegram = Some(Platform::Telegram);
        assert_eq!(masked(Kind::Handle, telegram, b"malines_fict"), "TELEGRAM ma...");
        assert_eq!(
            masked(Kind::UrlWithIdentifier, None, b"https://example.org/call/0199001234"),
            "example.org/..."
        );
        assert_eq!(masked(Kind::Url, None, b"https://example.org?a=b"), "example.org/...");
        assert_eq!(masked(Kind::Sha256, None, &[0xab; 32]), "abababab...");
        assert_eq!(masked(Kind::AdText, None, b"boat <phone>"), "text, 9 letters");
    }
}
