//! What a person follows, compared with what he is a member of.

use std::collections::HashSet;
use std::sync::Arc;

use super::hub::{Subscribed, lock};
use super::outbox::{Behind, Lag};
use super::person::Person;
use super::pump;
use super::session::News;
use super::topic::{Served, Topic};
use crate::conversation::Kind;
use crate::engine::{Core, rows};
use crate::error::ChatError;
use crate::event::{Event, Shared};
use crate::id::{ConversationId, Seq};
use crate::page::Limit;
use crate::store::{After, Head, Position};

/// Subscribes somebody who has just come to all his conversations: once for all his sessions.
pub(super) async fn arrive(core: &Arc<Core>, person: &Arc<Person>) -> Result<(), ChatError> {
    // He is known to the hub by now, so that what happens from here on is noted; then it is read where things stand.
    let friendships = core.store.people().friendships();
    let (feed, blocks, positions) = tokio::try_join!(
        friendships.since(person.id, None),
        friendships.blocks(person.id),
        core.store.talk().memberships().positions(person.id),
    )?;
    {
        let mut own = lock(&person.feed);
        own.last = own.last.max(feed.cursor);
    }
    person.set_blocks(blocks);
    let begins: Vec<Begins> = positions.iter().map(Begins::from).collect();
    // Of what is stale nothing was told yet.
    follow(core, person, &begins).await.map(drop)
}

/// Where somebody's view of a conversation begins, as both were read.
pub(super) struct Begins {
    pub(super) served: Served,
    pub(super) visible_from: Seq,
}

impl From<&Position> for Begins {
    fn from(of: &Position) -> Self {
        Self { served: of.into(), visible_from: of.visible_from }
    }
}

/// Serves somebody conversations that he was a member of when they were read.
///
/// They may have gone further since. One that was not served before is read up to where it is; of one that was, the
/// entry by which he went may have been passed on already: he is not served it, and his memberships are read again.
/// Answers those.
async fn follow(
    core: &Arc<Core>,
    person: &Arc<Person>,
    begins: &[Begins],
) -> Result<Vec<ConversationId>, ChatError> {
    let (mut new, mut stale) = (Vec::new(), Vec::new());
    for one in begins {
        match core.hub.subscribe(person, one.served, one.visible_from) {
            Subscribed::New(topic) => new.push(topic),
            Subscribed::Known => {}
            Subscribed::Stale => stale.push(one.served.id),
        }
    }
    if !stale.is_empty() {
        core.hub.memberships_moved(person.id);
    }
    settle_heads(core, &new).await?;
    Ok(stale)
}

/// Serves somebody a conversation that he is told of; where he went since it was read, that is taken back.
pub(super) async fn follow_or_go(
    core: &Arc<Core>,
    person: &Arc<Person>,
    begins: Begins,
) -> Result<(), ChatError> {
    for id in follow(core, person, &[begins]).await? {
        core.hub.gone(id, person.id);
    }
    Ok(())
}

/// Takes somebody off what he is no member of. Of a group one goes by an entry: where that is still to be passed on
/// it only has to be read, and whom it has taken off already has it before him still.
async fn take_off(core: &Arc<Core>, person: &Arc<Person>, gone: &[Arc<Topic>]) -> Result<(), ChatError> {
    let heads = settle_heads(core, gone).await?;
    for (topic, head) in gone.iter().zip(heads) {
        let passed_on = head.is_none_or(|head| topic.last() >= head.head);
        let is_served = topic.subscription(person.id).is_some();
        if is_served && (topic.kind == Kind::Channel || passed_on) {
            core.hub.gone(topic.id, person.id);
        }
    }
    Ok(())
}

/// A conversation that was not served before may have grown between reading its head and serving it.
async fn settle_heads(core: &Arc<Core>, topics: &[Arc<Topic>]) -> Result<Vec<Option<Head>>, ChatError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ConversationId> = topics.iter().map(|topic| topic.id).collect();
    let heads = core.store.talk().log().heads(&ids).await?;
    for (topic, head) in topics.iter().zip(&heads) {
        if let Some(head) = head {
            core.hub.raise(topic, head.head);
        }
    }
    Ok(heads)
}

/// Compares what somebody is served with his memberships, as long as they move and he is here: what is new begins with
/// a summary, what is gone ends.
pub(super) async fn memberships(core: &Arc<Core>, person: &Arc<Person>) {
    while lock(&person.moving).go_on() {
        if let Err(error) = compare(core, person).await {
            tracing::warn!(user = %person.id, error = %error, "memberships cannot be compared, trying again");
            let is_here = core.hub.person(person.id).is_some_and(|here| Arc::ptr_eq(&here, person));
            if !is_here || pump::wait(core).await.is_stopped() {
                return;
            }
            lock(&person.moving).moved = true;
        }
    }
}

pub(super) async fn compare(core: &Arc<Core>, person: &Arc<Person>) -> Result<(), ChatError> {
    let _one_at_a_time = person.refreshing.lock().await;
    // Read first: what is served from here on is newer than the positions.
    let served = person.topics();
    let positions = core.store.talk().memberships().positions(person.id).await?;
    for position in &positions {
        match core.hub.topic(position.conversation).and_then(|topic| topic.subscription(person.id)) {
            None => begin(core, person, position).await?,
            Some(from) if position.kind == Kind::Direct && from < position.visible_from => {
                core.hub.hidden(position.conversation, person.id, position.visible_from);
            }
            Some(_) => {}
        }
    }
    let there: HashSet<ConversationId> = positions.iter().map(|position| position.conversation).collect();
    let gone: Vec<Arc<Topic>> = served.into_iter().filter(|topic| !there.contains(&topic.id)).collect();
    take_off(core, person, &gone).await
}

/// Where somebody's part of a conversation begins that is new to him, for devices that are told by entries: what is
/// between two is his from where he sees it, a group from the entry with which he came.
async fn came_at(
    core: &Arc<Core>,
    person: &Arc<Person>,
    position: &Position,
    head: Seq,
) -> Result<Seq, ChatError> {
    if position.kind == Kind::Direct || !person.has(|outbox| outbox.news == News::Entries) {
        return Ok(position.visible_from);
    }
    let limit = Limit::MAX;
    let after = Seq::new(head.get().saturating_sub(limit.get() as u64)).max(position.visible_from.previous());
    let wanted = [After { conversation: position.conversation, after }];
    let read = core.store.talk().log().entries(&wanted, limit).await?.pop();
    let items = read.map(|read| read.items).unwrap_or_default();
    let came = items.iter().rev().map(|row| rows::entry(position.conversation, row));
    let mut came = came.filter(|entry| rows::comings_and_goings(&entry.what).0.contains(&person.id));
    Ok(came.next().map_or(head.next(), |entry| entry.seq))
}

/// A conversation is new to somebody, outside its log: its summary first, live after the summary's head.
async fn begin(core: &Arc<Core>, person: &Arc<Person>, position: &Position) -> Result<(), ChatError> {
    let id = position.conversation;
    if position.visible_from > position.head {
        return follow(core, person, &[position.into()]).await.map(drop);
    }
    let summary = core.summary(person.id, id).await?;
    let lag = Lag { next: summary.head.next(), visible_from: position.visible_from };
    let came_at = came_at(core, person, position, summary.head).await?;
    let event = Event::Conversation(Shared::new(summary));
    person.each(|outbox| {
        if outbox.news == News::Entries && !outbox.is_held() {
            outbox.start_at(id, Some(Behind::Lagging(Lag { next: came_at, ..lag })));
            return;
        }
        outbox.offer_summary(id, &event);
        // It joins live by itself, once the summary is given out. One that is held is told where to begin.
        if !outbox.is_held() {
            outbox.start_at(id, Some(Behind::Lagging(lag)));
        }
    });
    follow_or_go(core, person, position.into()).await
}
