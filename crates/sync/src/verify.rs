//! The pure half of R12: every record of a section is verified before anything becomes visible.

use crate::message::{Entry, Section};
use domain::class::Class;
use domain::envelope::{Envelope, OpenError, Signed};
use domain::indicator::{NormalisationVersion, Tier};
use domain::name::{AgencyId, AgreementId, RecordId};
use domain::record::{self, CLOCK_SKEW_MS, Record, Version};
use domain::refusal::RefusalCode;
use domain::signature::PublicKey;
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch, TokenSheet};
use domain::withdrawal::Tombstone;
use std::collections::HashMap;

/// What a section must be, known before it came.
#[derive(Debug)]
pub struct Expectation<'a> {
    /// The TLS peer the stream came from; it must be the origin of everything in it.
    pub origin: &'a AgencyId,
    /// The receiver itself: must be in every audience.
    pub receiver: &'a AgencyId,
    /// The agreement asked for.
    pub agreement: &'a AgreementId,
    /// The origin's record key from its manifest.
    pub record_key: &'a PublicKey,
    /// The normalisation versions the agreement has live.
    pub normalisation: &'a [NormalisationVersion],
    /// The present instant.
    pub now: Timestamp,
}

/// A record that may become visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRecord {
    /// The record and its exact bytes.
    pub record: Signed<Record>,
    /// Its class.
    pub class: Class,
    /// Its token under the origin's key.
    pub token: Token,
    /// The epoch of that key.
    pub token_epoch: TokenEpoch,
}

/// One change that may be applied, in the order it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifiedEntry {
    /// A record.
    Add(Box<VerifiedRecord>),
    /// A record left the class.
    Leave(RecordId),
    /// A tombstone.
    Retract(Signed<Tombstone>),
    /// A record that comes by approvals, which are not weighed yet: nor is its audience.
    Approved {
        /// The record.
        record: Box<VerifiedRecord>,
        /// The approvals.
        approvals: Vec<Envelope>,
    },
}

/// An entry that was refused. Its bytes are dropped; the cursor moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poison {
    /// The index of the entry in its section.
    pub index: usize,
    /// Why, for our own log.
    pub code: RefusalCode,
}

/// What came out of a section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifiedSection {
    /// What may be applied.
    pub entries: Vec<VerifiedEntry>,
    /// What was refused.
    pub poison: Vec<Poison>,
}

/// Verifies every entry of a section on its own, so that one bad record does not block the rest.
///
/// # Errors
/// A sheet that is not the origin's, or a record from the future: the whole section is refused and
/// comes again. A clock that is wrong today must not lose records for good.
pub fn verify_section(
    section: &Section,
    expected: &Expectation<'_>,
) -> Result<VerifiedSection, RefusalCode> {
    let (token_epoch, tokens) = verify_sheet(section, expected)?;
    let mut verified = VerifiedSection::default();
    for (index, entry) in section.entries.iter().enumerate() {
        let outcome = match entry {
            Entry::Leave(record_id) => Ok(VerifiedEntry::Leave(*record_id)),
            Entry::Retract(envelope) => verify_tombstone(envelope.clone(), expected),
            Entry::Add(envelope) => verify_record(envelope.clone(), expected)
                .and_then(|record| named_in_audience(record, expected))
                .and_then(|record| with_token(record, token_epoch, &tokens))
                .map(|record| VerifiedEntry::Add(Box::new(record))),
            Entry::Approved { record, approvals } => verify_record(record.clone(), expected)
                .and_then(|record| with_token(record, token_epoch, &tokens))
                .map(|record| {
                    let (record, approvals) = (Box::new(record), approvals.clone());
                    VerifiedEntry::Approved { record, approvals }
                }),
        };
        match outcome {
            Ok(entry) => verified.entries.push(entry),
            Err(RefusalCode::Unavailable) => return Err(RefusalCode::Unavailable),
            Err(code) => verified.poison.push(Poison { index, code }),
        }
    }
    Ok(verified)
}

type Tokens = HashMap<(RecordId, Version), Token>;

fn verify_sheet(
    section: &Section,
    expected: &Expectation<'_>,
) -> Result<(TokenEpoch, Tokens), RefusalCode> {
    let Some(envelope) = &section.sheet else {
        return Ok((TokenEpoch(0), Tokens::new()));
    };
    let sheet = Signed::<TokenSheet>::open(envelope.clone(), expected.record_key)
        .map_err(|error| code_of(&error))?;
    let sheet = sheet.message();
    let for_us = sheet.owner == *expected.origin
        && sheet.recipient == *expected.receiver
        && sheet.agreement == *expected.agreement;
    if !for_us {
        return Err(RefusalCode::OriginMismatch);
    }
    let rows = sheet.rows.iter().map(|row| ((row.record_id, row.version), row.token));
    Ok((sheet.epoch, rows.collect()))
}

fn verify_record(
    envelope: Envelope,
    expected: &Expectation<'_>,
) -> Result<Signed<Record>, RefusalCode> {
    let signed =
        Signed::<Record>::open(envelope, expected.record_key).map_err(|error| code_of(&error))?;
    let record = signed.message();
    if record.origin != *expected.origin || record.agreement != *expected.agreement {
        return Err(RefusalCode::OriginMismatch);
    }
    if record.kind.tier() == Tier::Sealed {
        return Err(RefusalCode::SealedKind);
    }
    if !expected.normalisation.contains(&record.normalisation) {
        return Err(RefusalCode::NormalisationNotLive);
    }
    if record.valid_until <= expected.now {
        return Err(RefusalCode::Expired);
    }
    if record.made_at > expected.now.plus_ms(CLOCK_SKEW_MS) {
        return Err(RefusalCode::Unavailable);
    }
    Ok(signed)
}

/// What comes by itself names the receiver.
fn named_in_audience(
    record: Signed<Record>,
    expected: &Expectation<'_>,
) -> Result<Signed<Record>, RefusalCode> {
    if record.message().audience.contains(expected.receiver) {
        Ok(record)
    } else {
        Err(RefusalCode::NotInAudience)
    }
}

fn with_token(
    record: Signed<Record>,
    token_epoch: TokenEpoch,
    tokens: &Tokens,
) -> Result<VerifiedRecord, RefusalCode> {
    let (id, version) = (record.message().record_id, record.message().version);
    let token = *tokens.get(&(id, version)).ok_or(RefusalCode::Malformed)?;
    let class = Class::of(record.message());
    Ok(VerifiedRecord { record, class, token, token_epoch })
}

fn verify_tombstone(
    envelope: Envelope,
    expected: &Expectation<'_>,
) -> Result<VerifiedEntry, RefusalCode> {
    let signed = Signed::<Tombstone>::open(envelope, expected.record_key)
        .map_err(|error| code_of(&error))?;
    if signed.message().origin != *expected.origin {
        return Err(RefusalCode::OriginMismatch);
    }
    Ok(VerifiedEntry::Retract(signed))
}

fn code_of(error: &OpenError) -> RefusalCode {
    match error {
        OpenError::Malformed(malformed) => record::refusal_of(malformed),
        OpenError::WrongType { .. } => RefusalCode::Malformed,
        OpenError::NotSignedBy(_) | OpenError::BadSignature(_) => RefusalCode::SignatureInvalid,
    }
}
