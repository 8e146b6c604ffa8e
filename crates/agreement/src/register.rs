//! The register of one agreement: every version and every verified message about it, as a set.
//!
//! It judges nothing: it holds what was signed, keeps contradictions as proof, and is the same in
//! whatever order its papers came. [`crate::State`] reads it.

use crate::declaration::{Declaration, Head, KeyReplacement, Step};
use crate::officer::{Mandate, MayNot, OfficerCertificate, Power, Revocation, Roster};
use crate::purge::{Board, PurgeOrder, PurgeReceipt};
use crate::spoken::{Said, Spoken, Voice};
use crate::{Agreement, AgreementError};
use domain::envelope::{Envelope, OpenError, Payload, Signed};
use domain::name::{AgencyId, AgreementId, Digest, KeyId};
use domain::signature::{PublicKey, Signer};
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most versions of one agreement, drafts that were never signed included.
pub const VERSIONS_MAX: usize = 64;
/// The most different declarations kept for one place of a chain; two already prove a contradiction.
pub const CONTRADICTIONS_MAX: usize = 16;
/// The most heads of one party that are kept for their date: the youngest.
pub const HEADS_MAX: usize = 128;

/// The most orders of one origin, and the most receipts of one holder.
pub(crate) const PURGE_PAPERS_MAX: usize = 1024;

/// All that is known about one agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    first: Digest,
    opened: Arc<Agreement>,
    versions: BTreeMap<Digest, Version>,
    voices: BTreeMap<Voice, Spoken>,
    /// Orders and receipts by their payload hash, each with the key that signed.
    orders: BTreeMap<Digest, (PurgeOrder, KeyId)>,
    receipts: BTreeMap<Digest, (PurgeReceipt, KeyId)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) agreement: Arc<Agreement>,
    pub(crate) voices: BTreeMap<AgencyId, Voice>,
}

/// Two different declarations of one party for one place of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// The party.
    pub party: AgencyId,
    /// The place.
    pub n: u32,
    /// One signed envelope.
    pub one: Envelope,
    /// The other: a declaration, or the head that denies the first.
    pub other: Envelope,
}

impl Register {
    /// Opens a register for a first version.
    ///
    /// # Errors
    /// [`AgreementError::UnknownVersion`] for a later one.
    pub fn new(first: Agreement) -> Result<Self, AgreementError> {
        if let Some(before) = first.supersedes {
            return Err(AgreementError::UnknownVersion(before));
        }
        let hash = first.hash();
        let mut register = Self {
            first: hash,
            opened: Arc::new(first.clone()),
            versions: BTreeMap::new(),
            voices: BTreeMap::new(),
            orders: BTreeMap::new(),
            receipts: BTreeMap::new(),
        };
        register.insert(first, None);
        Ok(register)
    }

    /// Opens a register and takes in versions and signed messages, in whatever order they are.
    ///
    /// # Errors
    /// The first refusal that remains when nothing more can be taken in.
    pub fn collect(
        first: Agreement,
        later: impl IntoIterator<Item = Agreement>,
        envelopes: impl IntoIterator<Item = Envelope>,
    ) -> Result<Self, AgreementError> {
        let mut register = Self::new(first)?;
        let mut later: Vec<Agreement> = later.into_iter().collect();
        later.sort_by_key(|agreement| agreement.version);
        for agreement in later {
            register.admit_version(agreement)?;
        }
        // Keys first, then those who hold them, then what they say.
        let mut envelopes: Vec<Envelope> = envelopes.into_iter().collect();
        envelopes.sort_by_key(turn);
        for envelope in envelopes {
            register.admit(envelope)?;
        }
        Ok(register)
    }

    /// The hash of the first version: what names the agreement for ever.
    pub const fn first(&self) -> Digest {
        self.first
    }

    /// The name of the agreement.
    pub fn id(&self) -> &AgreementId {
        &self.opened.agreement_id
    }

    /// A version by its hash.
    pub fn version(&self, hash: &Digest) -> Option<&Arc<Agreement>> {
        self.versions.get(hash).map(|version| &version.agreement)
    }

    /// The version with the highest number; of several the one with the greatest hash.
    pub(crate) fn newest(&self) -> &Arc<Agreement> {
        let order = |version: &&Version| (version.agreement.version, version.agreement.hash());
        self.versions.values().max_by_key(order).map_or(&self.opened, |version| &version.agreement)
    }

    /// Every version, those that nobody signed included.
    pub fn agreements(&self) -> impl Iterator<Item = &Arc<Agreement>> {
        self.versions.values().map(|version| &version.agreement)
    }

    /// Takes in a later version: a draft that binds nobody. The version that it supersedes comes
    /// first. Take versions from parties only: there is room for [`VERSIONS_MAX`].
    ///
    /// # Errors
    /// [`AgreementError::UnknownVersion`], [`AgreementError::OtherAgreement`],
    /// [`AgreementError::Chain`] and [`AgreementError::Full`].
    pub fn admit_version(&mut self, agreement: Agreement) -> Result<(), AgreementError> {
        if self.versions.contains_key(&agreement.hash()) {
            return Ok(());
        }
        let Some(before) = agreement.supersedes else {
            return Err(AgreementError::OtherAgreement);
        };
        let known = self.versions.get(&before).ok_or(AgreementError::UnknownVersion(before))?;
        if known.agreement.agreement_id != agreement.agreement_id {
            return Err(AgreementError::OtherAgreement);
        }
        if known.agreement.version.checked_add(1) != Some(agreement.version) {
            return Err(AgreementError::Chain("a version that does not follow the one it names"));
        }
        for party in &agreement.parties {
            let voice = known.voices.get(&party.agency);
            let spoken = voice.and_then(|voice| self.voices.get(voice));
            if spoken.is_some_and(|spoken| spoken.root != party.root_key) {
                let why = "an amendment does not change a root key; make a new agreement";
                return Err(AgreementError::Chain(why));
            }
        }
        if self.versions.len() >= VERSIONS_MAX {
            return Err(AgreementError::Full { what: "versions", max: VERSIONS_MAX });
        }
        self.insert(agreement, Some(before));
        Ok(())
    }

    /// Verifies one envelope and takes it in: a declaration, a head, a key replacement, an
    /// officer's certificate, a mandate, a revocation, a purge order or a purge receipt.
    ///
    /// # Errors
    /// [`AgreementError`]: not well formed, signed by nobody who may, or about something else.
    pub fn admit(&mut self, envelope: Envelope) -> Result<(), AgreementError> {
        envelope.check_limits()?;
        match envelope.payload_type.as_str() {
            Declaration::TYPE => self.admit_declaration(envelope),
            Head::TYPE => self.admit_head(envelope),
            KeyReplacement::TYPE => self.admit_replacement(envelope),
            OfficerCertificate::TYPE | Mandate::TYPE | Revocation::TYPE => {
                self.admit_officer(&envelope)
            }
            PurgeOrder::TYPE => self.admit_order(&envelope),
            PurgeReceipt::TYPE => self.admit_receipt(&envelope),
            _ => Err(OpenError::WrongType { expected: Declaration::TYPE }.into()),
        }
    }

    /// Makes and signs a party's next declaration and takes it in.
    ///
    /// # Errors
    /// As [`Register::admit`]; [`AgreementError::Chain`] if the chain contradicts itself or is full.
    pub fn declare(
        &mut self,
        party: &AgencyId,
        step: Step,
        made_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<Envelope, AgreementError> {
        let (n, previous) = self.end_of(party, signer.key_id())?;
        let (n, first) = (n.saturating_add(1), self.first);
        let declaration = Declaration { party: party.clone(), n, previous, first, made_at, step };
        declaration.check().map_err(AgreementError::Chain)?;
        let (_, envelope) = Signed::seal(declaration, signer).into_parts();
        self.admit(envelope.clone())?;
        Ok(envelope)
    }

    /// Makes and signs a party's head and takes it in.
    ///
    /// # Errors
    /// As [`Register::declare`].
    pub fn state_head(
        &mut self,
        party: &AgencyId,
        made_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<Envelope, AgreementError> {
        let (n, last) = self.end_of(party, signer.key_id())?;
        let head = Head { party: party.clone(), first: self.first, n, last, made_at };
        let (_, envelope) = Signed::seal(head, signer).into_parts();
        self.admit(envelope.clone())?;
        Ok(envelope)
    }

    /// The number of the last declaration of a party that the holder of a key can build on: the last
    /// that a revocation can name. 0 before the first; one less where the party contradicted itself.
    ///
    /// # Errors
    /// [`AgreementError::NotAParty`].
    pub fn last_place(&self, party: &AgencyId, key: KeyId) -> Result<u32, AgreementError> {
        match self.end_of(party, key) {
            Ok((n, _)) => Ok(n),
            Err(AgreementError::Chain(_)) => {
                let spoken = self
                    .voices
                    .iter()
                    .find(|(voice, spoken)| voice.agency == *party && spoken.key(key).is_some());
                let last = spoken.and_then(|(_, spoken)| spoken.places.last_key_value());
                Ok(last.map_or(0, |(n, _)| n.saturating_sub(1)))
            }
            Err(error) => Err(error),
        }
    }

    /// Who still holds what: every order and receipt that was signed by who may.
    pub fn board(&self, now: Timestamp) -> Board {
        let orders = self.orders.values().filter_map(|(order, signer)| {
            let kept = self.version(&order.agreement)?.withdrawal.exception;
            self.may(&order.origin, *signer, Power::OrderPurge, order.issued_at).ok()?;
            Some((order.clone(), kept))
        });
        let receipts = self.receipts.values().filter(|(receipt, signer)| {
            self.may(&receipt.holder, *signer, Power::ConfirmPurge, receipt.made_at).is_ok()
        });
        Board::read(orders, receipts.map(|(receipt, _)| receipt.clone()), now)
    }

    /// May the holder of this key do this for the party at that time: as its authority, or as an
    /// officer certified by it?
    ///
    /// # Errors
    /// [`MayNot`], the reason of the certificate that comes nearest.
    pub fn may(
        &self,
        party: &AgencyId,
        key: KeyId,
        power: Power,
        at: Timestamp,
    ) -> Result<(), MayNot> {
        let mut nearest = MayNot::NotCertified;
        for (voice, spoken) in self.voices.iter().filter(|(voice, _)| voice.agency == *party) {
            if spoken.rosters.contains_key(&key) {
                return Ok(());
            }
            for roster in spoken.rosters.values().filter(|roster| roster.key(key).is_some()) {
                match roster.may(key, &voice.agency, power, at) {
                    Ok(_) => return Ok(()),
                    Err(why) => nearest = why,
                }
            }
        }
        Err(nearest)
    }

    /// When a party was last heard of, by its own clock.
    pub fn last_word(&self, party: &AgencyId) -> Option<Timestamp> {
        let of_party = self.voices.iter().filter(|(voice, _)| voice.agency == *party);
        let words = of_party.flat_map(|(_, spoken)| {
            let said = spoken.places.values().flat_map(BTreeMap::values);
            let said = said.map(|said| said.declaration.made_at);
            said.chain(spoken.heads.iter().map(|(made_at, _, _)| *made_at))
        });
        words.max()
    }

    /// Where the chain of a party ends here, for a replacement of its key: place and hash.
    pub fn chain_end(&self, party: &AgencyId) -> (u32, Option<Digest>) {
        let of_party = self.voices.iter().filter(|(voice, _)| voice.agency == *party);
        let ends = of_party.filter_map(|(_, spoken)| {
            let (n, said) = spoken.places.last_key_value()?;
            Some((*n, said.first_key_value().map(|(hash, _)| *hash)))
        });
        ends.max().unwrap_or((0, None))
    }

    /// How often a party's authority key was replaced.
    pub fn replacements(&self, party: &AgencyId) -> u32 {
        let of_party = self.voices.iter().filter(|(voice, _)| voice.agency == *party);
        let highest = of_party.filter_map(|(_, spoken)| spoken.replacements.keys().next_back());
        highest.copied().max().unwrap_or(0)
    }

    /// Every proof that a party contradicted itself. Kept for ever, also when the party was heard
    /// again under a new key.
    pub fn equivocations(&self) -> Vec<Equivocation> {
        let mut found = Vec::new();
        for (voice, spoken) in &self.voices {
            for (n, said) in &spoken.places {
                let mut envelopes = said.iter();
                let Some((hash, one)) = envelopes.next() else { continue };
                let other = envelopes.next().map(|(_, said)| said.envelope.clone());
                let denied = || {
                    let ends = spoken.ends.get(n)?;
                    ends.iter().find(|(last, _)| *last != hash).map(|(_, (_, head))| head.clone())
                };
                if let Some(other) = other.or_else(denied) {
                    let (party, one) = (voice.agency.clone(), one.envelope.clone());
                    found.push(Equivocation { party, n: *n, one, other });
                }
            }
        }
        found
    }

    /// Where the chain of a party ends, for whoever wants to continue it.
    fn end_of(
        &self,
        party: &AgencyId,
        signer: KeyId,
    ) -> Result<(u32, Option<Digest>), AgreementError> {
        let mut voices = self.voices.iter().filter(|(voice, _)| voice.agency == *party);
        let spoken = voices.find(|(_, spoken)| spoken.key(signer).is_some());
        let spoken = spoken.map(|(_, spoken)| spoken);
        let spoken = spoken.ok_or_else(|| AgreementError::NotAParty(party.clone()))?;
        let replaced = spoken.replacements.values().flat_map(BTreeMap::values).next_back();
        // What an old key said after its replacement is void: nothing is built on it.
        let is_void = |said: &Said| {
            replaced.is_some_and(|replaced| {
                let new = spoken.rosters.get(&replaced.new_key.id());
                let by_new = |roster: &Roster| {
                    roster.authority().id() == said.signer || roster.key(said.signer).is_some()
                };
                said.declaration.n > replaced.after && !new.is_some_and(by_new)
            })
        };
        let heard = spoken.places.iter().rev().find_map(|(n, said)| {
            let heard: Vec<&Digest> =
                said.iter().filter(|(_, said)| !is_void(said)).map(|(hash, _)| hash).collect();
            (!heard.is_empty()).then_some((*n, heard))
        });
        if let Some(replaced) =
            replaced.filter(|replaced| heard.as_ref().is_none_or(|(n, _)| *n <= replaced.after))
        {
            return Ok((replaced.after, replaced.after_hash));
        }
        match heard {
            None => Ok((0, None)),
            Some((n, heard)) => match heard.as_slice() {
                [hash] => Ok((n, Some(**hash))),
                _ => Err(AgreementError::Chain("this party contradicted itself at its last place")),
            },
        }
    }

    fn insert(&mut self, agreement: Agreement, before: Option<Digest>) {
        let inherited = before.and_then(|before| self.versions.get(&before));
        let inherited = inherited.map(|version| version.voices.clone()).unwrap_or_default();
        let mut voices = BTreeMap::new();
        for party in &agreement.parties {
            let base = party.authority_key;
            let fresh = Voice { agency: party.agency.clone(), base: base.id() };
            let voice = inherited.get(&party.agency).cloned().unwrap_or(fresh);
            self.voices
                .entry(voice.clone())
                .or_insert_with(|| Spoken::new(&party.agency, party.root_key, base));
            voices.insert(party.agency.clone(), voice);
        }
        // A party that left and comes back is the voice that it was.
        for (agency, voice) in inherited {
            voices.entry(agency).or_insert(voice);
        }
        let hash = agreement.hash();
        self.versions.insert(hash, Version { agreement: Arc::new(agreement), voices });
    }

    fn admit_declaration(&mut self, envelope: Envelope) -> Result<(), AgreementError> {
        let (declaration, signer) = self.open::<Declaration>(&envelope)?;
        self.is_about_this(&declaration.first)?;
        let power = Power::for_step(&declaration.step);
        let (made_at, hash) = (declaration.made_at, envelope.payload_hash());
        for voice in self.voices_of(&declaration.party, signer)? {
            let Some(spoken) = self.voices.get_mut(&voice) else { continue };
            spoken.could(signer, power, made_at)?;
            let place = spoken.places.entry(declaration.n).or_default();
            let (declaration, envelope) = (declaration.clone(), envelope.clone());
            let said = Said { declaration, signer, envelope };
            // The same words by two keys of one party: the smaller key is kept, on every node.
            let kept = place.entry(hash).or_insert_with(|| said.clone());
            if signer < kept.signer {
                *kept = said;
            }
            if place.len() > CONTRADICTIONS_MAX {
                // What narrows stays; of the rest the greatest hash goes, the same on every node.
                let last = place.iter().rev().find(|(_, said)| !said.declaration.step.narrows());
                let last = last.or_else(|| place.last_key_value()).map(|(hash, _)| *hash);
                last.and_then(|hash| place.remove(&hash));
            }
        }
        Ok(())
    }

    fn admit_head(&mut self, envelope: Envelope) -> Result<(), AgreementError> {
        let (head, signer) = self.open::<Head>(&envelope)?;
        self.is_about_this(&head.first)?;
        let hash = envelope.payload_hash();
        for voice in self.voices_of(&head.party, signer)? {
            let Some(spoken) = self.voices.get_mut(&voice) else { continue };
            spoken.could(signer, Power::StateHead, head.made_at)?;
            spoken.heads.insert((head.made_at, head.n, signer));
            if spoken.heads.len() > HEADS_MAX {
                spoken.heads.pop_first();
            }
            let Some(last) = head.last else { continue };
            let ends = spoken.ends.entry(head.n).or_default();
            let kept = ends.entry(last).or_insert_with(|| (signer, envelope.clone()));
            // Of several heads that say the same, the one with the smallest key and hash stays.
            if (signer, hash) < (kept.0, kept.1.payload_hash()) {
                *kept = (signer, envelope.clone());
            }
            if ends.len() > 2 {
                ends.pop_last();
            }
        }
        Ok(())
    }

    fn admit_replacement(&mut self, envelope: Envelope) -> Result<(), AgreementError> {
        let signed_by = |key: &PublicKey| {
            let id = key.id();
            envelope.signatures.iter().any(|signature| signature.key_id == id)
        };
        let roots: Vec<(Voice, PublicKey)> = self
            .voices
            .iter()
            .filter(|(_, spoken)| signed_by(&spoken.root))
            .map(|(voice, spoken)| (voice.clone(), spoken.root))
            .collect();
        let Some((_, root)) = roots.first() else { return Err(nobody(&envelope)) };
        let (replacement, _) = Signed::<KeyReplacement>::open(envelope.clone(), root)?.into_parts();
        self.is_about_this(&replacement.first)?;
        let voices: Vec<Voice> = roots
            .into_iter()
            .filter(|(voice, _)| voice.agency == replacement.party)
            .map(|(voice, _)| voice)
            .collect();
        if voices.is_empty() {
            return Err(AgreementError::NotAParty(replacement.party));
        }
        let hash = envelope.payload_hash();
        for voice in voices {
            let Some(spoken) = self.voices.get_mut(&voice) else { continue };
            let key = replacement.new_key;
            let of_sequence = spoken.replacements.entry(replacement.sequence).or_default();
            of_sequence.insert(hash, replacement.clone());
            if of_sequence.len() > CONTRADICTIONS_MAX {
                of_sequence.pop_last();
            }
            let roster = Roster::new(voice.agency.clone(), key);
            spoken.rosters.entry(key.id()).or_insert(roster);
        }
        Ok(())
    }

    fn admit_order(&mut self, envelope: &Envelope) -> Result<(), AgreementError> {
        let (order, signer) = self.open::<PurgeOrder>(envelope)?;
        self.is_about_this(&order.first)?;
        let version = self.version(&order.agreement);
        let version = version.ok_or(AgreementError::UnknownVersion(order.agreement))?;
        if !order.fits(self.first, version) {
            return Err(AgreementError::Chain("an order for more, or less, than was agreed"));
        }
        self.could(&order.origin, signer, Power::OrderPurge, order.issued_at)?;
        let of_origin = self.orders.values().filter(|(known, _)| known.origin == order.origin);
        if of_origin.count() >= PURGE_PAPERS_MAX {
            return Err(AgreementError::Full { what: "purge orders", max: PURGE_PAPERS_MAX });
        }
        self.orders.entry(envelope.payload_hash()).or_insert((order, signer));
        Ok(())
    }

    fn admit_receipt(&mut self, envelope: &Envelope) -> Result<(), AgreementError> {
        let (receipt, signer) = self.open::<PurgeReceipt>(envelope)?;
        if !self.orders.contains_key(&receipt.order) {
            return Err(AgreementError::OtherAgreement);
        }
        self.could(&receipt.holder, signer, Power::ConfirmPurge, receipt.made_at)?;
        let of_holder = self.receipts.values().filter(|(known, _)| known.holder == receipt.holder);
        if of_holder.count() >= PURGE_PAPERS_MAX {
            return Err(AgreementError::Full { what: "purge receipts", max: PURGE_PAPERS_MAX });
        }
        self.receipts.entry(envelope.payload_hash()).or_insert((receipt, signer));
        Ok(())
    }

    /// Refuses at the door what no later paper could allow.
    fn could(
        &self,
        party: &AgencyId,
        signer: KeyId,
        power: Power,
        at: Timestamp,
    ) -> Result<(), AgreementError> {
        for voice in self.voices_of(party, signer)? {
            if let Some(spoken) = self.voices.get(&voice) {
                spoken.could(signer, power, at)?;
            }
        }
        Ok(())
    }

    fn admit_officer(&mut self, envelope: &Envelope) -> Result<(), AgreementError> {
        let mut refused = None;
        let mut taken = false;
        for spoken in self.voices.values_mut() {
            for roster in spoken.rosters.values_mut() {
                match roster.admit(envelope.clone()) {
                    Ok(()) => taken = true,
                    Err(why) => refused = Some(why),
                }
            }
        }
        match (taken, refused) {
            (true, _) => Ok(()),
            (false, why) => Err(why.unwrap_or(MayNot::NotCertified).into()),
        }
    }

    fn is_about_this(&self, first: &Digest) -> Result<(), AgreementError> {
        if *first == self.first { Ok(()) } else { Err(AgreementError::OtherAgreement) }
    }

    /// Finds who signed, verifies, then parses. Nothing of a stranger's message is parsed.
    pub(crate) fn open<T: Payload>(
        &self,
        envelope: &Envelope,
    ) -> Result<(T, KeyId), AgreementError> {
        let known = envelope.signatures.iter().find_map(|signature| {
            self.voices.values().find_map(|spoken| spoken.key(signature.key_id))
        });
        let key = known.ok_or_else(|| nobody(envelope))?;
        let (message, _) = Signed::<T>::open(envelope.clone(), &key)?.into_parts();
        Ok((message, key.id()))
    }

    /// The voices of an agency that this key speaks for: one, but while drafts disagree on the key
    /// of a newcomer.
    fn voices_of(&self, party: &AgencyId, signer: KeyId) -> Result<Vec<Voice>, AgreementError> {
        let speaks = |(voice, spoken): &(&Voice, &Spoken)| {
            voice.agency == *party && spoken.key(signer).is_some()
        };
        let found: Vec<Voice> =
            self.voices.iter().filter(speaks).map(|(voice, _)| voice.clone()).collect();
        if found.is_empty() { Err(AgreementError::NotAParty(party.clone())) } else { Ok(found) }
    }

    pub(crate) fn versions(&self) -> impl Iterator<Item = (&Digest, &Version)> {
        self.versions.iter()
    }

    pub(crate) fn voices(&self) -> impl Iterator<Item = (&Voice, &Spoken)> {
        self.voices.iter()
    }
}

/// In which order papers are taken in: keys first, then those who hold them, then what they say.
pub(crate) fn turn(envelope: &Envelope) -> u8 {
    match envelope.payload_type.as_str() {
        KeyReplacement::TYPE => 0,
        OfficerCertificate::TYPE => 1,
        Mandate::TYPE | Revocation::TYPE => 2,
        PurgeReceipt::TYPE => 4,
        _ => 3,
    }
}

fn nobody(envelope: &Envelope) -> AgreementError {
    let first = envelope.signatures.first().map(|signature| signature.key_id);
    let none = KeyId::from_bytes([0; KeyId::BYTES]);
    OpenError::NotSignedBy(first.unwrap_or(none)).into()
}
