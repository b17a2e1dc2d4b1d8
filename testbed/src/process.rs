//! A program that ends with its owner.
//!
//! It is killed by its own handle when the value is dropped. Where the owner has no time for that, because it is
//! killed itself, a [`Watchdog`] does it. An interrupt from the keyboard reaches the owner alone, so that there is one
//! order of ends.
//!
//! When it is ready is read from what it prints, so that nobody has to ask again and again.

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

/// How long a program may take until it is ready, on a machine that is busy with other things.
const READY_MAX: Duration = Duration::from_mins(2);

/// What a watchdog does when its owner is gone: ends the process with its group and its children, which may have left
/// the group, and takes its data away.
const BITE: &str = r#"read -r _
kill -s KILL -- $(cat "/proc/$1/task/$1/children") "-$1"
[ -z "$2" ] || rm -rf "$2""#;

/// Ends a process whose owner is gone.
///
/// It waits for the end of a pipe that only the owner holds, so that it learns of every end. The process has to lead a
/// group of its own (`process_group(0)`), as it does itself: what interrupts the owner's group must not end either of
/// them before the owner.
#[derive(Debug)]
pub struct Watchdog(Child);

impl Watchdog {
    /// Watches over a process of ours; `data` is taken away with it.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn over(child: &Child, data: Option<&Path>) -> Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", BITE, "watchdog", &child.id().to_string()]).arg(data.unwrap_or(Path::new("")));
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Self(shell.spawn().context("cannot run /bin/sh")?))
    }

    /// Takes it back without letting it bite: before the process is waited for, after which its number may be
    /// somebody else's.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn dismiss(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watchdog: Watchdog,
}

impl Process {
    /// Starts the command and waits until it has printed a line with `ready` in it. What it prints is added to `log`.
    /// `data` goes away with an owner that is killed.
    ///
    /// # Errors
    /// When it cannot be started, or ends or says nothing instead of getting ready; with the end of the log.
    pub fn start(mut command: Command, ready: &'static str, log: &Path, data: Option<&Path>) -> Result<Self> {
        let shown = crate::programs::describe(&command);
        let (printed, printing) = std::io::pipe()?;
        command.stdin(Stdio::null()).stdout(printing.try_clone()?).stderr(printing).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
        // The command holds the ends of the pipe that the program has now.
        drop(command);
        let process = Self { watchdog: Watchdog::over(&child, data)?, child };
        let file = File::options().create(true).append(true).open(log)?;
        match follow(printed, file, ready).recv_timeout(READY_MAX) {
            Ok(()) => Ok(process),
            Err(_) => bail!("{shown} did not get ready:\n{}", tail(log)),
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, and none of its children.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // It has not been waited for, so that the number is still its own.
        kill_process(pid(self.child.id())?, signal).context("cannot signal")
    }

    /// Stops it and its children where they are, as a machine that stalls.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> Result<()> {
        // The parent first: then it makes no more children.
        self.signal(Signal::STOP)?;
        self.signal_children(Signal::STOP);
        Ok(())
    }

    /// Lets it go on after [`Process::pause`].
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&self) -> Result<()> {
        self.signal_children(Signal::CONT);
        self.signal(Signal::CONT)
    }

    /// Kills it with its children, in the middle of whatever they do.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.end()
    }

    /// Sends it a signal that asks it to end, and waits until it has. One that does not listen so long is killed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stop(mut self, signal: Signal, patience: Duration) -> Result<ExitStatus> {
        self.signal(signal)?;
        if self.ends_within(patience)? {
            self.watchdog.dismiss()?;
        } else {
            self.end()?;
        }
        Ok(self.child.wait()?)
    }

    /// Whether it ends in this time; it is not waited for, so that its number stays its own.
    fn ends_within(&self, time: Duration) -> Result<bool> {
        let process = pidfd_open(pid(self.child.id())?, PidfdFlags::empty())?;
        let time = Timespec::try_from(time)?;
        Ok(poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&time))? > 0)
    }

    fn end(&mut self) -> Result<()> {
        self.pause()?;
        self.signal_children(Signal::KILL);
        for child in children(self.child.id()) {
            while is_running(child) {
                std::thread::yield_now();
            }
        }
        self.signal(Signal::KILL)?;
        // Before the number can belong to somebody else.
        self.watchdog.dismiss()?;
        self.child.wait()?;
        Ok(())
    }

    /// The children stay its own while it is stopped, since nobody else waits for them.
    fn signal_children(&self, signal: Signal) {
        for child in children(self.child.id()) {
            // One that has ended meanwhile needs no signal.
            let _ = pid(child).map(|pid| kill_process(pid, signal));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nobody is left to tell; the watchdog is still there.
            let _ = self.end();
        }
        let _ = self.watchdog.dismiss();
    }
}

fn pid(id: u32) -> Result<Pid> {
    Pid::from_raw(i32::try_from(id)?).context("a process has a number")
}

/// Adds what is printed to a file, and tells when the program is ready; hangs up when it has ended.
fn follow(printed: PipeReader, mut log: File, ready: &'static str) -> Receiver<()> {
    let (tell, told) = mpsc::sync_channel(1);
    let mut tell: Option<SyncSender<()>> = Some(tell);
    std::thread::spawn(move || {
        let (mut lines, mut line) = (BufReader::new(printed), Vec::new());
        while lines.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            // A full disk must not stop the program by a full pipe.
            let _ = log.write_all(&line);
            if String::from_utf8_lossy(&line).contains(ready)
                && let Some(tell) = tell.take()
            {
                let _ = tell.send(());
            }
            line.clear();
        }
    });
    told
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// The children of a process.
fn children(id: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Whether a process is neither gone nor dead and waiting to be asked for.
fn is_running(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    state.is_some_and(|state| !matches!(state, "Z" | "X"))
}
