//! Reads a list of things to submit: CSV with a heading, or one JSON object per line.

use crate::answers::{self, Answers};
use crate::config;
use crate::error::Failure;
use crate::given::Given;
use std::path::Path;
use zeroize::Zeroizing;

/// The most rows of one list.
pub(crate) const ROWS_MAX: usize = 200_000;
/// The longest row, in bytes.
pub(crate) const ROW_BYTES_MAX: usize = 128 * 1024;

/// The columns that are no answers.
const COLUMNS: &[&str] = &["kind", "value", "account"];

/// One thing to submit.
pub(crate) struct Row {
    /// The line it stands on, from 1.
    pub(crate) line: u64,
    /// What it is said to be.
    pub(crate) given: Given,
    /// The value; zeroised after use.
    pub(crate) raw: Zeroizing<String>,
    /// The same for all identifiers of one account.
    pub(crate) account: Option<String>,
    /// What the row says beside.
    pub(crate) answers: Answers,
}

/// A row that cannot be used.
pub(crate) struct BadRow {
    /// The line, from 1.
    pub(crate) line: u64,
    /// Why.
    pub(crate) failure: Failure,
}

/// Reads a list. A bad row spoils itself alone; a bad heading spoils the list.
///
/// # Errors
/// [`Failure::KeyUnknown`] for a column nobody knows, [`Failure::FileInvalid`] for a list without
/// rows or heading, [`Failure::TooMany`].
pub(crate) fn read(
    file: &Path,
    bytes: &[u8],
    default: Option<Given>,
) -> Result<Vec<Result<Row, BadRow>>, Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let rows = match first {
        None => return Err(invalid(file, "it is empty")),
        Some(b'{') => read_json_lines(file, bytes, default)?,
        Some(b'[') => {
            return Err(invalid(file, "it is one JSON list; write one object per line"));
        }
        Some(_) => read_csv(file, bytes, default)?,
    };
    if rows.is_empty() { Err(invalid(file, "it has a heading and no rows")) } else { Ok(rows) }
}

fn invalid(file: &Path, why: &str) -> Failure {
    Failure::FileInvalid { file: file.to_owned(), line: 0, why: why.to_owned() }
}

fn read_csv(
    file: &Path,
    bytes: &[u8],
    default: Option<Given>,
) -> Result<Vec<Result<Row, BadRow>>, Failure> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let heading = reader.byte_headers().map_err(|_| invalid(file, "the heading cannot be read"))?;
    let columns: Vec<String> = heading
        .iter()
        .map(|cell| {
            String::from_utf8_lossy(cell).trim().to_ascii_lowercase().replace([' ', '-'], "_")
        })
        .collect();
    check_columns(file, &columns, default)?;
    let mut rows = Vec::new();
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(rows),
            Ok(true) if rows.len() >= ROWS_MAX => {
                return Err(Failure::TooMany { what: "rows", most: ROWS_MAX });
            }
            Ok(true) => {
                let line = line_of(&record, bytes);
                rows.push(csv_row(&columns, &record, line, default));
            }
            // Reading from memory cannot fail otherwise than at its end.
            Err(_) => return Err(invalid(file, "it cannot be read as CSV")),
        }
    }
}

/// The line a row begins on. The reader tells where it began to look for it, before empty lines.
fn line_of(record: &csv::ByteRecord, bytes: &[u8]) -> u64 {
    let Some(position) = record.position() else {
        return 0;
    };
    let offset = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = bytes.get(offset..).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    let empty = empty.filter(|byte| **byte == b'\n').count();
    position.line().saturating_add(u64::try_from(empty).unwrap_or(0))
}

/// Every column is known, none stands twice, and value and kind are there.
fn check_columns(file: &Path, columns: &[String], default: Option<Given>) -> Result<(), Failure> {
    let known: Vec<&'static str> = COLUMNS.iter().chain(answers::KEYS).copied().collect();
    for (index, column) in columns.iter().enumerate() {
        if !known.contains(&column.as_str()) {
            return Err(Failure::KeyUnknown {
                file: file.to_owned(),
                what: "column",
                key: column.chars().take(64).collect(),
                nearest: config::nearest(column, &known),
            });
        }
        if columns.iter().take(index).any(|before| before == column) {
            return Err(invalid(file, &format!("the column `{column}` stands twice")));
        }
    }
    let has = |name: &str| columns.iter().any(|column| column == name);
    if !has("value") {
        return Err(Failure::KeyMissing { file: file.to_owned(), key: "value" });
    }
    if !has("kind") && default.is_none() {
        return Err(Failure::KeyMissing { file: file.to_owned(), key: "kind" });
    }
    Ok(())
}

fn csv_row(
    columns: &[String],
    record: &csv::ByteRecord,
    line: u64,
    default: Option<Given>,
) -> Result<Row, BadRow> {
    let bad = |why: String| BadRow { line, failure: Failure::RowInvalid { why } };
    if record.as_slice().len() > ROW_BYTES_MAX {
        return Err(bad(format!("a row has at most {ROW_BYTES_MAX} bytes")));
    }
    if record.len() != columns.len() {
        return Err(bad(format!(
            "it has {} cells and the heading {}",
            record.len(),
            columns.len()
        )));
    }
    let mut cells = Vec::with_capacity(columns.len());
    for (column, cell) in columns.iter().zip(record) {
        let text =
            core::str::from_utf8(cell).map_err(|_| bad(format!("`{column}` is not UTF-8")))?;
        if text.trim().is_empty() {
            continue;
        }
        // A value, a reason and a ground may hold a semicolon.
        let is_list = matches!(column.as_str(), "purposes" | "offences" | "handling" | "audience");
        let texts = if is_list { split(text) } else { vec![text.to_owned()] };
        cells.push((column.as_str(), texts));
    }
    row(line, cells, default).map_err(|failure| BadRow { line, failure })
}

fn split(text: &str) -> Vec<String> {
    text.split([';', ','])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn read_json_lines(
    file: &Path,
    bytes: &[u8],
    default: Option<Given>,
) -> Result<Vec<Result<Row, BadRow>>, Failure> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let mut rows = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.iter().all(u8::is_ascii_whitespace)) {
        if rows.len() >= ROWS_MAX {
            return Err(Failure::TooMany { what: "rows", most: ROWS_MAX });
        }
        rows.push(json_row(file, text, line, default));
    }
    Ok(rows)
}

fn json_row(file: &Path, text: &[u8], line: u64, default: Option<Given>) -> Result<Row, BadRow> {
    let bad = |why: String| BadRow { line, failure: Failure::RowInvalid { why } };
    if text.len() > ROW_BYTES_MAX {
        return Err(bad(format!("a row has at most {ROW_BYTES_MAX} bytes")));
    }
    // The message of the parser may hold a part of the value, so only the place is told.
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text)
        .map_err(|error| bad(format!("not a JSON object, at column {}", error.column())))?;
    let known: Vec<&'static str> = COLUMNS.iter().chain(answers::KEYS).copied().collect();
    let mut cells = Vec::with_capacity(object.len());
    for (key, value) in &object {
        if !known.contains(&key.as_str()) {
            let (key, nearest) = (key.chars().take(64).collect(), config::nearest(key, &known));
            let failure = Failure::KeyUnknown { file: file.to_owned(), what: "key", key, nearest };
            return Err(BadRow { line, failure });
        }
        let texts = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::Array(values) => values.iter().map(json_text).collect::<Option<_>>(),
            value => json_text(value).map(|text| vec![text]),
        };
        let texts = texts.ok_or_else(|| bad(format!("`{key}` is a text or a list of texts")))?;
        cells.push((key.as_str(), texts));
    }
    row(line, cells, default).map_err(|failure| BadRow { line, failure })
}

fn json_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Bool(truth) => Some(truth.to_string()),
        serde_json::Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    }
}

fn row(line: u64, cells: Vec<(&str, Vec<String>)>, default: Option<Given>) -> Result<Row, Failure> {
    let mut row = Row {
        line,
        given: default.unwrap_or(Given::File),
        raw: Zeroizing::default(),
        account: None,
        answers: Answers::default(),
    };
    let mut given = default;
    for (column, texts) in cells {
        match (column, texts.as_slice()) {
            ("kind", [word]) => given = Some(word.parse()?),
            ("value", [value]) => row.raw = Zeroizing::new(value.clone()),
            ("account", [account]) => row.account = Some(account.trim().to_owned()),
            ("kind" | "value" | "account", _) => {
                return Err(Failure::AnswerInvalid {
                    why: format!("`{column}`: one text is needed"),
                });
            }
            (key, texts) => {
                let invalid = |why| Failure::AnswerInvalid { why: format!("`{key}`: {why}") };
                row.answers.set(key, texts).map_err(invalid)?;
            }
        }
    }
    row.given = given.ok_or(Failure::AnswerMissing { key: "kind" })?;
    if row.raw.trim().is_empty() { Err(Failure::NoValue) } else { Ok(row) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::value::Tlp;
    use fingerprint::InputKind;

    fn of(text: &str) -> Result<Vec<Result<Row, BadRow>>, Failure> {
        read(Path::new("list"), text.as_bytes(), None)
    }

    fn codes(text: &str) -> Vec<String> {
        let rows = of(text).unwrap();
        rows.iter()
            .map(|row| match row {
                Ok(row) => format!("{} ok", row.line),
                Err(bad) => format!("{} {}", bad.line, bad.failure.code()),
            })
            .collect()
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let csv =
            "kind,value,account,tlp,audience\nphone,+33 1 99 00 12 34,a,amber,es-pn;fr-oltim\n";
        let json = "{\"kind\":\"phone\",\"value\":\"+33 1 99 00 12 34\",\"account\":\"a\",\"tlp\":\"AMBER\",\
            \"audience\":[\"es-pn\",\"fr-oltim\"]}\n";
        for text in [csv, json] {
            let rows = of(text).unwrap();
            let row = rows[0].as_ref().ok().unwrap();
            assert_eq!(row.given, Given::Identifier(InputKind::Phone));
            assert_eq!(row.answers.tlp, Some(Tlp::Amber));
            assert_eq!(row.answers.audience.as_ref().unwrap().len(), 2);
            assert_eq!(
                (row.account.as_deref(), row.raw.as_str()),
                (Some("a"), "+33 1 99 00 12 34")
            );
        }
    }

    #[test]
    fn a_bad_row_spoils_itself_alone_and_is_named_by_its_line() {
        let csv = "kind,value,tlp\nphone,a,\n\nfax,b,\nphone,\"c\nd\",purple\nphone,e\nphone,,\nphone,f,GREEN\n";
        assert_eq!(
            codes(csv),
            ["2 ok", "4 ANSWER_INVALID", "5 ANSWER_INVALID", "7 ROW_INVALID", "8 NO_VALUE", "9 ok"]
        );
        let json = "{\"kind\":\"phone\",\"value\":\"a\"}\n{\"kind\":\"phone\"\n\n{\"kind\":\"phone\",\"vlaue\":\"a\"}\n\
            {\"kind\":\"phone\",\"value\":[\"a\",\"b\"]}\n{\"kind\":\"phone\",\"value\":{}}\n{\"value\":\"a\"}\n";
        assert_eq!(
            codes(json),
            [
                "1 ok",
                "2 ROW_INVALID",
                "4 KEY_UNKNOWN",
                "5 ANSWER_INVALID",
                "6 ROW_INVALID",
                "7 ANSWER_MISSING"
            ]
        );
    }

    #[test]
    fn a_bad_heading_spoils_the_list() {
        let failure = of("kind,valeu\nphone,a\n").err().unwrap();
        assert!(matches!(failure, Failure::KeyUnknown { nearest: Some("value"), .. }));
        assert!(matches!(
            of("kind,tlp\nphone,RED\n"),
            Err(Failure::KeyMissing { key: "value", .. })
        ));
        assert!(matches!(of("value\na\n"), Err(Failure::KeyMissing { key: "kind", .. })));
        for bad in ["", " \n", "[{}]", "kind,value\n", "kind,value,value\nphone,a,b\n"] {
            assert!(matches!(of(bad), Err(Failure::FileInvalid { .. })), "{bad:?}");
        }
    }

    #[test]
    fn no_value_is_repeated_in_an_error() {
        let json = "{\"kind\":\"phone\",\"value\":\"+33199001234\",}\n";
        let rows = of(json).unwrap();
        let bad = rows[0].as_ref().err().unwrap();
        assert!(!bad.failure.to_string().contains("33199"), "{}", bad.failure);
        let bytes = b"kind,value\nphone,\xff33199001234\n";
        let rows = read(Path::new("list"), bytes, None).unwrap();
        assert!(!rows[0].as_ref().err().unwrap().failure.to_string().contains("33199"));
    }
}
