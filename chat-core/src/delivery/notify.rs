//! What nodes tell each other: hints, never truths.

use tokio::sync::mpsc;

use crate::event::TypingEvent;
use crate::id::{ConversationId, Seq, SessionId, UserId};

/// Something another node may want to look at.
///
/// All but [`Notice::Typing`] are positions: the receiver reads what is so in the store, and is not wrong when one is
/// lost, doubled, late or forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A log has grown at least to here.
    Head {
        /// Which.
        conversation: ConversationId,
        /// To where.
        seq: Seq,
    },
    /// A user's memberships changed.
    Memberships(UserId),
    /// A user's friendships changed.
    Friendships(UserId),
    /// A login may have ended.
    Session(SessionId),
    /// Somebody has received or read.
    Receipt {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// Somebody is typing: content, delivered only where the receiving node finds him among the members.
    Typing(TypingEvent),
}

/// What a node's notices are about, for a notifier that subscribes only to what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A conversation.
    Conversation(ConversationId),
    /// A user.
    User(UserId),
}

/// Whether a node needs a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// From now on.
    On,
    /// Not any more.
    Off,
}

/// Where notices of other nodes go in: bounded. What does not fit is dropped, and the node reads the store instead.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) overflow: std::sync::Arc<tokio::sync::Notify>,
}

impl Inbound {
    /// Takes a notice in.
    pub fn push(&self, notice: Notice) {
        if self.notices.try_send(notice).is_err() {
            metrics::counter!("chat_notices_overflowed").increment(1);
            self.overflow.notify_one();
        }
    }
}

/// Tells the other nodes.
///
/// # Contract
/// - No method blocks, waits or fails: what cannot be told now is dropped.
/// - Notices may be lost, doubled, reordered and delayed.
pub trait Notifier: Send + Sync + 'static {
    /// Tells the others.
    fn notify(&self, notice: &Notice);

    /// Says what this node wants to be told of.
    fn interest(&self, topic: Topic, interest: Interest);

    /// Where what the others tell shall go; called once, when the chat is built.
    fn attach(&self, inbound: Inbound);
}

/// One node: nobody to tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Notifier for Silent {
    fn notify(&self, _notice: &Notice) {}

    fn interest(&self, _topic: Topic, _interest: Interest) {}

    fn attach(&self, _inbound: Inbound) {}
}
