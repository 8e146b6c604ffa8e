//! Four operators and four authorities make one bundle, and it binds only when it should.

use crate::kit::{Agency, four, signed, terms, then};
use agreement::Standing;
use domain::name::AgencyId;
use node::bundle;
use node::check::{Verdict, check};
use node::error::NodeError;

#[test]
fn drafted_signed_by_four_and_in_force() {
    let agencies = four(then());
    let all: Vec<&Agency> = agencies.iter().collect();
    let three = signed(&agencies, &all[..3], then());
    let text = bundle::show(&three, then()).unwrap();
    assert!(text.ends_with("Standing now: not signed by ma-dgsn\n"), "{text}");
    let four = signed(&agencies, &all, then());
    let text = bundle::show(&four, then()).unwrap();
    assert!(text.ends_with("Standing now: in force\n"), "{text}");
    for says in [
        "Agreement malines-2026, version 1",
        "be-fedpol -> ma-dgsn: LED_37_1A_INSTRUMENT, safeguards ",
        "4.2  A party may ask the others about an identifier in a named case.",
        "MIGRANT_SMUGGLING in MA: Loi 02-03, Art. 52",
        "  be-fedpol        signed      node at 127.0.0.1:7443",
    ] {
        assert!(text.contains(says), "{says}\n{text}");
    }
    let standing = |day: (u64, u64, u64)| {
        let then = domain::time::Timestamp::from_date(day.0, day.1, day.2).unwrap();
        bundle::verify(&four).unwrap().standing(then)
    };
    assert_eq!(standing((2026, 10, 1)), Standing::NotYetValid);
    assert_eq!(standing((2029, 12, 1)), Standing::Expired);

    // The very bytes that go from hand to hand, in the folder of each node.
    for agency in &agencies {
        std::fs::write(agency.path("agreements/malines.bundle"), four.to_bytes()).unwrap();
        let checked = check(&agency.founded.settings_file, then());
        assert_eq!((checked.verdict(), &checked.problems), (Verdict::Usable, &Vec::new()));
        assert!(checked.summary.contains("malines-2026: in force"), "{}", checked.summary);
    }
}

#[test]
fn signing_twice_or_adding_twice_changes_nothing() {
    let agencies = four(then());
    let all: Vec<&Agency> = agencies.iter().collect();
    let once = signed(&agencies, &all, then());
    let spain = &agencies[1];
    let party = &spain.founded.manifest.agency;
    let later = then().plus_days(1);
    assert_eq!(bundle::sign(&once, party, &spain.authority(), later).unwrap(), once);
    let manifest = &spain.founded.manifest_envelope;
    assert_eq!(bundle::add_manifest(&once, manifest).unwrap(), once);
}

#[test]
fn only_a_partys_own_keys_speak_for_it() {
    let agencies = four(then());
    let draft = signed(&agencies, &[], then());
    let stranger = Agency::new("it-polizia", "IT", then());
    let spain: AgencyId = "es-pn".parse().unwrap();
    for agency in [&agencies[0], &stranger] {
        let refused = bundle::sign(&draft, &spain, &agency.authority(), then());
        assert!(matches!(refused, Err(NodeError::Agreement(_))));
    }
    let refused = bundle::add_manifest(&draft, &stranger.founded.manifest_envelope);
    assert!(matches!(refused, Err(NodeError::Document { .. })));
    let mut changed = agencies[0].founded.manifest_envelope.clone();
    let last = changed.payload.len() - 1;
    changed.payload[last] ^= 1;
    let refused = bundle::add_manifest(&draft, &changed);
    assert!(matches!(refused, Err(NodeError::Document { .. })));
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let agencies = four(then());
    let all: Vec<&Agency> = agencies.iter().collect();
    let good = signed(&agencies, &all, then());
    let other = terms(&agencies).replace("tlp_ceiling = \"RED\"", "tlp_ceiling = \"AMBER_STRICT\"");
    let other = other.replace("tlp = \"RED\"", "tlp = \"AMBER\"");
    let other = bundle::draft(node::terms_file::read(&other).unwrap()).unwrap();
    // The signatures of one text under another text.
    let swapped = bundle::Bundle { agreement: other.agreement, ..good.clone() };
    assert!(matches!(bundle::verify(&swapped), Err(NodeError::Agreement(_))));
    let bytes = good.to_bytes();
    for at in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        let read = bundle::Bundle::from_bytes(&changed);
        assert!(read.is_err() || bundle::verify(&read.unwrap()).is_err(), "byte {at}");
    }
}
