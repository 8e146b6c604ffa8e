//! Floors: a crate depends only on crates of strictly lower floors, and some not even on those.

use crate::Finding;
use crate::manifest::{Need, Package};
use std::collections::BTreeSet;

/// Every crate and the floor it stands on.
pub const FLOORS: [(&str, u8); 19] = [
    ("domain", 0),
    ("fingerprint", 1),
    ("media", 1),
    ("agreement", 1),
    ("audit", 1),
    ("sync", 1),
    ("sealed", 1),
    ("similarity", 1),
    ("policy", 2),
    ("store", 3),
    ("wire", 3),
    ("cedar_engine", 3),
    ("desk", 4),
    ("casework", 4),
    ("interop", 4),
    ("node", 5),
    ("cli", 5),
    ("demo", FLOOR_TOP),
    ("benches", FLOOR_BENCHES),
];

/// The floor of the demo and of the test packages.
pub const FLOOR_TOP: u8 = 6;

/// The floor of the benches: one of them measures the federation of the tests.
pub const FLOOR_BENCHES: u8 = 7;

/// Crates that see raw identifiers or media; the node must link none of them, however indirectly.
pub const EDGE_ONLY: [&str; 2] = ["fingerprint", "media"];

/// The crates that may touch what is [`EDGE_ONLY`].
pub const EDGE: [&str; 2] = ["cli", "interop"];

/// What the people's command line is made of: it talks to a node and holds no store of its own.
pub const CLI_PARTS: [&str; 9] = [
    "domain",
    "fingerprint",
    "media",
    "agreement",
    "audit",
    "policy",
    "cedar_engine",
    "wire",
    "interop",
];

/// Dependencies, of tests too, that do not go strictly down.
pub fn upward(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let Some(floor) = floor_of(package) else {
            findings.push(Finding::in_file(&manifest, "stands on no floor: add it to the table"));
            continue;
        };
        if package.is_crate() && package.name != format!("malines-{}", package.short()) {
            findings.push(Finding::in_file(&manifest, "the package is called malines-<folder>"));
        }
        for (dependency, _) in ours(package, packages) {
            let below = floor_of(dependency);
            if below.is_none_or(|below| below >= floor) {
                let what = format!(
                    "floor {floor} depends on `{}`, which does not stand on a lower floor",
                    dependency.short()
                );
                findings.push(Finding::in_file(&manifest, what));
            }
        }
    }
    findings
}

/// Who links, even indirectly, a crate that sees raw identifiers without being at the edge.
pub fn edge_leaks(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.is_crate()) {
        let is_edge = EDGE.contains(&package.short()) || floor_of(package) >= Some(FLOOR_TOP);
        if is_edge || EDGE_ONLY.contains(&package.short()) {
            continue;
        }
        for leak in linked(package, packages).intersection(&BTreeSet::from(EDGE_ONLY)) {
            let what = format!("links `{leak}`: raw identifiers stay on the analyst's machine");
            findings.push(Finding::in_file(&format!("{}/Cargo.toml", package.folder), what));
        }
    }
    findings
}

/// What the command line depends on beside its stated parts.
pub fn cli_extras(packages: &[Package]) -> Vec<Finding> {
    let cli = packages.iter().filter(|package| package.folder == "crates/cli");
    cli.flat_map(|package| ours(package, packages).map(move |(one, need)| (package, one, need)))
        .filter(|(_, one, need)| *need == Need::Code && !CLI_PARTS.contains(&one.short()))
        .map(|(package, one, _)| {
            let what = format!("`{}` belongs to the node's side", one.short());
            Finding::in_file(&format!("{}/Cargo.toml", package.folder), what)
        })
        .collect()
}

fn floor_of(package: &Package) -> Option<u8> {
    if package.folder.starts_with("tests/") {
        return Some(FLOOR_TOP);
    }
    FLOORS.iter().find(|(name, _)| *name == package.short()).map(|(_, floor)| *floor)
}

fn ours<'a>(
    package: &'a Package,
    packages: &'a [Package],
) -> impl Iterator<Item = (&'a Package, Need)> {
    package.dependencies.iter().filter_map(|dependency| {
        packages.iter().find(|one| one.name == dependency.package).map(|one| (one, dependency.need))
    })
}

/// Every crate of ours that the code of `package` pulls in.
fn linked<'a>(package: &'a Package, packages: &'a [Package]) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut ahead = vec![package];
    while let Some(next) = ahead.pop() {
        for (dependency, need) in ours(next, packages) {
            if need == Need::Code && seen.insert(dependency.short()) {
                ahead.push(dependency);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Dependency;

    fn package(short: &str, needs: &[(&str, Need)]) -> Package {
        let dependencies = needs
            .iter()
            .map(|(name, need)| Dependency {
                name: (*name).to_owned(),
                package: format!("malines-{name}"),
                need: *need,
            })
            .collect();
        Package {
            folder: format!("crates/{short}"),
            name: format!("malines-{short}"),
            dependencies,
        }
    }

    #[test]
    fn up_sideways_and_unknown_are_found_and_down_is_not() {
        let good = [package("domain", &[]), package("audit", &[("domain", Need::Code)])];
        assert!(upward(&good).is_empty());
        let up = [package("domain", &[("audit", Need::Tests)]), package("audit", &[])];
        assert_eq!(upward(&up).len(), 1, "tests may not go up either");
        let sideways = [package("sync", &[("audit", Need::Code)]), package("audit", &[])];
        assert_eq!(upward(&sideways).len(), 1);
        assert_eq!(upward(&[package("attic", &[])]).len(), 1);
    }

    #[test]
    fn a_package_with_another_name_is_found() {
        let mut odd = package("domain", &[]);
        odd.name = "words".to_owned();
        assert_eq!(upward(&[odd]).len(), 1);
    }

    #[test]
    fn the_node_linking_fingerprint_through_another_crate_is_found() {
        let packages = [
            package("fingerprint", &[]),
            package("interop", &[("fingerprint", Need::Code)]),
            package("node", &[("interop", Need::Code)]),
            package("cli", &[("interop", Need::Code), ("fingerprint", Need::Code)]),
        ];
        let findings = edge_leaks(&packages);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "crates/node/Cargo.toml");
        let tests_only =
            [package("fingerprint", &[]), package("node", &[("fingerprint", Need::Tests)])];
        assert!(edge_leaks(&tests_only).is_empty());
    }

    #[test]
    fn a_command_line_with_a_store_is_found() {
        let packages = [package("store", &[]), package("cli", &[("store", Need::Code)])];
        assert_eq!(cli_extras(&packages).len(), 1);
    }
}
