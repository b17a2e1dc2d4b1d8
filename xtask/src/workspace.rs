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
}
