//! The key files of a node: one secret of 32 bytes each, with what it is for, in a small text file.
//!
//! ```text
//! malines key file 1
//! # what it is for, and how to keep it
//! kind record
//! agency be-fedpol
//! public <64 hexadecimal digits>
//! seed <64 hexadecimal digits>               a key kept apart from the node: plain
//! encapsulated <64>  and  sealed <96 digits>    a key on the node: encrypted under node.kek
//! ```
//!
//! A file is encrypted with HPKE (RFC 9180, base mode) to a key pair that is derived from the
//! key-encryption key, bound to its kind, agency and public half. Nobody else knows that public key,
//! so nobody else can make a file that opens.

use desk::entropy::Entropy;
use desk::seal::{SealSecret, Sealed, seal};
use domain::digest::derive;
use domain::hexadecimal;
use domain::name::AgencyId;
use domain::signature::{PublicKey, SecretKey, Signer as _};
use zeroize::Zeroizing;

/// The longest key file, in bytes.
pub const KEY_FILE_BYTES_MAX: u64 = 4096;
/// The length of every secret, in bytes.
pub const SEED_BYTES: usize = 32;
/// A sealed seed: the seed and the tag of ChaCha20-Poly1305.
const SEALED_BYTES: usize = SEED_BYTES + 16;

const FIRST_LINE: &str = "malines key file 1";

/// What a key is for. Each has a file of its own and is never used for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// The agency root: signs manifests, kept offline.
    Root,
    /// The authority (a prosecutor's office): signs agreements.
    Authority,
    /// Encrypts the other key files and the store's data keys.
    KeyEncryption,
    /// Signs records.
    Record,
    /// Signs audit heads.
    Log,
    /// Opens what was sealed to the node.
    Seal,
    /// Signs certificates of nodes.
    NodeAuthority,
    /// Signs certificates of officers.
    OfficerAuthority,
    /// States where the agency's chains end, and confirms what was erased, once the authority has
    /// certified it.
    Operator,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Root,
        Self::Authority,
        Self::KeyEncryption,
        Self::Record,
        Self::Log,
        Self::Seal,
        Self::NodeAuthority,
        Self::OfficerAuthority,
        Self::Operator,
    ];

    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Authority => "authority",
            Self::KeyEncryption => "key-encryption",
            Self::Record => "record",
            Self::Log => "log",
            Self::Seal => "seal",
            Self::NodeAuthority => "node-authority",
            Self::OfficerAuthority => "officer-authority",
            Self::Operator => "operator",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Root => {
                "Agency root: signs node manifests and replaces every other key. Keep it offline."
            }
            Self::Authority => {
                "The authority's key: signs agreements. It belongs to the prosecutor's office."
            }
            Self::KeyEncryption => {
                "Encrypts the node's keys and data. Without it the store is lost. Keep a copy apart."
            }
            Self::Record => "Signs records, tombstones and token keys.",
            Self::Log => "Signs the heads of the audit log.",
            Self::Seal => "Opens what partners sealed to this node.",
            Self::NodeAuthority => "Certificate authority of this agency's nodes.",
            Self::OfficerAuthority => "Certificate authority of this agency's officers.",
            Self::Operator => {
                "States daily where this agency's declarations end, and confirms what was erased."
            }
        }
    }

    /// Keys that lie on the node are encrypted; those that are kept apart cannot be.
    const fn is_encrypted(self) -> bool {
        !matches!(self, Self::Root | Self::Authority | Self::KeyEncryption)
    }
}

/// Why a text is not a key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a key file, or one that was changed by hand.
    #[error("not a well-formed key file")]
    Malformed,
    /// A key for something else.
    #[error("a key of kind {found}, where {expected} is needed")]
    WrongKind {
        /// What is needed.
        expected: &'static str,
        /// What the file says.
        found: &'static str,
    },
    /// A key of another agency.
    #[error("the key of another agency")]
    WrongAgency,
    /// The key-encryption key does not open it, or it was damaged.
    #[error("the key-encryption key does not open it")]
    CannotOpen,
    /// The secret does not belong to the public half.
    #[error("the secret does not belong to the public key in the file")]
    Mismatch,
    /// Encrypting failed: a fault of this program.
    #[error("it could not be encrypted")]
    CannotSeal,
}

impl KeyFault {
    /// What a person can do next.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Malformed | Self::Mismatch => {
                "restore the file from a backup; it must not be edited"
            }
            Self::WrongKind { .. } => "name the right file",
            Self::WrongAgency => "each agency has key files of its own; name the right one",
            Self::CannotOpen => "is node.kek the one that was made together with this file?",
            Self::CannotSeal => "report this as a fault of this program",
        }
    }
}

/// A key in memory; zeroised when dropped, never shown.
pub struct Key {
    kind: KeyKind,
    agency: AgencyId,
    seed: Zeroizing<[u8; SEED_BYTES]>,
}

impl Key {
    /// Draws a fresh key.
    pub fn draw(kind: KeyKind, agency: &AgencyId, entropy: &Entropy) -> Self {
        Self { kind, agency: agency.clone(), seed: Zeroizing::new(entropy.bytes()) }
    }

    /// What it is for.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whose it is.
    pub const fn agency(&self) -> &AgencyId {
        &self.agency
    }

    /// As a key that signs (Ed25519).
    pub fn to_signing(&self) -> SecretKey {
        SecretKey::from_seed(&self.seed)
    }

    /// As a key that opens seals (X25519).
    pub fn to_seal_secret(&self) -> SealSecret {
        SealSecret::from_seed(&self.seed)
    }

    /// As the key that encrypts other keys.
    pub fn to_key_encryption(&self) -> KeyEncryptionKey {
        KeyEncryptionKey(self.seed.clone())
    }

    /// The public half; of a key-encryption key a digest that tells two apart.
    pub fn public(&self) -> [u8; SEED_BYTES] {
        match self.kind {
            KeyKind::Seal => self.to_seal_secret().public_key(),
            KeyKind::KeyEncryption => derive("malines key-encryption key name v1", &[&*self.seed]),
            _ => self.to_signing().public_key().to_bytes(),
        }
    }

    /// The public half of a key that signs.
    pub fn signing_public(&self) -> PublicKey {
        self.to_signing().public_key()
    }

    /// The file. Root, authority and key-encryption keys are plain, every other is encrypted.
    ///
    /// # Errors
    /// [`KeyFault::CannotSeal`].
    pub fn to_text(
        &self,
        unlock: &KeyEncryptionKey,
        entropy: &Entropy,
    ) -> Result<Zeroizing<String>, KeyFault> {
        let public = self.public();
        let care = if self.kind.is_encrypted() {
            "Encrypted under the key-encryption key. Never send this file to anybody."
        } else {
            "NOT encrypted: whoever reads this file holds the key. Never send it to anybody."
        };
        let mut text = Zeroizing::new(format!(
            "{FIRST_LINE}\n# {}\n# {care}\nkind {}\nagency {}\npublic {}\n",
            self.kind.meaning(),
            self.kind.as_str(),
            self.agency,
            hexadecimal::encode(&public),
        ));
        if self.kind.is_encrypted() {
            let context = context(self.kind, &self.agency, &public);
            let wrapping = unlock.wrapping().public_key();
            let sealed = seal(&wrapping, &context, &*self.seed, entropy)
                .map_err(|_| KeyFault::CannotSeal)?;
            for (word, bytes) in
                [("encapsulated", &sealed.encapsulated), ("sealed", &sealed.ciphertext)]
            {
                text.push_str(&format!("{word} {}\n", hexadecimal::encode(bytes)));
            }
        } else {
            let digits = Zeroizing::new(hexadecimal::encode(&*self.seed));
            // One write into reserved space: growing would leave a copy behind.
            text.reserve(digits.len() + 8);
            text.push_str("seed ");
            text.push_str(&digits);
            text.push('\n');
        }
        Ok(text)
    }

    /// Reads a file of that kind and agency, strictly.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn from_text(
        text: &str,
        kind: KeyKind,
        agency: Option<&AgencyId>,
        unlock: Option<&KeyEncryptionKey>,
    ) -> Result<Self, KeyFault> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(KeyFault::Malformed);
        }
        let mut lines = lines.filter(|line| !line.starts_with('#'));
        let mut value = |word: &str| {
            let line = lines.next().ok_or(KeyFault::Malformed)?;
            line.strip_prefix(word)
                .and_then(|rest| rest.strip_prefix(' '))
                .ok_or(KeyFault::Malformed)
        };
        let word = value("kind")?;
        let found = KeyKind::ALL.iter().find(|kind| kind.as_str() == word);
        let found = *found.ok_or(KeyFault::Malformed)?;
        if found != kind {
            let (expected, found) = (kind.as_str(), found.as_str());
            return Err(KeyFault::WrongKind { expected, found });
        }
        let owner: AgencyId = value("agency")?.parse().map_err(|_| KeyFault::Malformed)?;
        if agency.is_some_and(|agency| *agency != owner) {
            return Err(KeyFault::WrongAgency);
        }
        let public: [u8; SEED_BYTES] = *bytes(value("public")?)?;
        let seed = if kind.is_encrypted() {
            let encapsulated = bytes::<SEED_BYTES>(value("encapsulated")?)?.to_vec();
            let ciphertext = bytes::<SEALED_BYTES>(value("sealed")?)?.to_vec();
            let unlock = unlock.ok_or(KeyFault::CannotOpen)?;
            let sealed = Sealed { encapsulated, ciphertext };
            let opened = unlock.wrapping().open(&sealed, &context(kind, &owner, &public));
            let opened = opened.map_err(|_| KeyFault::CannotOpen)?;
            let seed = <[u8; SEED_BYTES]>::try_from(opened.as_slice());
            Zeroizing::new(seed.map_err(|_| KeyFault::CannotOpen)?)
        } else {
            bytes(value("seed")?)?
        };
        if lines.next().is_some() {
            return Err(KeyFault::Malformed);
        }
        let key = Self { kind, agency: owner, seed };
        if key.public() == public { Ok(key) } else { Err(KeyFault::Mismatch) }
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Key({} of {}, ..)", self.kind.as_str(), self.agency)
    }
}

/// The key under which the node's other keys and the store's data keys are encrypted.
pub struct KeyEncryptionKey(Zeroizing<[u8; SEED_BYTES]>);

impl KeyEncryptionKey {
    /// The bytes, for the store.
    pub const fn expose(&self) -> &Zeroizing<[u8; SEED_BYTES]> {
        &self.0
    }

    /// The key pair for key files: derived, so that the store and this never share a key.
    fn wrapping(&self) -> SealSecret {
        let seed = Zeroizing::new(derive("malines key file wrapping v1", &[&*self.0]));
        SealSecret::from_seed(&seed)
    }
}

impl core::fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KeyEncryptionKey(..)")
    }
}

/// Randomness of the operating system.
pub fn system_entropy() -> Entropy {
    Entropy::new(rand_core::UnwrapErr(getrandom::SysRng))
}

/// What an encrypted file is bound to.
fn context(kind: KeyKind, agency: &AgencyId, public: &[u8; SEED_BYTES]) -> Vec<u8> {
    let mut context = b"malines key file v1".to_vec();
    for part in [kind.as_str().as_bytes(), agency.as_str().as_bytes(), public] {
        context.push(0);
        context.extend_from_slice(part);
    }
    context
}

fn bytes<const N: usize>(digits: &str) -> Result<Zeroizing<[u8; N]>, KeyFault> {
    let mut out = Zeroizing::new([0; N]);
    let decoded = hexadecimal::decode(digits.as_bytes(), out.as_mut_slice());
    decoded.map(|()| out).ok_or(KeyFault::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency() -> AgencyId {
        "be-fedpol".parse().unwrap()
    }

    fn kek(entropy: &Entropy) -> KeyEncryptionKey {
        Key::draw(KeyKind::KeyEncryption, &agency(), entropy).to_key_encryption()
    }

    #[test]
    fn every_kind_comes_back_and_only_what_is_kept_apart_is_readable() {
        let entropy = system_entropy();
        let kek = kek(&entropy);
        for kind in KeyKind::ALL {
            let key = Key::draw(*kind, &agency(), &entropy);
            let text = key.to_text(&kek, &entropy).unwrap();
            assert!(text.len() < usize::try_from(KEY_FILE_BYTES_MAX).unwrap());
            let shows_secret = text.contains(&hexadecimal::encode(&*key.seed));
            assert_eq!(shows_secret, !kind.is_encrypted(), "{kind:?}");
            let again = Key::from_text(&text, *kind, Some(&agency()), Some(&kek)).unwrap();
            assert_eq!(*again.seed, *key.seed);
            assert!(!format!("{key:?}").contains(&hexadecimal::encode(&*key.seed)));
        }
    }

    #[test]
    fn another_kind_agency_or_key_encryption_key_does_not_open_it() {
        let entropy = system_entropy();
        let (ours, other) = (kek(&entropy), kek(&entropy));
        let key = Key::draw(KeyKind::Record, &agency(), &entropy);
        let text = key.to_text(&ours, &entropy).unwrap();
        let read = |text: &str, unlock| {
            Key::from_text(text, KeyKind::Record, Some(&agency()), unlock).unwrap_err()
        };
        assert_eq!(read(&text, Some(&other)), KeyFault::CannotOpen);
        assert_eq!(read(&text, None), KeyFault::CannotOpen);
        let spain = "es-pn".parse().unwrap();
        let foreign = Key::from_text(&text, KeyKind::Record, Some(&spain), Some(&ours));
        assert_eq!(foreign.unwrap_err(), KeyFault::WrongAgency);
        let kind = Key::from_text(&text, KeyKind::Log, None, Some(&ours)).unwrap_err();
        assert_eq!(kind, KeyFault::WrongKind { expected: "log", found: "record" });
        // A file that claims to be for something else does not open either: the seal is bound.
        let claims = text.replace("kind record", "kind log");
        let claimed = Key::from_text(&claims, KeyKind::Log, None, Some(&ours)).unwrap_err();
        assert_eq!(claimed, KeyFault::CannotOpen);
    }

    #[test]
    fn a_file_that_was_cut_or_changed_anywhere_is_refused() {
        let entropy = system_entropy();
        let kek = kek(&entropy);
        for kind in [KeyKind::Root, KeyKind::Seal] {
            let text = Key::draw(kind, &agency(), &entropy).to_text(&kek, &entropy).unwrap();
            let read = |text: &str| Key::from_text(text, kind, Some(&agency()), Some(&kek));
            let body = text.find("kind ").unwrap();
            for at in body..text.len() - 1 {
                assert!(read(text.get(..at).unwrap()).is_err(), "cut at {at}");
                let mut changed = text.as_bytes().to_vec();
                changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
                let changed = String::from_utf8(changed).unwrap();
                assert!(read(&changed).is_err(), "changed at {at}: {changed}");
            }
            assert_eq!(read(&format!("{}seed 00\n", &*text)).unwrap_err(), KeyFault::Malformed);
            assert_eq!(read("").unwrap_err(), KeyFault::Malformed);
        }
    }
}
