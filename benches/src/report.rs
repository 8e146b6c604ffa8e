//! Prints figures beside their peers and limits, and whether a goal is met.

use crate::measure::Samples;

/// What a ratio has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }
}

impl core::fmt::Display for Goal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            Self::AtLeast(bound) => format!(">= {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
        };
        f.pad(&text)
    }
}

/// A table of one program.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<[String; 6]>,
}

impl Report {
    /// An empty table.
    pub fn new() -> Self {
        let heads = ["what", "unit", "min", "median", "max", "goal"];
        Self { rows: vec![heads.map(str::to_owned)] }
    }

    /// A figure.
    pub fn figure(&mut self, what: &str, unit: &str, samples: &Samples) {
        self.row(what, unit, samples.spread().map(|spread| spread.map(grouped)), "");
    }

    /// A figure in small numbers.
    pub fn figure_small(&mut self, what: &str, unit: &str, samples: &Samples) {
        self.row(what, unit, samples.spread().map(|spread| spread.map(short)), "");
    }

    /// A figure in small numbers, and what it has to be; the median decides.
    pub fn goal(&mut self, what: &str, unit: &str, samples: &Samples, goal: Goal) {
        let spread = samples.spread();
        let verdict = match spread {
            Some([_, median, _]) if goal.is_met(median) => format!("{goal}  MET"),
            Some(_) => format!("{goal}  NOT MET"),
            None => format!("{goal}  NOT RUN"),
        };
        self.row(what, unit, spread.map(|spread| spread.map(short)), &verdict);
    }

    /// Something that could not be measured, and why.
    pub fn not_run(&mut self, what: &str, why: &str) {
        self.row(what, "", None, &format!("not run: {why}"));
    }

    fn row(&mut self, what: &str, unit: &str, spread: Option<[String; 3]>, last: &str) {
        let [least, median, greatest] = spread.unwrap_or_else(|| ["-"; 3].map(str::to_owned));
        let row = [what.to_owned(), unit.to_owned(), least, median, greatest, last.to_owned()];
        self.rows.push(row);
    }

    /// Writes it to standard output.
    pub fn print(&self) {
        print!("{self}");
    }
}

impl core::fmt::Display for Report {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let [what_width, unit_width, figure_width] =
            [width(0), width(1), width(2).max(width(3)).max(width(4))];
        for [what, unit, least, median, greatest, last] in &self.rows {
            let line = format!(
                "{what:<what_width$}  {unit:<unit_width$}  {least:>figure_width$}  \
                 {median:>figure_width$}  {greatest:>figure_width$}  {last}"
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A count with its thousands apart.
fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0.4, 999.0, 1000.0, 1_234_567.0].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_median_decides_and_what_did_not_run_says_so() {
        let mut samples = Samples::default();
        for figure in [0.4, 0.6, 0.9] {
            samples.push(figure);
        }
        let mut report = Report::new();
        report.goal("a", "ratio", &samples, Goal::AtLeast(0.5));
        report.goal("b", "ratio", &samples, Goal::AtMost(0.5));
        report.goal("c", "ratio", &Samples::default(), Goal::AtLeast(3.0));
        report.not_run("d", "no such program");
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].ends_with(">= 0.5  MET"), "{text}");
        assert!(lines[2].ends_with("<= 0.5  NOT MET"), "{text}");
        assert!(lines[3].ends_with(">= 3  NOT RUN"), "{text}");
        assert!(lines[4].ends_with("not run: no such program"), "{text}");
    }
}
