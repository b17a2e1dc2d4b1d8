//! Accounts of the server that was there before: people log in with the passwords they always had.
//!
//! A file has one account on a line, as JSON: `username` and `password`, which is its bcrypt hash; and, where they are
//! known, `id` (an integer below 2^48, or a UUID), `full_name`, `email`, `email_verified`, `picture`, `bio` and `created_at` (RFC 3339).

use std::path::Path;

use anyhow::{Context as _, bail};
use chat_core::accounts::{Accounts, Import};
use chat_core::{Timestamp, UserId};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::dates;

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    username: String,
    password: String,
    id: Option<Id>,
    full_name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    picture: Option<String>,
    bio: Option<String>,
    created_at: Option<String>,
}

/// Who somebody was.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Integer(u64),
    Text(String),
}

/// Where integers end that reports on every database can show.
const INTEGERS_END: u64 = 1 << 48;

impl Id {
    fn user(self) -> anyhow::Result<UserId> {
        match self {
            Self::Integer(integer @ 1..INTEGERS_END) => Ok(integer.into()),
            Self::Integer(_) => bail!("id: must be from 1 to 2^48 - 1"),
            Self::Text(text) => text.parse().context("id: must be an integer or a UUID"),
        }
    }
}

impl Line {
    fn import(self, now: Timestamp) -> anyhow::Result<Import> {
        let mut import = Import::new(self.username, self.password);
        import.user = self.id.map(Id::user).transpose()?;
        (import.full_name, import.email) = (self.full_name, self.email);
        (import.picture, import.bio) = (self.picture, self.bio);
        let read = |text: String| dates::read(&text).context("created_at: must be a time of RFC 3339");
        import.created_at = self.created_at.map(read).transpose()?;
        import.email_verified_at = self.email_verified.then(|| import.created_at.unwrap_or(now));
        Ok(import)
    }
}

/// What a file had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Accounts that were taken over.
    pub new: u64,
    /// Accounts that are there already, as all are when a file is read again.
    pub known: u64,
}

/// Takes over the accounts of a file, one after the other; those that are there already stay as they are.
///
/// # Errors
/// Naming the line that cannot be taken over. The lines before it have been; the file can be read again.
pub async fn take_over(accounts: &Accounts, file: &Path, now: Timestamp) -> anyhow::Result<TakenOver> {
    let opened = File::open(file).await.with_context(|| format!("cannot read {}", file.display()))?;
    let mut lines = BufReader::new(opened).lines();
    let (mut taken, mut number) = (TakenOver::default(), 0_u64);
    while let Some(line) = lines.next_line().await? {
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {number}", file.display());
        let line: Line = serde_json::from_str(&line).with_context(place)?;
        // A name, an address or an id that somebody else has is not passed over: who has it would be taken for him.
        if accounts.find_by_login(&line.username).await.with_context(place)?.is_some() {
            taken.known += 1;
            continue;
        }
        match accounts.import(line.import(now).with_context(place)?).await {
            Ok(_) => taken.new += 1,
            Err(error) => match error.refusal() {
                Some(refusal) => {
                    bail!("{}: {}: {refusal}", place(), refusal.field().unwrap_or("/"))
                }
                None => return Err(anyhow::Error::new(error).context(place())),
            },
        }
    }
    Ok(taken)
}
