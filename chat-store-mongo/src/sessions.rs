//! Logins.
//!
//! A login that ended keeps a document without its secrets for a day, so that its end can be told; nothing else sees
//! it. Which logins a new one pushes out is decided by a document of the user's that is compared and swapped: it holds
//! the new login and whom it ends until that is done, and whoever comes next does it first.

use async_trait::async_trait;
use chat_core::id::{SessionId, UserId};
use chat_core::store::code::int;
use chat_core::store::{NewSession, RefreshState, Rotate, SessionRow, Sessions, StoreError};
use chat_core::time::Timestamp;
use futures_util::future::try_join_all;
use mongodb::bson::{Document, RawBsonRef, RawDocument, doc};

use crate::database::{Absent, Order, Query, Statement, Table};
use crate::document::{Fields, Read, binary, id, set};
use crate::error::{Done, Unreadable};
use crate::key::{Keys, id_in};
use crate::schema::random;
use crate::store::MongoStore;

/// How often somebody else may come first.
const ROUNDS_MAX: u32 = 64;

#[async_trait]
impl Sessions for MongoStore {
    async fn create(&self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError> {
        let row = row.clone();
        self.write(move |store| async move { store.create_session(&row, keep).await }).await
    }

    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Option<SessionRow>>, StoreError> {
        Ok(self.session_rows(ids).await?)
    }

    async fn alive(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let rows = self.session_rows(ids).await?;
        Ok(rows.into_iter().map(|row| row.is_some_and(|row| !row.is_expired(now))).collect())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
        Ok(self.sessions_of(user).await?)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<(), StoreError> {
        let rotate = rotate.clone();
        self.write(|store| async move { store.rotate_session(&rotate).await }).await
    }

    async fn touch(&self, seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let keys = self.keys();
        let touch = |&(id, at): &(SessionId, Timestamp)| Statement {
            filter: doc! { "_id": keys.session(id), "ended": { "$exists": false } },
            update: doc! { "$max": { "last_seen_at": at.millis() } },
            absent: Absent::Skip,
        };
        let touches = seen.iter().map(touch).collect();
        self.write(|store| async move { store.database().change(Table::Sessions, touches, Order::Any).await })
            .await
    }

    async fn end(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        let ids = ids.to_vec();
        self.write(|store| async move { store.end_sessions(&ids).await }).await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        Ok(self.ended_by(now, limit).await?)
    }
}

impl MongoStore {
    async fn create_session(&self, row: &SessionRow, keep: u64) -> Done<Vec<SessionId>> {
        for _ in 0..ROUNDS_MAX {
            if let Some(ended) = self.try_create(row, keep).await? {
                return Ok(ended);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Decides which logins a new one ends, and does it; nothing when another one came first.
    async fn try_create(&self, new: &SessionRow, keep: u64) -> Done<Option<Vec<SessionId>>> {
        let (keys, key) = (self.keys(), self.keys().user(new.user));
        let version = self.finish_logins_of(new.user).await?;
        if self.session_rows(&[new.id]).await?[0].is_some() {
            return Err(StoreError::AlreadyExists("session").into());
        }
        let others: Vec<SessionId> = self.stored_of(new.user).await?.into_iter().map(|row| row.id).collect();
        let kept = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
        let ended = others[..others.len().saturating_sub(kept)].to_vec();

        let mut starting = session_fields(keys, new);
        starting.insert("_id", keys.session(new.id));
        starting.insert("begun", binary(&random::<16>()));
        let ending: Vec<_> = ended.iter().map(|one| id(one.as_bytes())).collect();
        let next =
            doc! { "version": version + 1, "pending": key.clone(), "starting": starting, "ending": ending };
        let filter = doc! { "_id": key, "version": version };
        let is_ours = if version == 0 {
            let absent = doc! { "_id": keys.user(new.user), "version": { "$lt": 1_i64 } };
            self.database().make(Table::Logins, absent, doc! { "$set": next }).await?
        } else {
            self.database().swap(Table::Logins, filter, doc! { "$set": next }).await?
        };
        if !is_ours {
            return Ok(None);
        }
        self.finish_logins_of(new.user).await?;
        Ok(Some(ended))
    }

    /// Does what was decided of a user's logins; answers how often something was.
    async fn finish_logins_of(&self, user: UserId) -> Done<i64> {
        let found = self.database().find_one(Table::Logins, doc! { "_id": self.keys().user(user) }).await?;
        match found {
            Some(decided) => self.finish_logins(&decided).await,
            None => Ok(0),
        }
    }

    /// Begins the login that was decided to begin, ends those that were decided to end, and notes that it is done.
    pub(crate) async fn finish_logins(&self, decided: &RawDocument) -> Done<i64> {
        let fields = Fields(decided);
        let version = fields.int("version")?;
        let Some(starting) = fields.optional("starting", RawBsonRef::as_document)? else {
            return Ok(version);
        };
        self.begin_session(starting).await?;
        self.end_sessions(&read_ending(fields)?).await?;
        let filter = doc! { "_id": binary(fields.bytes("_id")?), "version": version };
        let done = doc! { "$unset": { "pending": "", "starting": "", "ending": "" } };
        self.database().swap(Table::Logins, filter, done).await?;
        Ok(version)
    }

    /// Makes the document of a login; one of this id that ended never was.
    async fn begin_session(&self, starting: &RawDocument) -> Done<()> {
        if self.database().insert(Table::Sessions, vec![starting.to_owned()]).await? > 0 {
            let mut fields = Document::try_from(starting).map_err(|_| Unreadable("starting"))?;
            let key = fields.remove("_id").ok_or(Unreadable("starting"))?;
            // But this very beginning is not repeated.
            let other = doc! { "$ne": fields.get("begun").cloned() };
            let filter = doc! { "_id": key, "ended": { "$exists": true }, "begun": other };
            let again = doc! { "$set": fields, "$unset": { "ended": "", "changed": "" } };
            self.database().swap(Table::Sessions, filter, again).await?;
        }
        Ok(())
    }

    async fn session_rows(&self, ids: &[SessionId]) -> Done<Vec<Option<SessionRow>>> {
        let keys = ids.iter().map(|&id| self.keys().session(id)).collect();
        let found = self.by_key(Table::Sessions, keys, Query::keys).await?;
        let row = |&id: &SessionId| match found.get(&self.keys().session(id).bytes) {
            Some(document) => Ok(read_session(document)?),
            None => Ok(None),
        };
        ids.iter().map(row).collect()
    }

    async fn sessions_of(&self, user: UserId) -> Done<Vec<SessionRow>> {
        self.finish_logins_of(user).await?;
        self.stored_of(user).await
    }

    async fn stored_of(&self, user: UserId) -> Done<Vec<SessionRow>> {
        let query = Query::new(doc! { "user": self.keys().user(user) });
        let mut rows = Vec::new();
        for document in self.database().find(Table::Sessions, query).await? {
            rows.extend(read_session(&document)?);
        }
        rows.sort_unstable_by_key(|row| (row.created_at, row.id));
        Ok(rows)
    }

    async fn rotate_session(&self, rotate: &Rotate) -> Done<()> {
        let key = self.keys().session(rotate.id);
        // Its end is the earlier one, so it has to be known.
        let row = self.session_rows(&[rotate.id]).await?.pop().flatten().ok_or(StoreError::Conflict)?;
        let generation = rotate.refresh.generation.saturating_sub(1);
        let mut fields = refresh_fields(&rotate.refresh);
        fields.insert("idle_until", rotate.idle_until.millis());
        fields.insert("ends_at", rotate.idle_until.min(row.absolute_until).millis());
        fields.insert("credential_version", int(rotate.credential_version));
        let mut update = doc! { "$set": fields, "$currentDate": { "changed": true } };
        if rotate.refresh.previous.is_none() {
            update.insert("$unset", doc! { "previous": "" });
        }
        let filter = doc! { "_id": key, "generation": int(generation), "ended": { "$exists": false } };
        if self.database().swap(Table::Sessions, filter, update).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict.into())
        }
    }

    /// Ends these; answers which were there.
    async fn end_sessions(&self, ids: &[SessionId]) -> Done<Vec<SessionId>> {
        let end = |id: SessionId| async move {
            let filter = doc! { "_id": self.keys().session(id), "ended": { "$exists": false } };
            let secrets = doc! { "current": "", "previous": "", "salt": "", "user": "", "ends_at": "" };
            let update = doc! {
                "$unset": secrets,
                "$currentDate": { "ended": true, "changed": true },
            };
            self.database().swap(Table::Sessions, filter, update).await
        };
        let mut ended = Vec::new();
        for some in ids.chunks(16) {
            let were = try_join_all(some.iter().map(|&id| end(id))).await?;
            ended.extend(some.iter().zip(were).filter(|(_, was)| *was).map(|(id, _)| *id));
        }
        Ok(ended)
    }

    async fn ended_by(&self, now: Timestamp, limit: usize) -> Done<Vec<SessionId>> {
        let filter = doc! { "tenant": self.keys().tenant(), "ends_at": { "$lte": now.millis() } };
        let query = Query::new(filter).fields(doc! { "_id": 1 }).limit(limit);
        let found = self.database().find(Table::Sessions, query).await?;
        Ok(found.iter().map(|document| read_id(document)).collect::<Read<_>>()?)
    }
}

pub(crate) fn session_fields(keys: Keys, row: &SessionRow) -> Document {
    let mut fields = doc! {
        "tenant": keys.tenant(),
        "user": keys.user(row.user),
        "device": &row.device,
        "created_at": row.created_at.millis(),
        "last_seen_at": row.last_seen_at.millis(),
        "idle_until": row.idle_until.millis(),
        "absolute_until": row.absolute_until.millis(),
        "ends_at": row.idle_until.min(row.absolute_until).millis(),
        "credential_version": int(row.credential_version),
    };
    fields.extend(refresh_fields(&row.refresh));
    fields
}

fn refresh_fields(refresh: &RefreshState) -> Document {
    let mut fields = doc! {
        "generation": int(refresh.generation),
        "current": binary(&refresh.current),
        "salt": binary(&refresh.salt),
        "key_id": &refresh.key_id,
        "rotated_at": refresh.rotated_at.millis(),
    };
    set(&mut fields, "previous", refresh.previous.map(|hash| binary(&hash)));
    fields
}

fn read_id(document: &RawDocument) -> Read<SessionId> {
    id_in(Fields(document).bytes("_id")?, 0).map(SessionId::from_bytes).ok_or(Unreadable("_id"))
}

/// A login; nothing of one that ended.
pub(crate) fn read_session(document: &RawDocument) -> Read<Option<SessionRow>> {
    let fields = Fields(document);
    if fields.get("ended")?.is_some() {
        return Ok(None);
    }
    let user = id_in(fields.bytes("user")?, 0).map(UserId::from_bytes).ok_or(Unreadable("user"))?;
    let refresh = RefreshState {
        generation: fields.count("generation")?,
        current: fields.array("current")?,
        previous: fields.optional_array("previous")?,
        salt: fields.array("salt")?,
        key_id: fields.text("key_id")?,
        rotated_at: fields.time("rotated_at")?,
    };
    let mut row = SessionRow::new(NewSession {
        id: read_id(document)?,
        user,
        device: fields.text("device")?,
        created_at: fields.time("created_at")?,
        idle_until: fields.time("idle_until")?,
        absolute_until: fields.time("absolute_until")?,
        credential_version: fields.count("credential_version")?,
        refresh,
    });
    row.last_seen_at = fields.time("last_seen_at")?;
    Ok(Some(row))
}

/// The logins that were decided to end.
fn read_ending(fields: Fields<'_>) -> Read<Vec<SessionId>> {
    let ending = fields.required("ending", RawBsonRef::as_array)?;
    let read = |value: RawBsonRef<'_>| {
        let bytes: [u8; 16] = value.as_binary()?.bytes.try_into().ok()?;
        Some(SessionId::from_bytes(bytes))
    };
    ending.into_iter().map(|value| value.ok().and_then(read).ok_or(Unreadable("ending"))).collect()
}
