//! Handing mail over to a server by SMTP.
//!
//! Connections are kept for a while and shared. Every step has its time, and a whole mail too. What a server says of a
//! failure may name the reader, so only its code goes into errors, and from there into logs.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::accounts::{Mail, MailError, Mailer};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::{Host, Url};

use crate::letter::Written;

/// How long a server may take for one step.
const STEP_MAX: Duration = Duration::from_secs(10);

/// How long a mail may take, whatever the server does.
const MAIL_MAX: Duration = Duration::from_secs(30);

/// Connections at a time, and how long one is kept unused.
const CONNECTIONS_MAX: u32 = 4;
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How mail looks to its reader.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SmtpOptions {
    /// Who it is from: `chat@example.org`, or with a name `Chat <chat@example.org>`.
    pub from: String,
    /// The page that links lead to; what is to be shown there stands behind a `#`, where no server and no log sees it.
    pub page: String,
    /// What the service calls itself.
    pub service: String,
}

impl SmtpOptions {
    /// From this address, about a service at this page.
    pub fn new(from: impl Into<String>, page: impl Into<String>) -> Self {
        Self { from: from.into(), page: page.into(), service: "Chat".to_owned() }
    }
}

/// Why there is no mailer. Holds nothing of the URL, in which a password may be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpError {
    /// Not the URL of a server.
    #[error("not the URL of a mail server, as smtps://USER:PASSWORD@HOST or smtp://HOST:PORT")]
    Url,
    /// The password would be sent in the clear.
    #[error("a password needs TLS: smtps://…, or smtp://…?tls=required")]
    PlainPassword,
    /// Not an address mail can be from.
    #[error("not an address that mail can be from")]
    From,
    /// Not a page links can lead to.
    #[error("not the URL of a page that links can lead to")]
    Page,
}

/// Brings mail to a server.
pub struct SmtpMailer {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    page: Url,
    service: String,
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpMailer(…)")
    }
}

impl SmtpMailer {
    /// A mailer for the server of a URL: `smtps://` (TLS from the beginning), `smtp://…?tls=required` (STARTTLS), or
    /// `smtp://` in the clear, for a server of the same machine or network that asks for no password.
    ///
    /// # Errors
    /// [`SmtpError`]; nothing is connected to yet.
    pub fn new(url: &str, options: SmtpOptions) -> Result<Self, SmtpError> {
        let parsed = Url::parse(url).map_err(|_| SmtpError::Url)?;
        if is_plain(&parsed) && parsed.password().is_some() && !is_loopback(&parsed) {
            return Err(SmtpError::PlainPassword);
        }
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| SmtpError::Url)?;
        let pool = PoolConfig::new().max_size(CONNECTIONS_MAX).idle_timeout(IDLE_MAX);
        let page = Url::parse(&options.page).ok().filter(|page| matches!(page.scheme(), "http" | "https"));
        Ok(Self {
            server: server.timeout(Some(STEP_MAX)).pool_config(pool).build(),
            from: options.from.parse().map_err(|_| SmtpError::From)?,
            page: page.ok_or(SmtpError::Page)?,
            service: options.service,
        })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let never = |what: &'static str| MailError::Never(Failure { what, code: None }.into());
        let to: Address = mail.to.parse().map_err(|_| never("the address"))?;
        let written = Written::new(mail, &self.service, &self.page);
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(written.subject)
            .header(AutoSubmitted)
            .message_id(None)
            .multipart(MultiPart::alternative_plain_html(written.text, written.html))
            .map_err(|_| never("the message"))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(MAIL_MAX, self.server.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(MailError::Never(Failure::of(&error).into())),
            Ok(Err(error)) => Err(MailError::Later(Failure::of(&error).into())),
            Err(_) => Err(MailError::Later(Failure { what: "no answer", code: None }.into())),
        }
    }
}

/// Neither TLS from the beginning nor STARTTLS for sure.
fn is_plain(url: &Url) -> bool {
    url.scheme() == "smtp" && !url.query_pairs().any(|(name, value)| name == "tls" && value == "required")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // An address in a URL that is not of the web is a name to the parser.
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What failed, without a word of the server's.
#[derive(Debug, thiserror::Error)]
#[error("SMTP: {what} (code {code:?})")]
struct Failure {
    what: &'static str,
    code: Option<u16>,
}

impl Failure {
    fn of(error: &smtp::Error) -> Self {
        let what = if error.is_timeout() {
            "no answer in time"
        } else if error.is_tls() {
            "TLS"
        } else if error.status().is_some() {
            "refused by the server"
        } else if error.is_client() {
            "what the server offers"
        } else {
            "the connection"
        };
        Self { what, code: error.status().map(u16::from) }
    }
}

/// Tells other machines not to answer (RFC 3834).
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer(url: &str, from: &str, page: &str) -> Result<SmtpMailer, String> {
        SmtpMailer::new(url, SmtpOptions::new(from, page)).map_err(|error| error.to_string())
    }

    const FROM: &str = "Chat <chat@example.org>";
    const PAGE: &str = "https://chat.example.org";

    #[tokio::test]
    async fn servers_are_named_by_url_and_a_password_never_goes_in_the_clear() {
        for url in [
            "smtp://127.0.0.1:2525",
            "smtps://u:p@mail.example.org",
            "smtp://u:p@mail.example.org:587?tls=required",
            "smtp://mail.example.org",
            "smtp://u:p@localhost:2525",
            "smtp://u:p@127.0.0.1:2525",
        ] {
            assert!(mailer(url, FROM, PAGE).is_ok(), "{url}");
        }
        for url in ["smtp://u:secret@mail.example.org", "smtp://u:secret@mail.example.org?tls=opportunistic"]
        {
            let error = mailer(url, FROM, PAGE).unwrap_err();
            assert!(error.contains("TLS") && !error.contains("secret"), "{error}");
        }
        for url in ["", "mail.example.org", "https://u:secret@mail.example.org", "smtps://"] {
            let error = mailer(url, FROM, PAGE).unwrap_err();
            assert!(error.contains("not the URL") && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn what_it_is_from_and_leads_to_is_checked() {
        assert!(mailer("smtp://localhost", "chat@example.org", "http://localhost:8080/chat").is_ok());
        assert!(mailer("smtp://localhost", "chat", PAGE).unwrap_err().contains("from"));
        assert!(mailer("smtp://localhost", FROM, "javascript:alert(1)").unwrap_err().contains("page"));
    }
}
