//! Records that are there: corrected, looked back at, held for a proceeding, erased.

use crate::node::Office;
use cli::Outcome;

#[test]
fn a_correction_shows_what_changes_and_where_it_goes_before_it_is_made() {
    let office = Office::open();
    let words = ["correct", "R-5f5f5f5f", "--case", "C-12", "--tlp", "red", "--audience", "nobody"];
    let with_reason = [&words[..], &["--reason", "the source asked for more care"]].concat();
    office.desk.terminal(&with_reason, "y\n").is("correct").exits(Outcome::Done);
    office.desk.terminal(&with_reason, "n\n").exits(Outcome::Failed).says("nothing was done");
    assert_eq!((office.calls("correct-dry"), office.calls("correct-real")), (2, 1));
    office.desk.terminal(&words, "because it was wrong\ny\n").exits(Outcome::Done);
    office.desk.pipe(&words, "").is("correct-no-reason").exits(Outcome::Usage);
    let dry = [&with_reason[..], &["--dry-run"]].concat();
    office.desk.pipe(&dry, "").is("correct-dry-run").exits(Outcome::Done);
    let json = [&with_reason[..], &["--yes", "--json"]].concat();
    office.desk.pipe(&json, "").is("correct-json").exits(Outcome::Done);
    assert_eq!(office.calls("correct-real"), 3);
}

#[test]
fn a_correction_asks_at_a_terminal_for_what_is_wrong() {
    let office = Office::open();
    let said = "tlp\nred\naud\nnobody\n\nthe source asked for it\ny\n";
    let words = ["correct", "R-5f5f5f5f", "--case", "C-12"];
    office.desk.terminal(&words, said).is("correct-interview").exits(Outcome::Done);
    office.desk.terminal(&words, "\n").is("correct-nothing").exits(Outcome::Usage);
    office.desk.pipe(&words, "").exits(Outcome::Usage).says("nobody said what is to be corrected");
}

#[test]
fn what_makes_it_another_thing_is_not_a_correction() {
    let office = Office::open();
    let words = |more: &[&'static str]| {
        let first = ["correct", "R-5f5f5f5f", "--case", "C-12", "--reason", "wrong", "--yes"];
        [&first[..], more].concat()
    };
    office
        .desk
        .pipe(&words(&["--agreement", "malines-2027"]), "")
        .is("correct-agreement")
        .exits(Outcome::Usage);
    office.desk.pipe(&words(&["--exercise"]), "").exits(Outcome::Usage);
    let answers = office.desk.write("answers.toml", "media = \"IMAGE\"\n");
    let with_file = ["correct", "R-5f5f5f5f", "--case", "C-12", "--answers", &answers];
    office.desk.pipe(&with_file, "").exits(Outcome::Usage).says("`media` cannot be corrected");
    let unchanged =
        ["correct", "R-abababab", "--case", "C-12", "--reason", "wrong", "--tlp", "red"];
    office.desk.pipe(&unchanged, "").is("correct-unchanged").exits(Outcome::Done);
    let gone = ["correct", "R-ffffffff", "--case", "C-12", "--reason", "wrong", "--tlp", "red"];
    office.desk.pipe(&gone, "").exits(Outcome::Refused);
    assert_eq!(office.calls("correct-real"), 0);
}

#[test]
fn a_history_tells_when_who_why_and_what() {
    let office = Office::open();
    office.desk.pipe(&["history", "R-5f5f5f5f"], "").is("history").exits(Outcome::Done);
    office
        .desk
        .pipe(&["history", "R-5f5f5f5f", "--verbose"], "")
        .is("history-verbose")
        .exits(Outcome::Done);
    office
        .desk
        .pipe(&["history", "R-5f5f5f5f", "--json"], "")
        .is("history-json")
        .exits(Outcome::Done);
    office.desk.pipe(&["history", "R-ffffffff"], "").exits(Outcome::Refused);
}

#[test]
fn a_hold_is_placed_listed_read_and_lifted() {
    let office = Office::open();
    let place = |review: &'static str| {
        let first = ["hold", "place", "R-5f5f5f5f", "--case", "C-12", "--review", review];
        let rest = ["--reason", "exhibit of the trial", "--authority", "investigating judge"];
        [&first[..], &rest[..]].concat()
    };
    office.desk.pipe(&place("2027-03-01"), "").is("hold-place").exits(Outcome::Done);
    office.desk.pipe(&place("1 March"), "").is("hold-bad-review").exits(Outcome::Usage);
    office.desk.terminal(&["hold", "list"], "").is("hold-list").exits(Outcome::Done);
    office.desk.pipe(&["hold", "list", "--json"], "").is("hold-list-json").exits(Outcome::Done);
    office.desk.pipe(&["hold", "show", "H-88888888"], "").is("hold-show").exits(Outcome::Done);
    office.desk.pipe(&["hold", "show", "H-ffffffff"], "").exits(Outcome::Refused);
    office
        .desk
        .pipe(&["hold", "lift", "H-ffffffff", "--reason", "over", "--yes"], "")
        .is("hold-unknown");
    office.desk.pipe(&["hold", "lift", "H-88888888", "--yes"], "").exits(Outcome::Usage);
    let lift = ["hold", "lift", "H-88888888", "--reason", "acquitted"];
    office.desk.terminal(&lift, "y\n").is("hold-lift");
    office.desk.pipe(&lift, "").is("hold-nobody").exits(Outcome::Usage);
    office.desk.pipe(&place("2099-03-01"), "").is("hold-late-review").exits(Outcome::Usage);
    assert_eq!((office.calls("place_hold"), office.calls("lift_hold")), (2, 2));
}

#[test]
fn erasing_says_what_remains_and_names_the_hold_that_keeps_a_record() {
    let office = Office::open();
    let words = ["erase", "R-5f5f5f5f", "R-abababab", "--reason", "asked for by the person"];
    office.desk.terminal(&words, "y\n").is("erase").exits(Outcome::Done);
    office.desk.terminal(&words, "\n").exits(Outcome::Failed).says("nothing was done");
    office.desk.pipe(&words, "").exits(Outcome::Usage);
    assert_eq!(office.calls("erase"), 1);
    let kept = ["erase", "R-eeeeeeee", "R-abababab", "--reason", "asked for", "--yes"];
    office.desk.pipe(&kept, "").is("erase-held").exits(Outcome::Incomplete);
    let json = ["erase", "R-eeeeeeee", "--reason", "asked for", "--yes", "--json"];
    office.desk.pipe(&json, "").is("erase-json").exits(Outcome::Refused);
}

#[test]
fn duties_begin_with_what_is_overdue_and_name_who_owes_what() {
    let office = Office::open();
    office.desk.terminal(&["duties"], "").is("duties").exits(Outcome::Done);
    office.desk.pipe(&["duties", "--overdue"], "").is("duties-overdue").exits(Outcome::Done);
    office.desk.pipe(&["duties", "--json"], "").is("duties-json").exits(Outcome::Done);
    // Two pages, and an empty one that ends the list.
    assert_eq!(office.calls("list_duties"), 9);
}

#[test]
fn a_dispute_names_what_is_wrong_and_nobody() {
    let office = Office::open();
    let words = |record: &'static str, more: &[&'static str]| {
        let first = ["dispute", record, "--case", "C-12", "--reason", "wrong-person"];
        [&first[..], more].concat()
    };
    let note = ["--note", "the shop, not him"];
    let raised = office.desk.pipe(&words("R-5f5f5f5f", &note), "");
    raised.is("dispute").exits(Outcome::Done);
    let json = office.desk.pipe(&words("R-5f5f5f5f", &["--json"]), "");
    json.is("dispute-json").exits(Outcome::Done);
    let again = office.desk.pipe(&words("R-abababab", &[]), "");
    again.is("dispute-again").exits(Outcome::Done);
    let own = office.desk.pipe(&words("R-0f0f0f0f", &[]), "");
    own.is("dispute-own").exits(Outcome::Refused);
    assert_eq!(office.calls("dispute_record"), 4);
    let naming = office.desk.pipe(&words("R-5f5f5f5f", &["--note", "call 0199 00 12"]), "");
    naming.is("dispute-naming").exits(Outcome::Usage);
    let no_reason = ["dispute", "R-5f5f5f5f", "--case", "C-12"];
    office.desk.pipe(&no_reason, "").exits(Outcome::Usage);
    assert_eq!(office.calls("dispute_record"), 4, "what names somebody does not leave");
}

#[test]
fn disputes_are_listed_answered_and_lifted() {
    let office = Office::open();
    office.desk.terminal(&["dispute", "list"], "").is("dispute-list").exits(Outcome::Done);
    office.desk.pipe(&["dispute", "list", "--json"], "").is("dispute-list-json");
    let answer = |more: &[&'static str]| [&["dispute", "answer", "R-64646464"][..], more].concat();
    let upheld = office.desk.terminal(&answer(&["--uphold"]), "y\n");
    upheld.is("dispute-uphold").exits(Outcome::Done);
    office.desk.terminal(&answer(&["--uphold"]), "n\n").exits(Outcome::Failed);
    let rejected = office.desk.pipe(&answer(&["--reject", "right-person", "--yes", "--json"]), "");
    rejected.is("dispute-reject-json").exits(Outcome::Done);
    for wrong in [&["--uphold", "--reject", "lawful"][..], &[], &["--reject", "never"]] {
        office.desk.pipe(&answer(wrong), "").exits(Outcome::Usage);
    }
    assert_eq!(office.calls("rule_on_disputes"), 2);
    let lift = ["dispute", "lift", "R-63636363", "--yes"];
    office.desk.pipe(&lift, "").is("dispute-lift").exits(Outcome::Done);
    let unknown = ["dispute", "lift", "R-ffffffff", "--yes"];
    office.desk.pipe(&unknown, "").is("dispute-unknown").exits(Outcome::Refused);
    office.desk.pipe(&["help", "dispute"], "").is("help-dispute").exits(Outcome::Done);
}
