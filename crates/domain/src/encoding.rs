//! Exact encodings: deterministic CBOR (RFC 8949 section 4.2.1) read strictly, written once.
//!
//! A signed payload is a CBOR map with small integer keys. Unknown keys are tolerated, so that a
//! newer partner can say more; duplicate or unsorted keys, indefinite lengths, non-shortest
//! numbers, floats, tags and trailing bytes are not, so that no two readers can disagree.

use minicbor::data::Type;

/// How deep maps and arrays may nest.
pub const DEPTH_MAX: usize = 8;
/// How many elements one map or array may announce.
pub const ELEMENTS_MAX: u64 = 4096;
/// What is allocated for an encoding before it grows.
const CAPACITY_BYTES: usize = 512;

/// Bytes that are not the exact encoding of what they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than the limit of this message.
    #[error("{bytes} bytes, more than the {bytes_max} allowed")]
    TooLarge {
        /// What was given.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not deterministic CBOR.
    #[error("not deterministic CBOR at byte {at}: {why}")]
    NotDeterministic {
        /// The offset.
        at: usize,
        /// The rule that is broken.
        why: &'static str,
    },
    /// Well-formed, and not this message: a missing field, an unknown value, a wrong type.
    #[error("not a valid {what}: {why}")]
    NotValid {
        /// The message, in words.
        what: &'static str,
        /// What is wrong; names no value.
        why: String,
    },
}

/// Encodes a value whose encoder cannot fail: every encoder in this project writes to memory.
pub fn to_bytes<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    // Room for most: growing step by step costs more than the encoding.
    let mut bytes = Vec::with_capacity(CAPACITY_BYTES);
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        // Writing to a vector is infallible; an empty payload is refused by every decoder.
        Err(_) => Vec::new(),
    }
}

/// Checks that `bytes` is exactly one deterministic CBOR item, then decodes it.
///
/// # Errors
/// [`Malformed`], and nothing of the content in it.
pub fn from_bytes<'b, T: minicbor::Decode<'b, ()>>(
    what: &'static str,
    bytes: &'b [u8],
    bytes_max: usize,
) -> Result<T, Malformed> {
    if bytes.len() > bytes_max {
        return Err(Malformed::TooLarge { bytes: bytes.len(), bytes_max });
    }
    check_deterministic(bytes)?;
    minicbor::decode(bytes).map_err(|error| Malformed::NotValid { what, why: error.to_string() })
}

/// Checks that `bytes` is exactly one item of deterministic CBOR.
///
/// # Errors
/// [`Malformed::NotDeterministic`] with the offset and the rule.
pub fn check_deterministic(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader { bytes, at: 0 };
    reader.item(0)?;
    if reader.at == bytes.len() { Ok(()) } else { Err(reader.broken("bytes after the end")) }
}

/// The keys of the outermost map, in order. Used to check a `critical` list.
pub fn outer_keys(bytes: &[u8]) -> Result<Vec<u64>, Malformed> {
    let not_valid = |error: minicbor::decode::Error| Malformed::NotValid {
        what: "map",
        why: error.to_string(),
    };
    let mut d = minicbor::Decoder::new(bytes);
    let length = d.map().map_err(not_valid)?.unwrap_or(0).min(ELEMENTS_MAX);
    let mut keys = Vec::new();
    for _ in 0..length {
        match d.datatype().map_err(not_valid)? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
                keys.push(d.u64().map_err(not_valid)?);
            }
            _ => d.skip().map_err(not_valid)?,
        }
        d.skip().map_err(not_valid)?;
    }
    Ok(keys)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn broken(&self, why: &'static str) -> Malformed {
        Malformed::NotDeterministic { at: self.at, why }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Malformed> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        match end.and_then(|end| self.bytes.get(self.at..end).map(|taken| (end, taken))) {
            Some((end, taken)) => {
                self.at = end;
                Ok(taken)
            }
            None => Err(self.broken("ends too early")),
        }
    }

    /// Reads the head of an item: major type and argument, in its shortest form.
    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let first = *self.take(1)?.first().unwrap_or(&0xff);
        let (major, short) = (first >> 5, first & 31);
        let (argument, shortest) = match short {
            0..=23 => (u64::from(short), 0),
            24..=27 => {
                let width = 1_usize << (short - 24);
                let value = self
                    .take(width)?
                    .iter()
                    .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                let least = match width {
                    1 => 24,
                    2 => 1 << 8,
                    4 => 1 << 16,
                    _ => 1_u64 << 32,
                };
                (value, least)
            }
            _ => return Err(self.broken("indefinite length or reserved form")),
        };
        if major != 7 && argument < shortest {
            return Err(self.broken("a number not in its shortest form"));
        }
        Ok((major, argument))
    }

    fn item(&mut self, depth: usize) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return Err(self.broken("nested too deep"));
        }
        let start = self.at;
        let (major, argument) = self.head()?;
        match major {
            0 | 1 => Ok(()),
            2 | 3 => {
                let length = usize::try_from(argument).unwrap_or(usize::MAX);
                let bytes = self.take(length)?;
                if major == 3 && core::str::from_utf8(bytes).is_err() {
                    return Err(self.broken("text that is not UTF-8"));
                }
                Ok(())
            }
            4 => {
                self.check_count(argument)?;
                for _ in 0..argument {
                    self.item(depth + 1)?;
                }
                Ok(())
            }
            5 => self.map(argument, depth),
            7 if self.at == start + 1 && (20..=22).contains(&argument) => Ok(()),
            _ => Err(self.broken("a tag, a float or a reserved value")),
        }
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<(), Malformed> {
        self.check_count(count)?;
        let mut previous: Option<(usize, usize)> = None;
        for _ in 0..count {
            let start = self.at;
            self.item(depth + 1)?;
            let key = (start, self.at);
            if let Some(previous) = previous {
                let of = |range: (usize, usize)| self.bytes.get(range.0..range.1).unwrap_or(&[]);
                if of(previous) >= of(key) {
                    return Err(self.broken("map keys unsorted or repeated"));
                }
            }
            previous = Some(key);
            self.item(depth + 1)?;
        }
        Ok(())
    }

    fn check_count(&self, count: u64) -> Result<(), Malformed> {
        if count > ELEMENTS_MAX { Err(self.broken("too many elements")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deterministic_items_pass() {
        for good in [
            &[0xa2, 0x01, 0x02, 0x02, 0x43, 1, 2, 3][..],
            &[0x82, 0x18, 0x18, 0x20],
            &[0xf6],
            &[0x61, b'a'],
            &[0xa0],
        ] {
            assert_eq!(check_deterministic(good), Ok(()), "{good:x?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (bad, why) in [
            (&[][..], "empty"),
            (&[0x00, 0x00], "trailing byte"),
            (&[0x18, 0x17], "number not shortest"),
            (&[0x19, 0x00, 0xff], "number not shortest"),
            (&[0xa2, 0x02, 0x00, 0x01, 0x00], "keys unsorted"),
            (&[0xa2, 0x01, 0x00, 0x01, 0x00], "key repeated"),
            (&[0x9f, 0xff], "indefinite"),
            (&[0xc0, 0x00], "tag"),
            (&[0xf9, 0, 0], "float"),
            (&[0xf8, 20], "long simple value"),
            (&[0x61, 0xff], "not UTF-8"),
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "huge array"),
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "huge bytes"),
        ] {
            assert!(check_deterministic(bad).is_err(), "{why}");
        }
        let deep = [0x81; 100];
        assert!(check_deterministic(&deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(0_u8.., 0..256)) {
            let checked = check_deterministic(&bytes);
            let _ = outer_keys(&bytes);
            if checked.is_ok() {
                proptest::prop_assert!(minicbor::Decoder::new(&bytes).skip().is_ok());
            }
        }
    }
}
