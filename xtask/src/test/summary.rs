//! The end of a run: a table of the parts, what was skipped, what failed and how, and one plain line of counts.

use super::outcome::{Report, Verdict};
use crate::counts::Counts;
use crate::machine::Ci;
use std::fmt::Write as _;
use std::time::Duration;

/// Whether the run as a whole has passed. Under CI nothing may be missing.
pub(super) fn is_good(reports: &[Report], ci: Ci) -> bool {
    reports.iter().all(|report| match report.outcome.verdict {
        Verdict::Passed => true,
        Verdict::Failed => false,
        Verdict::Skipped(_) => ci == Ci::No,
    })
}

/// The whole summary.
pub(super) fn render(reports: &[Report], ci: Ci) -> String {
    let mut text = format!("{:<10}{:<10}{:>10}  counts\n", "part", "verdict", "time");
    let mut sum = Counts::default();
    for Report { name, outcome, took } in reports {
        sum += outcome.counts;
        let counts =
            if outcome.counts == Counts::default() { String::new() } else { outcome.counts.to_string() };
        let line = format!("{name:<10}{:<10}{:>10}  {counts}", verdict(&outcome.verdict), seconds(*took));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for Report { name, outcome, .. } in reports {
        if let Verdict::Skipped(why) = &outcome.verdict {
            let and_so = if ci == Ci::Yes { "; CI=true makes this a failure" } else { "" };
            let _ = writeln!(text, "\n!!! SKIPPED {name}: missing {why}{and_so}");
        }
    }
    for Report { name, outcome, .. } in reports.iter().filter(|report| !report.outcome.failures.is_empty()) {
        let _ = write!(text, "\nFAILED in {name}:\n{}", outcome.failures);
    }
    let _ = write!(text, "\n{sum}");
    text
}

/// A verdict in one word.
pub(super) fn verdict(of: &Verdict) -> &'static str {
    match of {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::Skipped(_) => "SKIPPED",
    }
}

/// A time as people read it.
pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Outcome;
    use super::*;

    fn reports() -> Vec<Report> {
        let took = Duration::from_millis(1_250);
        let passed = |counts| Outcome::new(Verdict::Passed, counts);
        let tests = passed(Counts { passed: 7, failed: 0, skipped: 1 });
        vec![
            Report { name: "fmt".to_owned(), outcome: passed(Counts::default()), took },
            Report { name: "core".to_owned(), outcome: tests, took },
            Report { name: "browser".to_owned(), outcome: Outcome::skipped("chromium"), took },
        ]
    }

    #[test]
    fn it_shows_each_part_what_is_missing_and_the_sum() {
        let expected = "\
part      verdict         time  counts
fmt       passed         1.2 s
core      passed         1.2 s  7 passed, 0 failed, 1 skipped
browser   SKIPPED        1.2 s  0 passed, 0 failed, 1 skipped

!!! SKIPPED browser: missing chromium

7 passed, 0 failed, 2 skipped";
        assert_eq!(render(&reports(), Ci::No), expected);
    }

    #[test]
    fn failures_stand_at_the_end() {
        let mut reports = reports();
        reports[1].outcome.failures = "---- a stdout ----\nwhy\n".to_owned();
        let text = render(&reports, Ci::No);
        assert!(text.contains("\nFAILED in core:\n---- a stdout ----\nwhy\n\n7 passed"), "{text}");
    }

    #[test]
    fn what_is_missing_is_a_failure_only_under_ci() {
        assert!(is_good(&reports(), Ci::No));
        assert!(!is_good(&reports(), Ci::Yes));
        assert!(render(&reports(), Ci::Yes).contains("missing chromium; CI=true makes this a failure"));
    }
}
