//! How many commands it takes: a send, a batch, a page. Counted by the driver's own monitoring, to the last one; what
//! is sent does not depend on the server, so they are counted on one, which is quick enough for nothing to come between.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[expect(dead_code, reason = "other tests use more of it")]
mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_core::Limit;
use chat_core::conversation::{History, Kind, Role, Settings, Standing};
use chat_core::id::{ConversationId, EntryId, IdSource as _, Seq, SystemIds, Tenant, UserId};
use chat_core::message::{ClientId, kind};
use chat_core::store::{
    After, Conversations, DraftEntry, Effect, Expected, Lane, Log, Outcome, Shell, Window,
};
use chat_core::time::Timestamp;
use chat_store_mongo::MongoStore;
use common::{Own, SECOND, Server};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::ClientOptions;

/// When it counts as hanging that a command is not sent.
const HANGS_AFTER: Duration = Duration::from_mins(1);

/// What went over the line.
#[derive(Debug, Default)]
struct Traffic {
    /// Commands as they were sent: what, and to which collection.
    sent: Vec<String>,
    /// Those of them that are not answered yet.
    unanswered: usize,
}

type Line = Arc<Mutex<Traffic>>;

/// A store whose commands are noted.
struct Watched {
    store: MongoStore,
    line: Line,
    /// A group of three.
    id: ConversationId,
    /// The database, dropped in the end.
    own: Own,
}

impl Watched {
    async fn new(server: Server) -> Option<Self> {
        let own = Own::new(server.options()?).await;
        let id = group(&own.store()).await;
        own.store().close().await;
        let line = Line::default();
        let notes = Arc::clone(&line);
        let mut options = ClientOptions::parse(&own.options.url).await.unwrap();
        options.command_event_handler = Some(EventHandler::callback(move |event| note(&notes, &event)));
        let client = mongodb::Client::with_options(options).unwrap();
        let database = client.database(own.options.database.as_deref().unwrap());
        let store = MongoStore::from_database(database, own.options.clone()).await.unwrap();
        line.lock().unwrap().sent.clear();
        Some(Self { store, line, id, own })
    }

    /// Another process on the same database: it knows nothing of what this one did.
    async fn newcomer(&self) -> MongoStore {
        MongoStore::open(self.own.options.clone()).await.unwrap()
    }

    /// What was sent since the last time, once `count` commands were.
    async fn sent(&self, count: usize) -> Vec<String> {
        self.sent_when(count, |line| line.sent.len() >= count).await
    }

    /// The same up to the end of a flush, until which the newest messages are in the document alone. One that overlaps the flush before it finds rows that are there already and
    /// looks once whether they are the same: that look is left out.
    async fn sent_and_flushed(&self, count: usize) -> Vec<String> {
        let is_over = |line: &Traffic| {
            line.sent.len() >= count && line.sent.ends_with(&[FLUSH[2].to_owned()]) && line.unanswered == 0
        };
        let mut sent = self.sent_when(count, is_over).await;
        let look = sent.windows(2).position(|pair| pair == [FLUSH[0], KNOWN[0]]);
        if let Some(at) = look {
            sent.remove(at + 1);
            // The look at many rows is answered in parts.
            while sent.get(at + 1).is_some_and(|next| next.starts_with("getMore")) {
                sent.remove(at + 1);
            }
        }
        sent
    }

    async fn sent_when(&self, count: usize, enough: impl Fn(&Traffic) -> bool) -> Vec<String> {
        let all = async {
            while !enough(&self.line.lock().unwrap()) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(HANGS_AFTER, all).await;
        let sent = std::mem::take(&mut self.line.lock().unwrap().sent);
        assert!(waited.is_ok(), "{count} commands were to be sent: {sent:?}");
        sent
    }
}

fn note(line: &Line, event: &CommandEvent) {
    let name = match event {
        CommandEvent::Started(started) => started.command_name.as_str(),
        CommandEvent::Succeeded(succeeded) => succeeded.command_name.as_str(),
        CommandEvent::Failed(failed) => failed.command_name.as_str(),
        _ => return,
    };
    if !["find", "insert", "update", "delete", "getMore"].contains(&name) {
        return;
    }
    let mut line = line.lock().unwrap();
    if let CommandEvent::Started(started) = event {
        let collection = started.command.get_str(name).unwrap_or_default();
        line.sent.push(format!("{name} {collection}"));
        line.unanswered += 1;
    } else {
        line.unanswered -= 1;
    }
}

async fn group(store: &MongoStore) -> ConversationId {
    let id = ConversationId::created(Tenant::default(), UserId::from(1_u64), "round trips");
    let (kind, at) = (Kind::Group, Timestamp::from_millis(1));
    let shell = Shell { id, kind, pair: None, creator: None, settings: Settings::of(kind), at };
    store.ensure(&shell).await.unwrap();
    let standing = Some(Standing::Member(Role::Member));
    let mut made = draft(1, "made");
    made.effects = (1_u64..=3)
        .map(|user| Effect::PutMember { user: UserId::from(user), standing, history: History::All })
        .collect::<Vec<_>>();
    append(store, id, vec![made]).await;
    id
}

fn draft(by: u64, client_id: &str) -> DraftEntry {
    let at = Timestamp::from_millis(2);
    let id = EntryId::from(SystemIds::default().uuid(at));
    DraftEntry::new(id, at, UserId::from(by), ClientId::new(client_id).unwrap(), kind::MESSAGE)
}

fn message(by: u64, client_id: &str) -> DraftEntry {
    let mut draft = draft(by, client_id);
    draft.effects = vec![Effect::PutMessage { text: Some("hello".to_owned()), payload: None }];
    draft
}

async fn append(store: &MongoStore, conversation: ConversationId, drafts: Vec<DraftEntry>) {
    let (count, expected) = (drafts.len(), Expected { acl: 0, roster: None });
    let done =
        store.append(Arc::new([Lane { conversation, expected, drafts }])).await.pop().unwrap().unwrap();
    let is_new = |outcome: &&Outcome| matches!(outcome, Outcome::Appended(_));
    assert_eq!(done.outcomes.iter().filter(is_new).count(), count);
}

/// Rows, receipts of the senders, and the document lets go: after the answer, and once for all that came meanwhile.
const FLUSH: [&str; 3] = ["insert chat_entries", "update chat_members", "update chat_conversations"];
/// A lane to a conversation that is known: repeats, and the document.
const KNOWN: [&str; 2] = ["find chat_entries", "update chat_conversations"];

async fn a_send(watched: &Watched, id: ConversationId) {
    append(&watched.store, id, vec![message(1, "first")]).await;
    assert_eq!(
        watched.sent_and_flushed(5).await,
        [&KNOWN[..], &FLUSH[..]].concat(),
        "to a conversation that is known"
    );
    let other = watched.newcomer().await;
    append(&other, id, vec![message(2, "elsewhere")]).await;
    other.close().await;
    append(&watched.store, id, vec![message(1, "second")]).await;
    let lost = [&KNOWN[..], &["find chat_conversations"], &KNOWN[..], &FLUSH[..]].concat();
    assert_eq!(watched.sent_and_flushed(8).await, lost, "when another process came first");
}

async fn a_batch(watched: &Watched, id: ConversationId) {
    let drafts = (0..256).map(|number| message(1 + number % 3, &format!("batch-{number}"))).collect();
    append(&watched.store, id, drafts).await;
    let sent = watched.sent_and_flushed(5).await;
    assert_eq!(sent[..2], KNOWN, "before 256 messages are acknowledged");
    assert_eq!(sent[2..], FLUSH, "and after");
}

async fn pages(watched: &Watched, id: ConversationId) {
    let limit = Limit::new(100).unwrap();
    watched.store.messages(id, Seq::new(1), Window::Before(Seq::MAX), limit).await.unwrap();
    assert_eq!(watched.sent(2).await, ["find chat_conversations", "find chat_entries"], "the newest page");
    watched.store.messages(id, Seq::new(1), Window::Around(Seq::new(90)), limit).await.unwrap();
    let middle = ["find chat_conversations", "find chat_entries", "find chat_entries"];
    assert_eq!(watched.sent(3).await, middle, "a page somewhere");
    let after = After { conversation: id, after: Seq::new(5) };
    watched.store.entries(&[after], limit).await.unwrap();
    assert_eq!(watched.sent(2).await, ["find chat_conversations", "find chat_entries"], "a page of entries");
}

async fn counted(server: Server) {
    let Some(watched) = Watched::new(server).await else { return };
    watched.store.load(&[watched.id]).await.unwrap();
    append(&watched.store, watched.id, vec![message(3, "unknown")]).await;
    let unknown = [&["find chat_conversations"; 2], &KNOWN[..], &FLUSH[..]].concat();
    assert_eq!(watched.sent_and_flushed(7).await, unknown, "looked at, and sent to for the first time");
    a_send(&watched, watched.id).await;
    a_batch(&watched, watched.id).await;
    pages(&watched, watched.id).await;
    watched.store.close().await;
}

#[tokio::test]
async fn a_send_a_batch_and_pages() {
    counted(SECOND).await;
}
