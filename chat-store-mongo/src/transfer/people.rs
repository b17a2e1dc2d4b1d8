//! Pairs and accounts.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chat_core::id::{Pair, Side, UserId};
use chat_core::store::code::{Code, int};
use chat_core::store::{AccountCopy, Claim, PairCopy, SideCopy, StoreError, TransferPeople};
use mongodb::bson::{Document, doc};

use crate::accounts::AccountRow;
use crate::database::{Absent, Order, Query, Statement, Table};
use crate::error::Done;
use crate::friendships::{FEED_ITEMS_MAX, OwnFeed, read_feed, read_record, read_side, side_name};
use crate::key::Keys;
use crate::schema::random;
use crate::store::MongoStore;

#[async_trait]
impl TransferPeople for MongoStore {
    async fn pairs(&self, after: Option<Pair>, limit: usize) -> Result<Vec<PairCopy>, StoreError> {
        Ok(self.stored_pairs(after, limit).await?)
    }

    async fn put_pairs(&self, pairs: &[PairCopy]) -> Result<(), StoreError> {
        let pairs = pairs.to_vec();
        self.write(|store| async move { store.replace_pairs(&pairs).await }).await
    }

    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<AccountCopy>, StoreError> {
        Ok(self.stored_accounts(after, limit).await?)
    }

    async fn put_accounts(&self, accounts: &[AccountCopy]) -> Result<(), StoreError> {
        let accounts = accounts.to_vec();
        self.write(|store| async move { store.replace_accounts(&accounts).await }).await
    }
}

impl MongoStore {
    async fn stored_pairs(&self, after: Option<Pair>, limit: usize) -> Done<Vec<PairCopy>> {
        let filter = self.between(2, after.map(|pair| self.keys().pair(pair)), None);
        let query = Query::new(filter).sort(doc! { "_id": 1 }).limit(limit);
        let mut copies = Vec::new();
        for document in self.database().find(Table::Pairs, query).await? {
            let record = read_record(&document)?;
            for side in Side::BOTH {
                // Where the feed was not told yet, the copy would not know its place there.
                self.tell_due(record.pair.user(side)).await?;
            }
            let told = self.database().find_one(Table::Pairs, doc! { "_id": self.keys().pair(record.pair) });
            let document = told.await?.ok_or(StoreError::Corrupt("a pair went away"))?;
            let [low, high] = Side::BOTH.map(|side| read_side(&document, side));
            let side = |seen: Option<_>| seen.map(|(row, version)| SideCopy { row, version });
            copies.push(PairCopy { record: read_record(&document)?, sides: [side(low?), side(high?)] });
        }
        Ok(copies)
    }

    async fn replace_pairs(&self, pairs: &[PairCopy]) -> Done<()> {
        let keys = self.keys();
        let mut told: HashMap<UserId, BTreeMap<u64, (UserId, i64)>> = HashMap::new();
        for copy in pairs {
            for (side, shown) in Side::BOTH.into_iter().zip(&copy.sides) {
                if let Some(shown) = shown {
                    let user = copy.record.pair.user(side);
                    let change = (shown.row.other, int(copy.record.version));
                    told.entry(user).or_default().insert(shown.version, change);
                }
            }
        }
        let users = told.keys().map(|&user| keys.user(user)).collect();
        let feeds = self.by_key(Table::Feeds, users, Query::keys).await?;
        let mut put = Vec::with_capacity(told.len());
        for (user, mut places) in told {
            let feed = feeds.get(&keys.user(user).bytes).map(|feed| read_feed(feed)).transpose()?;
            let feed: OwnFeed = feed.unwrap_or_default();
            for (place, other, version) in feed.places() {
                places.entry(place).or_insert((other, version));
            }
            put.push(feed_statement(keys, user, feed.version, &places));
        }
        // Before the pairs: what is found equal by the next copy has its place in the feeds.
        self.database().change(Table::Feeds, put, Order::Any).await?;
        let put = pairs.iter().map(|copy| pair_statement(keys, copy)).collect();
        self.database().change(Table::Pairs, put, Order::Any).await
    }

    async fn stored_accounts(&self, after: Option<UserId>, limit: usize) -> Done<Vec<AccountCopy>> {
        let mut filter = self.between(1, after.map(|user| self.keys().user(user)), None);
        filter.insert("version", doc! { "$gte": 1_i64 });
        let query = Query::new(filter).sort(doc! { "_id": 1 }).limit(limit);
        let mut copies = Vec::new();
        for document in self.database().find(Table::Accounts, query).await? {
            let AccountRow { account, words, claims, .. } = AccountRow::read(&document)?;
            copies.extend(account.map(|account| AccountCopy { account, claims, words }));
        }
        Ok(copies)
    }

    async fn replace_accounts(&self, accounts: &[AccountCopy]) -> Done<()> {
        let users: Vec<UserId> = accounts.iter().map(|copy| copy.account.user).collect();
        let before = self.account_rows(&users).await?;
        self.refuse_claimed(accounts).await?;
        let (keys, token) = (self.keys(), random());
        for copy in accounts {
            let user = copy.account.user;
            let was = before.get(&user).cloned().unwrap_or_default();
            for claim in &copy.claims {
                self.put_claim(claim, user, token).await?;
            }
            let mut claims = copy.claims.clone();
            claims.sort_unstable();
            let next = AccountRow {
                account: Some(copy.account.clone()),
                words: copy.words.clone(),
                claims,
                guard: was.guard,
            };
            let put = Statement {
                filter: doc! { "_id": keys.user(user) },
                update: next.update(keys, user),
                absent: Absent::Make,
            };
            self.database().change(Table::Accounts, vec![put], Order::Any).await?;
            for claim in was.claims.iter().filter(|claim| !next.claims.contains(claim)) {
                self.forget_claim(claim, user).await?;
            }
        }
        Ok(())
    }

    /// Nothing is put when an account that is not among these, or another one of these, has a claim.
    async fn refuse_claimed(&self, accounts: &[AccountCopy]) -> Done<()> {
        let mut put: HashMap<&Claim, UserId> = HashMap::new();
        for copy in accounts {
            for claim in &copy.claims {
                if put.insert(claim, copy.account.user).is_some_and(|user| user != copy.account.user) {
                    return Err(StoreError::AlreadyExists(claim.kind.name()).into());
                }
            }
        }
        let claims: Vec<Claim> = put.keys().map(|&claim| claim.clone()).collect();
        let owners = self.owners(&claims).await?;
        for (claim, owner) in claims.iter().zip(owners) {
            let gives_up = |owner| accounts.iter().any(|copy| copy.account.user == owner);
            if owner.is_some_and(|owner| Some(&owner) != put.get(claim) && !gives_up(owner)) {
                return Err(StoreError::AlreadyExists(claim.kind.name()).into());
            }
        }
        Ok(())
    }
}

fn pair_statement(keys: Keys, copy: &PairCopy) -> Statement {
    let record = &copy.record;
    let [low, high] = record.friendship.blocked;
    let mut set = doc! {
        "tenant": keys.tenant(),
        "state": record.friendship.state.code(),
        "blocked": [low, high],
        "any_block": record.friendship.is_blocked(),
        "version": int(record.version),
        "at": record.at.millis(),
        "fence_due": int(record.fence_due),
        "fenced": int(record.fenced),
        "unfenced": record.is_fence_due(),
    };
    for (side, shown) in Side::BOTH.into_iter().zip(&copy.sides) {
        let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
        let mut seen = doc! { "list": keys.friend(user, other) };
        if let Some(SideCopy { row, version }) = shown {
            seen.insert("relation", row.view.relation.code());
            seen.insert("blocked", row.view.blocked);
            seen.insert("at", row.at.millis());
            seen.insert("told", int(*version));
        }
        set.insert(side_name(side), seen);
    }
    Statement {
        filter: doc! { "_id": keys.pair(record.pair) },
        update: doc! { "$set": set, "$unset": { "due": "" } },
        absent: Absent::Make,
    }
}

/// A feed that ends at the highest place, and knows as many of the last ones as it keeps: places of which nothing is
/// known any more are empty.
fn feed_statement(
    keys: Keys,
    user: UserId,
    version: u64,
    places: &BTreeMap<u64, (UserId, i64)>,
) -> Statement {
    let end = places.last_key_value().map_or(version, |(place, _)| version.max(*place));
    let first = end.saturating_sub(FEED_ITEMS_MAX as u64) + 1;
    let recent: Vec<Document> = (first..=end)
        .map(|place| match places.get(&place) {
            Some((other, version)) => OwnFeed::document(*other, *version),
            None => Document::new(),
        })
        .collect();
    Statement {
        filter: doc! { "_id": keys.user(user) },
        update: doc! { "$set": { "version": int(end), "recent": recent } },
        absent: Absent::Make,
    }
}
