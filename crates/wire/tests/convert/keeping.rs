//! Corrections, histories, holds and erasures: what is said comes back, and nothing else comes in.

use crate::refused::{TOO_LATE, one, refuses};
use crate::strategy;
use domain::correction::{
    Changes, Correction, CorrectionReceipt, Difference, History, PastVersion, STATEMENT_KEYS,
};
use domain::hold::{
    HeldReading, HeldState, Hold, HoldGround, HoldOrder, HoldReceipt, HoldStanding,
};
use domain::indicator::Body;
use domain::name::{CaseId, HoldId, RecordId};
use domain::record::Version;
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{ErasureReceipt, Mode};
use domain::submission::{Repeated, Submission};
use domain::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use wire::convert::erasure::ErasureResult;
use wire::convert::hold::{HoldReference, HoldsAfter};
use wire::convert::withdrawal::RecordReference;
use wire::convert::{Invalid, Why, correction, erasure, hold};
use wire::v1;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn changes(submission: Submission, said: [bool; 6]) -> Changes {
    let (role, class) = match &submission.body {
        Body::Account(body) => (Some(body.role), None),
        Body::Content(body) => (None, Some(body.class)),
        Body::Ad(_) => (None, None),
    };
    let labels = submission.labels;
    Changes {
        purposes: said[0].then_some(submission.purposes),
        offences: said[1].then_some(submission.offences),
        tlp: said[2].then_some(labels.tlp),
        pap: said[2].then_some(labels.pap),
        handling: said[3].then_some(labels.handling),
        evaluation: said[3].then_some(labels.evaluation),
        basis: said[3].then_some(labels.basis),
        subject: said[4].then_some(submission.subject),
        age: said[4].then_some(submission.age),
        presumed_adult_reason: submission.presumed_adult_reason,
        depicts: said[4].then_some(submission.depicts),
        benefit: submission.benefit,
        audience: said[5].then_some(submission.audience),
        onward: said[5].then_some(submission.onward),
        observed_first: said[0].then_some(submission.observed_first),
        observed_last: said[1].then_some(submission.observed_last),
        valid_until: said[2].then_some(submission.valid_until),
        review_at: said[3].then_some(submission.review_at),
        role,
        class,
    }
}

fn a_correction() -> impl Strategy<Value = Correction> {
    let version = proptest::option::of(
        (any::<u32>(), 1..u32::MAX).prop_map(|(epoch, n)| Version { epoch, n }),
    );
    let said = any::<[bool; 6]>();
    (strategy::submission(), said, any::<[u8; 16]>(), version, "[a-zé ]{1,1000}").prop_map(
        |(submission, said, case, expected, reason)| Correction {
            case: CaseId::from_bytes(case),
            expected,
            reason,
            changes: changes(submission, said),
        },
    )
}

fn differences() -> impl Strategy<Value = Vec<Difference>> {
    let one = (0..STATEMENT_KEYS.len(), "[A-Zé, ]{0,80}", "[A-Zé, ]{0,80}");
    let one =
        one.prop_map(|(key, before, after)| Difference { key: STATEMENT_KEYS[key], before, after });
    vec(one, 0..=STATEMENT_KEYS.len())
}

fn standing() -> impl Strategy<Value = HoldStanding> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>(), strategy::agency());
    let words = ("[a-zé ]{1,1000}", "[a-zé ]{1,200}");
    let states = [HeldState::InUse, HeldState::Expired, HeldState::Withdrawn];
    let states = prop::sample::select(states.to_vec());
    let grounds = prop::sample::select(HoldGround::ALL.to_vec());
    (ids, words, states, grounds).prop_map(|(ids, words, state, ground)| {
        let hold = Hold {
            hold_id: HoldId::from_bytes(ids.0),
            record_id: RecordId::from_bytes(ids.1),
            origin: ids.3,
            agreement: "malines-2026".parse().unwrap(),
            case: CaseId::from_bytes(ids.2),
            reason: words.0,
            authority: words.1,
            review_at: NOW,
            placed_at: NOW,
            placed_by: "BE-1042".parse().unwrap(),
            ground,
        };
        HoldStanding { hold, state }
    })
}

fn sent<M: Message + Default + PartialEq>(message: M) -> M {
    let received = M::decode(message.encode_to_vec().as_slice()).unwrap();
    assert!(received == message);
    received
}

fn returns<M, D>(said: D) -> Result<(), TestCaseError>
where
    M: Message + Default + PartialEq + From<D>,
    D: TryFrom<M, Error = Invalid> + Clone + PartialEq + std::fmt::Debug,
{
    prop_assert_eq!(D::try_from(sent(M::from(said.clone()))), Ok(said));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn corrections(wanted in a_correction(), record: [u8; 16], dry: bool) {
        let mode = if dry { Mode::DryRun } else { Mode::Real };
        let record = RecordReference::from(RecordId::from_bytes(record));
        let request = sent(correction::to_request(record.clone(), wanted.clone(), mode));
        prop_assert_eq!(correction::from_request(request), Ok((record, wanted, mode)));
    }

    #[test]
    fn versions(differences in differences(), told in vec(strategy::agency(), 1), yes: bool) {
        let record_id = RecordId::from_bytes([7; 16]);
        returns::<v1::CorrectResponse, CorrectionReceipt>(CorrectionReceipt {
            record_id,
            version: Version { epoch: 3, n: 2 },
            repeated: if yes { Repeated::Yes } else { Repeated::No },
            audit_sequence: 9,
            differences: differences.clone(),
            outlook: Vec::new(),
            told,
        })?;
        let past = PastVersion {
            version: Version::FIRST,
            made_at: NOW,
            made_by: yes.then(|| "BE-1042".parse().unwrap()),
            reason: yes.then(|| "why".to_owned()),
            case: yes.then(|| CaseId::from_bytes([1; 16])),
            differences,
        };
        returns::<v1::HistoryResponse, History>(History { record_id, versions: vec![past; 2] })?;
    }

    #[test]
    fn holds(standing in standing(), says in differences(), differences in differences(), after: Option<([u8; 16], [u8; 16])>) {
        let Hold { hold_id, record_id, case, reason, authority, review_at, ground, .. } = standing.hold.clone();
        let order = HoldOrder { ground, case, reason, authority, review_at };
        let record = RecordReference::from(record_id);
        let request = sent(hold::to_request(record.clone(), order.clone()));
        prop_assert_eq!(hold::from_request(request), Ok((record, order)));
        let receipt = HoldReceipt { hold_id, record_id, audit_sequence: 4 };
        returns::<v1::PlaceHoldResponse, HoldReceipt>(receipt.clone())?;
        returns::<v1::LiftHoldResponse, HoldReceipt>(receipt)?;
        let reference = HoldReference::new(&hold_id.as_bytes()[..5]).unwrap();
        prop_assert!(reference.names(&hold_id));
        let lifting = sent(hold::to_lift_request(reference.clone(), "acquitted".to_owned()));
        let silent = v1::LiftHoldRequest { reason: String::new(), ..lifting.clone() };
        prop_assert!(hold::from_lift_request(silent).is_err());
        prop_assert_eq!(hold::from_lift_request(lifting), Ok((reference.clone(), "acquitted".to_owned())));
        returns::<v1::ReadHoldRequest, HoldReference>(reference)?;
        let after = after.map(|(r, h)| (RecordId::from_bytes(r), HoldId::from_bytes(h)));
        returns::<v1::ListHoldsRequest, HoldsAfter>(HoldsAfter(after))?;
        returns::<v1::ListHoldsResponse, Vec<HoldStanding>>(vec![standing.clone(); 2])?;
        let version = Version::FIRST;
        let (made_by, reason, case) = (None, None, None);
        let past = PastVersion { version, made_at: NOW, made_by, reason, case, differences };
        let older = vec![past; 2];
        let reading = HeldReading { standing, version, made_at: NOW, says, older };
        returns::<v1::ReadHoldResponse, HeldReading>(reading)?;
    }

    #[test]
    fn erasures(reason in "[a-zé ]{1,1000}", told in vec(strategy::agency(), 1), id: [u8; 16]) {
        let record_id = RecordId::from_bytes(id);
        let records = vec![RecordReference::from(record_id); 3];
        let request = sent(erasure::to_request(records.clone(), reason.clone()));
        prop_assert_eq!(erasure::from_request(request), Ok((records, reason)));
        let origin = "es-pn".parse().unwrap();
        let receipt = ErasureReceipt { record_id, origin, told, audit_sequence: 8 };
        let refusal = Refusal::by_rule(RefusalCode::UnderHold, "hold H-5f2a91c0");
        let results = vec![Ok(receipt), Err(refusal)];
        returns::<v1::EraseResponse, Vec<ErasureResult>>(results)?;
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in vec(any::<u8>(), 0..512)) {
        fn read<M: Message + Default, D>(bytes: &[u8], read: impl Fn(M) -> D) {
            if let Ok(message) = M::decode(bytes) {
                let _ = read(message);
            }
        }
        read(&bytes, correction::from_request);
        read::<v1::CorrectResponse, _>(&bytes, CorrectionReceipt::try_from);
        read::<v1::HistoryResponse, _>(&bytes, History::try_from);
        read(&bytes, hold::from_request);
        read::<v1::ListHoldsRequest, _>(&bytes, HoldsAfter::try_from);
        read::<v1::ListHoldsResponse, _>(&bytes, Vec::<HoldStanding>::try_from);
        read::<v1::ReadHoldResponse, _>(&bytes, HeldReading::try_from);
        read(&bytes, erasure::from_request);
        read::<v1::EraseResponse, _>(&bytes, Vec::<ErasureResult>::try_from);
    }
}

#[test]
fn a_correction_that_the_contract_does_not_allow() {
    let record = RecordReference::from(RecordId::from_bytes([1; 16]));
    let mut wanted = one(a_correction());
    wanted.expected = Some(Version::FIRST);
    wanted.changes.audience = Some(["es-pn".parse().unwrap()].into());
    let good = correction::to_request(record, wanted, Mode::Real);
    fn changes(message: &mut v1::CorrectRequest) -> &mut v1::Changes {
        message.changes.as_mut().unwrap()
    }
    refuses(
        &good,
        correction::from_request,
        &[
            ("record_id", Why::Step, |m| m.record_id.truncate(2)),
            ("case_id", Why::Length { bytes: 16 }, |m| m.case_id.clear()),
            ("version", Why::OutOfRange, |m| m.expected = Some(v1::Version { epoch: 1, n: 0 })),
            ("reason", Why::Missing, |m| m.reason.clear()),
            ("reason", Why::TooLong { max: 1000 }, |m| m.reason = "é".repeat(1001)),
            ("reason", Why::NotWellFormed, |m| m.reason = "a\u{1b}[2J".into()),
            ("changes", Why::Missing, |m| m.changes = None),
            ("tlp", Why::Unknown, |m| changes(m).tlp = Some(0)),
            ("age", Why::Unknown, |m| changes(m).age = Some(99)),
            ("purposes", Why::Repeated, |m| {
                changes(m).purposes = Some(v1::changes::Purposes { values: vec![3, 3] });
            }),
            ("audience", Why::NotWellFormed, |m| {
                changes(m).audience.as_mut().unwrap().agencies = vec!["*".into()];
            }),
            ("audience", Why::TooMany { max: 64 }, |m| {
                let agencies = (0..65).map(|i| format!("be-{i}")).collect();
                changes(m).audience = Some(v1::changes::Audience { agencies });
            }),
            ("valid_until_ms", Why::OutOfRange, |m| changes(m).valid_until_ms = Some(TOO_LATE)),
            ("benefit_ground", Why::TooLong { max: 200 }, |m| {
                changes(m).benefit_ground = Some("é".repeat(201));
            }),
        ],
    );
}

#[test]
fn holds_and_erasures_that_the_contract_does_not_allow() {
    let standing = one(standing());
    let page = v1::ListHoldsResponse { holds: vec![standing.clone().into(); 256] };
    refuses(
        &page,
        Vec::<HoldStanding>::try_from,
        &[
            ("holds", Why::TooMany { max: 256 }, |m| m.holds.push(v1::HoldStanding::default())),
            ("state", Why::Unknown, |m| m.holds[0].state = 0),
            ("state", Why::Unknown, |m| m.holds[0].state = 9),
            ("hold_id", Why::Length { bytes: 16 }, |m| m.holds[0].hold_id.clear()),
            ("authority", Why::TooLong { max: 200 }, |m| m.holds[0].authority = "x".repeat(201)),
            ("placed_by", Why::NotWellFormed, |m| m.holds[0].placed_by = "x y".into()),
            ("review_at_ms", Why::OutOfRange, |m| m.holds[0].review_at_ms = TOO_LATE),
        ],
    );
    let after = v1::ListHoldsRequest { after: vec![1; 32] };
    refuses(
        &after,
        HoldsAfter::try_from,
        &[("after", Why::Length { bytes: 32 }, |m| m.after.truncate(31))],
    );
    let record = RecordReference::from(RecordId::from_bytes([1; 16]));
    let good = erasure::to_request(vec![record; 256], "why".into());
    refuses(
        &good,
        erasure::from_request,
        &[
            ("record_ids", Why::Missing, |m| m.record_ids.clear()),
            ("record_ids", Why::TooMany { max: 256 }, |m| m.record_ids.push(vec![1; 16])),
            ("record_id", Why::Step, |m| m.record_ids[0].push(0)),
            ("reason", Why::Missing, |m| m.reason.clear()),
            ("reason", Why::TooLong { max: 1000 }, |m| m.reason = "x".repeat(1001)),
        ],
    );
}
