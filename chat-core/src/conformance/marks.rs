//! Marks: reactions, pins, votes, and kinds that no store has ever heard of.

use std::sync::Arc;

use super::scene::{Build, Scene, assert_conflict, edit, note, seq, user};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::Payload;
use crate::store::{DraftEntry, Effect, Mark, Store};

fn put(target: Seq, key: &str, by: u64) -> DraftEntry {
    note(user(by)).kind(900).with(Effect::PutMark { target, key: key.to_owned(), by: user(by) })
}

fn drop(target: Seq, key: &str, by: u64) -> DraftEntry {
    note(user(by)).kind(901).with(Effect::DropMark { target, key: key.to_owned(), by: user(by) })
}

fn mark(target: Seq, key: &str, by: u64) -> Mark {
    Mark { target, key: key.to_owned(), by: user(by) }
}

async fn marks(scene: &Scene, seqs: &[Seq]) -> Vec<Mark> {
    scene.log().marks(scene.id, seqs).await.unwrap()
}

/// Marks are put and taken away by whom and under what they were put, and come in order.
pub async fn marks_come_and_go(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let (a, b) = (scene.say(1, "a").await, scene.say(1, "b").await);
    for draft in [put(b, "x", 1), put(a, "y", 1), put(a, "x", 2), put(a, "x", 1)] {
        scene.put(draft).await;
    }
    let all = [mark(a, "x", 1), mark(a, "x", 2), mark(a, "y", 1), mark(b, "x", 1)];
    assert_eq!(marks(&scene, &[b, a]).await, all);
    assert_eq!(marks(&scene, &[b]).await, all[3..]);
    assert_eq!(marks(&scene, &[]).await, []);
    for draft in [drop(a, "x", 1), drop(a, "y", 2), drop(b, "y", 1)] {
        scene.put(draft).await;
    }
    assert_eq!(marks(&scene, &[a, b]).await, all[1..], "only what was named is gone");
}

/// Each mark moves the message's `rev` and nothing else of it; the same again moves the `rev` too.
pub async fn marks_move_the_rev(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "a").await;
    let mut row = scene.message(said).await.unwrap();
    for draft in [put(said, "x", 1), put(said, "x", 1), drop(said, "x", 1), drop(said, "x", 1)] {
        row.rev = scene.put(draft).await.seq;
        assert_eq!(scene.message(said).await.unwrap(), row);
    }
    assert_eq!(marks(&scene, &[said]).await, []);
    assert_conflict(scene.try_append(vec![edit(user(1), said, said, "b")]).await);
    scene.put(edit(user(1), said, row.rev, "b")).await;
}

/// On what is deleted, no message, or not there a mark does nothing, and its entry stands all the same.
pub async fn marks_need_a_living_message(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "a").await;
    scene.delete(said).await;
    let before = scene.message(said).await;
    for target in [said, seq(1), seq(99), Seq::ZERO] {
        scene.put(put(target, "x", 1)).await;
        scene.put(drop(target, "x", 1)).await;
        assert_eq!(marks(&scene, &[target]).await, []);
    }
    assert_eq!(scene.message(said).await, before);
    assert_eq!(scene.entries().await.len(), 11);
}

/// A deleted message has no marks any more, and the others keep theirs.
pub async fn marks_go_with_their_message(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let (a, b) = (scene.say(1, "a").await, scene.say(1, "b").await);
    for target in [a, b] {
        scene.append(vec![put(target, "x", 1), put(target, "y", 2)]).await;
    }
    scene.delete(a).await;
    assert_eq!(marks(&scene, &[a, b]).await, [mark(b, "x", 1), mark(b, "y", 2)]);
}

/// In one lane marks see the drafts before them: put, delete, and put in vain.
pub async fn marks_inside_a_lane(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let drafts = vec![
        super::scene::message(user(1), "a"),
        put(seq(2), "x", 1),
        edit(user(1), seq(2), seq(3), "b"),
        put(seq(2), "y", 1),
        drop(seq(2), "x", 1),
    ];
    scene.append(drafts).await;
    assert_eq!(marks(&scene, &[seq(2)]).await, [mark(seq(2), "y", 1)]);
    assert_eq!(scene.message(seq(2)).await.unwrap().rev, seq(6));
    scene.append(vec![super::scene::deletion(user(1), seq(2), seq(6)), put(seq(2), "z", 1)]).await;
    assert_eq!(marks(&scene, &[seq(2)]).await, []);
    assert_eq!(scene.message(seq(2)).await.unwrap().rev, seq(7));
}

/// Keys are compared and kept to the letter, and the system may mark too.
pub async fn keys_are_kept_to_the_letter(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "a").await;
    let mut keys = [
        "",
        " ",
        "A",
        "a",
        "a ",
        "ä",
        "a\u{308}",
        "\u{1F44D}",
        "\u{1F44D}\u{1F3FD}",
        "%",
        "i",
        "ı",
        "İ",
        "ß",
        "ss",
    ];
    for key in keys {
        let by = UserId::SYSTEM;
        scene.put(note(by).with(Effect::PutMark { target: said, key: key.to_owned(), by })).await;
    }
    keys.sort_unstable();
    let kept: Vec<String> = marks(&scene, &[said]).await.into_iter().map(|mark| mark.key).collect();
    assert_eq!(kept, keys);
    scene
        .put(note(user(1)).with(Effect::DropMark { target: said, key: "a".to_owned(), by: UserId::SYSTEM }))
        .await;
    assert_eq!(marks(&scene, &[said]).await.len(), keys.len() - 1);
}

/// A kind that no store knows goes through unchanged, with payload, target and marks.
pub async fn an_unknown_kind_passes_unchanged(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "vote?").await;
    let vote = put(said, "option 2", 1).about(said).holding(b"\x00opaque\xff");
    let place = scene.put(vote.clone()).await;
    let entry = scene.entries().await.pop().unwrap();
    assert_eq!((entry.seq, entry.kind, entry.target), (place.seq, 900, Some(said)));
    assert_eq!(entry.payload, Some(Payload::from_static(b"\x00opaque\xff")));
    assert_eq!(entry.message, scene.message(said).await, "it carries the message it is about");
    assert_eq!(marks(&scene, &[said]).await, [mark(said, "option 2", 1)]);
}

/// What is not there has no marks.
pub async fn nothing_has_no_marks(store: Arc<dyn Store>) {
    let absent = ConversationId::from(super::scene::some_uuid());
    assert_eq!(store.talk().log().marks(absent, &[seq(1)]).await.unwrap(), []);
}
