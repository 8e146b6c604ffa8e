//! What no country can lift: offences outside the agreement, RED, smuggled migrants, a direction
//! without a legal ground; and that a country's own rules only ever narrow what it sends itself.

use cedar_engine::{COMMON_FLOOR, Engine, Reading};
use domain::event::Act;
use domain::indicator::Kind;
use domain::label::HandlingSet;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use domain::submission::Submission;
use domain::value::{Age, Offence, Subject, Tlp, TransferBasis};
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{fingerprint, labels, link, submission};
use federation::envoy::Envoy;
use federation::patience::{PATIENCE, WATCH, stays, until};
use federation::world::Federation;
use node::error::NodeError;
use policy::label_space::Only;
use policy::survey::{Survey, WhyIdle};
use prost::Message as _;
use std::time::Instant;
use wire::tls::Port;
use wire::v1;
use wire::v1::ask_response::Answer as Said;

const HELD: &str = "+33199004217";
const OTHER: &str = "+33199004218";

/// The bytes of an answer with the instant taken out of it.
fn timeless(mut response: v1::AskResponse) -> Vec<u8> {
    match response.answer.as_mut().unwrap() {
        Said::Matched(matched) => matched.as_of_ms = 0,
        Said::Refused(_) => {}
    }
    response.encode_to_vec()
}

fn phone(offence: Offence) -> Submission {
    let mut phone = submission(Belgium, Kind::Phone, HELD);
    phone.offences = [offence].into();
    phone
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_offence_on_both_sides_answers_like_no_record_to_the_byte() {
    let mut world = Federation::found();
    // Forged documents are no offence in Spain.
    for entry in &mut world.terms.offence_map {
        if entry.offence == Offence::DocumentFraud && entry.country.as_str() == "ES" {
            entry.article = None;
        }
    }
    world.hand_out(&world.signed_by(&ALL));
    world.start(&[Belgium, Spain, France]).await;
    world.linked(&[Belgium, Spain, France]).await;
    world[Belgium].submit(phone(Offence::DocumentFraud)).await.unwrap();
    let mut forged = link(Belgium, "forged-permits");
    forged.offences = [Offence::DocumentFraud].into();
    let forged = world[Belgium].submit(forged).await.unwrap().record_id;
    until("France has the link", || world[France].holds(&forged)).await;
    stays("Spain has not", || !world[Spain].holds(&forged)).await;

    let mut spain = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let no_record = spain.question(Kind::Phone, &[fingerprint(Kind::Phone, OTHER)]).await;
    let no_record = timeless(spain.ask(&no_record).await.unwrap());
    let about_it = spain.question(Kind::Phone, &[fingerprint(Kind::Phone, HELD)]).await;
    assert_eq!(timeless(spain.ask(&about_it).await.unwrap()), no_record);
    let denied = world[Belgium].events_of(Act::Answered).pop().unwrap();
    assert_eq!(denied.shared.exchange, Some(about_it.commitment()));
    assert_eq!(denied.local.code, Some(RefusalCode::RuleDenied));
    assert_eq!(denied.local.rule.as_deref(), Some("code.dual-criminality"));
    assert!(denied.shared.code.is_none(), "the log that partners may see says nothing");

    // A question that itself relies on it is refused, whether something is held or not.
    let mut refused = Vec::new();
    for value in [HELD, OTHER] {
        let mut question = spain.question(Kind::Phone, &[fingerprint(Kind::Phone, value)]).await;
        question.terms.offence = Offence::DocumentFraud;
        refused.push(timeless(spain.ask(&question).await.unwrap()));
        let event = world[Belgium].events_of(Act::AnswerRefused).pop().unwrap();
        assert_eq!(event.local.rule.as_deref(), Some("code.dual-criminality"));
        assert_eq!(event.shared.code, Some(RefusalCode::OffenceNotCovered));
    }
    assert_eq!(refused[0], refused[1]);

    // France, where it is one, is answered.
    let mut france = Envoy::dial(&world, France, Belgium).await.unwrap();
    let question = france.question(Kind::Phone, &[fingerprint(Kind::Phone, HELD)]).await;
    assert_ne!(timeless(france.ask(&question).await.unwrap()), no_record);
}

fn red(path: &str) -> Submission {
    let mut red = link(Belgium, path);
    red.labels = labels(Tlp::Red);
    red
}

/// Everything that a partner is sent in a pull of the whole view.
async fn transcript(envoy: &mut Envoy) -> Vec<v1::PullResponse> {
    let wanted = envoy.whole_view().await;
    envoy.pull(wanted).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn red_leaves_no_trace_on_the_wire_not_even_when_it_goes() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    world.start(&[Belgium]).await;
    let amber = world[Belgium].submit(link(Belgium, "amber")).await.unwrap().record_id;
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let mut watch = envoy.client.watch(&AGREEMENT.parse().unwrap()).await.unwrap();
    let before = transcript(&mut envoy).await;
    assert!(before.iter().any(|message| message.section.is_some()), "the other one is sent");

    let first = world[Belgium].submit(red("red-one")).await.unwrap().record_id;
    world[Belgium].submit(red("red-two")).await.unwrap();
    assert_eq!(transcript(&mut envoy).await, before, "two records more change no byte");
    world[Belgium].officer().await.withdraw(first.into()).await.unwrap();
    assert_eq!(transcript(&mut envoy).await, before, "no tombstone tells that there was one");
    let nudged = tokio::time::timeout(WATCH, watch.changed()).await;
    assert!(nudged.is_err(), "not even a nudge: {nudged:?}");
    assert!(world[Belgium].holds(&amber));
    let reach = world[Belgium].officer().await.record_reach(amber.into()).await.unwrap();
    assert_eq!(reach.partners.len(), 3);
}

/// A permit for everything by a machine, RED included, to everybody.
const PERMITS_ALL: &str = "\n@id(\"BE89-all\")\n@reason(\"All is shared by machines.\")\n\
    permit (principal, action == Action::\"Share\", resource)\n\
    when { context.channel == Channel::\"AUTOMATED\" };\n";
/// The same for RED alone: no combination of labels is left that it could decide.
const PERMITS_RED: &str = "\n@id(\"BE90-red-too\")\n@reason(\"RED is shared by machines.\")\n\
    permit (principal, action == Action::\"Share\", resource)\n\
    when { resource.tlp == Tlp::\"RED\" && context.channel == Channel::\"AUTOMATED\" };\n";

const STOPS_SPAIN: &str = "\n@id(\"BE91-nothing-to-spain\")\n@reason(\"Nothing to Spain for now.\")\n\
    forbid (principal, action == Action::\"Share\", resource)\n\
    when { principal == Agency::\"es-pn\" };\n";

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_can_never_decide_keep_a_first_file_out_and_nothing_else_from_being_read() {
    let mut world = Federation::found();
    world.start(&[Belgium]).await;
    let second = world[Belgium].enrol("BE-2000");
    assert!(world[Belgium].dial_as(&second, Port::Officer).await.is_ok());
    node::officer::revoke(&world[Belgium].config, &"BE-2000".parse().unwrap()).unwrap();
    world[Belgium].set_policy(&format!("{}{PERMITS_RED}", Belgium.policy()));
    let refused = world[Belgium].try_reload().await.unwrap_err();
    assert!(matches!(&refused, NodeError::PolicyIdle { .. }), "{refused:?}");
    assert_eq!(world[Belgium].count_of(Act::PolicyRefused), 1);
    // The rest was read.
    let begun = Instant::now();
    while world[Belgium].dial_as(&second, Port::Officer).await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the revoked officer still comes in");
        tokio::time::sleep(WATCH / 10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_permit_for_red_changes_nothing_and_the_check_says_so() {
    let wide = format!("{}{PERMITS_ALL}", Belgium.policy());
    let local = format!("{wide}{PERMITS_RED}");
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    world[Belgium].set_policy(&wide);
    world.start(&[Belgium, Spain]).await;
    world.linked(&[Belgium, Spain]).await;
    let red = world[Belgium].submit(red("red")).await.unwrap();
    let amber = world[Belgium].submit(link(Belgium, "amber")).await.unwrap().record_id;
    until("the other one arrives", || world[Spain].holds(&amber)).await;
    stays("RED does not", || !world[Spain].holds(&red.record_id)).await;
    let reach = world[Belgium].officer().await.record_reach(red.record_id.into()).await.unwrap();
    let spain = reach.partners.iter().find(|one| one.partner.labels.agency == Spain.id());
    let denied = policy::Verdict::Deny { rules: vec!["code.tlp-red".to_owned()] };
    assert!(spain.unwrap().ways.iter().any(|(_, verdict)| *verdict == denied), "{spain:?}");

    // A permit that says nothing else is not even taken.
    world[Belgium].set_policy(&local);
    let refused = world[Belgium].try_reload().await.unwrap_err();
    assert!(matches!(&refused, NodeError::PolicyIdle { .. }), "{refused:?}");
    assert!(refused.to_string().contains("BE90-red-too, blocked by"), "{refused}");
    let logged = world[Belgium].events_of(Act::PolicyRefused).pop().unwrap();
    assert_eq!(logged.local.rule.as_deref(), Some("code.policy-idle"));
    // Beside a rule that closes something it is: closing must not wait.
    let closing = format!("{local}{STOPS_SPAIN}");
    world[Belgium].set_policy(&closing);
    world[Belgium].reload().await;
    until("the other one goes", || !world[Spain].holds(&amber)).await;
    // What `malines policy check` prints.
    let engine = Engine::load(COMMON_FLOOR, &local).unwrap();
    let reading = Reading::of(&[&engine]).unwrap();
    let only = Only::everything();
    let survey = Survey { conditions: reading.conditions(), oracle: &reading, only: &only };
    let [rulebook] = reading.rulebooks() else { panic!("one rulebook") };
    let idle = survey.idle_rules(rulebook, |_| true).unwrap();
    let found = idle.iter().find(|one| one.rule == "BE90-red-too").expect("it can never decide");
    assert!(matches!(&found.why, WhyIdle::Blocked { by } if !by.is_empty()), "{:?}", found.why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_that_narrows_its_rules_narrows_what_it_sends_and_nothing_else() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let narrowed = format!("{}{STOPS_SPAIN}", Belgium.policy());
    world[Belgium].set_policy(&narrowed);
    world[Belgium].reload().await;
    let mut ids = Vec::new();
    for agency in [Belgium, Spain, France] {
        let mut link = link(agency, agency.as_str());
        link.labels.handling = HandlingSet::EMPTY;
        ids.push((agency, world[agency].submit(link).await.unwrap().record_id));
    }
    let may_hold = |origin: Agency, holder: Agency| (origin, holder) != (Belgium, Spain);
    let pairs = || {
        ids.iter()
            .flat_map(|(origin, id)| [Belgium, Spain, France].map(|holder| (*origin, holder, *id)))
    };
    until("every other direction goes on", || {
        pairs().all(|(origin, holder, id)| !may_hold(origin, holder) || world[holder].holds(&id))
    })
    .await;
    stays("Spain gets nothing of Belgium's", || world[Spain].records_from(Belgium) == 0).await;
    let reach = world[Belgium].officer().await.record_reach(ids[0].1.into()).await.unwrap();
    let spain = reach.partners.iter().find(|one| one.partner.labels.agency == Spain.id());
    let denied = policy::Verdict::Deny { rules: vec!["BE91-nothing-to-spain".to_owned()] };
    assert!(spain.unwrap().ways.iter().any(|(_, verdict)| *verdict == denied), "{spain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smuggled_migrant_is_refused_at_creation_and_nothing_of_it_is_kept() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let canonical = "boats_to_tarifa_9";
    let mut person = submission(Belgium, Kind::Handle, canonical);
    (person.subject, person.age) = (Subject::SmuggledMigrant, Age::Adult);
    let x = person.x.clone();
    let refused = world[Belgium].submit(person).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::SmuggledMigrant);
    let logged = world[Belgium].events_of(Act::SubmissionRefused).pop().unwrap();
    assert_eq!(logged.local.code, Some(RefusalCode::SmuggledMigrant));
    assert!(world[Belgium].own_records().is_empty());
    let case = world[Belgium].open_case("BR20.F1.7/26").await;
    let report = world[Belgium].query(&case, Kind::Handle, vec![x.clone()], &[]).await;
    assert!(report.held.is_empty(), "it is not in the index");
    let mut needles = federation::needle::Needles::default();
    needles.text("the handle", canonical);
    let found = needles.found_under(&world[Belgium].config.data_folder);
    assert_eq!(found, Vec::<String>::new());
    stays("nothing leaves", || world[Spain].records_from(Belgium) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_a_transfer_basis_is_not_asked_and_says_so() {
    let mut world = Federation::found();
    for pair in &mut world.terms.pairs {
        if pair.from == Belgium.id() && pair.to == Morocco.id() {
            (pair.transfer_basis, pair.safeguards) = (TransferBasis::None, None);
        }
    }
    world.hand_out(&world.signed_by(&ALL));
    world.start(&[Belgium, Morocco]).await;
    let theirs = world[Morocco].submit(link(Morocco, "theirs")).await.unwrap().record_id;
    until("the other way is open", || world[Belgium].holds(&theirs)).await;
    let ours = world[Belgium].submit(link(Belgium, "ours")).await.unwrap().record_id;
    let not_asked = PartnerAnswer::NotAsked(RefusalCode::NoTransferBasis);
    // A question and its answer take both ways, whoever asks.
    for (asker, owner) in [(Belgium, Morocco), (Morocco, Belgium)] {
        let case = world[asker].open_case("2026/0098").await;
        assert_eq!(world[asker].ask(&case, Kind::Phone, HELD, owner).await, not_asked);
        let event = world[asker].events_of(Act::NotAsked).pop().unwrap();
        assert_eq!(event.local.rule.as_deref(), Some("code.pair"));
        let asked = [Act::Answered, Act::AnswerRefused];
        assert!(asked.iter().all(|act| world[owner].count_of(*act) == 0), "it never arrived");
    }
    stays("nothing goes this way", || !world[Morocco].holds(&ours)).await;
}
