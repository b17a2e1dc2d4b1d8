//! Who runs a server that refuses to run as root.

use crate::programs;
use anyhow::{Context as _, Result};
use std::fs;

/// Accounts that may own nothing but a test's database, the best one first.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// A user of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Account {
    /// Another account, if this one is root's.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn unprivileged() -> Result<Option<Self>> {
        if !programs::is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let found = NAMES.iter().find_map(|name| find(&users, name));
        found.map(Some).context("there is no account but root's")
    }
}

/// `name:password:user:group:…`
fn find(users: &str, name: &str) -> Option<Account> {
    let line = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let mut fields = line.split(':').skip(1);
    let (user, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Account { user, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nnobodyelse:x:1:2::/:/bin/sh\nnobody:x:3:4::/:/bin/false\n";
        assert_eq!(find(users, "nobody"), Some(Account { user: 3, group: 4 }));
        assert_eq!(find(users, "postgres"), None);
    }
}
