//! The audit head: signed on a beat, kept, and exported with the log; and the entry that somebody read.

use crate::Desk;
use crate::error::DeskError;
use audit::head::Head;
use domain::event::{Act, Event};
use domain::name::{OfficerId, RecordId};
use store::{Batch, Shown};

impl Desk {
    /// Signs the present head of the log and keeps it.
    ///
    /// # Errors
    /// A store that fails.
    pub fn sign_head(&self) -> Result<String, DeskError> {
        let head = self.store.head();
        let head = Head {
            agency: self.own.clone(),
            size: head.tree_size,
            root: head.root,
            chain: head.chain,
        };
        let note = head.sign(&*self.keys.log).map_err(store::Error::from)?.to_string();
        self.store.write_head(note.as_bytes())?;
        Ok(note)
    }

    /// An officer is about to be shown what is held here: matches, cases, how a record could travel.
    /// Consultation is an entry like disclosure (Directive (EU) 2016/680, Art. 25), and comes first.
    ///
    /// # Errors
    /// A store that fails; then nothing is shown.
    pub async fn note_consulted(
        &self,
        officer: &OfficerId,
        what: &'static str,
        shown: usize,
        record: Option<RecordId>,
    ) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::Consulted);
        event.shared.count = u32::try_from(shown).unwrap_or(u32::MAX);
        event.local.officer = Some(officer.clone());
        event.local.note = Some(what.to_owned());
        event.local.records.extend(record);
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }

    /// Records that an officer is about to read the log, and signs the head the export ends at.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn begin_export(&self, officer: &OfficerId) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::LogRead);
        event.local.officer = Some(officer.clone());
        self.store.commit(Batch::new().saying(event)).await?;
        self.sign_head()?;
        Ok(())
    }

    /// Writes the log up to the newest signed head, as a file that verifies without a node. Blocks
    /// while it reads the journal.
    ///
    /// # Errors
    /// A store that fails, or a writer that does.
    pub fn write_export(&self, writer: &mut dyn std::io::Write) -> Result<(), DeskError> {
        Ok(self.store.export(writer, Shown::EntriesAndLocal)?)
    }
}
