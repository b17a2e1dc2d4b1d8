//! The part `browser`: the page in a real browser, which is installed where that is allowed.

use testbed::programs;

/// The browser under the names that distributions give it.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What drives it.
const DRIVERS: [&str; 1] = ["chromedriver"];

/// Makes sure that a browser and its driver are there; what is missing where they cannot be had.
pub(super) fn missing() -> Option<&'static str> {
    if !is_there()
        && let Err(error) = programs::install_debian(&["chromium", "chromium-driver"])
    {
        eprintln!("{error:#}");
    }
    (!is_there()).then_some("chromium and chromedriver (Debian: chromium, chromium-driver)")
}

fn is_there() -> bool {
    programs::find(&BROWSERS).is_some() && programs::find(&DRIVERS).is_some()
}
