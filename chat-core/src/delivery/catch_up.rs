//! What a session fetches itself: the entries it lacks, and the present state of what it was not told.

use std::sync::Arc;

use super::hub::lock;
use super::outbox::{Behind, Chore, Lag};
use super::pump::friends_since;
use super::session::Line;
use super::topic::{Begin, Topic};
use crate::engine::rows;
use crate::error::ChatError;
use crate::event::{Event, ReceiptEvent, Shared};
use crate::id::{ConversationId, Seq};
use crate::message::{Entry, What};
use crate::page::Limit;
use crate::receipt::Receipt;
use crate::store::{After, Entries};

/// How long to wait before a failed read is tried again.
const RETRY: std::time::Duration = std::time::Duration::from_millis(200);

/// Does one chore. What fails is logged and tried again.
pub(super) async fn fetch(line: &Arc<Line>, chore: Chore) -> Vec<Event> {
    let done = match &chore {
        Chore::Entries(lagging) => entries(line, lagging).await,
        Chore::Friends(cursor) => friends(line, *cursor).await,
        Chore::Receipts(id) => receipts(line, *id).await,
        Chore::Summary(id) => summary(line, *id).await,
    };
    match done {
        Ok(events) => events,
        Err(error) => {
            tracing::warn!(user = %line.outbox.user, error = %error, "a session cannot catch up, trying again");
            line.core.clock.sleep(RETRY).await;
            match chore {
                Chore::Receipts(id) => line.outbox.owe_receipts(id),
                Chore::Summary(id) => line.outbox.owe_summary(id),
                Chore::Entries(_) | Chore::Friends(_) => {}
            }
            Vec::new()
        }
    }
}

async fn entries(line: &Arc<Line>, lagging: &[(ConversationId, Lag)]) -> Result<Vec<Event>, ChatError> {
    let wanted: Vec<After> =
        lagging.iter().map(|(id, lag)| After { conversation: *id, after: lag.next.previous() }).collect();
    let read = {
        let _turn = line.core.reads.acquire().await.map_err(|_| ChatError::Unavailable(None))?;
        line.core.store.talk().log().entries(&wanted, Limit::default()).await?
    };
    // No await from here on: a dropped future has changed nothing.
    let mut events = Vec::new();
    for (id, lag) in lagging {
        match read.iter().find(|read| read.conversation == *id) {
            Some(read) => page(line, *id, *lag, read, &mut events),
            None => line.outbox.move_on(*id, None),
        }
    }
    Ok(events)
}

/// Passes one page of a conversation on, and joins live when that was the last.
///
/// A conversation that this node serves to nobody any more is read all the same: its session went while it lagged, and
/// gets everything up to its own going.
fn page(line: &Arc<Line>, id: ConversationId, lag: Lag, read: &Entries, events: &mut Vec<Event>) {
    let topic = line.core.hub.topic(id);
    let missing = read.head.get().saturating_sub(lag.next.previous().get());
    if lag.next < read.start || missing > line.core.limits.catch_up_entries_max {
        reset(line, id, topic.as_ref(), read.head, events);
        return;
    }
    let mut next = lag.next;
    for row in &read.items {
        let entry = rows::entry(id, row);
        next = entry.seq.next();
        let ends = ends_for(line, &entry);
        let shown = rows::seen_from(entry, lag.visible_from);
        events.push(Event::Entry(Shared::new(shown)));
        if ends {
            part(line, id, topic.as_ref(), next);
            return;
        }
    }
    let lag = Lag { next, ..lag };
    match topic {
        _ if next <= read.head => line.outbox.move_on(id, Some(Behind::Lagging(lag))),
        Some(topic) => {
            topic.join(&line.outbox, lag, Begin::Resume);
        }
        None => line.outbox.move_on(id, None),
    }
}

/// Whether this entry ends what its session may see.
fn ends_for(line: &Line, entry: &Entry) -> bool {
    let (_, gone) = rows::comings_and_goings(&entry.what);
    gone.contains(&line.outbox.user) || entry.what == What::Closed
}

/// The user went by the entry before `next`. If he has come back since, his stream goes on where his view begins.
fn part(line: &Arc<Line>, id: ConversationId, topic: Option<&Arc<Topic>>, next: Seq) {
    let Some(topic) = topic else {
        line.outbox.move_on(id, None);
        return;
    };
    if topic.passed_to(&line.outbox) < next.previous() {
        // The hub is not there yet: when it is, it will take him off, and must not tell him twice.
        line.outbox.move_on(id, Some(Behind::Ahead(next)));
        return;
    }
    match topic.subscription(line.outbox.user) {
        Some(visible_from) => {
            let lag = Lag { next: next.max(visible_from), visible_from };
            topic.join(&line.outbox, lag, Begin::Resume);
        }
        None => line.outbox.move_on(id, None),
    }
}

/// Too far behind: live goes on after the head, the rest is for history. Who is no member any more is only told so.
fn reset(
    line: &Arc<Line>,
    id: ConversationId,
    topic: Option<&Arc<Topic>>,
    head: Seq,
    events: &mut Vec<Event>,
) {
    let user = line.outbox.user;
    let served = topic.filter(|topic| topic.subscription(user).is_some() || topic.is_reader(&line.outbox));
    let Some(topic) = served else {
        line.outbox.move_on(id, None);
        events.push(Event::Gone(id));
        return;
    };
    metrics::counter!("chat_sessions_reset").increment(1);
    events.push(Event::Reset { conversation: id, head });
    let visible_from = topic.subscription(user).unwrap_or(Seq::new(1));
    topic.join(&line.outbox, Lag { next: head.next(), visible_from }, Begin::Resume);
}

async fn friends(line: &Arc<Line>, cursor: u64) -> Result<Vec<Event>, ChatError> {
    let (now, events) = friends_since(&line.core, line.outbox.user, cursor).await?;
    let feed = lock(&line.holding.person.feed);
    // As with entries: live from where the feed stands, if nothing was passed on meanwhile.
    line.outbox.friends_from((feed.last > now).then_some(now));
    drop(feed);
    Ok(events.into_iter().map(|event| Event::Friendship(Shared::new(event))).collect())
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
    match line.core.summary(line.outbox.user, id).await {
        Ok(summary) if summary.role.is_some() => Ok(vec![Event::Conversation(Shared::new(summary))]),
        Ok(_) | Err(ChatError::Refused(_)) => Ok(vec![Event::Gone(id)]),
        Err(error) => Err(error),
    }
}
