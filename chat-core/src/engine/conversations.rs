//! Making conversations, changing their appearance, ending them.

use super::intent::Intent;
use super::policies::{By, From as Accepts};
use super::{ActingAs, check_name};
use crate::command::{Changed, Done, NewConversation, Summary, Update};
use crate::conversation::{Kind, Settings};
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, Pair, UserId};
use crate::message::{ClientId, Metadata, Patch};
use crate::store::Shell;

impl ActingAs {
    /// Makes a group or channel; a repeat with the same `client_id` answers the same one.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a bad name or too few members, [`Refusal::NotFoundAt`] for members that do not exist,
    /// [`Refusal::NotAccepted`] for members who do not take that from this user, [`Refusal::TooManyMembers`],
    /// [`Refusal::LimitReached`], [`Refusal::ClientIdReused`].
    pub async fn create(&self, mut new: NewConversation) -> Result<Done<Summary>, ChatError> {
        self.check_new(&mut new)?;
        let id = ConversationId::created(self.core.store.tenant(), self.user, new.client_id.as_str());
        let conversations = self.core.store.talk().conversations();
        let made = conversations.load(&[id]).await?.pop().flatten().is_some_and(|found| found.head.get() > 0);
        if !made {
            self.check_can_hold(&new).await?;
            let shell = Shell {
                id,
                kind: new.kind,
                pair: None,
                creator: Some(self.user),
                settings: new.settings(),
                at: self.core.clock.now(),
            };
            if conversations.ensure(&shell).await?.kind != new.kind {
                return Err(Refusal::ClientIdReused.into());
            }
        }
        let client_id = new.client_id.clone();
        let done = self.commit(id, Some(client_id), Intent::Create(Box::new(new))).await?;
        self.done(id, done.changed).await
    }

    fn check_new(&self, new: &mut NewConversation) -> Result<(), Refusal> {
        let limits = &self.core.limits;
        check_appearance(new.name.as_deref(), new.picture.as_deref(), new.metadata.as_ref(), limits)?;
        new.members.retain(|user| *user != self.user && !user.is_system());
        new.members.sort_unstable();
        new.members.dedup();
        match new.kind {
            Kind::Direct => return Err(Refusal::invalid("/kind", "a direct conversation is not made so")),
            Kind::Group => {
                let people = new.members.len() as u64 + 1;
                if people < limits.group_members_min {
                    return Err(Refusal::invalid("/members", "a group needs more people"));
                }
                if people > limits.group_members_max {
                    return Err(Refusal::TooManyMembers);
                }
            }
            Kind::Channel if !new.members.is_empty() => {
                return Err(Refusal::invalid("/members", "a channel is made without members"));
            }
            Kind::Channel if self.core.policies.channel_create == By::System && !self.user.is_system() => {
                return Err(Refusal::Forbidden);
            }
            Kind::Channel => {}
        }
        Ok(())
    }

    async fn check_can_hold(&self, new: &NewConversation) -> Result<(), ChatError> {
        self.check_can_be_added(&new.members, "/members").await?;
        self.check_room(&[&[self.user], new.members.as_slice()].concat()).await
    }

    /// Whether these people exist and let this user put them into a group.
    pub(super) async fn check_can_be_added(
        &self,
        users: &[UserId],
        field: &'static str,
    ) -> Result<(), ChatError> {
        if users.is_empty() {
            return Ok(());
        }
        if self.core.profiles(users).await?.len() < users.len() {
            return Err(Refusal::NotFoundAt { field }.into());
        }
        if self.user.is_system() {
            return Ok(());
        }
        let pairs: Result<Vec<Pair>, _> = users.iter().map(|&user| Pair::new(self.user, user)).collect();
        let records = self.core.store.people().friendships().of(&pairs?).await?;
        let friends_only = self.core.policies.group == Accepts::Friends;
        let accepted = records.iter().all(|record| {
            let friendship = record.map(|record| record.friendship).unwrap_or_default();
            !friendship.is_blocked() && (!friends_only || friendship.is_friends())
        });
        if accepted { Ok(()) } else { Err(Refusal::NotAccepted { field }.into()) }
    }

    /// Whether each of these may be in one conversation more.
    pub(super) async fn check_room(&self, users: &[UserId]) -> Result<(), ChatError> {
        let people: Vec<UserId> = users.iter().copied().filter(|user| !user.is_system()).collect();
        let counts = self.core.store.talk().memberships().counts(&people).await?;
        let most = self.core.limits.conversations_per_user_max;
        if counts.iter().any(|&count| count >= most) { Err(Refusal::LimitReached.into()) } else { Ok(()) }
    }

    /// The direct conversation with somebody, made when it is not there: as a summary it can be opened from.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for oneself, [`Refusal::NotFound`] for nobody, [`Refusal::NotAccepted`].
    pub async fn direct(&self, user: UserId) -> Result<Done<Summary>, ChatError> {
        let pair = Pair::new(self.user, user)?;
        let id = ConversationId::direct(self.core.store.tenant(), pair);
        let conversations = self.core.store.talk().conversations();
        if conversations.load(&[id]).await?.pop().flatten().is_some() {
            return self.done(id, Changed::No).await;
        }
        if self.core.profiles(&[user]).await?.is_empty() {
            return Err(Refusal::NotFound.into());
        }
        let record = self.core.store.people().friendships().of(&[pair]).await?.pop().flatten();
        let friendship = record.map(|record| record.friendship).unwrap_or_default();
        let friends_only = self.core.policies.direct == Accepts::Friends;
        if friendship.is_blocked() || (friends_only && !friendship.is_friends()) {
            return Err(Refusal::NotAccepted { field: "" }.into());
        }
        let settings = Settings::of(Kind::Direct);
        let at = self.core.clock.now();
        let shell = Shell { id, kind: Kind::Direct, pair: Some(pair), creator: None, settings, at };
        let made = conversations.ensure(&shell).await?;
        self.core.hub.expect_members(&made, &pair.both());
        self.done(id, Changed::Yes).await
    }

    /// Changes name, picture, metadata or settings.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::Invalid`].
    pub async fn update(
        &self,
        id: ConversationId,
        update: Update,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        let set =
            |patch: &Patch<String>| if let Patch::Set(text) = patch { Some(text.clone()) } else { None };
        let metadata = if let Patch::Set(data) = &update.metadata { Some(data) } else { None };
        let (name, picture) = (set(&update.name), set(&update.picture));
        check_appearance(name.as_deref(), picture.as_deref(), metadata, &self.core.limits)?;
        let done = self.commit(id, client_id, Intent::Update(Box::new(update))).await?;
        self.done(id, done.changed).await
    }

    /// Deletes a group or channel for all; a direct conversation is hidden from the caller alone.
    /// Answers the conversation as it was.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`].
    pub async fn close(
        &self,
        id: ConversationId,
        client_id: Option<ClientId>,
    ) -> Result<Done<Summary>, ChatError> {
        let before = self.core.summary(self.user, id).await?;
        if before.kind == Kind::Direct {
            return self.hide(before).await;
        }
        let done = self.commit(id, client_id, Intent::Close).await?;
        Ok(Done { value: Summary { head: done.conversation.head, ..before }, changed: done.changed })
    }

    pub(super) async fn done(
        &self,
        id: ConversationId,
        changed: Changed,
    ) -> Result<Done<Summary>, ChatError> {
        Ok(Done { value: self.core.summary(self.user, id).await?, changed })
    }
}

fn check_appearance(
    name: Option<&str>,
    picture: Option<&str>,
    metadata: Option<&Metadata>,
    limits: &crate::limits::Limits,
) -> Result<(), Refusal> {
    if let Some(name) = name {
        check_name(name, limits.name_codepoints_max, "/name")?;
    }
    if let Some(picture) = picture {
        check_name(picture, 2_048, "/picture")?;
    }
    if metadata.is_some_and(|data| data.to_json().len() as u64 > limits.metadata_bytes_max) {
        return Err(Refusal::invalid("/metadata", "too large"));
    }
    Ok(())
}
