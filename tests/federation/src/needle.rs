//! Looks for what must not be there: in files, in messages, in logs.

use domain::hexadecimal;
use std::fs;
use std::path::Path;

/// The shortest needle, in bytes: a shorter one is found by chance.
const NEEDLE_BYTES_MIN: usize = 5;

/// What is looked for, in every form that somebody could have written it in.
#[derive(Default)]
pub struct Needles {
    forms: Vec<(String, Vec<u8>)>,
}

impl Needles {
    /// Looks for a text as it is.
    ///
    /// # Panics
    /// If it is so short that it would be found by chance.
    pub fn text(&mut self, what: &str, text: &str) {
        self.form(what, "text", text.as_bytes().to_vec());
    }

    /// Looks for bytes as they are, in hexadecimal, in base64 and as a list of numbers.
    ///
    /// # Panics
    /// If they are so few that they would be found by chance.
    pub fn bytes(&mut self, what: &str, bytes: &[u8]) {
        let lower = hexadecimal::encode(bytes);
        self.form(what, "bytes", bytes.to_vec());
        self.form(what, "HEX", lower.to_uppercase().into_bytes());
        self.form(what, "hex", lower.into_bytes());
        self.form(what, "base64", base64(bytes).into_bytes());
        let list = format!("{bytes:?}");
        self.form(what, "list", list.trim_matches(['[', ']']).as_bytes().to_vec());
    }

    fn form(&mut self, what: &str, form: &str, bytes: Vec<u8>) {
        assert!(bytes.len() >= NEEDLE_BYTES_MIN, "{what} is too short to look for");
        self.forms.push((format!("{what} as {form}"), bytes));
    }

    /// Which of them are in these bytes.
    pub fn found_in(&self, haystack: &[u8]) -> Vec<&str> {
        // Most positions are passed after one look into a table of beginnings.
        let mut beginnings = vec![false; 1 << 16];
        for (_, needle) in &self.forms {
            beginnings[beginning(needle)] = true;
        }
        let mut found: Vec<&str> = Vec::new();
        for (at, pair) in haystack.windows(2).enumerate() {
            if !beginnings[beginning(pair)] {
                continue;
            }
            let rest = &haystack[at..];
            let here = self.forms.iter().filter(|(_, needle)| rest.starts_with(needle));
            found.extend(here.map(|(what, _)| what.as_str()));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Which of them are in the files of a folder, with the file; file names are looked at too.
    ///
    /// # Panics
    /// If the folder cannot be read.
    pub fn found_under(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let mut place = |seen: Vec<&str>| {
                found.extend(seen.iter().map(|what| format!("{}: {what}", path.display())));
            };
            place(self.found_in(name.as_bytes()));
            if path.is_dir() {
                found.extend(self.found_under(&path));
            } else if let Ok(bytes) = fs::read(&path) {
                // A file that went away meanwhile holds nothing.
                place(self.found_in(&bytes));
            }
        }
        found
    }
}

fn beginning(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// RFC 4648, section 4, without the padding: what stands before it is the same.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            let index = group >> (18 - 6 * digit) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_and_nothing_else() {
        let mut needles = Needles::default();
        needles.bytes("x", b"Malines!");
        needles.text("name", "boat_to_tarifa");
        let hay = |text: &str| [b"..".as_slice(), text.as_bytes(), b"..".as_slice()].concat();
        for (text, form) in [
            ("Malines!", "x as bytes"),
            ("4d616c696e657321", "x as hex"),
            ("4D616C696E657321", "x as HEX"),
            ("TWFsaW5lcyE=", "x as base64"),
            ("77, 97, 108, 105, 110, 101, 115, 33", "x as list"),
            ("boat_to_tarifa", "name as text"),
        ] {
            assert_eq!(needles.found_in(&hay(text)), [form], "{text}");
        }
        assert!(needles.found_in(b"Malines?").is_empty());
        assert!(needles.found_in(b"").is_empty());
    }

    #[test]
    fn files_are_looked_through_to_the_bottom() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a").join("b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("c"), vec![0; 5_000]).unwrap();
        let mut needles = Needles::default();
        needles.text("name", "boat_to_tarifa");
        assert!(needles.found_under(folder.path()).is_empty());
        fs::write(deep.join("c"), [vec![0; 5_000], b"boat_to_tarifa".to_vec()].concat()).unwrap();
        assert_eq!(needles.found_under(folder.path()).len(), 1);
        fs::write(deep.join("boat_to_tarifa"), "").unwrap();
        assert_eq!(needles.found_under(folder.path()).len(), 2);
    }
}
