//! Where everything is kept: which databases the settings name ([`Place`]), and they when they are open ([`Base`]).
//!
//! There is one, or two: people and their logins may live elsewhere than what they say.

mod base;
mod place;

use std::path::Path;
use std::sync::Arc;

use anyhow::{bail, ensure};
use chat_core::engine::Cluster;
use chat_core::{SplitStore, Store};

use crate::settings::Settings;

pub(crate) use self::base::Base;
pub(crate) use self::place::Place;

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// Conversations, and people too when there is nothing else.
    pub(crate) talk: Place,
    /// People and their logins, when they are elsewhere.
    pub(crate) people: Option<Place>,
}

impl Places {
    /// The places that the settings name: by default a file in the data folder.
    ///
    /// # Errors
    /// When they are none.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let talk = match settings.store.as_deref() {
            None => Place::Sqlite(settings.data_dir.join("chat.db")),
            Some(url) => Place::parse("--store", url)?,
        };
        let accounts = settings.accounts_store.as_deref();
        Self::new(talk, accounts.map(|url| Place::parse("--accounts-store", url)).transpose()?)
    }

    /// These two.
    ///
    /// # Errors
    /// When both are the same file, which can be open once.
    pub(crate) fn new(talk: Place, people: Option<Place>) -> anyhow::Result<Self> {
        let is_one = people.as_ref() == Some(&talk) && talk.file().is_some();
        ensure!(!is_one, "accounts and messages are to be in the same file: leave the accounts' store out");
        Ok(Self { talk, people })
    }

    /// Each of them, people first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Place> {
        self.people.iter().chain([&self.talk])
    }

    /// The files among them.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.all().filter_map(Place::file)
    }

    /// That nothing is made where something is expected to be.
    ///
    /// # Errors
    /// When a file is not there.
    pub(crate) fn must_exist(&self) -> anyhow::Result<()> {
        match self.files().find(|file| !file.exists()) {
            Some(file) => bail!("there is no database {}", file.display()),
            None => Ok(()),
        }
    }

    /// Opens them.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(crate) async fn open(&self) -> anyhow::Result<Opened> {
        let people = match &self.people {
            Some(place) => Some(place.open().await?),
            None => None,
        };
        match self.talk.open().await {
            Ok(talk) => Ok(Opened { talk, people }),
            Err(error) => {
                if let Some(people) = people {
                    people.close().await?;
                }
                Err(error)
            }
        }
    }
}

/// All databases, open.
#[derive(Clone)]
pub(crate) struct Opened {
    talk: Base,
    people: Option<Base>,
}

impl Opened {
    /// For the engine: one store of them all.
    pub(crate) fn shared(&self) -> Arc<dyn Store> {
        let talk = self.talk.shared();
        match &self.people {
            Some(people) => Arc::new(SplitStore::people(people.shared()).talk(talk)),
            None => talk,
        }
    }

    /// Whether other processes may write to what is kept, and how one learns of it.
    pub(crate) fn cluster(&self) -> Cluster {
        if self.all().any(Base::is_shared) { Cluster::Polling } else { Cluster::Alone }
    }

    /// Each of them, people first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Base> {
        self.people.iter().chain([&self.talk])
    }

    /// Closes them.
    ///
    /// # Errors
    /// The first that failed; all are closed.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        let mut closed = Ok(());
        for base in self.all() {
            closed = closed.and(base.close().await);
        }
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_one_place_or_two() {
        let alone = Places::of(&Settings::default()).unwrap();
        assert_eq!(alone, Places { talk: Place::Sqlite("./chat-data/chat.db".into()), people: None });
        let accounts_store = Some("sqlite:people.db".to_owned());
        let split = Places::of(&Settings { accounts_store, ..Settings::default() }).unwrap();
        assert_eq!(split.people, Some(Place::Sqlite("people.db".into())));
        assert_eq!(split.files().count(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let same = Some("sqlite:a.db".to_owned());
        let twice = Settings { store: same.clone(), accounts_store: same, ..Settings::default() };
        assert!(Places::of(&twice).is_err());
        let secret = Settings { accounts_store: Some("secret".to_owned()), ..Settings::default() };
        let error = format!("{:#}", Places::of(&secret).unwrap_err());
        assert!(error.starts_with("--accounts-store") && !error.contains("secret"), "{error}");
    }
}
