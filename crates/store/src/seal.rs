//! Seals: what must not be readable on disk is encrypted under data keys, and those under one key.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with random nonces. There is a data key for each
//! originator, agreement and month of expiry, one for sealed rows, and one for the blind index. The
//! key file holds them wrapped by the node's key-encryption key, apart from the journal, so that
//! destroying a data key makes old copies of the journal forget too.

use crate::error::{Error, Result};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::digest::{Fingerprint, Salt, derive, keyed};
use domain::name::{AgencyId, AgreementId};
use domain::time::Timestamp;
use rand_core::CryptoRng;
use std::collections::{BTreeMap, HashMap};
use zeroize::Zeroizing;

/// The length of the key-encryption key and of every data key, in bytes.
pub const KEY_BYTES: usize = 32;
/// The most data keys one key file holds.
const KEYS_MAX: usize = 4096;
/// The largest key file, in bytes.
pub(crate) const KEY_FILE_BYTES_MAX: u64 = 1 << 20;
const NONCE_BYTES: usize = 24;
const POOL_BYTES: usize = 4096;
const FORMAT: u32 = 1;

/// Random bytes from a generator that was handed in, drawn in larger pieces.
pub(crate) struct Entropy {
    generator: Box<dyn CryptoRng + Send>,
    pool: Zeroizing<Vec<u8>>,
}

impl Entropy {
    pub(crate) fn new(generator: Box<dyn CryptoRng + Send>) -> Self {
        Self { generator, pool: Zeroizing::new(Vec::new()) }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        if self.pool.len() < N {
            let mut pool = Zeroizing::new(vec![0; POOL_BYTES.max(N)]);
            self.generator.fill_bytes(&mut pool);
            self.pool = pool;
        }
        let rest = self.pool.len() - N;
        let mut bytes = [0; N];
        let drawn = self.pool.get(rest..).unwrap_or_default();
        bytes.iter_mut().zip(drawn).for_each(|(to, from)| *to = *from);
        self.pool.truncate(rest);
        bytes
    }

    pub(crate) fn salt(&mut self) -> Salt {
        Salt::from_bytes(self.bytes())
    }
}

/// What a data key is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub(crate) enum KeyPurpose {
    /// The local blind index.
    #[n(1)]
    Blind,
    /// Sealed rows.
    #[n(2)]
    Rows,
    /// Records of one originator under one agreement that expire in one month.
    #[n(3)]
    Records {
        #[n(1)]
        origin: AgencyId,
        #[n(2)]
        agreement: AgreementId,
        /// Months since January of the year 0.
        #[n(3)]
        month: u32,
    },
}

impl KeyPurpose {
    pub(crate) fn records(origin: &AgencyId, agreement: &AgreementId, expiry: Timestamp) -> Self {
        let (origin, agreement) = (origin.clone(), agreement.clone());
        Self::Records { origin, agreement, month: month_of(expiry) }
    }
}

/// Months since January of the year 0.
fn month_of(time: Timestamp) -> u32 {
    let (year, month, _) = time.as_date();
    u32::try_from(year * 12 + month - 1).unwrap_or(u32::MAX)
}

#[derive(Debug, Clone, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Wrapped {
    #[n(0)]
    number: u32,
    #[n(1)]
    purpose: KeyPurpose,
    /// The wrapped key.
    #[cbor(n(2), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

#[derive(Debug, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct KeyFile {
    #[n(0)]
    format: u32,
    #[n(1)]
    keys: Vec<Wrapped>,
    /// The number that the next key gets. A number below it that is not in the list is that of a
    /// key that was destroyed.
    #[n(3)]
    next: u32,
    /// Keyed BLAKE3 over all of it, under a key derived from the wrapping key: no key can be taken
    /// away, added or marked as destroyed without it.
    #[cbor(n(2), with = "minicbor::bytes")]
    check: [u8; KEY_BYTES],
}

/// What opening a seal gives.
pub(crate) enum Opened {
    Bytes(Zeroizing<Vec<u8>>),
    /// The data key was destroyed: the content is erased.
    Erased,
}

/// The data keys of one store, unwrapped.
pub(crate) struct KeyRing {
    wrapping: XChaCha20Poly1305,
    check: Zeroizing<[u8; KEY_BYTES]>,
    wrapped: Vec<Wrapped>,
    next: u32,
    ciphers: BTreeMap<u32, XChaCha20Poly1305>,
    numbers: HashMap<KeyPurpose, u32>,
    blind: Zeroizing<[u8; KEY_BYTES]>,
}

impl KeyRing {
    /// Opens a key file, or makes the keys that every store has. Second: the file to be written
    /// before anything is sealed, if it changed.
    pub(crate) fn open(
        kek: &[u8; KEY_BYTES],
        file: Option<&[u8]>,
        entropy: &mut Entropy,
    ) -> Result<(Self, Option<Vec<u8>>)> {
        if let Some(file) = file {
            return Ok((Self::of_file(kek, file)?, None));
        }
        let mut ring = Self::empty(kek);
        ring.draw(KeyPurpose::Blind, entropy)?;
        ring.draw(KeyPurpose::Rows, entropy)?;
        let file = ring.to_file();
        Ok((ring, Some(file)))
    }

    /// Opens a key file that is there.
    pub(crate) fn of_file(kek: &[u8; KEY_BYTES], file: &[u8]) -> Result<Self> {
        let mut ring = Self::empty(kek);
        ring.read(file)?;
        Ok(ring)
    }

    /// Is this a later state of that key file, or the same? A store draws its first key once and
    /// wraps each key once, so two states of one file hold it in the same bytes.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        let first = |ring: &Self| {
            let least = ring.wrapped.iter().min_by_key(|key| key.number);
            least.map(|key| (key.number, key.sealed.clone()))
        };
        self.next >= before.next && first(self) == first(before)
    }

    fn empty(kek: &[u8; KEY_BYTES]) -> Self {
        Self {
            wrapping: XChaCha20Poly1305::new(&(*kek).into()),
            check: Zeroizing::new(derive("malines key file check v1", &[kek])),
            wrapped: Vec::new(),
            next: 0,
            ciphers: BTreeMap::new(),
            numbers: HashMap::new(),
            blind: Zeroizing::new([0; KEY_BYTES]),
        }
    }

    fn read(&mut self, file: &[u8]) -> Result<()> {
        let max = usize::try_from(KEY_FILE_BYTES_MAX).unwrap_or(usize::MAX);
        let file: KeyFile = domain::encoding::from_bytes("key file", file, max)
            .map_err(|error| Error::corrupt("key file", 0, error))?;
        if file.format != FORMAT {
            return Err(Error::NewerFormat { found: file.format, known: FORMAT });
        }
        let check = self.check_of(&file.keys, file.next);
        for wrapped in file.keys {
            let aad = aad_of_key(wrapped.number, &wrapped.purpose);
            let key = open(&self.wrapping, &aad, &wrapped.sealed).ok_or(Error::WrongKey)?;
            let key = <[u8; KEY_BYTES]>::try_from(key.as_slice());
            let key = Zeroizing::new(key.map_err(|_| Error::WrongKey)?);
            self.keep(wrapped.number, &wrapped.purpose, &key);
            self.wrapped.push(wrapped);
        }
        self.next = file.next;
        if check != file.check {
            return Err(Error::corrupt("key file", 0, "it does not pass its check"));
        }
        let complete = [KeyPurpose::Blind, KeyPurpose::Rows];
        if complete.iter().all(|purpose| self.numbers.contains_key(purpose)) {
            Ok(())
        } else {
            Err(Error::corrupt("key file", 0, "a key that every store has is missing"))
        }
    }

    fn to_file(&self) -> Vec<u8> {
        self.file_of(self.wrapped.clone())
    }

    fn file_of(&self, keys: Vec<Wrapped>) -> Vec<u8> {
        let (next, check) = (self.next, self.check_of(&keys, self.next));
        domain::encoding::to_bytes(&KeyFile { format: FORMAT, keys, next, check })
    }

    fn check_of(&self, keys: &[Wrapped], next: u32) -> [u8; KEY_BYTES] {
        keyed(&self.check, &[&domain::encoding::to_bytes(&keys), &next.to_be_bytes()])
    }

    /// The keys of records whose month of expiry was over before `now` and that `is_used` does not
    /// hold back, and the key file without them. Nothing is destroyed before that file is durable
    /// and [`KeyRing::forget`] was told. `None` if there is no such key.
    pub(crate) fn retire(
        &self,
        now: Timestamp,
        is_used: impl Fn(u32) -> bool,
    ) -> Option<(Vec<u32>, Vec<u8>)> {
        let is_over = |purpose: &KeyPurpose| match purpose {
            KeyPurpose::Records { month, .. } => *month < month_of(now),
            KeyPurpose::Blind | KeyPurpose::Rows => false,
        };
        let goes = |key: &Wrapped| is_over(&key.purpose) && !is_used(key.number);
        let (gone, keys): (Vec<_>, Vec<_>) = self.wrapped.iter().cloned().partition(goes);
        let gone: Vec<u32> = gone.iter().map(|key| key.number).collect();
        (!gone.is_empty()).then(|| (gone, self.file_of(keys)))
    }

    fn keep(&mut self, number: u32, purpose: &KeyPurpose, key: &Zeroizing<[u8; KEY_BYTES]>) {
        if *purpose == KeyPurpose::Blind {
            self.blind = key.clone();
        }
        self.ciphers.insert(number, XChaCha20Poly1305::new(&(**key).into()));
        self.numbers.insert(purpose.clone(), number);
    }

    fn draw(&mut self, purpose: KeyPurpose, entropy: &mut Entropy) -> Result<u32> {
        if self.wrapped.len() >= KEYS_MAX {
            return Err(Error::too_large("data keys", KEYS_MAX as u64 + 1, KEYS_MAX as u64));
        }
        let number = self.next;
        let next = number.checked_add(1).ok_or(Error::Invalid("no number for a key is left"))?;
        let key = Zeroizing::new(entropy.bytes::<KEY_BYTES>());
        let aad = aad_of_key(number, &purpose);
        let sealed = seal(&self.wrapping, entropy.bytes(), &aad, key.as_slice())?;
        self.keep(number, &purpose, &key);
        self.wrapped.push(Wrapped { number, purpose, sealed });
        self.next = next;
        Ok(number)
    }

    /// The number of the key for a purpose, if there is one.
    pub(crate) fn number(&self, purpose: &KeyPurpose) -> Option<u32> {
        self.numbers.get(purpose).copied()
    }

    /// Is there such a key, or was there one that was destroyed?
    pub(crate) const fn knows(&self, number: u32) -> bool {
        number < self.next
    }

    /// Draws a key for a purpose. The file must be durable before the key seals anything.
    pub(crate) fn add(
        &mut self,
        purpose: KeyPurpose,
        entropy: &mut Entropy,
    ) -> Result<(u32, Vec<u8>)> {
        let number = self.draw(purpose, entropy)?;
        Ok((number, self.to_file()))
    }

    /// Seals nothing more under these keys; what is sealed can still be opened.
    pub(crate) fn set_aside(&mut self, numbers: &[u32]) {
        self.numbers.retain(|_, number| !numbers.contains(number));
    }

    /// Knows a key no more: its file could not be made durable, or it was destroyed.
    pub(crate) fn forget(&mut self, number: u32) {
        self.wrapped.retain(|key| key.number != number);
        self.ciphers.remove(&number);
        self.numbers.retain(|_, other| *other != number);
    }

    /// Seals bytes under a key, bound to `aad`.
    pub(crate) fn seal(
        &self,
        number: u32,
        aad: &[u8],
        bytes: &[u8],
        entropy: &mut Entropy,
    ) -> Result<Vec<u8>> {
        let cipher = self.ciphers.get(&number).ok_or(Error::KeyGone)?;
        seal(cipher, entropy.bytes(), aad, bytes)
    }

    /// Opens what [`KeyRing::seal`] gave; `None` if it is not that.
    pub(crate) fn open_seal(
        &self,
        number: u32,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Opened>> {
        match self.ciphers.get(&number) {
            Some(cipher) => Ok(open(cipher, aad, sealed).map(Opened::Bytes)),
            None if self.knows(number) => Ok(Some(Opened::Erased)),
            None => Err(Error::KeyGone),
        }
    }

    /// The local blind index of a fingerprint: it means nothing without a key that never leaves.
    pub(crate) fn blind(&self, x: &Fingerprint) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = keyed(&self.blind, &[x.expose()]);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// What the seal of a part of a record is bound to.
pub(crate) fn aad_of_record(
    part: u8,
    record_id: &domain::name::RecordId,
    version: domain::record::Version,
) -> [u8; 26] {
    let mut aad = [0; 26];
    let bytes = [1, part]
        .into_iter()
        .chain(*record_id.as_bytes())
        .chain(version.epoch.to_be_bytes())
        .chain(version.n.to_be_bytes());
    aad.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    aad
}

/// What the seal of a row is bound to.
pub(crate) fn aad_of_row(table: u8, key: &[u8]) -> Vec<u8> {
    let mut aad = vec![2, table];
    aad.extend_from_slice(key);
    aad
}

fn aad_of_key(number: u32, purpose: &KeyPurpose) -> Vec<u8> {
    let mut aad = vec![3];
    aad.extend_from_slice(&number.to_be_bytes());
    aad.extend_from_slice(&domain::encoding::to_bytes(purpose));
    aad
}

fn seal(
    cipher: &XChaCha20Poly1305,
    nonce: [u8; NONCE_BYTES],
    aad: &[u8],
    msg: &[u8],
) -> Result<Vec<u8>> {
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad });
    let sealed = sealed.map_err(|_| Error::Invalid("a part that cannot be sealed"))?;
    let mut bytes = Vec::with_capacity(NONCE_BYTES + sealed.len());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

fn open(cipher: &XChaCha20Poly1305, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator for tests: BLAKE3 of a counter.
    struct Counter(u64);

    impl rand_core::TryRng for Counter {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.try_next_u64().map(|word| word as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u64::from_be_bytes(bytes))
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            for chunk in out.chunks_mut(32) {
                self.0 += 1;
                let bytes = domain::digest::hash(&[&self.0.to_be_bytes()]);
                chunk.copy_from_slice(&bytes[..chunk.len()]);
            }
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Counter {}

    fn entropy() -> Entropy {
        Entropy::new(Box::new(Counter(0)))
    }

    fn opened(opened: Option<Opened>) -> Option<Vec<u8>> {
        match opened? {
            Opened::Bytes(bytes) => Some(bytes.to_vec()),
            Opened::Erased => Some(b"erased".to_vec()),
        }
    }

    #[test]
    fn a_seal_opens_only_with_its_key_its_place_and_its_bytes() {
        let mut entropy = entropy();
        let (mut ring, _) = KeyRing::open(&[1; 32], None, &mut entropy).unwrap();
        let rows = ring.number(&KeyPurpose::Rows).unwrap();
        let sealed = ring.seal(rows, b"here", b"secret", &mut entropy).unwrap();
        assert_eq!(opened(ring.open_seal(rows, b"here", &sealed).unwrap()).unwrap(), b"secret");
        assert!(ring.open_seal(rows, b"there", &sealed).unwrap().is_none());
        let purpose = KeyPurpose::records(
            &"be-fedpol".parse().unwrap(),
            &"malines-2026".parse().unwrap(),
            Timestamp::from_millis(0),
        );
        let (other, _) = ring.add(purpose, &mut entropy).unwrap();
        assert!(ring.open_seal(other, b"here", &sealed).unwrap().is_none());
        assert_eq!(ring.open_seal(99, b"here", &sealed).err(), Some(Error::KeyGone));
        for at in 0..sealed.len() {
            let mut sealed = sealed.clone();
            sealed[at] ^= 1;
            assert!(ring.open_seal(rows, b"here", &sealed).unwrap().is_none());
        }
        assert!(ring.open_seal(rows, b"here", b"short").unwrap().is_none());
        let again = ring.seal(rows, b"here", b"secret", &mut entropy).unwrap();
        assert_ne!(again, sealed, "nonces are fresh");
    }

    #[test]
    fn a_key_file_follows_its_own_earlier_states_and_no_other() {
        let month = |month| {
            let (origin, agreement) = ("be-fedpol", "malines-2026");
            let expiry = Timestamp::from_date(2027, month, 5).unwrap();
            KeyPurpose::records(&origin.parse().unwrap(), &agreement.parse().unwrap(), expiry)
        };
        let mut entropy = entropy();
        let ring = |file: &[u8]| KeyRing::of_file(&[1; 32], file).unwrap();
        let (mut now, first) = KeyRing::open(&[1; 32], None, &mut entropy).unwrap();
        let first = ring(&first.unwrap());
        let (drawn, second) = now.add(month(3), &mut entropy).unwrap();
        let second = ring(&second);
        now.forget(drawn);
        assert!(first.follows(&first) && second.follows(&first) && now.follows(&first));
        assert!(!first.follows(&second), "an older state");
        let (other, _) = KeyRing::open(&[1; 32], None, &mut entropy).unwrap();
        assert!(!other.follows(&first) && !first.follows(&other), "another store");
    }

    #[test]
    fn the_key_file_opens_only_with_the_key_it_was_made_with() {
        let mut entropy = entropy();
        let (mut ring, file) = KeyRing::open(&[1; 32], None, &mut entropy).unwrap();
        let purpose = KeyPurpose::records(
            &"be-fedpol".parse().unwrap(),
            &"malines-2026".parse().unwrap(),
            Timestamp::from_date(2027, 3, 5).unwrap(),
        );
        let (number, later) = ring.add(purpose.clone(), &mut entropy).unwrap();
        let x = Fingerprint::from_bytes([5; 32]);
        let sealed = ring.seal(number, b"", b"secret", &mut entropy).unwrap();
        let (again, none) = KeyRing::open(&[1; 32], Some(&later), &mut entropy).unwrap();
        assert_eq!(none, None);
        assert_eq!(again.number(&purpose), Some(number));
        assert_eq!(opened(again.open_seal(number, b"", &sealed).unwrap()).unwrap(), b"secret");
        assert_eq!(again.blind(&x), ring.blind(&x));
        let (older, _) = KeyRing::open(&[1; 32], file.as_deref(), &mut entropy).unwrap();
        assert_eq!(older.number(&purpose), None);
        let wrong = KeyRing::open(&[2; 32], Some(&later), &mut entropy).err();
        assert_eq!(wrong, Some(Error::WrongKey));
        for at in 0..later.len() {
            let mut file = later.clone();
            file[at] ^= 1;
            assert!(KeyRing::open(&[1; 32], Some(&file), &mut entropy).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_destroyed_key_reads_as_erased() {
        let mut entropy = entropy();
        let (mut ring, _) = KeyRing::open(&[1; 32], None, &mut entropy).unwrap();
        let rows = ring.number(&KeyPurpose::Rows).unwrap();
        let sealed = ring.seal(rows, b"", b"secret", &mut entropy).unwrap();
        ring.forget(rows);
        assert_eq!(opened(ring.open_seal(rows, b"", &sealed).unwrap()).unwrap(), b"erased");
    }

    #[test]
    fn a_retired_key_leaves_the_file_and_its_number_is_never_given_again() {
        let mut entropy = entropy();
        let (mut ring, _) = KeyRing::open(&[1; 32], None, &mut entropy).unwrap();
        let purpose = |month| {
            let expiry = Timestamp::from_date(2027, month, 5).unwrap();
            KeyPurpose::records(
                &"be-fedpol".parse().unwrap(),
                &"malines-2026".parse().unwrap(),
                expiry,
            )
        };
        let [(march, _), (april, _), (may, _)] =
            [3, 4, 5].map(|month| ring.add(purpose(month), &mut entropy).unwrap());
        let sealed = ring.seal(march, b"", b"secret", &mut entropy).unwrap();
        let at = |month, day| Timestamp::from_date(2027, month, day).unwrap();
        assert!(ring.retire(at(3, 31), |_| false).is_none(), "the month is not over");
        let (gone, file) = ring.retire(at(5, 1), |key| key == april).unwrap();
        assert_eq!(gone, [march]);
        assert!(ring.open_seal(march, b"", &sealed).unwrap().is_some(), "not before it is told");
        gone.iter().for_each(|number| ring.forget(*number));
        let (mut again, _) = KeyRing::open(&[1; 32], Some(&file), &mut entropy).unwrap();
        for ring in [&ring, &again] {
            let found = opened(ring.open_seal(march, b"", &sealed).unwrap());
            assert_eq!(found.unwrap(), b"erased", "also in an old copy of the journal");
            assert_eq!(ring.number(&purpose(3)), None);
        }
        let (number, _) = again.add(purpose(3), &mut entropy).unwrap();
        assert!(number > may, "a late record of that month gets another key");
        // The last number is not given again either, though no key of the list is higher.
        let (gone, file) = again.retire(at(9, 1), |_| false).unwrap();
        assert_eq!(gone, [april, may, number]);
        let (mut again, _) = KeyRing::open(&[1; 32], Some(&file), &mut entropy).unwrap();
        assert!(again.add(purpose(6), &mut entropy).unwrap().0 > number);
        assert!(again.retire(at(9, 1), |_| true).is_none());
    }
}
