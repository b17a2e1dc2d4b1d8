//! The disk is full, under a database that is a file.
//!
//! Where this process may, the data folder is a small file system that only the server sees and that goes away with it;
//! elsewhere the server's files may not grow, by which the same calls fail.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::process::Command;

use super::common::{Server, run};
use super::storage::Storage;
use super::world::{BACK_MAX, World, rounds};

/// Runs its arguments with a small file system as the data folder.
const SMALL: &str = r#"mount -t tmpfs -o size=64m tmpfs "$CHAT_DATA_DIR" && exec "$@""#;

/// Runs its arguments so that they learn of a limit by an error instead of a signal.
const LIMITED: &str = r#"trap "" XFSZ; exec "$@""#;

/// How much a file may have grown when nothing more goes in.
const LIMIT_BYTES: u64 = 1 << 16;

/// How the disk becomes full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Small,
    Limited,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_full_and_then_it_is_not() {
    let (storage, disk) = (Storage::sqlite(), Disk::best());
    let server = Server::from(disk.around(&storage.program())).await;
    let id = server.id();
    let data = disk.seen_from_outside(storage.data(), id);
    let mut world = World::around(storage, server, None).await;
    for _ in 0..rounds(2, 10) {
        disk.fill(&data, id);
        world.is_noticed().await;
        disk.empty(&data, id);
        world.serves_again_within(BACK_MAX).await;
    }
    let (storage, server) = world.judged().await;
    let mut check = storage.program();
    check.env("CHAT_DATA_DIR", data).arg("check");
    let checked = run(check, "").await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    server.stop().await;
}

impl Disk {
    /// A real one, where it may be made.
    fn best() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut tried = Program::new("unshare");
        tried.args(["--mount", "/bin/sh", "-c", SMALL, "sh", "true"]).env("CHAT_DATA_DIR", folder.path());
        let made = tried.output().is_ok_and(|output| output.status.success());
        if made { Self::Small } else { Self::Limited }
    }

    /// The command on this disk. It stays the process that is started.
    fn around(self, command: &Command) -> Command {
        let command = command.as_std();
        let mut around = match self {
            Self::Small => Command::new("unshare"),
            Self::Limited => Command::new("/bin/sh"),
        };
        match self {
            Self::Small => around.args(["--mount", "/bin/sh", "-c", SMALL]),
            Self::Limited => around.args(["-c", LIMITED]),
        };
        around.arg("sh").arg(command.get_program()).args(command.get_args()).kill_on_drop(true);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => around.env(name, value),
                None => around.env_remove(name),
            };
        }
        around
    }

    /// Where the server's data folder is for others.
    fn seen_from_outside(self, data: &Path, server: Pid) -> PathBuf {
        match self {
            Self::Small => {
                let root = format!("/proc/{}/root", server.as_raw_nonzero());
                Path::new(&root).join(data.strip_prefix("/").unwrap())
            }
            Self::Limited => data.to_owned(),
        }
    }

    fn fill(self, data: &Path, server: Pid) {
        match self {
            Self::Small => {
                let mut ballast = File::create(data.join("ballast")).unwrap();
                while ballast.write_all(&[0; 4096]).is_ok() {}
            }
            Self::Limited => {
                let log = fs::metadata(data.join("chat.db-wal")).map_or(0, |log| log.len());
                limit(server, Some(log + LIMIT_BYTES));
            }
        }
    }

    fn empty(self, data: &Path, server: Pid) {
        match self {
            Self::Small => fs::remove_file(data.join("ballast")).unwrap(),
            Self::Limited => limit(server, None),
        }
    }
}

/// Bounds the size of files that a process may write.
fn limit(process: Pid, bytes: Option<u64>) {
    prlimit(Some(process), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
