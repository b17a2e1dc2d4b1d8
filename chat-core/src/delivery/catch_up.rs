//! What a session fetches itself: the entries it lacks, and the present state of what it was not told.

use std::sync::Arc;

use super::hub::lock;
use super::outbox::{Behind, Chore, Lag, TakenIn};
use super::pump::friends_since;
use super::session::Line;
use super::topic::{Begin, Topic};
use crate::conversation::{Read, Seat};
use crate::engine::rows;
use crate::error::ChatError;
use crate::event::{Event, ReceiptEvent, Shared};
use crate::id::{ConversationId, Seq};
use crate::message::{Entry, What};
use crate::page::Limit;
use crate::receipt::Receipt;
use crate::store::{After, Entries, SeatQuery};

/// How long to wait before a failed read is tried again.
const RETRY: std::time::Duration = std::time::Duration::from_millis(200);

/// Does one chore. What fails is logged and tried again; what is dropped is done later.
pub(super) async fn fetch(line: &Arc<Line>, chore: Chore) {
    let owed = Owed { line, chore: Some(chore) };
    let done = match owed.chore.as_ref() {
        Some(Chore::Entries(lagging)) => entries(line, lagging).await,
        Some(Chore::Friends(cursor)) => friends(line, *cursor).await,
        Some(Chore::Receipts(id)) => {
            receipts(line, *id).await.map(|events| line.outbox.take_in_state(events))
        }
        Some(Chore::Summary(id)) => summary(line, *id).await.map(|events| line.outbox.take_in_state(events)),
        None => Ok(()),
    };
    match done {
        Ok(()) => owed.done(),
        Err(error) => {
            tracing::warn!(user = %line.outbox.user, error = %error, "a session cannot catch up, trying again");
            line.core.clock.sleep(RETRY).await;
        }
    }
}

/// A chore that goes back on the list unless it is done.
struct Owed<'a> {
    line: &'a Line,
    chore: Option<Chore>,
}

impl Owed<'_> {
    fn done(mut self) {
        self.chore = None;
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if let Some(chore) = &self.chore {
            self.line.outbox.owe(chore);
        }
    }
}

async fn entries(line: &Arc<Line>, lagging: &[(ConversationId, Lag)]) -> Result<(), ChatError> {
    let wanted: Vec<After> =
        lagging.iter().map(|(id, lag)| After { conversation: *id, after: lag.next.previous() }).collect();
    let read = {
        let _turn = line.core.reads.acquire().await.map_err(|_| ChatError::Unavailable(None))?;
        line.core.store.talk().log().entries(&wanted, Limit::default()).await?
    };
    // No await from here on: a dropped future has changed nothing.
    for (id, lag) in lagging {
        match read.iter().find(|read| read.conversation == *id) {
            Some(read) => page(line, *id, *lag, read),
            None => line.outbox.move_on(*id, lag.next, None),
        }
    }
    Ok(())
}

/// Passes one page of a conversation on, and joins live when that was the last.
///
/// A conversation that this node serves to nobody any more is read all the same: its session went while it lagged, and
/// gets everything up to its own going.
fn page(line: &Arc<Line>, id: ConversationId, lag: Lag, read: &Entries) {
    let topic = line.core.hub.topic(id);
    let missing = read.head.get().saturating_sub(lag.next.previous().get());
    if lag.next < read.start || missing > line.core.limits.catch_up_entries_max {
        reset(line, id, lag, topic.as_ref());
        return;
    }
    let (mut next, mut events, mut ended) = (lag.next, Vec::with_capacity(read.items.len()), false);
    for row in &read.items {
        let entry = rows::entry(id, row);
        next = entry.seq.next();
        ended = ends_for(line, topic.as_deref(), &entry);
        events.push(Event::Entry(Shared::new(rows::seen_from(entry, lag.visible_from))));
        if ended {
            break;
        }
    }
    if line.outbox.take_in(id, lag, next, events) == TakenIn::No {
        return;
    }
    let lag = Lag { next, ..lag };
    match topic {
        topic if ended => part(line, id, topic.as_ref(), next),
        _ if next <= read.head => {}
        Some(topic) => {
            topic.join(&line.outbox, lag, Begin::Resume(next));
        }
        None => line.outbox.move_on(id, next, None),
    }
}

/// Whether this entry ends what its session may see: its user went, or it only reads and may not any more.
fn ends_for(line: &Line, topic: Option<&Topic>, entry: &Entry) -> bool {
    let (_, gone) = rows::comings_and_goings(&entry.what);
    let shut = matches!(&entry.what, What::Updated { changes } if changes.read == Some(Read::Members));
    let is_member = || topic.is_some_and(|topic| topic.subscription(line.outbox.user).is_some());
    let only_reads = || lock(&line.reading).contains(&entry.conversation) && !is_member();
    gone.contains(&line.outbox.user) || entry.what == What::Closed || (shut && only_reads())
}

/// The user went by the entry before `next`. If he has come back since, his stream goes on where his view begins.
fn part(line: &Arc<Line>, id: ConversationId, topic: Option<&Arc<Topic>>, next: Seq) {
    let Some(topic) = topic else {
        line.outbox.move_on(id, next, None);
        return;
    };
    if topic.passed_to(&line.outbox) < next.previous() {
        // The hub is not there yet: when it is, it will take him off, and must not tell him twice.
        line.outbox.move_on(id, next, Some(Behind::Ahead(next)));
        return;
    }
    match topic.subscription(line.outbox.user) {
        Some(visible_from) => {
            let lag = Lag { next: next.max(visible_from), visible_from };
            topic.join(&line.outbox, lag, Begin::Resume(next));
        }
        None => line.outbox.move_on(id, next, None),
    }
}

/// Too far behind: live goes on after what the hub has passed on, so that a going still to come is told; the rest is
/// for history. Who is no member any more is only told so.
fn reset(line: &Arc<Line>, id: ConversationId, lag: Lag, topic: Option<&Arc<Topic>>) {
    let user = line.outbox.user;
    let served = topic.filter(|topic| topic.subscription(user).is_some() || topic.is_reader(&line.outbox));
    let Some(topic) = served else {
        if line.outbox.take_in(id, lag, lag.next, vec![Event::Gone(id)]) == TakenIn::Yes {
            line.outbox.move_on(id, lag.next, None);
        }
        return;
    };
    let head = topic.passed_to(&line.outbox);
    let told = vec![Event::Reset { conversation: id, head }];
    if line.outbox.take_in(id, lag, head.next(), told) == TakenIn::Yes {
        metrics::counter!("chat_sessions_reset").increment(1);
        let visible_from = topic.subscription(user).unwrap_or(Seq::FIRST);
        topic.join(&line.outbox, Lag { next: head.next(), visible_from }, Begin::Resume(head.next()));
    }
}

async fn friends(line: &Arc<Line>, cursor: u64) -> Result<(), ChatError> {
    let (now, events) = friends_since(&line.core, line.outbox.user, cursor).await?;
    let feed = lock(&line.holding.person.feed);
    // As with entries: live from where the feed stands, if nothing was passed on meanwhile.
    line.outbox.take_in_friends(cursor, now, feed.last, events);
    Ok(())
}

async fn receipts(line: &Arc<Line>, id: ConversationId) -> Result<Vec<Event>, ChatError> {
    let core = &line.core;
    let person = &line.holding.person;
    let small =
        core.hub.topic(id).is_some_and(|topic| topic.member_count() <= core.limits.receipt_members_max);
    let memberships = core.store.talk().memberships();
    let rows = if small {
        let most = usize::try_from(core.limits.receipt_members_max).unwrap_or(usize::MAX);
        memberships.list(id, None, most).await?
    } else {
        memberships.of(id, &[line.outbox.user]).await?.into_iter().flatten().collect()
    };
    if !rows.iter().any(|row| row.user == line.outbox.user) {
        return Ok(Vec::new());
    }
    let shown = rows.into_iter().filter(|row| !person.is_blocked_with(row.user));
    let event = |row: crate::conversation::Membership| {
        let receipt = Receipt { read: row.read, delivered: row.delivered };
        Event::Receipt(Shared::new(ReceiptEvent { conversation: id, user: row.user, receipt }))
    };
    Ok(shown.map(event).collect())
}

async fn summary(line: &Arc<Line>, id: ConversationId) -> Result<Vec<Event>, ChatError> {
    let (core, user) = (&line.core, line.outbox.user);
    let mut seats = core.store.talk().memberships().seats(user, SeatQuery::These(&[id])).await?;
    // What is hidden is gone too.
    seats.retain(Seat::is_listed);
    let summary = core.summaries(user, &seats).await?.pop();
    Ok(vec![summary.map_or(Event::Gone(id), |summary| Event::Conversation(Shared::new(summary)))])
}
