//! The rules, applied: from what is wanted and what is known to what is written. Pure.
//!
//! A decision is made from one [`View`] and holds for as long as the view's `acl` (and, where memberships count, its
//! `roster`) stand: the store compares them inside the write.

use std::collections::HashMap;

use super::attachments::{Nail, Record};
use super::intent::{Hanging, Intent};
use super::payload::{Facts, pack_content, pack_facts, unpack_content};
use super::policies::{From as Accepts, Policies};
use crate::attachment::Attachment;
use crate::command::{NewConversation, PolicyPatch, Update};
use crate::conversation::{
    Act, Actor, Conversation, History, Kind, Membership, Role, Standing, Whose, permits, successor,
};
use crate::error::Refusal;
use crate::id::{AttachmentId, Seq, UserId};
use crate::limits::Limits;
use crate::message::{Changes, ClientId, Content, Edit, Metadata, Patch, Payload, kind};
use crate::store::{ClosedBy, ConversationPatch, Effect, MessageRow, PairRecord};
use crate::time::Timestamp;

/// What is known about a conversation, read after its `acl`.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Its record.
    pub(crate) conversation: Conversation,
    /// The rows that were looked for; `None` where there is none.
    pub(crate) rows: HashMap<UserId, Option<Membership>>,
    /// All members, where a decision needs them.
    pub(crate) roster: Option<Vec<Membership>>,
    /// The record of a direct conversation's pair.
    pub(crate) pair: Option<PairRecord>,
    /// The messages that were looked for.
    pub(crate) messages: HashMap<Seq, Option<MessageRow>>,
    /// The files that were looked for.
    pub(crate) files: HashMap<AttachmentId, Option<Record>>,
}

/// What is fixed for the whole engine.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) policies: &'a Policies,
    /// Until when a file waits for its message.
    pub(crate) unsent_until: Timestamp,
}

/// What will be written, or that nothing needs to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is so already.
    Nothing,
    /// One entry.
    Write(Writing),
}

/// An entry without its id, time and author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writing {
    pub(crate) kind: u16,
    pub(crate) target: Option<Seq>,
    pub(crate) payload: Option<Payload>,
    pub(crate) takes_right: bool,
    pub(crate) effects: Vec<Effect>,
    /// Files as they are once they hang on the message: to be put before it is written.
    pub(crate) hung: Vec<Record>,
    /// Files that the message has no more: to be told free before that is written.
    pub(crate) freed: Vec<AttachmentId>,
}

impl Writing {
    fn new(kind: u16, effects: Vec<Effect>) -> Self {
        let (hung, freed) = (Vec::new(), Vec::new());
        Self { kind, target: None, payload: None, takes_right: false, effects, hung, freed }
    }

    fn facts(mut self, facts: &Facts) -> Self {
        self.payload = Some(pack_facts(facts));
        self
    }

    fn taking_a_right(mut self) -> Self {
        self.takes_right = true;
        self
    }

    fn about(mut self, target: Seq) -> Self {
        self.target = Some(target);
        self
    }
}

type Decided = Result<Decision, Refusal>;

/// Decides what `by` wants, from what is known.
///
/// # Errors
/// The [`Refusal`] of the first rule that says no.
pub(crate) fn decide(view: &View, by: UserId, intent: &Intent, rules: Rules<'_>) -> Decided {
    if view.conversation.closed {
        return Err(Refusal::NotFound);
    }
    let case = Case { view, by, rules };
    match intent {
        Intent::Send { content, files, .. } => case.send(content, files.as_ref()),
        Intent::Edit { seq, edit } => case.edit(*seq, edit),
        Intent::Delete { seq } => case.delete(*seq),
        Intent::Create(new) => Ok(case.create(new)),
        Intent::Join => case.join(),
        Intent::Leave => case.leave(),
        Intent::Add { users } => case.add(users),
        Intent::Remove { user } => case.remove(*user),
        Intent::SetRole { user, role } => case.set_role(*user, *role),
        Intent::Update(update) => case.update(update),
        Intent::Close => case.close(),
    }
}

/// One decision: who, where, under which rules.
struct Case<'a> {
    view: &'a View,
    by: UserId,
    rules: Rules<'a>,
}

impl Case<'_> {
    fn permits(&self, act: Act) -> Result<(), Refusal> {
        let actor = if self.by.is_system() { Actor::System } else { Actor::Person(self.standing(self.by)) };
        permits(self.view.conversation.kind, self.view.conversation.settings, actor, act)
    }

    fn row(&self, user: UserId) -> Option<&Membership> {
        self.view.rows.get(&user).and_then(Option::as_ref)
    }

    fn standing(&self, user: UserId) -> Option<Standing> {
        self.row(user).map(|row| row.standing)
    }

    fn role(&self, user: UserId) -> Option<Role> {
        self.standing(user).and_then(Standing::role)
    }

    fn visible_from(&self) -> Seq {
        self.row(self.by).map_or(Seq::FIRST, |row| row.visible_from)
    }

    fn roster(&self) -> &[Membership] {
        self.view.roster.as_deref().unwrap_or_default()
    }

    /// In a direct conversation both must accept each other.
    fn accepted(&self) -> Result<(), Refusal> {
        let Some(record) = self.view.pair.as_ref().filter(|_| !self.by.is_system()) else { return Ok(()) };
        let friends_only = self.rules.policies.direct == Accepts::Friends;
        if record.friendship.is_blocked() || (friends_only && !record.friendship.is_friends()) {
            return Err(Refusal::NotAccepted { field: "" });
        }
        Ok(())
    }

    /// The message at `seq`, if this actor may see it.
    fn message(&self, seq: Seq) -> Option<&MessageRow> {
        self.view.messages.get(&seq).and_then(Option::as_ref).filter(|row| row.seq >= self.visible_from())
    }

    fn send(&self, content: &Content, files: Option<&Hanging>) -> Decided {
        self.permits(Act::Send)?;
        self.accepted()?;
        if content.reply_to.is_some_and(|seq| self.message(seq).is_none()) {
            return Err(Refusal::NotFoundAt { field: "/reply_to" });
        }
        let hung = match files {
            Some(Hanging { ids, client_id }) => self.hung(ids.iter(), client_id)?,
            None => Vec::new(),
        };
        let kept = Content {
            mentions: self.members_of(&content.mentions),
            attachments: hung.iter().filter_map(Record::attachment).collect(),
            ..content.clone()
        };
        let text = kept.text.as_ref().map(|text| text.as_str().to_owned());
        let payload = pack_content(&kept);
        let writing = Writing::new(kind::MESSAGE, vec![Effect::PutMessage { text, payload }]);
        Ok(Decision::Write(Writing { hung, ..writing }))
    }

    /// These files of his, hanging on his message of this id.
    fn hung<'i>(
        &self,
        ids: impl Iterator<Item = &'i AttachmentId>,
        client_id: &ClientId,
    ) -> Result<Vec<Record>, Refusal> {
        let nail = Nail { conversation: self.view.conversation.id, client_id: client_id.clone() };
        ids.map(|id| {
            let record = self.view.files.get(id).and_then(Option::as_ref);
            let record = record.ok_or(Refusal::NotFoundAt { field: "/attachments" })?;
            record.hung(self.by, &nail, self.rules.unsent_until)
        })
        .collect()
    }

    /// The files of a message after an edit: those that stay as they are, and what is new.
    fn attachments_after(
        &self,
        row: &MessageRow,
        now: &[Attachment],
        patch: &Patch<Vec<AttachmentId>>,
    ) -> Result<(Vec<Attachment>, Vec<Record>), Refusal> {
        let ids = match patch {
            Patch::Keep => return Ok((now.to_vec(), Vec::new())),
            Patch::Clear => return Ok((Vec::new(), Vec::new())),
            Patch::Set(ids) => ids,
        };
        // A file hangs on a message of its owner: whoever edits another's has none to give.
        let gives = ids.iter().any(|id| now.iter().all(|attachment| attachment.id != *id));
        if gives && row.sender != self.by {
            return Err(Refusal::NotFoundAt { field: "/attachments" });
        }
        let there = |id: &AttachmentId| now.iter().find(|attachment| attachment.id == *id);
        let hung = self.hung(ids.iter().filter(|id| there(id).is_none()), &row.client_id)?;
        let new =
            |id: &AttachmentId| hung.iter().find(|record| record.id == *id).and_then(Record::attachment);
        let after = ids.iter().filter_map(|id| there(id).cloned().or_else(|| new(id))).collect();
        Ok((after, hung))
    }

    /// Mentions of who is no member are left out; so are repeats.
    fn members_of(&self, mentions: &[UserId]) -> Vec<UserId> {
        let mut kept = Vec::with_capacity(mentions.len());
        for &user in mentions {
            if self.role(user).is_some() && !kept.contains(&user) {
                kept.push(user);
            }
        }
        kept
    }

    fn edit(&self, seq: Seq, edit: &Edit) -> Decided {
        self.permits(Act::Read)?;
        let row = self.message(seq).ok_or(Refusal::NotFound)?;
        self.permits(Act::Edit(self.whose(row)))?;
        self.accepted()?;
        if row.deleted_at.is_some() || edit.rev.is_some_and(|rev| rev != row.rev) {
            return Err(Refusal::Conflict);
        }
        let now = unpack_content(row.text.as_deref(), row.payload.as_ref()).ok_or(Refusal::Conflict)?;
        // Who was mentioned before stays so: whether he is a member still was not asked.
        let mentions = edit.mentions.clone().map(|users| self.members_of(&users));
        let (attachments, hung) = self.attachments_after(row, &now.attachments, &edit.attachments)?;
        let next = Content { attachments, ..edited(now.clone(), &Edit { mentions, ..edit.clone() }) };
        next.check(self.rules.limits)?;
        if next == now {
            return Ok(Decision::Nothing);
        }
        let text = next.text.as_ref().map(|text| text.as_str().to_owned());
        let effect = Effect::SetBody { target: seq, rev: row.rev, text, payload: pack_content(&next) };
        let freed = ids_of(&now.attachments).filter(|id| !ids_of(&next.attachments).any(|kept| kept == *id));
        let writing = Writing::new(kind::EDITED, vec![effect]).about(seq);
        Ok(Decision::Write(Writing { hung, freed: freed.collect(), ..writing }))
    }

    fn delete(&self, seq: Seq) -> Decided {
        self.permits(Act::Read)?;
        let row = self.message(seq).ok_or(Refusal::NotFound)?;
        self.permits(Act::Delete(self.whose(row)))?;
        if row.deleted_at.is_some() {
            return Ok(Decision::Nothing);
        }
        let effect = Effect::Tombstone { target: seq, rev: row.rev };
        // Of what cannot be read no file is known; the sweep never sees it free.
        let now = unpack_content(row.text.as_deref(), row.payload.as_ref()).unwrap_or_default();
        let writing = Writing::new(kind::DELETED, vec![effect]).about(seq);
        Ok(Decision::Write(Writing { freed: ids_of(&now.attachments).collect(), ..writing }))
    }

    fn whose(&self, row: &MessageRow) -> Whose {
        if row.sender == self.by { Whose::Own } else { Whose::Others }
    }

    /// Who may make it was judged before its shell; a second one finds the first one's entry as its repeat.
    fn create(&self, new: &NewConversation) -> Decision {
        let history = new.settings().history;
        let mut users = Vec::with_capacity(new.members.len() + 1);
        if !self.by.is_system() {
            users.push(self.by);
        }
        users.extend(new.members.iter().copied().filter(|&user| user != self.by));
        users.dedup();
        let role = |user: UserId| if user == self.by { Role::Owner } else { Role::Member };
        let mut effects: Vec<Effect> = users.iter().map(|&user| member(user, role(user), history)).collect();
        let patch = |value: Option<String>| value.map_or(Patch::Keep, Patch::Set);
        effects.push(Effect::SetConversation(ConversationPatch {
            name: patch(new.name.clone()),
            picture: patch(new.picture.clone()),
            metadata: patch(new.metadata.as_ref().map(Metadata::to_json)),
            settings: Some(new.settings()),
            closed: ClosedBy::Nothing,
        }));
        let facts = Facts { users, changes: first_appearance(new), ..Facts::default() };
        Decision::Write(Writing::new(kind::CREATED, effects).facts(&facts))
    }

    fn join(&self) -> Decided {
        if self.role(self.by).is_some() {
            return Ok(Decision::Nothing);
        }
        self.permits(Act::Join)?;
        self.joined(vec![self.by])
    }

    fn add(&self, users: &[UserId]) -> Decided {
        self.permits(Act::Add)?;
        let mut new: Vec<UserId> = users.iter().copied().filter(|&user| self.role(user).is_none()).collect();
        new.sort_unstable();
        new.dedup();
        if new.is_empty() { Ok(Decision::Nothing) } else { self.joined(new) }
    }

    fn joined(&self, users: Vec<UserId>) -> Decided {
        let members = self.view.conversation.member_count + users.len() as u64;
        if self.view.conversation.kind == Kind::Group && members > self.rules.limits.group_members_max {
            return Err(Refusal::TooManyMembers);
        }
        let history = self.view.conversation.settings.history;
        let effects = users.iter().map(|&user| member(user, Role::Member, history)).collect();
        let facts = Facts { users, ..Facts::default() };
        Ok(Decision::Write(Writing::new(kind::JOINED, effects).facts(&facts)))
    }

    fn leave(&self) -> Decided {
        self.permits(Act::Leave)?;
        let heir = if self.is_last_owner(self.by) {
            successor(self.roster().iter().filter(|row| row.user != self.by))
        } else {
            None
        };
        let mut effects = vec![gone(self.by)];
        effects.extend(heir.map(|user| member(user, Role::Owner, History::All)));
        if self.view.conversation.member_count <= 1 {
            effects.push(closing());
        }
        let facts = Facts { users: vec![self.by], successor: heir, ..Facts::default() };
        Ok(Decision::Write(Writing::new(kind::LEFT, effects).facts(&facts).taking_a_right()))
    }

    fn remove(&self, user: UserId) -> Decided {
        // The right to remove at all comes before whether there is anybody to remove.
        self.permits(Act::Remove(self.role(user).unwrap_or(Role::Member)))?;
        if self.role(user).is_none() {
            return Ok(Decision::Nothing);
        }
        if self.is_last_owner(user) {
            return Err(Refusal::LastOwner);
        }
        let facts = Facts { users: vec![user], ..Facts::default() };
        Ok(Decision::Write(Writing::new(kind::REMOVED, vec![gone(user)]).facts(&facts).taking_a_right()))
    }

    fn set_role(&self, user: UserId, role: Role) -> Decided {
        self.permits(Act::SetRole)?;
        let now = self.role(user).ok_or(Refusal::NotFoundAt { field: "/user" })?;
        if now == role {
            return Ok(Decision::Nothing);
        }
        if self.is_last_owner(user) {
            return Err(Refusal::LastOwner);
        }
        let facts = Facts { users: vec![user], role: Some(role), ..Facts::default() };
        let writing = Writing::new(kind::ROLE_CHANGED, vec![member(user, role, History::All)]).facts(&facts);
        Ok(Decision::Write(if role < now { writing.taking_a_right() } else { writing }))
    }

    fn is_last_owner(&self, user: UserId) -> bool {
        let is_owner = |row: &&Membership| row.role() == Some(Role::Owner);
        let mut owners = self.roster().iter().filter(is_owner);
        owners.next().is_some_and(|row| row.user == user) && owners.next().is_none()
    }

    fn update(&self, update: &Update) -> Decided {
        self.permits(Act::Update)?;
        if !update.policy.is_empty() {
            self.permits(Act::SetPolicy)?;
        }
        let now = &self.view.conversation;
        let settings = update.policy.apply(now.settings);
        let metadata = update.metadata.clone().map(|data| data.to_json());
        let name = real(update.name.clone(), now.name.as_ref());
        let picture = real(update.picture.clone(), now.picture.as_ref());
        let stored_metadata = real(metadata, now.metadata.as_ref());
        if name.is_keep() && picture.is_keep() && stored_metadata.is_keep() && settings == now.settings {
            return Ok(Decision::Nothing);
        }
        let new_policy = PolicyPatch {
            join: (settings.join != now.settings.join).then_some(settings.join),
            read: (settings.read != now.settings.read).then_some(settings.read),
            post: (settings.post != now.settings.post).then_some(settings.post),
        };
        let changes = Changes {
            name: name.clone(),
            picture: picture.clone(),
            metadata: if stored_metadata.is_keep() { Patch::Keep } else { update.metadata.clone() },
            join: new_policy.join,
            read: new_policy.read,
            post: new_policy.post,
            history: None,
        };
        let patch = ConversationPatch {
            name,
            picture,
            metadata: stored_metadata,
            settings: Some(settings),
            closed: ClosedBy::Nothing,
        };
        let writing = Writing::new(kind::UPDATED, vec![Effect::SetConversation(patch)])
            .facts(&Facts { changes, ..Facts::default() });
        let tightened = now.settings.takes_right(&settings);
        Ok(Decision::Write(if tightened { writing.taking_a_right() } else { writing }))
    }

    fn close(&self) -> Decided {
        self.permits(Act::Close)?;
        Ok(Decision::Write(Writing::new(kind::CLOSED, vec![closing()]).taking_a_right()))
    }
}

fn ids_of(attachments: &[Attachment]) -> impl Iterator<Item = AttachmentId> {
    attachments.iter().map(|attachment| attachment.id)
}

/// The content after an edit, but for its files.
fn edited(now: Content, edit: &Edit) -> Content {
    Content {
        text: edit.text.clone().apply(now.text),
        attachments: now.attachments,
        mentions: edit.mentions.clone().apply(Some(now.mentions)).unwrap_or_default(),
        metadata: edit.metadata.clone().apply(now.metadata),
        reply_to: now.reply_to,
    }
}

/// The change, if it is one.
fn real(patch: Patch<String>, now: Option<&String>) -> Patch<String> {
    let same = match &patch {
        Patch::Keep => true,
        Patch::Clear => now.is_none(),
        Patch::Set(value) => now == Some(value),
    };
    if same { Patch::Keep } else { patch }
}

fn first_appearance(new: &NewConversation) -> Changes {
    let settings = new.settings();
    Changes {
        name: new.name.clone().map_or(Patch::Keep, Patch::Set),
        picture: new.picture.clone().map_or(Patch::Keep, Patch::Set),
        metadata: new.metadata.clone().map_or(Patch::Keep, Patch::Set),
        join: Some(settings.join),
        read: Some(settings.read),
        post: Some(settings.post),
        history: Some(settings.history),
    }
}

const fn member(user: UserId, role: Role, history: History) -> Effect {
    Effect::PutMember { user, standing: Some(Standing::Member(role)), history }
}

const fn gone(user: UserId) -> Effect {
    Effect::PutMember { user, standing: None, history: History::All }
}

fn closing() -> Effect {
    Effect::SetConversation(ConversationPatch { closed: ClosedBy::ThisEntry, ..ConversationPatch::default() })
}
