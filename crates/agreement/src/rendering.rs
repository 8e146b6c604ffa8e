//! An agreement in the words of its parties: everything that is signed, in the order people read it.
//!
//! The text is a pure function of the agreement and the language, the same on every machine: its
//! hash stands in each signature, so that what a signatory was shown can be proved later. Values
//! are shown with their stable word, names and numbers as they are, days as ISO 8601.

use crate::Agreement;
use crate::language::Language;
use crate::terms::{Pair, TransferCondition};
use crate::words::{self, Words};
use domain::hexadecimal;
use domain::name::Digest;
use domain::time::Timestamp;
use domain::value::Channel;

/// The agreement in a language, its hash in the first and in the last line.
pub fn render(agreement: &Agreement, language: Language) -> String {
    let words = words::of(language);
    let mut page = Page { text: String::new(), words };
    page.head(agreement);
    page.parties(agreement);
    page.scope(agreement);
    page.clauses(agreement);
    page.transfers(agreement);
    page.labels(agreement);
    page.keeping(agreement);
    page.end(agreement);
    page.text
}

/// The hash of the rendering: what a signature names beside the agreement.
pub fn shown(agreement: &Agreement, language: Language) -> Digest {
    Digest::from_bytes(domain::digest::hash(&[render(agreement, language).as_bytes()]))
}

/// Is this the hash of the rendering in that language?
pub fn was_shown(agreement: &Agreement, language: Language, named: &Digest) -> bool {
    shown(agreement, language) == *named
}

struct Page {
    text: String,
    words: &'static Words,
}

impl Page {
    fn head(&mut self, agreement: &Agreement) {
        let w = self.words;
        let title = format!(
            "{} {}, {} {}",
            w.agreement, agreement.agreement_id, w.version, agreement.version
        );
        self.heading(&title);
        self.row(w.hash, &agreement.hash());
        self.row(w.schema, &agreement.schema);
        match &agreement.supersedes {
            Some(before) => self.row(w.supersedes, before),
            None => self.row(w.supersedes, &w.nothing),
        }
        let instrument = &agreement.instrument;
        self.row(w.instrument, &instrument.title);
        self.row(w.signed_on, &day(instrument.signed_on));
        self.row(w.document_hash, &instrument.sha256);
        self.row(w.held_at, &instrument.held_at);
        self.row(w.languages, &instrument.languages.join(", "));
        for basis in &agreement.legal_basis {
            self.row(w.legal_basis, basis);
        }
        self.row(w.valid_from, &instant(agreement.valid_from));
        self.row(w.valid_to, &instant(agreement.valid_to));
    }

    fn parties(&mut self, agreement: &Agreement) {
        let w = self.words;
        let colon = w.colon;
        self.heading(w.parties);
        for party in &agreement.parties {
            let role = coded(w.party_role(party.role), party.role.as_str());
            let kind = coded(w.agency_kind(party.kind), party.kind.as_str());
            self.line(&format!("{} ({}): {role}; {kind}", party.agency, party.country));
            self.line(&format!("  {}{colon}{}", w.root_key, key(&party.root_key)));
            self.line(&format!("  {}{colon}{}", w.authority_key, key(&party.authority_key)));
            let contacts = joined(&party.contact_points, w);
            self.line(&format!("  {}{colon}{contacts}", w.contact_points));
        }
        self.row(w.operates_in, &joined(&agreement.operates_in, w));
        for approver in &agreement.approvers {
            let kind = coded(w.agency_kind(approver.role), approver.role.as_str());
            let purposes = approver.purposes.iter();
            let purposes = list(purposes.map(|one| coded(w.purpose(*one), one.as_str())), w);
            self.line(&format!(
                "{}{colon}{}, {kind}; {}{colon}{}; {}{colon}{purposes}",
                w.approver, approver.party, w.quorum, approver.quorum, w.purposes
            ));
        }
    }

    fn scope(&mut self, agreement: &Agreement) {
        let w = self.words;
        self.heading(w.scope);
        self.row(w.purpose_text, &agreement.purpose_text);
        self.row(w.facts_scope, &agreement.facts_scope);
        for purpose in &agreement.purposes {
            self.row(w.purpose_covered, &coded(w.purpose(*purpose), purpose.as_str()));
        }
        for offence in &agreement.offences {
            self.row(w.offence_covered, &coded(w.offence(*offence), offence.as_str()));
        }
        self.line(w.dual_criminality);
        for entry in &agreement.offence_map {
            let offence = coded(w.offence(entry.offence), entry.offence.as_str());
            let article = entry.article.as_deref().unwrap_or(w.absent);
            self.line(&format!("{offence} — {}: {article}", entry.country));
        }
    }

    fn clauses(&mut self, agreement: &Agreement) {
        let w = self.words;
        let colon = w.colon;
        self.heading(w.clauses);
        for clause in &agreement.clauses {
            self.line(&format!("{}: {}", clause.clause, clause.text));
            self.line(&format!("  {}{colon}{}", w.binds, joined(&clause.binds, w)));
            let purposes = clause.purposes.iter();
            let purposes = list(purposes.map(|one| coded(w.purpose(*one), one.as_str())), w);
            self.line(&format!("  {}{colon}{purposes}", w.purposes));
            let offences = clause.offences.iter();
            let offences = list(offences.map(|one| coded(w.offence(*one), one.as_str())), w);
            self.line(&format!("  {}{colon}{offences}", w.offences));
        }
    }

    fn transfers(&mut self, agreement: &Agreement) {
        let w = self.words;
        self.heading(w.transfers);
        self.row(w.channels, &channels(agreement.channels.iter(), w));
        self.row(w.tlp_ceiling, &agreement.tlp_ceiling);
        self.row(w.onward, &coded(w.onward_rule(agreement.onward), agreement.onward.as_str()));
        self.row(w.floor, &agreement.floor_hash);
        let versions = agreement.normalisation_live.iter().map(|version| version.0.to_string());
        self.row(w.normalisation, &list(versions, w));
        for pair in &agreement.pairs {
            self.pair(pair);
        }
        self.line(w.no_other_pair);
    }

    fn pair(&mut self, pair: &Pair) {
        let w = self.words;
        let colon = w.colon;
        let basis = coded(w.transfer_basis(pair.transfer_basis), pair.transfer_basis.as_str());
        self.line(&format!("{} {} {} {}: {basis}", w.from, pair.from, w.to, pair.to));
        if let Some(safeguards) = &pair.safeguards {
            self.line(&format!("  {}{colon}{safeguards}", w.safeguards));
        }
        match &pair.condition {
            None => {}
            Some(TransferCondition::AdequacyDecision { reference, adopted_on, ends_on }) => {
                let end = ends_on.map_or_else(|| w.no_end.to_owned(), instant);
                self.line(&format!("  {}{colon}{reference}", w.adequacy_decision));
                self.line(&format!("  {}{colon}{}", w.adopted_on, day(*adopted_on)));
                self.line(&format!("  {}{colon}{end}", w.ends_on));
            }
            Some(TransferCondition::Notice { authority, reference, given_on }) => {
                let given_on = day(*given_on);
                self.line(&format!("  {}{colon}{authority}, {reference}, {given_on}", w.notice));
            }
            Some(TransferCondition::Derogation { ground, reason }) => {
                let ground = coded(w.derogation_ground(*ground), ground.as_str());
                self.line(&format!("  {}{colon}{ground}; {reason}", w.derogation));
            }
        }
        if let Some(some) = &pair.channels {
            self.line(&format!("  {}{colon}{}", w.pair_channels, channels(some.iter(), w)));
        }
    }

    fn labels(&mut self, agreement: &Agreement) {
        let w = self.words;
        let colon = w.colon;
        self.heading(w.presets);
        for preset in &agreement.label_presets {
            let handling = list(preset.handling.iter().map(|code| code.to_string()), w);
            let onward = coded(w.onward_rule(preset.onward), preset.onward.as_str());
            self.line(&format!(
                "{}: TLP {}; PAP {}; {}{colon}{handling}; {}{colon}{onward}; {}{colon}{}",
                preset.name,
                preset.tlp,
                preset.pap,
                w.handling,
                w.onward,
                w.days,
                preset.valid_days
            ));
        }
        if agreement.label_presets.is_empty() {
            self.line(w.nothing);
        }
    }

    fn keeping(&mut self, agreement: &Agreement) {
        let w = self.words;
        self.heading(w.keeping);
        for basis in &agreement.use_basis {
            self.row(w.use_basis, &coded(w.use_of(*basis), basis.as_str()));
        }
        if agreement.use_basis.is_empty() {
            self.row(w.use_basis, &w.nothing);
        }
        let rule = agreement.evidence_rule;
        self.row(w.evidence_rule, &coded(w.evidence(rule), rule.as_str()));
        let retention = &agreement.retention;
        self.row(w.retention, &retention.days_max);
        for one in &retention.per_subject {
            let subject = coded(w.subject(one.subject), one.subject.as_str());
            self.line(&format!("  {subject}: {}", one.days));
        }
        self.row(w.review, &retention.review_days);
        let hours = &agreement.deadlines;
        self.row(w.normal_hours, &hours.normal_hours);
        self.row(w.urgent_hours, &hours.urgent_hours);
        self.row(w.threat_to_life_hours, &hours.threat_to_life_hours);
        let end = &agreement.withdrawal;
        self.row(w.notice_days, &end.notice_days);
        self.row(w.purge_days, &end.purge_days);
        self.row(w.exception, &coded(w.purge_exception(end.exception), end.exception.as_str()));
    }

    fn end(&mut self, agreement: &Agreement) {
        let w = self.words;
        let colon = w.colon;
        self.text.push('\n');
        self.line(w.shares_by_release);
        self.line(&format!("{}{colon}{}", w.you_sign, agreement.hash()));
    }

    fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn row(&mut self, name: &str, value: &dyn core::fmt::Display) {
        let colon = self.words.colon;
        self.text.push_str(&format!("  {name}{colon}{value}\n"));
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(&format!("  {text}\n"));
    }
}

/// Words for people, and the stable word for whoever compares languages.
fn coded(words: &str, code: &str) -> String {
    format!("{words} ({code})")
}

fn channels<'a>(some: impl Iterator<Item = &'a Channel>, w: &Words) -> String {
    list(some.map(|channel| coded(w.channel(*channel), channel.as_str())), w)
}

fn joined<T: core::fmt::Display>(items: impl IntoIterator<Item = T>, w: &Words) -> String {
    list(items.into_iter().map(|item| item.to_string()), w)
}

fn list(items: impl Iterator<Item = String>, w: &Words) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { w.nothing.to_owned() } else { items.join("; ") }
}

fn key(key: &domain::signature::PublicKey) -> String {
    hexadecimal::encode(&key.to_bytes())
}

fn day(instant: Timestamp) -> String {
    let (year, month, day) = instant.as_date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day if it is one, else to the millisecond: two texts never hide two instants.
fn instant(at: Timestamp) -> String {
    if at.as_millis().is_multiple_of(Timestamp::DAY_MS) {
        return format!("{}T00:00:00Z", day(at));
    }
    let seconds = at.to_string();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.as_millis() % 1000)
}
