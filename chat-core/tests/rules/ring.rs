//! The ring of changes, compared with a plain list of all of them.

use chat_core::store::{Change, ChangeCursor, ChangeRing, Changed, Changes};
use chat_core::{SessionId, UserId};
use futures_util::FutureExt;
use proptest::prelude::*;
use uuid::Uuid;

fn change(number: u64) -> Change {
    if number.is_multiple_of(2) {
        Change::Memberships(UserId::from(number))
    } else {
        Change::Session(SessionId::from(Uuid::from_u128(number.into())))
    }
}

fn since(ring: &ChangeRing, cursor: Option<ChangeCursor>, limit: usize) -> Changed {
    ring.since(cursor, limit).now_or_never().expect("memory answers at once").expect("memory answers")
}

#[derive(Clone, Debug)]
enum Step {
    Push(u64),
    Read { reader: usize, limit: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push = (0_u64..12).prop_map(Step::Push);
    let read = (0_usize..3, 1_usize..6).prop_map(|(reader, limit)| Step::Read { reader, limit });
    proptest::collection::vec(prop_oneof![push, read], 0..60)
}

proptest! {
    /// Each reader is told everything after his cursor, in order, or that he lags; and lags only when what he lacks
    /// is really gone.
    #[test]
    fn readers_miss_nothing(steps in steps(), capacity in 1_usize..16) {
        let ring = ChangeRing::new(7, capacity);
        let mut all: Vec<Change> = Vec::new();
        // Where each reader stands in `all`, and his cursor.
        let mut readers = [(0_usize, since(&ring, None, 1).cursor); 3];
        for step in steps {
            match step {
                Step::Push(count) => {
                    let new: Vec<Change> = (0..count).map(|number| change(all.len() as u64 + number)).collect();
                    ring.push(new.iter().copied());
                    all.extend(new);
                }
                Step::Read { reader, limit } => {
                    let (stands, cursor) = readers[reader];
                    let told = since(&ring, Some(cursor), limit);
                    let lost = all.len() - stands > capacity;
                    prop_assert_eq!(told.lagged, lost);
                    let stands = if lost { all.len() } else { (stands + limit).min(all.len()) };
                    let expected = if lost { &[][..] } else { &all[readers[reader].0..stands] };
                    prop_assert_eq!(&told.items[..], expected);
                    readers[reader] = (stands, told.cursor);
                }
            }
        }
    }

    /// A cursor of another life, of the future, or of nobody at all lags.
    #[test]
    fn foreign_cursors_lag(bytes in any::<[u8; 16]>(), pushed in 0_u64..5) {
        let (ring, other) = (ChangeRing::new(7, 8), ChangeRing::new(8, 8));
        for ring in [&ring, &other] {
            ring.push((0..pushed).map(change));
        }
        prop_assert!(since(&ring, Some(since(&other, None, 1).cursor), 10).lagged);
        let own_life = bytes[..8] == 7_u64.to_be_bytes();
        prop_assert!(own_life || since(&ring, Some(ChangeCursor(bytes)), 10).lagged);
        let ahead = ChangeRing::new(7, 8);
        ahead.push((0..=pushed).map(change));
        prop_assert!(since(&ring, Some(since(&ahead, None, 1).cursor), 10).lagged);
    }
}
