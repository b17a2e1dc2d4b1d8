//! Resume: what the client has is compared with what there is, completely or with an explicit `reset`.

use std::sync::Arc;

use super::hub::lock;
use super::outbox::Lag;
use super::refresh::{self, Begins};
use super::session::Line;
use super::topic::{Begin, Served};
use crate::command::{FriendsSince, More, Summary, Sync, SyncState, Synced};
use crate::conversation::Seat;
use crate::engine::{ActingAs, Core};
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, Seq};
use crate::page::{Limit, Page};
use crate::store::SeatQuery;

/// Where a conversation's stream begins once everything is read.
struct Start {
    id: ConversationId,
    lag: Lag,
}

/// Answers one part of a `sync`. Everything is read first; then, without an await, the session goes live.
pub(super) async fn sync(line: &Arc<Line>, request: Sync) -> Result<Synced, ChatError> {
    let _one_at_a_time = line.syncing.lock().await;
    let core = &line.core;
    if request.conversations.len() as u64 > core.limits.sync_conversations_max {
        return Err(Refusal::invalid("/conversations", "too many in one part").into());
    }
    let _turn = core.reads.acquire().await.map_err(|_| ChatError::Unavailable(None))?;
    let friends = friends(line, request.friends).await?;
    let mut starts = Vec::new();
    let states = named(line, &request, &mut starts).await?;
    let new = match request.more {
        More::Yes => Page { items: Vec::new(), next: None },
        More::No => unnamed(line, &request, &mut starts).await?,
    };
    // No await from here on: the reply is written before the first event.
    go_live(line, &starts);
    if request.more == More::No && new.next.is_none() {
        line.outbox.release();
        lock(&line.named).clear();
    }
    follow_friends(line, friends.cursor);
    Ok(Synced { friends, conversations: states, new })
}

async fn friends(line: &Arc<Line>, cursor: Option<u64>) -> Result<FriendsSince, ChatError> {
    let user = line.outbox.user;
    let since = line.core.store.people().friendships().since(user, cursor).await?;
    let rows: Vec<_> = since.items.iter().map(|item| item.row).collect();
    let items = ActingAs::of(Arc::clone(&line.core), user).with_profiles(&rows).await?;
    Ok(FriendsSince { cursor: since.cursor, reset: since.reset, items })
}

/// How the conversations that the client names stand.
async fn named(
    line: &Arc<Line>,
    request: &Sync,
    starts: &mut Vec<Start>,
) -> Result<Vec<(ConversationId, SyncState)>, ChatError> {
    let core = &line.core;
    let ids: Vec<ConversationId> = request.conversations.iter().map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let same_epoch = request.epoch.is_none_or(|epoch| epoch == core.meta.epoch);
    let seats = core.store.talk().memberships().seats(line.outbox.user, SeatQuery::These(&ids)).await?;
    // Only what there is: what a client makes up must not pile up here.
    lock(&line.named).extend(seats.iter().map(|seat| seat.conversation.id));
    let mut states = Vec::with_capacity(ids.len());
    for (id, has) in &request.conversations {
        let seat = seats.iter().find(|seat| seat.conversation.id == *id && seat.is_listed());
        let Some(seat) = seat else {
            states.push((*id, SyncState::Gone));
            continue;
        };
        serve(core, line, seat).await?;
        let point = core.sync_point(line.outbox.user, seat);
        let complete = same_epoch && is_complete(seat, *has, core.limits.catch_up_entries_max);
        let next = if complete { has.next() } else { seat.conversation.head.next() };
        let visible_from = seat.membership.visible_from;
        starts.push(Start { id: *id, lag: Lag { next, visible_from } });
        states.push((*id, if complete { SyncState::Complete(point) } else { SyncState::Reset(point) }));
    }
    Ok(states)
}

/// Whether everything after `has` can still be given.
fn is_complete(seat: &Seat, has: Seq, entries_max: u64) -> bool {
    let first = seat.conversation.start.max(seat.membership.visible_from);
    let head = seat.conversation.head;
    has <= head && has.next() >= first && head.get() - has.get() <= entries_max
}

/// Conversations the client has not named: their summaries, and live after their heads.
async fn unnamed(
    line: &Arc<Line>,
    request: &Sync,
    starts: &mut Vec<Start>,
) -> Result<Page<Summary, ConversationId>, ChatError> {
    let core = &line.core;
    let limit = Limit::default();
    let mut after = request.next;
    let mut fresh: Vec<Seat> = Vec::new();
    let next = loop {
        let query = SeatQuery::Listed { after, limit: Limit::MAX };
        let seats = core.store.talk().memberships().seats(line.outbox.user, query).await?;
        let page = Page::cut(seats, Limit::MAX, |seat| seat.conversation.id);
        {
            let named = lock(&line.named);
            fresh.extend(page.items.into_iter().filter(|seat| !named.contains(&seat.conversation.id)));
        }
        if fresh.len() > limit.get() {
            fresh.truncate(limit.get());
            break fresh.last().map(|seat| seat.conversation.id);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break None,
        }
    };
    for seat in &fresh {
        serve(core, line, seat).await?;
        let lag = Lag { next: seat.conversation.head.next(), visible_from: seat.membership.visible_from };
        starts.push(Start { id: seat.conversation.id, lag });
    }
    Ok(Page { items: core.summaries(line.outbox.user, &fresh).await?, next })
}

/// Makes sure that this user is served the conversation, which he nearly always is already.
async fn serve(core: &Arc<Core>, line: &Arc<Line>, seat: &Seat) -> Result<(), ChatError> {
    let id = seat.conversation.id;
    if core.hub.is_member_here(id, line.outbox.user) {
        return Ok(());
    }
    let begin =
        Begins { served: Served::from(&seat.conversation), visible_from: seat.membership.visible_from };
    // Whether he is gone since it was read is looked at when everything is.
    refresh::begin(core, &line.holding.person, begin, Some(&line.outbox)).await.map(drop)
}

fn go_live(line: &Arc<Line>, starts: &[Start]) {
    for start in starts {
        match line.core.hub.topic(start.id).filter(|topic| topic.serves(&line.holding.person)) {
            Some(topic) => {
                topic.join(&line.outbox, start.lag, Begin::Anew);
            }
            // The page tells of it as it was read: that he is gone since is told after it.
            None => line.outbox.is_gone(start.id),
        }
    }
}

/// Follows friendships from `cursor` on: live if nothing was passed on since, else from the store first.
fn follow_friends(line: &Arc<Line>, cursor: u64) {
    let feed = lock(&line.holding.person.feed);
    line.outbox.friends_from(cursor, feed.last);
}
