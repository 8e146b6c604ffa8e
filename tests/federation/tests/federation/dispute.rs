//! Disputes: the disputer stops at once, everybody when two others concur or the originator agrees.

use domain::correction::{Changes, Correction};
use domain::dispute::{
    Dispute, DisputeOrder, DisputeReason, DisputeSide, DisputeState, ListedDispute, Note,
    RejectionReason, Ruling, Verdict,
};
use domain::duty::{Asked, Debtor, Duty};
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::event::Act;
use domain::indicator::Kind;
use domain::name::RecordId;
use domain::question::PartnerAnswer;
use domain::record::Version;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::signature::SecretKey;
use domain::submission::{Case, Repeated, Submission};
use federation::cast::{AGREEMENT, Agency, Agency::*};
use federation::draft::{fingerprint, link, now, random, sign_bytes};
use federation::envoy::Envoy;
use federation::patience::{stays, until};
use federation::world::Federation;
use wire::client::CallFailure;
use wire::v1;

fn order(case: &Case) -> DisputeOrder {
    let note = Some(Note::new("the shop, not him").unwrap());
    DisputeOrder { case: case.case_id, reason: DisputeReason::WrongPerson, note }
}

fn rejected() -> Ruling {
    Ruling { verdict: Verdict::Rejected, reason: Some(RejectionReason::RightPerson), note: None }
}

fn upheld() -> Ruling {
    Ruling { verdict: Verdict::Upheld, reason: None, note: None }
}

fn duties(world: &Federation, agency: Agency) -> Vec<Duty> {
    let listed = world[agency].desk().list_duties(None).unwrap();
    listed.into_iter().map(|(_, duty)| duty).collect()
}

fn disputes(world: &Federation, agency: Agency) -> Vec<ListedDispute> {
    let listed = world[agency].desk().list_disputes(None).unwrap();
    listed.into_iter().map(|(_, dispute)| dispute).collect()
}

fn version(world: &Federation, agency: Agency, id: &RecordId) -> u32 {
    world[agency].store().hit_row(id).map_or(0, |row| row.version.n)
}

/// How many records an officer's query finds in what the node has.
async fn found(world: &Federation, agency: Agency, case: &Case, path: &str) -> usize {
    let x = fingerprint(Kind::Url, &format!("https://passage-22.example/{path}"));
    world[agency].query(case, Kind::Url, vec![x], &[]).await.held.len()
}

fn code_of<T>(failed: Result<T, CallFailure>) -> Option<RefusalCode> {
    match failed {
        Err(CallFailure::Refused(refusal)) => Some(refusal.code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_stops_matching_at_once_outlives_a_restart_and_is_lifted_after_its_answer() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "shop")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;
    let case = world[Spain].open_case("DP-41").await;
    let belgian = world[Belgium].open_case("BR20.F1.11/26").await;
    assert_eq!(found(&world, Spain, &case, "shop").await, 1);
    let spaniard = world[Spain].officer().await;
    assert_eq!(spaniard.list_hits(None).await.unwrap().len(), 1);

    let receipt = spaniard.dispute_record(id.into(), order(&case)).await.unwrap();
    assert_eq!((receipt.origin, receipt.repeated), (Belgium.id(), Repeated::No));
    assert_eq!(found(&world, Spain, &case, "shop").await, 0, "at once, told or not");
    assert_eq!(spaniard.list_hits(None).await.unwrap(), []);
    let again = spaniard.dispute_record(id.into(), order(&case)).await.unwrap();
    assert_eq!((again.repeated, again.due), (Repeated::Yes, receipt.due));
    let mine = world[Belgium].officer().await;
    let own = mine.dispute_record(id.into(), order(&belgian)).await;
    assert_eq!(code_of(own), Some(RefusalCode::OriginMismatch));

    until("Belgium has it", || disputes(&world, Belgium).len() == 1).await;
    let [received] = disputes(&world, Belgium).try_into().unwrap();
    assert_eq!((received.side, received.partner), (DisputeSide::Received, Spain.id()));
    let [owed] = duties(&world, Belgium).try_into().unwrap();
    assert_eq!((owed.debtor, owed.asked), (Debtor::Ourselves, Asked::DisputeAnswer));
    let [owed] = duties(&world, Spain).try_into().unwrap();
    assert_eq!((owed.debtor, owed.agency), (Debtor::Partner, Belgium.id()));
    assert_eq!(owed.due, receipt.due);
    assert_eq!(found(&world, Belgium, &belgian, "shop").await, 1, "elsewhere it goes on");
    until("it was delivered", || disputes(&world, Spain)[0].state == DisputeState::Open).await;

    drop(spaniard);
    world[Spain].kill();
    world.start(&[Spain]).await;
    let spaniard = world[Spain].officer().await;
    assert_eq!(found(&world, Spain, &case, "shop").await, 0, "after a restart too");
    assert_eq!(code_of(spaniard.lift_dispute(id.into()).await), Some(RefusalCode::DisputeOpen));

    let answered = mine.rule_on_disputes(id.into(), rejected()).await.unwrap();
    assert_eq!((answered.told, answered.matching), (vec![Spain.id()], None));
    assert_eq!(answered.version, Version::FIRST, "nothing had stopped elsewhere");
    until("the answer comes", || disputes(&world, Spain)[0].state == DisputeState::Rejected).await;
    assert_eq!(disputes(&world, Spain)[0].rejection, Some(RejectionReason::RightPerson));
    assert_eq!(duties(&world, Spain), []);
    assert_eq!((duties(&world, Belgium), disputes(&world, Belgium)), (vec![], vec![]));
    assert_eq!(found(&world, Spain, &case, "shop").await, 0, "the disputer decides");
    spaniard.lift_dispute(id.into()).await.unwrap();
    assert_eq!(found(&world, Spain, &case, "shop").await, 1);
    assert_eq!(disputes(&world, Spain), []);
    assert_eq!(code_of(spaniard.lift_dispute(id.into()).await), Some(RefusalCode::NotHeld));
    assert_eq!(
        code_of(mine.rule_on_disputes(id.into(), upheld()).await),
        Some(RefusalCode::NotHeld)
    );
    for (agency, act) in [
        (Spain, Act::DisputeRaised),
        (Belgium, Act::DisputeReceived),
        (Belgium, Act::DisputeAnswered),
        (Spain, Act::DisputeAnswerReceived),
        (Spain, Act::DisputeLifted),
    ] {
        assert_eq!(world[agency].count_of(act), 1, "{act}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_others_that_concur_stop_it_everywhere_and_a_rejection_lets_it_go_on() {
    let world = Federation::four().await;
    let id = world[Belgium].submit(link(Belgium, "concur")).await.unwrap().record_id;
    let holders = [Spain, France, Morocco];
    for holder in holders {
        until("it arrives", || world[holder].holds(&id)).await;
    }
    let belgian = world[Belgium].open_case("BR20.F1.12/26").await;
    let mut cases = Vec::new();
    for holder in holders {
        cases.push(world[holder].open_case("REF-51").await);
    }
    let asked =
        || world[Morocco].ask(&cases[2], Kind::Url, "https://passage-22.example/concur", Belgium);
    assert!(matches!(asked().await, PartnerAnswer::Match(_)));
    for at in [0, 1] {
        let officer = world[holders[at]].officer().await;
        officer.dispute_record(id.into(), order(&cases[at])).await.unwrap();
        until("it is received", || disputes(&world, Belgium).len() == at + 1).await;
    }
    assert_eq!(version(&world, Belgium, &id), 1);
    assert_eq!(
        found(&world, Morocco, &cases[2], "concur").await,
        1,
        "one and one other are not enough"
    );
    assert_eq!(found(&world, Belgium, &belgian, "concur").await, 1);

    let moroccan = world[Morocco].officer().await;
    moroccan.dispute_record(id.into(), order(&cases[2])).await.unwrap();
    for agency in [Belgium, Spain, France, Morocco] {
        until("the stop is everywhere", || version(&world, agency, &id) == 2).await;
    }
    assert_eq!(world[Belgium].count_of(Act::MatchingStopped), 1);
    assert_eq!(found(&world, Belgium, &belgian, "concur").await, 0, "at its originator too");
    assert_eq!(asked().await, PartnerAnswer::NoMatch);
    let is_acknowledged = |duty: &Duty| duty.asked == Asked::DisputeAnswer;
    until("all say so", || duties(&world, Belgium).iter().all(is_acknowledged)).await;

    let officer = world[Belgium].officer().await;
    let answered = officer.rule_on_disputes(id.into(), rejected()).await.unwrap();
    assert_eq!((answered.told.len(), answered.version.n, answered.matching), (3, 3, None));
    assert_eq!(found(&world, Belgium, &belgian, "concur").await, 1, "it goes on");
    assert!(matches!(asked().await, PartnerAnswer::Match(_)));
    for (holder, case) in holders.into_iter().zip(&cases) {
        until("it comes", || version(&world, holder, &id) == 3).await;
        let is_rejected = || disputes(&world, holder)[0].state == DisputeState::Rejected;
        until("the answer comes", is_rejected).await;
        assert_eq!(found(&world, holder, case, "concur").await, 0, "each disputer decides");
    }
    moroccan.lift_dispute(id.into()).await.unwrap();
    assert_eq!(found(&world, Morocco, &cases[2], "concur").await, 1);
    until("nothing is owed", || duties(&world, Belgium).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upheld_dispute_stops_the_record_until_it_is_corrected_and_a_withdrawal_ends_all() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let [id, other] = [
        world[Belgium].submit(link(Belgium, "mend")).await.unwrap().record_id,
        world[Belgium].submit(link(Belgium, "gone")).await.unwrap().record_id,
    ];
    for holder in [Spain, France] {
        until("they arrive", || world[holder].holds(&id) && world[holder].holds(&other)).await;
    }
    let case = world[Spain].open_case("DP-42").await;
    let french = world[France].open_case("JIRS-42").await;
    let belgian = world[Belgium].open_case("BR20.F1.13/26").await;
    let spaniard = world[Spain].officer().await;
    for record in [id, other] {
        spaniard.dispute_record(record.into(), order(&case)).await.unwrap();
    }
    until("Belgium has them", || disputes(&world, Belgium).len() == 2).await;
    let officer = world[Belgium].officer().await;
    let answered = officer.rule_on_disputes(id.into(), upheld()).await.unwrap();
    assert_eq!(answered.version.n, 2);
    until("France stops too", || version(&world, France, &id) == 2).await;
    assert_eq!(found(&world, France, &french, "mend").await, 0);
    assert_eq!(found(&world, Belgium, &belgian, "mend").await, 0);
    assert!(duties(&world, Belgium).iter().any(|duty| duty.asked == Asked::Remedy));
    let is_upheld = |one: &ListedDispute| one.state == DisputeState::Upheld;
    until("Spain knows", || disputes(&world, Spain).iter().any(is_upheld)).await;

    let changes = Changes { valid_until: Some(now().plus_days(61)), ..Changes::default() };
    let reason = "the shop, not him".to_owned();
    let wanted = Correction { case: belgian.case_id, expected: None, reason, changes };
    officer.correct(id.into(), wanted, Mode::Real).await.unwrap();
    for holder in [Spain, France] {
        until("the correction arrives", || version(&world, holder, &id) == 3).await;
    }
    assert_eq!(found(&world, France, &french, "mend").await, 1);
    assert_eq!(found(&world, Spain, &case, "mend").await, 1, "what it disputed is corrected");

    officer.withdraw(other.into()).await.unwrap();
    until("Spain has nothing left to dispute", || disputes(&world, Spain).is_empty()).await;
    until("nobody owes anything", || {
        duties(&world, Belgium).is_empty() && duties(&world, Spain).is_empty()
    })
    .await;
    assert_eq!(disputes(&world, Belgium), []);
}

async fn hand_in(envoy: &mut Envoy, said: Envelope) -> Result<(), tonic::Code> {
    let message = v1::RaiseDisputeRequest { dispute: Some(said.into()) };
    let taken = envoy.raw.raise_dispute(message).await;
    taken.map(|_| ()).map_err(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_of_what_was_not_sent_is_answered_like_one_of_nothing() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let hidden = Submission { audience: [Spain.id()].into(), ..link(Belgium, "hidden") };
    let hidden = world[Belgium].submit(hidden).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&hidden)).await;
    let said = |change: &dyn Fn(&mut Dispute)| {
        let mut said = Dispute {
            record_id: hidden,
            version: Version::FIRST,
            origin: Belgium.id(),
            disputer: France.id(),
            agreement: AGREEMENT.parse().unwrap(),
            reason: DisputeReason::NotLawful,
            note: None,
            at: now(),
        };
        change(&mut said);
        said
    };
    let by = |agency: Agency, said| {
        Signed::seal(said, &*world[agency].node_keys().record).into_parts().1
    };
    let mut france = Envoy::dial(&world, France, Belgium).await.unwrap();
    let nothing = RecordId::from_bytes(random());
    let unknown = hand_in(&mut france, by(France, said(&|said| said.record_id = nothing))).await;
    let unseen = hand_in(&mut france, by(France, said(&|_| ()))).await;
    assert_eq!((unknown, unseen), (Ok(()), Ok(())));
    // Each is one entry, so that they take the same steps.
    assert_eq!(world[Belgium].count_of(Act::DisputeRefused), 2);
    assert_eq!(disputes(&world, Belgium), []);

    let stranger = SecretKey::from_seed(&[9; 32]);
    let forged = sign_bytes(Dispute::TYPE, said(&|_| ()).to_payload(), &stranger);
    for (what, one) in [
        ("forged", forged),
        ("of another", by(France, said(&|said| said.disputer = Spain.id()))),
        ("of another's record", by(France, said(&|said| said.origin = Spain.id()))),
        ("signed by another", by(Spain, said(&|_| ()))),
        ("from the future", by(France, said(&|said| said.at = now().plus_days(1)))),
    ] {
        assert!(hand_in(&mut france, one).await.is_err(), "{what}");
    }
    let newer = said(&|said| {
        said.disputer = Spain.id();
        said.version = Version { epoch: 1, n: 9 };
    });
    let mut spain = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    assert_eq!(hand_in(&mut spain, by(Spain, newer)).await, Ok(()), "a version it was never sent");
    stays("nothing is disputed", || disputes(&world, Belgium).is_empty()).await;
    // The same dispute twice is one, and one dispute of each agency is open at a time.
    let good = by(Spain, said(&|said| said.disputer = Spain.id()));
    for _ in 0..2 {
        assert_eq!(hand_in(&mut spain, good.clone()).await, Ok(()));
    }
    assert_eq!(disputes(&world, Belgium).len(), 1);
    assert_eq!(world[Belgium].count_of(Act::DisputeReceived), 1);
}
