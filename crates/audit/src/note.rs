//! Signed notes: a short text and the signatures of those who stand by it.
//!
//! The format is <https://c2sp.org/signed-note>, so that existing tools can read and check what an
//! agency signs. Only its Ed25519 signatures (type 0x01) are made and checked here; lines of other
//! kinds and of unknown keys are kept and ignored, as it asks.

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::signature::{KEY_BYTES, PublicKey, SIGNATURE_BYTES, Signer, Verifier as _};
use sha2::{Digest as _, Sha256};

/// How long a note is at most, signatures included.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// How many signatures a note carries at most.
pub const SIGNATURES_MAX: usize = 64;
/// How long the name of a key is at most.
pub const NAME_BYTES_MAX: usize = 255;
/// How many keys one verifier trusts at most.
pub const KEYS_MAX: usize = 256;

/// The signature type of Ed25519 over the text itself.
const ED25519: u8 = 1;

/// A public key under the name it signs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    public: PublicKey,
}

impl NoteKey {
    /// Names a key.
    ///
    /// # Errors
    /// [`Error::MalformedKey`] if the name is empty, too long, or has a space, a plus sign or a
    /// control character.
    pub fn new(name: &str, public: PublicKey) -> Result<Self, Error> {
        if is_key_name(name) {
            Ok(Self { name: name.to_owned(), public })
        } else {
            Err(Error::MalformedKey("a name is 1 to 255 bytes without spaces and plus signs"))
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The short id in a signature line: `SHA-256(name | 0x0A | 0x01 | public key)[..4]`.
    pub fn id(&self) -> [u8; 4] {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.public.to_bytes())
            .finalize()
            .into();
        let [a, b, c, d, ..] = hash;
        [a, b, c, d]
    }

    /// The line in which a key is handed over: `name+id in hexadecimal+base64(0x01 | public key)`.
    pub fn to_line(&self) -> String {
        let key = [&[ED25519][..], &self.public.to_bytes()].concat();
        let id = domain::hexadecimal::encode(&self.id());
        format!("{}+{id}+{}", self.name, BASE64.encode(key))
    }

    /// Reads the line of [`NoteKey::to_line`], without spaces around it.
    ///
    /// # Errors
    /// [`Error::MalformedKey`].
    pub fn from_line(line: &str) -> Result<Self, Error> {
        let mut fields = line.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(Error::MalformedKey("it has three fields joined by plus signs"));
        };
        if line.len() > NAME_BYTES_MAX + 64 {
            return Err(Error::MalformedKey("too long"));
        }
        let key = BASE64.decode(key).map_err(|_| Error::MalformedKey("not base64"))?;
        let bytes: Option<[u8; KEY_BYTES]> = match key.split_first() {
            Some((&ED25519, bytes)) => bytes.try_into().ok(),
            _ => return Err(Error::MalformedKey("not of type ed25519")),
        };
        let public = bytes.and_then(|bytes| PublicKey::from_bytes(&bytes).ok());
        let public = public.ok_or(Error::MalformedKey("not an ed25519 public key"))?;
        let key = Self::new(name, public)?;
        if domain::hexadecimal::encode(&key.id()) == id {
            Ok(key)
        } else {
            Err(Error::MalformedKey("the id does not belong to the name and the key"))
        }
    }
}

/// The keys that a verifier trusts, at most [`KEYS_MAX`], each to be told from every other.
#[derive(Debug, Clone, Default)]
pub struct VerifyingKeys(Vec<([u8; 4], NoteKey)>);

impl VerifyingKeys {
    /// Takes the keys.
    ///
    /// # Errors
    /// [`Error::MalformedKey`] if two have the same name and id, or there are too many.
    pub fn new(keys: impl IntoIterator<Item = NoteKey>) -> Result<Self, Error> {
        let mut known: Vec<([u8; 4], NoteKey)> = Vec::new();
        for key in keys {
            let id = key.id();
            if known.iter().any(|(other, known)| *other == id && known.name == key.name) {
                return Err(Error::MalformedKey("two keys with the same name and id"));
            }
            if known.len() == KEYS_MAX {
                return Err(Error::MalformedKey("too many keys"));
            }
            known.push((id, key));
        }
        Ok(Self(known))
    }

    fn find(&self, signature: &NoteSignature) -> Option<&NoteKey> {
        let is_it =
            |(id, key): &&([u8; 4], NoteKey)| *id == signature.key_id && key.name == signature.name;
        self.0.iter().find(is_it).map(|(_, key)| key)
    }
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The short id of the key.
    pub key_id: [u8; 4],
    /// The signature: 64 bytes for Ed25519, any other length for other kinds.
    pub signature: Vec<u8>,
}

/// A text and its signatures, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Signs a text, which ends in a newline, under a name.
    ///
    /// # Errors
    /// [`Error::MalformedNote`], [`Error::MalformedKey`], [`Error::BadSignature`] if the signer
    /// makes signatures that its own public key refuses.
    pub fn sign(text: &str, name: &str, signer: &dyn Signer) -> Result<Self, Error> {
        check_text(text)?;
        let mut note = Self { text: text.to_owned(), signatures: Vec::new() };
        note.add_signature(name, signer)?;
        Ok(note)
    }

    /// Adds a signature, or replaces the one by the same key.
    ///
    /// # Errors
    /// As [`Note::sign`].
    pub fn add_signature(&mut self, name: &str, signer: &dyn Signer) -> Result<(), Error> {
        let key = NoteKey::new(name, signer.public_key())?;
        let signature = signer.sign(self.text.as_bytes());
        let wrong = |_| Error::BadSignature(key.name.clone());
        key.public.verify(self.text.as_bytes(), &signature).map_err(wrong)?;
        let key_id = key.id();
        self.signatures.retain(|other| other.name != name || other.key_id != key_id);
        if self.signatures.len() == SIGNATURES_MAX {
            return Err(Error::MalformedNote("too many signatures"));
        }
        let signature = signature.to_vec();
        self.signatures.push(NoteSignature { name: key.name, key_id, signature });
        Ok(())
    }

    /// Reads a note strictly. Nothing is verified yet.
    ///
    /// # Errors
    /// [`Error::MalformedNote`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(Error::MalformedNote("too long"));
        }
        let note = core::str::from_utf8(bytes);
        let note = note.map_err(|_| Error::MalformedNote("not UTF-8"))?;
        // The text is separated from the signatures by the last empty line.
        let Some((text, lines)) = note.rsplit_once("\n\n") else {
            return Err(Error::MalformedNote("no empty line before the signatures"));
        };
        let Some(text) = note.get(..=text.len()) else {
            return Err(Error::MalformedNote("no text"));
        };
        check_text(text)?;
        let Some(lines) = lines.strip_suffix('\n') else {
            return Err(Error::MalformedNote("no newline at the end"));
        };
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(Error::MalformedNote("too many signatures"));
            }
            signatures.push(parse_signature(line)?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text with its last newline: what was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, verified or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Verifies every signature by a known key and answers those keys; others are ignored.
    ///
    /// # Errors
    /// [`Error::BadSignature`] if one by a known key does not verify. With no known key the answer
    /// is empty, and the caller must refuse the note.
    pub fn verify<'k>(&self, keys: &'k VerifyingKeys) -> Result<Vec<&'k NoteKey>, Error> {
        let mut verified: Vec<&NoteKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = keys.find(signature) else {
                continue;
            };
            let bytes: Result<&[u8; SIGNATURE_BYTES], _> =
                signature.signature.as_slice().try_into();
            let checked = bytes.map(|bytes| key.public.verify(self.text.as_bytes(), bytes));
            if !matches!(checked, Ok(Ok(()))) {
                return Err(Error::BadSignature(key.name.clone()));
            }
            if !verified.contains(&key) {
                verified.push(key);
            }
        }
        Ok(verified)
    }
}

/// The whole note, as it is stored and sent.
impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, key_id, signature } in &self.signatures {
            let bytes = [&key_id[..], signature].concat();
            writeln!(f, "\u{2014} {name} {}", BASE64.encode(bytes))?;
        }
        Ok(())
    }
}

fn parse_signature(line: &str) -> Result<NoteSignature, Error> {
    let Some(rest) = line.strip_prefix("\u{2014} ") else {
        return Err(Error::MalformedNote("a signature line starts with an em dash and a space"));
    };
    let Some((name, encoded)) = rest.split_once(' ') else {
        return Err(Error::MalformedNote("a signature line has a name and a signature"));
    };
    if !is_key_name(name) {
        return Err(Error::MalformedNote("a name has no spaces and no plus signs"));
    }
    let bytes = BASE64.decode(encoded).map_err(|_| Error::MalformedNote("not base64"))?;
    match bytes.split_first_chunk::<4>() {
        Some((key_id, signature)) if !signature.is_empty() => Ok(NoteSignature {
            name: name.to_owned(),
            key_id: *key_id,
            signature: signature.into(),
        }),
        _ => Err(Error::MalformedNote("a signature is longer than its key id")),
    }
}

fn check_text(text: &str) -> Result<(), Error> {
    if !text.ends_with('\n') {
        Err(Error::MalformedNote("the text ends in a newline"))
    } else if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        Err(Error::MalformedNote("a control character"))
    } else if text.len() > NOTE_BYTES_MAX / 2 {
        Err(Error::MalformedNote("too long"))
    } else {
        Ok(())
    }
}

fn is_key_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signature::SecretKey;

    fn signer(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn keys(seeds: &[(&str, u8)]) -> VerifyingKeys {
        let key =
            |(name, seed): &(&str, u8)| NoteKey::new(name, signer(*seed).public_key()).unwrap();
        VerifyingKeys::new(seeds.iter().map(key)).unwrap()
    }

    #[test]
    fn a_note_goes_to_text_and_back_with_all_its_signatures() {
        let mut note = Note::sign("one\n\ntwo\n", "be/log", &signer(1)).unwrap();
        note.add_signature("fr/log", &signer(2)).unwrap();
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.text(), "one\n\ntwo\n");
        let both = keys(&[("be/log", 1), ("fr/log", 2)]);
        assert_eq!(read.verify(&both).unwrap().len(), 2);
        note.add_signature("be/log", &signer(1)).unwrap();
        assert_eq!(note.signatures().len(), 2, "replaced, not added");
    }

    #[test]
    fn unknown_keys_are_ignored_and_known_ones_must_verify() {
        let note = Note::sign("text\n", "be/log", &signer(1)).unwrap();
        assert_eq!(note.verify(&keys(&[("es/log", 1)])).unwrap().len(), 0, "another name");
        assert_eq!(note.verify(&keys(&[("be/log", 2)])).unwrap().len(), 0, "another key");
        let mut forged = note.clone();
        forged.signatures[0].signature[5] ^= 1;
        let known = keys(&[("be/log", 1)]);
        assert_eq!(forged.verify(&known), Err(Error::BadSignature("be/log".into())));
        forged.signatures[0].signature.truncate(63);
        assert!(forged.verify(&known).is_err());
        let mut other = note;
        other.text = "test\n".into();
        assert!(other.verify(&known).is_err());
    }

    #[test]
    fn malformed_notes_are_refused() {
        let good = Note::sign("text\n", "be/log", &signer(1)).unwrap().to_string();
        let line = good.rsplit_once("\n\n").unwrap().1.to_owned();
        for bad in [
            String::new(),
            "\n\n".into(),
            "text\n".into(),
            "text\n\n".into(),
            "text\n\n\n".into(),
            good.trim_end().into(),
            format!("{good}unexpected\n"),
            format!("{good}\n"),
            good.replace('\u{2014}', "-"),
            good.replace("be/log", "be log"),
            good.replace("be/log", "be+log"),
            good.replace("be/log", "be\u{a0}log"),
            good.replace("text", "te\txt"),
            good.replace('\n', "\r\n"),
            good.replace("=\n", "\n"),
            "text\n\n\u{2014} a AAAA\n".into(),
            "text\n\n\u{2014} a AAAAAA==\n".into(),
            format!("text\n\n{}", line.repeat(SIGNATURES_MAX + 1)),
            format!("{}\n\n{line}", "x".repeat(NOTE_BYTES_MAX)),
        ] {
            let shown: String = bad.chars().take(80).collect();
            assert!(Note::parse(bad.as_bytes()).is_err(), "{shown:?}");
        }
        assert!(Note::parse(&[0xff, b'\n', b'\n']).is_err());
        let many = format!("text\n\n{}", line.repeat(SIGNATURES_MAX));
        assert_eq!(Note::parse(many.as_bytes()).unwrap().signatures().len(), SIGNATURES_MAX);
    }

    #[test]
    fn keys_go_to_a_line_and_back_and_no_change_of_it_is_accepted() {
        let key = NoteKey::new("malines/be-fedpol/log", signer(1).public_key()).unwrap();
        let line = key.to_line();
        assert_eq!(NoteKey::from_line(&line), Ok(key));
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(NoteKey::from_line(&changed).is_err(), "{changed}");
            let (before, after) = line.split_at(at);
            assert!(NoteKey::from_line(before).is_err());
            assert!(at == 0 || NoteKey::from_line(after).is_err());
        }
        let twice = [1, 1].map(|seed| NoteKey::new("a", signer(seed).public_key()).unwrap());
        assert!(VerifyingKeys::new(twice).is_err());
        assert!(NoteKey::new("", signer(1).public_key()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn hostile_notes_never_panic(text in "(\\PC|\n|\u{2014} ){0,60}", bytes: Vec<u8>) {
            if let Ok(note) = Note::parse(text.as_bytes()) {
                proptest::prop_assert_eq!(&note.to_string(), &text);
            }
            let _ = Note::parse(&bytes);
            let _ = NoteKey::from_line(&text);
        }
    }
}
