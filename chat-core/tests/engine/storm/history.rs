//! What happened, as everybody was told, and whether it is what the store says.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::id::EntryId;
use chat_core::{Chat, ClientId, ConversationId, Entry, Limit, Seq, UserId, What};

use super::random::Random;

/// A position of a conversation.
type Place = (ConversationId, Seq);

/// An acknowledged message: when it was begun and acknowledged, who said it under which id, and where it stands.
#[derive(Debug)]
struct Ack {
    began: u64,
    acked: u64,
    by: UserId,
    client_id: ClientId,
    place: Place,
}

/// Everything that somebody was told.
#[derive(Debug, Default)]
pub(super) struct History {
    now: u64,
    acks: Vec<Ack>,
    /// Which entry stands where, as it was pushed.
    pushed: BTreeMap<Place, EntryId>,
    /// To whom.
    seen: BTreeSet<(UserId, Place)>,
    /// The text of each state of each message.
    texts: BTreeMap<(Place, Seq), Option<String>>,
    /// How often something was.
    count: u64,
}

impl History {
    /// A moment, later than all before.
    pub(super) fn now(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    pub(super) fn acked(&mut self, began: u64, by: UserId, client_id: ClientId, place: Place) {
        let acked = self.now();
        self.acks.push(Ack { began, acked, by, client_id, place });
    }

    pub(super) fn some_ack(&self, random: &mut Random) -> Option<(UserId, ClientId, Place)> {
        if self.acks.is_empty() {
            return None;
        }
        let ack = &self.acks[random.below(self.acks.len())];
        Some((ack.by, ack.client_id.clone(), ack.place))
    }

    pub(super) const fn pushed(&self) -> u64 {
        self.count
    }

    /// An entry was pushed: the same as to everybody else.
    pub(super) fn was_pushed(&mut self, to: UserId, entry: &Entry) {
        let place = (entry.conversation, entry.seq);
        self.count += 1;
        self.seen.insert((to, place));
        assert_eq!(*self.pushed.entry(place).or_insert(entry.id), entry.id, "one entry at {place:?}");
        if let What::Message(message) | What::Edited(message) | What::Deleted(message) = &entry.what {
            let state = ((message.conversation, message.seq), message.rev);
            let text = message.text().map(str::to_owned);
            let known = self.texts.entry(state).or_insert_with(|| text.clone());
            assert_eq!(*known, text, "one content of one state of {:?}", state.0);
        }
    }

    /// Compares all of it with what a node reads in the store.
    pub(super) async fn judge(&self, chat: &Chat, places: &[ConversationId]) {
        for place in places {
            let rows = entries(chat, *place).await;
            self.judge_acks(*place, &rows);
            for ((_, seq), id) in self.pushed.iter().filter(|((of, _), _)| of == place) {
                assert_eq!(
                    rows[usize::try_from(seq.get()).unwrap() - 1].id,
                    *id,
                    "what was pushed is what is stored"
                );
            }
            self.judge_rights(*place, &rows);
        }
    }

    /// What was acknowledged stands once where it was said to stand, and what came later stands behind it.
    fn judge_acks(&self, place: ConversationId, rows: &[Entry]) {
        let acks: Vec<&Ack> = self.acks.iter().filter(|ack| ack.place.0 == place).collect();
        for ack in &acks {
            let stored: Vec<Seq> = rows
                .iter()
                .filter(|row| (row.by, &row.client_id) == (Some(ack.by), &ack.client_id))
                .map(|row| row.seq)
                .collect();
            assert_eq!(stored, [ack.place.1], "{:?} of {:?}", ack.client_id, ack.by);
        }
        for first in &acks {
            let late = acks.iter().filter(|second| second.began > first.acked);
            for second in late {
                assert!(second.place.1 > first.place.1, "{first:?} before {second:?}");
            }
        }
    }

    /// Who was removed at a position has seen nothing between that and the position at which he joined again.
    fn judge_rights(&self, place: ConversationId, rows: &[Entry]) {
        let mut out: BTreeMap<UserId, Seq> = BTreeMap::new();
        let hidden = |user: UserId, from: Seq, to: Seq| {
            let seen = self
                .seen
                .iter()
                .filter(|(who, (of, seq))| *who == user && *of == place && *seq > from && *seq < to);
            assert_eq!(seen.count(), 0, "{user:?} was out from {from} to {to}");
        };
        for row in rows {
            match &row.what {
                What::Removed { users } => out.extend(users.iter().map(|user| (*user, row.seq))),
                // With the history: what was said meanwhile may be read, but is not pushed as news.
                What::Joined { users } => {
                    for user in users {
                        if let Some(from) = out.remove(user) {
                            hidden(*user, from, row.seq);
                        }
                    }
                }
                _ => {}
            }
        }
        for (user, from) in out {
            hidden(user, from, Seq::MAX);
        }
    }
}

/// All entries, dense from the first to the head.
async fn entries(chat: &Chat, conversation: ConversationId) -> Vec<Entry> {
    let system = chat.system().actor();
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map_or(Seq::ZERO, |entry| entry.seq);
        let page = system.entries(conversation, after, Limit::MAX).await.unwrap();
        all.extend(page.items);
        if all.len() as u64 >= page.head.get() {
            assert!(all.iter().map(|entry| entry.seq.get()).eq(1..=page.head.get()), "dense");
            return all;
        }
    }
}
