//! A system from its command line to its end, in the order in which it can fail: what is cheap is tried first, so that a
//! start that cannot work leaves nothing behind and says one line.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chat_attachments::Options;
use chat_core::accounts::{AccountOptions, Accounts, AccountsBuilder};
use chat_core::command::Destination;
use chat_core::{Chat, ChatError, Draft, Files, Limits, Message, Policies, UserId};
use chat_transport_ws::limit::{self, Act, Full, Limiter};
use chat_transport_ws::{Authenticator, Options as Doors};
use clap::Args;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use rustix::fs::Mode;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::answer::Refused;
use crate::signals::Signals;
use crate::store::{Logins, Opened, Place, Places};
use crate::{accounts, files, key, mail, metrics, notify};

/// How often what accounts leave behind is finished.
const SWEEP: Duration = Duration::from_mins(1);

/// How long sockets of a system's own frames may take to close.
const SOCKETS_MAX: Duration = Duration::from_secs(5);

/// What a run ends with that could not do what it was asked.
const FAILED: u8 = 2;

/// The settings that every system has, as flags and in the environment.
#[derive(Clone, Debug, Args)]
#[non_exhaustive]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help, which is no Markdown")]
pub struct Flags {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, env = "CHAT_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Folder of the signing key, and of the database where none is named; made when missing
    #[arg(long, env = "CHAT_DATA_DIR", value_name = "DIR", default_value = "./chat-data")]
    pub data_dir: PathBuf,

    /// Where everything is kept: sqlite:PATH, postgres://…, mysql://… (MariaDB too), mongodb://…, or memory:
    #[arg(long, env = "CHAT_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,

    /// Where people, their logins and friendships are kept, when that is another database than the rest's
    #[arg(long, env = "CHAT_ACCOUNTS_STORE", value_name = "URL", hide_env_values = true)]
    pub accounts_store: Option<String>,

    /// How several processes tell each other what is new: redis://…, nats://…, postgres://… [default: they ask the
    /// database every second]
    #[arg(long, env = "CHAT_NOTIFY", value_name = "URL", hide_env_values = true)]
    pub notify: Option<String>,

    /// Address that browsers see, scheme included; issuer of the tokens [default: http://LISTEN]
    #[arg(long, env = "CHAT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Server that mail goes through: smtp://USER:PASSWORD@HOST:PORT, smtps://… [default: no mail]
    #[arg(long, env = "CHAT_SMTP", value_name = "URL", hide_env_values = true)]
    pub smtp: Option<String>,

    /// Address that mail is from
    #[arg(long, env = "CHAT_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,

    /// Where the files of messages are: a folder, s3://BUCKET/PREFIX, or memory: [default: DATA_DIR/attachments]
    #[arg(long, env = "CHAT_ATTACHMENTS", value_name = "PLACE")]
    pub attachments: Option<String>,

    /// File of the key that signs tokens, which all processes of a system share; made when missing [default:
    /// DATA_DIR/signing.key]
    #[arg(long, env = "CHAT_SIGNING_KEY_FILE", value_name = "FILE")]
    pub signing_key_file: Option<PathBuf>,

    /// Address of a proxy whose X-Forwarded-For is believed; repeatable, in the environment separated by commas
    #[arg(long, env = "CHAT_TRUSTED_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpAddr>,

    /// How long an access token is good, in seconds [default: the system's]
    #[arg(long, env = "CHAT_ACCESS_TOKEN_SECONDS", value_name = "SECONDS", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub access_token_seconds: Option<u64>,

    /// File of accounts to take over before serving, with the bcrypt hashes of their passwords: one JSON object on a
    /// line; those that are there already stay as they are
    #[arg(long, env = "CHAT_IMPORT_ACCOUNTS", value_name = "FILE", requires = "bcrypt_cost_max")]
    pub import_accounts: Option<PathBuf>,

    /// Highest cost of the bcrypt hashes that were taken over, as long as there are any: every refused login then takes
    /// as long as with one of these [default: there are none]
    #[arg(long, env = "CHAT_BCRYPT_COST_MAX", value_name = "COST")]
    pub bcrypt_cost_max: Option<u32>,

    /// Bearer token that /metrics asks for [default: none; /metrics answers direct requests from this machine
    /// only, so that behind a proxy one is needed]
    #[arg(long, env = "CHAT_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub metrics_token: Option<String>,

    /// Bound to be changed, as NAME=VALUE; repeatable, in the environment separated by commas
    #[arg(long, env = "CHAT_LIMIT", value_name = "NAME=VALUE", value_delimiter = ',')]
    pub limit: Vec<String>,

    /// Origin of web pages that may connect besides our own host's; repeatable, in the environment separated by commas
    #[arg(long, env = "CHAT_ALLOWED_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origin: Vec<String>,
}

impl Flags {
    /// The address that browsers see.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    fn signing_key_file(&self) -> PathBuf {
        self.signing_key_file.clone().unwrap_or_else(|| self.data_dir.join("signing.key"))
    }
}

/// What is particular to a system, beside its routes.
#[derive(Clone, Debug)]
pub struct System {
    /// What it is called on standard error.
    pub name: &'static str,
    /// Who has issued the tokens, where no public address is named: the same for all processes of a system, wherever
    /// each of them listens.
    pub issuer: &'static str,
    /// Where everything is kept unless it is said otherwise, with this data folder.
    pub default_store: fn(&Path) -> Place,
    /// The same of people, in a system that keeps them elsewhere.
    pub default_accounts_store: Option<fn(&Path) -> Place>,
    /// Which of two databases has the logins.
    pub logins: Logins,
    /// Its bounds.
    pub limits: Limits,
    /// What strangers may do.
    pub policies: Policies,
    /// Its accounts, from the defaults.
    pub accounts: fn(AccountOptions) -> AccountOptions,
    /// Whether it shows when somebody had read up to where.
    pub keeps_reads: bool,
}

impl System {
    /// A system of this name that keeps everything in one place, with defaults for all else.
    pub fn new(name: &'static str, default_store: fn(&Path) -> Place) -> Self {
        Self {
            name,
            issuer: name,
            default_store,
            default_accounts_store: None,
            logins: Logins::WithPeople,
            limits: Limits::default(),
            policies: Policies::default(),
            accounts: |options| options,
            keeps_reads: false,
        }
    }
}

/// A system that is about to serve.
#[derive(Clone)]
#[non_exhaustive]
pub struct Host {
    /// The engine.
    pub chat: Chat,
    /// Its users.
    pub accounts: Accounts,
    /// Who has done how much of late, at whatever door.
    pub limiter: Arc<Limiter>,
    /// The sockets of a system's own frames, which are waited for at the end.
    pub sockets: TaskTracker,
    /// Where everything is kept.
    pub places: Places,
    /// How it was started.
    pub flags: Flags,
    store: Opened,
}

impl Host {
    /// How the routes of our own protocol are set up.
    pub fn options(&self) -> Doors {
        self.doors(Arc::new(self.accounts.clone()))
    }

    /// The same with another way to know who somebody is.
    pub fn doors(&self, authenticator: Arc<dyn Authenticator>) -> Doors {
        let doors = Doors::shared(authenticator).accounts(self.accounts.clone());
        let doors = doors.limiter(Arc::clone(&self.limiter));
        let origins = self.flags.allowed_origin.iter().chain(&self.flags.public_url);
        let doors = origins.fold(doors, Doors::allowed_origin);
        self.flags.trusted_proxy.iter().copied().fold(doors, Doors::trusted_proxy)
    }

    /// A place beside that of the files of messages, for files that are none.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn files_beside(&self, name: &str) -> anyhow::Result<Arc<dyn Files>> {
        let is_forgetful = self.places.talk == Place::Memory;
        let place = files::place(self.flags.attachments.as_deref(), is_forgetful, &self.flags.data_dir);
        let options = Options::default().pixels_max(self.chat.limits().attachment_pixels_max);
        files::open(&files::beside(&place, name), options)
    }

    /// A place for a socket of whoever asks, asked for before anything else is.
    ///
    /// # Errors
    /// 429 when the address has all that one may have, 503 when this process has.
    pub fn admit(&self, parts: &Parts) -> Result<limit::Place, Refused> {
        let address = chat_transport_ws::peer_address(parts, &self.flags.trusted_proxy);
        self.limiter.admit(address).map_err(|full| match full {
            Full::Address => {
                Refused::new(StatusCode::TOO_MANY_REQUESTS, "too many sockets from this address")
            }
            _ => Refused::new(StatusCode::SERVICE_UNAVAILABLE, "no place for another socket"),
        })
    }

    /// Counts something that is done so often by address, if it may be done now.
    ///
    /// # Errors
    /// 429 when it may not.
    pub fn knock(&self, parts: &Parts, act: fn(IpAddr) -> Act) -> Result<(), Refused> {
        let Some(address) = chat_transport_ws::peer_address(parts, &self.flags.trusted_proxy) else {
            return Ok(());
        };
        Ok(self.limiter.check(act(address)).map_err(ChatError::from)?)
    }

    /// Writes a message, if its author has not written too many of late.
    ///
    /// # Errors
    /// As [`ActingAs::send`](chat_core::ActingAs::send), and [`ChatError::RateLimited`].
    pub async fn send(&self, by: UserId, to: Destination, draft: Draft) -> Result<Message, ChatError> {
        self.limiter.check(Act::Message(by))?;
        Ok(self.chat.actor(by).send(to, draft).await?.message)
    }

    /// Opens the store and starts the engine and the accounts over it.
    ///
    /// # Errors
    /// When something of it cannot be had; what was opened is closed then.
    pub async fn open(system: &System, flags: Flags) -> anyhow::Result<Self> {
        let places = places(system, &flags)?;
        let limits = limits(system, &flags)?;
        std::fs::create_dir_all(&flags.data_dir)
            .with_context(|| format!("cannot make the data folder {}", flags.data_dir.display()))?;
        let keys = key::load_or_make(&flags.signing_key_file())?;
        let mailer = mail::mailer(flags.smtp.as_deref(), flags.mail_from.as_deref(), flags.public_url())?;
        let notifier = notify::notifier(flags.notify.as_deref(), flags.store.as_deref(), &keys).await?;
        let is_forgetful = places.talk == Place::Memory;
        let place = files::place(flags.attachments.as_deref(), is_forgetful, &flags.data_dir);
        let options = Options::default().pixels_max(limits.attachment_pixels_max);
        let files = files::open(&place, options)?;
        let store = places.open().await?;
        let issuer = flags.public_url.clone().unwrap_or_else(|| format!("http://{}", system.issuer));
        let mut options = AccountOptions::new(issuer);
        options.bcrypt_cost_max = flags.bcrypt_cost_max;
        let mut options = (system.accounts)(options);
        options.access_token_seconds = flags.access_token_seconds.unwrap_or(options.access_token_seconds);
        let accounts = Accounts::builder(store.shared(), keys, options).limits(limits.clone());
        let accounts = mailer.into_iter().fold(accounts, AccountsBuilder::mailer).build();
        let chat = Chat::over(store.shared())
            .limits(limits)
            .policies(system.policies)
            .files(files)
            .directory(Arc::new(accounts.clone()))
            .liveness(Arc::new(accounts.clone()));
        let chat = if system.keeps_reads { chat.keep_reads() } else { chat };
        let chat = match notifier {
            Some(notifier) => chat.notifier(notifier),
            None => chat.cluster(store.cluster()),
        };
        let chat = chat.build().await?;
        accounts.connect(Arc::new(chat.clone()));
        let limiter = Arc::new(Limiter::new(chat.limits(), Arc::clone(chat.clock())));
        let sockets = TaskTracker::new();
        Ok(Self { chat, accounts, limiter, sockets, places, flags, store })
    }
}

/// The system's bounds, and what was changed of them.
fn limits(system: &System, flags: &Flags) -> anyhow::Result<Limits> {
    let mut limits = system.limits.clone();
    for limit in &flags.limit {
        let set = limit.split_once('=').and_then(|(name, value)| limits.set(name, value.parse().ok()?).ok());
        set.with_context(|| format!("--limit: {limit} is no NAME=VALUE of a limit"))?;
    }
    Ok(limits)
}

/// Where everything is kept.
fn places(system: &System, flags: &Flags) -> anyhow::Result<Places> {
    let named = |flag, url: &Option<String>| url.as_deref().map(|url| Place::parse(flag, url)).transpose();
    let talk = named("--store", &flags.store)?.unwrap_or_else(|| (system.default_store)(&flags.data_dir));
    let people = named("--accounts-store", &flags.accounts_store)?;
    let people = people.or_else(|| system.default_accounts_store.map(|place| place(&flags.data_dir)));
    Ok(Places::new(talk, people)?.logins(system.logins))
}

/// Runs a system whose routes `app` makes, until a signal ends it.
pub fn run(
    system: &System,
    flags: Flags,
    app: impl AsyncFnOnce(&Host) -> anyhow::Result<Router>,
) -> ExitCode {
    until_it_ends(system.name, || serve(system, flags, app))
}

/// Runs a process to its end: private files, TLS, a log and a runtime, and one line where it fails.
pub fn until_it_ends<F: Future<Output = anyhow::Result<()>>>(
    name: &str,
    serve: impl FnOnce() -> F,
) -> ExitCode {
    // Whatever this process makes is private to its owner: the database, the key.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The drivers of databases and brokers share one TLS, and leave it to the process which.
    let provider = rustls::crypto::aws_lc_rs::default_provider().install_default();
    provider.expect("nothing was installed before");
    let ran = log().and_then(|()| Ok(Runtime::new()?)).and_then(|runtime| runtime.block_on(serve()));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let said = format!("{error:#}");
            eprintln!("{name}: {}", said.lines().map(str::trim).collect::<Vec<_>>().join(" "));
            ExitCode::from(FAILED)
        }
    }
}

/// Listens.
///
/// # Errors
/// When the address cannot be had.
pub async fn listen(at: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| format!("cannot listen on {at}"))
}

/// Says where it listens, on the one line of standard output. Who started us may read no further.
///
/// # Errors
/// When the system does not know.
pub fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    let _ = writeln!(stdout(), "listening on http://{}", listener.local_addr()?);
    Ok(())
}

/// Lines on standard error. They hold ids, never passwords, tokens or texts.
fn log() -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()
        .context("RUST_LOG")?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    Ok(())
}

async fn serve(
    system: &System,
    flags: Flags,
    app: impl AsyncFnOnce(&Host) -> anyhow::Result<Router>,
) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let listener = listen(flags.listen).await?;
    let recorder = metrics::install()?;
    let host = Host::open(system, flags).await?;
    if let Some(file) = &host.flags.import_accounts {
        let taken = accounts::take_over(&host.accounts, file, host.chat.now()).await?;
        tracing::info!(taken.new, taken.known, "accounts were taken over");
    }
    let origins = host.flags.allowed_origin.iter().chain(&host.flags.public_url).cloned().collect();
    let (token, proxies) = (host.flags.metrics_token.as_deref(), &host.flags.trusted_proxy);
    let measured = metrics::routes(recorder.clone(), token, proxies);
    let app = chat_transport_ws::allow_origins(app(&host).await?.merge(measured), origins);
    let mut helpers = JoinSet::new();
    helpers.spawn(metrics::upkeep(recorder));
    helpers.spawn(sweep(host.accounts.clone()));
    helpers.spawn({
        let accounts = host.accounts.clone();
        async move { accounts.send_mails().await }
    });
    announce(&listener)?;
    chat_transport_ws::serve(listener, app, host.chat.clone(), signals.asked_to_drain()).await?;
    host.sockets.close();
    let _ = tokio::time::timeout(SOCKETS_MAX, host.sockets.wait()).await;
    helpers.shutdown().await;
    host.accounts.disconnect();
    host.store.close().await
}

/// Finishes now and then what accounts leave behind.
pub async fn sweep(accounts: Accounts) {
    let mut due = interval(SWEEP);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        if let Err(error) = accounts.sweep().await {
            tracing::warn!(code = error.code(), "a sweep of the accounts failed, the next one goes on");
        }
    }
}
