//! What is printed: a few lines while a benchmark runs, and one table at the end.

use super::machine::Fsync;
use super::series::Series;
use super::{Bound, Outcome, Pair, Spec, Unit, count};
use std::time::Duration;

const HEADINGS: [&str; 8] = ["id", "raw", "ours", "ratio", "ship", "aim", "verdict", "what"];

/// Printed before the first round.
pub fn opening(spec: &Spec) {
    println!("\n{}  {}\n    reference: {}", spec.id, spec.what, spec.reference);
}

/// Printed after every round.
pub fn round(spec: &Spec, pair: &Pair) {
    println!(
        "    raw {:>12}   ours {:>12}",
        value(spec.unit, pair.raw.value),
        value(spec.unit, pair.ours.value)
    );
}

/// Printed after the last round.
pub fn closing(outcome: &Outcome) {
    side("raw ", outcome.spec.unit, &outcome.raw);
    side("ours", outcome.spec.unit, &outcome.ours);
    println!("    ratio {:.2}   {}", outcome.ratio(), fsync(outcome.fsync));
}

/// The line about the disk.
pub fn fsync(measured: Fsync) -> String {
    let micros = |of: Duration| of.as_secs_f64() * 1e6;
    format!("fsync of 4 KiB: p50 {:.0} µs, p99 {:.0} µs", micros(measured.p50), micros(measured.p99))
}

fn side(name: &str, unit: Unit, series: &Series) {
    let ((low, high), effort) = (series.spread(), series.effort());
    let (seconds, work) = (effort.cpu.as_secs_f64(), count(effort.work));
    println!(
        "    {name} median {} ({} to {}); {} by the clock; processor {seconds:.2} s, {:.2} µs each",
        value(unit, series.median()),
        value(unit, low),
        value(unit, high),
        value(Unit::PerSecond, work / effort.wall.as_secs_f64()),
        seconds * 1e6 / work,
    );
}

/// The table of all results.
pub fn table(outcomes: &[Outcome]) -> String {
    let rows: Vec<[String; 8]> = outcomes.iter().map(row).collect();
    let headings = HEADINGS.map(String::from);
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| {
            rows.iter().chain([&headings]).map(|row| row[column].chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &[String; 8]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  ");
    let lines: Vec<String> = [line(&headings), rule].into_iter().chain(rows.iter().map(line)).collect();
    lines.join("\n")
}

fn row(outcome: &Outcome) -> [String; 8] {
    let spec = &outcome.spec;
    [
        spec.id.to_owned(),
        value(spec.unit, outcome.raw.median()),
        value(spec.unit, outcome.ours.median()),
        format!("{:.2}", outcome.ratio()),
        bound(spec.ship),
        bound(spec.aim),
        if outcome.ships() { "ok" } else { "under ship" }.to_owned(),
        spec.what.to_owned(),
    ]
}

fn bound(of: Bound) -> String {
    match of {
        Bound::AtLeast(ratio) => format!("≥ {ratio}"),
        Bound::AtMost(ratio) => format!("≤ {ratio}"),
    }
}

fn value(unit: Unit, number: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", grouped(number)),
        Unit::PerCpuSecond => format!("{}/cpu s", grouped(number)),
        Unit::Micros => format!("{number:.1} µs"),
        Unit::Bytes => format!("{} B", grouped(number)),
    }
}

/// A whole number with a space at every thousand.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == first % 3 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Effort;

    fn outcome(ours: f64) -> Outcome {
        let second = Duration::from_secs(1);
        let sample = |value| Effort { work: 1, wall: second, cpu: second }.with(value);
        let (mut raw_side, mut our_side) = (Series::default(), Series::default());
        raw_side.push(sample(128_000.0));
        our_side.push(sample(ours));
        let spec = Spec {
            id: "f1",
            what: "fan-out",
            reference: "a raw task",
            unit: Unit::PerSecond,
            ship: Bound::AtLeast(0.7),
            aim: Bound::AtLeast(0.85),
        };
        let fsync = Fsync { p50: Duration::from_micros(300), p99: Duration::from_micros(900) };
        Outcome { spec, raw: raw_side, ours: our_side, fsync }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0.0, 12.0, 999.0, 1_000.0, 26_500.4, 1_234_567.0].map(grouped),
            ["0", "12", "999", "1 000", "26 500", "1 234 567"]
        );
    }

    #[test]
    fn the_table_names_what_is_under_ship() {
        let table = table(&[outcome(102_400.0), outcome(64_000.0)]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "f1  128 000/s  102 400/s  0.80   ≥ 0.7  ≥ 0.85  ok          fan-out");
        assert_eq!(lines[3], "f1  128 000/s  64 000/s   0.50   ≥ 0.7  ≥ 0.85  under ship  fan-out");
    }
}
