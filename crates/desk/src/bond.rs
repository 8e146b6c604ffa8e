//! With whom a node is linked about an agreement, and until when.

use crate::Desk;
use agreement::declaration::HEAD_AGE_MAX_MS;
use agreement::purge::{Board, Holding};
use agreement::{Docket, Phase, State};
use domain::name::{AgencyId, Country};
use domain::time::Timestamp;
use std::collections::BTreeMap;

/// For how many days a refusal is told.
const REFUSAL_TOLD_DAYS: u32 = 30;

impl Desk {
    /// The other parties of the versions that our authority signed or refused, until everything is
    /// over, nothing is kept apart between them and us, and everybody could hear of it.
    pub(crate) fn bound_with(&self, docket: &Docket, state: &State) -> BTreeMap<AgencyId, Country> {
        let mut bound = BTreeMap::new();
        let board = docket.register().board(self.now());
        let is_told = is_last_receipt_told(&board, self.now());
        let is_over = |phase| phase == Phase::Closed && is_told;
        for version in &state.versions {
            let is_ours =
                version.signed_by.contains(&self.own) || version.rejected_by.contains(&self.own);
            let since = version.rejected_at.map(|at| at.plus_days(REFUSAL_TOLD_DAYS));
            let refused =
                version.phase == Phase::Rejected && since.is_none_or(|told| self.now() >= told);
            if refused || !is_ours {
                continue;
            }
            let Some(agreement) = docket.register().version(&version.hash) else { continue };
            let others = agreement.parties.iter().filter(|party| party.agency != self.own);
            for party in others {
                let leaving = state.leaving.get(&party.agency);
                let over =
                    is_over(version.phase) || leaving.is_some_and(|leaving| is_over(leaving.phase));
                if !over || is_kept_apart(&board, &self.own, &party.agency) {
                    bound.insert(party.agency.clone(), party.country.clone());
                }
            }
        }
        bound
    }
}

/// Had every party the time to hear of the last receipt? Who saw it first must not cut off the others
/// before they know that all is over.
fn is_last_receipt_told(board: &Board, now: Timestamp) -> bool {
    let receipts = board.rows().iter().filter_map(|row| row.receipt.as_ref());
    let last = receipts.map(|receipt| receipt.made_at).max();
    last.is_none_or(|at| now >= at.plus_ms(HEAD_AGE_MAX_MS))
}

/// Does one of the two keep something of the other apart? The receipt that follows when the hold ends
/// has to find its way.
fn is_kept_apart(board: &Board, one: &AgencyId, other: &AgencyId) -> bool {
    board.rows().iter().any(|row| {
        let ends = (&row.order.origin, &row.order.holder);
        (ends == (one, other) || ends == (other, one))
            && matches!(row.holding, Holding::ErasedExcept | Holding::ReviewDue)
    })
}
