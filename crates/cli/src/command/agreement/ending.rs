//! Leaving an agreement, and ordering that what was shared under it be erased.

use super::Context;
use super::place::Opened;
use super::signing::{Speaker, ask};
use crate::arguments::Signing;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice};
use agreement::{Docket, Paper, Step};
use domain::envelope::Signed;
use domain::time::Timestamp;

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

/// One order to each holder that has none yet since sharing with it ended. An order of an earlier end
/// does not count: the two shared again after it.
fn order_all(
    docket: &mut Docket,
    speaker: &Speaker,
    now: Timestamp,
) -> Result<Vec<Paper>, Failure> {
    let state = docket.state(now);
    let board = docket.register().board(now);
    let mut papers = Vec::new();
    let own = state.ended.iter().filter(|((origin, _), _)| *origin == speaker.party);
    for (direction, end) in own {
        if board.between(&direction.0, &direction.1, end.ordered_from()).is_some() {
            continue;
        }
        let order = end.order(direction, docket.register().first(), now);
        let paper = Paper::from(Signed::seal(order, &speaker.key).into_parts().1);
        papers.push(paper);
    }
    docket.admit_all(papers.clone()).map_err(Failure::Agreement)?;
    Ok(papers)
}
