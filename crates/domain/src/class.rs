//! The class of a record: everything policy may see of it, and nothing else.
//!
//! One canonical tuple for policy and for sync: records of one class are decided once per partner.
//! A peer never sees the tuple; it sees a random [`crate::name::ClassHandle`].

use crate::encoding;
use crate::indicator::Kind;
use crate::label::{EvaluationBand, EvaluationScheme, HandlingSet};
use crate::name::{AgencyId, AgreementId, Digest};
use crate::record::Record;
use crate::value::{Age, Basis, Depicts, Offence, Onward, Pap, Purpose, Subject, Tlp};
use std::collections::BTreeSet;

/// The most live classes of one originator under one agreement.
pub const CLASSES_MAX: usize = 4096;

/// The label tuple of a record. No hash, id, date or text is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Class {
    /// The agreement.
    #[n(1)]
    pub agreement: AgreementId,
    /// The kind of indicator.
    #[n(2)]
    pub kind: Kind,
    /// The purposes.
    #[n(3)]
    pub purposes: BTreeSet<Purpose>,
    /// The offences.
    #[n(4)]
    pub offences: BTreeSet<Offence>,
    /// The TLP marking.
    #[n(5)]
    pub tlp: Tlp,
    /// The PAP marking.
    #[n(6)]
    pub pap: Pap,
    /// The handling codes.
    #[n(7)]
    pub handling: HandlingSet,
    /// The scheme of the evaluation.
    #[n(8)]
    pub scheme: EvaluationScheme,
    /// The band of the evaluation.
    #[n(9)]
    pub band: EvaluationBand,
    /// Fact or assessment.
    #[n(10)]
    pub basis: Basis,
    /// Whose account or act.
    #[n(11)]
    pub subject: Subject,
    /// That person's age.
    #[n(12)]
    pub age: Age,
    /// Who is pictured.
    #[n(13)]
    pub depicts: Depicts,
    /// The agencies that may ever get it.
    #[n(14)]
    pub audience: BTreeSet<AgencyId>,
    /// The onward rule.
    #[n(15)]
    pub onward: Onward,
    /// The originator.
    #[n(16)]
    pub origin: AgencyId,
    /// Training data.
    #[n(17)]
    pub exercise: bool,
}

impl Class {
    /// The class of a record.
    pub fn of(record: &Record) -> Self {
        let s = record.statement();
        Self {
            agreement: s.agreement.clone(),
            kind: s.kind,
            purposes: s.purposes.clone(),
            offences: s.offences.clone(),
            tlp: s.labels.tlp,
            pap: s.labels.pap,
            handling: s.labels.handling,
            scheme: s.labels.evaluation.scheme(),
            band: s.labels.evaluation.band(),
            basis: s.labels.basis,
            subject: s.subject,
            age: s.age,
            depicts: s.depicts,
            audience: s.audience.clone(),
            onward: s.onward,
            origin: s.origin.clone(),
            exercise: s.exercise,
        }
    }

    /// The canonical bytes: the same in policy, store and sync.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    /// The hash of the canonical bytes.
    pub fn hash(&self) -> Digest {
        Digest::from_bytes(crate::digest::derive("malines class v1", &[&self.to_bytes()]))
    }
}
