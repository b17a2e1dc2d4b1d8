//! Friendship: every state, side and action; and what holds after any sequence of them.

use chat_core::Refusal;
use chat_core::Side::{self, High, Low};
use chat_core::friendship::Action::{self, Accept, Block, Cancel, Reject, Remove, Request, Unblock};
use chat_core::friendship::Shown::{self, Hidden, Yes};
use chat_core::friendship::{Friendship, Relation, State, View, transition};
use proptest::prelude::*;

const fn asked(shown: Shown) -> State {
    State::Requested { by: Low, shown }
}

const fn asked_back(shown: Shown) -> State {
    State::Requested { by: High, shown }
}

const STATES: [State; 6] =
    [State::None, State::Friends, asked(Yes), asked(Hidden), asked_back(Yes), asked_back(Hidden)];

const BLOCKS: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];

fn everything() -> impl Iterator<Item = Friendship> {
    STATES.into_iter().flat_map(|state| BLOCKS.map(|blocked| Friendship { state, blocked }))
}

/// The same seen in a mirror: low is high.
fn mirrored(friendship: Friendship) -> Friendship {
    let state = match friendship.state {
        State::Requested { by, shown } => State::Requested { by: by.other(), shown },
        same @ (State::None | State::Friends) => same,
    };
    let [low, high] = friendship.blocked;
    Friendship { state, blocked: [high, low] }
}

/// The table as written in the design, for the low side: what each action makes of each state, with nobody blocked.
#[test]
fn the_table_without_blocks() {
    let refused = Err(Refusal::Conflict);
    let rows: [(Action, [Result<State, Refusal>; 6]); 5] = [
        // none, friends, asked, asked hidden, asked by the other, asked by the other hidden
        (
            Request,
            [
                Ok(asked(Yes)),
                Ok(State::Friends),
                Ok(asked(Yes)),
                Ok(asked(Hidden)),
                Ok(State::Friends),
                Ok(State::Friends),
            ],
        ),
        (Accept, [refused, Ok(State::Friends), refused, refused, Ok(State::Friends), refused]),
        (
            Reject,
            [
                Ok(State::None),
                Ok(State::Friends),
                Ok(asked(Yes)),
                Ok(asked(Hidden)),
                Ok(State::None),
                Ok(asked_back(Hidden)),
            ],
        ),
        (
            Cancel,
            [
                Ok(State::None),
                Ok(State::Friends),
                Ok(State::None),
                Ok(State::None),
                Ok(asked_back(Yes)),
                Ok(asked_back(Hidden)),
            ],
        ),
        (
            Remove,
            [
                Ok(State::None),
                Ok(State::None),
                Ok(asked(Yes)),
                Ok(asked(Hidden)),
                Ok(asked_back(Yes)),
                Ok(asked_back(Hidden)),
            ],
        ),
    ];
    for (action, row) in rows {
        for (state, expected) in STATES.into_iter().zip(row) {
            let now = Friendship { state, blocked: [false; 2] };
            let expected = expected.map(|state| Friendship { state, ..now });
            assert_eq!(transition(now, Low, action), expected, "{action:?} at {state:?}");
        }
    }
}

/// A block ends what there was, hides what the other asked, and takes back what the blocker asked; its end brings
/// nothing back.
#[test]
fn the_table_of_blocks() {
    let after = [State::None, State::None, State::None, State::None, asked_back(Hidden), asked_back(Hidden)];
    for (state, after) in STATES.into_iter().zip(after) {
        for other in [false, true] {
            let now = Friendship { state, blocked: [false, other] };
            let blocked = Friendship { state: after, blocked: [true, other] };
            assert_eq!(transition(now, Low, Block), Ok(blocked));
            assert_eq!(transition(blocked, Low, Block), Ok(blocked), "a repeat is no change");
            let ended = Friendship { state: after, blocked: [false, other] };
            assert_eq!(transition(blocked, Low, Unblock), Ok(ended), "nothing comes back");
            assert_eq!(transition(ended, Low, Unblock), Ok(ended));
        }
    }
}

/// Who asks a person who has blocked him has asked, unseen; who asks somebody he has blocked is refused.
#[test]
fn requests_across_a_block() {
    let blocker = |blocked| Friendship { state: State::None, blocked };
    let unseen = Friendship { state: asked(Hidden), blocked: [false, true] };
    assert_eq!(transition(blocker([false, true]), Low, Request), Ok(unseen));
    for other in [false, true] {
        for state in STATES {
            let now = Friendship { state, blocked: [true, other] };
            assert_eq!(transition(now, Low, Request), Err(Refusal::Conflict), "{now:?}");
        }
    }
}

/// The rules do not know which side is low.
#[test]
fn both_sides_have_the_same_rules() {
    for now in everything() {
        for side in Side::BOTH {
            for action in Action::ALL {
                let there = transition(now, side, action).map(mirrored);
                assert_eq!(there, transition(mirrored(now), side.other(), action), "{action:?} at {now:?}");
            }
        }
    }
}

/// What was done once is done: the same again changes nothing more.
#[test]
fn every_action_is_idempotent() {
    for now in everything() {
        for side in Side::BOTH {
            for action in Action::ALL {
                if let Ok(next) = transition(now, side, action) {
                    match transition(next, side, action) {
                        Ok(again) => assert_eq!(again, next, "{action:?} at {now:?}"),
                        Err(refusal) => panic!("{action:?} at {now:?}, repeated: {refusal}"),
                    }
                }
            }
        }
    }
}

/// Friends see each other as friends; a request is seen from both ends or from the asker's alone.
#[test]
fn views_fit_together() {
    for now in everything() {
        let [low, high] = Side::BOTH.map(|side| now.view(side));
        assert_eq!([low.blocked, high.blocked], now.blocked, "each sees his own block, and only that");
        let fits = match (low.relation, high.relation) {
            (Relation::None, Relation::None) | (Relation::Friends, Relation::Friends) => true,
            (Relation::Requested, other) | (other, Relation::Requested) => {
                matches!(other, Relation::Incoming | Relation::None)
            }
            _ => false,
        };
        assert!(fits, "{now:?}: {low:?} and {high:?}");
    }
}

/// A fence is due exactly when a friendship ends or a block begins.
#[test]
fn what_takes_a_right() {
    for now in everything() {
        for next in everything() {
            let unfriended = now.state == State::Friends && next.state != State::Friends;
            let begun = (0..2).any(|side| !now.blocked[side] && next.blocked[side]);
            assert_eq!(now.takes_right(&next), unfriended || begun, "{now:?} to {next:?}");
        }
    }
}

/// Whoever asks first, both having asked are friends.
#[test]
fn crossed_requests_end_as_friends() {
    for first in Side::BOTH {
        let asked = transition(Friendship::default(), first, Request).unwrap();
        let both = transition(asked, first.other(), Request).unwrap();
        assert!(both.is_friends());
    }
}

fn steps() -> impl Strategy<Value = Vec<(Side, Action)>> {
    let side = prop_oneof![Just(Low), Just(High)];
    proptest::collection::vec((side, proptest::sample::select(Action::ALL.to_vec())), 0..40)
}

fn after(steps: &[(Side, Action)]) -> Friendship {
    steps
        .iter()
        .fold(Friendship::default(), |now, &(side, action)| transition(now, side, action).unwrap_or(now))
}

proptest! {
    /// No sequence leads to friends with a block between them, or to a request of somebody who has blocked.
    #[test]
    fn blocks_and_friendship_exclude_each_other(steps in steps()) {
        let now = after(&steps);
        prop_assert!(!(now.is_friends() && now.is_blocked()), "{now:?}");
        if let State::Requested { by, shown } = now.state {
            prop_assert!(!now.blocked_by(by), "{now:?}");
            prop_assert!(shown == Hidden || !now.blocked_by(by.other()), "{now:?}");
        }
    }

    /// A block is never told: whatever high does to low, low sees the same whether high has blocked him or has only
    /// ended what was between them — until high acts towards him again.
    #[test]
    fn a_block_is_never_told(before in steps(), low_does in proptest::collection::vec(
        proptest::sample::select(vec![Request, Accept, Reject, Cancel, Remove]), 0..12,
    )) {
        let start = Friendship { blocked: [false; 2], ..after(&before) };
        let mut blocked = transition(start, High, Block).unwrap();
        // What a stranger would be who leaves every request unanswered, and whom low cannot tell from a blocker.
        let mut silent = Friendship { blocked: [false; 2], ..blocked };
        for action in low_does {
            let (seen, unblocked) = (transition(blocked, Low, action), transition(silent, Low, action));
            prop_assert_eq!(seen.is_ok(), unblocked.is_ok());
            blocked = seen.unwrap_or(blocked);
            silent = unblocked.unwrap_or(silent);
            prop_assert_eq!(blocked.view(Low), silent.view(Low));
            prop_assert_eq!(blocked.view(High), View { relation: Relation::None, blocked: true });
        }
        // Nor does the end of the block tell anybody anything.
        let ended = transition(blocked, High, Unblock).unwrap();
        prop_assert_eq!(ended.view(Low), blocked.view(Low));
        prop_assert_eq!(ended.view(High).relation, Relation::None);
    }

    /// Only one's own blocks are one's own: nothing the other side does changes them.
    #[test]
    fn nobody_unblocks_himself(steps in steps(), action in proptest::sample::select(Action::ALL.to_vec())) {
        let now = after(&steps);
        if let Ok(next) = transition(now, Low, action) {
            prop_assert_eq!(next.blocked_by(High), now.blocked_by(High));
        }
    }
}
