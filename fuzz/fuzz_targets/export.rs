//! An exported log from anybody: nothing verifies but the log that the key's owner signed.
#![no_main]

use audit::note::VerifyingKeys;
use audit::verifier::verify_export;
use libfuzzer_sys::fuzz_target;
use malines_fuzz::{export, verifying_keys};

fuzz_target!(|bytes: &[u8]| {
    assert!(
        verify_export(bytes, &VerifyingKeys::default()).is_err(),
        "verified without a key"
    );
    let (Ok(keys), Ok((_, head))) = (verifying_keys(), export()) else {
        panic!("the example cannot be made");
    };
    if let Ok(report) = verify_export(bytes, &keys) {
        assert_eq!(report.head, head, "a head that nobody signed");
        assert_eq!(report.items, 6, "items were added or left out");
    }
});
