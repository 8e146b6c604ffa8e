//! Signed bytes: DSSE envelopes (Dead Simple Signing Envelope 1.0) that are verified before they
//! are parsed, kept as they came, and never encoded again.

use crate::closed::closed;
use crate::encoding::Malformed;
use crate::name::KeyId;
use crate::signature::{BadSignature, SIGNATURE_BYTES, Signer, Verifier};

/// The most signatures one envelope may carry.
pub const SIGNATURES_MAX: usize = 16;
/// The longest payload type, in bytes.
pub const PAYLOAD_TYPE_BYTES_MAX: usize = 64;
/// The largest payload of any type, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

closed! {
    /// How a signature was made. Leaves room for a signature over the root of a batch.
    Algorithm, "signature algorithm" {
        /// Ed25519 over the DSSE pre-authentication encoding.
        Ed25519 = 1 "ED25519",
    }
}

/// One signature over an envelope.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct EnvelopeSignature {
    /// Which key.
    #[n(1)]
    pub key_id: KeyId,
    /// How.
    #[n(2)]
    pub algorithm: Algorithm,
    /// The signature.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub signature: [u8; SIGNATURE_BYTES],
}

/// A payload with its signatures. Holding one says nothing: [`Signed`] is what was verified.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Envelope {
    /// The exact bytes that were signed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub payload: Vec<u8>,
    /// What the payload claims to be.
    #[n(2)]
    pub payload_type: String,
    /// The signatures, at most [`SIGNATURES_MAX`].
    #[n(3)]
    pub signatures: Vec<EnvelopeSignature>,
}

impl core::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Envelope({}, {} bytes)", self.payload_type.escape_debug(), self.payload.len())
    }
}

impl Envelope {
    /// The size as sent, in bytes, near enough for a budget.
    pub fn size_bytes(&self) -> usize {
        self.payload.len() + self.payload_type.len() + 128 * self.signatures.len() + 16
    }

    /// The hash that names this exact payload: BLAKE3 of the payload bytes.
    pub fn payload_hash(&self) -> crate::name::Digest {
        crate::name::Digest::from_bytes(crate::digest::hash(&[&self.payload]))
    }

    /// Checks the stated limits.
    ///
    /// # Errors
    /// [`OpenError::Malformed`].
    pub fn check_limits(&self) -> Result<(), OpenError> {
        let over = |bytes: usize, bytes_max: usize| {
            if bytes > bytes_max {
                Err(OpenError::Malformed(Malformed::TooLarge { bytes, bytes_max }))
            } else {
                Ok(())
            }
        };
        over(self.payload.len(), PAYLOAD_BYTES_MAX)?;
        over(self.payload_type.len(), PAYLOAD_TYPE_BYTES_MAX)?;
        over(self.signatures.len(), SIGNATURES_MAX)
    }

    /// Verifies that `key` signed this payload as type `payload_type`.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of the payload was parsed.
    pub fn verify(
        &self,
        payload_type: &'static str,
        key_id: KeyId,
        key: &dyn Verifier,
    ) -> Result<(), OpenError> {
        self.check_limits()?;
        if self.payload_type != payload_type {
            return Err(OpenError::WrongType { expected: payload_type });
        }
        let signature = self.signatures.iter().find(|signature| signature.key_id == key_id);
        let signature = signature.ok_or(OpenError::NotSignedBy(key_id))?;
        key.verify(
            &pre_authentication_encoding(payload_type, &self.payload),
            &signature.signature,
        )?;
        Ok(())
    }
}

/// DSSE 1.0 section "Signature definition": `"DSSEv1" SP len(type) SP type SP len(body) SP body`.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {} {} ", payload_type.len(), payload_type, payload.len());
    let mut bytes = Vec::with_capacity(head.len() + payload.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Why an envelope could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The payload claims to be something else.
    #[error("the payload is not of type `{expected}`")]
    WrongType {
        /// What was expected.
        expected: &'static str,
    },
    /// No signature by that key.
    #[error("not signed by key {0}")]
    NotSignedBy(KeyId),
    /// A signature that does not verify.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
    /// Signed, and still not well formed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What can be signed: a message with an exact encoding and a registered type.
pub trait Payload: Sized {
    /// The DSSE payload type.
    const TYPE: &'static str;
    /// The exact bytes.
    fn to_payload(&self) -> Vec<u8>;
    /// Reads the exact bytes, refusing everything else.
    ///
    /// # Errors
    /// [`Malformed`].
    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed>;
}

/// A message whose signature was verified, beside the exact bytes that were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    message: T,
    envelope: Envelope,
}

impl<T: Payload> Signed<T> {
    /// Signs a message.
    pub fn seal(message: T, signer: &dyn Signer) -> Self {
        let payload = message.to_payload();
        let signature = signer.sign(&pre_authentication_encoding(T::TYPE, &payload));
        let signature =
            EnvelopeSignature { key_id: signer.key_id(), algorithm: Algorithm::Ed25519, signature };
        let envelope =
            Envelope { payload, payload_type: T::TYPE.to_owned(), signatures: vec![signature] };
        Self { message, envelope }
    }

    /// Verifies, then parses.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(envelope: Envelope, key: &crate::signature::PublicKey) -> Result<Self, OpenError> {
        envelope.verify(T::TYPE, key.id(), key)?;
        let message = T::from_payload(&envelope.payload)?;
        Ok(Self { message, envelope })
    }
}

impl<T> Signed<T> {
    /// The message.
    pub const fn message(&self) -> &T {
        &self.message
    }

    /// The exact bytes and the signature.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Both.
    pub fn into_parts(self) -> (T, Envelope) {
        (self.message, self.envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SecretKey;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Word(String);

    impl Payload for Word {
        const TYPE: &'static str = "application/vnd.malines.word.v1+cbor";
        fn to_payload(&self) -> Vec<u8> {
            crate::encoding::to_bytes(&self.0)
        }
        fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
            crate::encoding::from_bytes("word", bytes, 64).map(Self)
        }
    }

    /// The test vector of the DSSE protocol document.
    #[test]
    fn pre_authentication_encoding_is_the_one_of_the_protocol() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn opens_only_with_the_right_key_type_and_bytes() {
        let (key, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let signed = Signed::seal(Word("boat".into()), &key);
        let envelope = signed.envelope().clone();
        assert_eq!(Signed::<Word>::open(envelope.clone(), &key.public_key()).unwrap(), signed);
        let error = Signed::<Word>::open(envelope.clone(), &other.public_key()).unwrap_err();
        assert_eq!(error, OpenError::NotSignedBy(other.key_id()));

        let mut wrong_type = envelope.clone();
        wrong_type.payload_type = "application/json".into();
        assert!(matches!(
            Signed::<Word>::open(wrong_type, &key.public_key()),
            Err(OpenError::WrongType { .. })
        ));
        for i in 0..envelope.payload.len() {
            let mut flipped = envelope.clone();
            flipped.payload[i] ^= 1;
            assert!(Signed::<Word>::open(flipped, &key.public_key()).is_err());
        }
        let mut relabelled = envelope;
        relabelled.signatures[0].key_id = other.key_id();
        assert!(matches!(
            Signed::<Word>::open(relabelled, &other.public_key()),
            Err(OpenError::BadSignature(_))
        ));
    }

    #[test]
    fn limits_hold_before_anything_is_verified() {
        let key = SecretKey::from_seed(&[1; 32]);
        let mut envelope = Signed::seal(Word("x".into()), &key).envelope().clone();
        envelope.payload = vec![0; PAYLOAD_BYTES_MAX + 1];
        assert!(matches!(
            Signed::<Word>::open(envelope, &key.public_key()),
            Err(OpenError::Malformed(Malformed::TooLarge { .. }))
        ));
    }
}
