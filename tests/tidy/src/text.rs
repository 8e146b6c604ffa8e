//! Rules for every text of the repository: no secrets, no machine of ours, no dead link.

use crate::Finding;
use crate::code;
use crate::tree::{File, Tree};
use std::collections::BTreeSet;
use std::path::Path;

/// Folders that many machines have, so that naming them says nothing about one of them.
const FOLDERS_OF_ANY_MACHINE: [&str; 8] =
    ["/", "/tmp/", "/var/", "/var/tmp/", "/srv/", "/opt/", "/usr/src/", "/build/"];

/// Folders of people. Written in two halves, so that this list does not find itself.
const FOLDERS_OF_PEOPLE: [&str; 3] =
    [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("C:\\Us", "ers\\")];

/// The folders that name the machine this repository stands on.
pub fn machine_folders(root: &Path, home: Option<&str>) -> Vec<String> {
    let parent = root.parent().map(|parent| parent.to_string_lossy().into_owned());
    let given = parent.into_iter().chain(home.map(str::to_owned));
    let own = given
        .map(|path| format!("{}/", path.trim_end_matches('/')))
        .filter(|path| !FOLDERS_OF_ANY_MACHINE.contains(&path.as_str()));
    own.chain(FOLDERS_OF_PEOPLE.map(str::to_owned)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Paths of one machine.
pub fn machine_paths(file: &File, folders: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in folders {
        for (at, _) in file.text.match_indices(folder.as_str()) {
            let before = file.text.get(..at).unwrap_or_default();
            let is_tail = before.ends_with(|c| code::is_part_of_word(c) || ".->".contains(c));
            let is_host = before.ends_with(":/");
            if !is_tail && !is_host {
                let what = format!("`{folder}` is a folder of one machine");
                findings.push(Finding::at_line(&file.path, code::line_of(&file.text, at), what));
            }
        }
    }
    findings
}

/// Private keys: throw-away ones are made on the spot, real ones never come near a repository.
pub fn private_keys(file: &File) -> Vec<Finding> {
    let opening = concat!("-----BE", "GIN ");
    let closing = concat!("PRIVATE", " KEY-----");
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let label = line.split_once(opening).map(|(_, label)| label);
        if label.is_some_and(|label| label.contains(closing)) {
            findings.push(Finding::at_line(
                &file.path,
                number + 1,
                "a private key, or the first line of one, is in the repository",
            ));
        }
    }
    findings
}

/// Links in Markdown to files that are not there.
pub fn dead_links(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, target) in links(&file.text) {
        let path = target.split('#').next().unwrap_or_default();
        let is_elsewhere = path.contains("://") || path.starts_with("mailto:");
        if is_elsewhere || path.is_empty() || resolves(&file.path, path, tree) {
            continue;
        }
        let what = format!("`{path}` is not in the repository");
        findings.push(Finding::at_line(&file.path, code::line_of(&file.text, at), what));
    }
    findings
}

/// A change log without an entry for what is being released.
pub fn changelog(text: &str, version: &str) -> Vec<Finding> {
    let headings = [format!("## [{version}]"), "## [Unreleased]".to_owned()];
    let section = |heading: &String| {
        let (_, after) = text.split_once(heading.as_str())?;
        after.split("\n## ").next()
    };
    let is_told = headings
        .iter()
        .filter_map(section)
        .any(|section| section.lines().any(|line| line.starts_with("- ") && line.len() > 10));
    if is_told {
        return Vec::new();
    }
    let what = format!("no entry under `## [{version}]` or `## [Unreleased]`");
    vec![Finding::in_file("CHANGELOG.md", what)]
}

/// Vectors that do not say where they come from and under which licence.
pub fn unattributed_vectors(file: &File) -> Vec<Finding> {
    let is_vector = file.path.starts_with("tests/vectors/") && file.path.ends_with(".json");
    let is_told = ["\"origin\"", "\"licence\""].iter().all(|key| file.text.contains(key));
    if !is_vector || is_told {
        return Vec::new();
    }
    vec![Finding::in_file(&file.path, "say its `origin` and its `licence`")]
}

/// Commands that the README promises and that the continuous build must run word for word.
pub fn promises(readme: &str, ci: &str, commands: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for command in commands {
        for (path, text) in [("README.md", readme), (".ci/run", ci)] {
            if !text.contains(command) {
                findings.push(Finding::in_file(path, format!("`{command}` is not there")));
            }
        }
    }
    findings
}

/// The targets of `[text](target)`, with the byte offset of each; code blocks are left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_code = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !is_code && !is_fence {
            for (at, _) in line.match_indices("](") {
                let rest = line.get(at + 2..).unwrap_or_default();
                if let Some((target, _)) = rest.split_once(')') {
                    found.push((start + at, target.split_whitespace().next().unwrap_or_default()));
                }
            }
        }
        start += line.len();
    }
    found
}

fn resolves(from: &str, target: &str, tree: &Tree) -> bool {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let folder = format!("{path}/");
    tree.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_path_of_one_machine_is_found() {
        let folders = machine_folders(Path::new("/elsewhere/main"), Some("/somebody"));
        for bad in [
            "see /elsewhere/notes",
            "file:///somebody/x",
            "`/somebody/x`",
            concat!("/ho", "me/x/y"),
        ] {
            assert_eq!(machine_paths(&File::new("a.md", bad), &folders).len(), 1, "{bad}");
        }
        for fine in ["keys/somebody/x", "/var/lib/malines", "https://elsewhere/x"] {
            assert!(machine_paths(&File::new("a.md", fine), &folders).is_empty(), "{fine}");
        }
    }

    #[test]
    fn a_clone_in_a_common_folder_does_not_forbid_that_folder() {
        let folders = machine_folders(Path::new("/tmp/clone"), Some("/"));
        assert!(machine_paths(&File::new("a.md", "in /tmp/x"), &folders).is_empty());
    }

    #[test]
    fn a_private_key_is_found_and_talk_of_one_is_not() {
        for label in ["", "EC ", "RSA ", "ENCRYPTED ", "OPENSSH "] {
            let text = format!(
                "x\n{}{label}{}\n",
                concat!("-----BE", "GIN "),
                concat!("PRIVATE", " KEY-----")
            );
            let findings = private_keys(&File::new("a.pem", &text));
            assert_eq!(findings.len(), 1, "{label}");
            assert_eq!(findings[0].place, "a.pem:2");
        }
        assert!(private_keys(&File::new("a.md", "a PRIVATE KEY is secret")).is_empty());
        let certificate = concat!("-----BE", "GIN CERTIFICATE-----");
        assert!(private_keys(&File::new("a.pem", certificate)).is_empty());
    }

    #[test]
    fn a_dead_link_is_found() {
        let files = vec![File::new("docs/a.md", ""), File::new("deploy/node.toml", "")];
        let tree = Tree { root: PathBuf::new(), files };
        let page = |text: &str| File::new("docs/b.md", text);
        for fine in [
            "[a](a.md)",
            "[a](a.md#part)",
            "[n](../deploy/node.toml)",
            "[d](../deploy)",
            "[w](https://example.org/x)",
            "[here](#part)",
            "```\n[x](gone.md)\n```",
        ] {
            assert!(dead_links(&page(fine), &tree).is_empty(), "{fine}");
        }
        for bad in ["[a](gone.md)", "x\n[a](../../a.md)", "[a](../a.md)"] {
            assert_eq!(dead_links(&page(bad), &tree).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_change_log_without_an_entry_is_found() {
        assert!(changelog("## [0.1.0]\n\n- The first thing.\n", "0.1.0").is_empty());
        assert_eq!(changelog("## [0.1.0]\n\n## [0.0.9]\n- The older thing.\n", "0.1.0").len(), 1);
        assert_eq!(changelog("", "0.1.0").len(), 1);
    }

    #[test]
    fn a_vector_without_origin_or_licence_is_found() {
        let vector = |text: &str| File::new("tests/vectors/a/b.json", text);
        let told = vector("{\"origin\": \"x\", \"licence\": \"y\"}");
        assert!(unattributed_vectors(&told).is_empty());
        assert_eq!(unattributed_vectors(&vector("{\"origin\": \"x\"}")).len(), 1);
        assert!(unattributed_vectors(&File::new("deploy/a.json", "{}")).is_empty());
    }

    #[test]
    fn a_promise_that_nobody_keeps_is_found() {
        assert!(promises("run `a b`", "a b", &["a b"]).is_empty());
        assert_eq!(promises("run `a b`", "a c", &["a b"]).len(), 1);
        assert_eq!(promises("", "", &["a b"]).len(), 2);
    }
}
