//! Heads, receipts, proofs and exports of every store, checked with the verifier alone.

use crate::cases::commit;
use crate::kit::*;
use audit::head::Head as SignedHead;
use audit::note::VerifyingKeys;
use audit::receipt::verify_receipt;
use domain::signature::{SecretKey, Signer as _};
use store::{Batch, Committed, Error, Shown, Store};

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn keys() -> VerifyingKeys {
    VerifyingKeys::new([SignedHead::key(&own(), key().public_key()).unwrap()]).unwrap()
}

fn sign(store: &dyn Store) -> String {
    let head = store.head();
    let (size, root, chain) = (head.tree_size, head.root, head.chain);
    SignedHead { agency: own(), size, root, chain }.sign(&key()).unwrap().to_string()
}

fn five_frames(store: &dyn Store) -> Vec<Committed> {
    let batch = |n| Batch::new().with(Draft::own(n, 1, n).change()).saying(event(n as u32));
    (1..=5).map(|n| commit(store, batch(n))).collect()
}

#[test]
fn every_item_has_a_receipt_under_a_head_that_covers_it() {
    on_every_store(|store| {
        let committed = five_frames(store);
        let note = sign(store);
        for committed in &committed {
            for item in committed.changes.iter().chain(&committed.events) {
                let receipt = store.receipt(committed.seq, item.item, note.as_bytes()).unwrap();
                verify_receipt(&receipt, &item.commitment, &keys()).unwrap();
            }
        }
        assert!(store.receipt(9, 0, note.as_bytes()).is_err());
        assert!(store.receipt(0, 9, note.as_bytes()).is_err());
        commit(store, Batch::new().saying(event(6)));
        assert!(store.receipt(5, 0, note.as_bytes()).is_err(), "the head is too old");
        let old = SignedHead::open(note.as_bytes(), &keys()).unwrap().root;
        let (new, proof) = (store.head().root, store.consistency(5, 6).unwrap());
        audit::proof::verify_consistency(5, 6, &old, &new, &proof).unwrap();
        let leaf = store.tail(5, 1).unwrap()[0].frame.leaf_hash();
        let path = store.inclusion(5, 6).unwrap();
        audit::proof::verify_inclusion(5, 6, &leaf, &path, &new).unwrap();
        assert!(store.inclusion(6, 6).is_err() && store.consistency(3, 7).is_err());
    });
}

#[test]
fn an_export_verifies_offline_and_shows_what_it_may() {
    on_every_store(|store| {
        five_frames(store);
        assert_eq!(store.export(&mut Vec::new(), Shown::Entries), Err(Error::NoHead));
        store.write_head(sign(store).as_bytes()).unwrap();
        commit(store, Batch::new().saying(event(6)));
        for (shown, officers) in [(Shown::Entries, 0), (Shown::EntriesAndLocal, 5)] {
            let mut file = Vec::new();
            store.export(&mut file, shown).unwrap();
            let report = audit::verifier::verify_export(&mut &file[..], &keys()).unwrap();
            assert_eq!(report.frames, 5, "up to the signed head");
            let named = file.windows(7).filter(|window| *window == b"BE-1042").count();
            assert_eq!(named, officers, "officers only for our own people");
        }
    });
}

#[test]
fn the_newest_head_is_kept_and_one_of_another_history_refused() {
    on_every_store(|store| {
        five_frames(store);
        let note = sign(store);
        store.write_head(note.as_bytes()).unwrap();
        assert_eq!(store.signed_head().unwrap(), note.as_bytes());
        let other = note.replacen("\n5\n", "\n4\n", 1);
        assert!(matches!(store.write_head(other.as_bytes()), Err(Error::Rollback { .. })));
        let future = note.replacen("\n5\n", "\n7\n", 1);
        assert!(matches!(store.write_head(future.as_bytes()), Err(Error::Rollback { .. })));
        let foreign = note.replacen("be-fedpol", "fr-oltim", 1);
        assert!(matches!(store.write_head(foreign.as_bytes()), Err(Error::Audit(_))));
        assert!(store.write_head(b"nonsense").is_err());
        commit(store, Batch::new().saying(event(6)));
        let newer = sign(store);
        store.write_head(newer.as_bytes()).unwrap();
        store.write_head(note.as_bytes()).unwrap();
        assert_eq!(store.signed_head().unwrap(), newer.as_bytes());
    });
}
