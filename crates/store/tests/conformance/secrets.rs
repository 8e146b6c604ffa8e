//! Canaries: what is sealed is nowhere on disk, and nothing shows it by accident.

use crate::kit::*;
use std::fs;
use std::path::Path;
use store::{Batch, LocalPart, Secrecy, Store, Table};

fn contains(folder: &Path, canary: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return contains(&path, canary);
        }
        fs::read(&path).unwrap().windows(canary.len()).any(|window| window == canary)
    })
}

#[test]
fn what_is_sealed_is_not_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    let draft = Draft::own(1, 1, 77);
    let batch = Batch::new()
        .with(draft.change())
        .with(Draft::foreign(2, 1, 78).change())
        .with(put_row(Table::TokenKey, b"k", b"canary of a sealed row", Secrecy::Sealed))
        .with(put_row(Table::Peer, b"k", b"canary of a plain row", Secrecy::Plain));
    store.commit(batch).wait().unwrap();
    assert_eq!(store.get(Table::TokenKey, b"k").unwrap().unwrap(), b"canary of a sealed row");
    drop(store);
    assert!(contains(folder.path(), b"canary of a plain row"), "the search finds what is there");
    for (what, canary) in [
        ("x", &x(77).expose()[..]),
        ("a token", &token(78).as_bytes()[..]),
        ("a case reference", b"BR20.77.1234/26"),
        ("an officer", b"BE-1042"),
        ("a sealed row", b"canary of a sealed row"),
        ("a salt", &[9; 32]),
        ("an envelope", b"asks 3000 euro a seat"),
        ("the key", &KEK),
    ] {
        assert!(!contains(folder.path(), canary), "{what} is on disk in clear");
    }
}

#[test]
fn one_plain_text_is_never_sealed_twice_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    for n in 0..2 {
        let row = put_row(Table::Case, &[n], &[0xcc; 64], Secrecy::Sealed);
        store.commit(Batch::new().with(row)).wait().unwrap();
    }
    let frames = store.tail(0, 9).unwrap();
    let sealed = |n: usize| {
        let part = frames[n].items[0].data.as_ref().unwrap();
        part.opening().unwrap().bytes.clone()
    };
    assert_ne!(sealed(0)[24..], sealed(1)[24..]);
}

#[test]
fn debug_shows_nothing() {
    let local: LocalPart = local(1);
    assert_eq!(format!("{local:?}"), "LocalPart(..)");
    let put = format!("{:?}", Draft::own(1, 1, 1).put());
    assert!(!put.contains("BR20") && !put.contains("BE-1042"), "{put}");
    let row = put_row(Table::Case, b"key", b"canary", Secrecy::Sealed);
    let batch = format!("{:?}", Batch::new().with(row).with(Draft::own(1, 1, 1).change()));
    let canary = format!("{:?}", b"canary");
    assert!(batch.contains("Put(cases, 6 bytes)"), "{batch}");
    assert!(!batch.contains(&canary[1..canary.len() - 1]) && !batch.contains("key"), "{batch}");
}
