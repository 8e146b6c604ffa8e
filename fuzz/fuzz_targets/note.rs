//! Signed notes, checkpoints, keys and receipts: one text has one meaning, and one meaning one text.
#![no_main]

use audit::head::Checkpoint;
use audit::note::{Note, NoteKey};
use audit::receipt::Receipt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
    }
    if let Ok(receipt) = Receipt::from_bytes(bytes) {
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Ok(receipt));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(key) = NoteKey::from_line(text) {
        assert_eq!(key.to_line(), text);
    }
});
