//! Corrections of own records, and the versions that they left behind.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::submission::{mode_of, values};
use crate::convert::value::{WireValue as _, numbers, optional};
use crate::convert::withdrawal::RecordReference;
use crate::v1;
use domain::correction::{
    Changes, Correction, CorrectionReceipt, Difference, History, PastVersion,
    REASON_CHARACTERS_MAX, STATEMENT_KEYS, VERSIONS_MAX,
};
use domain::label::HandlingSet;
use domain::name::{AgencyId, CaseId, RecordId};
use domain::record::{AUDIENCE_MAX, Benefit, GROUND_CHARACTERS_MAX, Version};
use domain::report::Mode;
use domain::submission::{Outlook, Repeated};
use domain::time::Timestamp;
use domain::value::Handling;

/// The longest value of a record in words, in characters: a full audience fits.
pub const VALUE_CHARACTERS_MAX: usize = 4096;

/// The request for a correction.
pub fn to_request(
    record: RecordReference,
    correction: Correction,
    mode: Mode,
) -> v1::CorrectRequest {
    v1::CorrectRequest {
        record_id: record.into_bytes(),
        case_id: correction.case.as_bytes().to_vec(),
        expected: correction.expected.map(Into::into),
        reason: correction.reason,
        changes: Some(correction.changes.into()),
        dry_run: mode == Mode::DryRun,
    }
}

/// Reads a request.
///
/// # Errors
/// [`Invalid`]; the request is refused whole.
pub fn from_request(
    request: v1::CorrectRequest,
) -> Result<(RecordReference, Correction, Mode), Invalid> {
    let record = RecordReference::new(&request.record_id)?;
    let correction = Correction {
        case: CaseId::from_bytes(field::bytes("case_id", &request.case_id)?),
        expected: request.expected.map(version).transpose()?,
        reason: field::words("reason", request.reason, REASON_CHARACTERS_MAX)?,
        changes: field::present("changes", request.changes)?.try_into()?,
    };
    Ok((record, correction, mode_of(request.dry_run)))
}

impl From<Version> for v1::Version {
    fn from(version: Version) -> Self {
        Self { epoch: version.epoch, n: version.n }
    }
}

/// A version counts from 1.
pub(crate) fn version(version: v1::Version) -> Result<Version, Invalid> {
    if version.n == 0 {
        return Err(Invalid::new("version", Why::OutOfRange));
    }
    Ok(Version { epoch: version.epoch, n: version.n })
}

impl From<Changes> for v1::Changes {
    fn from(changes: Changes) -> Self {
        let handling = |codes: HandlingSet| {
            let codes: Vec<Handling> = codes.iter().collect();
            v1::changes::HandlingCodes { values: numbers(&codes) }
        };
        let audience = |agencies: std::collections::BTreeSet<AgencyId>| v1::changes::Audience {
            agencies: agencies.iter().map(ToString::to_string).collect(),
        };
        Self {
            purposes: changes.purposes.map(|set| v1::changes::Purposes { values: numbers(&set) }),
            offences: changes.offences.map(|set| v1::changes::Offences { values: numbers(&set) }),
            tlp: changes.tlp.map(|value| value.to_wire()),
            pap: changes.pap.map(|value| value.to_wire()),
            handling: changes.handling.map(handling),
            evaluation: changes.evaluation.map(Into::into),
            basis: changes.basis.map(|value| value.to_wire()),
            subject: changes.subject.map(|value| value.to_wire()),
            age: changes.age.map(|value| value.to_wire()),
            presumed_adult_reason: changes.presumed_adult_reason,
            depicts: changes.depicts.map(|value| value.to_wire()),
            benefit_ground: changes.benefit.map(|benefit| benefit.ground),
            audience: changes.audience.map(audience),
            onward: changes.onward.map(|value| value.to_wire()),
            observed_first_ms: changes.observed_first.map(Timestamp::as_millis),
            observed_last_ms: changes.observed_last.map(Timestamp::as_millis),
            valid_until_ms: changes.valid_until.map(Timestamp::as_millis),
            review_at_ms: changes.review_at.map(Timestamp::as_millis),
            role: changes.role.map(|value| value.to_wire()),
            content_class: changes.class.map(|value| value.to_wire()),
        }
    }
}

impl TryFrom<v1::Changes> for Changes {
    type Error = Invalid;

    /// Checks the form. The rules that protect people are those of [`domain::record::Record`].
    fn try_from(changes: v1::Changes) -> Result<Self, Invalid> {
        let instant = |what, at: Option<u64>| at.map(|at| field::instant(what, at)).transpose();
        let words = |what, text: Option<String>, max| {
            text.map(|text| field::words(what, text, max)).transpose()
        };
        let handling = changes.handling.map(|codes| {
            Ok::<HandlingSet, Invalid>(
                values::<Handling>("handling", codes.values)?.into_iter().collect(),
            )
        });
        let audience = changes.audience.map(|audience| {
            field::set("audience", audience.agencies, AUDIENCE_MAX, |agency| {
                field::name::<AgencyId>("audience", &agency)
            })
        });
        let reason =
            words("presumed_adult_reason", changes.presumed_adult_reason, REASON_CHARACTERS_MAX)?;
        let ground = words("benefit_ground", changes.benefit_ground, GROUND_CHARACTERS_MAX)?;
        Ok(Self {
            purposes: changes.purposes.map(|set| values("purposes", set.values)).transpose()?,
            offences: changes.offences.map(|set| values("offences", set.values)).transpose()?,
            tlp: optional("tlp", changes.tlp)?,
            pap: optional("pap", changes.pap)?,
            handling: handling.transpose()?,
            evaluation: changes.evaluation.map(TryInto::try_into).transpose()?,
            basis: optional("basis", changes.basis)?,
            subject: optional("subject", changes.subject)?,
            age: optional("age", changes.age)?,
            presumed_adult_reason: reason,
            depicts: optional("depicts", changes.depicts)?,
            benefit: ground.map(|ground| Benefit { ground }),
            audience: audience.transpose()?,
            onward: optional("onward", changes.onward)?,
            observed_first: instant("observed_first_ms", changes.observed_first_ms)?,
            observed_last: instant("observed_last_ms", changes.observed_last_ms)?,
            valid_until: instant("valid_until_ms", changes.valid_until_ms)?,
            review_at: instant("review_at_ms", changes.review_at_ms)?,
            role: optional("role", changes.role)?,
            class: optional("content_class", changes.content_class)?,
        })
    }
}

impl From<Difference> for v1::Difference {
    fn from(difference: Difference) -> Self {
        Self {
            key: difference.key.to_owned(),
            before: field::fit(&difference.before, VALUE_CHARACTERS_MAX),
            after: field::fit(&difference.after, VALUE_CHARACTERS_MAX),
        }
    }
}

impl TryFrom<v1::Difference> for Difference {
    type Error = Invalid;

    fn try_from(difference: v1::Difference) -> Result<Self, Invalid> {
        let known = STATEMENT_KEYS.into_iter().find(|key| *key == difference.key);
        Ok(Self {
            key: known.ok_or(Invalid::new("key", Why::Unknown))?,
            before: field::text("before", difference.before, VALUE_CHARACTERS_MAX)?,
            after: field::text("after", difference.after, VALUE_CHARACTERS_MAX)?,
        })
    }
}

/// At most one difference for each key.
pub(crate) fn differences(given: Vec<v1::Difference>) -> Result<Vec<Difference>, Invalid> {
    field::list("differences", given, STATEMENT_KEYS.len(), Difference::try_from)
}

impl From<CorrectionReceipt> for v1::CorrectResponse {
    fn from(receipt: CorrectionReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            version: Some(receipt.version.into()),
            repeated_correction: receipt.repeated == Repeated::Yes,
            audit_sequence: receipt.audit_sequence,
            differences: receipt.differences.into_iter().map(Into::into).collect(),
            outlook: receipt.outlook.into_iter().map(Into::into).collect(),
            told: receipt.told.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::CorrectResponse> for CorrectionReceipt {
    type Error = Invalid;

    fn try_from(response: v1::CorrectResponse) -> Result<Self, Invalid> {
        let read = |partner: String| field::name("told", &partner);
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &response.record_id)?),
            version: version(field::present("version", response.version)?)?,
            repeated: if response.repeated_correction { Repeated::Yes } else { Repeated::No },
            audit_sequence: response.audit_sequence,
            differences: differences(response.differences)?,
            outlook: field::list("outlook", response.outlook, AUDIENCE_MAX, Outlook::try_from)?,
            told: field::distinct("told", response.told, AUDIENCE_MAX, read)?,
        })
    }
}

impl From<RecordReference> for v1::HistoryRequest {
    fn from(record: RecordReference) -> Self {
        Self { record_id: record.into_bytes() }
    }
}

impl TryFrom<v1::HistoryRequest> for RecordReference {
    type Error = Invalid;

    fn try_from(request: v1::HistoryRequest) -> Result<Self, Invalid> {
        Self::new(&request.record_id)
    }
}

impl From<History> for v1::HistoryResponse {
    fn from(history: History) -> Self {
        Self {
            record_id: history.record_id.as_bytes().to_vec(),
            versions: history.versions.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::HistoryResponse> for History {
    type Error = Invalid;

    fn try_from(response: v1::HistoryResponse) -> Result<Self, Invalid> {
        let (versions, read) = (response.versions, PastVersion::try_from);
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &response.record_id)?),
            versions: field::list("versions", versions, VERSIONS_MAX, read)?,
        })
    }
}

impl From<PastVersion> for v1::PastVersion {
    fn from(past: PastVersion) -> Self {
        Self {
            version: Some(past.version.into()),
            made_at_ms: past.made_at.as_millis(),
            officer: past.made_by.map(|officer| officer.to_string()).unwrap_or_default(),
            reason: past.reason,
            case_id: past.case.map(|case| case.as_bytes().to_vec()),
            differences: past.differences.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::PastVersion> for PastVersion {
    type Error = Invalid;

    fn try_from(past: v1::PastVersion) -> Result<Self, Invalid> {
        let officer = Some(past.officer).filter(|officer| !officer.is_empty());
        let reason = past.reason.map(|text| field::words("reason", text, REASON_CHARACTERS_MAX));
        let case = past.case_id.map(|id| field::bytes("case_id", &id)).transpose()?;
        Ok(Self {
            version: version(field::present("version", past.version)?)?,
            made_at: field::instant("made_at_ms", past.made_at_ms)?,
            made_by: officer.map(|officer| field::name("officer", &officer)).transpose()?,
            reason: reason.transpose()?,
            case: case.map(CaseId::from_bytes),
            differences: differences(past.differences)?,
        })
    }
}
