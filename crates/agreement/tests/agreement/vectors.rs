//! Known answers: bytes, hashes and signatures that another program made, and the texts for people.

use super::fixture::terms;
use super::register::floor;
use agreement::officer::{Mandate, OfficerCertificate, Revocation};
use agreement::purge::{PurgeOrder, PurgeReceipt};
use agreement::rendering::render;
use agreement::{Agreement, Declaration, Head, KeyReplacement, Language};
use domain::envelope::{Payload, Signed};
use domain::name::Digest;
use domain::signature::{SecretKey, Signer as _};
use serde_json::Value;
use std::path::Path;

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let mut out = vec![0; text.len() / 2];
    domain::hexadecimal::decode(text.as_bytes(), &mut out).unwrap();
    out
}

fn file() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/agreement");
    serde_json::from_slice(&std::fs::read(folder.join("messages.json")).unwrap()).unwrap()
}

/// Reads the payload, writes it again to the same bytes, and signs it to the same signature.
fn check<T: Payload + core::fmt::Debug + PartialEq>(row: &Value) -> bool {
    if row["type"] != T::TYPE {
        return false;
    }
    let name = row["name"].as_str().unwrap();
    let payload = bytes(&row["payload"]);
    let message = T::from_payload(&payload).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(message.to_payload(), payload, "{name}");
    let seed: [u8; 32] = bytes(&row["seed"]).try_into().unwrap();
    let key = SecretKey::from_seed(&seed);
    assert_eq!(key.key_id().to_string(), row["key_id"].as_str().unwrap(), "{name}");
    let signed = Signed::seal(message, &key);
    let envelope = signed.envelope();
    assert_eq!(envelope.signatures[0].signature.to_vec(), bytes(&row["signature"]), "{name}");
    assert_eq!(envelope.payload_hash().to_string(), row["payload_hash"].as_str().unwrap());
    assert_eq!(Signed::<T>::open(envelope.clone(), &key.public_key()).unwrap(), signed);

    // A number more at the end of the map is a field that this release does not know.
    let mut longer = payload.clone();
    longer[0] += 1;
    longer.extend([0x18, 0x63, 0x01]);
    assert!(domain::encoding::check_deterministic(&longer).is_ok(), "{name}");
    assert!(T::from_payload(&longer).is_err(), "{name} with an unknown field");
    for end in 0..payload.len() {
        assert!(T::from_payload(&payload[..end]).is_err(), "{name} cut at {end}");
    }
    true
}

#[test]
fn messages_are_the_bytes_that_another_program_wrote() {
    let file = file();
    let rows = file["messages"].as_array().unwrap();
    for row in rows {
        let known = [
            check::<Declaration>(row),
            check::<Head>(row),
            check::<KeyReplacement>(row),
            check::<OfficerCertificate>(row),
            check::<Mandate>(row),
            check::<Revocation>(row),
            check::<PurgeOrder>(row),
            check::<PurgeReceipt>(row),
        ];
        assert_eq!(known.iter().filter(|known| **known).count(), 1, "{}", row["name"]);
    }
    assert_eq!(rows.len(), 19);
}

#[test]
fn the_agreement_is_the_bytes_that_another_program_wrote() {
    let row = &file()["agreement"];
    let expected = bytes(&row["payload"]);
    let agreement = Agreement::new(terms(floor())).unwrap();
    assert_eq!(agreement.to_payload(), expected);
    assert_eq!(agreement.hash().to_string(), row["hash"].as_str().unwrap());
    assert_eq!(Agreement::from_payload(&expected), Ok(agreement));
    assert_eq!(row["type"], Agreement::TYPE);
}

/// What people are shown is part of what they sign: a changed word is a change that somebody read.
#[test]
fn the_renderings_are_the_texts_on_file() {
    let agreement = Agreement::new(terms(floor())).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rendering");
    for language in Language::ALL {
        let path = folder.join(format!("{}.txt", language.as_str().to_lowercase()));
        let text = render(&agreement, *language);
        if std::env::var_os("MALINES_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, expected, "set MALINES_BLESS=1 if the change is wanted");
        assert!(text.contains(&agreement.hash().to_string()));
        let shown = agreement::rendering::shown(&agreement, *language);
        let hash = domain::digest::hash(&[expected.as_bytes()]);
        assert_eq!(shown, Digest::from_bytes(hash));
    }
}
