//! How many tests ran, read from what the test runners print.

use crate::printed;
use std::ops::AddAssign;

/// Tests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl Counts {
    /// The sum of all closing lines of `cargo test` and of `node --test` in `output`. A test that says it has skipped
    /// itself is no success.
    pub(crate) fn in_output(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            sum += cargo_line(line).or_else(|| node_line(line)).unwrap_or_default();
        }
        let skipped = printed::skipped(output).min(sum.passed);
        Self { passed: sum.passed - skipped, skipped: sum.skipped + skipped, ..sum }
    }
}

/// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn cargo_line(line: &str) -> Option<Counts> {
    let (_, numbers) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for (number, what) in numbers.split("; ").filter_map(|part| part.split_once(' ')) {
        match what {
            "passed" => counts.passed = number.parse().ok()?,
            "failed" => counts.failed = number.parse().ok()?,
            "ignored" => counts.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(counts)
}

/// `ℹ pass 5`, or `# pass 5` from an older node.
fn node_line(line: &str) -> Option<Counts> {
    let line = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?;
    let (what, number) = line.split_once(' ')?;
    let number = number.parse().ok()?;
    match what {
        "pass" => Some(Counts { passed: number, ..Counts::default() }),
        "fail" | "cancelled" => Some(Counts { failed: number, ..Counts::default() }),
        "skipped" | "todo" => Some(Counts { skipped: number, ..Counts::default() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_and_node_are_summed() {
        let output = "\
running 5 tests
test a ... ok
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s
ℹ tests 4
ℹ pass 3
ℹ fail 1
ℹ cancelled 1
ℹ duration_ms 84.5
# skipped 2
";
        assert_eq!(Counts::in_output(output), Counts { passed: 11, failed: 4, skipped: 3 });
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["", "test result:", "3 passed", "# pass many", "ℹ suites 9", "test pass 5 ... ok"] {
            assert_eq!(Counts::in_output(line), Counts::default(), "{line}");
        }
    }
}
