//! Where everything is kept: which databases URLs name ([`Place`]), and they when they are open ([`Base`]).
//!
//! There is one, or two: people and their logins may live elsewhere than what they say.

mod base;
mod place;

use std::path::Path;
use std::sync::Arc;

use anyhow::{bail, ensure};
use chat_core::engine::Cluster;
use chat_core::{SplitStore, Store};

pub use self::base::Base;
pub use self::place::Place;

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Conversations, and people too when there is nothing else.
    pub talk: Place,
    /// People, when they are elsewhere.
    pub people: Option<Place>,
    /// Of two places, the one of their logins.
    pub logins: Logins,
}

/// Which of two databases has the logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logins {
    /// That of the people.
    #[default]
    WithPeople,
    /// That of what they say.
    WithTalk,
}

impl Places {
    /// These two.
    ///
    /// # Errors
    /// When both are the same file, which can be open once.
    pub fn new(talk: Place, people: Option<Place>) -> anyhow::Result<Self> {
        let is_one = people.as_ref() == Some(&talk) && talk.file().is_some();
        ensure!(!is_one, "accounts and messages are to be in the same file: leave the accounts' store out");
        Ok(Self { talk, people, logins: Logins::default() })
    }

    /// The same with the logins there.
    #[must_use]
    pub fn logins(self, logins: Logins) -> Self {
        Self { logins, ..self }
    }

    /// Each of them, people first.
    pub fn all(&self) -> impl Iterator<Item = &Place> {
        self.people.iter().chain([&self.talk])
    }

    /// The files among them.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.all().filter_map(Place::file)
    }

    /// That nothing is made where something is expected to be.
    ///
    /// # Errors
    /// When a file is not there.
    pub fn must_exist(&self) -> anyhow::Result<()> {
        match self.files().find(|file| !file.exists()) {
            Some(file) => bail!("there is no database {}", file.display()),
            None => Ok(()),
        }
    }

    /// Opens them.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open(&self) -> anyhow::Result<Opened> {
        let people = match &self.people {
            Some(place) => Some(place.open().await?),
            None => None,
        };
        match self.talk.open().await {
            Ok(talk) => Ok(Opened { talk, people, logins: self.logins }),
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
pub struct Opened {
    talk: Base,
    people: Option<Base>,
    logins: Logins,
}

impl Opened {
    /// For the engine: one store of them all.
    pub fn shared(&self) -> Arc<dyn Store> {
        let talk: Arc<dyn Store> = self.talk.shared();
        match &self.people {
            Some(people) => {
                let split = SplitStore::people(people.shared());
                let split = match self.logins {
                    Logins::WithPeople => split,
                    Logins::WithTalk => split.access(talk.clone()),
                };
                Arc::new(split.talk(talk))
            }
            None => talk,
        }
    }

    /// Whether other processes may write to what is kept, and how one learns of it.
    pub fn cluster(&self) -> Cluster {
        if self.all().any(Base::is_shared) { Cluster::Polling } else { Cluster::Alone }
    }

    /// Each of them, people first.
    pub fn all(&self) -> impl Iterator<Item = &Base> {
        self.people.iter().chain([&self.talk])
    }

    /// Closes them.
    ///
    /// # Errors
    /// The first that failed; all are closed.
    pub async fn close(&self) -> anyhow::Result<()> {
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
    fn one_file_is_no_two_places() {
        let file = Place::Sqlite("a.db".into());
        assert!(Places::new(file.clone(), Some(file.clone())).is_err());
        let split = Places::new(Place::Memory, Some(file)).unwrap();
        assert_eq!((split.all().count(), split.files().count()), (2, 1));
        assert_eq!(Places::new(Place::Memory, None).unwrap().files().count(), 0);
    }
}
