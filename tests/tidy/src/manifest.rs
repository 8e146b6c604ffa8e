//! What each `Cargo.toml` declares, and the shape that every one of ours has.

use crate::Finding;
use crate::tree::{File, Tree};
use toml::{Table, Value};

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The code itself, or its build script.
    Code,
    /// Its tests.
    Tests,
}

/// One line of a dependency table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name used in code.
    pub name: String,
    /// The package behind it.
    pub package: String,
    /// What it is for.
    pub need: Need,
}

/// One package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its folder from the root, for example `crates/domain`.
    pub folder: String,
    /// The package's name, for example `malines-domain`.
    pub name: String,
    /// Everything it depends on, ours and others'.
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// The crate's short name: the last part of its folder.
    pub fn short(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }

    /// Does it stand in `crates/`?
    pub fn is_crate(&self) -> bool {
        self.folder.starts_with("crates/")
    }
}

/// The packages of the workspace.
///
/// # Errors
/// A sentence naming the manifest that cannot be read.
pub fn packages(tree: &Tree) -> Result<Vec<Package>, String> {
    let root = table(tree.text("Cargo.toml").unwrap_or_default(), "Cargo.toml")?;
    let shared = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    tree.files
        .iter()
        .filter(|file| is_member_manifest(&file.path))
        .map(|file| package(file, &shared))
        .collect()
}

/// The shared dependencies that no package asks for.
///
/// # Errors
/// A sentence when the root manifest cannot be read.
pub fn unused_shared(root: &str, packages: &[Package]) -> Result<Vec<Finding>, String> {
    let root = table(root, "Cargo.toml")?;
    let shared = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let names = shared.and_then(Value::as_table).into_iter().flat_map(|table| table.keys());
    let is_used = |name: &str| {
        packages.iter().flat_map(|package| &package.dependencies).any(|one| one.name == name)
    };
    Ok(names
        .filter(|name| !is_used(name))
        .map(|name| Finding::in_file("Cargo.toml", format!("no package uses `{name}`: remove it")))
        .collect())
}

/// Every package takes the workspace's lints and version, is never published, and has no features.
///
/// # Errors
/// A sentence naming the manifest that cannot be read.
pub fn shape(files: &[File]) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_member_manifest(&file.path)) {
        let manifest = table(&file.text, &file.path)?;
        let is_inherited =
            |path: &[&str]| at(&manifest, path).and_then(Value::as_bool) == Some(true);
        for path in [&["lints", "workspace"][..], &["package", "publish", "workspace"]] {
            if !is_inherited(path) {
                let what = format!("say `{} = true`", path.join("."));
                findings.push(Finding::in_file(&file.path, what));
            }
        }
        if manifest.contains_key("features") {
            findings
                .push(Finding::in_file(&file.path, "cargo features are not used in this house"));
        }
    }
    Ok(findings)
}

fn is_member_manifest(path: &str) -> bool {
    let Some(folder) = path.strip_suffix("/Cargo.toml") else {
        return false;
    };
    folder == "benches"
        || folder
            .strip_prefix("crates/")
            .or_else(|| folder.strip_prefix("tests/"))
            .is_some_and(|rest| !rest.contains('/'))
}

fn package(file: &File, shared: &Table) -> Result<Package, String> {
    let manifest = table(&file.text, &file.path)?;
    let name = at(&manifest, &["package", "name"])
        .and_then(Value::as_str)
        .ok_or_else(|| format!("`{}` names no package", file.path))?;
    let mut dependencies = Vec::new();
    collect(&manifest, shared, &mut dependencies);
    let targets = manifest.get("target").and_then(Value::as_table);
    for one in targets.into_iter().flat_map(|table| table.values()).filter_map(Value::as_table) {
        collect(one, shared, &mut dependencies);
    }
    let folder = file.path.trim_end_matches("/Cargo.toml").to_owned();
    Ok(Package { folder, name: name.to_owned(), dependencies })
}

fn collect(manifest: &Table, shared: &Table, dependencies: &mut Vec<Dependency>) {
    let sections = [
        ("dependencies", Need::Code),
        ("build-dependencies", Need::Code),
        ("dev-dependencies", Need::Tests),
    ];
    for (section, need) in sections {
        let entries = manifest.get(section).and_then(Value::as_table);
        for (name, value) in entries.into_iter().flatten() {
            let renamed =
                |value: &Value| value.get("package").and_then(Value::as_str).map(str::to_owned);
            let package = renamed(value)
                .or_else(|| shared.get(name).and_then(renamed))
                .unwrap_or_else(|| name.clone());
            dependencies.push(Dependency { name: name.clone(), package, need });
        }
    }
}

fn table(text: &str, path: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| format!("`{path}` cannot be read: {error}"))
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\n\
        domain = { package = \"malines-domain\", path = \"crates/domain\" }\nsled = \"1\"\nhex = \"1\"\n";

    fn example() -> Tree {
        let manifest = "[package]\nname = \"malines-store\"\n[dependencies]\ndomain.workspace = true\n\
            kv = { package = \"sled\", version = \"1\" }\n[dev-dependencies]\nhex.workspace = true\n\
            [target.'cfg(unix)'.dependencies]\nnix = \"1\"\n";
        let files = vec![
            File::new("Cargo.toml", ROOT),
            File::new("crates/store/Cargo.toml", manifest),
            File::new("fuzz/Cargo.toml", "[package]\nname = \"other\"\n"),
        ];
        Tree { root: std::path::PathBuf::new(), files }
    }

    #[test]
    fn a_renamed_dependency_is_seen_through() {
        let packages = packages(&example()).unwrap();
        assert_eq!(packages.len(), 1);
        let seen: Vec<_> =
            packages[0].dependencies.iter().map(|one| (one.package.as_str(), one.need)).collect();
        assert!(seen.contains(&("malines-domain", Need::Code)));
        assert!(seen.contains(&("sled", Need::Code)));
        assert!(seen.contains(&("hex", Need::Tests)));
        assert!(seen.contains(&("nix", Need::Code)));
        assert_eq!(packages[0].short(), "store");
    }

    #[test]
    fn a_shared_dependency_without_a_user_is_found() {
        let packages = packages(&example()).unwrap();
        let findings = unused_shared(ROOT, &packages).unwrap();
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].what.contains("`sled`"),
            "the renamed one does not use the shared line"
        );
    }

    #[test]
    fn a_package_outside_the_common_lints_is_found() {
        let findings = shape(&example().files).unwrap();
        assert_eq!(findings.len(), 2);
        let good = "[package]\npublish.workspace = true\n[lints]\nworkspace = true\n";
        assert!(shape(&[File::new("crates/a/Cargo.toml", good)]).unwrap().is_empty());
        let featured = format!("{good}[features]\nfast = []\n");
        assert_eq!(shape(&[File::new("benches/Cargo.toml", &featured)]).unwrap().len(), 1);
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let mut tree = example();
        tree.files[1].text = "[package".to_owned();
        assert!(packages(&tree).unwrap_err().contains("crates/store/Cargo.toml"));
    }
}
