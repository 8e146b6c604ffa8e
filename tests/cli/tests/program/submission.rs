//! What an officer submits: one thing by questions, a script's answers, lists, events of MISP.

use crate::node::Office;
use cli::Outcome;
use domain::indicator::Body;
use domain::name::ClusterId;

const ANSWERS: &str = "offences = [\"MIGRANT_SMUGGLING\"]\npurposes = [\"INVESTIGATION\"]\nagreement = \"malines-2026\"\n\
    tlp = \"AMBER\"\npap = \"AMBER\"\nhandling = [\"H1\"]\nevaluation = \"EUROPOL_4X4 B2\"\nsubject = \"SUSPECT_FACILITATOR\"\n\
    age = \"ADULT\"\nbenefit = \"prices in the advertisement\"\nrole = \"ADVERTISER\"\naudience = [\"es-pn\", \"fr-oltim\"]\n";

const LIST: &str = "kind,value,account,platform,audience\n\
    phone,+33 1 99 00 12 34,a,,\n\
    handle,@boat_travel,a,telegram,es-pn\n\
    link,https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv,,,\n\
    url,https://example.org/boats,,,\n";

#[test]
fn one_thing_is_submitted_by_answering_questions() {
    let office = Office::open();
    let said = "+33 1 99 00 12 34\n\nadult\nprices in the advertisement\nadv\nes-pn\namber\ny\n";
    let run =
        office.desk.terminal(&["submit", "phone", "--case", "C-12"], said).is("submit-interview");
    run.exits(Outcome::Done).never_says("12 34");
    let said = "+33 1 99 00 12 34\nvictim\n";
    office
        .desk
        .terminal(&["submit", "phone", "--case", "C-12"], said)
        .is("submit-victim")
        .exits(Outcome::Refused);
    let said = "+33 1 99 00 12 34\n\nadult\nprices in the advertisement\nadv\n\nn\n";
    office.desk.terminal(&["submit", "phone", "--case", "C-12"], said).exits(Outcome::Failed);
    assert_eq!((office.calls("submit-real"), office.calls("submit-dry")), (1, 2));
    assert!(office.was_sent("prices in the advertisement") && !office.was_sent("199001234"));
}

#[test]
fn a_script_gives_its_answers_in_a_file() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", ANSWERS);
    let words = ["submit", "phone", "--answers", &answers, "--yes"];
    office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-answers").exits(Outcome::Done);
    let words = ["submit", "phone", "--answers", &answers];
    office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-nobody").exits(Outcome::Usage);
    let words = ["submit", "phone", "--answers", &answers, "--dry-run"];
    office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-dry-run").exits(Outcome::Done);
    let words = ["submit", "phone", "--answers", &answers, "--dry-run", "--json"];
    office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-dry-run-json").exits(Outcome::Done);
    let words = ["submit", "phone", "--answers", &answers, "--yes", "--offence", "TERRORISM"];
    office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-refused").exits(Outcome::Refused);
    let words = ["submit", "phone", "--agreement", "malines-2026", "--yes"];
    office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-unanswered").exits(Outcome::Usage);
    office
        .desk
        .pipe(
            &["submit", "text", "--answers", &answers, "--yes"],
            "crossing by boat every friday\n",
        )
        .is("submit-text")
        .exits(Outcome::Failed);
    assert_eq!(office.calls("submit-real"), 1);
}

#[test]
fn a_list_is_recorded_once_however_often_it_is_submitted() {
    let office = Office::open();
    let (list, answers) =
        (office.desk.write("list.csv", LIST), office.desk.write("answers.toml", ANSWERS));
    let words = ["submit", "--from", &list, "--answers", &answers, "--yes"];
    office.desk.terminal(&words, "").is("submit-list").exits(Outcome::Done);
    office.desk.terminal(&words, "").is("submit-list-again").exits(Outcome::Done);
    let json = [&words[..], &["--json"]].concat();
    let again = office.desk.pipe(&json, "").exits(Outcome::Done).json();
    assert_eq!(
        (&again["counts"]["accepted"], &again["counts"]["repeated"]),
        (&4.into(), &4.into())
    );
    let other = [&words[..], &["--agreement", "malines-2027"]].concat();
    office
        .desk
        .pipe(&other, "")
        .exits(Outcome::Done)
        .says("recorded")
        .never_says("recorded before");
    let changed = office.desk.write("list.csv", LIST.replace("boats", "seats"));
    let words = ["submit", "--from", &changed, "--answers", &answers, "--yes", "--json"];
    assert_eq!(office.desk.pipe(&words, "").json()["counts"]["repeated"], 0);
}

#[test]
fn the_identifiers_of_one_account_share_a_cluster_and_no_other_does() {
    let office = Office::open();
    let (list, answers) =
        (office.desk.write("list.csv", LIST), office.desk.write("answers.toml", ANSWERS));
    let words = ["submit", "--from", &list, "--answers", &answers, "--yes"];
    office.desk.pipe(&words, "").exits(Outcome::Done);
    let clusters: Vec<ClusterId> = office.recorded().iter().map(|one| one.body.cluster()).collect();
    assert_eq!(clusters.len(), 4);
    assert_eq!(clusters[0], clusters[1]);
    assert!(clusters[2] != clusters[0] && clusters[3] != clusters[0] && clusters[2] != clusters[3]);
}

#[test]
fn bad_rows_are_named_by_line_and_good_ones_go() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", ANSWERS);
    let list = "kind,value,tlp,subject\n\
        phone,+33 1 99 00 12 34,,\n\
        phone,not a number,,\n\
        handle,boat_travel,,\n\
        url,https://example.org/boats,purple,\n\
        url,https://example.org/boats,,VICTIM\n\
        url,https://example.org/boats\n\
        text,crossing by boat every friday,,\n";
    let list = office.desk.write("list.csv", list);
    let words = ["submit", "--from", &list, "--answers", &answers, "--yes"];
    let run = office.desk.pipe(&words, "").is("submit-bad-rows").exits(Outcome::Incomplete);
    run.never_says("99 00 12").never_says("99001234");
    let strict = [&words[..], &["--strict"]].concat();
    office.desk.pipe(&strict, "").exits(Outcome::Failed).says("so none was sent");
    assert_eq!(office.calls("submit-real"), 1);
    let json = [&words[..], &["--json"]].concat();
    office.desk.pipe(&json, "").is("submit-bad-rows-json").exits(Outcome::Incomplete);
    let list = office.desk.write("list.jsonl", "{\"kind\":\"phone\",\"vlaue\":\"x\"}\n");
    office
        .desk
        .pipe(&["submit", "--from", &list, "--answers", &answers, "--yes"], "")
        .is("submit-unknown-key");
    let list = office.desk.write("list.csv", "kind,valeu\nphone,x\n");
    office
        .desk
        .pipe(&["submit", "--from", &list, "--yes"], "")
        .is("submit-unknown-column")
        .exits(Outcome::Failed);
}

#[test]
fn one_thing_is_recorded_once_however_often_it_is_submitted() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", ANSWERS);
    let number = "+33 1 99 00 12 34\n";
    let words = ["submit", "phone", "--case", "C-12", "--answers", &answers, "--yes"];
    let made = |run: crate::kit::Run| {
        let json = run.exits(Outcome::Done).json();
        (json["results"][0]["record_id"].clone(), json["results"][0]["repeated"] == true)
    };
    let json = |more: &[&str], value: &str| {
        made(office.desk.pipe(&[&words[..], &["--json"], more].concat(), value))
    };
    let (record, repeated) = json(&[], number);
    assert!(!repeated);
    assert_eq!(json(&[], "+33-1-99-00-12-34\n"), (record.clone(), true), "another spelling");
    let again = format!("{number}\n");
    office.desk.terminal(&words, &again).is("submit-repeated").exits(Outcome::Done);
    office.desk.pipe(&words, number).is("submit-repeated-pipe").exits(Outcome::Done);
    for (more, value) in [
        (&[][..], "+33 1 99 00 12 35\n"),
        (&["--case", "C-3"], number),
        (&["--observed-last", "2026-11-20"], number),
        (&["--role", "RECRUITER"], number),
        (&["--handle-from", "2026-11-01"], number),
    ] {
        let words: Vec<&str> = match more {
            ["--case", other] => vec!["submit", "phone", "--case", other, "--answers", &answers],
            _ => [&words[..6], more].concat(),
        };
        let words = [&words[..], &["--yes", "--json"]].concat();
        let (other, repeated) = made(office.desk.pipe(&words, value));
        assert!(other != record && !repeated, "{more:?}");
    }
}

#[test]
fn a_recycled_handle_says_from_when_until_when_it_was_the_advertisers() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", format!("{ANSWERS}handle_from = 2026-03-01\n"));
    let list = "kind,value,platform,handle_until\nhandle,@boat_travel,telegram,2026-10-31\n";
    let list = office.desk.write("list.csv", list);
    let words = ["submit", "--from", &list, "--answers", &answers, "--yes"];
    office.desk.pipe(&words, "").exits(Outcome::Done);
    let recorded = office.recorded();
    let Body::Account(body) = &recorded[0].body else { panic!("an account") };
    let day = |year, month, day| domain::time::Timestamp::from_date(year, month, day).unwrap();
    assert_eq!(body.handle_from, Some(day(2026, 3, 1)));
    assert_eq!(body.handle_until, Some(day(2026, 11, 1).minus_ms(1)));
    let words = ["submit", "handle", "--platform", "telegram", "--answers", &answers, "--yes"];
    let words = [&words[..], &["--handle-until", "2026-02-28"]].concat();
    office.desk.pipe(&words, "@boat_travel\n").is("submit-window").exits(Outcome::Usage);
}

#[test]
fn a_picture_of_a_crossing_names_the_advertisement_it_belongs_to() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", ANSWERS);
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n";
    let words = ["submit", "sha256", "--answers", &answers, "--media", "IMAGE", "--yes"];
    let picture = ["--class", "PROOF_OF_CROSSING", "--depicts", "ADULTS"];
    let words = [&words[..], &picture].concat();
    office.desk.pipe(&words, hash).is("submit-picture-alone").exits(Outcome::Usage);
    let unknown = [&words[..], &["--linked-ad", "R-ffffffff"]].concat();
    office.desk.pipe(&unknown, hash).exits(Outcome::Refused).says("NOT_HELD");
    let wrong = [&words[..], &["--linked-ad", "the one of Friday"]].concat();
    office.desk.pipe(&wrong, hash).exits(Outcome::Usage).says("is not the reference of a record");
    assert_eq!(office.calls("submit-dry"), 0);
    let linked = [&words[..], &["--linked-ad", "R-5f2a91c0"]].concat();
    office.desk.pipe(&linked, hash).is("submit-picture").exits(Outcome::Done);
    let recorded = office.recorded();
    let Body::Content(body) = &recorded[0].body else { panic!("a file") };
    assert!(body.linked_ad.unwrap().to_string().starts_with("5f2a91c0"));
    let said = format!("{hash}\nadult\nprices\nimage\nproof\nR-5f2a91c0\nadults\n\ny\n");
    let run = office.desk.terminal(&["submit", "sha256", "--case", "C-12"], &said);
    run.exits(Outcome::Done).says("is the advertisement it belongs to?");
}

#[test]
fn a_ground_that_names_somebody_is_refused_where_it_is_written() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", ANSWERS);
    let words = ["submit", "phone", "--answers", &answers, "--yes", "--benefit"];
    let words = [&words[..], &["he asks for money on 0199001234"]].concat();
    let run = office.desk.pipe(&words, "+33 1 99 00 12 34\n").is("submit-ground");
    run.exits(Outcome::Usage).never_says("BODY_IMPOSSIBLE");
    let labels = String::from_utf8(std::fs::read(crate::kit::vector("misp/labels.toml")).unwrap());
    let labels = labels.unwrap().replace("3000 EUR for a seat", "you to call 0199001234");
    let labels = office.desk.write("labels.toml", labels);
    let event = crate::kit::vector("misp/wrapped.json");
    let words = ["import", "misp", &event, "--labels", &labels, "--dry-run"];
    office.desk.pipe(&words, "").exits(Outcome::Failed).says("so they name nobody");
}

#[test]
fn a_long_list_goes_in_batches() {
    let office = Office::open();
    let answers = office.desk.write("answers.toml", ANSWERS);
    let rows: String =
        (0..1100).map(|number| format!("url,https://example.org/{}\n", letters(number))).collect();
    let list = office.desk.write("list.csv", format!("kind,value\n{rows}"));
    let words = ["submit", "--from", &list, "--answers", &answers, "--yes", "--json"];
    let json = office.desk.pipe(&words, "").exits(Outcome::Done).json();
    assert_eq!(json["counts"]["accepted"], 1100);
    assert_eq!(office.calls("submit-real"), 3);
}

/// Digits in a path could be an identifier of a person.
fn letters(number: u32) -> String {
    number
        .to_string()
        .chars()
        .map(|digit| char::from(b'a' + u8::try_from(digit.to_digit(10).unwrap()).unwrap()))
        .collect()
}

#[test]
fn an_event_is_imported_after_a_look_at_what_leaves() {
    let office = Office::open();
    let vector = |name: &str| std::fs::read(crate::kit::vector(&format!("misp/{name}"))).unwrap();
    let event = office.desk.write("event.json", vector("wrapped.json"));
    let labels = office.desk.write("labels.toml", vector("labels.toml"));
    let words = ["import", "misp", &event, "--labels", &labels, "--case", "C-12"];
    office.desk.terminal(&words, "n\n").is("import-declined").exits(Outcome::Failed);
    assert_eq!(office.calls("submit-real"), 0);
    let yes = [&words[..], &["--yes", "--json"]].concat();
    let json = office.desk.pipe(&yes, "").exits(Outcome::Done).json();
    assert_eq!((&json["counts"]["accepted"], &json["counts"]["repeated"]), (&10.into(), &0.into()));
    let json = office.desk.pipe(&yes, "").exits(Outcome::Done).json();
    assert_eq!(json["counts"]["repeated"], 10);
    let nothing = office.desk.write("nothing.json", vector("manifest.json"));
    let words = ["import", "misp", &nothing, "--labels", &labels, "--case", "C-12", "--yes"];
    office.desk.pipe(&words, "").is("import-nothing").exits(Outcome::Failed);
}
