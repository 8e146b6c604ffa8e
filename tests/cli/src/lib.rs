//! Compares what the command line prints with what was reviewed, in `snapshots/`.
//!
//! Text that people read is reviewed like code: a changed line shows up in the difference of a
//! snapshot. `MALINES_BLESS=1 cargo test -p malines-test-cli` writes them anew.

use std::path::Path;

/// The variable that has snapshots written instead of compared.
pub const BLESS: &str = "MALINES_BLESS";

/// Compares a text with its snapshot, or writes it.
///
/// # Errors
/// The first line that differs, or that there is no such snapshot.
pub fn compare(name: &str, text: &str) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(format!("{name}.txt"));
    if std::env::var_os(BLESS).is_some() {
        return std::fs::write(&file, text).map_err(|error| format!("{name}: {error}"));
    }
    let reviewed = std::fs::read_to_string(&file)
        .map_err(|error| format!("{name}: {error}; write it with {BLESS}=1"))?;
    if reviewed == text {
        return Ok(());
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (reviewed.lines().collect(), text.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let line = |lines: &[&str]| lines.get(same).map_or("(the end)".to_owned(), ToString::to_string);
    Err(format!(
        "{name}, line {}:\n  reviewed: {}\n  printed:  {}\nreview it, then write it with {BLESS}=1\n\n{text}",
        same + 1,
        line(&old),
        line(&new)
    ))
}
