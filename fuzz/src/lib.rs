//! Valid examples of everything the targets read, so that fuzzing starts behind the first check.

use audit::export::{ExportWriter, Item, Part};
use audit::frame::{Operation, PartKind, Tip};
use audit::head::Head;
use audit::note::VerifyingKeys;
use domain::digest::{Commitment, Fingerprint, Salt};
use domain::envelope::Payload;
use domain::event::{Act, Event};
use domain::indicator::{AccountBody, Body, Kind, NormalisationVersion};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::manifest::Manifest;
use domain::name::{AgencyId, ClusterId, Digest, RecordId};
use domain::question::{MatchSummary, Matches};
use domain::record::{Benefit, SCHEMA, Statement, Version};
use domain::signature::{SecretKey, Signer};
use domain::time::Timestamp;
use domain::token::{SealedTokenKey, SheetRow, TokenEpoch, TokenKey, TokenSheet};
use domain::value::{
    Age, AgencyKind, Basis, Depicts, Offence, Onward, Pap, Platform, Purpose, Role, Subject, Tlp,
};
use domain::withdrawal::Tombstone;
use std::error::Error;

/// What making an example may end in.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// A log of three frames with its one signed head: the file, and the head.
pub fn export() -> Outcome<(Vec<u8>, Head)> {
    let agency = agency()?;
    let mut writer = ExportWriter::start(Vec::new(), &agency, Tip::start(&agency))?;
    for n in 0..3_u8 {
        let part = |kind| Part::open(kind, Salt::from_bytes([n; 32]), vec![n; 8]);
        let closed = part(PartKind::Data)?.commitment();
        let item = Item {
            header: vec![n],
            entry: part(PartKind::Entry)?,
            local: Some(part(PartKind::Local)?),
            data: Some(Part::closed(closed)),
        };
        let time = Timestamp::from_millis(1_790_000_000_000);
        writer.frame(Operation::Commit, time, &[item.clone(), item])?;
    }
    let head = writer.head();
    writer.signed_head(&head.sign(&key())?)?;
    Ok((writer.finish()?, head))
}

/// The one key that signed the head of [`export`].
pub fn verifying_keys() -> Outcome<VerifyingKeys> {
    Ok(VerifyingKeys::new([Head::key(
        &agency()?,
        key().public_key(),
    )?])?)
}

fn agency() -> Outcome<AgencyId> {
    Ok("be-fedpol".parse()?)
}

/// The key that signs every example.
pub fn key() -> SecretKey {
    SecretKey::from_seed(&[8; 32])
}

fn evaluation() -> Outcome<Evaluation> {
    Ok(Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2).map_err(|code| code.to_string())?)
}

/// What an ordinary record states.
pub fn statement() -> Outcome<Statement> {
    let made_at = Timestamp::from_millis(1_790_000_000_000);
    Ok(Statement {
        schema: SCHEMA,
        record_id: RecordId::from_bytes([1; 16]),
        version: Version::FIRST,
        previous: None,
        origin: "be-fedpol".parse()?,
        agreement: "malines-2026".parse()?,
        kind: Kind::InviteCode,
        body: Body::Account(AccountBody {
            platform: Some(Platform::Telegram),
            role: Role::Advertiser,
            handle_from: None,
            handle_until: None,
            cluster: ClusterId::from_bytes([2; 16]),
        }),
        commitment: Commitment::new(
            &Salt::from_bytes([3; 32]),
            &Fingerprint::from_bytes([4; 32]),
        ),
        purposes: [Purpose::Investigation].into(),
        offences: [Offence::MigrantSmuggling].into(),
        labels: Labels {
            tlp: Tlp::Amber,
            pap: Pap::Amber,
            handling: HandlingSet::EMPTY,
            evaluation: evaluation()?,
            basis: Basis::Assessment,
        },
        subject: Subject::SuspectFacilitator,
        age: Age::Adult,
        depicts: Depicts::Nobody,
        benefit: Some(Benefit {
            ground: "asks for money".to_owned(),
        }),
        audience: ["es-pn".parse()?].into(),
        onward: Onward::Never,
        observed_first: made_at.minus_ms(1000),
        observed_last: made_at,
        made_at,
        valid_until: made_at.plus_days(180),
        review_at: made_at.plus_days(90),
        normalisation: NormalisationVersion::CURRENT,
        exercise: false,
        critical: vec![],
        presumed_adult_reasoned: false,
        matching: None,
    })
}

/// One of each signed message that is no record.
pub fn signed_messages() -> Outcome<Vec<(&'static str, Vec<u8>)>> {
    let at = Timestamp::from_millis(1_790_000_000_000);
    let token = TokenKey::from_bytes([5; 32]).token(&Fingerprint::from_bytes([4; 32]));
    let row = SheetRow {
        record_id: RecordId::from_bytes([1; 16]),
        version: Version::FIRST,
        token,
    };
    let sheet = TokenSheet {
        agreement: "malines-2026".parse()?,
        owner: "be-fedpol".parse()?,
        recipient: "es-pn".parse()?,
        epoch: TokenEpoch(1),
        rows: vec![row],
    };
    let sealed = SealedTokenKey {
        agreement: "malines-2026".parse()?,
        owner: "be-fedpol".parse()?,
        recipient: "es-pn".parse()?,
        epoch: TokenEpoch(1),
        live_from: at,
        live_until: at.plus_days(90),
        encapsulated: vec![6; 32],
        sealed: vec![7; 48],
    };
    let manifest = Manifest {
        agency: "be-fedpol".parse()?,
        country: "BE".parse()?,
        kind: AgencyKind::Police,
        sequence: 1,
        valid_from: at,
        valid_until: at.plus_days(365),
        node_authorities: vec![Digest::from_bytes([9; 32])],
        addresses: vec!["localhost:7443".to_owned()],
        record_key: key().public_key(),
        log_key: key().public_key(),
        seal_key: [10; 32],
    };
    let tombstone = Tombstone {
        record_id: RecordId::from_bytes([1; 16]),
        origin: "be-fedpol".parse()?,
    };
    Ok(vec![
        ("sheet", sheet.to_payload()),
        ("token-key", sealed.to_payload()),
        ("manifest", manifest.to_payload()),
        ("matches", matches(at)?.to_payload()),
        ("tombstone", tombstone.to_payload()),
    ])
}

fn matches(as_of: Timestamp) -> Outcome<Matches> {
    let one = MatchSummary {
        slot: 0,
        follow_up: RecordId::from_bytes([11; 16]),
        kind: Kind::Phone,
        role: Some(Role::Advertiser),
        class: None,
        tlp: Tlp::Amber,
        pap: Pap::Amber,
        handling: HandlingSet::EMPTY,
        evaluation: evaluation()?,
        basis: Basis::Assessment,
        observed_last: as_of,
    };
    Ok(Matches {
        owner: "es-pn".parse()?,
        asker: "be-fedpol".parse()?,
        question: Digest::from_bytes([12; 32]),
        as_of,
        matches: vec![one],
    })
}

/// Both parts as the target takes them: the length of the shared part comes first.
pub fn entry() -> Outcome<Vec<u8>> {
    let mut event = Event::new(Timestamp::from_millis(1_790_000_000_000), Act::Shared);
    event.shared.peer = Some("es-pn".parse()?);
    event.local.officer = Some("BE-1042".parse()?);
    let (shared, local) = event.to_parts();
    let length = u16::try_from(shared.len())?;
    Ok([length.to_be_bytes().as_slice(), &shared, &local].concat())
}
