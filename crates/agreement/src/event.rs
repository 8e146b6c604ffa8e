//! What a party says about an agreement: signed events, one hash chain per party and agreement.
//!
//! The chain makes silence visible: an event refers to the one before it, so a node that was kept
//! from seeing a suspension sees the gap and narrows.

use crate::{Agreement, AgreementError};
use domain::encoding::{self, Malformed};
use domain::envelope::{Envelope, Payload, Signed};
use domain::name::{AgencyId, Digest};
use domain::signature::Signer;
use domain::time::Timestamp;
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// The largest event, in bytes.
pub const EVENT_BYTES_MAX: usize = 1024;
/// The most events of one party about one agreement. The last place is kept for a suspension, so
/// that a party can always stop.
pub const EVENTS_PER_PARTY_MAX: u32 = 1024;

/// What a party does. Numbers are stable; one that is not listed is refused, never skipped.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Act {
    /// Signs these terms.
    #[n(1)]
    Sign {
        /// The hash of the rendering that the signatory was shown.
        #[n(1)]
        shown: Digest,
    },
    /// Stops everything to and from this party, at once.
    #[n(2)]
    Suspend,
    /// Ends this party's own suspension.
    #[n(3)]
    Lift,
}

/// One link of a party's chain. The agreement hash binds it to the exact terms.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AgreementEvent {
    /// The party that speaks.
    #[n(1)]
    pub party: AgencyId,
    /// The place in its chain, from 1.
    #[n(2)]
    pub n: u32,
    /// The payload hash of the event before, from the second on.
    #[n(3)]
    pub previous: Option<Digest>,
    /// The hash of the agreement.
    #[n(4)]
    pub agreement: Digest,
    /// When it was made, by the party's clock; decides nothing.
    #[n(5)]
    pub made_at: Timestamp,
    /// What it does.
    #[n(6)]
    pub act: Act,
}

impl AgreementEvent {
    fn check(&self) -> Result<(), &'static str> {
        if self.n == 0 || self.n > EVENTS_PER_PARTY_MAX {
            return Err("a place outside the chain");
        }
        if (self.n == 1) != self.previous.is_none() {
            return Err("a first event with a predecessor, or a later one without");
        }
        if self.n == EVENTS_PER_PARTY_MAX && self.act != Act::Suspend {
            return Err("the last place of a chain is for a suspension");
        }
        Ok(())
    }
}

impl Payload for AgreementEvent {
    const TYPE: &'static str = "application/vnd.malines.agreement-event.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let not_valid = |why: &str| Malformed::NotValid { what: "event", why: why.to_owned() };
        let event: Self = encoding::from_bytes("event", bytes, EVENT_BYTES_MAX)?;
        event.check().map_err(not_valid)?;
        if event.to_payload() == bytes {
            Ok(event)
        } else {
            Err(not_valid("a field that this release does not know"))
        }
    }
}

/// The verified events about one agreement: a set, so order and repetition mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEvents {
    agreement: Digest,
    parties: BTreeMap<AgencyId, BTreeMap<u32, Link>>,
}

/// What is known of one place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// One event, and its payload hash.
    One(Digest, AgreementEvent),
    /// Two different events signed for the same place: the party contradicted itself.
    Forked,
}

impl SignedEvents {
    /// No event about this agreement yet.
    pub fn new(agreement: &Agreement) -> Self {
        Self { agreement: agreement.hash(), parties: BTreeMap::new() }
    }

    /// Verifies every envelope and takes it in; stops at the first that is refused.
    ///
    /// # Errors
    /// As [`SignedEvents::admit`].
    pub fn collect(
        agreement: &Agreement,
        envelopes: impl IntoIterator<Item = Envelope>,
    ) -> Result<Self, AgreementError> {
        let mut events = Self::new(agreement);
        for envelope in envelopes {
            events.admit(agreement, envelope)?;
        }
        Ok(events)
    }

    /// Verifies one envelope against the authority key of the party it speaks for, and takes it in.
    ///
    /// # Errors
    /// [`AgreementError`]: not well formed, signed by nobody who may, or about something else.
    pub fn admit(
        &mut self,
        agreement: &Agreement,
        envelope: Envelope,
    ) -> Result<AgreementEvent, AgreementError> {
        if agreement.hash() != self.agreement {
            return Err(AgreementError::OtherAgreement);
        }
        let signed = open(agreement, envelope)?;
        let hash = signed.envelope().payload_hash();
        let event = signed.message().clone();
        let chain = self.parties.entry(event.party.clone()).or_default();
        match chain.get_mut(&event.n) {
            None => {
                chain.insert(event.n, Link::One(hash, event.clone()));
            }
            Some(Link::One(known, _)) if *known == hash => {}
            Some(link) => *link = Link::Forked,
        }
        Ok(event)
    }

    /// The hash of the agreement they are about.
    pub const fn agreement(&self) -> Digest {
        self.agreement
    }

    /// Makes and signs this party's next event, and takes it in. The signer must hold the party's
    /// authority key.
    ///
    /// # Errors
    /// As [`SignedEvents::admit`]; [`AgreementError::Chain`] if the chain so far is forked
    /// or full.
    pub fn append(
        &mut self,
        agreement: &Agreement,
        party: &AgencyId,
        act: Act,
        made_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<Envelope, AgreementError> {
        let last = self.chain(party).and_then(|chain| chain.last_key_value());
        let (n, previous) = match last {
            None => (1, None),
            Some((n, Link::One(hash, _))) => (n.saturating_add(1), Some(*hash)),
            Some((_, Link::Forked)) => {
                return Err(AgreementError::Chain("this party's chain is forked"));
            }
        };
        let event = AgreementEvent {
            party: party.clone(),
            n,
            previous,
            agreement: agreement.hash(),
            made_at,
            act,
        };
        event.check().map_err(AgreementError::Chain)?;
        let (_, envelope) = Signed::seal(event, signer).into_parts();
        self.admit(agreement, envelope.clone())?;
        Ok(envelope)
    }

    pub(crate) fn chain(&self, party: &AgencyId) -> Option<&BTreeMap<u32, Link>> {
        self.parties.get(party)
    }
}

/// Finds the party whose authority key signed, verifies, then parses, and holds the event to it.
fn open(
    agreement: &Agreement,
    envelope: Envelope,
) -> Result<Signed<AgreementEvent>, AgreementError> {
    envelope.check_limits()?;
    let signed_by = |key| envelope.signatures.iter().any(|signature| signature.key_id == key);
    let signatory = agreement.parties.iter().find(|party| signed_by(party.authority_key.id()));
    let Some(signatory) = signatory else {
        // Nothing is parsed: an outsider learns only that it is none of the parties.
        let key_id = envelope.signatures.first().map(|signature| signature.key_id);
        let none = domain::name::KeyId::from_bytes([0; domain::name::KeyId::BYTES]);
        let error = domain::envelope::OpenError::NotSignedBy(key_id.unwrap_or(none));
        return Err(error.into());
    };
    let signed = Signed::<AgreementEvent>::open(envelope, &signatory.authority_key)?;
    let event = signed.message();
    if event.agreement != agreement.hash() {
        return Err(AgreementError::OtherAgreement);
    }
    if event.party != signatory.agency {
        return Err(AgreementError::NotAParty(event.party.clone()));
    }
    Ok(signed)
}
