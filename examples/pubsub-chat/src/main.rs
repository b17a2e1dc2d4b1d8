//! A public room and private messages, as a Go server with Redis Pub/Sub and MongoDB once had them.
//!
//! The routes and frames are the original's ([`routes`], [`socket`]); what they do is the engine's: messages are stored
//! before anybody gets them, each goes once to every device of everybody it is for, on whichever process he is.

mod history;
mod routes;
mod socket;

use std::process::ExitCode;

use chat_core::Accepts;
use chat_host::store::Place;
use chat_host::{Flags, System, run};
use clap::Parser;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A public room and private messages: Redis between the processes, MongoDB behind them, or neither.
///
/// Without arguments it serves on 127.0.0.1:8080 and keeps everything in memory.
#[derive(Debug, Parser)]
#[command(name = "pubsub-chat", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let mut system = System::new("pubsub-chat", |_| Place::Memory);
    system.policies.direct = Accepts::Anyone;
    system.accounts = |mut options| {
        // There is nothing to refresh a token with.
        options.access_token_seconds = 24 * 3_600;
        options
    };
    run(&system, Cli::parse().flags, routes::app)
}
