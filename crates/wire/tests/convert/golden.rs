//! Bytes that another encoder made from the contract are read to the same words, for ever.

use domain::court_use::PermissionQuestion;
use domain::digest::{Commitment, Fingerprint};
use domain::envelope::{Algorithm, Envelope, EnvelopeSignature};
use domain::indicator::{AccountBody, Body, ContentBody, Kind, NormalisationVersion};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::name::{CaseId, ClassHandle, ClusterId, IdempotencyKey, KeyId, RecordId};
use domain::question::{Question, QuestionTerms};
use domain::record::{Benefit, Version};
use domain::report::Mode;
use domain::submission::Submission;
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use domain::value::*;
use prost::Message;
use std::collections::BTreeSet;
use sync::message::{Entry, Epoch, PullMessage, Section, UpToDate};
use wire::convert::{court_use, question, submission};
use wire::v1;

fn golden(message: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wire/messages.json");
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = vectors["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["message"] == format!("malines.v1.{message}")).unwrap();
    let hex = row["hex"].as_str().unwrap();
    let mut bytes = vec![0; hex.len() / 2];
    domain::hexadecimal::decode(hex.as_bytes(), &mut bytes).unwrap();
    bytes
}

/// Written by us it is the same message; the order of the fields is each encoder's own affair.
fn same_message<M: Message + Default + PartialEq + std::fmt::Debug>(ours: M, golden: &[u8]) {
    let bytes = ours.encode_to_vec();
    assert_eq!(bytes.len(), golden.len());
    assert_eq!(M::decode(bytes.as_slice()), M::decode(golden));
}

fn at(unix_ms: u64) -> Timestamp {
    Timestamp::from_millis(unix_ms)
}

fn envelope(payload: &[u8], kind: &str) -> Envelope {
    Envelope {
        payload: payload.to_vec(),
        payload_type: format!("application/vnd.malines.{kind}.v1+cbor"),
        signatures: vec![EnvelopeSignature {
            key_id: KeyId::from_bytes([0xa1; 16]),
            algorithm: Algorithm::Ed25519,
            signature: [0x5a; 64],
        }],
    }
}

#[test]
fn ask_request() {
    let expected = Question {
        terms: QuestionTerms {
            agreement: "malines-2026".parse().unwrap(),
            clause: "4.2".parse().unwrap(),
            purpose: Purpose::Investigation,
            offence: Offence::MigrantSmuggling,
            kind: Kind::Phone,
            channel: Channel::Analyst,
            urgency: Urgency::Urgent,
            exercise: false,
        },
        owner: "es-pn".parse().unwrap(),
        epoch: TokenEpoch(3),
        case: Commitment::from_bytes([0xc0; 32]),
        asked_at: at(1_795_000_000_123),
        tokens: (0..16).map(|i| Token::from_bytes([i; 32])).collect(),
    };
    let bytes = golden("AskRequest");
    let request = v1::AskRequest::decode(bytes.as_slice()).unwrap();
    let read = question::from_request(request, "es-pn".parse().unwrap());
    assert_eq!(read, Ok(expected.clone()));
    same_message(question::to_request(&expected).unwrap(), &bytes);
}

#[test]
fn pull_response() {
    let (one, other) = (ClassHandle::from_bytes([0x33; 16]), ClassHandle::from_bytes([0x44; 16]));
    let expected = PullMessage {
        incarnation: [0x11; 16],
        epoch: Epoch { counter: 2, random: [0x22; 16] },
        grant_sequence: 7,
        grants: Some(vec![one, other]),
        section: Some(Section {
            handle: one,
            from: 5,
            to: 9,
            entries: vec![
                Entry::Add(envelope(&[0xa0], "record")),
                Entry::Leave(RecordId::from_bytes([0x66; 16])),
                Entry::Retract(envelope(&[0xa1, 1, 1], "tombstone")),
            ],
            sheet: Some(envelope(&[0xa2], "token-sheet")),
        }),
        up_to_date: UpToDate::Yes,
    };
    let bytes = golden("PullResponse");
    let response = v1::PullResponse::decode(bytes.as_slice()).unwrap();
    assert_eq!(PullMessage::try_from(response), Ok(expected.clone()));
    same_message(crate::released::share(expected, "es-pn").unwrap(), &bytes);
}

#[test]
fn submit_request() {
    let account = Submission {
        idempotency_key: IdempotencyKey::from_bytes([0x01; 16]),
        case: Some(CaseId::from_bytes([0x02; 16])),
        agreement: "malines-2026".parse().unwrap(),
        kind: Kind::Handle,
        body: Body::Account(AccountBody {
            platform: Some(Platform::Telegram),
            role: Role::Advertiser,
            handle_from: Some(at(1_790_000_000_000)),
            handle_until: Some(at(1_794_000_000_000)),
            cluster: ClusterId::from_bytes([0x03; 16]),
        }),
        x: Fingerprint::from_bytes([0x04; 32]),
        purposes: BTreeSet::from([Purpose::Investigation, Purpose::Prosecution]),
        offences: BTreeSet::from([Offence::MigrantSmuggling]),
        labels: Labels {
            tlp: Tlp::Amber,
            pap: Pap::Green,
            handling: HandlingSet::EMPTY.with(Handling::H0).with(Handling::H1),
            evaluation: Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2).unwrap(),
            basis: Basis::Fact,
        },
        subject: Subject::SuspectFacilitator,
        age: Age::PresumedAdult,
        presumed_adult_reason: Some("signs contracts as the owner".into()),
        depicts: Depicts::Nobody,
        benefit: Some(Benefit { ground: "a price for each seat".into() }),
        audience: BTreeSet::from(["es-pn".parse().unwrap(), "fr-oltim".parse().unwrap()]),
        onward: Onward::WithinParties,
        observed_first: at(1_790_000_000_000),
        observed_last: at(1_794_000_000_000),
        valid_until: at(1_820_000_000_000),
        review_at: at(1_796_000_000_000),
        normalisation: NormalisationVersion(1),
        action_intent: ActionIntent::Observe,
        exercise: false,
    };
    let file = Submission {
        idempotency_key: IdempotencyKey::from_bytes([0x11; 16]),
        case: None,
        kind: Kind::Sha256,
        body: Body::Content(ContentBody {
            media: Media::Image,
            class: ContentClass::ProofOfCrossing,
            linked_ad: Some(RecordId::from_bytes([0x12; 16])),
            cluster: ClusterId::from_bytes([0x13; 16]),
        }),
        x: Fingerprint::from_bytes([0x14; 32]),
        purposes: BTreeSet::from([Purpose::Investigation]),
        offences: BTreeSet::from([Offence::DocumentFraud]),
        labels: Labels {
            tlp: Tlp::Red,
            pap: Pap::Red,
            handling: HandlingSet::EMPTY,
            evaluation: Evaluation::new(EvaluationScheme::Admiralty, 'F', 6).unwrap(),
            basis: Basis::Assessment,
        },
        subject: Subject::None,
        age: Age::NotApplicable,
        presumed_adult_reason: None,
        depicts: Depicts::Adults,
        benefit: None,
        audience: BTreeSet::new(),
        onward: Onward::Never,
        observed_last: at(1_790_000_000_000),
        valid_until: at(1_800_000_000_000),
        action_intent: ActionIntent::None,
        exercise: true,
        ..account.clone()
    };
    let bytes = golden("SubmitRequest");
    let request = v1::SubmitRequest::decode(bytes.as_slice()).unwrap();
    let expected = vec![account, file];
    assert_eq!(submission::from_request(request), Ok((expected.clone(), Mode::DryRun)));
    same_message(submission::to_request(expected, Mode::DryRun).unwrap(), &bytes);
}

#[test]
fn ask_permission_request() {
    let expected = PermissionQuestion {
        terms: QuestionTerms {
            agreement: "malines-2026".parse().unwrap(),
            clause: "4.2".parse().unwrap(),
            purpose: Purpose::Prosecution,
            offence: Offence::MigrantSmuggling,
            kind: Kind::Url,
            channel: Channel::Analyst,
            urgency: Urgency::Normal,
            exercise: false,
        },
        record_id: RecordId::from_bytes([1; 16]),
        version: Version::FIRST,
        case_reference: "PN 2026/17".to_owned(),
    };
    let bytes = golden("AskPermissionRequest");
    let request = v1::AskPermissionRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(court_use::from_question(request), Ok(expected.clone()));
    same_message(court_use::to_question(expected), &bytes);
}
