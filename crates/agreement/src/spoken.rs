//! What one voice of an agreement said: its chain, its heads, its keys and its officers.

use crate::declaration::{Declaration, KeyReplacement};
use crate::officer::{MayNot, Power, Roster};
use domain::envelope::Envelope;
use domain::name::{AgencyId, Digest, KeyId};
use domain::signature::PublicKey;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Who speaks: an agency, and the authority key of the first version that names it. So a draft that
/// names another key for an agency gives nobody that agency's voice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Voice {
    pub(crate) agency: AgencyId,
    pub(crate) base: KeyId,
}

impl Voice {
    /// The authority key that the voice began with.
    pub(crate) const fn base(&self) -> KeyId {
        self.base
    }
}

/// Everything that one voice said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) root: PublicKey,
    pub(crate) replacements: BTreeMap<u32, BTreeMap<Digest, KeyReplacement>>,
    pub(crate) rosters: BTreeMap<KeyId, Roster>,
    pub(crate) places: BTreeMap<u32, BTreeMap<Digest, Said>>,
    /// The youngest heads: when, where, by which key.
    pub(crate) heads: BTreeSet<(Timestamp, u32, KeyId)>,
    /// Where heads said the chain ends, with one proof each; at most two for one place.
    pub(crate) ends: BTreeMap<u32, BTreeMap<Digest, (KeyId, Envelope)>>,
}

/// One verified declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) declaration: Declaration,
    /// The key that signed: an authority's or an officer's.
    pub(crate) signer: KeyId,
    pub(crate) envelope: Envelope,
}

impl Spoken {
    pub(crate) fn new(agency: &AgencyId, root: PublicKey, base: PublicKey) -> Self {
        let roster = Roster::new(agency.clone(), base);
        Self {
            root,
            replacements: BTreeMap::new(),
            rosters: [(base.id(), roster)].into(),
            places: BTreeMap::new(),
            heads: BTreeSet::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Is something missing that later papers refer to?
    pub(crate) fn has_gap(&self) -> bool {
        let known = |n: u32, hash: &Digest| {
            self.places.get(&n).is_some_and(|place| place.contains_key(hash))
        };
        let said = self.places.values().flat_map(BTreeMap::values).map(|said| &said.declaration);
        let continues = |declaration: &Declaration| {
            let before = declaration.n.saturating_sub(1);
            declaration.previous.is_none_or(|previous| known(before, &previous))
        };
        let ends = self.ends.iter().all(|(n, ends)| ends.keys().all(|last| known(*n, last)));
        let heads = self.heads.iter().all(|(_, n, _)| *n == 0 || self.places.contains_key(n));
        let mut replaced = self.replacements.values().flat_map(BTreeMap::values);
        let replaced =
            replaced.all(|one| one.after_hash.is_none_or(|hash| known(one.after, &hash)));
        !(said.into_iter().all(continues) && ends && heads && replaced)
    }

    /// The officers certified by one of the authority keys.
    pub(crate) fn roster(&self, authority: &KeyId) -> Option<&Roster> {
        self.rosters.get(authority)
    }

    /// The key of this id, if it is an authority key or a certified officer's.
    pub(crate) fn key(&self, id: KeyId) -> Option<PublicKey> {
        let authority = self.rosters.get(&id).map(|roster| *roster.authority());
        authority.or_else(|| self.rosters.values().find_map(|roster| roster.key(id)))
    }

    /// What can be refused at the door because no later paper could allow it.
    pub(crate) fn could(&self, signer: KeyId, power: Power, at: Timestamp) -> Result<(), MayNot> {
        if self.rosters.contains_key(&signer) {
            return Ok(());
        }
        let mut nearest = MayNot::NotCertified;
        for roster in self.rosters.values().filter(|roster| roster.key(signer).is_some()) {
            match roster.could(signer, power, at) {
                Ok(_) => return Ok(()),
                Err(why) => nearest = why,
            }
        }
        Err(nearest)
    }
}
