//! What was counted about each store, as one table: on the screen, and in the README.
//!
//! Nothing is written down by hand and nothing is carried over: the numbers are those of one run.

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
        let mut text = String::from("| store |");
        for (_, title) in COLUMNS {
            let _ = write!(text, " {title} |");
        }
        let _ = write!(text, "\n|---|{}\n", "---:|".repeat(COLUMNS.len()));
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(store, _)| (store.contains('+'), *store));
        for (store, numbers) in rows {
            let cells = numbers.map(|number| number.map_or("–".to_owned(), grouped));
            let _ = writeln!(text, "| {store} | {} |", cells.join(" | "));
        }
        text
    }

    /// Puts it into the README in place of the one before.
    pub(super) fn write(&self) -> Result<()> {
        let path = workspace::root().join("README.md");
        let readme = std::fs::read_to_string(&path)?;
        let written = replaced(&readme, &self.render()).context("README.md has no place for the table")?;
        std::fs::write(&path, written)?;
        println!("wrote {}", path.display());
        Ok(())
    }
}

/// The text with another table between the marks.
fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
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
        let readme = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(replaced(&readme, "new\n"), Some(format!("a\n{BEGIN}\nnew\n\n{END}b\n")));
        assert_eq!(replaced("a\n", "new\n"), None);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }
}
