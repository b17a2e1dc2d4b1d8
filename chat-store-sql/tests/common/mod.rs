//! What the tests of the file have in common.

use std::path::Path;
use std::sync::Arc;

use chat_core::conversation::{History, Kind, Role, Settings, Standing};
use chat_core::id::{ConversationId, EntryId, IdSource as _, Seq, SystemIds, Tenant, UserId};
use chat_core::message::{ClientId, kind};
use chat_core::store::{
    Conversations, DraftEntry, Effect, Expected, Lane, LaneDone, Log, Outcome, Shell, StoreError,
};
use chat_core::time::Timestamp;
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};

/// The store of `chat.db` in a directory.
pub(crate) async fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(SqliteOptions::new(directory.join("chat.db"))).await.unwrap()
}

pub(crate) fn user(number: u64) -> UserId {
    UserId::from(number)
}

/// A group of the first so many users, made once however often this is called.
pub(crate) async fn group(store: &SqliteStore, name: &str, members: u64) -> ConversationId {
    let id = ConversationId::created(Tenant::default(), user(1), name);
    let (kind, at) = (Kind::Group, Timestamp::from_millis(1));
    let shell = Shell { id, kind, pair: None, creator: Some(user(1)), settings: Settings::of(kind), at };
    let now = store.ensure(&shell).await.unwrap();
    if now.head == Seq::ZERO {
        let mut draft = draft(user(1), "made", kind::CREATED);
        draft.effects = (1..=members).map(put_member).collect();
        appended(store, id, vec![draft]).await;
    }
    id
}

fn put_member(number: u64) -> Effect {
    let standing = Some(Standing::Member(Role::Member));
    Effect::PutMember { user: user(number), standing, history: History::All }
}

pub(crate) fn draft(by: UserId, client_id: &str, kind: u16) -> DraftEntry {
    let at = Timestamp::from_millis(2);
    let id = EntryId::from(SystemIds::default().uuid(at));
    DraftEntry::new(id, at, by, ClientId::new(client_id).unwrap(), kind)
}

pub(crate) fn message(by: UserId, client_id: &str, text: &str) -> DraftEntry {
    let mut draft = draft(by, client_id, kind::MESSAGE);
    draft.digest = [7; 16];
    draft.effects = vec![Effect::PutMessage { text: Some(text.to_owned()), payload: None }];
    draft
}

pub(crate) fn deletion(by: UserId, client_id: &str, target: Seq) -> DraftEntry {
    let mut draft = draft(by, client_id, kind::DELETED);
    draft.target = Some(target);
    draft.effects = vec![Effect::Tombstone { target, rev: target }];
    draft
}

pub(crate) fn lane(conversation: ConversationId, drafts: Vec<DraftEntry>) -> Lane {
    Lane { conversation, expected: Expected { acl: 0, roster: None }, drafts }
}

pub(crate) async fn append(
    store: &SqliteStore,
    conversation: ConversationId,
    drafts: Vec<DraftEntry>,
) -> Result<LaneDone, StoreError> {
    let batch = Arc::from(vec![lane(conversation, drafts)]);
    store.append(batch).await.pop().unwrap()
}

/// Where the drafts have come to stand; all of them are new.
pub(crate) async fn appended(store: &SqliteStore, to: ConversationId, drafts: Vec<DraftEntry>) -> Vec<Seq> {
    let done = append(store, to, drafts).await.unwrap();
    let seqs = done.outcomes.iter().map(|outcome| match outcome {
        Outcome::Appended(appended) => appended.seq,
        Outcome::Repeat { .. } => panic!("a repeat"),
    });
    seqs.collect()
}
