//! The digests: the fingerprint of an identifier, its commitment, its token, and plain hashes.
//!
//! All of them are BLAKE3 (specification of 2020-01-09) with 32-byte outputs. A fingerprint of a
//! person's identifier counts as the identifier itself: anybody can compute it for every telephone
//! number of a country in minutes. So its `Debug` shows nothing and it is zeroised when dropped.

use crate::indicator::{Kind, NormalisationVersion};
use crate::value::Platform;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The length of every digest, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// BLAKE3 of the parts one after the other, without separators: for one part, or fixed-size parts.
pub fn hash(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// BLAKE3 in derive-key mode over length-prefixed parts (each: `u32` little-endian length, bytes).
///
/// `context` is a hard-coded, globally unique sentence, never data.
pub fn derive(context: &'static str, parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    update_length_prefixed(&mut hasher, parts);
    hasher.finalize().into()
}

/// BLAKE3 in keyed mode over the parts one after the other, without separators.
pub fn keyed(key: &[u8; DIGEST_BYTES], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A part longer than 4 GiB cannot occur: every caller bounds its input to 1 MiB or less.
fn update_length_prefixed(hasher: &mut blake3::Hasher, parts: &[&[u8]]) {
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        hasher.update(&length.to_le_bytes());
        hasher.update(part);
    }
}

/// x: the digest of one normalised identifier, made on the analyst's machine.
///
/// `x = derive_key("malines fingerprint v1", kind, platform, normalisation version, bytes)`, each
/// part length-prefixed; the kind and the platform as their words, the platform empty for kinds
/// that meet across platforms, the version as `u32` little-endian.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct Fingerprint([u8; DIGEST_BYTES]);

impl Fingerprint {
    /// Digests canonical bytes. Only the `fingerprint` crate knows how to make them canonical.
    pub fn derive(
        kind: Kind,
        platform: Option<Platform>,
        version: NormalisationVersion,
        canonical: &[u8],
    ) -> Self {
        let platform = match platform {
            Some(platform) if kind.is_platform_bound() => platform.as_str(),
            _ => "",
        };
        Self(derive(
            "malines fingerprint v1",
            &[kind.as_str().as_bytes(), platform.as_bytes(), &version.0.to_le_bytes(), canonical],
        ))
    }

    /// Takes 32 bytes that an officer's machine computed.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes; the caller must seal, key or drop them.
    pub const fn expose(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl core::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// 32 random bytes that hide what a commitment commits to; sealed at the origin.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; DIGEST_BYTES]);

impl Salt {
    /// Takes 32 bytes from a cryptographic generator.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn expose(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl core::fmt::Debug for Salt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// `BLAKE3(salt | x)`: binds a signed record to its identifier without showing it. Opened at release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Commitment(#[cbor(with = "minicbor::bytes")] [u8; DIGEST_BYTES]);

impl Commitment {
    /// Commits to a fingerprint.
    pub fn new(salt: &Salt, x: &Fingerprint) -> Self {
        Self(hash(&[salt.expose(), x.expose()]))
    }

    /// Does this commitment open to that salt and fingerprint?
    pub fn opens(&self, salt: &Salt, x: &Fingerprint) -> bool {
        *self == Self::new(salt, x)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// Takes the bytes of a commitment made elsewhere.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x(kind: Kind, platform: Option<Platform>, bytes: &[u8]) -> Fingerprint {
        Fingerprint::derive(kind, platform, NormalisationVersion::CURRENT, bytes)
    }

    #[test]
    fn a_phone_meets_across_platforms_and_a_handle_does_not() {
        let phone = b"+33199001234";
        assert_eq!(
            x(Kind::Phone, Some(Platform::Whatsapp), phone),
            x(Kind::Phone, Some(Platform::Signal), phone)
        );
        assert_ne!(
            x(Kind::Handle, Some(Platform::Telegram), b"boat"),
            x(Kind::Handle, Some(Platform::X), b"boat")
        );
    }

    #[test]
    fn parts_cannot_slide_into_each_other() {
        assert_ne!(derive("malines test", &[b"ab", b"c"]), derive("malines test", &[b"a", b"bc"]));
    }

    #[test]
    fn debug_shows_nothing() {
        let x = Fingerprint::from_bytes([7; 32]);
        assert_eq!(format!("{x:?}"), "Fingerprint(..)");
        assert_eq!(format!("{:?}", Salt::from_bytes([7; 32])), "Salt(..)");
    }

    #[test]
    fn a_commitment_opens_only_to_what_it_was_made_of() {
        let (salt, x) = (Salt::from_bytes([1; 32]), Fingerprint::from_bytes([2; 32]));
        let commitment = Commitment::new(&salt, &x);
        assert!(commitment.opens(&salt, &x));
        assert!(!commitment.opens(&Salt::from_bytes([3; 32]), &x));
        assert!(!commitment.opens(&salt, &Fingerprint::from_bytes([1; 32])));
    }
}
