//! What officers submit and what origins state: complete and lawful, so that a test changes the one
//! thing it is about.

use crate::cast::{AGREEMENT, Agency};
use domain::digest::{Commitment, Fingerprint, Salt};
use domain::envelope::{
    Algorithm, Envelope, EnvelopeSignature, Payload, pre_authentication_encoding,
};
use domain::indicator::{AccountBody, Body, ContentBody, Family, Kind, NormalisationVersion};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::name::{AgencyId, ClusterId, IdempotencyKey, RecordId};
use domain::record::{Benefit, Record, SCHEMA, Statement, Version};
use domain::signature::Signer;
use domain::submission::Submission;
use domain::time::{Clock as _, SystemClock, Timestamp};
use domain::value::{
    ActionIntent, Age, Basis, ContentClass, Depicts, Handling, Media, Offence, Onward, Pap,
    Platform, Purpose, Role, Subject, Tlp,
};
use node::key_file::system_entropy;
use std::collections::BTreeSet;

/// So many random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    system_entropy().bytes()
}

/// Now, as the nodes see it.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The fingerprint of a value in its canonical form: what the analyst's machine sends to the node.
pub fn fingerprint(kind: Kind, canonical: &str) -> Fingerprint {
    let version = NormalisationVersion::CURRENT;
    Fingerprint::derive(kind, platform_of(kind), version, canonical.as_bytes())
}

/// A submission that every policy of the cast lets through: AMBER, from a good source, for
/// investigations into smuggling, for every other party.
pub fn submission(by: Agency, kind: Kind, canonical: &str) -> Submission {
    let now = now();
    let (subject, age) = match kind.family() {
        Family::Account if kind != Kind::Url => (Subject::SuspectFacilitator, Age::Adult),
        _ => (Subject::None, Age::NotApplicable),
    };
    Submission {
        idempotency_key: IdempotencyKey::from_bytes(random()),
        case: None,
        agreement: AGREEMENT.parse().unwrap(),
        kind,
        body: body(kind),
        x: fingerprint(kind, canonical),
        purposes: BTreeSet::from([Purpose::Investigation]),
        offences: BTreeSet::from([Offence::MigrantSmuggling]),
        labels: labels(Tlp::Amber),
        subject,
        age,
        presumed_adult_reason: None,
        depicts: Depicts::Nobody,
        benefit: Some(benefit()),
        audience: by.others().map(Agency::id).collect(),
        onward: Onward::WithOriginatorConsent,
        observed_first: now.minus_ms(3 * Timestamp::DAY_MS),
        observed_last: now.minus_ms(Timestamp::DAY_MS),
        valid_until: now.plus_days(90),
        review_at: now.plus_days(60),
        normalisation: NormalisationVersion::CURRENT,
        action_intent: ActionIntent::Observe,
        exercise: false,
    }
}

/// A link, as the most usual thing that is replicated.
pub fn link(by: Agency, path: &str) -> Submission {
    submission(by, Kind::Url, &format!("https://passage-22.example/{path}"))
}

/// Markings from a good source.
pub fn labels(tlp: Tlp) -> Labels {
    Labels {
        tlp,
        pap: Pap::Green,
        handling: HandlingSet::EMPTY.with(Handling::H1),
        evaluation: evaluation('B', 2),
        basis: Basis::Fact,
    }
}

/// An evaluation of the 4x4 scheme.
pub fn evaluation(source: char, information: u8) -> Evaluation {
    Evaluation::new(EvaluationScheme::Europol4x4, source, information).unwrap()
}

/// The benefit that makes it smuggling.
pub fn benefit() -> Benefit {
    Benefit { ground: "asks 3000 euro a seat".to_owned() }
}

/// The body that goes with a kind.
pub fn body(kind: Kind) -> Body {
    let cluster = ClusterId::from_bytes(random());
    match kind.family() {
        Family::Content => Body::Content(ContentBody {
            media: Media::Image,
            class: ContentClass::SmugglerAd,
            linked_ad: None,
            cluster,
        }),
        Family::Account | Family::Ad => Body::Account(AccountBody {
            platform: platform_of(kind),
            role: Role::Advertiser,
            handle_from: None,
            handle_until: None,
            cluster,
        }),
    }
}

fn platform_of(kind: Kind) -> Option<Platform> {
    kind.is_platform_bound().then_some(Platform::Telegram)
}

/// A lawful statement of one party about a link, for another.
pub fn statement(origin: &AgencyId, receiver: &AgencyId, canonical: &str) -> Statement {
    let now = now();
    let commitment =
        Commitment::new(&Salt::from_bytes(random()), &fingerprint(Kind::Url, canonical));
    Statement {
        schema: SCHEMA,
        record_id: RecordId::from_bytes(random()),
        version: Version::FIRST,
        previous: None,
        origin: origin.clone(),
        agreement: AGREEMENT.parse().unwrap(),
        kind: Kind::Url,
        body: body(Kind::Url),
        commitment,
        purposes: BTreeSet::from([Purpose::Investigation]),
        offences: BTreeSet::from([Offence::MigrantSmuggling]),
        labels: labels(Tlp::Amber),
        subject: Subject::None,
        age: Age::NotApplicable,
        depicts: Depicts::Nobody,
        benefit: Some(benefit()),
        audience: BTreeSet::from([receiver.clone()]),
        onward: Onward::Never,
        observed_first: now.minus_ms(2 * Timestamp::DAY_MS),
        observed_last: now.minus_ms(Timestamp::DAY_MS),
        made_at: now.minus_ms(1_000),
        valid_until: now.plus_days(30),
        review_at: now.plus_days(20),
        normalisation: NormalisationVersion::CURRENT,
        exercise: false,
        critical: Vec::new(),
        presumed_adult_reasoned: false,
        matching: None,
    }
}

/// Signs a statement as a record without asking whether it may be one.
pub fn sign_unchecked(statement: &Statement, signer: &dyn Signer) -> Envelope {
    sign_bytes(Record::TYPE, domain::encoding::to_bytes(statement), signer)
}

/// Signs any bytes as a payload of any type.
pub fn sign_bytes(payload_type: &str, payload: Vec<u8>, signer: &dyn Signer) -> Envelope {
    let signature = EnvelopeSignature {
        key_id: signer.key_id(),
        algorithm: Algorithm::Ed25519,
        signature: signer.sign(&pre_authentication_encoding(payload_type, &payload)),
    };
    Envelope { payload, payload_type: payload_type.to_owned(), signatures: vec![signature] }
}
