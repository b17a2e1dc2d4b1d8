//! Passing on: one task per conversation while it has something, one per user for his friendships.

use std::sync::Arc;
use std::time::Duration;

use super::hub::{Subscribed, lock};
use super::person::Person;
use super::topic::{Fanned, Served, Step, Topic};
use crate::engine::{ActingAs, Core, rows};
use crate::event::{Event, FriendshipEvent, Shared};
use crate::id::{Seq, UserId};
use crate::message::Entry;
use crate::page::Limit;
use crate::store::After;

/// How long to wait before a failed read is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Passes a conversation's entries on, in order and without holes, until there are no more.
pub(super) async fn run(core: Arc<Core>, topic: Arc<Topic>) {
    loop {
        match topic.step() {
            Step::Rest => break,
            Step::Fan(entry) => pass_on(&core, &topic, &entry).await,
            Step::Read(after) => {
                let wanted = [After { conversation: topic.id, after }];
                match core.store.talk().log().entries(&wanted, Limit::MAX).await {
                    Ok(read) if read.iter().any(|entries| !entries.items.is_empty()) => {
                        let items = read.into_iter().flat_map(|entries| entries.items);
                        topic.read(items.map(|row| rows::entry(topic.id, &row)).collect());
                    }
                    Ok(_) => {
                        tracing::warn!(conversation = %topic.id, "entries that were told of are not there, trying again");
                        if wait(&core).await.is_stopped() {
                            break;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(conversation = %topic.id, error = %error, "entries cannot be read, trying again");
                        if wait(&core).await.is_stopped() {
                            break;
                        }
                    }
                }
            }
        }
    }
    core.hub.tidy(&topic);
}

async fn pass_on(core: &Arc<Core>, topic: &Arc<Topic>, entry: &Entry) {
    let (arrivals, _) = rows::comings_and_goings(&entry.what);
    if !arrivals.is_empty() {
        admit(core, topic, arrivals, entry.seq).await;
    }
    loop {
        match topic.fan() {
            Fanned::Partly => tokio::task::yield_now().await,
            Fanned::Wholly { departed, dismissed } => {
                for person in departed {
                    core.hub.departed(&person, topic);
                }
                for outbox in dismissed {
                    outbox.forget(topic.id);
                    outbox.offer_summary(topic.id, &Event::Gone(topic.id));
                }
                return;
            }
        }
    }
}

/// Subscribes those who become members by an entry and are here, before it is passed on.
async fn admit(core: &Arc<Core>, topic: &Arc<Topic>, users: &[UserId], seq: Seq) {
    let here: Vec<Arc<Person>> = users.iter().filter_map(|user| core.hub.person(*user)).collect();
    if here.is_empty() {
        return;
    }
    let ids: Vec<UserId> = here.iter().map(|person| person.id).collect();
    let rows = core.store.talk().memberships().of(topic.id, &ids).await.unwrap_or_else(|error| {
        // His own coming he may see in any case.
        tracing::warn!(conversation = %topic.id, error = %error, "new members cannot be read");
        vec![None; ids.len()]
    });
    for (person, row) in here.iter().zip(rows) {
        let visible_from = row.map_or(seq, |row| row.visible_from.min(seq));
        let served = Served { id: topic.id, kind: topic.kind, head: seq, member_count: topic.member_count() };
        if let Subscribed::Stale = core.hub.subscribe(person, served, visible_from) {
            core.hub.memberships_moved(person.id);
        }
    }
}

/// Passes a user's friendships on, in the order of their versions.
pub(super) async fn friends(core: Arc<Core>, person: Arc<Person>) {
    loop {
        let after = {
            let mut feed = lock(&person.feed);
            if !std::mem::take(&mut feed.moved) {
                feed.reading = false;
                return;
            }
            feed.last
        };
        match friends_since(&core, person.id, after).await {
            Ok((cursor, events)) => {
                // Held until all is passed on: who joins live compares with `last`.
                let mut feed = lock(&person.feed);
                let mut before = after;
                for event in events {
                    let version = event.cursor;
                    let event = Shared::new(event);
                    person.each(|outbox| outbox.offer_friend(before, &event));
                    before = version;
                }
                // A full answer may not have been all.
                feed.moved |= cursor > after;
                // Whoever arrived meanwhile may have begun further on; a feed that was restored goes back.
                feed.last = if cursor < after { cursor } else { feed.last.max(cursor) };
            }
            Err(error) => {
                tracing::warn!(user = %person.id, error = %error, "friendships cannot be read, trying again");
                lock(&person.feed).moved = true;
                if wait(&core).await.is_stopped() {
                    return;
                }
            }
        }
    }
}

/// The steps of a user's friendships after `cursor`, ready to be pushed.
pub(super) async fn friends_since(
    core: &Arc<Core>,
    user: UserId,
    cursor: u64,
) -> Result<(u64, Vec<FriendshipEvent>), crate::error::ChatError> {
    let since = core.store.people().friendships().since(user, Some(cursor)).await?;
    let rows: Vec<_> = since.items.iter().map(|item| item.row).collect();
    let friends = ActingAs::of(Arc::clone(core), user).with_profiles(&rows).await?;
    let versions = since.items.iter().map(|item| item.version);
    let events = versions.zip(friends).map(|(cursor, friend)| FriendshipEvent { cursor, friend }).collect();
    Ok((since.cursor, events))
}

/// What a wait ended by.
pub(super) enum Waited {
    Done,
    Stopped,
}

impl Waited {
    pub(super) const fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped)
    }
}

pub(super) async fn wait(core: &Core) -> Waited {
    tokio::select! {
        () = core.clock.sleep(RETRY) => Waited::Done,
        () = core.stop.cancelled() => Waited::Stopped,
    }
}
