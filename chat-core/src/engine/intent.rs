//! What somebody wants to happen in a conversation, before it is decided.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::payload::pack_content;
use crate::command::{NewConversation, Update};
use crate::conversation::Role;
use crate::id::{AttachmentId, Pair, Seq, UserId};
use crate::message::{ClientId, Content, Edit, Metadata, Patch};

/// What somebody wants to happen in a conversation.
#[derive(Clone, Debug)]
pub(crate) enum Intent {
    /// Write a message; with a pair it is their direct conversation, made when it is not there.
    Send { pair: Option<Pair>, content: Content, files: Option<Hanging> },
    /// Change a message.
    Edit { seq: Seq, edit: Edit },
    /// Delete a message.
    Delete { seq: Seq },
    /// Make the group or channel whose shell is there.
    Create(Box<NewConversation>),
    /// Become a member of an open group.
    Join,
    /// Stop being a member.
    Leave,
    /// Make these members.
    Add { users: Vec<UserId> },
    /// Remove a member.
    Remove { user: UserId },
    /// Change somebody's role.
    SetRole { user: UserId, role: Role },
    /// Change appearance or settings.
    Update(Box<Update>),
    /// Delete the conversation for all.
    Close,
}

/// Files that are to hang on a new message, and the `client_id` that it has for certain.
#[derive(Clone, Debug)]
pub(crate) struct Hanging {
    pub(crate) ids: Vec<AttachmentId>,
    pub(crate) client_id: ClientId,
}

impl Intent {
    /// Whether it changes who is who: then it is decided alone.
    pub(crate) const fn is_structural(&self) -> bool {
        match self {
            Self::Send { .. } | Self::Edit { .. } | Self::Delete { .. } => false,
            Self::Create(_)
            | Self::Join
            | Self::Leave
            | Self::Add { .. }
            | Self::Remove { .. }
            | Self::SetRole { .. }
            | Self::Update(_)
            | Self::Close => true,
        }
    }

    /// Whether it may take the last owner away: then it is decided from all memberships.
    pub(crate) const fn needs_everybody(&self) -> bool {
        matches!(self, Self::Leave | Self::Remove { .. } | Self::SetRole { .. })
    }

    /// The message it changes.
    pub(crate) const fn target(&self) -> Option<Seq> {
        match self {
            Self::Edit { seq, .. } | Self::Delete { seq } => Some(*seq),
            _ => None,
        }
    }

    /// Files that it may hang on a message.
    pub(crate) fn files(&self) -> &[AttachmentId] {
        match self {
            Self::Send { files: Some(files), .. } => &files.ids,
            Self::Edit { edit: Edit { attachments: Patch::Set(ids), .. }, .. } => ids,
            _ => &[],
        }
    }

    /// About how many bytes it keeps in memory while it waits.
    pub(crate) fn bytes(&self) -> usize {
        let content = |content: &Content| {
            content.text.as_ref().map_or(0, |text| text.as_str().len())
                + content.metadata.as_ref().map_or(0, |data| data.to_json().len())
                + content.mentions.len() * 16
        };
        256 + self.files().len() * 16
            + match self {
                Self::Send { content: sent, .. } => content(sent),
                Self::Edit { edit, .. } => {
                    let set = |patch: Patch<usize>| patch.apply(None).unwrap_or(0);
                    set(edit.text.clone().map(|text| text.as_str().len()))
                        + set(edit.metadata.clone().map(|data| data.to_json().len()))
                        + set(edit.mentions.clone().map(|users| users.len() * 16))
                }
                Self::Add { users } => users.len() * 16,
                Self::Create(new) => new.members.len() * 16 + 1024,
                Self::Update(_) => 8 * 1024,
                Self::Delete { .. }
                | Self::Join
                | Self::Leave
                | Self::Remove { .. }
                | Self::SetRole { .. }
                | Self::Close => 0,
            }
    }

    /// A keyed digest of the whole command, by which a repeat with another body is told from an honest one.
    pub(crate) fn digest(&self, key: &[u8; 32]) -> [u8; 16] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length will do");
        self.feed(&mut mac);
        let mut digest = [0; 16];
        digest.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        digest
    }

    fn feed(&self, mac: &mut Hmac<Sha256>) {
        let mut part = |name: &str, bytes: &[u8]| {
            mac.update(name.as_bytes());
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        match self {
            Self::Send { content, files, .. } => {
                part("send", content.text.as_ref().map_or(&[], |text| text.as_str().as_bytes()));
                part("rest", &pack_content(content).unwrap_or_default());
                if let Some(files) = files {
                    part("files", format!("{:?}", files.ids).as_bytes());
                }
            }
            Self::Edit { seq, edit } => {
                part("edit", &seq.get().to_be_bytes());
                part("patch", format!("{:?}", EditKey(edit)).as_bytes());
                if !edit.attachments.is_keep() {
                    part("files", format!("{:?}", edit.attachments).as_bytes());
                }
            }
            Self::Delete { seq } => part("delete", &seq.get().to_be_bytes()),
            Self::Create(new) => {
                let mut members = new.members.clone();
                members.sort_unstable();
                members.dedup();
                let facts = (&new.kind, &new.name, &new.picture, &new.policy, &new.history, &members);
                part("create", format!("{facts:?}").as_bytes());
                part("metadata", new.metadata.as_ref().map(Metadata::to_json).unwrap_or_default().as_bytes());
            }
            Self::Join => part("join", &[]),
            Self::Leave => part("leave", &[]),
            Self::Add { users } => {
                let mut users = users.clone();
                users.sort_unstable();
                users.dedup();
                part("add", format!("{users:?}").as_bytes());
            }
            Self::Remove { user } => part("remove", user.as_bytes()),
            Self::SetRole { user, role } => part(role.name(), user.as_bytes()),
            Self::Update(update) => {
                part(
                    "update",
                    format!("{:?}{:?}{:?}", update.name, update.picture, update.policy).as_bytes(),
                );
                part("metadata", json(&update.metadata).as_bytes());
            }
            Self::Close => part("close", &[]),
        }
    }
}

/// An edit with its text in full: [`Text`](crate::Text) hides itself from `Debug`.
struct EditKey<'a>(&'a Edit);

impl std::fmt::Debug for EditKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.text.clone().map(|text| text.as_str().to_owned());
        (text, &self.0.mentions, json(&self.0.metadata), self.0.rev).fmt(f)
    }
}

fn json(patch: &Patch<Metadata>) -> String {
    format!("{:?}", patch.clone().map(|data| data.to_json()))
}
