//! Deterministic CBOR: bytes that pass are exactly one item, with nothing to cut off or to add.
#![no_main]

use domain::encoding::{check_deterministic, outer_keys};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let keys = outer_keys(bytes);
    if check_deterministic(bytes).is_err() {
        return;
    }
    let shorter = &bytes[..bytes.len() - 1];
    assert!(
        check_deterministic(shorter).is_err(),
        "a shorter item passed as well"
    );
    let longer = [bytes, &[0]].concat();
    assert!(
        check_deterministic(&longer).is_err(),
        "a longer item passed as well"
    );
    if let Ok(keys) = keys {
        assert!(
            keys.is_sorted(),
            "the keys of a deterministic map are sorted"
        );
    }
});
