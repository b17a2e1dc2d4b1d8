//! Mail of the accounts, by SMTP: an implementation of [`Mailer`](chat_core::accounts::Mailer).
//!
//! `chat-core` decides what is written to whom and when, and waits and tries again; here it gets its words (`letter`,
//! in text and HTML, in the reader's language where we have it) and goes to a server that brings it further (`smtp`).
//! What this crate leaves out: bounces, and everything else that comes back.
//!
//! ```no_run
//! # fn mailer() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_mail::{SmtpMailer, SmtpOptions};
//!
//! let options = SmtpOptions::new("Chat <chat@example.org>", "https://chat.example.org");
//! let mailer = SmtpMailer::new("smtps://chat:secret@mail.example.org", options)?;
//! # Ok(())
//! # }
//! ```

mod letter;
mod smtp;
mod words;

pub use smtp::{SmtpError, SmtpMailer, SmtpOptions};
