//! A DSSE envelope from a stranger: it stays within its limits, and opens under nobody's key.
#![no_main]

use domain::encoding;
use domain::envelope::{Envelope, Signed};
use domain::record::Record;
use domain::signature::{SecretKey, Signer};
use libfuzzer_sys::fuzz_target;

/// Larger than any envelope that passes its limits.
const ENVELOPE_BYTES_MAX: usize = 1024 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let read = encoding::from_bytes::<Envelope>("envelope", bytes, ENVELOPE_BYTES_MAX);
    let Ok(mut envelope) = read else { return };
    assert_eq!(
        encoding::from_bytes(
            "envelope",
            &encoding::to_bytes(&envelope),
            ENVELOPE_BYTES_MAX
        ),
        Ok(envelope.clone())
    );

    // The key that the envelope asks for, so that the signature itself is judged.
    let secret = SecretKey::from_seed(&[7; 32]);
    if let Some(signature) = envelope.signatures.first_mut() {
        signature.key_id = secret.key_id();
    }
    assert!(
        Signed::<Record>::open(envelope, &secret.public_key()).is_err(),
        "opened without a signature"
    );
});
