//! Walks a configuration file key by key and notes everything that is wrong, instead of the first.

use crate::config::Problem;
use core::fmt::Display;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A parsed file, and what was found wrong in it so far. Keys are dotted: `listen.partners`.
pub(crate) struct Document<'p> {
    file: PathBuf,
    table: Table,
    problems: &'p mut Vec<Problem>,
}

impl<'p> Document<'p> {
    /// Parses; a text that is no TOML is one problem and no document.
    pub(crate) fn parse(file: &Path, text: &str, problems: &'p mut Vec<Problem>) -> Option<Self> {
        match text.parse::<Table>() {
            Ok(table) => Some(Self { file: file.to_owned(), table, problems }),
            Err(error) => {
                let line = error.span().map_or(1, |span| {
                    text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
                });
                let what = format!("line {line}: {}", error.message().escape_debug());
                problems.push(Problem::error(file, what, "mend this line, then check again"));
                None
            }
        }
    }

    /// Notes every key that nobody knows, with the nearest known one.
    pub(crate) fn check_keys(&mut self, known: &[&'static str]) {
        let mut given = Vec::new();
        for (key, value) in &self.table {
            match value {
                Value::Table(inner) if known.iter().any(|k| in_section(k, key)) => {
                    given.extend(inner.keys().map(|inner| format!("{key}.{inner}")));
                }
                _ => given.push(key.clone()),
            }
        }
        for key in given.into_iter().filter(|key| !known.contains(&key.as_str())) {
            let hint = match nearest(&key, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "every key there is stands in deploy/node.toml".to_owned(),
            };
            let shown: String = key.chars().take(64).flat_map(char::escape_debug).collect();
            self.problem(&format!("there is no key `{shown}`"), &hint);
        }
    }

    /// A text, or the default.
    pub(crate) fn text(&mut self, key: &'static str, default: &str) -> String {
        match self.value(key) {
            None => default.to_owned(),
            Some(Value::String(text)) => text,
            Some(_) => {
                self.problem(&format!("`{key}` is not a text"), &format!("like \"{default}\""));
                default.to_owned()
            }
        }
    }

    /// A text that means something, or the default.
    pub(crate) fn parsed<T: core::str::FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
        default: &str,
        hint: &str,
    ) -> Option<T> {
        let text = self.text(key, default);
        match text.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problem(&format!("`{key}`: {error}"), hint);
                None
            }
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, key: &'static str, hint: &str) -> Option<String> {
        match self.value(key) {
            Some(Value::String(text)) => Some(text),
            found => {
                let what = if found.is_some() { "is not a text" } else { "is missing" };
                self.problem(&format!("`{key}` {what}"), hint);
                None
            }
        }
    }

    /// A whole number from `least` to `most`, or the default.
    pub(crate) fn number(&mut self, key: &'static str, default: u64, limits: (u64, u64)) -> u64 {
        let (least, most) = limits;
        let given = match self.value(key) {
            None => return default,
            Some(Value::Integer(number)) => u64::try_from(number).ok(),
            Some(_) => None,
        };
        match given.filter(|number| (least..=most).contains(number)) {
            Some(number) => number,
            None => {
                let what = format!("`{key}` is not a whole number from {least} to {most}");
                self.problem(&what, &format!("the default is {default}"));
                default
            }
        }
    }

    /// Notes a problem of this file.
    pub(crate) fn problem(&mut self, what: &str, hint: &str) {
        self.problems.push(Problem::error(&self.file, what.to_owned(), hint));
    }

    fn value(&self, key: &str) -> Option<Value> {
        match key.split_once('.') {
            Some((section, key)) => self.table.get(section)?.as_table()?.get(key).cloned(),
            None => self.table.get(key).cloned(),
        }
    }
}

fn in_section(key: &str, section: &str) -> bool {
    key.split_once('.').is_some_and(|(head, _)| head == section)
}

/// The known key that is likeliest meant: near in spelling, with or without its section.
fn nearest(given: &str, known: &[&'static str]) -> Option<&'static str> {
    let given: String = given.chars().take(64).collect::<String>().to_ascii_lowercase();
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |known: &str| {
        let whole = strsim::damerau_levenshtein(&given, known);
        whole.min(strsim::damerau_levenshtein(&last(&given), &last(known)))
    };
    let near = known.iter().copied().min_by_key(|known| distance(known))?;
    (distance(near) <= last(near).len().div_ceil(3)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["agency", "listen.partners", "listen.officers", "log.filter"];

    fn problems(text: &str, read: impl FnOnce(&mut Document<'_>)) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(mut document) = Document::parse(Path::new("node.toml"), text, &mut problems) {
            document.check_keys(KNOWN);
            read(&mut document);
        }
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let found =
            problems("agencey = 1\npartners = 2\n[listen]\nofficer = 3\n[zebra]\na = 1", |_| {});
        assert_eq!(found.len(), 4, "{found:?}");
        for near in [
            "did you mean `agency`?",
            "did you mean `listen.partners`?",
            "did you mean `listen.officers`?",
            "every key there is stands in deploy/node.toml",
        ] {
            assert!(found.iter().any(|problem| problem.contains(near)), "{near}: {found:?}");
        }
    }

    #[test]
    fn every_wrong_value_is_noted_and_the_default_stands_in() {
        let text = "agency = 5\n[listen]\npartners = \"nowhere\"\n[log]\nfilter = 7";
        let found = problems(text, |document| {
            assert_eq!(document.required("agency", "name it"), None);
            let partners: Option<std::net::SocketAddr> =
                document.parsed("listen.partners", "127.0.0.1:1", "IP:PORT");
            assert_eq!(partners, None);
            let officers: Option<std::net::SocketAddr> =
                document.parsed("listen.officers", "127.0.0.1:1", "IP:PORT");
            assert_eq!(officers, Some(([127, 0, 0, 1], 1).into()));
            assert_eq!(document.text("log.filter", "info"), "info");
            assert_eq!(document.number("log.filter", 9, (8, 10)), 9);
        });
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn what_is_no_toml_is_one_problem_with_its_line() {
        let found = problems("agency = \"be\"\nlisten = = 1", |_| {});
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("line 2"), "{found:?}");
    }
}
