//! `cargo xtask system`: one of the systems under `examples/` with its real databases and all its processes, to try it.
//!
//! What the `compose.yaml` of each describes for containers, without containers. Everything is gone when it is
//! interrupted.

use crate::{child, workspace};
use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;
use tempfile::TempDir;
use testbed::services::{MariaDb, MongoJava, Mongod, Postgres, Recipe, Redis, Service, install};
use testbed::system::System;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Which one, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The system
    #[arg(value_enum)]
    system: Which,
    /// Build it with optimisations, which takes its time
    #[arg(long)]
    release: bool,
    /// Only look whether every process of it answers, and end
    #[arg(long)]
    check: bool,
}

/// The systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// MongoDB
    #[value(name = "upgraded-chat")]
    Upgraded,
    /// PostgreSQL
    #[value(name = "relational-chat")]
    Relational,
    /// PostgreSQL and MongoDB
    #[value(name = "split-chat")]
    Split,
    /// Two processes on MongoDB and Redis
    #[value(name = "pubsub-chat")]
    Pubsub,
    /// Three services and a gateway, on MariaDB and MongoDB
    #[value(name = "microservices-chat")]
    Microservices,
}

impl Which {
    fn package(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Which databases it has, and in which variable each is named. MongoDB is whatever speaks like it here.
    fn databases(self) -> Vec<(&'static dyn Recipe, &'static str)> {
        let mongo: &'static dyn Recipe = if Mongod.is_installed() { &Mongod } else { &MongoJava };
        match self {
            Self::Upgraded => vec![(mongo, "CHAT_STORE")],
            Self::Relational => vec![(&Postgres, "CHAT_STORE")],
            Self::Split => vec![(&Postgres, "CHAT_ACCOUNTS_STORE"), (mongo, "CHAT_STORE")],
            Self::Pubsub => vec![(mongo, "CHAT_STORE"), (&Redis, "CHAT_NOTIFY")],
            Self::Microservices => vec![(&MariaDb, "CHAT_ACCOUNTS_STORE"), (mongo, "CHAT_STORE")],
        }
    }

    /// Its programs, where each listens, and in which variable the gateway looks for it; what is asked comes last.
    fn programs(self) -> &'static [(&'static str, &'static str, Option<&'static str>)] {
        match self {
            Self::Upgraded => &[("upgraded-chat", "127.0.0.1:8080", None)],
            Self::Relational => &[("relational-chat", "127.0.0.1:8080", None)],
            Self::Split => &[("split-chat", "127.0.0.1:8080", None)],
            Self::Pubsub => {
                &[("pubsub-chat", "127.0.0.1:8081", None), ("pubsub-chat", "127.0.0.1:8080", None)]
            }
            Self::Microservices => &[
                ("users-service", "127.0.0.1:5001", Some("CHAT_USERS")),
                ("friends-service", "127.0.0.1:5002", Some("CHAT_FRIENDS")),
                ("messages-service", "127.0.0.1:5003", Some("CHAT_MESSAGES")),
                ("gateway-service", "127.0.0.1:4000", None),
            ],
        }
    }
}

/// Builds and starts it, and waits for the interrupt.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let package = arguments.system.package();
    let mut build = child::cargo(&["build", "--package", &package]);
    if arguments.release {
        build.arg("--release");
    }
    if !child::run(&mut build)?.success {
        return Ok(ExitCode::FAILURE);
    }
    let profile = if arguments.release { "release" } else { "debug" };
    let running = Running::start(arguments.system, profile, arguments.check)?;
    for (program, process) in &running.processes {
        println!("{program} at http://{}", process.address());
    }
    if arguments.check {
        running.answers()?;
    } else {
        tokio::runtime::Runtime::new()?.block_on(tokio::signal::ctrl_c())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts each of them as it was built last, and looks whether every process answers.
pub(crate) fn check_all() -> Result<()> {
    for which in Which::value_variants() {
        let running = Running::start(*which, "debug", true)?;
        running.answers().with_context(|| which.package())?;
        println!("{}: all {} processes answer", which.package(), running.processes.len());
    }
    Ok(())
}

/// A system that runs. Processes end before their databases.
struct Running {
    processes: Vec<(&'static str, System)>,
    _databases: Vec<Service>,
    _data: TempDir,
}

impl Running {
    fn start(which: Which, profile: &str, on_free_ports: bool) -> Result<Self> {
        let needed = which.databases();
        install(&needed.iter().map(|(recipe, _)| *recipe).collect::<Vec<_>>())?;
        let data = tempfile::tempdir()?;
        let mut databases = Vec::new();
        let folder = data.path().to_str().context("a path is text")?.to_owned();
        let mut settings = vec![("CHAT_DATA_DIR", folder), ("CHAT_TRUSTED_PROXY", "127.0.0.1".to_owned())];
        for (recipe, variable) in needed {
            let database = Service::start(recipe)?;
            settings.push((variable, database.url()));
            databases.push(database);
        }
        let mut processes = Vec::new();
        for (program, listen, variable) in which.programs() {
            let listen = if on_free_ports { "127.0.0.1:0" } else { listen };
            let path = workspace::root().join("target").join(profile).join(program);
            let mut all: Vec<(&str, &str)> =
                settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            all.push(("CHAT_LISTEN", listen));
            let process = System::start(path.to_str().context("a path is text")?, &all)?;
            settings.extend(variable.map(|variable| (variable, process.address().to_string())));
            processes.push((*program, process));
        }
        Ok(Self { processes, _databases: databases, _data: data })
    }

    /// Whether every process says that it is well.
    fn answers(&self) -> Result<()> {
        for (program, process) in &self.processes {
            let status = status(process.address(), "/healthz").with_context(|| (*program).to_owned())?;
            ensure!(status.contains(" 200 "), "{program} answers {status}");
        }
        Ok(())
    }
}

/// The status line of an answer.
fn status(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
