//! Everything that can be said comes back as it was said, through the bytes of the network.

use crate::strategy::*;
use domain::dispute::{AnswerReceipt, DisputeReceipt, LiftReceipt};
use domain::envelope::Envelope;
use domain::label::Labels;
use domain::report::{CaseOpening, Hit, Mode, NodeStatus, QueryReport, WithdrawalReceipt};
use domain::submission::Case;
use proptest::prelude::*;
use prost::Message;
use sync::message::{Epoch, PullMessage, PullRequest, Section};
use wire::convert::audit::{Chunk, SignedNote};
use wire::convert::dispute::{DisputesAfter, PlacedDispute};
use wire::convert::duty::{DutiesAfter, ListedDuty};
use wire::convert::hello::{Hello, HelloReply};
use wire::convert::query::HitsAfter;
use wire::convert::submission::SubmissionResult;
use wire::convert::withdrawal::RecordReference;
use wire::convert::{Invalid, dispute, duty, pull, query, question, submission};
use wire::v1;

/// Through the bytes.
fn sent<M: Message + Default + PartialEq>(message: M) -> M {
    let received = M::decode(message.encode_to_vec().as_slice()).unwrap();
    assert!(received == message);
    received
}

/// Domain to message to bytes to message to domain.
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
    fn envelopes_and_labels(envelope in envelope(), labels in labels()) {
        returns::<v1::Envelope, Envelope>(envelope)?;
        returns::<v1::Labels, Labels>(labels)?;
    }

    #[test]
    fn cases(case in case(), opening in opening(), after: Option<[u8; 16]>) {
        returns::<v1::Case, Case>(case.clone())?;
        returns::<v1::OpenCaseResponse, Case>(case.clone())?;
        returns::<v1::ListCasesResponse, Vec<Case>>(vec![case.clone(), case])?;
        returns::<v1::OpenCaseRequest, CaseOpening>(opening)?;
        let after = after.map(domain::name::RecordId::from_bytes);
        returns::<v1::ListHitsRequest, HitsAfter>(HitsAfter(after))?;
    }

    #[test]
    fn submissions(one in submission(), other in submission(), dry: bool) {
        let mode = if dry { Mode::DryRun } else { Mode::Real };
        let request = submission::to_request(vec![one.clone(), other.clone()], mode).unwrap();
        let back = submission::from_request(sent(request));
        prop_assert_eq!(back, Ok((vec![one, other], mode)));
    }

    #[test]
    fn submission_results(results in results()) {
        returns::<v1::SubmitResponse, Vec<SubmissionResult>>(results)?;
    }

    #[test]
    fn queries(query in query(), dry: bool, report in report(), hit in hit()) {
        let mode = if dry { Mode::DryRun } else { Mode::Real };
        let back = query::from_request(sent(query::to_request(query.clone(), mode)));
        prop_assert_eq!(back, Ok((query, mode)));
        returns::<v1::QueryResponse, QueryReport>(report)?;
        returns::<v1::ListHitsResponse, Vec<Hit>>(vec![hit.clone(), hit])?;
    }

    #[test]
    fn node(status in node_status(), receipt in withdrawal(), prefix in 3..=16_usize) {
        let reference = RecordReference::new(&receipt.record_id.as_bytes()[..prefix]).unwrap();
        returns::<v1::WithdrawRequest, RecordReference>(reference)?;
        returns::<v1::StatusResponse, NodeStatus>(status)?;
        returns::<v1::WithdrawResponse, WithdrawalReceipt>(receipt)?;
    }

    #[test]
    fn disputes(
        order in dispute_order(),
        ruling in ruling(),
        receipts in dispute_receipts(),
        one in placed_dispute(),
        signed in envelope(),
        prefix in 3..=16_usize,
    ) {
        let record = RecordReference::new(&receipts.2.record_id.as_bytes()[..prefix]).unwrap();
        let request = sent(dispute::to_request(record.clone(), order.clone()));
        prop_assert_eq!(dispute::from_request(request), Ok((record.clone(), order)));
        let request = sent(dispute::to_ruling(record.clone(), ruling.clone()));
        prop_assert_eq!(dispute::from_ruling(request), Ok((record.clone(), ruling)));
        prop_assert_eq!(dispute::from_lift(sent(dispute::to_lift(record.clone()))), Ok(record));
        returns::<v1::DisputeRecordResponse, DisputeReceipt>(receipts.0)?;
        returns::<v1::RuleOnDisputesResponse, AnswerReceipt>(receipts.1)?;
        returns::<v1::LiftDisputeResponse, LiftReceipt>(receipts.2)?;
        let after = Some(one.place.clone());
        returns::<v1::ListDisputesRequest, DisputesAfter>(DisputesAfter(after))?;
        returns::<v1::ListDisputesResponse, Vec<PlacedDispute>>(vec![one])?;
        let raised = dispute::from_raise(sent(dispute::to_raise(signed.clone())));
        prop_assert_eq!(raised, Ok(signed.clone()));
        let answered = dispute::from_answer(sent(dispute::to_answer(signed.clone())));
        prop_assert_eq!(answered, Ok(signed));
    }

    #[test]
    fn duties(one in listed_duty(), after in proptest::collection::vec(any::<u8>(), 0..=256)) {
        returns::<v1::Duty, ListedDuty>(one.clone())?;
        returns::<v1::ListDutiesResponse, Vec<ListedDuty>>(vec![one.clone(), one])?;
        let after = Some(after).filter(|after| !after.is_empty());
        returns::<v1::ListDutiesRequest, DutiesAfter>(DutiesAfter(after))?;
    }

    #[test]
    fn questions(question in question()) {
        let request = sent(question::to_request(&question).unwrap());
        prop_assert_eq!(question::from_request(request, question.owner.clone()), Ok(question));
    }

    #[test]
    fn pulls(
        request in pull_request(),
        notice in pull_message(Just(None)),
        greeting in hello(),
        keys in proptest::collection::vec(envelope(), 0..=2),
    ) {
        let (hello, reply) = greeting;
        returns::<v1::PullRequest, PullRequest>(request)?;
        returns::<v1::Epoch, Epoch>(notice.epoch)?;
        returns::<v1::HelloRequest, Hello>(hello)?;
        returns::<v1::HelloResponse, HelloReply>(reply)?;
        let sent_notice = sent(pull::to_notice(notice.clone()).unwrap());
        prop_assert_eq!(PullMessage::try_from(sent_notice), Ok(notice));
        let sent_keys = sent(pull::to_token_keys(keys.clone()));
        prop_assert_eq!(pull::from_token_keys(sent_keys), Ok(keys.clone()));
        for key in keys {
            let receipt = sent(pull::to_acknowledgement(key.clone()));
            prop_assert_eq!(pull::from_acknowledgement(receipt), Ok(key.clone()));
            let said = sent(duty::to_acknowledgement(key.clone()));
            prop_assert_eq!(duty::from_acknowledgement(said), Ok(key));
        }
    }

    /// Without a permit nothing that holds a section is encoded.
    #[test]
    fn a_section_is_no_notice(message in pull_message(section().prop_map(Some))) {
        let _: &Section = message.section.as_ref().unwrap();
        prop_assert!(pull::to_notice(message).is_err());
    }

    #[test]
    fn audit(note in "[ -~é\n]{1,400}", chunk in proptest::collection::vec(any::<u8>(), 1..400)) {
        returns::<v1::AuditHeadResponse, SignedNote>(SignedNote(note))?;
        returns::<v1::AuditExportResponse, Chunk>(Chunk(chunk))?;
    }
}

#[test]
fn an_export_is_cut_into_chunks_that_fit() {
    use wire::convert::audit::{CHUNK_BYTES_MAX, chunks};
    let export: Vec<u8> = (0..CHUNK_BYTES_MAX * 2 + 7).map(|i| (i % 251) as u8).collect();
    let pieces: Vec<Chunk> = chunks(&export).map(|piece| piece.try_into().unwrap()).collect();
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces.into_iter().flat_map(|piece| piece.0).collect::<Vec<u8>>(), export);
    assert_eq!(chunks(&[]).count(), 0);
}
