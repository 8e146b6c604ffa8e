//! Keys of people in files: an authority's, a root's or an officer's own signature, protected by a
//! passphrase where its owner wants that.
//!
//! A node's own keys never come here. Another way to sign, like a token, is another
//! [`domain::signature::Signer`].

use crate::config::{self, KEY_FILE_BYTES_MAX};
use crate::console::Console;
use crate::error::Failure;
use crate::message::{Phrase, phrase};
use domain::hexadecimal;
use domain::signature::{KEY_BYTES, PemFault, SecretKey, Signer as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The first line of the key files that a node makes.
const NODE_KEY_FILE: &str = "malines key file 1";
/// The shortest passphrase, in characters.
pub(crate) const PASSPHRASE_CHARACTERS_MIN: usize = 12;

/// Is a key file protected by a passphrase?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Whoever reads the file has the key.
    None,
    /// It opens with a passphrase only.
    Passphrase,
}

/// Reads a key file; asks for its passphrase if it has one.
///
/// # Errors
/// [`Failure::FileInvalid`], [`Failure::PassphraseWrong`], and those of reading and asking.
pub(crate) fn open(console: &mut Console, file: &Path) -> Result<SecretKey, Failure> {
    read(console, file).map(|(key, _)| key)
}

/// The same, and how it is protected.
///
/// # Errors
/// As [`open`].
pub(crate) fn read(console: &mut Console, file: &Path) -> Result<(SecretKey, Protection), Failure> {
    let text = config::read_text(file, KEY_FILE_BYTES_MAX)?;
    let invalid = || Failure::FileInvalid {
        file: file.to_owned(),
        line: 0,
        why: "it is no key file of an authority or an officer".to_owned(),
    };
    if !SecretKey::is_protected(&text) {
        let plain = of_node_file(&text).or_else(|| of_digits(&text));
        let key = plain.or_else(|| SecretKey::from_pem(&text, &[]).ok());
        return Ok((key.ok_or_else(invalid)?, Protection::None));
    }
    let asked = console.ask_hidden(phrase(Phrase::Passphrase))?.unwrap_or_default();
    match SecretKey::from_pem(&text, asked.as_bytes()) {
        Ok(key) => Ok((key, Protection::Passphrase)),
        Err(PemFault::DoesNotOpen) => Err(Failure::PassphraseWrong),
        Err(PemFault::Malformed) => Err(invalid()),
    }
}

/// Asks for a new passphrase twice, and protects a key file with it.
///
/// # Errors
/// As [`open`]; [`Failure::PassphraseWeak`], [`Failure::PassphraseDiffers`], and those of writing.
pub(crate) fn protect(console: &mut Console, file: &Path) -> Result<SecretKey, Failure> {
    let key = open(console, file)?;
    let first = console.ask_hidden(phrase(Phrase::NewPassphrase))?.unwrap_or_default();
    if first.chars().count() < PASSPHRASE_CHARACTERS_MIN {
        return Err(Failure::PassphraseWeak { least: PASSPHRASE_CHARACTERS_MIN });
    }
    let again = console.ask_hidden(phrase(Phrase::PassphraseAgain))?.unwrap_or_default();
    if *first != *again {
        return Err(Failure::PassphraseDiffers);
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| Failure::System("to draw random bytes"))?;
    let text = key.to_pem(first.as_bytes(), &random);
    let text = text.map_err(|_| Failure::System("to encrypt the key"))?;
    config::replace(file, text.as_bytes())?;
    Ok(key)
}

/// `malines key file 1`, with `public` and `seed` in hexadecimal.
fn of_node_file(text: &str) -> Option<SecretKey> {
    let mut lines = text.lines();
    if lines.next()?.trim_end() != NODE_KEY_FILE {
        return None;
    }
    let (mut seed, mut public) = (None, None);
    for line in lines {
        match line.split_once(' ') {
            Some(("seed", digits)) => seed = of_digits(digits),
            Some(("public", digits)) => public = Some(digits.trim().to_owned()),
            _ => {}
        }
    }
    let key = seed?;
    let same = public? == hexadecimal::encode(&key.public_key().to_bytes());
    same.then_some(key)
}

/// 64 hexadecimal digits.
fn of_digits(text: &str) -> Option<SecretKey> {
    let mut seed = Zeroizing::new([0; KEY_BYTES]);
    hexadecimal::decode(text.trim().as_bytes(), seed.as_mut_slice())?;
    Some(SecretKey::from_seed(&seed))
}
