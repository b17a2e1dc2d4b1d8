//! What a person follows, compared with what he is a member of.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::hub::{Subscribed, lock};
use super::introduction::{Introduction, Looks};
use super::outbox::Outbox;
use super::person::Person;
use super::pump;
use super::session::News;
use super::topic::{Served, TakenOff, Topic};
use crate::conversation::Kind;
use crate::engine::{Core, rows};
use crate::error::{ChatError, Refusal};
use crate::event::{Event, Shared};
use crate::id::{ConversationId, Seq};
use crate::page::Limit;
use crate::store::{After, Head, Position};

/// Subscribes somebody who has just come to all his conversations: once for all his sessions.
pub(super) async fn arrive(core: &Arc<Core>, person: &Arc<Person>) -> Result<(), ChatError> {
    // What ends meanwhile is compared after it.
    let _one_at_a_time = person.refreshing.lock().await;
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
    follow(core, person, &begins).await
}

/// Where somebody's view of a conversation begins, as both were read.
#[derive(Clone, Copy)]
pub(super) struct Begins {
    pub(super) served: Served,
    pub(super) visible_from: Seq,
}

impl From<&Position> for Begins {
    fn from(of: &Position) -> Self {
        Self { served: of.into(), visible_from: of.visible_from }
    }
}

/// Whether somebody is served.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    Yes,
    /// He may have gone since it was read; his memberships are read again.
    Stale,
}

/// Serves somebody conversations that he was a member of when they were read, of which none of his sessions has to be
/// told.
///
/// They may have gone further since. One that was not served before is read up to where it is; of one that was, the
/// entry by which he went may have been passed on already: he is not served it, and his memberships are read again.
async fn follow(core: &Arc<Core>, person: &Arc<Person>, begins: &[Begins]) -> Result<(), ChatError> {
    let (mut new, mut is_stale) = (Vec::new(), false);
    for one in begins {
        match core.hub.subscribe(person, one.served, one.visible_from) {
            Subscribed::New(topic) => new.push(topic),
            Subscribed::Known => {}
            Subscribed::Stale => is_stale = true,
        }
    }
    if is_stale {
        core.hub.memberships_moved(person.id);
    }
    settled(core, new).await
}

/// Waits until conversations have settled that have come to be served; it is done though nobody waits any more.
async fn settled(core: &Arc<Core>, topics: Vec<Arc<Topic>>) -> Result<(), ChatError> {
    if topics.is_empty() {
        return Ok(());
    }
    core.hub.settle(topics).await.unwrap_or(Ok(()))
}

/// Takes somebody off what he was no member of when he had come to be served something so often.
async fn take_off(
    core: &Arc<Core>,
    person: &Arc<Person>,
    gone: &[Arc<Topic>],
    arrivals: u64,
) -> Result<(), ChatError> {
    let heads = read_heads(core, gone).await?;
    for (topic, head) in gone.iter().zip(heads) {
        match topic.take_off(person, arrivals, head.map(|head| head.head)) {
            TakenOff::Yes => core.hub.departed(person, topic),
            TakenOff::No => {}
            TakenOff::Unsure => core.hub.memberships_moved(person.id),
        }
    }
    Ok(())
}

/// A conversation that was not served before may have grown between reading its head and serving it.
async fn read_heads(core: &Arc<Core>, topics: &[Arc<Topic>]) -> Result<Vec<Option<Head>>, ChatError> {
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

/// The same, until it is done; what came of the first attempt is told.
pub(super) async fn settle(
    core: &Arc<Core>,
    topics: &[Arc<Topic>],
    tried: oneshot::Sender<Result<(), ChatError>>,
) {
    let (mut tried, mut topics) = (Some(tried), topics.to_vec());
    loop {
        let outcome = read_heads(core, &topics).await.map(drop);
        let is_done = outcome.is_ok();
        if let Some(tried) = tried.take() {
            // Nobody may wait for it any more.
            let _ = tried.send(outcome);
        }
        if is_done || pump::wait(core).await.is_stopped() {
            return;
        }
        // Of those that nobody is served any more it need not be known.
        topics.retain(|topic| core.hub.topic(topic.id).is_some_and(|served| Arc::ptr_eq(&served, topic)));
        if topics.is_empty() {
            return;
        }
    }
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
    let (served, arrivals) = (person.topics(), person.arrivals());
    let positions = core.store.talk().memberships().positions(person.id).await?;
    let there: HashSet<ConversationId> = positions.iter().map(|position| position.conversation).collect();
    let gone: Vec<Arc<Topic>> = served.into_iter().filter(|topic| !there.contains(&topic.id)).collect();
    let mut outcome = take_off(core, person, &gone, arrivals).await;
    for position in &positions {
        match core.hub.topic(position.conversation).and_then(|topic| topic.subscription(person.id)) {
            // One that cannot be read keeps no other from being followed.
            None => outcome = begin(core, person, position.into(), None).await.map(drop).and(outcome),
            Some(from) if position.kind == Kind::Direct && from < position.visible_from => {
                core.hub.hidden(position.conversation, person.id, position.visible_from);
            }
            Some(_) => {}
        }
    }
    outcome
}

/// Where somebody's part of a conversation begins that is new to him, for devices that are told by entries: what is
/// between two is his from where he sees it, a group from the entry with which he came.
async fn came_at(
    core: &Arc<Core>,
    person: &Arc<Person>,
    Begins { served, visible_from }: Begins,
    head: Seq,
) -> Result<Seq, ChatError> {
    if served.kind == Kind::Direct {
        return Ok(visible_from);
    }
    if !person.has(|outbox| outbox.news == News::Entries) {
        return Ok(head.next());
    }
    let limit = Limit::MAX;
    let after = Seq::new(head.get().saturating_sub(limit.get() as u64)).max(visible_from.previous());
    let wanted = [After { conversation: served.id, after }];
    let read = core.store.talk().log().entries(&wanted, limit).await?.pop();
    let items = read.map(|read| read.items).unwrap_or_default();
    let came = items.iter().rev().map(|row| rows::entry(served.id, row));
    let mut came = came.filter(|entry| rows::comings_and_goings(&entry.what).0.contains(&person.id));
    Ok(came.next().map_or(head.next(), |entry| entry.seq))
}

/// A conversation is new to somebody, outside its log: his sessions are told of it as it is now, and follow it from
/// there. Not the one that knows already, if there is such.
pub(super) async fn begin(
    core: &Arc<Core>,
    person: &Arc<Person>,
    begins: Begins,
    except: Option<&Arc<Outbox>>,
) -> Result<Followed, ChatError> {
    let Begins { served, visible_from } = begins;
    let is_told = person.has(|outbox| !except.is_some_and(|except| Arc::ptr_eq(except, outbox)));
    let with = |looks| Introduction { visible_from, looks, except };
    let subscribed = if visible_from > served.head {
        core.hub.introduce(person, served, &with(Looks::Empty))
    } else if !is_told {
        core.hub.introduce(person, served, &with(Looks::Unread))
    } else {
        match core.summary(person.id, served.id).await {
            Ok(summary) if summary.role.is_some() => {
                let head = summary.head;
                let came_at = came_at(core, person, begins, head).await?;
                let summary = &Event::Conversation(Shared::new(summary));
                core.hub.introduce(person, served, &with(Looks::Like { summary, head, came_at }))
            }
            Ok(_) => Subscribed::Stale,
            Err(error) if error.refusal() == Some(Refusal::NotFound) => Subscribed::Stale,
            Err(error) => return Err(error),
        }
    };
    // From a channel one goes without an entry: who went since it was read is found by reading again.
    if subscribed.is_stale() || (served.kind == Kind::Channel && except.is_some()) {
        core.hub.memberships_moved(person.id);
    }
    match subscribed {
        Subscribed::New(topic) => settled(core, vec![topic]).await?,
        Subscribed::Known => {}
        Subscribed::Stale => return Ok(Followed::Stale),
    }
    Ok(Followed::Yes)
}
