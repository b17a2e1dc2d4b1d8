//! Idempotence: one entry per (conversation, sender, `client_id`).

use std::sync::Arc;

use super::scene::{
    Build, Scene, appended, assert_conflict, deletion, edit, gone, member, message, note, seq, user,
};
use crate::conversation::{Kind, Role};
use crate::id::Seq;
use crate::store::{ClosedBy, ConversationPatch, Effect, Outcome, Store};

fn repeat(position: u64, byte: u8) -> Outcome {
    Outcome::Repeat { seq: seq(position), digest: Some([byte; 16]) }
}

/// A repeat in a later lane is answered with the first position and the first digest, and writes nothing.
pub async fn a_repeat_answers_the_first(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let first = scene.put(message(user(1), "first").under("x").digest(7)).await;
    let before = scene.everything().await;
    let outcomes = scene.append(vec![message(user(1), "second").under("x").digest(9)]).await;
    assert_eq!(outcomes, [repeat(first.seq.get(), 7)]);
    assert_eq!(scene.everything().await, before);
}

/// A repeat inside one lane is answered with the earlier draft of that lane.
pub async fn a_repeat_inside_a_lane(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let outcomes = scene
        .append(vec![
            message(user(1), "a").under("x").digest(1),
            message(user(1), "b").under("y"),
            message(user(1), "c").under("x").digest(2),
            message(user(1), "d").under("z"),
        ])
        .await;
    assert_eq!(outcomes[2], repeat(1, 1));
    assert_eq!(appended(&outcomes[3]).seq, seq(3), "a repeat takes no position");
    let texts: Vec<_> =
        scene.entries().await.into_iter().map(|row| row.message.unwrap().text.unwrap()).collect();
    assert_eq!(texts, ["a", "b", "d"]);
}

/// New drafts between repeats are appended in their order.
pub async fn repeats_among_new_drafts(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    scene
        .append(vec![message(user(1), "a").under("a").digest(1), message(user(1), "b").under("b").digest(2)])
        .await;
    let outcomes = scene
        .append(vec![
            message(user(1), "b").under("b"),
            message(user(1), "c").under("c"),
            message(user(1), "a").under("a"),
            message(user(1), "d").under("d"),
        ])
        .await;
    assert_eq!((&outcomes[0], &outcomes[2]), (&repeat(2, 2), &repeat(1, 1)));
    assert_eq!((appended(&outcomes[1]).seq, appended(&outcomes[3]).seq), (seq(3), seq(4)));
}

/// Another sender, another conversation, and an id that differs in one letter's case are no repeats.
pub async fn what_is_no_repeat(store: Arc<dyn Store>) {
    let (scene, other) = (Scene::shell(&store, Kind::Group).await, Scene::shell(&store, Kind::Group).await);
    let drafts = vec![
        message(user(1), "a").under("abc"),
        message(user(2), "b").under("abc"),
        message(user(1), "c").under("Abc"),
        message(user(1), "d").under("abc_"),
        message(user(1), "e").under("ab%"),
        message(crate::id::UserId::SYSTEM, "f").under("abc"),
    ];
    for outcome in scene.append(drafts).await {
        appended(&outcome);
    }
    other.put(message(user(1), "a").under("abc")).await;
}

/// Every kind of entry counts, not messages alone: one sender's `client_id` is used once for all of them.
pub async fn repeats_count_over_all_entries(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let first = scene.put(note(user(1)).kind(900).under("x").digest(3)).await.seq;
    let before = scene.everything().await;
    let drafts = vec![
        message(user(1), "a").under("x"),
        note(user(1)).with(gone(user(2))).taking_right().under("x"),
        edit(user(1), seq(99), seq(99), "impossible").under("x"),
    ];
    for draft in drafts {
        assert_eq!(scene.append(vec![draft]).await, [repeat(first.get(), 3)]);
    }
    assert_eq!(scene.everything().await, before, "a repeat has no effect, and is not judged");
}

/// An entry without a caller's id is known by its own.
pub async fn an_entry_is_known_by_its_own_id(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let draft = message(user(1), "a");
    let place = scene.put(draft.clone()).await;
    let again = scene.append(vec![draft.clone()]).await;
    assert_eq!(again, [repeat(place.seq.get(), 0)]);
    let found = scene.log().find(scene.id, user(1), &draft.id.into()).await.unwrap();
    assert_eq!(found, Some(repeat(place.seq.get(), 0)));
}

/// A lane of nothing but repeats is answered although the right is gone meanwhile.
pub async fn repeats_are_answered_after_a_fence(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let drafts = vec![message(user(1), "a").under("x").digest(1), message(user(1), "b").under("y").digest(2)];
    let stale = scene.lane(drafts).await;
    super::scene::append_lane(&*store, stale.clone()).await.unwrap();
    store.talk().conversations().fence(scene.id).await.unwrap();
    let done = super::scene::append_lane(&*store, stale).await.unwrap();
    assert_eq!(done.outcomes, [repeat(2, 1), repeat(3, 2)]);
    assert_eq!(done.conversation, scene.record().await);
}

/// The repeat of what closed a conversation is answered although it is closed.
pub async fn repeats_are_answered_after_the_close(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let closed = ConversationPatch { closed: ClosedBy::ThisEntry, ..ConversationPatch::default() };
    let draft = note(user(1)).with(Effect::SetConversation(closed)).taking_right().under("x").digest(4);
    let place = scene.put(draft.clone()).await;
    assert_eq!(scene.append(vec![draft]).await, [repeat(place.seq.get(), 4)]);
}

/// A repeat beside something new does not let the new one past the comparison.
pub async fn a_repeat_opens_no_door(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let drafts = vec![message(user(1), "a").under("x"), message(user(1), "b").under("y")];
    let stale = scene.lane(drafts).await;
    scene.put(message(user(1), "a").under("x")).await;
    store.talk().conversations().fence(scene.id).await.unwrap();
    let before = scene.everything().await;
    assert_conflict(super::scene::append_lane(&*store, stale).await);
    assert_eq!(scene.everything().await, before);
}

/// The repeat of a deleted message finds its position, without a digest; others keep theirs.
pub async fn a_repeat_of_a_deleted_message(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.put(message(user(1), "secret").under("x").digest(1)).await.seq;
    scene.put(edit(user(1), said, said, "edited").under("e").digest(3)).await;
    let kept = scene.put(message(user(1), "kept").under("y").digest(2)).await.seq;
    scene.put(deletion(user(1), said, said.next()).under("d").digest(5)).await;
    let before = scene.everything().await;
    let again = vec![message(user(1), "secret").under("x").digest(1), message(user(1), "kept").under("y")];
    let gone = Outcome::Repeat { seq: said, digest: None };
    assert_eq!(scene.append(again).await, [gone.clone(), repeat(kept.get(), 2)]);
    assert_eq!(scene.everything().await, before, "the message does not come back");
    let found =
        scene.log().find(scene.id, user(1), &message(user(1), "").under("x").client_id).await.unwrap();
    assert_eq!(found, Some(gone));
    let deletion = scene.append(vec![note(user(1)).under("d")]).await;
    assert_eq!(deletion, [repeat(5, 5)]);
}

/// An entry is found by conversation, sender and id, and by nothing less.
pub async fn entries_are_found_by_their_sender(store: Arc<dyn Store>) {
    let (scene, other) = (Scene::group(&store, &[1]).await, Scene::group(&store, &[1]).await);
    let draft = note(user(1)).with(member(user(2), Role::Member)).under("x").digest(8);
    let place: Seq = scene.put(draft.clone()).await.seq;
    let find = |scene: &Scene, number| {
        let (scene, client_id) = (scene.clone(), draft.client_id.clone());
        async move { scene.log().find(scene.id, user(number), &client_id).await.unwrap() }
    };
    assert_eq!(find(&scene, 1).await, Some(repeat(place.get(), 8)));
    assert_eq!(find(&scene, 2).await, None);
    assert_eq!(find(&other, 1).await, None);
}

/// Old repeats are found however long the log has grown.
pub async fn an_old_repeat_is_found(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    scene.put(message(user(1), "first").under("x").digest(1)).await;
    for _ in 0..6 {
        scene.say_many(1, 500).await;
    }
    assert_eq!(scene.append(vec![message(user(1), "first").under("x")]).await, [repeat(1, 1)]);
}
