//! One store made of several: people in one database, talk in another.

use std::sync::Arc;

use super::{Access, People, Store, Talk};
use crate::id::Tenant;

/// A store whose groups live in different stores.
///
/// Nothing is atomic across them, and nothing needs to be: what spans groups is ordered by the engine and finished by
/// a repeat, a reader or the sweeper.
#[derive(Clone)]
pub struct SplitStore {
    people: Arc<dyn Store>,
    access: Arc<dyn Store>,
    talk: Arc<dyn Store>,
}

/// A [`SplitStore`] that lacks its talk.
#[derive(Clone)]
pub struct SplitBuilder {
    people: Arc<dyn Store>,
    access: Arc<dyn Store>,
}

impl SplitStore {
    /// Friendships and accounts come from `store`, logins too unless [`SplitBuilder::access`] says otherwise.
    pub fn people(store: Arc<dyn Store>) -> SplitBuilder {
        SplitBuilder { access: Arc::clone(&store), people: store }
    }
}

impl SplitBuilder {
    /// Logins come from `store`.
    #[must_use]
    pub fn access(self, store: Arc<dyn Store>) -> Self {
        Self { access: store, ..self }
    }

    /// Conversations come from `store`; its tenant is the tenant of the whole.
    pub fn talk(self, store: Arc<dyn Store>) -> SplitStore {
        SplitStore { people: self.people, access: self.access, talk: store }
    }
}

impl Store for SplitStore {
    fn tenant(&self) -> Tenant {
        self.talk.tenant()
    }

    fn people(&self) -> &dyn People {
        self.people.people()
    }

    fn access(&self) -> &dyn Access {
        self.access.access()
    }

    fn talk(&self) -> &dyn Talk {
        self.talk.talk()
    }
}
