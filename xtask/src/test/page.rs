//! The part `page`: the tests of the page's modules under node, and its types checked by `tsc`.
//!
//! The page has no build step and no dependencies; the type checker is the only package, and only for developers.

use super::outcome::Outcome;
use crate::child::{self, Ran};
use crate::workspace;
use anyhow::Result;
use std::path::{Path, PathBuf};
use testbed::programs;

/// Where the tests lie, files named `….test.js`.
const TESTS: &str = "chat-page/page-tests";

/// Where the type checker is configured and installed.
const CHECKER: &str = ".config/page";

/// Runs both; the verdict is of both.
pub(super) fn run() -> Result<Outcome> {
    if programs::find(&["node"]).is_none() || programs::find(&["npm"]).is_none() {
        return Ok(Outcome::skipped("node and npm (Debian: nodejs, npm)"));
    }
    Ok(Outcome::of(&node_tests()?).and(Outcome::of(&type_check()?)))
}

/// Files are named one by one: what a folder means differs between versions of node.
fn node_tests() -> Result<Ran> {
    let files = test_files(&workspace::root().join(TESTS))?;
    anyhow::ensure!(!files.is_empty(), "no tests in {TESTS}");
    child::run(child::program("node", &["--test", "--test-reporter=spec"]).args(files))
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let is_test = |path: &PathBuf| path.to_string_lossy().ends_with(".test.js");
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_test).collect();
    files.sort();
    Ok(files)
}

fn type_check() -> Result<Ran> {
    let install =
        child::run(&mut child::program("npm", &["ci", "--no-audit", "--no-fund", "--prefix", CHECKER]))?;
    if !install.success {
        return Ok(install);
    }
    let checker = workspace::root().join(CHECKER).join("node_modules/.bin/tsc");
    child::run(&mut child::program(checker, &["--project", CHECKER]))
}
