//! Programs beyond Rust's own: found on the PATH, installed where that is allowed, or missing.

use crate::child;
use anyhow::Result;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// The first of `names` that is on the PATH.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Installs Debian packages when this machine is ours to change: as root, where there is apt-get.
pub(crate) fn install_debian(packages: &[&str]) -> Result<()> {
    anyhow::ensure!(
        is_root() && find(&["apt-get"]).is_some(),
        "not root on Debian, so nothing was installed"
    );
    let quietly = ["-qq", "-y", "--no-install-recommends", "install"];
    for arguments in [&["-qq", "update"][..], &[&quietly[..], packages].concat()] {
        let mut command = child::program("apt-get", arguments);
        let ran = child::run(command.env("DEBIAN_FRONTEND", "noninteractive"))?;
        anyhow::ensure!(ran.success, "apt-get {} failed", arguments.join(" "));
    }
    Ok(())
}

/// Whether cargo has the subcommand of a Rust component; asks rustup for it when not.
pub(crate) fn has_component(component: &str, subcommand: &str) -> bool {
    let answers =
        || child::cargo(&[subcommand, "--version"]).output().is_ok_and(|output| output.status.success());
    let add = || child::run(&mut child::program("rustup", &["component", "add", component]));
    answers() || (find(&["rustup"]).is_some() && add().is_ok_and(|ran| ran.success) && answers())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
