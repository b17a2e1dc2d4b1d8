//! Coming, going and roles.
//!
//! In a group every coming and going is an entry. In a channel plain members come and go as rows, since a log of a
//! hundred thousand joins serves nobody; whoever takes a right from another there does it in the log all the same.

use super::intent::Intent;
use super::{ActingAs, Core};
use crate::command::{Changed, Done, Member, Summary};
use crate::conversation::{Act, Actor, Conversation, Kind, Membership, Role, permits};
use crate::delivery::Notice;
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, UserId};
use crate::message::ClientId;
use crate::page::{Limit, Page};
use crate::receipt::Receipt;
use crate::store::{Enter, StoreError};
use crate::user::Profile;

/// How often a change of rows is tried anew when rights change at the same time.
const ROUNDS_MAX: usize = 8;

impl Core {
    /// A conversation that is not closed, and this user's row in it: what it is decided by whether he may do something.
    pub(crate) async fn place(
        &self,
        id: ConversationId,
        user: UserId,
    ) -> Result<(Conversation, Option<Membership>), ChatError> {
        let place = self.store.talk().memberships().place(id, user).await?;
        let place = place.filter(|place| !place.conversation.closed).ok_or(Refusal::NotFound)?;
        Ok((place.conversation, place.membership))
    }
}

impl ActingAs {
    /// Becomes a member of an open conversation.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`] for the banned, [`Refusal::TooManyMembers`],
    /// [`Refusal::LimitReached`].
    pub async fn join(
        &self,
        id: ConversationId,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        let (found, row) = self.place(id).await?;
        if row.as_ref().and_then(Membership::role).is_some() {
            return self.done(id, Changed::No).await;
        }
        permits(found.kind, found.settings, self.as_actor(row.as_ref()), Act::Join)?;
        self.check_room(&[self.user]).await?;
        let changed = match found.kind {
            Kind::Channel => self.enter(id, self.user, Act::Join).await?,
            Kind::Direct | Kind::Group => self.commit(id, client_id, Intent::Join).await?.changed,
        };
        self.done(id, changed).await
    }

    /// Stops being a member; a direct conversation is hidden until the next message.
    /// Answers the conversation as it was.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`] for who only reads.
    pub async fn leave(
        &self,
        id: ConversationId,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        let before = self.core.summary(self.user, id).await?;
        match (before.kind, before.role) {
            (_, None) => Err(self.outsider(id).await),
            (Kind::Direct, _) => self.hide(before).await,
            (Kind::Channel, Some(Role::Member | Role::Admin)) => {
                let changed = self.core.store.talk().memberships().exit(id, self.user).await?;
                self.gone(id, self.user);
                Ok(Done { value: Summary { role: None, ..before }, changed: Changed::when(changed) })
            }
            (Kind::Group, _) | (Kind::Channel, Some(Role::Owner)) => {
                let done = self.commit(id, client_id, Intent::Leave).await?;
                let value = Summary { role: None, head: done.conversation.head, ..before };
                Ok(Done { value, changed: done.changed })
            }
        }
    }

    /// Hides a direct conversation from this user alone.
    pub(super) async fn hide(&self, before: Summary) -> Result<Done<Summary>, ChatError> {
        let changed = self.core.store.talk().memberships().hide(before.id, self.user).await?;
        let row = self.core.store.talk().memberships().of(before.id, &[self.user]).await?.pop().flatten();
        if let Some(row) = row {
            self.core.hub.hidden(before.id, self.user, row.visible_from);
        }
        self.core.notifier.notify(&Notice::Memberships(self.user));
        Ok(Done { value: before, changed: Changed::when(changed) })
    }

    /// Makes others members; those who are already are passed over, and it is all of them or none.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::Invalid`] for too many at once or oneself,
    /// [`Refusal::NotFoundAt`], [`Refusal::NotAccepted`], [`Refusal::TooManyMembers`], [`Refusal::LimitReached`].
    pub async fn add(
        &self,
        id: ConversationId,
        mut users: Vec<UserId>,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        if users.is_empty() || users.len() as u64 > self.core.limits.members_per_add_max {
            return Err(Refusal::invalid("/users", "none, or too many at once").into());
        }
        users.sort_unstable();
        users.dedup();
        let (found, row) = self.place(id).await?;
        permits(found.kind, found.settings, self.as_actor(row.as_ref()), Act::Add)?;
        let rows = self.core.store.talk().memberships().of(id, &users).await?;
        let is_new = |row: &Option<Membership>| row.as_ref().and_then(Membership::role).is_none();
        let new: Vec<UserId> =
            users.iter().copied().zip(&rows).filter(|(_, row)| is_new(row)).map(|(user, _)| user).collect();
        self.check_can_be_added(&new, "/users").await?;
        self.check_room(&new).await?;
        let changed = match found.kind {
            Kind::Channel => {
                let mut changed = Changed::No;
                for user in new {
                    if self.enter(id, user, Act::Add).await? == Changed::Yes {
                        changed = Changed::Yes;
                    }
                }
                changed
            }
            Kind::Direct | Kind::Group => self.commit(id, client_id, Intent::Add { users }).await?.changed,
        };
        self.done(id, changed).await
    }

    /// Removes a member; oneself is [`ActingAs::leave`].
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::LastOwner`].
    pub async fn remove(
        &self,
        id: ConversationId,
        user: UserId,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        if user == self.user {
            return self.leave(id, client_id).await;
        }
        let done = self.commit(id, client_id, Intent::Remove { user }).await?;
        self.done(id, done.changed).await
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotFoundAt`] for who is no member, [`Refusal::Forbidden`],
    /// [`Refusal::LastOwner`].
    pub async fn set_role(
        &self,
        id: ConversationId,
        user: UserId,
        role: Role,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        let done = self.commit(id, client_id, Intent::SetRole { user, role }).await?;
        self.done(id, done.changed).await
    }

    /// The members of a conversation, by id.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where one may not read.
    pub async fn members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Page<Member, UserId>, ChatError> {
        let (found, row) = self.place(id).await?;
        permits(found.kind, found.settings, self.as_actor(row.as_ref()), Act::Read)?;
        let rows = self.core.store.talk().memberships().list(id, after, limit.get() + 1).await?;
        let page = Page::cut(rows, limit, |row| row.user);
        let ids: Vec<UserId> = page.items.iter().map(|row| row.user).collect();
        let profiles = self.core.profiles(&ids).await?;
        let with_receipts = found.member_count <= self.core.limits.receipt_members_max;
        let blocks = self.core.store.people().friendships().blocks(self.user).await?;
        let member = |row: Membership| {
            let found = profiles.iter().find(|profile| profile.id == row.user).cloned();
            let shown = with_receipts && !blocks.contains(&row.user);
            Member {
                user: found.unwrap_or_else(|| Profile::new(row.user)),
                role: row.role().unwrap_or(Role::Member),
                since: row.since,
                receipt: shown.then_some(Receipt { read: row.read, delivered: row.delivered }),
            }
        };
        Ok(page.map(member))
    }

    /// A conversation that is not closed, and one's own row in it.
    pub(super) async fn place(
        &self,
        id: ConversationId,
    ) -> Result<(Conversation, Option<Membership>), ChatError> {
        self.core.place(id, self.user).await
    }

    pub(super) fn as_actor(&self, row: Option<&Membership>) -> Actor {
        if self.user.is_system() { Actor::System } else { Actor::Person(row.map(|row| row.standing)) }
    }

    /// Puts somebody's row into a channel, judged at commit.
    async fn enter(&self, id: ConversationId, user: UserId, act: Act) -> Result<Changed, ChatError> {
        for _ in 0..ROUNDS_MAX {
            let (found, row) = self.place(id).await?;
            permits(found.kind, found.settings, self.as_actor(row.as_ref()), act)?;
            let at = self.core.clock.now();
            let enter = Enter { conversation: id, user, role: Role::Member, acl: found.acl, at };
            match self.core.store.talk().memberships().enter(&enter).await {
                Ok(changed) => {
                    self.core.hub.memberships_moved(user);
                    self.core.notifier.notify(&Notice::Memberships(user));
                    return Ok(Changed::when(changed));
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict.into())
    }

    fn gone(&self, id: ConversationId, user: UserId) {
        self.core.hub.gone(id, user);
        // Another device may have come in again since, and have found him served still.
        self.core.hub.memberships_moved(user);
        self.core.notifier.notify(&Notice::Memberships(user));
    }
}
