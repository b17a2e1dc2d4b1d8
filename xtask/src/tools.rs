//! Rust's own components, which rustup brings when they are missing.

use crate::child;
use testbed::programs;

/// Whether cargo has the subcommand of a Rust component; asks rustup for it when not.
pub(crate) fn has_component(component: &str, subcommand: &str) -> bool {
    let answers =
        || child::cargo(&[subcommand, "--version"]).output().is_ok_and(|output| output.status.success());
    let add = || child::run(&mut child::program("rustup", &["component", "add", component]));
    answers() || (programs::find(&["rustup"]).is_some() && add().is_ok_and(|ran| ran.success) && answers())
}
