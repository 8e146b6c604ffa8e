//! Keys that sign and keys that verify: Ed25519 (RFC 8032), strict verification only.

use crate::digest;
use crate::name::KeyId;
use ed25519_dalek::pkcs8::KeypairBytes;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, EncryptedPrivateKeyInfoRef, LineEnding,
    PrivateKeyInfoRef, SecretDocument, pkcs5::pbes2,
};

/// The length of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64;
/// The length of a public key and of a secret seed, in bytes.
pub const KEY_BYTES: usize = 32;

/// A signature that does not verify, or a key that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// 32 bytes that are no point of the curve, or one of small order.
    #[error("not an ed25519 public key")]
    NotAKey,
    /// The signature does not belong to these bytes and this key.
    #[error("the signature does not verify")]
    DoesNotVerify,
}

/// Signs; the secret may sit in a file, later in a token.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> PublicKey;
    /// Signs a message.
    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES];
    /// The id of the key.
    fn key_id(&self) -> KeyId {
        self.public_key().id()
    }
}

/// Verifies; Ed25519 everywhere but in the simulator, which brings a fast stand-in.
pub trait Verifier {
    /// Verifies a signature over a message.
    ///
    /// # Errors
    /// [`BadSignature::DoesNotVerify`].
    fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES])
    -> Result<(), BadSignature>;
}

/// An Ed25519 public key that was checked when it was made: a point, not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Checks and takes 32 bytes.
    ///
    /// # Errors
    /// [`BadSignature::NotAKey`].
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, BadSignature> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadSignature::NotAKey)?;
        if key.is_weak() { Err(BadSignature::NotAKey) } else { Ok(Self(key)) }
    }

    /// The 32 bytes.
    pub fn to_bytes(self) -> [u8; KEY_BYTES] {
        self.0.to_bytes()
    }

    /// The id: the first 16 bytes of `derive_key("malines key id v1", public key)`.
    pub fn id(self) -> KeyId {
        let hash = digest::derive("malines key id v1", &[self.0.as_bytes()]);
        let mut id = [0; KeyId::BYTES];
        for (to, from) in id.iter_mut().zip(hash) {
            *to = from;
        }
        KeyId::from_bytes(id)
    }
}

impl Verifier for PublicKey {
    fn verify(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).map_err(|_| BadSignature::DoesNotVerify)
    }
}

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl<C> minicbor::Encode<C> for PublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.0.as_bytes())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for PublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let wrong = || minicbor::decode::Error::message("malformed public key").at(at);
        let bytes: &[u8; KEY_BYTES] = d.bytes()?.try_into().map_err(|_| wrong())?;
        Self::from_bytes(bytes).map_err(|_| wrong())
    }
}

/// An Ed25519 secret key in memory; zeroised when dropped, never shown.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Takes a 32-byte seed.
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Draws a fresh key.
    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut seed = zeroize::Zeroizing::new([0; KEY_BYTES]);
        rng.fill_bytes(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// The seed, to be written to a protected file.
    pub fn to_seed(&self) -> zeroize::Zeroizing<[u8; KEY_BYTES]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }
}

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// Not a private key of Ed25519 in PKCS #8.
    #[error("not an Ed25519 private key in PKCS #8")]
    Malformed,
    /// The passphrase is another.
    #[error("the passphrase does not open it")]
    DoesNotOpen,
}

const PROTECTED: &str = "ENCRYPTED PRIVATE KEY";

/// Keys of people in files: PKCS #8 (RFC 5958) in PEM (RFC 7468), encrypted with PBES2 (RFC 8018),
/// scrypt (RFC 7914, N = 2^17, r = 8, p = 1) and AES-256-CBC, as other tools read them too.
impl SecretKey {
    /// Is this text a key that needs a passphrase?
    pub fn is_protected(text: &str) -> bool {
        let begun = text.trim_start().strip_prefix("-----BEGIN ");
        begun.is_some_and(|rest| rest.starts_with(PROTECTED))
    }

    /// The text of a protected file. `random` is salt and initial vector: drawn anew each time.
    ///
    /// # Errors
    /// [`PemFault::Malformed`] if the encryption fails: a fault of this program.
    pub fn to_pem(
        &self,
        passphrase: &[u8],
        random: &[u8; 32],
    ) -> Result<zeroize::Zeroizing<String>, PemFault> {
        let fault = |_| PemFault::Malformed;
        let plain = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let plain = plain.to_pkcs8_der().map_err(fault)?;
        let info =
            PrivateKeyInfoRef::try_from(plain.as_bytes()).map_err(|_| PemFault::Malformed)?;
        let (salt, vector) = random.split_at(16);
        let vector = vector.try_into().map_err(|_| PemFault::Malformed)?;
        let scrypt = pbes2::Parameters::generate_scrypt_aes256cbc(Default::default(), salt, vector);
        let scrypt = scrypt.map_err(|_| PemFault::Malformed)?;
        let sealed = info.encrypt_with_params(scrypt, passphrase).map_err(fault)?;
        sealed.to_pem(PROTECTED, LineEnding::LF).map_err(|_| PemFault::Malformed)
    }

    /// Reads a file, protected or not; without a passphrase only one that is not.
    ///
    /// # Errors
    /// [`PemFault`].
    pub fn from_pem(text: &str, passphrase: &[u8]) -> Result<Self, PemFault> {
        let text = text.trim();
        let read = if Self::is_protected(text) {
            let (label, sealed) =
                SecretDocument::from_pem(text).map_err(|_| PemFault::Malformed)?;
            if label != PROTECTED {
                return Err(PemFault::Malformed);
            }
            let sealed = EncryptedPrivateKeyInfoRef::try_from(sealed.as_bytes());
            let sealed = sealed.map_err(|_| PemFault::Malformed)?;
            let opened = sealed.decrypt(passphrase).map_err(|_| PemFault::DoesNotOpen)?;
            KeypairBytes::from_pkcs8_der(opened.as_bytes())
        } else {
            KeypairBytes::from_pkcs8_pem(text)
        };
        let pair = read.map_err(|_| PemFault::Malformed)?;
        let seed = zeroize::Zeroizing::new(pair.secret_key);
        Ok(Self::from_seed(&seed))
    }
}

impl Signer for SecretKey {
    fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretKey({})", self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        let mut out = [0; N];
        crate::hexadecimal::decode(text.as_bytes(), &mut out).unwrap();
        out
    }

    /// RFC 8032 section 7.1, tests 2 and 3.
    #[test]
    fn known_answers_of_rfc_8032() {
        for (seed, public, message, signature) in [
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                &[0x72][..],
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                &[0xaf, 0x82][..],
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let secret = SecretKey::from_seed(&bytes(seed));
            assert_eq!(secret.public_key().to_bytes(), bytes(public));
            assert_eq!(secret.sign(message), bytes(signature));
            assert_eq!(secret.public_key().verify(message, &bytes(signature)), Ok(()));
            let mut other = bytes::<64>(signature);
            other[3] ^= 1;
            assert!(secret.public_key().verify(message, &other).is_err());
        }
    }

    #[test]
    fn keys_of_small_order_are_no_keys() {
        assert!(PublicKey::from_bytes(&bytes(&format!("01{}", "00".repeat(31)))).is_err());
        assert!(PublicKey::from_bytes(&[0; 32]).is_err());
    }

    /// "Taming the many EdDSAs" (Chalkias and others, 2020): a mixed-order signature that a
    /// cofactored or lenient verifier accepts.
    #[test]
    fn a_signature_with_a_small_order_commitment_is_refused() {
        let secret = SecretKey::from_seed(&[5; 32]);
        let mut signature = secret.sign(b"message");
        signature[..32].copy_from_slice(&bytes::<32>(&format!("01{}", "00".repeat(31))));
        assert!(secret.public_key().verify(b"message", &signature).is_err());
    }

    /// RFC 8410 section 10.3: the key of its first example.
    #[test]
    fn a_plain_key_of_rfc_8410_is_read() {
        // The marks are put together here: no key stands in this repository.
        let mark = |side: &str| format!("-----{side} {} KEY-----\n", "PRIVATE");
        let body = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n";
        let text = format!("{}{body}{}", mark("BEGIN"), mark("END"));
        let key = SecretKey::from_pem(&text, &[]).unwrap();
        let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(key.public_key().to_bytes(), bytes(public));
        assert!(!SecretKey::is_protected(&text));
    }

    #[test]
    fn a_protected_key_opens_with_its_passphrase_only() {
        let key = SecretKey::from_seed(&[7; 32]);
        let text = key.to_pem(b"correct horse battery", &[9; 32]).unwrap();
        assert!(SecretKey::is_protected(&text));
        let opened = SecretKey::from_pem(&text, b"correct horse battery").unwrap();
        assert_eq!(opened.public_key(), key.public_key());
        let wrong = SecretKey::from_pem(&text, b"correct horse batterz").unwrap_err();
        assert_eq!(wrong, PemFault::DoesNotOpen);
        for length in [0, text.len() / 2, text.len() - 40] {
            let damaged: String = text.chars().take(length).collect();
            assert_eq!(SecretKey::from_pem(&damaged, b"").unwrap_err(), PemFault::Malformed);
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", SecretKey::from_seed(&[9; 32]));
        assert!(shown.starts_with("SecretKey(") && !shown.contains("0909"));
    }
}
