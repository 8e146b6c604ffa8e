//! Shows results: aligned columns on a terminal, tab-separated rows in a pipe, JSON on demand.

use crate::console::{Console, Style, Surface, plain};
use domain::name::{CaseId, RecordId};
use domain::time::Timestamp;
use serde_json::{Value, json};

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people, or for tools that read columns.
    Text,
    /// For programs: stable keys and codes, never translated.
    Json,
}

/// Rows under headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    headings: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub(crate) const fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row; text from elsewhere is made safe to show.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// Has it no rows?
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints it as data.
    pub(crate) fn print(&self, console: &mut Console) {
        let lines = match console.out_surface() {
            Surface::Terminal => self.aligned(console),
            Surface::Pipe => self.separated(),
        };
        for line in lines {
            console.data(&line);
            console.data("\n");
        }
    }

    fn aligned(&self, console: &Console) -> Vec<String> {
        let headings: Vec<String> = self.headings.iter().map(|text| (*text).to_owned()).collect();
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&headings]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let heading = console.styled_data(Style::Strong, &line(&headings));
        [heading].into_iter().chain(self.rows.iter().map(line)).collect()
    }

    fn separated(&self) -> Vec<String> {
        let headings = self.headings.join("\t");
        [headings].into_iter().chain(self.rows.iter().map(|row| row.join("\t"))).collect()
    }
}

/// Prints a value as JSON over several lines, keys in alphabetical order.
pub(crate) fn print_json(console: &mut Console, value: &Value) {
    console.data(&format!("{value:#}\n"));
}

/// The reference of a record as people read and type it: `R-` and its first eight digits.
pub(crate) fn record_reference(id: &RecordId) -> String {
    let digits: String = id.to_string().chars().take(8).collect();
    format!("R-{digits}")
}

/// A calendar day.
pub(crate) fn day(instant: Timestamp) -> String {
    let (year, month, day) = instant.as_date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// A time of day in UTC, to the minute.
pub(crate) fn time_of_day(instant: Timestamp) -> String {
    let text = instant.to_string();
    let time = text.split_once('T').map_or("", |(_, time)| time);
    format!("{} UTC", time.chars().take(5).collect::<String>())
}

/// How long ago, in the largest unit that fits.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", length(then, now))
}

/// How long it is from one instant to another, in the largest unit that fits.
pub(crate) fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_millis().saturating_sub(from.as_millis()) / 1000;
    let (count, unit) = match seconds {
        0..=59 => (seconds, "s"),
        60..=3_599 => (seconds / 60, "min"),
        3_600..=86_399 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count} {unit}")
}

/// Many or one.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// An instant in JSON: RFC 3339, `null` if there is none.
pub(crate) fn instant_json(instant: Option<Timestamp>) -> Value {
    instant.map_or(Value::Null, |instant| json!(instant.to_string()))
}

/// A case in JSON: its id, `null` if there is none.
pub(crate) fn case_json(case: Option<CaseId>) -> Value {
    case.map_or(Value::Null, |case| json!(case.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_for_people_and_separated_for_programs() {
        let mut table = Table::new(&["PARTNER", "NOTE"]);
        table.row(["es-pn", "a\tb\u{1b}[2J"]);
        table.row(["be-fedpol", ""]);
        let (mut console, captured) = Console::captured(b"", Surface::Terminal);
        table.print(&mut console);
        assert_eq!(captured.out(), "PARTNER    NOTE\nes-pn      a\\u{9}b\\u{1b}[2J\nbe-fedpol\n");
        let (mut console, captured) = Console::captured(b"", Surface::Pipe);
        table.print(&mut console);
        assert_eq!(captured.out(), "PARTNER\tNOTE\nes-pn\ta\\u{9}b\\u{1b}[2J\nbe-fedpol\t\n");
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let at = Timestamp::from_millis(1_795_000_000_123);
        assert_eq!((day(at).as_str(), time_of_day(at).as_str()), ("2026-11-18", "11:06 UTC"));
        for (ms, text) in [
            (0, "0 s ago"),
            (61_000, "1 min ago"),
            (7_200_000, "2 h ago"),
            (200_000_000, "2 d ago"),
        ] {
            assert_eq!(ago(at.minus_ms(ms), at), text);
        }
        assert_eq!(ago(at.plus_ms(5), at), "0 s ago");
        assert_eq!(record_reference(&RecordId::from_bytes([0xab; 16])), "R-abababab");
    }
}
