//! Who of a party signed something: for what is no step of an agreement and rests on its people.

use crate::officer::{MayNot, OfficerRole, Power};
use crate::reading::sequence_of;
use crate::{AgreementError, Register};
use domain::envelope::{Envelope, Payload};
use domain::name::{AgencyId, Digest, KeyId, OfficerId};
use domain::time::Timestamp;
use domain::value::AgencyKind;

/// One person of a party. The authority's key stands for one person, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatory {
    /// The key that signed.
    pub key: KeyId,
    /// The pseudonym and function in the certificate; `None` for the authority's own key.
    pub certified: Option<(OfficerId, OfficerRole)>,
    /// The kind of authority for which the person decides.
    pub decides_for: AgencyKind,
}

impl Register {
    /// Opens what some certified person or authority of a party signed; a stranger's message is not
    /// parsed. What the signer may do is another question: [`Register::signatory`].
    ///
    /// # Errors
    /// [`AgreementError`]: signed by nobody known, forged, or not well formed.
    pub fn read<T: Payload>(&self, envelope: &Envelope) -> Result<(T, KeyId), AgreementError> {
        envelope.check_limits()?;
        self.open(envelope)
    }

    /// Who of a party of this version holds that key, if the power is there at that time. Only the
    /// authority key that is in charge counts, and those whom it certified: what an older key
    /// certified, the new one certifies again.
    ///
    /// # Errors
    /// [`MayNot`], the reason of the certificate that comes nearest.
    pub fn signatory(
        &self,
        version: &Digest,
        party: &AgencyId,
        key: KeyId,
        power: Power,
        at: Timestamp,
    ) -> Result<Signatory, MayNot> {
        let mut versions = self.versions().filter(|(hash, _)| *hash == version);
        let voice = versions.next().and_then(|(_, version)| version.voices.get(party));
        let voice = voice.ok_or(MayNot::OtherAgency)?;
        let mut voices = self.voices().filter(|(known, _)| *known == voice);
        let (_, spoken) = voices.next().ok_or(MayNot::OtherAgency)?;
        let replaced = sequence_of(spoken).last().map(|(_, replacement)| replacement.new_key.id());
        let authority = replaced.unwrap_or_else(|| voice.base());
        if key == authority {
            return Ok(Signatory { key, certified: None, decides_for: AgencyKind::Prosecution });
        }
        let roster = spoken.roster(&authority).ok_or(MayNot::NotCertified)?;
        let certificate = roster.may(key, party, power, at)?;
        let certified = Some((certificate.officer.clone(), certificate.role));
        Ok(Signatory { key, certified, decides_for: certificate.decides_for() })
    }
}
