//! Where an agreement stands: a pure function of its register, the board and the clock, the same on
//! every node in whatever order the papers came.

mod ending;

pub use ending::{Ended, Leaving};

use crate::Agreement;
use crate::declaration::{Declaration, HEAD_AGE_MAX_MS, Scope, Step};
use crate::phase::{Phase, WhyNot};
use crate::purge::Board;
use crate::reading::{Chain, Doubt, Place, Reading, signatories};
use crate::register::{Register, Version};
use crate::rule::{Rule, Rules};
use crate::spoken::Voice;
use crate::terms::TransferCondition;
use domain::name::{AgencyId, Digest};
use domain::time::Timestamp;
use domain::value::TransferBasis;
use std::collections::{BTreeMap, BTreeSet};

/// How far inside its window an agreement must be on both ends: clocks of honest parties may differ
/// by this much without one of them sending what the other must refuse.
pub const SKEW_MS: u64 = 120_000;

/// One version as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionState {
    /// Its hash.
    pub hash: Digest,
    /// Its number.
    pub version: u32,
    /// Where it stands.
    pub phase: Phase,
    /// Who has signed it, firmly.
    pub signed_by: BTreeSet<AgencyId>,
    /// Whose signature is missing.
    pub missing: BTreeSet<AgencyId>,
    /// Who refused it.
    pub rejected_by: BTreeSet<AgencyId>,
    /// When the last of them did, by its own clock.
    pub rejected_at: Option<Timestamp>,
    /// Until when it can be signed, if somebody said so.
    pub sign_by: Option<Timestamp>,
}

/// A direction: from, to.
pub type Direction = (AgencyId, AgencyId);

/// Where the agreement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Every version, by number and hash.
    pub versions: Vec<VersionState>,
    /// The version that counts now: the newest fully signed one whose time has come.
    pub governing: Option<Digest>,
    /// Every ordered pair of parties of all versions, and what stops it; empty is open.
    pub directions: BTreeMap<Direction, BTreeSet<WhyNot>>,
    /// Who left, or was a party and is none in the version that counts.
    pub leaving: BTreeMap<AgencyId, Leaving>,
    /// Every direction in which something was shared and that is over.
    pub ended: BTreeMap<Direction, Ended>,
}

impl State {
    /// Judges.
    pub fn of(register: &Register, board: &Board, now: Timestamp) -> Self {
        Self::judge(register, board, now, Rules::ALL)
    }

    /// May anything at all go from one party to the other now?
    pub fn carries(&self, from: &AgencyId, to: &AgencyId) -> bool {
        self.why_not(from, to).is_empty()
    }

    /// What stops a direction; empty if nothing does.
    pub fn why_not(&self, from: &AgencyId, to: &AgencyId) -> BTreeSet<WhyNot> {
        let known = self.directions.get(&(from.clone(), to.clone())).cloned();
        known.unwrap_or_else(|| [WhyNot::NotAParty].into())
    }

    /// How sharing in a direction ended; `None` while it goes on, and where nothing was ever shared.
    pub fn ended(&self, from: &AgencyId, to: &AgencyId) -> Option<&Ended> {
        self.ended.get(&(from.clone(), to.clone()))
    }

    /// Where the version that counts now stands; before any is signed, the newest.
    pub fn phase(&self) -> Phase {
        let governing = self.versions.iter().find(|one| Some(one.hash) == self.governing);
        governing.or(self.versions.last()).map_or(Phase::Draft, |one| one.phase)
    }

    pub(crate) fn judge(register: &Register, board: &Board, now: Timestamp, rules: Rules) -> Self {
        let reading = Reading::of(register, now, rules);
        let judge = Judge { register, reading, board, now, rules };
        let governing = judge.governing();
        let mut versions: Vec<VersionState> =
            register.versions().map(|(hash, version)| judge.version(hash, version)).collect();
        versions.sort_by_key(|one| (one.version, one.hash));
        let parties: BTreeSet<&AgencyId> =
            register.voices().map(|(voice, _)| &voice.agency).collect();
        let in_common = judge.why_not_at_all(governing);
        let mut directions = BTreeMap::new();
        for from in &parties {
            for to in parties.iter().filter(|to| *to != from) {
                let mut why_not = in_common.clone();
                why_not.extend(judge.why_not(governing, from, to));
                directions.insert(((*from).clone(), (*to).clone()), why_not);
            }
        }
        let history = judge.history(governing);
        let ended = judge.ended(&history, governing);
        let leaving = judge.leaving(&history, governing, &ended);
        let governing = governing.map(|(hash, _)| *hash);
        for one in versions.iter_mut().filter(|one| Some(one.hash) == governing) {
            if one.phase == Phase::InForce {
                one.phase = suspension(&directions);
            }
        }
        Self { versions, governing, directions, leaving, ended }
    }
}

/// In force, or suspended where a party's will or doubt about it stops a direction.
fn suspension(directions: &BTreeMap<Direction, BTreeSet<WhyNot>>) -> Phase {
    const STOPPED: [WhyNot; 8] = [
        WhyNot::SuspendedAll,
        WhyNot::SuspendedPair,
        WhyNot::Contradiction,
        WhyNot::Gap,
        WhyNot::StaleHead,
        WhyNot::KeyPending,
        WhyNot::ConflictingVersions,
        WhyNot::UnknownVersion,
    ];
    let outside = [WhyNot::NotAParty, WhyNot::Withdrawn];
    let stopped = directions
        .values()
        .filter(|why| !outside.iter().any(|one| why.contains(one)))
        .any(|why| STOPPED.iter().any(|one| why.contains(one)));
    if stopped { Phase::Suspended } else { Phase::InForce }
}

type Known<'r> = (&'r Digest, &'r Version);

struct Judge<'r> {
    register: &'r Register,
    reading: Reading<'r>,
    board: &'r Board,
    now: Timestamp,
    rules: Rules,
}

impl<'r> Judge<'r> {
    /// The newest fully signed version whose time has begun on one of the clocks; before that the
    /// oldest. A newer one takes over from the older as early as either clock could say so.
    fn governing(&self) -> Option<Known<'r>> {
        let signed = |(hash, _): &Known<'r>| self.reading.claimed.contains(*hash);
        let begun = |(_, version): &Known<'r>| {
            version.agreement.valid_from <= self.now.plus_ms(self.skew())
        };
        let order = |(hash, version): &Known<'r>| (version.agreement.version, **hash);
        let newest = self.register.versions().filter(signed).filter(begun).max_by_key(order);
        newest.or_else(|| self.register.versions().filter(signed).min_by_key(order))
    }

    fn skew(&self) -> u64 {
        if self.rules.keep(Rule::BothClocks) { SKEW_MS } else { 0 }
    }

    fn version(&self, hash: &Digest, version: &Version) -> VersionState {
        let needed = self.needed(hash, version);
        let sign_by = self.sign_by(hash);
        let (mut signed_by, mut missing) = (BTreeSet::new(), BTreeSet::new());
        for voice in needed {
            let signed = self.signed_at(voice, hash).is_some();
            let list = if signed { &mut signed_by } else { &mut missing };
            list.insert(voice.agency.clone());
        }
        let refusals = self.refusals(hash);
        let rejected_at = refusals.values().max().copied();
        let rejected_by: BTreeSet<AgencyId> = refusals.into_keys().collect();
        let phase = self.phase(hash, version, &missing, &signed_by, &rejected_by);
        let version = version.agreement.version;
        VersionState {
            hash: *hash,
            version,
            phase,
            signed_by,
            missing,
            rejected_by,
            rejected_at,
            sign_by,
        }
    }

    /// What every direction has in common: why the version that counts does not bind.
    fn why_not_at_all(&self, governing: Option<Known<'r>>) -> BTreeSet<WhyNot> {
        let Some((hash, version)) = governing else {
            let refused = self
                .register
                .versions()
                .all(|(hash, version)| self.version(hash, version).phase == Phase::Rejected);
            return [if refused { WhyNot::Rejected } else { WhyNot::NotSigned }].into();
        };
        let agreement = &version.agreement;
        let mut why = BTreeSet::new();
        let mut stop = |holds: bool, reason| {
            if !holds {
                why.insert(reason);
            }
        };
        stop(self.is_signed(hash, version), WhyNot::NotSigned);
        stop(self.refusals(hash).is_empty(), WhyNot::Rejected);
        stop(self.now.minus_ms(self.skew()) >= agreement.valid_from, WhyNot::NotYetValid);
        stop(self.now.plus_ms(self.skew()) < agreement.valid_to, WhyNot::Expired);
        stop(self.remaining(hash, version).count() >= 2, WhyNot::TooFewParties);
        stop(!self.has_foreign_key(version), WhyNot::ForeignKey);
        let signed = |(known, other): &Known<'_>| {
            self.reading.claimed.contains(*known) && other.agreement.version == agreement.version
        };
        let rivals = self.register.versions().filter(signed).count();
        stop(rivals <= 1 || !self.rules.keep(Rule::OneVersion), WhyNot::ConflictingVersions);
        let unknown = self.reading.claimed.iter().any(|one| self.register.version(one).is_none());
        stop(!unknown || !self.rules.keep(Rule::UnknownVersion), WhyNot::UnknownVersion);
        why
    }

    fn why_not(
        &self,
        governing: Option<Known<'r>>,
        from: &AgencyId,
        to: &AgencyId,
    ) -> BTreeSet<WhyNot> {
        let mut why = BTreeSet::new();
        let Some((hash, version)) = governing else { return why };
        for end in [from, to] {
            let voice = version.voices.get(end).filter(|_| version.agreement.party(end).is_some());
            match voice.and_then(|voice| Some((voice, self.reading.chains.get(voice)?))) {
                None => {
                    why.insert(WhyNot::NotAParty);
                }
                Some((voice, chain)) => {
                    if self.left_at(voice, hash).is_some() {
                        why.insert(WhyNot::Withdrawn);
                    }
                    why.extend(self.doubts(chain));
                    why.extend(self.suspensions(chain, from, to));
                }
            }
        }
        why.extend(self.ground(&version.agreement, from, to));
        why
    }

    fn doubts(&self, chain: &Chain<'_>) -> Vec<WhyNot> {
        let mut why = Vec::new();
        match chain.doubt {
            Some(Doubt::Contradiction) => why.push(WhyNot::Contradiction),
            Some(Doubt::Gap) => why.push(WhyNot::Gap),
            None => {}
        }
        if chain.key_pending && self.rules.keep(Rule::KeyPending) {
            why.push(WhyNot::KeyPending);
        }
        let fresh = chain.fresh_at.is_some_and(|at| self.now < at.plus_ms(HEAD_AGE_MAX_MS));
        if !fresh && self.rules.keep(Rule::FreshHead) {
            why.push(WhyNot::StaleHead);
        }
        why
    }

    /// The party's own suspensions, in the order of its chain; a lift ends what it names.
    fn suspensions(&self, chain: &Chain<'_>, from: &AgencyId, to: &AgencyId) -> BTreeSet<WhyNot> {
        let mut stopped: BTreeSet<&Scope> = BTreeSet::new();
        for link in chain.links.iter().filter(|link| link.place != Place::Loose) {
            match &link.said.declaration.step {
                Step::Suspend { scope } => {
                    stopped.insert(scope);
                }
                Step::Lift { scope } if link.is_full && link.place == Place::Sound => {
                    stopped.remove(scope);
                }
                _ => {}
            }
        }
        let here = stopped.into_iter().filter_map(|scope| match scope {
            Scope::All => Some(WhyNot::SuspendedAll),
            Scope::Pair { from: one, to: other } => {
                (one == from && other == to).then_some(WhyNot::SuspendedPair)
            }
        });
        here.collect()
    }

    fn ground(&self, agreement: &Agreement, from: &AgencyId, to: &AgencyId) -> Vec<WhyNot> {
        let mut why = Vec::new();
        let pair = agreement.pair(from, to);
        let grounded = pair.filter(|pair| pair.transfer_basis != TransferBasis::None);
        if self.rules.keep(Rule::TransferBasis) {
            if grounded.is_none() {
                why.push(WhyNot::NoTransferBasis);
            }
            let ends_on = grounded.and_then(|pair| match pair.condition {
                Some(TransferCondition::AdequacyDecision { ends_on, .. }) => ends_on,
                _ => None,
            });
            if ends_on.is_some_and(|end| self.now.plus_ms(SKEW_MS) >= end) {
                why.push(WhyNot::TransferBasisEnded);
            }
        }
        let common = !agreement.usable_offences(from, to).is_empty();
        if !common && self.rules.keep(Rule::CommonOffence) {
            why.push(WhyNot::NoCommonOffence);
        }
        why
    }

    fn phase(
        &self,
        hash: &Digest,
        version: &Version,
        missing: &BTreeSet<AgencyId>,
        signed_by: &BTreeSet<AgencyId>,
        rejected_by: &BTreeSet<AgencyId>,
    ) -> Phase {
        let late = self.sign_by(hash).is_some_and(|day| self.now > day) && !missing.is_empty();
        if !rejected_by.is_empty() || late {
            return Phase::Rejected;
        }
        if !missing.is_empty() {
            return match (signed_by.is_empty(), self.sign_by(hash).is_some()) {
                (false, _) => Phase::PartlySigned,
                (true, true) => Phase::Proposed,
                (true, false) => Phase::Draft,
            };
        }
        let number = version.agreement.version;
        let governing = self.governing();
        if governing.is_some_and(|(_, other)| other.agreement.version > number) {
            return Phase::Superseded;
        }
        let over = self.now.plus_ms(self.skew()) >= version.agreement.valid_to;
        if over || self.remaining(hash, version).count() < 2 {
            return self.winding_down(hash, version, over);
        }
        if self.now.minus_ms(self.skew()) < version.agreement.valid_from {
            return Phase::Signed;
        }
        Phase::InForce
    }

    fn needed(&self, hash: &Digest, version: &Version) -> BTreeSet<&'r Voice> {
        if self.rules.keep(Rule::EveryPartySigns) || version.agreement.version == 1 {
            return signatories(self.register, hash, &self.reading.claimed, &self.reading.left);
        }
        let any = signatories(self.register, hash, &self.reading.claimed, &self.reading.left);
        any.into_iter().filter(|voice| self.signed_at(voice, hash).is_some()).collect()
    }

    fn is_signed(&self, hash: &Digest, version: &Version) -> bool {
        self.needed(hash, version).into_iter().all(|voice| self.signed_at(voice, hash).is_some())
    }

    fn signed_at(&self, voice: &Voice, hash: &Digest) -> Option<u32> {
        let sign_by = self.sign_by(hash).filter(|_| self.rules.keep(Rule::SignBy));
        let chain = self.reading.chains.get(voice)?;
        chain.signed_at(hash, sign_by.unwrap_or(Timestamp::MAX))
    }

    /// When a party left a version that it had signed before, or was never to sign: by saying so, or by
    /// refusing what it and everybody had signed.
    fn left_at(&self, voice: &Voice, hash: &Digest) -> Option<Timestamp> {
        let chain = self.reading.chains.get(voice)?;
        let signed_at = chain.signed_at(hash, Timestamp::MAX);
        let left = chain.links.iter().filter(|link| {
            let declaration = &link.said.declaration;
            let goes = declaration.step == Step::Withdraw
                || (self.rules.keep(Rule::NarrowingWins)
                    && self.leaves_by_refusing(declaration, hash, signed_at));
            goes && signed_at.is_none_or(|n| n < declaration.n)
        });
        let left = left.filter(|link| {
            let n = link.said.declaration.n;
            let back = chain.firm().any(|later| {
                later.said.declaration.n > n
                    && matches!(&later.said.declaration.step,
                    Step::Sign { agreement, .. } if agreement == hash)
            });
            !back || self.rules.keep(Rule::LeavingIsFinal)
        });
        left.map(|link| link.said.declaration.made_at).min()
    }

    fn remaining(
        &self,
        hash: &'r Digest,
        version: &'r Version,
    ) -> impl Iterator<Item = &'r Voice> + '_ {
        let parties = version.agreement.parties.iter();
        let voices = parties.filter_map(|party| version.voices.get(&party.agency));
        voices.filter(|voice| self.left_at(voice, hash).is_none())
    }

    /// Who refused it, and when. Who refuses what it and everybody had signed leaves instead.
    fn refusals(&self, hash: &Digest) -> BTreeMap<AgencyId, Timestamp> {
        let refused_at = |chain: &Chain<'_>| {
            let refusals = chain.links.iter().filter(|link| {
                let declaration = &link.said.declaration;
                let signed_at = chain.signed_at(hash, Timestamp::MAX);
                let weighed = self.rules.keep(Rule::NarrowingWins)
                    || (link.place == Place::Sound && signed_at.is_none());
                refuses(declaration, hash)
                    && !self.leaves_by_refusing(declaration, hash, signed_at)
                    && weighed
            });
            refusals.map(|link| link.said.declaration.made_at).max()
        };
        let chains = self.chains_of(hash).into_iter();
        chains
            .filter_map(|(voice, chain)| Some((voice.agency.clone(), refused_at(chain)?)))
            .collect()
    }

    /// Does a party leave by this refusal? It does where it comes behind the party's own signature and
    /// every party had signed: dates say nothing, for whoever refuses writes them.
    fn leaves_by_refusing(
        &self,
        declaration: &Declaration,
        hash: &Digest,
        signed_at: Option<u32>,
    ) -> bool {
        refuses(declaration, hash)
            && self.reading.claimed.contains(hash)
            && signed_at.is_some_and(|n| n < declaration.n)
    }

    /// The earliest day that a signatory named; `None` if nobody put it up for signature. A day that
    /// had passed when it was named, or that a party names behind its own signature under what every
    /// party has signed, takes no signature back.
    fn sign_by(&self, hash: &Digest) -> Option<Timestamp> {
        let is_claimed = self.reading.claimed.contains(hash);
        let named = self.chains_of(hash).into_iter().flat_map(|(_, chain)| {
            let signed_at = chain.signed_at(hash, Timestamp::MAX).filter(|_| is_claimed);
            chain.links.iter().filter_map(move |link| {
                    let declaration = &link.said.declaration;
                    let (Step::Propose { agreement, sign_by }
                    | Step::Amend { agreement, sign_by, .. }) = &declaration.step
                    else {
                        return None;
                    };
                    let is_in_time = signed_at
                        .is_none_or(|n| declaration.n < n && link.place == Place::Sound)
                        && declaration.made_at <= *sign_by;
                    (agreement == hash && is_in_time).then_some(*sign_by)
                })
        });
        named.min()
    }

    /// The chains of those whose signature a version needs: nobody else has a say in it.
    fn chains_of(&self, hash: &Digest) -> Vec<(&'r Voice, &Chain<'r>)> {
        let needed = signatories(self.register, hash, &self.reading.claimed, &self.reading.left);
        let chains = needed.into_iter();
        chains.filter_map(|voice| Some((voice, self.reading.chains.get(voice)?))).collect()
    }

    fn has_foreign_key(&self, version: &Version) -> bool {
        self.rules.keep(Rule::KeyByRoot)
            && version.agreement.parties.iter().any(|party| {
                let voice = version.voices.get(&party.agency);
                let chain = voice.and_then(|voice| self.reading.chains.get(voice));
                !chain.is_some_and(|chain| chain.knows_key(party.authority_key.id()))
            })
    }
}

fn refuses(declaration: &Declaration, version: &Digest) -> bool {
    matches!(&declaration.step, Step::Reject { agreement } if agreement == version)
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
