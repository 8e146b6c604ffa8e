//! What the contract does not allow is refused, with the right code, and names no value: records
//! and submissions.

use crate::strategy;
use domain::envelope::{Envelope, PAYLOAD_BYTES_MAX};
use domain::label::Labels;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::time::Timestamp;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use wire::convert::submission::SubmissionResult;
use wire::convert::{Invalid, Why, submission};
use wire::v1;

/// One value of a strategy, always the same.
pub(crate) fn one<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> T {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).unwrap().current()
}

/// Each row spoils a good message in one way: (field, rule, how).
pub(crate) type Rows<'a, M> = &'a [(&'a str, Why, fn(&mut M))];

pub(crate) fn refuses<M: Clone, D: std::fmt::Debug>(
    good: &M,
    read: impl Fn(M) -> Result<D, Invalid>,
    rows: Rows<'_, M>,
) {
    read(good.clone()).expect("the message is good before it is spoilt");
    for (what, why, spoil) in rows {
        let mut bad = good.clone();
        spoil(&mut bad);
        let invalid = read(bad).expect_err(what);
        assert_eq!((invalid.what, invalid.why), (*what, *why));
        let large = matches!(why, Why::TooMany { .. } | Why::TooLong { .. });
        let code = if large { RefusalCode::TooLarge } else { RefusalCode::Malformed };
        assert_eq!(invalid.code(), code);
    }
}

pub(crate) const TOO_LATE: u64 = Timestamp::MAX.as_millis() + 1;

fn good_submission() -> v1::SubmitRequest {
    let mut one = one(strategy::submission());
    one.presumed_adult_reason = Some("a reason".into());
    submission::to_request(vec![one], Mode::Real).unwrap()
}

pub(crate) fn good_match() -> v1::MatchSummary {
    one(strategy::summary()).into()
}

#[test]
fn a_body() {
    let account = v1::AccountBody {
        platform: Some(1),
        role: 1,
        handle_from_ms: Some(1),
        handle_until_ms: Some(2),
        cluster: vec![1; 16],
    };
    refuses(
        &account,
        domain::indicator::AccountBody::try_from,
        &[
            ("platform", Why::Unknown, |m| m.platform = Some(0)),
            ("platform", Why::Unknown, |m| m.platform = Some(12)),
            ("role", Why::Unknown, |m| m.role = 9),
            ("handle_from_ms", Why::OutOfRange, |m| m.handle_from_ms = Some(TOO_LATE)),
            ("handle_until_ms", Why::OutOfRange, |m| m.handle_until_ms = Some(TOO_LATE)),
            ("cluster", Why::Length { bytes: 16 }, |m| m.cluster.clear()),
        ],
    );
    let content =
        v1::ContentBody { media: 1, class: 1, linked_ad: Some(vec![1; 16]), cluster: vec![1; 16] };
    refuses(
        &content,
        domain::indicator::ContentBody::try_from,
        &[
            ("media", Why::Unknown, |m| m.media = 6),
            ("class", Why::Unknown, |m| m.class = 10),
            ("linked_ad", Why::Length { bytes: 16 }, |m| m.linked_ad = Some(Vec::new())),
            ("cluster", Why::Length { bytes: 16 }, |m| m.cluster = vec![0; 17]),
        ],
    );
}

#[test]
fn labels() {
    let evaluation = v1::Evaluation { scheme: 1, source: "B".into(), information: 2 };
    let good =
        v1::Labels { tlp: 1, pap: 1, handling: vec![1], evaluation: Some(evaluation), basis: 1 };
    refuses(
        &good,
        Labels::try_from,
        &[
            ("tlp", Why::Unknown, |m| m.tlp = 6),
            ("pap", Why::Unknown, |m| m.pap = 5),
            ("handling", Why::Repeated, |m| m.handling = vec![4, 4]),
            ("handling", Why::TooMany { max: 4 }, |m| m.handling = vec![1; 5]),
            ("handling", Why::Unknown, |m| m.handling = vec![5]),
            ("evaluation", Why::Missing, |m| m.evaluation = None),
            ("scheme", Why::Unknown, |m| m.evaluation.as_mut().unwrap().scheme = 3),
            ("source", Why::Length { bytes: 1 }, |m| m.evaluation.as_mut().unwrap().source.clear()),
            ("source", Why::Length { bytes: 1 }, |m| {
                m.evaluation.as_mut().unwrap().source.push('B')
            }),
            ("evaluation", Why::OutOfRange, |m| m.evaluation.as_mut().unwrap().source = "D".into()),
            ("evaluation", Why::OutOfRange, |m| m.evaluation.as_mut().unwrap().information = 5),
            ("information", Why::OutOfRange, |m| m.evaluation.as_mut().unwrap().information = 258),
            ("basis", Why::Unknown, |m| m.basis = 3),
        ],
    );
}

#[test]
fn an_envelope() {
    let signature = v1::Signature { key_id: vec![1; 16], algorithm: 1, signature: vec![2; 64] };
    let good = v1::Envelope {
        payload: vec![7; PAYLOAD_BYTES_MAX],
        payload_type: "t".repeat(64),
        signatures: vec![signature; 16],
    };
    refuses(
        &good,
        Envelope::try_from,
        &[
            ("payload", Why::TooLong { max: PAYLOAD_BYTES_MAX }, |m| m.payload.push(0)),
            ("payload_type", Why::TooLong { max: 64 }, |m| m.payload_type.push('t')),
            ("signatures", Why::TooMany { max: 16 }, |m| {
                m.signatures.push(v1::Signature::default());
            }),
            ("key_id", Why::Length { bytes: 16 }, |m| m.signatures[0].key_id.truncate(15)),
            ("algorithm", Why::Unknown, |m| m.signatures[15].algorithm = 0),
            ("algorithm", Why::Unknown, |m| m.signatures[15].algorithm = 2),
            ("signature", Why::Length { bytes: 64 }, |m| m.signatures[0].signature.push(0)),
        ],
    );
}

#[test]
fn a_submission() {
    type M = v1::SubmitRequest;
    let rows: Rows<'_, M> = &[
        ("submissions", Why::TooMany { max: 512 }, |m| {
            m.submissions = vec![v1::Submission::default(); 513];
        }),
        ("body", Why::Missing, |m| m.submissions[0].body = None),
        ("idempotency_key", Why::Length { bytes: 16 }, |m| {
            m.submissions[0].idempotency_key.push(0);
        }),
        ("case_id", Why::Length { bytes: 16 }, |m| m.submissions[0].case_id = Some(Vec::new())),
        ("agreement", Why::NotWellFormed, |m| m.submissions[0].agreement = "A B".into()),
        ("agreement", Why::NotWellFormed, |m| m.submissions[0].agreement.clear()),
        ("kind", Why::Unknown, |m| m.submissions[0].kind = 0),
        ("kind", Why::Unknown, |m| m.submissions[0].kind = 15),
        ("kind", Why::Unknown, |m| m.submissions[0].kind = i32::MIN),
        ("fingerprint", Why::Length { bytes: 32 }, |m| {
            m.submissions[0].fingerprint.truncate(31);
        }),
        ("purposes", Why::Unknown, |m| m.submissions[0].purposes = vec![1, 0]),
        ("purposes", Why::Repeated, |m| m.submissions[0].purposes = vec![2, 1, 2]),
        ("purposes", Why::TooMany { max: 7 }, |m| m.submissions[0].purposes = vec![1; 8]),
        ("offences", Why::Repeated, |m| m.submissions[0].offences = vec![16, 16]),
        ("offences", Why::TooMany { max: 16 }, |m| m.submissions[0].offences = vec![1; 17]),
        ("labels", Why::Missing, |m| m.submissions[0].labels = None),
        ("subject", Why::Unknown, |m| m.submissions[0].subject = 9),
        ("age", Why::Unknown, |m| m.submissions[0].age = 0),
        ("presumed_adult_reason", Why::Missing, |m| {
            m.submissions[0].presumed_adult_reason = Some(String::new());
        }),
        ("presumed_adult_reason", Why::TooLong { max: 1000 }, |m| {
            m.submissions[0].presumed_adult_reason = Some("é".repeat(1001));
        }),
        ("depicts", Why::Unknown, |m| m.submissions[0].depicts = 5),
        ("benefit_ground", Why::TooLong { max: 200 }, |m| {
            m.submissions[0].benefit_ground = Some("é".repeat(201));
        }),
        ("benefit_ground", Why::NotWellFormed, |m| {
            m.submissions[0].benefit_ground = Some("a\u{1b}[2J".into());
        }),
        ("audience", Why::Repeated, |m| {
            m.submissions[0].audience = vec!["es-pn".into(), "es-pn".into()];
        }),
        ("audience", Why::NotWellFormed, |m| m.submissions[0].audience = vec!["ES-PN".into()]),
        ("audience", Why::TooMany { max: 64 }, |m| {
            m.submissions[0].audience = (0..65).map(|i| format!("be-{i}")).collect();
        }),
        ("onward", Why::Unknown, |m| m.submissions[0].onward = 4),
        ("observed_first_ms", Why::OutOfRange, |m| m.submissions[0].observed_first_ms = TOO_LATE),
        ("observed_last_ms", Why::OutOfRange, |m| m.submissions[0].observed_last_ms = u64::MAX),
        ("valid_until_ms", Why::OutOfRange, |m| m.submissions[0].valid_until_ms = TOO_LATE),
        ("review_at_ms", Why::OutOfRange, |m| m.submissions[0].review_at_ms = TOO_LATE),
        ("action_intent", Why::Unknown, |m| m.submissions[0].action_intent = 6),
    ];
    refuses(&good_submission(), submission::from_request, rows);
}

#[test]
fn receipts_and_refusals() {
    let receipt = v1::SubmitReceipt {
        record_id: vec![1; 16],
        outlook: vec![v1::Outlook {
            agency: "es-pn".into(),
            fate: v1::Fate::Stays.into(),
            code: Some(42),
            rule: "be.7".into(),
        }],
        ..Default::default()
    };
    refuses(
        &receipt,
        domain::submission::SubmissionReceipt::try_from,
        &[
            ("record_id", Why::Length { bytes: 16 }, |m| m.record_id.clear()),
            ("outlook", Why::TooMany { max: 64 }, |m| m.outlook = vec![m.outlook[0].clone(); 65]),
            ("hits", Why::TooMany { max: 4096 }, |m| m.hits = vec![v1::Hit::default(); 4097]),
            ("agency", Why::NotWellFormed, |m| m.outlook[0].agency.clear()),
            ("fate", Why::Unknown, |m| m.outlook[0].fate = 0),
            ("fate", Why::Unknown, |m| m.outlook[0].fate = 5),
            ("code", Why::Missing, |m| m.outlook[0].code = None),
            ("code", Why::Unknown, |m| m.outlook[0].code = Some(31)),
            ("code", Why::Contradictory, |m| m.outlook[0].fate = v1::Fate::Leaves.into()),
            ("rule", Why::TooLong { max: 96 }, |m| m.outlook[0].rule = "r".repeat(97)),
        ],
    );
    let refused = v1::submit_result::Result::Refused(v1::Refused { code: 35, rule: "c".into() });
    let results = vec![v1::SubmitResult { result: Some(refused) }];
    refuses(
        &v1::SubmitResponse { results },
        Vec::<SubmissionResult>::try_from,
        &[
            ("results", Why::TooMany { max: 512 }, |m| m.results = vec![m.results[0].clone(); 513]),
            ("result", Why::Missing, |m| m.results[0].result = None),
            ("code", Why::Unknown, |m| {
                let refused = v1::Refused { code: 0, rule: String::new() };
                m.results[0].result = Some(v1::submit_result::Result::Refused(refused));
            }),
        ],
    );
}

/// An advertisement has no place in this version of the contract: it is not sent as something else.
#[test]
fn an_advertisement_is_not_sent() {
    let mut submission = one(strategy::submission());
    submission.body = domain::indicator::Body::Ad(domain::indicator::AdBody {
        language: "fr".into(),
        script: "Latn".into(),
        length: domain::indicator::LengthClass::Short,
        services: Vec::new(),
        transports: Vec::new(),
        claims: Vec::new(),
        route: None,
        price_from_eur: None,
        price_to_eur: None,
        date_from: None,
        date_to: None,
        template: None,
        linked_content: Vec::new(),
        cluster: domain::name::ClusterId::from_bytes([1; 16]),
    });
    let invalid = submission::to_request(vec![submission], Mode::Real).unwrap_err();
    assert_eq!(invalid, Invalid::new("body", Why::NotSendable));
}
