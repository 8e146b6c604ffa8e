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
        ground: HoldGround::EvidenceInProceedings,
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

pub(crate) fn node_status() -> NodeStatus {
    let parties: Vec<_> = ["be-fedpol", "es-pn", "fr-oltim", "ma-dgsn"]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    let agreement = |name: &str, standing: &str| AgreementStatus {
        agreement: name.parse().unwrap(),
        standing: standing.to_owned(),
        valid_until: Timestamp::from_date(2028, 1, 1).unwrap(),
        parties: parties.clone(),
    };
    let partner = |name: &str, country: &str, link, last_sync, note: &str| PartnerStatus {
        agency: name.parse().unwrap(),
        country: country.parse().unwrap(),
        link,
        records_in: 1204,
        classes_out: 7,
        last_sync,
        note: note.to_owned(),
    };
    NodeStatus {
        agency: "be-fedpol".parse().unwrap(),
        version: "0.1.0".to_owned(),
        clock: at(21),
        own_records: 1,
        audit_size: 40_213,
        upkeep: UpkeepStatus {
            last: Some(at(21).minus_ms(1_800_000)),
            overdue: 0,
            reviews_due: 1,
            note: String::new(),
        },
        overdue_duties: 2,
        recovery: String::new(),
        agreements: vec![
            agreement("malines-2026", "in force"),
            agreement("malines-2027", "waiting for ma-dgsn"),
        ],
        partners: vec![
            partner("es-pn", "ES", Link::Up, Some(at(21).minus_ms(5_000)), ""),
            partner("fr-oltim", "FR", Link::Connecting, None, ""),
            partner(
                "ma-dgsn",
                "MA",
                Link::Down,
                Some(at(20)),
                "certificate refused\u{1b}[2J since 11:02",
            ),
        ],
    }
}

/// Two pages: the second has one duty.
pub(crate) fn duties(after: Option<Vec<u8>>) -> Vec<ListedDuty> {
    let of = |place: u8, debtor, agency: &str, asked, since: u64, due| ListedDuty {
        place: vec![place],
        duty: Duty {
            debtor,
            agency: agency.parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            record_id: RecordId::from_bytes([0x50 + place; 16]),
            asked,
            version: (asked == Asked::Correction).then_some(Version { epoch: 1, n: 2 }),
            since: at(since),
            due,
            handle: None,
            kept_until: None,
        },
    };
    let (partner, ours) = (Debtor::Partner, Debtor::Ourselves);
    let mut kept = of(5, partner, "es-pn", Asked::Erasure, 2, at(30));
    kept.duty.kept_until = Some(at(30));
    match after.as_deref() {
        None => vec![
            of(1, partner, "ma-dgsn", Asked::Withdrawal, 8, at(15)),
            of(2, ours, "fr-oltim", Asked::DisputeAnswer, 18, at(21)),
            of(3, partner, "es-pn", Asked::Correction, 19, at(26)),
            of(4, partner, "es-pn", Asked::DisputeAnswer, 20, at(23)),
            kept,
        ],
        Some([5]) => vec![of(6, ours, "be-fedpol", Asked::Remedy, 20, at(27))],
        Some(_) => Vec::new(),
    }
}

/// Of a record that begins with `0f` we are the originator ourselves.
pub(crate) fn dispute_receipt(record_id: RecordId) -> Result<DisputeReceipt, Status> {
    if record_id.as_bytes()[0] == 0x0f {
        let own = Refusal::new(RefusalCode::OriginMismatch);
        return Err(to_status(&own, Reader::Officer));
    }
    let repeated = if record_id.as_bytes()[0] == 0xab { Repeated::Yes } else { Repeated::No };
    let origin = "es-pn".parse().unwrap();
    Ok(DisputeReceipt { record_id, origin, due: at(24), repeated, audit_sequence: 40_220 })
}

pub(crate) fn answer_receipt(record_id: RecordId, verdict: Verdict) -> AnswerReceipt {
    AnswerReceipt {
        record_id,
        verdict,
        told: vec!["es-pn".parse().unwrap(), "fr-oltim".parse().unwrap()],
        version: Version { epoch: 1, n: 3 },
        matching: (verdict == Verdict::Upheld).then_some(MatchingStop::Disputed),
        audit_sequence: 40_221,
    }
}

pub(crate) fn disputes() -> Vec<PlacedDispute> {
    let of = |place: u8, side, partner: &str, state, due| PlacedDispute {
        place: vec![place],
        dispute: ListedDispute {
            side,
            partner: partner.parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            record_id: RecordId::from_bytes([0x60 + place; 16]),
            version: Version { epoch: 1, n: 2 },
            reason: DisputeReason::WrongPerson,
            note: Some(Note::new("the shop, not him").unwrap()),
            at: at(17),
            due,
            state,
            rejection: None,
            answer_note: None,
        },
    };
    let (raised, received) = (DisputeSide::Raised, DisputeSide::Received);
    let mut rejected = of(3, raised, "es-pn", DisputeState::Rejected, at(20));
    rejected.dispute.rejection = Some(RejectionReason::RightPerson);
    rejected.dispute.answer_note = Some(Note::new("seen with his papers").unwrap());
    vec![
        of(1, raised, "ma-dgsn", DisputeState::Waiting, at(23)),
        of(2, raised, "fr-oltim", DisputeState::Upheld, at(20)),
        rejected,
        of(4, received, "es-pn", DisputeState::Open, at(20)),
    ]
}
