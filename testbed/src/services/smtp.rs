//! aiosmtpd, the mail server of Python's test suite: takes every mail and lays it into a folder.
//!
//! A process of its own in an environment of its own, of one version. Its mails are a maildir, `mail/new`, in its data.

use super::{Recipe, cache};
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;

/// The version, also of its folder in the cache.
const KEY: &str = "aiosmtpd-1.4.6";

/// The same for pip.
const REQUIREMENT: &str = "aiosmtpd==1.4.6";

/// aiosmtpd.
#[derive(Clone, Copy, Debug)]
pub struct Smtp;

impl Recipe for Smtp {
    fn name(&self) -> &'static str {
        "aiosmtpd"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["python3", "python3-venv"]
    }

    fn is_installed(&self) -> bool {
        super::secantus::has_environments()
    }

    fn fetch(&self) -> Result<()> {
        cache::once(KEY, |folder| {
            let python = programs::find(&["python3"]).context("python3 is missing")?;
            programs::run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
            let mut pip = Command::new(folder.join("bin/pip"));
            programs::run(pip.args(["install", "--quiet", REQUIREMENT]))
        })
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, _data: &Path) -> Result<Option<Command>> {
        Ok(None)
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(cache::folder(KEY).join("bin/python"));
        command.args(["-m", "aiosmtpd", "--nosetuid", "--debug", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--class", "aiosmtpd.handlers.Mailbox"]).arg(data.join("mail"));
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "listening on"
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        format!("smtp://127.0.0.1:{port}")
    }
}
