//! Agreements on file: what the authorities signed, the manifests of the parties, and how both get
//! in front of the gate.

use crate::error::DeskError;
use crate::{Desk, put};
use agreement::{Agreement, SignedEvents, Standing};
use domain::encoding::{self, Malformed};
use domain::envelope::{Envelope, Payload, Signed};
use domain::event::{Act, Event};
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, Country};
use domain::refusal::RefusalCode;
use domain::report::AgreementStatus;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use store::{Batch, Secrecy, Table};

/// The largest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 4 * 1024 * 1024;
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
    manifests: BTreeMap<AgencyId, Manifest>,
}

#[derive(Clone)]
struct Known {
    agreement: Arc<Agreement>,
    events: Arc<SignedEvents>,
    bundle: Bundle,
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
        let known = self.verify_bundle(bundle)?;
        let id = known.agreement.agreement_id.clone();
        let merged = self.merge(&id, known)?;
        let bytes = merged.bundle.to_bytes();
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(RefusalCode::TooLarge.into());
        }
        let kept = self.store.get(Table::Agreement, id.as_str().as_bytes())?;
        if kept.as_deref() != Some(bytes.as_slice()) {
            let mut event = Event::new(self.now(), Act::AgreementEvent);
            event.shared.agreement = Some(id.clone());
            event.shared.exchange = Some(merged.agreement.hash());
            event.local.note =
                Some(Standing::of(&merged.agreement, &merged.events, self.now()).to_string());
            let key = id.as_str().as_bytes();
            let batch =
                Batch::new().with(put(Table::Agreement, key, bytes, Secrecy::Plain)).saying(event);
            self.store.commit(batch).await?;
        }
        self.admit(merged)?;
        self.draw_token_key(&id).await?;
        Ok(id)
    }

    pub(crate) fn load_agreements(&self) -> Result<(), DeskError> {
        for (_, value) in self.store.scan(Table::Agreement, &[], None, 64)? {
            let bundle = Bundle::from_bytes(&value)?;
            let known = self.verify_bundle(&bundle)?;
            self.admit(known)?;
        }
        Ok(())
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
            let manifest = open_manifest(&known.agreement, envelope)?;
            let newer = registry.manifests.get(&manifest.agency);
            if newer.is_none_or(|newer| newer.sequence < manifest.sequence) {
                registry.manifests.insert(manifest.agency.clone(), manifest);
            }
        }
        registry.agreements.insert(known.agreement.agreement_id.clone(), known);
        let all = registry.agreements.values();
        let all = all.map(|known| (Arc::clone(&known.agreement), Arc::clone(&known.events))).collect();
        drop(registry);
        let replaced = self.gate.replace_agreements(all);
        replaced.map(|_| ()).map_err(|_| DeskError::Fault("the gate does not take the agreements"))
    }

    /// An agreement by its id, in force or not.
    pub fn agreement(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        registry.agreements.get(id).map(|known| Arc::clone(&known.agreement))
    }

    /// The manifest of a partner, if it holds now.
    pub fn manifest(&self, agency: &AgencyId) -> Option<Manifest> {
        let now = self.now();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let manifest = registry.manifests.get(agency)?;
        (manifest.valid_from <= now && now < manifest.valid_until).then(|| manifest.clone())
    }

    /// Everybody with whom an agreement is on file and whose manifest is known. One that shares no
    /// agreement in force is listed with none: its connections are refused.
    pub fn partners(&self) -> Vec<Partner> {
        let now = self.now();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let others = registry.manifests.values().filter(|manifest| manifest.agency != self.own);
        others
            .filter(|manifest| manifest.valid_from <= now && now < manifest.valid_until)
            .map(|manifest| {
                let carrying = registry.agreements.iter().filter(|(_, known)| {
                    known.agreement.party(&manifest.agency).is_some()
                        && Standing::of(&known.agreement, &known.events, now)
                            .carries(&self.own, &manifest.agency)
                });
                Partner {
                    agency: manifest.agency.clone(),
                    country: manifest.country.clone(),
                    agreements: carrying.map(|(id, _)| id.clone()).collect(),
                    manifest: manifest.clone(),
                }
            })
            .collect()
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

/// Opens a manifest with the root key that the agreement names for the agency.
fn open_manifest(agreement: &Agreement, envelope: &Envelope) -> Result<Manifest, DeskError> {
    let signed_by = |id| envelope.signatures.iter().any(|signature| signature.key_id == id);
    let party = agreement.parties.iter().find(|party| signed_by(party.root_key.id()));
    let party = party.ok_or(RefusalCode::SignatureInvalid)?;
    let (manifest, _) = Signed::<Manifest>::open(envelope.clone(), &party.root_key)?.into_parts();
    if manifest.agency != party.agency || manifest.country != party.country {
        return Err(RefusalCode::OriginMismatch.into());
    }
    Ok(manifest)
}

