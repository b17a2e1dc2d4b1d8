//! What a person follows, compared with what he is a member of.

use std::collections::HashSet;
use std::sync::Arc;

use super::hub::{Person, lock};
use super::outbox::{Behind, Lag};
use super::topic::{Served, Topic};
use crate::conversation::Kind;
use crate::engine::Core;
use crate::error::ChatError;
use crate::event::{Event, Shared};
use crate::id::ConversationId;
use crate::store::Position;

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
    let mut new = Vec::new();
    for position in &positions {
        new.extend(core.hub.subscribe(person, position.into(), position.visible_from));
    }
    settle_heads(core, &new).await?;
    Ok(())
}

/// A conversation that was not served before may have grown between reading its head and serving it.
async fn settle_heads(core: &Arc<Core>, new: &[Arc<Topic>]) -> Result<(), ChatError> {
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<ConversationId> = new.iter().map(|topic| topic.id).collect();
    let heads = core.store.talk().log().heads(&ids).await?;
    for (topic, head) in new.iter().zip(heads) {
        if let Some(head) = head {
            core.hub.raise(topic, head.head);
        }
    }
    Ok(())
}

/// Compares what somebody is served with his memberships: what is new begins with a summary, what is gone ends.
pub(super) async fn memberships(core: &Arc<Core>, person: &Arc<Person>) {
    let _one_at_a_time = person.refreshing.lock().await;
    if let Err(error) = compare(core, person).await {
        // The next notice or the next comparison finds it again.
        tracing::warn!(user = %person.id, error = %error, "memberships cannot be compared");
    }
}

async fn compare(core: &Arc<Core>, person: &Arc<Person>) -> Result<(), ChatError> {
    let positions = core.store.talk().memberships().positions(person.id).await?;
    let served = person.topics();
    let known: HashSet<ConversationId> = served.iter().map(|topic| topic.id).collect();
    for position in positions.iter().filter(|position| !known.contains(&position.conversation)) {
        begin(core, person, position).await?;
    }
    let there: HashSet<ConversationId> = positions.iter().map(|position| position.conversation).collect();
    let gone: Vec<&Arc<Topic>> = served.iter().filter(|topic| !there.contains(&topic.id)).collect();
    for topic in &gone {
        if topic.kind == Kind::Channel {
            core.hub.gone(topic.id, person.id);
        }
    }
    // Of a group one goes by an entry: it only has to be passed on.
    let groups: Vec<Arc<Topic>> =
        gone.into_iter().filter(|topic| topic.kind != Kind::Channel).map(Arc::clone).collect();
    settle_heads(core, &groups).await
}

/// A conversation is new to somebody, outside its log: its summary first, live after the summary's head.
async fn begin(core: &Arc<Core>, person: &Arc<Person>, position: &Position) -> Result<(), ChatError> {
    let id = position.conversation;
    if position.visible_from > position.head {
        core.hub.subscribe(person, position.into(), position.visible_from);
        return Ok(());
    }
    let summary = core.summary(person.id, id).await?;
    let lag = Lag { next: summary.head.next(), visible_from: position.visible_from };
    let event = Event::Conversation(Shared::new(summary));
    person.each(|outbox| {
        // It joins live by itself, once the summary is given out.
        if !outbox.is_held() {
            outbox.start_at(id, Some(Behind::Lagging(lag)));
            outbox.offer_summary(id, &event);
        }
    });
    let served = Served::from(position);
    if let Some(topic) = core.hub.subscribe(person, served, position.visible_from) {
        settle_heads(core, &[topic]).await?;
    }
    Ok(())
}
