//! Pairs, feeds, accounts and logins.

use std::collections::BTreeMap;

use chat_core::id::{Side, UserId};
use chat_core::store::Claim;
use mongodb::bson::{Document, RawDocument, doc};

use super::{Findings, Whose, hex};
use crate::accounts::AccountRow;
use crate::database::Table;
use crate::document::Fields;
use crate::error::Done;
use crate::friendships::{read_feed, read_record, read_side};
use crate::key::tenant_in;
use crate::store::MongoStore;

impl MongoStore {
    pub(super) async fn check_people(&self, whose: Whose, findings: &mut Findings) -> Done<()> {
        for table in [Table::Pairs, Table::Accounts, Table::Sessions] {
            let mut after = None;
            loop {
                let found = self.next(table, whose, &mut after, Document::new()).await?;
                for document in &found {
                    let key = Fields(document).bytes("_id")?;
                    let store = tenant_in(key).map_or_else(|| self.clone(), |tenant| self.for_tenant(tenant));
                    match table {
                        Table::Pairs => store.check_pair(document, findings).await?,
                        Table::Accounts => store.check_account(document, findings).await?,
                        _ => check_session(document, findings),
                    }
                }
                if found.is_empty() || findings.is_full() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn check_pair(&self, document: &RawDocument, findings: &mut Findings) -> Done<()> {
        let key = hex(Fields(document).bytes("_id")?);
        let record = match read_record(document) {
            Ok(record) => record,
            Err(error) => {
                findings.add(Table::Pairs, key, error.to_string());
                return Ok(());
            }
        };
        if record.fence_due > record.version {
            findings.add(Table::Pairs, &key, "a fence is due for a version that never was");
        }
        let due = Fields(document).documents("due")?;
        for side in Side::BOTH {
            let Some((row, told)) = read_side(document, side)? else { continue };
            findings.compare(Table::Pairs, &key, "the view", &row.view, &record.friendship.view(side));
            let user = record.pair.user(side);
            let who = self.keys().user(user);
            let is_due = due.iter().any(|due| Fields(due).bytes("who") == Ok(&who.bytes));
            if !is_due {
                self.check_told(&key, user, row.other, told, findings).await?;
            }
        }
        Ok(())
    }

    /// The place of a pair in a feed is where the feed has it, as long as it has it.
    async fn check_told(
        &self,
        key: &str,
        user: UserId,
        other: UserId,
        told: u64,
        findings: &mut Findings,
    ) -> Done<()> {
        let found = self.database().find_one(Table::Feeds, doc! { "_id": self.keys().user(user) }).await?;
        let feed = found.map(|feed| read_feed(&feed)).transpose()?.unwrap_or_default();
        let last = feed.places().filter(|(_, whom, _)| *whom == other).map(|(place, ..)| place).last();
        if told == 0 || told > feed.version || last.is_some_and(|last| last != told) {
            findings.add(Table::Feeds, key, format!("{user} was told at {told}, the feed has {last:?}"));
        }
        Ok(())
    }

    async fn check_account(&self, document: &RawDocument, findings: &mut Findings) -> Done<()> {
        let key = hex(Fields(document).bytes("_id")?);
        let row = match AccountRow::read(document) {
            Ok(row) => row,
            Err(error) => {
                findings.add(Table::Accounts, key, error.to_string());
                return Ok(());
            }
        };
        let Some(account) = row.account else { return Ok(()) };
        let owners: BTreeMap<&Claim, Option<UserId>> =
            row.claims.iter().zip(self.owners(&row.claims).await?).collect();
        for (claim, owner) in owners {
            if owner != Some(account.user) {
                let kind = claim.kind.name();
                findings.add(Table::Claims, &key, format!("a claim of its {kind} is not its own"));
            }
        }
        Ok(())
    }
}

fn check_session(document: &RawDocument, findings: &mut Findings) {
    let fields = Fields(document);
    let key = hex(fields.bytes("_id").unwrap_or_default());
    if fields.get("ended").is_ok_and(|ended| ended.is_some()) {
        return;
    }
    let ends = || Ok(fields.int("idle_until")?.min(fields.int("absolute_until")?));
    let ends: crate::document::Read<i64> = ends();
    match (ends, fields.int("ends_at")) {
        (Ok(expected), Ok(found)) => findings.compare(Table::Sessions, key, "ends_at", &found, &expected),
        (Err(error), _) | (_, Err(error)) => findings.add(Table::Sessions, key, error.to_string()),
    }
}
