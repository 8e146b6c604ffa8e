//! A second, low-confidence token under which handles that look alike meet.
//!
//! The skeleton of UTS 39 merges `l`, `1` and `I`, and `rn` and `m`. It is computed for Latin,
//! Cyrillic and Greek handles only: elsewhere it merges what readers tell apart (the Arabic alef
//! with the Latin l). Two different people can share a look-alike token, so a match is a hint for
//! a person to look at, never a hit. The tables are those of the linked Unicode release.
//!
//! Nothing outside of this crate calls it yet: no record, question or message has a place for such a
//! token. It is the seam at which the work on similarity begins, and its tests keep it true until
//! then.

use domain::digest::{DIGEST_BYTES, derive};
use domain::indicator::NormalisationVersion;
use domain::value::Platform;
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::unicode::tidy;

/// The longest handle that is looked at, in bytes.
const HANDLE_BYTES_MAX: usize = 256;

/// The look-alike token of a handle; counts as the handle itself, like a fingerprint.
#[derive(Clone, PartialEq, Eq, Hash, Zeroize, ZeroizeOnDrop)]
pub struct LookAlike([u8; DIGEST_BYTES]);

impl LookAlike {
    /// The bytes; the caller must seal, key or drop them.
    pub const fn expose(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl core::fmt::Debug for LookAlike {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LookAlike(..)")
    }
}

/// The look-alike token of a handle as people see it, also when the platform would not allow it
/// (a Cyrillic letter in an advertisement's picture of a Telegram handle).
///
/// `derive_key("malines look-alike v1", platform, normalisation version, skeleton)`, each part
/// length-prefixed. `None` for other scripts, for spaces, and above 256 bytes.
pub fn look_alike(platform: Platform, handle: &str) -> Option<LookAlike> {
    if handle.len() > HANDLE_BYTES_MAX {
        return None;
    }
    let tidied = tidy(handle);
    let folded = caseless::default_case_fold_str(tidied.trim_start_matches('@'));
    let mut letters = 0;
    for character in folded.chars() {
        match character.script() {
            Script::Latin | Script::Cyrillic | Script::Greek => letters += 1,
            Script::Common | Script::Inherited if !character.is_whitespace() => {}
            _ => return None,
        }
    }
    if letters == 0 {
        return None;
    }
    let skeleton: String = skeleton(&folded).collect();
    Some(LookAlike(derive(
        "malines look-alike v1",
        &[
            platform.as_str().as_bytes(),
            &NormalisationVersion(1).0.to_le_bytes(),
            skeleton.as_bytes(),
        ],
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_meet_and_others_do_not() {
        let token = |handle: &str| look_alike(Platform::Telegram, handle);
        for alike in ["@boat_l", "BOAT_l", "bоat_1", "bοat_l", "ｂoat_1"] {
            assert_eq!(token(alike), token("boat_l"), "{alike}");
            assert!(token(alike).is_some());
        }
        assert_eq!(token("rnarina"), token("marina"));
        assert_ne!(token("boat"), token("goat"));
        assert_ne!(token("boat"), look_alike(Platform::X, "boat"));
    }

    #[test]
    fn other_scripts_have_none() {
        for other in ["قارب", "船", "boatا", "12345", "", "a b", &"a".repeat(257)] {
            assert_eq!(look_alike(Platform::Youtube, other), None, "{other}");
        }
        assert_eq!(format!("{:?}", look_alike(Platform::X, "boat").unwrap()), "LookAlike(..)");
    }
}
