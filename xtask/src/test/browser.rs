//! The part `browser`: the page in a real browser, which is installed where that is allowed.

use super::{Outcome, cargo_test, one_test};
use crate::tools;
use anyhow::Result;

/// The browser under the names that distributions give it.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What drives it.
const DRIVERS: [&str; 1] = ["chromedriver"];

/// Runs it when a browser and its driver can be had.
pub(super) fn run() -> Result<Outcome> {
    if !is_there()
        && let Err(error) = tools::install_debian(&["chromium", "chromium-driver"])
    {
        eprintln!("{error:#}");
    }
    if !is_there() {
        return Ok(Outcome::skipped("chromium and chromedriver (Debian: chromium, chromium-driver)"));
    }
    cargo_test(&one_test("browser"), &["--nocapture"])
}

fn is_there() -> bool {
    tools::find(&BROWSERS).is_some() && tools::find(&DRIVERS).is_some()
}
