//! The feeds behind anti-entropy: whatever was committed is told, at least once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::scene::{Build, Scene, at, gone, member, message, note, pair, race, some_uuid, user};
use crate::conversation::{Kind, Role};
use crate::friendship::{Friendship, State};
use crate::id::SessionId;
use crate::store::{
    Change, ChangeCursor, Changes, Enter, NewSession, PutPair, RefreshState, Rotate, SessionRow, Store,
};

/// Where a reader stands who has just come.
async fn begin(changes: &dyn Changes) -> ChangeCursor {
    let began = changes.since(None, 100).await.unwrap();
    assert_eq!(began.items, [], "without a cursor there is nothing but where to begin");
    began.cursor
}

/// Everything told after a cursor, read in pages of `limit`; nothing when some of it is no longer known.
async fn told(changes: &dyn Changes, mut cursor: ChangeCursor, limit: usize) -> BTreeSet<Change> {
    let mut all = BTreeSet::new();
    loop {
        let changed = changes.since(Some(cursor), limit).await.unwrap();
        assert!(!changed.lagged, "so few changes are kept");
        assert!(changed.items.len() <= limit, "at most as many as asked");
        let is_last = changed.items.len() < limit;
        cursor = changed.cursor;
        all.extend(changed.items);
        if is_last {
            return all;
        }
    }
}

#[track_caller]
fn assert_tells(told: &BTreeSet<Change>, expected: &[Change]) {
    for change in expected {
        assert!(told.contains(change), "{change:?} is missing in {told:?}");
    }
}

fn login(number: u64) -> SessionRow {
    let refresh = RefreshState {
        generation: 1,
        current: [1; 32],
        previous: None,
        salt: [2; 16],
        key_id: "k".to_owned(),
        rotated_at: at(0),
    };
    SessionRow::new(NewSession {
        id: SessionId::from(some_uuid()),
        user: user(number),
        device: "phone".to_owned(),
        created_at: at(0),
        idle_until: at(10),
        absolute_until: at(20),
        credential_version: 1,
        refresh,
    })
}

/// A log that grows is told, and so are the memberships that its entries change.
pub async fn what_is_appended_is_told(store: Arc<dyn Store>) {
    let (a, b) = (Scene::group(&store, &[1, 2]).await, Scene::group(&store, &[1]).await);
    let changes = store.talk().talk_changes();
    let cursor = begin(changes).await;
    a.append(vec![message(user(1), "a"), note(user(1)).with(gone(user(2)))]).await;
    b.append(vec![note(user(1)).with(member(user(3), Role::Member))]).await;
    let expected =
        [Change::Head(a.id), Change::Head(b.id), Change::Memberships(user(2)), Change::Memberships(user(3))];
    assert_tells(&told(changes, cursor, 100).await, &expected);
}

/// Shells, channels entered and left, and hidden conversations are told to whom they concern.
pub async fn memberships_are_told(store: Arc<dyn Store>) {
    let channel = Scene::shell(&store, Kind::Channel).await;
    let (changes, memberships) = (store.talk().talk_changes(), store.talk().memberships());
    let cursor = begin(changes).await;
    let direct = Scene::direct(&store, 1, 2).await;
    assert_tells(&told(changes, cursor, 100).await, &[1, 2].map(|number| Change::Memberships(user(number))));

    let enter = Enter { conversation: channel.id, user: user(3), role: Role::Member, acl: 0, at: at(0) };
    let cursor = begin(changes).await;
    memberships.enter(&enter).await.unwrap();
    assert_tells(&told(changes, cursor, 100).await, &[Change::Memberships(user(3))]);
    let cursor = begin(changes).await;
    memberships.exit(channel.id, user(3)).await.unwrap();
    assert_tells(&told(changes, cursor, 100).await, &[Change::Memberships(user(3))]);

    direct.say(2, "a").await;
    let cursor = begin(changes).await;
    memberships.hide(direct.id, user(1)).await.unwrap();
    assert_tells(&told(changes, cursor, 100).await, &[Change::Memberships(user(1))]);
}

/// A change between two is told to both, whatever each is shown of it.
pub async fn friendships_are_told_to_both(store: Arc<dyn Store>) {
    let changes = store.people().people_changes();
    let cursor = begin(changes).await;
    let blocked = Friendship { state: State::None, blocked: [true, false] };
    let put = PutPair {
        pair: pair(1, 2),
        expected: 0,
        friendship: blocked,
        fence: true,
        shown: [None, None],
        at: at(0),
    };
    store.people().friendships().put(&put).await.unwrap();
    assert_tells(&told(changes, cursor, 100).await, &[1, 2].map(|number| Change::Friendships(user(number))));
}

/// Ended logins are told, however they ended, and those whose tokens changed.
pub async fn ended_logins_are_told(store: Arc<dyn Store>) {
    let (changes, sessions) = (store.access().access_changes(), store.access().sessions());
    let (pushed_out, ended, rotated) = (login(1), login(2), login(3));
    for row in [&pushed_out, &ended, &rotated] {
        sessions.create(row, 10).await.unwrap();
    }
    let cursor = begin(changes).await;
    sessions.create(&login(1), 1).await.unwrap();
    sessions.end(&[ended.id]).await.unwrap();
    let refresh = RefreshState { generation: 2, ..rotated.refresh.clone() };
    sessions
        .rotate(&Rotate { id: rotated.id, refresh, idle_until: at(15), credential_version: 1 })
        .await
        .unwrap();
    let expected = [&pushed_out, &ended, &rotated].map(|row| Change::Session(row.id));
    assert_tells(&told(changes, cursor, 100).await, &expected);
}

/// What was refused, and what was a repeat, is not told; nor is a fence, which nobody may see.
pub async fn what_did_not_happen_is_not_told(store: Arc<dyn Store>) {
    let (scene, other) = (Scene::group(&store, &[1]).await, Scene::group(&store, &[1]).await);
    let draft = message(user(1), "a");
    let stale = scene.lane(vec![message(user(1), "b")]).await;
    scene.put(draft.clone()).await;
    other.say(1, "a").await;
    let changes = store.talk().talk_changes();
    let cursor = begin(changes).await;
    // A store may repeat what it told before the cursor; a conversation that it never grew again is told at most so.
    let before = told(changes, cursor, 100).await;
    store.talk().conversations().fence(scene.id).await.unwrap();
    scene.append(vec![draft]).await;
    super::scene::assert_conflict(super::scene::append_lane(&*store, stale).await);
    assert!(told(changes, cursor, 100).await.is_subset(&before));
}

/// Small pages lead to the same as one large one, in the end.
pub async fn small_pages_tell_all(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for _ in 0..12 {
        scenes.push(Scene::group(&store, &[1]).await);
    }
    let changes = store.talk().talk_changes();
    let cursor = begin(changes).await;
    for scene in &scenes {
        scene.say(1, "a").await;
    }
    let expected: Vec<Change> = scenes.iter().map(|scene| Change::Head(scene.id)).collect();
    for limit in [1, 5, 100] {
        assert_tells(&told(changes, cursor, limit).await, &expected);
    }
}

/// A cursor that is none of this store's is told so, and leads on.
pub async fn a_foreign_cursor_lags(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    for changes in
        [store.talk().talk_changes(), store.people().people_changes(), store.access().access_changes()]
    {
        let changed = changes.since(Some(ChangeCursor([0xa5; 16])), 10).await.unwrap();
        assert!(changed.lagged);
    }
    let changes = store.talk().talk_changes();
    let cursor = changes.since(Some(ChangeCursor([0xa5; 16])), 10).await.unwrap().cursor;
    scene.say(1, "a").await;
    assert_tells(&told(changes, cursor, 100).await, &[Change::Head(scene.id)]);
}

/// A reader who goes on while many write misses nothing.
pub async fn nothing_is_missed_while_many_write(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for _ in 0..32 {
        scenes.push(Scene::group(&store, &[1]).await);
    }
    let changes = store.talk().talk_changes();
    let start = begin(changes).await;
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        let mut missing: BTreeSet<Change> = scenes.iter().map(|scene| Change::Head(scene.id)).collect();
        async move {
            let mut cursor = start;
            while !missing.is_empty() {
                let changed = store.talk().talk_changes().since(Some(cursor), 3).await.unwrap();
                assert!(!changed.lagged);
                cursor = changed.cursor;
                missing.retain(|change| !changed.items.contains(change));
                tokio::task::yield_now().await;
            }
        }
    });
    race(scenes.len(), |number| {
        let scene = scenes[number].clone();
        async move { scene.say(1, "a").await }
    })
    .await;
    reader.await.unwrap();
}
