//! How a part of the tests ended.

use crate::child::Ran;
use crate::counts::Counts;
use crate::printed;
use std::time::Duration;

/// How a part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// A tool is missing: which.
    Skipped(String),
}

/// A part's end and the tests it counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) counts: Counts,
    /// What the tests that failed have printed.
    pub(super) failures: String,
}

impl Outcome {
    /// Nothing counted, and nothing wrong.
    pub(super) fn passed() -> Self {
        Self::new(Verdict::Passed, Counts::default())
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self::new(Verdict::Skipped(why.into()), Counts { skipped: 1, ..Counts::default() })
    }

    /// A failure that no test runner has counted, such as a crash or a lint, is counted as one.
    pub(super) fn of(ran: &Ran) -> Self {
        let mut counts = Counts::in_output(&ran.output);
        let verdict = if ran.success && counts.failed == 0 { Verdict::Passed } else { Verdict::Failed };
        if verdict == Verdict::Failed {
            counts.failed = counts.failed.max(1);
        }
        Self { failures: printed::failures(&ran.output), ..Self::new(verdict, counts) }
    }

    /// A failure of no test in particular.
    pub(super) fn failed() -> Self {
        Self::new(Verdict::Failed, Counts { failed: 1, ..Counts::default() })
    }

    /// Both together: what is wrong with one is wrong with the whole.
    pub(super) fn and(self, other: Self) -> Self {
        let mut counts = self.counts;
        counts += other.counts;
        let verdict = match (self.verdict, other.verdict) {
            (Verdict::Failed, _) | (_, Verdict::Failed) => Verdict::Failed,
            (Verdict::Passed, verdict) | (verdict, Verdict::Passed) => verdict,
            (Verdict::Skipped(one), Verdict::Skipped(other)) => Verdict::Skipped(format!("{one}; {other}")),
        };
        Self { verdict, counts, failures: self.failures + &other.failures }
    }

    pub(super) fn new(verdict: Verdict, counts: Counts) -> Self {
        Self { verdict, counts, failures: String::new() }
    }
}

/// A line of the summary.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(success: bool, output: &str) -> Outcome {
        Outcome::of(&Ran { success, output: output.to_owned() })
    }

    #[test]
    fn a_failure_nobody_counted_counts_as_one() {
        assert_eq!(ran(false, "error: it does not build").counts.failed, 1);
        let counted = ran(false, "test result: FAILED. 3 passed; 2 failed; 0 ignored\n");
        assert_eq!(counted.counts, Counts { passed: 3, failed: 2, skipped: 0 });
    }

    #[test]
    fn a_counted_failure_is_believed_over_the_status() {
        assert_eq!(ran(true, "ℹ pass 1\nℹ fail 1").verdict, Verdict::Failed);
        assert_eq!(ran(true, "ℹ pass 1\nℹ fail 0").verdict, Verdict::Passed);
    }

    #[test]
    fn the_worst_of_two_is_the_verdict_of_both() {
        let passed = ran(true, "ℹ pass 1");
        assert_eq!(passed.clone().and(Outcome::failed()).verdict, Verdict::Failed);
        let both = passed.clone().and(Outcome::skipped("a tool"));
        assert_eq!(both.verdict, Verdict::Skipped("a tool".to_owned()));
        assert_eq!(both.counts, Counts { passed: 1, failed: 0, skipped: 1 });
        assert_eq!(passed.clone().and(passed).verdict, Verdict::Passed);
    }
}
