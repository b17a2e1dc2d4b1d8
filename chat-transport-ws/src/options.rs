//! How a router is set up.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::Authenticator;

/// How a router is set up. Only the [`Authenticator`] has no default.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) public_url: Option<String>,
}

impl Options {
    /// The defaults: pages of the same host only, no proxy trusted, no accounts of our own.
    pub fn new(authenticator: impl Authenticator) -> Self {
        Self::shared(Arc::new(authenticator))
    }

    /// The same with an authenticator that is shared with others.
    pub fn shared(authenticator: Arc<dyn Authenticator>) -> Self {
        Self { authenticator, allowed_origins: Vec::new(), trusted_proxies: Vec::new(), public_url: None }
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
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("allowed_origins", &self.allowed_origins)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
