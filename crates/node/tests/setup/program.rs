//! The program itself: what it prints, where, and its exit codes.

use crate::kit::{AGENCIES, terms_of};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn node(folder: &Path, arguments: &[&str], input: &str) -> Ran {
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
    node(folder, &arguments, "")
}

#[test]
fn the_first_day_of_four_operators() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    for (agency, country) in AGENCIES {
        let made = init(folder, agency, country);
        assert_eq!((made.code, made.err.as_str()), (0, ""));
        assert!(made.out.contains("move it off this machine today"), "{}", made.out);
        let checked = node(&folder.join(agency), &["check-config"], "");
        assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{}", checked.out);
        let added = node(
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

    let parts: String = AGENCIES
        .iter()
        .map(|(agency, _)| format!("{agency}/{agency}.party.toml"))
        .map(|path| std::fs::read_to_string(folder.join(path)).unwrap())
        .collect();
    std::fs::write(folder.join("terms.toml"), terms_of(&parts)).unwrap();
    let drafted = node(folder, &["agreement", "draft", "terms.toml", "a.bundle"], "");
    assert_eq!((drafted.code, drafted.err.as_str()), (0, ""));
    assert!(drafted.out.contains("Standing now: not signed by be-fedpol, es-pn"));
    for (agency, _) in AGENCIES {
        let manifest = format!("{agency}/{agency}.manifest");
        let added = node(folder, &["agreement", "add-manifest", "a.bundle", &manifest], "");
        assert_eq!((added.code, added.err.as_str()), (0, ""));
        let key = format!("{agency}/authority.key");
        let sign = ["agreement", "sign", "--key", &key, "--party", agency, "a.bundle"];
        let refused = node(folder, &sign, "yes\n");
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("not confirmed: nothing was signed"), "{}", refused.err);
        let signed = node(folder, &sign, "malines-2026\n");
        assert_eq!(signed.code, 0, "{}", signed.err);
        assert!(signed.out.contains(&format!("signed by {agency}")), "{}", signed.out);
    }
    let shown = node(folder, &["agreement", "show", "a.bundle"], "");
    assert_eq!(shown.code, 0);
    for (agency, _) in AGENCIES {
        assert!(shown.out.contains(&format!("  {agency:<16} signed")), "{}", shown.out);
    }
    assert!(!shown.out.contains("not signed"), "{}", shown.out);
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
        let ran = node(folder, arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(node(folder, &["--help"], "").code, 0);
    for arguments in [
        &["check-config"][..],
        &["verify"],
        &["run"],
        &["agreement", "show", "nothing.bundle"],
        &["officer", "revoke", "BE-1"],
    ] {
        let ran = node(folder, arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains("hint: "), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}
