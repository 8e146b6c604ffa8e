//! The payload of a record from a partner: what passes the rules is written and read unchanged.
#![no_main]

use domain::envelope::Payload;
use domain::record::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = Record::from_payload(bytes) else {
        return;
    };
    assert_eq!(
        Record::from_payload(&record.to_payload()).as_ref(),
        Ok(&record)
    );
});
