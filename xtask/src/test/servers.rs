//! The databases that tests share, started once for all of them and only those that are needed.
//!
//! A test finds a database by a URL in the environment; one that is set already is left alone, and nothing is started
//! for it. What cannot be had is said, and its tests say it again where they skip themselves.

use super::outcome::{Outcome, Report};
use super::part::Part;
use clap::ValueEnum;
use std::time::Duration;
use testbed::services::{MariaDb, MongoJava, Mongod, Postgres, Recipe, Secantus, Service, install};

/// A database that tests may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Need {
    Postgres,
    #[value(name = "mysql")]
    MySql,
    /// MongoDB, or what stands in for it.
    Mongo,
    /// What stands in for it otherwise.
    MongoSecond,
}

impl Need {
    pub(crate) const ALL: [Self; 4] = [Self::Postgres, Self::MySql, Self::Mongo, Self::MongoSecond];

    /// What tests read.
    fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "CHAT_TEST_POSTGRES_URL",
            Self::MySql => "CHAT_TEST_MYSQL_URL",
            Self::Mongo => "CHAT_TEST_MONGODB_URL",
            Self::MongoSecond => "CHAT_TEST_MONGODB_SECOND_URL",
        }
    }

    fn is_given(self) -> bool {
        std::env::var_os(self.variable()).is_some()
    }

    fn recipe(self) -> &'static dyn Recipe {
        match self {
            Self::Postgres => &Postgres,
            Self::MySql => &MariaDb,
            Self::Mongo if Mongod.is_installed() => &Mongod,
            Self::Mongo => &Secantus,
            Self::MongoSecond => &MongoJava,
        }
    }
}

/// All that run, until the value is dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    running: Vec<(Need, Service)>,
    missing: Vec<(Need, String)>,
}

impl Servers {
    /// Installs, makes and starts what these parts need and is not given, and installs what their tests start.
    pub(super) fn for_parts(parts: &[Part]) -> Self {
        let is_needed = |need: &Need| parts.iter().any(|part| part.needs().contains(need));
        let needs = Need::ALL.into_iter().filter(|need| is_needed(need) && !need.is_given()).collect();
        Self::start(needs, parts.iter().flat_map(|part| part.own()).copied())
    }

    /// Installs, makes and starts these, and installs the others.
    pub(crate) fn start(needs: Vec<Need>, own: impl Iterator<Item = &'static dyn Recipe>) -> Self {
        let recipes: Vec<&dyn Recipe> = needs.iter().map(|need| need.recipe()).chain(own).collect();
        if let Err(error) = install(&recipes) {
            eprintln!("{error:#}");
        }
        let started = std::thread::scope(|threads| {
            let starting: Vec<_> =
                needs.iter().map(|need| threads.spawn(|| Service::start(need.recipe()))).collect();
            starting
                .into_iter()
                .map(|thread| thread.join().expect("starting does not panic"))
                .collect::<Vec<_>>()
        });
        let mut servers = Self { running: Vec::new(), missing: Vec::new() };
        for (need, started) in needs.into_iter().zip(started) {
            match started {
                Ok(service) => servers.running.push((need, service)),
                Err(error) => servers.missing.push((need, format!("{error:#}"))),
            }
        }
        servers
    }

    /// The URLs by the names that tests read.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let own = self.running.iter().map(|(need, service)| (need.variable().to_owned(), service.url()));
        let instead = self.instead().map(|service| (Need::Mongo.variable().to_owned(), service.url()));
        own.chain(instead).collect()
    }

    /// The second stand-in for MongoDB, where it has to be the only one.
    fn instead(&self) -> Option<&Service> {
        let only = self.missing.iter().any(|(need, _)| *need == Need::Mongo);
        let second = self.running.iter().find(|(need, _)| *need == Need::MongoSecond);
        second.filter(|_| only).map(|(_, service)| service)
    }

    /// What could not be started, and why.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(|(_, error)| error.as_str())
    }

    /// What came of it, where something was to be started. A stand-in that is gone from its registry is no failure
    /// while there is another one.
    pub(super) fn report(&self, took: Duration) -> Option<Report> {
        let any = !self.running.is_empty() || !self.missing.is_empty();
        any.then(|| Report { name: "services".to_owned(), outcome: self.outcome(), took })
    }

    fn outcome(&self) -> Outcome {
        let mut missing = Vec::new();
        for (need, error) in &self.missing {
            eprintln!("!!! {error}");
            match self.instead() {
                Some(other) if *need == Need::Mongo => {
                    eprintln!("!!! MongoDB is tested on {} alone", other.name());
                }
                _ => missing.push(error.clone()),
            }
        }
        if missing.is_empty() { Outcome::passed() } else { Outcome::skipped(missing.join("; ")) }
    }
}
