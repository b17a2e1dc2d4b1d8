//! Who brings the mail, if there is any.

use std::sync::Arc;

use anyhow::Context as _;
use chat_core::accounts::Mailer;
use chat_mail::{SmtpMailer, SmtpOptions};

use crate::settings::Settings;

/// The mailer that was asked for.
///
/// # Errors
/// When what was given is not enough, or wrong; nothing of a URL is shown, since a password may be in it.
pub(crate) fn mailer(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    let Some(url) = &settings.smtp else { return Ok(None) };
    let from =
        settings.mail_from.as_ref().context("--smtp needs --mail-from, the address that mail is from")?;
    let options = SmtpOptions::new(from, settings.public_url());
    let mailer = SmtpMailer::new(url, options).context("cannot send mail")?;
    Ok(Some(Arc::new(mailer)))
}
