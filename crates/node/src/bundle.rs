//! Agreement bundles: drafted by one party, signed by every authority, carried from hand to hand.
//!
//! A bundle holds the exact terms, the signatures of the authorities and the manifests of the
//! parties' nodes. It needs no network and no node: each step takes a bundle and gives a new one.

use crate::error::NodeError;
use crate::rendering;
use agreement::event::Act;
use agreement::{Agreement, SignedEvents, Standing, Terms};
pub use desk::agreements::Bundle;
use domain::envelope::{Envelope, OpenError, Payload as _, Signed};
use domain::manifest::Manifest;
use domain::name::{AgencyId, Digest, KeyId};
use domain::signature::Signer;
use domain::time::Timestamp;

/// A bundle of which every signature was verified.
#[derive(Debug)]
pub struct Reading {
    /// The terms.
    pub agreement: Agreement,
    /// Who said what about them.
    pub events: SignedEvents,
    /// The manifests, as the parties' root keys signed them.
    pub manifests: Vec<Manifest>,
}

impl Reading {
    /// Whether it binds now.
    pub fn standing(&self, now: Timestamp) -> Standing {
        Standing::of(&self.agreement, &self.events, now)
    }

    /// The newest manifest of a party.
    pub fn manifest(&self, agency: &AgencyId) -> Option<&Manifest> {
        let of_party = self.manifests.iter().filter(|manifest| manifest.agency == *agency);
        of_party.max_by_key(|manifest| manifest.sequence)
    }
}

/// Starts a bundle: terms that fit together, signed by nobody.
///
/// # Errors
/// [`NodeError::Agreement`] with the first thing that does not fit.
pub fn draft(terms: Terms) -> Result<Bundle, NodeError> {
    let agreement = Agreement::new(terms)?;
    Ok(Bundle { agreement: agreement.to_payload(), events: Vec::new(), manifests: Vec::new() })
}

/// Verifies every signature of a bundle.
///
/// # Errors
/// [`NodeError::Agreement`], [`NodeError::Document`] and [`NodeError::ForeignManifest`].
pub fn verify(bundle: &Bundle) -> Result<Reading, NodeError> {
    let agreement = Agreement::from_payload(&bundle.agreement)
        .map_err(|error| NodeError::Agreement(error.into()))?;
    let events = SignedEvents::collect(&agreement, bundle.events.iter().cloned())?;
    let manifests = bundle.manifests.iter().map(|envelope| open_manifest(&agreement, envelope));
    let manifests = manifests.collect::<Result<Vec<_>, _>>()?;
    Ok(Reading { agreement, events, manifests })
}

/// Signs for a party. Signing again what the party already signed changes nothing.
///
/// The signature carries the hash of [`rendering::terms`], the text that is shown before.
///
/// # Errors
/// As [`verify`]; [`NodeError::Agreement`] if the key is not that party's authority key.
pub fn sign(
    bundle: &Bundle,
    party: &AgencyId,
    signer: &dyn Signer,
    now: Timestamp,
) -> Result<Bundle, NodeError> {
    let Reading { agreement, mut events, .. } = verify(bundle)?;
    let known = agreement.party(party).filter(|known| known.authority_key == signer.public_key());
    if known.is_none() {
        return Err(agreement::AgreementError::NotAParty(party.clone()).into());
    }
    if !is_missing(&Standing::of(&agreement, &events, now), party) {
        return Ok(bundle.clone());
    }
    let shown =
        Digest::from_bytes(domain::digest::hash(&[rendering::terms(&agreement).as_bytes()]));
    let event = events.append(&agreement, party, Act::Sign { shown }, now, signer)?;
    let mut signed = bundle.clone();
    signed.events.push(event);
    Ok(signed)
}

/// Adds the manifest of a party's node. Adding the same again changes nothing.
///
/// # Errors
/// As [`verify`]: the manifest must be signed by the root key that the terms name for its agency.
pub fn add_manifest(bundle: &Bundle, manifest: &Envelope) -> Result<Bundle, NodeError> {
    let Reading { agreement, .. } = verify(bundle)?;
    open_manifest(&agreement, manifest)?;
    let mut extended = bundle.clone();
    if !extended.manifests.contains(manifest) {
        extended.manifests.push(manifest.clone());
    }
    Ok(extended)
}

/// Everything about a bundle in plain words: the terms, who signed, the nodes, and whether it binds.
///
/// # Errors
/// As [`verify`].
pub fn show(bundle: &Bundle, now: Timestamp) -> Result<String, NodeError> {
    let reading = verify(bundle)?;
    let standing = reading.standing(now);
    let mut text = rendering::terms(&reading.agreement);
    text.push_str("\nSignatures and nodes\n");
    for party in &reading.agreement.parties {
        let signed = if is_missing(&standing, &party.agency) { "not signed" } else { "signed" };
        let node = match reading.manifest(&party.agency) {
            Some(manifest) if manifest.valid_until <= now => "manifest EXPIRED".to_owned(),
            Some(manifest) => format!("node at {}", manifest.addresses.join(", ").escape_debug()),
            None => "no manifest yet".to_owned(),
        };
        text.push_str(&format!("  {:<16} {signed:<10}  {node}\n", party.agency));
    }
    text.push_str(&format!("\nStanding now: {standing}\n"));
    Ok(text)
}

fn is_missing(standing: &Standing, party: &AgencyId) -> bool {
    matches!(standing, Standing::Incomplete { missing } if missing.contains(party))
}

/// Opens a manifest with the root key that the terms name for the agency it speaks for.
fn open_manifest(agreement: &Agreement, envelope: &Envelope) -> Result<Manifest, NodeError> {
    let what = "manifest";
    let signed_by = |id| envelope.signatures.iter().any(|signature| signature.key_id == id);
    let party = agreement.parties.iter().find(|party| signed_by(party.root_key.id()));
    let Some(party) = party else {
        let first = envelope.signatures.first().map(|signature| signature.key_id);
        let nobody = KeyId::from_bytes([0; KeyId::BYTES]);
        let error = OpenError::NotSignedBy(first.unwrap_or(nobody));
        return Err(NodeError::Document { what: "manifest, by no root key of a party,", error });
    };
    let signed = Signed::<Manifest>::open(envelope.clone(), &party.root_key)
        .map_err(|error| NodeError::Document { what, error })?;
    let (manifest, _) = signed.into_parts();
    if manifest.agency != party.agency || manifest.country != party.country {
        let (claimed, signed_by) = (manifest.agency.to_string(), party.agency.to_string());
        return Err(NodeError::ForeignManifest { claimed, signed_by });
    }
    Ok(manifest)
}
