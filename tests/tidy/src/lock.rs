//! Versions that the lock file must reach, and packages that must never be in it.

use crate::Finding;
use std::cmp::Ordering;
use toml::{Table, Value};

/// The lowest version without a known hole, and why.
pub const FLOORS: [(&str, &str, Presence, &str); 7] = [
    ("h2", "0.4.16", Presence::Required, "floods of empty DATA frames (RUSTSEC-2026-0258)"),
    (
        "rustls",
        "0.23.18",
        Presence::Required,
        "a panic an acceptor can be led to (RUSTSEC-2024-0399)",
    ),
    (
        "rustls-webpki",
        "0.103.13",
        Presence::Required,
        "a panic on a revocation list (RUSTSEC-2026-0104)",
    ),
    ("bytes", "1.11.1", Presence::Required, "an overflow (RUSTSEC-2026-0007)"),
    (
        "tracing-subscriber",
        "0.3.20",
        Presence::Required,
        "terminal codes in logs (RUSTSEC-2025-0055)",
    ),
    ("tokio", "1.44.2", Presence::Required, "an unsound channel (RUSTSEC-2025-0023)"),
    ("time", "0.3.47", Presence::IfThere, "a stack exhaustion (RUSTSEC-2026-0009)"),
];

/// Versions that a careless `cargo add` or `cargo update` would leave behind.
pub const CEILINGS: [(&str, &str); 1] = [("rustls", "0.24.0")];

/// Versions that were tried and must not move by themselves.
pub const PINS: [(&str, &str); 1] = [("sled", "0.34.7")];

/// Packages that must never be linked; `deny.toml` names the same ones, with the reasons.
pub const BANNED: [&str; 5] = ["bincode", "native-tls", "openssl", "openssl-sys", "rustls-pemfile"];

/// Must a package be there for its floor to make sense?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// If it is gone, the table above is out of date.
    Required,
    /// It may come and go with other packages.
    IfThere,
}

/// One locked package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Package name.
    pub name: String,
    /// Its version, as written.
    pub version: String,
    /// Where it comes from; none for our own.
    pub source: Option<String>,
}

/// Reads a lock file.
///
/// # Errors
/// A sentence when it is no lock file.
pub fn read(text: &str) -> Result<Vec<Locked>, String> {
    let table = text.parse::<Table>().map_err(|error| format!("no lock file: {error}"))?;
    let packages = table.get("package").and_then(Value::as_array).ok_or("it locks no package")?;
    packages
        .iter()
        .map(|one| {
            let word = |key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
            let name = word("name").ok_or("a locked package has no name")?;
            let version = word("version").ok_or("a locked package has no version")?;
            Ok(Locked { name, version, source: word("source") })
        })
        .collect()
}

/// Versions that are too low, too high, or moved from their pin.
pub fn versions(locked: &[Locked]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut judge = |name: &str, holds: &dyn Fn(&str) -> bool, rule: String| {
        for one in locked.iter().filter(|one| one.name == name && !holds(&one.version)) {
            findings
                .push(Finding::in_file("Cargo.lock", format!("{name} {}: {rule}", one.version)));
        }
    };
    for (name, floor, _, why) in FLOORS {
        judge(name, &|version| is_at_least(version, floor), format!("at least {floor}: {why}"));
    }
    for (name, ceiling) in CEILINGS {
        judge(name, &|version| !is_at_least(version, ceiling), format!("must be below {ceiling}"));
    }
    for (name, pin) in PINS {
        judge(name, &|version| version == pin, format!("must be exactly {pin}"));
    }
    let required = FLOORS.iter().filter(|(.., presence, _)| *presence == Presence::Required);
    for name in required.map(|(name, ..)| name).chain(PINS.iter().map(|(name, _)| name)) {
        if !locked.iter().any(|one| one.name == *name) {
            let what = format!("{name} is not locked any more: take it out of the table");
            findings.push(Finding::in_file("Cargo.lock", what));
        }
    }
    findings
}

/// Banned packages, and packages that come from anywhere but the public registry.
pub fn strangers(locked: &[Locked]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in locked {
        if BANNED.contains(&one.name.as_str()) {
            findings.push(Finding::in_file(
                "Cargo.lock",
                format!("{} is banned, see deny.toml", one.name),
            ));
        }
        let is_outside =
            one.source.as_deref().is_some_and(|source| !source.starts_with("registry+"));
        if is_outside {
            let what = format!("{} does not come from the public registry", one.name);
            findings.push(Finding::in_file("Cargo.lock", what));
        }
    }
    findings
}

/// Bans that stand here or in `deny.toml`, but not in both.
///
/// # Errors
/// A sentence when `deny.toml` cannot be read.
pub fn bans_apart(deny: &str) -> Result<Vec<Finding>, String> {
    let table = deny.parse::<Table>().map_err(|error| format!("`deny.toml`: {error}"))?;
    let entries = table.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let names: Vec<&str> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("crate").and_then(Value::as_str))
        .collect();
    let missing = BANNED.iter().filter(|name| !names.contains(*name));
    let extra = names.iter().filter(|name| !BANNED.contains(*name));
    Ok(missing
        .chain(extra)
        .map(|name| Finding::in_file("deny.toml", format!("`{name}` is banned in one place only")))
        .collect())
}

/// Compares as Semantic Versioning does; a pre-release stands below its release.
fn is_at_least(version: &str, floor: &str) -> bool {
    let (given, wanted) = (parts(version), parts(floor));
    given.0.cmp(&wanted.0).then((!given.1).cmp(&!wanted.1)) != Ordering::Less
}

fn parts(version: &str) -> ([u64; 3], bool) {
    let plain = version.split('+').next().unwrap_or_default();
    let (numbers, is_prerelease) = match plain.split_once('-') {
        Some((numbers, _)) => (numbers, true),
        None => (plain, false),
    };
    let mut three = numbers.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || three.next().unwrap_or(0);
    ([next(), next(), next()], is_prerelease)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, version: &str) -> Locked {
        Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            source: Some("registry+https://example.org".to_owned()),
        }
    }

    fn good() -> Vec<Locked> {
        let floors = FLOORS.iter().map(|(name, version, ..)| locked(name, version));
        floors.chain(PINS.iter().map(|(name, version)| locked(name, version))).collect()
    }

    #[test]
    fn a_version_below_its_floor_is_found() {
        assert!(versions(&good()).is_empty());
        for (name, low) in [
            ("h2", "0.4.15"),
            ("rustls", "0.22.99"),
            ("rustls", "0.24.0"),
            ("bytes", "1.11.1-rc.1"),
            ("time", "0.3.46"),
            ("sled", "0.34.8"),
            ("sled", "1.0.0-alpha.124"),
        ] {
            let mut packages = good();
            packages.push(locked(name, low));
            assert_eq!(versions(&packages).len(), 1, "{name} {low}");
        }
    }

    #[test]
    fn a_floor_for_a_package_that_is_gone_is_found() {
        let without =
            |name: &str| good().into_iter().filter(|one| one.name != name).collect::<Vec<_>>();
        assert_eq!(versions(&without("h2")).len(), 1);
        assert!(versions(&without("time")).is_empty());
    }

    #[test]
    fn banned_packages_and_other_sources_are_found() {
        assert!(strangers(&good()).is_empty());
        assert_eq!(strangers(&[locked("openssl", "0.10.0")]).len(), 1);
        let mut forked = locked("h2", "0.4.16");
        forked.source = Some("git+https://example.org/h2".to_owned());
        assert_eq!(strangers(&[forked]).len(), 1);
    }

    #[test]
    fn a_ban_in_one_place_only_is_found() {
        let entries: Vec<String> =
            BANNED.iter().map(|name| format!("{{ crate = \"{name}\" }}")).collect();
        let same = format!("[bans]\ndeny = [{}]", entries.join(","));
        assert!(bans_apart(&same).unwrap().is_empty());
        assert_eq!(bans_apart("[bans]\ndeny = []").unwrap().len(), BANNED.len());
        let more = format!("[bans]\ndeny = [{}, {{ crate = \"ring\" }}]", entries.join(","));
        assert_eq!(bans_apart(&more).unwrap().len(), 1);
        assert!(bans_apart("[bans").is_err());
    }

    #[test]
    fn a_lock_file_is_read() {
        let text = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.2.3+x\"\n";
        assert_eq!(read(text).unwrap()[0].name, "a");
        assert!(read("version = 4").is_err());
        assert!(is_at_least("1.2.3+x", "1.2.3"));
        assert!(is_at_least("1.10.0", "1.9.9"));
    }
}
