//! Backup, restore, export and import, as an operator runs them: what is refused, and what stays.

use crate::kit::{Agency, then};
use domain::event::{Act, Event};
use domain::time::{Clock as _, SystemClock};
use node::check::{Verdict, check};
use node::error::NodeError;
use node::ledger::Ledger;
use node::recovery::Standing;
use node::{backup, restore, verify};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::archive::Condition;
use store::{Batch, EmbeddedStore, Error, Secrecy, Store, Table};

/// Where archives and key files are put: two folders.
struct Shelf {
    _home: tempfile::TempDir,
    archives: PathBuf,
    keys: PathBuf,
}

impl Shelf {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (archives, keys) = (home.path().join("archives"), home.path().join("keys"));
        fs::create_dir(&archives).unwrap();
        fs::create_dir(&keys).unwrap();
        Self { _home: home, archives, keys }
    }

    fn archive(&self, name: &str) -> PathBuf {
        self.archives.join(name)
    }

    fn keys(&self) -> PathBuf {
        self.keys.join("data-keys")
    }
}

fn open(agency: &Agency) -> EmbeddedStore {
    EmbeddedStore::open(agency.config().store_settings().unwrap()).unwrap().0
}

fn write(store: &dyn Store, rows: u8) {
    for n in 0..rows {
        let (table, key, value) = (Table::Case, vec![n], vec![n; 100]);
        let row = store::Change::Put { table, key, value, secrecy: Secrecy::Sealed };
        let event = Event::new(SystemClock.now(), Act::NodeStarted);
        store.commit(Batch::new().with(row).saying(event)).wait().unwrap();
    }
}

/// Takes the data folder away, as a broken disk does.
fn lose(agency: &Agency) -> PathBuf {
    let aside = agency.path("lost");
    fs::rename(agency.config().data_folder, &aside).unwrap();
    aside
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_taken_while_the_store_is_in_use_and_comes_back_in_recovery() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    let nothing = backup::backup(&config, &shelf.archive("1"), &shelf.keys());
    assert!(matches!(nothing, Err(NodeError::NoStore { .. })), "{nothing:?}");
    let store = open(&agency);
    write(&store, 3);
    let first = backup::backup(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    assert_eq!((first.frames, first.head), (3, None));
    write(&store, 5);
    let second = backup::backup(&config, &shelf.archive("2"), &shelf.keys()).unwrap();
    assert_eq!(second.frames, 8);
    assert_eq!(
        (names(&shelf.archives), names(&shelf.keys)),
        (vec!["1".to_owned(), "2".to_owned()], vec!["data-keys".to_owned()])
    );
    let head = store.head();
    let seen = store.scan(Table::Case, b"", None, 100).unwrap();
    drop(store);
    lose(&agency);
    let report = restore::restore(&config, &shelf.archive("2"), &shelf.keys(), None).unwrap();
    assert_eq!(report.placed.frames, 8);
    assert!(matches!(report.placed.condition, Condition::Recovery(_)));
    assert!(matches!(Standing::of(&config.data_folder).unwrap(), Standing::Recovery(_)));
    let store = open(&agency);
    assert_eq!(store.scan(Table::Case, b"", None, 100).unwrap(), seen);
    assert_eq!(store.head().tree_size, head.tree_size + 1, "and that it was restored");
    drop(store);
    let checked = check(&agency.founded.settings_file, then());
    assert_eq!(checked.verdict(), Verdict::Usable);
    assert!(checked.problems[0].what.contains("RECOVERY: restored at"), "{:?}", checked.problems);
    assert_eq!(verify::verify(&config).unwrap().frames, 9);
}

#[test]
fn nothing_is_written_over_and_both_files_are_kept_apart() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    write(&open(&agency), 1);
    let together = backup::backup(&config, &shelf.archive("1"), &shelf.archive("keys"));
    assert!(matches!(together, Err(NodeError::Argument { .. })), "{together:?}");
    backup::backup(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    let before = fs::read(shelf.archive("1")).unwrap();
    let again = backup::backup(&config, &shelf.archive("1"), &shelf.keys());
    assert!(matches!(again, Err(NodeError::Exists { .. })), "{again:?}");
    assert_eq!(fs::read(shelf.archive("1")).unwrap(), before);
    // What is no key file of this node is not replaced by one.
    let letter = shelf.keys.join("letter");
    fs::write(&letter, "dear colleague").unwrap();
    backup::backup(&config, &shelf.archive("2"), &letter).unwrap_err();
    assert_eq!(fs::read(&letter).unwrap(), b"dear colleague");
    let other = Agency::new("es-pn", "ES", then());
    write(&open(&other), 1);
    let foreign = backup::backup(&other.config(), &shelf.archive("2"), &shelf.keys());
    assert!(matches!(foreign, Err(NodeError::Store(Error::WrongKey))), "{foreign:?}");
    assert_eq!(names(&shelf.archives), ["1"]);
    let nowhere = shelf.archives.join("missing/1");
    assert!(backup::backup(&config, &nowhere, &shelf.keys()).is_err());
    // Neither the key-encryption key nor anything sealed is in them in clear.
    let kek = config.unlock().unwrap();
    for path in [shelf.archive("1"), shelf.keys()] {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(32).any(|window| window == kek.expose().as_slice()));
    }
}

#[cfg(unix)]
#[test]
fn archives_and_key_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    write(&open(&agency), 1);
    backup::backup(&agency.config(), &shelf.archive("1"), &shelf.keys()).unwrap();
    for path in [shelf.archive("1"), shelf.keys()] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_restore_is_refused_where_something_is_and_with_another_key() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    write(&open(&agency), 2);
    backup::backup(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    let before = names(&config.data_folder);
    let restored = || restore::restore(&config, &shelf.archive("1"), &shelf.keys(), None);
    assert!(matches!(restored(), Err(NodeError::Store(Error::NotEmpty(_)))));
    assert_eq!(names(&config.data_folder), before);
    lose(&agency);
    // Another folder of somebody's.
    fs::create_dir(&config.data_folder).unwrap();
    fs::write(config.data_folder.join("thesis.txt"), "x").unwrap();
    assert!(matches!(restored(), Err(NodeError::Store(Error::NotEmpty(_)))));
    assert_eq!(names(&config.data_folder), ["thesis.txt"]);
    fs::remove_dir_all(&config.data_folder).unwrap();
    // Another agency's archive.
    let other = Agency::new("es-pn", "ES", then());
    let foreign = restore::restore(&other.config(), &shelf.archive("1"), &shelf.keys(), None);
    assert!(matches!(foreign, Err(NodeError::Store(Error::WrongKey))), "{foreign:?}");
    // Half an archive.
    let bytes = fs::read(shelf.archive("1")).unwrap();
    fs::write(shelf.archive("half"), &bytes[..bytes.len() / 2]).unwrap();
    let half = restore::restore(&config, &shelf.archive("half"), &shelf.keys(), None);
    assert!(matches!(half, Err(NodeError::Store(Error::Archive(_)))), "{half:?}");
    restored().unwrap();
}

#[test]
fn an_export_moves_the_node_and_leaves_nothing_that_starts() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    let store = open(&agency);
    write(&store, 4);
    let busy = backup::export(&config, &shelf.archive("1"), &shelf.keys());
    assert!(matches!(busy, Err(NodeError::Store(Error::InUse))), "{busy:?}");
    let head = store.head();
    drop(store);
    backup::export(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    let checked = check(&agency.founded.settings_file, then());
    assert_eq!(checked.verdict(), Verdict::Unusable);
    assert!(checked.problems[0].what.contains("exported"), "{:?}", checked.problems);
    let opened = EmbeddedStore::open(config.store_settings().unwrap());
    assert_eq!(opened.err(), Some(Error::Moved));
    let backup = backup::backup(&config, &shelf.archive("2"), &shelf.keys());
    assert!(matches!(backup, Err(NodeError::Store(Error::Moved))), "{backup:?}");
    lose(&agency);
    let report = restore::import(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    assert_eq!(report.placed.condition, Condition::Ordinary);
    assert_eq!(Standing::of(&config.data_folder).unwrap(), Standing::Ordinary);
    let store = Arc::new(open(&agency));
    assert_eq!(store.head().tree_size, head.tree_size + 2, "that it left, and that it came");
    write(&*store, 1);
    // And a backup is no export.
    backup::backup(&config, &shelf.archive("2"), &shelf.keys()).unwrap();
    drop(store);
    fs::remove_dir_all(&config.data_folder).unwrap();
    let refused = restore::import(&config, &shelf.archive("2"), &shelf.keys());
    assert!(matches!(refused, Err(NodeError::Store(Error::Archive(_)))), "{refused:?}");
}

#[test]
fn an_empty_folder_is_no_store_and_does_not_become_one() {
    // As where a disk is mounted that is not mounted now.
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    fs::create_dir_all(config.data_folder.join("journal")).unwrap();
    let refused = [
        verify::verify(&config).map(|_| ()),
        verify::verify_deep(&config).map(|_| ()),
        backup::backup(&config, &shelf.archive("1"), &shelf.keys()).map(|_| ()),
        backup::export(&config, &shelf.archive("1"), &shelf.keys()).map(|_| ()),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(NodeError::NoStore { .. })), "{answer:?}");
    }
    assert_eq!(names(&config.data_folder), ["FORMAT", "journal"]);
    assert_eq!((names(&shelf.archives).len(), names(&shelf.keys).len()), (0, 0));
}

#[test]
fn the_key_file_of_another_store_is_not_replaced() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    write(&open(&agency), 3);
    backup::backup(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    let before = fs::read(shelf.keys()).unwrap();
    let lost = lose(&agency);
    // The node was started without its data: a new store, of the same agency, under the same key.
    write(&open(&agency), 3);
    let other = backup::backup(&config, &shelf.archive("2"), &shelf.keys());
    assert!(matches!(other, Err(NodeError::Argument { .. })), "{other:?}");
    assert_eq!(fs::read(shelf.keys()).unwrap(), before);
    assert_eq!((names(&shelf.archives), names(&shelf.keys).len()), (vec!["1".to_owned()], 1));
    fs::remove_dir_all(&config.data_folder).unwrap();
    fs::rename(lost, &config.data_folder).unwrap();
    backup::backup(&config, &shelf.archive("2"), &shelf.keys()).unwrap();
}

#[test]
fn neither_file_is_put_where_it_is_lost_with_the_store() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    write(&open(&agency), 1);
    let before = names(&config.data_folder);
    let inside = |name: &str| config.data_folder.join(name);
    for (archive, keys) in [
        (inside("1"), shelf.keys()),
        (shelf.archive("1"), inside("k")),
        (shelf.archive("1"), inside("keys/k")),
    ] {
        let refused = backup::backup(&config, &archive, &keys);
        assert!(matches!(refused, Err(NodeError::Argument { .. })), "{refused:?}");
    }
    assert_eq!(names(&config.data_folder), before);
}

#[test]
fn recovery_is_not_left_by_an_export() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    write(&open(&agency), 2);
    backup::backup(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    lose(&agency);
    restore::restore(&config, &shelf.archive("1"), &shelf.keys(), None).unwrap();
    let export = backup::export(&config, &shelf.archive("2"), &shelf.keys());
    assert!(matches!(export, Err(NodeError::Store(store::Error::Recovery))), "{export:?}");
    assert_eq!(names(&shelf.archives), ["1"]);
    assert!(matches!(Standing::of(&config.data_folder).unwrap(), Standing::Recovery(_)));
    // A backup of it can be taken, and is what it was.
    backup::backup(&config, &shelf.archive("2"), &shelf.keys()).unwrap();
}

#[test]
fn a_ledger_that_a_restore_was_given_is_the_nodes_from_then_on() {
    let (agency, shelf) = (Agency::new("be-fedpol", "BE", then()), Shelf::new());
    let config = agency.config();
    let store = open(&agency);
    write(&store, 2);
    drop(Ledger::open(&config, &store).unwrap());
    backup::backup(&config, &shelf.archive("1"), &shelf.keys()).unwrap();
    drop(store);
    lose(&agency);
    let copy = shelf.archives.join("ledger");
    fs::rename(&config.erasure_ledger, &copy).unwrap();
    let without = restore::restore(&config, &shelf.archive("1"), &shelf.keys(), None).unwrap();
    assert_eq!(without.ledger, None);
    assert!(!config.erasure_ledger.exists());
    fs::remove_dir_all(&config.data_folder).unwrap();
    let restored = || {
        let report = restore::restore(&config, &shelf.archive("1"), &shelf.keys(), Some(&copy));
        report.unwrap().ledger
    };
    assert!(restored().is_some());
    assert_eq!(fs::read(&config.erasure_ledger).unwrap(), fs::read(&copy).unwrap());
    // From now on it counts without being named; one that was changed stops everything.
    fs::remove_dir_all(&config.data_folder).unwrap();
    let unnamed = restore::restore(&config, &shelf.archive("1"), &shelf.keys(), None).unwrap();
    assert!(unnamed.ledger.is_some());
    fs::remove_dir_all(&config.data_folder).unwrap();
    fs::write(&config.erasure_ledger, "malines erasures 1 0000000000000000\n").unwrap();
    let changed = restore::restore(&config, &shelf.archive("1"), &shelf.keys(), None);
    assert!(matches!(changed, Err(NodeError::NotUnderstood { .. })), "{changed:?}");
    assert!(!config.data_folder.exists());
}

#[test]
fn a_newer_format_is_refused_with_advice() {
    let agency = Agency::new("be-fedpol", "BE", then());
    write(&open(&agency), 1);
    let format = agency.config().data_folder.join("FORMAT");
    fs::write(&format, "2\n").unwrap();
    let error = verify::verify_deep(&agency.config()).unwrap_err();
    assert_eq!(error.to_string(), "the data folder has format 2, this program knows up to 1");
    assert_eq!(error.hint(), "install the release that wrote it, or a newer one");
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
}

#[test]
fn what_was_asked_when_the_node_stopped_is_settled_by_what_the_store_knows() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let (config, store) = (agency.config(), open(&agency));
    let ledger = Ledger::open(&config, &store).unwrap();
    // Asked, and the node stops before anything is erased: nothing is in the ledger afterwards.
    ledger.ask(&store, &[vec![1, 2, 3]]).unwrap();
    drop(ledger);
    drop(Ledger::open(&config, &store).unwrap());
    let text = fs::read_to_string(&config.erasure_ledger).unwrap();
    let words: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(words, ["malines", "asked", "settled"]);
    // A ledger that somebody changed keeps the node from starting.
    fs::write(&config.erasure_ledger, text.replace("010203", "010204")).unwrap();
    let refused = Ledger::open(&config, &store);
    assert!(matches!(refused, Err(NodeError::NotUnderstood { .. })));
}
