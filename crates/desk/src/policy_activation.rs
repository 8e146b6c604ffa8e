//! Rules on their way into force: proposals with their signatures, what is in force, and what was.
//!
//! Who may sign, and what a change is, the node finds out; here it is written, in one batch with its
//! entry in the log.

use crate::error::DeskError;
use crate::{Desk, put};
use domain::encoding;
use domain::envelope::Envelope;
use domain::event::{Act, Event};
use domain::name::{Digest, OfficerId};
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use policy::Evaluator;
use policy::difference::Change;
use policy::proposal::{PROPOSAL_DAYS_MAX, PROPOSALS_MAX};
use std::sync::Arc;
use store::{
    Batch, Change as RowChange, Precondition, RowState, Secrecy, Store, Table, value_hash,
};

/// The largest stored row, in bytes.
const ROW_BYTES_MAX: usize = store::table::VALUE_BYTES_MAX;
const ACTIVE: &[u8] = b"active";
const PREVIOUS: &[u8] = b"previous";
const FILE: &[u8] = b"file";
const PROPOSAL: &[u8] = b"proposal/";

/// Rules that are or were in force, with the signatures that put them there; none for those of the
/// node's file.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct PolicyRow {
    /// The local rules.
    #[n(1)]
    pub local: String,
    /// The hash of floor and local rules.
    #[n(2)]
    pub bundle: Digest,
    /// The consents of officers, at most [`policy::proposal::SIGNATURES_MAX`].
    #[n(3)]
    pub consents: Vec<Envelope>,
    /// When they came into force.
    #[n(4)]
    pub at: Timestamp,
}

/// Proposed rules.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ProposalRow {
    /// The local rules.
    #[n(1)]
    pub local: String,
    /// The hash of the rules in force.
    #[n(2)]
    pub from: Digest,
    /// The hash of the rules to come.
    #[n(3)]
    pub to: Digest,
    /// The hash of what the change does.
    #[n(4)]
    pub difference: Digest,
    /// What the change is.
    #[cbor(n(5), with = "change_number")]
    pub change: Change,
    /// The consents of officers, at most [`policy::proposal::SIGNATURES_MAX`].
    #[n(6)]
    pub consents: Vec<Envelope>,
    /// When it was proposed.
    #[n(7)]
    pub proposed_at: Timestamp,
}

impl ProposalRow {
    /// Until when it can be put in force.
    pub fn open_until(&self) -> Timestamp {
        self.proposed_at.plus_days(PROPOSAL_DAYS_MAX)
    }
}

/// What is put in force.
pub struct Activation {
    /// The rules, ready to decide.
    pub evaluator: Arc<dyn Evaluator>,
    /// The same, to be kept.
    pub row: PolicyRow,
    /// What was in force, kept for going back.
    pub before: PolicyRow,
    /// The proposal that it was, if it was one.
    pub proposal: Option<Digest>,
    /// What the log says of it.
    pub note: String,
}

/// The rules that signatures put in force; `None` where no signature ever did.
///
/// # Errors
/// A failing or damaged store.
pub fn active_policy(store: &dyn Store) -> Result<Option<PolicyRow>, DeskError> {
    policy_row(store, ACTIVE)
}

/// The rules of the node's file under which something could last go to a partner; `None` as long as
/// nothing ever could. A file that opens more than these takes two officers.
///
/// # Errors
/// A failing or damaged store.
pub fn file_policy(store: &dyn Store) -> Result<Option<PolicyRow>, DeskError> {
    policy_row(store, FILE)
}

impl Desk {
    /// Keeps the rules of the node's file, once something can go to a partner under them.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub async fn keep_file_policy(&self, local: &str, bundle: Digest) -> Result<(), DeskError> {
        let kept = file_policy(&*self.store)?;
        if kept.is_some_and(|kept| kept.local == local)
            || self.partners().iter().all(|partner| partner.agreements.is_empty())
        {
            return Ok(());
        }
        let row =
            PolicyRow { local: local.to_owned(), bundle, consents: Vec::new(), at: self.now() };
        let row = put(Table::Policy, FILE, encoding::to_bytes(&row), Secrecy::Plain);
        self.store.commit(Batch::new().with(row)).await?;
        Ok(())
    }

    /// The file of the node was not followed; the refusal says why.
    ///
    /// # Errors
    /// A failing store.
    pub async fn note_file_refused(&self, refusal: &Refusal) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::PolicyRefused);
        event.local.code = Some(refusal.code);
        event.local.rule.clone_from(&refusal.rule);
        event.local.note = Some("the file of local rules".to_owned());
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }

    /// The rules that were in force before those of now; `None` where none were ever replaced.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn previous_policy(&self) -> Result<Option<PolicyRow>, DeskError> {
        policy_row(&*self.store, PREVIOUS)
    }

    /// The proposals that can still be put in force, oldest first.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn policy_proposals(&self) -> Result<Vec<ProposalRow>, DeskError> {
        let now = self.now();
        let mut open = self.all_proposals()?;
        open.retain(|row| now < row.open_until());
        open.sort_by_key(|row| (row.proposed_at, row.difference));
        Ok(open)
    }

    /// The one open proposal whose name begins with these bytes.
    ///
    /// # Errors
    /// A refusal if there is none or several; a failing or damaged store.
    pub fn find_proposal(&self, first_bytes: &[u8]) -> Result<ProposalRow, DeskError> {
        let open = self.policy_proposals()?.into_iter();
        let mut found = open.filter(|row| row.difference.as_bytes().starts_with(first_bytes));
        let row = found.next().ok_or(RefusalCode::NotHeld)?;
        if found.next().is_some() { Err(RefusalCode::Malformed.into()) } else { Ok(row) }
    }

    /// Keeps a proposal with one signature more. Proposals that waited too long are forgotten.
    ///
    /// # Errors
    /// A refusal for more than [`PROPOSALS_MAX`] open ones; a failing store.
    pub async fn keep_proposal(
        &self,
        officer: &OfficerId,
        row: &ProposalRow,
    ) -> Result<(), DeskError> {
        let now = self.now();
        let key = proposal_key(&row.difference);
        let (open, over): (Vec<_>, Vec<_>) =
            self.all_proposals()?.into_iter().partition(|one| now < one.open_until());
        let is_new = !open.iter().any(|one| one.difference == row.difference);
        if is_new && open.len() >= PROPOSALS_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let act = if row.consents.len() > 1 { Act::PolicySigned } else { Act::PolicyProposed };
        let mut event = Event::new(now, act);
        event.shared.exchange = Some(row.to);
        event.local.officer = Some(officer.clone());
        let (change, difference) = (row.change.as_str(), row.difference);
        event.local.note = Some(format!("{change}, difference {difference}"));
        let mut batch = Batch::new();
        for one in over.iter().filter(|one| one.difference != row.difference) {
            batch = batch.with(RowChange::Delete {
                table: Table::Policy,
                key: proposal_key(&one.difference),
            });
        }
        let batch = batch
            .with(put(Table::Policy, &key, encoding::to_bytes(row), Secrecy::Plain))
            .saying(event);
        self.store.commit(batch).await?;
        Ok(())
    }

    /// Puts rules in force: the rows and the entry of the log in one batch, then the gate. A crash
    /// between the two is healed at the next start, which reads the rows.
    ///
    /// # Errors
    /// A failing store, or rules that are not those that were in force before any more: then nothing
    /// has changed.
    pub async fn put_policy_in_force(
        &self,
        officer: &OfficerId,
        activation: Activation,
    ) -> Result<u64, DeskError> {
        let Activation { evaluator, row, before, proposal, note } = activation;
        let there = self.store.get(Table::Policy, ACTIVE)?;
        let is = there.map_or(RowState::Absent, |row| RowState::ValueHash(value_hash(&row)));
        let unchanged = Precondition::Row { table: Table::Policy, key: ACTIVE.to_vec(), is };
        let mut event = Event::new(self.now(), Act::PolicyActivated);
        event.shared.exchange = Some(row.bundle);
        event.local.officer = Some(officer.clone());
        event.local.note = Some(note);
        let mut batch = Batch::new()
            .provided(unchanged)
            .with(put(Table::Policy, ACTIVE, encoding::to_bytes(&row), Secrecy::Plain))
            .with(put(Table::Policy, PREVIOUS, encoding::to_bytes(&before), Secrecy::Plain));
        if let Some(difference) = proposal {
            let key = proposal_key(&difference);
            batch = batch.with(RowChange::Delete { table: Table::Policy, key });
        }
        let committed = match self.store.commit(batch.saying(event)).await {
            Err(store::Error::Conflict(_)) => return Err(RefusalCode::VersionConflict.into()),
            committed => committed?,
        };
        self.gate.replace_evaluator(evaluator);
        Ok(committed.seq)
    }

    /// A change of rules was refused: an entry of its own.
    ///
    /// # Errors
    /// A failing store.
    pub async fn note_policy_refused(
        &self,
        officer: &OfficerId,
        refusal: &Refusal,
    ) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::PolicyRefused);
        event.local.officer = Some(officer.clone());
        event.local.code = Some(refusal.code);
        event.local.rule.clone_from(&refusal.rule);
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }

    fn all_proposals(&self) -> Result<Vec<ProposalRow>, DeskError> {
        // Every kept proposal and those that are over and not yet forgotten.
        let rows = self.store.scan(Table::Policy, PROPOSAL, None, 2 * PROPOSALS_MAX)?;
        let decode = |(_, row): (Vec<u8>, Vec<u8>)| {
            Ok(encoding::from_bytes("policy proposal", &row, ROW_BYTES_MAX)?)
        };
        rows.into_iter().map(decode).collect()
    }
}

fn policy_row(store: &dyn Store, key: &[u8]) -> Result<Option<PolicyRow>, DeskError> {
    let row = store.get(Table::Policy, key)?;
    row.map(|row| Ok(encoding::from_bytes("policy", &row, ROW_BYTES_MAX)?)).transpose()
}

fn proposal_key(difference: &Digest) -> Vec<u8> {
    [PROPOSAL, difference.as_bytes().as_slice()].concat()
}

/// What a change is, as a number on disk.
mod change_number {
    use super::Change;
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: Write>(
        change: &Change,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let number = match change {
            Change::Same => 1,
            Change::Narrowing => 2,
            Change::Widening => 3,
        };
        encoder.u8(number)?.ok()
    }

    pub(super) fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Change, DecodeError> {
        match decoder.u8()? {
            1 => Ok(Change::Same),
            2 => Ok(Change::Narrowing),
            3 => Ok(Change::Widening),
            _ => Err(DecodeError::message("unknown change of policy")),
        }
    }
}
