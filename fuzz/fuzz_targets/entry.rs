//! Both parts of an audit entry, from an exported log: what is read is written and read unchanged.
#![no_main]

use domain::event::Event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Two bytes say how long the shared part is; the local part follows.
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let Some((shared, local)) = rest.split_at_checked(u16::from_be_bytes(*length).into()) else {
        return;
    };
    let Ok(event) = Event::from_parts(shared, local) else {
        return;
    };
    let (shared, local) = event.to_parts();
    assert_eq!(Event::from_parts(&shared, &local), Ok(event));
});
