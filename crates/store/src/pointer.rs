//! What the tables hold: where in the journal a row stands, and nothing of what it says.

use domain::record::Version;

/// Where an item stands, and for a record its class and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) place: Place,
    /// The class of a record; 0 for other rows.
    pub(crate) class: u32,
    /// The version of a record; zero for other rows.
    pub(crate) version: Version,
}

/// A run of bytes in a segment of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

/// The length of a pointer on disk, in bytes.
pub(crate) const POINTER_BYTES: usize = 24;

impl Pointer {
    pub(crate) const fn row(place: Place) -> Self {
        Self { place, class: 0, version: Version { epoch: 0, n: 0 } }
    }

    pub(crate) fn to_bytes(self) -> [u8; POINTER_BYTES] {
        let Place { segment, offset, length } = self.place;
        let words = [segment, offset, length, self.class, self.version.epoch, self.version.n];
        let mut bytes = [0; POINTER_BYTES];
        let (chunks, _) = bytes.as_chunks_mut::<4>();
        chunks.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
        let pointer = Self {
            place: Place { segment: words.next()?, offset: words.next()?, length: words.next()? },
            class: words.next()?,
            version: Version { epoch: words.next()?, n: words.next()? },
        };
        (rest.is_empty() && words.next().is_none()).then_some(pointer)
    }
}

/// One change of a table.
#[derive(Debug, Clone)]
pub(crate) struct PointerChange {
    pub(crate) key: Vec<u8>,
    /// What it becomes; `None` deletes it.
    pub(crate) pointer: Option<Pointer>,
    pub(crate) before: Before,
}

impl Before {
    /// The less certain of two.
    pub(crate) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, Self::Absent) => Self::Absent,
            _ => Self::Possible,
        }
    }
}

/// Whether a row can have been there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Certainly not: no look-up is needed to keep the checksum.
    Absent,
    /// It may have been.
    Possible,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_goes_there_and_back_and_no_other_length_is_one() {
        let place = Place { segment: 1, offset: 2, length: 3 };
        let pointer = Pointer { place, class: 4, version: Version { epoch: 5, n: u32::MAX } };
        let bytes = pointer.to_bytes();
        assert_eq!(Pointer::from_bytes(&bytes), Some(pointer));
        assert_eq!(Pointer::from_bytes(&bytes[1..]), None);
        assert_eq!(Pointer::from_bytes(&[&bytes[..], &[0; 4]].concat()), None);
    }
}
