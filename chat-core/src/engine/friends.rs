//! What is between two people.

use super::{ActingAs, fences};
use crate::command::{Changed, Done, Friend, Who};
use crate::delivery::Notice;
use crate::error::{ChatError, Refusal};
use crate::friendship::{Action, Friendship, transition};
use crate::id::{Pair, Side, UserId};
use crate::page::{Limit, Page};
use crate::store::{FriendFilter, FriendRow, PairRecord, PutPair, StoreError};
use crate::user::Profile;

/// How often a change is tried anew when somebody else changes the same pair at the same time.
const ROUNDS_MAX: usize = 16;

/// Whom an action may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finds {
    /// Only somebody who is there.
    WhoExists,
    /// Also somebody whose account is gone: what is between the two can still be ended.
    WhoIsGone,
}

impl ActingAs {
    /// Asks for friendship; crossed requests make friends.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for oneself, [`Refusal::NotFound`] for nobody, [`Refusal::Conflict`] for somebody one
    /// has blocked.
    pub async fn request_friend(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Request).await
    }

    /// Accepts what the other asked.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when there is nothing to accept; else as [`ActingAs::request_friend`].
    pub async fn accept_friend(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Accept).await
    }

    /// Turns down what the other asked.
    ///
    /// # Errors
    /// As [`ActingAs::request_friend`], without conflict.
    pub async fn reject_friend(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Reject).await
    }

    /// Takes back what one asked.
    ///
    /// # Errors
    /// As [`ActingAs::reject_friend`].
    pub async fn cancel_friend(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Cancel).await
    }

    /// Ends a friendship.
    ///
    /// # Errors
    /// As [`ActingAs::reject_friend`].
    pub async fn remove_friend(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Remove).await
    }

    /// Refuses all contact.
    ///
    /// # Errors
    /// As [`ActingAs::reject_friend`].
    pub async fn block(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Block).await
    }

    /// Ends one's own block.
    ///
    /// # Errors
    /// As [`ActingAs::reject_friend`].
    pub async fn unblock(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.befriend(user, Action::Unblock).await
    }

    /// Takes back or turns down a request, whichever there is.
    ///
    /// # Errors
    /// As [`ActingAs::reject_friend`].
    pub async fn withdraw(&self, user: UserId) -> Result<Done<Friend>, ChatError> {
        self.change(user, Finds::WhoIsGone, |now, side| {
            transition(transition(now, side, Action::Cancel)?, side, Action::Reject)
        })
        .await
    }

    /// Does `action` to what is between oneself and `user`.
    ///
    /// # Errors
    /// As the methods named after the actions.
    pub async fn befriend(&self, user: UserId, action: Action) -> Result<Done<Friend>, ChatError> {
        let finds = match action {
            Action::Request | Action::Accept | Action::Block => Finds::WhoExists,
            Action::Reject | Action::Cancel | Action::Remove | Action::Unblock => Finds::WhoIsGone,
        };
        self.change(user, finds, |now, side| transition(now, side, action)).await
    }

    async fn change(
        &self,
        user: UserId,
        finds: Finds,
        rule: impl Fn(Friendship, Side) -> Result<Friendship, Refusal>,
    ) -> Result<Done<Friend>, ChatError> {
        let pair = Pair::new(self.user, user)?;
        let side = pair.side(self.user).expect("one is on a side of one's own pair");
        let profile = self.other(pair, user, finds).await?;
        for _ in 0..ROUNDS_MAX {
            let (now, next, changed) = match self.change_once(pair, &rule, side).await {
                Err(ChatError::Refused(Refusal::Conflict))
                    if self.is_still_conflict(pair, &rule, side).await? =>
                {
                    return Err(Refusal::Conflict.into());
                }
                Err(ChatError::Refused(Refusal::Conflict)) => continue,
                other => other?,
            };
            debug_assert!(
                changed == Changed::Yes || now.version == next.version,
                "nothing else moves a version"
            );
            let friend = Friend { user: profile, view: next.friendship.view(side), at: next.at };
            return Ok(Done { value: friend, changed });
        }
        Err(Refusal::Conflict.into())
    }

    /// The other side's profile; of somebody who is gone no more than the id, where there was something with him.
    async fn other(&self, pair: Pair, user: UserId, finds: Finds) -> Result<Profile, ChatError> {
        if let Some(profile) = self.core.profiles(&[user]).await?.pop() {
            return Ok(profile);
        }
        let known = match finds {
            Finds::WhoExists => None,
            Finds::WhoIsGone => self.core.store.people().friendships().of(&[pair]).await?.pop().flatten(),
        };
        Ok(known.map(|_| Profile::new(user)).ok_or(Refusal::NotFound)?)
    }

    /// One round: load, decide, write, notify.
    async fn change_once(
        &self,
        pair: Pair,
        rule: &impl Fn(Friendship, Side) -> Result<Friendship, Refusal>,
        side: Side,
    ) -> Result<(PairRecord, PairRecord, Changed), ChatError> {
        let friendships = self.core.store.people().friendships();
        let now = friendships.of(&[pair]).await?.pop().flatten().unwrap_or_else(|| PairRecord::nothing(pair));
        let next = rule(now.friendship, side)?;
        if next == now.friendship {
            // A repeat is nothing to do only once the fence of what it repeats is done.
            fences::finish(&self.core, &now).await?;
            return Ok((now, now, Changed::No));
        }
        let shown = Side::BOTH.map(|side| {
            let (before, after) = (now.friendship.view(side), next.view(side));
            (before != after).then_some(after)
        });
        let put = PutPair {
            pair,
            expected: now.version,
            friendship: next,
            fence: now.friendship.takes_right(&next),
            shown,
            at: self.core.clock.now(),
        };
        let stored = friendships.put(&put).await?;
        fences::finish(&self.core, &stored).await?;
        self.tell(pair, &stored, shown.map(|view| view.is_some()));
        Ok((now, stored, Changed::Yes))
    }

    /// Whether the rule itself says conflict, or somebody else was only faster.
    async fn is_still_conflict(
        &self,
        pair: Pair,
        rule: &impl Fn(Friendship, Side) -> Result<Friendship, Refusal>,
        side: Side,
    ) -> Result<bool, StoreError> {
        let now = self.core.store.people().friendships().of(&[pair]).await?.pop().flatten();
        Ok(rule(now.map(|record| record.friendship).unwrap_or_default(), side).is_err())
    }

    fn tell(&self, pair: Pair, stored: &PairRecord, shown: [bool; 2]) {
        self.core.hub.pair_changed(pair, stored.friendship);
        for (user, shown) in pair.both().into_iter().zip(shown) {
            if shown {
                self.core.hub.friends_moved(user);
            }
            // Also whose view is the same: a block he must not see counts on his node too.
            self.core.notifier.notify(&Notice::Friendships(user));
        }
    }

    /// One's friends, requests and blocks.
    ///
    /// # Errors
    /// Any failure of the store or the directory.
    pub async fn friends(
        &self,
        filter: FriendFilter,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Page<Friend, UserId>, ChatError> {
        let rows = self.core.store.people().friendships().list(self.user, filter, after, limit).await?;
        let page = Page::cut(rows, limit, |row| row.other);
        let items = self.with_profiles(&page.items).await?;
        Ok(Page { items, next: page.next })
    }

    /// Rows with their profiles; a profile that is gone is shown as an id.
    pub(crate) async fn with_profiles(&self, rows: &[FriendRow]) -> Result<Vec<Friend>, ChatError> {
        let ids: Vec<UserId> = rows.iter().map(|row| row.other).collect();
        let profiles = self.core.profiles(&ids).await?;
        let found = |id| profiles.iter().find(|profile| profile.id == id).cloned();
        let friend = |row: &FriendRow| {
            let user = found(row.other).unwrap_or_else(|| Profile::new(row.other));
            Friend { user, view: row.view, at: row.at }
        };
        Ok(rows.iter().map(friend).collect())
    }

    /// The user somebody names.
    pub(super) async fn named(&self, who: &Who) -> Result<UserId, ChatError> {
        match who {
            Who::Id(user) => Ok(*user),
            Who::Username(name) => {
                let found = self.core.directory.find(&[name]).await.map_err(|error| {
                    tracing::error!(error = ?error, "the directory failed");
                    ChatError::Internal("the directory failed")
                })?;
                Ok(found.first().ok_or(Refusal::NotFound)?.id)
            }
        }
    }
}
