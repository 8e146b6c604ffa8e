//! Arbitrary values of the domain, within the limits of the contract.

use domain::digest::{Commitment, Fingerprint};
use domain::dispute::{
    AnswerReceipt, DisputeOrder, DisputeReceipt, LiftReceipt, ListedDispute, Note, Ruling, Verdict,
};
use domain::duty::Duty;
use domain::envelope::{Algorithm, Envelope, EnvelopeSignature};
use domain::indicator::{AccountBody, Body, ContentBody, NormalisationVersion};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::name::{
    AgencyId, AgreementId, CaseId, ClassHandle, Clause, ClusterId, Country, IdempotencyKey, KeyId,
    RecordId,
};
use domain::question::{MatchSummary, NoAnswer, PADDING_STEPS, PartnerAnswer, Question};
use domain::question::{QuestionTerms, TOKENS_MAX};
use domain::record::{Benefit, Version};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{
    AgreementStatus, Allowance, AnswerRow, CaseOpening, Hit, Link, NodeStatus, PartnerStatus,
    Query, QueryReport, UpkeepStatus, WithdrawalReceipt,
};
use domain::submission::{Case, Fate, Outlook, Repeated, Submission, SubmissionReceipt};
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeSet;
use sync::message::{Cursor, Entry, Epoch, PullMessage, PullRequest, Section, UpToDate};
use wire::convert::dispute::PlacedDispute;
use wire::convert::duty::ListedDuty;
use wire::convert::hello::{Hello, HelloReply};
use wire::convert::submission::SubmissionResult;
use wire::convert::value::WireValue;

pub(crate) fn value<T: WireValue + std::fmt::Debug>() -> impl Strategy<Value = T> {
    proptest::sample::select(T::ALL)
}

fn values<T: WireValue + std::fmt::Debug>() -> impl Strategy<Value = BTreeSet<T>> {
    btree_set(value::<T>(), 0..=T::ALL.len())
}

pub(crate) fn agency() -> impl Strategy<Value = AgencyId> {
    "[a-z]{2}-[a-z0-9]{1,29}".prop_map(|text| text.parse().unwrap())
}

fn agreement() -> impl Strategy<Value = AgreementId> {
    "[a-z0-9]{2,64}".prop_map(|text| text.parse().unwrap())
}

fn clause() -> impl Strategy<Value = Clause> {
    "[0-9a-zA-Z.]{1,16}".prop_map(|text| text.parse().unwrap())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0..=Timestamp::MAX.as_millis()).prop_map(Timestamp::from_millis)
}

fn record_id() -> impl Strategy<Value = RecordId> {
    any::<[u8; 16]>().prop_map(RecordId::from_bytes)
}

fn handle() -> impl Strategy<Value = ClassHandle> {
    any::<[u8; 16]>().prop_map(ClassHandle::from_bytes)
}

fn case_id() -> impl Strategy<Value = CaseId> {
    any::<[u8; 16]>().prop_map(CaseId::from_bytes)
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    any::<[u8; 32]>().prop_map(Fingerprint::from_bytes)
}

fn rule() -> impl Strategy<Value = Option<String>> {
    option::of("[a-zé.-]{1,96}")
}

pub(crate) fn envelope() -> impl Strategy<Value = Envelope> {
    let signature = (any::<[u8; 16]>(), any::<[u8; 32]>()).prop_map(|(key, half)| {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&half);
        signature[32..].copy_from_slice(&half);
        EnvelopeSignature {
            key_id: KeyId::from_bytes(key),
            algorithm: Algorithm::Ed25519,
            signature,
        }
    });
    (vec(any::<u8>(), 0..400), "[ -~]{0,64}", vec(signature, 0..=16)).prop_map(
        |(payload, payload_type, signatures)| Envelope { payload, payload_type, signatures },
    )
}

pub(crate) fn labels() -> impl Strategy<Value = Labels> {
    let europol = (proptest::sample::select(&['A', 'B', 'C', 'X'][..]), 1..=4_u8)
        .prop_map(|(letter, digit)| Evaluation::new(EvaluationScheme::Europol4x4, letter, digit));
    let admiralty = (proptest::char::range('A', 'F'), 1..=6_u8)
        .prop_map(|(letter, digit)| Evaluation::new(EvaluationScheme::Admiralty, letter, digit));
    (value(), value(), values(), prop_oneof![europol, admiralty], value()).prop_map(
        |(tlp, pap, handling, evaluation, basis)| {
            let handling = handling.into_iter().collect::<HandlingSet>();
            Labels { tlp, pap, handling, evaluation: evaluation.unwrap(), basis }
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let account = (
        option::of(value()),
        value(),
        option::of(instant()),
        option::of(instant()),
        any::<[u8; 16]>(),
    )
        .prop_map(|(platform, role, handle_from, handle_until, cluster)| {
            let cluster = ClusterId::from_bytes(cluster);
            Body::Account(AccountBody { platform, role, handle_from, handle_until, cluster })
        });
    let content = (value(), value(), option::of(record_id()), any::<[u8; 16]>()).prop_map(
        |(media, class, linked_ad, cluster)| {
            let cluster = ClusterId::from_bytes(cluster);
            Body::Content(ContentBody { media, class, linked_ad, cluster })
        },
    );
    prop_oneof![account, content]
}

pub(crate) fn submission() -> impl Strategy<Value = Submission> {
    let names = (any::<[u8; 16]>(), option::of(case_id()), agreement(), fingerprint());
    let what = (value(), body(), values(), values(), labels());
    let whom = (value(), value(), option::of("[a-zé ]{1,500}"), value());
    let how = (option::of("[a-zé ]{1,200}"), btree_set(agency(), 0..=64), value(), value());
    let when = (instant(), instant(), instant(), instant(), any::<u32>(), any::<bool>());
    (names, what, whom, how, when).prop_map(|(names, what, whom, how, when)| Submission {
        idempotency_key: IdempotencyKey::from_bytes(names.0),
        case: names.1,
        agreement: names.2,
        x: names.3,
        kind: what.0,
        body: what.1,
        purposes: what.2,
        offences: what.3,
        labels: what.4,
        subject: whom.0,
        age: whom.1,
        presumed_adult_reason: whom.2,
        depicts: whom.3,
        benefit: how.0.map(|ground| Benefit { ground }),
        audience: how.1,
        onward: how.2,
        action_intent: how.3,
        observed_first: when.0,
        observed_last: when.1,
        valid_until: when.2,
        review_at: when.3,
        normalisation: NormalisationVersion(when.4),
        exercise: when.5,
    })
}

fn outlook() -> impl Strategy<Value = Outlook> {
    let fate = prop_oneof![
        Just(Fate::Leaves),
        Just(Fate::AnsweredWhenAsked),
        Just(Fate::NeedsApproval),
        value().prop_map(Fate::Stays),
    ];
    (agency(), fate, rule()).prop_map(|(peer, fate, rule)| Outlook { peer, fate, rule })
}

pub(crate) fn results() -> impl Strategy<Value = Vec<SubmissionResult>> {
    let receipt =
        (record_id(), any::<(u32, u32, bool, u64)>(), vec(outlook(), 0..5), vec(hit(), 0..3))
            .prop_map(|(record_id, (epoch, n, repeated, audit_sequence), outlook, hits)| {
                let repeated = if repeated { Repeated::Yes } else { Repeated::No };
                let version = Version { epoch, n };
                SubmissionReceipt { record_id, version, repeated, audit_sequence, outlook, hits }
            });
    let refusal = (value(), rule()).prop_map(|(code, rule)| Refusal { code, rule });
    vec(prop_oneof![receipt.prop_map(Ok), refusal.prop_map(Err)], 0..6)
}

pub(crate) fn summary() -> impl Strategy<Value = MatchSummary> {
    let slot = 0..u32::try_from(TOKENS_MAX).unwrap();
    let rest = (option::of(value()), option::of(value()), labels(), instant());
    (slot, record_id(), value(), rest).prop_map(
        |(slot, follow_up, kind, (role, class, labels, observed_last))| MatchSummary {
            slot,
            follow_up,
            kind,
            role,
            class,
            tlp: labels.tlp,
            pap: labels.pap,
            handling: labels.handling,
            evaluation: labels.evaluation,
            basis: labels.basis,
            observed_last,
        },
    )
}

pub(crate) fn hit() -> impl Strategy<Value = Hit> {
    (agency(), summary(), instant(), option::of(case_id()), option::of(record_id())).prop_map(
        |(origin, summary, found_at, case, record_id)| Hit {
            origin,
            summary,
            found_at,
            case,
            record_id,
        },
    )
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    let asked = vec(fingerprint(), 1..40);
    let ask = btree_set(agency(), 0..10).prop_map(|set| set.into_iter().rev().collect());
    (case_id(), value(), asked, ask, value(), any::<bool>()).prop_map(
        |(case, kind, fingerprints, ask, urgency, exercise)| Query {
            case,
            kind,
            fingerprints,
            ask,
            urgency,
            exercise,
        },
    )
}

fn partner_answer() -> impl Strategy<Value = PartnerAnswer> {
    let of_question = |code: &RefusalCode| code.is_of_the_question();
    prop_oneof![
        vec(summary(), 1..5).prop_map(PartnerAnswer::Match),
        Just(PartnerAnswer::NoMatch),
        value().prop_filter("of the question", of_question).prop_map(PartnerAnswer::Refused),
        value().prop_map(PartnerAnswer::NotAsked),
        Just(PartnerAnswer::NoAnswer(NoAnswer::Unreachable)),
        Just(PartnerAnswer::NoAnswer(NoAnswer::TimedOut)),
        Just(PartnerAnswer::NoAnswer(NoAnswer::Misbehaved)),
        Just(PartnerAnswer::NoAnswer(NoAnswer::NoTokenKey)),
    ]
}

pub(crate) fn report() -> impl Strategy<Value = QueryReport> {
    let row = (agency(), option::of(partner_answer()), instant(), "[a-zé: ]{0,512}")
        .prop_map(|(agency, answer, as_of, note)| AnswerRow { agency, answer, as_of, note });
    let allowance = (any::<u64>(), any::<u64>())
        .prop_map(|(asked_today, per_day)| Allowance { asked_today, per_day });
    (vec(hit(), 0..4), vec(row, 0..6), any::<u64>(), allowance).prop_map(
        |(held, answers, audit_sequence, allowance)| QueryReport {
            held,
            answers,
            audit_sequence,
            allowance,
        },
    )
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let basis = (agreement(), clause(), value(), value());
    (case_id(), any::<u32>(), basis, "[a-zé0-9/ ]{1,64}", instant(), instant()).prop_map(
        |(case_id, number, basis, reference, opened_at, open_until)| Case {
            case_id,
            number,
            agreement: basis.0,
            clause: basis.1,
            purpose: basis.2,
            offence: basis.3,
            reference,
            opened_at,
            open_until,
        },
    )
}

pub(crate) fn opening() -> impl Strategy<Value = CaseOpening> {
    (agreement(), clause(), value(), value(), "[a-zé0-9/ ]{1,64}", 1..=366_u32).prop_map(
        |(agreement, clause, purpose, offence, reference, open_days)| CaseOpening {
            agreement,
            clause,
            purpose,
            offence,
            reference,
            open_days,
        },
    )
}

pub(crate) fn node_status() -> impl Strategy<Value = NodeStatus> {
    let parties = || btree_set(agency(), 0..8).prop_map(|set| set.into_iter().collect());
    let agreement = (agreement(), "[a-zé, ]{0,300}", instant(), parties()).prop_map(
        |(agreement, standing, valid_until, parties)| AgreementStatus {
            agreement,
            standing,
            valid_until,
            parties,
        },
    );
    let link = prop_oneof![Just(Link::Up), Just(Link::Down), Just(Link::Connecting)];
    let country = "[A-Z]{2}".prop_map(|text| text.parse::<Country>().unwrap());
    let counts = any::<(u64, u64)>();
    let partner = (agency(), country, link, counts, option::of(instant()), "[a-zé ]{0,512}")
        .prop_map(|(agency, country, link, (records_in, classes_out), last_sync, note)| {
            PartnerStatus { agency, country, link, records_in, classes_out, last_sync, note }
        });
    let head = (agency(), "[0-9.]{0,64}", instant(), any::<(u64, u64)>());
    let upkeep = (option::of(instant()), any::<(u64, u64)>(), "[a-zé ]{0,512}").prop_map(
        |(last, (overdue, reviews_due), note)| UpkeepStatus { last, overdue, reviews_due, note },
    );
    let lists = (vec(agreement, 0..4), vec(partner, 0..6));
    (head, lists, upkeep).prop_map(|(head, (agreements, partners), upkeep)| {
        let (agency, version, clock, (own_records, audit_size)) = head;
        let recovery = upkeep.note.clone();
        NodeStatus {
            agency,
            version,
            clock,
            own_records,
            audit_size,
            agreements,
            partners,
            upkeep,
            overdue_duties: audit_size,
            recovery,
        }
    })
}

pub(crate) fn version() -> impl Strategy<Value = Version> {
    any::<(u32, u32)>().prop_map(|(epoch, n)| Version { epoch, n })
}

pub(crate) fn listed_duty() -> impl Strategy<Value = ListedDuty> {
    let who = (value(), agency(), agreement(), record_id());
    let when = (instant(), instant(), option::of(instant()));
    (vec(any::<u8>(), 1..=256), who, value(), option::of(version()), when).prop_map(
        |(place, (debtor, agency, agreement, record_id), asked, version, when)| ListedDuty {
            place,
            duty: Duty {
                debtor,
                agency,
                agreement,
                record_id,
                asked,
                version,
                since: when.0,
                due: when.1,
                handle: None,
                kept_until: when.2,
            },
        },
    )
}

fn note() -> impl Strategy<Value = Option<Note>> {
    option::of("[a-zé]{1,200}".prop_map(|words| Note::new(&words).unwrap()))
}

pub(crate) fn dispute_order() -> impl Strategy<Value = DisputeOrder> {
    (case_id(), value(), note()).prop_map(|(case, reason, note)| DisputeOrder {
        case,
        reason,
        note,
    })
}

pub(crate) fn ruling() -> impl Strategy<Value = Ruling> {
    (option::of(value()), note()).prop_map(|(reason, note)| {
        let verdict = if reason.is_some() { Verdict::Rejected } else { Verdict::Upheld };
        Ruling { verdict, reason, note }
    })
}

pub(crate) fn dispute_receipts()
-> impl Strategy<Value = (DisputeReceipt, AnswerReceipt, LiftReceipt)> {
    let told = btree_set(agency(), 0..10);
    let said = (value(), told, version(), option::of(value()));
    (record_id(), agency(), instant(), any::<(bool, u64)>(), said).prop_map(
        |(record_id, origin, due, (repeated, audit_sequence), said)| {
            let repeated = if repeated { Repeated::Yes } else { Repeated::No };
            let (verdict, told, version, matching) = said;
            let told = told.into_iter().collect();
            (
                DisputeReceipt { record_id, origin, due, repeated, audit_sequence },
                AnswerReceipt { record_id, verdict, told, version, matching, audit_sequence },
                LiftReceipt { record_id, audit_sequence },
            )
        },
    )
}

pub(crate) fn placed_dispute() -> impl Strategy<Value = PlacedDispute> {
    let what = (value(), agency(), agreement(), record_id(), version());
    let said = (value(), note(), value(), option::of(value()), note());
    (vec(any::<u8>(), 1..=256), what, said, (instant(), instant())).prop_map(
        |(place, what, said, (at, due))| PlacedDispute {
            place,
            dispute: ListedDispute {
                side: what.0,
                partner: what.1,
                agreement: what.2,
                record_id: what.3,
                version: what.4,
                reason: said.0,
                note: said.1,
                at,
                due,
                state: said.2,
                rejection: said.3,
                answer_note: said.4,
            },
        },
    )
}

pub(crate) fn withdrawal() -> impl Strategy<Value = WithdrawalReceipt> {
    (record_id(), any::<u64>(), btree_set(agency(), 0..10)).prop_map(
        |(record_id, audit_sequence, partners)| WithdrawalReceipt {
            record_id,
            audit_sequence,
            partners: partners.into_iter().collect(),
        },
    )
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let terms = (agreement(), clause(), value(), value(), value(), value(), value(), any::<bool>())
        .prop_map(|(agreement, clause, purpose, offence, kind, channel, urgency, exercise)| {
            QuestionTerms { agreement, clause, purpose, offence, kind, channel, urgency, exercise }
        });
    let step = proptest::sample::select(&PADDING_STEPS[..]);
    (terms, agency(), 1..=u32::MAX, any::<[u8; 32]>(), instant(), step).prop_map(
        |(terms, owner, epoch, case, asked_at, step)| Question {
            terms,
            owner,
            epoch: TokenEpoch(epoch),
            case: Commitment::from_bytes(case),
            asked_at,
            tokens: (0..step)
                .map(|i| Token::from_bytes(domain::digest::hash(&[&case, &i.to_le_bytes()])))
                .collect(),
        },
    )
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<(u32, [u8; 16])>().prop_map(|(counter, random)| Epoch { counter, random })
}

pub(crate) fn pull_request() -> impl Strategy<Value = PullRequest> {
    let cursors = proptest::collection::btree_map(handle(), any::<u64>(), 0..20);
    (agreement(), any::<[u8; 16]>(), option::of(epoch()), any::<u64>(), cursors).prop_map(
        |(agreement, incarnation, epoch, grant_sequence, cursors)| PullRequest {
            agreement,
            incarnation,
            epoch,
            grant_sequence,
            cursors: cursors
                .into_iter()
                .map(|(handle, position)| Cursor { handle, position })
                .collect(),
        },
    )
}

pub(crate) fn section() -> impl Strategy<Value = Section> {
    let entry = prop_oneof![
        envelope().prop_map(Entry::Add),
        record_id().prop_map(Entry::Leave),
        envelope().prop_map(Entry::Retract),
        (envelope(), vec(envelope(), 1..4))
            .prop_map(|(record, approvals)| Entry::Approved { record, approvals }),
    ];
    let range = any::<(u64, u64)>().prop_map(|(a, b)| (a.min(b), a.max(b)));
    (handle(), range, vec(entry, 0..5), option::of(envelope())).prop_map(
        |(handle, (from, to), entries, sheet)| Section { handle, from, to, entries, sheet },
    )
}

pub(crate) fn pull_message(
    section: impl Strategy<Value = Option<Section>>,
) -> impl Strategy<Value = PullMessage> {
    let grants = btree_set(handle(), 0..20).prop_map(|set| set.into_iter().collect());
    let head = (any::<[u8; 16]>(), epoch(), any::<u64>(), any::<bool>());
    (head, option::of(grants), section).prop_map(|(head, grants, section)| PullMessage {
        incarnation: head.0,
        epoch: head.1,
        grant_sequence: head.2,
        grants,
        section,
        up_to_date: if head.3 { UpToDate::Yes } else { UpToDate::No },
    })
}

pub(crate) fn hello() -> impl Strategy<Value = (Hello, HelloReply)> {
    let versions = (1..=u32::MAX, 1..=u32::MAX);
    (versions, instant(), any::<[u8; 16]>(), epoch()).prop_map(
        |((a, b), clock, incarnation, epoch)| {
            let hello = Hello { protocol_min: a.min(b), protocol_max: a.max(b), clock };
            (hello, HelloReply { protocol: a, clock, incarnation, epoch })
        },
    )
}
