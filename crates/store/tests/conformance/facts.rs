//! What is kept of a record for answers: there after a put and after a restart, gone with the record.

use crate::cases::commit;
use crate::kit::{Draft, EPOCH, agreement, embedded, erase, id, on_every_store, own, withdraw, x};
use domain::token::TokenKey;
use store::{Batch, Match, Store, Withdrawn};

/// The match of the only record of a fingerprint.
fn found(store: &dyn Store, seed: u64) -> Match {
    let key = TokenKey::from_bytes([5; 32]);
    let token = key.token(&x(seed));
    store.set_token_key(&agreement(), &own(), EPOCH, key).unwrap();
    let mut matches = store.match_own(&agreement(), EPOCH, &[token]).unwrap();
    assert_eq!(matches.len(), 1);
    matches.remove(0)
}

#[test]
fn facts_come_with_the_class_of_the_record_and_follow_its_versions() {
    on_every_store(|store| {
        commit(store, Batch::new().with(Draft::own(1, 1, 1).change()));
        let first = found(store, 1);
        let class = |found: &Match| store.facts(found).unwrap().map(|held| held.class().clone());
        let before = class(&first).unwrap();
        assert_eq!(before, *store.record(&id(1)).unwrap().unwrap().class());
        let other = Draft { class: 1, ..Draft::own(1, 2, 1) };
        commit(store, Batch::new().with(other.change()));
        let after = class(&first).unwrap();
        assert_ne!(after, before, "a match of before shows the record of now");
        assert_eq!(after, *store.record(&id(1)).unwrap().unwrap().class());
        assert_eq!(store.row_of(&first), store.hit_row(&id(1)));
    });
}

#[test]
fn nothing_is_said_of_a_record_that_was_withdrawn_or_erased() {
    on_every_store(|store| {
        for n in 1..=2 {
            commit(store, Batch::new().with(Draft::own(n, 1, n).change()));
        }
        let (first, second) = (found(store, 1), found(store, 2));
        assert!(store.facts(&first).unwrap().is_some() && store.facts(&second).unwrap().is_some());
        commit(store, Batch::new().with(withdraw(own(), 1)));
        commit(store, Batch::new().with(erase(&[2])));
        assert!(store.facts(&first).unwrap().is_none() && store.facts(&second).unwrap().is_none());
        assert_eq!(store.row_of(&first).unwrap().withdrawn, Withdrawn::Yes);
        assert_eq!(store.row_of(&second), store.hit_row(&id(2)));
    });
}

#[test]
fn after_a_restart_facts_are_read_once_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = embedded(folder.path()).unwrap();
    for n in 1..=2 {
        commit(&store, Batch::new().with(Draft::own(n, 1, n).change()));
    }
    drop(store);
    let (store, _) = embedded(folder.path()).unwrap();
    let (first, second) = (found(&store, 1), found(&store, 2));
    assert!(store.facts(&first).unwrap().is_some());
    // From now on the journal does not hold what was written.
    let journal = folder.path().join("journal");
    for segment in std::fs::read_dir(journal).unwrap() {
        let path = segment.unwrap().path();
        let bytes = vec![0x5a; std::fs::metadata(&path).unwrap().len() as usize];
        std::fs::write(path, bytes).unwrap();
    }
    assert!(store.facts(&first).unwrap().is_some(), "from memory");
    assert!(store.facts(&second).is_err(), "read, and found to be damaged");
}
