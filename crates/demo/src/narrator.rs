//! Prints the story: chapters, what people do, what the programs say.

use crate::stop::Stopped;
use crate::tether::Refused;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// The voice of the story. Colours are taken out by `anstream` where there is no terminal.
pub(crate) struct Narrator {
    lively: bool,
}

impl Narrator {
    pub(crate) fn new() -> Self {
        Self { lively: std::io::stderr().is_terminal() }
    }

    /// A chapter begins.
    pub(crate) fn chapter(&self, title: &str) {
        self.line(&format!("\n{BOLD}{title}{PLAIN}"));
    }

    /// A sentence of the story.
    pub(crate) fn say(&self, sentence: &str) {
        self.line(&format!("  {sentence}"));
    }

    /// A sentence about something that was checked.
    pub(crate) fn proven(&self, sentence: &str) {
        self.line(&format!("  {GREEN}✓{PLAIN} {sentence}"));
    }

    /// What a person types.
    pub(crate) fn command(&self, who: &str, command: &str) {
        self.line(&format!("  {DIM}{who} $ {command}{PLAIN}"));
    }

    /// What a program said, as it said it; columns between tabs are aligned to be read.
    pub(crate) fn quote(&self, said: &str) {
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        for table in lines.chunk_by(|a, b| columns(a) == columns(b)) {
            let widths: Vec<usize> = (0..columns(table.first().unwrap_or(&"")))
                .map(|column| table.iter().map(|line| cell(line, column).chars().count()).max())
                .map(|width| width.unwrap_or(0))
                .collect();
            for line in table {
                let cells = widths.iter().enumerate();
                let row: Vec<String> = cells
                    .map(|(column, width)| format!("{:<width$}", cell(line, column)))
                    .collect();
                self.line(&format!("    {}", row.join("  ").trim_end()));
            }
        }
    }

    /// Something takes a while: a spinner on a terminal, nothing elsewhere.
    pub(crate) fn busy(&self, what: &str) -> Busy {
        let bar = if self.lively { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(80));
        Busy(bar)
    }

    /// The story ends badly.
    pub(crate) fn failure(&self, error: &anyhow::Error) {
        let (head, hint) = if error.is::<Stopped>() {
            ("ended", "its nodes are stopped too; run it again, it begins anew")
        } else if error.is::<Refused>() {
            ("did not begin", Refused::HINT)
        } else {
            (
                "failed",
                "the logs of the nodes are in the folder named above, one `node.log` each; `-- --keep` goes on with it",
            )
        };
        let _ = writeln!(anstream::stderr(), "\n{RED}the demonstration {head}:{PLAIN} {error:#}");
        let _ = writeln!(anstream::stderr(), "hint: {hint}");
    }

    fn line(&self, line: &str) {
        let _ = writeln!(anstream::stdout(), "{line}");
    }
}

/// A spinner; it goes when it is dropped.
pub(crate) struct Busy(ProgressBar);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn columns(line: &str) -> usize {
    line.split('\t').count()
}

fn cell(line: &str, column: usize) -> &str {
    line.split('\t').nth(column).unwrap_or_default()
}
