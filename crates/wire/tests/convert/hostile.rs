//! Whatever bytes come, reading them ends: in words of the domain or in a refusal, never in a panic.

use crate::strategy;
use domain::dispute::{AnswerReceipt, DisputeReceipt, LiftReceipt};
use domain::envelope::Envelope;
use domain::report::{CaseOpening, Hit, Mode, NodeStatus, QueryReport, WithdrawalReceipt};
use domain::submission::Case;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use sync::message::{PullMessage, PullRequest};
use wire::convert::audit::{Chunk, SignedNote};
use wire::convert::dispute::{DisputesAfter, PlacedDispute};
use wire::convert::duty::{DutiesAfter, ListedDuty};
use wire::convert::hello::{Hello, HelloReply};
use wire::convert::query::HitsAfter;
use wire::convert::question::Answer;
use wire::convert::submission::SubmissionResult;
use wire::convert::withdrawal::RecordReference;
use wire::convert::{Invalid, dispute, duty, pull, query, question, submission};
use wire::v1;

/// Reads the bytes as a message; what decodes is converted.
fn read<M: Message + Default, D>(bytes: &[u8], convert: impl FnOnce(M) -> Result<D, Invalid>) {
    if let Ok(message) = M::decode(bytes) {
        let _ = convert(message);
    }
}

fn read_as_everything(bytes: &[u8]) {
    let own = "be-fedpol".parse().unwrap();
    read(bytes, |m: v1::AskRequest| question::from_request(m, own));
    read::<v1::AskResponse, _>(bytes, Answer::try_from);
    read::<v1::PullRequest, _>(bytes, PullRequest::try_from);
    read::<v1::PullResponse, _>(bytes, PullMessage::try_from);
    read::<v1::HelloRequest, _>(bytes, Hello::try_from);
    read::<v1::HelloResponse, _>(bytes, HelloReply::try_from);
    read(bytes, pull::from_token_keys);
    read(bytes, pull::from_acknowledgement);
    read(bytes, |m: v1::FetchTokenKeysRequest| pull::from_fetch(&m));
    read(bytes, |m: v1::WatchRequest| pull::from_watch(&m));
    read::<v1::Envelope, _>(bytes, Envelope::try_from);
    read(bytes, submission::from_request);
    read::<v1::SubmitResponse, _>(bytes, Vec::<SubmissionResult>::try_from);
    read(bytes, query::from_request);
    read::<v1::QueryResponse, _>(bytes, QueryReport::try_from);
    read::<v1::ListHitsRequest, _>(bytes, HitsAfter::try_from);
    read::<v1::ListHitsResponse, _>(bytes, Vec::<Hit>::try_from);
    read::<v1::OpenCaseRequest, _>(bytes, CaseOpening::try_from);
    read::<v1::OpenCaseResponse, _>(bytes, Case::try_from);
    read::<v1::ListCasesResponse, _>(bytes, Vec::<Case>::try_from);
    read::<v1::StatusResponse, _>(bytes, NodeStatus::try_from);
    read::<v1::WithdrawRequest, _>(bytes, RecordReference::try_from);
    read::<v1::WithdrawResponse, _>(bytes, WithdrawalReceipt::try_from);
    read(bytes, dispute::from_raise);
    read(bytes, dispute::from_answer);
    read(bytes, dispute::from_request);
    read(bytes, dispute::from_ruling);
    read(bytes, dispute::from_lift);
    read::<v1::DisputeRecordResponse, _>(bytes, DisputeReceipt::try_from);
    read::<v1::RuleOnDisputesResponse, _>(bytes, AnswerReceipt::try_from);
    read::<v1::LiftDisputeResponse, _>(bytes, LiftReceipt::try_from);
    read::<v1::ListDisputesRequest, _>(bytes, DisputesAfter::try_from);
    read::<v1::ListDisputesResponse, _>(bytes, Vec::<PlacedDispute>::try_from);
    read(bytes, duty::from_acknowledgement);
    read::<v1::ListDutiesRequest, _>(bytes, DutiesAfter::try_from);
    read::<v1::ListDutiesResponse, _>(bytes, Vec::<ListedDuty>::try_from);
    read::<v1::AuditHeadResponse, _>(bytes, SignedNote::try_from);
    read::<v1::AuditExportResponse, _>(bytes, Chunk::try_from);
}

/// A good message with some of its bytes changed: most of it still decodes.
fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        strategy::submission().prop_map(|one| {
            submission::to_request(vec![one], Mode::Real).unwrap().encode_to_vec()
        }),
        strategy::results().prop_map(|all| v1::SubmitResponse::from(all).encode_to_vec()),
        strategy::query().prop_map(|one| query::to_request(one, Mode::Real).encode_to_vec()),
        strategy::report().prop_map(|one| v1::QueryResponse::from(one).encode_to_vec()),
        strategy::node_status().prop_map(|one| v1::StatusResponse::from(one).encode_to_vec()),
        strategy::question().prop_map(|one| question::to_request(&one).unwrap().encode_to_vec()),
        strategy::pull_request().prop_map(|one| v1::PullRequest::from(one).encode_to_vec()),
        strategy::pull_message(Just(None))
            .prop_map(|one| pull::to_notice(one).unwrap().encode_to_vec()),
        strategy::placed_dispute()
            .prop_map(|one| v1::ListDisputesResponse::from(vec![one]).encode_to_vec()),
        strategy::listed_duty()
            .prop_map(|one| v1::ListDutiesResponse::from(vec![one]).encode_to_vec()),
        strategy::envelope().prop_map(|one| v1::Envelope::from(one).encode_to_vec()),
    ];
    let changes = vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    (good, changes).prop_map(|(mut bytes, changes)| {
        for (at, to) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..512)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn spoilt_messages_never_panic(bytes in spoilt()) {
        read_as_everything(&bytes);
    }
}
