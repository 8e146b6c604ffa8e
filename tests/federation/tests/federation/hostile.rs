//! Papers from a partner that lies: forged, replayed, foreign. They change nothing, and keep nobody
//! from hearing the good ones.

use agreement::declaration::{Declaration, Scope, Step};
use agreement::officer::{OfficerCertificate, OfficerRole, Power};
use agreement::{Agreement, Docket, Paper};
use domain::envelope::Signed;
use domain::event::Act;
use domain::name::Digest;
use domain::signature::{SecretKey, Signer as _};
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{link, now, random};
use federation::imposter::Imposter;
use federation::patience::{stays, until};
use federation::world::{Federation, sign};

fn all(docket: &Docket) -> Vec<Paper> {
    docket.papers().values().cloned().collect()
}

/// A declaration of a party, signed by anybody.
fn said(world: &Federation, party: Agency, n: u32, step: Step, signer: &SecretKey) -> Paper {
    let first = world.on_file(Belgium).register().first();
    let previous = (n > 1).then(|| Digest::from_bytes(random()));
    let said = Declaration { party: party.id(), n, previous, first, made_at: now(), step };
    Signed::seal(said, signer).into_parts().1.into()
}

/// Belgium and France are honest; in the place of Spain stands a liar with Spain's real node keys.
async fn against_spain() -> (Federation, Imposter) {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    let liar = Imposter::instead_of(&world, Spain, Belgium).await;
    world.start(&[Belgium, France]).await;
    world.linked(&[Belgium, France]).await;
    until("Belgium pulls from the liar", || liar.pulls() > 0).await;
    (world, liar)
}

/// The liar tells these; a good paper that it tells along is heard by Belgium.
async fn are_refused(world: &Federation, liar: &Imposter, what: &str, mut lies: Vec<Paper>) {
    let before = world.on_file(Belgium).papers().clone();
    let spain = &world[Spain];
    // Spain's node key is certified: this is as good as what the real node would say.
    let operator = spain.node_keys().operator.unwrap();
    let head = world.on_file(Belgium).state_head(&spain.id, now(), &*operator).unwrap();
    let (good, bad): (_, Vec<_>) = (head.hash(), lies.iter().map(Paper::hash).collect());
    lies.push(head);
    liar.tells(AGREEMENT, lies);
    until(what, || world.on_file(Belgium).papers().contains_key(&good)).await;
    let docket = world.on_file(Belgium);
    assert!(bad.iter().all(|hash| !docket.papers().contains_key(hash)), "{what}");
    let heads = docket.papers().keys().filter(|hash| !before.contains_key(*hash));
    assert!(heads.count() <= 3, "{what}: nothing but heads is new");
    for (from, to) in [(Belgium, France), (France, Belgium), (Belgium, Spain), (Morocco, Belgium)] {
        let why = world.why_not(Belgium, from, to);
        assert!(why.is_empty(), "{what}: {from:?} to {to:?}: {why:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_replayed_papers_are_not_taken_and_the_good_one_among_them_is() {
    let (world, liar) = against_spain().await;
    let stranger = SecretKey::from_seed(&random());
    let withdraw = |n, signer: &SecretKey| said(&world, Morocco, n, Step::Withdraw, signer);
    let everything = Step::Suspend { scope: Scope::All };
    are_refused(&world, &liar, "signed by a stranger", vec![withdraw(2, &stranger)]).await;
    let spains = world[Spain].authority_key();
    are_refused(&world, &liar, "by another party's authority", vec![withdraw(1, &spains)]).await;
    let operator = SecretKey::from_seed(&random());
    let by_itself = said(&world, France, 2, everything, &operator);
    are_refused(&world, &liar, "by a key that nobody certified", vec![by_itself]).await;

    // Spain's authority cannot certify an officer of France.
    let certificate = OfficerCertificate {
        agency: France.id(),
        officer: "FR-1".parse().unwrap(),
        role: OfficerRole::Magistrate,
        key: operator.public_key(),
        scope: Power::ALL.iter().copied().collect(),
        valid_from: now().minus_ms(1_000),
        valid_until: now().plus_days(30),
        authority: None,
    };
    let certificate = Signed::seal(certificate, &spains).into_parts().1.into();
    are_refused(&world, &liar, "certified by another authority", vec![certificate]).await;

    // What the same parties, with the same keys, signed about another agreement.
    let mut terms = world.terms.clone();
    terms.agreement_id = "other-2026".parse().unwrap();
    let other = Agreement::new(terms).unwrap();
    let mut docket = Docket::new(other.clone()).unwrap();
    let mut replayed = Vec::new();
    for agency in ALL {
        let key = world[agency].authority_key();
        replayed.push(docket.declare(&agency.id(), sign(&other), now(), &key).unwrap());
        replayed.push(docket.declare(&agency.id(), Step::Withdraw, now(), &key).unwrap());
    }
    are_refused(&world, &liar, "replayed from another agreement", replayed).await;

    // A manifest of France by Spain's root.
    let mut manifest = world[France].manifest.clone();
    manifest.sequence = 99;
    let manifest = Signed::seal(manifest, &world[Spain].root_key()).into_parts().1.into();
    are_refused(&world, &liar, "another agency's manifest", vec![manifest]).await;

    let id = world[France].submit(link(France, "honest")).await.unwrap().record_id;
    until("France is heard", || world[Belgium].holds(&id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_that_a_partner_brings_makes_no_partner_of_anybody() {
    let (world, liar) = against_spain().await;
    let before = world[Belgium].desk().partners();
    let bring = |id: &str, change: &dyn Fn(&mut agreement::Terms), signs: bool| {
        let mut terms = world.terms.clone();
        terms.agreement_id = id.parse().unwrap();
        change(&mut terms);
        let agreement = Agreement::new(terms).unwrap();
        let mut docket = Docket::new(agreement.clone()).unwrap();
        docket.admit(world[Spain].manifest_envelope.clone().into()).unwrap();
        if signs {
            let key = world[Spain].authority_key();
            docket.declare(&Spain.id(), sign(&agreement), now(), &key).unwrap();
        }
        liar.tells(id, all(&docket));
        docket
    };
    // Not signed by who brings it.
    bring("unsigned-2026", &|_| {}, false);
    // Under the name of another.
    let renamed = bring("good-2026", &|_| {}, true);
    liar.tells("renamed-2026", all(&renamed));
    // With another root for France.
    let stranger = SecretKey::from_seed(&random()).public_key();
    let other_root = |terms: &mut agreement::Terms| {
        let france = terms.parties.iter_mut().find(|party| party.agency == France.id());
        france.unwrap().root_key = stranger;
    };
    bring("root-2026", &other_root, true);
    until("the good one is on file", || {
        world[Belgium].desk().docket(&"good-2026".parse().unwrap()).is_some()
    })
    .await;
    stays("the others are not, and nobody is a partner by them", || {
        let desk = world[Belgium].desk();
        ["unsigned-2026", "renamed-2026", "root-2026"]
            .iter()
            .all(|id| desk.docket(&id.parse().unwrap()).is_none())
            && desk.partners() == before
    })
    .await;
    let filed = world[Belgium].events_of(Act::AgreementEvent);
    let brought: Vec<_> =
        filed.iter().filter(|event| event.shared.peer == Some(Spain.id())).collect();
    assert_eq!(brought.len(), 1, "the log names who brought it");
    assert_eq!(brought[0].shared.agreement.as_ref().unwrap().as_str(), "good-2026");
    assert_eq!(
        brought[0].local.note.as_deref(),
        Some("not signed by be-fedpol, fr-oltim, ma-dgsn")
    );
}
