//! Unread counts are exact: messages after `read` that are not deleted, after any mix of anything.

use std::sync::Arc;

use super::scene::{Build, Scene, deletion, gone, limit, member, message, note, seq, user};
use crate::conversation::Role;
use crate::id::Seq;
use crate::store::{DraftEntry, SeatQuery, Store};

/// What the count must be, recounted from the log.
async fn recount(scene: &Scene, number: u64) -> u64 {
    let read = scene.row(number).await.expect("there is a row").read;
    let entries = scene.entries().await;
    let own = entries.iter().filter_map(|row| row.message.as_ref().filter(|message| message.seq == row.seq));
    own.filter(|message| message.seq > read && message.deleted_at.is_none()).count() as u64
}

/// Compares the count in every place that tells it.
async fn assert_exact(scene: &Scene, number: u64) {
    let expected = recount(scene, number).await;
    assert_eq!(scene.unread(number).await, expected, "asked by name");
    let query = SeatQuery::Listed { after: None, limit: limit(200) };
    let listed = scene.store.talk().memberships().seats(user(number), query).await.unwrap();
    let listed = listed.into_iter().find(|seat| seat.conversation.id == scene.id);
    assert_eq!(listed.map(|seat| seat.unread), Some(expected), "in the list");
    let raised = scene.raise(number, 0, 0).await.unwrap();
    assert_eq!(raised.unread, expected, "with a receipt that raises nothing");
}

/// Deletes many in lanes of 512, each at its first `rev`.
async fn delete_all(scene: &Scene, targets: &[Seq]) {
    for some in targets.chunks(512) {
        scene.append(some.iter().map(|&target| deletion(user(1), target, target)).collect()).await;
    }
}

/// Messages count, other entries do not, and reading takes them away.
pub async fn messages_count_and_nothing_else(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene
        .append(vec![
            note(user(1)),
            message(user(1), "a"),
            note(user(1)),
            message(user(1), "b"),
            note(user(1)),
        ])
        .await;
    assert_eq!((scene.unread(1).await, scene.unread(2).await), (0, 2));
    scene.read(2, seq(3)).await;
    assert_eq!(scene.unread(2).await, 1);
    scene.read(2, seq(6)).await;
    assert_eq!(scene.unread(2).await, 0);
    assert_exact(&scene, 2).await;
}

/// Deleting an unread message takes it out of the count; deleting a read one changes nothing.
pub async fn deletes_before_and_after_read(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let said = scene.say_many(1, 10).await;
    scene.read(2, said[4]).await;
    for (target, expected) in [(4, 5), (0, 5), (5, 4), (9, 3), (2, 3), (7, 2)] {
        scene.delete(said[target]).await;
        assert_eq!(scene.unread(2).await, expected, "after deleting message {target}");
        assert_exact(&scene, 2).await;
    }
    scene.read(2, said[8]).await;
    assert_eq!(scene.unread(2).await, 0, "the only one left after it is deleted");
}

/// Reading over deleted messages counts none of them twice.
pub async fn reading_over_deleted_ones(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let said = scene.say_many(1, 20).await;
    let targets: Vec<Seq> = said.iter().copied().step_by(3).collect();
    delete_all(&scene, &targets).await;
    for &position in &said {
        scene.read(2, position).await;
        assert_exact(&scene, 2).await;
    }
}

/// Over thousands of messages, where a store may count in buckets: deletions everywhere, `read` at every kind of
/// place.
pub async fn counts_over_thousands(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2, 3]).await;
    let mut said = Vec::new();
    for _ in 0..7 {
        said.extend(scene.say_many(1, 500).await);
    }
    let at_bounds = [1_021, 1_022, 1_023, 1_024, 1_025, 2_046, 2_047, 2_048, 3_070, 3_071, 3_072, 3_073];
    let mut targets: Vec<Seq> = said.iter().copied().skip(5).step_by(7).collect();
    targets.extend(at_bounds.iter().map(|&position| seq(position)));
    targets.sort_unstable();
    targets.dedup();
    delete_all(&scene, &targets).await;
    assert_eq!(scene.unread(3).await, 3_500 - targets.len() as u64);
    for read in
        [1, 2, 1_022, 1_023, 1_024, 1_025, 1_026, 2_047, 2_048, 2_049, 3_071, 3_072, 3_400, 3_501, 3_900]
    {
        let after = said.iter().filter(|position| position.get() > read && !targets.contains(position));
        let expected = after.count() as u64;
        assert_eq!(scene.read(2, seq(read)).await.unread, expected, "read up to {read}");
        assert_eq!(scene.unread(2).await, expected, "read up to {read}");
    }
    delete_all(&scene, &said[3_490..3_491]).await;
    assert_exact(&scene, 3).await;
    assert_exact(&scene, 2).await;
}

/// One's own messages are read, also those of another device, and with them all before.
pub async fn ones_own_are_read(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.append(vec![message(user(1), "a"), message(user(2), "b"), message(user(1), "c")]).await;
    assert_eq!((scene.unread(1).await, scene.unread(2).await), (0, 1));
    scene.append(vec![message(user(2), "d").under("x"), message(user(2), "d").under("x")]).await;
    assert_eq!((scene.unread(1).await, scene.unread(2).await), (1, 0));
    scene.append(vec![message(user(1), "e"), message(user(2), "d").under("x")]).await;
    assert_eq!(scene.unread(2).await, 1, "a repeat reads nothing");
}

/// Whatever is done in whatever order, the count is the recount. A fixed sequence of pseudo-random steps.
pub async fn any_mix_is_exact(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2, 3]).await;
    let mut random = Steps(0x9e37_79b9_7f4a_7c15);
    for _ in 0..150 {
        let head = scene.record().await.head.get();
        match random.below(6) {
            0 | 1 => {
                scene.say_many(1 + random.below(2), 1 + usize::try_from(random.below(4)).unwrap()).await;
            }
            2 => {
                scene.raise(2 + random.below(2), random.below(head + 3), random.below(head + 3)).await;
            }
            3 => {
                let target = seq(1 + random.below(head));
                if scene.message(target).await.is_some_and(|row| row.deleted_at.is_none()) {
                    scene.delete(target).await;
                }
            }
            4 => {
                scene.append(leave_and_come_back(random.below(2) == 0)).await;
            }
            _ => {
                scene.append(vec![note(user(1)), message(user(3), "c"), note(user(2))]).await;
            }
        }
        assert_exact(&scene, 2).await;
        assert_exact(&scene, 3).await;
    }
}

fn leave_and_come_back(really: bool) -> Vec<DraftEntry> {
    let role = note(user(1)).with(member(user(3), Role::Admin));
    if really { vec![note(user(1)).with(gone(user(3))).taking_right(), role] } else { vec![role] }
}

/// A generator of the same numbers every time (`SplitMix64`).
struct Steps(u64);

impl Steps {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
