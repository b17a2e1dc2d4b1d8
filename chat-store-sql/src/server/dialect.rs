//! How a statement is said to each server.
//!
//! Statements are written once, as SQLite understands them, and rewritten once when a store is opened. Beside plain
//! SQL they use four things that servers say differently:
//!
//! - `?` is a parameter, and `{k id:id seq:int}` a parameter that is a table named `k` with these columns.
//! - `{now}` is the database's clock in milliseconds.
//! - `INDEXED BY` names the index that is to be walked: MySQL, which would guess from statistics that are missing when
//!   a table has just grown, is told so in its words. PostgreSQL needs no telling.
//! - `ON CONFLICT … DO UPDATE SET a = excluded.a`, `UPDATE … FROM {…}`, `JOIN {…}` and `FOR UPDATE OF` are
//!   PostgreSQL's words.
//!
//! What differs in more than words stands as a second text beside the first, in [`OVERRIDES`].

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::statements;

/// Which server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres,
    /// MySQL and MariaDB.
    #[cfg(feature = "mysql")]
    MySql,
}

impl Dialect {
    /// Column names that the server takes for words of its own.
    const fn reserved(self) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => &[],
            #[cfg(feature = "mysql")]
            Self::MySql => &["read"],
        }
    }
}

/// Where the tables are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Stands before every table's name: a schema with its dot, or a prefix; checked to be a plain name.
    pub(super) prefix: String,
}

/// Statements that servers say in another way than SQLite: the shared text, and theirs.
const OVERRIDES: &[(&str, &str)] = &[
    (statements::check::SIDE_ALONE, statements::server::SIDE_ALONE),
    (statements::check::SESSION_ENDS, statements::server::SESSION_ENDS),
];

/// Statements that PostgreSQL says in another way than both.
#[cfg(feature = "postgres")]
const POSTGRES_OVERRIDES: &[(&str, &str)] = &[
    (statements::batched::log::FIRSTS, statements::server::postgres::FIRSTS),
    (statements::batched::log::PAGE_BEFORE, statements::server::postgres::PAGE_BEFORE),
    (statements::batched::log::PAGE_AFTER, statements::server::postgres::PAGE_AFTER),
];

/// Statements that MySQL says in another way than both.
#[cfg(feature = "mysql")]
const MYSQL_OVERRIDES: &[(&str, &str)] = &[
    (statements::friendships::UNFENCED, statements::server::mysql::UNFENCED),
    (statements::transfer::PAIRS, statements::server::mysql::PAIRS),
];

/// Every statement as one server understands it.
#[derive(Debug)]
pub(super) struct Texts {
    by_shared: HashMap<&'static str, Arc<str>>,
}

impl Texts {
    /// Rewrites all of them.
    pub(super) fn new(dialect: Dialect, place: &Place) -> Self {
        let all = statements::all().map(|(_, shared)| (shared, Arc::from(say(dialect, place, shared))));
        Self { by_shared: all.collect() }
    }

    /// What is said for a shared text.
    pub(super) fn of(&self, shared: &'static str) -> Arc<str> {
        Arc::clone(self.by_shared.get(shared).expect("every statement is in the list of its module"))
    }
}

/// One statement, or one of a migration, in the words of a server.
pub(super) fn say(dialect: Dialect, place: &Place, shared: &str) -> String {
    let own = overridden(OVERRIDES, shared);
    match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Rewriter::new(dialect, place).rewrite(overridden(POSTGRES_OVERRIDES, own)),
        #[cfg(feature = "mysql")]
        Dialect::MySql => Rewriter::new(dialect, place).rewrite(&as_mysql(overridden(MYSQL_OVERRIDES, own))),
    }
}

fn overridden<'t>(overrides: &[(&str, &'t str)], text: &'t str) -> &'t str {
    overrides.iter().find(|(shared, _)| *shared == text).map_or(text, |(_, own)| own)
}

/// MySQL's order and names of the clauses that are PostgreSQL's.
#[cfg(feature = "mysql")]
fn as_mysql(text: &str) -> String {
    let text = rows_first(text).replace(" FOR UPDATE OF h", " FOR UPDATE");
    let Some((insert, conflict)) = text.split_once(" ON CONFLICT ") else { return text };
    let Some((_, assignments)) = conflict.split_once("DO UPDATE SET ") else {
        // Says nothing new, so that nothing else is passed over as `IGNORE` would.
        return format!("{insert} ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)");
    };
    let assignments = assignments.split(", ").map(|assignment| match assignment.split_once(" = excluded.") {
        Some((column, same)) => format!("{column} = VALUES({same})"),
        None => assignment.to_owned(),
    });
    format!("{insert} ON DUPLICATE KEY UPDATE {}", assignments.collect::<Vec<_>>().join(", "))
}

/// `… FROM t JOIN {…} ON …` as `… FROM {…} STRAIGHT_JOIN t ON …`, and `UPDATE t SET … FROM {…} WHERE …` as
/// `UPDATE {…} STRAIGHT_JOIN t SET … WHERE …`: MySQL knows nothing of how many rows a parameter has, and would go
/// through all of them for each row of the table.
#[cfg(feature = "mysql")]
fn rows_first(text: &str) -> String {
    let update = || {
        let (table, rest) = text.strip_prefix("UPDATE ")?.split_once(" SET ")?;
        let (assignments, rest) = rest.split_once(" FROM {")?;
        let (rows, condition) = rest.split_once('}')?;
        Some(format!("UPDATE {{{rows}}} STRAIGHT_JOIN {table} SET {assignments}{condition}"))
    };
    let select = || {
        let (before, rest) = text.split_once(" JOIN {")?;
        let (rows, after) = rest.split_once('}')?;
        let (columns, table) = before.rsplit_once(" FROM ")?;
        Some(format!("{columns} FROM {{{rows}}} STRAIGHT_JOIN {table}{after}"))
    };
    update().or_else(select).unwrap_or_else(|| text.to_owned())
}

/// Goes through a text once, word by word.
struct Rewriter<'p> {
    dialect: Dialect,
    place: &'p Place,
    said: String,
    parameters: usize,
    /// The table of rows that has the tenant, until the comparison with it.
    #[cfg(feature = "postgres")]
    with_tenant: Option<String>,
}

impl<'p> Rewriter<'p> {
    const fn new(dialect: Dialect, place: &'p Place) -> Self {
        Self {
            dialect,
            place,
            said: String::new(),
            parameters: 0,
            #[cfg(feature = "postgres")]
            with_tenant: None,
        }
    }

    fn rewrite(mut self, text: &str) -> String {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            rest = match first {
                '?' => {
                    self.parameter();
                    &rest[1..]
                }
                '{' => {
                    let (inside, after) = rest[1..].split_once('}').expect("braces are closed");
                    self.special(inside, after);
                    after
                }
                _ if first.is_ascii_alphabetic() || first == '_' => self.word(rest),
                _ => {
                    self.said.push(first);
                    &rest[first.len_utf8()..]
                }
            };
        }
        self.said
    }

    fn parameter(&mut self) {
        self.parameters += 1;
        match self.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => write!(self.said, "${}", self.parameters).expect("memory takes all"),
            #[cfg(feature = "mysql")]
            Dialect::MySql => self.said.push('?'),
        }
    }

    /// Writes the word the text begins with; answers what is after it.
    fn word<'t>(&mut self, text: &'t str) -> &'t str {
        let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        #[cfg(feature = "postgres")]
        if let Some(rest) = rest.strip_prefix(" = ?").filter(|_| word == "tenant")
            && let Some(rows) = self.with_tenant.take()
        {
            write!(self.said, "tenant = {rows}.of_tenant").expect("memory takes all");
            return rest;
        }
        if let Some(after) = rest.strip_prefix(" BY ").filter(|_| word == "INDEXED") {
            let (index, after) = after.split_once(' ').unwrap_or((after, ""));
            self.index(index);
            return after;
        }
        // Indexes are named in migrations alone, and belong to their table on both servers.
        let is_index = self.said.ends_with("INDEX ") || self.said.ends_with("KEY ");
        if word.starts_with("chat_") && !is_index {
            self.said.push_str(&self.place.prefix);
            self.said.push_str(word);
        } else if self.dialect.reserved().contains(&word) {
            write!(self.said, "`{word}`").expect("memory takes all");
        } else {
            self.said.push_str(word);
        }
        rest
    }

    /// Says which index is to be walked, where the server lets it be said: MySQL does not when it deletes.
    fn index(&mut self, index: &str) {
        match self.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {}
            #[cfg(feature = "mysql")]
            Dialect::MySql if self.said.starts_with("DELETE") => {}
            #[cfg(feature = "mysql")]
            Dialect::MySql => write!(self.said, "FORCE INDEX ({index}) ").expect("memory takes all"),
        }
    }

    fn special(&mut self, inside: &str, after: &str) {
        if inside == "now" {
            self.said.push_str(match self.dialect {
                #[cfg(feature = "postgres")]
                Dialect::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::int8",
                #[cfg(feature = "mysql")]
                Dialect::MySql => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
            });
            return;
        }
        let mut words = inside.split(' ');
        let name = words.next().expect("a table has a name");
        let columns: Vec<(&str, &str)> =
            words.map(|column| column.split_once(':').expect("a column has a type")).collect();
        match self.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres if !self.said.starts_with("WITH") && after.contains("tenant = ?") => {
                self.unnest_with_tenant(name, &columns);
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => self.unnest(name, &columns),
            #[cfg(feature = "mysql")]
            Dialect::MySql => self.json_table(name, &columns),
        }
    }

    /// The same with the tenant, which is the next parameter, in every row, and hidden behind `OFFSET`: were it a
    /// condition of its own, a server that knows nothing of the tables yet would take all rows of the tenant for few,
    /// and walk them; so all it can do is to look every row up by its key.
    #[cfg(feature = "postgres")]
    fn unnest_with_tenant(&mut self, name: &str, columns: &[(&str, &str)]) {
        let tenant = self.parameters + columns.len() + 1;
        write!(self.said, "(SELECT ${tenant}::int8 AS of_tenant, {name}.* FROM ").expect("memory takes all");
        self.unnest(name, columns);
        write!(self.said, " OFFSET 0) AS {name}").expect("memory takes all");
        self.parameters = tenant;
        self.with_tenant = Some(name.to_owned());
    }

    /// One array for each column.
    #[cfg(feature = "postgres")]
    fn unnest(&mut self, name: &str, columns: &[(&str, &str)]) {
        self.said.push_str("unnest(");
        for (nth, (_, kind)) in columns.iter().enumerate() {
            self.said.push_str(if nth == 0 { "" } else { ", " });
            self.parameter();
            self.said.push_str(match *kind {
                "id" => "::uuid[]",
                "int" => "::int8[]",
                "text" => "::text[]",
                "bytes" => "::bytea[]",
                other => unreachable!("no column has the type {other}"),
            });
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        write!(self.said, ") AS {name} ({})", names.join(", ")).expect("memory takes all");
    }

    /// One array of rows in JSON; what is not a number is in hexadecimal digits.
    #[cfg(feature = "mysql")]
    fn json_table(&mut self, name: &str, columns: &[(&str, &str)]) {
        let read = |(nth, (name, kind)): (usize, &(&str, &str))| match *kind {
            "id" | "bytes" => format!("UNHEX(j.c{nth}) AS {name}"),
            "int" => format!("j.c{nth} AS {name}"),
            "text" => format!("CONVERT(UNHEX(j.c{nth}) USING utf8mb4) AS {name}"),
            other => unreachable!("no column has the type {other}"),
        };
        let declare = |(nth, (_, kind)): (usize, &(&str, &str))| match *kind {
            "id" => format!("c{nth} CHAR(32) PATH '$[{nth}]'"),
            "int" => format!("c{nth} BIGINT PATH '$[{nth}]'"),
            _ => format!("c{nth} LONGTEXT PATH '$[{nth}]'"),
        };
        let join = |parts: Vec<String>| parts.join(", ");
        let reads = join(columns.iter().enumerate().map(read).collect());
        let declared = join(columns.iter().enumerate().map(declare).collect());
        write!(self.said, "(SELECT {reads} FROM JSON_TABLE(").expect("memory takes all");
        self.parameter();
        write!(self.said, ", '$[*]' COLUMNS ({declared})) AS j) AS {name}").expect("memory takes all");
    }
}

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
mod tests {
    use super::*;

    fn postgres(text: &str) -> String {
        say(Dialect::Postgres, &Place::default(), text)
    }

    fn mysql(text: &str) -> String {
        say(Dialect::MySql, &Place::default(), text)
    }

    #[test]
    fn parameters_are_numbered() {
        let text = "SELECT a FROM chat_a WHERE b = ? AND c = ?";
        assert_eq!(postgres(text), "SELECT a FROM chat_a WHERE b = $1 AND c = $2");
        assert_eq!(mysql(text), text);
    }

    #[test]
    fn tables_are_where_they_are() {
        let (schema, prefix) = (Place { prefix: "own.".to_owned() }, Place { prefix: "own_".to_owned() });
        let text = "CREATE INDEX chat_i ON chat_a (x)";
        assert_eq!(say(Dialect::Postgres, &schema, text), "CREATE INDEX chat_i ON own.chat_a (x)");
        let text = "CREATE TABLE chat_a (x INT, KEY chat_i (x))";
        assert_eq!(say(Dialect::MySql, &prefix, text), "CREATE TABLE own_chat_a (x INT, KEY chat_i (x))");
    }

    #[test]
    fn indexes_are_named_where_that_helps() {
        let text = "SELECT a FROM chat_a INDEXED BY chat_i WHERE b = 1";
        assert_eq!(postgres(text), "SELECT a FROM chat_a WHERE b = 1");
        let text = "SELECT a FROM chat_a m INDEXED BY chat_i JOIN chat_b b ON b.x = m.x";
        assert_eq!(mysql(text), "SELECT a FROM chat_a m FORCE INDEX (chat_i) JOIN chat_b b ON b.x = m.x");
        let text = "DELETE FROM chat_a INDEXED BY chat_i WHERE b = 1";
        assert_eq!(mysql(text), "DELETE FROM chat_a WHERE b = 1");
    }

    #[test]
    fn conflicts_are_duplicates() {
        let text =
            "INSERT INTO chat_a (x, read) VALUES (?, ?) ON CONFLICT (x) DO UPDATE SET read = excluded.read";
        assert_eq!(
            mysql(text),
            "INSERT INTO chat_a (x, `read`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `read` = VALUES(`read`)"
        );
        let text = "INSERT INTO chat_a (tenant) VALUES (?) ON CONFLICT DO NOTHING";
        assert_eq!(
            mysql(text),
            "INSERT INTO chat_a (tenant) VALUES (?) ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)"
        );
        assert!(postgres(text).ends_with("ON CONFLICT DO NOTHING"));
    }

    #[test]
    fn rows_are_arrays_or_json() {
        let text = "SELECT a.x FROM chat_a a JOIN {k id:id n:int} ON a.id = k.id WHERE a.tenant = ?";
        assert_eq!(
            postgres(text),
            "SELECT a.x FROM chat_a a JOIN (SELECT $3::int8 AS of_tenant, k.* FROM unnest($1::uuid[], $2::int8[]) \
            AS k (id, n) OFFSET 0) AS k ON a.id = k.id WHERE a.tenant = k.of_tenant"
        );
        assert_eq!(
            postgres("INSERT INTO chat_a (tenant, id) SELECT ?, k.id FROM {k id:id}"),
            "INSERT INTO chat_a (tenant, id) SELECT $1, k.id FROM unnest($2::uuid[]) AS k (id)"
        );
        assert_eq!(
            mysql(text),
            "SELECT a.x FROM (SELECT UNHEX(j.c0) AS id, j.c1 AS n FROM JSON_TABLE(?, '$[*]' COLUMNS \
            (c0 CHAR(32) PATH '$[0]', c1 BIGINT PATH '$[1]')) AS j) AS k STRAIGHT_JOIN chat_a a ON a.id = k.id \
            WHERE a.tenant = ?"
        );
    }

    #[test]
    fn updates_from_rows_begin_with_them() {
        let text = "UPDATE chat_a SET n = k.n FROM {k n:int} WHERE tenant = ?";
        assert_eq!(
            mysql(text),
            "UPDATE (SELECT j.c0 AS n FROM JSON_TABLE(?, '$[*]' COLUMNS (c0 BIGINT PATH '$[0]')) AS j) AS k \
            STRAIGHT_JOIN chat_a SET n = k.n WHERE tenant = ?"
        );
    }

    #[test]
    fn every_statement_can_be_said() {
        for dialect in [Dialect::Postgres, Dialect::MySql] {
            let texts = Texts::new(dialect, &Place { prefix: "own_".to_owned() });
            for (name, shared) in statements::all() {
                let said = texts.of(shared);
                let left = ["{", "INDEXED", "excluded"].iter().find(|word| said.contains(**word));
                assert!(
                    left.is_none() || dialect == Dialect::Postgres && left == Some(&"excluded"),
                    "{name}: {said}"
                );
            }
        }
    }
}
