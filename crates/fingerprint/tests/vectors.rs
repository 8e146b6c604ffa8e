//! Every golden vector of `tests/vectors/normalise` holds: spellings meet, accounts stay apart.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::indicator::Kind;
use domain::value::Platform;
use fingerprint::{Hint, InputKind, Normalised, Refused, normalise};
use serde::Deserialize;

/// The files that must be there, so that none is lost unnoticed.
const FILES: &[&str] = &[
    "account",
    "email",
    "facebook",
    "file",
    "instagram",
    "messenger",
    "phone",
    "snapchat",
    "telegram",
    "text",
    "tiktok",
    "url",
    "x",
    "youtube",
];
/// Rows in all files together, at least.
const ROWS_MIN: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    origin: String,
    licence: String,
    normalisation: u32,
    rules: Vec<Rule>,
    groups: Vec<Group>,
    refused: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    rule: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    kind: Kind,
    platform: Option<Platform>,
    canonical: Option<String>,
    canonical_hex: Option<String>,
    x: String,
    spellings: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "as")]
    kind: String,
    raw: String,
    platform: Option<Platform>,
    region: Option<String>,
    seen_on: Option<Platform>,
    refused: Option<String>,
}

impl Row {
    fn run(&self) -> Result<Normalised, Refused> {
        let hint = Hint {
            region: self.region.as_ref().map(|region| region.parse().unwrap()),
            platform: self.platform,
        };
        normalise(self.kind.parse::<InputKind>().unwrap(), &self.raw, &hint)
    }
}

impl Group {
    fn canonical(&self) -> Vec<u8> {
        match (&self.canonical, &self.canonical_hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(digits)) => hex::decode(digits).unwrap(),
            _ => panic!("{}: one of canonical and canonical_hex", self.name),
        }
    }
}

fn files() -> BTreeMap<String, File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/normalise");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let file =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, file)
        })
        .collect()
}

#[test]
fn every_spelling_gives_its_fingerprint() {
    let mut wrong = Vec::new();
    for (name, file) in files() {
        for group in &file.groups {
            for row in &group.spellings {
                let found = match row.run() {
                    Ok(found) => found,
                    Err(refused) => {
                        wrong.push(format!("{name}: `{}` refused: {}", row.raw, refused.code()));
                        continue;
                    }
                };
                let platform = if group.kind == Kind::Phone { row.seen_on } else { group.platform };
                let holds = found.kind == group.kind
                    && found.platform == platform
                    && found.canonical() == group.canonical()
                    && hex::encode(found.fingerprint().expose()) == group.x;
                if !holds {
                    let canonical = String::from_utf8_lossy(found.canonical()).into_owned();
                    wrong.push(format!(
                        "{name}: `{}` is {} {:?} `{canonical}`, not {} {:?} `{}`",
                        row.raw,
                        found.kind,
                        found.platform,
                        group.kind,
                        platform,
                        String::from_utf8_lossy(&group.canonical()),
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_refusal_names_its_rule_and_not_the_value() {
    let mut wrong = Vec::new();
    for (name, file) in files() {
        for row in &file.refused {
            let wanted = row.refused.as_deref().unwrap();
            match row.run() {
                Err(refused) => {
                    if refused.code() != wanted {
                        wrong.push(format!("{name}: `{}` gives {}", row.raw, refused.code()));
                    }
                    let shown = format!("{refused} {refused:?} {}", refused.hint());
                    let value = row.raw.trim();
                    if value.chars().count() > 4 && shown.contains(value) {
                        wrong.push(format!("{name}: `{}` is repeated", row.raw));
                    }
                }
                Ok(found) => wrong.push(format!("{name}: `{}` became {}", row.raw, found.kind)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn different_things_stay_different() {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for (name, file) in files() {
        for group in &file.groups {
            let owner = format!("{name}: {}", group.name);
            if let Some(other) = owners.insert(group.x.clone(), owner.clone()) {
                panic!("{owner} and {other} share a fingerprint");
            }
            assert!(!group.spellings.is_empty(), "{owner} has no spelling");
        }
    }
}

#[test]
fn every_kind_and_every_platform_has_vectors() {
    let files = files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, FILES);
    let groups = || files.values().flat_map(|file| &file.groups);
    let kinds: BTreeSet<Kind> = groups().map(|group| group.kind).collect();
    assert_eq!(kinds, Kind::ALL.iter().copied().collect());
    let rows = || groups().flat_map(|group| &group.spellings);
    let platforms: BTreeSet<Platform> = groups()
        .filter_map(|group| group.platform)
        .chain(rows().filter_map(|row| row.seen_on))
        .collect();
    assert_eq!(platforms, Platform::ALL.iter().copied().collect());
    let refusals = files.values().flat_map(|file| &file.refused).count();
    assert!(rows().count() + refusals >= ROWS_MIN);
}

#[test]
fn every_file_says_where_it_comes_from() {
    for (name, file) in files() {
        assert_eq!(file.normalisation, 1, "{name}");
        assert_eq!(file.origin, "written for this project", "{name}");
        assert_eq!(file.licence, "Apache-2.0 OR MIT", "{name}");
        assert!(!file.about.is_empty() && !file.rules.is_empty(), "{name}");
        for rule in &file.rules {
            assert!(!rule.rule.is_empty() && !rule.source.is_empty(), "{name}");
        }
    }
}
