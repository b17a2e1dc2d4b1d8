//! What README.md says is what the code says.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use chat_core::{Limits, Policies};

const README: &str = include_str!("../../../README.md");

/// The rows of the table under this heading, as their first two cells.
fn table(heading: &str) -> Vec<(String, String)> {
    let (_, section) = README.split_once(heading).expect("the heading is there");
    let rows = section.lines().skip_while(|line| !line.starts_with("|--")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells =
                line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect()
}

#[test]
fn every_limit_is_listed_with_its_default() {
    let said = table("\n## Limits\n");
    let limits = Limits::default();
    let meant: Vec<_> = limits.iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
    assert_eq!(said, meant);
}

#[test]
fn every_policy_is_listed_with_its_values() {
    let said = table("\n### Policies\n");
    let values = |values: &str| values.replace('|', ", ");
    let meant: Vec<_> = Policies::NAMES.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect();
    assert_eq!(said, meant);
}
