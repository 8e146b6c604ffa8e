//! What people sign for one record and one partner: the third agency, and victims and minors.

use agreement::Paper;
use agreement::officer::{OfficerCertificate, OfficerRole, Power, Revocation};
use domain::approval::{Approval, ApprovalEnd, ApprovalReceipt, ApprovedAct};
use domain::correction::{Changes, Correction};
use domain::envelope::{Envelope, Signed};
use domain::event::Act;
use domain::indicator::{Body, ContentBody, Kind};
use domain::label::{HandlingSet, Labels};
use domain::name::{ClusterId, RecordId};
use domain::record::Version;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::signature::{SecretKey, Signer as _};
use domain::submission::{Fate, Submission};
use domain::time::Timestamp;
use domain::value::{Age, ContentClass, Depicts, Handling, Media, Purpose, Subject, Tlp};
use federation::cast::{AGREEMENT, Agency, Agency::*};
use federation::draft::{fingerprint, labels, link, now, random, submission};
use federation::patience::{stays, until};
use federation::world::Federation;
use wire::client::CallFailure;

fn key_of(officer: &str) -> SecretKey {
    SecretKey::from_seed(&domain::digest::derive("malines test officer", &[officer.as_bytes()]))
}

fn certificate(world: &Federation, officer: &str, role: OfficerRole) -> Envelope {
    let certificate = OfficerCertificate {
        agency: Spain.id(),
        officer: officer.parse().unwrap(),
        role,
        key: key_of(officer).public_key(),
        scope: role.powers().iter().copied().filter(|power| *power == Power::Approve).collect(),
        valid_from: now().minus_ms(Timestamp::DAY_MS),
        valid_until: now().plus_days(30),
        authority: None,
    };
    Signed::seal(certificate, &world[Spain].authority_key()).into_parts().1
}

/// Spain certifies two magistrates and an analyst, and everybody here has the papers.
pub(crate) async fn with_magistrates(running: &[Agency], quorum: u32) -> Federation {
    let mut world = Federation::found();
    world.terms.approvers.iter_mut().for_each(|approver| approver.quorum = quorum);
    world.hand_out(&world.signed_by(&federation::cast::ALL));
    world.start(running).await;
    world.linked(running).await;
    let magistrate = OfficerRole::Magistrate;
    let papers = [
        certificate(&world, "ES-1", magistrate),
        certificate(&world, "ES-2", magistrate),
        certificate(&world, "ES-3", OfficerRole::Analyst),
    ];
    file(&world, running, papers.map(Paper::from).to_vec()).await;
    world
}

async fn file(world: &Federation, running: &[Agency], papers: Vec<Paper>) {
    world.file(&[Spain], papers).await;
    let root = world.on_file(Spain).root();
    let told = || running.iter().all(|agency| world.on_file(*agency).root() == root);
    until("the papers are told", told).await;
}

pub(crate) fn approval(officer: &str, id: RecordId, peer: Agency, purpose: Purpose) -> Approval {
    Approval {
        agency: Spain.id(),
        officer: officer.parse().unwrap(),
        record_id: id,
        version: Version::FIRST,
        agreement: AGREEMENT.parse().unwrap(),
        peer: peer.id(),
        purposes: [purpose].into(),
        act: ApprovedAct::Share,
        reason: "asked for by the liaison magistrate".into(),
        made_at: now(),
        valid_until: now().plus_days(5),
    }
}

pub(crate) async fn hand_in(
    world: &Federation,
    by: &str,
    approval: Approval,
) -> Result<ApprovalReceipt, RefusalCode> {
    let signed = Signed::seal(approval.clone(), &key_of(by)).into_parts().1;
    let officer = world[Spain].officer().await;
    match officer.approve(approval.record_id.into(), signed).await {
        Ok(receipt) => Ok(receipt),
        Err(CallFailure::Refused(refusal)) => Err(refusal.code),
        Err(other) => panic!("{other}"),
    }
}

pub(crate) async fn take_back(world: &Federation, by: &str, approval: &ApprovalReceipt) {
    let end = ApprovalEnd {
        agency: Spain.id(),
        officer: by.parse().unwrap(),
        approval: approval.approval,
        made_at: now(),
    };
    let end = Signed::seal(end, &key_of(by)).into_parts().1;
    world[Spain].officer().await.end_approval(end).await.unwrap();
}

/// Spain's own, for Belgium, not to be passed on without permission.
fn restricted(path: &str) -> Submission {
    let handling = HandlingSet::EMPTY.with(Handling::H2);
    Submission {
        audience: [Belgium.id()].into(),
        labels: Labels { handling, ..labels(Tlp::Amber) },
        ..link(Spain, path)
    }
}

/// Scenario 4.
#[tokio::test(flavor = "multi_thread")]
async fn a_third_agency_gets_one_record_with_the_originators_consent_and_from_the_originator() {
    let running = [Belgium, Spain, France, Morocco];
    let world = with_magistrates(&running, 1).await;
    let id = world[Spain].submit(restricted("one")).await.unwrap().record_id;
    let beside = world[Spain].submit(restricted("beside")).await.unwrap().record_id;
    until("Belgium has both", || world[Belgium].holds(&id) && world[Belgium].holds(&beside)).await;
    let nobody_else =
        || [France, Morocco].iter().all(|agency| world[*agency].records_from(Spain) == 0);
    stays("Belgium passes nothing on", nobody_else).await;

    // For France: it serves France, and not Morocco.
    let purpose = Purpose::Investigation;
    let for_france = hand_in(&world, "ES-1", approval("ES-1", id, France, purpose)).await.unwrap();
    until("France has it", || world[France].holds(&id)).await;
    stays("Morocco does not", || world[Morocco].records_from(Spain) == 0).await;

    let consent = approval("ES-1", id, Morocco, purpose);
    let receipt = hand_in(&world, "ES-1", consent.clone()).await.unwrap();
    assert_eq!((receipt.persons.len(), receipt.needed), (1, 1));
    until("Morocco has it", || world[Morocco].holds(&id)).await;
    stays("that one, once", || world[Morocco].records_from(Spain) == 1).await;
    assert!(!world[Morocco].holds(&beside));
    // As Spain signed it, with Spain's audience.
    let row = world[Morocco].store().hit_row(&id).unwrap();
    let class = world[Morocco].store().class(row.class.unwrap()).unwrap().class;
    assert_eq!((class.origin.clone(), class.audience.clone()), (Spain.id(), [Belgium.id()].into()));
    assert_eq!(
        world[Belgium].events_of(Act::Shared).iter().map(|e| e.shared.count).sum::<u32>(),
        0
    );
    let shared = world[Spain].events_of(Act::Shared);
    let by_approval = shared.iter().filter(|event| event.local.note.is_some());
    assert!(by_approval.clone().all(|event| event.local.records == [id]));
    assert_eq!(by_approval.count(), 2, "once to each");
    // Its own officers find it there.
    let case = world[Morocco].open_case("MA/2026/77").await;
    let x = fingerprint(Kind::Url, "https://passage-22.example/one");
    let report = world[Morocco].query(&case, Kind::Url, vec![x], &[]).await;
    assert_eq!(report.held.len(), 1, "{report:?}");

    // Handed in again it is the same; taken back it is gone, and does not come back.
    let again = hand_in(&world, "ES-1", consent.clone()).await.unwrap();
    assert_eq!((again.approval, again.audit_sequence), (receipt.approval, 0));
    take_back(&world, "ES-2", &receipt).await;
    until("it leaves Morocco", || !world[Morocco].holds(&id)).await;
    assert_eq!(hand_in(&world, "ES-1", consent).await, Err(RefusalCode::Expired));
    stays("nobody else is touched", || {
        !world[Morocco].holds(&id) && world[France].holds(&id) && world[Belgium].holds(&id)
    })
    .await;
    assert_eq!(world[Spain].count_of(Act::ApprovalEnded), 1);
    assert!(world[Spain].count_of(Act::ApprovalRefused) >= 1);

    // Who is revoked approves nothing any more, and what was approved ends with it.
    let revoked = certificate(&world, "ES-1", OfficerRole::Magistrate);
    let revoked = Revocation {
        agency: Spain.id(),
        certificate: world_certificate(&world, revoked),
        from: now().minus_ms(1),
        after: None,
    };
    let revoked = Signed::seal(revoked, &world[Spain].authority_key()).into_parts().1;
    file(&world, &running, vec![revoked.into()]).await;
    until("it leaves France", || !world[France].holds(&id)).await;
    assert_ne!(for_france.approval, receipt.approval);
}

/// The hash of the certificate on file: one that is made again has other dates.
fn world_certificate(world: &Federation, like: Envelope) -> domain::name::Digest {
    use domain::envelope::Payload as _;
    let like = OfficerCertificate::from_payload(&like.payload).unwrap();
    let docket = world.on_file(Spain);
    let found = docket.papers().iter().find_map(|(hash, paper)| {
        let Paper::Signed { envelope } = paper else { return None };
        let known = OfficerCertificate::from_payload(&envelope.payload).ok()?;
        (known.officer == like.officer).then_some(*hash)
    });
    found.unwrap()
}

/// A hash of a picture of a minor that belongs to an advertisement on record.
fn of_a_minor(ad: RecordId) -> Submission {
    Submission {
        body: Body::Content(ContentBody {
            media: Media::Image,
            class: ContentClass::AbuseOfPerson,
            linked_ad: Some(ad),
            cluster: ClusterId::from_bytes(random()),
        }),
        purposes: [Purpose::VictimProtection].into(),
        subject: Subject::Victim,
        age: Age::Minor,
        depicts: Depicts::Minors,
        audience: [France.id(), Belgium.id()].into(),
        // The agreement keeps what is known of victims for less time.
        valid_until: now().plus_days(20),
        review_at: now().plus_days(10),
        ..submission(Spain, Kind::Sha256, "picture")
    }
}

/// Scenario 6.
#[tokio::test(flavor = "multi_thread")]
async fn a_minor_takes_two_persons_for_one_partner_and_one_record() {
    let running = [Belgium, Spain, France];
    let world = with_magistrates(&running, 1).await;
    let ad = world[Spain].submit(submission(Spain, Kind::Sha256, "ad")).await.unwrap().record_id;
    let receipt = world[Spain].submit(of_a_minor(ad)).await.unwrap();
    let fate = receipt.outlook.iter().find(|row| row.peer == France.id()).unwrap();
    assert_eq!(fate.fate, Fate::NeedsApproval, "{:?}", receipt.outlook);
    let id = receipt.record_id;
    let second = Submission { x: fingerprint(Kind::Sha256, "other"), ..of_a_minor(ad) };
    let beside = world[Spain].submit(second).await.unwrap().record_id;
    let nowhere = |id: RecordId| {
        let world = &world;
        move || !world[France].holds(&id) && !world[Belgium].holds(&id)
    };
    stays("no machine moves it", nowhere(id)).await;
    let officer = world[Spain].officer().await;
    let page = officer.list_approvals(None).await.unwrap();
    let waits = page.pending.iter().filter(|one| one.record_id == id && one.peer == France.id());
    assert_eq!(waits.map(|one| (one.persons.len(), one.needed)).collect::<Vec<_>>(), [(0, 2)]);

    let purpose = Purpose::VictimProtection;
    let by = |officer: &str| approval(officer, id, France, purpose);
    // An analyst, a wrong purpose, another's key, and who stated it.
    assert_eq!(hand_in(&world, "ES-3", by("ES-3")).await, Err(RefusalCode::OfficerNotEntitled));
    let wrong = approval("ES-1", id, France, Purpose::Investigation);
    assert_eq!(hand_in(&world, "ES-1", wrong).await, Err(RefusalCode::RuleDenied));
    assert_eq!(hand_in(&world, "ES-2", by("ES-1")).await, Err(RefusalCode::OfficerNotEntitled));
    assert_eq!(hand_in(&world, "nobody", by("ES-1")).await, Err(RefusalCode::SignatureInvalid));
    let own = certificate(&world, Spain.officer(), OfficerRole::Magistrate);
    file(&world, &running, vec![own.into()]).await;
    let stated = hand_in(&world, Spain.officer(), by(Spain.officer())).await;
    assert_eq!(stated, Err(RefusalCode::OfficerNotEntitled));
    assert_eq!(world[Spain].count_of(Act::ApprovalRefused), 5);

    let one = hand_in(&world, "ES-1", by("ES-1")).await.unwrap();
    assert_eq!((one.persons.len(), one.needed), (1, 2));
    let again = Approval { reason: "the same person again".into(), ..by("ES-1") };
    hand_in(&world, "ES-1", again).await.unwrap();
    stays("one person is not enough", nowhere(id)).await;
    let two = hand_in(&world, "ES-2", by("ES-2")).await.unwrap();
    assert_eq!((two.persons.len(), two.needed), (2, 2));
    until("France has it", || world[France].holds(&id)).await;
    stays("France alone, and this one alone", || {
        !world[Belgium].holds(&id)
            && !world[France].holds(&beside)
            && !world[Belgium].holds(&beside)
    })
    .await;

    // A new version takes new approvals.
    let case = world[Spain].open_case("DP-2026-0099").await;
    let narrower = Changes { audience: Some([France.id()].into()), ..Changes::default() };
    let reason = "only France needs it".to_owned();
    let correction = Correction { case: case.case_id, expected: None, reason, changes: narrower };
    officer.correct(id.into(), correction, Mode::Real).await.unwrap();
    until("the version that was approved is gone", || !world[France].holds(&id)).await;
    assert_eq!(hand_in(&world, "ES-2", by("ES-2")).await, Err(RefusalCode::VersionConflict));
    stays("nothing comes by the old approvals", || !world[France].holds(&id)).await;
    for officer in ["ES-1", "ES-2"] {
        let version = Version { epoch: 1, n: 2 };
        hand_in(&world, officer, Approval { version, ..by(officer) }).await.unwrap();
    }
    until("the second version arrives", || world[France].holds(&id)).await;
    // What is withdrawn goes there, too.
    officer.withdraw(id.into()).await.unwrap();
    until("it is withdrawn at France", || !world[France].holds(&id)).await;
}
