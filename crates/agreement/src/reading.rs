//! Reading the chains of a register: what each party said, how firmly, and what remains in doubt.
//!
//! What narrows counts wherever it is found. What widens counts only in its place of an unbroken
//! chain, signed by a key that every party accepted, by a person who may, and not from the future.

use crate::declaration::{KeyReplacement, Step};
use crate::officer::{LastPlace, Moment, Power};
use crate::register::Register;
use crate::rule::{Rule, Rules};
use crate::spoken::{Said, Spoken, Voice};
use crate::state::SKEW_MS;
use domain::name::{Digest, KeyId};
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Every chain of a register as it reads at one instant.
pub(crate) struct Reading<'r> {
    pub(crate) chains: BTreeMap<&'r Voice, Chain<'r>>,
    /// The versions that every party signed, however firmly: what they supersede is over.
    pub(crate) claimed: BTreeSet<Digest>,
    /// Who left, whatever they signed since.
    pub(crate) left: BTreeSet<&'r Voice>,
}

/// One party's chain.
pub(crate) struct Chain<'r> {
    pub(crate) links: Vec<Link<'r>>,
    pub(crate) doubt: Option<Doubt>,
    /// A replacement of its key that not every party has accepted.
    pub(crate) key_pending: bool,
    /// When it last told where its chain ends.
    pub(crate) fresh_at: Option<Timestamp>,
    keys: Vec<KeyId>,
}

/// One declaration as it reads.
pub(crate) struct Link<'r> {
    pub(crate) said: &'r Said,
    pub(crate) place: Place,
    /// Signed by who could bind at that time.
    pub(crate) is_full: bool,
}

/// How a declaration sits in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everything before it is known and hangs together.
    Sound,
    /// One of several for the first place at which the party contradicted itself.
    Contradicted,
    /// Behind a gap or a contradiction.
    Loose,
}

/// Why a party's will cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// Something is missing.
    Gap,
    /// It said two things in one place.
    Contradiction,
}

impl<'r> Reading<'r> {
    pub(crate) fn of(register: &'r Register, now: Timestamp, rules: Rules) -> Self {
        let mut claims = Claims::of(register, rules);
        let known = claims.complete_without_leavers(register, rules);
        // Behind a gap may be a signature: it can supersede, and it never puts anything in force.
        let hiding = register.voices().filter(|(_, spoken)| spoken.has_gap());
        let hiding = hiding.filter(|_| rules.keep(Rule::GapsSupersede)).map(|(voice, _)| voice);
        let claimed = claims.complete(register, rules, &hiding.collect());
        let mut electors = electors_of(register, &known);
        electors.extend(electors_of(register, &claimed));
        let mut accepted: BTreeMap<&Voice, usize> = BTreeMap::new();
        loop {
            let chains: BTreeMap<&Voice, Chain<'r>> = register
                .voices()
                .map(|(voice, spoken)| {
                    let effective = accepted.get(voice).copied().unwrap_or(0);
                    (voice, Reader::new(voice, spoken, effective, now, rules).chain())
                })
                .collect();
            let mut grown = false;
            for (voice, spoken) in register.voices() {
                let effective = accepted.get(voice).copied().unwrap_or(0);
                let Some((hash, _)) = sequence_of(spoken).get(effective).copied() else { continue };
                let agreed = electors
                    .iter()
                    .filter(|elector| **elector != voice)
                    .all(|elector| chains.get(elector).is_some_and(|chain| chain.accepts(&hash)));
                if agreed || !rules.keep(Rule::EveryPartyAcceptsAKey) {
                    accepted.insert(voice, effective + 1);
                    grown = true;
                }
            }
            if !grown {
                return Self { chains, claimed, left: claims.left };
            }
        }
    }
}

impl Chain<'_> {
    /// What was said in a sound place with full weight: the only thing that widens.
    pub(crate) fn firm(&self) -> impl Iterator<Item = &Link<'_>> {
        self.links.iter().filter(|link| link.place == Place::Sound && link.is_full)
    }

    /// Did it sign this version, so that it cannot deny it? A party that contradicted itself is
    /// suspended and still held to its signature, or it could end what others have agreed.
    pub(crate) fn signed_at(&self, version: &Digest, sign_by: Timestamp) -> Option<u32> {
        let signatures = self.links.iter().filter(|link| {
            link.place != Place::Loose
                && link.is_full
                && link.said.declaration.made_at <= sign_by
                && matches!(&link.said.declaration.step,
                    Step::Sign { agreement, .. } if agreement == version)
        });
        signatures.map(|link| link.said.declaration.n).min()
    }

    /// Is this the authority key of the party, now or before?
    pub(crate) fn knows_key(&self, key: KeyId) -> bool {
        self.keys.contains(&key)
    }

    fn accepts(&self, replacement: &Digest) -> bool {
        self.firm().any(|link| {
            matches!(&link.said.declaration.step,
                Step::AcceptKey { replacement: named } if named == replacement)
        })
    }
}

/// Who signed what and who left, whatever the state of their chains and keys.
struct Claims<'r> {
    signed: BTreeMap<Digest, BTreeSet<&'r Voice>>,
    left: BTreeSet<&'r Voice>,
    /// Who refused which version behind its own signature: it leaves if every party signed that.
    turned_away: BTreeSet<(Digest, &'r Voice)>,
}

impl<'r> Claims<'r> {
    fn of(register: &'r Register, rules: Rules) -> Self {
        let mut claims =
            Self { signed: BTreeMap::new(), left: BTreeSet::new(), turned_away: BTreeSet::new() };
        for (voice, spoken) in register.voices() {
            // No date in this reading: who signed cannot be known later than now.
            let reader = Reader::new(voice, spoken, 0, Timestamp::MAX, rules);
            let reading = (!rules.keep(Rule::SignaturesSupersede)).then(|| reader.chain());
            for said in spoken.places.values().flat_map(BTreeMap::values) {
                let hash = said.envelope.payload_hash();
                let counted = reading.as_ref().is_none_or(|chain| {
                    chain.firm().any(|link| link.said.envelope.payload_hash() == hash)
                });
                match &said.declaration.step {
                    Step::Sign { agreement, .. } if counted => {
                        claims.signed.entry(*agreement).or_default().insert(voice);
                    }
                    Step::Withdraw
                        if reader.is_disputed() || reader.speaks(said, said.declaration.n) =>
                    {
                        claims.left.insert(voice);
                    }
                    Step::Reject { agreement }
                        if claims.signed.get(agreement).is_some_and(|by| by.contains(voice)) =>
                    {
                        claims.turned_away.insert((*agreement, voice));
                    }
                    _ => {}
                }
            }
        }
        claims
    }

    /// The versions with every signature, once those who turned away from one of them count as gone:
    /// then a later version may need one signature less.
    fn complete_without_leavers(&mut self, register: &Register, rules: Rules) -> BTreeSet<Digest> {
        loop {
            let complete = self.complete(register, rules, &BTreeSet::new());
            let gone = self.turned_away.iter().filter(|(version, _)| complete.contains(version));
            let before = self.left.len();
            self.left.extend(gone.map(|(_, voice)| *voice));
            if self.left.len() == before {
                return complete;
            }
        }
    }

    /// The versions with every signature: of their own parties, and of the parties of the signed
    /// versions before that have not left. Unknown versions count when all of the last one signed.
    /// Those who hide something may have signed whatever all others did.
    fn complete(
        &self,
        register: &Register,
        rules: Rules,
        hiding: &BTreeSet<&Voice>,
    ) -> BTreeSet<Digest> {
        let mut complete = BTreeSet::new();
        let mut versions: Vec<_> = register.versions().collect();
        versions.sort_by_key(|(_, version)| version.agreement.version);
        let nobody = BTreeSet::new();
        for (hash, version) in &versions {
            let signed = self.signed.get(*hash).unwrap_or(&nobody);
            let needed = signatories(register, hash, &complete, &self.left);
            let all = !signed.is_empty()
                && needed.iter().all(|voice| signed.contains(*voice) || hiding.contains(*voice));
            let lax = !rules.keep(Rule::EveryPartySigns) && version.agreement.version > 1;
            if all || (lax && !signed.is_empty()) {
                complete.insert(**hash);
            }
        }
        let last = electors_of(register, &complete);
        for (hash, signed) in &self.signed {
            let all = last.iter().all(|voice| signed.contains(*voice) || hiding.contains(*voice));
            if all && register.version(hash).is_none() {
                complete.insert(*hash);
            }
        }
        complete
    }
}

/// Whose signature a version needs.
pub(crate) fn signatories<'r>(
    register: &'r Register,
    version: &Digest,
    complete: &BTreeSet<Digest>,
    left: &BTreeSet<&Voice>,
) -> BTreeSet<&'r Voice> {
    let mut needed = BTreeSet::new();
    let mut at = Some(*version);
    while let Some(hash) = at {
        let Some((_, known)) = register.versions().find(|(known, _)| **known == hash) else {
            break;
        };
        for party in &known.agreement.parties {
            let Some(voice) = known.voices.get(&party.agency) else { continue };
            if hash == *version || (complete.contains(&hash) && !left.contains(voice)) {
                needed.insert(voice);
            }
        }
        at = known.agreement.supersedes;
    }
    needed
}

/// The parties of the newest version that was fully signed: those who accept a new key. Before any
/// is, those of the first version.
fn electors_of<'r>(register: &'r Register, claimed: &BTreeSet<Digest>) -> BTreeSet<&'r Voice> {
    let known = register.versions().filter(|(hash, _)| claimed.contains(*hash));
    let newest = known.map(|(_, version)| version.agreement.version).max().unwrap_or(1);
    let of_it = register.versions().filter(|(hash, version)| {
        version.agreement.version == newest && (claimed.contains(*hash) || newest == 1)
    });
    of_it
        .flat_map(|(_, version)| {
            let parties = version.agreement.parties.iter();
            parties.filter_map(|party| version.voices.get(&party.agency))
        })
        .collect()
}

/// The replacements of a key, by their sequence: those that one root signed once.
pub(crate) fn sequence_of(spoken: &Spoken) -> Vec<(Digest, &KeyReplacement)> {
    let mut found: Vec<(Digest, &KeyReplacement)> = Vec::new();
    for expected in 1.. {
        let Some(known) = spoken.replacements.get(&expected) else { break };
        let (Some((hash, replacement)), 1) = (known.first_key_value(), known.len()) else { break };
        if found.last().is_some_and(|(_, before)| before.after > replacement.after) {
            break;
        }
        found.push((*hash, replacement));
    }
    found
}

/// Reads one chain.
struct Reader<'r> {
    voice: &'r Voice,
    spoken: &'r Spoken,
    replacements: Vec<(Digest, &'r KeyReplacement)>,
    /// How many of them every party accepted.
    effective: usize,
    now: Timestamp,
    rules: Rules,
}

impl<'r> Reader<'r> {
    fn new(
        voice: &'r Voice,
        spoken: &'r Spoken,
        effective: usize,
        now: Timestamp,
        rules: Rules,
    ) -> Self {
        Self { voice, spoken, replacements: sequence_of(spoken), effective, now, rules }
    }

    fn chain(&self) -> Chain<'r> {
        let mut links = Vec::new();
        let mut doubt = None;
        let mut before: Option<Digest> = None;
        let mut end = 0;
        // The latest date of what was said before; a date that has not come is a slip of a clock.
        let mut latest = Timestamp::from_millis(0);
        let has_come = |at: Timestamp| at <= self.now.plus_ms(SKEW_MS);
        let places = self.places();
        for (expected, (n, said)) in (1..).zip(&places) {
            let fits = |said: &Said| {
                let pinned = self.hash_demanded_at(*n);
                !self.rules.keep(Rule::UnbrokenChain)
                    || (*n == expected
                        && said.declaration.previous == before
                        && pinned.is_none_or(|hash| hash == said.envelope.payload_hash()))
            };
            let fork = said.len() > 1 && self.rules.keep(Rule::Contradiction);
            for one in said {
                let place = match (doubt.is_none() && fits(one), fork) {
                    (false, _) => Place::Loose,
                    (true, true) => Place::Contradicted,
                    (true, false) => Place::Sound,
                };
                links.push(Link { said: one, place, is_full: self.is_full(one, latest) });
            }
            let broken = said.iter().all(|one| !fits(one));
            let found = match (fork, broken) {
                (true, _) => Some(Doubt::Contradiction),
                (false, true) => Some(Doubt::Gap),
                (false, false) => None,
            };
            doubt = doubt.max(found);
            let dates = said.iter().map(|one| one.declaration.made_at).filter(|at| has_come(*at));
            latest = dates.fold(latest, Timestamp::max);
            if doubt.is_none() {
                before = said.first().map(|one| one.envelope.payload_hash());
                end = *n;
            }
        }
        links.extend(self.unheard());
        let doubt = doubt.max(self.doubt_of_heads(&places, end)).max(self.doubt_of_keys(end));
        let keys = (0..=self.replacements.len()).filter_map(|segment| self.key(segment)).collect();
        let key_pending = self.spoken.replacements.len() > self.effective;
        let fresh_at = self.fresh_at(&links);
        Chain { links, doubt, key_pending, fresh_at, keys }
    }

    /// The declarations by the key in charge of their place. A replacement that every party
    /// accepted says which of several was true: the others are void.
    fn places(&self) -> Vec<(u32, Vec<&'r Said>)> {
        let pinned = self.pinned();
        let mut places = Vec::new();
        for (n, said) in &self.spoken.places {
            let heard = said.iter().filter(|(hash, said)| {
                self.speaks(said, *n) && pinned.get(n).is_none_or(|true_one| true_one == *hash)
            });
            let heard: Vec<&Said> = heard.map(|(_, said)| said).collect();
            if !heard.is_empty() {
                places.push((*n, heard));
            }
        }
        places
    }

    /// What a key said outside its places: it can only narrow. Void is what a key said after every
    /// party accepted its successor.
    fn unheard(&self) -> impl Iterator<Item = Link<'r>> + '_ {
        let pinned = self.pinned();
        let places = self.spoken.places.iter();
        let said =
            places.flat_map(|(n, said)| said.iter().map(move |(hash, said)| (*n, hash, said)));
        said.filter_map(move |(n, hash, said)| {
            let by_an_earlier_key = |upto: usize| {
                (0..upto)
                    .filter_map(|segment| self.key(segment))
                    .any(|key| self.is_of(said.signer, key))
            };
            let replaced = self.segment(n, self.effective);
            let is_void = by_an_earlier_key(replaced)
                || pinned.get(&n).is_some_and(|true_one| true_one != hash);
            (!is_void && !self.speaks(said, n)).then_some(Link {
                said,
                place: Place::Loose,
                is_full: false,
            })
        })
    }

    /// The hashes that accepted replacements named, followed back as far as they are known.
    fn pinned(&self) -> BTreeMap<u32, Digest> {
        let mut pinned = BTreeMap::new();
        let mut floor = 0;
        for (_, replacement) in self.replacements.iter().take(self.effective) {
            let (mut n, mut hash) = (replacement.after, replacement.after_hash);
            while let Some(named) = hash.filter(|_| n > floor) {
                pinned.insert(n, named);
                let said = self.spoken.places.get(&n).and_then(|said| said.get(&named));
                hash = said.and_then(|said| said.declaration.previous);
                n = n.saturating_sub(1);
            }
            floor = replacement.after;
        }
        pinned
    }

    fn hash_demanded_at(&self, n: u32) -> Option<Digest> {
        let named = self.replacements.iter().find(|(_, replacement)| replacement.after == n);
        named.and_then(|(_, replacement)| replacement.after_hash)
    }

    fn doubt_of_heads(&self, places: &[(u32, Vec<&Said>)], end: u32) -> Option<Doubt> {
        if !self.rules.keep(Rule::HeadsBind) {
            return None;
        }
        let current = |signer: KeyId, n: u32| {
            let keys = [self.key_at(n), self.key_at(n.saturating_add(1))];
            keys.into_iter().flatten().any(|key| self.is_of(signer, key))
        };
        let accepted = self.replacements.iter().take(self.effective).next_back();
        let settled = accepted.map_or(0, |(_, replacement)| replacement.after);
        let mut doubt = None;
        for (_, n, signer) in &self.spoken.heads {
            if *n > end && current(*signer, *n) {
                doubt = doubt.max(Some(Doubt::Gap));
            }
        }
        for (n, ends) in self.spoken.ends.iter().filter(|(n, _)| **n > settled) {
            let known = places.iter().find(|(place, _)| place == n);
            for (hash, _) in ends.iter().filter(|(_, (signer, _))| current(*signer, *n)) {
                let denied = known.is_some_and(|(_, said)| {
                    said.iter().all(|said| said.envelope.payload_hash() != *hash)
                });
                let twice = ends.values().filter(|(signer, _)| current(*signer, *n)).count() > 1;
                if denied || twice {
                    doubt = doubt.max(Some(Doubt::Contradiction));
                }
            }
        }
        doubt
    }

    /// Two replacements with one number, a number left out, or one that cuts off what was before:
    /// the root contradicts itself. A replacement after a declaration that is not known is a gap.
    fn doubt_of_keys(&self, end: u32) -> Option<Doubt> {
        let disputed = self.is_disputed();
        let behind = self.replacements.iter().any(|(_, replacement)| replacement.after > end);
        match (disputed, behind) {
            (true, _) => Some(Doubt::Contradiction),
            (false, true) => Some(Doubt::Gap),
            (false, false) => None,
        }
    }

    fn is_disputed(&self) -> bool {
        self.spoken.replacements.len() > self.replacements.len()
    }

    fn fresh_at(&self, links: &[Link<'r>]) -> Option<Timestamp> {
        let latest = self.key(self.replacements.len());
        let latest_known = self.now.plus_ms(SKEW_MS);
        let heads = self.spoken.heads.iter().filter(|(made_at, _, signer)| {
            latest.is_some_and(|key| {
                let moment = Moment::at(*made_at);
                self.is_of(*signer, key) && self.may(*signer, key, Power::StateHead, moment)
            })
        });
        let heads = heads.map(|(made_at, _, _)| *made_at);
        let firm = links.iter().filter(|link| link.place == Place::Sound && link.is_full);
        let said = firm.map(|link| link.said.declaration.made_at);
        heads.chain(said).filter(|made_at| *made_at <= latest_known).max()
    }

    /// Could this bind its party? Its key was accepted, its signatory may, and its time has come. It
    /// was said no earlier than what it follows, whatever date it bears.
    fn is_full(&self, said: &Said, latest_before: Timestamp) -> bool {
        let declaration = &said.declaration;
        let segment = self.segment(declaration.n, self.replacements.len());
        let power = Power::for_step(&declaration.step);
        let (at, n) = (declaration.made_at, declaration.n);
        let moment = match self.rules.keep(Rule::NotBackdated) {
            true => {
                let place = Some(LastPlace { first: declaration.first, n });
                Moment { at, place, not_before: at.max(latest_before) }
            }
            false => Moment::at(at),
        };
        let may = self.key(segment).is_some_and(|key| self.may(said.signer, key, power, moment));
        let has_come = declaration.made_at <= self.now.plus_ms(SKEW_MS)
            || !self.rules.keep(Rule::NotFromTheFuture);
        segment <= self.effective && may && has_come
    }

    fn may(&self, signer: KeyId, authority: KeyId, power: Power, moment: Moment) -> bool {
        let roster = self.spoken.roster(&authority);
        signer == authority
            || !self.rules.keep(Rule::OfficerMay)
            || roster
                .is_some_and(|it| it.may_say(signer, &self.voice.agency, power, moment).is_ok())
    }

    fn speaks(&self, said: &Said, n: u32) -> bool {
        self.key_at(n).is_some_and(|key| self.is_of(said.signer, key))
    }

    /// Is the signer this authority key, or an officer that it certified?
    fn is_of(&self, signer: KeyId, authority: KeyId) -> bool {
        let roster = self.spoken.roster(&authority);
        signer == authority || roster.is_some_and(|roster| roster.key(signer).is_some())
    }

    fn key_at(&self, n: u32) -> Option<KeyId> {
        self.key(self.segment(n, self.replacements.len()))
    }

    /// Which key is in charge of a place: the number of replacements, of the first `count`, that
    /// came before it.
    fn segment(&self, n: u32, count: usize) -> usize {
        let first = self.replacements.iter().take(count);
        first.filter(|(_, replacement)| replacement.after < n).count()
    }

    fn key(&self, segment: usize) -> Option<KeyId> {
        match segment.checked_sub(1) {
            None => Some(self.voice.base()),
            Some(index) => self.replacements.get(index).map(|(_, one)| one.new_key.id()),
        }
    }
}
