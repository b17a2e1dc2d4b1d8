//! How each of the binaries starts.

use std::process::ExitCode;

use chat_core::EmailClaim;
use chat_host::store::{Logins, Place};
use chat_host::{Flags, System, run};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::{Desk, Service, all, service};

#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

/// Runs all services in one process.
pub fn run_all() -> ExitCode {
    let flags = flags("microservices-chat", "127.0.0.1:4000");
    run(&system("microservices-chat"), flags, async |host| Ok(all(&Desk::new(host)?)))
}

/// Runs one service. Processes share their databases, so there is no default that is one process's own.
pub fn run_one(of: Service, name: &'static str, listen: &'static str) -> ExitCode {
    let flags = flags(name, listen);
    run(&system(name), flags, async |host| {
        anyhow::ensure!(
            host.flags.store.is_some() && host.flags.accounts_store.is_some(),
            "services in processes of their own share databases: --store and --accounts-store are needed"
        );
        Ok(service(of, &Desk::new(host)?))
    })
}

fn flags(name: &'static str, listen: &'static str) -> Flags {
    let command = Cli::command().name(name).mut_arg("listen", |listens| listens.default_value(listen));
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit()).flags
}

/// People in MySQL, their logins and what they say in MongoDB; or in two files.
fn system(name: &'static str) -> System {
    let mut system = System::new(name, |data| Place::Sqlite(data.join("messages.db")));
    system.issuer = "microservices-chat";
    system.default_accounts_store = Some(|data| Place::Sqlite(data.join("users.db")));
    system.logins = Logins::WithTalk;
    system.keeps_reads = true;
    system.accounts = |mut options| {
        options.access_token_seconds = 15 * 60;
        options.refresh_idle_seconds = 7 * 24 * 3_600;
        options.email_claim = EmailClaim::OnRegister;
        options
    };
    system
}
