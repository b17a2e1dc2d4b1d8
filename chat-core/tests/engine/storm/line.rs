//! The line between the nodes, and what it does to notices.

use std::sync::{Arc, Mutex};

use chat_core::command::Typing;
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::event::TypingEvent;
use chat_core::{ConversationId, Notice, Notifier, Seq, SessionId};

use super::random::Random;
use crate::common::*;

/// What it does to a notice, in a hundred.
const LOST: usize = 25;
const DOUBLED: usize = 15;
const DELAYED: usize = 30;
const FORGED: usize = 15;

/// The line as it is for all nodes.
pub(super) struct Storm {
    state: Mutex<State>,
}

struct State {
    random: Random,
    ends: Vec<Option<Inbound>>,
    /// What is on its way for longer, and to whom.
    delayed: Vec<(usize, Notice)>,
    rages: bool,
}

/// One node's end.
pub(super) struct End {
    storm: Arc<Storm>,
    nth: usize,
}

impl Storm {
    pub(super) fn new(random: Random) -> Arc<Self> {
        let state = State { random, ends: Vec::new(), delayed: Vec::new(), rages: true };
        Arc::new(Self { state: Mutex::new(state) })
    }

    pub(super) fn end(self: &Arc<Self>, nth: usize) -> End {
        End { storm: Arc::clone(self), nth }
    }

    /// From now on everything comes through; what was on its way comes now.
    pub(super) fn is_over(&self) {
        let mut state = self.state.lock().unwrap();
        state.rages = false;
        for (to, notice) in std::mem::take(&mut state.delayed) {
            state.push(to, notice);
        }
    }
}

impl State {
    fn push(&self, to: usize, notice: Notice) {
        if let Some(Some(end)) = self.ends.get(to) {
            end.push(notice);
        }
    }

    /// One notice on its way to one node.
    fn carry(&mut self, to: usize, notice: Notice) {
        if !self.rages {
            self.push(to, notice);
            return;
        }
        let chance = self.random.below(100);
        if chance < LOST {
            return;
        }
        if chance < LOST + DELAYED {
            self.delayed.push((to, notice));
        } else {
            self.push(to, notice);
        }
        if chance >= 100 - DOUBLED {
            self.push(to, notice);
        }
        // What was kept back comes in any order.
        if !self.delayed.is_empty() && self.random.below(3) == 0 {
            let nth = self.random.below(self.delayed.len());
            let (to, late) = self.delayed.swap_remove(nth);
            self.push(to, late);
        }
        if self.random.below(100) < FORGED {
            let forged = self.forged();
            self.push(to, forged);
        }
    }

    /// Something that never was.
    fn forged(&mut self) -> Notice {
        let who = user(self.random.below(8) as u64);
        let conversation =
            if self.random.below(2) == 0 { direct(1, 2) } else { ConversationId::from_bytes([7; 16]) };
        match self.random.below(6) {
            0 => Notice::Head { conversation, seq: Seq::new(1 + self.random.below(1 << 40) as u64) },
            1 => Notice::Memberships(who),
            2 => Notice::Friendships(who),
            3 => Notice::Session(SessionId::from_bytes([3; 16])),
            4 => Notice::Receipt { conversation, user: who },
            _ => Notice::Typing(TypingEvent { conversation, user: who, typing: Typing::Active }),
        }
    }
}

impl Notifier for End {
    fn notify(&self, notice: &Notice) {
        let mut state = self.storm.state.lock().unwrap();
        for to in 0..state.ends.len() {
            if to != self.nth {
                state.carry(to, *notice);
            }
        }
    }

    fn interest(&self, _topic: Topic, _interest: Interest) {}

    fn attach(&self, inbound: Inbound) {
        let mut state = self.storm.state.lock().unwrap();
        let nth = self.nth;
        if state.ends.len() <= nth {
            state.ends.resize(nth + 1, None);
        }
        state.ends[nth] = Some(inbound);
    }
}
