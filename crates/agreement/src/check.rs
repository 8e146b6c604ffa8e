//! An agreement: terms that fit together, and the exact bytes that the parties sign.

use crate::AgreementError;
use crate::standing::SKEW_MS;
use crate::terms::{
    ClauseTerms, LIST_MAX, NATIONAL_OFFENCES_MAX, PAIRS_MAX, PARTIES_MAX, Pair, Party,
    TEXT_BYTES_MAX, Terms, VALID_DAYS_MAX, WORD_BYTES_MAX,
};
use domain::encoding::{self, Malformed};
use domain::envelope::Payload;
use domain::name::{AgencyId, Clause, Country, Digest};
use domain::time::Timestamp;
use domain::value::{Channel, Offence, Purpose, TransferBasis};

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
    /// Checks that the terms fit together.
    ///
    /// # Errors
    /// [`AgreementError::Inconsistent`].
    pub fn check(&self) -> Result<(), AgreementError> {
        self.check_frame()?;
        self.check_texts()?;
        self.check_parties()?;
        self.check_pairs()?;
        self.check_clauses()?;
        self.check_numbers()
    }

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

    /// The two instants at which the clock alone changes the standing: the start and the end of
    /// the window, each [`SKEW_MS`] inside it.
    pub const fn boundaries(&self) -> [Timestamp; 2] {
        [self.valid_from.plus_ms(SKEW_MS), self.valid_to.minus_ms(SKEW_MS)]
    }

    /// The first of them after `now`.
    pub fn next_boundary(&self, now: Timestamp) -> Option<Timestamp> {
        self.boundaries().into_iter().filter(|boundary| *boundary > now).min()
    }

    fn check_frame(&self) -> Result<(), AgreementError> {
        require(self.schema == SCHEMA, "a schema that this release does not know")?;
        require(self.version > 0, "versions start at 1")?;
        require(
            (self.version == 1) == self.supersedes.is_none(),
            "the first version supersedes nothing, every later one names what it supersedes",
        )?;
        require(
            self.valid_from.plus_ms(2 * SKEW_MS) < self.valid_to,
            "it ends before it starts, or within minutes",
        )?;
        require(
            self.valid_to <= self.valid_from.plus_days(VALID_DAYS_MAX),
            "it lasts longer than 20 years",
        )?;
        require(!self.purposes.is_empty(), "no purpose")?;
        require(!self.offences.is_empty(), "no offence")?;
        require(!self.channels.is_empty(), "no channel")?;
        let versions = &self.normalisation_live;
        require(
            !versions.is_empty() && versions.iter().all(|version| version.0 > 0),
            "no live normalisation version",
        )
    }

    fn check_texts(&self) -> Result<(), AgreementError> {
        let instrument = &self.instrument;
        let sentences = [&instrument.title, &self.purpose_text, &self.facts_scope];
        let sentences = sentences
            .into_iter()
            .chain(&self.legal_basis)
            .chain(self.clauses.iter().map(|clause| &clause.text));
        require(
            sentences.into_iter().all(|text| is_text(text, TEXT_BYTES_MAX)),
            "a text that is empty, too long or not printable",
        )?;
        let words = instrument
            .languages
            .iter()
            .chain([&instrument.held_at])
            .chain(self.label_presets.iter().map(|preset| &preset.name))
            .chain(self.parties.iter().flat_map(|party| &party.contact_points))
            .chain(self.offence_map.iter().filter_map(|entry| entry.article.as_ref()));
        require(
            words.into_iter().all(|word| is_text(word, WORD_BYTES_MAX)),
            "a word that is empty, too long or not printable",
        )?;
        let needed = [self.legal_basis.len(), instrument.languages.len(), self.clauses.len()];
        require(
            needed.iter().all(|length| (1..=LIST_MAX).contains(length)),
            "no legal basis, no language or no clause, or too many of them",
        )?;
        let lists = [
            self.operates_in.len(),
            self.label_presets.len(),
            self.normalisation_live.len(),
            self.approvers.len(),
        ];
        require(lists.iter().all(|length| *length <= LIST_MAX), "a list that is too long")
    }

    fn check_parties(&self) -> Result<(), AgreementError> {
        let parties = &self.parties;
        require((2..=PARTIES_MAX).contains(&parties.len()), "two to 64 parties")?;
        require(
            parties.is_sorted_by(|a, b| a.agency < b.agency),
            "parties repeated or not in ascending order",
        )?;
        require(
            parties.iter().all(|party| party.contact_points.len() <= LIST_MAX),
            "too many contact points",
        )?;
        let mut keys: Vec<[u8; 32]> = Vec::with_capacity(parties.len() * 2);
        for party in parties {
            keys.extend([party.root_key.to_bytes(), party.authority_key.to_bytes()]);
        }
        keys.sort_unstable();
        require(
            keys.is_sorted_by(|a, b| a < b),
            "one key for two parties, or a root key that is also the authority key",
        )?;
        let map = &self.offence_map;
        require(map.len() <= NATIONAL_OFFENCES_MAX, "an offence map that is too long")?;
        require(
            map.is_sorted_by(|a, b| (a.offence, &a.country) < (b.offence, &b.country)),
            "offence map repeated or not in ascending order",
        )?;
        require(
            map.iter().all(|entry| {
                self.offences.contains(&entry.offence)
                    && parties.iter().any(|party| party.country == entry.country)
            }),
            "offence map about an offence that is not covered or a country that is no party",
        )?;
        require(
            self.approvers.iter().all(|approver| {
                self.party(&approver.party).is_some()
                    && (1..=16).contains(&approver.quorum)
                    && approver.purposes.is_subset(&self.purposes)
            }),
            "an approver of no party, without a quorum or for a purpose that is not covered",
        )?;
        require(
            self.approvers.is_sorted_by(|a, b| {
                (&a.party, a.role.number(), a.quorum) < (&b.party, b.role.number(), b.quorum)
            }),
            "approvers repeated or not in ascending order",
        )
    }

    fn check_pairs(&self) -> Result<(), AgreementError> {
        let pairs = &self.pairs;
        require(pairs.len() <= PAIRS_MAX, "too many pairs")?;
        require(
            pairs.is_sorted_by(|a, b| (&a.from, &a.to) < (&b.from, &b.to)),
            "pairs repeated or not in ascending order",
        )?;
        for pair in pairs {
            require(
                pair.from != pair.to
                    && self.party(&pair.from).is_some()
                    && self.party(&pair.to).is_some(),
                "a pair that does not join two parties",
            )?;
            let documented = match pair.transfer_basis {
                TransferBasis::Led371aInstrument | TransferBasis::Led371bAssessment => {
                    pair.safeguards.is_some()
                }
                _ => true,
            };
            require(documented, "a transfer basis that needs a safeguards document, without one")?;
        }
        Ok(())
    }

    fn check_clauses(&self) -> Result<(), AgreementError> {
        require(
            self.clauses.is_sorted_by(|a, b| a.clause < b.clause),
            "clauses repeated or not in ascending order",
        )?;
        require(
            self.clauses.iter().all(|clause| {
                !clause.binds.is_empty()
                    && clause.binds.iter().all(|agency| self.party(agency).is_some())
                    && clause.purposes.is_subset(&self.purposes)
                    && clause.offences.is_subset(&self.offences)
            }),
            "a clause that binds nobody or an outsider, or covers more than the agreement",
        )
    }

    fn check_numbers(&self) -> Result<(), AgreementError> {
        let retention = &self.retention;
        let days_max = domain::record::VALID_DAYS_MAX;
        require(
            (1..=days_max).contains(&retention.days_max)
                && (1..=retention.days_max).contains(&retention.review_days),
            "retention or review outside one day to five years",
        )?;
        require(
            retention.per_subject.is_sorted_by(|a, b| a.subject < b.subject)
                && retention.per_subject.iter().all(|one| one.days <= retention.days_max),
            "retention per subject repeated, out of order or longer than the longest",
        )?;
        require(
            self.label_presets.iter().all(|preset| {
                preset.tlp <= self.tlp_ceiling
                    && (1..=retention.days_max).contains(&preset.valid_days)
            }),
            "a label preset over the ceiling or beyond the retention",
        )?;
        let hours = [
            self.deadlines.threat_to_life_hours,
            self.deadlines.urgent_hours,
            self.deadlines.normal_hours,
        ];
        require(
            hours.is_sorted() && hours.iter().all(|hours| (1..=24 * 366).contains(hours)),
            "deadlines out of order or outside one hour to a year",
        )?;
        let days = [self.withdrawal.notice_days, self.withdrawal.purge_days];
        require(days.iter().all(|days| *days <= 366), "a withdrawal that takes over a year")
    }
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), AgreementError> {
    if holds { Ok(()) } else { Err(AgreementError::Inconsistent(otherwise)) }
}

/// Printable, so that what people are shown before they sign is what is there: no control
/// character and no bidirectional override.
fn is_text(text: &str, bytes_max: usize) -> bool {
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.trim().is_empty() && text.len() <= bytes_max && !text.chars().any(hidden)
}
