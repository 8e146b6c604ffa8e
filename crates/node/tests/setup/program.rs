//! The program itself: what it prints, where, and its exit codes.

use crate::kit::AGENCIES;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn program(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_malines-node"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) }
}

fn init(folder: &Path, agency: &str, country: &str) -> Ran {
    let arguments =
        ["init", "--agency", agency, "--country", country, "--kind", "police", "--folder", agency];
    program(folder, &arguments, "")
}

#[test]
fn the_first_day_of_four_operators() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    for (agency, country) in AGENCIES {
        let made = init(folder, agency, country);
        assert_eq!((made.code, made.err.as_str()), (0, ""));
        assert!(made.out.contains("move it off this machine today"), "{}", made.out);
        let checked = program(&folder.join(agency), &["check-config"], "");
        assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{}", checked.out);
        let added = program(
            &folder.join(agency),
            &["officer", "add", "BE-1042", "--role", "analyst", "--valid", "1y", "--out", "out"],
            "",
        );
        assert_eq!((added.code, added.err.as_str()), (0, ""));
        assert!(folder.join(agency).join("out/default.toml").exists());
    }
    let again = init(folder, "be-fedpol", "BE");
    assert_eq!((again.code, again.out.as_str()), (2, ""));
    assert!(again.err.contains("it is there already\nhint: nothing was written"), "{}", again.err);

    // What goes into the terms, to the partners, and to the authority that certifies the node.
    for (agency, _) in AGENCIES {
        for page in ["party.toml", "manifest", "operator.enrol", "audit-key"] {
            let path = folder.join(agency).join(format!("{agency}.{page}"));
            assert!(path.metadata().unwrap().len() > 0, "{path:?}");
        }
    }
    let gone = program(folder, &["agreement", "draft"], "");
    assert_eq!((gone.code, gone.out.as_str()), (64, ""), "an agreement is made with `malines`");
}

#[test]
fn mistakes_end_with_a_code_and_a_hint() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    for arguments in [
        &["innit"][..],
        &[],
        &["init", "--agency", "BE", "--country", "BE", "--kind", "police"],
        &["init", "--agency", "be-fedpol", "--country", "BE", "--kind", "army"],
        &["officer", "add", "BE-1", "--role", "spy", "--out", "x"],
    ] {
        let ran = program(folder, arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(program(folder, &["--help"], "").code, 0);
    for arguments in [&["check-config"][..], &["verify"], &["run"], &["officer", "revoke", "BE-1"]]
    {
        let ran = program(folder, arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains("hint: "), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn the_store_is_carried_and_looked_after_from_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    init(home.path(), "be-fedpol", "BE");
    let folder = home.path().join("be-fedpol");
    for name in ["archives", "apart"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    let backup = ["backup", "archives/1", "--keys", "apart/data-keys"];
    let nothing = program(&folder, &backup, "");
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.err.contains("there is no store yet"), "{}", nothing.err);
    let config = node::config::Config::load(&folder.join("node.toml")).unwrap();
    let fill = || {
        let store = store::EmbeddedStore::open(config.store_settings().unwrap()).unwrap().0;
        let now = domain::time::Clock::now(&domain::time::SystemClock);
        let event = domain::event::Event::new(now, domain::event::Act::NodeStarted);
        store::Store::commit(&store, store::Batch::new().saying(event)).wait().unwrap();
    };
    fill();
    let made = program(&folder, &backup, "");
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    assert!(made.out.contains("made   archives/1: 1 frames, "), "{}", made.out);
    let again = program(&folder, &backup, "");
    assert!(again.err.contains("it is there already"), "{}", again.err);
    let together = program(&folder, &["backup", "apart/2", "--keys", "apart/data-keys"], "");
    assert!(together.err.contains("would lie in one folder\nhint: keep them apart"));
    for (arguments, last) in [
        (&["verify"][..], "all is well\n"),
        (&["verify", "--deep"], "all is well\n"),
        (&["rebuild"], "equal     to what they were\n"),
    ] {
        let ran = program(&folder, arguments, "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.out.ends_with(last), "{arguments:?}: {}", ran.out);
    }
    let restore = ["restore", "archives/1", "--keys", "apart/data-keys"];
    let refused = program(&folder, &restore, "");
    assert!(refused.err.contains("the data folder is not empty"), "{}", refused.err);
    let exported = program(&folder, &["export", "archives/2", "--keys", "apart/data-keys"], "");
    assert_eq!((exported.code, exported.err.as_str()), (0, ""));
    let run = program(&folder, &["run"], "");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("this store was exported to be run elsewhere"), "{}", run.err);
    assert!(run.err.contains("hint: run it where it was imported"), "{}", run.err);
    std::fs::remove_dir_all(&config.data_folder).unwrap();
    // A disk that is not mounted: there, or an empty folder in its place. No store is begun in it.
    for _ in 0..2 {
        for command in ["run", "check-config"] {
            let refused = program(&folder, &[command], "");
            assert_eq!(refused.code, 2, "{}", refused.out);
            assert!(refused.err.contains("there is no store yet"), "{}", refused.err);
            assert!(refused.err.contains("its disk mounted?"), "{}", refused.err);
        }
        let there = std::fs::read_dir(&config.data_folder).map_or(0, Iterator::count);
        assert_eq!(there, 0);
        std::fs::create_dir_all(&config.data_folder).unwrap();
    }
    let imported = program(&folder, &["import", "archives/2", "--keys", "apart/data-keys"], "");
    assert_eq!((imported.code, imported.err.as_str()), (0, ""));
    assert!(!imported.out.contains("RECOVERY"), "{}", imported.out);
    std::fs::remove_dir_all(&config.data_folder).unwrap();
    let restored = program(&folder, &restore, "");
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert!(restored.out.contains("RECOVERY  restored at "), "{}", restored.out);
    assert!(restored.err.starts_with("warning: no erasure ledger is here: "), "{}", restored.err);
    let segment = config.data_folder.join("journal/00000001.segment");
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let damaged = program(&folder, &["verify"], "");
    assert_eq!(damaged.code, 2);
    assert!(
        damaged.err.contains("fault: 00000001.segment at byte 361, frame 1: "),
        "{}",
        damaged.err
    );
    assert!(damaged.err.contains("hint: keep the folder as it is"), "{}", damaged.err);
}
