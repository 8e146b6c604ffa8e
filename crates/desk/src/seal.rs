//! Sealing to one recipient: HPKE base mode (RFC 9180) with X25519, HKDF-SHA256 and
//! ChaCha20-Poly1305.

use crate::entropy::Entropy;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

/// The length of a seed and of a public key, in bytes.
pub const SEAL_KEY_BYTES: usize = 32;

/// The secret that opens what was sealed to this node.
pub struct SealSecret(<X25519HkdfSha256 as Kem>::PrivateKey);

/// Something sealed to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The encapsulated key, 32 bytes.
    pub encapsulated: Vec<u8>,
    /// The ciphertext and its tag.
    pub ciphertext: Vec<u8>,
}

/// A public key that is none, or something that was not sealed to us or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Not an X25519 public key.
    #[error("not a key that can be sealed to")]
    NotAKey,
    /// Not sealed to this node in this context, or changed on the way.
    #[error("cannot be opened: sealed to somebody else, for something else, or changed")]
    CannotOpen,
}

impl SealSecret {
    /// Derives the key pair from a seed (RFC 9180 section 4, DeriveKeyPair).
    pub fn from_seed(seed: &[u8; SEAL_KEY_BYTES]) -> Self {
        Self(X25519HkdfSha256::derive_keypair(seed).0)
    }

    /// What others seal to.
    pub fn public_key(&self) -> [u8; SEAL_KEY_BYTES] {
        let mut bytes = [0; SEAL_KEY_BYTES];
        let public = X25519HkdfSha256::sk_to_pk(&self.0).to_bytes();
        for (to, from) in bytes.iter_mut().zip(public) {
            *to = from;
        }
        bytes
    }

    /// Opens what was sealed to this key in the context `info`.
    ///
    /// # Errors
    /// [`SealFault::CannotOpen`].
    pub fn open(&self, sealed: &Sealed, info: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFault> {
        let cannot = |_| SealFault::CannotOpen;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated)
            .map_err(cannot)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            info,
            &sealed.ciphertext,
            &[],
        )
        .map(Zeroizing::new)
        .map_err(cannot)
    }
}

impl core::fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SealSecret(..)")
    }
}

/// Seals bytes to a public key in the context `info`.
///
/// # Errors
/// [`SealFault::NotAKey`].
pub fn seal(
    public_key: &[u8; SEAL_KEY_BYTES],
    info: &[u8],
    plaintext: &[u8],
    entropy: &Entropy,
) -> Result<Sealed, SealFault> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public_key)
        .map_err(|_| SealFault::NotAKey)?;
    let (encapsulated, ciphertext) = entropy
        .with(|mut generator| {
            hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                &public,
                info,
                plaintext,
                &[],
                &mut generator,
            )
        })
        .map_err(|_| SealFault::NotAKey)?;
    Ok(Sealed { encapsulated: encapsulated.to_bytes().to_vec(), ciphertext })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entropy() -> Entropy {
        Entropy::new(rand_core::UnwrapErr(getrandom::SysRng))
    }

    #[test]
    fn opens_only_with_the_right_key_context_and_bytes() {
        let (ours, theirs) = (SealSecret::from_seed(&[1; 32]), SealSecret::from_seed(&[2; 32]));
        let sealed = seal(&ours.public_key(), b"context", b"key", &entropy()).unwrap();
        assert_eq!(ours.open(&sealed, b"context").unwrap().as_slice(), b"key");
        assert_eq!(theirs.open(&sealed, b"context").unwrap_err(), SealFault::CannotOpen);
        assert_eq!(ours.open(&sealed, b"other").unwrap_err(), SealFault::CannotOpen);
        for i in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[i] ^= 1;
            assert!(ours.open(&changed, b"context").is_err());
        }
        let short = Sealed { encapsulated: vec![0; 31], ciphertext: vec![] };
        assert!(ours.open(&short, b"context").is_err());
    }

    /// RFC 9180 appendix A.2.1: the key pair of the recipient for DHKEM(X25519, HKDF-SHA256).
    #[test]
    fn derives_the_key_pair_of_rfc_9180() {
        let mut seed = [0; 32];
        let text = b"1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df";
        domain::hexadecimal::decode(text, &mut seed).unwrap();
        let public = SealSecret::from_seed(&seed).public_key();
        assert_eq!(
            domain::hexadecimal::encode(&public),
            "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"
        );
    }
}
