//! Names and identifiers: of agencies, agreements, records, clusters, countries and places.
//!
//! A name is checked when it is made, so that holding one means it is well formed.

use core::fmt;
use core::str::FromStr;

/// A text that is not a well-formed name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {} {what}: {rule}", crate::closed::article(.what))]
pub struct InvalidName {
    /// The kind of name, in words.
    pub what: &'static str,
    /// What was given, cut to 64 characters.
    pub given: String,
    /// What a name of that kind looks like.
    pub rule: &'static str,
}

macro_rules! text_name {
    ($(#[$meta:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    let given = text.chars().take(64).collect();
                    Err(InvalidName { what: $what, given, rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                d.str()?.parse().map_err(|_| {
                    minicbor::decode::Error::message(concat!("malformed ", $what)).at(at)
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fn is_slug(text: &str, longest: usize) -> bool {
    (2..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

text_name! {
    /// An agency: two-letter country, hyphen, short name, for example `be-fedpol`.
    AgencyId, "agency id", "two to 32 of a-z, 0-9 and hyphen, like be-fedpol",
    |text| is_slug(text, 32)
}

text_name! {
    /// An agreement, for example `malines-2026`.
    AgreementId, "agreement id", "two to 64 of a-z, 0-9 and hyphen, like malines-2026",
    |text| is_slug(text, 64)
}

text_name! {
    /// The pseudonym of an officer, for example `BE-1042`. The agency alone can resolve it.
    OfficerId, "officer pseudonym", "three to 32 of A-Z, 0-9 and hyphen, like BE-1042",
    |text| {
        (3..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
    }
}

text_name! {
    /// A clause of an agreement, for example `4.2`.
    Clause, "clause", "one to 16 of digits, letters and dots, like 4.2",
    |text| {
        (1..=16).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    }
}

text_name! {
    /// A country: ISO 3166-1 alpha-2, upper case.
    Country, "country", "two capital letters of ISO 3166-1, like BE",
    |text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

macro_rules! byte_name {
    ($(#[$meta:meta])* $name:ident, $what:literal, $bytes:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The length in bytes.
            pub const BYTES: usize = $bytes;

            /// Takes the bytes.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Draws a fresh one.
            pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
                let mut bytes = [0; $bytes];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidName;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidName> {
                bytes.try_into().map(Self).map_err(|_| InvalidName {
                    what: $what,
                    given: format!("{} bytes", bytes.len()),
                    rule: concat!(stringify!($bytes), " bytes"),
                })
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let mut bytes = [0; $bytes];
                match crate::hexadecimal::decode(text.as_bytes(), &mut bytes) {
                    Some(()) => Ok(Self(bytes)),
                    None => Err(InvalidName {
                        what: $what,
                        given: text.chars().take(64).collect(),
                        rule: concat!(stringify!($bytes), " bytes in hexadecimal"),
                    }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&crate::hexadecimal::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                Self::try_from(d.bytes()?).map_err(|_| {
                    minicbor::decode::Error::message(concat!("malformed ", $what)).at(at)
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}

byte_name! {
    /// A record: 128 random bits, drawn by the origin, never reused, terminal once withdrawn.
    RecordId, "record id", 16
}
byte_name! {
    /// Sibling records of one account or one file under one agreement: 128 random bits.
    ClusterId, "cluster id", 16
}
byte_name! {
    /// A case of the own agency: 128 random bits. Its reference text never leaves the node.
    CaseId, "case id", 16
}
byte_name! {
    /// A legal hold: 128 random bits.
    HoldId, "hold id", 16
}
byte_name! {
    /// The hash of a key, a manifest, an agreement, a policy bundle: BLAKE3, 32 bytes.
    Digest, "digest", 32
}
byte_name! {
    /// A key id: the first 16 bytes of a digest of the public key; see `signature::PublicKey::id`.
    KeyId, "key id", 16
}
byte_name! {
    /// What a peer knows a class by: 128 random bits per (peer, class, epoch).
    ClassHandle, "class handle", 16
}
byte_name! {
    /// Makes a repeated request harmless: 128 random bits drawn by the client.
    IdempotencyKey, "idempotency key", 16
}

impl RecordId {
    /// What people read and type: the first 20 bits as four letters of Crockford's base 32, after `R-`.
    pub fn short(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let head = u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        let letter = |shift: u32| {
            let index = (head >> shift) & 31;
            ALPHABET.get(index as usize).copied().map_or('0', char::from)
        };
        [27, 22, 17, 12].iter().fold(String::from("R-"), |mut text, shift| {
            text.push(letter(*shift));
            text
        })
    }
}

/// A place: UN/LOCODE, five characters, for example `MATNG`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoCode([u8; 5]);

impl FromStr for LoCode {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let well_formed = text.bytes().enumerate().all(|(i, b)| match i {
            0 | 1 => b.is_ascii_uppercase(),
            _ => b.is_ascii_uppercase() || (b'2'..=b'9').contains(&b),
        });
        match <[u8; 5]>::try_from(text.as_bytes()) {
            Ok(bytes) if well_formed => Ok(Self(bytes)),
            _ => Err(InvalidName {
                what: "UN/LOCODE",
                given: text.chars().take(64).collect(),
                rule: "five characters, like MATNG",
            }),
        }
    }
}

impl fmt::Display for LoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(&self.0).unwrap_or("?????"))
    }
}

impl fmt::Debug for LoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<C> minicbor::Encode<C> for LoCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(core::str::from_utf8(&self.0).unwrap_or("?????"))?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for LoCode {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        d.str()?.parse().map_err(|_| minicbor::decode::Error::message("malformed UN/LOCODE").at(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_when_made() {
        assert!("be-fedpol".parse::<AgencyId>().is_ok());
        for bad in ["", "b", "BE-fedpol", "be_fedpol", "-be", "be-", "be fedpol", "bé"] {
            assert!(bad.parse::<AgencyId>().is_err(), "{bad}");
        }
        assert!("a".repeat(33).parse::<AgencyId>().is_err());
        assert!("MATNG".parse::<LoCode>().is_ok());
        for bad in ["MATN", "matng", "MATN1", "MATNGX", "1ATNG"] {
            assert!(bad.parse::<LoCode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_and_text_agree() {
        let id = RecordId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        assert!("30".parse::<RecordId>().is_err());
        assert!(RecordId::try_from(&b"short"[..]).is_err());
        assert_eq!(RecordId::from_bytes([0xff; 16]).short(), "R-ZZZZ");
    }
}
