//! Acknowledgements: a holder's signed word that what the origin changed is changed at its own place.

use crate::closed::closed;
use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::name::{AgencyId, AgreementId, RecordId};
use crate::record::Version;
use crate::time::Timestamp;

/// The most changes that one acknowledgement is about.
pub const ACKNOWLEDGED_MAX: usize = 512;
/// The largest acknowledgement, in bytes.
pub const ACKNOWLEDGEMENT_BYTES_MAX: usize = 64 * 1024;
/// The largest stored row of one, in bytes.
pub const APPLIED_BYTES_MAX: usize = 128;

closed! {
    /// What became of a record at the holder.
    AppliedChange, "applied change" {
        /// The holder has this version, and no older one in use.
        Version = 1 "VERSION",
        /// Nothing of it is in use here any more: it left what the holder may see.
        Gone = 2 "GONE",
        /// It was withdrawn, for ever: nothing of it is in use here any more.
        Withdrawn = 3 "WITHDRAWN",
    }
}

/// What became of one record at the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Applied {
    /// The record.
    #[n(1)]
    pub record_id: RecordId,
    /// What became of it.
    #[n(2)]
    pub change: AppliedChange,
    /// The version that is in use now; of [`AppliedChange::Version`] alone.
    #[n(3)]
    pub version: Option<Version>,
    /// A legal hold keeps it apart, unmatched, and a person looks at that again then. `None`: erased.
    #[n(4)]
    pub kept_until: Option<Timestamp>,
    /// When it was done.
    #[n(5)]
    pub at: Timestamp,
}

impl Applied {
    /// Do its parts fit together?
    const fn is_sound(&self) -> bool {
        let of_version = matches!(self.change, AppliedChange::Version);
        of_version == self.version.is_some() && !(of_version && self.kept_until.is_some())
    }
}

/// The holder's statement about at most [`ACKNOWLEDGED_MAX`] records of one origin under one agreement.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Acknowledgement {
    /// Who holds, or held.
    #[n(1)]
    pub holder: AgencyId,
    /// Whose records.
    #[n(2)]
    pub origin: AgencyId,
    /// Under which agreement.
    #[n(3)]
    pub agreement: AgreementId,
    /// The records, ascending by id, none twice.
    #[n(4)]
    pub applied: Vec<Applied>,
}

impl Payload for Acknowledgement {
    const TYPE: &'static str = "application/vnd.malines.acknowledgement.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let what = "acknowledgement";
        let read: Self = encoding::from_bytes(what, bytes, ACKNOWLEDGEMENT_BYTES_MAX)?;
        let not_valid = |why: &str| Malformed::NotValid { what, why: why.to_owned() };
        if read.applied.is_empty() || read.applied.len() > ACKNOWLEDGED_MAX {
            return Err(not_valid("a list empty or too long"));
        }
        if !read.applied.is_sorted_by(|a, b| a.record_id < b.record_id) {
            return Err(not_valid("records unsorted or repeated"));
        }
        if !read.applied.iter().all(Applied::is_sound) {
            return Err(not_valid("a change that contradicts itself"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Signed;
    use crate::hexadecimal;
    use crate::signature::{SecretKey, Signer as _};

    fn applied(n: u8, change: AppliedChange) -> Applied {
        let is_version = change == AppliedChange::Version;
        Applied {
            record_id: RecordId::from_bytes([n; 16]),
            change,
            version: is_version.then_some(Version { epoch: 1, n: 2 }),
            kept_until: None,
            at: Timestamp::from_millis(1_795_000_000_123),
        }
    }

    fn example() -> Acknowledgement {
        let kept_until = Some(Timestamp::from_millis(1_800_000_000_000));
        Acknowledgement {
            holder: "es-pn".parse().unwrap(),
            origin: "be-fedpol".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            applied: vec![
                applied(1, AppliedChange::Version),
                applied(2, AppliedChange::Gone),
                Applied { kept_until, ..applied(3, AppliedChange::Withdrawn) },
            ],
        }
    }

    /// Written out by hand from the encoding rules of [`crate::encoding`]: map, fields ascending,
    /// absent ones left out.
    #[test]
    fn the_bytes_are_known() {
        let at = "051b000001a1ee565e7b";
        let row = |n: u8, rest: &str| format!("01 50 {} {rest}", hex(&[n; 16]));
        let expected = [
            "a4 01 65 6573 2d706e 02 69 62652d666564706f6c 03 6c 6d616c696e65732d32303236 04 83",
            &format!("a4 {} {at}", row(1, "02 01 03 a2 01 01 02 02")),
            &format!("a3 {} {at}", row(2, "02 02")),
            &format!("a4 {} {at}", row(3, "02 03 04 1b000001a3185c5000")),
        ];
        let expected = expected.concat().replace(' ', "");
        assert_eq!(hex(&example().to_payload()), expected);
        assert_eq!(Acknowledgement::from_payload(&example().to_payload()), Ok(example()));
    }

    fn hex(bytes: &[u8]) -> String {
        let mut text = String::new();
        bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
        let mut back = vec![0; bytes.len()];
        hexadecimal::decode(text.as_bytes(), &mut back).unwrap();
        assert_eq!(back, bytes);
        text
    }

    #[test]
    fn it_opens_with_the_holders_key_alone_and_every_bit_counts() {
        let (holder, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let (_, envelope) = Signed::seal(example(), &holder).into_parts();
        let open = |envelope, key: &SecretKey| {
            Signed::<Acknowledgement>::open(envelope, &key.public_key())
        };
        assert_eq!(open(envelope.clone(), &holder).unwrap().message(), &example());
        assert!(open(envelope.clone(), &other).is_err());
        for at in 0..envelope.payload.len() {
            let mut flipped = envelope.clone();
            flipped.payload[at] ^= 1;
            assert!(open(flipped, &holder).is_err());
        }
        assert!(holder.key_id() != other.key_id());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let spoilt: [fn(&mut Acknowledgement); 8] = [
            |it| it.applied.clear(),
            |it| it.applied = vec![it.applied[0]; 2],
            |it| it.applied.swap(0, 1),
            |it| it.applied[0].version = None,
            |it| it.applied[1].version = Some(Version::FIRST),
            |it| it.applied[2].version = Some(Version::FIRST),
            |it| it.applied[0].kept_until = Some(it.applied[0].at),
            |it| {
                let row = |n: u16| Applied { record_id: numbered(n), ..it.applied[1] };
                it.applied = (0..=u16::try_from(ACKNOWLEDGED_MAX).unwrap()).map(row).collect();
            },
        ];
        for spoil in spoilt {
            let mut it = example();
            spoil(&mut it);
            assert!(Acknowledgement::from_payload(&it.to_payload()).is_err(), "{it:?}");
        }
    }

    fn numbered(n: u16) -> RecordId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        RecordId::from_bytes(bytes)
    }

    #[test]
    fn the_longest_one_fits_its_limit_and_a_row_fits_its_own() {
        let longest = "a".repeat(32);
        let row = |n: u16| Applied {
            record_id: numbered(n),
            change: AppliedChange::Version,
            version: Some(Version { epoch: u32::MAX, n: u32::MAX }),
            kept_until: None,
            at: Timestamp::MAX,
        };
        let it = Acknowledgement {
            holder: longest.parse().unwrap(),
            origin: longest.parse().unwrap(),
            agreement: longest.repeat(2).parse().unwrap(),
            applied: (0..u16::try_from(ACKNOWLEDGED_MAX).unwrap()).map(row).collect(),
        };
        assert!(it.to_payload().len() <= ACKNOWLEDGEMENT_BYTES_MAX);
        assert_eq!(Acknowledgement::from_payload(&it.to_payload()), Ok(it.clone()));
        assert!(encoding::to_bytes(&it.applied[0]).len() <= APPLIED_BYTES_MAX);
    }
}
