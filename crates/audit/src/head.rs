//! The signed head of a log: how long it is, its root, and the chain value at that size.
//!
//! A head is a checkpoint of <https://c2sp.org/tlog-checkpoint> in a signed note:
//!
//! ```text
//! malines/be-fedpol/log
//! 40214
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! chain 64 hexadecimal digits
//!
//! — malines/be-fedpol/log <base64 of key id and signature>
//! ```
//!
//! The chain value is an extension line: tools that know checkpoints ignore it.

use crate::error::Error;
use crate::frame::{Chain, Tip};
use crate::note::{NAME_BYTES_MAX, Note, NoteKey, VerifyingKeys};
use crate::tree::{Hash, empty_root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::digest::DIGEST_BYTES;
use domain::name::AgencyId;
use domain::signature::{PublicKey, Signer};

/// How many extension lines a checkpoint has at most.
pub const EXTENSIONS_MAX: usize = 16;

/// The text of any checkpoint, of this project or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's unique name.
    pub origin: String,
    /// How many leaves the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Lines after the third, none of them empty.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Reads the text of a note strictly: one text is one checkpoint, and the other way round.
    ///
    /// # Errors
    /// [`Error::MalformedHead`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.strip_suffix('\n');
        let mut lines = lines.ok_or(Error::MalformedHead("no newline at the end"))?.split('\n');
        let mut line = || lines.next().ok_or(Error::MalformedHead("fewer than three lines"));
        let (origin, size, root) = (line()?, line()?, line()?);
        if !(1..=NAME_BYTES_MAX).contains(&origin.len()) {
            return Err(Error::MalformedHead("an origin has 1 to 255 bytes"));
        }
        let digits = size.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = digits && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| canonical);
        let size = size.ok_or(Error::MalformedHead("a size is a decimal number"))?;
        let root = BASE64.decode(root).ok().and_then(|root| root.try_into().ok());
        let root = root.ok_or(Error::MalformedHead("a root is 32 bytes in base64"))?;
        let extensions: Vec<String> = lines.take(EXTENSIONS_MAX + 1).map(str::to_owned).collect();
        if extensions.len() > EXTENSIONS_MAX || extensions.iter().any(String::is_empty) {
            return Err(Error::MalformedHead("an empty extension line, or too many"));
        }
        Ok(Self { origin: origin.to_owned(), size, root: Hash::from_bytes(root), extensions })
    }
}

/// The text, with its last newline.
impl core::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let root = BASE64.encode(self.root.as_bytes());
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The head of an agency's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub agency: AgencyId,
    /// How many frames.
    pub size: u64,
    /// The root of the audit tree over them.
    pub root: Hash,
    /// The chain value after the last of them.
    pub chain: Chain,
}

impl Head {
    /// The head at a tip.
    pub fn at(agency: &AgencyId, tip: &Tip) -> Self {
        Self { agency: agency.clone(), size: tip.size(), root: tip.root(), chain: tip.chain() }
    }

    /// The name of an agency's log, and of the key that signs its heads: `malines/<agency>/log`.
    pub fn origin(agency: &AgencyId) -> String {
        format!("malines/{agency}/log")
    }

    /// The key that signs an agency's heads.
    ///
    /// # Errors
    /// [`Error::MalformedKey`]; not for an agency id, which is short and plain.
    pub fn key(agency: &AgencyId, public: PublicKey) -> Result<NoteKey, Error> {
        NoteKey::new(&Self::origin(agency), public)
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let origin = Self::origin(&self.agency);
        let extensions = vec![format!("chain {}", self.chain.as_hash())];
        Checkpoint { origin, size: self.size, root: self.root, extensions }.to_string()
    }

    /// Signs the head with the agency's own key. Never sign two heads that are not consistent.
    ///
    /// # Errors
    /// [`Error::BadSignature`] if the signer is broken.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Note, Error> {
        Note::sign(&self.to_text(), &Self::origin(&self.agency), signer)
    }

    /// Reads a signed head: it must carry a signature by a known key named as the log itself.
    /// Other known keys must verify too; unknown ones are ignored.
    ///
    /// # Errors
    /// [`Error::MalformedNote`], [`Error::MalformedHead`], [`Error::NotSigned`],
    /// [`Error::BadSignature`].
    pub fn open(note: &[u8], keys: &VerifyingKeys) -> Result<Self, Error> {
        let note = Note::parse(note)?;
        let verified = note.verify(keys)?;
        let head = Self::try_from(Checkpoint::parse(note.text())?)?;
        let origin = Self::origin(&head.agency);
        if verified.iter().any(|key| key.name() == origin) {
            Ok(head)
        } else {
            Err(Error::NotSigned(origin))
        }
    }
}

impl TryFrom<Checkpoint> for Head {
    type Error = Error;

    fn try_from(checkpoint: Checkpoint) -> Result<Self, Error> {
        let name = checkpoint.origin.strip_prefix("malines/");
        let agency = name.and_then(|name| name.strip_suffix("/log")?.parse().ok());
        let agency: AgencyId = agency.ok_or(Error::MalformedHead("not the log of an agency"))?;
        let mut chain = [0; DIGEST_BYTES];
        let decoded = match checkpoint.extensions.as_slice() {
            [line] => line.strip_prefix("chain "),
            _ => None,
        };
        let decoded = decoded.filter(|hex| !hex.bytes().any(|byte| byte.is_ascii_uppercase()));
        decoded
            .and_then(|hex| domain::hexadecimal::decode(hex.as_bytes(), &mut chain))
            .ok_or(Error::MalformedHead("exactly one extension line, with the chain value"))?;
        if checkpoint.size == 0 && checkpoint.root != empty_root() {
            return Err(Error::MalformedHead("a root of nothing that is not the empty root"));
        }
        let chain = Chain::from_hash(Hash::from_bytes(chain));
        Ok(Self { agency, size: checkpoint.size, root: checkpoint.root, chain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;
    use domain::signature::SecretKey;

    fn head() -> Head {
        let chain = Chain::from_hash(leaf_hash(b"chain"));
        let agency = "be-fedpol".parse().unwrap();
        Head { agency, size: 40_214, root: leaf_hash(b"root"), chain }
    }

    fn signer(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn keys(of: &[(&str, u8)]) -> VerifyingKeys {
        VerifyingKeys::new(of.iter().map(|(agency, seed)| {
            Head::key(&agency.parse().unwrap(), signer(*seed).public_key()).unwrap()
        }))
        .unwrap()
    }

    #[test]
    fn a_head_is_signed_and_opened_with_the_key_of_its_log() {
        let note = head().sign(&signer(1)).unwrap().to_string();
        assert_eq!(Head::open(note.as_bytes(), &keys(&[("be-fedpol", 1)])), Ok(head()));
        for other in [&[("be-fedpol", 2)][..], &[("fr-oltim", 1)], &[]] {
            let refused = Head::open(note.as_bytes(), &keys(other));
            assert_eq!(refused, Err(Error::NotSigned("malines/be-fedpol/log".into())));
        }
        let longer = note.replace("40214", "40215");
        assert!(Head::open(longer.as_bytes(), &keys(&[("be-fedpol", 1)])).is_err());
    }

    #[test]
    fn the_signature_of_a_witness_is_not_the_signature_of_the_log() {
        let note = Note::sign(&head().to_text(), "malines/fr-oltim/log", &signer(2)).unwrap();
        let known = keys(&[("be-fedpol", 1), ("fr-oltim", 2)]);
        let refused = Head::open(note.to_string().as_bytes(), &known);
        assert_eq!(refused, Err(Error::NotSigned("malines/be-fedpol/log".into())));
        let mut both = head().sign(&signer(1)).unwrap();
        both.add_signature("malines/fr-oltim/log", &signer(2)).unwrap();
        assert_eq!(Head::open(both.to_string().as_bytes(), &known), Ok(head()));
    }

    #[test]
    fn malformed_checkpoints_are_refused() {
        let good = head().to_text();
        assert_eq!(Checkpoint::parse(&good).unwrap().to_string(), good);
        for (from, to) in [
            ("40214", "040214"),
            ("40214", "+40214"),
            ("40214", "-1"),
            ("40214", ""),
            ("40214", " 40214"),
            ("40214", "18446744073709551616"),
            ("malines/be-fedpol/log", ""),
            ("=\n", "\n"),
            ("=\n", "==\n"),
            ("chain ", "\nchain "),
        ] {
            let bad = good.replacen(from, to, 1);
            assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
        }
        assert!(Checkpoint::parse("a\n1\n").is_err() && Checkpoint::parse("").is_err());
        assert!(Checkpoint::parse(good.trim_end()).is_err());
        let many = format!("{good}{}", "x\n".repeat(EXTENSIONS_MAX));
        assert!(Checkpoint::parse(&many).is_err());
    }

    #[test]
    fn checkpoints_of_other_logs_are_no_heads() {
        let good = Checkpoint::parse(&head().to_text()).unwrap();
        assert_eq!(Head::try_from(good.clone()), Ok(head()));
        let with = |change: fn(&mut Checkpoint)| {
            let mut changed = good.clone();
            change(&mut changed);
            Head::try_from(changed)
        };
        assert!(with(|c| c.origin = "example.com/log".into()).is_err());
        assert!(with(|c| c.origin = "malines/BE/log".into()).is_err());
        assert!(with(|c| c.extensions.clear()).is_err());
        assert!(with(|c| c.extensions.push("more".into())).is_err());
        assert!(with(|c| c.extensions[0].make_ascii_uppercase()).is_err());
        assert!(with(|c| c.extensions[0] = "chain 00".into()).is_err());
        assert!(with(|c| c.size = 0).is_err());
    }

    proptest::proptest! {
        #[test]
        fn hostile_text_never_panics(text in "(\\PC|\n){0,80}") {
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                proptest::prop_assert_eq!(checkpoint.to_string(), text);
                let _ = Head::try_from(checkpoint);
            }
        }
    }
}
