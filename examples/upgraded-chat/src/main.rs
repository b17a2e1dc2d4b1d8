//! Friends, groups and direct messages on MongoDB, with the web page: a Go server with Gin, Gorilla WebSocket and a
//! Next.js page once.
//!
//! The original published no paths and no frames, so this one speaks our own protocol and has nothing of its own but
//! where it keeps things. That everything else is in the crates is what it shows.

use std::process::ExitCode;

use chat_host::store::Place;
use chat_host::{Flags, System, run};
use clap::Parser;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Friends, groups and direct messages, with the web page.
///
/// Without arguments it serves on 127.0.0.1:8080 with SQLite in ./chat-data.
#[derive(Debug, Parser)]
#[command(name = "upgraded-chat", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let system = System::new("upgraded-chat", |data| Place::Sqlite(data.join("chat.db")));
    run(&system, Cli::parse().flags, async |host| {
        Ok(chat_transport_ws::router(host.chat.clone(), host.options()).merge(chat_page::routes()))
    })
}
