//! Agreements on file: what the authorities signed, the manifests of the parties, and how both get
//! in front of the gate.

use crate::error::DeskError;
use crate::{Desk, put};
use agreement::{Agreement, SignedEvents, Standing};
use domain::encoding::{self, Malformed};
use domain::envelope::{Envelope, Payload, Signed};
use domain::event::{Act, Event};
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, Country, KeyId};
use domain::refusal::RefusalCode;
use domain::report::AgreementStatus;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use store::{Batch, Secrecy, Table};

/// The largest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = store::table::VALUE_BYTES_MAX;
/// The most events, and the most manifests, of one bundle.
pub const BUNDLE_LIST_MAX: usize = 1024;

/// What goes from hand to hand when authorities sign: the exact terms, who signed them, and the
/// manifests of the parties' nodes.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Bundle {
    /// The exact bytes of the agreement.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub agreement: Vec<u8>,
    /// Signatures and other events.
    #[n(2)]
    pub events: Vec<Envelope>,
    /// Manifests, each signed by its agency's root key.
    #[n(3)]
    pub manifests: Vec<Envelope>,
}

impl Bundle {
    /// The bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let bundle: Self = encoding::from_bytes("agreement bundle", bytes, BUNDLE_BYTES_MAX)?;
        let longest = bundle.events.len().max(bundle.manifests.len());
        if longest > BUNDLE_LIST_MAX {
            return Err(Malformed::TooLarge { bytes: longest, bytes_max: BUNDLE_LIST_MAX });
        }
        Ok(bundle)
    }
}

/// The agreements and manifests this node knows.
#[derive(Default)]
pub(crate) struct Registry {
    agreements: BTreeMap<AgreementId, Known>,
    /// By agency and the root key that signed: a draft that names another root key for an agency
    /// changes nothing for the agreements that everybody signed.
    manifests: BTreeMap<(AgencyId, KeyId), Manifest>,
}

#[derive(Clone)]
struct Known {
    agreement: Arc<Agreement>,
    events: Arc<SignedEvents>,
    bundle: Bundle,
}

impl Known {
    /// Did every party sign, whether or not it binds now?
    fn is_signed(&self, now: Timestamp) -> bool {
        let standing = Standing::of(&self.agreement, &self.events, now);
        !matches!(standing, Standing::Incomplete { .. })
    }
}

impl Registry {
    fn manifest(&self, known: &Known, agency: &AgencyId, now: Timestamp) -> Option<&Manifest> {
        let root = known.agreement.party(agency)?.root_key.id();
        let manifest = self.manifests.get(&(agency.clone(), root))?;
        (manifest.valid_from <= now && now < manifest.valid_until).then_some(manifest)
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
    /// The agreements shared with it that are in force now.
    pub agreements: Vec<AgreementId>,
}

impl Desk {
    /// Verifies a bundle, keeps it, and puts it in front of the gate. Taking the same bundle, or one
    /// with more signatures, again is harmless.
    ///
    /// # Errors
    /// A signature that does not verify, a manifest that no party's root key signed, other terms
    /// under a known name, or an agreement that this agency is no party of.
    pub async fn install(&self, bundle: &Bundle) -> Result<AgreementId, DeskError> {
        let _one_at_a_time = self.installing.lock().await;
        let known = self.verify_bundle(bundle)?;
        let id = known.agreement.agreement_id.clone();
        let merged = self.merge(&id, known)?;
        self.check_roots(&merged)?;
        let bytes = merged.bundle.to_bytes();
        let longest = merged.bundle.events.len().max(merged.bundle.manifests.len());
        if bytes.len() > BUNDLE_BYTES_MAX || longest > BUNDLE_LIST_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let kept = self.store.get(Table::Agreement, id.as_str().as_bytes())?;
        if kept.as_deref() != Some(bytes.as_slice()) {
            let now = self.now();
            let mut event = Event::new(now, Act::AgreementEvent);
            event.shared.agreement = Some(id.clone());
            event.shared.exchange = Some(merged.agreement.hash());
            event.local.note =
                Some(Standing::of(&merged.agreement, &merged.events, now).to_string());
            let key = id.as_str().as_bytes();
            let mut batch =
                Batch::new().with(put(Table::Agreement, key, bytes, Secrecy::Plain)).saying(event);
            for envelope in &merged.bundle.manifests {
                let (_, manifest) = open_manifest(&merged.agreement, envelope)?;
                let mut pinned = Event::new(now, Act::PeerPinned);
                pinned.shared.peer = Some(manifest.agency);
                pinned.shared.agreement = Some(id.clone());
                pinned.shared.exchange = Some(envelope.payload_hash());
                batch = batch.saying(pinned);
            }
            self.store.commit(batch).await?;
        }
        let live_until = merged.agreement.valid_to;
        self.admit(merged)?;
        self.draw_token_key(&id, live_until).await?;
        Ok(id)
    }

    /// An agency has one root key in all agreements that everybody signed.
    fn check_roots(&self, new: &Known) -> Result<(), DeskError> {
        if !new.is_signed(self.now()) {
            return Ok(());
        }
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let others = registry.agreements.values().filter(|known| {
            known.agreement.agreement_id != new.agreement.agreement_id
                && known.is_signed(self.now())
        });
        for known in others {
            for party in &new.agreement.parties {
                let other = known.agreement.party(&party.agency);
                if other.is_some_and(|other| other.root_key != party.root_key) {
                    return Err(RefusalCode::OriginMismatch.into());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn load_agreements(&self) -> Result<(), DeskError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.store.scan(Table::Agreement, &[], after.as_deref(), 64)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (_, value) in rows {
                let known = self.verify_bundle(&Bundle::from_bytes(&value)?)?;
                self.admit(known)?;
            }
        }
    }

    fn verify_bundle(&self, bundle: &Bundle) -> Result<Known, DeskError> {
        let agreement = Agreement::from_payload(&bundle.agreement)?;
        let own = agreement.party(&self.own).ok_or(RefusalCode::NotAParty)?;
        let events = SignedEvents::collect(&agreement, bundle.events.iter().cloned())?;
        for envelope in &bundle.manifests {
            open_manifest(&agreement, envelope)?;
        }
        tracing::debug!(agreement = %agreement.agreement_id, party = %own.agency, "bundle verified");
        let (agreement, events) = (Arc::new(agreement), Arc::new(events));
        Ok(Known { agreement, events, bundle: bundle.clone() })
    }

    /// Joins a bundle with what is known of the same agreement: events and manifests are sets.
    fn merge(&self, id: &AgreementId, new: Known) -> Result<Known, DeskError> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = registry.agreements.get(id) else {
            return Ok(new);
        };
        if known.agreement.hash() != new.agreement.hash() {
            // A new version is an amendment, which is signed differently.
            return Err(RefusalCode::VersionConflict.into());
        }
        let mut bundle = known.bundle.clone();
        for event in new.bundle.events {
            if !bundle.events.contains(&event) {
                bundle.events.push(event);
            }
        }
        for manifest in new.bundle.manifests {
            if !bundle.manifests.contains(&manifest) {
                bundle.manifests.push(manifest);
            }
        }
        let events = SignedEvents::collect(&known.agreement, bundle.events.iter().cloned())?;
        let (agreement, events) = (Arc::clone(&known.agreement), Arc::new(events));
        Ok(Known { agreement, events, bundle })
    }

    fn admit(&self, known: Known) -> Result<(), DeskError> {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        for envelope in &known.bundle.manifests {
            let (root, manifest) = open_manifest(&known.agreement, envelope)?;
            let key = (manifest.agency.clone(), root);
            let newer = registry.manifests.get(&key);
            if newer.is_none_or(|newer| newer.sequence < manifest.sequence) {
                registry.manifests.insert(key, manifest);
            }
        }
        registry.agreements.insert(known.agreement.agreement_id.clone(), known);
        let all = registry.agreements.values();
        let all =
            all.map(|known| (Arc::clone(&known.agreement), Arc::clone(&known.events))).collect();
        // Under the lock, so that an older set can never replace a newer one.
        let replaced = self.gate.replace_agreements(all);
        replaced.map(|_| ()).map_err(|_| DeskError::Fault("the gate does not take the agreements"))
    }

    /// An agreement by its id, in force or not.
    pub fn agreement(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        registry.agreements.get(id).map(|known| Arc::clone(&known.agreement))
    }

    /// The manifest of a party as the root key of one agreement vouches for it, if it holds now.
    pub fn manifest_under(&self, id: &AgreementId, agency: &AgencyId) -> Option<Manifest> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let known = registry.agreements.get(id)?;
        registry.manifest(known, agency, self.now()).cloned()
    }

    /// Everybody with whom an agreement is signed by all and whose manifest holds. One that shares no
    /// agreement in force is listed with none: its connections are refused. Drafts name nobody.
    pub fn partners(&self) -> Vec<Partner> {
        let now = self.now();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let mut partners: BTreeMap<AgencyId, Partner> = BTreeMap::new();
        for (id, known) in registry.agreements.iter().filter(|(_, known)| known.is_signed(now)) {
            let standing = Standing::of(&known.agreement, &known.events, now);
            for party in known.agreement.parties.iter().filter(|party| party.agency != self.own) {
                let Some(manifest) = registry.manifest(known, &party.agency, now) else { continue };
                let partner = partners.entry(party.agency.clone()).or_insert_with(|| Partner {
                    agency: party.agency.clone(),
                    country: party.country.clone(),
                    manifest: manifest.clone(),
                    agreements: Vec::new(),
                });
                if standing.carries(&self.own, &party.agency) {
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
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let all = registry.agreements.iter();
        all.map(|(id, known)| AgreementStatus {
            agreement: id.clone(),
            standing: Standing::of(&known.agreement, &known.events, now).to_string(),
            valid_until: known.agreement.valid_to,
            parties: known.agreement.parties.iter().map(|party| party.agency.clone()).collect(),
        })
        .collect()
    }

    /// Does the agreement carry anything between us and that peer now?
    pub(crate) fn check_in_force(
        &self,
        id: &AgreementId,
        peer: &AgencyId,
    ) -> Result<(), RefusalCode> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let known = registry.agreements.get(id).ok_or(RefusalCode::AgreementUnknown)?;
        if known.agreement.party(peer).is_none() {
            // To an outsider an agreement it is no party of does not exist.
            return Err(RefusalCode::AgreementUnknown);
        }
        let standing = Standing::of(&known.agreement, &known.events, self.now());
        if standing.carries(&self.own, peer) {
            Ok(())
        } else {
            Err(RefusalCode::AgreementNotInForce)
        }
    }
}

/// Opens a manifest with the root key that the agreement names for the agency, and says which.
fn open_manifest(
    agreement: &Agreement,
    envelope: &Envelope,
) -> Result<(KeyId, Manifest), DeskError> {
    let signed_by = |id| envelope.signatures.iter().any(|signature| signature.key_id == id);
    let party = agreement.parties.iter().find(|party| signed_by(party.root_key.id()));
    let party = party.ok_or(RefusalCode::SignatureInvalid)?;
    let (manifest, _) = Signed::<Manifest>::open(envelope.clone(), &party.root_key)?.into_parts();
    if manifest.agency != party.agency || manifest.country != party.country {
        return Err(RefusalCode::OriginMismatch.into());
    }
    Ok((party.root_key.id(), manifest))
}
