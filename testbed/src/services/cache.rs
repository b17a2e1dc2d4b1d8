//! Downloads: each in a folder named by its version, whole or not there.

use anyhow::{Context as _, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Marks a download that came to its end.
const DONE: &str = "complete";

/// Where services live: in the folder that cargo builds into, or the usual one.
pub(super) fn home() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("testbed lies in the workspace's folder");
    root.join(given.unwrap_or_else(|| "target".into())).join("services")
}

/// Where the download of this name and version lies.
pub(super) fn folder(key: &str) -> PathBuf {
    home().join("cache").join(key)
}

/// Makes the folder by `get`, unless it is there. What was cut off is begun anew; who comes meanwhile waits.
///
/// # Errors
/// When `get` fails.
pub(super) fn once(key: &str, get: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = folder(key);
    let parent = folder.parent().context("it lies in the cache")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let lock = File::create(parent.join(format!("{key}.lock")))?;
    lock.lock()?;
    let done = folder.join(DONE);
    if done.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    get(&folder)?;
    File::create(done)?;
    Ok(())
}
