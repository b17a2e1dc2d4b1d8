//! What a mail server of a test has received.
//!
//! aiosmtpd lays each mail into a folder, whole, before it answers that it has it. The folder is watched, so that nobody
//! has to look again and again.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use crate::services::Service;

/// How long a mail may take, on a machine that is busy with other things.
const ARRIVAL_MAX: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// The mails of one server, each told once.
#[derive(Debug)]
pub struct Mailbox {
    folder: PathBuf,
    watch: OwnedFd,
    told: HashSet<OsString>,
}

impl Mailbox {
    /// Of this server, which is an [`Smtp`](crate::services::Smtp).
    ///
    /// # Errors
    /// When its folder cannot be watched.
    pub fn of(server: &Service) -> Result<Self> {
        let folder = server.data().join("mail/new");
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
        let arrives = inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&watch, &folder, arrives).context("there is no folder of mails")?;
        Ok(Self { folder, watch, told: HashSet::new() })
    }

    /// The next mail as it was sent; waits for it.
    ///
    /// # Errors
    /// When none arrives.
    pub fn mail(&mut self) -> Result<String> {
        loop {
            if let Some(mail) = self.untold()? {
                return Ok(mail);
            }
            let mut waits = [PollFd::new(&self.watch, PollFlags::IN)];
            ensure!(poll(&mut waits, Some(&ARRIVAL_MAX))? > 0, "no mail has arrived");
            rustix::io::read(&self.watch, &mut [0_u8; 4_096])?;
        }
    }

    /// How many mails there are that were not told.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn waiting(&self) -> Result<usize> {
        let names =
            fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
        Ok(names.iter().filter(|name| !self.told.contains(*name)).count())
    }

    fn untold(&mut self) -> Result<Option<String>> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if self.told.insert(entry.file_name()) {
                return Ok(Some(fs::read_to_string(entry.path())?));
            }
        }
        Ok(None)
    }
}
