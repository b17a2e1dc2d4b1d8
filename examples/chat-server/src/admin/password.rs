//! A password from standard input: asked for without showing it on a terminal, else the first line of what is piped
//! in. Never an argument, since those can be seen by everybody on the machine.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _, stderr, stdin};

use anyhow::{Context as _, ensure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Reads it.
///
/// # Errors
/// When there is none, or the two that were typed differ.
pub(crate) fn read() -> anyhow::Result<String> {
    if !stdin().is_terminal() {
        return line().context("cannot read the password from standard input");
    }
    let hidden = Hidden::new().context("cannot hide the password")?;
    let password = asked("Password: ")?;
    let again = asked("Once more: ")?;
    drop(hidden);
    ensure!(password == again, "these are two different passwords");
    Ok(password)
}

fn asked(question: &str) -> io::Result<String> {
    eprint!("{question}");
    stderr().flush()?;
    let line = line();
    eprintln!();
    line
}

/// The next line without its end.
fn line() -> io::Result<String> {
    let mut line = String::new();
    if stdin().lock().read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// While it lives the terminal does not show what is typed.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal is gone when this fails.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}
