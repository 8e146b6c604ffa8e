//! An agreement: terms that fit together, and the exact bytes that the parties sign.

use crate::AgreementError;
use crate::terms::{ClauseTerms, Pair, Party, Terms};
use domain::encoding::{self, Malformed};
use domain::envelope::Payload;
use domain::name::{AgencyId, Clause, Country, Digest};
use domain::value::{Channel, Offence, Purpose};
use std::collections::BTreeSet;

/// The schema of the terms that this release writes and reads.
pub const SCHEMA: u32 = 1;
/// The largest agreement, in bytes.
pub const AGREEMENT_BYTES_MAX: usize = domain::envelope::PAYLOAD_BYTES_MAX;

/// Terms that fit together. An agreement is understood entirely or not at all: an unknown field,
/// or a list in another order than its encoder writes, is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    terms: Terms,
    payload: Vec<u8>,
    hash: Digest,
}

impl Agreement {
    /// Checks terms and fixes their bytes.
    ///
    /// # Errors
    /// [`AgreementError::Inconsistent`] with the first thing that does not fit, or
    /// [`AgreementError::Malformed`] if it is larger than [`AGREEMENT_BYTES_MAX`].
    pub fn new(terms: Terms) -> Result<Self, AgreementError> {
        terms.check()?;
        let payload = encoding::to_bytes(&terms);
        let bytes = payload.len();
        if bytes > AGREEMENT_BYTES_MAX {
            let bytes_max = AGREEMENT_BYTES_MAX;
            return Err(Malformed::TooLarge { bytes, bytes_max }.into());
        }
        let hash = Digest::from_bytes(domain::digest::hash(&[&payload]));
        Ok(Self { terms, payload, hash })
    }

    /// The hash of the exact bytes: what events refer to and what people compare.
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// The terms, to make a next version of.
    pub fn into_terms(self) -> Terms {
        self.terms
    }
}

impl core::ops::Deref for Agreement {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.terms
    }
}

impl Payload for Agreement {
    const TYPE: &'static str = "application/vnd.malines.agreement.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        self.payload.clone()
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let not_valid = |why: String| Malformed::NotValid { what: "agreement", why };
        let terms: Terms = encoding::from_bytes("agreement", bytes, AGREEMENT_BYTES_MAX)?;
        let agreement = Self::new(terms).map_err(|error| not_valid(error.to_string()))?;
        if agreement.payload == bytes {
            Ok(agreement)
        } else {
            Err(not_valid("a field that this release does not know, or a list out of order".into()))
        }
    }
}

impl Terms {
    /// The party, if the agency is one.
    pub fn party(&self, agency: &AgencyId) -> Option<&Party> {
        let found = self.parties.binary_search_by(|party| party.agency.cmp(agency));
        found.ok().and_then(|index| self.parties.get(index))
    }

    /// The directed pair, if it was agreed.
    pub fn pair(&self, from: &AgencyId, to: &AgencyId) -> Option<&Pair> {
        let sought = (from, to);
        let found = self.pairs.binary_search_by(|pair| (&pair.from, &pair.to).cmp(&sought));
        found.ok().and_then(|index| self.pairs.get(index))
    }

    /// What a clause covers.
    pub fn clause(&self, clause: &Clause) -> Option<&ClauseTerms> {
        self.clauses.iter().find(|terms| terms.clause == *clause)
    }

    /// May this purpose be claimed?
    pub fn covers_purpose(&self, purpose: Purpose) -> bool {
        self.purposes.contains(&purpose)
    }

    /// Is this offence covered?
    pub fn covers_offence(&self, offence: Offence) -> bool {
        self.offences.contains(&offence)
    }

    /// May data move in this way?
    pub fn covers_channel(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// The national article of an offence in a country; `None` if the act is no offence there or
    /// nobody said.
    pub fn article(&self, offence: Offence, country: &Country) -> Option<&str> {
        let entry = self
            .offence_map
            .iter()
            .find(|entry| entry.offence == offence && entry.country == *country);
        entry.and_then(|entry| entry.article.as_deref())
    }

    /// Is an offence one on both sides of a directed pair (dual criminality)? Only where the offence
    /// map names an article of both countries.
    pub fn is_usable(&self, offence: Offence, from: &AgencyId, to: &AgencyId) -> bool {
        let punishes = |agency: &AgencyId| {
            let country = self.party(agency).map(|party| &party.country);
            country.is_some_and(|country| self.article(offence, country).is_some())
        };
        self.covers_offence(offence) && punishes(from) && punishes(to)
    }

    /// The offences that are one on both sides of a directed pair.
    pub fn usable_offences(&self, from: &AgencyId, to: &AgencyId) -> BTreeSet<Offence> {
        let offences = self.offences.iter().copied();
        offences.filter(|offence| self.is_usable(*offence, from, to)).collect()
    }

    /// May data move in this way in this direction? The narrower of the agreement and the pair.
    pub fn covers_channel_between(&self, channel: Channel, from: &AgencyId, to: &AgencyId) -> bool {
        self.covers_channel(channel)
            && self.pair(from, to).is_some_and(|pair| {
                pair.channels.as_ref().is_none_or(|channels| channels.contains(&channel))
            })
    }
}
