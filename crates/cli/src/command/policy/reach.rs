//! `malines policy who` and `malines policy why-not`: how far one record reaches, and why no further.

use super::super::Context;
use super::super::withdraw::reference;
use super::explain::{conditions, grounds, grounds_json, outlook, plain_lines};
use super::source::{self, Source};
use super::{decision, rules, word};
use crate::console::Style;
use crate::error::{Failure, Outcome};
use crate::output::{Format, Table, print_json, record_reference};
use cedar_engine::{Engine, Reading};
use domain::name::AgencyId;
use policy::Verdict;
use policy::difference::{Way, situations};
use policy::explanation::{Explanation, explain};
use policy::invariant::DEFAULT_DENY;
use policy::label_space::Only;
use policy::proposal::Which;
use policy::reach::{Granted, Life, PartnerReach, Reach};
use policy::survey::Survey;
use serde_json::{Value, json};
use std::path::Path;

/// Who could get a record, and who is granted it.
pub(super) fn who(context: &mut Context<'_>, record: &str) -> Result<Outcome, Failure> {
    let reference = reference(record)?;
    let session = context.session()?;
    let reach = session.reach(reference)?;
    let engine = Source::of_node(&session.policy(Which::Active)?).engine()?;
    if context.format == Format::Json {
        let partners: Vec<Value> = reach
            .partners
            .iter()
            .map(|partner| {
                let ways = partner.ways.iter();
                let ways = ways.map(|(way, verdict)| way_json(&engine, *way, verdict));
                partner_json(partner, ways.collect())
            })
            .collect();
        print_json(context.console, &reach_json(&reach, &partners));
        return Ok(Outcome::Done);
    }
    context.console.data(&headline(&reach));
    let mut table =
        Table::new(&["PARTNER", "GRANTED", "BY MACHINE", "BY HAND", "SHOWN AS A MATCH"]);
    for partner in &reach.partners {
        let way = |wanted: Way| {
            let found = partner.ways.iter().find(|(way, _)| *way == wanted);
            found.map_or_else(|| "-".to_owned(), |(_, verdict)| decision(verdict))
        };
        table.row([
            partner.partner.labels.agency.as_str(),
            granted(partner),
            &way(Way::Machine),
            &way(Way::Hand),
            &way(Way::Match),
        ]);
    }
    table.print(context.console);
    Ok(Outcome::Done)
}

/// Why a partner does not get a record, and what would change that.
pub(super) fn why_not(
    context: &mut Context<'_>,
    record: &str,
    peer: &str,
) -> Result<Outcome, Failure> {
    let reference = reference(record)?;
    let session = context.session()?;
    let reach = session.reach(reference)?;
    let peer_id = peer.parse::<AgencyId>().ok();
    let partner = reach
        .partners
        .iter()
        .find(|one| Some(&one.partner.labels.agency) == peer_id.as_ref())
        .ok_or_else(|| Failure::NotAPartner {
            given: peer.chars().take(64).collect(),
            agreement: reach.class.agreement.to_string(),
        })?;
    let source = Source::of_node(&session.policy(Which::Active)?);
    let engine = source.engine()?;
    let mut ways = Vec::new();
    let mut text = headline(&reach);
    text.push_str(&format!("granted to {peer} now: {}\n", granted(partner)));
    for (way, verdict) in &partner.ways {
        let because = because(&source.path, &engine, &reach, partner, *way, verdict)?;
        let title = context.console.styled_data(Style::Strong, word(verdict));
        text.push_str(&format!("{title}  {} -> {peer}\n", in_words(*way)));
        text.push_str(&grounds(&engine, &rules(verdict)));
        text.push_str(&because.text(verdict));
        let mut value = way_json(&engine, *way, verdict);
        if let Value::Object(map) = &mut value {
            map.insert("would_change".to_owned(), json!(because.would_change()));
            let nearest = because.nearest();
            map.insert("nearest".to_owned(), json!(nearest));
        }
        ways.push(value);
    }
    match context.format {
        Format::Json => {
            let partners = [partner_json(partner, ways)];
            print_json(context.console, &reach_json(&reach, &partners));
        }
        Format::Text => context.console.data(&plain_lines(&text)),
    }
    Ok(Outcome::Done)
}

/// What stands behind one decision.
enum Because {
    /// The program decided, before any rule was asked; in words what would change that.
    Program(Option<String>),
    /// The rules decided.
    Rules(Box<Explanation>),
}

impl Because {
    fn text(&self, verdict: &Verdict) -> String {
        match (self, verdict) {
            (_, Verdict::Allow { .. }) => String::new(),
            (Self::Rules(explanation), _) => outlook(explanation),
            (Self::Program(Some(remedy)), _) => format!("  would change if: {remedy}\n"),
            (Self::Program(None), _) => {
                "  nothing that a person may choose would change it\n".to_owned()
            }
        }
    }

    fn would_change(&self) -> Option<String> {
        match self {
            Self::Program(remedy) => remedy.clone(),
            Self::Rules(explanation) => explanation.opens_with.as_ref().map(conditions),
        }
    }

    fn nearest(&self) -> Option<Value> {
        let Self::Rules(explanation) = self else { return None };
        let nearest = explanation.nearest.as_ref()?;
        Some(json!({ "rule": nearest.rule, "failed": nearest.failed }))
    }
}

/// Finds what would change a decision. Of the situations that a way can be in, the one that opens
/// most is explained, as the node decided.
fn because(
    path: &Path,
    engine: &Engine,
    reach: &Reach,
    partner: &PartnerReach,
    way: Way,
    verdict: &Verdict,
) -> Result<Because, Failure> {
    let by_program = rules(verdict).into_iter().find(|rule| {
        engine.rule(rule).is_none() && rule.starts_with("code.") && rule != DEFAULT_DENY
    });
    if let Some(rule) = by_program {
        return Ok(Because::Program(remedy(&rule, reach, partner)));
    }
    let reading = Reading::of(&[engine]).map_err(|error| source::refused(path, &error))?;
    let only = Only::everything();
    let survey = Survey { conditions: reading.conditions(), oracle: &reading, only: &only };
    let Some(rulebook) = reading.rulebooks().first() else {
        return Ok(Because::Program(None));
    };
    let mut best: Option<Explanation> = None;
    for situation in situations(&reach.own, &partner.partner, way, &reach.class) {
        let explained = explain(&survey, rulebook, &situation).map_err(Failure::LabelSpace)?;
        let is_same = rules(&explained.verdict) == rules(verdict);
        if is_same || best.is_none() {
            best = Some(explained);
        }
        if is_same {
            break;
        }
    }
    Ok(best.map_or(Because::Program(None), |found| Because::Rules(Box::new(found))))
}

/// What a person could do about a rule of the program; `None` where nobody can, or may.
fn remedy(rule: &str, reach: &Reach, partner: &PartnerReach) -> Option<String> {
    let peer = &partner.partner.labels.agency;
    let record = record_reference(&reach.record_id);
    Some(match rule {
        "code.floor" => "this node and the agreement use the same common floor".to_owned(),
        "code.in-force" => "every party has signed the agreement, and its time has come".to_owned(),
        "code.suspended" => {
            "the party that suspended this direction lifts it (`malines agreement status`)"
                .to_owned()
        }
        "code.pair" => format!("the agreement gives a transfer basis from us to {peer}"),
        "code.channel" => "the agreement, and its pair, name this way of moving data".to_owned(),
        "code.purpose" => "the record states purposes of the agreement only".to_owned(),
        "code.offence" => "the record states offences of the agreement only".to_owned(),
        "code.dual-criminality" => {
            format!("the offence map names an article of both countries, ours and that of {peer}")
        }
        "code.clause" | "code.clause-offence" => {
            format!("a clause of the agreement binds {peer} for its purpose and its offence")
        }
        "code.audience" => {
            // The flag replaces the list, so the command names all of it.
            let audience = reach.class.audience.iter().chain([peer]);
            let flags: String = audience.map(|agency| format!(" --audience {agency}")).collect();
            format!(
                "the record names {peer} in its audience (`malines correct {record} --case C-n{flags}`)"
            )
        }
        "code.relay" => format!("{} passes it on; it is not ours to", reach.class.origin),
        "code.sealed-kind" => format!("nothing is sent of this kind; {peer} has to ask"),
        "code.tlp-ceiling" => "its TLP is not stricter than the agreement's ceiling".to_owned(),
        "code.tlp-red" => "a person moves it, or its TLP is not RED".to_owned(),
        "code.onward" => "its onward rule is no wider than the agreement's".to_owned(),
        "code.speech" | "code.speech-question" => "a person moves it, not a machine".to_owned(),
        "code.minor" | "code.depicted" | "code.protected-subject" => {
            "its purposes are protection alone, a person moves it, and two persons approve"
                .to_owned()
        }
        "code.protected-approval" => "two persons of PROSECUTION approve".to_owned(),
        _ => return None,
    })
}

fn headline(reach: &Reach) -> String {
    let record = record_reference(&reach.record_id);
    let (kind, agreement) = (reach.class.kind, &reach.class.agreement);
    let over = match reach.life {
        Life::Live => "",
        Life::Expired => "; it has expired, and nothing of it leaves, whatever stands below",
    };
    format!("{record}  {kind}, TLP {}, under {agreement}{over}\n", reach.class.tlp)
}

const fn granted(partner: &PartnerReach) -> &'static str {
    match partner.granted {
        Granted::Yes => "YES",
        Granted::No => "NO",
    }
}

const fn in_words(way: Way) -> &'static str {
    match way {
        Way::Machine => "shared by machine",
        Way::Hand => "shared by hand",
        Way::Match => "shown as a match",
    }
}

fn reach_json(reach: &Reach, partners: &[Value]) -> Value {
    json!({
        "record_id": reach.record_id.to_string(),
        "expired": reach.life == Life::Expired,
        "agreement": reach.class.agreement.as_str(),
        "partners": partners,
    })
}

fn partner_json(partner: &PartnerReach, ways: Vec<Value>) -> Value {
    json!({
        "partner": partner.partner.labels.agency.as_str(),
        "granted": partner.granted == Granted::Yes,
        "ways": ways,
    })
}

fn way_json(engine: &Engine, way: Way, verdict: &Verdict) -> Value {
    let (authority, persons) = match verdict {
        Verdict::NeedsApproval { authority, persons, .. } => {
            (Some(authority.as_str()), Some(*persons))
        }
        _ => (None, None),
    };
    json!({
        "way": way.as_str(),
        "decision": word(verdict),
        "authority": authority,
        "persons": persons,
        "rules": grounds_json(engine, &rules(verdict)),
    })
}
