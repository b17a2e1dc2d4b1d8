//! What decisions are made from: loaded in the order that makes them safe, and kept while that stays true.
//!
//! The conversation's `acl` is read first, everything else after it. Whatever takes a right away raises `acl`, and
//! the store compares it when it appends; so a view may be kept and used again for as long as it lasts, without
//! asking the database anything. What a kept view *refuses* is asked again: joining and befriending do not raise `acl`.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::decide::View;
use super::intent::Intent;
use super::queue::Job;
use super::{Core, fences};
use crate::conversation::{Conversation, Kind, Membership, Settings};
use crate::error::{ChatError, Refusal};
use crate::id::{AttachmentId, ConversationId, Pair, Seq, UserId};
use crate::store::Shell;

/// How many views are kept.
const KEPT_MAX: usize = 8_192;
/// How many rows are kept, all views together.
const ROWS_KEPT_MAX: usize = 262_144;
/// How many members one read fetches.
const ROSTER_PAGE: usize = 1_000;

/// Views that are kept between batches.
#[derive(Default)]
pub(super) struct Kept {
    views: HashMap<ConversationId, View>,
    /// In all of them.
    rows: usize,
}

impl Kept {
    /// Takes a view out, to be used and put back.
    pub(super) fn take(&mut self, id: ConversationId) -> Option<View> {
        let view = self.views.remove(&id)?;
        self.rows -= view.rows.len();
        Some(view)
    }

    /// Keeps a view for the next batch, as the conversation is now; without what may not be kept.
    pub(super) fn put(&mut self, mut view: View, conversation: Conversation) {
        if self.views.len() >= KEPT_MAX || self.rows >= ROWS_KEPT_MAX {
            self.views.clear();
            self.rows = 0;
        }
        view.conversation = conversation;
        view.rows.retain(|_, row| row.is_some());
        if view.rows.len() > 4_096 {
            view.rows.clear();
        }
        view.messages.clear();
        view.files.clear();
        view.roster = None;
        self.rows += view.rows.len();
        self.views.insert(view.conversation.id, view);
    }
}

/// What the jobs of a lane need to know.
struct Needs {
    users: Vec<UserId>,
    messages: Vec<Seq>,
    files: Vec<AttachmentId>,
    everybody: bool,
    pair: Option<Pair>,
}

impl Needs {
    fn of(jobs: &[Job]) -> Self {
        let mut needs =
            Self { users: Vec::new(), messages: Vec::new(), files: Vec::new(), everybody: false, pair: None };
        for job in jobs {
            needs.users.push(job.by);
            needs.files.extend(job.intent.files());
            needs.everybody |= job.intent.needs_everybody();
            match &job.intent {
                Intent::Send { pair, content, .. } => {
                    needs.pair = needs.pair.or(*pair);
                    needs.users.extend(&content.mentions);
                    needs.messages.extend(content.reply_to);
                }
                Intent::Edit { seq, edit } => {
                    needs.messages.push(*seq);
                    if let crate::message::Patch::Set(users) = &edit.mentions {
                        needs.users.extend(users);
                    }
                }
                Intent::Delete { seq } => needs.messages.push(*seq),
                Intent::Add { users } => needs.users.extend(users),
                Intent::Remove { user } | Intent::SetRole { user, .. } => needs.users.push(*user),
                Intent::Create(_) | Intent::Join | Intent::Leave | Intent::Update(_) | Intent::Close => {}
            }
        }
        needs.users.retain(|user| !user.is_system());
        needs
    }
}

/// The view for a lane's jobs: from a kept one where there is one, else from the store.
///
/// # Errors
/// [`Refusal::NotFound`] when there is no such conversation; [`Refusal::NotAccepted`] when it would be a first
/// message that is not accepted; any failure of the store.
pub(super) async fn load(
    core: &Core,
    id: ConversationId,
    jobs: &[Job],
    kept: Option<View>,
) -> Result<View, ChatError> {
    let needs = Needs::of(jobs);
    let mut view = match kept {
        Some(view) => view,
        None => first(core, id, &needs, jobs).await?,
    };
    let missing: Vec<UserId> =
        needs.users.iter().copied().filter(|user| !view.rows.contains_key(user)).collect();
    if !missing.is_empty() {
        let rows = core.store.talk().memberships().of(id, &missing).await?;
        view.rows.extend(missing.into_iter().zip(rows));
    }
    if !needs.messages.is_empty() {
        let rows = core.store.talk().log().at(id, &needs.messages).await?;
        view.messages.extend(needs.messages.into_iter().zip(rows));
    }
    if !needs.files.is_empty() {
        let records = core.records(&needs.files).await?;
        view.files.extend(needs.files.into_iter().zip(records));
    }
    if needs.everybody && view.roster.is_none() {
        view.roster = Some(everybody(core, id).await?);
    }
    Ok(view)
}

/// The views of many lanes at once, kept ones as they are.
pub(super) async fn load_all(
    core: &Core,
    lanes: Vec<(ConversationId, &[Job], Option<View>)>,
) -> Vec<Result<View, ChatError>> {
    join_all(lanes.into_iter().map(|(id, jobs, kept)| load(core, id, jobs, kept))).await
}

/// The conversation and, of a direct one, the pair: `acl` first.
async fn first(core: &Core, id: ConversationId, needs: &Needs, jobs: &[Job]) -> Result<View, ChatError> {
    let found = core.store.talk().conversations().load(&[id]).await?.pop().flatten();
    let conversation = match (found, needs.pair) {
        (Some(found), _) => found,
        (None, Some(pair)) => shell(core, id, pair, jobs).await?,
        (None, None) => return Err(Refusal::NotFound.into()),
    };
    let Some(pair) = conversation.pair else {
        return Ok(View::bare(conversation));
    };
    let record = core.store.people().friendships().of(&[pair]).await?.pop().flatten();
    let record = record.unwrap_or_else(|| crate::store::PairRecord::nothing(pair));
    if !record.is_fence_due() {
        return Ok(View { pair: Some(record), ..View::bare(conversation) });
    }
    fences::finish(core, &record).await?;
    // The fence has raised `acl`: read it again, before the pair.
    let again = core.store.talk().conversations().load(&[id]).await?.pop().flatten();
    let record = core.store.people().friendships().of(&[pair]).await?.pop().flatten();
    Ok(View { pair: record, ..View::bare(again.ok_or(Refusal::NotFound)?) })
}

/// Makes the shell of a direct conversation for its first message, unless that would be refused anyway.
async fn shell(core: &Core, id: ConversationId, pair: Pair, jobs: &[Job]) -> Result<Conversation, ChatError> {
    let is_known = core.profiles(&pair.both()).await?.len() == 2;
    if !is_known {
        return Err(Refusal::NotFound.into());
    }
    let record = core.store.people().friendships().of(&[pair]).await?.pop().flatten();
    let friendship = record.map(|record| record.friendship).unwrap_or_default();
    let friends_only = core.policies.direct == super::policies::From::Friends;
    let refused = friendship.is_blocked() || (friends_only && !friendship.is_friends());
    if refused && jobs.iter().all(|job| !job.by.is_system()) {
        return Err(Refusal::NotAccepted { field: "" }.into());
    }
    let settings = Settings::of(Kind::Direct);
    let shell =
        Shell { id, kind: Kind::Direct, pair: Some(pair), creator: None, settings, at: core.clock.now() };
    let conversation = core.store.talk().conversations().ensure(&shell).await?;
    core.hub.expect_members(&conversation, &pair.both());
    Ok(conversation)
}

async fn everybody(core: &Core, id: ConversationId) -> Result<Vec<Membership>, ChatError> {
    let mut all: Vec<Membership> = Vec::new();
    loop {
        let after = all.last().map(|row| row.user);
        let page = core.store.talk().memberships().list(id, after, ROSTER_PAGE).await?;
        let ended = page.len() < ROSTER_PAGE;
        all.extend(page);
        if ended {
            return Ok(all);
        }
    }
}

impl View {
    /// A view of nothing but the record.
    pub(super) fn bare(conversation: Conversation) -> Self {
        Self {
            conversation,
            rows: HashMap::new(),
            roster: None,
            pair: None,
            messages: HashMap::new(),
            files: HashMap::new(),
        }
    }
}
