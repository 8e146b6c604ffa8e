//! Poison: files made to be misread, to exhaust memory, or to leak what they hold.

use super::tests::{event, labels, planned, submissions, vector};
use super::{Form, Limits, Marked, Reason, plan, read, read_from};
use crate::{Fault, Labelling};
use domain::value::Tlp;
use fingerprint::NegativeBank;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

#[test]
fn json_that_is_no_event_is_no_error() {
    for text in [
        "{}",
        "[]",
        "null",
        "true",
        "7",
        "1e300",
        "\"Event\"",
        "[[],[{}]]",
        "{\"Event\": null}",
        "{\"Event\": []}",
        "{\"response\": []}",
        "{\"response\": \"none\"}",
        "[null, 3]",
        "{\"response\": {\"response\": {\"Event\": {\"info\": \"x\"}}}}",
        "{\"info\": \"a title alone\"}",
        "\u{feff}{}",
    ] {
        let document = read(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((document.form, document.events.len()), (Form::NoEvent, 0), "{text}");
    }
}

#[test]
fn an_event_around_an_envelope_is_told() {
    let json = json!({"info": "outer", "Attribute": [], "Event": {"info": "inner"}});
    let plan = planned(&json, None);
    assert_eq!((plan.form, plan.events.len(), plan.misshapen), (Form::Wrapped, 1, 1));
    assert_eq!(plan.events[0].title.expose(), "inner");
}

#[test]
fn what_is_no_json_is_refused_with_its_place_and_without_its_values() {
    let canary = "+33199001299";
    for (text, line) in [
        (format!("{{\"Event\": {{\n\"info\": \"{canary}\","), 2),
        (format!("{{\"Event\": {{}}}}\n{canary}"), 2),
        (format!("{{\"Event\": {{\n\n\"info\": \"\\ud800{canary}\"}}}}"), 3),
        (format!("\n{{\"Event\": {{\"info\": \"{canary}\u{1}\"}}}}"), 2),
        (format!("{{\"Event\": {{\"info\": {canary}}}}}"), 1),
        (format!("{{\"Event\": {{\"info\": \"{canary}\", \"info\": \"x\"}}}}"), 1),
        (format!("{{\"Event\": {{}}, \"Event\": {{\"info\": \"{canary}\"}}}}"), 1),
        (format!("{{\"response\": [\"{canary}\"],\n\"Event\": {{}}}}"), 2),
        (String::new(), 1),
    ] {
        let error = read(text.as_bytes(), &Limits::default()).unwrap_err();
        let Fault::NotJson { line: at, .. } = &error else { panic!("{error}") };
        assert_eq!(*at, line, "{text}");
        assert!(!error.to_string().contains("99001299"), "{error}");
        assert!(!error.to_string().contains(" at line "), "{error}");
    }
    let error = read(b"{\"Event\": {\"info\": \"\xff\"}}", &Limits::default()).unwrap_err();
    assert!(matches!(error, Fault::NotJson { line: 1, .. }));
}

#[test]
fn values_that_break_the_rules_of_text_are_skipped_and_the_rest_is_read() {
    let long = "9".repeat(400);
    let text = format!(
        "{{\"Event\": {{\"info\": \"x\", \"Attribute\": [
            {{\"type\": \"url\", \"value\": \"https://boats.example/\\u0000a\\u0000\"}},
            {{\"type\": \"phone-number\", \"value\": \"+33 1 99 00 12 34\\u0000\"}},
            {{\"type\": \"url\", \"id\": {long}, \"value\": {long_integer}}},
            {{\"type\": \"\\u0000\", \"value\": \"x\"}},
            {{\"type\": \"url\", \"value\": \"https://boats.example/b\", \"timestamp\": -5,
              \"first_seen\": \"9999-99-99\", \"uuid\": \"\\u202e\"}}
        ]}}}}",
        long_integer = "9".repeat(40),
    );
    let plan =
        plan(read(text.as_bytes(), &Limits::default()).unwrap(), None, &NegativeBank::shipped());
    let reasons: Vec<Reason> = plan.events[0].skipped.iter().map(|s| s.reason).collect();
    assert!(reasons.contains(&Reason::ValueNotText) && reasons.contains(&Reason::TypeMissing));
    assert!(!plan.events[0].candidates.is_empty());
    assert_eq!(plan.events[0].counts.attributes, 5);
}

#[test]
fn limits_hold() {
    let limits = Limits { events_max: 2, attributes_max: 3, bytes_max: 4096, ..Limits::default() };
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let error = read(deep.as_bytes(), &limits).unwrap_err();
    assert_eq!(error, Fault::TooDeep { line: 1, depth_max: 64 });
    let deep = format!("{{\"Event\": {{\"x\": \"[[[\", \"y\":\n {}", "{\"a\":".repeat(70));
    assert_eq!(
        read(deep.as_bytes(), &limits).unwrap_err(),
        Fault::TooDeep { line: 2, depth_max: 64 }
    );
    let in_text = event(json!([{"type": "text", "value": "[{\\\"".repeat(100)}]));
    assert!(read(in_text.to_string().as_bytes(), &limits).is_ok(), "brackets in a text");

    let long = " ".repeat(4097);
    let error = read(long.as_bytes(), &limits).unwrap_err();
    assert_eq!(error, Fault::TooLong { bytes_max: 4096 });
    let endless = std::io::repeat(b' ');
    assert_eq!(read_from(endless, &limits).unwrap_err(), Fault::TooLong { bytes_max: 4096 });

    let events = Json::from(vec![event(json!([])); 3]).to_string();
    let what = "events";
    assert_eq!(read(events.as_bytes(), &limits).unwrap_err(), Fault::TooMany { what, most: 2 });
    for body in [
        json!({"info": "x", "Attribute": [0, 0, 0, 0]}),
        json!({"info": "x", "ShadowAttribute": [0, 0, 0, 0]}),
        json!({"info": "x", "Object": [{"Attribute": [0, 0]}, {"Attribute": [0, 0]}]}),
        json!({"info": "x", "Object": [0, 0, 0, 0]}),
    ] {
        let error = read(body.to_string().as_bytes(), &limits).unwrap_err();
        assert_eq!(error, Fault::TooMany { what: "attributes and objects", most: 3 }, "{body}");
    }
}

#[test]
fn a_hundred_thousand_attributes_add_up() {
    let attribute = |n: usize| match n % 4 {
        0 => json!({"type": "url", "value": format!("https://boats.example/offer/{}", n / 8)}),
        1 => json!({"type": "domain", "value": "boats.example"}),
        2 => json!({"type": "url", "value": n, "deleted": true}),
        _ => json!({}),
    };
    let attributes: Vec<Json> = (0..100_000).map(attribute).collect();
    let counts = planned(&event(Json::from(attributes)), None).events[0].counts.clone();
    assert_eq!((counts.attributes, counts.candidates), (100_000, 12_500));
    assert_eq!(
        counts.by_reason,
        BTreeMap::from([
            (Reason::Repeated, 12_500),
            (Reason::NotAKind, 25_000),
            (Reason::Deleted, 25_000),
            (Reason::TypeMissing, 25_000),
        ])
    );
}

#[test]
fn nothing_of_a_value_or_a_title_is_shown_by_debug() {
    let json = json!({"Event": {"info": "canary-title", "Attribute": [
        {"type": "url", "value": "https://t.me/canary_value"},
        {"type": "phone-number", "value": "canary-refused"},
        {"type": "text", "value": "canary-text", "comment": "canary-comment"},
    ]}});
    let document = read(json.to_string().as_bytes(), &Limits::default()).unwrap();
    let labelling = labels(&[]);
    assert!(!format!("{document:?}").contains("canary"));
    let plan = plan(document, Some(&labelling), &NegativeBank::shipped());
    assert_eq!(plan.events[0].candidates.len(), 1);
    assert!(!format!("{plan:?}").contains("canary"));
    assert!(!format!("{:?}", submissions(&plan, &labelling)).contains("canary"));
}

fn arbitrary_json() -> impl Strategy<Value = Json> {
    let word = prop::sample::select(vec![
        "Event",
        "response",
        "info",
        "uuid",
        "date",
        "Attribute",
        "Object",
        "Tag",
        "name",
        "type",
        "value",
        "url",
        "phone-number",
        "https://boats.example/a",
        "tlp:red",
        "ShadowAttribute",
        "first_seen",
        "deleted",
        "object_relation",
        "role",
        "person",
        "filename|sha256",
        "|",
        "",
    ]);
    let text = prop_oneof![word.prop_map(str::to_owned), ".{0,12}"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        text.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::from),
            prop::collection::btree_map(text.clone(), inner, 0..8)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_planned_and_adds_up(json in arbitrary_json(), body in arbitrary_json()) {
        for json in [json.clone(), json!({"Event": json}), json!({"info": "", "Attribute": body})] {
            let plan = match read(json.to_string().as_bytes(), &Limits::default()) {
                Ok(document) => plan(document, None, &NegativeBank::shipped()),
                // Both envelopes at once is the only JSON of this size that is refused.
                Err(error) => {
                    prop_assert!(error.to_string().contains("more than one of `Event`"));
                    continue;
                }
            };
            for event in &plan.events {
                let counts = &event.counts;
                let all = counts.attributes + counts.object_attributes + counts.proposals;
                prop_assert_eq!(counts.candidates + counts.skipped, all);
                prop_assert!(event.candidates.iter().all(|c| c.marked == Marked::ByTags || c.tlp == Tlp::Red));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        if let Err(error) = read(&bytes, &Limits::default()) {
            prop_assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn any_labels_file_is_read_or_refused(text in ".{0,200}") {
        let _ = Labelling::parse(&text);
    }

    #[test]
    fn a_cut_event_is_refused_and_never_half_read(cut in 1_usize..6000) {
        let whole = vector("wrapped.json");
        let part = &whole[..cut.min(whole.len() - 3)];
        prop_assert!(read(part, &Limits::default()).is_err(), "cut at {}", cut);
    }
}
