//! Rows that change without an entry: who enters and leaves a channel, and who hides a conversation.
//!
//! The change of the row stands in the conversation's document until it is done, with the counters it goes with, in
//! one compare and swap.

use chat_core::conversation::{Conversation, History, Kind, Membership, Standing};
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::store::plan::{Kept, Record};
use chat_core::store::{Enter, StoreError};
use chat_core::time::Timestamp;
use mongodb::bson::doc;

use crate::database::Table;
use crate::document::{Move, Room};
use crate::error::{Done, Failure};
use crate::log::change;
use crate::store::MongoStore;

/// How often somebody else may come first.
const ROUNDS_MAX: u32 = 64;

/// One user in one conversation, about to move.
pub(super) struct At {
    room: Room,
    row: Option<Membership>,
    user: UserId,
}

/// What becomes of it, and what is answered.
pub(super) struct Shift {
    /// The conversation afterwards; absent where nothing changes.
    next: Option<Room>,
    answer: bool,
}

impl Shift {
    const NOTHING: Self = Self { next: None, answer: false };
}

impl At {
    pub(super) fn enter(&self, enter: &Enter) -> Result<Shift, StoreError> {
        let now = self.room.now();
        if now.closed || now.acl != enter.acl {
            return Err(StoreError::Conflict);
        }
        match self.row.as_ref().map(|row| row.standing) {
            Some(Standing::Banned) => return Err(StoreError::Conflict),
            Some(Standing::Member(_)) => return Ok(Shift::NOTHING),
            None => {}
        }
        let visible_from = match now.settings.history {
            History::All => Seq::new(1),
            History::FromJoin => now.head.next(),
        };
        let mut row =
            Membership::new(now.id, self.user, Standing::Member(enter.role), visible_from, enter.at);
        (row.read, row.read_n, row.delivered) = (now.head, now.n, now.head);
        let mut next = self.moved(Some(row));
        next.kept.conversation.member_count += 1;
        Ok(Shift { next: Some(next), answer: true })
    }

    pub(super) fn exit(&self) -> Shift {
        if self.row.as_ref().and_then(Membership::role).is_none() {
            return Shift::NOTHING;
        }
        let mut next = self.moved(None);
        let now = &mut next.kept.conversation;
        now.member_count = now.member_count.saturating_sub(1);
        now.acl += 1;
        Shift { next: Some(next), answer: true }
    }

    pub(super) fn hide(&self) -> Shift {
        let Some(mut row) = self.row.clone().filter(|row| row.role().is_some()) else {
            return Shift::NOTHING;
        };
        let now = self.room.now();
        let answer = row.visible_from <= now.head;
        row.visible_from = now.head.next();
        (row.read, row.read_n, row.delivered) = (now.head, now.n, now.head);
        Shift { next: Some(self.moved(Some(row))), answer }
    }

    /// The conversation with this user's row on its way to something else.
    fn moved(&self, row: Option<Membership>) -> Room {
        let mut next = self.room.clone();
        next.version += 1;
        next.moves.push(Move { user: self.user, version: next.version, row });
        next
    }
}

impl MongoStore {
    /// Moves a user as `decide` says, from what is so at that moment.
    pub(super) async fn shift(
        &self,
        id: ConversationId,
        user: UserId,
        decide: impl Fn(&At) -> Result<Shift, StoreError>,
    ) -> Done<bool> {
        for _ in 0..ROUNDS_MAX {
            let room = self.settled(id).await?;
            let Some(room) = room else {
                let nowhere = At { room: nowhere(id), row: None, user };
                return Ok(decide(&nowhere)?.answer);
            };
            let row = self.member_rows(id, &[user]).await?.remove(&user).and_then(|row| row.membership);
            let at = At { room, row, user };
            let Shift { next, answer } = decide(&at)?;
            let Some(next) = next else { return Ok(answer) };
            let filter = doc! { "_id": self.keys().conversation(id), "version": at.room.version };
            let update = change(self, &at.room, &next, Record::Same);
            if self.database().swap(Table::Conversations, filter, update).await? {
                self.follow(next).await.map_err(Failure::after_commit)?;
                return Ok(answer);
            }
        }
        Err(StoreError::Conflict.into())
    }
}

/// What stands for a conversation that is not there: it is closed.
fn nowhere(id: ConversationId) -> Room {
    let mut now = Conversation::shell(id, Kind::Channel, Timestamp::default());
    now.closed = true;
    let kept = Kept { conversation: now, last_message: Seq::ZERO };
    Room { kept, version: 0, flushed: Seq::ZERO, tail: Vec::new(), moves: Vec::new() }
}
