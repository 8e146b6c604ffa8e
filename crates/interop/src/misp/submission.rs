//! Makes submissions of candidates: what the file says and what a person decided, the stricter of both.

use super::plan::{Candidate, EventPlan};
use crate::{Fault, Labelling};
use domain::digest::{self, Commitment, Salt};
use domain::indicator::{AccountBody, Body, ContentBody, Family};
use domain::label::Labels;
use domain::name::{AgencyId, CaseId, ClusterId, IdempotencyKey, RecordId};
use domain::record::{Record, SCHEMA, Statement, Version};
use domain::submission::Submission;
use domain::time::Timestamp;
use domain::value::{Depicts, Pap};
use rand_core::CryptoRng;
use std::collections::HashMap;

impl EventPlan {
    /// One submission, or the reason why not, for each candidate and in the same order.
    ///
    /// The identifiers of one object share a fresh cluster; every other one has its own. A second
    /// import of the same edition with the same labels has the same idempotency keys.
    pub fn submissions(
        &self,
        labelling: &Labelling,
        case: Option<CaseId>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Vec<Result<Submission, Fault>> {
        let mut clusters = HashMap::new();
        self.candidates
            .iter()
            .map(|candidate| {
                let cluster = match candidate.place.object {
                    Some(object) => {
                        *clusters.entry(object).or_insert_with(|| ClusterId::random(rng))
                    }
                    None => ClusterId::random(rng),
                };
                candidate.submission(labelling, case, cluster, now, rng)
            })
            .collect()
    }
}

impl Candidate {
    /// The submission of this candidate, checked against every rule that a record depends on by
    /// itself. What an agreement and policy say of it, the node decides.
    ///
    /// # Errors
    /// [`Fault::LabelMissing`] if the labels file decides nothing for this family,
    /// [`Fault::Refused`] with the code of the first rule that says no.
    pub fn submission(
        &self,
        labelling: &Labelling,
        case: Option<CaseId>,
        cluster: ClusterId,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Submission, Fault> {
        let (body, depicts) = self.body(labelling, cluster)?;
        let first = self.seen.first.or(self.seen.last).unwrap_or(now).min(now);
        let last = self.seen.last.unwrap_or(first).min(now);
        let submission = Submission {
            idempotency_key: self.idempotency_key(labelling, rng),
            case,
            agreement: labelling.agreement.clone(),
            kind: self.normalised.kind,
            body,
            x: self.normalised.fingerprint(),
            purposes: labelling.purposes.clone(),
            offences: labelling.offences.clone(),
            labels: self.labels(labelling),
            subject: labelling.subject,
            age: labelling.age,
            presumed_adult_reason: labelling.presumed_adult_reason.clone(),
            depicts,
            benefit: labelling.benefit.clone(),
            audience: labelling.audience.clone(),
            onward: labelling.onward,
            observed_first: first.min(last),
            observed_last: first.max(last),
            valid_until: now.plus_days(labelling.valid_days),
            review_at: now.plus_days(labelling.review_days),
            normalisation: self.normalised.version(),
            action_intent: labelling.action_intent,
            exercise: labelling.exercise || self.exercise,
        };
        check(&submission, now)?;
        Ok(submission)
    }

    /// The marking of the file was merged into the candidate's TLP when it was planned; a labels
    /// file that came later can still only make it stricter. Unmarked PAP is RED until labelled.
    fn labels(&self, labelling: &Labelling) -> Labels {
        let pap = self.pap.max(labelling.pap).unwrap_or(Pap::Red);
        Labels {
            tlp: self.tlp.max(labelling.tlp.unwrap_or(self.tlp)),
            pap,
            handling: labelling.handling,
            evaluation: self.evaluation.unwrap_or(labelling.evaluation),
            basis: self.basis.map_or(labelling.basis, |basis| basis.max(labelling.basis)),
        }
    }

    fn body(&self, labelling: &Labelling, cluster: ClusterId) -> Result<(Body, Depicts), Fault> {
        match self.normalised.kind.family() {
            Family::Account => {
                let account =
                    labelling.account.as_ref().ok_or(Fault::LabelMissing { key: "account" })?;
                let body = AccountBody {
                    platform: self.normalised.platform,
                    role: account.role,
                    handle_from: None,
                    handle_until: None,
                    cluster,
                };
                Ok((Body::Account(body), Depicts::Nobody))
            }
            Family::Content | Family::Ad => {
                let content =
                    labelling.content.as_ref().ok_or(Fault::LabelMissing { key: "content" })?;
                let body = ContentBody {
                    media: content.media,
                    class: content.class,
                    linked_ad: None,
                    cluster,
                };
                Ok((Body::Content(body), content.depicts))
            }
        }
    }

    /// From global ids alone: a key made of the identifier would let others test guesses.
    fn idempotency_key(&self, labelling: &Labelling, rng: &mut impl CryptoRng) -> IdempotencyKey {
        let Some(edition) = self.edition else {
            return IdempotencyKey::random(rng);
        };
        let derived = digest::derive(
            "malines misp import v1",
            &[
                &labelling.hash,
                edition.event.as_bytes(),
                edition.attribute.as_bytes(),
                &edition.edited_s.to_le_bytes(),
            ],
        );
        let mut key = [0; IdempotencyKey::BYTES];
        key.iter_mut().zip(derived).for_each(|(byte, derived)| *byte = derived);
        IdempotencyKey::from_bytes(key)
    }
}

/// Builds the record that the submission would become and throws it away: the rules stand once,
/// in the constructor. The origin, the id and the commitment are no part of any rule but one (an
/// origin is not in its own audience), which the node checks.
fn check(submission: &Submission, now: Timestamp) -> Result<(), Fault> {
    let origin: AgencyId =
        "zz-not-known-yet".parse().map_err(|_| Fault::LabelMissing { key: "agreement" })?;
    let s = submission.clone();
    let statement = Statement {
        schema: SCHEMA,
        record_id: RecordId::from_bytes([0; RecordId::BYTES]),
        version: Version::FIRST,
        previous: None,
        origin,
        agreement: s.agreement,
        kind: s.kind,
        body: s.body,
        commitment: Commitment::new(&Salt::from_bytes([0; digest::DIGEST_BYTES]), &s.x),
        purposes: s.purposes,
        offences: s.offences,
        labels: s.labels,
        subject: s.subject,
        age: s.age,
        depicts: s.depicts,
        benefit: s.benefit,
        audience: s.audience,
        onward: s.onward,
        observed_first: s.observed_first,
        observed_last: s.observed_last,
        made_at: now,
        valid_until: s.valid_until,
        review_at: s.review_at,
        normalisation: s.normalisation,
        exercise: s.exercise,
        critical: Vec::new(),
        presumed_adult_reasoned: s.presumed_adult_reason.is_some(),
        matching: None,
    };
    Record::new(statement).map(|_| ()).map_err(Fault::Refused)
}
