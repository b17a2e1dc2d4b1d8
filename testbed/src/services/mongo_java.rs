//! mongo-java-server, which speaks MongoDB's protocol in memory: the second stand-in for MongoDB.
//!
//! Nothing of it is there after it has ended, so that it takes no part in tests that start a database again.

use super::{Recipe, cache};
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The version, also of its folder in the cache.
const KEY: &str = "mongo-java-server-1.47.0";

/// What Maven gets.
const PROJECT: &str = include_str!("standin/pom.xml");

/// The program around the library, which Java compiles when it starts.
const PROGRAM: &str = include_str!("standin/Standin.java");

/// mongo-java-server.
#[derive(Clone, Copy, Debug)]
pub struct MongoJava;

impl Recipe for MongoJava {
    fn name(&self) -> &'static str {
        "mongo-java-server"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["default-jdk-headless", "maven"]
    }

    fn is_installed(&self) -> bool {
        ["java", "javac", "mvn"].iter().all(|program| programs::find(&[program]).is_some())
    }

    fn fetch(&self) -> Result<()> {
        cache::once(KEY, |folder| {
            fs::write(folder.join("pom.xml"), PROJECT)?;
            let maven = programs::find(&["mvn"]).context("mvn is missing")?;
            let mut maven = Command::new(maven);
            maven.args(["--quiet", "--batch-mode", "-Dstyle.color=never"]).current_dir(folder);
            programs::run(maven.args(["dependency:copy-dependencies", "-DoutputDirectory=lib"]))
        })
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, data: &Path) -> Result<Option<Command>> {
        fs::write(data.join("Standin.java"), PROGRAM)?;
        Ok(None)
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(programs::find(&["java"]).context("java is missing")?);
        command.arg("-cp").arg(cache::folder(KEY).join("lib/*"));
        command.arg(data.join("Standin.java")).arg(port.to_string());
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        "listening"
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        format!("mongodb://127.0.0.1:{port}/chat")
    }
}
