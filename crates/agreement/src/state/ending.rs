//! How sharing ends, direction by direction: who left, what was amended away and when time was over;
//! and how far what was shared is erased.

use super::{Direction, Judge, Known, Phase, SKEW_MS};
use crate::Agreement;
use crate::declaration::Step;
use crate::purge::{Holding, PurgeGround, PurgeOrder};
use crate::register::Version;
use crate::terms::Pair;
use domain::name::{AgencyId, Digest};
use domain::time::Timestamp;
use domain::value::TransferBasis;
use std::collections::BTreeMap;

/// A party that left, or that is none in the version that counts, and how its leaving goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// When it said so, by its own clock; or when the version that is without it began.
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

    /// The order to erase what went in the direction that ended so.
    pub fn order(&self, (from, to): &Direction, first: Digest, issued_at: Timestamp) -> PurgeOrder {
        PurgeOrder {
            origin: from.clone(),
            holder: to.clone(),
            first,
            agreement: self.agreement,
            ground: self.ground,
            issued_at,
            due: issued_at.plus_days(self.purge_days),
        }
    }

    /// From when on whoever still holds something is late, ordered or not.
    pub fn due(&self) -> Timestamp {
        self.ordered_from().plus_days(self.purge_days)
    }
}

/// A version that every party signed, however firmly.
pub(super) struct Signed<'r> {
    known: Known<'r>,
    /// When a later one began that everybody firmly signed.
    superseded: Option<Timestamp>,
}

impl<'r> Judge<'r> {
    /// The versions that every party signed, however firmly, the oldest first, and when a firmly
    /// signed one took the place of each.
    pub(super) fn history(&self, governing: Option<Known<'r>>) -> Vec<Signed<'r>> {
        let signed = |(hash, _): &Known<'r>| self.reading.claimed.contains(*hash);
        let mut versions: Vec<Known<'r>> = self.register.versions().filter(signed).collect();
        versions.sort_by_key(|(hash, version)| (version.agreement.version, **hash));
        let number = |(_, version): &Known<'r>| version.agreement.version;
        let newest = governing.as_ref().map_or(0, number);
        let mut history = Vec::with_capacity(versions.len());
        // Of each number, when the first of those after it began.
        let (mut after, mut begun): (u32, Option<Timestamp>) = (u32::MAX, None);
        let mut of_number: Option<Timestamp> = None;
        for known in versions.into_iter().rev() {
            if number(&known) != after {
                begun = begun.into_iter().chain(of_number.take()).min();
                after = number(&known);
            }
            history.push(Signed { known, superseded: begun });
            if number(&known) <= newest && number(&known) > 1 && self.is_signed(known.0, known.1) {
                let at = self.begun_at(known.0, known.1);
                of_number = of_number.into_iter().chain([at]).min();
            }
        }
        history.reverse();
        history
    }

    /// Every direction that is over. The newest version that had it says how.
    pub(super) fn ended(
        &self,
        history: &[Signed<'r>],
        governing: Option<Known<'r>>,
    ) -> BTreeMap<Direction, Ended> {
        let mut ended = BTreeMap::new();
        let Some((_, counts)) = governing else { return ended };
        for Signed { known: (hash, version), superseded } in history {
            let agreement = &version.agreement;
            let never_counted = superseded.is_some_and(|at| agreement.valid_from >= at);
            if never_counted || agreement.version > counts.agreement.version {
                continue;
            }
            for pair in grounded(agreement) {
                let is_party = |end| counts.agreement.party(end).is_some();
                let ground = match is_party(&pair.from) && is_party(&pair.to) {
                    true => PurgeGround::Expiry,
                    false => PurgeGround::Withdrawal,
                };
                let direction = (pair.from.clone(), pair.to.clone());
                match self.end_of(hash, version, pair, superseded.map(|at| (at, ground))) {
                    Some(end) => ended.insert(direction, end),
                    None => ended.remove(&direction),
                };
            }
        }
        ended
    }

    /// When a version could count: on its day, and not before the last party signed it.
    fn begun_at(&self, hash: &Digest, version: &Version) -> Timestamp {
        let signed = self.needed(hash, version).into_iter().filter_map(|voice| {
            let links = self.reading.chains.get(voice)?.links.iter();
            let said = links.map(|link| &link.said.declaration);
            let signs = said.filter(
                |said| matches!(&said.step, Step::Sign { agreement, .. } if agreement == hash),
            );
            signs.map(|said| said.made_at).min()
        });
        signed.fold(version.agreement.valid_from, Timestamp::max)
    }

    fn ended_under(&self, hash: &Digest, version: &Version) -> BTreeMap<Direction, Ended> {
        let ended = grounded(&version.agreement).filter_map(|pair| {
            let end = self.end_of(hash, version, pair, None)?;
            Some(((pair.from.clone(), pair.to.clone()), end))
        });
        ended.collect()
    }

    /// The first of what ended a direction: one of the two left, it was amended away, or the time was
    /// over.
    fn end_of(
        &self,
        hash: &Digest,
        version: &Version,
        pair: &Pair,
        amended: Option<(Timestamp, PurgeGround)>,
    ) -> Option<Ended> {
        let agreement = &version.agreement;
        let ends = [&pair.from, &pair.to].into_iter();
        let voices = ends.filter_map(|end| version.voices.get(end));
        let left = voices.filter_map(|voice| self.left_at(voice, hash)).min();
        let is_over = self.now.plus_ms(self.skew()) >= agreement.valid_to;
        let ends = [
            left.map(|since| (since, PurgeGround::Withdrawal)),
            is_over.then_some((agreement.valid_to, PurgeGround::Expiry)),
            amended,
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

    /// Who left or was amended away, and how far what went to and from it is erased.
    pub(super) fn leaving(
        &self,
        history: &[Signed<'r>],
        governing: Option<Known<'r>>,
        ended: &BTreeMap<Direction, Ended>,
    ) -> BTreeMap<AgencyId, Leaving> {
        let mut leaving: BTreeMap<AgencyId, Timestamp> = BTreeMap::new();
        for Signed { known: (hash, version), superseded } in history {
            for party in &version.agreement.parties {
                let voice = version.voices.get(&party.agency);
                let left = voice.and_then(|voice| self.left_at(voice, hash));
                let is_party =
                    governing.is_some_and(|(_, one)| one.agreement.party(&party.agency).is_some());
                let since = left.into_iter().chain(superseded.filter(|_| !is_party)).min();
                leaving.extend(since.map(|since| (party.agency.clone(), since)));
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
}

/// The pairs in which something could be shared.
fn grounded(agreement: &Agreement) -> impl Iterator<Item = &Pair> {
    agreement.pairs.iter().filter(|pair| pair.transfer_basis != TransferBasis::None)
}
