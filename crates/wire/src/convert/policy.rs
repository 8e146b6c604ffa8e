//! The policy tools: how far a record reaches, rules, counts of classes, proposals and signatures.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::withdrawal::RecordReference;
use crate::v1;
use domain::class::{CLASSES_MAX, Class};
use domain::encoding;
use domain::envelope::Envelope;
use domain::name::{AgreementId, Digest, RecordId};
use policy::Verdict;
use policy::difference::{Census, Change, PARTNERS_MAX, Partner, Way};
use policy::proposal::{
    Activated, Authority, Frozen, PROPOSALS_MAX, PolicyText, Proposal, REFERENCE_BYTES_MIN,
    SIGNATURES_MAX, Which,
};
use policy::reach::{Granted, Life, PartnerReach, RULES_MAX, Reach};
use policy::situation::AgencyLabels;
use std::sync::Arc;

/// The largest label tuple, in bytes.
const CLASS_BYTES_MAX: usize = 8 * 1024;
/// The longest text of rules, in bytes.
const RULES_BYTES_MAX: usize = 256 * 1024;
/// The most classes of one page.
pub const CENSUS_CLASSES_MAX: usize = 256;
/// The most bytes of classes of one page; far below the limit of a message.
const CENSUS_BYTES_MAX: usize = 512 * 1024;
/// The most agreements that are named.
const AGREEMENTS_MAX: usize = 64;
/// The longest name of a rule, in characters.
const RULE_CHARACTERS_MAX: usize = domain::refusal::RULE_BYTES_MAX;

impl From<RecordReference> for v1::RecordReachRequest {
    fn from(reference: RecordReference) -> Self {
        Self { record_id: reference.into_bytes() }
    }
}

impl TryFrom<v1::RecordReachRequest> for RecordReference {
    type Error = Invalid;

    fn try_from(request: v1::RecordReachRequest) -> Result<Self, Invalid> {
        Self::new(&request.record_id)
    }
}

impl From<Reach> for v1::RecordReachResponse {
    fn from(reach: Reach) -> Self {
        let life = match reach.life {
            Life::Live => v1::RecordLife::Live,
            Life::Expired => v1::RecordLife::Expired,
        };
        Self {
            record_id: reach.record_id.as_bytes().to_vec(),
            life: life.into(),
            class: reach.class.to_bytes(),
            own: Some(reach.own.into()),
            partners: reach.partners.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::RecordReachResponse> for Reach {
    type Error = Invalid;

    fn try_from(response: v1::RecordReachResponse) -> Result<Self, Invalid> {
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &response.record_id)?),
            life: match v1::RecordLife::try_from(response.life) {
                Ok(v1::RecordLife::Live) => Life::Live,
                Ok(v1::RecordLife::Expired) => Life::Expired,
                Ok(v1::RecordLife::Unspecified) | Err(_) => {
                    return Err(Invalid::new("life", Why::Unknown));
                }
            },
            class: Arc::new(class(&response.class)?),
            own: field::present("own", response.own)?.try_into()?,
            partners: field::list(
                "partners",
                response.partners,
                PARTNERS_MAX,
                PartnerReach::try_from,
            )?,
        })
    }
}

impl From<PartnerReach> for v1::PartnerReach {
    fn from(reach: PartnerReach) -> Self {
        Self {
            labels: Some(reach.partner.labels.into()),
            transfer: reach.partner.transfer.as_str().to_owned(),
            granted: reach.granted == Granted::Yes,
            ways: reach.ways.into_iter().map(way_decision).collect(),
        }
    }
}

impl TryFrom<v1::PartnerReach> for PartnerReach {
    type Error = Invalid;

    fn try_from(reach: v1::PartnerReach) -> Result<Self, Invalid> {
        let partner = Partner {
            labels: field::present("labels", reach.labels)?.try_into()?,
            transfer: field::name("transfer", &reach.transfer)?,
        };
        Ok(Self {
            partner,
            granted: if reach.granted { Granted::Yes } else { Granted::No },
            ways: field::list("ways", reach.ways, Way::ALL.len(), read_way_decision)?,
        })
    }
}

fn way_decision((way, verdict): (Way, Verdict)) -> v1::WayDecision {
    let way = match way {
        Way::Machine => v1::Way::Machine,
        Way::Hand => v1::Way::Hand,
        Way::Match => v1::Way::Match,
    };
    let (decision, rules, authority, persons) = match verdict {
        Verdict::Allow { rules } => (v1::PolicyDecision::Allow, rules, String::new(), 0),
        Verdict::NeedsApproval { authority, persons, rule } => (
            v1::PolicyDecision::NeedsApproval,
            vec![rule],
            authority.as_str().to_owned(),
            u32::from(persons),
        ),
        Verdict::Deny { rules } => (v1::PolicyDecision::Deny, rules, String::new(), 0),
        Verdict::Fault { .. } => {
            let rules = vec![policy::invariant::EVALUATOR.to_owned()];
            (v1::PolicyDecision::Deny, rules, String::new(), 0)
        }
    };
    let rules = rules.iter().take(RULES_MAX).map(|rule| field::fit(rule, RULE_CHARACTERS_MAX));
    v1::WayDecision {
        way: way.into(),
        decision: decision.into(),
        rules: rules.collect(),
        authority,
        persons,
    }
}

fn read_way_decision(decision: v1::WayDecision) -> Result<(Way, Verdict), Invalid> {
    let way = match v1::Way::try_from(decision.way) {
        Ok(v1::Way::Machine) => Way::Machine,
        Ok(v1::Way::Hand) => Way::Hand,
        Ok(v1::Way::Match) => Way::Match,
        Ok(v1::Way::Unspecified) | Err(_) => return Err(Invalid::new("way", Why::Unknown)),
    };
    let read = |rule| field::words("rules", rule, RULE_CHARACTERS_MAX);
    let rules = field::list("rules", decision.rules, RULES_MAX, read)?;
    let verdict = match v1::PolicyDecision::try_from(decision.decision) {
        Ok(v1::PolicyDecision::Allow) => Verdict::Allow { rules },
        Ok(v1::PolicyDecision::NeedsApproval) => Verdict::NeedsApproval {
            authority: field::name("authority", &decision.authority)?,
            persons: u8::try_from(decision.persons)
                .map_err(|_| Invalid::new("persons", Why::OutOfRange))?,
            rule: field::present("rules", rules.into_iter().next())?,
        },
        Ok(v1::PolicyDecision::Deny) => Verdict::Deny { rules },
        Ok(v1::PolicyDecision::Unspecified) | Err(_) => {
            return Err(Invalid::new("decision", Why::Unknown));
        }
    };
    Ok((way, verdict))
}

impl From<AgencyLabels> for v1::AgencyLabels {
    fn from(labels: AgencyLabels) -> Self {
        Self {
            agency: labels.agency.to_string(),
            country: labels.country.to_string(),
            kind: labels.kind.as_str().to_owned(),
            role: labels.role.as_str().to_owned(),
        }
    }
}

impl TryFrom<v1::AgencyLabels> for AgencyLabels {
    type Error = Invalid;

    fn try_from(labels: v1::AgencyLabels) -> Result<Self, Invalid> {
        Ok(Self {
            agency: field::name("agency", &labels.agency)?,
            country: field::name("country", &labels.country)?,
            kind: field::name("kind", &labels.kind)?,
            role: field::name("role", &labels.role)?,
        })
    }
}

impl From<Which> for v1::ReadPolicyRequest {
    fn from(which: Which) -> Self {
        use v1::read_policy_request::Which as Wire;
        let which = match which {
            Which::Active => Wire::Active(true),
            Which::Previous => Wire::Previous(true),
            Which::Proposal(first_bytes) => Wire::Proposal(first_bytes),
        };
        Self { which: Some(which) }
    }
}

impl TryFrom<v1::ReadPolicyRequest> for Which {
    type Error = Invalid;

    fn try_from(request: v1::ReadPolicyRequest) -> Result<Self, Invalid> {
        use v1::read_policy_request::Which as Wire;
        match field::present("which", request.which)? {
            Wire::Active(true) => Ok(Self::Active),
            Wire::Previous(true) => Ok(Self::Previous),
            Wire::Active(false) | Wire::Previous(false) => {
                Err(Invalid::new("which", Why::Contradictory))
            }
            Wire::Proposal(bytes) => Ok(Self::Proposal(reference(bytes)?)),
        }
    }
}

/// The hash of a difference, or its first bytes.
fn reference(first_bytes: Vec<u8>) -> Result<Vec<u8>, Invalid> {
    match first_bytes.len() {
        REFERENCE_BYTES_MIN..=Digest::BYTES => Ok(first_bytes),
        _ => Err(Invalid::new("proposal", Why::Step)),
    }
}

impl From<PolicyText> for v1::ReadPolicyResponse {
    fn from(text: PolicyText) -> Self {
        let agreements = text.agreements.iter().take(AGREEMENTS_MAX);
        Self {
            floor: text.floor,
            local: text.local,
            bundle: text.bundle.as_bytes().to_vec(),
            frozen: text.frozen == Frozen::Yes,
            signed: text.authority == Authority::Signatures,
            agreements: agreements.map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::ReadPolicyResponse> for PolicyText {
    type Error = Invalid;

    fn try_from(response: v1::ReadPolicyResponse) -> Result<Self, Invalid> {
        let read = |agreement: String| field::name("agreements", &agreement);
        Ok(Self {
            floor: rules("floor", response.floor)?,
            local: rules("local", response.local)?,
            bundle: digest("bundle", &response.bundle)?,
            frozen: if response.frozen { Frozen::Yes } else { Frozen::No },
            authority: if response.signed { Authority::Signatures } else { Authority::File },
            agreements: field::distinct("agreements", response.agreements, AGREEMENTS_MAX, read)?,
        })
    }
}

/// One page of the classes that are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusPage {
    /// The classes of this page, with everything else.
    pub census: Census,
    /// How many classes there are, over all pages.
    pub classes_total: u32,
}

/// The agreement of a census, and the place after which a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusAfter {
    /// The agreement.
    pub agreement: AgreementId,
    /// How many classes the pages before had.
    pub after: u32,
}

impl CensusPage {
    /// Cuts a page out of a census.
    pub fn cut(census: Census, after: u32) -> Self {
        let classes_total = u32::try_from(census.classes.len()).unwrap_or(u32::MAX);
        let mut bytes = 0;
        let fits = |one: &(Class, u64)| {
            bytes += one.0.to_bytes().len() + 16;
            bytes <= CENSUS_BYTES_MAX
        };
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let classes = census.classes.into_iter().skip(skipped);
        let classes = classes.take(CENSUS_CLASSES_MAX).take_while(fits).collect();
        Self { census: Census { classes, ..census }, classes_total }
    }
}

impl From<CensusAfter> for v1::ReadCensusRequest {
    fn from(asked: CensusAfter) -> Self {
        Self { agreement: asked.agreement.to_string(), after: asked.after }
    }
}

impl TryFrom<v1::ReadCensusRequest> for CensusAfter {
    type Error = Invalid;

    fn try_from(request: v1::ReadCensusRequest) -> Result<Self, Invalid> {
        Ok(Self { agreement: field::name("agreement", &request.agreement)?, after: request.after })
    }
}

impl From<CensusPage> for v1::ReadCensusResponse {
    fn from(page: CensusPage) -> Self {
        let Census { own, partners, classes } = page.census;
        let partners = partners.into_iter().map(|partner| v1::CensusPartner {
            labels: Some(partner.labels.into()),
            transfer: partner.transfer.as_str().to_owned(),
        });
        let classes = classes.into_iter();
        let classes =
            classes.map(|(class, records)| v1::CensusClass { class: class.to_bytes(), records });
        Self {
            own: Some(own.into()),
            partners: partners.collect(),
            classes: classes.collect(),
            classes_total: page.classes_total,
        }
    }
}

impl TryFrom<v1::ReadCensusResponse> for CensusPage {
    type Error = Invalid;

    fn try_from(response: v1::ReadCensusResponse) -> Result<Self, Invalid> {
        let partner = |partner: v1::CensusPartner| {
            Ok(Partner {
                labels: field::present("labels", partner.labels)?.try_into()?,
                transfer: field::name("transfer", &partner.transfer)?,
            })
        };
        let one = |one: v1::CensusClass| Ok((class(&one.class)?, one.records));
        let total = usize::try_from(response.classes_total).unwrap_or(usize::MAX);
        field::at_most("classes_total", total, CLASSES_MAX)?;
        let census = Census {
            own: field::present("own", response.own)?.try_into()?,
            partners: field::list("partners", response.partners, PARTNERS_MAX, partner)?,
            classes: field::list("classes", response.classes, CENSUS_CLASSES_MAX, one)?,
        };
        Ok(Self { census, classes_total: response.classes_total })
    }
}

impl From<Proposal> for v1::PolicyProposal {
    fn from(proposal: Proposal) -> Self {
        Self {
            difference: proposal.difference.as_bytes().to_vec(),
            change: change(proposal.change).into(),
            from: proposal.from.as_bytes().to_vec(),
            to: proposal.to.as_bytes().to_vec(),
            signed_by: proposal.signed_by.iter().map(ToString::to_string).collect(),
            signatures_needed: u32::try_from(proposal.change.signatures_needed()).unwrap_or(2),
            proposed_at_ms: proposal.proposed_at.as_millis(),
            open_until_ms: proposal.open_until.as_millis(),
        }
    }
}

impl TryFrom<v1::PolicyProposal> for Proposal {
    type Error = Invalid;

    fn try_from(proposal: v1::PolicyProposal) -> Result<Self, Invalid> {
        let read = |officer: String| field::name("signed_by", &officer);
        Ok(Self {
            difference: digest("difference", &proposal.difference)?,
            change: read_change(proposal.change)?,
            from: digest("from", &proposal.from)?,
            to: digest("to", &proposal.to)?,
            signed_by: field::list("signed_by", proposal.signed_by, SIGNATURES_MAX, read)?,
            proposed_at: field::instant("proposed_at_ms", proposal.proposed_at_ms)?,
            open_until: field::instant("open_until_ms", proposal.open_until_ms)?,
        })
    }
}

impl From<Vec<Proposal>> for v1::ListProposalsResponse {
    fn from(proposals: Vec<Proposal>) -> Self {
        Self { proposals: proposals.into_iter().take(PROPOSALS_MAX).map(Into::into).collect() }
    }
}

impl TryFrom<v1::ListProposalsResponse> for Vec<Proposal> {
    type Error = Invalid;

    fn try_from(response: v1::ListProposalsResponse) -> Result<Self, Invalid> {
        field::list("proposals", response.proposals, PROPOSALS_MAX, Proposal::try_from)
    }
}

/// The request that proposes rules, or adds a signature.
pub fn to_request(local: String, consent: Envelope) -> v1::SignPolicyRequest {
    v1::SignPolicyRequest { local, consent: Some(consent.into()) }
}

/// Reads the request that proposes rules, or adds a signature.
///
/// # Errors
/// [`Invalid`]; the request is refused whole.
pub fn from_request(request: v1::SignPolicyRequest) -> Result<(String, Envelope), Invalid> {
    let local = rules("local", request.local)?;
    Ok((local, field::present("consent", request.consent)?.try_into()?))
}

impl From<Proposal> for v1::SignPolicyResponse {
    fn from(proposal: Proposal) -> Self {
        Self { proposal: Some(proposal.into()) }
    }
}

impl TryFrom<v1::SignPolicyResponse> for Proposal {
    type Error = Invalid;

    fn try_from(response: v1::SignPolicyResponse) -> Result<Self, Invalid> {
        field::present("proposal", response.proposal)?.try_into()
    }
}

/// The first bytes of the hash of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalReference(pub Vec<u8>);

impl From<ProposalReference> for v1::ActivatePolicyRequest {
    fn from(reference: ProposalReference) -> Self {
        Self { difference: reference.0 }
    }
}

impl TryFrom<v1::ActivatePolicyRequest> for ProposalReference {
    type Error = Invalid;

    fn try_from(request: v1::ActivatePolicyRequest) -> Result<Self, Invalid> {
        Ok(Self(reference(request.difference)?))
    }
}

impl From<Envelope> for v1::FreezePolicyRequest {
    fn from(consent: Envelope) -> Self {
        Self { consent: Some(consent.into()) }
    }
}

impl TryFrom<v1::FreezePolicyRequest> for Envelope {
    type Error = Invalid;

    fn try_from(request: v1::FreezePolicyRequest) -> Result<Self, Invalid> {
        field::present("consent", request.consent)?.try_into()
    }
}

impl From<Activated> for v1::PolicyActivated {
    fn from(activated: Activated) -> Self {
        Self {
            change: change(activated.change).into(),
            bundle: activated.bundle.as_bytes().to_vec(),
            signed_by: activated.signed_by.iter().map(ToString::to_string).collect(),
            audit_sequence: activated.audit_sequence,
        }
    }
}

/// Reads what was put in force, from either answer that says it.
///
/// # Errors
/// [`Invalid`].
pub fn activated(activated: Option<v1::PolicyActivated>) -> Result<Activated, Invalid> {
    let activated = field::present("activated", activated)?;
    let read = |officer: String| field::name("signed_by", &officer);
    Ok(Activated {
        change: read_change(activated.change)?,
        bundle: digest("bundle", &activated.bundle)?,
        signed_by: field::list("signed_by", activated.signed_by, SIGNATURES_MAX, read)?,
        audit_sequence: activated.audit_sequence,
    })
}

const fn change(change: Change) -> v1::PolicyChange {
    match change {
        Change::Same => v1::PolicyChange::Same,
        Change::Narrowing => v1::PolicyChange::Narrows,
        Change::Widening => v1::PolicyChange::Widens,
    }
}

fn read_change(number: i32) -> Result<Change, Invalid> {
    match v1::PolicyChange::try_from(number) {
        Ok(v1::PolicyChange::Same) => Ok(Change::Same),
        Ok(v1::PolicyChange::Narrows) => Ok(Change::Narrowing),
        Ok(v1::PolicyChange::Widens) => Ok(Change::Widening),
        Ok(v1::PolicyChange::Unspecified) | Err(_) => Err(Invalid::new("change", Why::Unknown)),
    }
}

fn class(bytes: &[u8]) -> Result<Class, Invalid> {
    encoding::from_bytes("class", bytes, CLASS_BYTES_MAX)
        .map_err(|_| Invalid::new("class", Why::NotWellFormed))
}

fn digest(what: &'static str, bytes: &[u8]) -> Result<Digest, Invalid> {
    Ok(Digest::from_bytes(field::bytes(what, bytes)?))
}

/// Rules are texts of many lines; what they may be is for the engine to say.
fn rules(what: &'static str, text: String) -> Result<String, Invalid> {
    if text.len() > RULES_BYTES_MAX {
        return Err(Invalid::new(what, Why::TooLong { max: RULES_BYTES_MAX }));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::value::TransferBasis;
    use policy::label_space::ordinary;

    fn partner() -> Partner {
        let labels = ordinary(policy::Action::Share).peer;
        Partner { labels, transfer: TransferBasis::IntraLed }
    }

    #[test]
    fn how_far_a_record_reaches_goes_there_and_back() {
        let situation = ordinary(policy::Action::Share);
        let deny = Verdict::Deny { rules: vec!["code.audience".to_owned()] };
        let approval = Verdict::NeedsApproval {
            authority: "PROSECUTION".parse().unwrap(),
            persons: 2,
            rule: "C08".to_owned(),
        };
        let allow = Verdict::Allow { rules: vec!["BE02".to_owned(), "BE03".to_owned()] };
        let reach = Reach {
            record_id: RecordId::from_bytes([5; 16]),
            life: Life::Expired,
            class: Arc::new(situation.class),
            own: situation.own,
            partners: vec![PartnerReach {
                partner: partner(),
                granted: Granted::Yes,
                ways: vec![(Way::Machine, deny), (Way::Hand, approval), (Way::Match, allow)],
            }],
        };
        let message = v1::RecordReachResponse::from(reach.clone());
        assert_eq!(Reach::try_from(message.clone()), Ok(reach));
        let with = |change: fn(&mut v1::RecordReachResponse)| {
            let mut message = message.clone();
            change(&mut message);
            Reach::try_from(message).unwrap_err().what
        };
        assert_eq!(with(|message| message.life = 0), "life");
        assert_eq!(with(|message| message.class.push(0)), "class");
        assert_eq!(with(|message| message.own = None), "own");
        assert_eq!(with(|message| message.partners[0].ways[0].way = 9), "way");
        assert_eq!(with(|message| message.partners[0].ways[0].decision = 0), "decision");
        assert_eq!(with(|message| message.partners[0].ways[1].persons = 300), "persons");
        assert_eq!(with(|message| message.partners[0].transfer = "MAYBE".into()), "transfer");
    }

    #[test]
    fn a_census_is_cut_into_pages_that_fit() {
        let situation = ordinary(policy::Action::Share);
        let classes = (0..CENSUS_CLASSES_MAX as u64 + 10).map(|n| (situation.class.clone(), n));
        let census = Census {
            own: situation.own.clone(),
            partners: vec![partner()],
            classes: classes.collect(),
        };
        let first = CensusPage::cut(census.clone(), 0);
        assert_eq!(first.census.classes.len(), CENSUS_CLASSES_MAX);
        let message = v1::ReadCensusResponse::from(first.clone());
        assert_eq!(CensusPage::try_from(message), Ok(first));
        let last = CensusPage::cut(census.clone(), CENSUS_CLASSES_MAX as u32);
        assert_eq!((last.census.classes.len(), last.classes_total), (10, 266));
        assert!(CensusPage::cut(census, u32::MAX).census.classes.is_empty());
    }

    #[test]
    fn what_is_no_proposal_and_no_text_is_refused() {
        for bytes in [0, 2, 33] {
            let request = v1::ActivatePolicyRequest { difference: vec![1; bytes] };
            assert!(ProposalReference::try_from(request).is_err(), "{bytes}");
            assert!(
                Which::try_from(v1::ReadPolicyRequest::from(Which::Proposal(vec![1; bytes])))
                    .is_err()
            );
        }
        for which in [Which::Active, Which::Previous, Which::Proposal(vec![7; 3])] {
            assert_eq!(Which::try_from(v1::ReadPolicyRequest::from(which.clone())), Ok(which));
        }
        let long = "x".repeat(RULES_BYTES_MAX + 1);
        let request = v1::SignPolicyRequest { local: long, consent: None };
        assert_eq!(from_request(request).unwrap_err().what, "local");
        let proposal = v1::PolicyProposal { difference: vec![1; 32], ..Default::default() };
        assert_eq!(Proposal::try_from(proposal).unwrap_err().what, "change");
    }
}
