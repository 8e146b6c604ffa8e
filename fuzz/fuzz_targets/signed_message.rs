//! The other signed messages of partners: what is read is written, and read again, unchanged.
#![no_main]

use domain::envelope::Payload;
use domain::manifest::Manifest;
use domain::question::Matches;
use domain::token::{SealedTokenKey, TokenSheet};
use domain::withdrawal::Tombstone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    there_and_back::<TokenSheet>(bytes);
    there_and_back::<SealedTokenKey>(bytes);
    there_and_back::<Manifest>(bytes);
    there_and_back::<Matches>(bytes);
    there_and_back::<Tombstone>(bytes);
});

/// Unknown fields may be lost at the first reading, so the second bytes are compared with the third.
fn there_and_back<T: Payload>(bytes: &[u8]) {
    let Ok(message) = T::from_payload(bytes) else {
        return;
    };
    let second = message.to_payload();
    match T::from_payload(&second) {
        Ok(again) => assert_eq!(again.to_payload(), second),
        Err(error) => panic!("{} does not read what it wrote: {error}", T::TYPE),
    }
}
