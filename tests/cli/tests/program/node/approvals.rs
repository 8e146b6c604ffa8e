//! What the node with fixed answers says of approvals and of use in court.

use super::*;
use domain::approval::{
    Approval, ApprovalPage, ApprovalReceipt, ApprovalStanding, ApprovalState, ApprovedAct,
    PendingApproval,
};
use domain::court_use::{CourtUse, CourtUseReceipt};
use domain::envelope::{Envelope, Payload as _};
use domain::name::Digest;

fn court() -> ApprovedAct {
    ApprovedAct::JudicialUse { case_reference: "Tribunal de Malaga, PA 17/2026".to_owned() }
}

/// Unsigned: the node has verified what it lists.
fn listed(byte: u8, act: ApprovedAct, state: ApprovalState) -> ApprovalStanding {
    let approval = Approval {
        agency: "be-fedpol".parse().unwrap(),
        officer: "BE-7".parse().unwrap(),
        record_id: RecordId::from_bytes([0x5f; 16]),
        version: Version::FIRST,
        agreement: "malines-2026".parse().unwrap(),
        peer: "es-pn".parse().unwrap(),
        purposes: [Purpose::Prosecution].into(),
        act,
        reason: "rogatory letter of 3 November".to_owned(),
        made_at: at(3),
        valid_until: at(3).plus_days(30),
    };
    let payload_type = Approval::TYPE.to_owned();
    let signed = Envelope { payload: approval.to_payload(), payload_type, signatures: Vec::new() };
    ApprovalStanding { approval: Digest::from_bytes([byte; 32]), signed, state }
}

pub(crate) fn approvals() -> ApprovalPage {
    let waits = |act, persons: &[&str], needed, rule: &str| PendingApproval {
        record_id: RecordId::from_bytes([0x63; 16]),
        peer: "es-pn".parse().unwrap(),
        agreement: "malines-2026".parse().unwrap(),
        asked_for: (act != ApprovedAct::Share)
            .then_some((Purpose::Prosecution, Offence::MigrantSmuggling)),
        act,
        purposes: [Purpose::Investigation].into(),
        persons: persons.iter().map(|name| name.parse().unwrap()).collect(),
        needed,
        rule: rule.to_owned(),
    };
    ApprovalPage {
        approvals: vec![
            listed(0x8d, ApprovedAct::Share, ApprovalState::Ended),
            listed(0x9e, court(), ApprovalState::Counts),
        ],
        pending: vec![
            waits(court(), &[], 1, "code.court-use"),
            waits(ApprovedAct::Share, &["BE-7"], 2, "code.protected-approval"),
        ],
        more_pending: false,
    }
}

pub(crate) fn approval_receipt(approval: &Approval, signed: &Envelope) -> ApprovalReceipt {
    ApprovalReceipt {
        approval: signed.payload_hash(),
        record_id: approval.record_id,
        peer: approval.peer.clone(),
        persons: vec![approval.officer.clone()],
        needed: 2,
        audit_sequence: 40_230,
    }
}

/// By the first byte of the record: own, free, permitted, not permitted; the partner is silent.
pub(crate) fn court_use(record_id: RecordId) -> CourtUseReceipt {
    let state = match record_id.as_bytes()[0] {
        0x01 => CourtUse::OwnRecord,
        0x02 => CourtUse::NotRestricted,
        0x03 => CourtUse::Permitted,
        0x04 => CourtUse::NotPermitted,
        _ => CourtUse::Unreachable,
    };
    let is_permitted = state == CourtUse::Permitted;
    let origin = if state == CourtUse::OwnRecord { "be-fedpol" } else { "es-pn" };
    CourtUseReceipt {
        record_id,
        version: Version::FIRST,
        origin: origin.parse().unwrap(),
        state,
        persons: if is_permitted { vec!["ES-12".parse().unwrap()] } else { Vec::new() },
        until: is_permitted.then(|| at(28)),
        note: if state == CourtUse::Unreachable { "no answer\u{202e} in time" } else { "" }
            .to_owned(),
        audit_sequence: 40_231,
    }
}
