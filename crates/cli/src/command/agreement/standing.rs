//! Where agreements stand: judged on this machine from the same papers, as every node judges them.

use super::Context;
use super::place::Opened;
use crate::arguments::OptionalPlace;
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice, phrase};
use crate::output::{Format, Table, day, instant_json, print_json};
use agreement::purge::{Board, BoardRow};
use agreement::state::VersionState;
use agreement::{Docket, Language, State, WhyNot, why_not};
use domain::name::AgencyId;
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn status(context: &mut Context<'_>, place: &OptionalPlace) -> Result<Outcome, Failure> {
    let now = context.environment.now;
    let dockets = Opened::all(context, place)?;
    let judged: Vec<Judged<'_>> = dockets.iter().map(|docket| Judged::of(docket, now)).collect();
    if context.format == Format::Json {
        let agreements: Vec<Value> = judged.iter().map(Judged::json).collect();
        print_json(context.console, &json!({ "agreements": agreements }));
        return Ok(Outcome::Done);
    }
    if judged.is_empty() {
        context.console.say(notice(Notice::NoAgreement));
        return Ok(Outcome::Done);
    }
    for (index, one) in judged.iter().enumerate() {
        if index > 0 {
            context.console.data("\n");
        }
        one.show(context);
    }
    Ok(Outcome::Done)
}

struct Judged<'d> {
    docket: &'d Docket,
    state: State,
    board: Board,
}

impl<'d> Judged<'d> {
    fn of(docket: &'d Docket, now: Timestamp) -> Self {
        Self { docket, state: docket.state(now), board: docket.register().board(now) }
    }

    fn show(&self, context: &mut Context<'_>) {
        let id = self.docket.register().id();
        let heading = format!("{id}  {}\n", self.state.phase());
        let heading = context.console.styled_data(Style::Strong, &heading);
        context.console.data(&heading);
        let mut versions =
            Table::new(&["VERSION", "PHASE", "SIGNED BY", "MISSING", "SIGN BY", "HASH"]);
        for version in &self.state.versions {
            let rejected = names(&version.rejected_by);
            let missing = match rejected.is_empty() {
                true => names(&version.missing),
                false => format!("refused by {rejected}"),
            };
            let hash: String = version.hash.to_string().chars().take(16).collect();
            versions.row([
                &version.version.to_string(),
                version.phase.as_str(),
                &names(&version.signed_by),
                &missing,
                &version.sign_by.map(day).unwrap_or_default(),
                &hash,
            ]);
        }
        versions.print(context.console);
        context.console.data("\n");
        self.show_directions(context);
        if !self.board.rows().is_empty() {
            context.console.data("\n");
            show_board(context, self.board.rows());
        }
        for leaving in &self.state.leaving {
            let (party, leaving) = leaving;
            let since = day(leaving.since);
            context.console.data(&format!("\n{party} left on {since}: {}\n", leaving.phase));
        }
        for proof in self.docket.register().equivocations() {
            let line =
                format!("\n{} signed two different things as its no. {}\n", proof.party, proof.n);
            let line = context.console.styled_data(Style::Alarm, &line);
            context.console.data(&line);
        }
    }

    fn show_directions(&self, context: &mut Context<'_>) {
        let mut table = Table::new(&["FROM", "TO", "NOW", "BECAUSE"]);
        for ((from, to), why) in &self.state.directions {
            let open = if why.is_empty() { "open" } else { "closed" };
            table.row([from.as_str(), to.as_str(), open, &reasons(why)]);
        }
        table.print(context.console);
        if self.state.directions.values().all(|why| !why.is_empty()) {
            context.console.say(phrase(Phrase::NothingPasses));
        }
    }

    fn json(&self) -> Value {
        let directions = self.state.directions.iter().map(|((from, to), why)| {
            json!({
                "from": from.as_str(),
                "to": to.as_str(),
                "open": why.is_empty(),
                "why_not": why.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
            })
        });
        let leaving = self.state.leaving.iter().map(|(party, leaving)| {
            json!({
                "party": party.as_str(),
                "since": instant_json(Some(leaving.since)),
                "phase": leaving.phase.as_str(),
            })
        });
        let contradictions = self.docket.register().equivocations();
        let contradictions = contradictions
            .iter()
            .map(|proof| json!({ "party": proof.party.as_str(), "place": proof.n }));
        json!({
            "agreement": self.docket.register().id().as_str(),
            "phase": self.state.phase().as_str(),
            "versions": self.state.versions.iter().map(version_json).collect::<Vec<_>>(),
            "directions": directions.collect::<Vec<_>>(),
            "leaving": leaving.collect::<Vec<_>>(),
            "board": self.board.rows().iter().map(row_json).collect::<Vec<_>>(),
            "contradictions": contradictions.collect::<Vec<_>>(),
        })
    }
}

fn show_board(context: &mut Context<'_>, rows: &[BoardRow]) {
    let mut table = Table::new(&["DATA OF", "HELD BY", "STATE", "DUE", "ERASED", "KEPT APART"]);
    for row in rows {
        let receipt = row.receipt.as_ref();
        let kept: u64 = receipt
            .map(|receipt| receipt.exceptions.iter().map(|one| one.records).sum())
            .unwrap_or_default();
        table.row([
            row.order.origin.as_str(),
            row.order.holder.as_str(),
            row.holding.as_str(),
            &day(row.order.due),
            &receipt.map(|receipt| receipt.counts.records.to_string()).unwrap_or_default(),
            &if kept == 0 { String::new() } else { kept.to_string() },
        ]);
    }
    table.print(context.console);
}

fn version_json(version: &VersionState) -> Value {
    let list = |agencies: &BTreeSet<AgencyId>| {
        agencies.iter().map(|one| one.as_str().to_owned()).collect::<Vec<_>>()
    };
    json!({
        "version": version.version,
        "hash": version.hash.to_string(),
        "phase": version.phase.as_str(),
        "signed_by": list(&version.signed_by),
        "missing": list(&version.missing),
        "rejected_by": list(&version.rejected_by),
        "sign_by": instant_json(version.sign_by),
    })
}

fn row_json(row: &BoardRow) -> Value {
    let exceptions = row.receipt.iter().flat_map(|receipt| &receipt.exceptions).map(|kept| {
        json!({
            "ground": kept.ground.as_str(),
            "authority": plain(&kept.authority),
            "review": instant_json(Some(kept.review_on)),
            "records": kept.records,
        })
    });
    json!({
        "origin": row.order.origin.as_str(),
        "holder": row.order.holder.as_str(),
        "state": row.holding.as_str(),
        "due": instant_json(Some(row.order.due)),
        "records": row.receipt.as_ref().map(|receipt| receipt.counts.records),
        "exceptions": exceptions.collect::<Vec<_>>(),
    })
}

fn reasons(why: &BTreeSet<WhyNot>) -> String {
    let texts: Vec<&str> = why.iter().map(|one| why_not(*one, Language::English)).collect();
    texts.join("; ")
}

fn names(agencies: &BTreeSet<AgencyId>) -> String {
    agencies.iter().map(AgencyId::as_str).collect::<Vec<_>>().join(", ")
}
