//! What nodes tell each other: hints, never truths.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, mpsc};

use super::nodes::{NodeId, Sign};

use crate::event::TypingEvent;
use crate::id::{ConversationId, Seq, SessionId, UserId};

/// Something another node may want to look at.
///
/// Most are positions: the receiver reads what is so in the store, and is not wrong when one is lost, doubled, late or
/// forged. Those that [carry content](Self::is_content) are live only, never stored, and a notifier signs them where it
/// has a key.
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
    /// Somebody has sessions on a node, or has none there any more: content, told only to who may see him.
    Presence {
        /// Who.
        user: UserId,
        /// Where.
        node: NodeId,
        /// Whether he has sessions there.
        connected: Connected,
    },
    /// A node asks whether somebody is connected elsewhere: who has his sessions answers.
    Whereabouts(UserId),
    /// A node is alive, or is about to leave: content.
    Node {
        /// Which.
        node: NodeId,
        /// What it says of itself.
        sign: Sign,
    },
}

impl Notice {
    /// What it is about: nodes that are interested in this are told.
    pub const fn topic(&self) -> Topic {
        match *self {
            Self::Head { conversation, .. }
            | Self::Receipt { conversation, .. }
            | Self::Typing(TypingEvent { conversation, .. }) => Topic::Conversation(conversation),
            Self::Memberships(user) | Self::Friendships(user) | Self::Whereabouts(user) => Topic::User(user),
            Self::Presence { user, .. } => Topic::Presence(user),
            Self::Session(_) | Self::Node { .. } => Topic::Nodes,
        }
    }

    /// Whether it is believed for what it says, not only a reason to look.
    pub const fn is_content(&self) -> bool {
        match self {
            Self::Typing(_) | Self::Presence { .. } | Self::Node { .. } => true,
            Self::Head { .. }
            | Self::Memberships(_)
            | Self::Friendships(_)
            | Self::Session(_)
            | Self::Receipt { .. }
            | Self::Whereabouts(_) => false,
        }
    }
}

/// Whether somebody has sessions on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connected {
    /// At least one.
    Yes,
    /// None.
    No,
}

/// What a node's notices are about, for a notifier that subscribes only to what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A conversation.
    Conversation(ConversationId),
    /// A user who has sessions on the node.
    User(UserId),
    /// Whether a user is connected elsewhere: somebody on the node watches him.
    Presence(UserId),
    /// What concerns every node.
    Nodes,
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
    notices: mpsc::Sender<Notice>,
    loss: Arc<Loss>,
}

/// What is known of notices that did not come.
#[derive(Debug, Default)]
pub(super) struct Loss {
    pub(super) noticed: Notify,
    is_cut: AtomicBool,
}

impl Loss {
    /// Whether the line was cut since the last time.
    pub(super) fn was_cut(&self) -> bool {
        self.is_cut.swap(false, Ordering::AcqRel)
    }
}

/// Where they come out.
#[derive(Debug)]
pub struct Incoming {
    pub(super) notices: mpsc::Receiver<Notice>,
    pub(super) loss: Arc<Loss>,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A notice.
    Notice(Notice),
    /// Some may have been lost.
    Lost,
}

impl Inbound {
    /// A way in, and its end: what a chat gives its notifier, and what a notifier is tested with.
    pub fn bounded(notices: usize) -> (Self, Incoming) {
        let (sender, receiver) = mpsc::channel(notices);
        let loss = Arc::new(Loss::default());
        (Self { notices: sender, loss: Arc::clone(&loss) }, Incoming { notices: receiver, loss })
    }

    /// Takes a notice in.
    pub fn push(&self, notice: Notice) {
        if self.notices.try_send(notice).is_err() {
            metrics::counter!("chat_notices_overflowed").increment(1);
            self.lost();
        }
    }

    /// Says that notices may have been lost, as after a line was cut: the node reads the store now.
    pub fn lost(&self) {
        self.loss.noticed.notify_one();
    }

    /// Says that the line is cut: until the node hears itself again it reads the store often.
    pub fn cut(&self) {
        self.loss.is_cut.store(true, Ordering::Release);
        self.lost();
    }
}

impl Incoming {
    /// What comes next; nothing when there is no way in any more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Heard> {
        tokio::select! {
            biased;
            notice = self.notices.recv() => notice.map(Heard::Notice),
            () = self.loss.noticed.notified() => Some(Heard::Lost),
        }
    }
}

/// Tells the other nodes.
///
/// # Contract
/// - No method blocks, waits or fails: what cannot be told now is dropped.
/// - Notices may be lost, doubled, reordered and delayed.
/// - What a node tells comes back to itself where it is interested in the topic: by its own signs of life it knows that
///   the line works.
pub trait Notifier: Send + Sync + 'static {
    /// Tells those interested in the notice's [topic](Notice::topic).
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
