//! The rules that are code: no policy file, no agreement and no approval lifts them.
//!
//! Each has a stable name, so that "why not" always has an answer, and a test that shows what
//! would pass without it. They are checked before any policy is asked, in the order of the lists.

use crate::decision::Action;
use crate::evaluator::{Approvals, Matter};
use agreement::{Agreement, Party, Phase, State, WhyNot};
use domain::class::Class;
use domain::indicator::Tier;
use domain::name::{AgencyId, Digest};
use domain::question::QuestionTerms;
use domain::refusal::RefusalCode;
use domain::value::{Age, Channel, Depicts, Offence, Onward, Purpose, Subject, Tlp, TransferBasis};

/// The rule that permits our own officers to look into what we hold.
pub const OWN_USE: &str = "code.own-use";
/// The rule that lets an origin take back what is its own, whatever the agreement has become.
pub const WITHDRAW: &str = "code.withdraw";
/// The rule named when no rule permits.
pub const DEFAULT_DENY: &str = "code.default-deny";
/// The rule named when the policy could not be evaluated.
pub const EVALUATOR: &str = "code.evaluator";
/// The rule named when an action is put to the wrong question.
pub const ACTION: &str = "code.action";
/// The rule named when the agreement is not known.
pub const AGREEMENT_KNOWN: &str = "code.agreement-known";
/// The rule named when one side is not a party.
pub const PARTY: &str = "code.party";
/// The rule that keeps protected persons from moving without approval.
pub const PROTECTED_APPROVAL: &str = "code.protected-approval";
/// The rule that one record moves by what an authority signed.
pub const AUTHORITY_APPROVAL: &str = "code.authority-approval";
/// The rule that the approvers in the agreement are those who approve.
pub const APPROVERS: &str = "code.approvers";
/// The rule that says who may approve.
pub const APPROVAL_SIGNED: &str = "code.approval-signed";
/// The rule that an approval is for what it names, to the letter.
pub const APPROVAL_FITS: &str = "code.approval-fits";
/// The rule that an approval has its time.
pub const APPROVAL_TIME: &str = "code.approval-time";
/// The rule that what was stated is approved by somebody else.
pub const APPROVAL_OTHER_EYES: &str = "code.approval-other-eyes";
/// The rule that an originator's word is needed before its record is used in court.
pub const COURT_USE: &str = "code.court-use";
/// The rule that an agreement can keep courts to what came by a formal request.
pub const EVIDENCE_RULE: &str = "code.evidence-rule";
/// The rule that the agreement says what else received data may be used for at all.
pub const USE_BASIS: &str = "code.use-basis";
/// The rule that people approve what goes to a partner, and nothing else.
pub const APPROVED_ACTIONS: &str = "code.approved-actions";

/// The rule that says who may change the policy.
pub const POLICY_ROLE: &str = "code.policy-role";
/// The rule that says what a signature under rules is worth.
pub const POLICY_CONSENT: &str = "code.policy-consent";
/// The rule that a change is put in force only over what it was signed for.
pub const POLICY_MOVED: &str = "code.policy-moved";
/// The rule that widening takes two officers.
pub const POLICY_SIGNATURES: &str = "code.policy-signatures";
/// The rule that a rule must be able to decide something.
pub const POLICY_IDLE: &str = "code.policy-idle";

/// The rule that the role of an officer says which calls are theirs.
pub const OFFICER_ROLE: &str = "code.officer-role";
/// The rule that an officer asks about so many values a day.
pub const OFFICER_QUOTA: &str = "code.officer-quota";
/// The rule that a disputed record matches nothing.
pub const DISPUTED: &str = "code.disputed";

/// Everything that an invariant may look at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What is to happen.
    pub action: Action,
    /// We.
    pub own: &'a Party,
    /// The other side.
    pub peer: &'a Party,
    /// The agreement.
    pub agreement: &'a Agreement,
    /// Where it stands now.
    pub state: &'a State,
    /// Who moves it.
    pub channel: Channel,
    /// Who has approved it, where one record is decided by approvals; `None` where a
    /// class or a question is decided as a whole.
    pub approvals: Option<Approvals>,
    /// The hash of the floor that our evaluator uses.
    pub floor_hash: Digest,
    /// What it is about.
    pub matter: Matter<'a>,
}

/// One rule that must hold.
#[derive(Clone, Copy)]
pub struct Invariant {
    /// The stable name.
    pub name: &'static str,
    /// What a refusal by it is called.
    pub code: RefusalCode,
    /// Why it exists, in one sentence.
    pub reason: &'static str,
    /// Does it hold?
    pub holds: fn(&Scene<'_>) -> bool,
}

/// What holds for every action that is judged under an agreement.
pub const OF_THE_AGREEMENT: &[Invariant] = &[
    Invariant {
        name: "code.floor",
        code: RefusalCode::PolicyFault,
        reason: "The common floor in use must be the one that every party signed.",
        holds: |s| s.floor_hash == s.agreement.floor_hash,
    },
    Invariant {
        name: "code.in-force",
        code: RefusalCode::AgreementNotInForce,
        reason: "Nothing moves unless every party has signed and the time is right on both ends.",
        holds: |s| match s.state.phase() {
            Phase::InForce | Phase::Suspended => true,
            // A record may be made ready before the last signature; it stays until then.
            Phase::Draft | Phase::Proposed | Phase::PartlySigned | Phase::Signed => {
                s.action == Action::Submit
            }
            Phase::Rejected
            | Phase::Superseded
            | Phase::WindingDown
            | Phase::Expired
            | Phase::Closed
            | Phase::Overdue => false,
        },
    },
    Invariant {
        name: "code.pair",
        code: RefusalCode::NoTransferBasis,
        reason: "Every direction that data or a question takes needs a transfer basis.",
        holds: |s| {
            s.directions().all(|(from, to)| {
                let pair = s.agreement.pair(&from.agency, &to.agency);
                let ended = [WhyNot::NoTransferBasis, WhyNot::TransferBasisEnded];
                pair.is_some_and(|pair| pair.transfer_basis != TransferBasis::None)
                    && !s.is_stopped(&from.agency, &to.agency, |why| ended.contains(&why))
            })
        },
    },
    Invariant {
        name: "code.suspended",
        code: RefusalCode::AgreementNotInForce,
        reason: "Nothing takes a direction that a party suspended or left, or while its will is \
                 unclear.",
        holds: |s| {
            let by_others =
                [WhyNot::NoTransferBasis, WhyNot::TransferBasisEnded, WhyNot::NoCommonOffence];
            s.directions().all(|(from, to)| {
                !s.is_stopped(&from.agency, &to.agency, |why| !by_others.contains(&why))
            })
        },
    },
    Invariant {
        name: "code.channel",
        code: RefusalCode::ChannelNotCovered,
        reason: "Data moves only in the ways that the agreement names, and the pair; under a \
                 derogation that is an authority's hand alone.",
        holds: |s| {
            s.action == Action::Submit
                || (s.agreement.covers_channel(s.channel)
                    && s.directions().all(|(from, to)| {
                        let pair = s.agreement.pair(&from.agency, &to.agency);
                        let narrower = pair.and_then(|pair| pair.channels.as_ref());
                        narrower.is_none_or(|channels| channels.contains(&s.channel))
                    }))
        },
    },
    Invariant {
        name: "code.purpose",
        code: RefusalCode::PurposeNotCovered,
        reason: "A purpose outside the agreement cannot be claimed.",
        holds: |s| {
            let asked = s.terms().is_none_or(|terms| s.agreement.covers_purpose(terms.purpose));
            let stated = s.class().is_none_or(|class| {
                !class.purposes.is_empty() && class.purposes.is_subset(&s.agreement.purposes)
            });
            asked && stated
        },
    },
    Invariant {
        name: "code.offence",
        code: RefusalCode::OffenceNotCovered,
        reason: "An offence outside the agreement is not shared and not asked about.",
        holds: |s| {
            let asked = s.terms().is_none_or(|terms| s.agreement.covers_offence(terms.offence));
            let stated = s.class().is_none_or(|class| {
                !class.offences.is_empty() && class.offences.is_subset(&s.agreement.offences)
            });
            asked && stated
        },
    },
    Invariant {
        name: "code.dual-criminality",
        code: RefusalCode::OffenceNotCovered,
        reason: "Every offence is one in the law of both sides of the direction it takes.",
        holds: |s| {
            let asked = s.terms().map(|terms| terms.offence).into_iter();
            let stated = s.class().into_iter().flat_map(|class| class.offences.iter().copied());
            // What is not covered at all is the rule above's.
            let covered = |offence: &Offence| s.agreement.covers_offence(*offence);
            asked.chain(stated).filter(covered).all(|offence| {
                s.directions().all(|(from, to)| {
                    let mut ends = [from, to].into_iter();
                    ends.all(|party| s.agreement.article(offence, &party.country).is_some())
                })
            })
        },
    },
];

/// What a question must satisfy, from itself alone. Every code here may be told to the asker.
pub const OF_THE_QUESTION: &[Invariant] = &[
    Invariant {
        name: "code.clause",
        code: RefusalCode::PurposeNotCovered,
        reason: "A question relies on a clause that binds both sides for that purpose.",
        holds: |s| {
            s.terms().is_some_and(|terms| {
                s.agreement.clause(&terms.clause).is_some_and(|clause| {
                    clause.binds.contains(&s.own.agency)
                        && clause.binds.contains(&s.peer.agency)
                        && clause.purposes.contains(&terms.purpose)
                })
            })
        },
    },
    Invariant {
        name: "code.clause-offence",
        code: RefusalCode::OffenceNotCovered,
        reason: "A question relies on a clause that covers its offence.",
        holds: |s| {
            s.terms().is_some_and(|terms| {
                let clause = s.agreement.clause(&terms.clause);
                clause.is_some_and(|clause| clause.offences.contains(&terms.offence))
            })
        },
    },
    Invariant {
        name: "code.speech-question",
        code: RefusalCode::OffenceNotCovered,
        reason: "A machine asks nothing about speech.",
        holds: |s| {
            s.channel != Channel::Automated
                || s.terms().is_none_or(|terms| !terms.offence.is_speech())
        },
    },
];

/// What a record's class must satisfy. No code here is told to a partner.
pub const OF_THE_CLASS: &[Invariant] = &[
    Invariant {
        name: "code.smuggled-migrant",
        code: RefusalCode::SmuggledMigrant,
        reason: "There is no record about a smuggled migrant.",
        holds: |s| s.class().is_none_or(|class| class.subject != Subject::SmuggledMigrant),
    },
    Invariant {
        name: "code.origin",
        code: RefusalCode::OriginMismatch,
        reason: "An agency states and sends its own records only.",
        holds: |s| {
            s.class().is_none_or(|class| match s.action {
                Action::Submit => class.origin == s.own.agency,
                Action::Receive => class.origin == s.peer.agency,
                _ => true,
            })
        },
    },
    Invariant {
        name: "code.relay",
        code: RefusalCode::OnwardDenied,
        reason: "What another agency stated is passed on by that agency, not by us.",
        holds: |s| {
            !s.action.hands_over()
                || s.is_own_use()
                || s.class().is_none_or(|class| class.origin == s.own.agency)
        },
    },
    Invariant {
        name: "code.audience",
        code: RefusalCode::NotInAudience,
        reason: "Only the agencies named in the audience ever get a record; empty means nobody.",
        holds: |s| {
            s.class().is_none_or(|class| match s.action {
                Action::Share => class.audience.contains(&s.peer.agency),
                Action::Show if s.is_own_use() && class.origin == s.own.agency => true,
                Action::Show => class.audience.contains(&s.peer.agency),
                Action::Receive => class.audience.contains(&s.own.agency),
                _ => true,
            })
        },
    },
    Invariant {
        name: "code.ended",
        code: RefusalCode::AgreementNotInForce,
        reason: "What an agency gave is not used any more when its sharing with us has ended.",
        holds: |s| {
            !s.is_own_use()
                || s.class()
                    .is_none_or(|class| s.state.ended(&class.origin, &s.own.agency).is_none())
        },
    },
    Invariant {
        name: "code.audience-party",
        code: RefusalCode::NotAParty,
        reason: "An audience names parties of the agreement only.",
        holds: |s| {
            s.action != Action::Submit
                || s.class().is_none_or(|class| {
                    class.audience.iter().all(|agency| s.agreement.party(agency).is_some())
                })
        },
    },
    Invariant {
        name: "code.sealed-kind",
        code: RefusalCode::SealedKind,
        reason: "What can be guessed, like a telephone number, is never replicated.",
        holds: |s| {
            !matches!(s.action, Action::Share | Action::Receive)
                || s.class().is_none_or(|class| class.kind.tier() != Tier::Sealed)
        },
    },
    Invariant {
        name: "code.tlp-ceiling",
        code: RefusalCode::TlpCeiling,
        reason: "Nothing marked stricter than the agreement's ceiling moves.",
        holds: |s| !s.moves() || s.class().is_none_or(|class| class.tlp <= s.agreement.tlp_ceiling),
    },
    Invariant {
        name: "code.tlp-red",
        code: RefusalCode::TlpCeiling,
        reason: "TLP RED is never moved by a machine, and no approval makes it.",
        holds: |s| {
            !s.moves()
                || (s.channel != Channel::Automated && s.approvals.is_none())
                || s.class().is_none_or(|class| class.tlp != Tlp::Red)
        },
    },
    Invariant {
        name: "code.onward",
        code: RefusalCode::OnwardDenied,
        reason: "A record may not allow more passing on than the agreement does.",
        holds: |s| {
            s.class().is_none_or(|class| openness(class.onward) <= openness(s.agreement.onward))
        },
    },
    Invariant {
        name: "code.speech",
        code: RefusalCode::SpeechOffence,
        reason: "A machine shares nothing about speech.",
        holds: |s| {
            !s.moves()
                || s.channel != Channel::Automated
                || s.class()
                    .is_none_or(|class| !class.offences.iter().any(|offence| offence.is_speech()))
        },
    },
    Invariant {
        name: "code.minor",
        code: RefusalCode::Minor,
        reason: "What concerns a minor, or somebody of unknown age, moves by hand and only for \
                 protection.",
        holds: |s| {
            !s.moves()
                || s.class().is_none_or(|class| !is_minor(class) || s.is_for_protection(class))
        },
    },
    Invariant {
        name: "code.depicted",
        code: RefusalCode::DepictionProtected,
        reason: "Pictures of minors, or of persons of unknown age, move by hand and only for \
                 protection.",
        holds: |s| {
            !s.moves()
                || s.class().is_none_or(|class| !depicts_minor(class) || s.is_for_protection(class))
        },
    },
    Invariant {
        name: "code.protected-subject",
        code: RefusalCode::ProtectedSubject,
        reason: "What concerns a victim, a witness or an unknown person moves by hand and only \
                 for protection.",
        holds: |s| {
            !s.moves()
                || s.class()
                    .is_none_or(|class| !is_protected_subject(class) || s.is_for_protection(class))
        },
    },
    Invariant {
        name: "code.exercise",
        code: RefusalCode::ExerciseMixed,
        reason: "Training data answers training questions only, and live data live ones.",
        holds: |s| match s.matter {
            Matter::Match { terms, class } => terms.exercise == class.exercise,
            _ => true,
        },
    },
    Invariant {
        name: "code.match-purpose",
        code: RefusalCode::RuleDenied,
        reason: "A record answers a question only for a purpose that its origin stated.",
        holds: |s| match s.matter {
            Matter::Match { terms, class } => class.purposes.contains(&terms.purpose),
            _ => true,
        },
    },
    Invariant {
        name: "code.match-kind",
        code: RefusalCode::RuleDenied,
        reason: "A record answers a question about its own kind only.",
        holds: |s| match s.matter {
            Matter::Match { terms, class } => {
                terms.kind == class.kind && terms.agreement == class.agreement
            }
            _ => true,
        },
    },
];

/// Rules of the gate itself, which are not checks on a scene.
const OF_THE_GATE: &[(&str, &str)] = &[
    (OWN_USE, "Our own officers may look into what we lawfully hold."),
    (WITHDRAW, "An origin may always take back what is its own."),
    (DEFAULT_DENY, "No rule permits it, and what is not permitted is denied."),
    (EVALUATOR, "The policy could not be evaluated, so nothing is allowed."),
    (ACTION, "This action cannot be decided from what was put to policy."),
    (AGREEMENT_KNOWN, "The agreement is not known here."),
    (PARTY, "Data moves between two different parties of the agreement only."),
    (
        PROTECTED_APPROVAL,
        "What concerns a victim, a witness or a minor moves with human approvals only.",
    ),
    (AUTHORITY_APPROVAL, "One record moves when an authority of its originator signed for it."),
    (APPROVERS, "The agreement lists who approves, and for which purposes."),
    (
        APPROVAL_SIGNED,
        "An approval is signed by a magistrate or a deputy whom the originator's authority certified.",
    ),
    (
        APPROVAL_FITS,
        "An approval is for one record, version, partner and agreement, and for all its purposes.",
    ),
    (APPROVAL_TIME, "An approval counts from when it was signed until it ends or is taken back."),
    (APPROVAL_OTHER_EYES, "Who stated a record does not approve it."),
    (COURT_USE, "What a partner restricted is used in court when its authority permits, by case."),
    (
        EVIDENCE_RULE,
        "Under this agreement only what came by a formal request is used in court: make one.",
    ),
    (
        USE_BASIS,
        "The agreement names what received data may be used for, and this is not among it.",
    ),
    (
        APPROVED_ACTIONS,
        "People approve that one record goes to one partner; no question and no match waits for them.",
    ),
    (
        POLICY_ROLE,
        "Rules are signed by policy officers, magistrates and deputies who have a signing key here.",
    ),
    (
        POLICY_CONSENT,
        "A signature counts for its officer, these rules and these counts, for fifteen minutes.",
    ),
    (POLICY_MOVED, "The rules in force, or what is held, are not those that were signed for."),
    (POLICY_SIGNATURES, "Narrowing takes one signature, widening those of two different officers."),
    (
        POLICY_IDLE,
        "A new rule that can never decide most likely says something else than was meant.",
    ),
    (OFFICER_ROLE, "Each call to a node is for the officers whose work it is."),
    (OFFICER_QUOTA, "Who may ask without end can test every guess."),
    (
        DISPUTED,
        "A disputed record matches nothing until its originator rejects that or puts it right, or the dispute is lifted.",
    ),
    (crate::held::PERMIT_RULE, "A permit opens only what it was given for."),
];

/// Why a rule of the code exists, in one English sentence; `None` for rules of policy files.
pub fn reason(rule: &str) -> Option<&'static str> {
    let invariants = [OF_THE_AGREEMENT, OF_THE_QUESTION, OF_THE_CLASS].into_iter().flatten();
    let invariants = invariants.map(|one| (one.name, one.reason));
    let gate = OF_THE_GATE.iter().copied();
    invariants.chain(gate).find(|(name, _)| *name == rule).map(|(_, sentence)| sentence)
}

/// The first invariant of the lists that does not hold.
pub(crate) fn broken<'i>(
    scene: &Scene<'_>,
    lists: impl IntoIterator<Item = &'i [Invariant]>,
) -> Option<&'i Invariant> {
    lists.into_iter().flatten().find(|invariant| !(invariant.holds)(scene))
}

/// Is it about, or does it show, somebody for whom two persons have to approve?
pub(crate) fn is_protected(class: &Class) -> bool {
    is_protected_subject(class) || is_minor(class) || depicts_minor(class)
}

impl<'a> Scene<'a> {
    /// The class, where there is one.
    pub const fn class(&self) -> Option<&'a Class> {
        self.matter.class()
    }

    /// The question, where there is one.
    pub const fn terms(&self) -> Option<&'a QuestionTerms> {
        self.matter.terms()
    }

    /// Do our own officers look into what we hold?
    pub fn is_own_use(&self) -> bool {
        self.own.agency == self.peer.agency
    }

    /// Does a record, or what it says, cross from one agency to another?
    pub(crate) fn moves(&self) -> bool {
        matches!(self.action, Action::Share | Action::Receive | Action::Show) && !self.is_own_use()
    }

    /// The directions that data, or a question and its answer, would take.
    fn directions(&self) -> impl Iterator<Item = (&'a Party, &'a Party)> {
        let (out, back) = match self.action {
            Action::Share | Action::Show => (true, false),
            Action::Receive => (false, true),
            Action::Ask | Action::Answer => (true, true),
            Action::Submit | Action::Withdraw | Action::Inspect => (false, false),
        };
        let crosses = !self.is_own_use();
        let out = (crosses && out).then_some((self.own, self.peer));
        let back = (crosses && back).then_some((self.peer, self.own));
        out.into_iter().chain(back)
    }

    /// Does something of this sort stop a direction?
    fn is_stopped(&self, from: &AgencyId, to: &AgencyId, sort: impl Fn(WhyNot) -> bool) -> bool {
        self.state.why_not(from, to).into_iter().any(sort)
    }

    /// By hand, and for nothing but protection.
    fn is_for_protection(&self, class: &Class) -> bool {
        let protects = |p: &Purpose| matches!(p, Purpose::VictimProtection | Purpose::ThreatToLife);
        self.channel != Channel::Automated && class.purposes.iter().all(protects)
    }
}

const fn is_protected_subject(class: &Class) -> bool {
    matches!(class.subject, Subject::Victim | Subject::Witness | Subject::Unknown)
}

const fn is_minor(class: &Class) -> bool {
    matches!(class.age, Age::Minor | Age::Unknown)
}

const fn depicts_minor(class: &Class) -> bool {
    matches!(class.depicts, Depicts::Minors | Depicts::Unknown)
}

/// From the narrowest onward rule to the widest.
const fn openness(onward: Onward) -> u8 {
    match onward {
        Onward::Never => 0,
        Onward::WithOriginatorConsent => 1,
        Onward::WithinParties => 2,
    }
}
