//! Path B: a live question has one of five outcomes, and "no match" tells nothing.

use domain::event::Act;
use domain::indicator::Kind;
use domain::question::{NoAnswer, PartnerAnswer};
use domain::refusal::RefusalCode;
use domain::submission::Submission;
use domain::value::{Purpose, Tlp};
use federation::cast::{ALL, Agency::*};
use federation::draft::{fingerprint, labels, now, random, submission};
use federation::envoy::Envoy;
use federation::imposter::{Imposter, Manner, answer, matched};
use federation::world::Federation;
use prost::Message as _;
use std::collections::BTreeSet;
use wire::convert::question::Answer;
use wire::v1;
use wire::v1::ask_response::Answer as Said;

const PHONE: &str = "+33199004217";
const OTHER: &str = "+33199004218";

fn phone(tlp: Tlp, canonical: &str) -> Submission {
    let mut phone = submission(Belgium, Kind::Phone, canonical);
    phone.labels = labels(tlp);
    phone
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_outcomes_of_a_question_are_five_values() {
    let mut world = Federation::found();
    // No ground to ask France, and France none to answer.
    let (spain, france) = (Spain.id(), France.id());
    world.terms.pairs.retain(|pair| !(pair.from == spain && pair.to == france));
    world.hand_out(&world.signed_by(&ALL));
    world.start(&ALL).await;
    world.linked(&[Belgium, Spain]).await;
    world.linked(&[Spain, Morocco]).await;
    world[Belgium].submit(phone(Tlp::Amber, PHONE)).await.unwrap();
    let case = world[Spain].open_case("DP-2026-0098").await;
    let prosecution = world[Spain].open_case_for("DP-2026-0099", Purpose::Prosecution).await;

    let matched = world[Spain].ask(&case, Kind::Phone, PHONE, Belgium).await;
    assert!(matches!(&matched, PartnerAnswer::Match(found)
        if found.len() == 1 && found[0].tlp == Tlp::Amber && found[0].kind == Kind::Phone));
    let no_match = world[Spain].ask(&case, Kind::Phone, OTHER, Belgium).await;
    assert_eq!(no_match, PartnerAnswer::NoMatch);
    let refused = world[Spain].ask(&prosecution, Kind::Phone, PHONE, Belgium).await;
    assert!(matches!(refused, PartnerAnswer::Refused(_)), "{refused:?}");
    let not_asked = world[Spain].ask(&case, Kind::Phone, PHONE, France).await;
    assert_eq!(not_asked, PartnerAnswer::NotAsked(RefusalCode::NoTransferBasis));
    assert_eq!(world[France].count_of(Act::Answered), 0, "France was not asked");
    assert_eq!(world[France].count_of(Act::AnswerRefused), 0, "France was not asked");
    world[Morocco].kill();
    let no_answer = world[Spain].ask(&case, Kind::Phone, PHONE, Morocco).await;
    assert_eq!(no_answer, PartnerAnswer::NoAnswer(NoAnswer::Unreachable));

    // Asked at once, each partner has its own row.
    let asked = [Belgium, France, Morocco];
    let x = fingerprint(Kind::Phone, PHONE);
    let report = world[Spain].query(&case, Kind::Phone, vec![x], &asked).await;
    let rows: Vec<_> = report.answers.iter().map(|row| row.answer.as_ref().unwrap()).collect();
    assert!(matches!(
        rows.as_slice(),
        [PartnerAnswer::Match(_), PartnerAnswer::NotAsked(_), PartnerAnswer::NoAnswer(_)]
    ));
    assert_eq!(world[Spain].officer().await.list_hits(None).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_outside_its_clause_is_refused_before_anything_is_looked_up() {
    let world = Federation::of(&[Belgium, Spain]).await;
    world[Belgium].submit(phone(Tlp::Amber, PHONE)).await.unwrap();
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let good = envoy.question(Kind::Phone, &[fingerprint(Kind::Phone, PHONE)]).await;
    let mut questions = vec![good.clone(); 7];
    questions[0].terms.purpose = Purpose::Detection;
    questions[1].terms.offence = domain::value::Offence::Terrorism;
    questions[2].terms.clause = "9.9".parse().unwrap();
    questions[3].terms.agreement = "other-2026".parse().unwrap();
    questions[4].epoch = domain::token::TokenEpoch(7);
    questions[5].asked_at = now().minus_ms(10 * 60 * 1000);
    questions[6].terms.purpose = Purpose::Prosecution;
    let codes = [
        RefusalCode::PurposeNotCovered,
        RefusalCode::OffenceNotCovered,
        RefusalCode::PurposeNotCovered,
        RefusalCode::AgreementUnknown,
        RefusalCode::EpochNotLive,
        RefusalCode::Malformed,
        RefusalCode::PolicyDenied,
    ];
    for (question, code) in questions.iter().zip(codes) {
        let said = Answer::try_from(envoy.ask(question).await.unwrap()).unwrap();
        assert_eq!(said, Answer::Refused(code));
    }
    let refusals = world[Belgium].events_of(Act::AnswerRefused);
    let logged: Vec<_> = refusals.iter().map(|event| event.shared.code.unwrap()).collect();
    assert_eq!(logged, codes, "each is an entry of the log");
    assert_eq!(world[Belgium].count_of(Act::Answered), 0);
    let said = Answer::try_from(envoy.ask(&good).await.unwrap()).unwrap();
    assert!(matches!(said, Answer::Match { .. }), "the lawful question is answered");
}

/// The bytes of an answer with the instant taken out of it.
fn timeless(mut response: v1::AskResponse) -> (usize, Vec<u8>) {
    let size = response.encoded_len();
    match response.answer.as_mut().unwrap() {
        Said::Matched(matched) => matched.as_of_ms = 0,
        Said::Refused(_) => panic!("a refusal"),
    }
    (size, response.encode_to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_policy_keeps_back_answers_like_no_record_to_the_byte() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let mut not_for_spain = phone(Tlp::Amber, "+33199004202");
    not_for_spain.audience.remove(&Spain.id());
    let mut other_purpose = phone(Tlp::Amber, "+33199004203");
    other_purpose.purposes = BTreeSet::from([Purpose::Detection]);
    let mut exercise = phone(Tlp::Amber, "+33199004204");
    exercise.exercise = true;
    let mut expiring = phone(Tlp::Amber, "+33199004206");
    expiring.valid_until = now().plus_ms(1_500);
    expiring.review_at = expiring.valid_until;
    let withdrawn = phone(Tlp::Amber, "+33199004205");
    let kept_back = vec![
        phone(Tlp::Red, "+33199004201"),
        not_for_spain,
        other_purpose,
        exercise,
        withdrawn,
        expiring,
    ];
    let xs: Vec<_> = kept_back.iter().map(|phone| phone.x.clone()).collect();
    let ids = world[Belgium].submit_all(kept_back).await;
    world[Belgium].officer().await.withdraw(ids[4].into()).await.unwrap();
    federation::patience::until("one has expired", || !world[Belgium].holds(&ids[5])).await;

    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let nothing = envoy.question(Kind::Phone, &[fingerprint(Kind::Phone, OTHER)]).await;
    let no_record = timeless(envoy.ask(&nothing).await.unwrap());
    for x in xs {
        let question = envoy.question(Kind::Phone, &[x]).await;
        assert_eq!(timeless(envoy.ask(&question).await.unwrap()), no_record);
    }
    // A fingerprint asked about as another kind is nothing either.
    let question = envoy.question(Kind::Email, &[fingerprint(Kind::Phone, "+33199004201")]).await;
    assert_eq!(timeless(envoy.ask(&question).await.unwrap()), no_record);
    assert_eq!(no_record.0 % 4096, 0, "padded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_stays_spent_over_a_restart_and_is_each_partners_own() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    world[Belgium].config.quota_per_day = 32;
    world.start(&[Belgium, Spain, France]).await;
    world.linked(&[Belgium, Spain, France]).await;
    world[Belgium].submit(phone(Tlp::Amber, PHONE)).await.unwrap();
    let case = world[Spain].open_case("DP-2026-0098").await;
    for _ in 0..2 {
        let answer = world[Spain].ask(&case, Kind::Phone, PHONE, Belgium).await;
        assert!(matches!(answer, PartnerAnswer::Match(_)));
    }
    let spent = PartnerAnswer::Refused(RefusalCode::QuotaSpent);
    assert_eq!(world[Spain].ask(&case, Kind::Phone, PHONE, Belgium).await, spent);
    assert_eq!(world[Spain].ask(&case, Kind::Phone, OTHER, Belgium).await, spent);
    world[Belgium].kill();
    world[Belgium].start().await;
    world.linked(&[Belgium, Spain, France]).await;
    assert_eq!(world[Spain].ask(&case, Kind::Phone, PHONE, Belgium).await, spent);
    let case = world[France].open_case("PARQUET-2026-771").await;
    let answer = world[France].ask(&case, Kind::Phone, PHONE, Belgium).await;
    assert!(matches!(answer, PartnerAnswer::Match(_)), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_hangs_or_lies_gave_no_answer() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    let imposter = Imposter::instead_of(&world, Spain, Belgium).await;
    world.start(&[Belgium]).await;
    federation::patience::until("Belgium has its token key", || {
        let agreement = federation::cast::AGREEMENT.parse().unwrap();
        world[Belgium].desk().holds_token_key(&agreement, &Spain.id()) == desk::keys::KeyHeld::Yes
    })
    .await;
    let case = world[Belgium].open_case("26-118-00431").await;
    let stranger = domain::signature::SecretKey::from_seed(&random());
    let matches = |asker: federation::cast::Agency| domain::question::Matches {
        owner: Spain.id(),
        asker: asker.id(),
        question: domain::name::Digest::from_bytes(random()),
        as_of: now(),
        matches: Vec::new(),
    };
    let sealed = |signer: &dyn domain::signature::Signer, asker| {
        let signed = domain::envelope::Signed::seal(matches(asker), signer);
        Some(signed.into_parts().1)
    };
    let lies = [
        ("no answer in the answer", v1::AskResponse::default()),
        ("a refusal without a code", answer(Said::Refused(0))),
        ("a refusal that nobody knows", answer(Said::Refused(999))),
        ("a refusal that tells what is held", answer(Said::Refused(47))),
        ("signed by a stranger", matched(now(), sealed(&stranger, Belgium))),
        ("for somebody else", matched(now(), sealed(imposter.signer(), France))),
        ("about another question", matched(now(), sealed(imposter.signer(), Belgium))),
        ("too much padding", v1::AskResponse { padding: vec![0; 100_000], ..matched(now(), None) }),
        (
            "more than anybody takes",
            v1::AskResponse { padding: vec![0; 2 * 1024 * 1024], ..matched(now(), None) },
        ),
    ];
    for (what, lie) in lies {
        imposter.answers(Manner::Says(lie));
        let answer = world[Belgium].ask(&case, Kind::Phone, PHONE, Spain).await;
        assert_eq!(answer, PartnerAnswer::NoAnswer(NoAnswer::Misbehaved), "{what}");
    }
    let alarms = world[Belgium].events_of(Act::Alarm);
    assert_eq!(alarms.len(), 3, "what was signed wrongly is an alarm");

    imposter.answers(Manner::Says(matched(now(), None)));
    let answer = world[Belgium].ask(&case, Kind::Phone, PHONE, Spain).await;
    assert_eq!(answer, PartnerAnswer::NoMatch, "an honest word is believed");
    imposter.answers(Manner::Silent);
    let answer = world[Belgium].ask(&case, Kind::Phone, PHONE, Spain).await;
    assert_eq!(answer, PartnerAnswer::NoAnswer(NoAnswer::TimedOut));
    assert_eq!(world[Belgium].count_of(Act::Asked), 11, "each question is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_question_is_kept_but_a_commitment() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let question = envoy.question(Kind::Phone, &[fingerprint(Kind::Phone, OTHER)]).await;
    envoy.ask(&question).await.unwrap();
    let mut tokens = federation::needle::Needles::default();
    for token in &question.tokens {
        tokens.bytes("a token", token.as_bytes());
    }
    tokens.bytes("the case", question.case.as_bytes());
    let found = tokens.found_under(&world[Belgium].config.data_folder);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(tokens.found_in(&federation::record_log::so_far()), Vec::<&str>::new());
    let answered = world[Belgium].events_of(Act::Answered);
    assert_eq!(answered.len(), 1);
    assert_eq!(answered[0].shared.exchange, Some(question.commitment()));
    let mut commitment = federation::needle::Needles::default();
    commitment.bytes("the commitment", question.commitment().as_bytes());
    assert_eq!(commitment.found_in(&world[Belgium].export()), ["the commitment as bytes"]);
}
