//! Conversations as their members see them in a list.

use super::{ActingAs, Core, rows};
use crate::command::{Peer, Standpoint, Summary, SyncPoint};
use crate::conversation::{Conversation, Kind, Membership, Seat, Standing};
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, UserId};
use crate::message::{Message, Metadata};
use crate::page::{Limit, Page};
use crate::receipt::Receipt;
use crate::store::SeatQuery;
use crate::user::Profile;

impl ActingAs {
    /// One's conversations, by id.
    ///
    /// # Errors
    /// Any failure of the store or the directory.
    pub async fn conversations(
        &self,
        after: Option<ConversationId>,
        limit: Limit,
    ) -> Result<Page<Summary, ConversationId>, ChatError> {
        let query = SeatQuery::Listed { after, limit };
        let seats = self.core.store.talk().memberships().seats(self.user, query).await?;
        let page = Page::cut(seats, limit, |seat| seat.conversation.id);
        Ok(Page { items: self.core.summaries(self.user, &page.items).await?, next: page.next })
    }

    /// One conversation, as a member or as somebody who may read it or join it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn conversation(&self, id: ConversationId) -> Result<Summary, ChatError> {
        self.core.summary(self.user, id).await
    }
}

impl Core {
    /// How one user sees one conversation.
    pub(crate) async fn summary(&self, user: UserId, id: ConversationId) -> Result<Summary, ChatError> {
        let seat = self.store.talk().memberships().seats(user, SeatQuery::These(&[id])).await?.pop();
        match seat {
            Some(seat) if seat.membership.role().is_some() && !seat.conversation.closed => {
                let mut all = self.summaries(user, &[seat]).await?;
                Ok(all.pop().ok_or(Refusal::NotFound)?)
            }
            Some(seat) if seat.membership.standing == Standing::Banned => Err(Refusal::NotFound.into()),
            _ => self.outside(user, id).await,
        }
    }

    /// What somebody sees who has no seat: a readable one with its last message, an open one without content.
    async fn outside(&self, user: UserId, id: ConversationId) -> Result<Summary, ChatError> {
        use crate::conversation::{Join, Read};
        let found = self.store.talk().conversations().load(&[id]).await?.pop().flatten();
        let found = found.filter(|found| !found.closed).ok_or(Refusal::NotFound)?;
        let readable = found.kind != Kind::Direct && found.settings.read == Read::Anyone;
        let open = found.kind != Kind::Direct && found.settings.join == Join::Open;
        if !readable && !open && !user.is_system() {
            return Err(Refusal::NotFound.into());
        }
        let last = if readable || user.is_system() {
            self.last_messages(&[id]).await?.pop().flatten()
        } else {
            None
        };
        let standpoint = Standpoint { receipt: Receipt::default(), unread: 0 };
        let mut summary = summary(&found, None, standpoint, last, None);
        if !readable && !user.is_system() {
            summary.metadata = None;
        }
        Ok(summary)
    }

    /// How one user sees these seats of his.
    pub(crate) async fn summaries(&self, user: UserId, seats: &[Seat]) -> Result<Vec<Summary>, ChatError> {
        let ids: Vec<ConversationId> = seats.iter().map(|seat| seat.conversation.id).collect();
        let others: Vec<UserId> =
            seats.iter().filter_map(|seat| seat.conversation.pair?.other(user)).collect();
        let (last, profiles) = tokio::try_join!(self.last_messages(&ids), self.profiles(&others))?;
        let build = |(seat, last): (&Seat, Option<Message>)| {
            let other = seat.conversation.pair.and_then(|pair| pair.other(user));
            let with = other.map(|other| {
                let found = profiles.iter().find(|profile| profile.id == other).cloned();
                found.unwrap_or_else(|| Profile::new(other))
            });
            let visible = last.filter(|message| message.seq >= seat.membership.visible_from);
            summary(&seat.conversation, Some(&seat.membership), standpoint(seat), visible, with)
        };
        Ok(seats.iter().zip(last).map(build).collect())
    }

    async fn last_messages(&self, ids: &[ConversationId]) -> Result<Vec<Option<Message>>, ChatError> {
        let last = self.store.talk().log().last(ids).await?;
        Ok(ids.iter().zip(last).map(|(id, row)| row.and_then(|row| rows::message(*id, &row))).collect())
    }

    /// Where a user stands in a conversation, for a resume. Across a block the other's receipts are not shown.
    pub(crate) fn sync_point(&self, user: UserId, seat: &Seat) -> SyncPoint {
        let other = seat.conversation.pair.and_then(|pair| pair.other(user));
        let peer = other.zip(seat.peer).filter(|(other, _)| !self.hub.is_blocked(user, *other));
        SyncPoint {
            head: seat.conversation.head,
            standpoint: standpoint(seat),
            peer: peer.map(|(user, receipt)| Peer { user, receipt }),
        }
    }
}

fn standpoint(seat: &Seat) -> Standpoint {
    let receipt = Receipt { read: seat.membership.read, delivered: seat.membership.delivered };
    Standpoint { receipt, unread: seat.unread }
}

fn summary(
    conversation: &Conversation,
    membership: Option<&Membership>,
    standpoint: Standpoint,
    last_message: Option<Message>,
    with: Option<Profile>,
) -> Summary {
    Summary {
        id: conversation.id,
        kind: conversation.kind,
        name: conversation.name.clone(),
        picture: conversation.picture.clone(),
        with,
        role: membership.and_then(Membership::role),
        head: conversation.head,
        standpoint,
        last_message,
        member_count: conversation.member_count,
        created_at: conversation.created_at,
        metadata: conversation.metadata.as_deref().and_then(Metadata::from_json),
        settings: conversation.settings,
    }
}
