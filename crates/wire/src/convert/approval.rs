//! Approvals: handed in, taken back, listed. What people signed is verified by the node, not here.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue as _, numbers, value};
use crate::convert::withdrawal::RecordReference;
use crate::v1;
use domain::approval::{
    APPROVALS_MAX, ApprovalPage, ApprovalReceipt, ApprovalStanding, ApprovalState, ApprovedAct,
    PendingApproval,
};
use domain::envelope::Envelope;
use domain::name::{Digest, OfficerId, RecordId};
use domain::refusal::RULE_BYTES_MAX;
use domain::report::PAGE_MAX;
use domain::submission::CASE_REFERENCE_CHARACTERS_MAX;
use domain::value::Purpose;

/// The request that hands in an approval.
pub fn to_request(record: RecordReference, approval: Envelope) -> v1::ApproveRequest {
    v1::ApproveRequest { record_id: record.into_bytes(), approval: Some(approval.into()) }
}

/// Reads it.
///
/// # Errors
/// [`Invalid`].
pub fn from_request(request: v1::ApproveRequest) -> Result<(RecordReference, Envelope), Invalid> {
    let record = RecordReference::new(&request.record_id)?;
    Ok((record, field::present("approval", request.approval)?.try_into()?))
}

/// The request that takes an approval back.
pub fn to_end_request(end: Envelope) -> v1::EndApprovalRequest {
    v1::EndApprovalRequest { end: Some(end.into()) }
}

/// Reads it.
///
/// # Errors
/// [`Invalid`].
pub fn from_end_request(request: v1::EndApprovalRequest) -> Result<Envelope, Invalid> {
    field::present("end", request.end)?.try_into()
}

/// The last approval of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalsAfter(pub Option<(RecordId, Digest)>);

impl From<ApprovalsAfter> for v1::ListApprovalsRequest {
    fn from(after: ApprovalsAfter) -> Self {
        let after = after.0.map(|(record, hash)| {
            [record.as_bytes().as_slice(), hash.as_bytes().as_slice()].concat()
        });
        Self { after: after.unwrap_or_default() }
    }
}

impl TryFrom<v1::ListApprovalsRequest> for ApprovalsAfter {
    type Error = Invalid;

    fn try_from(request: v1::ListApprovalsRequest) -> Result<Self, Invalid> {
        if request.after.is_empty() {
            return Ok(Self(None));
        }
        let wrong = Invalid::new("after", Why::Length { bytes: RecordId::BYTES + Digest::BYTES });
        let (record, hash) = request.after.split_at_checked(RecordId::BYTES).ok_or(wrong)?;
        let record = RecordId::from_bytes(record.try_into().map_err(|_| wrong)?);
        Ok(Self(Some((record, Digest::from_bytes(hash.try_into().map_err(|_| wrong)?)))))
    }
}

impl From<ApprovalReceipt> for v1::ApprovalReceipt {
    fn from(receipt: ApprovalReceipt) -> Self {
        Self {
            approval: receipt.approval.as_bytes().to_vec(),
            record_id: receipt.record_id.as_bytes().to_vec(),
            peer: receipt.peer.to_string(),
            persons: receipt.persons.iter().map(ToString::to_string).collect(),
            needed: receipt.needed,
            audit_sequence: receipt.audit_sequence,
        }
    }
}

impl TryFrom<v1::ApprovalReceipt> for ApprovalReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::ApprovalReceipt) -> Result<Self, Invalid> {
        Ok(Self {
            approval: Digest::from_bytes(field::bytes("approval", &receipt.approval)?),
            record_id: RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?),
            peer: field::name("peer", &receipt.peer)?,
            persons: persons(receipt.persons)?,
            needed: receipt.needed,
            audit_sequence: receipt.audit_sequence,
        })
    }
}

impl From<ApprovalReceipt> for v1::ApproveResponse {
    fn from(receipt: ApprovalReceipt) -> Self {
        Self { receipt: Some(receipt.into()) }
    }
}

impl TryFrom<v1::ApproveResponse> for ApprovalReceipt {
    type Error = Invalid;

    fn try_from(response: v1::ApproveResponse) -> Result<Self, Invalid> {
        field::present("receipt", response.receipt)?.try_into()
    }
}

impl From<ApprovalReceipt> for v1::EndApprovalResponse {
    fn from(receipt: ApprovalReceipt) -> Self {
        Self { receipt: Some(receipt.into()) }
    }
}

impl TryFrom<v1::EndApprovalResponse> for ApprovalReceipt {
    type Error = Invalid;

    fn try_from(response: v1::EndApprovalResponse) -> Result<Self, Invalid> {
        field::present("receipt", response.receipt)?.try_into()
    }
}

impl From<ApprovalStanding> for v1::ApprovalStanding {
    fn from(standing: ApprovalStanding) -> Self {
        let state = match standing.state {
            ApprovalState::Counts => v1::ApprovalState::Counts,
            ApprovalState::Ended => v1::ApprovalState::Ended,
            ApprovalState::Expired => v1::ApprovalState::Expired,
            ApprovalState::RecordChanged => v1::ApprovalState::RecordChanged,
            ApprovalState::DoesNotCount => v1::ApprovalState::DoesNotCount,
        };
        Self {
            approval: standing.approval.as_bytes().to_vec(),
            signed: Some(standing.signed.into()),
            state: state.into(),
        }
    }
}

impl TryFrom<v1::ApprovalStanding> for ApprovalStanding {
    type Error = Invalid;

    fn try_from(standing: v1::ApprovalStanding) -> Result<Self, Invalid> {
        let state = match v1::ApprovalState::try_from(standing.state) {
            Ok(v1::ApprovalState::Counts) => ApprovalState::Counts,
            Ok(v1::ApprovalState::Ended) => ApprovalState::Ended,
            Ok(v1::ApprovalState::Expired) => ApprovalState::Expired,
            Ok(v1::ApprovalState::RecordChanged) => ApprovalState::RecordChanged,
            Ok(v1::ApprovalState::DoesNotCount) => ApprovalState::DoesNotCount,
            Ok(v1::ApprovalState::Unspecified) | Err(_) => {
                return Err(Invalid::new("state", Why::Unknown));
            }
        };
        Ok(Self {
            approval: Digest::from_bytes(field::bytes("approval", &standing.approval)?),
            signed: field::present("signed", standing.signed)?.try_into()?,
            state,
        })
    }
}

impl From<PendingApproval> for v1::PendingApproval {
    fn from(pending: PendingApproval) -> Self {
        let court_case = match pending.act {
            ApprovedAct::Share => None,
            ApprovedAct::JudicialUse { case_reference } => Some(case_reference),
        };
        Self {
            record_id: pending.record_id.as_bytes().to_vec(),
            peer: pending.peer.to_string(),
            agreement: pending.agreement.to_string(),
            purposes: numbers(&pending.purposes),
            persons: pending.persons.iter().map(ToString::to_string).collect(),
            needed: pending.needed,
            rule: pending.rule,
            court_case,
            asked_purpose: pending.asked_for.map(|(purpose, _)| purpose.to_wire()),
            asked_offence: pending.asked_for.map(|(_, offence)| offence.to_wire()),
        }
    }
}

impl TryFrom<v1::PendingApproval> for PendingApproval {
    type Error = Invalid;

    fn try_from(pending: v1::PendingApproval) -> Result<Self, Invalid> {
        let purpose = |number| value::<Purpose>("purposes", number);
        let (what, max) = ("court_case", CASE_REFERENCE_CHARACTERS_MAX);
        let act = match pending.court_case {
            None => ApprovedAct::Share,
            Some(case) => {
                ApprovedAct::JudicialUse { case_reference: field::words(what, case, max)? }
            }
        };
        let asked_for = match (pending.asked_purpose, pending.asked_offence) {
            (None, None) => None,
            (Some(purpose), Some(offence)) => {
                Some((value("asked_purpose", purpose)?, value("asked_offence", offence)?))
            }
            _ => return Err(Invalid::new("asked_purpose", Why::Missing)),
        };
        Ok(Self {
            act,
            asked_for,
            record_id: RecordId::from_bytes(field::bytes("record_id", &pending.record_id)?),
            peer: field::name("peer", &pending.peer)?,
            agreement: field::name("agreement", &pending.agreement)?,
            purposes: field::set("purposes", pending.purposes, Purpose::ALL.len(), purpose)?,
            persons: persons(pending.persons)?,
            needed: pending.needed,
            rule: field::words("rule", pending.rule, RULE_BYTES_MAX)?,
        })
    }
}

impl From<ApprovalPage> for v1::ListApprovalsResponse {
    /// A page; the caller cuts it at [`PAGE_MAX`].
    fn from(page: ApprovalPage) -> Self {
        Self {
            approvals: page.approvals.into_iter().map(Into::into).collect(),
            pending: page.pending.into_iter().map(Into::into).collect(),
            more_pending: page.more_pending,
        }
    }
}

impl TryFrom<v1::ListApprovalsResponse> for ApprovalPage {
    type Error = Invalid;

    fn try_from(response: v1::ListApprovalsResponse) -> Result<Self, Invalid> {
        let standing = ApprovalStanding::try_from;
        Ok(Self {
            approvals: field::list("approvals", response.approvals, PAGE_MAX, standing)?,
            pending: field::list("pending", response.pending, PAGE_MAX, PendingApproval::try_from)?,
            more_pending: response.more_pending,
        })
    }
}

fn persons(persons: Vec<String>) -> Result<Vec<OfficerId>, Invalid> {
    field::distinct("persons", persons, APPROVALS_MAX, |one| field::name("persons", &one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope { payload: vec![0xa0], payload_type: "x".into(), signatures: Vec::new() }
    }

    fn pending() -> v1::PendingApproval {
        PendingApproval {
            record_id: RecordId::from_bytes([1; 16]),
            peer: "ma-dgsn".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            act: ApprovedAct::JudicialUse { case_reference: "PN 2026/17".into() },
            asked_for: Some((Purpose::Prosecution, domain::value::Offence::MigrantSmuggling)),
            purposes: [Purpose::VictimProtection].into(),
            persons: vec!["ES-1".parse().unwrap()],
            needed: 2,
            rule: "C10-protected-approval".into(),
        }
        .into()
    }

    fn page() -> v1::ListApprovalsResponse {
        let approval = Digest::from_bytes([2; 32]);
        let counts = ApprovalState::Counts;
        let standing = ApprovalStanding { approval, signed: envelope(), state: counts };
        let mut page = v1::ListApprovalsResponse::from(ApprovalPage {
            approvals: vec![standing],
            ..ApprovalPage::default()
        });
        page.pending.push(pending());
        page
    }

    fn refused(change: impl FnOnce(&mut v1::ListApprovalsResponse)) -> &'static str {
        let mut page = page();
        change(&mut page);
        ApprovalPage::try_from(page).unwrap_err().what
    }

    #[test]
    fn what_a_hostile_node_says_is_refused() {
        assert_eq!(
            v1::ListApprovalsResponse::from(ApprovalPage::try_from(page()).unwrap()),
            page()
        );
        assert_eq!(refused(|page| page.approvals[0].state = 0), "state");
        assert_eq!(refused(|page| page.approvals[0].state = 99), "state");
        assert_eq!(refused(|page| page.approvals[0].signed = None), "signed");
        assert_eq!(refused(|page| page.approvals[0].approval.push(1)), "approval");
        assert_eq!(refused(|page| page.pending[0].purposes = vec![0]), "purposes");
        assert_eq!(refused(|page| page.pending[0].purposes.push(5)), "purposes");
        assert_eq!(refused(|page| page.pending[0].rule.clear()), "rule");
        assert_eq!(refused(|page| page.pending[0].court_case = Some("".into())), "court_case");
        assert_eq!(refused(|page| page.pending[0].asked_offence = None), "asked_purpose");
        assert_eq!(refused(|page| page.pending[0].asked_purpose = Some(99)), "asked_purpose");
        assert_eq!(refused(|page| page.pending[0].persons.push("ES-1".into())), "persons");
        assert_eq!(refused(|page| page.pending[0].peer = "\u{1b}[2J".into()), "peer");
        assert_eq!(refused(|page| page.pending = vec![pending(); PAGE_MAX + 1]), "pending");
        let many = (0..=APPROVALS_MAX).map(|n| format!("ES-{n}")).collect();
        assert_eq!(refused(|page| page.pending[0].persons = many), "persons");
    }

    #[test]
    fn what_a_hostile_officer_says_is_refused() {
        let record = RecordReference::new(&[1, 2, 3]).unwrap();
        let request = to_request(record.clone(), envelope());
        assert_eq!(from_request(request.clone()), Ok((record, envelope())));
        let with = |change: fn(&mut v1::ApproveRequest)| {
            let mut request = request.clone();
            change(&mut request);
            from_request(request).unwrap_err().what
        };
        assert_eq!(with(|request| request.approval = None), "approval");
        assert_eq!(with(|request| request.record_id.truncate(2)), "record_id");
        assert!(from_end_request(v1::EndApprovalRequest { end: None }).is_err());
        let after = (RecordId::from_bytes([3; 16]), Digest::from_bytes([4; 32]));
        for after in [None, Some(after)] {
            let request = v1::ListApprovalsRequest::from(ApprovalsAfter(after));
            assert_eq!(ApprovalsAfter::try_from(request), Ok(ApprovalsAfter(after)));
        }
        let short = v1::ListApprovalsRequest { after: vec![1; 47] };
        assert!(ApprovalsAfter::try_from(short).is_err());
    }
}
