//! Invented records by number: the same fingerprint for the same number in every run.

use crate::agreed::{self, ASKER, OWNER};
use domain::digest::{Commitment, Fingerprint, Salt, derive};
use domain::envelope::Signed;
use domain::indicator::{AccountBody, Body, Kind, NormalisationVersion};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::name::{AgencyId, AgreementId, ClusterId, IdempotencyKey, RecordId};
use domain::record::{Benefit, Record, SCHEMA, Statement, Version};
use domain::refusal::RefusalCode;
use domain::signature::Signer;
use domain::submission::Submission;
use domain::time::Timestamp;
use domain::value::{
    ActionIntent, Age, Basis, Depicts, Offence, Onward, Pap, Purpose, Role, Subject, Tlp,
};
use std::collections::BTreeSet;
use store::{LocalPart, RecordPut};

/// How long a record lives, in days.
const VALID_DAYS: u32 = 730;

/// Makes records of [`OWNER`] for [`ASKER`]: links of advertisers, in eight classes.
pub struct Author {
    owner: AgencyId,
    agreement: AgreementId,
    audience: BTreeSet<AgencyId>,
    made_at: Timestamp,
}

impl Author {
    /// An author whose records are made at that instant.
    ///
    /// # Errors
    /// A name that is none.
    pub fn new(made_at: Timestamp) -> anyhow::Result<Self> {
        Ok(Self {
            owner: agreed::agency(OWNER)?,
            agreement: agreed::agreement_id()?,
            audience: [agreed::agency(ASKER)?].into(),
            made_at,
        })
    }

    /// The fingerprint of a number.
    pub fn fingerprint(number: u64) -> Fingerprint {
        Fingerprint::from_bytes(derive("malines bench fingerprint v1", &[&number.to_le_bytes()]))
    }

    /// The id of the record of a number.
    pub fn record_id(number: u64) -> RecordId {
        RecordId::from_bytes(first(bytes("record", number)))
    }

    /// A signed record, ready to be kept.
    ///
    /// # Errors
    /// The code of the first rule that says no.
    pub fn put(&self, number: u64, signer: &dyn Signer) -> Result<RecordPut, RefusalCode> {
        let x = Self::fingerprint(number);
        let salt = Salt::from_bytes(bytes("salt", number));
        let record = Record::new(self.statement(number, &salt, &x))?;
        let (record, envelope) = Signed::seal(record, signer).into_parts();
        let local = LocalPart {
            x,
            salt,
            action_intent: ActionIntent::Observe,
            case: None,
            case_reference: None,
            officer: None,
            presumed_adult_reason: None,
            received_at: self.made_at,
        };
        Ok(RecordPut { envelope, record, local: Some(local), token: None })
    }

    /// The same as an officer hands it in.
    ///
    /// # Errors
    /// The code of the first rule that says no.
    pub fn submission(&self, number: u64) -> Result<Submission, RefusalCode> {
        let x = Self::fingerprint(number);
        let s = self.statement(number, &Salt::from_bytes([0; 32]), &x);
        Ok(Submission {
            idempotency_key: IdempotencyKey::from_bytes(first(bytes("once", number))),
            case: None,
            agreement: s.agreement,
            kind: s.kind,
            body: s.body,
            x,
            purposes: s.purposes,
            offences: s.offences,
            labels: s.labels,
            subject: s.subject,
            age: s.age,
            presumed_adult_reason: None,
            depicts: s.depicts,
            benefit: s.benefit,
            audience: s.audience,
            onward: s.onward,
            observed_first: s.observed_first,
            observed_last: s.observed_last,
            valid_until: s.valid_until,
            review_at: s.review_at,
            normalisation: s.normalisation,
            action_intent: ActionIntent::Observe,
            exercise: s.exercise,
        })
    }

    fn statement(&self, number: u64, salt: &Salt, x: &Fingerprint) -> Statement {
        let observed = self.made_at.minus_ms((1 + number % 90) * Timestamp::DAY_MS);
        Statement {
            schema: SCHEMA,
            record_id: Self::record_id(number),
            version: Version::FIRST,
            previous: None,
            origin: self.owner.clone(),
            agreement: self.agreement.clone(),
            kind: Kind::Url,
            body: Body::Account(AccountBody {
                platform: None,
                role: Role::Advertiser,
                handle_from: None,
                handle_until: None,
                cluster: ClusterId::from_bytes(first(bytes("cluster", number / 3))),
            }),
            commitment: Commitment::new(salt, x),
            purposes: [Purpose::Investigation].into(),
            offences: [Offence::MigrantSmuggling].into(),
            labels: labels(number),
            subject: Subject::SuspectFacilitator,
            age: Age::Adult,
            depicts: Depicts::Nobody,
            benefit: Some(Benefit { ground: "a price for the crossing is named".to_owned() }),
            audience: self.audience.clone(),
            onward: Onward::Never,
            observed_first: observed,
            observed_last: observed,
            made_at: self.made_at,
            valid_until: self.made_at.plus_days(VALID_DAYS),
            review_at: self.made_at.plus_days(180),
            normalisation: NormalisationVersion::CURRENT,
            exercise: false,
            critical: Vec::new(),
            presumed_adult_reasoned: false,
            matching: None,
        }
    }
}

/// Eight combinations that both countries' rules let pass.
fn labels(number: u64) -> Labels {
    let strong = Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2);
    let fair = Evaluation::new(EvaluationScheme::Europol4x4, 'C', 3);
    let evaluation = if number & 1 == 0 { strong } else { fair };
    Labels {
        tlp: if number & 2 == 0 { Tlp::Amber } else { Tlp::Green },
        pap: if number & 4 == 0 { Pap::Amber } else { Pap::Green },
        handling: HandlingSet::EMPTY,
        evaluation: evaluation.unwrap_or_else(|code| unreachable!("{code}")),
        basis: Basis::Assessment,
    }
}

fn bytes(what: &'static str, number: u64) -> [u8; 32] {
    derive("malines bench bytes v1", &[what.as_bytes(), &number.to_le_bytes()])
}

fn first<const N: usize>(bytes: [u8; 32]) -> [u8; N] {
    let mut taken = [0; N];
    for (to, from) in taken.iter_mut().zip(bytes) {
        *to = from;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::class::Class;

    #[test]
    fn records_pass_the_rules_and_fall_into_eight_classes() {
        let author = Author::new(Timestamp::from_date(2027, 1, 1).unwrap()).unwrap();
        let signer = agreed::signing_key(OWNER, "record");
        let classes: std::collections::HashSet<Class> =
            (0..64).map(|number| Class::of(&author.put(number, &signer).unwrap().record)).collect();
        assert_eq!(classes.len(), 8);
        let again = author.put(5, &signer).unwrap();
        assert_eq!(again.envelope, author.put(5, &signer).unwrap().envelope);
    }
}
