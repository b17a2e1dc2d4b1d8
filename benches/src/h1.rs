//! H1: a page of 50 out of two million messages on SQLite.
//!
//! Both sides read the same file. It is made once and kept in the target folder, since making it takes longer than
//! reading it; delete it when the store's tables have changed.

use crate::engine;
use crate::harness::machine::{Stopwatch, data_dir};
use crate::harness::series::median;
use crate::harness::{Bound, Outcome, Pair, Sample, Spec, Unit, compare, server_runtime};
use crate::message::TEXT;
use crate::raw::sqlite::Reader;
use anyhow::{Context as _, Result, ensure};
use chat_core::message::kind;
use chat_core::page::Limit;
use chat_core::store::{DraftEntry, Effect, Expected, Lane, Store, Window};
use chat_core::{ActingAs, Chat, ConversationId, EntryId, Seq, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const SPEC: Spec = Spec {
    id: "h1",
    what: "a page of 50 of 2 000 000 messages, p50, SQLite",
    reference: "rusqlite, one statement",
    unit: Unit::Micros,
    ship: Bound::AtMost(2.0),
    aim: Bound::AtMost(1.3),
};

/// Conversations, all of user 0.
const CONVERSATIONS: u64 = 20;

/// Messages in each.
const MESSAGES: u64 = 100_000;

/// Messages of one conversation that are written at once while filling.
const LANE: u64 = 10_000;

/// Messages on a page.
const PAGE: u64 = 50;

/// How long one side of one round is measured.
pub(crate) const MEASURED: Duration = Duration::from_secs(1);

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<Outcome> {
    server_runtime()?.block_on(async {
        let path = data_dir()?.join("h1.db");
        let (reader, conversations) = ours(&path).await?;
        let raw = Reader::open(&path)?;
        let round = async || {
            let raw = read_raw(&raw, &conversations)?;
            Ok(Pair { raw, ours: read_ours(&reader, &conversations, MESSAGES).await? })
        };
        compare(&SPEC, rounds, round).await
    })
}

async fn ours(path: &Path) -> Result<(ActingAs, Vec<ConversationId>)> {
    filled(engine::store(Some(path)).await?, MESSAGES).await
}

/// A reader of conversations that hold so many messages each.
pub(crate) async fn filled(store: Arc<dyn Store>, messages: u64) -> Result<(ActingAs, Vec<ConversationId>)> {
    let chat = engine::chat(Arc::clone(&store)).await?;
    let reader = chat.actor(engine::user(0));
    let mut conversations = Vec::new();
    for nth in 1..=CONVERSATIONS {
        conversations.push(reader.direct(engine::user(nth)).await?.value.id);
    }
    fill(&*store, &chat, &conversations, messages).await?;
    Ok((reader, conversations))
}

/// Appends what is missing, past the engine: it would take a client each to send it. One conversation after the
/// other, so that a commit touches few pages.
async fn fill(store: &dyn Store, chat: &Chat, conversations: &[ConversationId], messages: u64) -> Result<()> {
    for &id in conversations {
        while let Some(lane) = missing(store, chat.now(), id, messages).await? {
            for done in store.talk().log().append(Arc::new([lane])).await {
                done?;
            }
        }
    }
    Ok(())
}

/// The next messages that a conversation lacks.
async fn missing(
    store: &dyn Store,
    at: Timestamp,
    id: ConversationId,
    messages: u64,
) -> Result<Option<Lane>> {
    let found = store.talk().conversations().load(&[id]).await?;
    let conversation = found.into_iter().flatten().next().context("the conversation was made")?;
    let head = conversation.head.get();
    if head >= messages {
        return Ok(None);
    }
    let drafts = (head + 1..=(head + LANE).min(messages)).map(|seq| draft(at, seq)).collect::<Result<_>>()?;
    Ok(Some(Lane { conversation: id, expected: Expected { acl: conversation.acl, roster: None }, drafts }))
}

fn draft(at: Timestamp, seq: u64) -> Result<DraftEntry> {
    let id = EntryId::from(Uuid::now_v7());
    let mut draft = DraftEntry::new(id, at, engine::user(0), engine::client_id(seq)?, kind::MESSAGE);
    draft.effects = vec![Effect::PutMessage { text: Some(TEXT.to_owned()), payload: None }];
    Ok(draft)
}

/// Reads pages at places that look random and are the same for both sides, and tells their median.
fn read_raw(reader: &Reader, conversations: &[ConversationId]) -> Result<Sample> {
    let stopwatch = Stopwatch::start(std::process::id())?;
    let (mut places, mut micros) = (places(MESSAGES), Vec::new());
    while stopwatch.elapsed() < MEASURED {
        let (conversation, before) = places.next().context("there is always one more")?;
        let conversation = conversations[usize::try_from(conversation)?].as_bytes();
        let start = Instant::now();
        reader.page(conversation, i64::try_from(before)?, i64::try_from(PAGE)?)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(stopwatch.stop(micros.len() as u64)?.with(median(&micros)))
}

pub(crate) async fn read_ours(
    reader: &ActingAs,
    conversations: &[ConversationId],
    messages: u64,
) -> Result<Sample> {
    let stopwatch = Stopwatch::start(std::process::id())?;
    let (mut places, mut micros) = (places(messages), Vec::new());
    let limit = Limit::new(PAGE).context("a page has 1 to 200 items")?;
    while stopwatch.elapsed() < MEASURED {
        let (conversation, before) = places.next().context("there is always one more")?;
        let conversation = conversations[usize::try_from(conversation)?];
        let start = Instant::now();
        let page = reader.history(conversation, Some(Window::Before(Seq::new(before))), limit).await?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        ensure!(page.items.len() == limit.get(), "{} messages before {before}", page.items.len());
    }
    Ok(stopwatch.stop(micros.len() as u64)?.with(median(&micros)))
}

/// Conversation and position, by a linear congruential generator.
pub(crate) fn places(messages: u64) -> impl Iterator<Item = (u64, u64)> {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    std::iter::successors(Some(7), next)
        .map(move |state| ((state >> 33) % CONVERSATIONS, PAGE + 1 + (state >> 40) % (messages - PAGE)))
}
