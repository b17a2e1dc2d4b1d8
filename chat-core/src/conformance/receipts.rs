//! Receipts: raised, never lowered, one winner a step.

use std::sync::Arc;

use super::scene::{Build, Scene, banned, message, note, race, seq, some_uuid, user};
use crate::id::ConversationId;
use crate::receipt::Receipt;
use crate::store::{Raise, Raised, Receipts, Store};

fn receipts(store: &Arc<dyn Store>) -> &dyn Receipts {
    store.talk().receipts()
}

fn receipt(read: u64, delivered: u64) -> Receipt {
    Receipt { read: seq(read), delivered: seq(delivered) }
}

fn raise(scene: &Scene, number: u64, read: u64, delivered: u64) -> Raise {
    Raise { conversation: scene.id, user: user(number), to: receipt(read, delivered) }
}

/// Receipts merge by maximum in each part; who has read has received.
pub async fn receipts_merge_by_maximum(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    scene.say_many(1, 10).await;
    let mut before = receipt(0, 0);
    for (read, delivered, after) in [
        (0, 3, receipt(0, 3)),
        (0, 2, receipt(0, 3)),
        (5, 0, receipt(5, 5)),
        (4, 8, receipt(5, 8)),
        (5, 8, receipt(5, 8)),
        (0, 0, receipt(5, 8)),
        (9, 0, receipt(9, 9)),
        (10, 10, receipt(10, 10)),
    ] {
        let raised = scene.raise(2, read, delivered).await;
        let unread = 10 - after.read.get();
        assert_eq!(raised, Some(Raised { before, after, unread }));
        let row = scene.row(2).await.unwrap();
        assert_eq!((row.read, row.delivered, row.read_n), (after.read, after.delivered, after.read.get()));
        before = after;
    }
}

/// A report above the head is cut to it.
pub async fn a_report_is_cut_to_the_head(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    let raised = scene.raise(2, 7, 9).await.unwrap();
    assert_eq!(
        (raised.before, raised.after),
        (receipt(0, 0), receipt(0, 0)),
        "of a shell nothing can be read"
    );
    scene.say_many(1, 3).await;
    assert_eq!(scene.raise(2, 1, 99).await.unwrap().after, receipt(1, 3));
    assert_eq!(scene.raise(2, crate::id::Seq::MAX.get(), 0).await.unwrap().after, receipt(3, 3));
    scene.say(1, "new").await;
    assert_eq!(scene.row(2).await.unwrap().read, seq(3), "what came later is not read");
    assert_eq!(scene.unread(2).await, 1);
}

/// `read_n` is the number of messages up to `read`, whatever stands between them.
pub async fn read_n_moves_with_read(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    scene
        .append(vec![
            note(user(1)),
            message(user(1), "a"),
            note(user(1)),
            note(user(1)),
            message(user(1), "b"),
            note(user(1)),
        ])
        .await;
    for (read, read_n, unread) in [(1, 0, 2), (2, 1, 1), (4, 1, 1), (5, 2, 0), (6, 2, 0)] {
        assert_eq!(scene.raise(2, read, 0).await.unwrap().unread, unread, "up to {read}");
        assert_eq!(scene.row(2).await.unwrap().read_n, read_n, "up to {read}");
    }
}

/// Who is no member, banned or nowhere is answered with nothing, and the others of the batch are raised.
pub async fn only_members_are_raised(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.put(note(user(1)).with(banned(user(3)))).await;
    let before = scene.row(3).await;
    scene.say(1, "a").await;
    let absent = Raise { conversation: ConversationId::from(some_uuid()), ..raise(&scene, 2, 1, 1) };
    let batch = [raise(&scene, 3, 3, 3), absent, raise(&scene, 2, 3, 3), raise(&scene, 4, 3, 3)];
    let raised = receipts(&store).raise(Arc::new(batch)).await.unwrap();
    let raised: Vec<Option<Receipt>> = raised.into_iter().map(|one| one.map(|one| one.after)).collect();
    assert_eq!(raised, [None, None, Some(receipt(3, 3)), None]);
    assert_eq!((scene.row(3).await, scene.row(4).await), (before, None));
    assert!(receipts(&store).raise(Arc::new([])).await.unwrap().is_empty());
}

/// Several of one member in a batch are raised in order, each seeing the one before.
pub async fn one_member_several_times_in_a_batch(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    scene.say_many(1, 5).await;
    let batch =
        [raise(&scene, 2, 2, 0), raise(&scene, 1, 0, 0), raise(&scene, 2, 1, 4), raise(&scene, 2, 5, 5)];
    let raised = receipts(&store).raise(Arc::new(batch)).await.unwrap();
    let of_two: Vec<Raised> = [0, 2, 3].map(|place| raised[place].unwrap()).to_vec();
    let step = |before, after, unread| Raised { before, after, unread };
    let (start, first, second, last) = (receipt(0, 0), receipt(2, 2), receipt(2, 4), receipt(5, 5));
    assert_eq!(of_two, [step(start, first, 3), step(first, second, 3), step(second, last, 0)]);
    assert_eq!(raised[1].unwrap().after, receipt(5, 5), "who wrote has read");
}

/// A batch over many conversations is raised in each.
pub async fn a_batch_over_many_conversations(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for number in 0..300 {
        let scene = Scene::direct(&store, 1, 100 + number).await;
        scene.say(1, "a").await;
        scenes.push(scene);
    }
    let batch: Arc<[Raise]> =
        (100..).zip(&scenes).map(|(number, scene)| raise(scene, number, 1, 1)).collect();
    let raised = receipts(&store).raise(batch).await.unwrap();
    assert_eq!(raised.len(), 300);
    assert!(raised.iter().all(|one| one.is_some_and(|one| one.after == receipt(1, 1) && one.unread == 0)));
    assert_eq!(scenes[299].row(399).await.unwrap().read, seq(1));
}

/// Raising a receipt is no entry and moves nobody else.
pub async fn raising_moves_nothing_else(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2, 3]).await;
    scene.say_many(1, 3).await;
    let mut expected = scene.everything().await;
    scene.read(2, seq(3)).await;
    let row = expected.members.iter_mut().find(|row| row.user == user(2)).unwrap();
    (row.read, row.delivered, row.read_n) = (seq(3), seq(3), 2);
    assert_eq!(scene.everything().await, expected);
}

/// Of 64 reports of the same step at once exactly one sees it as its own, and the steps join without a gap.
pub async fn each_step_has_one_winner(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    scene.say_many(1, 16).await;
    let raised = race(64, |number| {
        let scene = scene.clone();
        async move { scene.raise(2, 1 + number as u64 % 16, 0).await.unwrap() }
    })
    .await;
    let mut steps: Vec<(u64, u64)> = raised
        .iter()
        .filter(|one| one.before != one.after)
        .map(|one| (one.before.read.get(), one.after.read.get()))
        .collect();
    steps.sort_unstable();
    assert_eq!(steps.first().map(|step| step.0), Some(0));
    assert_eq!(steps.last().map(|step| step.1), Some(16));
    assert!(steps.windows(2).all(|two| two[0].1 == two[1].0), "steps overlap: {steps:?}");
}

/// Reports and messages at once: a receipt never goes back, and at the end everything adds up.
pub async fn receipts_never_go_back(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    let raised = race(32, |number| {
        let scene = scene.clone();
        async move {
            if number % 2 == 0 {
                scene.say(1, "a").await;
                None
            } else {
                scene.raise(2, number as u64, number as u64).await
            }
        }
    })
    .await;
    assert!(
        raised.iter().flatten().all(|one| one.before.read <= one.after.read && one.after.read <= seq(16))
    );
    let row = scene.row(2).await.unwrap();
    assert_eq!(row.read_n, row.read.get(), "all entries are messages");
    assert_eq!(scene.unread(2).await, 16 - row.read_n);
}
