//! Test programs: built once, by one call of cargo with one set of features, then run by us.
//!
//! Cargo would run them one after the other; here several that wait for databases run side by side, each shown as a
//! whole when it has ended. What tests print is kept, for what they count is in it.

use super::{Environment, Part};
use crate::child::{self, Ran};
use crate::printed;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A program made of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binary {
    pub(super) package: String,
    pub(super) target: String,
    /// Where its package lies, which is where cargo would run it.
    folder: PathBuf,
    program: PathBuf,
}

/// What came of one.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) part: Part,
    pub(super) ran: Ran,
    pub(super) took: Duration,
}

/// Builds all of them.
pub(super) fn build() -> Result<Vec<Binary>> {
    let build = ["test", "--workspace", "--all-features", "--tests", "--no-run"];
    let mut command = child::cargo(&build);
    println!("$ cargo {}", build.join(" "));
    let ran = child::run_unseen(command.arg("--message-format=json-render-diagnostics"))?;
    anyhow::ensure!(ran.success, "the tests do not build");
    let messages = ran.output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter_map(|message| binary(&message)).collect())
}

/// The program that a message of cargo's is about, if it is one of tests.
fn binary(message: &Value) -> Option<Binary> {
    let program = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let package = folder.file_name()?.to_str()?.to_owned();
    let target = message["target"]["name"].as_str()?.to_owned();
    let is_test = message["profile"]["test"].as_bool()?;
    is_test.then_some(Binary { package, target, folder, program })
}

/// Runs them, so many at a time, and shows each when it has ended.
pub(super) fn run(mut binaries: Vec<Binary>, at_once: usize, environment: &Environment) -> Vec<Result<Done>> {
    // The first ones are taken first.
    binaries.reverse();
    let (waiting, done) = (Mutex::new(binaries), Mutex::new(Vec::new()));
    let next = || waiting.lock().expect("nothing panics while this lock is held").pop();
    std::thread::scope(|threads| {
        for _ in 0..at_once {
            threads.spawn(|| {
                while let Some(binary) = next() {
                    let ended = binary.run(environment);
                    done.lock().expect("nothing panics while this lock is held").push(ended);
                }
            });
        }
    });
    done.into_inner().expect("all threads have ended well")
}

impl Binary {
    /// The contract on the slowest of all databases.
    pub(super) fn is_long(&self) -> bool {
        (self.package.as_str(), self.target.as_str()) == ("chat-store-mongo", "first")
    }

    fn run(&self, environment: &Environment) -> Result<Done> {
        let start = Instant::now();
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        // What tests print is shown after their names, and not mixed up.
        environment.dress(command.arg("--show-output").args(&environment.filter));
        let ran = child::run_unseen(&mut command);
        let ran = ran.with_context(|| format!("{} {}", self.package, self.target))?;
        let took = start.elapsed();
        println!("\n--- {} {}\n{}", self.package, self.target, printed::shortened(&ran.output));
        Ok(Done { part: Part::of(self), ran, took })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_programs_of_tests_are_taken() {
        let message = |test: bool| {
            json!({
                "reason": "compiler-artifact",
                "manifest_path": "/w/chat-core/Cargo.toml",
                "target": {"name": "engine", "kind": ["test"]},
                "profile": {"test": test},
                "executable": "/w/target/debug/deps/engine-1",
            })
        };
        let expected = Binary {
            package: "chat-core".to_owned(),
            target: "engine".to_owned(),
            folder: "/w/chat-core".into(),
            program: "/w/target/debug/deps/engine-1".into(),
        };
        assert_eq!(binary(&message(true)), Some(expected));
        assert_eq!(binary(&message(false)), None);
        assert_eq!(binary(&json!({"reason": "build-finished", "success": true})), None);
    }
}
