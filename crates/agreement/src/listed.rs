//! One macro that writes every closed list of this crate: a stable number and a stable word.

/// Declares an enumeration whose numbers start at 1 and whose words are SCREAMING_SNAKE. What is
/// not listed is refused by every decoder.
macro_rules! listed {
    (
        $(#[$meta:meta])*
        $name:ident, $what:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $number:tt $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            minicbor::Encode, minicbor::Decode,
        )]
        #[cbor(index_only)]
        pub enum $name {
            $( $(#[$variant_meta])* #[n($number)] $variant, )+
        }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];
            /// Every word, in the order of the numbers.
            pub const WORDS: &'static [&'static str] = &[ $( $word, )+ ];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The stable number.
            pub const fn number(self) -> u32 {
                match self { $( Self::$variant => $number, )+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl core::str::FromStr for $name {
            type Err = domain::closed::UnknownValue;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                let upper = word.trim().to_ascii_uppercase().replace(['-', ' '], "_");
                let known = Self::ALL.iter().find(|value| value.as_str() == upper);
                known
                    .copied()
                    .ok_or_else(|| domain::closed::UnknownValue::new($what, word, Self::WORDS))
            }
        }
    };
}
pub(crate) use listed;
