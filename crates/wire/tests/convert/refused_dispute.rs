//! What is refused of disputes, between nodes and between an officer and the node.

use crate::refused::{TOO_LATE, one, refuses};
use crate::strategy;
use wire::convert::dispute::{DisputesAfter, PlacedDispute};
use wire::convert::withdrawal::RecordReference;
use wire::convert::{Why, dispute};
use wire::v1;

fn named() -> RecordReference {
    RecordReference::new(&[4; 4]).unwrap()
}

#[test]
fn what_was_signed() {
    let raise = v1::RaiseDisputeRequest { dispute: Some(v1::Envelope::default()) };
    refuses(&raise, dispute::from_raise, &[("dispute", Why::Missing, |m| m.dispute = None)]);
    let answer = v1::AnswerDisputeRequest { answer: Some(v1::Envelope::default()) };
    refuses(&answer, dispute::from_answer, &[("answer", Why::Missing, |m| m.answer = None)]);
}

#[test]
fn what_an_officer_says() {
    let order = dispute::to_request(named(), one(strategy::dispute_order()));
    refuses(
        &order,
        dispute::from_request,
        &[
            ("record_id", Why::Step, |m| m.record_id.truncate(2)),
            ("case_id", Why::Length { bytes: 16 }, |m| m.case_id.clear()),
            ("reason", Why::Unknown, |m| m.reason = 0),
            ("reason", Why::Unknown, |m| m.reason = 5),
            ("note", Why::TooLong { max: 200 }, |m| m.note = "n".repeat(201)),
            ("note", Why::NotWellFormed, |m| m.note = "call 0199 00 12".into()),
            ("note", Why::NotWellFormed, |m| m.note = "@boats".into()),
            ("note", Why::NotWellFormed, |m| m.note = "a\nb".into()),
        ],
    );
    let upheld =
        v1::RuleOnDisputesRequest { record_id: vec![4; 4], verdict: 1, ..Default::default() };
    refuses(
        &upheld,
        dispute::from_ruling,
        &[
            ("verdict", Why::Unknown, |m| m.verdict = 0),
            ("verdict", Why::Unknown, |m| m.verdict = 3),
            ("reason", Why::Unknown, |m| m.reason = Some(0)),
            ("reason", Why::Contradictory, |m| m.reason = Some(1)),
            ("reason", Why::Contradictory, |m| m.verdict = 2),
            ("note", Why::NotWellFormed, |m| m.note = "https://a.example".into()),
        ],
    );
}

#[test]
fn a_list_of_disputes() {
    let mut good = v1::DisputeStanding::from(one(strategy::placed_dispute()));
    good.rejection = Some(1);
    refuses(
        &good,
        PlacedDispute::try_from,
        &[
            ("place", Why::Step, |m| m.place.clear()),
            ("place", Why::Step, |m| m.place = vec![0; 257]),
            ("side", Why::Unknown, |m| m.side = 3),
            ("partner", Why::NotWellFormed, |m| m.partner.clear()),
            ("agreement", Why::NotWellFormed, |m| m.agreement = "x".into()),
            ("record_id", Why::Length { bytes: 16 }, |m| m.record_id.clear()),
            ("version", Why::Missing, |m| m.version = None),
            ("reason", Why::Unknown, |m| m.reason = 0),
            ("note", Why::NotWellFormed, |m| m.note = "@".into()),
            ("at_ms", Why::OutOfRange, |m| m.at_ms = TOO_LATE),
            ("due_ms", Why::OutOfRange, |m| m.due_ms = TOO_LATE),
            ("state", Why::Unknown, |m| m.state = 0),
            ("rejection", Why::Unknown, |m| m.rejection = Some(9)),
            ("answer_note", Why::TooLong { max: 200 }, |m| m.answer_note = "n".repeat(201)),
        ],
    );
    let page = v1::ListDisputesResponse { disputes: vec![good; 256] };
    refuses(
        &page,
        Vec::<PlacedDispute>::try_from,
        &[("disputes", Why::TooMany { max: 256 }, |m| m.disputes.push(Default::default()))],
    );
    refuses(
        &v1::ListDisputesRequest { after: vec![1; 256] },
        DisputesAfter::try_from,
        &[("after", Why::TooLong { max: 256 }, |m| m.after.push(0))],
    );
}
