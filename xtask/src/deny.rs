//! `cargo xtask deny`: advisories, licences and sources of all dependencies, by the rules in `.deny.toml`.

use crate::child;
use anyhow::Result;
use std::process::ExitCode;
use testbed::programs;

/// Runs cargo-deny, or tells how to get it.
pub(crate) fn run() -> Result<ExitCode> {
    if programs::find(&["cargo-deny"]).is_none() {
        anyhow::bail!("cargo-deny is missing; `cargo install --locked cargo-deny` gets it");
    }
    Ok(child::run(&mut child::cargo(&["deny", "--config", ".deny.toml", "--all-features", "check"]))?
        .exit_code())
}
