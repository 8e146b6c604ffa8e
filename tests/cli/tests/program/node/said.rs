//! What the node with fixed answers holds.

use super::*;

/// The record or hold that begins so; one that begins with `ff` is not there.
pub(crate) fn known(first_bytes: &[u8]) -> Result<RecordId, Status> {
    match first_bytes[0] {
        0xff => Err(to_status(&Refusal::new(RefusalCode::NotHeld), Reader::Officer)),
        _ => Ok(filled(first_bytes)),
    }
}

pub(crate) fn filled(first_bytes: &[u8]) -> RecordId {
    let mut bytes = [0; 16];
    bytes[..first_bytes.len()].copy_from_slice(first_bytes);
    RecordId::from_bytes(bytes)
}

pub(crate) fn hold_standing() -> HoldStanding {
    let hold = Hold {
        hold_id: HoldId::from_bytes([0x88; 16]),
        record_id: RecordId::from_bytes([0x5f; 16]),
        origin: "es-pn".parse().unwrap(),
        agreement: "malines-2026".parse().unwrap(),
        case: CaseId::from_bytes([12; 16]),
        reason: "exhibit of the trial".to_owned(),
        authority: "investigating judge, Brussels".to_owned(),
        review_at: at(20),
        placed_at: at(3),
        placed_by: "BE-1042".parse().unwrap(),
    };
    HoldStanding { hold, state: HeldState::Withdrawn }
}

pub(crate) fn hold_receipt(record_id: RecordId, audit_sequence: u64) -> HoldReceipt {
    HoldReceipt { hold_id: hold_standing().hold.hold_id, record_id, audit_sequence }
}

pub(crate) fn case(number: u32) -> Case {
    Case {
        case_id: CaseId::from_bytes([u8::try_from(number).unwrap(); 16]),
        number,
        agreement: "malines-2026".parse().unwrap(),
        clause: "4.2".parse().unwrap(),
        purpose: Purpose::Investigation,
        offence: Offence::MigrantSmuggling,
        reference: format!("26-118-{number:05}"),
        opened_at: at(1),
        open_until: at(30).plus_days(60),
    }
}

pub(crate) fn summary(kind: Kind, slot: u32) -> MatchSummary {
    MatchSummary {
        slot,
        follow_up: RecordId::from_bytes([0xc7; 16]),
        kind,
        role: Some(Role::Advertiser),
        class: None,
        tlp: Tlp::Amber,
        pap: Pap::Amber,
        handling: HandlingSet::EMPTY.with(Handling::H1),
        evaluation: Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2).unwrap(),
        basis: Basis::Fact,
        observed_last: Timestamp::from_date(2026, 10, 30).unwrap(),
    }
}

pub(crate) fn hit(kind: Kind, origin: &str, number: u32) -> Hit {
    Hit {
        origin: origin.parse().unwrap(),
        summary: summary(kind, 0),
        found_at: at(20),
        case: Some(CaseId::from_bytes([u8::try_from(number).unwrap(); 16])),
        record_id: Some(RecordId::from_bytes([0x5f; 16])),
    }
}
