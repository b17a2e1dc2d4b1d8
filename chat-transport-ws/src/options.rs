//! How a router is set up.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use chat_core::accounts::Accounts;

use crate::auth::Authenticator;
use crate::limit::Limiter;

/// How a router is set up. Only the [`Authenticator`] has no default.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) accounts: Option<Accounts>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) public_url: Option<String>,
    pub(crate) limiter: Option<Arc<Limiter>>,
}

impl Options {
    /// The defaults: pages of the same host only, no proxy trusted, no accounts of our own.
    pub fn new(authenticator: impl Authenticator) -> Self {
        Self::shared(Arc::new(authenticator))
    }

    /// The same with an authenticator that is shared with others.
    pub fn shared(authenticator: Arc<dyn Authenticator>) -> Self {
        Self {
            authenticator,
            accounts: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            public_url: None,
            limiter: None,
        }
    }

    /// The accounts of our own, which authenticate by themselves, with their routes.
    pub fn with_accounts(accounts: Accounts) -> Self {
        Self::new(accounts.clone()).accounts(accounts)
    }

    /// Routes to sign up, log in and manage logins. The authenticator should know the logins of this service, as the
    /// service itself does.
    #[must_use]
    pub fn accounts(mut self, accounts: Accounts) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// Pages of this origin (`https://app.example`) may use the API and open sockets, beside those of the same host.
    #[must_use]
    pub fn allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// `X-Forwarded-For` of this peer is believed.
    #[must_use]
    pub fn trusted_proxy(mut self, proxy: IpAddr) -> Self {
        self.trusted_proxies.push(proxy);
        self
    }

    /// Where clients reach this router (`https://chat.example`): for documents, and as one more allowed origin.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Counts what is done here together with what is done elsewhere, at doors of the host's own.
    #[must_use]
    pub fn limiter(mut self, limiter: Arc<Limiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// All origins that are allowed beside those of the same host.
    pub(crate) fn origins(&self) -> Vec<String> {
        self.allowed_origins.iter().chain(&self.public_url).cloned().collect()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("accounts", &self.accounts.is_some())
            .field("allowed_origins", &self.allowed_origins)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
