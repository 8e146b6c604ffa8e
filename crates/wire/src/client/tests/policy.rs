//! The policy tools over the officer's client: what is answered, and what is not believed.

use super::*;
use crate::convert::policy::{CensusAfter, ProposalReference};
use ::policy::difference::{Change, Partner};
use ::policy::label_space::ordinary;
use ::policy::proposal::Which;
use ::policy::reach::{Life, PartnerReach, Reach};
use domain::court_use::CourtUseOrder;
use domain::envelope::{Algorithm, Envelope, EnvelopeSignature};
use domain::name::{CaseId, KeyId};
use domain::value::TransferBasis;
use std::sync::Arc;

pub(super) fn reach(record: u8) -> v1::RecordReachResponse {
    let situation = ordinary(::policy::Action::Share);
    let partner = Partner { labels: situation.peer, transfer: TransferBasis::IntraLed };
    let granted = ::policy::reach::Granted::No;
    let reach = Reach {
        record_id: RecordId::from_bytes([record; 16]),
        life: Life::Live,
        class: Arc::new(situation.class),
        own: situation.own,
        partners: vec![PartnerReach { partner, granted, ways: Vec::new() }],
    };
    reach.into()
}

pub(super) fn rules() -> v1::ReadPolicyResponse {
    v1::ReadPolicyResponse {
        floor: "// floor".into(),
        local: "// local".into(),
        bundle: vec![7; 32],
        frozen: true,
        signed: true,
        agreements: vec!["malines-2026".into()],
    }
}

pub(super) fn census() -> v1::ReadCensusResponse {
    let situation = ordinary(::policy::Action::Share);
    v1::ReadCensusResponse {
        own: Some(situation.own.into()),
        partners: Vec::new(),
        classes: vec![v1::CensusClass { class: situation.class.to_bytes(), records: 3 }],
        classes_total: 1,
    }
}

pub(super) fn proposal() -> v1::PolicyProposal {
    v1::PolicyProposal {
        difference: vec![1; 32],
        change: v1::PolicyChange::Widens.into(),
        from: vec![2; 32],
        to: vec![3; 32],
        signed_by: vec!["BE-7".into()],
        ..Default::default()
    }
}

pub(super) fn activated() -> v1::PolicyActivated {
    v1::PolicyActivated {
        change: v1::PolicyChange::Narrows.into(),
        bundle: vec![3; 32],
        signed_by: vec!["BE-7".into()],
        audit_sequence: 9,
    }
}

fn consent() -> Envelope {
    let signature = EnvelopeSignature {
        key_id: KeyId::from_bytes([1; 16]),
        algorithm: Algorithm::Ed25519,
        signature: [1; 64],
    };
    let payload_type = "application/vnd.malines.policy-consent.v1+cbor".to_owned();
    Envelope { payload: vec![1], payload_type, signatures: vec![signature] }
}

fn order() -> CourtUseOrder {
    let case = CaseId::from_bytes([6; 16]);
    CourtUseOrder { case, case_reference: "PN 2026/17".into() }
}

fn asked() -> CensusAfter {
    CensusAfter { agreement: "malines-2026".parse().unwrap(), after: 0 }
}

#[tokio::test]
async fn a_good_node_serves_the_policy_tools() {
    let client = OfficerClient::new(node(Manner::Good).await);
    let record = RecordReference::new(&[4; 3]).unwrap();
    assert_eq!(client.record_reach(record).await.unwrap().partners.len(), 1);
    assert_eq!(client.read_policy(Which::Active).await.unwrap().local, "// local");
    assert_eq!(client.read_census(asked()).await.unwrap().census.classes[0].1, 3);
    assert_eq!(client.list_proposals().await.unwrap().len(), 1);
    let proposal = client.sign_policy("// local".into(), consent()).await.unwrap();
    assert_eq!((proposal.change, proposal.signed_by.len()), (Change::Widening, 1));
    let named = ProposalReference(vec![1; 3]);
    assert_eq!(client.activate_policy(named).await.unwrap().audit_sequence, 9);
    assert_eq!(client.freeze_policy(consent()).await.unwrap().change, Change::Narrowing);
    assert_eq!(client.list_duties(Some(vec![7; 5])).await.unwrap(), []);
    assert_eq!(client.list_disputes(None).await.unwrap(), []);
    let record = RecordReference::new(&[4; 3]).unwrap();
    assert_eq!(client.lift_dispute(record.clone()).await.unwrap().audit_sequence, 9);
    let used = client.use_in_court(record, order()).await.unwrap();
    assert!(!used.state.is_yes());
}

#[tokio::test]
async fn a_broken_node_does_not_deceive_the_policy_tools() {
    let client = OfficerClient::new(node(Manner::Wrong).await);
    let record = RecordReference::new(&[4; 3]).unwrap();
    assert_eq!(misbehaved(client.record_reach(record).await), "record_id");
    assert_eq!(misbehaved(client.read_policy(Which::Previous).await), "bundle");
    assert_eq!(misbehaved(client.read_census(asked()).await), "own");
    assert_eq!(misbehaved(client.list_proposals().await), "difference");
    let signed = client.sign_policy("// local".into(), consent()).await;
    assert_eq!(misbehaved(signed), "proposal");
    let named = ProposalReference(vec![1; 3]);
    assert_eq!(misbehaved(client.activate_policy(named).await), "activated");
    assert_eq!(misbehaved(client.freeze_policy(consent()).await), "activated");
    assert_eq!(misbehaved(client.list_duties(Some(vec![7; 5])).await), "place");
    assert_eq!(misbehaved(client.list_disputes(None).await), "place");
    let record = RecordReference::new(&[4; 3]).unwrap();
    assert_eq!(misbehaved(client.lift_dispute(record.clone()).await), "record_id");
    let used = client.use_in_court(record, order()).await;
    assert_eq!(misbehaved(used), "record_id");
}
