//! History: which messages a window holds, compared with the plain definition at every position.

use std::sync::Arc;

use super::scene::{Scene, limit, message, note, seq, some_uuid, user};
use crate::conversation::Kind;
use crate::id::{ConversationId, Seq};
use crate::store::{Messages, Store, Window};

/// What a window holds, by its definition: positions, and whether there are visible ones before and after.
fn expected(visible: &[u64], window: Window, limit: usize) -> (Vec<u64>, bool, bool) {
    let split = |position: Seq| visible.iter().filter(|&&one| one < position.get()).count();
    let (from, to) = match window {
        Window::Before(position) => (split(position).saturating_sub(limit), split(position)),
        Window::After(position) => (split(seq(position.get() + 1)), split(seq(position.get() + 1)) + limit),
        Window::Around(position) => {
            (split(position).saturating_sub(limit / 2), split(position) + limit - limit / 2)
        }
    };
    let to = to.min(visible.len());
    (visible[from..to].to_vec(), from > 0, to < visible.len())
}

fn told(answer: &Messages) -> (Vec<u64>, bool, bool) {
    let positions = answer.items.iter().map(|row| row.seq.get()).collect();
    (positions, answer.has_before, answer.has_after)
}

/// Every window at these positions, with these limits, seen from each of these beginnings; messages are at `all`.
async fn assert_windows(scene: &Scene, all: &[u64], beginnings: &[u64], positions: &[u64], limits: &[u64]) {
    for &from in beginnings {
        let visible: Vec<u64> = all.iter().copied().filter(|&position| position >= from).collect();
        for (&position, &items) in
            positions.iter().flat_map(|position| limits.iter().map(move |items| (position, items)))
        {
            let around = seq(position);
            for window in [Window::Before(around), Window::After(around), Window::Around(around)] {
                let answer = scene.log().messages(scene.id, seq(from), window, limit(items)).await.unwrap();
                let expected = expected(&visible, window, usize::try_from(items).unwrap());
                assert_eq!(told(&answer), expected, "{window:?}, {items} items, from {from}");
            }
        }
    }
}

/// A log of 24 positions with messages among other entries; answers where the messages are.
async fn mixed(scene: &Scene) -> Vec<u64> {
    let is_message = |position: u64| position % 4 != 1 && position != 11 && position != 12;
    let draft = |position| if is_message(position) { message(user(1), "a") } else { note(user(1)) };
    scene.append((1..=24).map(draft).collect()).await;
    (1..=24).filter(|&position| is_message(position)).collect()
}

/// Every window at every position, with every kind of limit, seen from every kind of beginning.
pub async fn windows_hold_what_they_say(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let all = mixed(&scene).await;
    let positions: Vec<u64> = (0..=26).collect();
    assert_windows(&scene, &all, &[0, 1, 2, 5, 12, 24, 25, 30], &positions, &[1, 2, 3, 5, 200]).await;
}

/// The ends of the number line are positions like others.
pub async fn windows_at_the_ends(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let all = mixed(&scene).await;
    let last = all[all.len() - 2..].to_vec();
    let messages = |from, window| scene.log().messages(scene.id, from, window, limit(2));
    let whole = messages(Seq::ZERO, Window::Before(Seq::MAX)).await.unwrap();
    assert_eq!(told(&whole), (last, true, false));
    assert_eq!(told(&messages(Seq::ZERO, Window::After(Seq::MAX)).await.unwrap()), (vec![], true, false));
    assert_eq!(told(&messages(Seq::MAX, Window::After(Seq::ZERO)).await.unwrap()), (vec![], false, false));
    assert_eq!(told(&messages(Seq::MAX, Window::Before(Seq::MAX)).await.unwrap()), (vec![], false, false));
}

/// However many entries without a message there are between two messages, they are neighbours.
pub async fn windows_leap_over_what_is_no_message(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    scene.say(1, "a").await;
    for _ in 0..3 {
        scene.append((0..400).map(|_| note(user(1))).collect()).await;
    }
    scene.say_many(1, 2).await;
    let positions = [0, 1, 2, 100, 600, 1_100, 1_201, 1_202, 1_203, 1_204];
    assert_windows(&scene, &[1, 1_202, 1_203], &[1, 2, 600, 1_202, 1_203, 1_204], &positions, &[1, 2, 5])
        .await;
}

/// Deleted messages keep their place in history, without content; edited ones show what they are now.
pub async fn history_shows_what_is_now(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say_many(1, 3).await;
    scene.delete(said[0]).await;
    scene.put(super::scene::edit(user(1), said[1], said[1], "edited")).await;
    let answer = scene.log().messages(scene.id, seq(1), Window::After(Seq::ZERO), limit(10)).await.unwrap();
    let rows = scene.log().at(scene.id, &said).await.unwrap();
    assert_eq!(answer.items, rows.into_iter().map(Option::unwrap).collect::<Vec<_>>());
    let texts: Vec<Option<&str>> = answer.items.iter().map(|row| row.text.as_deref()).collect();
    assert_eq!(texts, [None, Some("edited"), Some("text 2")]);
    assert!(answer.items[0].deleted_at.is_some());
}

/// Nothing said, and nothing there, is an empty window.
pub async fn nothing_is_an_empty_window(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    for id in [scene.id, ConversationId::from(some_uuid())] {
        for window in [Window::Before(Seq::MAX), Window::After(Seq::ZERO), Window::Around(seq(1))] {
            let answer = store.talk().log().messages(id, seq(1), window, limit(10)).await.unwrap();
            assert_eq!(told(&answer), (vec![], false, false), "{window:?}");
        }
    }
}

/// History walked in pages while others write, from either end, holds each message that was there exactly once.
pub async fn history_walked_while_others_write(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let said = scene.say_many(1, 100).await;
    let writer = tokio::spawn({
        let scene = scene.clone();
        async move {
            for number in 0..40 {
                scene.say(2, "meanwhile").await;
                scene.delete(seq(1 + number)).await;
            }
        }
    });
    let mut back: Vec<Seq> = Vec::new();
    let mut before = said[99].next();
    loop {
        let page = scene.log().messages(scene.id, seq(1), Window::Before(before), limit(7)).await.unwrap();
        back.splice(0..0, page.items.iter().map(|row| row.seq));
        let Some(first) = page.items.first().filter(|_| page.has_before) else { break };
        before = first.seq;
    }
    assert_eq!(back, said);
    let mut on: Vec<Seq> = Vec::new();
    while on.len() < said.len() {
        let after = on.last().copied().unwrap_or_default();
        let page = scene.log().messages(scene.id, seq(1), Window::After(after), limit(7)).await.unwrap();
        on.extend(page.items.iter().map(|row| row.seq));
    }
    assert_eq!(on[..100], said);
    writer.await.unwrap();
}
