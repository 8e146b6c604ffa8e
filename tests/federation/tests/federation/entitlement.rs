//! Which officer may do what, and how much of it: roles, quotas, and the entry that somebody looked.

use domain::event::Act;
use domain::hold::{HoldGround, HoldOrder};
use domain::indicator::Kind;
use domain::name::RecordId;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use domain::report::{Mode, Query};
use domain::value::Urgency;
use federation::cast::Agency::*;
use federation::draft::{fingerprint, link, now, submission};
use federation::member::Member;
use federation::world::Federation;
use node::officer::OfficerRole;
use wire::client::{CallFailure, OfficerClient};
use wire::tls::Port;

async fn officer(member: &Member, pseudonym: &str, role: OfficerRole) -> OfficerClient {
    let profile = member.enrol_as(pseudonym, role);
    OfficerClient::new(member.dial_as(&profile, Port::Officer).await.unwrap())
}

/// Was the caller refused because of the role in the register?
fn by_role<T>(result: Result<T, CallFailure>) -> bool {
    match result {
        Err(CallFailure::Refused(refusal)) => {
            refusal.code == RefusalCode::OfficerNotEntitled
                && refusal.rule.as_deref() == Some("code.officer-role")
        }
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_opens_its_own_calls_and_no_other() {
    let world = Federation::of(&[Belgium]).await;
    let belgian = &world[Belgium];
    let id = belgian.submit(link(Belgium, "advertisement")).await.unwrap().record_id;
    let case = belgian.open_case("26-118-00431").await;
    let order = || HoldOrder {
        ground: HoldGround::EvidenceInProceedings,
        case: case.case_id,
        reason: "exhibit".to_owned(),
        authority: "the court".to_owned(),
        review_at: now().plus_days(30),
    };
    let erase = || vec![id.into()];
    let because = || "ordered".to_owned();

    let analyst = officer(belgian, "BE-1", OfficerRole::Analyst).await;
    assert!(analyst.list_hits(None).await.is_ok());
    assert!(by_role(analyst.place_hold(id.into(), order()).await));
    assert!(by_role(analyst.erase(erase(), because()).await));
    assert!(by_role(analyst.audit_export().await));

    let operator = officer(belgian, "BE-2", OfficerRole::Operator).await;
    assert!(operator.status().await.is_ok());
    assert!(operator.audit_head().await.is_ok());
    assert!(by_role(operator.list_hits(None).await));
    assert!(by_role(operator.withdraw(id.into()).await));
    let submitted = vec![submission(Belgium, Kind::Url, "https://visa.example/")];
    assert!(by_role(operator.submit(submitted, Mode::Real).await));

    let oversight = officer(belgian, "BE-3", OfficerRole::Oversight).await;
    assert!(oversight.history(id.into()).await.is_ok());
    assert!(oversight.audit_export().await.is_ok());
    assert!(by_role(oversight.erase(erase(), because()).await));

    // Each call once a minute, however often it is tried.
    assert!(by_role(analyst.erase(erase(), because()).await));
    let refusals = belgian.events_of(Act::CallRefused);
    for (name, calls) in [
        ("BE-1", vec!["PlaceHold", "Erase", "AuditExport"]),
        ("BE-2", vec!["ListHits", "Withdraw", "Submit"]),
        ("BE-3", vec!["Erase"]),
    ] {
        let who = Some(name.parse().unwrap());
        let of = refusals.iter().filter(|event| event.local.officer == who);
        let noted: Vec<_> = of.map(|event| event.local.note.clone().unwrap()).collect();
        assert_eq!(noted, calls, "{name}");
    }

    // The register is read with every call: who is revoked is out on a connection that is open.
    node::officer::revoke(&belgian.config, &"BE-1".parse().unwrap()).unwrap();
    assert!(by_role(analyst.list_hits(None).await));
    let protection = officer(belgian, "BE-4", OfficerRole::DataProtectionOfficer).await;
    let erased = protection.erase(erase(), because()).await.unwrap();
    assert!(erased[0].is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_asks_so_much_a_day_and_a_restart_changes_nothing() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&federation::cast::ALL));
    world[Belgium].config.officer_values_per_day = 3;
    world.start(&[Belgium, Spain]).await;
    world.linked(&[Belgium, Spain]).await;
    let case = world[Belgium].open_case("26-118-00431").await;
    let values = |numbers: &[&str]| -> Vec<_> {
        numbers.iter().map(|number| fingerprint(Kind::Phone, number)).collect()
    };
    let query = |fingerprints| Query {
        case: case.case_id,
        kind: Kind::Phone,
        fingerprints,
        ask: vec![Spain.id()],
        urgency: Urgency::Normal,
        exercise: false,
    };
    let magistrate = world[Belgium].officer().await;
    let asked = query(values(&["+33199004201", "+33199004202"]));
    let dry = magistrate.query(asked.clone(), Mode::DryRun).await.unwrap();
    assert_eq!((dry.allowance.asked_today, dry.allowance.per_day), (0, 3), "a dry run is free");
    let report = magistrate.query(asked.clone(), Mode::Real).await.unwrap();
    assert_eq!(report.allowance.asked_today, 2);
    assert_eq!(report.answers[0].answer, Some(PartnerAnswer::NoMatch));
    let spent = |result: Result<_, CallFailure>| match result {
        Err(CallFailure::Refused(refusal)) => {
            assert_eq!(refusal.code, RefusalCode::QuotaSpent);
            assert_eq!(refusal.rule.as_deref(), Some("code.officer-quota"));
        }
        Ok(_) | Err(_) => panic!("not refused"),
    };
    spent(magistrate.query(asked.clone(), Mode::Real).await);
    // One more fits; another officer has a day of their own.
    let one = query(values(&["+33199004203"]));
    assert!(magistrate.query(one.clone(), Mode::Real).await.is_ok());
    let other = officer(&world[Belgium], "BE-7", OfficerRole::Analyst).await;
    assert!(other.query(asked.clone(), Mode::Real).await.is_ok());

    world[Belgium].kill();
    world[Belgium].start().await;
    world.linked(&[Belgium, Spain]).await;
    let magistrate = world[Belgium].officer().await;
    spent(magistrate.query(one, Mode::Real).await);
    assert_eq!(world[Belgium].events_of(Act::CallRefused).len(), 2, "before and after");
}

#[tokio::test(flavor = "multi_thread")]
async fn handing_in_under_a_case_takes_of_the_day_too_and_a_restart_knows_it() {
    let mut world = Federation::of(&[Belgium]).await;
    let case = world[Belgium].open_case("26-118-00431").await;
    let mut handed_in = link(Belgium, "advertisement");
    handed_in.case = Some(case.case_id);
    world[Belgium].submit(handed_in.clone()).await.unwrap();
    let query = Query {
        case: case.case_id,
        kind: Kind::Phone,
        fingerprints: vec![fingerprint(Kind::Phone, "+33199004201")],
        ask: Vec::new(),
        urgency: Urgency::Normal,
        exercise: false,
    };
    let dry = world[Belgium].officer().await.query(query.clone(), Mode::DryRun).await.unwrap();
    assert_eq!(dry.allowance.asked_today, 1);
    world[Belgium].kill();
    world[Belgium].start().await;
    let dry = world[Belgium].officer().await.query(query.clone(), Mode::DryRun).await.unwrap();
    assert!(dry.allowance.asked_today >= 1, "{:?}", dry.allowance);

    // A repeated one takes of the day as well, and writes nothing but that.
    let before = dry.allowance.asked_today;
    for _ in 0..20 {
        world[Belgium].submit(handed_in.clone()).await.unwrap();
    }
    world[Belgium].kill();
    world[Belgium].start().await;
    let dry = world[Belgium].officer().await.query(query, Mode::DryRun).await.unwrap();
    assert!(dry.allowance.asked_today >= before + 20, "{:?}", dry.allowance);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_at_matches_cases_and_ways_is_in_the_log() {
    let world = Federation::of(&[Belgium]).await;
    let belgian = &world[Belgium];
    let id: RecordId = belgian.submit(link(Belgium, "advertisement")).await.unwrap().record_id;
    let analyst = officer(belgian, "BE-1", OfficerRole::Analyst).await;
    analyst.list_hits(None).await.unwrap();
    analyst.list_cases(0).await.unwrap();
    analyst.record_reach(id.into()).await.unwrap();
    analyst.list_disputes(None).await.unwrap();
    analyst.list_approvals(None).await.unwrap();
    let looked = belgian.events_of(Act::Consulted);
    let notes: Vec<&str> =
        looked.iter().map(|event| event.local.note.as_deref().unwrap()).collect();
    assert_eq!(notes, ["matches", "cases", "how a record travels", "disputes", "approvals"]);
    let officer = Some("BE-1".parse().unwrap());
    assert!(looked.iter().all(|event| event.local.officer == officer));
    assert_eq!(looked[2].local.records, [id]);
}
