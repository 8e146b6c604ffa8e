//! One macro that writes every closed enumeration: stable number, stable word, no unknown values.

/// A word or a number that names no value of a closed enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {} {what}; known: {known}", article(.what))]
pub struct UnknownValue {
    /// The enumeration, in words.
    pub what: &'static str,
    /// What was given, cut to 64 characters.
    pub given: String,
    /// The known words, comma separated.
    pub known: String,
}

impl UnknownValue {
    /// Builds the error; `given` is cut so that hostile input cannot fill a log.
    pub fn new(what: &'static str, given: &str, known: &[&'static str]) -> Self {
        Self { what, given: given.chars().take(64).collect(), known: known.join(", ") }
    }
}

/// The English article before a word.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// Declares an enumeration whose numbers start at 1 (0 is UNSPECIFIED on the wire and always
/// refused) and whose words are SCREAMING_SNAKE. Encodings refuse what is not listed.
macro_rules! closed {
    (
        $(#[$meta:meta])*
        $name:ident, $what:literal {
            $( $(#[$vmeta:meta])* $variant:ident = $number:literal $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name {
            $( $(#[$vmeta])* $variant = $number, )+
        }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];
            /// Every word, in the order of the numbers.
            pub const WORDS: &'static [&'static str] = &[ $( $word, )+ ];

            /// The stable word, as in protobuf (without the prefix), JSON, policy and the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The stable number, as in protobuf and in signed payloads.
            pub const fn number(self) -> u32 {
                self as u32
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl TryFrom<u32> for $name {
            type Error = $crate::closed::UnknownValue;

            fn try_from(number: u32) -> Result<Self, Self::Error> {
                match number {
                    $( $number => Ok(Self::$variant), )+
                    _ => Err($crate::closed::UnknownValue::new($what, &number.to_string(), Self::WORDS)),
                }
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::closed::UnknownValue;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                let upper = word.trim().to_ascii_uppercase().replace(['-', ' ', '+'], "_");
                match upper.as_str() {
                    $( $word => Ok(Self::$variant), )+
                    _ => Err($crate::closed::UnknownValue::new($what, word, Self::WORDS)),
                }
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.u32(self.number())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                Self::try_from(d.u32()?).map_err(|_| {
                    minicbor::decode::Error::message(concat!("unknown ", $what)).at(at)
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use closed;
