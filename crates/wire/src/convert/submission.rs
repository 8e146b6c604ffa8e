//! Submissions of officers, and the receipts or refusals they get back.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::query::HITS_MAX;
use crate::convert::value::{WireValue, numbers, optional, value};
use crate::v1;
use domain::correction::REASON_CHARACTERS_MAX;
use domain::digest::Fingerprint;
use domain::indicator::{Body, NormalisationVersion};
use domain::name::{AgencyId, CaseId, IdempotencyKey, RecordId};
use domain::record::{AUDIENCE_MAX, Benefit, GROUND_CHARACTERS_MAX, Version};
use domain::refusal::{RULE_BYTES_MAX, Refusal, RefusalCode};
use domain::report::{Hit, Mode, SUBMISSIONS_MAX};
use domain::submission::{Fate, Outlook, Repeated, Submission, SubmissionReceipt};
use std::collections::BTreeSet;

/// What came of one submission.
pub type SubmissionResult = Result<SubmissionReceipt, Refusal>;

/// The request for a list of submissions, at most [`SUBMISSIONS_MAX`].
///
/// # Errors
/// [`Why::NotSendable`] for an advertisement, which this version of the contract cannot carry;
/// [`Why::TooMany`] for a list that the node would refuse.
pub fn to_request(submissions: Vec<Submission>, mode: Mode) -> Result<v1::SubmitRequest, Invalid> {
    let write = v1::Submission::try_from;
    let submissions = field::list("submissions", submissions, SUBMISSIONS_MAX, write)?;
    Ok(v1::SubmitRequest { submissions, dry_run: mode == Mode::DryRun })
}

/// Reads a request.
///
/// # Errors
/// [`Invalid`]; the request is refused whole.
pub fn from_request(request: v1::SubmitRequest) -> Result<(Vec<Submission>, Mode), Invalid> {
    let read = Submission::try_from;
    let submissions = field::list("submissions", request.submissions, SUBMISSIONS_MAX, read)?;
    Ok((submissions, mode_of(request.dry_run)))
}

impl TryFrom<Submission> for v1::Submission {
    type Error = Invalid;

    fn try_from(submission: Submission) -> Result<Self, Invalid> {
        let body = match submission.body {
            Body::Account(body) => v1::submission::Body::Account(body.into()),
            Body::Content(body) => v1::submission::Body::Content(body.into()),
            Body::Ad(_) => return Err(Invalid::new("body", Why::NotSendable)),
        };
        Ok(Self {
            idempotency_key: submission.idempotency_key.as_bytes().to_vec(),
            case_id: submission.case.map(|case| case.as_bytes().to_vec()),
            agreement: submission.agreement.to_string(),
            kind: submission.kind.to_wire(),
            fingerprint: submission.x.expose().to_vec(),
            purposes: numbers(&submission.purposes),
            offences: numbers(&submission.offences),
            labels: Some(submission.labels.into()),
            subject: submission.subject.to_wire(),
            age: submission.age.to_wire(),
            presumed_adult_reason: submission.presumed_adult_reason,
            depicts: submission.depicts.to_wire(),
            benefit_ground: submission.benefit.map(|benefit| benefit.ground),
            audience: submission.audience.iter().map(ToString::to_string).collect(),
            onward: submission.onward.to_wire(),
            observed_first_ms: submission.observed_first.as_millis(),
            observed_last_ms: submission.observed_last.as_millis(),
            valid_until_ms: submission.valid_until.as_millis(),
            review_at_ms: submission.review_at.as_millis(),
            normalisation: submission.normalisation.0,
            action_intent: submission.action_intent.to_wire(),
            exercise: submission.exercise,
            body: Some(body),
        })
    }
}

impl TryFrom<v1::Submission> for Submission {
    type Error = Invalid;

    /// Checks the form. The rules that protect people are those of [`domain::record::Record`].
    fn try_from(s: v1::Submission) -> Result<Self, Invalid> {
        let body = match field::present("body", s.body)? {
            v1::submission::Body::Account(body) => Body::Account(body.try_into()?),
            v1::submission::Body::Content(body) => Body::Content(body.try_into()?),
        };
        let key = field::bytes("idempotency_key", &s.idempotency_key)?;
        let case = s.case_id.map(|id| field::bytes("case_id", &id)).transpose()?;
        let reason = s
            .presumed_adult_reason
            .map(|text| field::words("presumed_adult_reason", text, REASON_CHARACTERS_MAX))
            .transpose()?;
        let benefit = s
            .benefit_ground
            .map(|text| field::words("benefit_ground", text, GROUND_CHARACTERS_MAX))
            .transpose()?
            .map(|ground| Benefit { ground });
        Ok(Self {
            idempotency_key: IdempotencyKey::from_bytes(key),
            case: case.map(CaseId::from_bytes),
            agreement: field::name("agreement", &s.agreement)?,
            kind: value("kind", s.kind)?,
            body,
            x: Fingerprint::from_bytes(field::bytes("fingerprint", &s.fingerprint)?),
            purposes: values("purposes", s.purposes)?,
            offences: values("offences", s.offences)?,
            labels: field::present("labels", s.labels)?.try_into()?,
            subject: value("subject", s.subject)?,
            age: value("age", s.age)?,
            presumed_adult_reason: reason,
            depicts: value("depicts", s.depicts)?,
            benefit,
            audience: field::set("audience", s.audience, AUDIENCE_MAX, |agency| {
                field::name::<AgencyId>("audience", &agency)
            })?,
            onward: value("onward", s.onward)?,
            observed_first: field::instant("observed_first_ms", s.observed_first_ms)?,
            observed_last: field::instant("observed_last_ms", s.observed_last_ms)?,
            valid_until: field::instant("valid_until_ms", s.valid_until_ms)?,
            review_at: field::instant("review_at_ms", s.review_at_ms)?,
            normalisation: NormalisationVersion(s.normalisation),
            action_intent: value("action_intent", s.action_intent)?,
            exercise: s.exercise,
        })
    }
}

impl From<Vec<SubmissionResult>> for v1::SubmitResponse {
    fn from(results: Vec<SubmissionResult>) -> Self {
        let write = |result| match result {
            Ok(receipt) => v1::submit_result::Result::Receipt(v1::SubmitReceipt::from(receipt)),
            Err(refusal) => v1::submit_result::Result::Refused(v1::Refused::from(refusal)),
        };
        let results = results.into_iter();
        Self {
            results: results
                .map(|result| v1::SubmitResult { result: Some(write(result)) })
                .collect(),
        }
    }
}

impl TryFrom<v1::SubmitResponse> for Vec<SubmissionResult> {
    type Error = Invalid;

    fn try_from(response: v1::SubmitResponse) -> Result<Self, Invalid> {
        field::list("results", response.results, SUBMISSIONS_MAX, |result| {
            Ok(match field::present("result", result.result)? {
                v1::submit_result::Result::Receipt(receipt) => Ok(receipt.try_into()?),
                v1::submit_result::Result::Refused(refused) => Err(refused.try_into()?),
            })
        })
    }
}

impl From<SubmissionReceipt> for v1::SubmitReceipt {
    fn from(receipt: SubmissionReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            version_epoch: receipt.version.epoch,
            version_n: receipt.version.n,
            repeated_submission: receipt.repeated == Repeated::Yes,
            audit_sequence: receipt.audit_sequence,
            outlook: receipt.outlook.into_iter().map(Into::into).collect(),
            hits: receipt.hits.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::SubmitReceipt> for SubmissionReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::SubmitReceipt) -> Result<Self, Invalid> {
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?),
            version: Version { epoch: receipt.version_epoch, n: receipt.version_n },
            repeated: if receipt.repeated_submission { Repeated::Yes } else { Repeated::No },
            audit_sequence: receipt.audit_sequence,
            outlook: field::list("outlook", receipt.outlook, AUDIENCE_MAX, Outlook::try_from)?,
            hits: field::list("hits", receipt.hits, HITS_MAX, Hit::try_from)?,
        })
    }
}

impl From<Refusal> for v1::Refused {
    fn from(refusal: Refusal) -> Self {
        let rule = rule_to_wire(refusal.rule);
        Self { code: refusal.code.to_wire(), rule }
    }
}

impl TryFrom<v1::Refused> for Refusal {
    type Error = Invalid;

    fn try_from(refused: v1::Refused) -> Result<Self, Invalid> {
        Ok(Self { code: value("code", refused.code)?, rule: rule_from_wire(refused.rule)? })
    }
}

impl From<Outlook> for v1::Outlook {
    fn from(outlook: Outlook) -> Self {
        let (fate, code) = match outlook.fate {
            Fate::Leaves => (v1::Fate::Leaves, None),
            Fate::AnsweredWhenAsked => (v1::Fate::AnsweredWhenAsked, None),
            Fate::NeedsApproval => (v1::Fate::NeedsApproval, None),
            Fate::Stays(code) => (v1::Fate::Stays, Some(code.to_wire())),
        };
        let rule = rule_to_wire(outlook.rule);
        Self { agency: outlook.peer.to_string(), fate: fate.into(), code, rule }
    }
}

impl TryFrom<v1::Outlook> for Outlook {
    type Error = Invalid;

    fn try_from(outlook: v1::Outlook) -> Result<Self, Invalid> {
        let code = optional::<RefusalCode>("code", outlook.code)?;
        let fate = match (v1::Fate::try_from(outlook.fate), code) {
            (Ok(v1::Fate::Leaves), None) => Fate::Leaves,
            (Ok(v1::Fate::AnsweredWhenAsked), None) => Fate::AnsweredWhenAsked,
            (Ok(v1::Fate::NeedsApproval), None) => Fate::NeedsApproval,
            (Ok(v1::Fate::Stays), Some(code)) => Fate::Stays(code),
            (Ok(v1::Fate::Stays), None) => return Err(Invalid::new("code", Why::Missing)),
            (Ok(v1::Fate::Unspecified) | Err(_), _) => {
                return Err(Invalid::new("fate", Why::Unknown));
            }
            (Ok(_), Some(_)) => return Err(Invalid::new("code", Why::Contradictory)),
        };
        let rule = rule_from_wire(outlook.rule)?;
        Ok(Self { peer: field::name("agency", &outlook.agency)?, fate, rule })
    }
}

/// Reads the flag that says whether a request is only asked "what if".
pub(crate) const fn mode_of(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Real }
}

/// A set of values of a closed list: its maximum is the length of the list.
pub(crate) fn values<T: WireValue>(
    what: &'static str,
    numbers: Vec<i32>,
) -> Result<BTreeSet<T>, Invalid> {
    field::set(what, numbers, T::ALL.len(), |number| value(what, number))
}

/// No rule and an empty rule are the same.
fn rule_to_wire(rule: Option<String>) -> String {
    field::fit(&rule.unwrap_or_default(), RULE_BYTES_MAX)
}

fn rule_from_wire(rule: String) -> Result<Option<String>, Invalid> {
    Ok(Some(field::text("rule", rule, RULE_BYTES_MAX)?).filter(|rule| !rule.is_empty()))
}
