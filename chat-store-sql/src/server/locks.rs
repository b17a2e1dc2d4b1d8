//! Locks on what has no row of its own: a user's feed of friendships, a user's logins.
//!
//! Each is a row made once and locked until the commit, several in the order of their ids, so that those who want the
//! same ones never wait for each other in a circle.

use chat_core::id::UserId;

use super::error::Done;
use super::line::Line;
use super::value::{ids, values};
use crate::statements::server as sql;

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// The feed of a user's friendships, which grows by one step at a time.
    Feed = 1,
    /// How many logins a user has.
    Logins = 2,
}

/// Waits until nobody else has these locks, and holds them until the commit.
pub(super) async fn lock(line: &mut Line, lock: Lock, users: &[UserId]) -> Done<()> {
    let mut users = users.to_vec();
    users.sort_unstable();
    users.dedup();
    let (wanted, tenant, kind) = (ids(users.iter().map(UserId::as_bytes)), line.tenant, lock as i64);
    let locked = line.query(sql::LOCK, values![&wanted, tenant, kind]).await?;
    if locked.len() < users.len() {
        line.execute(sql::MAKE_LOCKS, values![tenant, kind, &wanted]).await?;
        line.query(sql::LOCK, values![&wanted, tenant, kind]).await?;
    }
    Ok(())
}
