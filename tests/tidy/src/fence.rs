//! Fences: each outside library that shapes the design may be used by the named crates only.

use crate::Finding;
use crate::code;
use crate::manifest::{Need, Package};
use crate::tree::File;

/// Who may use a library in its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTests {
    /// Only the crates that may use it in their code.
    SameAsCode,
    /// These crates as well.
    Also(&'static [&'static str]),
    /// Every crate.
    Anyone,
}

/// A set of libraries and the crates inside their fence.
#[derive(Clone, Copy, Debug)]
pub struct Fence {
    /// Package names; one that ends with `-` stands for all that begin with it.
    pub libraries: &'static [&'static str],
    /// The crates that may depend on them.
    pub crates: &'static [&'static str],
    /// The crates that may only name them, through another crate's re-export.
    pub through_reexport: &'static [&'static str],
    /// Who may use them in tests.
    pub in_tests: InTests,
    /// Why the fence stands.
    pub why: &'static str,
}

/// Every fence of the house. They bind `crates/`; the test packages and the benches stand outside.
pub const FENCES: [Fence; 12] = [
    Fence {
        libraries: &["blake3", "ed25519-dalek", "curve25519-dalek"],
        crates: &["domain", "sealed"],
        why: "every digest and signature has one definition",
        ..CLOSED
    },
    Fence {
        libraries: &["tokio"],
        crates: &["wire", "node", "cli", "demo"],
        why: "nothing below the network is asynchronous",
        ..CLOSED
    },
    Fence {
        libraries: &["tonic"],
        crates: &["wire", "node", "cli"],
        why: "only programs and the wire speak gRPC",
        ..CLOSED
    },
    Fence {
        libraries: &["rustls"],
        crates: &["wire"],
        through_reexport: &["node"],
        why: "identity on the wire is judged in one place",
        ..CLOSED
    },
    Fence {
        libraries: &[
            "prost",
            "prost-types",
            "tonic-prost",
            "tokio-rustls",
            "tokio-stream",
            "x509-parser",
            "rustls-webpki",
            "hyper",
            "hyper-util",
            "h2",
        ],
        crates: &["wire"],
        why: "all that touches network bytes is in `wire`",
        ..CLOSED
    },
    Fence {
        libraries: &["sled", "chacha20poly1305"],
        crates: &["store"],
        why: "only `store` writes to disk and seals what is written",
        ..CLOSED
    },
    Fence {
        libraries: &["cedar-policy", "cedar-policy-core"],
        crates: &["cedar_engine"],
        why: "policy is judged behind the trait `Evaluator`, off the path of other builds",
        ..CLOSED
    },
    Fence {
        libraries: &[
            "unicode-",
            "icu_",
            "idna",
            "url",
            "caseless",
            "phonenumber",
            "rlibphonenumber",
            "bs58",
            "bech32",
        ],
        crates: &["fingerprint"],
        why: "raw identifiers are understood at the edge only",
        ..CLOSED
    },
    Fence {
        libraries: &["serde_json"],
        crates: &["interop", "cli", "node", "demo"],
        in_tests: InTests::Anyone,
        why: "JSON is for people and for other systems, never for signed bytes",
        ..CLOSED
    },
    Fence {
        libraries: &["clap", "clap_complete", "anyhow"],
        crates: &["node", "cli", "demo"],
        why: "only programs have a command line and an untyped error",
        ..CLOSED
    },
    Fence {
        libraries: &["rcgen"],
        crates: &["node"],
        in_tests: InTests::Also(&["wire"]),
        why: "only `malines-node init` makes certificates",
        ..CLOSED
    },
    Fence {
        libraries: &["protox", "tonic-prost-build", "prost-build"],
        crates: &[],
        in_tests: InTests::Also(&["wire"]),
        why: "generated code is committed, so that a build needs no compiler of protocols",
        ..CLOSED
    },
];

const CLOSED: Fence = Fence {
    libraries: &[],
    crates: &[],
    through_reexport: &[],
    in_tests: InTests::SameAsCode,
    why: "",
};

/// Dependencies over a fence.
pub fn crossed(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.is_crate()) {
        for dependency in &package.dependencies {
            let fence = FENCES.iter().find(|fence| fence.holds(&dependency.package));
            if let Some(fence) =
                fence.filter(|fence| !fence.admits(package.short(), dependency.need))
            {
                let what = format!("may not use `{}`: {}", dependency.package, fence.why);
                findings.push(Finding::in_file(&format!("{}/Cargo.toml", package.folder), what));
            }
        }
    }
    findings
}

/// Code that reaches a fenced library through the re-export of one of our crates.
pub fn named(files: &[File], packages: &[Package]) -> Vec<Finding> {
    let own: Vec<&str> = packages.iter().map(Package::short).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && !file.is_generated()) {
        let Some(short) = source_of(&file.path) else {
            continue;
        };
        let code = code::without_comments_and_literals(&file.text);
        let code = code::before_tests(&code);
        for fence in FENCES.iter().filter(|fence| !fence.may_name(short)) {
            for library in fence.libraries {
                let name = library.replace('-', "_");
                for at in
                    code::words(code, &name).filter(|&at| is_outside_path(code, at, &name, &own))
                {
                    let what = format!("may not name `{library}`: {}", fence.why);
                    findings.push(Finding::at_line(&file.path, code::line_of(code, at), what));
                }
            }
        }
    }
    findings
}

/// Dependencies that the package's own sources never name.
pub fn unused(files: &[File], packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let inside = format!("{}/", package.folder);
        let sources: Vec<(&str, String)> = files
            .iter()
            .filter(|file| file.is_rust() && file.path.starts_with(&inside))
            .map(|file| (file.path.as_str(), code::without_comments_and_literals(&file.text)))
            .collect();
        for dependency in &package.dependencies {
            let name = dependency.name.replace('-', "_");
            let counts = |path: &str| {
                dependency.need == Need::Tests
                    || path.strip_prefix(&inside).is_some_and(|rest| {
                        rest.starts_with("src/") || rest == "build.rs" || !package.is_crate()
                    })
            };
            let is_named = sources
                .iter()
                .any(|(path, code)| counts(path) && code::words(code, &name).next().is_some());
            if !is_named {
                let what = format!("`{}` is never named: remove it", dependency.name);
                findings.push(Finding::in_file(&format!("{inside}Cargo.toml"), what));
            }
        }
    }
    findings
}

impl Fence {
    fn holds(&self, package: &str) -> bool {
        self.libraries.iter().any(|library| {
            package == *library || (library.ends_with(['-', '_']) && package.starts_with(library))
        })
    }

    fn admits(&self, short: &str, need: Need) -> bool {
        let in_tests = match self.in_tests {
            InTests::SameAsCode => false,
            InTests::Also(crates) => crates.contains(&short),
            InTests::Anyone => true,
        };
        self.crates.contains(&short) || (need == Need::Tests && in_tests)
    }

    fn may_name(&self, short: &str) -> bool {
        self.crates.contains(&short) || self.through_reexport.contains(&short)
    }
}

fn source_of(path: &str) -> Option<&str> {
    let (short, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    rest.starts_with("src/").then_some(short)
}

/// Is this the library, rather than a module of our own that bears the same name?
fn is_outside_path(code: &str, at: usize, name: &str, own: &[&str]) -> bool {
    let after = code.get(at + name.len()..).unwrap_or_default();
    let Some(before) = code.get(..at) else {
        return false;
    };
    match before.strip_suffix("::") {
        Some(path) => {
            let segment =
                path.rsplit(|c: char| !code::is_part_of_word(c)).next().unwrap_or_default();
            segment.is_empty() || own.contains(&segment)
        }
        None => after.starts_with("::") && before.trim_end().ends_with("use"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Dependency;

    fn package(short: &str, dependency: &str, need: Need) -> Package {
        let one = Dependency { name: dependency.to_owned(), package: dependency.to_owned(), need };
        Package {
            folder: format!("crates/{short}"),
            name: format!("malines-{short}"),
            dependencies: vec![one],
        }
    }

    #[test]
    fn a_library_outside_its_fence_is_found() {
        for (short, library) in [
            ("audit", "blake3"),
            ("desk", "tokio"),
            ("node", "rustls"),
            ("desk", "sled"),
            ("policy", "cedar-policy"),
            ("cli", "unicode-normalization"),
            ("domain", "serde_json"),
        ] {
            assert_eq!(
                crossed(&[package(short, library, Need::Code)]).len(),
                1,
                "{short} {library}"
            );
        }
        assert!(crossed(&[package("domain", "blake3", Need::Code)]).is_empty());
        assert!(crossed(&[package("fingerprint", "unicode-security", Need::Code)]).is_empty());
    }

    #[test]
    fn tests_may_use_test_tools_and_no_more() {
        assert!(crossed(&[package("domain", "serde_json", Need::Tests)]).is_empty());
        assert!(crossed(&[package("wire", "rcgen", Need::Tests)]).is_empty());
        assert_eq!(crossed(&[package("desk", "rcgen", Need::Tests)]).len(), 1);
        assert_eq!(crossed(&[package("sync", "tokio", Need::Tests)]).len(), 1);
    }

    #[test]
    fn a_way_round_the_fence_through_a_reexport_is_found() {
        let packages = [package("wire", "tokio", Need::Code), package("desk", "hex", Need::Code)];
        let bad = File::new("crates/desk/src/lib.rs", "//! x\nuse wire::tokio::spawn;\n");
        let findings = named(&[bad], &packages);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "crates/desk/src/lib.rs:2");
        let fine = "// tokio::spawn\nmod url {}\nfn f() { crate::url::read(); }\n#[cfg(test)]\nuse tokio::x;";
        assert!(named(&[File::new("crates/desk/src/lib.rs", fine)], &packages).is_empty());
        let node = File::new("crates/node/src/lib.rs", "use wire::rustls::Error;");
        assert!(named(&[node], &packages).is_empty());
    }

    #[test]
    fn a_dependency_that_nobody_names_is_found() {
        let packages = [package("desk", "tokio-stream", Need::Code)];
        let comment = File::new("crates/desk/src/lib.rs", "// tokio_stream\n");
        let in_tests = File::new("crates/desk/tests/all.rs", "use tokio_stream::x;");
        assert_eq!(unused(&[comment.clone(), in_tests], &packages).len(), 1);
        let used = File::new("crates/desk/src/a.rs", "use tokio_stream::x;");
        assert!(unused(&[comment, used], &packages).is_empty());
    }
}
