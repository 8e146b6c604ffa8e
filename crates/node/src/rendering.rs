//! An agreement in plain words: everything that is signed, in the order people read it.
//!
//! The text is a pure function of the terms, the same on every machine: its hash stands in each
//! signature, so that what an authority was shown can be proved later.

use agreement::Agreement;
use agreement::terms::{EvidenceRule, PurgeException, UseBasis};
use domain::hexadecimal;
use domain::time::Timestamp;

/// The terms.
pub fn terms(agreement: &Agreement) -> String {
    let mut page = Page(String::new());
    head(&mut page, agreement);
    scope(&mut page, agreement);
    parties(&mut page, agreement);
    transfers(&mut page, agreement);
    keeping(&mut page, agreement);
    page.0
}

fn head(page: &mut Page, agreement: &Agreement) {
    let title = format!("Agreement {}, version {}", agreement.agreement_id, agreement.version);
    page.heading(&title);
    page.row("hash", &agreement.hash());
    if let Some(before) = &agreement.supersedes {
        page.row("supersedes", before);
    }
    let instrument = &agreement.instrument;
    page.row("annex of", &instrument.title);
    page.row("signed on", &day(instrument.signed_on));
    page.row("document", &format!("SHA-256 {}", instrument.sha256));
    page.row("held at", &instrument.held_at);
    page.row("languages", &instrument.languages.join(", "));
    page.row("legal basis", &agreement.legal_basis.join("; "));
    let [from, to] = [agreement.valid_from, agreement.valid_to].map(day);
    page.row("valid", &format!("from {from} until {to} (UTC, the last day not included)"));
}

fn scope(page: &mut Page, agreement: &Agreement) {
    page.heading("What for");
    page.row("purpose", &agreement.purpose_text);
    page.row("purposes", &list(&agreement.purposes));
    page.row("offences", &list(&agreement.offences));
    page.row("facts", &agreement.facts_scope);
    for entry in &agreement.offence_map {
        let article = entry.article.as_deref().unwrap_or("no offence there");
        page.line(&format!("{} in {}: {article}", entry.offence, entry.country));
    }
    page.heading("Clauses");
    for clause in &agreement.clauses {
        page.line(&format!("{}  {}", clause.clause, clause.text));
        page.line(&format!(
            "     binds {}; for {}; about {}",
            list(&clause.binds),
            list(&clause.purposes),
            list(&clause.offences)
        ));
    }
}

fn parties(page: &mut Page, agreement: &Agreement) {
    page.heading("Parties");
    for party in &agreement.parties {
        let role = party.role.as_str();
        page.line(&format!("{} ({}, {}), {role}", party.agency, party.country, party.kind));
        page.line(&format!("  root key      {}", hexadecimal::encode(&party.root_key.to_bytes())));
        let authority = hexadecimal::encode(&party.authority_key.to_bytes());
        page.line(&format!("  authority key {authority}"));
        if !party.contact_points.is_empty() {
            page.line(&format!("  reached at {}", party.contact_points.join("; ")));
        }
    }
    page.row("operate in", &list(&agreement.operates_in));
    for approver in &agreement.approvers {
        page.line(&format!(
            "approves for {}: {}, {} person(s), for {}",
            approver.party,
            approver.role,
            approver.quorum,
            list(&approver.purposes)
        ));
    }
}

fn transfers(page: &mut Page, agreement: &Agreement) {
    page.heading("What may move, and on which legal ground");
    page.row("moved by", &list(&agreement.channels));
    page.row("marking at most", &agreement.tlp_ceiling);
    page.row("onward", &agreement.onward);
    page.row("common floor", &agreement.floor_hash);
    let versions = agreement.normalisation_live.iter().map(|version| version.0.to_string());
    page.row("normalisation", &versions.collect::<Vec<_>>().join(", "));
    for pair in &agreement.pairs {
        let safeguards = pair.safeguards.map(|hash| format!(", safeguards {hash}"));
        let safeguards = safeguards.unwrap_or_default();
        page.line(&format!("{} -> {}: {}{safeguards}", pair.from, pair.to, pair.transfer_basis));
    }
    page.line("no pair but these carries anything, and no question either");
    for preset in &agreement.label_presets {
        let handling: Vec<_> = preset.handling.iter().map(|code| code.to_string()).collect();
        page.line(&format!(
            "preset {}: TLP {}, PAP {}, handling {}, onward {}, {} days",
            preset.name,
            preset.tlp,
            preset.pap,
            if handling.is_empty() { "none".to_owned() } else { handling.join(" ") },
            preset.onward,
            preset.valid_days
        ));
    }
}

fn keeping(page: &mut Page, agreement: &Agreement) {
    page.heading("Use, keeping and the end");
    let uses = agreement.use_basis.iter().map(|basis| match basis {
        UseBasis::PurposeOfAgreement => "the purpose of the agreement",
        UseBasis::OtherOffenceWithConsent => "another offence with the originator's consent",
        UseBasis::ImmediateSeriousThreat => "an immediate and serious threat",
        UseBasis::AsAgreed => "as agreed in the instrument",
    });
    page.row("used for", &uses.collect::<Vec<_>>().join("; "));
    page.row(
        "in court",
        &match agreement.evidence_rule {
            EvidenceRule::OriginatorPermits => "only when the originator's authority permits it",
            EvidenceRule::FormalRequestOnly => "only what came by a formal request",
        },
    );
    let retention = &agreement.retention;
    page.row(
        "kept",
        &format!("{} days at most, review every {}", retention.days_max, retention.review_days),
    );
    for one in &retention.per_subject {
        page.line(&format!("about {}: {} days at most", one.subject, one.days));
    }
    let hours = &agreement.deadlines;
    page.row(
        "answered in",
        &format!(
            "{} h; urgent {} h; threat to life {} h",
            hours.normal_hours, hours.urgent_hours, hours.threat_to_life_hours
        ),
    );
    let end = &agreement.withdrawal;
    let exception = match end.exception {
        PurgeException::Nothing => "without exception",
        PurgeException::EvidenceInProceedings => "except evidence in pending proceedings",
    };
    page.row(
        "who leaves",
        &format!(
            "{} days' notice; all erased in {} days, {exception}",
            end.notice_days, end.purge_days
        ),
    );
}

struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn row(&mut self, name: &str, value: &dyn core::fmt::Display) {
        self.0.push_str(&format!("  {name:<16}{value}\n"));
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(&format!("  {text}\n"));
    }
}

fn list<T: core::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn day(instant: Timestamp) -> String {
    let (year, month, day) = instant.as_date();
    format!("{year:04}-{month:02}-{day:02}")
}
