//! One clear line for a run that cannot work.

use std::process::ExitCode;

/// What a run ends with that could not do what it was asked; `check` ends with 1 when it found something.
pub(crate) const FAILED: u8 = 2;

/// Tells why, with all causes, on one line of standard error.
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    eprintln!("chat-server: {}", one_line(&format!("{error:#}")));
    ExitCode::from(FAILED)
}

/// Tells what is wrong with the command line; what was asked for (help, version) goes to standard output.
pub(crate) fn tell_usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader that has gone away has read enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let (reason, _usage) = text.split_once("\n\nUsage:").unwrap_or((&text, ""));
    let (reason, _help) = reason.split_once("\n\nFor more").unwrap_or((reason, ""));
    eprintln!("chat-server: {} (--help tells more)", one_line(reason.trim_start_matches("error: ")));
    ExitCode::from(FAILED)
}

/// The text on one line, without the drawings that parsers put below a line they do not like.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_drawing(line));
    lines.collect::<Vec<_>>().join(" ")
}

/// `3 | key =` or `  | ^^^`.
fn is_drawing(line: &str) -> bool {
    line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_left_out() {
        let text = "TOML parse error at line 1, column 3\n  |\n1 | a b\n  |   ^\nexpected `=`\n";
        assert_eq!(one_line(text), "TOML parse error at line 1, column 3 expected `=`");
    }
}
