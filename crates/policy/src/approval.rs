//! What people signed about one record, weighed: which of it counts, how many persons it is, and how
//! many it takes.
//!
//! The same on both ends: the originator weighs approvals before anything leaves, and the partner
//! weighs them again with the certificates that came in the agreement's papers.

use crate::evaluator::Approvals;
use crate::invariant;
use agreement::officer::Power;
use agreement::terms::UseBasis;
use agreement::{Agreement, Register};
use domain::approval::{APPROVALS_MAX, Approval, ApprovedAct};
use domain::class::Class;
use domain::envelope::Envelope;
use domain::name::{AgencyId, KeyId, OfficerId, RecordId};
use domain::record::{CLOCK_SKEW_MS, Version};
use domain::refusal::{Refusal, RefusalCode};
use domain::time::Timestamp;
use domain::value::{AgencyKind, Offence, Onward, Purpose};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One record that people look at, whatever its class may do by itself.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The record.
    pub record_id: RecordId,
    /// Its version.
    pub version: Version,
    /// Its class.
    pub class: &'a Arc<Class>,
}

/// What an approval must be about, to the letter.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The record.
    pub subject: &'a Subject<'a>,
    /// The partner.
    pub recipient: &'a AgencyId,
    /// What is to be approved.
    pub act: &'a ApprovedAct,
    /// A purpose beside those that the record states, where somebody asked for one.
    pub purpose: Option<Purpose>,
}

/// One approval that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What was approved.
    pub approval: Approval,
    /// The key that signed.
    pub key: KeyId,
    /// The kind of authority whose approval it is.
    pub decides_for: AgencyKind,
}

/// The approvals that count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approved {
    /// The persons, no two of one pseudonym or one key.
    pub persons: Vec<OfficerId>,
    /// How many of each kind of authority they are.
    pub given: Approvals,
    /// Until when all of them count; `None` if there is none.
    pub until: Option<Timestamp>,
}

/// A use in court that is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// Who uses it.
    pub holder: &'a AgencyId,
    /// The case, as the holder names it to the originator.
    pub case: &'a str,
    /// The purpose of the case; `None` where people sign before anybody asks.
    pub purpose: Option<Purpose>,
    /// The offence of the case; `None` where people sign before anybody asks.
    pub offence: Option<Offence>,
}

/// Does what parties signed as permitted use (`use_basis`) cover a use, and may it go without people?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footing {
    /// It is what the record was stated for: nobody is asked, unless the record restricts it.
    AsStated,
    /// It is another use that the agreement lets the originator permit.
    ByConsent,
    /// The agreement has no room for it, whoever permits.
    None,
}

/// What the use of a record in a case stands on. What nobody has said yet could be anything that the
/// agreement has room for.
///
/// | the case | stands on |
/// | --- | --- |
/// | a purpose and an offence that the record states | PURPOSE_OF_AGREEMENT, nobody is asked |
/// | another purpose of the agreement, an offence that the record states | PURPOSE_OF_AGREEMENT |
/// | another offence | OTHER_OFFENCE_WITH_CONSENT |
/// | a threat to life, whatever the record states | IMMEDIATE_SERIOUS_THREAT |
/// | any of them | AS_AGREED: no machine reads the instrument, so people decide |
pub(crate) fn footing(agreement: &Agreement, class: &Class, used: &Used<'_>) -> Footing {
    let has = |basis| agreement.use_basis.contains(&basis);
    let same_purpose = used.purpose.is_some_and(|purpose| class.purposes.contains(&purpose));
    let same_offence = used.offence.is_some_and(|offence| class.offences.contains(&offence));
    let stated_offence = same_offence || used.offence.is_none();
    let other_offence = !same_offence;
    let threat = used.purpose.is_none_or(|purpose| purpose == Purpose::ThreatToLife);
    if same_purpose && same_offence && has(UseBasis::PurposeOfAgreement) {
        return Footing::AsStated;
    }
    let permitted = (stated_offence && has(UseBasis::PurposeOfAgreement))
        || (other_offence && has(UseBasis::OtherOffenceWithConsent))
        || (threat && has(UseBasis::ImmediateSeriousThreat))
        || has(UseBasis::AsAgreed);
    if permitted { Footing::ByConsent } else { Footing::None }
}

/// Whether a record may be used in court: who permits it, and how many it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourtUse {
    /// Those of the originator who permit it.
    pub approved: Approved,
    /// How many persons it takes; 0 if nothing restricts it.
    pub needed: u8,
}

impl CourtUse {
    /// May it be used?
    pub fn is_permitted(&self) -> bool {
        self.approved.count() >= self.needed
    }
}

impl Approved {
    /// How many persons.
    pub(crate) fn count(&self) -> u8 {
        self.given.total()
    }
}

/// Whether one approval counts now.
///
/// # Errors
/// A refusal that names the rule: not signed by who may, about something else, or not now.
pub fn check(
    envelope: &Envelope,
    wanted: Wanted<'_>,
    register: &Register,
    agreement: &Agreement,
    now: Timestamp,
) -> Result<Counted, Refusal> {
    let refused = |code, rule| Refusal::by_rule(code, rule);
    let forged = |_| refused(RefusalCode::SignatureInvalid, invariant::APPROVAL_SIGNED);
    let (approval, key) = register.read::<Approval>(envelope).map_err(forged)?;
    let class = wanted.subject.class;
    let fits = approval.agency == class.origin
        && approval.record_id == wanted.subject.record_id
        && approval.version == wanted.subject.version
        && approval.agreement == class.agreement
        && approval.peer == *wanted.recipient
        && approval.act == *wanted.act
        && class.purposes.is_subset(&approval.purposes)
        && wanted.purpose.is_none_or(|purpose| approval.purposes.contains(&purpose));
    if !fits {
        return Err(refused(RefusalCode::RuleDenied, invariant::APPROVAL_FITS));
    }
    if approval.made_at > now.plus_ms(CLOCK_SKEW_MS) || now >= approval.valid_until {
        return Err(refused(RefusalCode::Expired, invariant::APPROVAL_TIME));
    }
    let mut decides_for = AgencyKind::Prosecution;
    // An approval lasts no longer than the power of who gave it.
    for at in [approval.made_at.min(now), now] {
        let (version, party) = (agreement.hash(), &approval.agency);
        let signatory = register.signatory(&version, party, key, Power::Approve, at);
        let not_entitled = refused(RefusalCode::OfficerNotEntitled, invariant::APPROVAL_SIGNED);
        let signatory = signatory.map_err(|_| not_entitled.clone())?;
        // Under the authority's own key the pseudonym is what its holder says it is.
        if signatory.certified.as_ref().is_some_and(|(officer, _)| *officer != approval.officer) {
            return Err(not_entitled);
        }
        decides_for = signatory.decides_for;
    }
    Ok(Counted { approval, key, decides_for })
}

/// The approvals that count, of at most [`APPROVALS_MAX`].
pub fn weigh(
    envelopes: &[Envelope],
    wanted: Wanted<'_>,
    register: &Register,
    agreement: &Agreement,
    now: Timestamp,
) -> Approved {
    let mut approved = Approved::default();
    let mut keys: BTreeSet<KeyId> = BTreeSet::new();
    for envelope in envelopes.iter().take(APPROVALS_MAX) {
        let Ok(Counted { approval, key, decides_for }) =
            check(envelope, wanted, register, agreement, now)
        else {
            continue;
        };
        if approved.persons.contains(&approval.officer) || !keys.insert(key) {
            continue;
        }
        let until = approved.until.map_or(approval.valid_until, |at| at.min(approval.valid_until));
        approved.until = Some(until);
        approved.given = approved.given.with(decides_for);
        approved.persons.push(approval.officer);
    }
    approved
}

/// How many persons the agreement asks of the originator for these purposes. A party whose approvers
/// are listed approves nothing that they are not listed for.
pub(crate) fn quorum(
    agreement: &Agreement,
    party: &AgencyId,
    purposes: &BTreeSet<Purpose>,
) -> Option<u8> {
    let listed = || agreement.approvers.iter().filter(|approver| approver.party == *party);
    if listed().next().is_none() {
        return Some(1);
    }
    let of_purpose = |purpose| {
        let named = listed().filter(move |approver| approver.purposes.contains(purpose));
        named.map(|approver| u8::try_from(approver.quorum).unwrap_or(u8::MAX)).max()
    };
    let quorums = purposes.iter().map(of_purpose);
    Some(quorums.collect::<Option<Vec<u8>>>()?.into_iter().max().unwrap_or(1).max(1))
}

/// The class as it is put to the rules: the originator's consent adds its partner to the audience,
/// for this question alone. The signed record stays what it is; one that is marked never to be passed
/// on goes to nobody else but in a new version.
pub(crate) fn with_approved_audience(
    class: &Arc<Class>,
    recipient: &AgencyId,
    approved: &Approved,
) -> Arc<Class> {
    let closed = class.onward == Onward::Never || approved.persons.is_empty();
    if closed || class.audience.contains(recipient) {
        return Arc::clone(class);
    }
    let mut asked = Class::clone(class);
    asked.audience.insert(recipient.clone());
    Arc::new(asked)
}
