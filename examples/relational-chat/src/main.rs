//! Private messages and groups on one relational database, as a Go server with Gorm and PostgreSQL once had them.
//!
//! The original published a schema and no paths. So its clients speak our own protocol, its reports read the views
//! ([`views`]) that show the schema they were written for, and one URL says which database it is.

mod page;
mod views;

use std::process::ExitCode;

use chat_core::Accepts;
use chat_core::accounts::AccountIds;
use chat_host::store::Place;
use chat_host::{Flags, Host, System, run};
use clap::Parser;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Private messages and groups on SQLite, PostgreSQL, MySQL or MariaDB.
///
/// Without arguments it serves on 127.0.0.1:8080 with SQLite in ./chat-data.
#[derive(Debug, Parser)]
#[command(name = "relational-chat", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let mut system = System::new("relational-chat", |data| Place::Sqlite(data.join("chat.db")));
    system.policies.direct = Accepts::Anyone;
    system.policies.group = Accepts::Anyone;
    system.limits.group_members_min = 1;
    system.accounts = |mut options| {
        options.ids = AccountIds::Integers;
        options
    };
    run(&system, Cli::parse().flags, app)
}

/// Our own protocol, the page, and the views beneath.
async fn app(host: &Host) -> anyhow::Result<axum::Router> {
    views::make(&host.places.talk).await?;
    Ok(chat_transport_ws::router(host.chat.clone(), host.options()).merge(page::routes()))
}
