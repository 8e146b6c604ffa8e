//! Nothing moves before every authority has signed, and a stranger's paper changes nobody.

use agreement::declaration::Declaration;
use agreement::{Agreement, Docket, Paper, WhyNot};
use domain::envelope::Signed;
use domain::event::Act;
use domain::indicator::Kind;
use domain::name::Digest;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use domain::report::Link;
use domain::signature::{SecretKey, Signer as _};
use federation::cast::{AGREEMENT, ALL, Agency::*};
use federation::draft::{fingerprint, link, now, random, submission};
use federation::envoy::{Envoy, code_of};
use federation::patience::{stays, until};
use federation::world::{Federation, sign};
use std::collections::BTreeSet;
use wire::client::CallFailure;

#[tokio::test(flavor = "multi_thread")]
async fn with_three_of_four_signatures_nothing_leaves_and_with_the_fourth_it_does() {
    let mut world = Federation::found();
    let three = world.signed_by(&[Belgium, Spain, France]);
    world.hand_out(&three);
    world.start(&ALL).await;
    let phone = submission(Belgium, Kind::Phone, "+33199004217");
    world[Belgium].submit(phone.clone()).await.unwrap();
    let id = world[Belgium].submit(link(Belgium, "early")).await.unwrap().record_id;
    let case = world[Spain].open_case("DP-2026-0098").await;
    let answer = world[Spain].ask(&case, Kind::Phone, "+33199004217", Belgium).await;
    assert_eq!(answer, PartnerAnswer::NotAsked(RefusalCode::AgreementNotInForce));
    // Whoever signed is let in for the papers, and for nothing else.
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let wanted = envoy.whole_view().await;
    let refused = envoy.pull(wanted).await.unwrap_err();
    assert_eq!(code_of(&refused), Some(RefusalCode::AgreementNotInForce));
    let moved =
        |world: &Federation| Belgium.others().any(|one| world[one].records_from(Belgium) > 0);
    stays("nothing left", || !moved(&world)).await;
    for agency in ALL {
        let acts: Vec<Act> = world[agency].events().iter().map(|e| e.shared.act).collect();
        for act in [Act::Shared, Act::Granted, Act::Received, Act::Answered, Act::Asked] {
            assert!(!acts.contains(&act), "{agency:?} has {act}");
        }
    }
    let status = world[Belgium].officer().await.status().await.unwrap();
    assert!(status.partners.iter().all(|partner| partner.link != Link::Up));
    let standing = &status.agreements[0].standing;
    assert_eq!(standing, "not signed by ma-dgsn");

    // The fourth signature comes while the nodes run, at Morocco's own node alone.
    let fourth = world.said_by(Morocco, sign(&Agreement::new(world.terms.clone()).unwrap()));
    world.file(&[Morocco], vec![fourth]).await;
    for partner in Belgium.others() {
        until("the record arrives without a restart", || world[partner].holds(&id)).await;
    }
    world.linked(&ALL).await;
    let answer = world[Spain].ask(&case, Kind::Phone, "+33199004217", Belgium).await;
    assert!(matches!(answer, PartnerAnswer::Match(_)), "{answer:?}");
}

/// A paper by a stranger who says he is Spain's authority and Spain's root, signed by himself.
fn strangers_paper(world: &Federation, id: &str, root: &SecretKey) -> Vec<Paper> {
    let authority = SecretKey::from_seed(&random());
    let mut terms = world.terms.clone();
    terms.agreement_id = id.parse().unwrap();
    let spain = terms.parties.iter_mut().find(|party| party.agency == Spain.id()).unwrap();
    (spain.root_key, spain.authority_key) = (root.public_key(), authority.public_key());
    let agreement = Agreement::new(terms).unwrap();
    let step = sign(&agreement);
    let mut docket = Docket::new(agreement).unwrap();
    let mut manifest = world[Spain].manifest.clone();
    manifest.sequence = 99;
    manifest.record_key = SecretKey::from_seed(&random()).public_key();
    manifest.node_authorities = vec![Digest::from_bytes(random())];
    manifest.addresses = vec!["127.0.0.1:9".to_owned()];
    docket.admit(Signed::seal(manifest, root).into_parts().1.into()).unwrap();
    docket.declare(&Spain.id(), step, now(), &authority).unwrap();
    docket.papers().values().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_paper_does_not_change_who_a_partner_is() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let before = world[Belgium].desk().partners();
    let root = SecretKey::from_seed(&random());
    let paper = strangers_paper(&world, "other-2026", &root);
    // Taken or refused, it may change nothing: an operator was tricked into filing it.
    let _ = world[Belgium].desk().file_papers(paper).await;
    assert_eq!(world[Belgium].desk().partners(), before);
    let id = world[Spain].submit(link(Spain, "real-spain")).await.unwrap().record_id;
    until("the real Spain is still heard", || world[Belgium].holds(&id)).await;

    // Not after a restart either, and not in whatever order the papers are read.
    let paper = strangers_paper(&world, "aa-2026", &root);
    let _ = world[Belgium].desk().file_papers(paper).await;
    world[Belgium].stop().await;
    world[Belgium].start().await;
    assert_eq!(world[Belgium].desk().partners(), before);
    world.linked(&[Belgium, Spain]).await;
    let id = world[Spain].submit(link(Spain, "spain-again")).await.unwrap().record_id;
    until("the real Spain is still heard", || world[Belgium].holds(&id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_or_signature_by_somebody_else_is_not_taken() {
    let mut world = Federation::of(&[Belgium]).await;
    let agreement = Agreement::new(world.terms.clone()).unwrap();
    world.terms.purpose_text = "Something else altogether.".to_owned();
    let renamed = world.signed_by(&ALL);
    let before = world.on_file(Belgium).root();
    let is_refused = async |papers: Vec<Paper>| {
        assert!(world[Belgium].desk().file_papers(papers).await.is_err());
        assert_eq!(world.on_file(Belgium).root(), before, "nothing was taken");
    };

    // Morocco's root says who Spain is.
    let mut manifest = world[Spain].manifest.clone();
    manifest.sequence = 2;
    let forged = Signed::seal(manifest, &world[Morocco].root_key()).into_parts().1;
    is_refused(vec![forged.into()]).await;

    // A stranger signs for Spain.
    let stranger = SecretKey::from_seed(&random());
    let step = sign(&agreement);
    let declared = world.on_file(Spain).declare(&Spain.id(), step.clone(), now(), &stranger);
    assert!(declared.is_err(), "the kit cannot even make one");
    let (party, first) = (Spain.id(), agreement.hash());
    let said = Declaration { party, n: 1, previous: None, first, made_at: now(), step };
    is_refused(vec![Signed::seal(said, &stranger).into_parts().1.into()]).await;

    // Other terms under the name that is known.
    is_refused(renamed.papers().values().cloned().collect()).await;
    let known = world[Belgium].desk().agreement(&AGREEMENT.parse().unwrap()).unwrap();
    assert_eq!(known.hash(), agreement.hash());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_of_two_is_nothing_to_the_third() {
    let mut world = Federation::of(&[Belgium, Spain, France]).await;
    let others = [Spain.id(), Morocco.id()];
    let mut pair = world.terms.clone();
    pair.agreement_id = "pair-2026".parse().unwrap();
    pair.parties.retain(|party| !others.contains(&party.agency));
    pair.pairs.retain(|pair| !others.contains(&pair.from) && !others.contains(&pair.to));
    pair.approvers.retain(|approver| !others.contains(&approver.party));
    let countries: Vec<_> = pair.parties.iter().map(|party| party.country.clone()).collect();
    pair.offence_map.retain(|entry| countries.contains(&entry.country));
    for clause in &mut pair.clauses {
        clause.binds.retain(|agency| !others.contains(agency));
    }
    let four = std::mem::replace(&mut world.terms, pair);
    let of_two = world.signed_by(&[Belgium, France]).papers().values().cloned().collect();
    // France hears of it from Belgium.
    world.file(&[Belgium], of_two).await;
    world.terms = four;

    let mut secret = link(Belgium, "of-two");
    secret.agreement = "pair-2026".parse().unwrap();
    secret.audience = [France.id()].into();
    let id = world[Belgium].submit(secret).await.unwrap().record_id;
    until("France gets it", || world[France].holds(&id)).await;

    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let mut of_two = envoy.whole_view().await;
    of_two.agreement = "pair-2026".to_owned();
    let mut of_nobody = of_two.clone();
    of_nobody.agreement = "none-2026".to_owned();
    let refused = envoy.pull(of_two).await.unwrap_err();
    let unknown = envoy.pull(of_nobody).await.unwrap_err();
    assert_eq!(refused.code(), unknown.code());
    assert_eq!(refused.message(), unknown.message());
    assert_eq!(refused.details(), unknown.details());
    assert_eq!(code_of(&refused), Some(RefusalCode::AgreementUnknown));
    assert_eq!(code_of(&unknown), Some(RefusalCode::AgreementUnknown));
    let dockets = envoy.client.list_dockets().await.unwrap();
    let names: Vec<&str> = dockets.iter().map(|(agreement, _)| agreement.as_str()).collect();
    assert_eq!(names, [AGREEMENT], "its papers are not told either");
    for id in ["pair-2026", "none-2026"] {
        let told = envoy.client.fetch_papers(&id.parse().unwrap(), &BTreeSet::new()).await;
        let unknown = RefusalCode::AgreementUnknown;
        assert!(matches!(told, Err(CallFailure::Refused(no)) if no.code == unknown));
    }
    let mut question =
        envoy.question(Kind::Phone, &[fingerprint(Kind::Phone, "+33199004217")]).await;
    question.terms.agreement = "pair-2026".parse().unwrap();
    let answer = envoy.ask(&question).await.unwrap();
    let answer = wire::convert::question::Answer::try_from(answer).unwrap();
    assert_eq!(answer, wire::convert::question::Answer::Refused(RefusalCode::AgreementUnknown));
    assert!(!world[Spain].holds(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_signs_two_different_words_for_one_place_has_said_nothing() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let before = world[Belgium].submit(link(Belgium, "before")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&before)).await;
    // Spain's authority signs the same terms a second time, as if it had not signed yet.
    let agreement = Agreement::new(world.terms.clone()).unwrap();
    let mut anew = Docket::new(agreement.clone()).unwrap();
    let again =
        anew.declare(&Spain.id(), sign(&agreement), now(), &world[Spain].authority_key()).unwrap();
    world.file(&[Belgium], vec![again]).await;
    let after = world[Belgium].submit(link(Belgium, "after")).await.unwrap().record_id;
    stays("nothing leaves while Spain's will is unclear", || !world[Spain].holds(&after)).await;
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let wanted = envoy.whole_view().await;
    let refused = envoy.pull(wanted).await.unwrap_err();
    assert_eq!(code_of(&refused), Some(RefusalCode::AgreementNotInForce));
    let state = world.on_file(Belgium).state(now());
    let why = state.why_not(&Belgium.id(), &Spain.id());
    assert!(why.contains(&WhyNot::Contradiction), "{why:?}");
    // Both words are kept, and everybody can see them.
    until("Spain hears of it", || !world.on_file(Spain).register().equivocations().is_empty())
        .await;
}
