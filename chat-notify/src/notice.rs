//! The bytes of one notice: its kind, the length of what follows, and that.
//!
//! The length makes what a newer node tells passable: an unknown kind is skipped, and what stands behind the fields
//! known here is left alone. Numbers are big-endian, ids their 16 bytes.

use chat_core::command::Typing;
use chat_core::delivery::{Connected, NodeId, Notice, Sign};
use chat_core::event::TypingEvent;
use chat_core::{ConversationId, Seq, SessionId, UserId};
use uuid::Uuid;

/// The most bytes a notice takes.
pub(crate) const BYTES_MAX: usize = 2 + 33;

/// Kinds, given out once.
mod kind {
    pub(super) const HEAD: u8 = 1;
    pub(super) const MEMBERSHIPS: u8 = 2;
    pub(super) const FRIENDSHIPS: u8 = 3;
    pub(super) const SESSION: u8 = 4;
    pub(super) const RECEIPT: u8 = 5;
    pub(super) const TYPING: u8 = 6;
    pub(super) const PRESENCE: u8 = 7;
    pub(super) const WHEREABOUTS: u8 = 8;
    pub(super) const NODE: u8 = 9;
}

/// Writes a notice; one that this version cannot say is left out.
pub(crate) fn write(notice: &Notice, into: &mut Vec<u8>) {
    match notice {
        Notice::Head { conversation, seq } => {
            put(into, kind::HEAD, &[conversation.as_bytes(), &seq.get().to_be_bytes()]);
        }
        Notice::Memberships(user) => put(into, kind::MEMBERSHIPS, &[user.as_bytes()]),
        Notice::Friendships(user) => put(into, kind::FRIENDSHIPS, &[user.as_bytes()]),
        Notice::Session(session) => put(into, kind::SESSION, &[session.as_bytes()]),
        Notice::Receipt { conversation, user } => {
            put(into, kind::RECEIPT, &[conversation.as_bytes(), user.as_bytes()]);
        }
        Notice::Typing(TypingEvent { conversation, user, typing }) => {
            let active = u8::from(*typing == Typing::Active);
            put(into, kind::TYPING, &[conversation.as_bytes(), user.as_bytes(), &[active]]);
        }
        Notice::Presence { user, node, connected } => {
            let connected = u8::from(*connected == Connected::Yes);
            put(into, kind::PRESENCE, &[user.as_bytes(), node.0.as_bytes(), &[connected]]);
        }
        Notice::Whereabouts(user) => put(into, kind::WHEREABOUTS, &[user.as_bytes()]),
        Notice::Node { node, sign } => {
            let alive = u8::from(*sign == Sign::Alive);
            put(into, kind::NODE, &[node.0.as_bytes(), &[alive]]);
        }
        _ => tracing::error!(?notice, "a notice that has no bytes is not told"),
    }
}

fn put(into: &mut Vec<u8>, kind: u8, fields: &[&[u8]]) {
    let length: usize = fields.iter().map(|field| field.len()).sum();
    into.extend([kind, u8::try_from(length).expect("a notice is shorter than 256 bytes")]);
    for field in fields {
        into.extend_from_slice(field);
    }
}

/// What reading a notice comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// One that is understood.
    Notice(Notice),
    /// One of a kind that a newer version knows.
    Unknown,
}

/// Reads one notice off the front of `bytes`; nothing when that is none.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<Read> {
    let (&[kind, length], rest) = bytes.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(usize::from(length))?;
    *bytes = rest;
    let mut fields = Fields(body);
    let notice = match kind {
        kind::HEAD => Notice::Head { conversation: fields.conversation()?, seq: fields.seq()? },
        kind::MEMBERSHIPS => Notice::Memberships(fields.user()?),
        kind::FRIENDSHIPS => Notice::Friendships(fields.user()?),
        kind::SESSION => Notice::Session(SessionId::from_bytes(fields.take()?)),
        kind::RECEIPT => Notice::Receipt { conversation: fields.conversation()?, user: fields.user()? },
        kind::TYPING => {
            let (conversation, user) = (fields.conversation()?, fields.user()?);
            let typing = if fields.flag()? { Typing::Active } else { Typing::Stopped };
            Notice::Typing(TypingEvent { conversation, user, typing })
        }
        kind::PRESENCE => {
            let (user, node) = (fields.user()?, fields.node()?);
            let connected = if fields.flag()? { Connected::Yes } else { Connected::No };
            Notice::Presence { user, node, connected }
        }
        kind::WHEREABOUTS => Notice::Whereabouts(fields.user()?),
        kind::NODE => {
            let node = fields.node()?;
            Notice::Node { node, sign: if fields.flag()? { Sign::Alive } else { Sign::Leaving } }
        }
        _ => return Some(Read::Unknown),
    };
    Some(Read::Notice(notice))
}

/// The fields of a notice, one after the other.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn conversation(&mut self) -> Option<ConversationId> {
        self.take().map(ConversationId::from_bytes)
    }

    fn user(&mut self) -> Option<UserId> {
        self.take().map(UserId::from_bytes)
    }

    fn node(&mut self) -> Option<NodeId> {
        self.take().map(|bytes| NodeId(Uuid::from_bytes(bytes)))
    }

    fn seq(&mut self) -> Option<Seq> {
        self.take().map(|bytes| Seq::new(u64::from_be_bytes(bytes)))
    }

    /// Zero or one; anything else is none of ours.
    fn flag(&mut self) -> Option<bool> {
        match self.take()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One of each kind, and of each value of its flags.
    pub(crate) fn all() -> Vec<Notice> {
        let (conversation, user) = (ConversationId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        let node = NodeId(Uuid::from_u128(3));
        let typing = |typing| Notice::Typing(TypingEvent { conversation, user, typing });
        vec![
            Notice::Head { conversation, seq: Seq::new(u64::MAX) },
            Notice::Memberships(user),
            Notice::Friendships(user),
            Notice::Session(SessionId::from_bytes([4; 16])),
            Notice::Receipt { conversation, user },
            typing(Typing::Active),
            typing(Typing::Stopped),
            Notice::Presence { user, node, connected: Connected::Yes },
            Notice::Presence { user, node, connected: Connected::No },
            Notice::Whereabouts(user),
            Notice::Node { node, sign: Sign::Alive },
            Notice::Node { node, sign: Sign::Leaving },
        ]
    }

    #[test]
    fn every_notice_comes_back_as_it_went() {
        for notice in all() {
            let mut bytes = Vec::new();
            write(&notice, &mut bytes);
            assert!(bytes.len() <= BYTES_MAX, "{notice:?}");
            let mut rest = bytes.as_slice();
            assert_eq!(read(&mut rest), Some(Read::Notice(notice)));
            assert_eq!(rest, [0; 0]);
        }
    }

    #[test]
    fn what_is_cut_short_is_none() {
        for notice in all() {
            let mut bytes = Vec::new();
            write(&notice, &mut bytes);
            for end in 0..bytes.len() {
                assert_eq!(read(&mut &bytes[..end]), None, "{notice:?} up to {end}");
            }
        }
    }

    #[test]
    fn what_a_newer_version_tells_is_passed_over() {
        let mut newer = Vec::new();
        write(&all()[0], &mut newer);
        newer.extend([7; 5]);
        newer[1] += 5;
        newer.extend([200, 3, 1, 2, 3]);
        let mut rest = newer.as_slice();
        assert_eq!(read(&mut rest), Some(Read::Notice(all()[0])), "fields behind those known here");
        assert_eq!(read(&mut rest), Some(Read::Unknown));
        assert_eq!(rest, [0; 0]);
    }

    #[test]
    fn a_flag_is_zero_or_one() {
        let mut bytes = Vec::new();
        write(&all()[5], &mut bytes);
        *bytes.last_mut().unwrap() = 2;
        assert_eq!(read(&mut bytes.as_slice()), None);
    }
}
