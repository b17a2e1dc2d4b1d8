//! `cargo xtask spec`: the documents of the protocol, generated from the types of `chat-transport-ws`.
//!
//! They are committed, so that a change of the protocol is seen in review; the part `drift` of the tests compares.

use crate::child;
use crate::workspace::{self, Workspace};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// The documents by the name that the generator knows them by.
pub(crate) const DOCUMENTS: [&str; 2] = ["openapi", "asyncapi"];

/// Where a document is committed.
pub(crate) fn committed(document: &str) -> PathBuf {
    workspace::root().join("chat-transport-ws").join(format!("{document}.json"))
}

/// All documents as the types have them now. Built with the features of the tests, which have built it already.
pub(crate) fn generate() -> Result<Vec<(&'static str, String)>> {
    let build = ["build", "--workspace", "--all-features", "--example", "spec"];
    anyhow::ensure!(child::run(&mut child::cargo(&build))?.success, "the generator does not build");
    let generator = Workspace::read()?.target_dir()?.join("debug/examples/spec");
    let generated = |name| Ok((name, child::output(&mut child::program(&generator, &[name]))?));
    DOCUMENTS.into_iter().map(generated).collect()
}

/// Writes all documents.
pub(crate) fn write() -> Result<ExitCode> {
    for (name, text) in generate()? {
        let path = committed(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
