//! What a record may not be.

use super::*;
use crate::digest::{Fingerprint, Salt};
use crate::envelope::Signed;
use crate::indicator::{AccountBody, ContentBody};
use crate::label::{Evaluation, EvaluationScheme, HandlingSet};
use crate::name::ClusterId;
use crate::signature::{SecretKey, Signer as _};
use crate::value::{Basis, Media, Pap, Platform, Role, Tlp};

pub(crate) fn account() -> Statement {
    let made_at = Timestamp::from_date(2026, 11, 1).unwrap();
    Statement {
        schema: SCHEMA,
        record_id: RecordId::from_bytes([1; 16]),
        version: Version::FIRST,
        previous: None,
        origin: "be-fedpol".parse().unwrap(),
        agreement: "malines-2026".parse().unwrap(),
        kind: Kind::InviteCode,
        body: Body::Account(AccountBody {
            platform: Some(Platform::Telegram),
            role: Role::Advertiser,
            handle_from: None,
            handle_until: None,
            cluster: ClusterId::from_bytes([2; 16]),
        }),
        commitment: Commitment::new(&Salt::from_bytes([3; 32]), &Fingerprint::from_bytes([4; 32])),
        purposes: [Purpose::Investigation].into(),
        offences: [Offence::MigrantSmuggling].into(),
        labels: Labels {
            tlp: Tlp::Amber,
            pap: Pap::Amber,
            handling: HandlingSet::EMPTY,
            evaluation: Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2).unwrap(),
            basis: Basis::Assessment,
        },
        subject: Subject::SuspectFacilitator,
        age: Age::Adult,
        depicts: Depicts::Nobody,
        benefit: Some(Benefit { ground: "asks 3000 euro a seat".into() }),
        audience: ["es-pn".parse().unwrap()].into(),
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
    }
}

fn content(class: ContentClass) -> Statement {
    Statement {
        kind: Kind::Sha256,
        body: Body::Content(ContentBody {
            media: Media::Image,
            class,
            linked_ad: None,
            cluster: ClusterId::from_bytes([2; 16]),
        }),
        ..account()
    }
}

fn refused(change: impl FnOnce(&mut Statement)) -> Option<RefusalCode> {
    let mut statement = account();
    change(&mut statement);
    Record::new(statement).err()
}

#[test]
fn an_ordinary_record_goes_there_and_back() {
    let record = Record::new(account()).unwrap();
    let key = SecretKey::from_seed(&[8; 32]);
    let signed = Signed::seal(record, &key);
    let opened = Signed::<Record>::open(signed.envelope().clone(), &key.public_key()).unwrap();
    assert_eq!(opened, signed);
    assert!(opened.envelope().payload.len() < 400, "{}", opened.envelope().payload.len());
}

#[test]
fn a_record_about_a_smuggled_migrant_cannot_be_built_or_received() {
    for family in [account(), content(ContentClass::AbuseOfPerson)] {
        let mut statement = family;
        statement.subject = Subject::SmuggledMigrant;
        assert_eq!(Record::new(statement.clone()), Err(RefusalCode::SmuggledMigrant));
        let error = Record::from_payload(&encoding::to_bytes(&statement)).unwrap_err();
        assert_eq!(refusal_of(&error), RefusalCode::SmuggledMigrant);
    }
}

#[test]
fn protected_persons_form_no_account() {
    for subject in [Subject::Victim, Subject::Witness, Subject::Unknown] {
        for purpose in Purpose::ALL {
            let code = refused(|s| {
                s.subject = subject;
                s.purposes = [*purpose].into();
            });
            assert_eq!(code, Some(RefusalCode::ProtectedSubject));
        }
    }
    for age in [Age::Minor, Age::Unknown] {
        assert_eq!(refused(|s| s.age = age), Some(RefusalCode::Minor));
    }
}

#[test]
fn protected_persons_move_as_content_for_their_protection_only() {
    let mut statement = content(ContentClass::AbuseOfPerson);
    statement.subject = Subject::Victim;
    statement.age = Age::Minor;
    statement.depicts = Depicts::Minors;
    statement.offences = [Offence::TraffickingInMinors].into();
    assert_eq!(Record::new(statement.clone()), Err(RefusalCode::Minor));
    statement.purposes = [Purpose::VictimProtection].into();
    assert_eq!(Record::new(statement.clone()), Err(RefusalCode::BodyImpossible), "no ad");
    link_ad(&mut statement);
    assert!(Record::new(statement.clone()).is_ok());
    statement.purposes.insert(Purpose::Investigation);
    assert_eq!(Record::new(statement), Err(RefusalCode::Minor));
}

fn link_ad(statement: &mut Statement) {
    if let Body::Content(body) = &mut statement.body {
        body.linked_ad = Some(RecordId::from_bytes([9; 16]));
    }
}

#[test]
fn sexual_material_with_minors_has_no_place_here() {
    for offence in [Offence::SexualExploitation, Offence::SexualExtortion] {
        for depicts in [Depicts::Minors, Depicts::Unknown] {
            let mut statement = content(ContentClass::AbuseOfPerson);
            link_ad(&mut statement);
            statement.depicts = depicts;
            statement.offences = [offence].into();
            statement.purposes = [Purpose::VictimProtection].into();
            assert_eq!(Record::new(statement), Err(RefusalCode::ProhibitedContent));
        }
    }
}

#[test]
fn the_ground_of_a_benefit_names_nobody() {
    for ground in [
        "pays via +33 1 99 00 42 17",
        "writes from boat@travel.example",
        "see https://boat.example",
        "handle @boat22",
        "call \u{661}\u{662}\u{663}\u{664}\u{665}",
        "a line\nbreak",
    ] {
        let code = refused(|s| s.benefit = Some(Benefit { ground: ground.into() }));
        assert_eq!(code, Some(RefusalCode::BodyImpossible), "{ground}");
    }
    let price = refused(|s| s.benefit = Some(Benefit { ground: "asks 3000 to 4000 euro".into() }));
    assert_eq!(price, None);
}

#[test]
fn a_persons_identifier_needs_a_person_as_subject() {
    for kind in [Kind::Phone, Kind::Email, Kind::Handle, Kind::Wallet] {
        let code = refused(|s| {
            s.kind = kind;
            s.subject = Subject::None;
            s.age = Age::NotApplicable;
        });
        assert_eq!(code, Some(RefusalCode::LabelsImpossible), "{kind}");
    }
    let link = refused(|s| {
        s.subject = Subject::None;
        s.age = Age::NotApplicable;
    });
    assert_eq!(link, None, "an invite code may be an object's");
}

#[test]
fn a_presumed_adult_needs_a_reason_and_an_early_review() {
    let code = Some(RefusalCode::PresumedAdultUnfounded);
    assert_eq!(refused(|s| s.age = Age::PresumedAdult), code);
    let reasoned = |days| {
        refused(|s| {
            s.age = Age::PresumedAdult;
            s.presumed_adult_reasoned = true;
            s.review_at = s.made_at.plus_days(days);
        })
    };
    assert_eq!(reasoned(30), None);
    assert_eq!(reasoned(31), code);
}

#[test]
fn smuggling_without_benefit_is_not_smuggling() {
    for offence in [Offence::MigrantSmuggling, Offence::MigrantSmugglingAggravated] {
        let code = refused(|s| {
            s.offences = [offence].into();
            s.benefit = None;
        });
        assert_eq!(code, Some(RefusalCode::BenefitMissing));
    }
    let blank = refused(|s| s.benefit = Some(Benefit { ground: "  ".into() }));
    assert_eq!(blank, Some(RefusalCode::BenefitMissing));
    let other = refused(|s| {
        s.offences = [Offence::DocumentFraud].into();
        s.benefit = None;
    });
    assert_eq!(other, None);
}

#[test]
fn pictures_of_those_who_crossed_are_bound_to_the_facilitators_advertisement() {
    let mut statement = content(ContentClass::ProofOfCrossing);
    statement.depicts = Depicts::Adults;
    assert_eq!(Record::new(statement.clone()), Err(RefusalCode::BodyImpossible));
    link_ad(&mut statement);
    assert!(Record::new(statement.clone()).is_ok());
    statement.depicts = Depicts::Minors;
    assert_eq!(Record::new(statement.clone()), Err(RefusalCode::DepictionProtected));
    statement.depicts = Depicts::Adults;
    statement.purposes = [Purpose::Prosecution].into();
    assert_eq!(Record::new(statement), Err(RefusalCode::DepictionProtected));

    let mut advertisement = content(ContentClass::SmugglerAd);
    for (depicts, allowed) in [
        (Depicts::Nobody, true),
        (Depicts::Adults, true),
        (Depicts::Minors, false),
        (Depicts::Unknown, false),
    ] {
        advertisement.depicts = depicts;
        assert_eq!(Record::new(advertisement.clone()).is_ok(), allowed, "{depicts}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    type Case = (&'static str, RefusalCode, fn(&mut Statement));
    let cases: [Case; 12] = [
        ("no purpose", RefusalCode::LabelsImpossible, |s| s.purposes.clear()),
        ("no offence", RefusalCode::LabelsImpossible, |s| s.offences.clear()),
        ("kind of another family", RefusalCode::BodyImpossible, |s| s.kind = Kind::Sha256),
        ("own agency as audience", RefusalCode::LabelsImpossible, |s| {
            s.audience.insert(s.origin.clone());
        }),
        ("object with an age", RefusalCode::LabelsImpossible, |s| s.subject = Subject::None),
        ("expires before it is made", RefusalCode::RetentionImpossible, |s| {
            s.valid_until = s.made_at;
        }),
        ("seen after it was made", RefusalCode::RetentionImpossible, |s| {
            s.observed_last = s.made_at.plus_ms(CLOCK_SKEW_MS + 1);
        }),
        ("lives too long", RefusalCode::RetentionImpossible, |s| {
            s.valid_until = s.made_at.plus_days(VALID_DAYS_MAX + 1);
        }),
        ("review after the end", RefusalCode::RetentionImpossible, |s| {
            s.review_at = s.valid_until.plus_ms(1);
        }),
        ("second version without a first", RefusalCode::VersionConflict, |s| s.version.n = 2),
        ("unknown schema", RefusalCode::Malformed, |s| s.schema = 2),
        ("a handle without a platform", RefusalCode::BodyImpossible, |s| {
            s.kind = Kind::Handle;
            if let Body::Account(body) = &mut s.body {
                body.platform = None;
            }
        }),
    ];
    for (what, code, change) in cases {
        assert_eq!(refused(change), Some(code), "{what}");
    }
}

#[test]
fn unknown_fields_are_tolerated_unless_critical() {
    let mut record = account();
    let with_unknown_field = |statement: &Statement| {
        let mut bytes = encoding::to_bytes(statement);
        bytes[1] += 1; // one more entry in the outer map: b8 NN
        bytes.extend_from_slice(&[0x18, 40, 0x01]);
        bytes
    };
    assert_eq!(encoding::to_bytes(&record)[0], 0xb8);
    assert!(Record::from_payload(&with_unknown_field(&record)).is_ok());
    record.critical = vec![40];
    let error = Record::from_payload(&with_unknown_field(&record)).unwrap_err();
    assert_eq!(refusal_of(&error), RefusalCode::CriticalNotUnderstood);
    record.critical = vec![12];
    assert!(Record::from_payload(&encoding::to_bytes(&record)).is_ok());
    record.critical = vec![16];
    record.benefit = None;
    record.offences = [Offence::DocumentFraud].into();
    let error = Record::from_payload(&encoding::to_bytes(&record)).unwrap_err();
    assert_eq!(refusal_of(&error), RefusalCode::CriticalNotUnderstood, "critical and absent");
}

proptest::proptest! {
    #[test]
    fn hostile_payloads_never_panic(bytes in proptest::collection::vec(0_u8.., 0..512)) {
        let _ = Record::from_payload(&bytes);
    }

    #[test]
    fn a_flipped_bit_is_refused_or_another_record(at in 0_usize..2400, bit in 0_u8..8) {
        let record = Record::new(account()).unwrap();
        let mut bytes = record.to_payload();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
            proptest::prop_assert_ne!(Record::from_payload(&bytes).ok(), Some(record));
        }
    }
}

#[test]
fn a_stop_of_the_matching_must_be_understood_and_leaves_other_records_as_they_were() {
    let before = Record::new(account()).unwrap().to_payload();
    let mut stopped = account();
    stopped.set_matching(Some(MatchingStop::Disputed));
    assert_eq!(stopped.critical, [28]);
    let bytes = Record::new(stopped.clone()).unwrap().to_payload();
    assert_eq!(Record::from_payload(&bytes).unwrap().statement(), &stopped);
    // One who does not know field 28 would see it in the list of those that must be understood.
    assert!(encoding::outer_keys(&bytes).unwrap().contains(&28));
    let forgotten = Statement { critical: vec![], ..stopped.clone() };
    assert_eq!(Record::new(forgotten), Err(RefusalCode::LabelsImpossible));
    stopped.set_matching(None);
    assert_eq!(Record::new(stopped).unwrap().to_payload(), before);
    assert!(!encoding::outer_keys(&before).unwrap().contains(&28));
}
