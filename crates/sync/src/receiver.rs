//! The receiver's side: which messages of a stream it accepts, and what they make it do.

use crate::message::{
    Cursor, Epoch, Incarnation, PullMessage, PullRequest, SECTION_ENTRIES_MAX, Section,
    VIEW_CLASSES_MAX,
};
use domain::encoding::{self, Malformed};
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest};
use std::collections::BTreeMap;

/// The largest stored replica state, in bytes.
pub const REPLICA_BYTES_MAX: usize = 1024 * 1024;

/// A stream that breaks the protocol. The peer misbehaved: an alarm, and nothing is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// R11: a message of another process.
    #[error("the stream is of another incarnation")]
    Incarnation,
    /// R5: the epoch went back.
    #[error("the epoch went back")]
    EpochWentBack,
    /// R5: two histories under one counter.
    #[error("two histories under one epoch counter")]
    Fork,
    /// The grant sequence went back.
    #[error("the grant sequence went back")]
    GrantsWentBack,
    /// A new grant sequence without the grant set.
    #[error("new grants without the grant set")]
    GrantsMissing,
    /// A grant set with a handle twice, or too many.
    #[error("a malformed grant set")]
    GrantsMalformed,
    /// A section of a class that is not granted.
    #[error("a section of a class that is not granted")]
    NotGranted,
    /// R1: a gap.
    #[error("a section beyond the cursor")]
    Gap,
    /// R1: a section that repeats a part and goes on: what it repeats could undo what came since.
    #[error("a section that overlaps the cursor")]
    Overlap,
    /// FROM after TO, or too many entries.
    #[error("a malformed section")]
    SectionMalformed,
    /// A record of another class under a handle.
    #[error("records of two classes under one handle")]
    ClassMixed,
}

/// What the receiver knows of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Progress {
    /// The next position wanted.
    #[n(1)]
    pub position: u64,
    /// The hash of the class tuple, known from the first record on.
    #[n(2)]
    pub class: Option<Digest>,
}

/// A receiver's state towards one origin under one agreement. Stored with what it applies.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Replica {
    /// Whose records.
    #[n(1)]
    pub origin: AgencyId,
    /// Under which agreement.
    #[n(2)]
    pub agreement: AgreementId,
    /// The epoch of the cursors.
    #[n(3)]
    pub epoch: Option<Epoch>,
    /// The last grant sequence.
    #[n(4)]
    pub grant_sequence: u64,
    /// The granted classes.
    #[n(5)]
    pub classes: BTreeMap<ClassHandle, Progress>,
}

/// What a message makes the receiver do, in this order, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// A new epoch: everything of this origin under this agreement is dropped first.
    pub purge: Purge,
    /// Classes no longer granted: dropped whole (R4).
    pub dropped: Vec<(ClassHandle, Option<Digest>)>,
    /// What to do with the section, if there is one.
    pub section: Taking,
}

/// Is a section new?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Taking {
    /// It begins at the cursor: verify and apply it.
    #[default]
    Apply,
    /// All of it was applied before: a leave in it could take back what came since, so nothing is.
    Skip,
}

/// Is the whole view dropped?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purge {
    /// No.
    #[default]
    Nothing,
    /// Yes: the origin began a new history.
    WholeView,
}

impl Replica {
    /// Nothing pulled yet.
    pub const fn new(origin: AgencyId, agreement: AgreementId) -> Self {
        Self { origin, agreement, epoch: None, grant_sequence: 0, classes: BTreeMap::new() }
    }

    /// What to ask for next.
    pub fn request(&self, incarnation: Incarnation) -> PullRequest {
        let cursors = self.classes.iter();
        PullRequest {
            agreement: self.agreement.clone(),
            incarnation,
            epoch: self.epoch,
            grant_sequence: self.grant_sequence,
            cursors: cursors
                .map(|(handle, progress)| Cursor { handle: *handle, position: progress.position })
                .collect(),
        }
    }

    /// Accepts the frame of a message: incarnation, epoch, grants and the place of its section. The
    /// cursor moves only with [`Replica::advance`], after the section's records were verified.
    ///
    /// # Errors
    /// [`Violation`]; the state is unchanged.
    pub fn accept(
        &mut self,
        incarnation: Incarnation,
        message: &PullMessage,
    ) -> Result<Effects, Violation> {
        if message.incarnation != incarnation {
            return Err(Violation::Incarnation);
        }
        let mut next = self.clone();
        let mut effects = Effects::default();
        match next.epoch {
            Some(known) if known == message.epoch => {}
            Some(known) if known.counter > message.epoch.counter => {
                return Err(Violation::EpochWentBack);
            }
            Some(known) if known.counter == message.epoch.counter => {
                return Err(Violation::Fork);
            }
            known => {
                if known.is_some() {
                    effects.purge = Purge::WholeView;
                }
                next = Self::new(next.origin, next.agreement);
                next.epoch = Some(message.epoch);
            }
        }
        next.accept_grants(message, &mut effects)?;
        if let Some(section) = &message.section {
            effects.section = next.check_section(section)?;
        }
        *self = next;
        Ok(effects)
    }

    fn accept_grants(
        &mut self,
        message: &PullMessage,
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        if message.grant_sequence < self.grant_sequence {
            return Err(Violation::GrantsWentBack);
        }
        let Some(handles) = &message.grants else {
            let known = message.grant_sequence == self.grant_sequence;
            return if known { Ok(()) } else { Err(Violation::GrantsMissing) };
        };
        let mut granted = BTreeMap::new();
        for handle in handles.iter().take(VIEW_CLASSES_MAX + 1) {
            let fresh = Progress { position: 0, class: None };
            let progress = self.classes.get(handle).copied().unwrap_or(fresh);
            granted.insert(*handle, progress);
        }
        if granted.len() != handles.len() || handles.len() > VIEW_CLASSES_MAX {
            return Err(Violation::GrantsMalformed);
        }
        let gone = self.classes.iter().filter(|(handle, _)| !granted.contains_key(*handle));
        effects.dropped = gone.map(|(handle, progress)| (*handle, progress.class)).collect();
        self.classes = granted;
        self.grant_sequence = message.grant_sequence;
        Ok(())
    }

    /// R1: a section starts at the cursor of a granted class; one that was applied before is skipped.
    fn check_section(&self, section: &Section) -> Result<Taking, Violation> {
        let progress = self.classes.get(&section.handle).ok_or(Violation::NotGranted)?;
        let covered = section.to.saturating_sub(section.from);
        let entries = section.entries.len();
        if section.from > section.to
            || entries > SECTION_ENTRIES_MAX
            || u64::try_from(entries).is_ok_and(|entries| entries > covered)
        {
            return Err(Violation::SectionMalformed);
        }
        if section.from > progress.position {
            Err(Violation::Gap)
        } else if section.to <= progress.position {
            Ok(Taking::Skip)
        } else if section.from < progress.position {
            Err(Violation::Overlap)
        } else {
            Ok(Taking::Apply)
        }
    }

    /// Moves the cursor past a section, and binds its handle to the class of its records.
    ///
    /// # Errors
    /// [`Violation::ClassMixed`] if the records are of another class than before, or of two.
    pub fn advance(
        &mut self,
        section: &Section,
        classes: impl IntoIterator<Item = Digest>,
    ) -> Result<(), Violation> {
        let progress = self.classes.get_mut(&section.handle).ok_or(Violation::NotGranted)?;
        let mut bound = progress.class;
        for class in classes {
            if *bound.get_or_insert(class) != class {
                return Err(Violation::ClassMixed);
            }
        }
        progress.class = bound;
        progress.position = progress.position.max(section.to);
        Ok(())
    }

    /// The exact bytes kept in the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    /// [`Malformed`]: the store is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("replica", bytes, REPLICA_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::UpToDate;

    const ME: Incarnation = [9; 16];

    fn handle(n: u8) -> ClassHandle {
        ClassHandle::from_bytes([n; 16])
    }

    fn message(grant_sequence: u64, grants: Option<&[u8]>) -> PullMessage {
        PullMessage {
            incarnation: ME,
            epoch: Epoch { counter: 1, random: [1; 16] },
            grant_sequence,
            grants: grants.map(|grants| grants.iter().map(|n| handle(*n)).collect()),
            section: None,
            up_to_date: UpToDate::No,
        }
    }

    fn section(n: u8, from: u64, to: u64) -> Section {
        Section { handle: handle(n), from, to, entries: vec![], sheet: None }
    }

    fn started() -> Replica {
        let mut replica =
            Replica::new("be-fedpol".parse().unwrap(), "malines-2026".parse().unwrap());
        replica.accept(ME, &message(1, Some(&[1, 2]))).unwrap();
        replica
    }

    #[test]
    fn r1_a_gap_is_refused_and_a_repeat_is_harmless() {
        let mut replica = started();
        let mut with = |from, to| {
            let message = PullMessage { section: Some(section(1, from, to)), ..message(1, None) };
            let accepted = replica.accept(ME, &message).map(|effects| effects.section);
            if accepted == Ok(Taking::Apply) {
                replica.advance(message.section.as_ref().unwrap(), []).unwrap();
            }
            (accepted, replica.classes[&handle(1)].position)
        };
        assert_eq!(with(0, 5), (Ok(Taking::Apply), 5));
        assert_eq!(with(6, 9), (Err(Violation::Gap), 5));
        assert_eq!(with(3, 4), (Ok(Taking::Skip), 5), "a repeat is not applied again");
        assert_eq!(with(3, 9), (Err(Violation::Overlap), 5));
        assert_eq!(with(5, 9), (Ok(Taking::Apply), 9));
        assert_eq!(with(9, 8), (Err(Violation::SectionMalformed), 9));
    }

    #[test]
    fn r4_a_class_no_longer_granted_is_dropped_and_starts_anew_if_it_returns() {
        let mut replica = started();
        replica.advance(&section(1, 0, 5), [Digest::from_bytes([7; 32])]).unwrap();
        let effects = replica.accept(ME, &message(2, Some(&[2]))).unwrap();
        assert_eq!(effects.dropped, [(handle(1), Some(Digest::from_bytes([7; 32])))]);
        let refused = PullMessage { section: Some(section(1, 5, 6)), ..message(2, None) };
        assert_eq!(replica.accept(ME, &refused), Err(Violation::NotGranted));
        assert_eq!(replica.accept(ME, &message(3, None)), Err(Violation::GrantsMissing));
        assert_eq!(replica.accept(ME, &message(1, Some(&[1]))), Err(Violation::GrantsWentBack));
    }

    #[test]
    fn r5_epochs_never_go_back_and_forks_show() {
        let mut replica = started();
        let of = |counter, random| PullMessage {
            epoch: Epoch { counter, random: [random; 16] },
            ..message(1, Some(&[1]))
        };
        assert_eq!(replica.accept(ME, &of(1, 2)), Err(Violation::Fork));
        let effects = replica.accept(ME, &of(2, 2)).unwrap();
        assert_eq!(effects.purge, Purge::WholeView);
        assert_eq!(replica.classes[&handle(1)].position, 0);
        assert_eq!(replica.accept(ME, &of(1, 1)), Err(Violation::EpochWentBack));
    }

    #[test]
    fn r11_a_stream_of_another_process_is_refused() {
        assert_eq!(started().accept([8; 16], &message(1, None)), Err(Violation::Incarnation));
    }

    #[test]
    fn one_handle_is_one_class() {
        let mut replica = started();
        let (a, b) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        assert_eq!(replica.advance(&section(1, 0, 2), [a, a]), Ok(()));
        assert_eq!(replica.advance(&section(1, 2, 3), [b]), Err(Violation::ClassMixed));
        assert_eq!(replica.advance(&section(2, 0, 2), [a, b]), Err(Violation::ClassMixed));
        assert_eq!(Replica::from_bytes(&replica.to_bytes()), Ok(replica));
    }

    #[test]
    fn a_refused_message_changes_nothing() {
        let mut replica = started();
        let before = replica.clone();
        let twice = PullMessage { grants: Some(vec![handle(3), handle(3)]), ..message(2, None) };
        assert_eq!(replica.accept(ME, &twice), Err(Violation::GrantsMalformed));
        assert_eq!(replica, before);
    }
}
