//! Accounts, passwords, tokens and logins of our own, for a host that has no users.
//!
//! [`Accounts`] is a service beside the engine: it knows the parts `Accounts` and `Sessions` of a store and nothing
//! of conversations. A host builds both, gives this one to the engine as its
//! [`Directory`](crate::user::Directory) and [`Liveness`](crate::delivery::Liveness), asks it who a token belongs to
//! ([`Accounts::authenticate`]), and lets it tell the engine what must follow ([`Hooks`]).
//!
//! - A password is proven once, at login. What follows is a *login* ([`SessionId`](crate::SessionId)): a row with the
//!   hashes of its refresh tokens. An access token names a login and is worth nothing when the login has ended,
//!   however long it was meant to live.
//! - Credentials change in one order: the account first (its `credential_version` rises), the logins after. Whoever
//!   meets a login older than its account ends it, so that a crash in between leaves nothing open for long.
//! - Nothing tells a stranger whether an account exists: not by answer, not by the time it takes, not by limits.
//!
//! It opens no socket and starts no task: the host calls [`Accounts::sweep`] now and then, and where there is mail to be
//! sent it gives a [`Mailer`] and runs [`Accounts::send_mails`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use chat_core::accounts::{AccountOptions, Accounts, Keys, Login, Registration, Secret};
//! use chat_core::memory::MemoryStore;
//! use chat_core::{Device, SystemIds};
//!
//! let store = Arc::new(MemoryStore::new());
//! let file = Keys::generate(&SystemIds::default()); // once, kept in a private file
//! let keys = Keys::parse(file.expose())?;
//! let accounts = Accounts::builder(store, keys, AccountOptions::new("https://chat.example.org")).build();
//!
//! let password = Secret::from("correct horse");
//! accounts.register(Registration::new("ada", password.clone())).await?;
//! let tokens = accounts.log_in(Login { name: "Ada".into(), password }, Device::new("phone")).await?;
//! let identity = accounts.authenticate(tokens.access_token.expose()).await?;
//! assert_eq!(identity.user, tokens.user.id);
//! # Ok(())
//! # }
//! ```

mod access_token;
mod attempts;
mod credentials;
mod directory;
mod hooks;
mod import;
mod imported;
mod keys;
mod liveness;
mod login;
mod mail;
mod names;
mod new_ids;
mod notifications;
mod operators;
mod options;
mod passwords;
mod postbox;
mod profile;
mod proof;
mod recovery;
mod refresh;
mod refresh_token;
mod registration;
mod secret;
mod sessions;
mod sweep;
#[cfg(test)]
mod tests;
mod tickets;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use self::access_token::AccessTokens;
use self::attempts::FailedAttempts;
use self::liveness::Liveness;
use self::names::Reserved;
use self::new_ids::Integers;
use self::passwords::Hasher;
use self::postbox::Postbox;
use self::tickets::Tickets;
use crate::error::{ChatError, Refusal};
use crate::id::{IdSource, SystemIds, UserId};
use crate::limits::Limits;
use crate::store::{self, Account, AccountState, Claims, Store, StoreError};
use crate::time::{Clock, SystemClock, Timestamp};
use crate::user::search_words;

pub use crate::engine::EmailClaim;
pub use hooks::Hooks;
pub use import::Import;
pub use keys::{KeyError, Keys};
pub use login::{Login, Tokens};
pub use mail::{Letter, Mail, MailError, Mailer};
pub use new_ids::AccountIds;
pub use notifications::NotificationsPatch;
pub use options::AccountOptions;
pub use passwords::PasswordCost;
pub use profile::ProfilePatch;
pub use registration::Registration;
pub use secret::Secret;
pub use sessions::{Identity, SessionSummary};
pub use sweep::Swept;
pub use tickets::Ticket;

/// How often a change is tried again that somebody else's was faster than.
const ROUNDS: usize = 8;

/// Accounts or logins read at a time where all are gone through.
const BATCH: usize = 256;

/// The accounts of a host. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Service>);

struct Service {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: Limits,
    keys: Keys,
    options: AccountOptions,
    integers: Integers,
    reserved: Reserved,
    access_tokens: AccessTokens,
    hasher: Hasher,
    failed_attempts: FailedAttempts,
    liveness: Liveness,
    tickets: Tickets,
    postbox: Option<Postbox>,
    hooks: RwLock<Option<Arc<dyn Hooks>>>,
}

/// Parts of an [`Accounts`] before it is one.
#[must_use]
pub struct AccountsBuilder {
    store: Arc<dyn Store>,
    keys: Keys,
    options: AccountOptions,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: Limits,
    mailer: Option<Arc<dyn Mailer>>,
}

impl AccountsBuilder {
    /// Another clock than the machine's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Other ids and randomness than the system's.
    pub fn ids(self, ids: Arc<dyn IdSource>) -> Self {
        Self { ids, ..self }
    }

    /// Other limits than the defaults.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Who brings mail; without one nothing is sent. The host runs [`Accounts::send_mails`].
    pub fn mailer(self, mailer: Arc<dyn Mailer>) -> Self {
        Self { mailer: Some(mailer), ..self }
    }

    /// The service.
    pub fn build(self) -> Accounts {
        let Self { store, keys, options, clock, ids, limits, mailer } = self;
        let failed_logins = limits.failed_logins_per_account_per_minute;
        let postbox = |mailer| Postbox::new(mailer, options.mails_waiting, &limits, &*ids);
        Accounts(Arc::new(Service {
            integers: Integers::default(),
            reserved: Reserved::new(&options.reserved),
            access_tokens: AccessTokens::new(&options),
            hasher: Hasher::new(&options, Arc::clone(&ids)),
            failed_attempts: FailedAttempts::new(failed_logins, Duration::from_mins(1), &*ids),
            liveness: Liveness::default(),
            tickets: Tickets::new(&limits),
            postbox: mailer.map(postbox),
            hooks: RwLock::default(),
            store,
            clock,
            ids,
            limits,
            keys,
            options,
        }))
    }
}

impl fmt::Debug for AccountsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Accounts {
    /// The service over this store; all nodes of a cluster have the same keys.
    pub fn builder(store: Arc<dyn Store>, keys: Keys, options: AccountOptions) -> AccountsBuilder {
        AccountsBuilder {
            store,
            keys,
            options,
            clock: Arc::new(SystemClock::default()),
            ids: Arc::new(SystemIds::default()),
            limits: Limits::default(),
            mailer: None,
        }
    }

    /// Tells the service what must follow from what it does, after the engine was built, which needs the service for
    /// its directory: `accounts.connect(Arc::new(chat.clone()))`. The two then hold each other until
    /// [`disconnect`](Self::disconnect).
    pub fn connect(&self, hooks: Arc<dyn Hooks>) {
        *self.0.hooks.write().unwrap_or_else(PoisonError::into_inner) = Some(hooks);
    }

    /// Lets go of what [`connect`](Self::connect) was given: when the engine is shut down.
    pub fn disconnect(&self) {
        *self.0.hooks.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn hooks(&self) -> Option<Arc<dyn Hooks>> {
        self.0.hooks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn records(&self) -> &dyn store::Accounts {
        self.0.store.people().accounts()
    }

    fn logins(&self) -> &dyn store::Sessions {
        self.0.store.access().sessions()
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.clock.monotonic()
    }

    /// The account of a user, whatever its state.
    async fn load(&self, user: UserId) -> Result<Option<Account>, ChatError> {
        Ok(self.records().load(&[user]).await?.into_iter().next().flatten())
    }

    /// Reads an account, changes it and writes it back; reads again when somebody was faster. `edit` says what is
    /// claimed and given back by the change. Nothing is written when nothing is changed or claimed.
    async fn change(
        &self,
        user: UserId,
        edit: impl Fn(&mut Account) -> Result<Claims, Refusal> + Send + Sync,
    ) -> Result<Account, ChatError> {
        for _ in 0..ROUNDS {
            let before = self.load(user).await?.ok_or(Refusal::NotFound)?;
            let mut account = before.clone();
            let mut claims = edit(&mut account)?;
            if account == before && claims == Claims::default() {
                return Ok(account);
            }
            account.version += 1;
            claims.words = words(&account);
            match self.records().update(&account, &claims).await {
                Ok(()) => return Ok(account),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict.into())
    }
}

/// The words an account is found by.
fn words(account: &Account) -> Vec<String> {
    match account.state {
        AccountState::Deleted => Vec::new(),
        AccountState::Active | AccountState::Disabled | AccountState::Deleting => {
            let full_name = account.full_name.as_deref().unwrap_or_default();
            search_words(&format!("{} {full_name}", account.username))
        }
    }
}
