//! Pairs: the record, what each side sees, the feeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scene::{assert_conflict, at, limit, pair, user};
use crate::friendship::{Friendship, Relation, Shown, State, View};
use crate::id::{Pair, Side, UserId};
use crate::store::{FriendChanges, FriendFilter, FriendRow, Friendships, PairRecord, PutPair, Store};

pub(super) const FRIENDS: Friendship = Friendship { state: State::Friends, blocked: [false, false] };

pub(super) fn friendships(store: &Arc<dyn Store>) -> &dyn Friendships {
    store.people().friendships()
}

/// A change that shows both sides what the rules say they see.
pub(super) fn change(pair: Pair, expected: u64, friendship: Friendship) -> PutPair {
    let shown = Side::BOTH.map(|side| Some(friendship.view(side)));
    PutPair { pair, expected, friendship, fence: false, shown, at: at(1_000) }
}

async fn record(store: &Arc<dyn Store>, pair: Pair) -> Option<PairRecord> {
    friendships(store).of(&[pair]).await.unwrap().remove(0)
}

async fn befriend(store: &Arc<dyn Store>, a: u64, b: u64) {
    let pair = pair(a, b);
    let version = record(store, pair).await.map_or(0, |record| record.version);
    friendships(store).put(&change(pair, version, FRIENDS)).await.unwrap();
}

async fn list(store: &Arc<dyn Store>, filter: FriendFilter) -> Vec<UserId> {
    let rows = friendships(store).list(user(1), filter, None, limit(200)).await.unwrap();
    rows.into_iter().map(|row| row.other).collect()
}

/// Every friendship there can be, with a block of the sides or without.
fn every_friendship() -> Vec<Friendship> {
    let requests = Side::BOTH
        .into_iter()
        .flat_map(|by| [Shown::Yes, Shown::Hidden].map(|shown| State::Requested { by, shown }));
    let states: Vec<State> = requests.chain([State::None, State::Friends]).collect();
    let blocks = [[false, false], [true, false], [false, true], [true, true]];
    let all =
        blocks.into_iter().flat_map(|blocked| states.iter().map(move |&state| Friendship { state, blocked }));
    all.collect()
}

/// Between two who never met there is no record, no row, no block, and the feed stands at 0.
pub async fn strangers_have_nothing(store: Arc<dyn Store>) {
    let friendships = friendships(&store);
    assert_eq!(friendships.of(&[pair(1, 2), pair(1, 3)]).await.unwrap(), [None, None]);
    assert_eq!(friendships.of(&[]).await.unwrap(), []);
    assert_eq!(list(&store, FriendFilter::All).await, []);
    assert_eq!(friendships.blocks(user(1)).await.unwrap(), []);
    assert_eq!(friendships.unfenced(limit(10)).await.unwrap(), []);
    let stands = FriendChanges { items: Vec::new(), cursor: 0, reset: false };
    assert_eq!(friendships.since(user(1), None).await.unwrap(), stands);
    assert_eq!(friendships.since(user(1), Some(0)).await.unwrap(), stands);
}

/// A state goes in only at the expected version; a refused one leaves nothing behind.
pub async fn put_compares_the_version(store: Arc<dyn Store>) {
    let (friendships, pair) = (friendships(&store), pair(1, 2));
    assert_conflict(friendships.put(&change(pair, 1, FRIENDS)).await);
    assert_eq!(record(&store, pair).await, None);
    let first = friendships.put(&change(pair, 0, FRIENDS)).await.unwrap();
    assert_eq!(first.version, 1);
    for wrong in [0, 2] {
        let blocked = Friendship { state: State::None, blocked: [true, false] };
        assert_conflict(friendships.put(&PutPair { fence: true, ..change(pair, wrong, blocked) }).await);
    }
    assert_eq!(record(&store, pair).await, Some(first));
    assert_eq!(friendships.blocks(user(1)).await.unwrap(), []);
    assert_eq!(friendships.since(user(1), None).await.unwrap().cursor, 1);
    let second = friendships.put(&change(pair, 1, Friendship::default())).await.unwrap();
    assert_eq!(second.version, 2);
}

/// Every state, block and time is answered and read back as it was put.
pub async fn every_state_is_kept(store: Arc<dyn Store>) {
    let times = [at(0), at(-1), at(i64::MIN), at(i64::MAX), at(1_700_000_000_123)];
    for (number, friendship) in (100..).zip(every_friendship()) {
        let (pair, at) = (pair(1, number), times[usize::try_from(number).unwrap() % times.len()]);
        let put = friendships(&store).put(&PutPair { at, ..change(pair, 0, friendship) }).await.unwrap();
        assert_eq!(put, PairRecord::stored(pair, friendship, 1, at));
        assert_eq!(record(&store, pair).await, Some(put));
    }
}

/// Pairs are answered in the order asked, each as often as asked.
pub async fn records_come_in_the_order_asked(store: Arc<dyn Store>) {
    befriend(&store, 1, 2).await;
    befriend(&store, 3, 1).await;
    let asked = [pair(3, 1), pair(2, 3), pair(1, 2), pair(1, 3)];
    let found = friendships(&store).of(&asked).await.unwrap();
    let found: Vec<Option<Pair>> = found.into_iter().map(|record| record.map(|record| record.pair)).collect();
    assert_eq!(found, [Some(pair(1, 3)), None, Some(pair(1, 2)), Some(pair(1, 3))]);
}

/// Taking a right away makes a fence due at that version; a later change that takes none leaves it due.
pub async fn a_fence_is_due_until_it_is_done(store: Arc<dyn Store>) {
    let (friendships, pair) = (friendships(&store), pair(1, 2));
    friendships.put(&change(pair, 0, FRIENDS)).await.unwrap();
    let ended = PutPair { fence: true, ..change(pair, 1, Friendship::default()) };
    let ended = friendships.put(&ended).await.unwrap();
    assert_eq!((ended.version, ended.fence_due, ended.fenced), (2, 2, 0));
    let again = friendships.put(&change(pair, 2, FRIENDS)).await.unwrap();
    assert_eq!((again.version, again.fence_due, again.fenced), (3, 2, 0));
    assert_eq!(friendships.unfenced(limit(10)).await.unwrap(), [again]);

    friendships.fenced(pair, 2).await.unwrap();
    let done = record(&store, pair).await.unwrap();
    assert_eq!((done.version, done.fence_due, done.fenced), (3, 2, 2));
    assert_eq!(friendships.unfenced(limit(10)).await.unwrap(), []);
}

/// `fenced` is raised and never lowered, and makes no record.
pub async fn fences_are_never_undone(store: Arc<dyn Store>) {
    let (friendships, pair) = (friendships(&store), pair(1, 2));
    friendships.fenced(pair, 1).await.unwrap();
    assert_eq!(record(&store, pair).await, None);
    for version in 0..3 {
        let blocked = Friendship { state: State::None, blocked: [true, false] };
        friendships.put(&PutPair { fence: true, ..change(pair, version, blocked) }).await.unwrap();
    }
    friendships.fenced(pair, 3).await.unwrap();
    friendships.fenced(pair, 1).await.unwrap();
    assert_eq!(record(&store, pair).await.unwrap().fenced, 3);
}

/// The list of due fences is bounded, and goes on to the others when some are done.
pub async fn due_fences_are_listed_a_few_at_a_time(store: Arc<dyn Store>) {
    let friendships = friendships(&store);
    for other in 2..7 {
        let due = PutPair { fence: true, ..change(pair(1, other), 0, Friendship::default()) };
        friendships.put(&due).await.unwrap();
    }
    let mut rounds = Vec::new();
    loop {
        let due = friendships.unfenced(limit(2)).await.unwrap();
        if due.is_empty() {
            break;
        }
        rounds.push(due.len());
        for record in due {
            friendships.fenced(record.pair, record.fence_due).await.unwrap();
        }
    }
    assert_eq!(rounds, [2, 2, 1]);
}

/// A side's row is what it was last shown, whatever the other was shown.
pub async fn each_side_sees_its_own_row(store: Arc<dyn Store>) {
    let (friendships, pair) = (friendships(&store), pair(1, 2));
    let requested = Friendship {
        state: State::Requested { by: Side::Low, shown: Shown::Hidden },
        blocked: [false, true],
    };
    let low = View { relation: Relation::Requested, blocked: false };
    let shown = PutPair { shown: [Some(low), None], at: at(5), ..change(pair, 0, requested) };
    friendships.put(&shown).await.unwrap();
    let rows = |number| friendships.list(user(number), FriendFilter::All, None, limit(10));
    let row = FriendRow { other: user(2), view: low, at: at(5) };
    assert_eq!(rows(1).await.unwrap(), [row]);
    assert_eq!(rows(2).await.unwrap(), []);

    let blocker = View { relation: Relation::None, blocked: true };
    let shown = PutPair { shown: [None, Some(blocker)], at: at(9), ..change(pair, 1, requested) };
    friendships.put(&shown).await.unwrap();
    assert_eq!(rows(1).await.unwrap(), [row], "what was not shown anew stays, with its time");
    assert_eq!(rows(2).await.unwrap(), [FriendRow { other: user(1), view: blocker, at: at(9) }]);
}

/// A list holds exactly the rows that its filter admits, by the other's id.
pub async fn lists_hold_what_their_filter_admits(store: Arc<dyn Store>) {
    let relations = [Relation::None, Relation::Requested, Relation::Incoming, Relation::Friends];
    let views: BTreeMap<u64, View> = (10..)
        .zip(
            relations
                .into_iter()
                .flat_map(|relation| [true, false].map(|blocked| View { relation, blocked })),
        )
        .collect();
    for (&other, &view) in views.iter().rev() {
        let put = PutPair { shown: [Some(view), None], ..change(pair(1, other), 0, FRIENDS) };
        friendships(&store).put(&put).await.unwrap();
    }
    let filters =
        relations.map(FriendFilter::Relation).into_iter().chain([FriendFilter::All, FriendFilter::Blocked]);
    for filter in filters {
        let admitted = views.iter().filter(|(_, view)| filter.admits(**view)).map(|(&other, _)| user(other));
        assert_eq!(list(&store, filter).await, admitted.collect::<Vec<_>>(), "{filter:?}");
    }
}

/// Pages go by the other's id, hold one more than the limit when there is more, and start after a key that may be
/// gone.
pub async fn lists_are_pages_by_key(store: Arc<dyn Store>) {
    for other in [9, 3, 7, 5] {
        befriend(&store, 1, other).await;
    }
    let users = |numbers: &[u64]| numbers.iter().copied().map(user).collect::<Vec<_>>();
    for (after, items, expected) in [
        (None, 2, users(&[3, 5, 7])),
        (Some(5), 2, users(&[7, 9])),
        (Some(4), 1, users(&[5, 7])),
        (Some(9), 5, users(&[])),
    ] {
        let rows = page(&store, after, items).await;
        assert_eq!(rows, expected, "after {after:?}");
    }
}

async fn page(store: &Arc<dyn Store>, after: Option<u64>, items: u64) -> Vec<UserId> {
    let rows =
        friendships(store).list(user(1), FriendFilter::All, after.map(user), limit(items)).await.unwrap();
    rows.into_iter().map(|row| row.other).collect()
}

/// Blocks count from either side, and end with the record.
pub async fn blocks_count_from_either_side(store: Arc<dyn Store>) {
    let blocked = |blocked| Friendship { state: State::None, blocked };
    for (other, sides) in [(4, [false, true]), (2, [true, false]), (3, [false, false]), (5, [true, true])] {
        friendships(&store).put(&change(pair(1, other), 0, blocked(sides))).await.unwrap();
    }
    let blocks = |number| friendships(&store).blocks(user(number));
    assert_eq!(blocks(1).await.unwrap(), [user(2), user(4), user(5)]);
    assert_eq!(blocks(4).await.unwrap(), [user(1)]);
    friendships(&store).put(&change(pair(1, 4), 1, blocked([false, false]))).await.unwrap();
    assert_eq!(blocks(1).await.unwrap(), [user(2), user(5)]);
    assert_eq!(blocks(4).await.unwrap(), []);
}

/// A feed's versions are 1, 2, 3, …, count only what that side was shown, and items show the pair as it is now.
pub async fn feeds_are_dense_and_show_what_is_now(store: Arc<dyn Store>) {
    befriend(&store, 1, 2).await;
    befriend(&store, 1, 3).await;
    let unseen = PutPair { shown: [None, Some(FRIENDS.view(Side::High))], ..change(pair(1, 2), 1, FRIENDS) };
    friendships(&store).put(&unseen).await.unwrap();
    let ended = PutPair { at: at(7), ..change(pair(1, 2), 2, Friendship::default()) };
    friendships(&store).put(&ended).await.unwrap();

    let since = |cursor| friendships(&store).since(user(1), cursor);
    assert_eq!(since(None).await.unwrap(), FriendChanges { items: Vec::new(), cursor: 3, reset: false });
    let versions = |changes: &FriendChanges| -> Vec<(u64, UserId, Relation)> {
        changes.items.iter().map(|item| (item.version, item.row.other, item.row.view.relation)).collect()
    };
    let (friend, stranger) = ((2, user(3), Relation::Friends), (3, user(2), Relation::None));
    for (cursor, expected) in
        [(0, vec![friend, stranger]), (1, vec![friend, stranger]), (2, vec![stranger]), (3, vec![])]
    {
        let changes = since(Some(cursor)).await.unwrap();
        assert_eq!(
            (versions(&changes), changes.cursor, changes.reset),
            (expected, 3, false),
            "after {cursor}"
        );
    }
    assert_eq!(since(Some(2)).await.unwrap().items[0].row.at, at(7));
    assert_eq!(friendships(&store).since(user(2), None).await.unwrap().cursor, 3);
    assert_eq!(friendships(&store).since(user(3), None).await.unwrap().cursor, 1);
}

/// A position that the feed has never had is a reset, without items, and goes on from the feed's last.
pub async fn a_foreign_position_in_a_feed_is_a_reset(store: Arc<dyn Store>) {
    befriend(&store, 1, 2).await;
    for cursor in [2, 1 << 53, u64::MAX] {
        let changes = friendships(&store).since(user(1), Some(cursor)).await.unwrap();
        assert_eq!(changes, FriendChanges { items: Vec::new(), cursor: 1, reset: true }, "{cursor}");
    }
    assert!(friendships(&store).since(user(9), Some(1)).await.unwrap().reset);
}

/// The last 256 changes are there; an older position is a reset, or leads to the end in answers of at most 256.
pub async fn feeds_keep_their_last_256_changes(store: Arc<dyn Store>) {
    let changes_made = 300;
    for other in 0..changes_made {
        befriend(&store, 1, 100 + other).await;
    }
    let since = |cursor| friendships(&store).since(user(1), Some(cursor));
    let kept = since(changes_made - 256).await.unwrap();
    assert!(!kept.reset);
    assert_eq!((kept.items.len(), kept.cursor), (256, changes_made));
    let versions = kept.items.iter().map(|item| item.version);
    assert!(versions.eq(changes_made - 255..=changes_made));

    let oldest = since(0).await.unwrap();
    if oldest.reset {
        assert_eq!((oldest.items.len(), oldest.cursor), (0, changes_made));
    } else {
        assert_eq!((oldest.items.len(), oldest.cursor), (256, 256));
        assert_eq!(since(256).await.unwrap().items.len(), 44);
    }
}

/// Who changes the same pair again and again does not push the others out of an answer.
pub async fn a_feed_names_each_pair_once(store: Arc<dyn Store>) {
    for other in [2, 3, 2, 2, 4, 2] {
        befriend(&store, 1, other).await;
    }
    let changes = friendships(&store).since(user(1), Some(0)).await.unwrap();
    let items: Vec<_> = changes.items.iter().map(|item| (item.version, item.row.other)).collect();
    assert_eq!(items, [(2, user(3)), (5, user(4)), (6, user(2))]);
}
