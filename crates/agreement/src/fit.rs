//! Do the terms fit together? Every refusal names the field and says what to do.

use crate::check::SCHEMA;
use crate::state::SKEW_MS;
use crate::terms::{
    LIST_MAX, NATIONAL_OFFENCES_MAX, PAIRS_MAX, PARTIES_MAX, Pair, Party, TEXT_BYTES_MAX, Terms,
    TransferCondition, VALID_DAYS_MAX, WORD_BYTES_MAX,
};
use crate::{AgreementError, Misfit};
use domain::value::{Channel, TransferBasis};

const SORT: &str = "sort it in ascending order and name everything once";

impl Terms {
    /// Checks that the terms fit together.
    ///
    /// # Errors
    /// [`AgreementError::Inconsistent`] with the first field that does not fit.
    pub fn check(&self) -> Result<(), AgreementError> {
        self.check_frame()?;
        self.check_window()?;
        self.check_texts()?;
        self.check_words()?;
        self.check_parties()?;
        self.check_offence_map()?;
        self.check_approvers()?;
        self.check_pairs()?;
        self.check_clauses()?;
        self.check_numbers()
    }

    fn check_frame(&self) -> Result<(), AgreementError> {
        require(
            self.schema == SCHEMA,
            "schema",
            "not known to this release",
            "upgrade, or write 1",
        )?;
        require(self.version > 0, "version", "versions start at 1", "write 1 for a new agreement")?;
        require(
            (self.version == 1) == self.supersedes.is_none(),
            "supersedes",
            "the first version supersedes nothing, every later one names what it supersedes",
            "name the hash of the version before, from version 2 on",
        )?;
        require(!self.purposes.is_empty(), "purposes", "no purpose", "name at least one")?;
        require(!self.offences.is_empty(), "offences", "no offence", "name at least one")?;
        require(!self.channels.is_empty(), "channels", "no channel", "name at least one")?;
        let versions = &self.normalisation_live;
        require(
            !versions.is_empty() && versions.iter().all(|version| version.0 > 0),
            "normalisation_live",
            "no live normalisation version",
            "name at least version 1",
        )
    }

    fn check_window(&self) -> Result<(), AgreementError> {
        require(
            self.valid_from.plus_ms(2 * SKEW_MS) < self.valid_to,
            "valid_to",
            "it ends before it starts, or within minutes",
            "name a later day",
        )?;
        require(
            self.valid_to <= self.valid_from.plus_days(VALID_DAYS_MAX),
            "valid_to",
            "it lasts longer than 20 years",
            "name an earlier day and renew it",
        )
    }

    fn check_texts(&self) -> Result<(), AgreementError> {
        let text = |field: &str, text: &str| {
            require(
                is_text(text, TEXT_BYTES_MAX),
                field,
                "a text that is empty, too long or not printable",
                "write 1 to 2048 bytes without control characters",
            )
        };
        text("instrument.title", &self.instrument.title)?;
        text("purpose_text", &self.purpose_text)?;
        text("facts_scope", &self.facts_scope)?;
        for (index, basis) in self.legal_basis.iter().enumerate() {
            text(&format!("legal_basis[{index}]"), basis)?;
        }
        for clause in &self.clauses {
            text(&format!("clauses[{}].text", clause.clause), &clause.text)?;
        }
        for (field, length) in [
            ("legal_basis", self.legal_basis.len()),
            ("instrument.languages", self.instrument.languages.len()),
            ("clauses", self.clauses.len()),
        ] {
            let held = (1..=LIST_MAX).contains(&length);
            require(held, field, "empty or too long", "name 1 to 64")?;
        }
        for (field, length) in [
            ("operates_in", self.operates_in.len()),
            ("label_presets", self.label_presets.len()),
            ("normalisation_live", self.normalisation_live.len()),
            ("approvers", self.approvers.len()),
        ] {
            require(length <= LIST_MAX, field, "a list that is too long", "name 64 at the most")?;
        }
        Ok(())
    }

    fn check_words(&self) -> Result<(), AgreementError> {
        word("instrument.held_at", &self.instrument.held_at)?;
        for language in &self.instrument.languages {
            word("instrument.languages", language)?;
        }
        for preset in &self.label_presets {
            word("label_presets.name", &preset.name)?;
        }
        for party in &self.parties {
            for contact in &party.contact_points {
                word(&format!("parties[{}].contact_points", party.agency), contact)?;
            }
        }
        for entry in &self.offence_map {
            if let Some(article) = &entry.article {
                word(&format!("offence_map[{}, {}]", entry.offence, entry.country), article)?;
            }
        }
        Ok(())
    }

    fn check_parties(&self) -> Result<(), AgreementError> {
        let parties = &self.parties;
        let counted = (2..=PARTIES_MAX).contains(&parties.len());
        require(counted, "parties", "fewer than two or more than 64", "name 2 to 64")?;
        let sorted = parties.is_sorted_by(|a, b| a.agency < b.agency);
        require(sorted, "parties", "repeated or not in ascending order", SORT)?;
        let contacts = parties.iter().all(|party| party.contact_points.len() <= LIST_MAX);
        require(contacts, "parties.contact_points", "too many", "name 64 at the most")?;
        let mut keys: Vec<[u8; 32]> = Vec::with_capacity(parties.len() * 2);
        for party in parties {
            keys.extend([party.root_key.to_bytes(), party.authority_key.to_bytes()]);
        }
        keys.sort_unstable();
        require(
            keys.is_sorted_by(|a, b| a < b),
            "parties.authority_key",
            "one key for two parties, or a root key that is also the authority key",
            "make a key of its own for each party and each use",
        )
    }

    fn check_offence_map(&self) -> Result<(), AgreementError> {
        let map = &self.offence_map;
        let counted = map.len() <= NATIONAL_OFFENCES_MAX;
        require(counted, "offence_map", "too long", "name 1024 entries at the most")?;
        require(
            map.is_sorted_by(|a, b| (a.offence, &a.country) < (b.offence, &b.country)),
            "offence_map",
            "repeated or not in ascending order",
            SORT,
        )?;
        require(
            map.iter().all(|entry| {
                self.offences.contains(&entry.offence)
                    && self.parties.iter().any(|party| party.country == entry.country)
            }),
            "offence_map",
            "about an offence that is not covered or a country that is no party's",
            "add the offence or the party, or drop the entry",
        )
    }

    fn check_approvers(&self) -> Result<(), AgreementError> {
        require(
            self.approvers.iter().all(|approver| {
                self.party(&approver.party).is_some()
                    && (1..=16).contains(&approver.quorum)
                    && approver.purposes.is_subset(&self.purposes)
            }),
            "approvers",
            "an approver of no party, without a quorum or for a purpose that is not covered",
            "name a party, a quorum of 1 to 16 and purposes of the agreement",
        )?;
        require(
            self.approvers.is_sorted_by(|a, b| {
                (&a.party, a.role.number(), a.quorum) < (&b.party, b.role.number(), b.quorum)
            }),
            "approvers",
            "repeated or not in ascending order",
            SORT,
        )
    }

    fn check_pairs(&self) -> Result<(), AgreementError> {
        let pairs = &self.pairs;
        require(pairs.len() <= PAIRS_MAX, "pairs", "too many", "name each direction once")?;
        require(
            pairs.is_sorted_by(|a, b| (&a.from, &a.to) < (&b.from, &b.to)),
            "pairs",
            "repeated or not in ascending order",
            SORT,
        )?;
        for pair in pairs {
            let ends = (self.party(&pair.from), self.party(&pair.to));
            let joined = match ends {
                (Some(from), Some(to)) if pair.from != pair.to => Some((from, to)),
                _ => None,
            };
            let Some((from, to)) = joined else {
                let why = "does not join two parties";
                return misfit(&field_of(pair, "to"), why, "name two different parties");
            };
            self.check_pair(pair, from, to)?;
            self.check_channels(pair)?;
        }
        Ok(())
    }

    /// Impossible combinations of ground, parties and condition (LED Art. 35 to 38).
    fn check_pair(&self, pair: &Pair, from: &Party, to: &Party) -> Result<(), AgreementError> {
        let (sends, receives) = (from.is_bound_by_the_led(), to.is_bound_by_the_led());
        let (possible, why, hint) = match pair.transfer_basis {
            TransferBasis::IntraLed => (
                sends && receives,
                "INTRA_LED with a party that is not bound by the LED",
                "name a third-country ground, or NONE",
            ),
            TransferBasis::Convention108 => (
                !sends,
                "CONVENTION_108 from a party that is bound by the LED",
                "name an LED ground, or NONE",
            ),
            TransferBasis::None => (true, "", ""),
            _ => (
                sends,
                "a ground of LED chapter V from a party that is not bound by the LED",
                "name CONVENTION_108, or NONE",
            ),
        };
        require(possible, &field_of(pair, "transfer_basis"), why, hint)?;
        let documented = match pair.transfer_basis {
            TransferBasis::Led371aInstrument | TransferBasis::Led371bAssessment => {
                pair.safeguards.is_some()
            }
            _ => true,
        };
        require(
            documented,
            &field_of(pair, "safeguards"),
            "a transfer basis that needs a safeguards document, without one",
            "name the hash of the document",
        )?;
        self.check_condition(pair)
    }

    fn check_condition(&self, pair: &Pair) -> Result<(), AgreementError> {
        let condition = pair.condition.as_ref();
        let field = field_of(pair, "condition");
        let (fits, why, hint) = match (pair.transfer_basis, condition) {
            (TransferBasis::Led36Adequacy, condition) => (
                matches!(condition, Some(TransferCondition::AdequacyDecision { .. })),
                "LED_36_ADEQUACY without its decision",
                "name the adequacy decision and its date",
            ),
            (TransferBasis::Led371bAssessment, condition) => (
                matches!(condition, Some(TransferCondition::Notice { .. })),
                "LED_37_1B_ASSESSMENT without the notice to the supervisory authority",
                "name the authority, the reference and the date of the notice",
            ),
            (TransferBasis::Led38Derogation, condition) => (
                matches!(condition, Some(TransferCondition::Derogation { .. })),
                "LED_38_DEROGATION without its ground",
                "name the ground of the article and a written reason",
            ),
            (_, condition) => (
                condition.is_none(),
                "a condition that this transfer basis does not have",
                "drop it, or name the ground that it belongs to",
            ),
        };
        require(fits, &field, why, hint)?;
        match condition {
            Some(TransferCondition::AdequacyDecision { reference, adopted_on, ends_on }) => {
                let in_force = adopted_on <= &self.valid_from
                    && ends_on.is_none_or(|end| end > self.valid_from);
                let why = "an adequacy decision that is not in force when the agreement starts";
                require(in_force, &field, why, "name a decision in force, or another ground")?;
                word(&field, reference)
            }
            Some(TransferCondition::Notice { authority, reference, .. }) => {
                word(&field, authority)?;
                word(&field, reference)
            }
            Some(TransferCondition::Derogation { reason, .. }) => word(&field, reason),
            None => Ok(()),
        }
    }

    fn check_channels(&self, pair: &Pair) -> Result<(), AgreementError> {
        let field = field_of(pair, "channels");
        if let Some(channels) = &pair.channels {
            require(
                !channels.is_empty() && channels.is_subset(&self.channels),
                &field,
                "empty, or more than the agreement's channels",
                "name some of the agreement's channels, or leave it out",
            )?;
        }
        let channels = pair.channels.as_ref().unwrap_or(&self.channels);
        require(
            pair.transfer_basis != TransferBasis::Led38Derogation
                || channels.iter().all(|channel| *channel == Channel::Authority),
            &field,
            "LED_38_DEROGATION with a channel other than AUTHORITY",
            "name AUTHORITY as the only channel of this pair",
        )
    }

    fn check_clauses(&self) -> Result<(), AgreementError> {
        let sorted = self.clauses.is_sorted_by(|a, b| a.clause < b.clause);
        require(sorted, "clauses", "repeated or not in ascending order", SORT)?;
        for clause in &self.clauses {
            require(
                !clause.binds.is_empty()
                    && clause.binds.iter().all(|agency| self.party(agency).is_some())
                    && clause.purposes.is_subset(&self.purposes)
                    && clause.offences.is_subset(&self.offences),
                &format!("clauses[{}]", clause.clause),
                "a clause that binds nobody or an outsider, or covers more than the agreement",
                "name parties, purposes and offences of the agreement",
            )?;
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), AgreementError> {
        let retention = &self.retention;
        let days_max = domain::record::VALID_DAYS_MAX;
        require(
            (1..=days_max).contains(&retention.days_max)
                && (1..=retention.days_max).contains(&retention.review_days),
            "retention",
            "retention or review outside one day to five years",
            "review at least once within the retention",
        )?;
        require(
            retention.per_subject.is_sorted_by(|a, b| a.subject < b.subject)
                && retention.per_subject.iter().all(|one| one.days <= retention.days_max),
            "retention.per_subject",
            "repeated, out of order or longer than the longest",
            SORT,
        )?;
        require(
            self.label_presets.iter().all(|preset| {
                preset.tlp <= self.tlp_ceiling
                    && (1..=retention.days_max).contains(&preset.valid_days)
            }),
            "label_presets",
            "a preset over the ceiling or beyond the retention",
            "lower the marking or shorten the days",
        )?;
        let hours = [
            self.deadlines.threat_to_life_hours,
            self.deadlines.urgent_hours,
            self.deadlines.normal_hours,
        ];
        require(
            hours.is_sorted() && hours.iter().all(|hours| (1..=24 * 366).contains(hours)),
            "deadlines",
            "out of order or outside one hour to a year",
            "give a threat to life the shortest and the ordinary case the longest",
        )?;
        let days = [self.withdrawal.notice_days, self.withdrawal.purge_days];
        require(
            days.iter().all(|days| *days <= 366),
            "withdrawal",
            "a withdrawal that takes over a year",
            "name 366 days at the most",
        )
    }
}

fn word(field: &str, text: &str) -> Result<(), AgreementError> {
    require(
        is_text(text, WORD_BYTES_MAX),
        field,
        "a word that is empty, too long or not printable",
        "write 1 to 128 bytes without control characters",
    )
}

fn field_of(pair: &Pair, field: &str) -> String {
    format!("pairs[{} -> {}].{field}", pair.from, pair.to)
}

fn require(
    holds: bool,
    field: &str,
    why: &'static str,
    hint: &'static str,
) -> Result<(), AgreementError> {
    if holds { Ok(()) } else { misfit(field, why, hint) }
}

fn misfit(field: &str, why: &'static str, hint: &'static str) -> Result<(), AgreementError> {
    Err(AgreementError::Inconsistent(Misfit { field: field.to_owned(), why, hint }))
}

/// Printable, so that what people are shown before they sign is what is there: no control
/// character, no line of its own and no bidirectional mark.
pub(crate) fn is_text(text: &str, bytes_max: usize) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
    };
    !text.trim().is_empty() && text.len() <= bytes_max && !text.chars().any(hidden)
}
