//! Requests about other people.

use chat_core::command::Who;
use chat_core::friendship::Action;
use chat_core::store::FriendFilter;
use chat_core::{Command, Limit, Query, UserId};

use super::{one_of, page};
use crate::cursor::List;
use crate::problem::Failure;
use crate::wire::fields::shape;
use crate::wire::values::Cursor;

/// Most users of one `user.get`.
const USERS_MAX: usize = 100;

shape! {
    /// Another person, by one of the two.
    Other {
        /// His id.
        user: Option<UserId>,
        /// His username.
        username: Option<String>,
    }

    /// Another person, by id.
    Another {
        /// His id.
        user: UserId,
    }

    /// Another person, by username.
    Named {
        /// His username.
        username: String,
    }

    /// A part of one's friends, requests and blocks.
    Friends {
        /// Only these.
        state: Option<FriendFilter>,
        /// Where to go on.
        cursor: Option<Cursor>,
        /// How many at most.
        limit: Option<Limit>,
    }

    /// A person, or several; one of the three.
    Person {
        /// His id.
        user: Option<UserId>,
        /// His username.
        username: Option<String>,
        /// The ids of several, at most 100; who does not exist is left out.
        users: Option<Vec<UserId>>,
    }

    /// What is searched for.
    Search {
        /// Words; each must begin a word of the username or full name.
        query: Query,
        /// Where to go on.
        cursor: Option<Cursor>,
        /// How many at most.
        limit: Option<Limit>,
    }
}

impl Other {
    fn who(self) -> Result<Who, Failure> {
        one_of(("/user", self.user.map(Who::Id)), ("/username", self.username.map(Who::Username)))
    }
}

pub(super) fn friend(action: Action) -> impl FnOnce(Other, Option<UserId>) -> Result<Command, Failure> {
    move |other, _| Ok(Command::Friend { who: other.who()?, action })
}

pub(super) fn withdraw(other: Other, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Withdraw { who: other.who()? })
}

pub(super) fn direct(Another { user }: Another) -> Command {
    Command::Direct { user }
}

pub(super) fn profile(Another { user }: Another) -> Command {
    Command::User { who: Who::Id(user) }
}

pub(super) fn named(Named { username }: Named) -> Command {
    Command::User { who: Who::Username(username) }
}

pub(super) fn friends(list: Friends, user: Option<UserId>) -> Result<Command, Failure> {
    let filter = list.state.unwrap_or(FriendFilter::All);
    let (after, limit) = page(list.cursor, list.limit, user, &List::Friends(filter))?;
    Ok(Command::Friends { filter, after, limit })
}

pub(super) fn user(person: Person, _: Option<UserId>) -> Result<Command, Failure> {
    let Person { user, username, users } = person;
    let Some(ids) = users else {
        let who = Other { user, username }.who()?;
        return Ok(Command::User { who });
    };
    if user.is_some() || username.is_some() {
        return Err(Failure::invalid("/users", "not beside /user or /username"));
    }
    if ids.len() > USERS_MAX {
        return Err(Failure::invalid("/users", "too many"));
    }
    Ok(Command::Users { ids })
}

pub(super) fn search(search: Search, user: Option<UserId>) -> Result<Command, Failure> {
    let (after, limit) = page(search.cursor, search.limit, user, &List::Found(&search.query))?;
    Ok(Command::Search { query: search.query, after, limit })
}
