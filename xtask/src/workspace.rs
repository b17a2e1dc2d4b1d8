//! What cargo knows about this workspace.

use crate::child;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's folder")
}

/// Parts of `cargo metadata`.
#[derive(Debug)]
pub(crate) struct Workspace(Value);

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let text = child::output(&mut child::cargo(&["metadata", "--no-deps", "--format-version=1"]))?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    /// The folder that cargo builds into.
    pub(crate) fn target_dir(&self) -> Result<PathBuf> {
        let dir = self.0["target_directory"].as_str().context("cargo names its target directory")?;
        Ok(PathBuf::from(dir))
    }

    /// The names of all integration tests, sorted.
    pub(crate) fn integration_tests(&self) -> Vec<String> {
        let packages = self.0["packages"].as_array().into_iter().flatten();
        let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
        let tests = targets.filter(|target| target["kind"][0] == "test");
        let mut names: Vec<String> =
            tests.filter_map(|test| test["name"].as_str().map(String::from)).collect();
        names.sort();
        names.dedup();
        names
    }
}
