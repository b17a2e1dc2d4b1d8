//! The machine that this runs on: what it promises to have, and what room is left on it.

use crate::workspace;

/// Where this runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ci {
    Yes,
    No,
}

/// Whether the machine promises to have everything.
pub(crate) fn ci() -> Ci {
    if std::env::var("CI").is_ok_and(|value| value == "true") { Ci::Yes } else { Ci::No }
}

/// How much of the disk that holds the workspace is free, in GiB, where that can be asked.
pub(crate) fn free_disk_gib() -> Option<u64> {
    let disk = rustix::fs::statvfs(workspace::root()).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize) >> 30)
}
