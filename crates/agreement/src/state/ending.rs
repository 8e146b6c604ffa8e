//! How sharing ends, direction by direction: who left and when time was over; and how far what was
//! shared is erased.

use super::{Direction, Judge, Known, Phase, SKEW_MS};
use crate::Agreement;
use crate::purge::{Holding, PurgeGround};
use crate::register::Version;
use crate::terms::Pair;
use domain::name::{AgencyId, Digest};
use domain::time::Timestamp;
use domain::value::TransferBasis;
use std::collections::BTreeMap;

/// A party that left, and how its leaving goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// When it said so, by its own clock.
    pub since: Timestamp,
    /// [`Phase::WindingDown`], [`Phase::Overdue`] or [`Phase::Closed`].
    pub phase: Phase,
}

/// How sharing in one direction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Since when nothing may be shared in it.
    pub since: Timestamp,
    /// Why.
    pub ground: PurgeGround,
    /// The hash of the version that it was shared under last.
    pub agreement: Digest,
    /// Within how many days that version wants everything erased.
    pub purge_days: u32,
}

impl Ended {
    /// An order made before this was about an earlier end: the parties shared again since.
    pub const fn ordered_from(&self) -> Timestamp {
        self.since.minus_ms(SKEW_MS)
    }

    /// From when on whoever still holds something is late, ordered or not.
    pub fn due(&self) -> Timestamp {
        self.ordered_from().plus_days(self.purge_days)
    }
}

impl<'r> Judge<'r> {
    /// Every direction that is over. The newest version that had it says how.
    pub(super) fn ended(&self, governing: Option<Known<'r>>) -> BTreeMap<Direction, Ended> {
        let mut ended = BTreeMap::new();
        let Some((_, counts)) = governing else { return ended };
        let is_newer = |(_, one): &Known<'r>| one.agreement.version > counts.agreement.version;
        for (hash, version) in self.signed_versions().into_iter().filter(|one| !is_newer(one)) {
            for pair in grounded(&version.agreement) {
                let direction = (pair.from.clone(), pair.to.clone());
                match self.end_of(hash, version, pair) {
                    Some(end) => ended.insert(direction, end),
                    None => ended.remove(&direction),
                };
            }
        }
        ended
    }

    fn ended_under(&self, hash: &Digest, version: &Version) -> BTreeMap<Direction, Ended> {
        let ended = grounded(&version.agreement).filter_map(|pair| {
            let end = self.end_of(hash, version, pair)?;
            Some(((pair.from.clone(), pair.to.clone()), end))
        });
        ended.collect()
    }

    /// The first of what ended a direction: one of the two left, or the time was over.
    fn end_of(&self, hash: &Digest, version: &Version, pair: &Pair) -> Option<Ended> {
        let agreement = &version.agreement;
        let ends = [&pair.from, &pair.to].into_iter();
        let voices = ends.filter_map(|end| version.voices.get(end));
        let left = voices.filter_map(|voice| self.left_at(voice, hash)).min();
        let is_over = self.now.plus_ms(self.skew()) >= agreement.valid_to;
        let ends = [
            left.map(|since| (since, PurgeGround::Withdrawal)),
            is_over.then_some((agreement.valid_to, PurgeGround::Expiry)),
        ];
        let (since, ground) = ends.into_iter().flatten().min()?;
        let purge_days = agreement.withdrawal.purge_days;
        Some(Ended { since, ground, agreement: *hash, purge_days })
    }

    /// After the end: is everything erased that went from one party to another?
    pub(super) fn winding_down(&self, hash: &Digest, version: &Version, over: bool) -> Phase {
        let ended = self.ended_under(hash, version);
        let ordered = ended.iter().any(|(direction, end)| self.holding(direction, end).is_some());
        match self.progress(ended.iter()) {
            Phase::WindingDown if over && !ordered => Phase::Expired,
            phase => phase,
        }
    }

    /// Where what was shared in a direction stands on the board, by the orders made since its end.
    fn holding(&self, (origin, holder): &Direction, end: &Ended) -> Option<Holding> {
        self.board.between(origin, holder, end.ordered_from())
    }

    fn progress<'e>(&self, ended: impl Iterator<Item = (&'e Direction, &'e Ended)>) -> Phase {
        let holdings = ended.map(|(direction, end)| {
            let late = if self.now > end.due() { Holding::Overdue } else { Holding::Held };
            self.holding(direction, end).unwrap_or(late)
        });
        match holdings.max() {
            Some(Holding::Overdue | Holding::Contradicted | Holding::ReviewDue) => Phase::Overdue,
            Some(Holding::Held) => Phase::WindingDown,
            Some(Holding::Erased | Holding::ErasedExcept) | None => Phase::Closed,
        }
    }

    /// Who left, and how far what went to and from it is erased.
    pub(super) fn leaving(
        &self,
        governing: Option<Known<'r>>,
        ended: &BTreeMap<Direction, Ended>,
    ) -> BTreeMap<AgencyId, Leaving> {
        let mut leaving: BTreeMap<AgencyId, Timestamp> = BTreeMap::new();
        for (hash, version) in self.signed_versions() {
            for party in &version.agreement.parties {
                let voice = version.voices.get(&party.agency);
                let left = voice.and_then(|voice| self.left_at(voice, hash));
                leaving.extend(left.map(|since| (party.agency.clone(), since)));
            }
        }
        // Who signed a later version after leaving is a party again.
        leaving.retain(|agency, _| {
            let voice = governing.and_then(|(hash, version)| {
                let party = version.agreement.party(agency);
                party.and(version.voices.get(agency)).map(|voice| (hash, voice))
            });
            voice.is_none_or(|(hash, voice)| self.left_at(voice, hash).is_some())
        });
        let gone = leaving.into_iter().map(|(agency, since)| {
            let of_party = ended.iter().filter(|((from, to), _)| [from, to].contains(&&agency));
            let phase = self.progress(of_party);
            (agency, Leaving { since, phase })
        });
        gone.collect()
    }

    /// The versions that every party signed, however firmly, the oldest first.
    fn signed_versions(&self) -> Vec<Known<'r>> {
        let signed = |(hash, _): &Known<'r>| self.reading.claimed.contains(*hash);
        let mut versions: Vec<Known<'r>> = self.register.versions().filter(signed).collect();
        versions.sort_by_key(|(hash, version)| (version.agreement.version, **hash));
        versions
    }
}

/// The pairs in which something could be shared.
fn grounded(agreement: &Agreement) -> impl Iterator<Item = &Pair> {
    agreement.pairs.iter().filter(|pair| pair.transfer_basis != TransferBasis::None)
}
