//! Leaving an agreement, and ordering that what was shared under it be erased.

use super::Context;
use super::place::Opened;
use super::signing::{Speaker, ask};
use crate::arguments::Signing;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice};
use agreement::purge::{PurgeGround, PurgeOrder};
use agreement::{Docket, Paper, Phase, State, Step};
use domain::envelope::Signed;
use domain::name::AgencyId;
use domain::time::Timestamp;
use domain::value::TransferBasis;
use std::sync::Arc;

/// Leaves, and orders the others to erase.
pub(super) fn withdraw(context: &mut Context<'_>, signing: &Signing) -> Result<Outcome, Failure> {
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    ask(context, signing, Phrase::LeaveAgreement)?;
    let now = context.environment.now;
    let docket = &mut opened.docket;
    let said = docket.declare(&speaker.party, Step::Withdraw, now, &speaker.key);
    let mut papers = vec![said.map_err(Failure::Agreement)?];
    papers.extend(order_all(docket, &speaker, now)?);
    opened.file(context, papers)
}

/// Orders what is due: everybody after the end, or those who left.
pub(super) fn purge(context: &mut Context<'_>, signing: &Signing) -> Result<Outcome, Failure> {
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    let now = context.environment.now;
    let papers = order_all(&mut opened.docket, &speaker, now)?;
    if papers.is_empty() {
        context.console.say(notice(Notice::NobodyHasToErase));
        return Ok(Outcome::Done);
    }
    ask(context, signing, Phrase::OrderPurge)?;
    opened.file(context, papers)
}

/// One order to each holder that has none yet.
fn order_all(
    docket: &mut Docket,
    speaker: &Speaker,
    now: Timestamp,
) -> Result<Vec<Paper>, Failure> {
    let state = docket.state(now);
    let agreement = Arc::clone(docket.version(&state));
    let board = docket.register().board(now);
    let mut papers = Vec::new();
    let pairs = agreement
        .pairs
        .iter()
        .filter(|pair| pair.from == speaker.party && pair.transfer_basis != TransferBasis::None);
    for pair in pairs {
        let Some(ground) = ground(&state, &speaker.party, &pair.to) else { continue };
        let ordered = board
            .rows()
            .iter()
            .any(|row| row.order.origin == pair.from && row.order.holder == pair.to);
        if ordered {
            continue;
        }
        let order = PurgeOrder {
            origin: pair.from.clone(),
            holder: pair.to.clone(),
            first: docket.register().first(),
            agreement: agreement.hash(),
            ground,
            issued_at: now,
            due: now.plus_days(agreement.withdrawal.purge_days),
        };
        let paper = Paper::from(Signed::seal(order, &speaker.key).into_parts().1);
        papers.push(paper);
    }
    docket.admit_all(papers.clone()).map_err(Failure::Agreement)?;
    Ok(papers)
}

/// Why a holder must erase what is ours; `None` while both are parties.
fn ground(state: &State, own: &AgencyId, holder: &AgencyId) -> Option<PurgeGround> {
    if state.leaving.contains_key(own) || state.leaving.contains_key(holder) {
        return Some(PurgeGround::Withdrawal);
    }
    let over = [Phase::Expired, Phase::WindingDown, Phase::Overdue];
    over.contains(&state.phase()).then_some(PurgeGround::Expiry)
}
