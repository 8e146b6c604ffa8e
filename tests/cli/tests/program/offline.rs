//! What needs no node: help, usage, normalisation, imports that are tried out, verification.

use crate::kit::{Desk, export, vector, vector_json};
use cli::{Outcome, Surface};

const COMMANDS: [&str; 37] = [
    "",
    "case",
    "case open",
    "case list",
    "submit",
    "import",
    "import misp",
    "query",
    "hits",
    "withdraw",
    "correct",
    "history",
    "hold",
    "hold place",
    "hold list",
    "hold show",
    "hold lift",
    "erase",
    "status",
    "audit",
    "audit verify",
    "audit export",
    "policy",
    "policy check",
    "policy test",
    "policy explain",
    "policy prove",
    "policy diff",
    "policy who",
    "policy why-not",
    "policy proposals",
    "policy propose",
    "policy sign",
    "policy activate",
    "policy rollback",
    "policy freeze",
    "normalise",
];

#[test]
fn the_help_of_every_command_is_reviewed() {
    let desk = Desk::new();
    for command in COMMANDS {
        let mut words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
        let name = if command.is_empty() { "all".to_owned() } else { command.replace(' ', "-") };
        let topic: Vec<&str> = ["help"].iter().copied().chain(words.iter().copied()).collect();
        let by_topic = desk.pipe(&topic, "").exits(Outcome::Done);
        words.push("--help");
        let by_flag = desk.pipe(&words, "").is(&format!("help-{name}")).exits(Outcome::Done);
        assert_eq!(by_topic.out, by_flag.out, "{command}");
    }
}

#[test]
fn each_role_sees_its_own_commands() {
    let desk = Desk::new();
    for role in [
        "analyst",
        "prosecutor",
        "clerk",
        "operator",
        "policy-officer",
        "data-protection-officer",
        "oversight",
    ] {
        desk.terminal(&["help", role], "").is(&format!("help-role-{role}")).exits(Outcome::Done);
    }
    let deciding = ["hold place", "hold lift", "erase", "dispute answer"];
    for (role, its_own) in [
        ("MAGISTRATE", &deciding[..]),
        ("deputy", &["approve", "audit export", "erase"]),
        ("DATA_PROTECTION_OFFICER", &deciding),
        ("clerk", &["approve", "history"]),
        ("oversight", &["hits", "audit export"]),
    ] {
        let run = desk.pipe(&["help", role], "").exits(Outcome::Done);
        its_own
            .iter()
            .for_each(|one| assert!(run.out.contains(&format!("malines {one} ")), "{one}"));
    }
    desk.pipe(&["help", "analyst"], "").exits(Outcome::Done).never_says("malines erase");
    desk.pipe(&["help", "analist"], "").is("help-unknown").exits(Outcome::Usage);
}

#[test]
fn what_makes_no_sense_is_a_usage_error_with_a_hint() {
    let desk = Desk::new();
    for (name, words) in [
        ("nothing", &[][..]),
        ("command", &["sumbit"]),
        ("kind", &["normalise", "phnoe"]),
        ("flag", &["query", "phone", "--cases", "C-1"]),
        ("missing", &["query", "phone"]),
        ("purpose", &["case", "open", "--purpose", "INVESTIGATE"]),
        ("no-such-purpose", &["case", "open", "--purpose", "asylum"]),
        ("days", &["case", "open", "--days", "400"]),
        ("value-and-from", &["query", "phone", "--case", "C-1", "--value", "1", "--from", "x"]),
        ("profile", &["status", "--profile", "../be"]),
        ("record", &["withdraw", "R-12"]),
        ("hold", &["hold", "lift", "R-5f5f5f5f", "--reason", "over"]),
        ("erase-nothing", &["erase", "--reason", "asked for"]),
        ("erase-no-reason", &["erase", "R-5f5f5f5f"]),
    ] {
        desk.pipe(words, "").is(&format!("usage-{name}")).exits(Outcome::Usage);
    }
}

#[test]
fn a_profile_that_cannot_be_is_refused_by_name_and_line() {
    let desk = Desk::new();
    desk.pipe(&["status"], "").is("profile-missing").exits(Outcome::Failed);
    let good = "node = \"127.0.0.1:1\"\nagency = \"be-fedpol\"\ncertificate = \"o.pem\"\nkey = \"o.key\"\nnode_ca = \"ca.pem\"\n";
    desk.write("be.toml", good);
    desk.pipe(&["status"], "").is("profile-another").exits(Outcome::Failed);
    desk.pipe(&["status", "--profile", "be"], "")
        .is("profile-certificate-missing")
        .exits(Outcome::Failed);
    for (name, text) in [
        ("unknown-key", good.replace("node_ca", "node-ca")),
        ("missing-key", good.replace("key =", "# key =")),
        ("not-toml", good.replace("agency =", "agency")),
        ("agency", good.replace("be-fedpol", "Belgium")),
        ("node", good.replace("127.0.0.1:1", "127.0.0.1")),
        ("not-text", "\u{0}".repeat(4)),
    ] {
        desk.write("be.toml", text);
        desk.pipe(&["status", "--profile", "be"], "")
            .is(&format!("profile-{name}"))
            .exits(Outcome::Failed);
    }
    desk.write("be.toml", [0xff, 0xfe]);
    desk.pipe(&["status", "--profile", "be"], "").says("not text in UTF-8").exits(Outcome::Failed);
    desk.write("be.toml", "a".repeat(70_000));
    desk.pipe(&["status", "--profile", "be"], "").says("longer than").exits(Outcome::Failed);
    let json =
        desk.pipe(&["status", "--profile", "xx", "--json"], "").exits(Outcome::Failed).json();
    assert_eq!(json["error"]["code"], "PROFILE_MISSING");
}

#[test]
fn a_value_on_the_command_line_is_refused_outside_of_the_demo() {
    let desk = Desk::new();
    let profile = "node = \"127.0.0.1:1\"\nagency = \"be-fedpol\"\ncertificate = \"o.pem\"\nkey = \"o.key\"\nnode_ca = \"ca.pem\"\n";
    desk.write("default.toml", profile);
    let words = ["normalise", "phone", "--value", "+33199001234"];
    desk.pipe(&words, "").is("value-refused").exits(Outcome::Usage);
    desk.pipe(&["query", "phone", "--case", "C-1", "--value", "+33199001234"], "")
        .exits(Outcome::Usage);
    desk.pipe(&["submit", "phone", "--value", "+33199001234"], "").exits(Outcome::Usage);
    desk.write("default.toml", format!("{profile}demo = true\n"));
    desk.pipe(&words, "").exits(Outcome::Done);
}

#[test]
fn normalisation_shows_what_a_value_becomes_and_never_the_value() {
    let desk = Desk::new();
    let digest = "ab".repeat(32);
    for (name, words, input) in [
        ("phone", &["normalise", "phone"][..], "+33 1 99 00 12 34\n"),
        ("phone-region", &["normalise", "phone", "--region", "fr"], "01 99 00 12 34\n"),
        ("email", &["normalise", "email"], "Boat@Example.ORG\n"),
        ("handle", &["normalise", "handle", "--platform", "telegram"], "@Boat_Travel\n"),
        (
            "link",
            &["normalise", "link", "--verbose"],
            "https://t.me/boat_travel\nhttps://example.org/boats\n",
        ),
        (
            "invite",
            &["normalise", "invite-code"],
            "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv\n",
        ),
        ("iban", &["normalise", "iban"], "FR14 2004 1010 0505 0001 3M02 606\n"),
        ("sha256", &["normalise", "sha256"], &digest),
        (
            "text",
            &["normalise", "text"],
            "crossing by boat every friday\ncall 01 99 00 12 34 now\n",
        ),
        ("refused", &["normalise", "phone"], "+33 1 99 00 12 34\n01 99 00 12 34\ncall me\n"),
        ("all-refused", &["normalise", "iban"], "FR14 2004 1010 0505 0001 3M02 607\n"),
    ] {
        desk.pipe(words, input)
            .is(&format!("normalise-{name}"))
            .never_says("99001234")
            .never_says("boat_travel");
    }
    desk.terminal(&["normalise", "phone"], "+33 1 99 00 12 34\n")
        .is("normalise-terminal")
        .exits(Outcome::Done);
    desk.pipe(&["normalise", "phone"], "").is("normalise-nothing").exits(Outcome::Failed);
    desk.run(&["normalise", "phone"], b"\xff\n", Surface::Pipe)
        .says("UTF-8")
        .exits(Outcome::Failed);
}

#[test]
fn the_digest_is_shown_on_demand_only_and_is_the_same_for_every_spelling() {
    let desk = Desk::new();
    let lines = "+33 1 99 00 12 34\nhttps://wa.me/33199001234\n";
    let hidden = desk.pipe(&["normalise", "link", "--json"], "https://wa.me/33199001234\n").json();
    assert!(hidden["results"][0].get("digest").is_none());
    let shown = desk.pipe(&["normalise", "phone", "--json", "--show-digest"], lines).json();
    let digests: Vec<&str> = shown["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["digest"].as_str().unwrap())
        .collect();
    assert_eq!(digests[0].len(), 64);
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_file_is_hashed_here() {
    let desk = Desk::new();
    let file = desk.write("boat.jpg", b"abc");
    let rows =
        desk.pipe(&["normalise", "file", "--from", &file, "--json", "--show-digest"], "").json();
    // What FIPS 180-4 and the BLAKE3 paper give for the three letters abc.
    assert_eq!(
        (&rows["results"][0]["kind"], &rows["results"][1]["kind"]),
        (&"SHA256".into(), &"BLAKE3".into())
    );
    assert_eq!(rows["results"][0]["masked"], "ba7816bf...");
    assert_eq!(rows["results"][1]["masked"], "6437b3ac...");
    desk.pipe(&["normalise", "file", "--from", &desk.write("empty", b"")], "")
        .exits(Outcome::Refused);
    desk.pipe(&["normalise", "file", "--from", "no-such-file"], "")
        .exits(Outcome::Failed)
        .says("no such file");
}

#[test]
fn completions_name_every_command() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.pipe(&["completions", shell], "").exits(Outcome::Done).out;
        for word in ["submit", "normalise", "withdraw", "show-digest", "dry-run"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    desk.pipe(&["completions", "sh"], "").exits(Outcome::Usage);
}

#[test]
fn an_import_that_is_tried_out_counts_what_was_counted_by_hand() {
    let desk = Desk::new();
    let expected = vector_json("misp/expected.json");
    let labels = vector("misp/labels.toml");
    let files = expected.as_object().unwrap().iter().filter(|(name, _)| name.ends_with(".json"));
    let mut events_seen = 0;
    for (name, file) in files {
        let path = vector(&format!("misp/{name}"));
        let words = ["import", "misp", &path, "--dry-run", "--labels", &labels, "--json"];
        let run = desk.pipe(&words, "");
        assert!(matches!(run.outcome, Outcome::Done | Outcome::Incomplete), "{name}: {}", run.talk);
        let json = run.json();
        assert_eq!(json["form"], file["form"], "{name}");
        let (events, known) =
            (json["events"].as_array().unwrap(), file["events"].as_array().unwrap());
        assert_eq!(events.len(), known.len(), "{name}");
        for (event, known) in events.iter().zip(known) {
            events_seen += 1;
            assert_eq!(event["counts"]["by_reason"], known["by_reason"], "{name}");
            assert_eq!(event["by_kind"], known["kinds"], "{name}");
            for key in ["attributes", "objects", "object_attributes", "proposals"] {
                assert_eq!(event["counts"][key], known[key], "{name}: {key}");
            }
        }
    }
    assert!(events_seen > 5);
}

#[test]
fn an_import_reads_like_a_page_and_hostile_files_end_in_a_clear_error() {
    let desk = Desk::new();
    let copy =
        |name: &str| desk.write(name, std::fs::read(vector(&format!("misp/{name}"))).unwrap());
    desk.terminal(&["import", "misp", &copy("wrapped.json"), "--dry-run"], "")
        .is("import-dry-run")
        .exits(Outcome::Done);
    let labels = copy("labels.toml");
    let words =
        ["import", "misp", &copy("bare.json"), "--dry-run", "--labels", &labels, "--verbose"];
    desk.terminal(&words, "").is("import-verbose");
    desk.pipe(&["import", "misp", &copy("manifest.json"), "--dry-run"], "")
        .is("import-no-event")
        .exits(Outcome::Done);
    desk.pipe(&["import", "misp", &copy("wrapped.json")], "")
        .is("import-without-labels")
        .exits(Outcome::Usage);
    let bad = std::fs::read_to_string(&labels).unwrap().replace("purposes", "purpose");
    let words = [
        "import",
        "misp",
        &copy("wrapped.json"),
        "--dry-run",
        "--labels",
        &desk.write("bad.toml", bad),
    ];
    desk.pipe(&words, "").is("import-unknown-label").exits(Outcome::Failed);
    for (name, text) in [
        ("not-json", "{\"Event\": {\"info\": \"+33199001234\",}}".to_owned()),
        ("too-deep", format!("{}{}", "[".repeat(5000), "]".repeat(5000))),
        ("empty", String::new()),
    ] {
        let file = desk.write(&format!("{name}.json"), text);
        let run =
            desk.pipe(&["import", "misp", &file, "--dry-run"], "").is(&format!("import-{name}"));
        run.exits(Outcome::Failed).never_says("99001234");
    }
    desk.pipe(&["import", "misp", "no-such-file", "--dry-run"], "")
        .exits(Outcome::Failed)
        .says("no such file");
}

#[test]
fn an_exported_log_is_verified_without_a_node() {
    let desk = Desk::new();
    let (log, key) = export();
    let (file, keys) =
        (desk.write("log", &log), desk.write("keys", format!("# of the agency\n{key}\n")));
    let words = ["audit", "verify", &file, "--keys", &keys];
    desk.terminal(&words, "").is("audit-verify").exits(Outcome::Done);
    let json = desk
        .pipe(&["audit", "verify", &file, "--keys", &keys, "--json"], "")
        .exits(Outcome::Done)
        .json();
    assert_eq!(
        (&json["verified"], &json["frames"], &json["items"]),
        (&true.into(), &3.into(), &5.into())
    );
    let head = vector_json("audit/journal.json")["head"].as_str().unwrap().to_owned();
    let head = desk.write("head", head);
    desk.pipe(&["audit", "verify", &file, "--keys", &keys, "--head", &head], "")
        .exits(Outcome::Done);
}

#[test]
fn a_damaged_log_is_named_wherever_it_is_damaged() {
    let desk = Desk::new();
    let (log, key) = export();
    let keys = desk.write("keys", key);
    for at in (0..log.len()).step_by(37) {
        let mut damaged = log.clone();
        damaged[at] ^= 1;
        let file = desk.write("damaged", damaged);
        desk.pipe(&["audit", "verify", &file, "--keys", &keys], "")
            .exits(Outcome::Failed)
            .says("does not verify");
    }
    let short = desk.write("short", &log[..log.len() - 1]);
    desk.pipe(&["audit", "verify", &short, "--keys", &keys], "")
        .is("audit-short")
        .exits(Outcome::Failed);
    let file = desk.write("log", &log);
    let json = desk
        .pipe(&["audit", "verify", &short, "--keys", &keys, "--json"], "")
        .exits(Outcome::Failed)
        .json();
    assert_eq!(json["verified"], false);
    assert_eq!((&json["place"], &json["error"]), (&"frame 3".into(), &"the file ends here".into()));
    for (name, line) in [("no-key", ""), ("bad-key", "malines/be-fedpol/log+0000+AA\n")] {
        let keys = desk.write(name, line);
        desk.pipe(&["audit", "verify", &file, "--keys", &keys], "")
            .is(&format!("audit-{name}"))
            .exits(Outcome::Failed);
    }
    let empty = desk.write("empty", b"");
    desk.pipe(&["audit", "verify", &empty, "--keys", &keys], "").exits(Outcome::Failed);
}
