//! What exists between two people: one record per unordered pair, changed only by [`transition`].
//!
//! A block is never told: whoever asks a person who blocked him sees his request as sent, and that person sees
//! nothing. The record knows more than either side may see; [`Friendship::view`] is what a side sees.

use crate::error::Refusal;
use crate::id::Side;

/// The friendship of a pair, as a store keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Friendship {
    /// How far it has come.
    pub state: State,
    /// Whether each side (low, high) has blocked the other.
    pub blocked: [bool; 2],
}

/// How far a friendship has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing, or nothing any more.
    #[default]
    None,
    /// One side has asked.
    Requested {
        /// Who asked.
        by: Side,
        /// Whether the other side may know.
        shown: Shown,
    },
    /// Both agreed.
    Friends,
}

/// Whether the addressee of a request sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// He does.
    Yes,
    /// It was made against a block and stays hidden, also after the block has ended.
    Hidden,
}

/// What one side may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask for friendship.
    Request,
    /// Accept what the other asked.
    Accept,
    /// Turn down what the other asked.
    Reject,
    /// Take back what one asked.
    Cancel,
    /// End a friendship.
    Remove,
    /// Refuse all contact.
    Block,
    /// End one's own block.
    Unblock,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] =
        [Self::Request, Self::Accept, Self::Reject, Self::Cancel, Self::Remove, Self::Block, Self::Unblock];
}

/// What one side sees of a friendship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The relation, from this side.
    pub relation: Relation,
    /// Whether this side has blocked the other.
    pub blocked: bool,
}

/// A relation as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Strangers.
    None,
    /// This side has asked.
    Requested,
    /// The other side has asked.
    Incoming,
    /// Friends.
    Friends,
}

impl Friendship {
    /// What `side` sees.
    pub fn view(&self, side: Side) -> View {
        let relation = match self.state {
            State::Friends => Relation::Friends,
            State::Requested { by, .. } if by == side => Relation::Requested,
            State::Requested { shown: Shown::Yes, .. } => Relation::Incoming,
            State::None | State::Requested { shown: Shown::Hidden, .. } => Relation::None,
        };
        View { relation, blocked: self.blocked_by(side) }
    }

    /// Whether `side` has blocked the other.
    pub const fn blocked_by(&self, side: Side) -> bool {
        self.blocked[side.index()]
    }

    /// Whether either has blocked the other.
    pub const fn is_blocked(&self) -> bool {
        self.blocked[0] || self.blocked[1]
    }

    /// Whether they are friends.
    pub fn is_friends(&self) -> bool {
        self.state == State::Friends
    }

    /// Whether going from here to `next` takes a right away, so that a fence is due.
    pub fn takes_right(&self, next: &Self) -> bool {
        let unfriended = self.is_friends() && !next.is_friends();
        unfriended || Side::BOTH.iter().any(|&side| !self.blocked_by(side) && next.blocked_by(side))
    }

    fn with(self, state: State) -> Self {
        Self { state, ..self }
    }

    fn block(mut self, side: Side) -> Self {
        self.blocked[side.index()] = true;
        self.state = match self.state {
            State::None | State::Friends => State::None,
            // The blocker takes back what he asked; what the blocked side asked is hidden from now on.
            State::Requested { by, .. } if by == side => State::None,
            State::Requested { by, .. } => State::Requested { by, shown: Shown::Hidden },
        };
        self
    }

    fn unblock(mut self, side: Side) -> Self {
        self.blocked[side.index()] = false;
        self
    }
}

/// What `action` by `side` does to a friendship. Total: every state, side and action is decided; a repeat changes
/// nothing.
///
/// # Errors
/// [`Refusal::Conflict`] when there is nothing to accept, or when one asks somebody one has blocked.
#[expect(clippy::match_same_arms, reason = "a table is read row by row, action after action")]
pub fn transition(now: Friendship, side: Side, action: Action) -> Result<Friendship, Refusal> {
    let mine = |by: Side| by == side;
    Ok(match (action, now.state) {
        (Action::Block, _) => now.block(side),
        (Action::Unblock, _) => now.unblock(side),

        (Action::Request, _) if now.blocked_by(side) => return Err(Refusal::Conflict),
        (Action::Request, State::None) => {
            let shown = if now.blocked_by(side.other()) { Shown::Hidden } else { Shown::Yes };
            now.with(State::Requested { by: side, shown })
        }
        (Action::Request, State::Requested { by, .. }) if mine(by) => now,
        // Crossed requests meet, a hidden one included once the block is over.
        (Action::Request, State::Requested { .. }) => now.with(State::Friends),
        (Action::Request, State::Friends) => now,

        (Action::Accept, State::Requested { by, shown: Shown::Yes }) if !mine(by) => now.with(State::Friends),
        (Action::Accept, State::Friends) => now,
        (Action::Accept, State::None | State::Requested { .. }) => return Err(Refusal::Conflict),

        (Action::Reject, State::Requested { by, shown: Shown::Yes }) if !mine(by) => now.with(State::None),
        (Action::Reject, State::None | State::Requested { .. } | State::Friends) => now,

        (Action::Cancel, State::Requested { by, .. }) if mine(by) => now.with(State::None),
        (Action::Cancel, State::None | State::Requested { .. } | State::Friends) => now,

        (Action::Remove, State::Friends) => now.with(State::None),
        (Action::Remove, State::None | State::Requested { .. }) => now,
    })
}
