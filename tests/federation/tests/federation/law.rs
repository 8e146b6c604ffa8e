//! The law of the agreement over running nodes: from when it counts, what one party stops, what all
//! of them change together, and what silence means.

use agreement::declaration::{Declaration, HEAD_AGE_MAX_MS, KeyReplacement, Scope, Step};
use agreement::{Agreement, Docket, Paper, SKEW_MS, WhyNot};
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::event::Act;
use domain::indicator::Kind;
use domain::name::Digest;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::Offence;
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{link, now, random};
use federation::patience::{stays, until};
use federation::world::{Federation, sign};
use std::time::Duration;

const PHONE: &str = "+33199004217";

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_counts_from_its_day_on_and_not_before() {
    let mut world = Federation::found();
    let begins = now().plus_ms(20_000);
    // It begins when both clocks, however they differ, are past its day.
    world.terms.valid_from = begins.minus_ms(SKEW_MS);
    world.hand_out(&world.signed_by(&ALL));
    world.start(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "early")).await.unwrap().record_id;
    let case = world[Spain].open_case("DP-2026-0098").await;
    let answer = world[Spain].ask(&case, Kind::Phone, PHONE, Belgium).await;
    let standing = world.standing(Belgium).await;
    let why = world.why_not(Belgium, Belgium, Spain);
    assert!(now() < begins, "this machine was too slow for the test");
    assert_eq!(answer, PartnerAnswer::NotAsked(RefusalCode::AgreementNotInForce));
    assert_eq!(standing, "signed by every party, not yet valid");
    assert_eq!(why, [WhyNot::NotYetValid].into());
    let refused = world[Spain].events_of(Act::NotAsked).pop().unwrap();
    assert_eq!(refused.local.rule.as_deref(), Some("code.in-force"));
    while now() < begins {
        let moved = world[Spain].records_from(Belgium) > 0;
        assert!(!moved || now() >= begins, "something left before its day");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("it is in force, without a restart", || world[Spain].holds(&id)).await;
    assert_eq!(world.standing(Spain).await, "in force");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direction_that_is_stopped_stops_alone() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    // Spain takes nothing more from Belgium, and goes on giving.
    let scope = || Scope::Pair { from: Belgium.id(), to: Spain.id() };
    let stopped = world.said_by(Spain, Step::Suspend { scope: scope() });
    world.file(&[Spain], vec![stopped]).await;
    until("Belgium knows", || {
        world.why_not(Belgium, Belgium, Spain) == [WhyNot::SuspendedPair].into()
    })
    .await;
    let id = world[Belgium].submit(link(Belgium, "meanwhile")).await.unwrap().record_id;
    until("France is served", || world[France].holds(&id)).await;
    let back = world[Spain].submit(link(Spain, "other-way")).await.unwrap().record_id;
    until("the other way is open", || world[Belgium].holds(&back) && world[France].holds(&back))
        .await;
    stays("this way is not", || !world[Spain].holds(&id)).await;
    assert_eq!(world.standing(Belgium).await, "in force, suspended from be-fedpol to es-pn");
    // A question and its answer take both ways.
    for (asker, owner) in [(Spain, Belgium), (Belgium, Spain)] {
        let case = world[asker].open_case("DP-2026-0098").await;
        let answer = world[asker].ask(&case, Kind::Phone, PHONE, owner).await;
        assert_eq!(answer, PartnerAnswer::NotAsked(RefusalCode::AgreementNotInForce));
        let event = world[asker].events_of(Act::NotAsked).pop().unwrap();
        assert_eq!(event.local.rule.as_deref(), Some("code.suspended"));
    }
    // Belgium cannot lift what Spain stopped.
    let lifted = world.said_by(Belgium, Step::Lift { scope: scope() });
    world.file(&[Belgium], vec![lifted]).await;
    stays("it stays stopped", || !world[Spain].holds(&id)).await;
    let lifted = world.said_by(Spain, Step::Lift { scope: scope() });
    world.file(&[Spain], vec![lifted]).await;
    until("Spain lifts it", || world[Spain].holds(&id)).await;
}

/// The second version: forged documents are no longer part of it.
fn without_document_fraud(first: &Agreement) -> Agreement {
    let mut terms = first.clone().into_terms();
    terms.version = 2;
    terms.supersedes = Some(first.hash());
    terms.offences.remove(&Offence::DocumentFraud);
    terms.offence_map.retain(|entry| entry.offence != Offence::DocumentFraud);
    for clause in &mut terms.clauses {
        clause.offences.remove(&Offence::DocumentFraud);
    }
    Agreement::new(terms).unwrap()
}

fn version_at(world: &Federation, agency: Agency) -> u32 {
    world[agency].desk().agreement(&AGREEMENT.parse().unwrap()).unwrap().version
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_takes_over_when_the_last_party_has_signed_it() {
    let world = Federation::four().await;
    let mut forged = link(Belgium, "forged-permits");
    forged.offences = [Offence::DocumentFraud].into();
    forged.benefit = None;
    let dropped = world[Belgium].submit(forged).await.unwrap().record_id;
    let kept = world[Belgium].submit(link(Belgium, "boats")).await.unwrap().record_id;
    for partner in Belgium.others() {
        until("both arrive", || world[partner].holds(&dropped) && world[partner].holds(&kept))
            .await;
    }
    let first = world.on_file(Belgium).register().first();
    let first = Agreement::clone(world.on_file(Belgium).register().version(&first).unwrap());
    let second = without_document_fraud(&first);
    let amend = Step::Amend {
        agreement: second.hash(),
        supersedes: first.hash(),
        sign_by: now().plus_days(30),
    };
    let amend = world.said_by(Belgium, amend);
    world.file(&[Belgium], vec![Paper::of_version(&second), amend]).await;
    for agency in [Belgium, Spain, France] {
        until("it is told", || world.on_file(agency).register().version(&second.hash()).is_some())
            .await;
        let signed = world.said_by(agency, sign(&second));
        world.file(&[agency], vec![signed]).await;
    }
    until("Morocco has heard of three signatures", || {
        let state = world.on_file(Morocco).state(now());
        let amended = state.versions.iter().find(|one| one.version == 2);
        amended.is_some_and(|one| one.missing == [Morocco.id()].into())
    })
    .await;
    stays("the first version counts until then", || {
        ALL.iter().all(|one| version_at(&world, *one) == 1 && world[*one].holds(&dropped))
    })
    .await;
    let signed = world.said_by(Morocco, sign(&second));
    world.file(&[Morocco], vec![signed]).await;
    for agency in ALL {
        until("the second version counts", || version_at(&world, agency) == 2).await;
    }
    for partner in Belgium.others() {
        until("what it does not cover goes", || !world[partner].holds(&dropped)).await;
        assert!(world[partner].holds(&kept), "and the rest stays");
    }
    let later = world[Spain].submit(link(Spain, "under-the-second")).await.unwrap().record_id;
    until("sharing goes on", || Spain.others().all(|one| world[one].holds(&later))).await;
    let mut refused = link(Belgium, "forged-again");
    refused.offences = [Offence::DocumentFraud].into();
    refused.benefit = None;
    let refused = world[Belgium].submit(refused).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::OffenceNotCovered);
    assert_eq!(refused.rule.as_deref(), Some("code.offence"));
}

/// Where a party's chain ends.
fn end_of(docket: &Docket, party: Agency) -> (u32, Option<Digest>) {
    let said = docket.papers().values().filter_map(|paper| match paper {
        Paper::Signed { envelope } if envelope.payload_type == Declaration::TYPE => {
            let declaration = Declaration::from_payload(&envelope.payload).unwrap();
            (declaration.party == party.id())
                .then(|| (declaration.n, Some(envelope.payload_hash())))
        }
        _ => None,
    });
    said.max().unwrap_or((0, None))
}

fn sealed<T: domain::envelope::Payload>(message: T, signer: &SecretKey) -> Envelope {
    Signed::seal(message, signer).into_parts().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_authority_key_is_silent_at_once_and_the_new_one_is_heard_when_all_accept() {
    let world = Federation::four().await;
    let morocco = &world[Morocco];
    let new_key = SecretKey::from_seed(&random());
    let docket = world.on_file(Morocco);
    let (after, after_hash) = end_of(&docket, Morocco);
    // Whoever stole the old key speaks with it, too late.
    let stolen = world.said_by(Morocco, Step::Withdraw);
    let replacement = KeyReplacement {
        party: Morocco.id(),
        first: docket.register().first(),
        sequence: 1,
        new_key: new_key.public_key(),
        after,
        after_hash,
        made_at: now(),
    };
    let replacement = sealed(replacement, &morocco.root_key());
    let named = replacement.payload_hash();
    world.file(&[Morocco], vec![replacement.into()]).await;
    for agency in ALL {
        until("the replacement is told", || {
            world.why_not(agency, Morocco, Spain).contains(&WhyNot::KeyPending)
        })
        .await;
    }
    world.file(&[Spain], vec![stolen]).await;
    let early = world[Morocco].submit(link(Morocco, "early")).await.unwrap().record_id;
    let to_them = world[Belgium].submit(link(Belgium, "to-them")).await.unwrap().record_id;
    until("the others go on", || world[Spain].holds(&to_them) && world[France].holds(&to_them))
        .await;
    stays("nothing to or from Morocco", || {
        !world[Morocco].holds(&to_them) && Morocco.others().all(|one| !world[one].holds(&early))
    })
    .await;
    for agency in Morocco.others() {
        let accepted = world.said_by(agency, Step::AcceptKey { replacement: named });
        world.file(&[agency], vec![accepted]).await;
    }
    // The first word of the new key.
    let head = world.on_file(Morocco).state_head(&Morocco.id(), now(), &new_key).unwrap();
    world.file(&[Morocco], vec![head]).await;
    until("Morocco is heard again", || Morocco.others().all(|one| world[one].holds(&early))).await;
    until("and told", || world[Morocco].holds(&to_them)).await;
    for agency in ALL {
        let why = world.why_not(agency, Morocco, Spain);
        assert!(why.is_empty(), "what the thief signed is void: {why:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_is_silent_for_seven_days_is_suspended_until_it_speaks() {
    let mut world = Federation::found();
    // Nobody certified the key of Spain's node, so it cannot say that nothing was said.
    world.certified.retain(|agency| *agency != Spain);
    let silent_from = now().plus_ms(20_000);
    world.hand_out(&world.signed_at(&ALL, silent_from.minus_ms(HEAD_AGE_MAX_MS)));
    world.start(&[Belgium, Spain, France]).await;
    world.linked(&[Belgium, Spain, France]).await;
    let before = world[Belgium].submit(link(Belgium, "before")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&before)).await;
    assert!(now() < silent_from, "this machine was too slow for the test");
    // The others' nodes have said that they are there.
    for agency in [Belgium, France] {
        let said = || world.on_file(Belgium).register().last_word(&agency.id());
        until("its word is given again", || said().unwrap() > silent_from.minus_ms(60_000)).await;
    }
    until("seven days are over", || {
        world.why_not(Belgium, Belgium, Spain) == [WhyNot::StaleHead].into()
    })
    .await;
    let after = world[Belgium].submit(link(Belgium, "after")).await.unwrap().record_id;
    until("France is served", || world[France].holds(&after)).await;
    stays("Spain gets nothing", || !world[Spain].holds(&after)).await;
    // Nobody runs in Morocco.
    assert_eq!(world.standing(Belgium).await, "in force, suspended for es-pn, ma-dgsn");
    let spain = &world[Spain];
    let head = world.on_file(Spain).state_head(&spain.id, now(), &spain.authority_key()).unwrap();
    world.file(&[Spain], vec![head]).await;
    until("Spain is served again", || world[Spain].holds(&after)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_a_minute_and_not_by_a_day() {
    for (ahead_ms, counts) in [(60_000, true), (Timestamp::DAY_MS, false)] {
        let mut world = Federation::found();
        let mut docket = world.signed_by(&[Belgium, France, Morocco]);
        let agreement = Agreement::new(world.terms.clone()).unwrap();
        let spain = &world[Spain];
        let ahead = now().plus_ms(ahead_ms);
        docket.declare(&spain.id, sign(&agreement), ahead, &spain.authority_key()).unwrap();
        world.hand_out(&docket);
        world.start(&[Belgium, Spain]).await;
        let id = world[Belgium].submit(link(Belgium, "page")).await.unwrap().record_id;
        if counts {
            until("it arrives", || world[Spain].holds(&id)).await;
        } else {
            assert_eq!(world.standing(Belgium).await, "not signed by es-pn");
            assert_eq!(world.why_not(Belgium, Belgium, Spain), [WhyNot::NotSigned].into());
            stays("a signature of tomorrow binds nobody", || !world[Spain].holds(&id)).await;
        }
    }
}
