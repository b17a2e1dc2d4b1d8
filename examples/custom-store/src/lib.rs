//! A store in one file: [`MemoryStore`] with a journal. How one writes a store is told beside it, in `README.md`.
//!
//! Every write is done in memory, then the rows it has left there are appended to the journal and synced, and only then
//! is it answered; reads wait meanwhile, so nobody sees what is not on disk. Rows are journalled in the form in which
//! stores are left and entered ([`Put`]), so opening is putting them all back in order. A write that was cut off has an
//! unfinished end, which is cut off too; a journal that cannot be written to ends the store.
//!
//! It leaves out what makes a store fast: everything is in memory, each write is a sync of its own, and the journal
//! only grows (a copy into a new one, with `chat_core::copy`, is as small as the data).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership, Seat};
use chat_core::id::{ConversationId, Pair, Seq, SessionId, Tenant, UserId};
use chat_core::memory::MemoryStore;
use chat_core::message::ClientId;
use chat_core::page::Limit;
use chat_core::store::packed::Packed;
use chat_core::store::{
    Access, Account, AccountCopy, AccountState, Accounts, After, Attachments, Changes, Claim, Claims,
    Conversations, Effect, Enter, Entries, EntryCopy, FriendChanges, FriendFilter, FriendRow, Friendships,
    Head, Lane, LaneDone, Log, Mark, Memberships, MessageRow, Messages, Meta, Outcome, PairCopy, PairRecord,
    People, Place, Position, PutPair, Raise, Raised, ReadMark, ReadsFrom, ReceiptLog, Receipts, Rotate,
    SeatQuery, SessionRow, Sessions, Shell, Store, StoreError, Talk, TransferAccess, TransferPeople,
    TransferTalk, Window,
};
use chat_core::time::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A store in one file, for one process. Clones, and those of other tenants, share the file.
#[derive(Clone)]
pub struct JournalStore {
    memory: MemoryStore,
    journal: Arc<RwLock<Journal>>,
}

impl JournalStore {
    /// Opens the journal, or begins one, and puts back all that is in it.
    ///
    /// # Errors
    /// When the file cannot be used, another process has it open, or what is in it cannot be put back.
    pub async fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        file.try_lock()?;
        let memory = MemoryStore::new();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut rest = &bytes[..];
        while let Some((tenant, puts)) = take_record(&mut rest) {
            for put in puts {
                put.apply(&memory.for_tenant(Tenant(tenant))).await.map_err(io::Error::other)?;
            }
        }
        file.set_len((bytes.len() - rest.len()) as u64)?;
        let mut journal = Journal { file, is_broken: false };
        if bytes.len() == rest.len() {
            let meta = memory.meta().await.map_err(io::Error::other)?;
            journal.keep(memory.tenant(), &[Put::Meta(meta)]).map_err(io::Error::other)?;
        }
        Ok(Self { memory, journal: Arc::new(RwLock::new(journal)) })
    }

    /// The same store seen by another tenant.
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self { memory: self.memory.for_tenant(tenant), journal: Arc::clone(&self.journal) }
    }

    /// While it is held nothing is written: what is read is on disk.
    async fn reading(&self) -> Result<RwLockReadGuard<'_, Journal>, StoreError> {
        let journal = self.journal.read().await;
        if journal.is_broken { Err(StoreError::unavailable(BROKEN)) } else { Ok(journal) }
    }

    /// While it is held nothing else is read or written. From here to its answer a write waits for nothing, so that
    /// dropping its future cannot cut it in the middle.
    async fn writing(&self) -> Result<RwLockWriteGuard<'_, Journal>, StoreError> {
        let journal = self.journal.write().await;
        if journal.is_broken { Err(StoreError::unavailable(BROKEN)) } else { Ok(journal) }
    }
}

const BROKEN: &str = "the journal could not be written to: open it again";

/// The file.
struct Journal {
    file: File,
    /// The memory is ahead of the file.
    is_broken: bool,
}

impl Journal {
    /// Appends what a write has left, durably: how long it is, a hash, whose it is, and the rows.
    fn keep(&mut self, tenant: Tenant, puts: &[Put]) -> Result<(), StoreError> {
        let mut body = Vec::new();
        (tenant.0, puts.len() as u64).pack(&mut body);
        for put in puts {
            put.pack(&mut body);
        }
        let mut record = Vec::new();
        (body.len() as u64).pack(&mut record);
        hash(&body).pack(&mut record);
        record.extend(body);
        let kept = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        self.is_broken = kept.is_err();
        kept.map_err(StoreError::unavailable)
    }
}

/// The next whole record; nothing at the end, and before one that was cut off.
fn take_record(bytes: &mut &[u8]) -> Option<(u32, Vec<Put>)> {
    let mut rest = *bytes;
    let (length, hashed) = (u64::unpack(&mut rest)?, <[u8; 8]>::unpack(&mut rest)?);
    let mut body = rest.split_off(..usize::try_from(length).ok()?)?;
    if hash(body) != hashed {
        return None;
    }
    *bytes = rest;
    Some((u32::unpack(&mut body)?, Vec::unpack(&mut body)?))
}

fn hash(body: &[u8]) -> [u8; 8] {
    Sha256::digest(body)[..8].try_into().expect("a hash of 32 bytes")
}

/// Rows that a write has left: what one of the methods by which a store is entered puts.
enum Put {
    Meta(Meta),
    Pairs(Vec<PairCopy>),
    Accounts(Vec<AccountCopy>),
    Logins(Range<SessionId>, Vec<SessionRow>),
    Log(Conversation, Vec<EntryCopy>),
    Members(ConversationId, Range<UserId>, Vec<Membership>),
    Reads(Vec<ReadMark>),
}

/// After the first, up to and including the second.
type Range<T> = (Option<T>, Option<T>);

impl Packed for Put {
    fn pack(&self, to: &mut Vec<u8>) {
        match self {
            Self::Meta(meta) => (*b"m", *meta).pack(to),
            Self::Pairs(rows) => (*b"p", rows.clone()).pack(to),
            Self::Accounts(rows) => (*b"a", rows.clone()).pack(to),
            Self::Logins(ids, rows) => (*b"s", (*ids, rows.clone())).pack(to),
            Self::Log(record, rows) => (*b"l", (record.clone(), rows.clone())).pack(to),
            Self::Members(of, users, rows) => (*b"u", ((*of, *users), rows.clone())).pack(to),
            Self::Reads(marks) => (*b"r", marks.clone()).pack(to),
        }
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        Some(match &<[u8; 1]>::unpack(from)? {
            b"m" => Self::Meta(Meta::unpack(from)?),
            b"p" => Self::Pairs(Vec::unpack(from)?),
            b"a" => Self::Accounts(Vec::unpack(from)?),
            b"s" => Self::Logins(Range::unpack(from)?, Vec::unpack(from)?),
            b"l" => Self::Log(Conversation::unpack(from)?, Vec::unpack(from)?),
            b"u" => Self::Members(ConversationId::unpack(from)?, Range::unpack(from)?, Vec::unpack(from)?),
            b"r" => Self::Reads(Vec::unpack(from)?),
            _ => return None,
        })
    }
}

impl Put {
    async fn apply(&self, to: &MemoryStore) -> Result<(), StoreError> {
        match self {
            Self::Meta(meta) => to.put_meta(meta).await,
            Self::Pairs(rows) => to.put_pairs(rows).await,
            Self::Accounts(rows) => to.put_accounts(rows).await,
            Self::Logins((after, through), rows) => to.put_sessions(*after, *through, rows).await,
            Self::Log(record, rows) => to.put_log(record, rows).await,
            Self::Members(of, (after, through), rows) => to.put_members(*of, *after, *through, rows).await,
            Self::Reads(marks) => to.note(marks).await,
        }
    }
}

type Puts = Result<Vec<Put>, StoreError>;

// What writes leave, read from the memory they were done in.

async fn pair(memory: &MemoryStore, pair: Pair) -> Puts {
    // The pair before it in order: with the low one, or the last one of whoever is before him.
    let of_low =
        before(pair.high().as_bytes()).and_then(|high| Pair::new(pair.low(), UserId::from_bytes(high)).ok());
    let of_other =
        || Pair::new(UserId::from_bytes(before(pair.low().as_bytes())?), UserId::from_bytes([0xff; 16])).ok();
    let rows = memory.pairs(of_low.or_else(of_other), 1).await?;
    Ok(vec![Put::Pairs(rows.into_iter().filter(|row| row.record.pair == pair).collect())])
}

async fn account(memory: &MemoryStore, user: UserId) -> Puts {
    Ok(vec![Put::Accounts(memory.accounts_after(before(user.as_bytes()).map(UserId::from_bytes), 1).await?)])
}

async fn logins(memory: &MemoryStore, ids: Vec<SessionId>) -> Puts {
    let mut puts = Vec::new();
    for id in ids {
        let rows = Sessions::load(memory, &[id]).await?.into_iter().flatten().collect();
        let after = before(id.as_bytes()).map(SessionId::from_bytes);
        puts.push(Put::Logins((after, Some(id)), rows));
    }
    Ok(puts)
}

/// A conversation's record, the rows at these positions, and the rows of these users.
async fn room(
    memory: &MemoryStore,
    of: ConversationId,
    seqs: impl IntoIterator<Item = Seq>,
    users: impl IntoIterator<Item = UserId>,
) -> Puts {
    let Some(record) = Conversations::load(memory, &[of]).await?.remove(0) else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for seq in seqs {
        rows.extend(memory.entries_after(of, seq.previous(), 1).await?);
    }
    let mut puts = vec![Put::Log(record, rows)];
    for user in users {
        let rows = Memberships::of(memory, of, &[user]).await?.into_iter().flatten().collect();
        let after = before(user.as_bytes()).map(UserId::from_bytes);
        puts.push(Put::Members(of, (after, Some(user)), rows));
    }
    Ok(puts)
}

/// What a lane has left in a conversation whose log ended at `head`.
async fn lane(memory: &MemoryStore, lane: &Lane, head: Seq) -> Puts {
    let (mut seqs, mut users) = (BTreeSet::new(), BTreeSet::new());
    let now = memory.heads(&[lane.conversation]).await?.remove(0).map_or(head, |now| now.head);
    seqs.extend((head.get() + 1..=now.get()).map(Seq::new));
    for draft in &lane.drafts {
        users.insert(draft.by);
        for effect in &draft.effects {
            match effect {
                Effect::SetBody { target, .. }
                | Effect::Tombstone { target, .. }
                | Effect::PutMark { target, .. }
                | Effect::DropMark { target, .. } => drop(seqs.insert(*target)),
                Effect::PutMember { user, .. } => drop(users.insert(*user)),
                Effect::PutMessage { .. } | Effect::SetConversation(_) => {}
            }
        }
    }
    room(memory, lane.conversation, seqs, users).await
}

/// The id before this one.
fn before(id: &[u8; 16]) -> Option<[u8; 16]> {
    u128::from_be_bytes(*id).checked_sub(1).map(u128::to_be_bytes)
}

/// Implements a part: reads are the memory's; writes too, and what they leave is kept.
macro_rules! part {
    ($part:ident {
        $(read $read:ident($($given:ident: $kind:ty),*) -> $answer:ty;)*
        $(write $write:ident($($arg:ident: $type:ty),*) -> $result:ty, |$memory:ident, $done:ident| $left:expr;)*
        $(by hand { $($own:tt)* })?
    }) => {
        #[async_trait]
        impl $part for JournalStore {
            $(async fn $read(&self, $($given: $kind),*) -> Result<$answer, StoreError> {
                let _reading = self.reading().await?;
                $part::$read(&self.memory, $($given),*).await
            })*
            $(async fn $write(&self, $($arg: $type),*) -> Result<$result, StoreError> {
                let mut journal = self.writing().await?;
                let answer = $part::$write(&self.memory, $($arg),*).await?;
                let ($memory, $done) = (&self.memory, &answer);
                journal.keep(self.memory.tenant(), &$left.await?)?;
                Ok(answer)
            })*
            $($($own)*)?
        }
    };
}

part! {
    Friendships {
        read of(pairs: &[Pair]) -> Vec<Option<PairRecord>>;
        read unfenced(limit: Limit) -> Vec<PairRecord>;
        read list(user: UserId, filter: FriendFilter, after: Option<UserId>, limit: Limit) -> Vec<FriendRow>;
        read blocks(user: UserId) -> Vec<UserId>;
        read since(user: UserId, cursor: Option<u64>) -> FriendChanges;
        write put(change: &PutPair) -> PairRecord, |memory, _done| pair(memory, change.pair);
        write fenced(of: Pair, version: u64) -> (), |memory, _done| pair(memory, of);
    }
}

part! {
    Accounts {
        read load(users: &[UserId]) -> Vec<Option<Account>>;
        read claimed(claims: &[Claim]) -> Vec<Option<UserId>>;
        read search(words: &[String], after: Option<UserId>, limit: Limit) -> Vec<Account>;
        read in_state(state: AccountState, after: Option<UserId>, limit: usize) -> Vec<Account>;
        write create(new: &Account, claims: &Claims) -> (), |memory, _done| account(memory, new.user);
        write update(new: &Account, claims: &Claims) -> (), |memory, _done| account(memory, new.user);
    }
}

part! {
    Sessions {
        read load(ids: &[SessionId]) -> Vec<Option<SessionRow>>;
        read alive(ids: &[SessionId], now: Timestamp) -> Vec<bool>;
        read of_user(user: UserId) -> Vec<SessionRow>;
        read expired(now: Timestamp, limit: usize) -> Vec<SessionId>;
        write create(row: &SessionRow, keep: u64) -> Vec<SessionId>,
            |memory, ended| logins(memory, [&ended[..], &[row.id]].concat());
        write rotate(rotate: &Rotate) -> (), |memory, _done| logins(memory, vec![rotate.id]);
        write touch(seen: &[(SessionId, Timestamp)]) -> (),
            |memory, _done| logins(memory, seen.iter().map(|(id, _)| *id).collect());
        write end(ids: &[SessionId]) -> Vec<SessionId>, |memory, ended| logins(memory, ended.clone());
    }
}

part! {
    Conversations {
        read load(ids: &[ConversationId]) -> Vec<Option<Conversation>>;
        read walk(after: Option<ConversationId>, limit: usize) -> Vec<Conversation>;
        write ensure(shell: &Shell) -> Conversation, |memory, _done| {
            room(memory, shell.id, [], shell.pair.into_iter().flat_map(Pair::both))
        };
        write fence(id: ConversationId) -> (), |memory, _done| room(memory, id, [], []);
    }
}

part! {
    Memberships {
        read of(conversation: ConversationId, users: &[UserId]) -> Vec<Option<Membership>>;
        read place(conversation: ConversationId, user: UserId) -> Option<Place>;
        read list(conversation: ConversationId, after: Option<UserId>, limit: usize) -> Vec<Membership>;
        read positions(user: UserId) -> Vec<Position>;
        read seats(user: UserId, query: SeatQuery<'_>) -> Vec<Seat>;
        read counts(users: &[UserId]) -> Vec<u64>;
        write enter(enter: &Enter) -> bool, |memory, _done| room(memory, enter.conversation, [], [enter.user]);
        write exit(of: ConversationId, user: UserId) -> bool, |memory, _done| room(memory, of, [], [user]);
        write hide(of: ConversationId, user: UserId) -> bool, |memory, _done| room(memory, of, [], [user]);
    }
}

part! {
    Receipts {
        by hand {
            async fn raise(&self, batch: Arc<[Raise]>) -> Result<Vec<Option<Raised>>, StoreError> {
                let (mut journal, memory) = (self.writing().await?, &self.memory);
                let raised = memory.raise(Arc::clone(&batch)).await?;
                let mut puts = Vec::new();
                for raise in batch.iter() {
                    puts.extend(room(memory, raise.conversation, [], [raise.user]).await?);
                }
                journal.keep(memory.tenant(), &puts)?;
                Ok(raised)
            }
        }
    }
}

part! {
    ReceiptLog {
        read reads(wanted: &[ReadsFrom], limit: usize) -> Vec<Vec<ReadMark>>;
        read walk(of: ConversationId, after: Option<(UserId, Seq)>, limit: usize) -> Vec<ReadMark>;
        write note(marks: &[ReadMark]) -> (), |_memory, _done| only(Put::Reads(marks.to_vec()));
    }
}

part! {
    Log {
        read entries(wanted: &[After], limit: Limit) -> Vec<Entries>;
        read messages(of: ConversationId, visible_from: Seq, window: Window, limit: Limit) -> Messages;
        read at(of: ConversationId, seqs: &[Seq]) -> Vec<Option<MessageRow>>;
        read last(of: &[ConversationId]) -> Vec<Option<MessageRow>>;
        read heads(of: &[ConversationId]) -> Vec<Option<Head>>;
        read find(of: ConversationId, by: UserId, client_id: &ClientId) -> Option<Outcome>;
        read marks(of: ConversationId, seqs: &[Seq]) -> Vec<Mark>;
        by hand {
            /// One record for the whole batch: a lane that is refused leaves nothing.
            async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
                match self.append_all(&batch).await {
                    Ok(done) => done,
                    Err(error) => vec![Err(error); batch.len()],
                }
            }
        }
    }
}

impl JournalStore {
    async fn append_all(&self, batch: &Arc<[Lane]>) -> Result<Vec<Result<LaneDone, StoreError>>, StoreError> {
        let (mut journal, memory) = (self.writing().await?, &self.memory);
        let ids: Vec<ConversationId> = batch.iter().map(|lane| lane.conversation).collect();
        let heads = memory.heads(&ids).await?;
        let done = memory.append(Arc::clone(batch)).await;
        let mut puts = Vec::new();
        for ((of, head), _) in batch.iter().zip(heads).zip(&done).filter(|(_, done)| done.is_ok()) {
            puts.extend(lane(memory, of, head.map_or(Seq::ZERO, |head| head.head)).await?);
        }
        journal.keep(memory.tenant(), &puts)?;
        Ok(done)
    }
}

part! {
    TransferPeople {
        read pairs(after: Option<Pair>, limit: usize) -> Vec<PairCopy>;
        read accounts_after(after: Option<UserId>, limit: usize) -> Vec<AccountCopy>;
        write put_pairs(rows: &[PairCopy]) -> (), |_memory, _done| only(Put::Pairs(rows.to_vec()));
        write put_accounts(rows: &[AccountCopy]) -> (), |_memory, _done| only(Put::Accounts(rows.to_vec()));
    }
}

part! {
    TransferAccess {
        read sessions_after(after: Option<SessionId>, limit: usize) -> Vec<SessionRow>;
        write put_sessions(after: Option<SessionId>, through: Option<SessionId>, rows: &[SessionRow]) -> (),
            |_memory, _done| only(Put::Logins((after, through), rows.to_vec()));
    }
}

part! {
    TransferTalk {
        read entries_after(of: ConversationId, after: Seq, limit: usize) -> Vec<EntryCopy>;
        read members_after(of: ConversationId, after: Option<UserId>, limit: usize) -> Vec<Membership>;
        write put_meta(meta: &Meta) -> (), |_memory, _done| only(Put::Meta(*meta));
        write put_log(record: &Conversation, rows: &[EntryCopy]) -> (),
            |_memory, _done| only(Put::Log(record.clone(), rows.to_vec()));
        write put_members(
            of: ConversationId,
            after: Option<UserId>,
            through: Option<UserId>,
            rows: &[Membership]
        ) -> (), |_memory, _done| only(Put::Members(of, (after, through), rows.to_vec()));
    }
}

fn only(put: Put) -> std::future::Ready<Puts> {
    std::future::ready(Ok(vec![put]))
}

/// Implements a group by handing out its parts, all of which are this store.
macro_rules! group {
    ($group:ident { $($accessor:ident: $part:ident),* } $changes:ident $ping:ident { $($more:tt)* }) => {
        #[async_trait]
        impl $group for JournalStore {
            $(fn $accessor(&self) -> &dyn $part {
                self
            })*

            // The memory tells before the file has it; who then looks waits until it has.
            fn $changes(&self) -> &dyn Changes {
                self.memory.$changes()
            }

            async fn $ping(&self) -> Result<(), StoreError> {
                self.reading().await.map(drop)
            }

            $($more)*
        }
    };
}

group! { People { friendships: Friendships, accounts: Accounts, transfer_people: TransferPeople } people_changes ping_people {} }
group! { Access { sessions: Sessions, transfer_access: TransferAccess } access_changes ping_access {} }
group! {
    Talk {
        conversations: Conversations, log: Log, memberships: Memberships, receipts: Receipts,
        transfer_talk: TransferTalk
    } talk_changes ping_talk {
        fn receipt_log(&self) -> Option<&dyn ReceiptLog> {
            Some(self)
        }

        // Optional parts may be left out; a chat with attachments does not start on this store.
        fn attachments(&self) -> Option<&dyn Attachments> {
            None
        }

        async fn meta(&self) -> Result<Meta, StoreError> {
            let _reading = self.reading().await?;
            self.memory.meta().await
        }
    }
}

impl Store for JournalStore {
    fn tenant(&self) -> Tenant {
        self.memory.tenant()
    }

    fn people(&self) -> &dyn People {
        self
    }

    fn access(&self) -> &dyn Access {
        self
    }

    fn talk(&self) -> &dyn Talk {
        self
    }
}
