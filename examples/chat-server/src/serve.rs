//! `serve`: puts everything together and runs until it is asked to end.
//!
//! What can fail is tried before anything is served, cheapest first, so that a start that cannot work leaves nothing
//! behind and says one line.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use chat_attachments::{Options, Types};
use chat_core::accounts::{AccountOptions, Accounts, Keys, Mailer};
use chat_core::{Chat, Files, Notifier};
use chat_host::signals::Signals;
use chat_host::{files, host, key, mail, metrics, notify};
use chat_transport_ws::Options as Doors;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::admin::{self, Operator};
use crate::settings::Settings;
use crate::store::{Base, Opened, Place};

/// Serves.
///
/// # Errors
/// When it cannot start; once it serves, it ends well.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let places = crate::store::places(settings)?;
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let recorder = metrics::install()?;
    settings.make_data_dir()?;
    let keys = key::load_or_make(&settings.signing_key_file())?;
    let mailer =
        mail::mailer(settings.smtp.as_deref(), settings.mail_from.as_deref(), settings.public_url())?;
    let notifier = notify::notifier(settings.notify.as_deref(), settings.store.as_deref(), &keys).await?;
    let files = files(settings, places.talk == Place::Memory)?;
    let store = places.open().await?;
    let accounts = accounts(settings, keys, &store, mailer);
    let chat = chat(settings, &store, &accounts, notifier, files).await?;

    let mut helpers = JoinSet::new();
    helpers.spawn(host::sweep(accounts.clone()));
    helpers.spawn({
        let accounts = accounts.clone();
        async move { accounts.send_mails().await }
    });
    helpers.spawn(metrics::upkeep(recorder.clone()));
    for base in store.all() {
        let Base::Sqlite(file, _) = base else { continue };
        let operator = Operator::new(base.clone(), store.clone(), accounts.clone());
        match admin::Listener::bind(file) {
            Ok(listener) => drop(helpers.spawn(listener.serve(operator))),
            Err(error) => tracing::warn!(%error, "an operator's commands do not reach this server"),
        }
    }

    let app = app(settings, recorder, &chat, accounts.clone());
    announce(listener.local_addr()?);
    chat_transport_ws::serve(listener, app, chat, signals.asked_to_drain()).await?;
    helpers.shutdown().await;
    accounts.disconnect();
    store.close().await
}

/// The place of the files, with the types that may be sent.
fn files(settings: &Settings, is_forgetful: bool) -> anyhow::Result<Arc<dyn Files>> {
    let types = Types::new(&settings.attachment_type).context("--attachment-type")?;
    let options = Options::default().types(types).pixels_max(settings.limit.attachment_pixels_max);
    files::open(&files::place(settings.attachments.as_deref(), is_forgetful, &settings.data_dir), options)
}

/// The accounts over this store.
pub(crate) fn accounts(
    settings: &Settings,
    keys: Keys,
    store: &Opened,
    mailer: Option<Arc<dyn Mailer>>,
) -> Accounts {
    let mut options = AccountOptions::new(settings.public_url());
    options.email_claim = settings.policy.email_claim;
    let accounts = Accounts::builder(store.shared(), keys, options).limits(settings.limit.clone());
    match mailer {
        Some(mailer) => accounts.mailer(mailer).build(),
        None => accounts.build(),
    }
}

/// The engine, joined with the accounts.
async fn chat(
    settings: &Settings,
    store: &Opened,
    accounts: &Accounts,
    notifier: Option<Arc<dyn Notifier>>,
    files: Arc<dyn Files>,
) -> anyhow::Result<Chat> {
    let chat = Chat::over(store.shared())
        .limits(settings.limit.clone())
        .policies(settings.policy)
        .files(files)
        .directory(Arc::new(accounts.clone()))
        .liveness(Arc::new(accounts.clone()));
    let chat = match notifier {
        Some(notifier) => chat.notifier(notifier),
        None => chat.cluster(store.cluster()),
    };
    let chat = chat.build().await?;
    accounts.connect(Arc::new(chat.clone()));
    Ok(chat)
}

/// Everything that is answered over HTTP.
fn app(settings: &Settings, recorder: PrometheusHandle, chat: &Chat, accounts: Accounts) -> Router {
    let mut options = Doors::with_accounts(accounts);
    for origin in &settings.allowed_origin {
        options = options.allowed_origin(origin);
    }
    for proxy in &settings.trusted_proxy {
        options = options.trusted_proxy(*proxy);
    }
    if let Some(url) = &settings.public_url {
        options = options.public_url(url);
    }
    chat_transport_ws::router(chat.clone(), options).merge(chat_page::routes()).merge(metrics::routes(
        recorder,
        settings.metrics_token.as_deref(),
        &settings.trusted_proxy,
    ))
}

/// The one line on standard output. Who started us may read no further.
fn announce(address: SocketAddr) {
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
}
