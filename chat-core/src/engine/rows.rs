//! From rows as stores keep them to entries and messages as people see them.

use super::payload::{unpack_content, unpack_facts};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::{Entry, Message, What, kind};
use crate::store::{EntryRow, MessageRow};

/// A message as it is now, `None` when its row cannot be read.
pub(crate) fn message(of: ConversationId, row: &MessageRow) -> Option<Message> {
    let content = if row.deleted_at.is_some() {
        crate::message::Content::default()
    } else {
        unpack_content(row.text.as_deref(), row.payload.as_ref())?
    };
    Some(Message {
        id: row.id,
        conversation: of,
        seq: row.seq,
        rev: row.rev,
        sender: person(row.sender),
        client_id: row.client_id.clone(),
        content,
        created_at: row.at,
        edited_at: row.edited_at.filter(|_| row.deleted_at.is_none()),
        deleted_at: row.deleted_at,
    })
}

/// An entry as it is passed on. A row that cannot be read keeps its place as [`What::Unreadable`].
pub(crate) fn entry(of: ConversationId, row: &EntryRow) -> Entry {
    Entry {
        id: row.id,
        conversation: of,
        seq: row.seq,
        at: row.at,
        by: person(row.by),
        client_id: row.client_id.clone(),
        target: row.target,
        what: what(of, row).unwrap_or(What::Unreadable),
    }
}

fn what(of: ConversationId, row: &EntryRow) -> Option<What> {
    let about = || row.message.as_ref().and_then(|row| message(of, row));
    let facts = || unpack_facts(row.payload.as_ref());
    Some(match row.kind {
        kind::MESSAGE => What::Message(about()?),
        kind::EDITED => What::Edited(about()?),
        kind::DELETED => What::Deleted(about()?),
        kind::CREATED => {
            let facts = facts()?;
            What::Created { users: facts.users, changes: facts.changes }
        }
        kind::JOINED => What::Joined { users: facts()?.users },
        kind::LEFT => {
            let facts = facts()?;
            What::Left { users: facts.users, successor: facts.successor }
        }
        kind::REMOVED => What::Removed { users: facts()?.users },
        kind::BANNED => What::Banned { users: facts()?.users },
        kind::UNBANNED => What::Unbanned { users: facts()?.users },
        kind::ROLE_CHANGED => {
            let facts = facts()?;
            What::RoleChanged { users: facts.users, role: facts.role? }
        }
        kind::UPDATED => What::Updated { changes: facts()?.changes },
        kind::CLOSED => What::Closed,
        kind::UNREADABLE => What::Unreadable,
        number => What::Other {
            kind: number,
            payload: row.payload.as_ref().and_then(|bytes| serde_json::from_slice(bytes).ok()),
        },
    })
}

/// The entry as somebody sees it whose view begins at `visible_from`: bare when it is about something before.
pub(crate) fn seen_from(entry: Entry, visible_from: Seq) -> Entry {
    if is_bare(&entry, visible_from) { bare(&entry) } else { entry }
}

/// Whether somebody whose view begins at `visible_from` gets this entry without content.
pub(crate) fn is_bare(entry: &Entry, visible_from: Seq) -> bool {
    entry.target.is_some_and(|target| target < visible_from)
}

/// The same entry without content.
pub(crate) fn bare(entry: &Entry) -> Entry {
    Entry { what: What::Bare { kind: kind_of(&entry.what) }, ..entry.clone() }
}

/// The number of what an entry says.
pub(crate) const fn kind_of(what: &What) -> u16 {
    match what {
        What::Message(_) => kind::MESSAGE,
        What::Edited(_) => kind::EDITED,
        What::Deleted(_) => kind::DELETED,
        What::Created { .. } => kind::CREATED,
        What::Joined { .. } => kind::JOINED,
        What::Left { .. } => kind::LEFT,
        What::Removed { .. } => kind::REMOVED,
        What::Banned { .. } => kind::BANNED,
        What::Unbanned { .. } => kind::UNBANNED,
        What::RoleChanged { .. } => kind::ROLE_CHANGED,
        What::Updated { .. } => kind::UPDATED,
        What::Closed => kind::CLOSED,
        What::Unreadable => kind::UNREADABLE,
        What::Other { kind, .. } | What::Bare { kind } => *kind,
    }
}

/// Whether an entry changes nothing about who is served: such ones may be passed on together.
pub(crate) const fn is_plain(what: &What) -> bool {
    match what {
        What::Message(_)
        | What::Edited(_)
        | What::Deleted(_)
        | What::Unreadable
        | What::Other { .. }
        | What::Bare { .. } => true,
        What::Created { .. }
        | What::Joined { .. }
        | What::Left { .. }
        | What::Removed { .. }
        | What::Banned { .. }
        | What::Unbanned { .. }
        | What::RoleChanged { .. }
        | What::Updated { .. }
        | What::Closed => false,
    }
}

/// Whose membership an entry begins and ends.
pub(crate) fn comings_and_goings(what: &What) -> (&[UserId], &[UserId]) {
    match what {
        What::Created { users, .. } | What::Joined { users } => (users, &[]),
        What::Left { users, .. } | What::Removed { users } | What::Banned { users } => (&[], users),
        _ => (&[], &[]),
    }
}

/// Who did it; absent for the system.
pub(crate) fn person(user: UserId) -> Option<UserId> {
    (!user.is_system()).then_some(user)
}
