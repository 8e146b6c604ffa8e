//! Verifies an exported log offline: every part, item, frame, chain value, root and signature.
//!
//! A pure function over a reader: no node, no network, no clock. It needs memory for one record,
//! however long the log is, and stops at the first thing that is wrong, naming the place.

use crate::error::{Error, Fault, Place};
use crate::export::{
    FORMAT, FrameRecord, Item, RECORD_BYTES_MAX, Record, VERSION, check_covered, check_head,
};
use crate::frame::{Frame, ItemsRoot, Tip};
use crate::head::Head;
use crate::note::VerifyingKeys;
use domain::name::AgencyId;
use domain::time::Timestamp;
use std::io::{BufReader, Read};

/// What a verified export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The last signed head: it covers every frame.
    pub head: Head,
    /// How many signed heads were checked.
    pub heads: u64,
    /// How many frames of the log stand before the first one here; 0 for a whole log.
    pub start: u64,
    /// How many frames were checked.
    pub frames: u64,
    /// How many items were checked.
    pub items: u64,
    /// How many parts were shown and give their commitments.
    pub open_parts: u64,
    /// How many parts were erased or withheld: only their commitments were checked.
    pub closed_parts: u64,
    /// How many items have an erased or withheld entry part.
    pub closed_entries: u64,
    /// The time of the first frame.
    pub first: Option<Timestamp>,
    /// The time of the last frame.
    pub last: Option<Timestamp>,
    /// How often the agency's clock stood earlier than at the frame before.
    pub time_reversals: u64,
}

/// One item, shown while it is read. Trust it only once the whole export has verified.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its frame.
    pub frame: &'a Frame,
    /// Its index in the frame.
    pub index: u32,
    /// The item.
    pub item: &'a Item,
}

/// Verifies an export against the keys its heads may be signed with.
///
/// # Errors
/// [`Fault`]: the first place that is wrong, and why.
pub fn verify_export(reader: impl Read, keys: &VerifyingKeys) -> Result<Report, Fault> {
    verify_export_with(reader, keys, &[], |_| ())
}

/// Verifies an export, and that the log passes through heads known from elsewhere (from witnesses,
/// receipts, or an earlier export), and shows every item on the way.
///
/// # Errors
/// As [`verify_export`]. A known head of another agency, older than a partial export or newer than
/// its end is a fault: it could not be compared.
pub fn verify_export_with(
    reader: impl Read,
    keys: &VerifyingKeys,
    known: &[Head],
    mut visit: impl FnMut(Seen<'_>),
) -> Result<Report, Fault> {
    let mut records = Records { reader: BufReader::new(reader), buffer: Vec::new() };
    let (agency, tip) = start(&mut records).map_err(at(Place::Start))?;
    let mut verifier = Verifier::new(&agency, tip, keys, known);
    verifier.check_known().map_err(at(Place::Start))?;
    loop {
        let frames = verifier.tip.size();
        let record = records.next().map_err(at(Place::Frame { seq: frames }))?;
        match record {
            Record::Frame(record) => verifier.frame(record, &mut records, &mut visit)?,
            Record::Head(record) => {
                verifier.head(record.note.as_bytes()).map_err(at(Place::Head { frames }))?;
            }
            Record::End(end) => {
                let here = at(Place::End { frames });
                let counts = (end.frames, end.items) == (verifier.frames, verifier.items);
                let counted = if counts { Ok(()) } else { Err(Error::WrongCounts) };
                return counted
                    .and_then(|()| records.check_end())
                    .and_then(|()| verifier.finish())
                    .map_err(here);
            }
            other => {
                let (expected, found) = ("a frame, a head or the end", other.name());
                let error = Error::UnexpectedRecord { expected, found };
                return Err(Fault { place: Place::Frame { seq: frames }, error });
            }
        }
    }
}

fn start(records: &mut Records<impl Read>) -> Result<(AgencyId, Tip), Error> {
    // Whatever does not even begin like an export is named as such.
    let Ok(Record::Start(start)) = records.next() else {
        return Err(Error::UnknownFormat);
    };
    if start.format != FORMAT || start.version != VERSION {
        return Err(Error::UnknownFormat);
    }
    if start.tip.size() == 0 && start.tip != Tip::start(&start.agency) {
        return Err(Error::ChainBroken);
    }
    Ok((start.agency, start.tip))
}

/// What is known so far.
struct Verifier<'a> {
    agency: &'a AgencyId,
    keys: &'a VerifyingKeys,
    known: &'a [Head],
    tip: Tip,
    start: u64,
    frames: u64,
    items: u64,
    open_parts: u64,
    closed_parts: u64,
    closed_entries: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    time_reversals: u64,
    heads: u64,
    head: Option<Head>,
}

impl<'a> Verifier<'a> {
    fn new(agency: &'a AgencyId, tip: Tip, keys: &'a VerifyingKeys, known: &'a [Head]) -> Self {
        let start = tip.size();
        Self {
            agency,
            keys,
            known,
            tip,
            start,
            frames: 0,
            items: 0,
            open_parts: 0,
            closed_parts: 0,
            closed_entries: 0,
            first: None,
            last: None,
            time_reversals: 0,
            heads: 0,
            head: None,
        }
    }

    fn frame(
        &mut self,
        record: FrameRecord,
        records: &mut Records<impl Read>,
        visit: &mut impl FnMut(Seen<'_>),
    ) -> Result<(), Fault> {
        let FrameRecord { frame, chain } = record;
        let here = Place::Frame { seq: self.tip.size() };
        self.tip.append(&frame).map_err(at(here))?;
        if self.tip.chain() != chain {
            return Err(Fault { place: here, error: Error::ChainBroken });
        }
        let mut root = ItemsRoot::new();
        for index in 0..frame.items {
            let place = Place::Item { seq: frame.seq, item: index };
            let item = self.item(records, &mut root).map_err(at(place))?;
            visit(Seen { frame: &frame, index, item: &item });
        }
        let given = root.finish().map_err(at(here))?;
        if given != (frame.items, frame.items_root) {
            return Err(Fault { place: here, error: Error::ItemsRootChanged });
        }
        count(&mut self.frames, true);
        count(&mut self.time_reversals, self.last.is_some_and(|last| frame.time < last));
        self.first = self.first.or(Some(frame.time));
        self.last = Some(frame.time);
        self.check_known().map_err(at(here))
    }

    fn item(
        &mut self,
        records: &mut Records<impl Read>,
        root: &mut ItemsRoot,
    ) -> Result<Item, Error> {
        let record = match records.next()? {
            Record::Item(record) => record,
            other => {
                let found = other.name();
                return Err(Error::UnexpectedRecord { expected: "an item", found });
            }
        };
        let (item, stated) = record.into_item();
        for (kind, part) in item.parts() {
            part.check(kind)?;
            count(&mut self.open_parts, part.opening().is_some());
            count(&mut self.closed_parts, part.opening().is_none());
        }
        let commitment = item.commitment()?;
        if commitment != stated {
            return Err(Error::ItemChanged);
        }
        root.append(commitment);
        count(&mut self.items, true);
        count(&mut self.closed_entries, item.entry.opening().is_none());
        Ok(item)
    }

    fn head(&mut self, note: &[u8]) -> Result<(), Error> {
        let head = Head::open(note, self.keys)?;
        check_head(&head, self.agency, &self.tip)?;
        count(&mut self.heads, true);
        self.head = Some(head);
        Ok(())
    }

    /// Compares the log with the known heads of its present size.
    fn check_known(&self) -> Result<(), Error> {
        for head in self.known {
            if head.agency != *self.agency || head.size == self.tip.size() {
                check_head(head, self.agency, &self.tip).map_err(|error| match error {
                    Error::OtherLog { .. } => error,
                    _ => Error::Forked(head.size),
                })?;
            } else if head.size < self.start {
                return Err(Error::StartsLater { known: head.size, start: self.start });
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Report, Error> {
        let size = self.tip.size();
        if let Some(newer) = self.known.iter().find(|head| head.size > size) {
            return Err(Error::Behind { known: newer.size, size });
        }
        check_covered(self.head.as_ref().map(|head| head.size), size, self.frames)?;
        Ok(Report {
            head: self.head.ok_or(Error::NotCovered(self.frames))?,
            heads: self.heads,
            start: self.start,
            frames: self.frames,
            items: self.items,
            open_parts: self.open_parts,
            closed_parts: self.closed_parts,
            closed_entries: self.closed_entries,
            first: self.first,
            last: self.last,
            time_reversals: self.time_reversals,
        })
    }
}

/// Reads one record after the other into one buffer.
struct Records<R> {
    reader: BufReader<R>,
    buffer: Vec<u8>,
}

impl<R: Read> Records<R> {
    fn next(&mut self) -> Result<Record, Error> {
        let length = self.length()?;
        self.buffer.clear();
        let mut limited = (&mut self.reader).take(length);
        let read = limited.read_to_end(&mut self.buffer).map_err(|e| Error::Read(e.kind()))?;
        if read as u64 != length {
            return Err(Error::Truncated);
        }
        let record: Record = domain::encoding::from_bytes("record", &self.buffer, RECORD_BYTES_MAX)
            .map_err(|error| Error::malformed("record", error))?;
        // Nothing may hide in a field that this version does not know.
        if domain::encoding::to_bytes(&record) == self.buffer {
            Ok(record)
        } else {
            Err(Error::malformed("record", "an unknown field"))
        }
    }

    /// The head of a CBOR byte string, in its shortest form.
    fn length(&mut self) -> Result<u64, Error> {
        let [first] = self.bytes::<1>()?;
        if first >> 5 != 2 {
            return Err(Error::malformed("record", "not a byte string"));
        }
        let (length, least) = match first & 31 {
            short @ 0..=23 => (u64::from(short), 0),
            24 => (u64::from(u8::from_be_bytes(self.bytes()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.bytes()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.bytes()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.bytes()?), 1 << 32),
            _ => return Err(Error::malformed("record", "an indefinite length")),
        };
        if length > RECORD_BYTES_MAX as u64 {
            Err(Error::RecordTooLong(length))
        } else if length < least {
            Err(Error::malformed("record", "a length not in its shortest form"))
        } else {
            Ok(length)
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::Truncated,
            kind => Error::Read(kind),
        })?;
        Ok(bytes)
    }

    fn check_end(&mut self) -> Result<(), Error> {
        match self.bytes::<1>() {
            Ok(_) => Err(Error::BytesAfterEnd),
            Err(Error::Truncated) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn at(place: Place) -> impl Fn(Error) -> Fault {
    move |error| Fault { place, error }
}

fn count(counter: &mut u64, is_one: bool) {
    *counter = counter.saturating_add(u64::from(is_one));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{EndRecord, ExportWriter, HeadRecord, ItemRecord, Part};
    use crate::frame::{Operation, PartKind};
    use domain::digest::Salt;
    use domain::signature::{SecretKey, Signer as _};

    const FRAMES: u64 = 9;

    fn agency() -> AgencyId {
        "be-fedpol".parse().unwrap()
    }

    fn signer() -> SecretKey {
        SecretKey::from_seed(&[8; 32])
    }

    fn keys() -> VerifyingKeys {
        VerifyingKeys::new([Head::key(&agency(), signer().public_key()).unwrap()]).unwrap()
    }

    /// Frame `seq` holds `seq % 3 + 1` items; the entry of every frame's last item was erased.
    fn items(seq: u64) -> Vec<Item> {
        let count = u8::try_from(seq % 3 + 1).unwrap();
        let part = |kind, n: u8| {
            let salt = Salt::from_bytes([n ^ 0x5a; 32]);
            Part::open(kind, salt, format!("{kind} {n} of {seq}").into_bytes()).unwrap()
        };
        let item = |n: u8| Item {
            header: vec![1, n],
            entry: part(PartKind::Entry, n),
            local: (n == 1).then(|| part(PartKind::Local, n)),
            data: (n != 1).then(|| part(PartKind::Data, n)),
        };
        let mut items: Vec<Item> = (0..count).map(item).collect();
        items.last_mut().unwrap().entry.close();
        items
    }

    fn time(seq: u64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000).plus_ms(seq * 1000)
    }

    /// An export of frames `from..FRAMES`, with a head after every fourth and at the end, and the
    /// heads at every size.
    fn export(from: u64) -> (Vec<u8>, Vec<Head>) {
        let mut whole = ExportWriter::start(Vec::new(), &agency(), Tip::start(&agency())).unwrap();
        let mut heads = vec![whole.head()];
        let mut tip = Tip::start(&agency());
        for seq in 0..from {
            whole.frame(Operation::Commit, time(seq), &items(seq)).unwrap();
            heads.push(whole.head());
        }
        for seq in 0..from {
            tip.append(&frame_of(seq)).unwrap();
        }
        let mut part = ExportWriter::start(Vec::new(), &agency(), tip).unwrap();
        for seq in from..FRAMES {
            part.frame(Operation::Commit, time(seq), &items(seq)).unwrap();
            heads.push(part.head());
            if seq % 4 == 3 || seq == FRAMES - 1 {
                part.signed_head(&part.head().sign(&signer()).unwrap()).unwrap();
            }
        }
        (part.finish().unwrap(), heads)
    }

    fn frame_of(seq: u64) -> Frame {
        let mut root = ItemsRoot::new();
        items(seq).iter().for_each(|item| root.append(item.commitment().unwrap()));
        let (items, items_root) = root.finish().unwrap();
        Frame { operation: Operation::Commit, seq, time: time(seq), items, items_root }
    }

    /// The file as records, to change one and write it again.
    fn records(file: &[u8]) -> Vec<Record> {
        let mut records = Records { reader: BufReader::new(file), buffer: Vec::new() };
        std::iter::from_fn(|| records.next().ok()).collect()
    }

    fn file(records: &[Record]) -> Vec<u8> {
        let mut file = Vec::new();
        for record in records {
            let bytes = domain::encoding::to_bytes(record);
            minicbor::Encoder::new(&mut file).bytes(&bytes).unwrap();
        }
        file
    }

    fn fault(file: &[u8]) -> (Place, Error) {
        let Fault { place, error } = verify_export(file, &keys()).unwrap_err();
        (place, error)
    }

    /// The index of the frame record `seq` among the records of a whole export.
    fn index_of(records: &[Record], seq: u64) -> usize {
        let is_it = |r: &Record| matches!(r, Record::Frame(f) if f.frame.seq == seq);
        records.iter().position(is_it).unwrap()
    }

    #[test]
    fn a_whole_log_verifies_and_is_counted() {
        let mut seen = 0;
        let (file, heads) = export(0);
        let report = verify_export_with(&file[..], &keys(), &heads, |entry| {
            assert_eq!(entry.item, &items(entry.frame.seq)[entry.index as usize]);
            seen += 1;
        })
        .unwrap();
        assert_eq!(report.head, heads[FRAMES as usize]);
        assert_eq!((report.start, report.frames, report.items, report.heads), (0, 9, 18, 3));
        assert_eq!((report.closed_entries, report.closed_parts, report.open_parts), (9, 9, 27));
        assert_eq!((report.first, report.last), (Some(time(0)), Some(time(8))));
        assert_eq!((report.time_reversals, seen), (0, 18));
    }

    #[test]
    fn a_part_of_a_log_verifies_against_the_same_head() {
        for from in [1, 4, 8] {
            let (file, heads) = export(from);
            let report = verify_export(&file[..], &keys()).unwrap();
            assert_eq!((report.start, report.frames), (from, FRAMES - from));
            assert_eq!(&report.head, heads.last().unwrap());
            let earlier = verify_export_with(&file[..], &keys(), &heads[..1], |_| ());
            assert_eq!(earlier.unwrap_err().error, Error::StartsLater { known: 0, start: from });
        }
    }

    #[test]
    fn a_partial_export_cannot_invent_what_came_before() {
        let (bytes, _) = export(4);
        let mut records = records(&bytes);
        let Record::Start(start) = &mut records[0] else { panic!() };
        let mut other = Tip::start(&agency());
        (0..4).for_each(|seq| {
            let frame = Frame { time: time(seq + 1), ..frame_of(seq) };
            other.append(&frame).unwrap();
        });
        start.tip = other.clone();
        assert_eq!(fault(&file(&records)).1, Error::ChainBroken);
        // Even with every chain value made to fit, the signed head does not.
        for record in &mut records {
            if let Record::Frame(record) = record {
                other.append(&record.frame).unwrap();
                record.chain = other.chain();
            }
        }
        assert_eq!(fault(&file(&records)), (Place::Head { frames: 8 }, Error::RootNotSigned));
    }

    #[test]
    fn a_changed_part_item_or_frame_is_named() {
        let (bytes, _) = export(0);
        let with = |at: usize, change: &dyn Fn(&mut Record)| {
            let mut records = records(&bytes);
            let at = index_of(&records, 5) + at;
            change(&mut records[at]);
            fault(&file(&records))
        };
        let item = |change: &dyn Fn(&mut Item)| {
            with(2, &|record| {
                let Record::Item(old) = record else { panic!() };
                let (mut item, stated) = old.clone().into_item();
                change(&mut item);
                **old = ItemRecord::new(&item, stated);
            })
        };
        let second = Place::Item { seq: 5, item: 1 };
        let part = |bytes: &[u8]| {
            let salt = Salt::from_bytes([1 ^ 0x5a; 32]);
            Part::open(PartKind::Local, salt, bytes.to_vec()).unwrap()
        };
        assert_eq!(item(&|i| i.local = Some(part(b"lie"))), (second, Error::ItemChanged));
        assert_eq!(item(&|i| i.local = None), (second, Error::ItemChanged));
        assert_eq!(item(&|i| i.header[0] = 2), (second, Error::ItemChanged));
        let swapped = item(&|i| i.entry = i.local.clone().unwrap());
        assert_eq!(swapped, (second, Error::PartChanged(PartKind::Entry)));
        let frame = |change: &dyn Fn(&mut Frame)| {
            with(0, &|record| {
                let Record::Frame(record) = record else { panic!() };
                change(&mut record.frame);
            })
        };
        let fifth = Place::Frame { seq: 5 };
        assert_eq!(frame(&|f| f.time = f.time.plus_ms(1)), (fifth, Error::ChainBroken));
        assert_eq!(frame(&|f| f.operation = Operation::Padding), (fifth, Error::ChainBroken));
        assert_eq!(frame(&|f| f.items += 1), (fifth, Error::ChainBroken));
        assert_eq!(frame(&|f| f.items = 0), (fifth, Error::ItemCount(0)));
        let out_of_order = Error::OutOfOrder { expected: 5, found: 6 };
        assert_eq!(frame(&|f| f.seq = 6), (fifth, out_of_order));
    }

    #[test]
    fn missing_repeated_and_swapped_records_are_named() {
        let (bytes, _) = export(0);
        let with = |change: &dyn Fn(&mut Vec<Record>, usize)| {
            let mut records = records(&bytes);
            let at = index_of(&records, 5);
            change(&mut records, at);
            fault(&file(&records))
        };
        let fifth = Place::Frame { seq: 5 };
        let missing = with(&|r, at| drop(r.drain(at..at + 4)));
        assert_eq!(missing, (fifth, Error::OutOfOrder { expected: 5, found: 6 }));
        let (place, error) = with(&|r, at| drop(r.remove(at + 1)));
        assert!(matches!(error, Error::UnexpectedRecord { found: "frame", .. }), "{error}");
        assert_eq!(place, Place::Item { seq: 5, item: 2 });
        assert_eq!(with(&|r, at| r.swap(at + 1, at + 2)), (fifth, Error::ItemsRootChanged));
        let early = with(&|r, at| {
            let head = r.iter().rposition(|r| matches!(r, Record::Head(_))).unwrap();
            let head = r.remove(head);
            r.insert(at, head);
        });
        let out_of_place = Error::HeadOutOfPlace { head: 9, frames: 5 };
        assert_eq!(early, (Place::Head { frames: 5 }, out_of_place));
        let no_head = with(&|r, _| r.retain(|r| !matches!(r, Record::Head(_))));
        assert_eq!(no_head, (Place::End { frames: 9 }, Error::NotCovered(9)));
        let no_last_head = with(&|r, _| drop(r.remove(r.len() - 2)));
        assert_eq!(no_last_head, (Place::End { frames: 9 }, Error::NotCovered(1)));
        let counts = with(&|r, _| {
            r.pop();
            r.push(Record::End(EndRecord { frames: 9, items: 17 }));
        });
        assert_eq!(counts, (Place::End { frames: 9 }, Error::WrongCounts));
        let after = with(&|r, _| r.push(Record::End(EndRecord { frames: 9, items: 18 })));
        assert_eq!(after, (Place::End { frames: 9 }, Error::BytesAfterEnd));
        assert_eq!(with(&|r, _| drop(r.remove(0))), (Place::Start, Error::UnknownFormat));
    }

    #[test]
    fn a_log_rewritten_from_the_start_fails_at_the_first_signed_head() {
        let mut forged = ExportWriter::start(Vec::new(), &agency(), Tip::start(&agency())).unwrap();
        for seq in 0..FRAMES {
            let items = if seq == 2 { items(3) } else { items(seq) };
            forged.frame(Operation::Commit, time(seq), &items).unwrap();
        }
        let mut forged_records = {
            let head = forged.head().sign(&SecretKey::from_seed(&[9; 32])).unwrap();
            forged.signed_head(&head).unwrap();
            records(&forged.finish().unwrap())
        };
        let here = Place::Head { frames: 9 };
        let other_key = Error::NotSigned("malines/be-fedpol/log".into());
        assert_eq!(fault(&file(&forged_records)), (here, other_key));
        let (genuine, heads) = export(0);
        let note = records(&genuine).into_iter().rev().find_map(|record| match record {
            Record::Head(HeadRecord { note }) => Some(note),
            _ => None,
        });
        let at = forged_records.len() - 2;
        forged_records[at] = Record::Head(HeadRecord { note: note.unwrap() });
        assert_eq!(fault(&file(&forged_records)), (here, Error::RootNotSigned));
        // A head that a witness kept names the very frame.
        let known = verify_export_with(&file(&forged_records)[..], &keys(), &heads, |_| ());
        let expected = Fault { place: Place::Frame { seq: 2 }, error: Error::Forked(3) };
        assert_eq!(known.unwrap_err(), expected);
    }

    #[test]
    fn a_log_rolled_back_is_behind_a_head_that_is_known() {
        let mut short = ExportWriter::start(Vec::new(), &agency(), Tip::start(&agency())).unwrap();
        short.frame(Operation::Commit, time(0), &items(0)).unwrap();
        short.signed_head(&short.head().sign(&signer()).unwrap()).unwrap();
        let file = short.finish().unwrap();
        assert!(verify_export(&file[..], &keys()).is_ok());
        let (_, heads) = export(0);
        let known = verify_export_with(&file[..], &keys(), &heads[9..], |_| ());
        assert_eq!(known.unwrap_err().error, Error::Behind { known: 9, size: 1 });
        let other = Head { agency: "fr-oltim".parse().unwrap(), ..heads[0].clone() };
        let known = verify_export_with(&file[..], &keys(), &[other], |_| ());
        assert!(matches!(known.unwrap_err().error, Error::OtherLog { .. }));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (bytes, _) = export(0);
        for byte in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[byte] ^= 1 << (byte % 8);
            assert!(verify_export(&changed[..], &keys()).is_err(), "byte {byte}");
            assert!(verify_export(&bytes[..byte], &keys()).is_err(), "cut at {byte}");
        }
    }

    #[test]
    fn hostile_lengths_cost_nothing() {
        let (mut bytes, _) = export(0);
        bytes.truncate(bytes.len() - 1);
        for (claim, expected) in [
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], "long"),
            (&[0x5a, 0x00, 0x20, 0x00, 0x00], "ends"),
            (&[0x58, 0x01, 0x00], "shortest"),
            (&[0x5f], "indefinite"),
            (&[0x80], "not a byte string"),
        ] {
            let start = domain::encoding::to_bytes(&records(&bytes)[0]);
            let mut file = Vec::new();
            minicbor::Encoder::new(&mut file).bytes(&start).unwrap();
            file.extend_from_slice(claim);
            let (place, error) = fault(&file);
            assert_eq!(place, Place::Frame { seq: 0 });
            assert!(
                expected == "long" && matches!(error, Error::RecordTooLong(_))
                    || error.to_string().contains(expected),
                "{error}"
            );
        }
        assert_eq!(fault(b"").1, Error::UnknownFormat);
        assert_eq!(fault(b"{\"json\": true}").1, Error::UnknownFormat);
    }

    #[test]
    fn a_failing_reader_and_a_clock_set_back_are_reported() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::PermissionDenied.into())
            }
        }
        let (bytes, _) = export(0);
        let broken = verify_export(bytes[..300].chain(Failing), &keys()).unwrap_err();
        assert_eq!(broken.error, Error::Read(std::io::ErrorKind::PermissionDenied));
        assert!(!broken.hint().is_empty());
        let mut back = ExportWriter::start(Vec::new(), &agency(), Tip::start(&agency())).unwrap();
        for seq in [2, 1, 3] {
            back.frame(Operation::Commit, time(seq), &items(seq)).unwrap();
        }
        back.signed_head(&back.head().sign(&signer()).unwrap()).unwrap();
        let report = verify_export(&back.finish().unwrap()[..], &keys()).unwrap();
        assert_eq!((report.time_reversals, report.first), (1, Some(time(2))));
    }

    proptest::proptest! {
        #[test]
        fn hostile_files_never_panic(tail: Vec<u8>) {
            let (bytes, _) = export(0);
            let first = domain::encoding::to_bytes(&records(&bytes)[0]);
            let mut file = Vec::new();
            minicbor::Encoder::new(&mut file).bytes(&first).unwrap();
            minicbor::Encoder::new(&mut file).bytes(&tail).unwrap();
            proptest::prop_assert!(verify_export(&file[..], &keys()).is_err());
            proptest::prop_assert!(verify_export(&tail[..], &keys()).is_err());
        }
    }
}
