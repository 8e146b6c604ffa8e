//! Canaries: one of each kind that can be guessed is planted, and found in nothing that others get.

use domain::indicator::Kind;
use domain::name::RecordId;
use domain::question::PartnerAnswer;
use domain::submission::Submission;
use domain::token::Token;
use domain::value::Tlp;
use federation::cast::{Agency, Agency::*};
use federation::draft::{fingerprint, labels, link, submission};
use federation::envoy::Envoy;
use federation::needle::Needles;
use federation::patience::until;
use federation::record_log;
use federation::world::Federation;
use prost::Message as _;

/// One of each kind that is never replicated, in its canonical form. All invented.
const CANARIES: [(Kind, &str); 9] = [
    (Kind::Phone, "+33199004217"),
    (Kind::Email, "passage.tarifa@smuggler.example"),
    (Kind::Iban, "BE71096123456769"),
    (Kind::NumericId, "100099887766551"),
    (Kind::Handle, "harraga_canary_22"),
    (Kind::Wallet, "bc1qcanarycanarycanarycanarycanary22"),
    (Kind::ChannelId, "1899887766"),
    (Kind::UrlWithIdentifier, "https://passage-22.example/chat?to=canary_22"),
    (Kind::InviteCodeShort, "CaNaRy22xYz"),
];
/// Belgium's reference of the national proceeding.
const REFERENCE: &str = "BR20.F1.CANARY/26";
/// The reference of the proceeding in Spain.
const SPANISH_REFERENCE: &str = "DP-2026-CANARY";

/// Plants a canary of each kind, and a link that does leave.
async fn plant(world: &Federation) -> (Vec<RecordId>, RecordId) {
    let case = world[Belgium].open_case(REFERENCE).await;
    let in_case = |mut submission: Submission| {
        submission.case = Some(case.case_id);
        submission
    };
    let canaries = CANARIES.map(|(kind, value)| in_case(submission(Belgium, kind, value)));
    let sealed = world[Belgium].submit_all(canaries.to_vec()).await;
    let mut strict = in_case(link(Belgium, "tarifs"));
    strict.labels = labels(Tlp::AmberStrict);
    let left = world[Belgium].submit_all(vec![strict]).await;
    (sealed, left[0])
}

/// Every message that a partner gets when it pulls everything it may see, and its token keys.
async fn everything_sent_to(world: &Federation, partner: Agency) -> Vec<u8> {
    let mut envoy = Envoy::dial(world, partner, Belgium).await.unwrap();
    let mut bytes = envoy.hello().await.encode_to_vec();
    let wanted = envoy.whole_view().await;
    for message in envoy.pull(wanted).await.unwrap() {
        bytes.extend(message.encode_to_vec());
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_guessed_is_in_nothing_that_others_get() {
    let world = Federation::four().await;
    let (sealed, left) = plant(&world).await;
    for partner in [Spain, France] {
        until("the link arrives", || world[partner].holds(&left)).await;
    }

    // What partners were sent before anybody asks.
    let mut guesses = Needles::default();
    for (kind, value) in CANARIES {
        guesses.text(kind.as_str(), value);
        guesses.bytes(kind.as_str(), fingerprint(kind, value).expose());
    }
    let mut ids = Needles::default();
    for record_id in &sealed {
        ids.bytes("the id of a record that stays", record_id.as_bytes());
    }
    let mut sent = Vec::new();
    for partner in Belgium.others() {
        sent.extend(everything_sent_to(&world, partner).await);
    }
    assert!(sent.len() > 1_000, "something was sent");
    assert_eq!(guesses.found_in(&sent), Vec::<&str>::new(), "in what partners were sent");

    // Now Spain asks about every one of them, and gets a match for each.
    let case = world[Spain].open_case(SPANISH_REFERENCE).await;
    for (kind, value) in CANARIES {
        let answer = world[Spain].ask(&case, kind, value, Belgium).await;
        assert!(matches!(answer, PartnerAnswer::Match(found) if found.len() == 1), "{kind}");
    }
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let (_, key) = envoy.token_key().await;
    for (kind, value) in CANARIES {
        let token: Token = key.token(&fingerprint(kind, value));
        guesses.bytes(&format!("the token of {kind}"), token.as_bytes());
    }

    let mut sent = Vec::new();
    for partner in Belgium.others() {
        sent.extend(everything_sent_to(&world, partner).await);
    }
    assert_eq!(guesses.found_in(&sent), Vec::<&str>::new(), "in what partners were sent later");
    assert_eq!(ids.found_in(&sent), Vec::<&str>::new(), "in what partners were sent later");
    for agency in [Belgium, Spain, France, Morocco] {
        let export = world[agency].export();
        let names_records = agency == Belgium;
        assert_eq!(!ids.found_in(&export).is_empty(), names_records, "the log of {agency:?}");
        assert_eq!(guesses.found_in(&export), Vec::<&str>::new(), "in the export of {agency:?}");
    }
    let log = record_log::so_far();
    assert_eq!(guesses.found_in(&log), Vec::<&str>::new(), "in the logs");
    look_into_folders(world, &guesses).await;
}

/// The folders as they lie on the disk: while the nodes run, and after they stopped in order.
async fn look_into_folders(mut world: Federation, guesses: &Needles) {
    let mut private = Needles::default();
    private.text("the Belgian reference", REFERENCE);
    private.text("the Belgian officer", Belgium.officer());
    // What is looked for is found where it is in clear: the search is not blind.
    let mut there = Needles::default();
    there.text("the agreement", federation::cast::AGREEMENT);
    for round in ["running", "stopped"] {
        for agency in [Belgium, Spain, France, Morocco] {
            let folder = world[agency].config.data_folder.clone();
            assert!(!there.found_under(&folder).is_empty(), "{agency:?} is {round}");
            let found = guesses.found_under(&folder);
            assert_eq!(found, Vec::<String>::new(), "{agency:?} is {round}");
        }
        for partner in Belgium.others() {
            let found = private.found_under(world[partner].home());
            assert_eq!(found, Vec::<String>::new(), "{partner:?} is {round}");
        }
        if round == "running" {
            for agency in [Belgium, Spain, France, Morocco] {
                world[agency].stop().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn references_and_pseudonyms_reach_no_partner_and_no_log() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let (_, left) = plant(&world).await;
    until("the link arrives", || world[Spain].holds(&left)).await;
    let case = world[Spain].open_case(SPANISH_REFERENCE).await;
    world[Spain].ask(&case, Kind::Phone, CANARIES[0].1, Belgium).await;
    let mut private = Needles::default();
    private.text("the Belgian reference", REFERENCE);
    private.text("the Spanish reference", SPANISH_REFERENCE);
    for (agency, other) in [(Belgium, Spain), (Spain, Belgium)] {
        let mut of_other = Needles::default();
        of_other.text("the other's officer", other.officer());
        assert!(of_other.found_in(&world[agency].export()).is_empty());
        // An own reference is sealed, and in no part of the log that is shown.
        assert_eq!(private.found_in(&world[agency].export()), Vec::<&str>::new());
        let folder = &world[agency].config.data_folder;
        assert_eq!(private.found_under(folder), Vec::<String>::new());
    }
    assert_eq!(private.found_in(&everything_sent_to(&world, Spain).await), Vec::<&str>::new());
    let log = record_log::so_far();
    private.text("the Belgian officer", "officer/BE-1042");
    assert_eq!(private.found_in(&log), Vec::<&str>::new());
    let mut logged = Needles::default();
    logged.text("a line of a node", "agreement on file");
    assert_eq!(logged.found_in(&log).len(), 1, "the log is being kept");
}
