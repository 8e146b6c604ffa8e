//! Rules for pages that name tests as proof: each test that is named exists.

use crate::Finding;
use crate::tree::{File, Tree};
use std::collections::BTreeSet;

/// The column of the table that names tests.
const COLUMN: &str = "shown by";

/// The test functions of some source.
pub fn tests_in(file: &File) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in file.text.lines().map(str::trim) {
        let attribute = line.strip_prefix("#[");
        is_test |= attribute.is_some_and(|rest| {
            let name = rest.split([']', '(']).next().unwrap_or_default();
            name == "test" || name.ends_with("::test")
        });
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let line = line.strip_prefix("async ").unwrap_or(line);
        let Some(rest) = line.strip_prefix("fn ") else { continue };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if core::mem::take(&mut is_test) {
            tests.insert(name);
        }
    }
    tests
}

/// Names in the column of tests that no test has.
pub fn unknown_tests(page: &File, known: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut column = None;
    for (number, line) in page.text.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            column = None;
        } else if let Some(found) = cells.iter().position(|cell| *cell == COLUMN) {
            column = Some(found);
        } else if let Some(cell) = column.and_then(|at| cells.get(at)) {
            // Every second piece stands between two marks.
            for name in cell.split('`').skip(1).step_by(2).filter(|name| !known.contains(*name)) {
                let what = format!("`{name}` is no test of this repository");
                findings.push(Finding::at_line(&page.path, number + 1, what));
            }
        }
    }
    findings
}

/// Every test of the repository.
pub fn all_tests(tree: &Tree) -> BTreeSet<String> {
    tree.rust().flat_map(tests_in).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_named_and_does_not_exist_is_found() {
        let source = "#[test]\nfn it_holds() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn \
                      it_holds_live() {}\nfn helper() {}\n";
        let known = tests_in(&File::new("a.rs", source));
        assert_eq!(known, ["it_holds", "it_holds_live"].map(str::to_owned).into());
        let page = "| what | shown by |\n| --- | --- |\n| `code` | `it_holds`, `it_holds_live` |\n| x | \
                    `helper` (live) |\n\n| `not_here` | other |\n";
        let findings = unknown_tests(&File::new("page.md", page), &known);
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`helper`") && found[0].contains('4'), "{found:?}");
    }
}
