//! What tags say: TLP, PAP, evaluation, and the few that stop an import.
//!
//! Source: the MISP taxonomies tlp, PAP, admiralty-scale, estimative-language, false-positive,
//! retention, copine-scale and exercise. Several tags of one kind: the strictest counts.

use super::reason::Reason;
use domain::label::{Evaluation, EvaluationScheme};
use domain::value::{Basis, Pap, Tlp};

/// The longest tag that is read, in bytes; a longer one could hide a marking, so it is RED.
pub(super) const TAG_BYTES_MAX: usize = 1024;

/// The sum of the tags of one event or one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marking {
    /// The strictest TLP tag; an unknown `tlp:` tag is RED. `None`: unmarked.
    pub tlp: Option<Tlp>,
    /// The strictest PAP tag; an unknown `PAP:` tag is RED. `None`: unmarked.
    pub pap: Option<Pap>,
    /// The least reliable source, `A` to `G` (MISP knows G, "deliberately deceptive").
    source: Option<u8>,
    /// The least credible information, 1 to 6.
    information: Option<u8>,
    /// ASSESSMENT if a tag says how likely it is.
    pub basis: Option<Basis>,
    /// The first tag that stops the import of what it stands at.
    pub stop: Option<Reason>,
    /// Whether a tag says that this is an exercise.
    pub exercise: bool,
}

impl Marking {
    /// Adds one tag.
    pub fn add_tag(&mut self, tag: &str) {
        if tag.len() > TAG_BYTES_MAX {
            return self.add_unreadable();
        }
        let tag = tag.trim().to_ascii_lowercase();
        let name_length = tag.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(tag.len());
        let (name, rest) = tag.split_at_checked(name_length).unwrap_or((&tag, ""));
        let rest = rest.trim_matches(|c: char| matches!(c, ':' | '=' | '"' | ' '));
        match name {
            "tlp" => self.tlp = self.tlp.max(Some(tlp(rest))),
            "pap" => self.pap = self.pap.max(Some(pap(rest))),
            "admiralty-scale" => self.add_admiralty(rest),
            "estimative-language" => self.basis = Some(Basis::Assessment),
            "copine-scale" => self.add_stop(Reason::ChildAbuseMaterial),
            "false-positive" if matches!(value_of(rest, "confirmed"), Some("true")) => {
                self.add_stop(Reason::FalsePositive);
            }
            "retention" if rest == "expired" => self.add_stop(Reason::RetentionExpired),
            "exercise" => self.exercise = true,
            _ => {}
        }
    }

    /// Adds a tag that cannot be read: it could be any marking, so it counts as RED.
    pub fn add_unreadable(&mut self) {
        self.tlp = Some(Tlp::Red);
        self.pap = Some(Pap::Red);
    }

    /// The markings of an attribute and of its event together: the stricter wins.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            tlp: self.tlp.max(other.tlp),
            pap: self.pap.max(other.pap),
            source: self.source.max(other.source),
            information: self.information.max(other.information),
            basis: self.basis.max(other.basis),
            stop: self.stop.max(other.stop),
            exercise: self.exercise || other.exercise,
        }
    }

    /// The evaluation, if both its letter and its digit are there. It is never converted.
    pub fn evaluation(&self) -> Option<Evaluation> {
        let (source, information) = (self.source?, self.information?);
        Evaluation::new(EvaluationScheme::Admiralty, char::from(source), information).ok()
    }

    fn add_admiralty(&mut self, rest: &str) {
        let letter = value_of(rest, "source-reliability").and_then(only_byte);
        if let Some(letter @ b'a'..=b'g') = letter {
            self.source = self.source.max(Some(letter.to_ascii_uppercase()));
            if letter == b'g' {
                self.add_stop(Reason::DeceptiveSource);
            }
        }
        let digit = value_of(rest, "information-credibility").and_then(only_byte);
        if let Some(digit @ b'1'..=b'6') = digit {
            self.information = self.information.max(Some(digit - b'0'));
        }
    }

    /// The graver reason stays.
    fn add_stop(&mut self, reason: Reason) {
        self.stop = self.stop.max(Some(reason));
    }
}

/// `white` is the word of TLP 1.0 for CLEAR; `ex:chr`, `unclear` and every unknown word are RED.
fn tlp(word: &str) -> Tlp {
    if word == "white" { Tlp::Clear } else { word.parse().unwrap_or(Tlp::Red) }
}

fn pap(word: &str) -> Pap {
    if word == "white" { Pap::Clear } else { word.parse().unwrap_or(Pap::Red) }
}

/// The value in `predicate="value"`.
fn value_of<'a>(rest: &'a str, predicate: &str) -> Option<&'a str> {
    let value = rest.strip_prefix(predicate)?.trim_start().strip_prefix('=')?;
    Some(value.trim_matches(|c: char| matches!(c, '"' | ' ')))
}

fn only_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] => Some(*byte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marking(tags: &[&str]) -> Marking {
        let mut marking = Marking::default();
        tags.iter().for_each(|tag| marking.add_tag(tag));
        marking
    }

    #[test]
    fn tlp_tags_are_read_and_unknown_ones_are_red() {
        for (tag, tlp) in [
            ("tlp:white", Tlp::Clear),
            ("TLP:CLEAR", Tlp::Clear),
            ("tlp:green", Tlp::Green),
            (" tlp:amber ", Tlp::Amber),
            ("tlp:amber+strict", Tlp::AmberStrict),
            ("tlp:red", Tlp::Red),
            ("tlp=\"green\"", Tlp::Green),
            ("tlp:ex:chr", Tlp::Red),
            ("tlp:unclear", Tlp::Red),
            ("tlp:", Tlp::Red),
            ("tlp:purple", Tlp::Red),
        ] {
            assert_eq!(marking(&[tag]).tlp, Some(tlp), "{tag}");
        }
        for tag in ["type:OSINT", "tlphash:green", "mytlp:clear", "infoblox", ""] {
            assert_eq!(marking(&[tag]).tlp, None, "{tag}");
        }
    }

    #[test]
    fn of_several_markings_the_strictest_counts() {
        assert_eq!(marking(&["tlp:amber", "tlp:white"]).tlp, Some(Tlp::Amber));
        assert_eq!(marking(&["tlp:white", "tlp:ex:chr"]).tlp, Some(Tlp::Red));
        assert_eq!(marking(&["PAP:GREEN", "PAP:AMBER", "pap:clear"]).pap, Some(Pap::Amber));
        let merged = marking(&["tlp:green"]).merged(marking(&["tlp:red", "PAP:WHITE"]));
        assert_eq!((merged.tlp, merged.pap), (Some(Tlp::Red), Some(Pap::Clear)));
        let long = format!("tlp:white{}", " ".repeat(TAG_BYTES_MAX));
        assert_eq!(marking(&[&long]).tlp, Some(Tlp::Red));
    }

    #[test]
    fn an_evaluation_needs_both_halves_and_the_doubtful_one_wins() {
        let source = "admiralty-scale:source-reliability=\"b\"";
        let information = "admiralty-scale:information-credibility=\"2\"";
        assert_eq!(marking(&[source]).evaluation(), None);
        assert_eq!(marking(&[source, information]).evaluation().unwrap().to_string(), "B2");
        let doubtful = "admiralty-scale:source-reliability=\"e\"";
        let merged = marking(&[source, information]).merged(marking(&[doubtful]));
        assert_eq!(merged.evaluation().unwrap().to_string(), "E2");
        let estimate = "estimative-language:likelihood-probability=\"likely\"";
        assert_eq!(marking(&[estimate]).basis, Some(Basis::Assessment));
    }

    #[test]
    fn a_few_tags_stop_the_import() {
        for (tag, reason) in [
            ("admiralty-scale:source-reliability=\"g\"", Reason::DeceptiveSource),
            ("false-positive:confirmed=\"true\"", Reason::FalsePositive),
            ("retention:expired", Reason::RetentionExpired),
            ("copine-scale:level-1", Reason::ChildAbuseMaterial),
        ] {
            assert_eq!(marking(&[tag]).stop, Some(reason), "{tag}");
        }
        assert_eq!(marking(&["false-positive:confirmed=\"false\""]).stop, None);
        assert_eq!(marking(&["false-positive:risk=\"low\""]).stop, None);
        assert_eq!(marking(&["retention:1y"]).stop, None);
        assert!(marking(&["exercise:cyber-europe=\"2026\""]).exercise);
    }
}
