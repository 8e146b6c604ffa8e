//! Who may sign for a party: officers certified by the authority's key, delegations, substitutes on
//! duty and revocations. Partners see pseudonyms and functions, never names.

use crate::declaration::{Step, exact, not_valid};
use crate::listed::listed;
use domain::encoding::{self, Malformed};
use domain::envelope::{Envelope, Payload, Signed};
use domain::name::{AgencyId, Digest, KeyId, OfficerId};
use domain::signature::PublicKey;
use domain::time::Timestamp;
use domain::value::AgencyKind;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// The most certificates, mandates and revocations of one authority key, each.
pub const ROSTER_MAX: usize = 1024;
/// The longest that a certificate or a mandate lasts, in days.
pub const CERTIFICATE_DAYS_MAX: u32 = 2 * 366;

listed! {
    /// The function of an officer.
    OfficerRole, "officer role" {
        /// A prosecutor or an investigating judge.
        Magistrate = 1 "MAGISTRATE",
        /// Signs in a magistrate's place.
        Deputy = 2 "DEPUTY",
        /// Prepares and cannot sign.
        Clerk = 3 "CLERK",
        /// Asks and submits.
        Analyst = 4 "ANALYST",
        /// Runs the node.
        Operator = 5 "OPERATOR",
        /// Writes the local policy.
        PolicyOfficer = 6 "POLICY_OFFICER",
        /// Watches over personal data.
        DataProtectionOfficer = 7 "DATA_PROTECTION_OFFICER",
        /// An oversight body's person.
        Oversight = 8 "OVERSIGHT",
    }
}

listed! {
    /// What an officer's signature can do for a party.
    Power, "power" {
        /// Proposes, amends, signs, rejects, accepts a partner's new key.
        Bind = 1 "BIND",
        /// Suspends.
        Suspend = 2 "SUSPEND",
        /// Lifts a suspension.
        Lift = 3 "LIFT",
        /// Leaves the agreement.
        Leave = 4 "LEAVE",
        /// States where the chain ends.
        StateHead = 5 "STATE_HEAD",
        /// Orders that data be erased.
        OrderPurge = 6 "ORDER_PURGE",
        /// Confirms that data was erased.
        ConfirmPurge = 7 "CONFIRM_PURGE",
        /// Prepares drafts for somebody else's signature.
        Prepare = 8 "PREPARE",
        /// Approves one record for one partner.
        Approve = 9 "APPROVE",
    }
}

impl OfficerRole {
    /// The widest powers of the role; a certificate gives some of them.
    pub const fn powers(self) -> &'static [Power] {
        match self {
            Self::Magistrate | Self::Deputy => Power::ALL,
            Self::Clerk => &[Power::Prepare, Power::StateHead],
            Self::Operator => &[Power::StateHead, Power::ConfirmPurge],
            Self::PolicyOfficer => &[Power::Prepare],
            Self::DataProtectionOfficer => &[Power::ConfirmPurge, Power::Prepare],
            Self::Analyst | Self::Oversight => &[],
        }
    }
}

impl Power {
    /// The power that a step needs.
    pub const fn for_step(step: &Step) -> Self {
        match step {
            Step::Suspend { .. } => Self::Suspend,
            Step::Lift { .. } => Self::Lift,
            Step::Withdraw => Self::Leave,
            Step::Propose { .. }
            | Step::Sign { .. }
            | Step::Reject { .. }
            | Step::Amend { .. }
            | Step::AcceptKey { .. } => Self::Bind,
        }
    }
}

/// A personal signing key, certified by the authority's key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OfficerCertificate {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// The pseudonym; the agency can resolve it (LED Art. 25).
    #[n(2)]
    pub officer: OfficerId,
    /// The function.
    #[n(3)]
    pub role: OfficerRole,
    /// The personal key.
    #[n(4)]
    pub key: PublicKey,
    /// What the officer may sign: some of the role's powers.
    #[n(5)]
    pub scope: BTreeSet<Power>,
    /// From when (inclusive).
    #[n(6)]
    pub valid_from: Timestamp,
    /// Until when (exclusive).
    #[n(7)]
    pub valid_until: Timestamp,
    /// The kind of authority for which the officer decides, where it is not the prosecution:
    /// [`OfficerCertificate::decides_for`].
    #[n(8)]
    pub authority: Option<AgencyKind>,
}

impl OfficerCertificate {
    /// The kind of authority whose approval this officer's is.
    pub const fn decides_for(&self) -> AgencyKind {
        match self.authority {
            Some(kind) => kind,
            None => AgencyKind::Prosecution,
        }
    }
}

impl Payload for OfficerCertificate {
    const TYPE: &'static str = "application/vnd.malines.officer-certificate.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let certificate: Self = exact("officer certificate", bytes)?;
        let not_valid = |why| not_valid("officer certificate", why);
        let ceiling = certificate.role.powers();
        if !certificate.scope.iter().all(|power| ceiling.contains(power)) {
            return Err(not_valid("a power that the role does not have"));
        }
        check_span(certificate.valid_from, certificate.valid_until).map_err(not_valid)?;
        Ok(certificate)
    }
}

listed! {
    /// Why one officer acts for another.
    MandateKind, "mandate kind" {
        /// Signed by the officer who gives: only what that officer may do.
        Delegation = 1 "DELEGATION",
        /// Signed by the authority's key: the substitute on duty.
        Substitution = 2 "SUBSTITUTION",
    }
}

/// One officer acts for another for a time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Mandate {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// A delegation or a substitution.
    #[n(2)]
    pub kind: MandateKind,
    /// Whose powers.
    #[n(3)]
    pub from: OfficerId,
    /// Who acts.
    #[n(4)]
    pub to: OfficerId,
    /// Which powers.
    #[n(5)]
    pub powers: BTreeSet<Power>,
    /// From when (inclusive).
    #[n(6)]
    pub valid_from: Timestamp,
    /// Until when (exclusive).
    #[n(7)]
    pub valid_until: Timestamp,
}

impl Payload for Mandate {
    const TYPE: &'static str = "application/vnd.malines.mandate.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let mandate: Self = exact("mandate", bytes)?;
        let not_valid = |why| not_valid("mandate", why);
        if mandate.from == mandate.to || mandate.powers.is_empty() {
            return Err(not_valid("from and to the same officer, or without a power"));
        }
        check_span(mandate.valid_from, mandate.valid_until).map_err(not_valid)?;
        Ok(mandate)
    }
}

/// Ends a certificate before its time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Revocation {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// The payload hash of the certificate.
    #[n(2)]
    pub certificate: Digest,
    /// From when it no longer counts; the earliest of several holds.
    #[n(3)]
    pub from: Timestamp,
    /// The last declaration that stands: what the certificate's key says behind it opens nothing,
    /// whatever its date, for whoever has the key writes the date. The earliest of several holds; with
    /// none, dates alone decide.
    #[n(4)]
    pub after: Option<LastPlace>,
}

/// A place in the chain of a party of one agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LastPlace {
    /// The hash of the first version of the agreement.
    #[n(1)]
    pub first: Digest,
    /// The number of the declaration; 0 for none.
    #[n(2)]
    pub n: u32,
}

/// When a certificate ended, and behind which place of which chain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Revoked {
    from: Timestamp,
    after: BTreeMap<Digest, u32>,
}

/// When something was said; and what stands in a chain, where, and no earlier than what it follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    pub(crate) place: Option<LastPlace>,
    pub(crate) not_before: Timestamp,
}

impl Moment {
    /// Outside every chain.
    pub(crate) const fn at(at: Timestamp) -> Self {
        Self { at, place: None, not_before: at }
    }
}

impl Payload for Revocation {
    const TYPE: &'static str = "application/vnd.malines.officer-revocation.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        exact("officer revocation", bytes)
    }
}

/// Why an officer may not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MayNot {
    /// No certificate for this key.
    #[error("no certificate for this key; have the authority certify it")]
    NotCertified,
    /// The certificate is of another agency.
    #[error("the officer is certified for another agency")]
    OtherAgency,
    /// Before or after the certificate's time.
    #[error("the officer's certificate is not valid at that time; have it renewed")]
    OutOfTime,
    /// The certificate was revoked.
    #[error("the officer's certificate was revoked at that time")]
    Revoked,
    /// A role that never signs this: a clerk prepares, somebody else signs.
    #[error("a {0} prepares and cannot sign this; hand it to a magistrate or a deputy")]
    Role(OfficerRole),
    /// The scope does not hold this power, and no mandate gives it.
    #[error("the officer's scope does not hold {0}; it takes a delegation or a wider certificate")]
    Scope(Power),
    /// The roster is full, or what came is not signed by who it says.
    #[error("not taken into the roster: {0}")]
    NotTaken(&'static str),
}

/// The officers of one authority key: a set, so order and repetition mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    agency: AgencyId,
    authority: PublicKey,
    certificates: BTreeMap<KeyId, BTreeMap<Digest, OfficerCertificate>>,
    /// By giver and payload hash; a delegation keeps the key that signed it.
    mandates: BTreeMap<Digest, (Mandate, Option<KeyId>)>,
    revocations: BTreeMap<Digest, Revoked>,
}

impl Roster {
    /// No officer yet.
    pub const fn new(agency: AgencyId, authority: PublicKey) -> Self {
        Self {
            agency,
            authority,
            certificates: BTreeMap::new(),
            mandates: BTreeMap::new(),
            revocations: BTreeMap::new(),
        }
    }

    /// Verifies and takes in a certificate, a mandate or a revocation. A delegation needs the
    /// certificate of its giver first.
    ///
    /// # Errors
    /// [`MayNot::OtherAgency`], [`MayNot::NotCertified`] and [`MayNot::NotTaken`].
    pub fn admit(&mut self, envelope: Envelope) -> Result<(), MayNot> {
        let hash = envelope.payload_hash();
        let unsigned =
            |_| MayNot::NotTaken("not well formed, or not signed by the authority's key");
        match envelope.payload_type.as_str() {
            OfficerCertificate::TYPE => {
                let signed = Signed::<OfficerCertificate>::open(envelope, &self.authority);
                let (certificate, _) = signed.map_err(unsigned)?.into_parts();
                self.of_this_agency(&certificate.agency)?;
                let count: usize = self.certificates.values().map(BTreeMap::len).sum();
                self.room(count)?;
                let of_key = self.certificates.entry(certificate.key.id()).or_default();
                of_key.insert(hash, certificate);
                Ok(())
            }
            Revocation::TYPE => {
                let signed = Signed::<Revocation>::open(envelope, &self.authority);
                let (revocation, _) = signed.map_err(unsigned)?.into_parts();
                self.of_this_agency(&revocation.agency)?;
                // One certificate can be revoked at a place of several agreements.
                self.room(self.revocations.values().map(|one| one.after.len().max(1)).sum())?;
                let Revocation { certificate, from, after, .. } = revocation;
                let new = || Revoked { from, after: BTreeMap::new() };
                let ended = self.revocations.entry(certificate).or_insert_with(new);
                ended.from = from.min(ended.from);
                if let Some(LastPlace { first, n }) = after {
                    let last = ended.after.entry(first).or_insert(n);
                    *last = n.min(*last);
                }
                Ok(())
            }
            Mandate::TYPE => self.admit_mandate(hash, envelope),
            _ => Err(MayNot::NotTaken("neither certificate, mandate nor revocation")),
        }
    }

    /// May the holder of this key do this for the party at that time?
    ///
    /// # Errors
    /// [`MayNot`], the reason of the certificate that comes nearest.
    pub fn may(
        &self,
        key: KeyId,
        party: &AgencyId,
        power: Power,
        at: Timestamp,
    ) -> Result<&OfficerCertificate, MayNot> {
        self.may_say(key, party, power, Moment::at(at))
    }

    /// The same for what stands in the party's chain.
    pub(crate) fn may_say(
        &self,
        key: KeyId,
        party: &AgencyId,
        power: Power,
        moment: Moment,
    ) -> Result<&OfficerCertificate, MayNot> {
        let certificates = self.certificates.get(&key).ok_or(MayNot::NotCertified)?;
        let mut nearest = MayNot::NotCertified;
        for (hash, certificate) in certificates {
            match self.judge(hash, certificate, party, power, moment) {
                Ok(()) => return Ok(certificate),
                Err(why) => nearest = why,
            }
        }
        Err(nearest)
    }

    /// May the holder of this key sign this step for the party at that time?
    ///
    /// # Errors
    /// [`MayNot`].
    pub fn may_sign(
        &self,
        key: KeyId,
        party: &AgencyId,
        step: &Step,
        at: Timestamp,
    ) -> Result<&OfficerCertificate, MayNot> {
        self.may(key, party, Power::for_step(step), at)
    }

    /// The authority key behind this roster.
    pub const fn authority(&self) -> &PublicKey {
        &self.authority
    }

    /// The officer's key of this id, if one is certified.
    pub(crate) fn key(&self, id: KeyId) -> Option<PublicKey> {
        let certificates = self.certificates.get(&id)?;
        certificates.values().next().map(|certificate| certificate.key)
    }

    /// Could the holder of this key ever do this at that time, under some mandate and without a
    /// revocation? What fails here can be refused at the door, whatever else is still to come.
    pub(crate) fn could(
        &self,
        key: KeyId,
        power: Power,
        at: Timestamp,
    ) -> Result<&OfficerCertificate, MayNot> {
        let certificates = self.certificates.get(&key).ok_or(MayNot::NotCertified)?;
        let mut nearest = MayNot::NotCertified;
        for certificate in certificates.values() {
            if !certificate.role.powers().contains(&power) {
                nearest = MayNot::Role(certificate.role);
            } else if at < certificate.valid_from || at >= certificate.valid_until {
                nearest = MayNot::OutOfTime;
            } else {
                return Ok(certificate);
            }
        }
        Err(nearest)
    }

    fn judge(
        &self,
        hash: &Digest,
        certificate: &OfficerCertificate,
        party: &AgencyId,
        power: Power,
        moment: Moment,
    ) -> Result<(), MayNot> {
        if certificate.agency != *party {
            return Err(MayNot::OtherAgency);
        }
        self.is_current(hash, certificate, moment)?;
        if !certificate.role.powers().contains(&power) {
            return Err(MayNot::Role(certificate.role));
        }
        if certificate.scope.contains(&power) || self.is_mandated(certificate, power, moment) {
            Ok(())
        } else {
            Err(MayNot::Scope(power))
        }
    }

    fn is_current(
        &self,
        hash: &Digest,
        certificate: &OfficerCertificate,
        Moment { at, place, not_before }: Moment,
    ) -> Result<(), MayNot> {
        if at < certificate.valid_from || at >= certificate.valid_until {
            return Err(MayNot::OutOfTime);
        }
        let is_past = |ended: &Revoked| {
            let named = place.and_then(|place| Some((place.n, *ended.after.get(&place.first)?)));
            // Where no place was named, what it follows says when it was said at the earliest.
            let behind = named.map_or(not_before >= ended.from, |(n, last)| n > last);
            at >= ended.from || behind
        };
        if self.revocations.get(hash).is_some_and(is_past) { Err(MayNot::Revoked) } else { Ok(()) }
    }

    /// A mandate passes on what the giver's own certificate holds, once: no chain of mandates.
    fn is_mandated(&self, receiver: &OfficerCertificate, power: Power, moment: Moment) -> bool {
        let at = moment.at;
        self.mandates.values().any(|(mandate, signed_by)| {
            mandate.to == receiver.officer
                && mandate.powers.contains(&power)
                && mandate.valid_from <= at
                && at < mandate.valid_until
                && self.certificates.iter().any(|(key, certificates)| {
                    signed_by.is_none_or(|signer| signer == *key)
                        && certificates.iter().any(|(hash, giver)| {
                            giver.officer == mandate.from
                                && giver.scope.contains(&power)
                                && self.is_current(hash, giver, moment).is_ok()
                        })
                })
        })
    }

    fn admit_mandate(&mut self, hash: Digest, envelope: Envelope) -> Result<(), MayNot> {
        let unsigned = |_| MayNot::NotTaken("not well formed, or not signed by who gives");
        let by_authority =
            envelope.signatures.iter().any(|signature| signature.key_id == self.authority.id());
        let (mandate, signed_by) = if by_authority {
            let signed = Signed::<Mandate>::open(envelope, &self.authority).map_err(unsigned)?;
            (signed.into_parts().0, None)
        } else {
            let giver = envelope.signatures.iter().find_map(|signature| {
                let certificates = self.certificates.get(&signature.key_id)?;
                certificates.values().next().map(|certificate| certificate.key)
            });
            let giver = giver.ok_or(MayNot::NotCertified)?;
            let signed = Signed::<Mandate>::open(envelope, &giver).map_err(unsigned)?;
            (signed.into_parts().0, Some(giver.id()))
        };
        self.of_this_agency(&mandate.agency)?;
        if (mandate.kind == MandateKind::Substitution) != signed_by.is_none() {
            let why = "a delegation is signed by its giver, a substitution by the authority";
            return Err(MayNot::NotTaken(why));
        }
        self.room(self.mandates.len())?;
        self.mandates.insert(hash, (mandate, signed_by));
        Ok(())
    }

    fn of_this_agency(&self, agency: &AgencyId) -> Result<(), MayNot> {
        if *agency == self.agency { Ok(()) } else { Err(MayNot::OtherAgency) }
    }

    fn room(&self, count: usize) -> Result<(), MayNot> {
        if count < ROSTER_MAX { Ok(()) } else { Err(MayNot::NotTaken("the roster is full")) }
    }
}

fn check_span(from: Timestamp, until: Timestamp) -> Result<(), &'static str> {
    if from < until && until <= from.plus_days(CERTIFICATE_DAYS_MAX) {
        Ok(())
    } else {
        Err("it ends before it starts, or lasts longer than two years")
    }
}
