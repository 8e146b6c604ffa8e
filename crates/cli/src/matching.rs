//! Words for a match: what a partner says of a record, for people and for programs.

use crate::message::{self, Language};
use crate::output::{day, instant_json, record_reference};
use domain::indicator::Kind;
use domain::name::AgencyId;
use domain::question::MatchSummary;
use domain::report::Hit;
use serde_json::{Value, json};

/// What a person reads of a match, on one line.
pub(crate) fn describe(summary: &MatchSummary) -> String {
    let mut parts = Vec::new();
    parts.extend(summary.role.map(|role| format!("role {role}")));
    parts.extend(summary.class.map(|class| format!("class {class}")));
    parts.extend(
        summary
            .handling
            .iter()
            .map(|code| format!("{code} ({})", message::handling(Language::English, code))),
    );
    parts.push(format!("TLP {}, PAP {}", summary.tlp, summary.pap));
    parts.push(format!(
        "{} {}, {}",
        summary.evaluation.scheme(),
        summary.evaluation,
        summary.basis
    ));
    parts.push(format!("last seen {}", day(summary.observed_last)));
    parts.push(format!("match {}", follow_up(summary)));
    parts.join("; ")
}

/// The reference by which the material behind a match is asked for, as people type it.
pub(crate) fn follow_up(summary: &MatchSummary) -> String {
    record_reference(&summary.follow_up).replace("R-", "M-")
}

/// Why a match is no identification, in words that fit the kind.
pub(crate) fn caution(summary: &MatchSummary) -> String {
    let since = day(summary.observed_last);
    match summary.kind {
        Kind::Phone => format!("the number may have been reassigned since {since}"),
        Kind::Handle => format!("the handle may have another holder since {since}"),
        Kind::Sha256 | Kind::Blake3 => "the same file may be in many hands".to_owned(),
        _ => format!("it may be in other hands since {since}"),
    }
}

/// The keys of a match in JSON.
pub(crate) fn to_json(origin: &AgencyId, summary: &MatchSummary) -> Value {
    json!({
        "origin": origin.as_str(),
        "follow_up": summary.follow_up.to_string(),
        "kind": summary.kind.as_str(),
        "role": summary.role.map(|role| role.as_str()),
        "class": summary.class.map(|class| class.as_str()),
        "tlp": summary.tlp.as_str(),
        "pap": summary.pap.as_str(),
        "handling": summary.handling.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        "evaluation_scheme": summary.evaluation.scheme().as_str(),
        "evaluation": summary.evaluation.to_string(),
        "basis": summary.basis.as_str(),
        "last_seen": instant_json(Some(summary.observed_last)),
    })
}

/// The keys of a hit in JSON: those of its match, and where and when it was found.
pub(crate) fn hit_json(hit: &Hit) -> Value {
    let mut value = to_json(&hit.origin, &hit.summary);
    if let Some(object) = value.as_object_mut() {
        object.insert("found_at".to_owned(), instant_json(Some(hit.found_at)));
        object.insert("case_id".to_owned(), crate::output::case_json(hit.case));
        let record = hit.record_id.map_or(Value::Null, |id| json!(id.to_string()));
        object.insert("record_id".to_owned(), record);
    }
    value
}
