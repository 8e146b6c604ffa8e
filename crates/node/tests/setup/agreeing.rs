//! A node reads the docket that operators put into its folder, and takes no other one.

use crate::kit::{Agency, four, signed, then};
use agreement::Docket;
use node::check::{Verdict, check};
use node::config::file;
use node::error::NodeError;

const FILE: &str = "agreements/malines-2026.docket";

fn put(agency: &Agency, docket: &Docket) {
    std::fs::write(agency.path(FILE), docket.to_file()).unwrap();
}

#[test]
fn each_node_says_where_the_agreement_in_its_folder_stands() {
    let agencies = four(then());
    let all: Vec<&Agency> = agencies.iter().collect();
    for (by, stands) in [(0, "DRAFT"), (3, "PARTLY_SIGNED"), (4, "IN_FORCE")] {
        let docket = signed(&agencies, &all[..by], then());
        for agency in &agencies {
            put(agency, &docket);
            let checked = check(&agency.founded.settings_file, then());
            assert_eq!((checked.verdict(), &checked.problems), (Verdict::Usable, &Vec::new()));
            let row = format!("malines-2026: {stands}");
            assert!(checked.summary.contains(&row), "{row}: {}", checked.summary);
        }
    }
    // A week of silence is a suspension.
    let checked = check(&agencies[0].founded.settings_file, then().plus_days(8));
    assert!(checked.summary.contains("malines-2026: SUSPENDED"), "{}", checked.summary);
}

#[test]
fn a_docket_that_was_changed_is_refused() {
    let agencies = four(then());
    let all: Vec<&Agency> = agencies.iter().collect();
    let good = signed(&agencies, &all, then());
    let belgium = &agencies[0];
    put(belgium, &good);
    assert_eq!(file::read_docket(&belgium.path(FILE)).unwrap(), good);
    let bytes = good.to_file();
    for at in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        std::fs::write(belgium.path(FILE), changed).unwrap();
        let refused = file::read_docket(&belgium.path(FILE)).unwrap_err();
        let said = matches!(refused, NodeError::Malformed { .. } | NodeError::Agreement(_));
        assert!(said, "byte {at}: {refused}");
        assert!(!refused.hint().is_empty());
    }
}
