//! Terms that fit together, their bytes, and everything that is refused.

use super::fixture::{agency, terms};
use agreement::terms::{DerogationGround, TransferCondition};
use agreement::{Agreement, AgreementError, Pair, Terms};
use domain::encoding;
use domain::envelope::Payload as _;
use domain::name::Digest;
use domain::value::{Channel, Offence, Purpose, Subject, Tlp, TransferBasis};

fn floor() -> Digest {
    Digest::from_bytes([9; 32])
}

#[test]
fn an_agreement_goes_there_and_back_and_its_hash_is_that_of_its_bytes() {
    let agreement = Agreement::new(terms(floor())).unwrap();
    let bytes = agreement.to_payload();
    let read = Agreement::from_payload(&bytes).unwrap();
    assert_eq!(read, agreement);
    assert_eq!(agreement.hash(), Digest::from_bytes(domain::digest::hash(&[&bytes])));
    let mut other = terms(floor());
    other.offences.insert(Offence::Terrorism);
    assert_ne!(Agreement::new(other).unwrap().hash(), agreement.hash());
}

#[test]
fn an_unknown_field_and_a_list_out_of_order_are_refused() {
    let mut bytes = Agreement::new(terms(floor())).unwrap().to_payload();
    assert_eq!(bytes[0], 0xb8, "more than 23 fields");
    bytes[1] += 1;
    bytes.extend_from_slice(&[0x18, 99, 0x01]);
    assert!(encoding::check_deterministic(&bytes).is_ok());
    assert!(Agreement::from_payload(&bytes).is_err());

    let agreement = Agreement::new(terms(floor())).unwrap();
    let ordered = agreement.to_payload();
    let channels = [0x83, 1, 2, 3];
    let at = ordered.windows(5).position(|five| five[0] == 16 && five[1..] == channels).unwrap();
    let mut swapped = ordered;
    swapped.swap(at + 2, at + 3);
    assert!(encoding::check_deterministic(&swapped).is_ok());
    assert!(Agreement::from_payload(&swapped).is_err());
}

#[test]
fn questions_to_an_agreement_have_one_answer() {
    let agreement = Agreement::new(terms(floor())).unwrap();
    let pair = |from: &str, to: &str| {
        agreement.pair(&agency(from), &agency(to)).map(|pair| pair.transfer_basis)
    };
    assert_eq!(pair("be-fedpol", "es-pn"), Some(TransferBasis::IntraLed));
    assert_eq!(pair("es-pn", "ma-dgsn"), Some(TransferBasis::Led371aInstrument));
    assert_eq!(pair("ma-dgsn", "es-pn"), Some(TransferBasis::Convention108));
    assert_eq!(pair("es-pn", "es-pn"), None);
    assert_eq!(pair("es-pn", "pt-pj"), None);
    assert!(agreement.covers_purpose(Purpose::Investigation));
    assert!(!agreement.covers_purpose(Purpose::PlatformReferral));
    assert!(agreement.covers_offence(Offence::DocumentFraud));
    assert!(!agreement.covers_offence(Offence::Terrorism));
    assert!(agreement.covers_channel(Channel::Automated));
    let belgium = "BE".parse().unwrap();
    assert!(agreement.article(Offence::MigrantSmuggling, &belgium).is_some());
    assert!(agreement.article(Offence::CallToMassCrossing, &belgium).is_none());
}

#[test]
fn terms_that_do_not_fit_together_are_refused() {
    type Case = (&'static str, fn(&mut Terms));
    let cases: [Case; 30] = [
        ("unknown schema", |t| t.schema = 2),
        ("version 0", |t| t.version = 0),
        ("a second version of nothing", |t| t.version = 2),
        ("a first version of something", |t| t.supersedes = Some(t.floor_hash)),
        ("ends before it starts", |t| t.valid_to = t.valid_from),
        ("a window inside the skew", |t| t.valid_to = t.valid_from.plus_ms(240_000)),
        ("a hundred years", |t| t.valid_to = t.valid_from.plus_days(36_500)),
        ("no purpose", |t| t.purposes.clear()),
        ("no offence", |t| t.offences.clear()),
        ("no channel", |t| t.channels.clear()),
        ("no normalisation version", |t| t.normalisation_live.clear()),
        ("one party", |t| t.parties.truncate(1)),
        ("parties out of order", |t| t.parties.swap(0, 1)),
        ("a party twice", |t| t.parties[1] = t.parties[0].clone()),
        ("one key for two parties", |t| t.parties[1].authority_key = t.parties[0].authority_key),
        ("one key for two uses", |t| t.parties[1].authority_key = t.parties[1].root_key),
        ("a pair with an outsider", |t| t.pairs[0].to = agency("aa-outside")),
        ("a pair with itself", |t| t.pairs[0].to = t.pairs[0].from.clone()),
        ("pairs out of order", |t| t.pairs.swap(0, 1)),
        ("an instrument without document", |t| t.pairs[2].safeguards = None),
        ("no clause", |t| t.clauses.clear()),
        ("a clause that binds nobody", |t| t.clauses[0].binds.clear()),
        ("a clause that covers more", |t| {
            t.clauses[0].purposes.insert(Purpose::PlatformReferral);
        }),
        ("a clause for an outsider", |t| {
            t.clauses[0].binds.insert(agency("pt-pj"));
        }),
        ("an article of an outsider", |t| t.offence_map[3].country = "PT".parse().unwrap()),
        ("a preset over the ceiling", |t| {
            t.tlp_ceiling = Tlp::Green;
        }),
        ("an approver for more", |t| {
            t.approvers[0].purposes.insert(Purpose::PlatformReferral);
        }),
        ("retention over the longest", |t| t.retention.per_subject[0].days = 731),
        ("urgent after normal", |t| t.deadlines.urgent_hours = 1000),
        ("a hidden direction change", |t| t.purpose_text = "for \u{202e}gain".into()),
    ];
    assert!(Agreement::new(terms(floor())).is_ok());
    for (what, change) in cases {
        let mut changed = terms(floor());
        change(&mut changed);
        let refused = Agreement::new(changed.clone());
        assert!(matches!(refused, Err(AgreementError::Inconsistent(_))), "{what}");
        assert!(Agreement::from_payload(&encoding::to_bytes(&changed)).is_err(), "{what}");
    }
}

/// Impossible combinations of ground, parties and channel: the field is named, and what to do.
#[test]
fn impossible_transfers_are_refused_with_the_field_and_a_hint() {
    const BE_TO_ES: usize = 0;
    const BE_TO_MA: usize = 2;
    const MA_TO_BE: usize = 9;
    let decision = |adopted_on, ends_on| {
        let reference = "Decision 2025/1".into();
        Some(TransferCondition::AdequacyDecision { reference, adopted_on, ends_on })
    };
    let start = terms(floor()).valid_from;
    let derogation = TransferCondition::Derogation {
        ground: DerogationGround::IndividualCase,
        reason: "one case".into(),
    };
    let refuse = |pair: usize, field: &str, change: &dyn Fn(&mut Pair)| {
        let mut changed = terms(floor());
        change(&mut changed.pairs[pair]);
        let error = Agreement::new(changed).unwrap_err();
        let AgreementError::Inconsistent(misfit) = &error else { panic!("{error}") };
        assert!(misfit.field.starts_with("pairs[") && misfit.field.ends_with(field), "{error}");
        assert!(!misfit.hint.is_empty() && error.to_string().contains(misfit.hint));
    };
    refuse(BE_TO_MA, "transfer_basis", &|p| p.transfer_basis = TransferBasis::IntraLed);
    refuse(MA_TO_BE, "transfer_basis", &|p| p.transfer_basis = TransferBasis::IntraLed);
    refuse(BE_TO_ES, "transfer_basis", &|p| p.transfer_basis = TransferBasis::Convention108);
    refuse(BE_TO_MA, "transfer_basis", &|p| p.transfer_basis = TransferBasis::Convention108);
    refuse(MA_TO_BE, "transfer_basis", &|p| p.transfer_basis = TransferBasis::Led36Adequacy);
    refuse(BE_TO_MA, "safeguards", &|p| p.safeguards = None);
    refuse(BE_TO_MA, "condition", &|p| p.transfer_basis = TransferBasis::Led36Adequacy);
    refuse(BE_TO_MA, "condition", &|p| p.transfer_basis = TransferBasis::Led371bAssessment);
    refuse(BE_TO_MA, "condition", &|p| p.transfer_basis = TransferBasis::Led38Derogation);
    refuse(BE_TO_MA, "condition", &|p| p.condition = Some(derogation.clone()));
    for (adopted_on, ends_on) in [(start.plus_ms(1), None), (start.minus_ms(9), Some(start))] {
        refuse(BE_TO_MA, "condition", &|p| {
            p.transfer_basis = TransferBasis::Led36Adequacy;
            p.condition = decision(adopted_on, ends_on);
        });
    }
    refuse(BE_TO_ES, "channels", &|p| p.channels = Some([].into()));
    for channels in [None, Some([Channel::Authority, Channel::Automated].into())] {
        refuse(BE_TO_MA, "channels", &|p| {
            p.transfer_basis = TransferBasis::Led38Derogation;
            p.condition = Some(derogation.clone());
            p.channels = channels.clone();
        });
    }
    let mut possible = terms(floor());
    possible.pairs[BE_TO_MA].transfer_basis = TransferBasis::Led38Derogation;
    possible.pairs[BE_TO_MA].condition = Some(derogation);
    possible.pairs[BE_TO_MA].channels = Some([Channel::Authority].into());
    let possible = Agreement::new(possible).unwrap();
    let (be, ma) = (agency("be-fedpol"), agency("ma-dgsn"));
    assert!(possible.covers_channel_between(Channel::Authority, &be, &ma));
    assert!(!possible.covers_channel_between(Channel::Automated, &be, &ma));
    assert!(possible.covers_channel_between(Channel::Automated, &ma, &be));
}

#[test]
fn an_offence_is_usable_only_where_both_sides_have_an_article() {
    let mut mapped = terms(floor());
    mapped.offence_map[1].article = None;
    let agreement = Agreement::new(mapped).unwrap();
    let usable = |from: &str, to: &str| agreement.usable_offences(&agency(from), &agency(to));
    assert_eq!(usable("be-fedpol", "fr-oltim"), [Offence::MigrantSmuggling].into());
    assert!(usable("be-fedpol", "es-pn").is_empty());
    assert!(usable("es-pn", "be-fedpol").is_empty());
    assert!(usable("be-fedpol", "pt-pj").is_empty());
    let (be, fr) = (agency("be-fedpol"), agency("fr-oltim"));
    assert!(!agreement.is_usable(Offence::DocumentFraud, &be, &fr), "nobody named an article");
}

#[test]
fn sixty_four_parties_fit_and_one_more_does_not() {
    let of = |count: u8| {
        let mut big = terms(floor());
        let model = big.parties[0].clone();
        big.approvers.clear();
        big.parties = (0..count)
            .map(|i| {
                let key = |use_of: &'static str| {
                    let seed = domain::digest::derive(use_of, &[&[i]]);
                    domain::signature::Signer::public_key(&domain::signature::SecretKey::from_seed(
                        &seed,
                    ))
                };
                agreement::Party {
                    agency: agency(&format!("be-p{i:03}")),
                    root_key: key("malines test many roots"),
                    authority_key: key("malines test many authorities"),
                    ..model.clone()
                }
            })
            .collect();
        big.offence_map.truncate(1);
        big.clauses[0].binds = big.parties.iter().map(|party| party.agency.clone()).collect();
        big.pairs = Vec::new();
        for from in &big.parties {
            for to in big.parties.iter().filter(|to| to.agency != from.agency) {
                big.pairs.push(Pair {
                    from: from.agency.clone(),
                    to: to.agency.clone(),
                    transfer_basis: TransferBasis::IntraLed,
                    safeguards: None,
                    condition: None,
                    channels: None,
                });
            }
        }
        big
    };
    let full = Agreement::new(of(64)).unwrap();
    assert_eq!(Agreement::from_payload(&full.to_payload()), Ok(full));
    assert!(Agreement::new(of(65)).is_err());
}

#[test]
fn a_longer_term_for_an_unknown_subject_cannot_be_written() {
    let mut changed = terms(floor());
    changed.retention.per_subject = vec![changed.retention.per_subject[0].clone(); 2];
    changed.retention.per_subject[1].subject = Subject::None;
    assert!(Agreement::new(changed).is_err(), "subjects out of order");
}

proptest::proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(0_u8.., 0..512)) {
        let _ = Agreement::from_payload(&bytes);
    }

    #[test]
    fn a_flipped_bit_is_refused_or_another_agreement(at in 0_usize..2000, bit in 0_u8..8) {
        let agreement = Agreement::new(terms(floor())).unwrap();
        let mut bytes = agreement.to_payload();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
            if let Ok(other) = Agreement::from_payload(&bytes) {
                proptest::prop_assert_ne!(other.hash(), agreement.hash());
            }
        }
    }
}
