//! A node and its own officers, at the clients' end.

use super::*;

#[tokio::test]
async fn a_good_node_serves_its_officer() {
    let client = OfficerClient::new(node(Manner::Good).await);
    assert_eq!(client.status().await, Ok(node_status()));
    let case = client.open_case(opening()).await.unwrap();
    assert_eq!((case.number, case.open_until), (12, NOW.plus_days(90)));
    assert_eq!(client.list_cases(12).await, Ok(Vec::new()));
    assert_eq!(client.submit(Vec::new(), Mode::Real).await, Ok(Vec::new()));
    assert_eq!(client.query(query(), Mode::DryRun).await.unwrap().audit_sequence, 5);
    let after = RecordId::from_bytes([3; 16]);
    assert_eq!(client.list_hits(Some(after)).await, Ok(Vec::new()));
    let receipt = client.withdraw(RecordReference::new(&[4; 3]).unwrap()).await.unwrap();
    assert_eq!(receipt.record_id, RecordId::from_bytes([4; 16]));
    let (record, hold) = (RecordReference::new(&[4; 3]).unwrap(), hold_named());
    let corrected = client.correct(record.clone(), correction(), Mode::DryRun).await.unwrap();
    assert_eq!((corrected.version.n, corrected.told.len()), (2, 0));
    assert_eq!(client.history(record.clone()).await.unwrap().versions, []);
    let placed = client.place_hold(record.clone(), order()).await.unwrap();
    assert_eq!(placed.hold_id, HoldId::from_bytes([8; 16]));
    let after = (RecordId::from_bytes([3; 16]), HoldId::from_bytes([3; 16]));
    assert_eq!(client.list_holds(Some(after)).await, Ok(Vec::new()));
    assert_eq!(client.read_hold(hold.clone()).await.unwrap().standing, standing(8));
    assert_eq!(client.lift_hold(hold, "acquitted").await.unwrap().audit_sequence, 9);
    let erased = client.erase(vec![record], "asked for by the person").await.unwrap();
    assert_eq!(erased[0].as_ref().unwrap().origin, agency("es-pn"));
    assert_eq!(client.audit_head().await.unwrap().0, "be-fedpol\n1\n");

    let agreement = "malines-2026".parse().unwrap();
    assert_eq!(client.read_docket(&agreement).await.unwrap(), papers());
    assert_eq!(client.file_papers(papers()).await.unwrap().taken, 1);
    let mut export = client.audit_export().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        bytes.extend(chunk.0);
    }
    assert_eq!(bytes, vec![7; audit::CHUNK_BYTES_MAX + 1]);
}

#[tokio::test]
async fn a_broken_node_does_not_deceive_its_officer() {
    let client = OfficerClient::new(node(Manner::Wrong).await);
    assert_eq!(misbehaved(client.status().await), "agency");
    assert_eq!(misbehaved(client.open_case(opening()).await), "case");
    assert_eq!(misbehaved(client.list_cases(12).await), "case_id");
    assert_eq!(misbehaved(client.submit(Vec::new(), Mode::Real).await), "results");
    assert_eq!(misbehaved(client.query(query(), Mode::DryRun).await), "kind");
    let after = RecordId::from_bytes([3; 16]);
    assert_eq!(misbehaved(client.list_hits(Some(after)).await), "origin");
    let other_record = client.withdraw(RecordReference::new(&[4; 3]).unwrap()).await;
    assert_eq!(misbehaved(other_record), "record_id");
    let (record, hold) = (RecordReference::new(&[4; 3]).unwrap(), hold_named());
    let other = client.correct(record.clone(), correction(), Mode::DryRun).await;
    assert_eq!(misbehaved(other), "record_id");
    assert_eq!(misbehaved(client.history(record.clone()).await), "record_id");
    assert_eq!(misbehaved(client.place_hold(record.clone(), order()).await), "record_id");
    let after = (RecordId::from_bytes([3; 16]), HoldId::from_bytes([3; 16]));
    assert_eq!(misbehaved(client.list_holds(Some(after)).await), "state");
    assert_eq!(misbehaved(client.read_hold(hold.clone()).await), "hold_id");
    assert_eq!(misbehaved(client.lift_hold(hold, "acquitted").await), "hold_id");
    assert_eq!(misbehaved(client.erase(vec![record], "why").await), "results");
    assert_eq!(misbehaved(client.audit_head().await), "signed_note");
    let mut export = client.audit_export().await.unwrap();
    assert_eq!(misbehaved(export.next().await), "chunk");
}

#[tokio::test]
async fn an_officer_is_told_the_rule() {
    let client = OfficerClient::new(node(Manner::Refusing).await);
    let refusal = Refusal::by_rule(RefusalCode::QuotaSpent, "be.9");
    assert_eq!(client.status().await, Err(CallFailure::Refused(refusal)));
}
