//! The parts of the tests: what each is, what it needs, and how it runs.

use super::binaries::Binary;
use super::outcome::Outcome;
use super::servers::Need;
use super::{drift, page};
use crate::{child, tools};
use anyhow::Result;
use clap::ValueEnum;
use testbed::services::{
    MariaDb, MongoJava, Nats, Postgres, Recipe, Redis, RedisCluster, RedisTls, Secantus, Smtp, install,
};

/// The parts, in the order they run: the quick ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Formatting
    Fmt,
    /// Lints, warnings denied
    Clippy,
    /// API documentation, warnings denied
    Docs,
    /// The engine, the transport, the store in memory, and what needs no database
    Core,
    /// The store on SQLite
    Sql,
    /// The stores on PostgreSQL and MariaDB, and the reference server on every server of databases
    Servers,
    /// The store on MongoDB
    Mongo,
    /// The contract on SecantusDB, the slower of its stand-ins
    Secantus,
    /// Stores that are split over two databases
    Split,
    /// The reference server and its commands, on every store, and its mail
    Server,
    /// The five systems, each on its databases
    Systems,
    /// Each system with all its processes, as `cargo xtask system` starts it
    Started,
    /// What nodes tell each other, over every broker
    Notify,
    /// Databases and lines to them that fail, and come back
    Faults,
    /// The server killed over and over while clients send, on SQLite
    Kill,
    /// The same on every store that is a server
    KillServers,
    /// Two windows of a real browser
    Browser,
    /// Examples in the documentation
    Doctests,
    /// The web page's own tests and its types
    Page,
    /// The committed protocol documents against the types
    Drift,
}

/// How a part runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// A check that needs no database, while those start.
    First(fn() -> Result<Outcome>),
    /// Test programs that run side by side.
    Together,
    /// Test programs that hurt something or look at a clock, one by one.
    Alone,
    /// A check that uses what the others have built.
    Last(fn() -> Result<Outcome>),
}

impl Part {
    /// Whether it runs when no part is named: not what the slowest database takes most of an hour for.
    pub(super) const fn is_usual(self) -> bool {
        !matches!(self, Self::Secantus)
    }

    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The part that a test program belongs to.
    pub(super) fn of(binary: &Binary) -> Self {
        match (binary.package.as_str(), binary.target.as_str()) {
            ("chat-store-sql", "postgres" | "mysql" | "cost" | "opening") | ("chat-server", "databases") => {
                Self::Servers
            }
            ("chat-store-sql", _) => Self::Sql,
            ("chat-store-mongo", "first") => Self::Secantus,
            ("chat-store-mongo", _) => Self::Mongo,
            ("testbed", _) | (_, "faults" | "cluster") => Self::Faults,
            (_, "browser") => Self::Browser,
            ("chat-server", "kill") => Self::Kill,
            (_, "kill_servers") => Self::KillServers,
            (_, "split") => Self::Split,
            (
                "relational-chat" | "pubsub-chat" | "split-chat" | "upgraded-chat" | "microservices-chat",
                _,
            ) => Self::Systems,
            ("chat-notify", _) => Self::Notify,
            ("chat-server" | "chat-mail", _) => Self::Server,
            _ => Self::Core,
        }
    }

    pub(super) fn way(self) -> Way {
        match self {
            Self::Fmt => Way::First(fmt),
            Self::Clippy => Way::First(clippy),
            Self::Docs => Way::First(docs),
            Self::Core
            | Self::Sql
            | Self::Servers
            | Self::Mongo
            | Self::Secantus
            | Self::Split
            | Self::Server => Way::Together,
            Self::Systems | Self::Notify | Self::Faults | Self::Kill | Self::KillServers | Self::Browser => {
                Way::Alone
            }
            Self::Started => Way::Last(started),
            Self::Doctests => Way::Last(doctests),
            Self::Page => Way::Last(page::run),
            Self::Drift => Way::Last(drift::run),
        }
    }

    /// The databases that its tests look for.
    pub(super) fn needs(self) -> &'static [Need] {
        match self {
            Self::Servers => &Need::ALL,
            Self::Mongo => &[Need::MongoSecond],
            Self::Secantus => &[Need::Mongo],
            Self::Split => &[Need::Postgres, Need::MongoSecond],
            _ => &[],
        }
    }

    /// The kinds of servers that its tests start for themselves.
    pub(super) fn own(self) -> &'static [&'static dyn Recipe] {
        match self {
            Self::Notify => &[&Redis, &RedisCluster, &RedisTls, &Nats, &Postgres],
            Self::Server => &[&Smtp],
            Self::Systems | Self::Started => &[&Postgres, &MariaDb, &MongoJava, &Redis, &Smtp],
            Self::Faults | Self::KillServers => &[&Postgres, &MariaDb, &Secantus, &MongoJava],
            _ => &[],
        }
    }
}

fn fmt() -> Result<Outcome> {
    component("rustfmt", "fmt", &["--all", "--check"])
}

fn clippy() -> Result<Outcome> {
    let strict = ["--workspace", "--all-features", "--all-targets", "--", "-D", "warnings"];
    component("clippy", "clippy", &strict)
}

fn component(component: &str, subcommand: &str, arguments: &[&str]) -> Result<Outcome> {
    if !tools::has_component(component, subcommand) {
        return Ok(Outcome::skipped(format!("{component} (`rustup component add {component}`)")));
    }
    let mut command = child::cargo(&[subcommand]);
    Ok(Outcome::of(&child::run(command.args(arguments))?))
}

fn docs() -> Result<Outcome> {
    let mut command = child::cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
    Ok(Outcome::of(&child::run(command.env("RUSTDOCFLAGS", "-D warnings"))?))
}

/// As they were built with everything else.
fn started() -> Result<Outcome> {
    if let Err(missing) = install(Part::Started.own()) {
        return Ok(Outcome::skipped(format!("{missing:#}")));
    }
    let mut build = child::cargo(&["test", "--workspace", "--all-features", "--tests", "--no-run"]);
    let built = Outcome::of(&child::run(&mut build)?);
    Ok(match crate::system::check_all() {
        Ok(()) => built,
        Err(error) => {
            println!("{error:#}");
            Outcome::failed()
        }
    })
}

/// With the same features as everything else, so that nothing is built twice.
fn doctests() -> Result<Outcome> {
    let all = ["test", "--workspace", "--all-features", "--no-fail-fast", "--doc"];
    Ok(Outcome::of(&child::run(&mut child::cargo(&all))?))
}
