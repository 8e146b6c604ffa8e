//! Agreements on file: what the authorities signed, the manifests of the parties, and how both get
//! in front of the gate.
//!
//! Each agreement has a docket of verified papers. Officers hand papers in, and partners' nodes
//! tell each other what they have; what a paper says is judged by the agreement alone, the same on
//! every node. A partner is whoever our own authority signed an agreement with: nobody else's paper
//! makes one.

use crate::error::DeskError;
use crate::standing::standing;
use crate::{Desk, put};
use agreement::docket::{News, PAPER_BYTES_MAX};
use agreement::officer::Revocation;
use agreement::{Agreement, Docket, Paper, State, WhyNot};
use domain::encoding;
use domain::envelope::Payload as _;
use domain::event::{Act, Event};
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, Country, Digest, KeyId, OfficerId};
use domain::refusal::RefusalCode;
use domain::report::{AgreementStatus, PapersFiled};
use domain::time::Timestamp;
use domain::value::{Offence, Purpose};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use store::{Batch, Change, Secrecy, Table};

/// The most papers written in one batch.
const PAPERS_PER_BATCH: usize = 256;
/// The most agreements that partners brought and our own authority has not signed.
const BROUGHT_MAX: usize = 16;
/// The longest note of a refused paper, in characters.
const NOTE_CHARACTERS_MAX: usize = 256;

/// The dockets this node keeps.
#[derive(Default)]
pub(crate) struct Registry {
    dockets: BTreeMap<AgreementId, Arc<Docket>>,
    /// The newest of each agency and root key, over all dockets.
    manifests: BTreeMap<(AgencyId, KeyId), Manifest>,
}

impl Registry {
    fn newest(&self, agency: &AgencyId, root: KeyId, now: Timestamp) -> Option<&Manifest> {
        let manifest = self.manifests.get(&(agency.clone(), root))?;
        (manifest.valid_from <= now && now < manifest.valid_until).then_some(manifest)
    }

    /// As the version that counts vouches for it, or else one that did before.
    fn manifest(
        &self,
        docket: &Docket,
        state: &State,
        agency: &AgencyId,
        now: Timestamp,
    ) -> Option<&Manifest> {
        let current = docket.version(state).party(agency);
        let before = || docket.register().agreements().find_map(|version| version.party(agency));
        let root = current.or_else(before)?.root_key.id();
        self.newest(agency, root, now)
    }
}

/// A partner as the agreements and its manifest describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// The agency.
    pub agency: AgencyId,
    /// Its country.
    pub country: Country,
    /// Its manifest.
    pub manifest: Manifest,
    /// The agreements whose papers both sides tell each other: signed by our authority, not closed.
    pub dockets: Vec<AgreementId>,
    /// Those of them under which something can pass now, in one direction at least.
    pub agreements: Vec<AgreementId>,
}

/// What a partner told us of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What was new in it.
    pub filed: PapersFiled,
    /// Why a paper was not taken, the first of them; what was good was taken all the same.
    pub refused: Option<String>,
}

impl Desk {
    /// Takes papers that our own people hand in: a new agreement, or more about a known one. Papers
    /// that are known are harmless.
    ///
    /// # Errors
    /// A paper that does not verify (then none is taken), other terms under a known name, or an
    /// agreement that this agency is no party of.
    pub async fn file_papers(&self, papers: Vec<Paper>) -> Result<PapersFiled, DeskError> {
        self.file(None, papers).await
    }

    /// The same, by an officer whom the log names.
    ///
    /// # Errors
    /// As [`Desk::file_papers`].
    pub async fn file_papers_by(
        &self,
        officer: &OfficerId,
        papers: Vec<Paper>,
    ) -> Result<PapersFiled, DeskError> {
        self.file(Some(officer), papers).await
    }

    async fn file(
        &self,
        officer: Option<&OfficerId>,
        papers: Vec<Paper>,
    ) -> Result<PapersFiled, DeskError> {
        let _one_at_a_time = self.installing.lock().await;
        let (mut docket, is_new) = match self.docket_of(&papers)? {
            Some(known) => (Docket::clone(&known), false),
            None => (Docket::open(papers.clone())?, true),
        };
        let news = match is_new {
            true => News { taken: docket.papers().keys().copied().collect(), ..News::default() },
            false => docket.admit_all(papers)?,
        };
        self.keep_docket(docket, &news, &Source { peer: None, officer }).await
    }

    /// Takes papers that a partner's node told us of an agreement. What is good is taken; a paper
    /// that is not is told in the answer and in the log, and changes nothing.
    ///
    /// # Errors
    /// A refusal if the partner is no party of it, or if it brings an agreement that it has not
    /// signed itself, or that names another key for somebody we know.
    pub async fn take_papers(
        &self,
        peer: &AgencyId,
        id: &AgreementId,
        papers: Vec<Paper>,
    ) -> Result<Told, DeskError> {
        let _one_at_a_time = self.installing.lock().await;
        let (docket, news, refused) = match self.docket(id) {
            Some(known) => {
                if !is_party(&known, peer) {
                    return Err(RefusalCode::AgreementUnknown.into());
                }
                let mut docket = Docket::clone(&known);
                let (news, refused) = docket.admit_each(papers);
                (docket, news, refused)
            }
            None => {
                let docket = Docket::open(papers)?;
                self.check_brought(peer, id, &docket)?;
                let taken = docket.papers().keys().copied().collect();
                (docket, News { taken, ..News::default() }, None)
            }
        };
        let refused = refused.map(|error| error.to_string());
        if let Some(why) = &refused {
            tracing::warn!(%peer, agreement = %id, %why, "a paper was not taken");
        }
        let refused = refused.map(|why| why.chars().take(NOTE_CHARACTERS_MAX).collect());
        let from = Source { peer: Some(peer), officer: None };
        let filed = self.keep_docket(docket, &news, &from).await?;
        Ok(Told { filed, refused })
    }

    /// The dockets that a partner is a party of, in some version.
    pub fn dockets_for(&self, peer: &AgencyId) -> Vec<(AgreementId, Digest)> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let of_peer = registry.dockets.iter().filter(|(_, docket)| is_party(docket, peer));
        of_peer.map(|(agreement, docket)| (agreement.clone(), docket.root())).collect()
    }

    /// The papers of an agreement that a partner does not hold.
    ///
    /// # Errors
    /// A refusal if the partner is no party of it: to an outsider it does not exist.
    pub fn papers_for(
        &self,
        peer: &AgencyId,
        id: &AgreementId,
        held: &BTreeSet<Digest>,
    ) -> Result<Vec<Paper>, RefusalCode> {
        let docket = self.docket(id).filter(|docket| is_party(docket, peer));
        let docket = docket.ok_or(RefusalCode::AgreementUnknown)?;
        Ok(docket.missing(held).cloned().collect())
    }

    /// A docket by the name of its agreement.
    pub fn docket(&self, id: &AgreementId) -> Option<Arc<Docket>> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        registry.dockets.get(id).map(Arc::clone)
    }

    /// Every docket.
    pub fn dockets(&self) -> Vec<Arc<Docket>> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        registry.dockets.values().map(Arc::clone).collect()
    }

    /// The docket that papers belong to: by their first version, or by what they are about.
    fn docket_of(&self, papers: &[Paper]) -> Result<Option<Arc<Docket>>, DeskError> {
        for paper in papers {
            let Paper::Version { bytes } = paper else { continue };
            let agreement = Agreement::from_payload(bytes)?;
            let Some(known) = self.docket(&agreement.agreement_id) else { continue };
            let other =
                agreement.supersedes.is_none() && known.register().first() != agreement.hash();
            // Another first version under a known name would be another agreement.
            return if other { Err(RefusalCode::VersionConflict.into()) } else { Ok(Some(known)) };
        }
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        // Without a version: whichever docket takes them, tried on a copy.
        let named = papers.iter().find_map(named_agreement);
        let takes = |docket: &&Arc<Docket>| {
            if named.is_some_and(|first| docket.register().first() != first) {
                return false;
            }
            let mut copy = Docket::clone(docket);
            !papers.is_empty() && copy.admit_all(papers.to_vec()).is_ok()
        };
        let has_version = papers.iter().any(|paper| matches!(paper, Paper::Version { .. }));
        match has_version {
            true => Ok(None),
            false => {
                let found = registry.dockets.values().find(takes).map(Arc::clone);
                found.map(Some).ok_or_else(|| RefusalCode::AgreementUnknown.into())
            }
        }
    }

    /// May a partner bring this agreement, which is new here?
    fn check_brought(
        &self,
        peer: &AgencyId,
        id: &AgreementId,
        docket: &Docket,
    ) -> Result<(), DeskError> {
        let now = self.now();
        let state = docket.state(now);
        if docket.register().id() != id || !is_party(docket, peer) {
            return Err(DeskError::misbehaved(peer, "it told of another agreement than it named"));
        }
        let signed = |version: &agreement::state::VersionState| version.signed_by.contains(peer);
        if !state.versions.iter().any(signed) {
            return Err(DeskError::misbehaved(peer, "it brought an agreement it has not signed"));
        }
        let unsigned = self.dockets();
        let unsigned = unsigned.iter().filter(|docket| !self.is_signed_by_us(&docket.state(now)));
        if unsigned.count() >= BROUGHT_MAX {
            return Err(RefusalCode::Unavailable.into());
        }
        Ok(())
    }

    /// Keeps what is new of a docket, and puts it in front of the gate.
    async fn keep_docket(
        &self,
        docket: Docket,
        news: &News,
        from: &Source<'_>,
    ) -> Result<PapersFiled, DeskError> {
        let now = self.now();
        let state = docket.state(now);
        let id = docket.register().id().clone();
        if !is_party(&docket, &self.own) {
            return Err(RefusalCode::NotAParty.into());
        }
        self.check_roots(&docket)?;
        if !news.is_empty() {
            if self.others_than(&id) >= policy::AGREEMENTS_MAX {
                return Err(RefusalCode::TooLarge.into());
            }
            self.write_papers(&docket, &state, news, from).await?;
        }
        let live_until = docket.version(&state).valid_to;
        let taken = u32::try_from(news.taken.len()).unwrap_or(u32::MAX);
        let standing = standing(docket.version(&state), &state);
        self.admit(docket)?;
        self.draw_token_key(&id, live_until).await?;
        Ok(PapersFiled { agreement: id, taken, standing })
    }

    /// The entry comes with the first batch; what a crash leaves of the rest is told again.
    async fn write_papers(
        &self,
        docket: &Docket,
        state: &State,
        news: &News,
        from: &Source<'_>,
    ) -> Result<(), DeskError> {
        let id = docket.register().id();
        let mut event = Event::new(self.now(), Act::AgreementEvent);
        event.shared.agreement = Some(id.clone());
        event.shared.peer = from.peer.cloned();
        event.local.officer = from.officer.cloned();
        event.shared.exchange = Some(docket.root());
        event.shared.count = u32::try_from(news.taken.len()).unwrap_or(u32::MAX);
        event.local.note = Some(standing(docket.version(state), state));
        let mut batch = Batch::new().saying(event);
        let mut waiting = 0;
        // Half of a docket must open.
        let taken = news.taken.iter();
        let mut taken: Vec<(&Digest, &Paper)> =
            taken.filter_map(|hash| docket.papers().get_key_value(hash)).collect();
        taken.sort_by_key(|(_, paper)| paper.turn());
        for (hash, paper) in taken {
            let key = paper_key(id, hash);
            batch = batch.with(put(
                Table::AgreementEvent,
                &key,
                encoding::to_bytes(paper),
                Secrecy::Plain,
            ));
            if let Some(pinned) = self.pinned(id, paper) {
                batch = batch.saying(pinned);
            }
            waiting += 1;
            if waiting == PAPERS_PER_BATCH {
                self.store.commit(core::mem::replace(&mut batch, Batch::new())).await?;
                waiting = 0;
            }
        }
        for hash in &news.dropped {
            let (table, key) = (Table::AgreementEvent, paper_key(id, hash));
            batch = batch.with(Change::Delete { table, key });
        }
        self.store.commit(batch).await?;
        Ok(())
    }

    /// A manifest says who a partner is: an entry of its own.
    fn pinned(&self, id: &AgreementId, paper: &Paper) -> Option<Event> {
        let Paper::Signed { envelope } = paper else { return None };
        if envelope.payload_type != Manifest::TYPE {
            return None;
        }
        let manifest = Manifest::from_payload(&envelope.payload).ok()?;
        let mut pinned = Event::new(self.now(), Act::PeerPinned);
        pinned.shared.peer = Some(manifest.agency);
        pinned.shared.agreement = Some(id.clone());
        pinned.shared.exchange = Some(envelope.payload_hash());
        Some(pinned)
    }

    /// How many other agreements are known?
    fn others_than(&self, id: &AgreementId) -> usize {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        registry.dockets.len() - usize::from(registry.dockets.contains_key(id))
    }

    /// An agency has one root key in all agreements that our own authority signed.
    fn check_roots(&self, new: &Docket) -> Result<(), DeskError> {
        let now = self.now();
        let others = self.dockets();
        let others = others.iter().filter(|docket| {
            docket.register().first() != new.register().first()
                && self.is_signed_by_us(&docket.state(now))
        });
        for docket in others {
            for version in docket.register().agreements() {
                for party in new.register().agreements().flat_map(|new| &new.parties) {
                    let other = version.party(&party.agency);
                    if other.is_some_and(|other| other.root_key != party.root_key) {
                        return Err(RefusalCode::OriginMismatch.into());
                    }
                }
            }
        }
        Ok(())
    }

    fn is_signed_by_us(&self, state: &State) -> bool {
        state.versions.iter().any(|version| version.signed_by.contains(&self.own))
    }

    pub(crate) fn load_agreements(&self) -> Result<(), DeskError> {
        let mut papers: BTreeMap<Vec<u8>, Vec<Paper>> = BTreeMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::AgreementEvent, &[], after.as_deref(), 64)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (key, value) in rows {
                let end = key.iter().position(|byte| *byte == PAPER_KEY_MARK);
                let id = end.and_then(|end| key.get(..end));
                let id = id.ok_or(DeskError::Fault("a paper without an agreement"))?;
                let paper = encoding::from_bytes("paper", &value, PAPER_BYTES_MAX)?;
                papers.entry(id.to_vec()).or_default().push(paper);
            }
        }
        for (_, papers) in papers {
            self.admit(Docket::open(papers)?)?;
        }
        Ok(())
    }

    fn admit(&self, docket: Docket) -> Result<(), DeskError> {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        for (root, manifest) in docket.manifests() {
            let key = (manifest.agency.clone(), root);
            let newer = registry.manifests.get(&key);
            if newer.is_none_or(|newer| newer.sequence < manifest.sequence) {
                registry.manifests.insert(key, manifest.clone());
            }
        }
        registry.dockets.insert(docket.register().id().clone(), Arc::new(docket));
        let all = registry.dockets.values().map(|docket| Arc::clone(docket.register()));
        // Under the lock, so that an older set can never replace a newer one.
        let replaced = self.gate.replace_agreements(all.collect());
        replaced.map(|_| ()).map_err(|_| DeskError::Fault("the gate does not take the agreements"))
    }

    /// The version of an agreement that counts now, in force or not.
    pub fn agreement(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        self.gate.agreement(id, self.now())
    }

    /// The manifest of a party as the root key of one agreement vouches for it, if it holds now.
    pub fn manifest_under(&self, id: &AgreementId, agency: &AgencyId) -> Option<Manifest> {
        let now = self.now();
        let state = self.gate.standing(id, now)?;
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let docket = registry.dockets.get(id)?;
        registry.manifest(docket, &state, agency, now).cloned()
    }

    /// Everybody with whom our own authority signed an agreement that is not closed, and whose
    /// manifest holds. One that shares no agreement in force is listed with none: it is told and
    /// tells papers, and nothing else. What others signed names nobody.
    pub fn partners(&self) -> Vec<Partner> {
        let now = self.now();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let mut partners: BTreeMap<AgencyId, Partner> = BTreeMap::new();
        for (id, docket) in &registry.dockets {
            let state = docket.state(now);
            for (agency, country) in self.bound_with(docket, &state) {
                let manifest = registry.manifest(docket, &state, &agency, now);
                let Some(manifest) = manifest else { continue };
                let partner = partners.entry(agency.clone()).or_insert_with(|| Partner {
                    agency: agency.clone(),
                    country,
                    manifest: manifest.clone(),
                    dockets: Vec::new(),
                    agreements: Vec::new(),
                });
                partner.dockets.push(id.clone());
                if state.carries(&self.own, &agency) || state.carries(&agency, &self.own) {
                    partner.agreements.push(id.clone());
                }
            }
        }
        partners.into_values().collect()
    }

    /// One of the [`Desk::partners`].
    pub fn partner(&self, agency: &AgencyId) -> Option<Partner> {
        self.partners().into_iter().find(|partner| partner.agency == *agency)
    }

    /// How the agreements stand, for people.
    pub fn agreement_statuses(&self) -> Vec<AgreementStatus> {
        let now = self.now();
        let dockets = self.dockets();
        let statuses = dockets.iter().map(|docket| {
            let state = docket.state(now);
            let agreement = docket.version(&state);
            AgreementStatus {
                agreement: agreement.agreement_id.clone(),
                standing: standing(agreement, &state),
                valid_until: agreement.valid_to,
                parties: agreement.parties.iter().map(|party| party.agency.clone()).collect(),
            }
        });
        statuses.collect()
    }

    /// The agreement, if it covers a purpose and an offence.
    pub(crate) fn covering(
        &self,
        id: &AgreementId,
        purpose: Purpose,
        offence: Offence,
    ) -> Result<Arc<Agreement>, RefusalCode> {
        let agreement = self.agreement(id).ok_or(RefusalCode::AgreementUnknown)?;
        if !agreement.covers_purpose(purpose) {
            return Err(RefusalCode::PurposeNotCovered);
        }
        if !agreement.covers_offence(offence) {
            return Err(RefusalCode::OffenceNotCovered);
        }
        Ok(agreement)
    }

    /// May anything at all go from one party to the other under that agreement now? One of the two
    /// is a partner that asks.
    pub(crate) fn check_carries(
        &self,
        id: &AgreementId,
        from: &AgencyId,
        to: &AgencyId,
    ) -> Result<(), RefusalCode> {
        let state = self.gate.standing(id, self.now()).ok_or(RefusalCode::AgreementUnknown)?;
        let why = state.why_not(from, to);
        if why.contains(&WhyNot::NotAParty) {
            // To an outsider an agreement it is no party of does not exist.
            return Err(RefusalCode::AgreementUnknown);
        }
        if why.is_empty() { Ok(()) } else { Err(RefusalCode::AgreementNotInForce) }
    }

    /// Is the partner a party of that agreement, in force or not? What only takes back may come at any
    /// time.
    pub(crate) fn check_party(&self, id: &AgreementId, peer: &AgencyId) -> Result<(), RefusalCode> {
        let docket = self.docket(id).filter(|docket| is_party(docket, peer));
        docket.map(|_| ()).ok_or(RefusalCode::AgreementUnknown)
    }

    /// May something go to this partner now? For streams that stay open.
    pub fn carries_to(&self, id: &AgreementId, peer: &AgencyId) -> bool {
        self.check_carries(id, &self.own, peer).is_ok()
    }
}

/// Who brought papers; neither is the node's own folder.
struct Source<'a> {
    peer: Option<&'a AgencyId>,
    officer: Option<&'a OfficerId>,
}

/// The first version of the agreement that a revocation names, for nothing else in it says whose it is.
fn named_agreement(paper: &Paper) -> Option<Digest> {
    let Paper::Signed { envelope } = paper else { return None };
    let is_revocation = envelope.payload_type == Revocation::TYPE;
    let revocation = is_revocation.then(|| Revocation::from_payload(&envelope.payload))?;
    revocation.ok()?.after.map(|last| last.first)
}

/// Is it a party of some version?
fn is_party(docket: &Docket, agency: &AgencyId) -> bool {
    docket.register().agreements().any(|version| version.party(agency).is_some())
}

/// Between the agreement and the hash of the paper: no name holds it.
const PAPER_KEY_MARK: u8 = b'/';

fn paper_key(id: &AgreementId, hash: &Digest) -> Vec<u8> {
    let mut key = id.as_str().as_bytes().to_vec();
    key.push(PAPER_KEY_MARK);
    key.extend_from_slice(hash.as_bytes());
    key
}
