//! A store with something between it and its callers: the ground of [`Gates`](super::Gates) and
//! [`Faults`](super::Faults).

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use crate::conversation::{Conversation, Membership, Seat};
use crate::id::{ConversationId, Pair, Seq, SessionId, Tenant, UserId};
use crate::message::ClientId;
use crate::page::Limit;
use crate::store::{
    Access, Account, AccountCopy, AccountState, Accounts, After, Attachments, ChangeCursor, Changed, Changes,
    Claim, Claims, Conversations, Enter, Entries, EntryCopy, FriendChanges, FriendFilter, FriendRow,
    Friendships, Head, Lane, LaneDone, Log, Mark, Memberships, MessageRow, Messages, Meta, Outcome, PairCopy,
    PairRecord, People, Place, Position, PutPair, Raise, Raised, ReadMark, ReadsFrom, ReceiptLog, Receipts,
    Rotate, SeatQuery, SessionRow, Sessions, Shell, Store, StoreError, Talk, TransferAccess, TransferPeople,
    TransferTalk, Window,
};
use crate::time::Timestamp;

/// What is asked at every call of a store, by the trait and method it is of: `"Log::append"`.
#[async_trait]
pub(super) trait Intercept: Send + Sync + 'static {
    /// What is known of a call while it is on its way.
    type Ticket: Send;

    /// Before the call. An error is answered in its place, and the store never sees it.
    async fn before(&self, call: &'static str) -> Result<Self::Ticket, StoreError>;

    /// After the call has been done. An error is answered in place of what the store said.
    async fn after(&self, call: &'static str, ticket: Self::Ticket) -> Result<(), StoreError>;

    /// Before a lane is appended. An error is answered for it alone.
    fn lane(&self, lane: &Lane) -> Result<(), StoreError>;
}

/// A store all of whose calls are intercepted.
pub(super) struct Intercepted<I> {
    store: Arc<dyn Store>,
    intercept: Arc<I>,
    people_changes: InterceptedChanges<I>,
    access_changes: InterceptedChanges<I>,
    talk_changes: InterceptedChanges<I>,
}

/// One of a store's three feeds.
struct InterceptedChanges<I> {
    store: Arc<dyn Store>,
    intercept: Arc<I>,
    of: fn(&dyn Store) -> &dyn Changes,
}

/// Asks, calls, asks again.
async fn through<T>(
    intercept: &impl Intercept,
    name: &'static str,
    call: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let ticket = intercept.before(name).await?;
    let answer = call.await;
    intercept.after(name, ticket).await?;
    answer
}

impl<I: Intercept> Intercepted<I> {
    pub(super) fn new(store: Arc<dyn Store>, intercept: Arc<I>) -> Self {
        let changes =
            |of| InterceptedChanges { store: Arc::clone(&store), intercept: Arc::clone(&intercept), of };
        Self {
            people_changes: changes(|store| store.people().people_changes()),
            access_changes: changes(|store| store.access().access_changes()),
            talk_changes: changes(|store| store.talk().talk_changes()),
            store,
            intercept,
        }
    }
}

/// Implements a part by intercepting each of its methods.
macro_rules! intercept {
    ($part:ident of $group:ident.$accessor:ident {
        $(fn $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)+
    }) => {
        #[async_trait]
        impl<I: Intercept> $part for Intercepted<I> {
            $(
                async fn $method(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                    let name = concat!(stringify!($part), "::", stringify!($method));
                    through(&*self.intercept, name, self.store.$group().$accessor().$method($($arg),*)).await
                }
            )+
        }
    };
}

intercept! {
    Friendships of people.friendships {
        fn of(pairs: &[Pair]) -> Vec<Option<PairRecord>>;
        fn put(change: &PutPair) -> PairRecord;
        fn fenced(pair: Pair, version: u64) -> ();
        fn unfenced(limit: Limit) -> Vec<PairRecord>;
        fn list(user: UserId, filter: FriendFilter, after: Option<UserId>, limit: Limit) -> Vec<FriendRow>;
        fn blocks(user: UserId) -> Vec<UserId>;
        fn since(user: UserId, cursor: Option<u64>) -> FriendChanges;
    }
}

intercept! {
    Accounts of people.accounts {
        fn create(account: &Account, claims: &Claims) -> ();
        fn load(users: &[UserId]) -> Vec<Option<Account>>;
        fn claimed(claims: &[Claim]) -> Vec<Option<UserId>>;
        fn update(account: &Account, claims: &Claims) -> ();
        fn search(words: &[String], after: Option<UserId>, limit: Limit) -> Vec<Account>;
        fn in_state(state: AccountState, after: Option<UserId>, limit: usize) -> Vec<Account>;
    }
}

intercept! {
    Sessions of access.sessions {
        fn create(row: &SessionRow, keep: u64) -> Vec<SessionId>;
        fn load(ids: &[SessionId]) -> Vec<Option<SessionRow>>;
        fn alive(ids: &[SessionId], now: Timestamp) -> Vec<bool>;
        fn of_user(user: UserId) -> Vec<SessionRow>;
        fn rotate(rotate: &Rotate) -> ();
        fn touch(seen: &[(SessionId, Timestamp)]) -> ();
        fn end(ids: &[SessionId]) -> Vec<SessionId>;
        fn expired(now: Timestamp, limit: usize) -> Vec<SessionId>;
    }
}

intercept! {
    Conversations of talk.conversations {
        fn ensure(shell: &Shell) -> Conversation;
        fn load(ids: &[ConversationId]) -> Vec<Option<Conversation>>;
        fn fence(id: ConversationId) -> ();
        fn walk(after: Option<ConversationId>, limit: usize) -> Vec<Conversation>;
    }
}

intercept! {
    Memberships of talk.memberships {
        fn of(conversation: ConversationId, users: &[UserId]) -> Vec<Option<Membership>>;
        fn place(conversation: ConversationId, user: UserId) -> Option<Place>;
        fn list(conversation: ConversationId, after: Option<UserId>, limit: usize) -> Vec<Membership>;
        fn positions(user: UserId) -> Vec<Position>;
        fn seats(user: UserId, query: SeatQuery<'_>) -> Vec<Seat>;
        fn counts(users: &[UserId]) -> Vec<u64>;
        fn enter(enter: &Enter) -> bool;
        fn exit(conversation: ConversationId, user: UserId) -> bool;
        fn hide(conversation: ConversationId, user: UserId) -> bool;
    }
}

intercept! {
    Receipts of talk.receipts {
        fn raise(batch: Arc<[Raise]>) -> Vec<Option<Raised>>;
    }
}

intercept! {
    TransferPeople of people.transfer_people {
        fn pairs(after: Option<Pair>, limit: usize) -> Vec<PairCopy>;
        fn put_pairs(pairs: &[PairCopy]) -> ();
        fn accounts_after(after: Option<UserId>, limit: usize) -> Vec<AccountCopy>;
        fn put_accounts(accounts: &[AccountCopy]) -> ();
    }
}

intercept! {
    TransferAccess of access.transfer_access {
        fn sessions_after(after: Option<SessionId>, limit: usize) -> Vec<SessionRow>;
        fn put_sessions(after: Option<SessionId>, through: Option<SessionId>, rows: &[SessionRow]) -> ();
    }
}

intercept! {
    TransferTalk of talk.transfer_talk {
        fn put_meta(meta: &Meta) -> ();
        fn entries_after(of: ConversationId, after: Seq, limit: usize) -> Vec<EntryCopy>;
        fn put_log(record: &Conversation, rows: &[EntryCopy]) -> ();
        fn members_after(of: ConversationId, after: Option<UserId>, limit: usize) -> Vec<Membership>;
        fn put_members(
            of: ConversationId,
            after: Option<UserId>,
            through: Option<UserId>,
            rows: &[Membership]
        ) -> ();
    }
}

/// By hand, since not every store has it.
#[async_trait]
impl<I: Intercept> ReceiptLog for Intercepted<I> {
    async fn note(&self, marks: &[ReadMark]) -> Result<(), StoreError> {
        through(&*self.intercept, "ReceiptLog::note", self.kept_receipts()?.note(marks)).await
    }

    async fn reads(&self, wanted: &[ReadsFrom], limit: usize) -> Result<Vec<Vec<ReadMark>>, StoreError> {
        through(&*self.intercept, "ReceiptLog::reads", self.kept_receipts()?.reads(wanted, limit)).await
    }

    async fn walk(
        &self,
        of: ConversationId,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError> {
        through(&*self.intercept, "ReceiptLog::walk", self.kept_receipts()?.walk(of, after, limit)).await
    }
}

impl<I: Intercept> Intercepted<I> {
    fn kept_receipts(&self) -> Result<&dyn ReceiptLog, StoreError> {
        self.store.talk().receipt_log().ok_or(StoreError::Corrupt("this store has no such part"))
    }
}

/// By hand, since `append` answers each lane for itself: what is intercepted is answered to all of them.
#[async_trait]
impl<I: Intercept> Log for Intercepted<I> {
    async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
        let lanes = batch.len();
        let append = async {
            let judged: Vec<_> = batch.iter().map(|lane| self.intercept.lane(lane)).collect();
            let whole = batch.iter().zip(&judged).filter(|(_, judged)| judged.is_ok());
            let whole: Arc<[Lane]> = whole.map(|(lane, _)| lane.clone()).collect();
            let mut answers = self.store.talk().log().append(whole).await.into_iter();
            let answer = |judged: Result<(), StoreError>| {
                judged.and_then(|()| answers.next().expect("one answer for each lane"))
            };
            Ok(judged.into_iter().map(answer).collect())
        };
        match through(&*self.intercept, "Log::append", append).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error); lanes],
        }
    }

    async fn entries(&self, wanted: &[After], limit: Limit) -> Result<Vec<Entries>, StoreError> {
        let call = self.store.talk().log().entries(wanted, limit);
        through(&*self.intercept, "Log::entries", call).await
    }

    async fn messages(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, StoreError> {
        let call = self.store.talk().log().messages(of, visible_from, window, limit);
        through(&*self.intercept, "Log::messages", call).await
    }

    async fn at(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        through(&*self.intercept, "Log::at", self.store.talk().log().at(of, seqs)).await
    }

    async fn last(&self, of: &[ConversationId]) -> Result<Vec<Option<MessageRow>>, StoreError> {
        through(&*self.intercept, "Log::last", self.store.talk().log().last(of)).await
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        through(&*self.intercept, "Log::heads", self.store.talk().log().heads(of)).await
    }

    async fn find(
        &self,
        of: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Result<Option<Outcome>, StoreError> {
        through(&*self.intercept, "Log::find", self.store.talk().log().find(of, by, client_id)).await
    }

    async fn marks(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Mark>, StoreError> {
        through(&*self.intercept, "Log::marks", self.store.talk().log().marks(of, seqs)).await
    }
}

#[async_trait]
impl<I: Intercept> Changes for InterceptedChanges<I> {
    async fn since(&self, cursor: Option<ChangeCursor>, limit: usize) -> Result<Changed, StoreError> {
        through(&*self.intercept, "Changes::since", (self.of)(&*self.store).since(cursor, limit)).await
    }
}

impl<I: Intercept> Store for Intercepted<I> {
    fn tenant(&self) -> Tenant {
        self.store.tenant()
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

#[async_trait]
impl<I: Intercept> People for Intercepted<I> {
    fn friendships(&self) -> &dyn Friendships {
        self
    }

    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn people_changes(&self) -> &dyn Changes {
        &self.people_changes
    }

    fn transfer_people(&self) -> &dyn TransferPeople {
        self
    }

    async fn ping_people(&self) -> Result<(), StoreError> {
        through(&*self.intercept, "People::ping_people", self.store.people().ping_people()).await
    }
}

#[async_trait]
impl<I: Intercept> Access for Intercepted<I> {
    fn sessions(&self) -> &dyn Sessions {
        self
    }

    fn access_changes(&self) -> &dyn Changes {
        &self.access_changes
    }

    fn transfer_access(&self) -> &dyn TransferAccess {
        self
    }

    async fn ping_access(&self) -> Result<(), StoreError> {
        through(&*self.intercept, "Access::ping_access", self.store.access().ping_access()).await
    }
}

#[async_trait]
impl<I: Intercept> Talk for Intercepted<I> {
    fn conversations(&self) -> &dyn Conversations {
        self
    }

    fn log(&self) -> &dyn Log {
        self
    }

    fn memberships(&self) -> &dyn Memberships {
        self
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }

    fn receipt_log(&self) -> Option<&dyn ReceiptLog> {
        self.store.talk().receipt_log().map(|_| self as &dyn ReceiptLog)
    }

    /// Not intercepted: nothing that is decided or delivered rests on them.
    fn attachments(&self) -> Option<&dyn Attachments> {
        self.store.talk().attachments()
    }

    fn talk_changes(&self) -> &dyn Changes {
        &self.talk_changes
    }

    fn transfer_talk(&self) -> &dyn TransferTalk {
        self
    }

    async fn meta(&self) -> Result<Meta, StoreError> {
        through(&*self.intercept, "Talk::meta", self.store.talk().meta()).await
    }

    async fn ping_talk(&self) -> Result<(), StoreError> {
        through(&*self.intercept, "Talk::ping_talk", self.store.talk().ping_talk()).await
    }
}
