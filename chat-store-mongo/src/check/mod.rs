//! Whether the database holds what the contract promises.
//!
//! Everything that is derived is counted anew and compared: positions and message numbers, counters, which messages
//! are deleted, receipts (and with both of these what is unread), repeats, both sides of every pair and its places in
//! their feeds, what accounts claim. What a process that died left half done is as it may be: the sweep finishes it.
//! A conversation that is written to meanwhile is looked at again. Nothing is changed.

mod conversations;
mod people;

use std::fmt::{self, Write as _};

use chat_core::store::StoreError;
use mongodb::bson::{Document, RawDocumentBuf, doc};

use crate::database::{Query, Table};
use crate::document::Fields;
use crate::error::Done;
use crate::store::MongoStore;

/// Problems after which a check goes on no further.
const PROBLEMS_MAX: usize = 1000;
/// Documents of one command.
const SOME: usize = 500;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The collection it was found in.
    pub table: &'static str,
    /// Which document, or which group of documents.
    pub key: String,
    /// What is wrong with it.
    pub finding: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.table, self.key, self.finding)
    }
}

/// Whose data are looked at.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Everybodys,
    Ours,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Problem>);

impl Findings {
    fn add(&mut self, table: Table, key: impl fmt::Display, finding: impl Into<String>) {
        if !self.is_full() {
            self.0.push(Problem { table: table.name(), key: key.to_string(), finding: finding.into() });
        }
    }

    /// Adds a finding unless both are the same.
    fn compare<T: PartialEq + fmt::Debug>(
        &mut self,
        table: Table,
        key: impl fmt::Display,
        what: &str,
        found: &T,
        expected: &T,
    ) {
        if found != expected {
            self.add(table, key, format!("{what} is {found:?}, not {expected:?}"));
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= PROBLEMS_MAX
    }
}

impl MongoStore {
    /// Counts everything that is derived anew, for all tenants, and answers what is not as it should be: nothing, of a
    /// database in order. It reads all of it, and takes as long.
    ///
    /// # Errors
    /// Any [`StoreError`] when it cannot be read to its end.
    pub async fn check(&self) -> Result<Vec<Problem>, StoreError> {
        let mut findings = Findings::default();
        for (table, index) in self.database().missing_indexes().await? {
            findings.0.push(Problem {
                table,
                key: index.to_owned(),
                finding: "the index is missing".to_owned(),
            });
        }
        self.check_of(Whose::Everybodys, &mut findings).await?;
        Ok(findings.0)
    }

    /// The same for the data of this tenant alone.
    ///
    /// # Errors
    /// Any [`StoreError`] when they cannot be read to their end.
    pub async fn check_tenant(&self) -> Result<Vec<Problem>, StoreError> {
        let mut findings = Findings::default();
        self.check_of(Whose::Ours, &mut findings).await?;
        Ok(findings.0)
    }

    async fn check_of(&self, whose: Whose, findings: &mut Findings) -> Done<()> {
        self.check_people(whose, findings).await?;
        self.check_conversations(whose, findings).await
    }

    /// The next documents of a collection by key.
    async fn next(
        &self,
        table: Table,
        whose: Whose,
        after: &mut Option<Vec<u8>>,
        fields: Document,
    ) -> Done<Vec<RawDocumentBuf>> {
        let mut range = Document::new();
        if let Whose::Ours = whose {
            let ids = if table == Table::Pairs { 2 } else { 1 };
            let [first, last] = self.keys().span(ids);
            range.extend(doc! { "$gte": first, "$lte": last });
        }
        if let Some(key) = after {
            range.insert("$gt", crate::document::binary(key));
        }
        let filter = if range.is_empty() {
            Document::new()
        } else {
            doc! { "_id": range }
        };
        let query = Query::new(filter).fields(fields).sort(doc! { "_id": 1 }).limit(SOME);
        let found = self.database().find(table, query).await?;
        if let Some(last) = found.last() {
            *after = Some(Fields(last).bytes("_id")?.to_vec());
        }
        Ok(found)
    }
}

/// A key in letters.
fn hex(key: &[u8]) -> String {
    key.iter().fold(String::with_capacity(2 * key.len()), |mut letters, byte| {
        let _ = write!(letters, "{byte:02x}");
        letters
    })
}
