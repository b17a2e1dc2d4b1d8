//! What test programs print under `--show-output`: read for what they counted, and shown without the noise.
//!
//! Lines of successful tests stand in a section of their own, `---- NAME stdout ----` before those of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Begins the line of a test that could do nothing, since something is missing.
const SKIPPED: &str = "SKIPPED: ";

/// Begins the line of a test that counted something.
const COUNTED: &str = "counted: ";

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    /// Names and verdicts, failures, and the result.
    Report,
    /// What successful tests have printed.
    Successes,
    /// The names of successful tests, which were told before.
    Names,
}

/// Something that a test counted: `counted: store=sqlite kills=60 acked=9000` is two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) store: String,
    pub(crate) what: String,
    pub(crate) number: u64,
}

/// The sections of an output, line by line. Several programs may have printed it one after the other.
fn sections(output: &str) -> impl Iterator<Item = (Section, &str)> {
    output.lines().scan(Section::Report, |section, line| {
        *section = match (*section, line) {
            (Section::Report, "successes:") => Section::Successes,
            (Section::Successes, "successes:") => Section::Names,
            (Section::Names, line) if !(line.is_empty() || line.starts_with("    ")) => Section::Report,
            (before, _) => before,
        };
        Some((*section, line))
    })
}

/// How many tests succeeded only because they did nothing.
pub(crate) fn skipped(output: &str) -> u64 {
    let (mut skipped, mut here) = (0, false);
    for (_, line) in sections(output).filter(|(section, _)| *section == Section::Successes) {
        if is_header(line) {
            here = false;
        } else if line.starts_with(SKIPPED) && !here {
            skipped += 1;
            here = true;
        }
    }
    skipped
}

/// Everything that successful tests have counted.
pub(crate) fn counted(output: &str) -> Vec<Counted> {
    let lines = sections(output).filter(|(section, _)| *section == Section::Successes);
    lines.filter_map(|(_, line)| line.strip_prefix(COUNTED)).flat_map(numbers).collect()
}

fn numbers(line: &str) -> Vec<Counted> {
    let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
    let Some(("store", store)) = fields.next() else { return Vec::new() };
    let number = |(what, number): (&str, &str)| {
        Some(Counted { store: store.to_owned(), what: what.to_owned(), number: number.parse().ok()? })
    };
    fields.filter_map(number).collect()
}

/// The output for people: no names of successes twice, no counts, and what was skipped once for each reason.
pub(crate) fn shortened(output: &str) -> String {
    let (mut text, mut reasons) = (String::new(), BTreeMap::<&str, u64>::new());
    let mut header = None;
    for (section, line) in sections(output) {
        match section {
            Section::Names => {}
            Section::Successes if is_header(line) => header = Some(line),
            Section::Successes if line.starts_with(SKIPPED) => *reasons.entry(line).or_default() += 1,
            Section::Successes if line.is_empty() || line == "successes:" || line.starts_with(COUNTED) => {}
            Section::Report | Section::Successes => {
                for line in header.take().into_iter().chain([line]) {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
    }
    for (reason, times) in reasons {
        let _ = writeln!(text, "{reason} ({times} times)");
    }
    text
}

/// What the tests that failed have printed, each at most [`FAILURE_LINES_MAX`] lines long: its first and its last ones.
pub(crate) fn failures(output: &str) -> String {
    let mut text = String::new();
    for (of, lines) in output.split("\nfailures:\n").skip(1).filter_map(failure_section).flatten() {
        let left_out = lines.len().saturating_sub(FAILURE_LINES_MAX);
        let _ = writeln!(text, "{of}");
        for (at, line) in lines.iter().enumerate() {
            match at.checked_sub(FAILURE_LINES_MAX / 2) {
                Some(0) if left_out > 0 => drop(writeln!(text, "[{left_out} lines more]")),
                Some(after) if after < left_out => {}
                _ => drop(writeln!(text, "{line}")),
            }
        }
    }
    text
}

/// How much of a failure stands in the summary.
const FAILURE_LINES_MAX: usize = 30;

/// The tests of a section of failures, with their lines; none where the section only names them.
fn failure_section(section: &str) -> Option<Vec<(&str, Vec<&str>)>> {
    let mut tests: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in section.trim_start().lines() {
        match tests.last_mut() {
            _ if is_header(line) => tests.push((line, Vec::new())),
            Some((_, lines)) if !line.is_empty() => lines.push(line),
            Some(_) => {}
            None => return None,
        }
    }
    Some(tests)
}

fn is_header(line: &str) -> bool {
    line.starts_with("---- ") && line.ends_with(" stdout ----")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 4 tests
test log::one ... ok
test log::two ... ok
test log::three ... ok
test four ... FAILED

successes:

---- log::one stdout ----
counted: store=sqlite conformance=1

---- log::two stdout ----
SKIPPED: no server
SKIPPED: no server

---- log::three stdout ----
CHAT_SEED=7
counted: store=sqlite kills=60 acked=9000


successes:
    log::one
    log::two
    log::three

failures:

---- four stdout ----
counted: store=sqlite conformance=1
SKIPPED: half of it

failures:
    four

test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

    fn count(what: &str, number: u64) -> Counted {
        Counted { store: "sqlite".to_owned(), what: what.to_owned(), number }
    }

    #[test]
    fn only_successes_count() {
        assert_eq!(counted(OUTPUT), [count("conformance", 1), count("kills", 60), count("acked", 9000)]);
        assert_eq!(skipped(OUTPUT), 1);
        let twice = OUTPUT.repeat(2);
        assert_eq!((counted(&twice).len(), skipped(&twice)), (6, 2));
    }

    #[test]
    fn failures_are_told_again_at_the_end() {
        assert_eq!(
            failures(OUTPUT),
            "---- four stdout ----\ncounted: store=sqlite conformance=1\nSKIPPED: half of it\n"
        );
        assert_eq!(failures("test result: ok. 1 passed; 0 failed"), "");
        let long = (0..40).fold(String::new(), |lines, line| lines + &format!("line {line}\n"));
        let output = format!(
            "\nfailures:\n\n---- a stdout ----\n{long}\n---- b stdout ----\nb\n\nfailures:\n    a\n    b\n"
        );
        let told = failures(&output);
        assert!(told.contains("line 14\n[10 lines more]\nline 25\n"), "{told}");
        assert!(
            told.starts_with("---- a stdout ----\nline 0\n") && told.ends_with("---- b stdout ----\nb\n"),
            "{told}"
        );
    }

    #[test]
    fn other_lines_are_no_counts() {
        for line in ["", "kills=1", "store=", "store=a kills=many", "what=1 store=a", "store=a"] {
            assert_eq!(numbers(line), [], "{line}");
        }
    }

    #[test]
    fn what_people_need_is_shown() {
        let expected = "\
running 4 tests
test log::one ... ok
test log::two ... ok
test log::three ... ok
test four ... FAILED

---- log::three stdout ----
CHAT_SEED=7
failures:

---- four stdout ----
counted: store=sqlite conformance=1
SKIPPED: half of it

failures:
    four

test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
SKIPPED: no server (2 times)
";
        assert_eq!(shortened(OUTPUT), expected);
    }
}
