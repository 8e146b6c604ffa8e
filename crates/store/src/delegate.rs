//! The reads of both stores: one engine answers them.

/// The methods of [`crate::Store`] that the field `engine` answers.
macro_rules! reads_of_the_engine {
    () => {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
            self.engine.row_value(table, key)
        }

        fn scan(
            &self,
            table: Table,
            prefix: &[u8],
            after: Option<&[u8]>,
            limit: usize,
        ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
            self.engine.scan_rows(table, prefix, after, limit)
        }

        fn record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>> {
            self.engine.find_record(record_id)
        }

        fn local_part(&self, record_id: &RecordId) -> Result<Option<LocalPart>> {
            self.engine.find_local_part(record_id)
        }

        fn tombstone(&self, record_id: &RecordId) -> Result<Option<Envelope>> {
            self.engine.find_tombstone(record_id)
        }

        fn held_record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>> {
            self.engine.find_held(record_id)
        }

        fn held_versions(&self, record_id: &RecordId) -> Result<Vec<Held<StoredRecord>>> {
            self.engine.find_held_versions(record_id)
        }

        fn expired(&self, now: Timestamp, limit: usize) -> Vec<RecordId> {
            self.engine.expired_records(now, limit)
        }

        fn compact(&self, now: Timestamp, stop: &dyn Fn() -> bool) -> Result<Compacted> {
            self.engine.compact(now, stop)
        }

        fn hit_row(&self, record_id: &RecordId) -> Option<HitRow> {
            self.engine.hit_row_of(record_id)
        }

        fn find(&self, first_bytes: &[u8], limit: usize) -> Vec<RecordId> {
            self.engine.find_by_prefix(first_bytes, limit)
        }

        fn facts(&self, found: &Match) -> Result<Option<Held<RecordFacts>>> {
            self.engine.facts_of(found)
        }

        fn row_of(&self, found: &Match) -> Option<HitRow> {
            self.engine.row_of(found)
        }

        fn set_token_key(
            &self,
            agreement: &AgreementId,
            owner: &AgencyId,
            epoch: TokenEpoch,
            key: TokenKey,
        ) -> Result<()> {
            if *owner == self.engine.agency {
                self.engine.compute_tokens(agreement, epoch, &key)
            } else {
                Ok(())
            }
        }

        fn forget_fingerprints(&self) {
            self.engine.forget_fingerprints();
        }

        fn drop_token_key(&self, agreement: &AgreementId, owner: &AgencyId, epoch: TokenEpoch) {
            let mut state = self.engine.state_mut();
            if *owner == self.engine.agency {
                state.drop_own_tokens(agreement, epoch);
            } else {
                state.drop_foreign_tokens(agreement, owner, epoch);
            }
        }

        fn match_own(
            &self,
            agreement: &AgreementId,
            epoch: TokenEpoch,
            tokens: &[Token],
        ) -> Result<Vec<Match>> {
            self.engine.own_matches(agreement, epoch, tokens)
        }

        fn own_tokens(
            &self,
            agreement: &AgreementId,
            epoch: TokenEpoch,
            record_ids: &[RecordId],
        ) -> Result<Vec<Option<Token>>> {
            let tokens = self.engine.state().own_tokens(agreement, epoch, record_ids);
            tokens.ok_or(Error::NoTokenKey)
        }

        fn match_foreign(
            &self,
            agreement: &AgreementId,
            owner: &AgencyId,
            epoch: TokenEpoch,
            tokens: &[Token],
        ) -> Result<Vec<Match>> {
            self.engine.foreign_matches(agreement, owner, epoch, tokens)
        }

        fn match_fingerprint(&self, x: &Fingerprint) -> Result<Vec<RecordId>> {
            self.engine.fingerprint_matches(x)
        }

        fn fenced(&self) -> Option<&'static str> {
            self.engine.fenced()
        }

        fn classes(&self, origin: &AgencyId, agreement: &AgreementId) -> Vec<ClassEntry> {
            self.engine.state().classes.of(origin, agreement)
        }

        fn class(&self, number: ClassNumber) -> Option<ClassEntry> {
            self.engine.state().classes.entry(number.0)
        }

        fn class_log(&self, number: ClassNumber, from: u64, limit: usize) -> Vec<LogRow> {
            let limit = limit.min(crate::reading::LOG_ROWS_MAX);
            self.engine.state().class_log(number, from, limit)
        }

        fn count(&self) -> Counts {
            self.engine.state().counts()
        }

        fn head(&self) -> Head {
            self.engine.present_head()
        }

        fn inclusion(&self, seq: u64, tree_size: u64) -> Result<Vec<Hash>> {
            Ok(self.engine.state().tree.inclusion(seq, tree_size)?)
        }

        fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
            Ok(self.engine.state().tree.consistency(old, new)?)
        }

        fn receipt(
            &self,
            seq: u64,
            item: u32,
            signed_head: &[u8],
        ) -> Result<audit::receipt::Receipt> {
            self.engine.receipt_of(seq, item, signed_head)
        }

        fn tail(&self, from: u64, limit: usize) -> Result<Vec<StoredFrame>> {
            self.engine.frames_from(from, limit)
        }

        fn write_head(&self, signed_head: &[u8]) -> Result<()> {
            self.engine.keep_head(signed_head)
        }

        fn signed_head(&self) -> Option<Vec<u8>> {
            self.engine.kept_head()
        }

        fn export(&self, writer: &mut dyn std::io::Write, shown: Shown) -> Result<()> {
            self.engine.export_log(writer, shown)
        }

        fn verify(&self, depth: Depth) -> Result<Verified> {
            self.engine.verify_all(depth)
        }
    };
}
pub(crate) use reads_of_the_engine;
