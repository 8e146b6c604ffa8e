//! The events of `tests/vectors/misp`, read, planned and turned into submissions.

use super::{Limits, Marked, Note, Plan, Reason, plan, read, read_from};
use crate::{Fault, Labelling};
use core::convert::Infallible;
use domain::indicator::Body;
use domain::refusal::RefusalCode;
use domain::submission::Submission;
use domain::time::Timestamp;
use domain::value::{Pap, Tlp};
use fingerprint::NegativeBank;
use rand_core::{TryCryptoRng, TryRng};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// Counts: every draw differs, and a test that fails fails again.
struct Counter(u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 += 1;
        Ok(self.0 as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 += 1;
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0 += 1;
        bytes.fill(0);
        bytes.iter_mut().zip(self.0.to_le_bytes()).for_each(|(byte, drawn)| *byte = drawn);
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

pub(super) fn vector(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/misp/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

pub(super) fn labels(changes: &[(&str, &str)]) -> Labelling {
    let mut text = String::from_utf8(vector("labels.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Labelling::parse(&text).unwrap()
}

pub(super) fn planned(json: &Json, labelling: Option<&Labelling>) -> Plan {
    let document = read(json.to_string().as_bytes(), &Limits::default()).unwrap();
    plan(document, labelling, &NegativeBank::shipped())
}

pub(super) fn event(attributes: Json) -> Json {
    json!({"Event": {"info": "test", "Attribute": attributes}})
}

pub(super) fn submissions(plan: &Plan, labelling: &Labelling) -> Vec<Result<Submission, Fault>> {
    let mut rng = Counter(0);
    let of = |event: &super::EventPlan| event.submissions(labelling, None, NOW, &mut rng);
    plan.events.iter().flat_map(of).collect()
}

fn only_reason(plan: &Plan) -> Reason {
    let [skipped] = plan.events[0].skipped.as_slice() else {
        panic!("{:?}", plan.events[0].skipped)
    };
    skipped.reason
}

#[test]
fn every_event_of_the_vectors_has_the_counts_that_were_counted_by_hand() {
    let expected: BTreeMap<String, Json> =
        serde_json::from_slice(&vector("expected.json")).unwrap();
    let labelling = labels(&[]);
    let mut files = 0;
    for (name, expected) in expected.iter().filter(|(name, _)| name.ends_with(".json")) {
        files += 1;
        let document = read_from(vector(name).as_slice(), &Limits::default()).unwrap();
        let plan = plan(document, Some(&labelling), &NegativeBank::shipped());
        assert_eq!(plan.form.code(), expected["form"], "{name}");
        let events: Vec<Json> = plan.events.iter().map(tally).collect();
        assert_eq!(Json::from(events), expected["events"], "{name}");
        for event in &plan.events {
            let counts = &event.counts;
            let all = counts.attributes + counts.object_attributes + counts.proposals;
            assert_eq!(counts.candidates + counts.skipped, all, "{name}");
            assert_eq!(counts.by_reason.values().sum::<usize>(), counts.skipped, "{name}");
        }
    }
    assert_eq!(files, 10);
}

fn tally(event: &super::EventPlan) -> Json {
    let mut kinds = BTreeMap::new();
    let mut tlp = BTreeMap::new();
    for candidate in &event.candidates {
        *kinds.entry(candidate.normalised.kind.as_str()).or_insert(0) += 1;
        *tlp.entry(candidate.tlp.as_str()).or_insert(0) += 1;
    }
    let counts = &event.counts;
    let by_reason: BTreeMap<&str, usize> =
        counts.by_reason.iter().map(|(reason, count)| (reason.code(), *count)).collect();
    json!({
        "title": event.title.expose(),
        "attributes": counts.attributes,
        "objects": counts.objects,
        "object_attributes": counts.object_attributes,
        "proposals": counts.proposals,
        "by_reason": by_reason,
        "kinds": kinds,
        "tlp": tlp,
    })
}

#[test]
fn every_candidate_of_the_vectors_becomes_a_submission_that_the_rules_accept() {
    let labelling = labels(&[]);
    for name in ["wrapped.json", "bare.json", "response-list.json", "odd.json"] {
        let plan = plan(
            read(&vector(name), &Limits::default()).unwrap(),
            Some(&labelling),
            &NegativeBank::shipped(),
        );
        let submissions = submissions(&plan, &labelling);
        assert!(!submissions.is_empty(), "{name}");
        let candidates = plan.events.iter().flat_map(|event| &event.candidates);
        for (candidate, submission) in candidates.zip(&submissions) {
            let submission = submission.as_ref().unwrap();
            assert_eq!(submission.labels.tlp, candidate.tlp, "{name}");
            assert_eq!(submission.x, candidate.normalised.fingerprint());
            assert!(submission.observed_last <= NOW);
        }
    }
}

#[test]
fn unmarked_data_is_red_until_labelled_and_a_marking_is_never_loosened() {
    let json = json!([
        event(json!([{"type": "url", "value": "https://boats.example/a"}])),
        event(json!([{"type": "url", "value": "https://boats.example/a",
            "Tag": [{"name": "tlp:amber"}, {"name": "PAP:RED"}]}])),
    ]);
    let tlp = |plan: &Plan, event: usize| {
        let candidate = &plan.events[event].candidates[0];
        (candidate.tlp, candidate.marked)
    };
    let bare = planned(&json, None);
    assert_eq!(tlp(&bare, 0), (Tlp::Red, Marked::ByNobody));
    assert_eq!(tlp(&bare, 1), (Tlp::Amber, Marked::ByTags));
    assert_eq!(bare.events[0].notes, [Note::Unmarked]);

    let looser = labels(&[("pap =", "tlp = \"CLEAR\"\npap =")]);
    let plan = planned(&json, Some(&looser));
    assert_eq!(tlp(&plan, 0), (Tlp::Clear, Marked::ByLabels));
    assert_eq!(tlp(&plan, 1), (Tlp::Amber, Marked::ByTags));
    assert_eq!(plan.events[1].notes, [Note::MarkingKept]);
    let labelled: Vec<_> =
        submissions(&plan, &looser).into_iter().map(|s| s.unwrap().labels).collect();
    assert_eq!((labelled[0].tlp, labelled[0].pap), (Tlp::Clear, Pap::Amber));
    assert_eq!((labelled[1].tlp, labelled[1].pap), (Tlp::Amber, Pap::Red));

    let stricter = labels(&[("pap = \"AMBER\"", "tlp = \"AMBER_STRICT\"")]);
    let plan = planned(&json, Some(&stricter));
    assert_eq!(tlp(&plan, 1), (Tlp::AmberStrict, Marked::ByTags));
    let pap: Vec<_> =
        submissions(&plan, &stricter).into_iter().map(|s| s.unwrap().labels.pap).collect();
    assert_eq!(pap, [Pap::Red, Pap::Red], "unmarked and unlabelled PAP is RED");

    let later = submissions(&bare, &looser);
    assert_eq!(later[0].as_ref().unwrap().labels.tlp, Tlp::Red, "planned without labels");
}

#[test]
fn an_evaluation_in_the_tags_stays_in_its_scheme() {
    let json = json!({"Event": {"info": "test", "Tag": [
        {"name": "admiralty-scale:source-reliability=\"c\""},
        {"name": "admiralty-scale:information-credibility=\"3\""},
        {"name": "estimative-language:likelihood-probability=\"likely\""},
        {"name": "exercise:generic=\"comcheck\""},
    ], "Attribute": [{"type": "url", "value": "https://boats.example/a"}]}});
    let labelling = labels(&[("pap =", "basis = \"FACT\"\npap =")]);
    let submission = submissions(&planned(&json, Some(&labelling)), &labelling).remove(0).unwrap();
    let evaluation = submission.labels.evaluation;
    assert_eq!(
        (evaluation.scheme().as_str(), evaluation.to_string().as_str()),
        ("ADMIRALTY", "C3")
    );
    assert_eq!(submission.labels.basis.as_str(), "ASSESSMENT");
    assert!(submission.exercise);
}

#[test]
fn identifiers_of_one_object_share_a_cluster_and_others_do_not() {
    let json = json!({"Event": {"info": "test",
    "Attribute": [{"type": "url", "value": "https://boats.example/a"}],
    "Object": [{"name": "telegram-account", "first_seen": "2026-10-01T08:00:00+02:00", "Attribute": [
        {"type": "text", "object_relation": "username", "value": "boat_seller"},
        {"type": "text", "object_relation": "phone", "value": "+33199001234",
         "last_seen": "2027-01-01"},
    ]}]}});
    let labelling = labels(&[]);
    let submissions: Vec<Submission> = submissions(&planned(&json, Some(&labelling)), &labelling)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let cluster = |index: usize| submissions[index].body.cluster();
    assert_eq!(cluster(1), cluster(2));
    assert_ne!(cluster(0), cluster(1));
    let Body::Account(account) = &submissions[1].body else { panic!("not an account") };
    assert_eq!(account.platform.unwrap().as_str(), "TELEGRAM");
    let first = Timestamp::from_date(2026, 10, 1).unwrap().plus_ms(6 * 3_600_000);
    assert_eq!(submissions[1].observed_first, first);
    assert_eq!(submissions[2].observed_last, NOW, "what lies in the future is cut to now");
    assert_eq!(submissions[0].observed_first, NOW, "nobody said when");
}

#[test]
fn a_second_import_is_harmless_and_an_edit_or_new_labels_are_new() {
    let json = |edited: u64, value: &str| {
        json!({"Event": {"info": "test", "uuid": "00000000-0000-4000-8000-000000000001",
        "Attribute": [{"type": "url", "value": value, "timestamp": edited.to_string(),
            "uuid": "00000000-0000-4000-8000-000000000002"}]}})
    };
    let labelling = labels(&[]);
    let key = |json: &Json, labelling: &Labelling, seed: u64| {
        let plan = planned(json, Some(labelling));
        let mut rng = Counter(seed);
        let submissions = plan.events[0].submissions(labelling, None, NOW, &mut rng);
        submissions.into_iter().next().unwrap().unwrap().idempotency_key
    };
    let first = key(&json(5, "https://boats.example/a"), &labelling, 0);
    assert_eq!(key(&json(5, "https://boats.example/a"), &labelling, 99), first);
    assert_eq!(key(&json(5, "https://boats.example/b"), &labelling, 0), first, "no value in it");
    assert_ne!(key(&json(6, "https://boats.example/a"), &labelling, 0), first);
    let other = labels(&[("valid_days = 180", "valid_days = 181")]);
    assert_ne!(key(&json(5, "https://boats.example/a"), &other, 0), first);
    let anonymous = event(json!([{"type": "url", "value": "https://boats.example/a"}]));
    assert_ne!(key(&anonymous, &labelling, 0), key(&anonymous, &labelling, 99));

    let twice = json!({"Event": {"info": "t", "uuid": "00000000-0000-4000-8000-000000000001",
    "Attribute": [
        {"type": "url", "value": "https://boats.example/a",
         "uuid": "00000000-0000-4000-8000-000000000002"},
        {"type": "url", "value": "https://boats.example/b",
         "uuid": "00000000-0000-4000-8000-000000000002"},
    ]}});
    let submissions = submissions(&planned(&twice, Some(&labelling)), &labelling);
    let keys: Vec<_> = submissions.into_iter().map(|s| s.unwrap().idempotency_key).collect();
    assert_ne!(keys[0], keys[1], "one id for two attributes does not swallow the second");
}

#[test]
fn the_rules_that_protect_people_refuse_the_submission() {
    let json = event(json!([
        {"type": "url", "value": "https://boats.example/a"},
        {"type": "sha256",
         "value": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    ]));
    let minor = labels(&[("age = \"ADULT\"", "age = \"UNKNOWN\"")]);
    let refused = submissions(&planned(&json, Some(&minor)), &minor);
    assert_eq!(refused[0], Err(Fault::Refused(RefusalCode::Minor)));
    assert_eq!(refused[1], Err(Fault::Refused(RefusalCode::Minor)));

    let pictured = labels(&[("depicts = \"NOBODY\"", "depicts = \"UNKNOWN\"")]);
    let refused = submissions(&planned(&json, Some(&pictured)), &pictured);
    assert!(refused[0].is_ok());
    assert_eq!(refused[1], Err(Fault::Refused(RefusalCode::DepictionProtected)));

    let undecided = labels(&[("[account]\nrole = \"ADVERTISER\"", "")]);
    let refused = submissions(&planned(&json, Some(&undecided)), &undecided);
    assert_eq!(refused[0], Err(Fault::LabelMissing { key: "account" }));
    assert!(refused[1].is_ok());
}

#[test]
fn a_repeat_makes_the_first_one_stricter() {
    let json = event(json!([
        {"type": "url", "value": "https://t.me/boat_test", "Tag": [{"name": "tlp:green"}]},
        {"type": "url", "value": "https://t.me/boat_test/7", "Tag": [{"name": "tlp:red"}]},
    ]));
    let plan = planned(&json, None);
    assert_eq!(plan.events[0].candidates[0].tlp, Tlp::Red);
    assert_eq!(only_reason(&plan), Reason::Repeated);
}

#[test]
fn contacts_of_those_who_help_are_skipped() {
    let json = event(json!([
        {"type": "url", "value": "https://boats.example/a"},
        {"type": "phone-number", "value": "+33 1 99 00 43 21"},
        {"type": "url", "value": "https://wa.me/33199004321"},
        {"type": "url", "value": "https://help.unhcr.org/offers"},
        {"type": "url", "value": "https://twitter.com/Alarm_Phone"},
        {"type": "url", "value": "https://shelter.example/offers"},
    ]));
    let labelling = labels(&[]);
    let document = || read(json.to_string().as_bytes(), &Limits::default()).unwrap();
    let held = |bank: &NegativeBank| {
        let plan = plan(document(), Some(&labelling), bank);
        let counts = &plan.events[0].counts;
        assert_eq!(counts.candidates + counts.skipped, 6);
        assert!(submissions(&plan, &labelling).iter().all(Result::is_ok));
        counts.by_reason.get(&Reason::NegativeBank).copied().unwrap_or(0)
    };
    assert_eq!(held(&NegativeBank::default()), 0);
    assert_eq!(held(&NegativeBank::shipped()), 2);
    let own = "host\tshelter.example\ta shelter\tHUMANITARIAN\tits site\n\
        phone\t+33 1 99 00 43 21\ta shelter\tHUMANITARIAN\tits site\n";
    assert_eq!(held(&NegativeBank::shipped().with(own).unwrap()), 5);
}
