//! Cases of the own agency: opened once, then named by every command.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue as _, value};
use crate::v1;
use domain::name::CaseId;
use domain::report::{CaseOpening, PAGE_MAX};
use domain::submission::{CASE_REFERENCE_CHARACTERS_MAX, Case};

/// The longest that a case is open without being opened again, in days.
pub const OPEN_DAYS_MAX: u32 = 366;

impl From<Case> for v1::Case {
    fn from(case: Case) -> Self {
        Self {
            case_id: case.case_id.as_bytes().to_vec(),
            number: case.number,
            agreement: case.agreement.to_string(),
            clause: case.clause.to_string(),
            purpose: case.purpose.to_wire(),
            offence: case.offence.to_wire(),
            reference: case.reference,
            opened_at_ms: case.opened_at.as_millis(),
            open_until_ms: case.open_until.as_millis(),
        }
    }
}

impl TryFrom<v1::Case> for Case {
    type Error = Invalid;

    fn try_from(case: v1::Case) -> Result<Self, Invalid> {
        Ok(Self {
            case_id: CaseId::from_bytes(field::bytes("case_id", &case.case_id)?),
            number: case.number,
            agreement: field::name("agreement", &case.agreement)?,
            clause: field::name("clause", &case.clause)?,
            purpose: value("purpose", case.purpose)?,
            offence: value("offence", case.offence)?,
            reference: field::words("reference", case.reference, CASE_REFERENCE_CHARACTERS_MAX)?,
            opened_at: field::instant("opened_at_ms", case.opened_at_ms)?,
            open_until: field::instant("open_until_ms", case.open_until_ms)?,
        })
    }
}

impl From<CaseOpening> for v1::OpenCaseRequest {
    fn from(opening: CaseOpening) -> Self {
        Self {
            agreement: opening.agreement.to_string(),
            clause: opening.clause.to_string(),
            purpose: opening.purpose.to_wire(),
            offence: opening.offence.to_wire(),
            reference: opening.reference,
            open_days: opening.open_days,
        }
    }
}

impl TryFrom<v1::OpenCaseRequest> for CaseOpening {
    type Error = Invalid;

    fn try_from(opening: v1::OpenCaseRequest) -> Result<Self, Invalid> {
        if !(1..=OPEN_DAYS_MAX).contains(&opening.open_days) {
            return Err(Invalid::new("open_days", Why::OutOfRange));
        }
        let reference = opening.reference;
        Ok(Self {
            agreement: field::name("agreement", &opening.agreement)?,
            clause: field::name("clause", &opening.clause)?,
            purpose: value("purpose", opening.purpose)?,
            offence: value("offence", opening.offence)?,
            reference: field::words("reference", reference, CASE_REFERENCE_CHARACTERS_MAX)?,
            open_days: opening.open_days,
        })
    }
}

impl From<Case> for v1::OpenCaseResponse {
    fn from(case: Case) -> Self {
        Self { case: Some(case.into()) }
    }
}

impl TryFrom<v1::OpenCaseResponse> for Case {
    type Error = Invalid;

    fn try_from(response: v1::OpenCaseResponse) -> Result<Self, Invalid> {
        field::present("case", response.case)?.try_into()
    }
}

impl From<Vec<Case>> for v1::ListCasesResponse {
    /// A page; the caller cuts it at [`PAGE_MAX`].
    fn from(cases: Vec<Case>) -> Self {
        Self { cases: cases.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::ListCasesResponse> for Vec<Case> {
    type Error = Invalid;

    fn try_from(response: v1::ListCasesResponse) -> Result<Self, Invalid> {
        field::list("cases", response.cases, PAGE_MAX, Case::try_from)
    }
}
