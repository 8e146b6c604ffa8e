//! The rules that the node with fixed answers has, and what it says of them.

use super::*;
use cedar_engine::{COMMON_FLOOR, Engine};
use domain::class::Class;
use domain::value::TransferBasis;
use policy::difference::{Census, Change, Partner, Way};
use policy::label_space::ordinary;
use policy::proposal::{Activated, Authority as Put, Frozen, PolicyText, Proposal, Which};
use policy::reach::{Granted, Life, PartnerReach, Reach};
use policy::situation::AgencyLabels;
use policy::{Action, Evaluator as _, Verdict};
use wire::convert::policy::CensusPage;

const BELGIUM: &str = include_str!("../../../../../deploy/policy/be.cedar");

fn labels(agency: &str, country: &str) -> AgencyLabels {
    let any = ordinary(Action::Share).own;
    AgencyLabels { agency: agency.parse().unwrap(), country: country.parse().unwrap(), ..any }
}

fn partner(agency: &str, country: &str, transfer: TransferBasis) -> Partner {
    Partner { labels: labels(agency, country), transfer }
}

/// Links, stated by Belgium for Spain and Morocco.
fn class() -> Class {
    let audience = ["es-pn", "ma-dgsn"].map(|agency| agency.parse().unwrap());
    Class {
        agreement: "malines-2026".parse().unwrap(),
        origin: "be-fedpol".parse().unwrap(),
        audience: audience.into(),
        tlp: Tlp::AmberStrict,
        ..ordinary(Action::Share).class
    }
}

pub(crate) fn reach(record_id: RecordId) -> v1::RecordReachResponse {
    let allow = |rule: &str| Verdict::Allow { rules: vec![rule.to_owned()] };
    let deny = |rule: &str| Verdict::Deny { rules: vec![rule.to_owned()] };
    let row = |partner, granted, ways: [Verdict; 3]| PartnerReach {
        partner,
        granted,
        ways: Way::ALL.into_iter().zip(ways).collect(),
    };
    let strict = [
        allow("BE03-share-strict-within-led"),
        allow("BE03-share-strict-within-led"),
        allow("BE08-show-match"),
    ];
    let third = ["code.default-deny"; 3].map(deny);
    let unnamed = ["code.audience"; 3].map(deny);
    let reach = Reach {
        record_id,
        life: Life::Live,
        class: Arc::new(class()),
        own: labels("be-fedpol", "BE"),
        partners: vec![
            row(partner("es-pn", "ES", TransferBasis::IntraLed), Granted::Yes, strict),
            row(partner("fr-ofast", "FR", TransferBasis::IntraLed), Granted::No, unnamed),
            row(partner("ma-dgsn", "MA", TransferBasis::Led371bAssessment), Granted::No, third),
        ],
    };
    reach.into()
}

pub(crate) fn rules(request: v1::ReadPolicyRequest) -> Result<v1::ReadPolicyResponse, Status> {
    let which = Which::try_from(request).map_err(|_| Status::invalid_argument(""))?;
    let local = match which {
        Which::Active => BELGIUM.to_owned(),
        Which::Proposal(_) => narrowed(),
        Which::Previous => {
            return Err(to_status(&Refusal::new(RefusalCode::NotHeld), Reader::Officer));
        }
    };
    let text = PolicyText {
        floor: COMMON_FLOOR.to_owned(),
        bundle: Engine::load(COMMON_FLOOR, &local).unwrap().bundle_hash(),
        local,
        frozen: Frozen::No,
        authority: Put::File,
        agreements: vec!["malines-2026".parse().unwrap()],
    };
    Ok(text.into())
}

/// The example without what is AMBER_STRICT.
pub(crate) fn narrowed() -> String {
    let narrowed = BELGIUM.replace(
        "resource.tlp == Tlp::\"AMBER_STRICT\" &&\n    context",
        "resource.tlp == Tlp::\"CLEAR\" &&\n    context",
    );
    assert_ne!(narrowed, BELGIUM);
    narrowed
}

pub(crate) fn census() -> v1::ReadCensusResponse {
    let partners = vec![
        partner("es-pn", "ES", TransferBasis::IntraLed),
        partner("ma-dgsn", "MA", TransferBasis::Led371bAssessment),
    ];
    let classes = vec![(class(), 41)];
    let census = Census { own: labels("be-fedpol", "BE"), partners, classes };
    CensusPage::cut(census, 0).into()
}

pub(crate) fn proposal() -> v1::PolicyProposal {
    let digest = |byte| domain::name::Digest::from_bytes([byte; 32]);
    let proposal = Proposal {
        difference: digest(0x8d),
        change: Change::Widening,
        from: digest(1),
        to: digest(2),
        signed_by: vec!["BE-1042".parse().unwrap()],
        proposed_at: at(20),
        open_until: at(20).plus_days(30),
    };
    proposal.into()
}

pub(crate) fn activated() -> v1::PolicyActivated {
    let activated = Activated {
        change: Change::Narrowing,
        bundle: domain::name::Digest::from_bytes([3; 32]),
        signed_by: vec!["BE-1042".parse().unwrap()],
        audit_sequence: 40_220,
    };
    activated.into()
}
