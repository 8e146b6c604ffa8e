//! When the clock alone changes what a register says, so that a node wakes up in time.

use crate::declaration::{HEAD_AGE_MAX_MS, Step};
use crate::state::SKEW_MS;
use crate::terms::TransferCondition;
use crate::{Agreement, Register, State};
use core::ops::Range;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Register {
    /// The version that people mean: the one that counts now; before any does, the newest.
    pub fn current(&self, state: &State) -> &Arc<Agreement> {
        let governing = state.governing.and_then(|hash| self.version(&hash));
        governing.unwrap_or_else(|| self.newest())
    }

    /// The version that counts now, if nothing that all directions have in common stops it.
    pub fn in_force(&self, state: &State) -> Option<&Arc<Agreement>> {
        let open = state.directions.values().any(BTreeSet::is_empty);
        state.governing.filter(|_| open).and_then(|hash| self.version(&hash))
    }

    /// The next instant after `now` at which the clock alone can open or close a direction or change
    /// a phase before the end; the days of orders and receipts stand on the board.
    pub fn next_boundary(&self, now: Timestamp) -> Option<Timestamp> {
        self.boundaries().range(now.plus_ms(1)..).next().copied()
    }

    /// The time around `now` in which the clock alone changes nothing: from the last boundary on,
    /// until the next (exclusive).
    pub fn window(&self, now: Timestamp) -> Range<Timestamp> {
        let boundaries = self.boundaries();
        let start = boundaries.range(..=now).next_back().copied();
        let end = boundaries.range(now.plus_ms(1)..).next().copied();
        start.unwrap_or(Timestamp::from_millis(0))..end.unwrap_or(Timestamp::MAX)
    }

    fn boundaries(&self) -> BTreeSet<Timestamp> {
        let mut instants = BTreeSet::new();
        for (_, version) in self.versions() {
            let agreement = &version.agreement;
            let from = agreement.valid_from;
            instants.extend([from.minus_ms(SKEW_MS), from.plus_ms(SKEW_MS)]);
            instants.insert(agreement.valid_to.minus_ms(SKEW_MS));
            for pair in &agreement.pairs {
                if let Some(TransferCondition::AdequacyDecision { ends_on: Some(end), .. }) =
                    &pair.condition
                {
                    instants.insert(end.minus_ms(SKEW_MS));
                }
            }
        }
        for (_, spoken) in self.voices() {
            let said = spoken.places.values().flat_map(BTreeMap::values);
            let said = said.map(|said| &said.declaration);
            for declaration in said.clone() {
                if let Step::Propose { sign_by, .. } | Step::Amend { sign_by, .. } =
                    &declaration.step
                {
                    instants.insert(sign_by.plus_ms(1));
                }
            }
            let dated = said.map(|declaration| declaration.made_at);
            let heads = spoken.heads.iter().map(|(made_at, _, _)| *made_at);
            for made_at in dated.chain(heads) {
                instants.extend([made_at.minus_ms(SKEW_MS), made_at.plus_ms(HEAD_AGE_MAX_MS)]);
            }
        }
        instants
    }
}
