//! People in one database, what they say in another, as a Go server with Fiber once had them in PostgreSQL and MongoDB.
//!
//! The routes and their envelope are the original's ([`user`], [`message`], [`socket`], [`envelope`]); what they do is
//! the engine's. Whether the two are told apart is a matter of two URLs.

mod envelope;
mod message;
mod socket;
mod user;

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use chat_core::Accepts;
use chat_core::accounts::AccountIds;
use chat_host::answer::beside;
use chat_host::store::Place;
use chat_host::{Flags, Host, System, run};
use clap::Parser;
use mimalloc::MiMalloc;

use envelope::Fail;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Messages in one database, people in another: PostgreSQL and MongoDB, or any two.
///
/// Without arguments it serves on 127.0.0.1:8080 with two SQLite files in ./chat-data.
#[derive(Debug, Parser)]
#[command(name = "split-chat", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

/// Seconds of a day.
const DAY: u64 = 24 * 3_600;

fn main() -> ExitCode {
    let mut system = System::new("split-chat", |data| Place::Sqlite(data.join("messages.db")));
    system.default_accounts_store = Some(|data| Place::Sqlite(data.join("users.db")));
    system.policies.direct = Accepts::Anyone;
    system.limits.username_codepoints_min = 6;
    system.limits.password_codepoints_min = 6;
    system.limits.full_name_codepoints_min = 6;
    system.accounts = |mut options| {
        options.ids = AccountIds::Integers;
        options.access_token_seconds = DAY;
        options.refresh_idle_seconds = 7 * DAY;
        options
    };
    run(&system, Cli::parse().flags, async |host| Ok(app(host)))
}

/// The original's routes, and beside them our own protocol with the page that speaks it.
fn app(host: &Host) -> Router {
    let own = Router::new()
        .route("/user/v1/register", post(user::register))
        .route("/user/v1/login", post(user::log_in))
        .route("/user/v1/logout", post(user::log_out).delete(user::log_out))
        .route("/user/v1/refresh-token", post(user::refresh).put(user::refresh))
        .route("/ws", get(socket::upgrade))
        .route("/ws/", get(socket::upgrade))
        .route("/message/v1/send", post(message::send).get(socket::upgrade))
        .route("/message/v1/history", get(message::history))
        .with_state(Arc::new(host.clone()));
    let protocol = chat_transport_ws::router(host.chat.clone(), host.options());
    // The page is where the links of mails lead.
    beside(own.merge(chat_page::routes()), protocol, |refused| Fail::from(refused).into_response())
}
