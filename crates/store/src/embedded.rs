//! The store of a node: journal, sled and memory in one data folder.

use crate::batch::{self, Batch, LocalPart};
use crate::delegate::reads_of_the_engine;
use crate::disk::{Disk, RealDisk};
use crate::engine::{Engine, EngineParts, Queued};
use crate::error::{Error, Result};
use crate::folder::{Folder, QUARANTINE};
use crate::index::Mixer;
use crate::journal::{self, Journal};
use crate::load::{key_ring, load};
use crate::pending::PendingCommit;
use crate::pointer::PointerChange;
use crate::proof::{parse_head, read_head};
use crate::reading::{
    ClassEntry, ClassNumber, Compacted, Counts, Depth, Head, HitRow, LogRow, Match, RecordFacts,
    Shown, StoredFrame, StoredRecord, Verified,
};
use crate::seal::{Entropy, KeyRing};
use crate::sled_tables::{SledFolder, SledTables, Trouble};
use crate::state::State;
use crate::table::Table;
use audit::frame::Chain;
use audit::tree::Hash;
use domain::digest::Fingerprint;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId, RecordId};
use domain::time::{Clock, Timestamp};
use domain::token::{Token, TokenEpoch, TokenKey};
use policy::Held;
use rand_core::CryptoRng;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use zeroize::Zeroizing;

pub use crate::folder::{FORMAT, FORMAT_FILE, QUARANTINE_MAX, format_text};
pub use crate::journal::Cut;
pub use crate::proof::HEAD_FILE;
pub use crate::seal::KEY_BYTES;
pub use crate::sled_tables::Content;

/// The most batches that wait to be written.
pub const QUEUE_BATCHES_MAX: usize = 4096;
/// The most bytes that wait to be written.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The cache that [`Config::new`] gives sled, in bytes. It holds about twice that in memory.
pub const CACHE_BYTES: u64 = 32 * 1024 * 1024;

const SLED: &str = "sled";
const SLED_OPENING: &str = "sled.opening";
/// Left by [`crate::Store::rebuild_tables`].
const SLED_RENEW: &str = "sled.renew";
/// How many changes are given to sled at once while it catches up.
const CATCH_UP_CHANGES: usize = 4096;
/// After how many frames a rebuild says how far it is.
const PROGRESS_FRAMES: u64 = 50_000;

/// What an embedded store is opened with.
pub struct Config {
    /// The data folder; made if it is not there.
    pub folder: PathBuf,
    /// Whose node it is. A folder of another agency is refused.
    pub agency: AgencyId,
    /// The key-encryption key, read from its file by the node.
    pub kek: Zeroizing<[u8; KEY_BYTES]>,
    /// The cache of sled in bytes.
    pub cache_bytes: u64,
    /// The size at which a segment of the journal is closed, in bytes; at most that of
    /// [`Config::new`].
    pub segment_bytes: u64,
    /// What journal, keys and head are written through. `None`: the folder itself.
    pub disk: Option<Arc<dyn Disk>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where salts, nonces and data keys come from.
    pub generator: Box<dyn CryptoRng + Send>,
}

impl Config {
    /// The usual settings.
    pub fn new(
        folder: PathBuf,
        agency: AgencyId,
        kek: Zeroizing<[u8; KEY_BYTES]>,
        clock: Arc<dyn Clock>,
        generator: Box<dyn CryptoRng + Send>,
    ) -> Self {
        let (cache_bytes, segment_bytes) = (CACHE_BYTES, journal::SEGMENT_BYTES);
        Self { folder, agency, kek, cache_bytes, segment_bytes, disk: None, clock, generator }
    }
}

/// What opening found; worth a line in the log, and one on the console if it is not good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// How many frames the journal holds.
    pub frames: u64,
    /// The incomplete write that was removed at the end of the journal. It was never acknowledged.
    pub cut: Option<Cut>,
    /// What became of the tables.
    pub tables: TablesFound,
}

/// The state of the tables at opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TablesFound {
    /// There were none: a new folder, or a journal without tables, from which they were made.
    Made,
    /// They were good; so many frames of the journal were not in them yet.
    Good {
        /// The frames that were replayed.
        replayed: u64,
    },
    /// They were good, and were made anew because that was asked for.
    Renewed,
    /// They were not good. They were put aside and rebuilt from the journal.
    Rebuilt {
        /// What was wrong.
        why: String,
        /// Where the old ones are.
        put_aside: PathBuf,
    },
}

impl core::fmt::Display for OpenReport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} frames", self.frames)?;
        if let Some(cut) = &self.cut {
            let Cut { segment, offset, bytes } = cut;
            write!(f, "; an incomplete write of {bytes} bytes was cut from {segment} at {offset}")?;
        }
        match &self.tables {
            TablesFound::Made => write!(f, "; the tables were made"),
            TablesFound::Good { replayed } => write!(f, "; {replayed} were replayed"),
            TablesFound::Renewed => write!(f, "; the tables were made anew, as asked for"),
            TablesFound::Rebuilt { why, put_aside } => {
                let put_aside = put_aside.display();
                write!(f, "; the tables were rebuilt: {why}; the old ones are in {put_aside}")
            }
        }
    }
}

/// What [`EmbeddedStore::rebuild`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many frames the journal holds.
    pub frames: u64,
    /// What the old tables held; `None` if there were none, or they were not good.
    pub before: Option<Content>,
    /// What the new ones hold: the same, or the old ones were wrong.
    pub after: Content,
}

/// A store in a data folder that this process alone holds.
pub struct EmbeddedStore {
    engine: Arc<Engine>,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    folder: Folder,
}

impl EmbeddedStore {
    /// Opens a data folder, or makes one.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::NewerFormat`], [`Error::WrongKey`], [`Error::KeyGone`];
    /// [`Error::Corrupt`] names the segment and the offset; [`Error::Rollback`] if the journal ends
    /// before what the tables or the signed head know of; [`Error::Io`].
    pub fn open(config: Config) -> Result<(Self, OpenReport)> {
        let Config { folder: path, agency, kek, clock, generator, .. } = config;
        let disk = config.disk.unwrap_or_else(|| Arc::new(RealDisk::new(&path)));
        let folder = Folder::open(&path, &*disk)?;
        crate::archive::check_condition(&*disk)?;
        let mut entropy = Entropy::new(generator);
        let ring = key_ring(&*disk, &kek, &mut entropy)?;
        let mixer = Mixer([entropy.bytes(), entropy.bytes()].map(u64::from_be_bytes));
        let opening = Opening {
            folder: &folder,
            disk: &disk,
            agency: &agency,
            ring: &ring,
            mixer,
            cache_bytes: config.cache_bytes,
            segment_bytes: config.segment_bytes.min(journal::SEGMENT_BYTES),
        };
        let (loaded, found) = opening.load()?;
        let Loaded { state, journal, sled } = loaded;
        let head = read_head(&*disk)?;
        let frames = state.tip.size();
        let tables = SledTables::start(sled, folder.path.clone(), SLED_OPENING)?;
        let tables = Box::new(tables);
        let parts = EngineParts {
            agency: agency.clone(),
            disk: Arc::clone(&disk),
            journal,
            tables,
            state,
            ring,
            entropy,
            clock,
            head: head.clone(),
        };
        let engine = Arc::new(Engine::new(parts));
        if let Some(head) = head {
            let parsed = parse_head(&head).map_err(|error| Error::corrupt(HEAD_FILE, 0, error));
            let checked = parsed.and_then(|(_, head)| engine.check_head(&head));
            if let Err(error) = checked {
                drop(engine.close());
                return Err(error);
            }
        }
        let cut = engine.journal.cut();
        engine.journal.confirm_cut()?;
        let report = OpenReport { frames, cut, tables: found };
        Ok((Self::start(engine, folder)?, report))
    }

    fn start(engine: Arc<Engine>, folder: Folder) -> Result<Self> {
        let queue = Arc::new(Queue::default());
        let (of_writer, from) = (Arc::clone(&engine), Arc::clone(&queue));
        let writer = std::thread::Builder::new().name("store-writer".to_owned());
        let writer = writer.spawn(move || {
            while let Some(mut waiting) = from.take() {
                let written = catch_unwind(AssertUnwindSafe(|| of_writer.commit_all(&mut waiting)));
                if written.is_err() {
                    of_writer.fence("the writer failed");
                }
            }
        });
        let writer = Mutex::new(Some(writer.map_err(Error::io("start the writer's thread"))?));
        Ok(Self { engine, queue, writer, folder })
    }

    /// Makes the tables anew from the journal, in a folder that no process uses, and removes the old
    /// ones with everything that was ever put aside: what sled kept of old pages is gone.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`]; above all [`Error::Rollback`] while the old tables know more than
    /// the journal, and then nothing was touched.
    pub fn rebuild(config: Config) -> Result<Rebuilt> {
        let disk = config.disk.unwrap_or_else(|| Arc::new(RealDisk::new(&config.folder)));
        let folder = Folder::open(&config.folder, &*disk)?;
        crate::archive::check_condition(&*disk)?;
        let mut entropy = Entropy::new(config.generator);
        let ring = key_ring(&*disk, &config.kek, &mut entropy)?;
        let opening = Opening {
            folder: &folder,
            disk: &disk,
            agency: &config.agency,
            ring: &ring,
            mixer: Mixer([entropy.bytes(), entropy.bytes()].map(u64::from_be_bytes)),
            cache_bytes: config.cache_bytes,
            segment_bytes: config.segment_bytes.min(journal::SEGMENT_BYTES),
        };
        folder.mark(SLED_RENEW).map_err(Error::io("leave a marker"))?;
        let (loaded, found, before) = opening.load_and_compare()?;
        let before = before.filter(|_| found == TablesFound::Renewed);
        let (frames, after) = (loaded.state.tip.size(), loaded.sled.watermark.content());
        Ok(Rebuilt { frames, before, after })
    }

    /// The data folder.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder.path
    }
}

impl crate::Store for EmbeddedStore {
    fn commit(&self, batch: Batch) -> PendingCommit {
        let bytes = match batch::check(&batch) {
            Ok(bytes) => bytes,
            Err(error) => return PendingCommit::answered(Err(error)),
        };
        if let Some(why) = self.engine.fenced() {
            return PendingCommit::answered(Err(Error::Fenced(why)));
        }
        let (promise, pending) = PendingCommit::pair();
        match self.queue.put(Queued { batch, bytes, promise }) {
            Ok(()) => pending,
            Err(error) => PendingCommit::answered(Err(error)),
        }
    }

    reads_of_the_engine!();

    fn rebuild_tables(&self) -> Result<()> {
        self.folder.mark(SLED_RENEW).map_err(Error::io("leave a marker"))
    }

    fn close(&self) -> Result<()> {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            self.engine.fence("the writer failed");
        }
        self.engine.close()
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        if let Err(error) = crate::Store::close(self) {
            tracing::error!(%error, "closing the store failed; nothing acknowledged is lost");
        }
    }
}

/// How long the writer waits for more, if several callers were waiting the time before: they then share
/// one sync of the disk. A caller alone is never made to wait.
const GATHER: Duration = Duration::from_micros(200);
/// So many batches or bytes are worth a sync of their own.
const GATHER_BATCHES_MAX: usize = 32;
const GATHER_BYTES_MAX: usize = 256 * 1024;

/// Batches that wait for the writer.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Queued>,
    bytes: usize,
    /// Did several wait when the writer last took them?
    is_shared: bool,
    is_closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, queued: Queued) -> Result<()> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(Error::Fenced("it was closed"));
        }
        let bytes = waiting.bytes.saturating_add(queued.bytes);
        if waiting.batches.len() >= QUEUE_BATCHES_MAX || bytes > QUEUE_BYTES_MAX {
            return Err(Error::Busy);
        }
        waiting.bytes = bytes;
        waiting.batches.push_back(queued);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Everything that waits, as soon as something does; `None` once closed and empty.
    fn take(&self) -> Option<VecDeque<Queued>> {
        let mut waiting = self.lock();
        while waiting.batches.is_empty() {
            if waiting.is_closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let few = waiting.batches.len() < GATHER_BATCHES_MAX && waiting.bytes < GATHER_BYTES_MAX;
        if waiting.is_shared && few && !waiting.is_closed {
            drop(waiting);
            std::thread::sleep(GATHER);
            waiting = self.lock();
        }
        waiting.is_shared = waiting.batches.len() > 1;
        waiting.bytes = 0;
        Some(core::mem::take(&mut waiting.batches))
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }
}

/// Journal and tables on their way to agree.
struct Opening<'o> {
    folder: &'o Folder,
    disk: &'o Arc<dyn Disk>,
    agency: &'o AgencyId,
    ring: &'o KeyRing,
    mixer: Mixer,
    cache_bytes: u64,
    segment_bytes: u64,
}

struct Loaded {
    state: State,
    journal: Journal,
    sled: SledFolder,
}

enum Failure {
    Store(Error),
    Tables(Trouble),
}

impl Opening<'_> {
    fn load(&self) -> Result<(Loaded, TablesFound)> {
        let (loaded, found, _) = self.load_and_compare()?;
        Ok((loaded, found))
    }

    /// Makes the tables anew if that was asked for, once the old ones agreed with the journal: they
    /// might have known that it lost something. Third: what was in the tables before.
    fn load_and_compare(&self) -> Result<(Loaded, TablesFound, Option<Content>)> {
        let (loaded, found) = self.load_what_is_there()?;
        let before = loaded.sled.watermark.content();
        if !self.folder.is_marked(SLED_RENEW) {
            return Ok((loaded, found, Some(before)));
        }
        let (loaded, found) = if let TablesFound::Good { .. } = found {
            drop(loaded);
            self.folder.remove(SLED)?;
            (self.load_what_is_there()?.0, TablesFound::Renewed)
        } else {
            (loaded, found)
        };
        self.folder.remove(QUARANTINE)?;
        self.folder.unmark(SLED_RENEW).map_err(Error::io("remove a marker"))?;
        Ok((loaded, found, Some(before)))
    }

    /// Loads with the tables that are there; if they are no good, with new ones.
    fn load_what_is_there(&self) -> Result<(Loaded, TablesFound)> {
        let was_there = self.folder.path.join(SLED).exists();
        let trouble = match self.sled().map_err(Failure::Tables).and_then(|sled| self.read(sled)) {
            Ok((loaded, _)) if !was_there => return Ok((loaded, TablesFound::Made)),
            Ok((loaded, replayed)) => return Ok((loaded, TablesFound::Good { replayed })),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Tables(trouble)) => trouble,
        };
        tracing::warn!(%trouble, "the tables are put aside and rebuilt from the journal");
        let put_aside = self.folder.quarantine(SLED)?;
        if self.folder.is_marked(SLED_OPENING) {
            self.folder.unmark(SLED_OPENING).map_err(Error::io("remove a marker"))?;
        }
        match self.sled().map_err(Failure::Tables).and_then(|sled| self.read(sled)) {
            Ok((loaded, _)) => Ok((loaded, TablesFound::Rebuilt { why: trouble.0, put_aside })),
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Tables(trouble)) => Err(Error::corrupt(SLED, 0, trouble)),
        }
    }

    /// Opens sled under a marker: whoever finds the marker knows that opening did not come to an
    /// end, and does not try again.
    fn sled(&self) -> Result<SledFolder, Trouble> {
        let path = self.folder.path.join(SLED);
        let io = |error: std::io::Error| Trouble(error.to_string());
        if self.folder.is_marked(SLED_OPENING) && path.exists() {
            return Err(Trouble("they failed, or opening them did not come to an end".to_owned()));
        }
        self.folder.mark(SLED_OPENING).map_err(io)?;
        SledFolder::open(&path, self.cache_bytes, Chain::start(self.agency))
    }

    /// Counts what sled holds, on a thread of its own. The marker goes as soon as that ended well: a
    /// journal that is damaged, or killed while it is read, says nothing about the tables.
    fn count(&self, sled: &SledFolder) -> Result<Counting, Trouble> {
        let (count, folder) = (sled.count(), self.folder.path.clone());
        let io = |error: std::io::Error| Trouble(error.to_string());
        let thread = std::thread::Builder::new().name("store-count".to_owned());
        let thread = thread.spawn(move || {
            count()?;
            crate::folder::unmark(&folder, SLED_OPENING).map_err(io)
        });
        Ok(Counting(Some(thread.map_err(io)?)))
    }

    /// One pass over the journal; what sled does not have yet is given to it, once its rows were
    /// counted beside the pass. Second: how many frames those were.
    fn read(&self, mut sled: SledFolder) -> Result<(Loaded, u64), Failure> {
        let found = sled.watermark;
        let mut trouble = None;
        let mut counting = self.count(&sled).map_err(Failure::Tables)?;
        let mut waiting: Vec<PointerChange> = Vec::new();
        let mut last = None;
        let loaded = load(
            self.disk,
            self.agency,
            self.segment_bytes,
            self.ring,
            self.mixer,
            &mut |size, chain, changes| {
                if size % PROGRESS_FRAMES == 0 {
                    tracing::info!(frames = size, "reading the journal");
                }
                if size < found.size {
                    return Ok(());
                }
                if size == found.size {
                    if chain != found.chain {
                        trouble = Some(Trouble("they belong to another journal".to_owned()));
                        return Err(Error::Fenced("the tables failed"));
                    }
                    return Ok(());
                }
                waiting.extend(changes);
                last = Some((size, chain));
                if waiting.len() >= CATCH_UP_CHANGES {
                    let counted = counting.end();
                    let caught_up = counted.and_then(|()| sled.catch_up(&waiting, size, chain));
                    waiting.clear();
                    if let Err(error) = caught_up {
                        trouble = Some(error);
                        return Err(Error::Fenced("the tables failed"));
                    }
                }
                Ok(())
            },
        );
        // Before anything else is said: nobody may use the folder while it is read.
        let counted = counting.end();
        if let Some(trouble) = trouble {
            return Err(Failure::Tables(trouble));
        }
        let (state, journal) = loaded.map_err(Failure::Store)?;
        counted.map_err(Failure::Tables)?;
        let frames = state.tip.size();
        if found.size > frames {
            // The tables follow what was acknowledged, so the journal has lost something.
            return Err(Failure::Store(Error::Rollback { known: found.size, found: frames }));
        }
        if let Some((size, chain)) = last {
            let caught_up = sled.catch_up(&waiting, size, chain).and_then(|()| sled.settle());
            caught_up.map_err(Failure::Tables)?;
        }
        Ok((Loaded { state, journal, sled }, frames - found.size))
    }
}

/// The rows of the tables, being counted.
struct Counting(Option<JoinHandle<Result<(), Trouble>>>);

impl Counting {
    /// Waits for what was found; nothing the second time.
    fn end(&mut self) -> Result<(), Trouble> {
        let ended = self.0.take().map_or(Ok(Ok(())), JoinHandle::join);
        ended.unwrap_or_else(|_| Err(Trouble("counting the rows failed".to_owned())))
    }
}
