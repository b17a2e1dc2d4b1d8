//! Following a conversation one may read without being a member.

use std::sync::Arc;

use super::hub::lock;
use super::outbox::Lag;
use super::refresh::{self, Begins, Followed};
use super::session::Line;
use super::topic::{Begin, Served};
use crate::conversation::{Act, Actor, permits};
use crate::engine::Core;
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, Seq};

/// Most conversations one session reads so.
const READING_MAX: usize = 500;

/// Begins to follow; members are subscribed by themselves and only restart their stream.
pub(super) async fn subscribe(
    line: &Arc<Line>,
    id: ConversationId,
    after: Option<Seq>,
) -> Result<Seq, ChatError> {
    let _one_at_a_time = line.syncing.lock().await;
    let core = &line.core;
    let (found, row) = core.place(id, line.outbox.user).await?;
    let actor = Actor::Person(row.as_ref().map(|row| row.standing));
    permits(found.kind, found.settings, actor, Act::Read)?;
    let visible_from = row.as_ref().map_or(Seq::FIRST, |row| row.visible_from);
    let is_member = row.as_ref().is_some_and(|row| row.role().is_some());
    if after.is_some_and(|after| after > found.head) {
        return Err(Refusal::invalid("/after", "above the last position").into());
    }
    if !is_member && !remember(line, id) {
        return Err(Refusal::LimitReached.into());
    }
    let served = Served::from(&found);
    let topic = if is_member {
        if !core.hub.is_member_here(id, line.outbox.user) {
            let begins = Begins { served, visible_from };
            let followed = refresh::begin(core, &line.holding.person, begins, Some(&line.outbox)).await?;
            // Gone, or gone and come again, since it was read.
            (followed == Followed::Yes).then_some(()).ok_or(Refusal::Conflict)?;
        }
        core.hub.topic(id).ok_or(Refusal::NotFound)?
    } else {
        let (topic, new) = core.hub.add_reader(served, &line.outbox);
        settle_head(core, id, new).await?;
        topic
    };
    let next = after.unwrap_or(found.head).next().max(visible_from).max(found.start);
    // No await from here on: the reply is written before the first entry.
    topic.join(&line.outbox, Lag { next, visible_from }, Begin::Anew);
    Ok(found.head)
}

fn remember(line: &Line, id: ConversationId) -> bool {
    let mut reading = lock(&line.reading);
    if reading.len() >= READING_MAX && !reading.contains(&id) {
        return false;
    }
    reading.insert(id);
    true
}

/// A conversation that was not served before may have grown between reading its head and serving it.
async fn settle_head(core: &Core, id: ConversationId, new: bool) -> Result<(), ChatError> {
    if new
        && let Some(head) = core.store.talk().log().heads(&[id]).await?.pop().flatten()
        && let Some(topic) = core.hub.topic(id)
    {
        core.hub.raise(&topic, head.head);
    }
    Ok(())
}

/// Stops following.
pub(super) fn unsubscribe(line: &Arc<Line>, id: ConversationId) {
    if lock(&line.reading).remove(&id)
        && let Some(topic) = line.core.hub.topic(id)
        && topic.remove_reader(&line.outbox)
    {
        line.outbox.forget(id);
        line.core.hub.tidy(&topic);
    }
}
