//! The way from a raw value to its fingerprint.

use domain::digest::{DIGEST_BYTES, Fingerprint};
use domain::indicator::{Kind, NormalisationVersion};
use domain::value::Platform;
use zeroize::Zeroizing;

use crate::input::{Hint, InputKind};
use crate::platform::{self, Canonical};
use crate::refused::Refused;
use crate::text::{TEXT_BYTES_MAX, ad_text};
use crate::{email, file, iban, link, mask, phone, wallet, web};

/// The longest raw value other than a text, in bytes.
pub const RAW_BYTES_MAX: usize = 4096;

/// The longest canonical form, in bytes: a compatibility character can unfold into 18 letters.
pub const CANONICAL_BYTES_MAX: usize = 18 * TEXT_BYTES_MAX;

/// A value in canonical form. It is the identifier itself: keep it on the officer's machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The kind, which decides the tier.
    pub kind: Kind,
    /// The platform the value belongs to. For a telephone number, where it was seen: it does not
    /// enter the fingerprint.
    pub platform: Option<Platform>,
    canonical: Zeroizing<Vec<u8>>,
}

impl Normalised {
    pub(crate) fn new(kind: Kind, platform: Option<Platform>, canonical: Vec<u8>) -> Self {
        Self { kind, platform, canonical: Zeroizing::new(canonical) }
    }

    /// x, the digest that every spelling of the value shares.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::derive(self.kind, self.platform, self.version(), &self.canonical)
    }

    /// The canonical bytes: UTF-8 text, or 32 bytes for the hash of a file.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// Enough for the officer who typed the value to recognise it, and no more, for example
    /// `+33 1 99 00 .. ..`. Still not for a log.
    pub fn masked(&self) -> String {
        mask::masked(self.kind, self.platform, &self.canonical)
    }

    /// The version of the rules.
    pub const fn version(&self) -> NormalisationVersion {
        NormalisationVersion(1)
    }
}

impl core::fmt::Debug for Normalised {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Normalised({}, ..)", self.kind)
    }
}

/// Brings a raw value into canonical form.
///
/// `raw` is at most [`RAW_BYTES_MAX`] bytes, a text at most [`TEXT_BYTES_MAX`]. The kind of the
/// result can differ from `kind` for [`InputKind::Link`] and [`InputKind::Url`], which mean the
/// same: a link to an account is that account, whoever calls it what. Every other kind accepts a
/// link too, if what the link points at is of that kind.
///
/// # Errors
///
/// [`Refused`] names the rule that the value breaks; garbage is never hashed.
pub fn normalise(kind: InputKind, raw: &str, hint: &Hint) -> Result<Normalised, Refused> {
    let bytes_max = if kind == InputKind::Text { TEXT_BYTES_MAX } else { RAW_BYTES_MAX };
    if raw.len() > bytes_max {
        return Err(Refused::TooLong { bytes_max });
    }
    let canonical = match kind {
        InputKind::Text => return ad_text(raw, &[]).map(|text| text.normalised),
        InputKind::Sha256 => return digest(Kind::Sha256, raw),
        InputKind::Blake3 => return digest(Kind::Blake3, raw),
        InputKind::Link | InputKind::Url => {
            let found = link::resolve(raw, hint.region.as_ref())?;
            return finish(found, hint);
        }
        InputKind::Email => Canonical::email(email::canonical(raw)?),
        InputKind::Iban => {
            Canonical { kind: Kind::Iban, platform: None, text: iban::canonical(raw)? }
        }
        InputKind::Wallet => Canonical::wallet(wallet::canonical(raw)?),
        InputKind::Phone
        | InputKind::NumericId
        | InputKind::Handle
        | InputKind::ChannelId
        | InputKind::InviteCode => {
            let found = if web::looks_like_link(raw) {
                link::resolve(raw, hint.region.as_ref())?
            } else {
                bare(kind, raw, hint)?
            };
            if !fits(kind, found.kind) {
                return Err(Refused::KindMismatch);
            }
            found
        }
    };
    finish(canonical, hint)
}

/// A value that is no link.
fn bare(kind: InputKind, raw: &str, hint: &Hint) -> Result<Canonical, Refused> {
    if raw.trim().is_empty() {
        return Err(Refused::Empty);
    }
    if kind == InputKind::Phone {
        let number = phone::canonical(raw, hint.region.as_ref())?;
        return Ok(Canonical::phone(number, hint.platform));
    }
    let platform = hint.platform.ok_or(Refused::PlatformRequired)?;
    match kind {
        InputKind::NumericId => platform::numeric_id(platform, raw),
        InputKind::ChannelId => platform::channel_id(platform, raw),
        InputKind::InviteCode => platform::invite_code(platform, raw),
        _ => platform::handle(platform, raw),
    }
}

/// May a value called `asked` turn out to be `found`? A Facebook name of digits is a numeric id,
/// and so is the number in a link to a profile.
fn fits(asked: InputKind, found: Kind) -> bool {
    match asked {
        InputKind::Phone => found == Kind::Phone,
        InputKind::Handle => matches!(found, Kind::Handle | Kind::NumericId),
        InputKind::NumericId => matches!(found, Kind::NumericId | Kind::ChannelId),
        InputKind::ChannelId => found == Kind::ChannelId,
        InputKind::InviteCode => matches!(found, Kind::InviteCode | Kind::InviteCodeShort),
        _ => true,
    }
}

/// The platform named and the platform found must agree, where the kind is bound to one.
fn finish(found: Canonical, hint: &Hint) -> Result<Normalised, Refused> {
    let platform = match (found.platform, hint.platform) {
        (Some(found_on), Some(named)) if found_on != named && found.kind.is_platform_bound() => {
            return Err(Refused::PlatformMismatch);
        }
        (Some(found_on), _) => Some(found_on),
        (None, named) if found.kind == Kind::Phone => named,
        (None, _) => None,
    };
    Ok(Normalised::new(found.kind, platform, found.text.into_bytes()))
}

fn digest(kind: Kind, raw: &str) -> Result<Normalised, Refused> {
    let text = raw.trim();
    let text = match text.split_once(':') {
        Some((name, rest)) if name.eq_ignore_ascii_case(kind.as_str()) => rest,
        _ => text,
    };
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    let mut bytes = [0; DIGEST_BYTES];
    domain::hexadecimal::decode(text.as_bytes(), &mut bytes).ok_or(Refused::DigestInvalid)?;
    file::of_digest(kind, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(platform: Platform) -> Hint {
        Hint { region: None, platform: Some(platform) }
    }

    #[test]
    fn one_account_has_one_fingerprint_whatever_the_kind_is_called() {
        let bare = normalise(InputKind::Handle, "@Malines_Fict", &on(Platform::Telegram)).unwrap();
        for kind in [InputKind::Link, InputKind::Url, InputKind::Handle] {
            let linked = normalise(kind, "https://t.me/malines_fict", &Hint::default()).unwrap();
            assert_eq!(linked, bare);
            assert_eq!(linked.fingerprint(), bare.fingerprint());
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let link = "https://t.me/malines_fict";
        assert_eq!(
            normalise(InputKind::Handle, link, &on(Platform::X)),
            Err(Refused::PlatformMismatch)
        );
        assert_eq!(normalise(InputKind::Phone, link, &Hint::default()), Err(Refused::KindMismatch));
        assert_eq!(
            normalise(InputKind::Handle, "boat", &Hint::default()),
            Err(Refused::PlatformRequired)
        );
        assert_eq!(
            normalise(InputKind::Handle, "boat", &on(Platform::Whatsapp)),
            Err(Refused::KindNotOnPlatform)
        );
    }

    #[test]
    fn input_is_bounded_and_nothing_personal_is_shown() {
        let long = "9".repeat(RAW_BYTES_MAX + 1);
        for kind in InputKind::ALL {
            if *kind != InputKind::Text {
                assert_eq!(
                    normalise(*kind, &long, &Hint::default()),
                    Err(Refused::TooLong { bytes_max: RAW_BYTES_MAX })
                );
            }
        }
        let found = normalise(InputKind::Email, "boat@example.org", &Hint::default()).unwrap();
        assert_eq!(format!("{found:?}"), "Normalised(EMAIL, ..)");
        assert_eq!(found.version(), NormalisationVersion::CURRENT);
    }
}
