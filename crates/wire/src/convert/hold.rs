//! Legal holds: placed, listed, read for their proceeding, lifted.

use crate::convert::correction::{differences, version};
use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue as _, value};
use crate::convert::withdrawal::{REFERENCE_BYTES_MIN, RecordReference};
use crate::v1;
use domain::correction::{PastVersion, REASON_CHARACTERS_MAX};
use domain::hold::{
    AUTHORITY_CHARACTERS_MAX, HELD_OLDER_MAX, HeldReading, HeldState, Hold, HoldOrder, HoldReceipt,
    HoldStanding,
};
use domain::name::{CaseId, HoldId, RecordId};
use domain::report::PAGE_MAX;

/// A hold id, or its first bytes; the node refuses one that names no hold or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReference(Vec<u8>);

impl HoldReference {
    /// Takes 3 to 16 bytes.
    ///
    /// # Errors
    /// [`Invalid`] for any other number.
    pub fn new(first_bytes: &[u8]) -> Result<Self, Invalid> {
        match first_bytes.len() {
            REFERENCE_BYTES_MIN..=HoldId::BYTES => Ok(Self(first_bytes.to_vec())),
            _ => Err(Invalid::new("hold_id", Why::Step)),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Does it name this hold?
    pub fn names(&self, hold_id: &HoldId) -> bool {
        hold_id.as_bytes().starts_with(&self.0)
    }
}

/// The request that places a hold.
pub fn to_request(record: RecordReference, order: HoldOrder) -> v1::PlaceHoldRequest {
    v1::PlaceHoldRequest {
        ground: order.ground.to_wire(),
        record_id: record.into_bytes(),
        case_id: order.case.as_bytes().to_vec(),
        reason: order.reason,
        authority: order.authority,
        review_at_ms: order.review_at.as_millis(),
    }
}

/// Reads the request that places a hold.
///
/// # Errors
/// [`Invalid`]; the request is refused whole.
pub fn from_request(
    request: v1::PlaceHoldRequest,
) -> Result<(RecordReference, HoldOrder), Invalid> {
    let record = RecordReference::new(&request.record_id)?;
    let order = HoldOrder {
        ground: value("ground", request.ground)?,
        case: CaseId::from_bytes(field::bytes("case_id", &request.case_id)?),
        reason: field::words("reason", request.reason, REASON_CHARACTERS_MAX)?,
        authority: field::words("authority", request.authority, AUTHORITY_CHARACTERS_MAX)?,
        review_at: field::instant("review_at_ms", request.review_at_ms)?,
    };
    Ok((record, order))
}

/// The request that lifts a hold.
pub fn to_lift_request(hold: HoldReference, reason: String) -> v1::LiftHoldRequest {
    v1::LiftHoldRequest { hold_id: hold.0, reason }
}

/// Reads the request that lifts a hold.
///
/// # Errors
/// [`Invalid`]; one without a reason is one.
pub fn from_lift_request(request: v1::LiftHoldRequest) -> Result<(HoldReference, String), Invalid> {
    let hold = HoldReference::new(&request.hold_id)?;
    Ok((hold, field::words("reason", request.reason, REASON_CHARACTERS_MAX)?))
}

/// The last hold of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldsAfter(pub Option<(RecordId, HoldId)>);

impl From<HoldsAfter> for v1::ListHoldsRequest {
    fn from(after: HoldsAfter) -> Self {
        let after = after.0.map(|(record, hold)| [*record.as_bytes(), *hold.as_bytes()].concat());
        Self { after: after.unwrap_or_default() }
    }
}

impl TryFrom<v1::ListHoldsRequest> for HoldsAfter {
    type Error = Invalid;

    fn try_from(request: v1::ListHoldsRequest) -> Result<Self, Invalid> {
        if request.after.is_empty() {
            return Ok(Self(None));
        }
        let bytes = RecordId::BYTES + HoldId::BYTES;
        let wrong = Invalid::new("after", Why::Length { bytes });
        let (record, hold) = request.after.split_at_checked(RecordId::BYTES).ok_or(wrong)?;
        let record = RecordId::from_bytes(record.try_into().map_err(|_| wrong)?);
        let hold = HoldId::from_bytes(hold.try_into().map_err(|_| wrong)?);
        Ok(Self(Some((record, hold))))
    }
}

impl From<HoldReceipt> for v1::HoldReceipt {
    fn from(receipt: HoldReceipt) -> Self {
        Self {
            hold_id: receipt.hold_id.as_bytes().to_vec(),
            record_id: receipt.record_id.as_bytes().to_vec(),
            audit_sequence: receipt.audit_sequence,
        }
    }
}

impl TryFrom<v1::HoldReceipt> for HoldReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::HoldReceipt) -> Result<Self, Invalid> {
        Ok(Self {
            hold_id: HoldId::from_bytes(field::bytes("hold_id", &receipt.hold_id)?),
            record_id: RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?),
            audit_sequence: receipt.audit_sequence,
        })
    }
}

impl From<HoldReceipt> for v1::PlaceHoldResponse {
    fn from(receipt: HoldReceipt) -> Self {
        Self { receipt: Some(receipt.into()) }
    }
}

impl TryFrom<v1::PlaceHoldResponse> for HoldReceipt {
    type Error = Invalid;

    fn try_from(response: v1::PlaceHoldResponse) -> Result<Self, Invalid> {
        field::present("receipt", response.receipt)?.try_into()
    }
}

impl From<HoldReceipt> for v1::LiftHoldResponse {
    fn from(receipt: HoldReceipt) -> Self {
        Self { receipt: Some(receipt.into()) }
    }
}

impl TryFrom<v1::LiftHoldResponse> for HoldReceipt {
    type Error = Invalid;

    fn try_from(response: v1::LiftHoldResponse) -> Result<Self, Invalid> {
        field::present("receipt", response.receipt)?.try_into()
    }
}

impl From<HoldReference> for v1::ReadHoldRequest {
    fn from(hold: HoldReference) -> Self {
        Self { hold_id: hold.0 }
    }
}

impl TryFrom<v1::ReadHoldRequest> for HoldReference {
    type Error = Invalid;

    fn try_from(request: v1::ReadHoldRequest) -> Result<Self, Invalid> {
        Self::new(&request.hold_id)
    }
}

impl From<HoldStanding> for v1::HoldStanding {
    fn from(standing: HoldStanding) -> Self {
        let HoldStanding { hold, state } = standing;
        let state = match state {
            HeldState::InUse => v1::HeldState::InUse,
            HeldState::Expired => v1::HeldState::Expired,
            HeldState::Withdrawn => v1::HeldState::Withdrawn,
        };
        Self {
            hold_id: hold.hold_id.as_bytes().to_vec(),
            record_id: hold.record_id.as_bytes().to_vec(),
            origin: hold.origin.to_string(),
            agreement: hold.agreement.to_string(),
            case_id: hold.case.as_bytes().to_vec(),
            reason: hold.reason,
            authority: hold.authority,
            review_at_ms: hold.review_at.as_millis(),
            placed_at_ms: hold.placed_at.as_millis(),
            placed_by: hold.placed_by.to_string(),
            state: state.into(),
            ground: hold.ground.to_wire(),
        }
    }
}

impl TryFrom<v1::HoldStanding> for HoldStanding {
    type Error = Invalid;

    fn try_from(standing: v1::HoldStanding) -> Result<Self, Invalid> {
        let state = match v1::HeldState::try_from(standing.state) {
            Ok(v1::HeldState::InUse) => HeldState::InUse,
            Ok(v1::HeldState::Expired) => HeldState::Expired,
            Ok(v1::HeldState::Withdrawn) => HeldState::Withdrawn,
            Ok(v1::HeldState::Unspecified) | Err(_) => {
                return Err(Invalid::new("state", Why::Unknown));
            }
        };
        let hold = Hold {
            hold_id: HoldId::from_bytes(field::bytes("hold_id", &standing.hold_id)?),
            record_id: RecordId::from_bytes(field::bytes("record_id", &standing.record_id)?),
            origin: field::name("origin", &standing.origin)?,
            agreement: field::name("agreement", &standing.agreement)?,
            case: CaseId::from_bytes(field::bytes("case_id", &standing.case_id)?),
            reason: field::words("reason", standing.reason, REASON_CHARACTERS_MAX)?,
            authority: field::words("authority", standing.authority, AUTHORITY_CHARACTERS_MAX)?,
            review_at: field::instant("review_at_ms", standing.review_at_ms)?,
            placed_at: field::instant("placed_at_ms", standing.placed_at_ms)?,
            placed_by: field::name("placed_by", &standing.placed_by)?,
            ground: value("ground", standing.ground)?,
        };
        Ok(Self { hold, state })
    }
}

impl From<Vec<HoldStanding>> for v1::ListHoldsResponse {
    /// A page; the caller cuts it at [`PAGE_MAX`].
    fn from(holds: Vec<HoldStanding>) -> Self {
        Self { holds: holds.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::ListHoldsResponse> for Vec<HoldStanding> {
    type Error = Invalid;

    fn try_from(response: v1::ListHoldsResponse) -> Result<Self, Invalid> {
        field::list("holds", response.holds, PAGE_MAX, HoldStanding::try_from)
    }
}

impl From<HeldReading> for v1::ReadHoldResponse {
    fn from(reading: HeldReading) -> Self {
        Self {
            standing: Some(reading.standing.into()),
            version: Some(reading.version.into()),
            made_at_ms: reading.made_at.as_millis(),
            says: reading.says.into_iter().map(Into::into).collect(),
            older: reading.older.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::ReadHoldResponse> for HeldReading {
    type Error = Invalid;

    fn try_from(response: v1::ReadHoldResponse) -> Result<Self, Invalid> {
        Ok(Self {
            standing: field::present("standing", response.standing)?.try_into()?,
            version: version(field::present("version", response.version)?)?,
            made_at: field::instant("made_at_ms", response.made_at_ms)?,
            says: differences(response.says)?,
            older: field::list("older", response.older, HELD_OLDER_MAX, PastVersion::try_from)?,
        })
    }
}
