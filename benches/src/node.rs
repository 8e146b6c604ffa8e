//! Opens a node's store and desk in a folder, as the node program does.

use crate::agreed;
use cedar_engine::{COMMON_FLOOR, Engine};
use desk::entropy::Entropy;
use desk::quota::Quota;
use desk::{Desk, NodeKeys, Parts};
use domain::duty::AnswerTimes;
use domain::time::{Clock as _, SystemClock};
use policy::Gate;
use std::path::Path;
use std::sync::Arc;
use store::disk::Disk;
use store::{EmbeddedStore, Store};
use zeroize::Zeroizing;

/// A store and the desk on it, with the agreement on file.
pub struct Node {
    /// The store.
    pub store: Arc<EmbeddedStore>,
    /// The desk.
    pub desk: Arc<Desk>,
}

impl Node {
    /// Opens a folder, or makes one.
    ///
    /// # Errors
    /// A store, a policy or an agreement that is refused.
    pub async fn open(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let own = agreed::agency(name)?;
        let store = Arc::new(open_store(folder, name)?);
        let engine = Engine::load(COMMON_FLOOR, agreed::local_policy(name)?)?;
        let parts = Parts {
            own: own.clone(),
            keys: NodeKeys {
                record: Box::new(agreed::signing_key(name, "record")),
                log: Box::new(agreed::signing_key(name, "log")),
                seal: agreed::seal_secret(name),
                // Both are heard of at each opening; nobody has to be reminded.
                operator: None,
            },
            store: Arc::clone(&store) as Arc<dyn Store>,
            gate: Arc::new(Gate::new(own, Arc::new(engine))),
            clock: Arc::new(SystemClock),
            entropy: Entropy::new(system_random()),
            // The quota is kept and written like any other; it only never runs out.
            quota: Quota { tokens_per_day: u64::MAX, ..Quota::default() },
            answer_times: AnswerTimes::DEFAULT,
        };
        let desk = Desk::open(parts).await?;
        file_docket(&desk).await?;
        Ok(Self { store, desk })
    }

    /// Writes what waits and closes the store.
    ///
    /// # Errors
    /// A store that fails at its close.
    pub fn close(self) -> anyhow::Result<()> {
        Ok(self.store.close()?)
    }
}

/// Has both sign, or, in a folder of an earlier run, say that nothing was said since.
async fn file_docket(desk: &Desk) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let papers = match desk.docket(&agreed::agreement_id()?) {
        None => agreed::docket(now)?.papers().values().cloned().collect(),
        Some(known) => agreed::heads(&known, now)?,
    };
    desk.file_papers(papers).await?;
    Ok(())
}

/// Opens a store alone.
///
/// # Errors
/// A store that is damaged or of another agency.
pub fn open_store(folder: &Path, name: &str) -> anyhow::Result<EmbeddedStore> {
    open_store_on(None, folder, name)
}

/// Opens a store alone, its journal on the disk that is given.
///
/// # Errors
/// As [`open_store`].
pub fn open_store_on(
    disk: Option<Arc<dyn Disk>>,
    folder: &Path,
    name: &str,
) -> anyhow::Result<EmbeddedStore> {
    let mut config = store::Config::new(
        folder.to_owned(),
        agreed::agency(name)?,
        Zeroizing::new(agreed::seed(name, "key encryption")),
        Arc::new(SystemClock),
        Box::new(system_random()),
    );
    config.disk = disk;
    Ok(EmbeddedStore::open(config)?.0)
}

/// The operating system's generator.
pub const fn system_random() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}
