//! The docket of one agreement: its papers as they go from hand to hand and from node to node, each
//! verified before it is taken in, and what they say together.
//!
//! Papers are a set: whoever holds the same ones holds the same docket, in whatever order they came.
//! What a newer paper replaces (an older head, an older manifest) is dropped, so that two nodes that
//! hear of each other end with the same [`Docket::root`].

use crate::declaration::{DECLARATIONS_MAX, Head, REPLACEMENTS_MAX, Step};
use crate::officer::ROSTER_MAX;
use crate::register::{HEADS_MAX, Register, turn};
use crate::terms::Party;
use crate::{Agreement, AgreementError, State};
use domain::encoding::{self, Malformed};
use domain::envelope::{Envelope, OpenError, Payload, Signed};
use domain::manifest::Manifest;
use domain::name::{AgencyId, Digest, KeyId};
use domain::signature::Signer;
use domain::time::Timestamp;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The largest file of papers, in bytes.
pub const PAPERS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most papers of one docket: everything that all parties may say stays far below.
pub const PAPERS_MAX: usize = 8 * 1024;
/// The largest paper, in bytes.
pub const PAPER_BYTES_MAX: usize = domain::envelope::PAYLOAD_BYTES_MAX + 1024;

const _: () = assert!(
    DECLARATIONS_MAX as usize + 4 * ROSTER_MAX + HEADS_MAX + REPLACEMENTS_MAX as usize
        <= PAPERS_MAX
);

/// One paper.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Paper {
    /// The exact bytes of a version.
    #[n(1)]
    Version {
        /// The bytes.
        #[cbor(n(0), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Something that somebody signed: a declaration, a certificate, a manifest, a receipt.
    #[n(2)]
    Signed {
        /// What, and the one signature.
        #[n(0)]
        envelope: Envelope,
    },
}

impl Paper {
    /// A version that nobody has signed.
    pub fn of_version(agreement: &Agreement) -> Self {
        Self::Version { bytes: agreement.to_payload() }
    }

    /// The hash that names it: of the exact bytes that were agreed or signed.
    pub fn hash(&self) -> Digest {
        match self {
            Self::Version { bytes } => Digest::from_bytes(domain::digest::hash(&[bytes])),
            Self::Signed { envelope } => envelope.payload_hash(),
        }
    }

    /// The size as sent, in bytes, near enough for a budget.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Version { bytes } => bytes.len(),
            Self::Signed { envelope } => envelope.size_bytes(),
        }
    }

    /// Versions come first, then keys, then those who hold them, then what they say: papers written in
    /// this order open as a docket wherever the writing was cut.
    pub fn turn(&self) -> (u8, u8) {
        match self {
            Self::Version { .. } => (0, 0),
            Self::Signed { envelope } => (1, turn(envelope)),
        }
    }
}

impl From<Envelope> for Paper {
    fn from(envelope: Envelope) -> Self {
        Self::Signed { envelope }
    }
}

/// The bytes of a file of papers.
pub fn to_file(papers: &[Paper]) -> Vec<u8> {
    encoding::to_bytes(&File { papers: papers.to_vec() })
}

/// Reads a file of papers; nothing in it is verified yet.
///
/// # Errors
/// [`Malformed`].
pub fn from_file(bytes: &[u8]) -> Result<Vec<Paper>, Malformed> {
    let File { papers } = encoding::from_bytes("file of papers", bytes, PAPERS_BYTES_MAX)?;
    if papers.len() > PAPERS_MAX {
        return Err(Malformed::TooLarge { bytes: papers.len(), bytes_max: PAPERS_MAX });
    }
    Ok(papers)
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct File {
    #[n(1)]
    papers: Vec<Paper>,
}

/// Was a paper new?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// Yes; it takes the place of these, which are dropped.
    New(Vec<Digest>),
    /// It is known, or a newer one stands in its place.
    Known,
}

/// Everything on file about one agreement, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docket {
    register: Arc<Register>,
    papers: BTreeMap<Digest, Paper>,
    /// The newest of each root key.
    manifests: BTreeMap<(AgencyId, KeyId), (Manifest, Digest)>,
    /// The newest of each place that a key stated.
    heads: BTreeMap<Stated, (Timestamp, Digest)>,
}

/// Where a key said that the chain of a party ends.
type Stated = (AgencyId, KeyId, u32, Option<Digest>);

impl Docket {
    /// Opens a docket for a first version that nobody has signed.
    ///
    /// # Errors
    /// [`AgreementError::UnknownVersion`] for a later one.
    pub fn new(first: Agreement) -> Result<Self, AgreementError> {
        let paper = Paper::of_version(&first);
        Ok(Self {
            register: Arc::new(Register::new(first)?),
            papers: [(paper.hash(), paper)].into(),
            manifests: BTreeMap::new(),
            heads: BTreeMap::new(),
        })
    }

    /// Opens a docket from its papers, in whatever order they are.
    ///
    /// # Errors
    /// No first version among them, or two; else as [`Docket::admit_all`].
    pub fn open(papers: impl IntoIterator<Item = Paper>) -> Result<Self, AgreementError> {
        let papers: Vec<Paper> = papers.into_iter().collect();
        let mut first = None;
        for paper in &papers {
            let Paper::Version { bytes } = paper else { continue };
            let agreement = Agreement::from_payload(bytes)?;
            if agreement.supersedes.is_none() && first.replace(agreement).is_some() {
                return Err(AgreementError::OtherAgreement);
            }
        }
        let first = first.ok_or(AgreementError::NoVersion)?;
        let mut docket = Self::new(first)?;
        docket.admit_all(papers)?;
        Ok(docket)
    }

    /// Verifies papers and takes them in, each as soon as those that it rests on are there.
    ///
    /// # Errors
    /// The first refusal that remains when nothing more can be taken in; what could be taken in, is.
    pub fn admit_all(
        &mut self,
        papers: impl IntoIterator<Item = Paper>,
    ) -> Result<News, AgreementError> {
        let (news, refused) = self.admit_each(papers);
        refused.map_or(Ok(news), Err)
    }

    /// The same for papers from somebody who may be wrong: what is good is taken in, and the first
    /// refusal is told beside.
    pub fn admit_each(
        &mut self,
        papers: impl IntoIterator<Item = Paper>,
    ) -> (News, Option<AgreementError>) {
        let mut waiting: Vec<Paper> = papers.into_iter().collect();
        waiting.sort_by_key(Paper::turn);
        let mut news = News::default();
        loop {
            let (mut refused, mut left) = (None, Vec::new());
            let before = waiting.len();
            for paper in waiting {
                let hash = paper.hash();
                match self.admit(paper.clone()) {
                    Ok(Admitted::New(replaced)) => {
                        news.taken.insert(hash);
                        for old in replaced {
                            // What came and went again in one go was never there.
                            if !news.taken.remove(&old) {
                                news.dropped.insert(old);
                            }
                        }
                    }
                    Ok(Admitted::Known) => {}
                    Err(error) => {
                        refused = refused.or(Some(error));
                        left.push(paper);
                    }
                }
            }
            if left.is_empty() || left.len() == before {
                return (news, refused);
            }
            waiting = left;
        }
    }

    /// Verifies one paper and takes it in.
    ///
    /// # Errors
    /// [`AgreementError`]: not well formed, signed by nobody who may, or about something else.
    pub fn admit(&mut self, paper: Paper) -> Result<Admitted, AgreementError> {
        let hash = paper.hash();
        if self.papers.contains_key(&hash) {
            return Ok(Admitted::Known);
        }
        if self.papers.len() >= PAPERS_MAX {
            return Err(AgreementError::Full { what: "papers", max: PAPERS_MAX });
        }
        let replaced = match &paper {
            Paper::Version { bytes } => {
                let agreement = Agreement::from_payload(bytes)?;
                Arc::make_mut(&mut self.register).admit_version(agreement)?;
                Vec::new()
            }
            Paper::Signed { envelope } => {
                if envelope.signatures.len() != 1 {
                    // Whoever carries it along could add some for ever.
                    let why = "a paper carries exactly one signature".to_owned();
                    return Err(Malformed::NotValid { what: "paper", why }.into());
                }
                let place = match envelope.payload_type.as_str() {
                    Manifest::TYPE => self.admit_manifest(envelope, hash)?,
                    Head::TYPE => {
                        Arc::make_mut(&mut self.register).admit(envelope.clone())?;
                        self.place_head(envelope, hash)?
                    }
                    _ => {
                        Arc::make_mut(&mut self.register).admit(envelope.clone())?;
                        Some(Vec::new())
                    }
                };
                match place {
                    Some(replaced) => replaced,
                    None => return Ok(Admitted::Known),
                }
            }
        };
        for old in &replaced {
            self.papers.remove(old);
        }
        self.papers.insert(hash, paper);
        Ok(Admitted::New(replaced))
    }

    /// Makes and signs a party's next declaration and takes it in.
    ///
    /// # Errors
    /// As [`Register::declare`].
    pub fn declare(
        &mut self,
        party: &AgencyId,
        step: Step,
        made_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<Paper, AgreementError> {
        let mut register = Register::clone(&self.register);
        let paper = Paper::from(register.declare(party, step, made_at, signer)?);
        self.admit(paper.clone())?;
        Ok(paper)
    }

    /// Makes and signs a party's head and takes it in.
    ///
    /// # Errors
    /// As [`Register::state_head`].
    pub fn state_head(
        &mut self,
        party: &AgencyId,
        made_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<Paper, AgreementError> {
        let mut register = Register::clone(&self.register);
        let paper = Paper::from(register.state_head(party, made_at, signer)?);
        self.admit(paper.clone())?;
        Ok(paper)
    }

    /// What was signed, for whoever judges.
    pub const fn register(&self) -> &Arc<Register> {
        &self.register
    }

    /// Where the agreement stands.
    pub fn state(&self, now: Timestamp) -> State {
        State::of(&self.register, &self.register.board(now), now)
    }

    /// The version that people mean: the one that counts now; before any does, the newest.
    pub fn version(&self, state: &State) -> &Arc<Agreement> {
        self.register.current(state)
    }

    /// Every paper by its hash.
    pub const fn papers(&self) -> &BTreeMap<Digest, Paper> {
        &self.papers
    }

    /// A hash over the hashes of all papers: equal if and only if the papers are.
    pub fn root(&self) -> Digest {
        let mut bytes = Vec::with_capacity(self.papers.len() * Digest::BYTES);
        for hash in self.papers.keys() {
            bytes.extend_from_slice(hash.as_bytes());
        }
        Digest::from_bytes(domain::digest::derive("malines docket root v1", &[&bytes]))
    }

    /// The papers that somebody who holds these does not have.
    pub fn missing<'d>(&'d self, held: &'d BTreeSet<Digest>) -> impl Iterator<Item = &'d Paper> {
        let papers = self.papers.iter().filter(|(hash, _)| !held.contains(*hash));
        papers.map(|(_, paper)| paper)
    }

    /// The bytes of a file that holds everything.
    pub fn to_file(&self) -> Vec<u8> {
        to_file(&self.papers.values().cloned().collect::<Vec<_>>())
    }

    /// The newest manifest of a party, whether it holds now or not.
    pub fn manifest(&self, party: &Party) -> Option<&Manifest> {
        let kept = self.manifests.get(&(party.agency.clone(), party.root_key.id()));
        kept.map(|(manifest, _)| manifest)
    }

    /// Every manifest, with the root key that vouches for it.
    pub fn manifests(&self) -> impl Iterator<Item = (KeyId, &Manifest)> {
        self.manifests.iter().map(|((_, root), (manifest, _))| (*root, manifest))
    }

    /// `None` if a newer one is there.
    fn admit_manifest(
        &mut self,
        envelope: &Envelope,
        hash: Digest,
    ) -> Result<Option<Vec<Digest>>, AgreementError> {
        let signed_by = |party: &&Party| {
            let root = party.root_key.id();
            envelope.signatures.iter().any(|signature| signature.key_id == root)
        };
        let versions = self.register.agreements();
        let party = versions.flat_map(|agreement| &agreement.parties).find(signed_by);
        let Some(party) = party else {
            let first = envelope.signatures.first().map(|signature| signature.key_id);
            let nobody = KeyId::from_bytes([0; KeyId::BYTES]);
            return Err(OpenError::NotSignedBy(first.unwrap_or(nobody)).into());
        };
        let (manifest, _) =
            Signed::<Manifest>::open(envelope.clone(), &party.root_key)?.into_parts();
        if manifest.agency != party.agency || manifest.country != party.country {
            return Err(AgreementError::ForeignManifest {
                claimed: manifest.agency,
                signed_by: party.agency.clone(),
            });
        }
        let key = (manifest.agency.clone(), party.root_key.id());
        let known = self.manifests.get(&key).map(|(known, hash)| (known.sequence, *hash));
        // Two with one sequence: the greater hash stays, on every node.
        if known.is_some_and(|known| known > (manifest.sequence, hash)) {
            return Ok(None);
        }
        self.manifests.insert(key, (manifest, hash));
        Ok(Some(known.into_iter().map(|(_, old)| old).collect()))
    }

    /// `None` if a newer one is there. The register has verified it.
    fn place_head(
        &mut self,
        envelope: &Envelope,
        hash: Digest,
    ) -> Result<Option<Vec<Digest>>, AgreementError> {
        let head = Head::from_payload(&envelope.payload)?;
        let signer = envelope.signatures.first().map(|signature| signature.key_id);
        let signer = signer.ok_or(AgreementError::NotAParty(head.party.clone()))?;
        let stated = (head.party.clone(), signer, head.n, head.last);
        let known = self.heads.get(&stated).copied();
        if known.is_some_and(|known| known > (head.made_at, hash)) {
            return Ok(None);
        }
        self.heads.insert(stated, (head.made_at, hash));
        let mut replaced: Vec<Digest> = known.into_iter().map(|(_, old)| old).collect();
        let of_party = |stated: &&Stated| stated.0 == head.party;
        if self.heads.keys().filter(of_party).count() > HEADS_MAX {
            let of_party = self.heads.iter().filter(|(stated, _)| stated.0 == head.party);
            let oldest = of_party.min_by_key(|(_, dated)| **dated);
            let oldest = oldest.map(|(stated, dated)| (stated.clone(), dated.1));
            if let Some((stated, old)) = oldest {
                self.heads.remove(&stated);
                if old == hash {
                    return Ok(None);
                }
                replaced.push(old);
            }
        }
        Ok(Some(replaced))
    }
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// The papers that are new here.
    pub taken: BTreeSet<Digest>,
    /// Those that they take the place of.
    pub dropped: BTreeSet<Digest>,
}

impl News {
    /// Is there nothing new?
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }
}
