//! Mail: what is written to people, and who brings it.
//!
//! Here it is decided what is written, to whom and when; how it reads and how it travels is a [`Mailer`]'s affair.

use std::fmt;

use async_trait::async_trait;

use super::Secret;

/// A mail to somebody.
#[derive(Clone)]
#[non_exhaustive]
pub struct Mail {
    /// Where it goes: an address that was checked.
    pub to: String,
    /// The username of the account it is about.
    pub username: String,
    /// The language its reader prefers (a BCP 47 tag).
    pub locale: Option<String>,
    /// What it says.
    pub letter: Letter,
}

/// What a mail says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Letter {
    /// Asks its reader to show that he reads mail here.
    VerifyEmail {
        /// What he shows ([`Accounts::verify_email`](super::Accounts::verify_email)).
        token: Secret,
        /// For how long that is good, in seconds.
        expires_in: u64,
    },
    /// Lets its reader choose a new password.
    ResetPassword {
        /// What he shows ([`Accounts::reset_password`](super::Accounts::reset_password)).
        token: Secret,
        /// For how long that is good, in seconds.
        expires_in: u64,
    },
    /// Tells the owner of an address that somebody has given it for another account. Nobody else is told.
    EmailTaken,
    /// Tells the owner that the password was changed.
    PasswordChanged,
    /// Tells the reader of an address that was the account's own that it is not any more.
    EmailChanged,
}

impl Letter {
    /// Its name, for logs and measurements.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::ResetPassword { .. } => "reset_password",
            Self::EmailTaken => "email_taken",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
        }
    }
}

impl Mail {
    /// A mail.
    pub fn new(to: impl Into<String>, username: impl Into<String>, letter: Letter) -> Self {
        Self { to: to.into(), username: username.into(), locale: None, letter }
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("letter", &self.letter.name()).finish_non_exhaustive()
    }
}

/// Why a mail was not brought. The source is for the log, and must hold no address and no text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Not now: it is tried again.
    #[error("the mail could not be brought now")]
    Later(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Never: it is given up.
    #[error("the mail was refused")]
    Never(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Brings mail.
///
/// # Contract
/// - `send` ends by itself in some seconds, whatever the other side does.
/// - Some mails are brought at the same time.
/// - The same mail may be brought twice after an answer was lost.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a mail over to whoever brings it further.
    ///
    /// # Errors
    /// [`MailError`], which says whether to try again.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
