//! Duties: acknowledgements between nodes, and the list of who has not answered.

use crate::convert::correction::version;
use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::value;
use crate::v1;
use domain::duty::Duty;
use domain::envelope::Envelope;
use domain::name::RecordId;
use domain::report::PAGE_MAX;

/// The longest place in the list of duties, in bytes.
pub const PLACE_BYTES_MAX: usize = 256;

/// The message that carries a signed acknowledgement.
pub fn to_acknowledgement(acknowledgement: Envelope) -> v1::AcknowledgeChangesRequest {
    v1::AcknowledgeChangesRequest { acknowledgement: Some(acknowledgement.into()) }
}

/// Reads a signed acknowledgement; it is not verified yet.
///
/// # Errors
/// [`Invalid`].
pub fn from_acknowledgement(request: v1::AcknowledgeChangesRequest) -> Result<Envelope, Invalid> {
    field::present("acknowledgement", request.acknowledgement)?.try_into()
}

/// The place of the last duty of the page before; none for the first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutiesAfter(pub Option<Vec<u8>>);

impl From<DutiesAfter> for v1::ListDutiesRequest {
    fn from(after: DutiesAfter) -> Self {
        Self { after: after.0.unwrap_or_default() }
    }
}

impl TryFrom<v1::ListDutiesRequest> for DutiesAfter {
    type Error = Invalid;

    fn try_from(request: v1::ListDutiesRequest) -> Result<Self, Invalid> {
        match request.after.len() {
            0 => Ok(Self(None)),
            1..=PLACE_BYTES_MAX => Ok(Self(Some(request.after))),
            _ => Err(Invalid::new("after", Why::TooLong { max: PLACE_BYTES_MAX })),
        }
    }
}

/// A duty, and its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDuty {
    /// Names it when the next page is asked for.
    pub place: Vec<u8>,
    /// The duty. How a partner knows a class does not cross the wire.
    pub duty: Duty,
}

impl From<ListedDuty> for v1::Duty {
    fn from(listed: ListedDuty) -> Self {
        let ListedDuty { place, duty } = listed;
        Self {
            place,
            debtor: v1::Debtor::from(duty.debtor).into(),
            agency: duty.agency.to_string(),
            agreement: duty.agreement.to_string(),
            record_id: duty.record_id.as_bytes().to_vec(),
            asked: v1::Asked::from(duty.asked).into(),
            version: duty.version.map(Into::into),
            since_ms: duty.since.as_millis(),
            due_ms: duty.due.as_millis(),
            kept_until_ms: duty.kept_until.map(|at| at.as_millis()),
        }
    }
}

impl TryFrom<v1::Duty> for ListedDuty {
    type Error = Invalid;

    fn try_from(listed: v1::Duty) -> Result<Self, Invalid> {
        if listed.place.is_empty() || listed.place.len() > PLACE_BYTES_MAX {
            return Err(Invalid::new("place", Why::Step));
        }
        let kept_until = listed.kept_until_ms.map(|at| field::instant("kept_until_ms", at));
        let duty = Duty {
            debtor: value("debtor", listed.debtor)?,
            agency: field::name("agency", &listed.agency)?,
            agreement: field::name("agreement", &listed.agreement)?,
            record_id: RecordId::from_bytes(field::bytes("record_id", &listed.record_id)?),
            asked: value("asked", listed.asked)?,
            version: listed.version.map(version).transpose()?,
            since: field::instant("since_ms", listed.since_ms)?,
            due: field::instant("due_ms", listed.due_ms)?,
            handle: None,
            kept_until: kept_until.transpose()?,
        };
        Ok(Self { place: listed.place, duty })
    }
}

impl From<Vec<ListedDuty>> for v1::ListDutiesResponse {
    /// A page; the caller cuts it at [`PAGE_MAX`].
    fn from(duties: Vec<ListedDuty>) -> Self {
        Self { duties: duties.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::ListDutiesResponse> for Vec<ListedDuty> {
    type Error = Invalid;

    fn try_from(response: v1::ListDutiesResponse) -> Result<Self, Invalid> {
        field::list("duties", response.duties, PAGE_MAX, ListedDuty::try_from)
    }
}
