//! What the terms say now decides about what was shared under the terms of before; and a derogation
//! lets one record through, by hand, with the reason in writing.

use crate::fixture::{self, agency, authority_of, now, register_without};
use crate::floor;
use agreement::terms::{DerogationGround, NationalOffence, TransferCondition};
use agreement::{Agreement, Language, Register, Step, Terms, WhyNot};
use domain::approval::{Approval, ApprovedAct};
use domain::class::Class;
use domain::envelope::{Envelope, Signed};
use domain::name::{Digest, RecordId};
use domain::question::QuestionTerms;
use domain::record::Version;
use domain::refusal::RefusalCode;
use domain::value::{Channel, Offence, TransferBasis};
use policy::approval::Subject;
use policy::table::TableEvaluator;
use policy::{Action, Decision, Gate};
use std::sync::Arc;

fn gate(register: Register) -> Gate {
    let gate = Gate::new(agency("be-fedpol"), Arc::new(TableEvaluator::open(floor())));
    gate.replace_agreements(vec![Arc::new(register)]).unwrap();
    gate
}

/// Forged documents are an offence everywhere.
fn first() -> Agreement {
    let mut terms = fixture::terms(floor());
    terms.offence_map = ["BE", "ES", "FR", "MA"].map(|c| article(Offence::DocumentFraud, c)).into();
    let smuggling = ["BE", "ES", "FR", "MA"].map(|c| article(Offence::MigrantSmuggling, c));
    terms.offence_map.extend(smuggling);
    terms
        .offence_map
        .sort_by(|one, other| (one.offence, &one.country).cmp(&(other.offence, &other.country)));
    Agreement::new(terms).unwrap()
}

fn article(offence: Offence, country: &str) -> NationalOffence {
    let article = Some("the article".into());
    NationalOffence { offence, country: country.parse().unwrap(), article }
}

fn amended(before: &Agreement, change: impl Fn(&mut Terms)) -> Agreement {
    let mut terms = before.clone().into_terms();
    terms.version += 1;
    terms.supersedes = Some(before.hash());
    change(&mut terms);
    Agreement::new(terms).unwrap()
}

/// Every party signs it, and is heard of.
fn sign_by_all(register: &mut Register, agreement: Digest) {
    for name in fixture::PARTIES {
        let (party, signer) = (agency(name), authority_of(name));
        let (shown, language) = (Digest::from_bytes([2; 32]), Language::English);
        let step = Step::Sign { agreement, shown, language };
        register.declare(&party, step, now().minus_ms(1000), &signer).unwrap();
        register.state_head(&party, now(), &signer).unwrap();
    }
}

#[test]
fn what_an_amendment_drops_is_neither_shared_nor_shown_any_more() {
    let (before, forged) = (first(), Offence::DocumentFraud);
    let after = amended(&before, |terms| {
        terms.offences.remove(&forged);
        terms.offence_map.retain(|entry| entry.offence != forged);
        for clause in &mut terms.clauses {
            clause.offences.remove(&forged);
        }
    });
    let class = Arc::new(Class { offences: [forged].into(), ..fixture::class() });
    let question = QuestionTerms { offence: Offence::MigrantSmuggling, ..fixture::question() };
    let decide = |register: Register| {
        let (gate, peer) = (gate(register), agency("es-pn"));
        let share = |action, channel| gate.decide_class(action, &peer, &class, channel, now());
        [
            share(Action::Share, Channel::Automated),
            share(Action::Share, Channel::Authority),
            gate.decide_answer(&peer, &question, &class, now()),
            gate.decide_answer(&agency("be-fedpol"), &question, &class, now()),
        ]
    };
    assert!(decide(register_without(&before, &[])).iter().all(Decision::is_allow));
    let mut register = register_without(&before, &[]);
    register.admit_version(after.clone()).unwrap();
    sign_by_all(&mut register, after.hash());
    for decision in decide(register) {
        assert_eq!(decision.rule(), Some("code.offence"), "{decision:?}");
    }
}

#[test]
fn a_version_that_everybody_signed_and_that_is_not_here_stops_everything() {
    let before = first();
    let after = amended(&before, |terms| terms.facts_scope = "Since 2025".into());
    let mut register = register_without(&before, &[]);
    sign_by_all(&mut register, after.hash());
    let (peer, class) = (agency("es-pn"), Arc::new(fixture::class()));
    let stopped = gate(register.clone());
    let state = stopped.standing(&before.agreement_id, now()).unwrap();
    let why = state.why_not(&agency("be-fedpol"), &peer);
    assert!(why.contains(&WhyNot::UnknownVersion), "{why:?}");
    for decision in [
        stopped.decide_class(Action::Share, &peer, &class, Channel::Automated, now()),
        stopped.decide_terms(Action::Ask, &peer, &fixture::question(), now()),
        stopped.decide_answer(&peer, &fixture::question(), &class, now()),
    ] {
        assert!(matches!(&decision, Decision::Deny(_)), "{decision:?}");
    }
    // With the version everything goes on.
    register.admit_version(after).unwrap();
    let known = gate(register);
    let shared = known.decide_class(Action::Share, &peer, &class, Channel::Automated, now());
    assert!(shared.is_allow(), "{shared:?}");
}

const RECORD: RecordId = RecordId::from_bytes([7; 16]);

fn signed_for(record_id: RecordId, reason: &str) -> Envelope {
    let class = fixture::class();
    let approval = Approval {
        agency: agency("be-fedpol"),
        officer: "BE-0".parse().unwrap(),
        record_id,
        version: Version::FIRST,
        agreement: class.agreement,
        peer: agency("ma-dgsn"),
        purposes: class.purposes,
        act: ApprovedAct::Share,
        reason: reason.into(),
        made_at: now().minus_ms(60_000),
        valid_until: now().plus_days(5),
    };
    Signed::seal(approval, &authority_of("be-fedpol")).into_parts().1
}

/// LED Art. 38: an authority's hand, for one record, with a reason in writing; nothing else.
#[test]
fn a_derogation_moves_one_record_for_a_written_reason_and_nothing_else() {
    let mut terms = fixture::terms(floor());
    for pair in &mut terms.pairs {
        if (pair.from.as_str(), pair.to.as_str()) == ("be-fedpol", "ma-dgsn") {
            let ground = DerogationGround::IndividualCase;
            pair.transfer_basis = TransferBasis::Led38Derogation;
            pair.safeguards = None;
            pair.channels = Some([Channel::Authority].into());
            pair.condition =
                Some(TransferCondition::Derogation { ground, reason: "one case".into() });
        }
    }
    let agreement = Agreement::new(terms).unwrap();
    let gate = gate(register_without(&agreement, &[]));
    let (peer, class) = (agency("ma-dgsn"), Arc::new(fixture::class()));
    for channel in [Channel::Automated, Channel::Analyst] {
        let of_class = gate.decide_class(Action::Share, &peer, &class, channel, now());
        assert_eq!(of_class.rule(), Some("code.channel"), "{channel}");
    }
    let decide = |record_id, approvals: &[Envelope]| {
        let subject = Subject { record_id, version: Version::FIRST, class: &class };
        gate.decide_record(Action::Share, &peer, &subject, approvals, now()).0
    };
    let one = signed_for(RECORD, "the trial in Rabat, case 4125");
    assert!(matches!(decide(RECORD, &[]), Decision::NeedsApproval { .. }));
    assert!(decide(RECORD, core::slice::from_ref(&one)).is_allow());
    let beside = RecordId::from_bytes([8; 16]);
    assert!(!decide(beside, &[one]).is_allow(), "it is for that record alone");
    // Without a reason in writing nobody has approved anything.
    let (wanted, recipient) = (ApprovedAct::Share, agency("ma-dgsn"));
    let subject = Subject { record_id: RECORD, version: Version::FIRST, class: &class };
    let wanted = policy::approval::Wanted {
        subject: &subject,
        recipient: &recipient,
        act: &wanted,
        purpose: None,
    };
    let wordless = gate.check_approval(&signed_for(RECORD, ""), wanted, now());
    assert_eq!(wordless.unwrap_err().code, RefusalCode::SignatureInvalid);
    assert!(!decide(RECORD, &[signed_for(RECORD, "")]).is_allow());
}
