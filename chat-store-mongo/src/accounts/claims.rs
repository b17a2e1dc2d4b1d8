//! Taking claims before an account says that it has them, and what becomes of one whose account never did.
//!
//! A claim is held by an account that lists it. One that is not listed is about to be (its owner is given time), or
//! was left behind by a process that died. Whoever waited for it in vain first raises the guard of its owner's
//! document, so that a write of that owner, were it still on its way, fails; then he takes the claim over. Claims are
//! taken in one order by all, so nobody waits for somebody who waits for him.

use std::collections::HashMap;
use std::time::Duration;

use chat_core::id::UserId;
use chat_core::store::{Claim, StoreError};
use mongodb::bson::{Document, doc};

use super::{AccountRow, claim_document};
use crate::database::{Query, Table};
use crate::document::{Fields, binary, id};
use crate::error::Done;
use crate::schema::random;
use crate::store::MongoStore;

/// How long the owner of a claim that is not listed is given, and how often he is looked at.
const PATIENCE: u32 = 40;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A claim's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) owner: UserId,
    /// Tells this taking from every other one.
    pub(super) token: [u8; 16],
}

/// Claims that one call takes for an account.
pub(super) struct Claiming<'s> {
    store: &'s MongoStore,
    owner: UserId,
    token: [u8; 16],
    /// How often a claim was looked at in vain, and under which token.
    waited: HashMap<Claim, (u32, [u8; 16])>,
}

impl<'s> Claiming<'s> {
    pub(super) fn new(store: &'s MongoStore, owner: UserId) -> Self {
        Self { store, owner, token: random(), waited: HashMap::new() }
    }

    /// Takes these claims but those its account lists already.
    pub(super) async fn take(&mut self, wanted: &[Claim], listed: &[Claim]) -> Done<()> {
        let mut ordered: Vec<&Claim> = wanted.iter().filter(|claim| !listed.contains(claim)).collect();
        ordered.sort_unstable();
        ordered.dedup();
        loop {
            let held = self.store.held(wanted).await?;
            self.refuse_listed(wanted, &held).await?;
            let is_mine = |claim: &Claim| held.get(claim).is_some_and(|held| held.token == self.token);
            let Some(&claim) = ordered.iter().find(|claim| !is_mine(claim)) else { return Ok(()) };
            match held.get(claim) {
                None => {
                    self.store.insert_claim(claim, self.owner, self.token).await?;
                }
                Some(other) if self.has_waited(claim, other) => self.take_over(claim, other).await?,
                Some(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Notes that a claim was looked at in vain; answers whether often enough.
    fn has_waited(&mut self, claim: &Claim, other: &Held) -> bool {
        let looks = self.waited.entry(claim.clone()).or_insert((0, other.token));
        *looks = if looks.1 == other.token { (looks.0 + 1, looks.1) } else { (0, other.token) };
        looks.0 > PATIENCE
    }

    /// The first claim that another account has, in the order given, is told.
    async fn refuse_listed(&self, wanted: &[Claim], held: &HashMap<Claim, Held>) -> Done<()> {
        let others: Vec<UserId> =
            held.values().map(|held| held.owner).filter(|&owner| owner != self.owner).collect();
        if others.is_empty() {
            return Ok(());
        }
        let accounts = self.store.account_rows(&others).await?;
        let taken = wanted.iter().find(|claim| {
            let other = held.get(claim).filter(|held| held.owner != self.owner);
            other.is_some_and(|held| is_listed(&accounts, claim, held))
        });
        match taken {
            Some(claim) => Err(StoreError::AlreadyExists(claim.kind.name()).into()),
            None => Ok(()),
        }
    }

    /// Makes sure that its owner will not have it, and takes it.
    async fn take_over(&self, claim: &Claim, other: &Held) -> Done<()> {
        let raise = doc! { "$inc": { "guard": 1_i64 }, "$setOnInsert": { "version": 0_i64 } };
        let unlisted = doc! {
            "_id": self.store.keys().user(other.owner),
            "claims": { "$ne": claim_document(claim) },
        };
        // Otherwise he has it after all.
        if self.store.database().make(Table::Accounts, unlisted, raise).await? {
            let filter = doc! { "_id": self.store.keys().claim(claim), "token": binary(&other.token) };
            let mine = doc! { "$set": held_fields(self.owner, self.token) };
            self.store.database().swap(Table::Claims, filter, mine).await?;
        }
        Ok(())
    }

    /// Gives back what was taken by this call and is not listed: nobody else relies on it.
    pub(super) async fn give_back(&self, claims: &[Claim]) -> Done<()> {
        for claim in claims {
            self.store.drop_claim(claim, self.token).await?;
        }
        Ok(())
    }
}

fn is_listed(accounts: &HashMap<UserId, AccountRow>, claim: &Claim, held: &Held) -> bool {
    accounts.get(&held.owner).is_some_and(|row| row.claims.contains(claim))
}

fn held_fields(owner: UserId, token: [u8; 16]) -> Document {
    doc! { "owner": id(owner.as_bytes()), "token": binary(&token) }
}

impl MongoStore {
    /// The documents of these claims.
    pub(super) async fn held(&self, claims: &[Claim]) -> Done<HashMap<Claim, Held>> {
        let keys = claims.iter().map(|claim| self.keys().claim(claim)).collect();
        let found = self.by_key(Table::Claims, keys, Query::keys).await?;
        let mut held = HashMap::new();
        for claim in claims {
            if let Some(document) = found.get(&self.keys().claim(claim).bytes) {
                let fields = Fields(document);
                let owner = fields.id("owner", UserId::from_bytes)?;
                held.insert(claim.clone(), Held { owner, token: fields.array("token")? });
            }
        }
        Ok(held)
    }

    /// Who has these claims: whose account lists them.
    pub(crate) async fn owners(&self, claims: &[Claim]) -> Done<Vec<Option<UserId>>> {
        let held = self.held(claims).await?;
        let owners: Vec<UserId> = held.values().map(|held| held.owner).collect();
        let accounts = self.account_rows(&owners).await?;
        let owner = |claim: &Claim| {
            let held = held.get(claim)?;
            is_listed(&accounts, claim, held).then_some(held.owner)
        };
        Ok(claims.iter().map(owner).collect())
    }

    /// Takes a claim nobody has; answers whether that was so.
    pub(crate) async fn insert_claim(&self, claim: &Claim, owner: UserId, token: [u8; 16]) -> Done<bool> {
        let mut document = doc! { "_id": self.keys().claim(claim) };
        document.extend(held_fields(owner, token));
        self.database().insert_one(Table::Claims, document).await
    }

    /// Gives a claim to an account, whoever had it.
    pub(crate) async fn put_claim(&self, claim: &Claim, owner: UserId, token: [u8; 16]) -> Done<()> {
        let filter = doc! { "_id": self.keys().claim(claim) };
        let update = doc! { "$set": held_fields(owner, token) };
        self.database().put(Table::Claims, filter, update).await?;
        Ok(())
    }

    /// Takes away a claim of an account that nobody writes to.
    pub(crate) async fn forget_claim(&self, claim: &Claim, owner: UserId) -> Done<()> {
        let filter = doc! { "_id": self.keys().claim(claim), "owner": id(owner.as_bytes()) };
        self.database().delete(Table::Claims, filter).await?;
        Ok(())
    }

    /// Takes away a claim that was taken so.
    pub(super) async fn drop_claim(&self, claim: &Claim, token: [u8; 16]) -> Done<()> {
        let filter = doc! { "_id": self.keys().claim(claim), "token": binary(&token) };
        self.database().delete(Table::Claims, filter).await?;
        Ok(())
    }
}
