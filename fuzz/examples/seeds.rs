//! Writes the valid examples into the corpora: `cargo run --example seeds -- FOLDER`, as `.ci/fuzz` does.

use domain::encoding;
use domain::envelope::{Payload, Signed};
use domain::record::Record;
use malines_fuzz::{Outcome, entry, export, key, signed_messages, statement};
use std::fs;
use std::path::Path;

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or("usage: seeds FOLDER")?;
    let folder = Path::new(&folder);
    let record = Record::new(statement()?).map_err(|code| code.to_string())?;
    let payload = record.to_payload();
    write(folder, "record", "record", &payload)?;
    write(folder, "encoding", "record", &payload)?;
    let signed = Signed::seal(record, &key());
    write(
        folder,
        "envelope",
        "record",
        &encoding::to_bytes(signed.envelope()),
    )?;
    for (name, bytes) in signed_messages()? {
        write(folder, "signed_message", name, &bytes)?;
    }
    write(folder, "entry", "shared", &entry()?)?;
    let (file, head) = export()?;
    write(folder, "export", "log", &file)?;
    write(
        folder,
        "note",
        "head",
        head.sign(&key())?.to_string().as_bytes(),
    )?;
    for word in [
        "be-fedpol",
        "malines-2026",
        "4.2",
        "MATNG",
        "MIGRANT_SMUGGLING",
        "AMBER+STRICT",
    ] {
        write(folder, "word", word, word.as_bytes())?;
    }
    Ok(())
}

fn write(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> Outcome<()> {
    fs::create_dir_all(folder.join(target))?;
    fs::write(folder.join(target).join(format!("seed-{name}")), bytes)?;
    Ok(())
}
