//! Runs every house rule on the repository as it stands.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::OnceLock;
use tidy::manifest::{self, Package};
use tidy::tree::{File, Tree};
use tidy::{Finding, catalogue, fence, floor, lock, phone, shown, source, text};

/// Findings printed for one rule; the rest is counted.
const SHOWN_MAX: usize = 40;

#[test]
fn floors_hold() {
    none(floor::upward(packages()));
}

#[test]
fn only_the_edge_links_what_sees_raw_identifiers() {
    none(floor::edge_leaks(packages()));
    none(floor::cli_extras(packages()));
}

#[test]
fn fences_hold() {
    none(fence::crossed(packages()));
    none(fence::named(&tree().files, packages()));
}

#[test]
fn every_dependency_is_used() {
    none(fence::unused(&tree().files, packages()));
    let root = tree().text("Cargo.toml").unwrap();
    none(manifest::unused_shared(root, packages()).unwrap());
}

#[test]
fn every_package_keeps_the_common_shape() {
    none(manifest::shape(&tree().files).unwrap());
}

#[test]
fn every_file_begins_with_its_sentence() {
    none(each_rust_file(source::headers));
}

#[test]
fn files_and_functions_can_be_read_in_a_sitting() {
    none(each_rust_file(source::sizes));
}

#[test]
fn names_say_what_they_name() {
    none(each_rust_file(source::names));
}

#[test]
fn every_lint_exception_has_a_reason() {
    none(each_rust_file(source::exceptions));
}

#[test]
fn what_people_read_stands_in_the_one_catalogue() {
    none(each_rust_file(catalogue::said_inline));
}

#[test]
fn nothing_is_left_open() {
    none(each_rust_file(source::open_ends));
}

#[test]
fn locked_versions_are_above_their_floors() {
    let locked = lock::read(tree().text("Cargo.lock").unwrap()).unwrap();
    assert!(locked.len() > 100, "the lock file is not the workspace's");
    none(lock::versions(&locked));
    none(lock::strangers(&locked));
    none(lock::bans_apart(tree().text("deny.toml").unwrap()).unwrap());
}

#[test]
fn no_text_names_a_machine_or_holds_a_key() {
    let home = std::env::var("HOME").ok();
    let folders = text::machine_folders(&tree().root, home.as_deref());
    none(each_file(|file| text::machine_paths(file, &folders)));
    none(each_file(text::private_keys));
}

#[test]
fn telephone_numbers_are_fictional() {
    let is_told = |file: &&File| {
        let parts =
            ["crates/", "deploy/", "docs/", "tests/", "proto/", "certs-example/", "benches/"];
        let is_page = file.is_markdown() && !file.path.contains('/');
        is_page || parts.iter().any(|part| file.path.starts_with(part))
    };
    let files = tree().files.iter().filter(is_told).filter(|file| !file.is_generated());
    none(files.flat_map(phone::real_numbers));
}

#[test]
fn links_lead_somewhere() {
    let pages = tree().files.iter().filter(|file| file.is_markdown());
    none(pages.flat_map(|page| text::dead_links(page, tree())));
}

#[test]
fn every_test_that_a_page_names_as_proof_exists() {
    let known = shown::all_tests(tree());
    let page = tree().files.iter().find(|file| file.path == "docs/data-protection.md").unwrap();
    assert!(page.text.contains("| shown by |"), "the table was not found");
    none(shown::unknown_tests(page, &known));
}

#[test]
fn every_vector_says_where_it_comes_from() {
    none(each_file(text::unattributed_vectors));
}

#[test]
fn the_change_log_tells_of_this_version() {
    let root = tree().text("Cargo.toml").unwrap().parse::<toml::Table>().unwrap();
    let version = root["workspace"]["package"]["version"].as_str().unwrap();
    none(text::changelog(tree().text("CHANGELOG.md").unwrap(), version));
}

#[test]
fn the_readme_promises_what_the_continuous_build_runs() {
    let readme = tree().text("README.md").unwrap_or_default();
    let ci = tree().text(".ci/run").unwrap_or_default();
    none(text::promises(readme, ci, &["cargo run --release", "cargo test --workspace"]));
}

fn tree() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| Tree::of_this_repository().unwrap())
}

fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let packages = manifest::packages(tree()).unwrap();
        assert!(packages.len() > 10, "the packages of the workspace were not found");
        packages
    })
}

fn each_rust_file(rule: impl Fn(&File) -> Vec<Finding>) -> Vec<Finding> {
    tree().rust().flat_map(rule).collect()
}

fn each_file(rule: impl Fn(&File) -> Vec<Finding>) -> Vec<Finding> {
    tree().files.iter().flat_map(rule).collect()
}

fn none(findings: impl IntoIterator<Item = Finding>) {
    let findings: Vec<String> = findings.into_iter().map(|finding| finding.to_string()).collect();
    let shown = findings.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(findings.is_empty(), "{} places break this rule:\n  {shown}", findings.len());
}
