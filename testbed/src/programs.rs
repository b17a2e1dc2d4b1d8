//! Programs beyond Rust's own: found on this machine, installed where that is allowed, or missing.

use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian keeps programs that are not on everybody's PATH.
const MORE_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// What Debian's packages ask before they start the service they bring.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The first of `names` that is on the PATH, or where Debian puts servers.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(MORE_FOLDERS.map(PathBuf::from)).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Installs Debian packages when this machine is ours to change: as root, where there is apt-get. Services that the
/// packages bring are not started.
///
/// # Errors
/// When it is not, or apt-get fails.
pub fn install_debian(packages: &[&str]) -> Result<()> {
    ensure!(is_root() && find(&["apt-get"]).is_some(), "not root on Debian, so nothing was installed");
    let _quiet = NoServices::hold()?;
    let quietly = ["-qq", "-y", "--no-install-recommends", "install"];
    for arguments in [&["-qq", "update"][..], &[&quietly[..], packages].concat()] {
        let mut command = Command::new("apt-get");
        run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    Ok(())
}

/// Runs a program to its end. What it prints goes to standard error, since standard output is for results.
///
/// # Errors
/// When it cannot be started or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = describe(command);
    eprintln!("$ {shown}");
    let command = command.stdin(Stdio::null()).stdout(std::io::stderr());
    let status = command.status().with_context(|| format!("cannot run {shown}"))?;
    ensure!(status.success(), "{shown} failed: {status}");
    Ok(())
}

/// The command as it would be typed, without the folder of the program.
pub fn describe(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// While it lives, packages that are installed do not start their services.
#[derive(Debug)]
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn hold() -> Result<Self> {
        // A machine that has its own policy, as containers do, keeps it.
        let ours = !Path::new(POLICY).exists();
        if ours {
            fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            // It was ours to make; who took it away meanwhile did our work.
            let _ = fs::remove_file(POLICY);
        }
    }
}
