//! What the system tells: processor time and memory of a process, how long a sync takes, how many files may be open.
//!
//! Linux only (`/proc`), like the machines that the targets were set on.

use super::Effort;
use super::series::quantile;
use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long 4 KiB took to become durable.
#[derive(Clone, Copy, Debug)]
pub struct Fsync {
    /// Half of them were faster.
    pub p50: Duration,
    /// One in a hundred was slower.
    pub p99: Duration,
}

impl Fsync {
    const SYNCS: usize = 200;

    /// Writes and syncs 4 KiB over and over in the folder where the databases of the benchmarks lie.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn measure() -> Result<Self> {
        let mut file = tempfile::tempfile_in(data_dir()?)?;
        let mut micros = Vec::with_capacity(Self::SYNCS);
        for _ in 0..Self::SYNCS {
            file.rewind()?;
            let start = Instant::now();
            file.write_all(&[0x5a; 4096])?;
            file.sync_data()?;
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        let at = |part| Duration::from_secs_f64(quantile(&micros, part) / 1e6);
        Ok(Self { p50: at(0.5), p99: at(0.99) })
    }
}

/// `bench-data` in the target folder of this build: on a real disk, and out of the way.
///
/// # Errors
/// When it cannot be made.
pub fn data_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("the program lies in target/<profile>")?;
    let dir = target.join("bench-data");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Clock and processor time that a process has spent since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    pid: u32,
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts to measure process `pid`.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn start(pid: u32) -> Result<Self> {
        Ok(Self { pid, wall: Instant::now(), cpu: cpu_of(pid)? })
    }

    /// Clock time since the start.
    pub fn elapsed(&self) -> Duration {
        self.wall.elapsed()
    }

    /// What `work` things took.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn stop(self, work: u64) -> Result<Effort> {
        Ok(Effort { work, wall: self.elapsed(), cpu: cpu_of(self.pid)?.saturating_sub(self.cpu) })
    }
}

/// Processor time, user and system, of process `pid` so far; counted in hundredths of a second.
fn cpu_of(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("a name in parentheses")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
}

/// Resident bytes of process `pid`, counted page by page.
///
/// # Errors
/// When there is no such process.
pub fn resident_bytes_of(pid: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).context("a line Rss:")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

/// Files that a process may have to open: a socket for each of 10 000 sessions, and some.
const OPEN_FILES: u64 = 12_000;

/// Raises the number of files that this process, and the ones it starts, may open.
///
/// # Errors
/// When the system's hard limit is lower and not ours to raise.
pub fn allow_open_files() -> Result<()> {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= OPEN_FILES) {
        return Ok(());
    }
    let maximum = now.maximum.map(|maximum| maximum.max(OPEN_FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(OPEN_FILES), maximum })
        .with_context(|| format!("{OPEN_FILES} open files are needed (ulimit -n)"))
}
