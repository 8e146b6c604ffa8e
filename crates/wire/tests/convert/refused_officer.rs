//! What an officer's program and its node refuse of each other beside submissions.

use crate::refused::{TOO_LATE, good_match, one, refuses};
use crate::strategy;
use domain::report::{CaseOpening, Hit, Mode, NodeStatus, QueryReport, WithdrawalReceipt};
use domain::submission::Case;
use wire::convert::withdrawal::RecordReference;
use wire::convert::{Why, query};
use wire::v1;

#[test]
fn a_query() {
    let good = query::to_request(one(strategy::query()), Mode::Real);
    refuses(
        &good,
        query::from_request,
        &[
            ("case_id", Why::Length { bytes: 16 }, |m| m.case_id.clear()),
            ("kind", Why::Unknown, |m| m.kind = 0),
            ("fingerprints", Why::Missing, |m| m.fingerprints.clear()),
            ("fingerprints", Why::Length { bytes: 32 }, |m| m.fingerprints[0].push(0)),
            ("fingerprints", Why::TooMany { max: 1000 }, |m| {
                m.fingerprints = vec![vec![0; 32]; 1001];
            }),
            ("ask", Why::Repeated, |m| m.ask = vec!["es-pn".into(), "es-pn".into()]),
            ("ask", Why::NotWellFormed, |m| m.ask = vec!["*".into()]),
            ("ask", Why::TooMany { max: 64 }, |m| {
                m.ask = (0..65).map(|i| format!("be-{i}")).collect();
            }),
            ("urgency", Why::Unknown, |m| m.urgency = 4),
        ],
    );
}

#[test]
fn what_a_query_brought() {
    let row = |kind: v1::AnswerKind| v1::PartnerAnswer {
        agency: "es-pn".into(),
        kind: kind.into(),
        ..Default::default()
    };
    let answers = vec![
        v1::PartnerAnswer { matches: vec![good_match()], ..row(v1::AnswerKind::Match) },
        row(v1::AnswerKind::NoMatch),
        v1::PartnerAnswer { code: Some(8), ..row(v1::AnswerKind::Refused) },
        v1::PartnerAnswer { code: Some(43), ..row(v1::AnswerKind::NotAsked) },
        v1::PartnerAnswer { note: "timed-out: 10 s".into(), ..row(v1::AnswerKind::NoAnswer) },
        row(v1::AnswerKind::WouldAsk),
    ];
    let held = vec![v1::Hit::from(one(strategy::hit()))];
    let good = v1::QueryResponse { held, answers, audit_sequence: 1, allowance: None };
    refuses(
        &good,
        QueryReport::try_from,
        &[
            ("held", Why::TooMany { max: 4096 }, |m| m.held = vec![v1::Hit::default(); 4097]),
            ("answers", Why::TooMany { max: 64 }, |m| m.answers = vec![m.answers[1].clone(); 65]),
            ("kind", Why::Unknown, |m| m.answers[1].kind = 0),
            ("kind", Why::Unknown, |m| m.answers[1].kind = 7),
            ("agency", Why::NotWellFormed, |m| m.answers[1].agency.clear()),
            ("matches", Why::Missing, |m| m.answers[0].matches.clear()),
            ("matches", Why::TooMany { max: 1024 }, |m| {
                m.answers[0].matches = vec![v1::MatchSummary::default(); 1025];
            }),
            ("kind", Why::Contradictory, |m| m.answers[1].matches = vec![good_match()]),
            ("kind", Why::Contradictory, |m| m.answers[1].code = Some(8)),
            ("kind", Why::Contradictory, |m| m.answers[2].matches = vec![good_match()]),
            ("kind", Why::Contradictory, |m| m.answers[5].code = Some(8)),
            ("code", Why::Missing, |m| m.answers[2].code = None),
            ("code", Why::Missing, |m| m.answers[3].code = None),
            ("code", Why::NotForPartners, |m| m.answers[2].code = Some(43)),
            ("note", Why::Unknown, |m| m.answers[4].note = "asleep".into()),
            ("note", Why::TooLong { max: 528 }, |m| m.answers[4].note = "n".repeat(529)),
            ("note", Why::TooLong { max: 512 }, |m| m.answers[1].note = "n".repeat(513)),
            ("note", Why::NotWellFormed, |m| m.answers[1].note = "\u{7}".into()),
            ("as_of_ms", Why::OutOfRange, |m| m.answers[1].as_of_ms = TOO_LATE),
            ("origin", Why::NotWellFormed, |m| m.held[0].origin.clear()),
            ("summary", Why::Missing, |m| m.held[0].summary = None),
            ("found_at_ms", Why::OutOfRange, |m| m.held[0].found_at_ms = TOO_LATE),
            ("case_id", Why::Length { bytes: 16 }, |m| m.held[0].case_id = Some(vec![1])),
            ("record_id", Why::Length { bytes: 16 }, |m| m.held[0].record_id = Some(vec![1])),
        ],
    );
    refuses(
        &good_match(),
        domain::question::MatchSummary::try_from,
        &[
            ("slot", Why::OutOfRange, |m| m.slot = 1024),
            ("follow_up", Why::Length { bytes: 16 }, |m| m.follow_up.clear()),
            ("kind", Why::Unknown, |m| m.kind = 0),
            ("role", Why::Unknown, |m| m.role = Some(0)),
            ("content_class", Why::Unknown, |m| m.content_class = Some(0)),
            ("labels", Why::Missing, |m| m.labels = None),
            ("observed_last_ms", Why::OutOfRange, |m| m.observed_last_ms = TOO_LATE),
        ],
    );
    let page = v1::ListHitsResponse { hits: vec![one(strategy::hit()).into(); 256] };
    refuses(
        &page,
        Vec::<Hit>::try_from,
        &[("hits", Why::TooMany { max: 256 }, |m| m.hits.push(v1::Hit::default()))],
    );
}

#[test]
fn cases() {
    let case = v1::Case::from(one(strategy::case()));
    refuses(
        &case,
        Case::try_from,
        &[
            ("case_id", Why::Length { bytes: 16 }, |m| m.case_id.clear()),
            ("agreement", Why::NotWellFormed, |m| m.agreement = "x".into()),
            ("clause", Why::NotWellFormed, |m| m.clause = "4 2".into()),
            ("purpose", Why::Unknown, |m| m.purpose = 8),
            ("offence", Why::Unknown, |m| m.offence = 17),
            ("reference", Why::Missing, |m| m.reference.clear()),
            ("reference", Why::TooLong { max: 64 }, |m| m.reference = "é".repeat(65)),
            ("opened_at_ms", Why::OutOfRange, |m| m.opened_at_ms = TOO_LATE),
            ("open_until_ms", Why::OutOfRange, |m| m.open_until_ms = TOO_LATE),
        ],
    );
    let opening = v1::OpenCaseRequest::from(one(strategy::opening()));
    refuses(
        &opening,
        CaseOpening::try_from,
        &[
            ("open_days", Why::OutOfRange, |m| m.open_days = 0),
            ("open_days", Why::OutOfRange, |m| m.open_days = 367),
            ("reference", Why::TooLong { max: 64 }, |m| m.reference = "é".repeat(65)),
        ],
    );
    refuses(
        &v1::ListCasesResponse { cases: vec![case; 256] },
        Vec::<Case>::try_from,
        &[("cases", Why::TooMany { max: 256 }, |m| m.cases.push(v1::Case::default()))],
    );
    assert!(Case::try_from(v1::OpenCaseResponse { case: None }).is_err());
}

#[test]
fn a_node_and_a_withdrawal() {
    let agreement = v1::AgreementStatus {
        agreement: "malines-2026".into(),
        standing: "in force".into(),
        valid_until_ms: 1,
        parties: vec!["be-fedpol".into(), "es-pn".into()],
    };
    let partner = v1::PartnerStatus {
        agency: "es-pn".into(),
        country: "ES".into(),
        link: v1::LinkState::Up.into(),
        ..Default::default()
    };
    let good = v1::StatusResponse {
        agency: "be-fedpol".into(),
        agreements: vec![agreement; 64],
        partners: vec![partner; 256],
        upkeep: Some(v1::UpkeepStatus::default()),
        ..Default::default()
    };
    refuses(
        &good,
        NodeStatus::try_from,
        &[
            ("agency", Why::NotWellFormed, |m| m.agency.clear()),
            ("version", Why::TooLong { max: 64 }, |m| m.version = "1".repeat(65)),
            ("clock_ms", Why::OutOfRange, |m| m.clock_ms = TOO_LATE),
            ("agreements", Why::TooMany { max: 64 }, |m| {
                m.agreements.push(v1::AgreementStatus::default());
            }),
            ("partners", Why::TooMany { max: 256 }, |m| {
                m.partners.push(v1::PartnerStatus::default())
            }),
            ("standing", Why::TooLong { max: 4096 }, |m| {
                m.agreements[0].standing = "s".repeat(4097)
            }),
            ("parties", Why::Repeated, |m| m.agreements[0].parties = vec!["es-pn".into(); 2]),
            ("parties", Why::TooMany { max: 64 }, |m| {
                m.agreements[0].parties = vec!["es-pn".into(); 65];
            }),
            ("country", Why::NotWellFormed, |m| m.partners[0].country = "es".into()),
            ("link", Why::Unknown, |m| m.partners[0].link = 0),
            ("link", Why::Unknown, |m| m.partners[0].link = 4),
            ("last_sync_ms", Why::OutOfRange, |m| m.partners[0].last_sync_ms = Some(TOO_LATE)),
            ("note", Why::TooLong { max: 512 }, |m| m.partners[0].note = "n".repeat(513)),
            ("upkeep", Why::Missing, |m| m.upkeep = None),
            ("last_ms", Why::OutOfRange, |m| {
                m.upkeep = Some(v1::UpkeepStatus { last_ms: Some(TOO_LATE), ..Default::default() });
            }),
        ],
    );
    let receipt = v1::WithdrawResponse {
        record_id: vec![1; 16],
        audit_sequence: 1,
        partners: vec!["es-pn".into()],
    };
    refuses(
        &receipt,
        WithdrawalReceipt::try_from,
        &[
            ("record_id", Why::Length { bytes: 16 }, |m| m.record_id.truncate(3)),
            ("partners", Why::Repeated, |m| m.partners.push("es-pn".into())),
        ],
    );
    let request = v1::WithdrawRequest { record_id: vec![1; 3] };
    refuses(
        &request,
        RecordReference::try_from,
        &[
            ("record_id", Why::Step, |m| m.record_id.truncate(2)),
            ("record_id", Why::Step, |m| m.record_id = vec![1; 17]),
        ],
    );
}
