//! What an officer says, and what a node answers, in the tests of the clients.

use super::*;

pub(super) fn hold_receipt(hold: u8, record: u8) -> v1::HoldReceipt {
    v1::HoldReceipt { hold_id: vec![hold; 16], record_id: vec![record; 16], audit_sequence: 9 }
}

pub(super) fn standing(hold: u8) -> HoldStanding {
    let hold = Hold {
        hold_id: HoldId::from_bytes([hold; 16]),
        record_id: RecordId::from_bytes([4; 16]),
        origin: agency("es-pn"),
        agreement: "malines-2026".parse().unwrap(),
        case: CaseId::from_bytes([1; 16]),
        reason: "needed at the trial".into(),
        authority: "the investigating judge".into(),
        review_at: NOW,
        placed_at: NOW,
        placed_by: "BE-1042".parse().unwrap(),
        ground: HoldGround::DataSubjectRequest,
    };
    HoldStanding { hold, state: HeldState::InUse }
}

pub(super) fn hold_named() -> HoldReference {
    HoldReference::new(&[8; 4]).unwrap()
}

pub(super) fn order() -> HoldOrder {
    HoldOrder {
        ground: HoldGround::SupervisoryAuthorityHold,
        case: CaseId::from_bytes([1; 16]),
        reason: "needed at the trial".into(),
        authority: "the investigating judge".into(),
        review_at: NOW,
    }
}

pub(super) fn correction() -> Correction {
    Correction {
        case: CaseId::from_bytes([1; 16]),
        expected: None,
        reason: "the account was sold".into(),
        changes: Changes::default(),
    }
}

pub(super) fn opening() -> CaseOpening {
    CaseOpening {
        agreement: "malines-2026".parse().unwrap(),
        clause: "4.2".parse().unwrap(),
        purpose: Purpose::Investigation,
        offence: Offence::MigrantSmuggling,
        reference: "MECH/2026/17".into(),
        open_days: 90,
    }
}

pub(super) fn query() -> Query {
    Query {
        case: CaseId::from_bytes([1; 16]),
        kind: Kind::Phone,
        fingerprints: vec![domain::digest::Fingerprint::from_bytes([1; 32])],
        ask: vec![agency("es-pn")],
        urgency: Urgency::Normal,
        exercise: false,
    }
}

pub(super) fn agency(text: &str) -> AgencyId {
    text.parse().unwrap()
}

pub(super) fn asked() -> Question {
    Question {
        terms: QuestionTerms {
            agreement: "malines-2026".parse().unwrap(),
            clause: "4.2".parse().unwrap(),
            purpose: Purpose::Investigation,
            offence: Offence::MigrantSmuggling,
            kind: Kind::Phone,
            channel: Way::Analyst,
            urgency: Urgency::Normal,
            exercise: false,
        },
        owner: agency("es-pn"),
        epoch: TokenEpoch(1),
        case: Commitment::from_bytes([1; 32]),
        asked_at: NOW,
        tokens: vec![Token::from_bytes([2; 32]); 16],
    }
}

pub(super) fn wanted() -> PullRequest {
    PullRequest {
        agreement: "malines-2026".parse().unwrap(),
        incarnation: [1; 16],
        epoch: None,
        grant_sequence: 0,
        cursors: Vec::new(),
    }
}

pub(super) fn node_status() -> NodeStatus {
    NodeStatus {
        agency: agency("be-fedpol"),
        version: "0.1.0".into(),
        clock: NOW,
        own_records: 3,
        audit_size: 9,
        agreements: Vec::new(),
        partners: Vec::new(),
        upkeep: domain::report::UpkeepStatus::default(),
        overdue_duties: 0,
        recovery: String::new(),
    }
}
