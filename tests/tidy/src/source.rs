//! Rules for every Rust file: header, size, names, and nothing left open.

use crate::Finding;
use crate::code;
use crate::tree::File;

/// Lines of a file before its tests.
pub const LINES_MAX: usize = 600;

/// Lines of a function outside tests.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing about what they name.
pub const NAMES_BANNED: [&str; 12] = [
    "core", "common", "util", "utils", "helper", "helpers", "manager", "managers", "misc", "types",
    "shared", "stuff",
];

/// Endings of types that a prosecutor would not recognise.
pub const TYPE_ENDINGS_BANNED: [&str; 5] = ["Impl", "Manager", "Handler", "Info", "Data"];

/// Marks of work left open. Written in two halves, so that this list does not find itself.
const OPEN_ENDS: [&str; 5] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[", "ignore"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Files that do not begin with `//!` and a sentence.
pub fn headers(file: &File) -> Vec<Finding> {
    let first = file.text.lines().next().unwrap_or_default();
    let sentence = first.strip_prefix("//! ").unwrap_or_default();
    let first_paragraph = file.text.lines().take_while(|line| line.starts_with("//! "));
    let ends = first_paragraph.last().is_some_and(|line| line.ends_with(['.', ':']));
    if sentence.split_whitespace().count() >= 2 && ends {
        return Vec::new();
    }
    vec![Finding::at_line(
        &file.path,
        1,
        "begin with `//!` and one sentence a newcomer understands",
    )]
}

/// Files and functions that have grown past what one reads in a sitting.
pub fn sizes(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = code::before_tests(&file.text).lines().count();
    if lines > LINES_MAX {
        let what = format!("{lines} lines before its tests; {LINES_MAX} are the limit: split it");
        findings.push(Finding::in_file(&file.path, what));
    }
    if file.path.starts_with("tests/") || file.path.contains("/tests/") {
        return findings;
    }
    for (line, name, length) in functions(code::before_tests(&file.text)) {
        if length > FUNCTION_LINES_MAX {
            let what = format!("`{name}` has {length} lines; {FUNCTION_LINES_MAX} are the limit");
            findings.push(Finding::at_line(&file.path, line, what));
        }
    }
    findings
}

/// Banned names of folders, files, modules, types and functions.
pub fn names(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let banned =
        file.path.trim_end_matches(".rs").split('/').find(|part| NAMES_BANNED.contains(part));
    if let Some(part) = banned {
        findings
            .push(Finding::in_file(&file.path, format!("`{part}` says nothing: name the noun")));
    }
    let code = code::without_comments_and_literals(&file.text);
    for (number, line) in code.lines().enumerate() {
        let words: Vec<&str> = line.split(|c| !code::is_part_of_word(c)).collect();
        // The name of an associated type is the trait's, which may not be ours.
        let is_associated = line.trim_start().starts_with("type ") && line.starts_with(' ');
        for pair in words.windows(2).filter(|_| !is_associated) {
            let [keyword, name] = pair else { continue };
            if let Some(what) = verdict(keyword, name) {
                findings.push(Finding::at_line(&file.path, number + 1, what));
            }
        }
    }
    findings
}

/// Lint exceptions that do not say why.
pub fn exceptions(file: &File) -> Vec<Finding> {
    let code = code::without_comments_and_literals(&file.text);
    let mut findings = Vec::new();
    for keyword in ["allow", "expect"] {
        for at in code::words(&code, keyword) {
            let Some(arguments) = code.get(at + keyword.len()..).and_then(code::parenthesised)
            else {
                continue;
            };
            if is_in_attribute(&code, at) && !has_reason(arguments) {
                let what = format!("every `{keyword}` of a lint needs `reason = \"...\"`");
                findings.push(Finding::at_line(&file.path, code::line_of(&code, at), what));
            }
        }
    }
    findings
}

/// Stubs, ignored tests and reminders; also code outside the compiler's guarantees.
pub fn open_ends(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        if let Some(mark) = OPEN_ENDS.iter().find(|mark| line.contains(**mark)) {
            let what = format!("`{mark}` is work left open: finish it or leave it out");
            findings.push(Finding::at_line(&file.path, number + 1, what));
        }
    }
    let code = code::without_comments_and_literals(&file.text);
    for at in code::words(&code, "unsafe") {
        let what = "unsafe code is forbidden here";
        findings.push(Finding::at_line(&file.path, code::line_of(&code, at), what));
    }
    findings
}

fn verdict(keyword: &str, name: &str) -> Option<String> {
    match keyword {
        "mod" if NAMES_BANNED.contains(&name) => {
            Some(format!("module `{name}` says nothing: name the noun"))
        }
        "struct" | "enum" | "trait" | "type" | "union" => TYPE_ENDINGS_BANNED
            .iter()
            .find(|ending| name.ends_with(**ending))
            .map(|ending| format!("type `{name}` ends with `{ending}`: say what it is")),
        "fn" if name.starts_with("get_") => {
            Some(format!("`{name}`: a function is called by its noun or verb, without get"))
        }
        _ => None,
    }
}

/// Every function with its first line, name and length; relies on the indentation of rustfmt.
fn functions(source: &str) -> Vec<(usize, String, usize)> {
    let code = code::without_comments_and_literals(source);
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(at) = code::words(trimmed, "fn").next() else {
            continue;
        };
        let before = trimmed.get(..at).unwrap_or_default();
        let is_item = before.split_whitespace().all(|word| {
            word.starts_with("pub")
                || matches!(word, "const" | "async" | "extern" | "in" | "crate)")
        });
        if !is_item {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let body = lines.iter().skip(start).take_while(|line| **line != closing).count();
        let has_body = lines.get(start + body).is_some()
            && !lines.iter().skip(start).take(body).any(|line| {
                line.len() - line.trim_start().len() <= indent && line.ends_with([';', ',', '}'])
            });
        if has_body {
            let rest = trimmed.get(at + 2..).unwrap_or_default().trim_start();
            let name = rest.chars().take_while(|c| code::is_part_of_word(*c)).collect();
            found.push((start + 1, name, body + 1));
        }
    }
    found
}

/// Does an attribute open before `at` without closing again?
fn is_in_attribute(code: &str, at: usize) -> bool {
    let before = code.get(..at).unwrap_or_default();
    let opened = before.rfind("#[").max(before.rfind("#!["));
    opened.and_then(|from| before.get(from..)).is_some_and(|text| !text.contains(']'))
}

fn has_reason(arguments: &str) -> bool {
    // A lint's own name may hold the word; the reason is what stands before an equals sign.
    let mut after = arguments.split("reason").skip(1);
    let Some(quoted) = after.find_map(|after| after.trim_start().strip_prefix('=')) else {
        return false;
    };
    let mut quotes = quoted.match_indices('"').map(|(at, _)| at);
    matches!((quotes.next(), quotes.next()), (Some(open), Some(close)) if close > open + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::new("crates/a/src/b.rs", text)
    }

    #[test]
    fn a_file_without_its_sentence_is_found() {
        assert!(headers(&file("//! What this is for.\n")).is_empty());
        assert!(
            headers(&file("//! What this is for, in two\n//! lines.\n//!\n//! more")).is_empty()
        );
        let attribute = "//! What this is for.\n#![no_main]\n";
        assert!(headers(&file(attribute)).is_empty());
        for bad in
            ["", "use std::fmt;\n", "//!\n", "//! word.\n", "// a comment.\n", "//! no stop\n"]
        {
            assert_eq!(headers(&file(bad)).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_found_and_tests_do_not_count() {
        let long = "\n".repeat(LINES_MAX + 1);
        assert_eq!(sizes(&file(&long)).len(), 1);
        let tested = format!("\n#[cfg(test)]\n{long}");
        assert!(sizes(&file(&tested)).is_empty());
    }

    #[test]
    fn a_function_that_is_too_long_is_found() {
        let body = "        work();\n".repeat(FUNCTION_LINES_MAX);
        let long = format!("impl A {{\n    pub(crate) async fn f() {{\n{body}    }}\n}}\n");
        let findings = sizes(&file(&long));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "crates/a/src/b.rs:2");
        let signature = format!("trait T {{\n    fn f();\n{body}}}\n");
        assert!(sizes(&file(&signature)).is_empty());
        let several = "fn f(\n    a: u8,\n) -> u8\nwhere\n    u8: Copy,\n{\n    a\n}\n".repeat(30);
        assert!(sizes(&file(&several)).is_empty());
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(names(&File::new("crates/common/src/lib.rs", "")).len(), 1);
        assert_eq!(names(&File::new("crates/a/src/util.rs", "")).len(), 1);
        assert_eq!(names(&File::new("crates/a/src/types/mod.rs", "")).len(), 1);
        assert_eq!(names(&file("pub mod helpers;")).len(), 1);
        assert_eq!(names(&file("pub struct PeerManager {}")).len(), 1);
        assert_eq!(names(&file("pub(crate) fn get_peer() {}")).len(), 1);
        let associated = "impl Connected for A {\n    type ConnectInfo = Peer;\n}\n";
        assert!(names(&file(associated)).is_empty());
        assert_eq!(names(&file("pub type PeerInfo = Peer;")).len(), 1);
        let fine = "// struct PeerInfo\npub struct Peer; fn peer() { x.get_ref(); \"mod util\"; }";
        assert!(names(&file(fine)).is_empty());
    }

    #[test]
    fn an_exception_without_a_reason_is_found() {
        for bad in [
            "#[allow(dead_code)]",
            "#![allow(clippy::panic, reason = \"\")]",
            "#[cfg_attr(test, allow(clippy::panic))]",
            "#[expect(dead_code)]",
        ] {
            assert_eq!(exceptions(&file(bad)).len(), 1, "{bad}");
        }
        let fine = "#[allow(clippy::allow_attributes_without_reason, reason = \"x\")]\n#[allow(\n    dead_code,\n    reason = \"tests\"\n)]\nfn f() { x.expect(\"a\"); allow(1) }";
        assert!(exceptions(&file(fine)).is_empty());
    }

    #[test]
    fn work_left_open_is_found() {
        for mark in OPEN_ENDS {
            assert_eq!(open_ends(&file(&format!("// {mark}"))).len(), 1, "{mark}");
        }
        assert_eq!(open_ends(&file(concat!("fn f() { un", "safe {} }"))).len(), 1);
        assert!(open_ends(&file("#![forbid(unsafe_code)] // unsafe")).is_empty());
    }
}
