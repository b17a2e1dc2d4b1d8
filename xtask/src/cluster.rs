//! `cargo xtask cluster`: several servers on one private database and one broker, behind one address, to try it out.
//!
//! What `examples/chat-server/compose` describes for containers, without containers. Everything is gone when it is interrupted.

use crate::{child, workspace};
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use testbed::balancer::balance;
use testbed::process::Process;
use testbed::services::{Nats, Postgres, Recipe, Redis, Service, install};
use tokio::net::TcpListener;

/// How large, and over what.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many servers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    nodes: u8,
    /// What tells one of the other
    #[arg(long, value_enum, default_value_t = Broker::Redis)]
    notify: Broker,
    /// Where all of them are reached
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

/// What carries notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Broker {
    Redis,
    Nats,
    /// The database itself
    Postgres,
}

impl Broker {
    fn recipe(self) -> &'static dyn Recipe {
        match self {
            Self::Redis => &Redis,
            Self::Nats => &Nats,
            Self::Postgres => &Postgres,
        }
    }
}

/// Starts everything and waits for the interrupt.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let built = child::run(&mut child::cargo(&["build", "--release", "--package", "chat-server"]))?;
    if !built.success {
        return Ok(ExitCode::FAILURE);
    }
    install(&[&Postgres, arguments.notify.recipe()])?;
    let database = Service::start(&Postgres)?;
    let broker = match arguments.notify {
        Broker::Postgres => None,
        other => Some(Service::start(other.recipe())?),
    };
    let notify = broker.as_ref().map_or_else(|| "postgres".to_owned(), Service::url);
    let folder = tempfile::tempdir()?;
    let mut nodes = Vec::new();
    for nth in 1..=arguments.nodes {
        nodes.push(Node::start(folder.path(), nth, &database.url(), &notify, arguments.listen)?);
    }
    let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
    println!("{} servers at {addresses:?}, together at http://{}", nodes.len(), arguments.listen);
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", arguments.listen))?;
        tokio::select! {
            ended = balance(listener, addresses) => ended?,
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// One server.
struct Node {
    address: SocketAddr,
    _process: Process,
}

impl Node {
    /// All share the folder, in which the keys are: a token of one is good for all.
    fn start(folder: &Path, nth: u8, store: &str, notify: &str, public: SocketAddr) -> Result<Self> {
        let log = folder.join(format!("node-{nth}.log"));
        let mut command = Command::new(workspace::root().join("target/release/chat-server"));
        command.arg("--data-dir").arg(folder).args(["--listen", "127.0.0.1:0"]);
        command.args(["--store", store, "--notify", notify, "--public-url", &format!("http://{public}")]);
        let process = Process::start(command, READY, &log, None)?;
        let printed = std::fs::read_to_string(&log)?;
        let address =
            printed.lines().find_map(|line| line.strip_prefix(READY)).context("it says where it is")?;
        Ok(Self { address: address.parse()?, _process: process })
    }
}

/// What a server says before the address it listens on.
const READY: &str = "listening on http://";
