//! The file of the keys that sign tokens: found, or made on first start.
//!
//! What stands in it is [`Keys`]' affair. Here is how it lies on the disk: private to its owner (mode 0600), made
//! whole or not at all. A server never runs with a file that is empty, holds a short key or can be read by others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use chat_core::SystemIds;
use chat_core::accounts::Keys;
use zeroize::Zeroizing;

/// No file of keys is larger; what is, is some other file.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The keys of this file, which is made with a fresh one when it is not there.
///
/// # Errors
/// When the file cannot be read or made, or is not as it must be; says why.
pub fn load_or_make(path: &Path) -> anyhow::Result<Keys> {
    let name = path.display();
    match make(path) {
        Ok(()) => tracing::debug!(file = %name, "made a signing key"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make the signing key {name}")),
    }
    load(path).with_context(|| format!("cannot use the signing key {name}"))
}

/// Writes a fresh key to a new file beside `path` and gives it this name, unless there is one of it.
fn make(path: &Path) -> io::Result<()> {
    if fs::exists(path)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let unpredictable = getrandom::u32().map_err(io::Error::other)?;
    let draft = path.with_added_extension(format!("{unpredictable:08x}.new"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let named = file
        .write_all(Keys::generate(&SystemIds::default()).expose().as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    named?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads and judges the file.
fn load(path: &Path) -> anyhow::Result<Keys> {
    let found = fs::metadata(path)?;
    ensure!(found.is_file(), "it is not a file");
    let mode = found.mode() & 0o777;
    ensure!(mode & 0o700 == mode, "others may read it (mode {mode:04o}), set its mode to 0600");
    ensure!(found.len() <= FILE_BYTES_MAX, "it is too large to be a file of keys");
    Ok(Keys::parse(&Zeroizing::new(fs::read_to_string(path)?))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    const GOOD: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";

    fn refused(text: &str, mode: u32) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        format!("{:#}", load_or_make(&path).unwrap_err())
    }

    #[test]
    fn the_key_of_the_first_start_is_kept_private_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        load_or_make(&path).unwrap();
        let made = fs::read_to_string(&path).unwrap();
        load_or_make(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn many_that_start_at_once_agree_on_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let start = Barrier::new(8);
        let load = || {
            start.wait();
            format!("{:?}", load_or_make(&path).unwrap())
        };
        let keys: Vec<_> = thread::scope(|scope| {
            let threads = [(); 8].map(|()| scope.spawn(load));
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_empty_short_or_readable_is_refused() {
        assert!(refused("", 0o600).contains("holds no key"));
        assert!(refused(&GOOD[1..], 0o600).contains("248 bits"));
        assert!(refused(GOOD, 0o640).contains("0640"));
        assert!(refused(GOOD, 0o604).contains("0604"));
        assert!(refused(&"#\n".repeat(40_000), 0o600).contains("too large"));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load_or_make(dir.path()).is_err());
        assert!(load_or_make(&dir.path().join("missing/key")).is_err(), "folders are not made for it");
    }
}
