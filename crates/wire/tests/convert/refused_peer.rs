//! What nodes refuse of each other, and what is refused of the audit log.

use crate::refused::{TOO_LATE, one, refuses};
use crate::strategy;
use domain::question::PADDING_STEPS;
use sync::message::{PullMessage, PullRequest};
use wire::convert::audit::{Chunk, SignedNote};
use wire::convert::hello::{Hello, HelloReply};
use wire::convert::question::Answer;
use wire::convert::{Invalid, Why, pull, question};
use wire::v1;

#[test]
fn a_question() {
    let mut asked = one(strategy::question());
    asked.tokens.resize(16, asked.tokens[0]);
    let good = question::to_request(&asked).unwrap();
    let read = |request| question::from_request(request, asked.owner.clone());
    refuses(
        &good,
        read,
        &[
            ("terms", Why::Missing, |m| m.terms = None),
            ("agreement", Why::NotWellFormed, |m| m.terms.as_mut().unwrap().agreement.clear()),
            ("clause", Why::NotWellFormed, |m| m.terms.as_mut().unwrap().clause.clear()),
            ("purpose", Why::Unknown, |m| m.terms.as_mut().unwrap().purpose = 0),
            ("offence", Why::Unknown, |m| m.terms.as_mut().unwrap().offence = 0),
            ("kind", Why::Unknown, |m| m.terms.as_mut().unwrap().kind = 15),
            ("channel", Why::Unknown, |m| m.terms.as_mut().unwrap().channel = 4),
            ("urgency", Why::Unknown, |m| m.terms.as_mut().unwrap().urgency = 0),
            ("token_epoch", Why::Missing, |m| m.token_epoch = 0),
            ("case_commitment", Why::Length { bytes: 32 }, |m| m.case_commitment.clear()),
            ("asked_at_ms", Why::OutOfRange, |m| m.asked_at_ms = TOO_LATE),
            ("tokens", Why::Step, |m| m.tokens.clear()),
            ("tokens", Why::Step, |m| m.tokens = vec![0; 32].into()),
            ("tokens", Why::Step, |m| m.tokens = vec![0; 16 * 32 + 1].into()),
            ("tokens", Why::Step, |m| m.tokens = vec![0; 17 * 32].into()),
            ("tokens", Why::TooMany { max: 1024 }, |m| m.tokens = vec![0; 1025 * 32].into()),
        ],
    );
    for step in PADDING_STEPS {
        asked.tokens.resize(step, asked.tokens[0]);
        assert!(question::to_request(&asked).is_ok());
        asked.tokens.pop();
        let unpadded = question::to_request(&asked).unwrap_err();
        assert_eq!(unpadded, Invalid::new("tokens", Why::Step));
    }
}

#[test]
fn an_answer() {
    let matched = v1::Matched { as_of_ms: 1, matches: Some(v1::Envelope::default()) };
    let answer = Some(v1::ask_response::Answer::Matched(matched));
    refuses(
        &v1::AskResponse { answer, padding: Vec::new() },
        Answer::try_from,
        &[
            ("answer", Why::Missing, |m| m.answer = None),
            ("padding", Why::TooLong { max: 8192 }, |m| m.padding = vec![0; 8193]),
            ("as_of_ms", Why::OutOfRange, |m| {
                let matched = v1::Matched { as_of_ms: TOO_LATE, matches: None };
                m.answer = Some(v1::ask_response::Answer::Matched(matched));
            }),
            ("refused", Why::Unknown, |m| m.answer = Some(v1::ask_response::Answer::Refused(0))),
            ("refused", Why::NotForPartners, |m| {
                m.answer = Some(v1::ask_response::Answer::Refused(47));
            }),
        ],
    );
}

#[test]
fn a_pull() {
    let cursors = (0..4096_u32)
        .map(|i| v1::Cursor { class_handle: [i.to_be_bytes(); 4].concat(), position: 1 })
        .collect();
    let request = v1::PullRequest {
        agreement: "malines-2026".into(),
        incarnation: vec![1; 16],
        epoch: Some(v1::Epoch { counter: 1, random: vec![1; 16] }),
        grant_sequence: 1,
        cursors,
    };
    refuses(
        &request,
        PullRequest::try_from,
        &[
            ("agreement", Why::NotWellFormed, |m| m.agreement.clear()),
            ("incarnation", Why::Length { bytes: 16 }, |m| m.incarnation.clear()),
            ("random", Why::Length { bytes: 16 }, |m| m.epoch.as_mut().unwrap().random.clear()),
            ("cursors", Why::TooMany { max: 4096 }, |m| m.cursors.push(v1::Cursor::default())),
            ("cursors", Why::Repeated, |m| m.cursors[4095].class_handle = vec![0; 16]),
            ("cursors", Why::Length { bytes: 16 }, |m| m.cursors[0].class_handle.clear()),
        ],
    );
    let entry = v1::Entry { entry: Some(v1::entry::Entry::Leave(vec![1; 16])) };
    let response = v1::PullResponse {
        incarnation: vec![1; 16],
        epoch: Some(v1::Epoch { counter: 1, random: vec![1; 16] }),
        grant_sequence: 1,
        grants: Some(v1::GrantSet {
            class_handles: (0..4096_u32).map(|i| [i.to_be_bytes(); 4].concat()).collect(),
        }),
        section: Some(v1::Section {
            class_handle: vec![1; 16],
            from: 1,
            to: 1,
            entries: vec![entry; 512],
            sheet: None,
        }),
        up_to_date: true,
    };
    refuses(
        &response,
        PullMessage::try_from,
        &[
            ("incarnation", Why::Length { bytes: 16 }, |m| m.incarnation.push(0)),
            ("epoch", Why::Missing, |m| m.epoch = None),
            ("class_handles", Why::TooMany { max: 4096 }, |m| {
                m.grants.as_mut().unwrap().class_handles.push(vec![9; 16]);
            }),
            ("class_handles", Why::Repeated, |m| {
                m.grants.as_mut().unwrap().class_handles[4095] = vec![0; 16];
            }),
            ("class_handle", Why::Length { bytes: 16 }, |m| {
                m.section.as_mut().unwrap().class_handle.clear();
            }),
            ("to", Why::OutOfRange, |m| m.section.as_mut().unwrap().to = 0),
            ("entries", Why::TooMany { max: 512 }, |m| {
                m.section.as_mut().unwrap().entries.push(v1::Entry::default());
            }),
            ("entry", Why::Missing, |m| m.section.as_mut().unwrap().entries[0].entry = None),
            ("leave", Why::Length { bytes: 16 }, |m| {
                let leave = v1::entry::Entry::Leave(Vec::new());
                m.section.as_mut().unwrap().entries[511].entry = Some(leave);
            }),
        ],
    );
    let keys = v1::FetchTokenKeysResponse { keys: vec![v1::Envelope::default(); 2] };
    refuses(
        &keys,
        pull::from_token_keys,
        &[("keys", Why::TooMany { max: 2 }, |m| m.keys.push(v1::Envelope::default()))],
    );
    let none = v1::AcknowledgePurgeRequest { receipt: None };
    assert_eq!(pull::from_acknowledgement(none), Err(Invalid::new("receipt", Why::Missing)));
    assert!(pull::from_fetch(&v1::FetchTokenKeysRequest { agreement: "?".into() }).is_err());
    assert!(pull::from_watch(&v1::WatchRequest { agreement: "?".into() }).is_err());
}

#[test]
fn a_greeting_and_the_audit_log() {
    let hello = v1::HelloRequest { protocol_min: 1, protocol_max: 2, clock_ms: 1 };
    refuses(
        &hello,
        Hello::try_from,
        &[
            ("protocol_min", Why::Missing, |m| m.protocol_min = 0),
            ("protocol_max", Why::OutOfRange, |m| m.protocol_max = 0),
            ("clock_ms", Why::OutOfRange, |m| m.clock_ms = TOO_LATE),
        ],
    );
    let reply = v1::HelloResponse {
        protocol: 1,
        clock_ms: 1,
        incarnation: vec![1; 16],
        epoch: Some(v1::Epoch { counter: 1, random: vec![1; 16] }),
    };
    refuses(
        &reply,
        HelloReply::try_from,
        &[
            ("protocol", Why::Missing, |m| m.protocol = 0),
            ("incarnation", Why::Length { bytes: 16 }, |m| m.incarnation.clear()),
            ("epoch", Why::Missing, |m| m.epoch = None),
        ],
    );
    let head = v1::AuditHeadResponse { signed_note: "be-fedpol\n1\n".into() };
    refuses(
        &head,
        SignedNote::try_from,
        &[
            ("signed_note", Why::Missing, |m| m.signed_note.clear()),
            ("signed_note", Why::NotWellFormed, |m| m.signed_note.push('\u{1b}')),
            ("signed_note", Why::TooLong { max: 16384 }, |m| m.signed_note = "n".repeat(16385)),
        ],
    );
    let chunk = v1::AuditExportResponse { chunk: vec![0; 256 * 1024] };
    refuses(
        &chunk,
        Chunk::try_from,
        &[
            ("chunk", Why::Missing, |m| m.chunk.clear()),
            ("chunk", Why::TooLong { max: 256 * 1024 }, |m| m.chunk.push(0)),
        ],
    );
}
