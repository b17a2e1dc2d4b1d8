//! Where a service lives: a folder that goes away with it, and a port.

use super::account::Account;
use super::cache;
use anyhow::{Context as _, Result};
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Ports below those that the system gives to connections, so that a server finds its own free when it comes back.
const PORTS: Range<u64> = 12_000..32_000;

/// Everybody may look in.
const OPEN: u32 = 0o755;

/// A folder and a port.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
    data: PathBuf,
    port: u16,
}

impl Place {
    /// Makes the folder, with an empty one for the data in it that belongs to this account.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn make(name: &str, account: Option<Account>) -> Result<Self> {
        let home = cache::home();
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        // An account that cannot get there gets a folder where everybody can.
        let home = if account.is_none() || is_open(&home) { home } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(home)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(OPEN))?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        if let Some(Account { user, group }) = account {
            chown(&data, Some(user), Some(group))?;
        }
        Ok(Self { folder, data, port: free_port()? })
    }

    /// All that goes away.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the server keeps.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// What it prints.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// Whether everybody can go there.
fn is_open(folder: &Path) -> bool {
    folder.ancestors().all(|folder| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0))
}

/// One that nobody listens on.
fn free_port() -> Result<u16> {
    let tries =
        (0..1_000_u32).map(|_| PORTS.start + RandomState::new().hash_one(0) % (PORTS.end - PORTS.start));
    let mut ports = tries.filter_map(|port| u16::try_from(port).ok());
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).context("no port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_goes_away_with_its_value() {
        let place = Place::make("nothing", None).unwrap();
        let (folder, data) = (place.folder().to_owned(), place.data().to_owned());
        assert!(data.is_dir() && data.starts_with(&folder));
        drop(place);
        assert!(!folder.exists());
    }

    #[test]
    fn a_closed_folder_closes_what_is_in_it() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let set = |mode| fs::set_permissions(outer.path(), fs::Permissions::from_mode(mode)).unwrap();
        set(0o700);
        assert!(!is_open(&inner));
        set(OPEN);
        assert_eq!(is_open(&inner), is_open(outer.path()));
    }
}
