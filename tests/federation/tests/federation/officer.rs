//! What an officer hands in, and who is an officer: every refusal has its code, over the wire.

use domain::event::Act;
use domain::indicator::{Body, Kind};
use domain::name::{AgencyId, CaseId, RecordId};
use domain::refusal::RefusalCode;
use domain::submission::Submission;
use domain::value::{Age, ContentClass, Depicts, Handling, Offence, Purpose, Subject, Tlp};
use federation::cast::Agency::*;
use federation::draft::{benefit, labels, link, now, random, submission};
use federation::world::Federation;
use node::certificate::{Authority, Certifies};
use node::key_file::KeyKind;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use tonic::Code;
use wire::connect::DialFailure;
use wire::convert::status::refusal_of_status;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::v1;
use wire::v1::officer_service_client::OfficerServiceClient;

fn handle() -> Submission {
    submission(Belgium, Kind::Handle, "harraga_22")
}

fn picture(class: ContentClass) -> Submission {
    let mut picture = submission(Belgium, Kind::Sha256, "picture");
    if let Body::Content(body) = &mut picture.body {
        body.class = class;
    }
    picture
}

/// A picture of somebody who was abused, beside the advertisement that led to it.
fn abuse() -> Submission {
    let mut picture = picture(ContentClass::AbuseOfPerson);
    if let Body::Content(body) = &mut picture.body {
        body.linked_ad = Some(RecordId::from_bytes(random()));
    }
    picture
}

fn of(subject: Subject, age: Age) -> Submission {
    let mut account = handle();
    (account.subject, account.age) = (subject, age);
    account
}

fn with(mut submission: Submission, change: impl FnOnce(&mut Submission)) -> Submission {
    change(&mut submission);
    submission
}

/// Each rule about people, labels and bodies, with a submission that breaks it and nothing else.
fn forbidden() -> Vec<(RefusalCode, Submission)> {
    let presumed = || of(Subject::SuspectFacilitator, Age::PresumedAdult);
    let reason = Some("vehicle registered in his name".to_owned());
    let soon = now().plus_days(20);
    vec![
        (RefusalCode::SmuggledMigrant, of(Subject::SmuggledMigrant, Age::Adult)),
        (RefusalCode::SmuggledMigrant, of(Subject::SmuggledMigrant, Age::Minor)),
        (RefusalCode::ProtectedSubject, of(Subject::Victim, Age::Adult)),
        (RefusalCode::ProtectedSubject, of(Subject::Witness, Age::Adult)),
        (RefusalCode::ProtectedSubject, of(Subject::Unknown, Age::Adult)),
        (RefusalCode::Minor, of(Subject::SuspectFacilitator, Age::Minor)),
        (RefusalCode::Minor, of(Subject::Convicted, Age::Unknown)),
        (
            RefusalCode::ProtectedSubject,
            with(abuse(), |picture| (picture.subject, picture.age) = (Subject::Victim, Age::Adult)),
        ),
        (
            RefusalCode::ProhibitedContent,
            with(abuse(), |picture| {
                picture.depicts = Depicts::Minors;
                picture.offences = [Offence::SexualExploitation].into();
            }),
        ),
        (RefusalCode::PresumedAdultUnfounded, with(presumed(), |person| person.review_at = soon)),
        (
            RefusalCode::PresumedAdultUnfounded,
            with(presumed(), |person| person.presumed_adult_reason = reason.clone()),
        ),
        (
            RefusalCode::PresumedAdultUnfounded,
            with(of(Subject::ContactOrAssociate, Age::PresumedAdult), |person| {
                (person.presumed_adult_reason, person.review_at) = (reason.clone(), soon);
            }),
        ),
        (RefusalCode::BenefitMissing, with(handle(), |account| account.benefit = None)),
        (
            RefusalCode::BenefitMissing,
            with(handle(), |account| {
                account.benefit = Some(domain::record::Benefit { ground: " ".into() })
            }),
        ),
        (
            RefusalCode::DepictionProtected,
            with(picture(ContentClass::SmugglerAd), |picture| picture.depicts = Depicts::Minors),
        ),
        (
            RefusalCode::DepictionProtected,
            with(picture(ContentClass::SmugglerAd), |picture| picture.depicts = Depicts::Unknown),
        ),
        (
            RefusalCode::DepictionProtected,
            with(handle(), |account| account.depicts = Depicts::Adults),
        ),
        (RefusalCode::BodyImpossible, picture(ContentClass::ProofOfCrossing)),
        (RefusalCode::LabelsImpossible, of(Subject::None, Age::Adult)),
        (RefusalCode::LabelsImpossible, of(Subject::SuspectFacilitator, Age::NotApplicable)),
        (
            RefusalCode::LabelsImpossible,
            with(handle(), |account| {
                account.labels = labels(Tlp::Clear);
                account.labels.handling = account.labels.handling.with(Handling::H2);
            }),
        ),
        (RefusalCode::LabelsImpossible, with(handle(), |account| account.purposes.clear())),
        (
            RefusalCode::LabelsImpossible,
            with(handle(), |account| account.audience = [Belgium.id()].into()),
        ),
        (
            RefusalCode::BodyImpossible,
            with(handle(), |account| {
                if let Body::Account(body) = &mut account.body {
                    body.platform = None;
                }
            }),
        ),
        (RefusalCode::BodyImpossible, with(handle(), |account| account.kind = Kind::Sha256)),
        (
            RefusalCode::RetentionImpossible,
            with(handle(), |account| account.valid_until = now().minus_ms(1)),
        ),
        (
            RefusalCode::RetentionImpossible,
            with(handle(), |account| account.observed_first = now().plus_days(1)),
        ),
        (
            RefusalCode::RetentionImpossible,
            with(handle(), |account| account.valid_until = now().plus_days(400)),
        ),
        (
            RefusalCode::PurposeNotCovered,
            with(handle(), |account| account.purposes = [Purpose::Prevention].into()),
        ),
        (
            RefusalCode::OffenceNotCovered,
            with(handle(), |account| account.offences = [Offence::Terrorism].into()),
        ),
        (
            RefusalCode::NotAParty,
            with(handle(), |account| {
                account.audience.insert("xx-nobody".parse::<AgencyId>().unwrap());
            }),
        ),
        (
            RefusalCode::AgreementUnknown,
            with(handle(), |account| account.agreement = "none-2026".parse().unwrap()),
        ),
        (
            RefusalCode::NoCase,
            with(handle(), |account| account.case = Some(CaseId::from_bytes(random()))),
        ),
        (
            RefusalCode::NormalisationNotLive,
            with(handle(), |account| {
                account.normalisation = domain::indicator::NormalisationVersion(2);
            }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_refuses_with_its_code_and_what_is_lawful_is_taken_beside_it() {
    let world = Federation::of(&[Belgium]).await;
    let officer = world[Belgium].officer().await;
    let cases = forbidden();
    let mut submissions: Vec<Submission> = cases.iter().map(|(_, one)| one.clone()).collect();
    for one in &mut submissions {
        one.idempotency_key = domain::name::IdempotencyKey::from_bytes(random());
    }
    submissions.push(handle());
    let results = officer.submit(submissions, domain::report::Mode::Real).await.unwrap();
    for (at, (code, one)) in cases.iter().enumerate() {
        let refused = results[at].as_ref().expect_err("it is refused");
        assert_eq!(refused.code, *code, "number {at}: {} {} {:?}", one.subject, one.age, refused);
    }
    assert!(results.last().unwrap().is_ok(), "the lawful one");
    assert_eq!(world[Belgium].own_records().len(), 1);
    let logged = world[Belgium].events_of(Act::SubmissionRefused);
    let codes: Vec<_> = logged.iter().map(|event| event.local.code.unwrap()).collect();
    assert_eq!(codes, cases.iter().map(|(code, _)| *code).collect::<Vec<_>>());
    let officer = Some(Belgium.officer().parse().unwrap());
    assert!(logged.iter().all(|event| event.local.officer == officer));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_protects_people_is_taken_and_leaves_with_no_machine() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let protection = BTreeSet::from([Purpose::VictimProtection]);
    let advertisement = picture(ContentClass::SmugglerAd);
    let advertisement = world[Belgium].submit(advertisement).await.unwrap().record_id;
    let victim = with(abuse(), |picture| {
        if let Body::Content(body) = &mut picture.body {
            body.linked_ad = Some(advertisement);
        }
        (picture.subject, picture.age) = (Subject::Victim, Age::Minor);
        picture.depicts = Depicts::Minors;
        picture.purposes = protection.clone();
        picture.offences = [Offence::TraffickingInPersons].into();
        picture.valid_until = now().plus_days(50);
        picture.review_at = now().plus_days(30);
        picture.benefit = None;
    });
    let presumed = with(link(Belgium, "presumed"), |link| {
        (link.subject, link.age) = (Subject::SuspectFacilitator, Age::PresumedAdult);
        link.presumed_adult_reason = Some("vehicle registered in his name".to_owned());
        link.review_at = now().plus_days(20);
        link.benefit = Some(benefit());
    });
    let victim = world[Belgium].submit(victim).await.unwrap();
    let fate = |row: &domain::submission::Outlook| row.fate != domain::submission::Fate::Leaves;
    assert!(victim.outlook.iter().all(fate), "{:?}", victim.outlook);
    let presumed = world[Belgium].submit(presumed).await.unwrap();
    federation::patience::until("the other arrives", || world[Spain].holds(&presumed.record_id))
        .await;
    federation::patience::stays("the victim's stays", || !world[Spain].holds(&victim.record_id))
        .await;
}

fn code_of(status: &tonic::Status) -> Option<RefusalCode> {
    refusal_of_status(status).unwrap().map(|refusal| refusal.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_of_an_officer_are_refused_whole() {
    let world = Federation::of(&[Belgium]).await;
    let mut raw = OfficerServiceClient::new(world[Belgium].officer_channel().await)
        .max_encoding_message_size(64 * 1024 * 1024);
    let good = v1::Submission::try_from(link(Belgium, "page")).unwrap();
    let with = |change: &dyn Fn(&mut v1::Submission)| {
        let mut submission = good.clone();
        change(&mut submission);
        submission
    };
    let malformed = [
        with(&|one| one.kind = 0),
        with(&|one| one.kind = 999),
        with(&|one| one.subject = -1),
        with(&|one| one.purposes = vec![99]),
        with(&|one| one.purposes = vec![3, 3]),
        with(&|one| one.fingerprint.truncate(31)),
        with(&|one| one.idempotency_key.clear()),
        with(&|one| one.body = None),
        with(&|one| one.labels = None),
        with(&|one| one.agreement = "Malines 2026".to_owned()),
        with(&|one| one.audience.push("ES PN".to_owned())),
        with(&|one| one.valid_until_ms = u64::MAX),
        with(&|one| one.benefit_ground = Some("two\u{0}words".to_owned())),
    ];
    for (at, one) in malformed.into_iter().enumerate() {
        let request = v1::SubmitRequest { submissions: vec![good.clone(), one], dry_run: false };
        let refused = raw.submit(request).await.unwrap_err();
        assert_eq!(code_of(&refused), Some(RefusalCode::Malformed), "number {at}: {refused:?}");
    }
    let request = v1::SubmitRequest { submissions: vec![good.clone(); 513], dry_run: false };
    let refused = raw.submit(request).await.unwrap_err();
    assert_eq!(code_of(&refused), Some(RefusalCode::TooLarge), "{refused:?}");
    let huge = with(&|one| one.benefit_ground = Some("x".repeat(3 * 1024 * 1024)));
    let request = v1::SubmitRequest { submissions: vec![huge], dry_run: false };
    let refused = raw.submit(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "more than is ever decoded");

    let query = v1::QueryRequest { case_id: vec![1; 3], ..v1::QueryRequest::default() };
    assert_eq!(code_of(&raw.query(query).await.unwrap_err()), Some(RefusalCode::Malformed));
    let opening = v1::OpenCaseRequest::default();
    assert_eq!(code_of(&raw.open_case(opening).await.unwrap_err()), Some(RefusalCode::Malformed));
    let withdrawal = v1::WithdrawRequest::default();
    let refused = raw.withdraw(withdrawal).await.unwrap_err();
    assert_eq!(code_of(&refused), Some(RefusalCode::Malformed), "{refused:?}");

    assert!(world[Belgium].own_records().is_empty(), "a good one beside a bad one is not taken");
    let request = v1::SubmitRequest { submissions: vec![good], dry_run: false };
    assert!(raw.submit(request).await.is_ok(), "and the node goes on");
}

/// What a caller sees who is not let in: a TLS alert, or a connection that is cut.
fn is_shut_out<T>(dialled: Result<T, DialFailure>) -> bool {
    matches!(dialled, Err(DialFailure::RefusedByPeer { .. } | DialFailure::Closed))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_enrolled_officer_of_the_agency_comes_in() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let issued = |authority: &Authority, own: &str, uri: &str| -> Arc<Credentials> {
        let issued = authority.issue(&uri.parse().unwrap(), own, now(), 9).unwrap();
        Credentials::from_pem(issued.chain.as_bytes(), issued.key.as_bytes(), now()).unwrap()
    };
    let belgian = &world[Belgium];

    // A stranger who certified himself.
    let key = domain::signature::SecretKey::from_seed(&random());
    let stranger = Authority::new(&Belgium.id(), Certifies::Officers, key);
    let own = stranger.certificate(now()).unwrap();
    let forged = issued(&stranger, &own, "spiffe://be-fedpol/officer/BE-1042");
    assert!(is_shut_out(belgian.dial_with(forged, Port::Officer).await));

    // An officer of another agency, with its real certificate, and one that says he is Belgian.
    let key = world[Spain].certifying_key(KeyKind::OfficerAuthority);
    let spanish = Authority::new(&Spain.id(), Certifies::Officers, key);
    let own = fs::read_to_string(&world[Spain].config.officer_authority).unwrap();
    for uri in ["spiffe://es-pn/officer/ES-2077", "spiffe://be-fedpol/officer/BE-1042"] {
        let credentials = issued(&spanish, &own, uri);
        assert!(is_shut_out(belgian.dial_with(credentials, Port::Officer).await), "{uri}");
    }

    // Nodes on the officers' port, officers on the partners' port.
    for member in [Belgium, Spain] {
        let credentials = world[member].credentials();
        assert!(is_shut_out(belgian.dial_with(credentials, Port::Officer).await));
    }
    let profile = belgian.home().join("profiles").join(Belgium.officer());
    assert!(is_shut_out(belgian.dial_as(&profile, Port::Partner).await));
    assert!(belgian.dial_as(&profile, Port::Officer).await.is_ok(), "the enrolled one comes in");

    // One who was enrolled and is revoked: from the next start on at the latest.
    let second = belgian.enrol("BE-2000");
    assert!(belgian.dial_as(&second, Port::Officer).await.is_ok());
    node::officer::revoke(&belgian.config, &"BE-2000".parse().unwrap()).unwrap();
    world[Belgium].stop().await;
    world[Belgium].start().await;
    let belgian = &world[Belgium];
    assert!(is_shut_out(belgian.dial_as(&second, Port::Officer).await), "revoked");
    assert!(belgian.dial_as(&profile, Port::Officer).await.is_ok(), "the other still comes in");
}
