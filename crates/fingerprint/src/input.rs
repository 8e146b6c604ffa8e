//! What a person says a value is before it is normalised.

use core::str::FromStr;

use domain::name::Country;
use domain::value::Platform;

macro_rules! input_kinds {
    ($( $(#[$meta:meta])* $variant:ident $word:literal, )+) => {
        /// What a person says a value is; the command line's words.
        ///
        /// The [`domain::indicator::Kind`] of the result can differ: a link to an account is a
        /// HANDLE, and an invite code of fewer than 16 characters is an INVITE_CODE_SHORT.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum InputKind {
            $( $(#[$meta])* $variant, )+
        }

        impl InputKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];
            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[ $( $word, )+ ];

            /// The word of the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }
    };
}

input_kinds! {
    /// A telephone number.
    Phone "phone",
    /// An e-mail address.
    Email "email",
    /// A bank account number.
    Iban "iban",
    /// The numeric id of an account; needs the platform.
    NumericId "numeric-id",
    /// The handle of an account; needs the platform unless it is pasted as a link.
    Handle "handle",
    /// A Bitcoin, Ethereum or TRON address.
    Wallet "wallet",
    /// The id of a channel; needs the platform unless it is pasted as a link.
    ChannelId "channel-id",
    /// A URL. Treated exactly like [`InputKind::Link`], so that one account has one digest.
    Url "url",
    /// An invite code; needs the platform unless it is pasted as a link.
    InviteCode "invite-code",
    /// The SHA-256 of a file, in hexadecimal.
    Sha256 "sha256",
    /// The BLAKE3 of a file, in hexadecimal.
    Blake3 "blake3",
    /// The text of an advertisement.
    Text "text",
    /// A link out of a message: decided by what it points at.
    Link "link",
}

impl core::fmt::Display for InputKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no kind of input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a kind of identifier; known: {known}")]
pub struct UnknownInputKind {
    /// What was given, cut to 64 characters.
    pub given: String,
    /// The known words, comma separated.
    pub known: String,
}

impl FromStr for InputKind {
    type Err = UnknownInputKind;

    fn from_str(word: &str) -> Result<Self, UnknownInputKind> {
        let wanted = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        Self::ALL.iter().copied().find(|kind| kind.as_str() == wanted).ok_or_else(|| {
            UnknownInputKind {
                given: word.chars().take(64).collect(),
                known: Self::WORDS.join(", "),
            }
        })
    }
}

/// What is known beside the value itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// The country a telephone number without `+` is dialled in.
    pub region: Option<Country>,
    /// The platform of a handle, a numeric id, a channel or an invite code.
    pub platform: Option<Platform>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_usual_spelling() {
        for (kind, word) in InputKind::ALL.iter().zip(InputKind::WORDS) {
            assert_eq!(word.parse::<InputKind>().unwrap(), *kind);
        }
        assert_eq!("Numeric_ID".parse::<InputKind>().unwrap(), InputKind::NumericId);
        let error = "fax".parse::<InputKind>().unwrap_err();
        assert!(error.to_string().contains("`fax`") && error.known.contains("phone, email"));
    }
}
