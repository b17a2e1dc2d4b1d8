//! What was counted about each store, as one table: on the screen, and in the README.
//!
//! Nothing is written down by hand. A run replaces in the README what it has counted, and leaves what it has not: the
//! part that takes most of an hour is counted by a run of its own.

use crate::printed::Counted;
use crate::workspace;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The columns: what tests call it, and what people do.
const COLUMNS: [(&str, &str); 4] = [
    ("conformance", "conformance cases passed"),
    ("parity", "operations equal to memory's"),
    ("kills", "kills survived"),
    ("acked", "messages acknowledged meanwhile, none lost"),
];

/// Where the table stands in the README.
const BEGIN: &str = "<!-- what `cargo xtask test --table` counted -->\n";
const END: &str = "<!-- end of what was counted -->\n";

/// Stands where nothing was counted.
const NOTHING: &str = "–";

/// Sums by store and column.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<String, [Option<u64>; COLUMNS.len()]>);

impl Table {
    /// Adds what a test counted.
    pub(super) fn add(&mut self, counted: Counted) {
        let column = COLUMNS.iter().position(|(what, _)| *what == counted.what);
        let row = self.0.entry(counted.store).or_default();
        if let Some(column) = column {
            row[column] = Some(row[column].unwrap_or(0) + counted.number);
        }
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As Markdown; stores of one database first.
    pub(super) fn render(&self) -> String {
        let cells = |numbers: &[Option<u64>; COLUMNS.len()]| numbers.map(|number| number.map(grouped));
        markdown(&self.0.iter().map(|(store, numbers)| (store.clone(), cells(numbers))).collect())
    }

    /// The same with the cells of another one where nothing was counted.
    fn over(&self, before: &str) -> String {
        let mut rows = parse(before);
        for (store, numbers) in &self.0 {
            let row = rows.entry(store.clone()).or_default();
            for (cell, number) in row.iter_mut().zip(numbers) {
                *cell = number.map(grouped).or(cell.take());
            }
        }
        markdown(&rows)
    }

    /// Puts it into the README, over the one before.
    pub(super) fn write(&self) -> Result<()> {
        let path = workspace::root().join("README.md");
        let readme = std::fs::read_to_string(&path)?;
        let written = self.written_into(&readme).context("README.md has no place for the table")?;
        std::fs::write(&path, written)?;
        println!("wrote {}", path.display());
        Ok(())
    }

    /// The text with this over the table between the marks.
    fn written_into(&self, text: &str) -> Option<String> {
        let (before, rest) = text.split_once(BEGIN)?;
        let (table, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}\n{}\n{END}{after}", self.over(table)))
    }
}

/// The cells of each store.
type Rows = BTreeMap<String, [Option<String>; COLUMNS.len()]>;

fn markdown(rows: &Rows) -> String {
    let mut text = String::from("| store |");
    for (_, title) in COLUMNS {
        let _ = write!(text, " {title} |");
    }
    let _ = write!(text, "\n|---|{}\n", "---:|".repeat(COLUMNS.len()));
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|(store, _)| (store.contains('+'), *store));
    for (store, cells) in rows {
        let cells = cells.each_ref().map(|cell| cell.as_deref().unwrap_or(NOTHING));
        let _ = writeln!(text, "| {store} | {} |", cells.join(" | "));
    }
    text
}

/// Reads what [`markdown`] has written: the rows after the head and the line under it.
fn parse(table: &str) -> Rows {
    let lines = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")).skip(1);
    let row = |line: &str| {
        let (store, cells) = line.split_once(" | ")?;
        let mut cells = cells.split(" | ").map(|cell| (cell != NOTHING).then(|| cell.to_owned()));
        Some((store.to_owned(), std::array::from_fn(|_| cells.next().flatten())))
    };
    lines.filter_map(row).collect()
}

/// `12345` as `12 345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        for (store, what, number) in [
            ("sqlite+memory", "parity", 7),
            ("sqlite", "conformance", 1),
            ("sqlite", "conformance", 1),
            ("sqlite", "acked", 1_234_567),
            ("sqlite", "else", 1),
        ] {
            table.add(Counted { store: store.to_owned(), what: what.to_owned(), number });
        }
        table
    }

    #[test]
    fn numbers_are_summed_by_store() {
        let text = table().render();
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(rows, ["| sqlite | 2 | – | – | 1 234 567 |", "| sqlite+memory | – | 7 | – | – |"]);
    }

    #[test]
    fn the_readme_keeps_everything_else() {
        let head = "| store | a | b | c | d |\n|---|---:|---:|---:|---:|\n";
        let before = "| other | 5 | – | – | – |\n| sqlite | 9 | 8 | 1 000 | – |\n";
        let readme = format!("a\n{BEGIN}\n{head}{before}\n{END}b\n");
        let written = table().written_into(&readme).unwrap();
        let rows: Vec<&str> = written.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        let expected = [
            "| other | 5 | – | – | – |",
            "| sqlite | 2 | 8 | 1 000 | 1 234 567 |",
            "| sqlite+memory | – | 7 | – | – |",
        ];
        assert_eq!(rows, expected);
        assert!(written.starts_with("a\n") && written.ends_with(&format!("\n{END}b\n")), "{written}");
        assert_eq!(table().written_into(&written).as_deref(), Some(written.as_str()), "again it is the same");
        assert_eq!(table().written_into("a\n"), None);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }
}
