//! The reference server: everything this workspace has, in one binary.
//!
//! `main` reads the command line and hands over; each module is one idea. What a chat does is decided in
//! `chat-core`, what goes over the wire in `chat-transport-ws`; here is only what makes a process out of them:
//! settings ([`cli`], [`settings`]), a store ([`store`]), logs ([`logging`]), an operator's commands
//! ([`admin`]) and the way to another database ([`copy`](mod@copy)). What every server of its own needs is in `chat-host`, the page in `chat-page`.

mod admin;
mod bar;
mod cli;
mod copy;
mod failure;
mod logging;
mod serve;
mod settings;
mod store;

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use rustix::fs::Mode;
use tokio::runtime::Runtime;

use cli::{Cli, Command};
use settings::Settings;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Whatever this process makes is private to its owner: the database, its copies, the key, the operator's socket.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The drivers of databases and brokers share one TLS, and leave it to the process which.
    let provider = rustls::crypto::aws_lc_rs::default_provider().install_default();
    provider.expect("nothing was installed before");
    match Cli::try_parse() {
        Ok(cli) => run(cli).unwrap_or_else(|error| failure::tell(&error)),
        Err(error) => failure::tell_usage(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(cli.flags)?;
    logging::install(settings.log)?;
    let runtime = Runtime::new()?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => runtime.block_on(serve::serve(&settings)).map(|()| ExitCode::SUCCESS),
        Command::Backup { path } => runtime.block_on(admin::backup(&settings, &path)),
        Command::Check => runtime.block_on(admin::check(&settings)),
        Command::Restored => runtime.block_on(admin::restored(&settings)),
        Command::Copy(arguments) => runtime.block_on(copy::run(&settings, arguments)),
        Command::User(command) => runtime.block_on(admin::user(&settings, command)),
    }
}
