//! Everything a store keeps in memory, changed by effects alone: live ones and those read back.

mod leaving;

use crate::batch::IDEMPOTENCY_KEYS_MAX;
use crate::class::{Classes, LoggedRow};
use crate::effect::{Effect, RecordEffect};
use crate::index::{Mixer, NONE, NOWHERE, Row, RowState, Rows, TokenMap};
use crate::leftover::Leftovers;
use crate::pointer::{Before, Place, Pointer, PointerChange};
use crate::reading::{
    ClassNumber, Counts, Erased, HitRow, LogKind, LogRow, MATCH_ROWS_MAX, Match, Ownership,
    Withdrawn,
};
use crate::table::{RECORD, Table, held_by, row_key};
use crate::unsealed::{Piece, Unsealed};
use audit::frame::{Frame, Tip};
use audit::tree::Tree;
use domain::class::Class;
use domain::name::{AgencyId, AgreementId, IdempotencyKey, RecordId};
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch, TokenKey};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The most originators, our own agency among them.
pub(crate) const ORIGINS_MAX: usize = 4096;

/// An effect that cannot follow from what stands before it: the journal contradicts itself.
pub(crate) struct Impossible(pub(crate) &'static str);

/// The record and the hold that a row of the tables stands for, if it is a hold.
fn hold_of(key: &[u8]) -> Option<(RecordId, [u8; 16])> {
    held_by(key.strip_prefix(&[Table::Hold.byte()])?)
}

/// Tokens of own records under one key.
struct OwnTokens {
    key: TokenKey,
    map: TokenMap,
    /// Are the tokens of the records that were there before all in it?
    complete: bool,
}

/// All of it. Readers share it, the writer changes it after a frame is durable.
pub(crate) struct State {
    mixer: Mixer,
    pub(crate) rows: Rows,
    pub(crate) classes: Classes,
    pub(crate) left: Leftovers,
    origins: Vec<AgencyId>,
    own_tokens: HashMap<(AgreementId, TokenEpoch), OwnTokens>,
    foreign_tokens: HashMap<(AgreementId, AgencyId, TokenEpoch), TokenMap>,
    /// Of all own records that were put since the beginning; `None` once it is not wanted any more.
    unsealed: Option<Unsealed>,
    pub(crate) tip: Tip,
    pub(crate) tree: Tree,
    /// Where each frame begins: segment and offset.
    places: Vec<(u32, u32)>,
    once: HashMap<IdempotencyKey, u64>,
    once_order: VecDeque<IdempotencyKey>,
    counts: Counts,
}

impl State {
    pub(crate) fn new(own: &AgencyId, mixer: Mixer) -> Self {
        Self {
            mixer,
            rows: Rows::new(mixer),
            classes: Classes::default(),
            left: Leftovers::new(mixer),
            origins: vec![own.clone()],
            own_tokens: HashMap::new(),
            foreign_tokens: HashMap::new(),
            unsealed: Some(Unsealed::default()),
            tip: Tip::start(own),
            tree: Tree::new(),
            places: Vec::new(),
            once: HashMap::new(),
            once_order: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn own(&self) -> Option<&AgencyId> {
        self.origins.first()
    }

    /// Takes the next frame into chain and tree.
    pub(crate) fn append_frame(
        &mut self,
        frame: &Frame,
        place: (u32, u32),
        bytes: u64,
    ) -> Result<(), audit::Error> {
        let leaf = self.tip.append(frame)?;
        self.tree.append(leaf);
        self.places.push(place);
        self.counts.journal_bytes = self.counts.journal_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Where a frame begins.
    pub(crate) fn place(&self, seq: u64) -> Option<(u32, u32)> {
        self.places.get(usize::try_from(seq).ok()?).copied()
    }

    /// Applies the effect of an item at `place` and says how the tables change.
    pub(crate) fn apply(
        &mut self,
        seq: u64,
        effect: Effect,
        place: Place,
        out: &mut Vec<PointerChange>,
    ) -> Result<(), Impossible> {
        match effect {
            Effect::Event => {}
            Effect::Once(key) => self.remember(key, seq),
            Effect::Class { number, class } => {
                if !self.classes.add(number, class) {
                    return Err(Impossible("a class that is not the next one"));
                }
            }
            Effect::Put { key, secrecy } => {
                self.left.table_row(&key, Some((place.segment, secrecy)));
                if let Some((record_id, hold)) = hold_of(&key) {
                    self.left.hold(record_id, hold);
                }
                let pointer = Some(Pointer::row(place));
                out.push(PointerChange { key, pointer, before: Before::Possible });
            }
            Effect::Delete { key } => {
                self.left.table_row(&key, None);
                if let Some((record_id, hold)) = hold_of(&key) {
                    self.lift(&record_id, &hold, out);
                }
                out.push(PointerChange { key, pointer: None, before: Before::Possible });
            }
            Effect::Record(record) => self.put(record, place, out)?,
            Effect::Withdraw { record_id, origin } => {
                self.withdraw(&record_id, &origin, place, out)?;
            }
            Effect::Drop(drop) => self.drop_foreign(&drop, out),
            Effect::Erase(record_ids) => {
                record_ids.iter().for_each(|record_id| self.erase(record_id, out));
            }
        }
        Ok(())
    }

    fn remember(&mut self, key: IdempotencyKey, seq: u64) {
        if self.once.insert(key, seq).is_none() {
            self.once_order.push_back(key);
        }
        if self.once_order.len() > IDEMPOTENCY_KEYS_MAX
            && let Some(oldest) = self.once_order.pop_front()
        {
            self.once.remove(&oldest);
        }
    }

    /// The frame that a batch with this key was written as.
    pub(crate) fn remembered(&self, key: &IdempotencyKey) -> Option<u64> {
        self.once.get(key).copied()
    }

    /// The rows whose pointers may lead to a record under a hold: the one that is found, and the
    /// newest one that was dropped meanwhile.
    pub(crate) fn held_rows(&self, record_id: &RecordId) -> [Option<u32>; 2] {
        [self.rows.find(record_id), self.left.dropped_under_hold(record_id)]
    }

    fn put(
        &mut self,
        record: RecordEffect,
        place: Place,
        out: &mut Vec<PointerChange>,
    ) -> Result<(), Impossible> {
        let class = self.classes.class(record.class).cloned();
        let class = class.ok_or(Impossible("a record of a class that was not written"))?;
        let origin = self.origin_number(&class.origin);
        let (number, before) = match self.rows.find(&record.record_id) {
            Some(number) => (number, Before::Possible),
            None => (self.rows.add(Row::new(record.record_id, origin)), Before::Absent),
        };
        let Some(row) = self.rows.row_mut(number) else {
            return Err(Impossible("no such row"));
        };
        let (was_erased, is_own) = (row.erased, origin == 0);
        if row.state != RowState::Live || row.origin != origin || (was_erased && is_own) {
            return Err(Impossible("a record that is gone for ever, or of another originator"));
        }
        row.erased = false;
        let previous = if was_erased { NONE } else { row.class };
        let changed = row.version != record.version;
        row.version = record.version;
        row.expiry_ms = record.expiry.as_millis();
        row.class = record.class;
        row.keep_facts(record.facts);
        let content = if record.content.is_some() { place.segment } else { NOWHERE };
        let superseded = core::mem::replace(&mut row.segment, content);
        if before == Before::Absent || was_erased {
            self.count(origin, 1);
        }
        if let Some(key) = record.content {
            self.left.use_key(key);
        }
        self.supersede(number, &record.record_id, superseded, changed);
        self.classes.count_record(previous, -1);
        self.classes.count_record(record.class, 1);
        if origin == 0 {
            self.log_put(number, previous, record.class);
            self.index_own(number, &class.agreement, record.own);
        } else {
            self.index_foreign(number, &class, record.token, changed);
        }
        let pointer = Pointer { place, class: record.class, version: record.version };
        let key = row_key(RECORD, number);
        out.push(PointerChange { key, pointer: Some(pointer), before });
        Ok(())
    }

    fn log_put(&mut self, number: u32, previous: u32, class: u32) {
        let Some(version) = self.rows.row(number).map(|row| row.version) else {
            return;
        };
        if previous != NONE && previous != class {
            let left = LoggedRow { row: number, version, kind: LogKind::Leave };
            self.classes.append(previous, left);
        }
        self.classes.append(class, LoggedRow { row: number, version, kind: LogKind::Add });
    }

    fn index_own(
        &mut self,
        number: u32,
        agreement: &AgreementId,
        own: Option<crate::effect::OwnIndex>,
    ) {
        let Some(own) = own else {
            return self.rows.unlink(number);
        };
        self.rows.link(number, own.blind);
        if let Some(unsealed) = &mut self.unsealed
            && !unsealed.push(agreement, number, &own.x)
        {
            self.unsealed = None;
        }
        for ((of, _), tokens) in &mut self.own_tokens {
            if of == agreement {
                tokens.map.insert(number, tokens.key.token(&own.x));
            }
        }
    }

    fn index_foreign(
        &mut self,
        number: u32,
        class: &Class,
        token: Option<(TokenEpoch, Token)>,
        changed: bool,
    ) {
        if changed {
            self.forget_tokens(number, class);
        }
        if let Some((epoch, token)) = token {
            let key = (class.agreement.clone(), class.origin.clone(), epoch);
            let map = self.foreign_tokens.entry(key).or_insert_with(|| TokenMap::new(self.mixer));
            map.insert(number, token);
        }
    }

    /// No token leads to the row any more.
    fn forget_tokens(&mut self, number: u32, class: &Class) {
        if self.own() == Some(&class.origin) {
            let maps = self.own_tokens.iter_mut();
            maps.filter(|((agreement, _), _)| *agreement == class.agreement)
                .for_each(|(_, tokens)| tokens.map.remove(number));
        } else {
            let maps = self.foreign_tokens.iter_mut();
            maps.filter(|((agreement, owner, _), _)| {
                *agreement == class.agreement && *owner == class.origin
            })
            .for_each(|(_, map)| map.remove(number));
        }
    }

    fn origin_number(&mut self, origin: &AgencyId) -> u16 {
        let number = match self.origins.iter().position(|other| other == origin) {
            Some(number) => number,
            None => {
                self.origins.push(origin.clone());
                self.origins.len() - 1
            }
        };
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// Is the originator known, or may one more be?
    pub(crate) fn takes_origin(&self, origin: &AgencyId) -> bool {
        self.origins.len() < ORIGINS_MAX || self.origins.contains(origin)
    }

    /// The journal takes fewer bytes.
    pub(crate) fn shorten_journal(&mut self, bytes: u64) {
        self.counts.journal_bytes = self.counts.journal_bytes.saturating_sub(bytes);
    }

    pub(crate) fn origin(&self, number: u16) -> Option<&AgencyId> {
        self.origins.get(usize::from(number))
    }

    fn count(&mut self, origin: u16, by: i64) {
        let count = if origin == 0 { &mut self.counts.own } else { &mut self.counts.foreign };
        *count = count.saturating_add_signed(by);
    }

    pub(crate) fn counts(&self) -> Counts {
        let (classes, frames) = (self.classes.count() as u64, self.tip.size());
        let erasable = self.left.count();
        Counts { classes, frames, erasable, ..self.counts }
    }

    pub(crate) fn hit_row(&self, number: u32) -> Option<HitRow> {
        let row = self.rows.row(number)?;
        let withdrawn = match row.state {
            RowState::Live => Withdrawn::No,
            RowState::Withdrawn => Withdrawn::Yes,
            RowState::Dropped => return None,
        };
        Some(HitRow {
            version: row.version,
            class: (row.class != NONE).then_some(ClassNumber(row.class)),
            expiry: Timestamp::from_millis(row.expiry_ms),
            withdrawn,
            erased: if row.erased { Erased::Yes } else { Erased::No },
            origin: row.ownership(),
        })
    }

    pub(crate) fn class_log(&self, number: ClassNumber, from: u64, limit: usize) -> Vec<LogRow> {
        let rows = self.classes.log(number, from, limit).into_iter();
        rows.filter_map(|(position, logged)| {
            let record_id = self.rows.row(logged.row)?.record_id;
            Some(LogRow { position, record_id, version: logged.version, kind: logged.kind })
        })
        .collect()
    }

    /// Begins a map of own tokens: from now on every own record that is put enters it. Answers the
    /// fingerprints of those that were put before, if they are kept.
    pub(crate) fn begin_tokens(
        &mut self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        key: TokenKey,
    ) -> Option<Vec<Arc<Piece>>> {
        let pieces = self.unsealed.as_mut().map(|unsealed| unsealed.pieces(agreement));
        let count = pieces.iter().flatten().map(|piece| piece.count()).sum();
        let map = TokenMap::with_capacity(self.mixer, count);
        let tokens = OwnTokens { key, map, complete: false };
        self.own_tokens.insert((agreement.clone(), epoch), tokens);
        pieces
    }

    /// Keeps no fingerprint any more.
    pub(crate) fn forget_fingerprints(&mut self) {
        self.unsealed = None;
    }

    /// Enters tokens of rows, the newest first, unless a row is gone or has one: then that is newer.
    pub(crate) fn add_older_tokens(
        &mut self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        tokens: &[(u32, Token)],
    ) {
        let Some(own) = self.own_tokens.get_mut(&(agreement.clone(), epoch)) else {
            return;
        };
        for (number, token) in tokens {
            if self.rows.row(*number).is_some_and(Row::is_live) {
                own.map.insert_absent(*number, *token);
            }
        }
    }

    /// Is this very key known, and its map complete?
    pub(crate) fn has_tokens(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        key: &TokenKey,
    ) -> bool {
        let own = self.own_tokens.get(&(agreement.clone(), epoch));
        own.is_some_and(|own| own.complete && own.key == *key)
    }

    /// From now on the map answers.
    pub(crate) fn finish_tokens(&mut self, agreement: &AgreementId, epoch: TokenEpoch) {
        if let Some(own) = self.own_tokens.get_mut(&(agreement.clone(), epoch)) {
            own.complete = true;
        }
    }

    fn complete_map(&self, agreement: &AgreementId, epoch: TokenEpoch) -> Option<&TokenMap> {
        let own = self.own_tokens.get(&(agreement.clone(), epoch));
        own.filter(|own| own.complete).map(|own| &own.map)
    }

    /// The tokens of own records; `None` without a key.
    pub(crate) fn own_tokens(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        record_ids: &[RecordId],
    ) -> Option<Vec<Option<Token>>> {
        let map = self.complete_map(agreement, epoch)?;
        let token = |record_id| map.token(self.rows.find(record_id)?);
        Some(record_ids.iter().map(token).collect())
    }

    /// Enters tokens of rows that were there before, unless a row has changed since.
    pub(crate) fn add_tokens(
        &mut self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        tokens: &[(RecordId, domain::record::Version, Token)],
    ) {
        let Some(own) = self.own_tokens.get_mut(&(agreement.clone(), epoch)) else {
            return;
        };
        for (record_id, version, token) in tokens {
            let Some(number) = self.rows.find(record_id) else {
                continue;
            };
            let current = self.rows.row(number);
            if current.is_some_and(|row| row.is_live() && row.version == *version) {
                own.map.insert(number, *token);
            }
        }
    }

    pub(crate) fn drop_own_tokens(&mut self, agreement: &AgreementId, epoch: TokenEpoch) {
        self.own_tokens.remove(&(agreement.clone(), epoch));
    }

    pub(crate) fn drop_foreign_tokens(
        &mut self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
    ) {
        self.foreign_tokens.remove(&(agreement.clone(), owner.clone(), epoch));
    }

    /// Own records of these tokens; `None` without a key.
    pub(crate) fn match_own(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        tokens: &[Token],
    ) -> Option<Vec<Match>> {
        self.complete_map(agreement, epoch).map(|map| self.matches(map, tokens))
    }

    pub(crate) fn match_foreign(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
        tokens: &[Token],
    ) -> Vec<Match> {
        let key = (agreement.clone(), owner.clone(), epoch);
        self.foreign_tokens.get(&key).map_or_else(Vec::new, |map| self.matches(map, tokens))
    }

    fn matches(&self, map: &TokenMap, tokens: &[Token]) -> Vec<Match> {
        let mut found = Vec::new();
        for slot in map.likely(tokens) {
            let Some(token) = tokens.get(slot as usize) else { continue };
            for number in map.rows(token, MATCH_ROWS_MAX) {
                let record_id = self.rows.row(number).map(|row| row.record_id);
                if let Some((record_id, row)) = record_id.zip(self.hit_row(number)) {
                    found.push(Match { slot, record_id, row, number });
                }
            }
        }
        found
    }

    /// Is this class one of own records?
    pub(crate) fn is_own_class(&self, number: u32) -> bool {
        let class: Option<&Arc<Class>> = self.classes.class(number);
        class.is_some_and(|class| self.own() == Some(&class.origin))
    }

    pub(crate) fn ownership(&self, origin: &AgencyId) -> Ownership {
        if self.own() == Some(origin) { Ownership::Own } else { Ownership::Foreign }
    }
}
