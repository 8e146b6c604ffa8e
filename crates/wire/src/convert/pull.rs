//! The stream by which a node pulls its view of a partner's records, token keys and purge receipts.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::question::RELEASED_RULE;
use crate::v1;
use domain::approval::APPROVALS_MAX;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId, ClassHandle, RecordId};
use domain::refusal::{Refusal, RefusalCode};
use policy::{Action, Released};
use std::collections::BTreeSet;
use sync::message::{
    Cursor, Entry, Epoch, PullMessage, PullRequest, SECTION_ENTRIES_MAX, Section, UpToDate,
    VIEW_CLASSES_MAX,
};

/// The most token keys of one owner that are live at a time.
pub const TOKEN_KEYS_MAX: usize = 2;

impl From<Epoch> for v1::Epoch {
    fn from(epoch: Epoch) -> Self {
        Self { counter: epoch.counter, random: epoch.random.to_vec() }
    }
}

impl TryFrom<v1::Epoch> for Epoch {
    type Error = Invalid;

    fn try_from(epoch: v1::Epoch) -> Result<Self, Invalid> {
        Ok(Self { counter: epoch.counter, random: field::bytes("random", &epoch.random)? })
    }
}

impl From<PullRequest> for v1::PullRequest {
    fn from(request: PullRequest) -> Self {
        let cursors = request.cursors.into_iter().map(|cursor| v1::Cursor {
            class_handle: cursor.handle.as_bytes().to_vec(),
            position: cursor.position,
        });
        Self {
            agreement: request.agreement.to_string(),
            incarnation: request.incarnation.to_vec(),
            epoch: request.epoch.map(Into::into),
            grant_sequence: request.grant_sequence,
            cursors: cursors.collect(),
        }
    }
}

impl TryFrom<v1::PullRequest> for PullRequest {
    type Error = Invalid;

    fn try_from(request: v1::PullRequest) -> Result<Self, Invalid> {
        let cursors = field::list("cursors", request.cursors, VIEW_CLASSES_MAX, |cursor| {
            let handle = ClassHandle::from_bytes(field::bytes("cursors", &cursor.class_handle)?);
            Ok(Cursor { handle, position: cursor.position })
        })?;
        let mut seen = BTreeSet::new();
        if !cursors.iter().all(|cursor| seen.insert(cursor.handle)) {
            return Err(Invalid::new("cursors", Why::Repeated));
        }
        Ok(Self {
            agreement: field::name("agreement", &request.agreement)?,
            incarnation: field::bytes("incarnation", &request.incarnation)?,
            epoch: request.epoch.map(Epoch::try_from).transpose()?,
            grant_sequence: request.grant_sequence,
            cursors,
        })
    }
}

/// A message with a piece of a class log, for the partner that pulls.
///
/// # Errors
/// [`RefusalCode::PolicyFault`] if policy did not release it to that partner to share: nothing is
/// sent.
pub fn to_response(
    message: Released<PullMessage>,
    puller: &AgencyId,
) -> Result<v1::PullResponse, Refusal> {
    if message.peer() == puller && message.permit().action() == Action::Share {
        Ok(encode(message.into_inner()))
    } else {
        Err(Refusal::by_rule(RefusalCode::PolicyFault, RELEASED_RULE))
    }
}

/// A message that holds no record, only grants or the end: no permit is needed.
///
/// # Errors
/// [`RefusalCode::PolicyFault`] if there is a section in it.
pub fn to_notice(message: PullMessage) -> Result<v1::PullResponse, Refusal> {
    if message.section.is_none() {
        Ok(encode(message))
    } else {
        Err(Refusal::by_rule(RefusalCode::PolicyFault, RELEASED_RULE))
    }
}

fn encode(message: PullMessage) -> v1::PullResponse {
    let handle = |handle: ClassHandle| handle.as_bytes().to_vec();
    v1::PullResponse {
        incarnation: message.incarnation.to_vec(),
        epoch: Some(message.epoch.into()),
        grant_sequence: message.grant_sequence,
        grants: message.grants.map(|handles| v1::GrantSet {
            class_handles: handles.into_iter().map(handle).collect(),
        }),
        section: message.section.map(|section| v1::Section {
            class_handle: handle(section.handle),
            from: section.from,
            to: section.to,
            entries: section.entries.into_iter().map(encode_entry).collect(),
            sheet: section.sheet.map(Into::into),
        }),
        up_to_date: message.up_to_date == UpToDate::Yes,
    }
}

fn encode_entry(entry: Entry) -> v1::Entry {
    v1::Entry {
        entry: Some(match entry {
            Entry::Add(envelope) => v1::entry::Entry::Add(envelope.into()),
            Entry::Leave(record_id) => v1::entry::Entry::Leave(record_id.as_bytes().to_vec()),
            Entry::Retract(envelope) => v1::entry::Entry::Retract(envelope.into()),
            Entry::Approved { record, approvals } => {
                v1::entry::Entry::Approved(v1::ApprovedRecord {
                    record: Some(record.into()),
                    approvals: approvals.into_iter().map(Into::into).collect(),
                })
            }
        }),
    }
}

impl TryFrom<v1::PullResponse> for PullMessage {
    type Error = Invalid;

    fn try_from(response: v1::PullResponse) -> Result<Self, Invalid> {
        let read_grants = |grants: v1::GrantSet| {
            field::distinct("class_handles", grants.class_handles, VIEW_CLASSES_MAX, |handle| {
                Ok(ClassHandle::from_bytes(field::bytes("class_handles", &handle)?))
            })
        };
        Ok(Self {
            incarnation: field::bytes("incarnation", &response.incarnation)?,
            epoch: field::present("epoch", response.epoch)?.try_into()?,
            grant_sequence: response.grant_sequence,
            grants: response.grants.map(read_grants).transpose()?,
            section: response.section.map(Section::try_from).transpose()?,
            up_to_date: if response.up_to_date { UpToDate::Yes } else { UpToDate::No },
        })
    }
}

impl TryFrom<v1::Section> for Section {
    type Error = Invalid;

    fn try_from(section: v1::Section) -> Result<Self, Invalid> {
        if section.to < section.from {
            return Err(Invalid::new("to", Why::OutOfRange));
        }
        let handle = field::bytes("class_handle", &section.class_handle)?;
        Ok(Self {
            handle: ClassHandle::from_bytes(handle),
            from: section.from,
            to: section.to,
            entries: field::list("entries", section.entries, SECTION_ENTRIES_MAX, |entry| {
                Ok(match field::present("entry", entry.entry)? {
                    v1::entry::Entry::Add(envelope) => Entry::Add(envelope.try_into()?),
                    v1::entry::Entry::Leave(id) => {
                        Entry::Leave(RecordId::from_bytes(field::bytes("leave", &id)?))
                    }
                    v1::entry::Entry::Retract(envelope) => Entry::Retract(envelope.try_into()?),
                    v1::entry::Entry::Approved(approved) => read_approved(approved)?,
                })
            })?,
            sheet: section.sheet.map(Envelope::try_from).transpose()?,
        })
    }
}

fn read_approved(approved: v1::ApprovedRecord) -> Result<Entry, Invalid> {
    if approved.approvals.is_empty() {
        return Err(Invalid::new("approvals", Why::Missing));
    }
    let read = Envelope::try_from;
    Ok(Entry::Approved {
        record: field::present("record", approved.record)?.try_into()?,
        approvals: field::list("approvals", approved.approvals, APPROVALS_MAX, read)?,
    })
}

/// Reads which agreement's token keys are fetched.
///
/// # Errors
/// [`Invalid`].
pub fn from_fetch(request: &v1::FetchTokenKeysRequest) -> Result<AgreementId, Invalid> {
    field::name("agreement", &request.agreement)
}

/// Reads which agreement's changes are watched.
///
/// # Errors
/// [`Invalid`].
pub fn from_watch(request: &v1::WatchRequest) -> Result<AgreementId, Invalid> {
    field::name("agreement", &request.agreement)
}

/// The sealed token keys for one partner, at most [`TOKEN_KEYS_MAX`]. They hold no record.
pub fn to_token_keys(keys: Vec<Envelope>) -> v1::FetchTokenKeysResponse {
    v1::FetchTokenKeysResponse { keys: keys.into_iter().map(Into::into).collect() }
}

/// Reads sealed token keys.
///
/// # Errors
/// [`Invalid`].
pub fn from_token_keys(response: v1::FetchTokenKeysResponse) -> Result<Vec<Envelope>, Invalid> {
    field::list("keys", response.keys, TOKEN_KEYS_MAX, Envelope::try_from)
}

/// The acknowledgement that carries a signed purge receipt.
pub fn to_acknowledgement(receipt: Envelope) -> v1::AcknowledgePurgeRequest {
    v1::AcknowledgePurgeRequest { receipt: Some(receipt.into()) }
}

/// Reads a signed purge receipt; it is not verified yet.
///
/// # Errors
/// [`Invalid`].
pub fn from_acknowledgement(request: v1::AcknowledgePurgeRequest) -> Result<Envelope, Invalid> {
    field::present("receipt", request.receipt)?.try_into()
}
