//! Conversations as records: shells, fences, the walk over all.

use std::sync::Arc;

use super::scene::{Scene, at, message, pair, race, some_uuid, user};
use crate::conversation::{
    Conversation, History, Join, Kind, Membership, Post, Read, Role, Settings, Standing,
};
use crate::id::{ConversationId, Seq};
use crate::store::{Conversations, Head, Shell, Store};

fn conversations(store: &Arc<dyn Store>) -> &dyn Conversations {
    store.talk().conversations()
}

fn shell(kind: Kind) -> Shell {
    let id = ConversationId::from(some_uuid());
    Shell { id, kind, pair: None, creator: None, settings: Settings::of(kind), at: at(1_000) }
}

fn every_settings() -> Vec<Settings> {
    let mut all = Vec::new();
    for join in [Join::Invite, Join::Open] {
        for read in [Read::Members, Read::Anyone] {
            for post in [Post::Members, Post::Admins] {
                all.extend([History::All, History::FromJoin].map(|history| Settings {
                    join,
                    read,
                    post,
                    history,
                }));
            }
        }
    }
    all
}

/// A shell is a conversation with head 0, without entries, members and name.
pub async fn a_shell_is_empty(store: Arc<dyn Store>) {
    for kind in [Kind::Group, Kind::Channel] {
        let shell = Shell { creator: Some(user(1)), ..shell(kind) };
        let mut expected = Conversation::shell(shell.id, kind, at(1_000));
        expected.creator = Some(user(1));
        assert_eq!(conversations(&store).ensure(&shell).await.unwrap(), expected);
        let scene = Scene { store: Arc::clone(&store), id: shell.id };
        assert_eq!(scene.record().await, expected);
        assert_eq!(scene.entries().await, []);
        assert_eq!(scene.log().last(&[shell.id]).await.unwrap(), [None]);
        let head = Head { head: Seq::ZERO, start: Seq::new(1) };
        assert_eq!(scene.log().heads(&[shell.id]).await.unwrap(), [Some(head)]);
        assert_eq!(scene.row(1).await, None, "the creator is no member yet");
    }
}

/// The two of a direct shell have rows that see from position 1, and it stands in nobody's list.
pub async fn a_direct_shell_has_its_two(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 2, 1).await;
    let record = scene.record().await;
    assert_eq!((record.kind, record.pair), (Kind::Direct, Some(pair(1, 2))));
    assert_eq!((record.member_count, record.roster, record.creator), (2, 0, None));
    for number in [1, 2] {
        let standing = Standing::Member(Role::Member);
        let row = Membership::new(scene.id, user(number), standing, Seq::new(1), at(1_000));
        assert_eq!(scene.row(number).await, Some(row));
        assert!(!scene.seat(number).await.unwrap().is_listed());
    }
}

/// Every setting, creator and time is kept.
pub async fn every_field_of_a_shell_is_kept(store: Arc<dyn Store>) {
    let times = [at(0), at(-1), at(i64::MIN), at(i64::MAX)];
    for (number, settings) in every_settings().into_iter().enumerate() {
        let creator = (number % 2 == 0).then(|| user(number as u64));
        let shell = Shell { creator, settings, at: times[number % 4], ..shell(Kind::Channel) };
        let made = conversations(&store).ensure(&shell).await.unwrap();
        assert_eq!((made.creator, made.settings, made.created_at), (creator, settings, shell.at));
        assert_eq!(conversations(&store).load(&[shell.id]).await.unwrap(), [Some(made)]);
    }
}

/// A second `ensure` changes nothing and answers what is there, entries and all.
pub async fn ensure_is_idempotent(store: Arc<dyn Store>) {
    let shell = shell(Kind::Group);
    conversations(&store).ensure(&shell).await.unwrap();
    let scene = Scene { store: Arc::clone(&store), id: shell.id };
    scene.put(message(user(1), "hello")).await;
    let before = scene.everything().await;
    let other = Shell { creator: Some(user(9)), at: at(9_000), ..shell };
    assert_eq!(conversations(&store).ensure(&other).await.unwrap(), before.record);
    assert_eq!(scene.everything().await, before);
}

/// Of many that ensure one shell at once all see the same one, made once.
pub async fn ensure_at_once_makes_one(store: Arc<dyn Store>) {
    let pair = pair(1, 2);
    let id = ConversationId::direct(store.tenant(), pair);
    let made = race(100, |number| {
        let at = at(i64::try_from(number).unwrap());
        let shell = Shell { id, pair: Some(pair), at, ..shell(Kind::Direct) };
        let store = Arc::clone(&store);
        async move { conversations(&store).ensure(&shell).await.unwrap() }
    })
    .await;
    assert!(made.iter().all(|one| *one == made[0]), "all see the same shell");
    assert_eq!(made[0].member_count, 2);
    assert_eq!(conversations(&store).walk(None, 10).await.unwrap(), made[..1]);
    let members = store.talk().memberships().list(id, None, 10).await.unwrap();
    assert!(members.iter().all(|row| row.since == made[0].created_at), "rows and record are one write");
}

/// Conversations are answered in the order asked, absent where there is none.
pub async fn conversations_come_in_the_order_asked(store: Arc<dyn Store>) {
    let (a, b) = (shell(Kind::Group), shell(Kind::Channel));
    for shell in [&a, &b] {
        conversations(&store).ensure(shell).await.unwrap();
    }
    let asked = [b.id, ConversationId::from(some_uuid()), a.id, b.id];
    let found = conversations(&store).load(&asked).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|one| one.map(|one| one.id)).collect();
    assert_eq!(found, [Some(b.id), None, Some(a.id), Some(b.id)]);
    assert_eq!(conversations(&store).load(&[]).await.unwrap(), []);
}

/// A fence raises `acl` by one and is seen in nothing else.
pub async fn a_fence_is_invisible(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say(1, "hello").await;
    let before = scene.everything().await;
    for fences in 1..=3 {
        conversations(&store).fence(scene.id).await.unwrap();
        let mut after = scene.everything().await;
        assert_eq!(after.record.acl, before.record.acl + fences);
        after.record.acl = before.record.acl;
        assert_eq!(after, before);
    }
}

/// A fence of what is not there makes nothing.
pub async fn a_fence_of_nothing_does_nothing(store: Arc<dyn Store>) {
    let shell = shell(Kind::Group);
    conversations(&store).fence(shell.id).await.unwrap();
    assert_eq!(conversations(&store).load(&[shell.id]).await.unwrap(), [None]);
    assert_eq!(conversations(&store).ensure(&shell).await.unwrap().acl, 0);
}

/// Fences at once all count.
pub async fn fences_at_once_all_count(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let before = scene.record().await.acl;
    race(64, |_| {
        let scene = scene.clone();
        async move { conversations(&scene.store).fence(scene.id).await.unwrap() }
    })
    .await;
    assert_eq!(scene.record().await.acl, before + 64);
}

/// The walk goes by id, after a key, at most as many as asked, and sees all kinds.
pub async fn the_walk_sees_all_by_id(store: Arc<dyn Store>) {
    let mut ids = vec![Scene::direct(&store, 1, 2).await.id];
    for kind in [Kind::Group, Kind::Channel, Kind::Group, Kind::Channel] {
        ids.push(Scene::shell(&store, kind).await.id);
    }
    ids.sort_unstable();
    let walk = |after, limit| {
        let walked = conversations(&store).walk(after, limit);
        async move { walked.await.unwrap().into_iter().map(|one| one.id).collect::<Vec<_>>() }
    };
    assert_eq!(walk(None, 10).await, ids);
    assert_eq!(walk(None, 2).await, ids[..2]);
    assert_eq!(walk(Some(ids[1]), 2).await, ids[2..4]);
    assert_eq!(walk(Some(ids[4]), 2).await, []);
}

/// A walk in pages while others are made sees each that was there throughout exactly once.
pub async fn a_walk_while_others_write_misses_none(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(Scene::shell(&store, Kind::Group).await.id);
    }
    ids.sort_unstable();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 100..160 {
                Scene::direct(&store, 1, number).await;
            }
        }
    });
    let mut seen: Vec<ConversationId> = Vec::new();
    loop {
        let page = conversations(&store).walk(seen.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|one| one.id));
    }
    writer.await.unwrap();
    assert!(seen.is_sorted_by(|a, b| a < b), "in order, none twice");
    seen.retain(|id| ids.binary_search(id).is_ok());
    assert_eq!(seen, ids);
}
