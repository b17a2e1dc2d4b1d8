//! What somebody's sessions are told when a conversation is new to him: decided here, and told by the topic under its own
//! lock, so that nothing is passed on between the telling and the following.

use std::sync::Arc;

use super::outbox::{Behind, Chore, Lag, Outbox};
use super::session::News;
use crate::event::Event;
use crate::id::{ConversationId, Seq};

/// How somebody's sessions are told of a conversation that is new to him.
#[derive(Clone, Copy)]
pub(super) struct Introduction<'a> {
    pub(super) visible_from: Seq,
    pub(super) looks: Looks<'a>,
    /// A session that knows of it already.
    pub(super) except: Option<&'a Arc<Outbox>>,
}

/// What a conversation looks like to somebody to whom it is new.
#[derive(Clone, Copy)]
pub(super) enum Looks<'a> {
    /// He sees no entry yet: the first one tells of it.
    Empty,
    /// Nobody was there to be told: who has come since reads it himself.
    Unread,
    Like {
        /// With everything up to `head`.
        summary: &'a Event,
        head: Seq,
        /// Where his part of it begins, for sessions that are told by entries.
        came_at: Seq,
    },
}

impl Introduction<'_> {
    /// Of a conversation of which somebody sees no entry yet.
    pub(super) const fn empty(visible_from: Seq) -> Self {
        Self { visible_from, looks: Looks::Empty, except: None }
    }

    pub(super) fn is_known_to(&self, outbox: &Arc<Outbox>) -> bool {
        self.except.is_some_and(|except| Arc::ptr_eq(except, outbox))
    }

    /// Tells a session that did not follow it; what comes after `passed` is passed on to it from here on.
    pub(super) fn tell(&self, outbox: &Arc<Outbox>, id: ConversationId, passed: Seq) {
        let lag = |next| Lag { next, visible_from: self.visible_from };
        match self.looks {
            // What was passed on to others meanwhile is not left out.
            Looks::Empty if self.visible_from <= passed => outbox.lag_from(id, lag(self.visible_from)),
            Looks::Empty => {}
            Looks::Unread => outbox.owe(&Chore::Summary(id)),
            Looks::Like { came_at, .. } if outbox.news == News::Entries => {
                outbox.introduce(id, None, Behind::at(lag(came_at), passed));
            }
            Looks::Like { summary, head, .. } => {
                outbox.introduce(id, Some(summary), Behind::at(lag(head.next()), passed));
            }
        }
    }

    /// Tells a session that follows it already, as a reader.
    pub(super) fn tell_reader(&self, outbox: &Arc<Outbox>, id: ConversationId) {
        if let Looks::Like { summary, .. } = self.looks
            && outbox.news == News::Summary
            && !self.is_known_to(outbox)
        {
            outbox.offer_summary(id, summary);
        }
    }
}
