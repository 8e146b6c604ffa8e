//! Where an agreement stands, in the few words of a status.

use agreement::{Agreement, Phase, State, WhyNot};
use domain::name::AgencyId;
use std::collections::BTreeSet;

/// Where it stands, in a few words.
pub(crate) fn standing(agreement: &Agreement, state: &State) -> String {
    let phase = state.phase();
    let current = state.versions.iter().find(|version| version.hash == agreement.hash());
    let missing = current.map(|version| &version.missing).filter(|missing| !missing.is_empty());
    let names = |agencies: &mut dyn Iterator<Item = &AgencyId>| {
        agencies.map(AgencyId::as_str).collect::<Vec<_>>().join(", ")
    };
    let mut text = match (phase, missing) {
        (Phase::Draft | Phase::Proposed | Phase::PartlySigned, Some(missing)) => {
            format!("not signed by {}", names(&mut missing.iter()))
        }
        (Phase::Signed, _) => "signed by every party, not yet valid".to_owned(),
        (Phase::Suspended, _) => {
            let stopped: BTreeSet<&AgencyId> = stopped_by(state).collect();
            let rest = state.directions.iter().filter(|((from, to), why)| {
                is_stopped(why) && !stopped.contains(from) && !stopped.contains(to)
            });
            let mut stops = Vec::new();
            if !stopped.is_empty() {
                stops.push(format!("for {}", names(&mut stopped.iter().copied())));
            }
            stops.extend(rest.map(|((from, to), _)| format!("from {from} to {to}")));
            format!("in force, suspended {}", stops.join(", "))
        }
        (phase, _) => phase.as_str().to_ascii_lowercase().replace('_', " "),
    };
    if !state.leaving.is_empty() {
        text.push_str(&format!("; left by {}", names(&mut state.leaving.keys())));
    }
    text
}

/// Did the will of a party, or doubt about it, stop a direction that was open?
fn is_stopped(why: &BTreeSet<WhyNot>) -> bool {
    let outside = [WhyNot::NotAParty, WhyNot::Withdrawn];
    let never_open = [WhyNot::NoTransferBasis, WhyNot::TransferBasisEnded, WhyNot::NoCommonOffence];
    !outside.iter().any(|one| why.contains(one)) && why.iter().any(|one| !never_open.contains(one))
}

/// The parties to and from whom nothing passes at all, by anybody's will.
fn stopped_by(state: &State) -> impl Iterator<Item = &AgencyId> {
    let parties: BTreeSet<&AgencyId> = state.directions.keys().map(|(from, _)| from).collect();
    parties.into_iter().filter(|party| {
        let of_party =
            || state.directions.iter().filter(|((from, to), _)| from == *party || to == *party);
        of_party().all(|(_, why)| !why.is_empty()) && of_party().any(|(_, why)| is_stopped(why))
    })
}
