//! Who brings the mail, if there is any.

use std::sync::Arc;

use anyhow::Context as _;
use chat_core::accounts::Mailer;
use chat_mail::{SmtpMailer, SmtpOptions};

/// The mailer that was asked for.
///
/// # Errors
/// When what was given is not enough, or wrong; nothing of a URL is shown, since a password may be in it.
pub fn mailer(
    smtp: Option<&str>,
    from: Option<&str>,
    public_url: String,
) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    let Some(url) = smtp else { return Ok(None) };
    let from = from.context("--smtp needs --mail-from, the address that mail is from")?;
    let mailer = SmtpMailer::new(url, SmtpOptions::new(from, public_url)).context("cannot send mail")?;
    Ok(Some(Arc::new(mailer)))
}
