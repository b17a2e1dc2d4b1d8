//! Private databases: each on a free port of this machine, with data of its own, for the time of a test run.
//!
//! A [`Recipe`] says how one kind of server is had, made ready and started, and is one small file; everything they
//! have in common is [`Service`]. Data lies in `target/services` and goes away with the service; downloads lie in
//! `target/services/cache` by version, and stay. What is lost in a crash of the machine is not looked at: files are
//! synced as in production, only the machine's own disk is trusted to keep them.

mod account;
mod cache;
mod mariadb;
mod mongo_java;
mod mongod;
mod nats;
mod place;
mod postgres;
mod redis;
mod secantus;
mod smtp;

pub use self::mariadb::MariaDb;
pub use self::mongo_java::MongoJava;
pub use self::mongod::Mongod;
pub use self::nats::Nats;
pub use self::postgres::Postgres;
pub use self::redis::{Redis, RedisCluster, RedisTls};
pub use self::secantus::Secantus;
pub use self::smtp::Smtp;

use self::account::Account;
use self::place::Place;
use crate::process::Process;
use crate::programs;
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use std::fmt;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a server may take to end when it is asked to. `SecantusDB` at times does not hear it.
const STOP_MAX: Duration = Duration::from_secs(30);

/// How one kind of server is had and started.
pub trait Recipe: fmt::Debug + Send + Sync {
    /// As people call it.
    fn name(&self) -> &'static str;

    /// The Debian packages it needs.
    fn packages(&self) -> &'static [&'static str];

    /// Whether everything that packages bring is on this machine.
    fn is_installed(&self) -> bool;

    /// Gets what no package brings, unless it is there already.
    ///
    /// # Errors
    /// When it cannot be had.
    fn fetch(&self) -> Result<()>;

    /// Whether it refuses to run as root.
    fn refuses_root(&self) -> bool;

    /// The program that makes an empty database in the folder `data`, where one is needed.
    ///
    /// # Errors
    /// When that program is not there.
    fn make(&self, data: &Path) -> Result<Option<Command>>;

    /// The server itself.
    ///
    /// # Errors
    /// When it is not there.
    fn serve(&self, data: &Path, port: u16) -> Result<Command>;

    /// Is in the line it prints when it takes connections.
    fn ready(&self) -> &'static str;

    /// What asks it to end soon, whoever is connected.
    fn stop(&self) -> Signal;

    /// How a client names it, with a database that is empty at the beginning where there are several.
    fn url(&self, port: u16) -> String;
}

/// Installs the packages that these need and that are missing, all at once.
///
/// # Errors
/// When that is not allowed here or fails; the message says what to install.
pub fn install(recipes: &[&dyn Recipe]) -> Result<()> {
    let missing = recipes.iter().filter(|recipe| !recipe.is_installed());
    let mut packages: Vec<&str> = missing.flat_map(|recipe| recipe.packages()).copied().collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let wish = || format!("install the Debian packages {}", packages.join(", "));
    programs::install_debian(&packages).with_context(wish)
}

/// A running server.
#[derive(Debug)]
pub struct Service {
    recipe: &'static dyn Recipe,
    place: Place,
    account: Option<Account>,
    process: Option<Process>,
}

impl Service {
    /// Makes an empty database and serves it.
    ///
    /// # Errors
    /// When the server is not on this machine, or does not start.
    pub fn start(recipe: &'static dyn Recipe) -> Result<Self> {
        let wish = || format!("{} (Debian: {})", recipe.name(), recipe.packages().join(", "));
        ensure!(recipe.is_installed(), "missing {}", wish());
        recipe.fetch()?;
        let account = if recipe.refuses_root() { Account::unprivileged()? } else { None };
        let place = Place::make(recipe.name(), account)?;
        let mut service = Self { recipe, place, account, process: None };
        service.make()?;
        service.start_again()?;
        Ok(service)
    }

    /// As [`Service::start`]; where it cannot be, that is said loudly, and is a failure where
    /// `CHAT_REQUIRE_BACKENDS=1` promises that everything is there.
    ///
    /// # Panics
    /// In that case.
    pub fn start_or_skip(recipe: &'static dyn Recipe) -> Option<Self> {
        match Self::start(recipe) {
            Ok(service) => Some(service),
            Err(error) => {
                assert!(!is_required(), "{}: {error:#}", recipe.name());
                eprintln!("SKIPPED: {}: {error:#}", recipe.name());
                None
            }
        }
    }

    /// How people call it.
    pub fn name(&self) -> &'static str {
        self.recipe.name()
    }

    /// How a client names it, with a database that is empty at the beginning where there are several.
    pub fn url(&self) -> String {
        self.recipe.url(self.place.port())
    }

    /// The same for a client that comes by way of another port of this machine, as through a [`Proxy`].
    ///
    /// [`Proxy`]: crate::proxy::Proxy
    pub fn url_by(&self, port: u16) -> String {
        self.recipe.url(port)
    }

    /// The folder of its data.
    pub fn data(&self) -> &Path {
        self.place.data()
    }

    /// Where it listens, also while it does not run.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.place.port()).into()
    }

    /// Ends it as a failure of power would, as far as other processes can tell.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), Process::kill)
    }

    /// Ends it as its administrator would, who kills what does not listen.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn stop(&mut self) -> Result<()> {
        let Some(process) = self.process.take() else { return Ok(()) };
        process.stop(self.recipe.stop(), STOP_MAX).map(drop)
    }

    /// Starts it on the port and the data it had, after [`Service::kill`] or [`Service::stop`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let command = self.recipe.serve(self.place.data(), self.place.port())?;
        let (log, folder) = (self.place.log(), self.place.folder());
        self.process = Some(Process::start(self.dressed(command), self.recipe.ready(), &log, Some(folder))?);
        Ok(())
    }

    /// Stops it where it is: its connections stay open, and nothing answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        self.process.as_ref().context("it does not run")?.pause()
    }

    /// Lets it go on after [`Service::pause`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        self.process.as_ref().context("it does not run")?.resume()
    }

    /// Makes the empty database.
    fn make(&self) -> Result<()> {
        let Some(command) = self.recipe.make(self.place.data())? else { return Ok(()) };
        let (shown, mut command) = (programs::describe(&command), self.dressed(command));
        let log = File::create(self.place.log())?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let status = command.status().with_context(|| format!("cannot run {shown}"))?;
        let printed = || std::fs::read_to_string(self.place.log()).unwrap_or_default();
        ensure!(status.success(), "{shown} failed:\n{}", printed());
        Ok(())
    }

    /// The command in the folder, the account and the language that all programs of a service have.
    fn dressed(&self, mut command: Command) -> Command {
        command.current_dir(self.place.data()).env("LC_ALL", "C").env_remove("LANGUAGE");
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }
}

/// Whether a server that is missing is a failure.
pub fn is_required() -> bool {
    std::env::var("CHAT_REQUIRE_BACKENDS").is_ok_and(|value| value == "1")
}
