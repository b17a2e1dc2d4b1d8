//! Many people in one place, and many writers.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Database;
use super::scene::{Build, Scene, appended, gone, limit, member, message, note, race, seq, user};
use crate::conversation::{Kind, Role};
use crate::id::{Tenant, UserId};
use crate::store::{Expected, Lane, SeatQuery, Store};

/// A group of a thousand: a hundred join and leave in one entry, everybody is listed, counted and told.
pub async fn a_group_at_its_limit(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let hundred = |hundred: u64| hundred * 100 + 1..=hundred * 100 + 100;
    let joins = |numbers: std::ops::RangeInclusive<u64>| {
        numbers.map(|number| member(user(number), Role::Member)).fold(note(user(1)), Build::with)
    };
    scene.append((0..9).map(|number| joins(hundred(number))).collect()).await;
    scene.put(joins(hundred(9))).await;
    let all: Vec<UserId> = (1..=1_000).map(user).collect();
    assert_eq!(members(&scene).await, all);
    assert_eq!(scene.record().await.member_count, 1_000);
    let memberships = store.talk().memberships();
    assert!(memberships.of(scene.id, &all).await.unwrap().iter().all(Option::is_some));
    assert!(memberships.counts(&all).await.unwrap().iter().all(|&count| count == 1));

    scene.say(1, "a").await;
    assert_eq!((scene.unread(1).await, scene.unread(2).await, scene.unread(1_000).await), (0, 1, 1));
    scene.read(1_000, seq(12)).await;
    let query = SeatQuery::Listed { after: None, limit: limit(1) };
    let seat = memberships.seats(user(1_000), query).await.unwrap().remove(0);
    assert_eq!((seat.unread, seat.conversation.member_count), (0, 1_000));

    let leaving = hundred(4).map(|number| gone(user(number))).fold(note(user(1)), Build::with);
    scene.put(leaving.taking_right()).await;
    assert_eq!(scene.record().await.member_count, 900);
    assert_eq!(memberships.counts(&[user(450), user(500), user(501)]).await.unwrap(), [0, 0, 1]);
    assert!(members(&scene).await.into_iter().eq((1..=400).chain(501..=1_000).map(user)));
}

/// A channel that a hundred thousand have joined: the last of them is told what the first is, and all are listed.
pub async fn a_channel_of_many(database: Arc<dyn Database>) {
    let members_count = database.crowd();
    let store = database.store(Tenant::default());
    let scene = Scene::shell(&store, Kind::Channel).await;
    let joins = |hundred: u64| {
        let numbers = hundred * 100 + 1..=hundred * 100 + 100;
        numbers.map(|number| member(user(number), Role::Member)).fold(note(user(1)), Build::with)
    };
    for thousand in 0..members_count / 1_000 {
        scene.append((thousand * 10..thousand * 10 + 10).map(joins).collect()).await;
    }
    let entries = members_count / 100;
    let record = scene.record().await;
    assert_eq!(
        (record.member_count, record.roster, record.head),
        (members_count, members_count, seq(entries))
    );
    assert!(members(&scene).await.into_iter().eq((1..=members_count).map(user)));

    scene.say(1, "a").await;
    assert_eq!((scene.unread(1).await, scene.unread(2).await, scene.unread(members_count).await), (0, 1, 1));
    scene.read(members_count, seq(entries + 1)).await;
    assert_eq!((scene.unread(members_count - 1).await, scene.unread(members_count).await), (1, 0));
    scene.put(note(user(1)).with(gone(user(members_count / 2))).taking_right()).await;
    assert_eq!(scene.record().await.member_count, members_count - 1);
    assert_eq!(scene.row(members_count / 2).await, None);
}

/// All members, in pages of 300.
async fn members(scene: &Scene) -> Vec<UserId> {
    let mut all: Vec<UserId> = Vec::new();
    loop {
        let after = all.last().copied();
        let page = scene.store.talk().memberships().list(scene.id, after, 300).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|row| row.user));
    }
}

/// 64 writers, each with a batch over the same conversations, half of them in the reverse order: nobody waits for
/// ever, and everybody has his place in each.
pub async fn writers_over_crossed_conversations(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for _ in 0..4 {
        scenes.push(Scene::group(&store, &[1]).await);
    }
    let places = race(64, |number| {
        let store = Arc::clone(&store);
        let mut ids: Vec<_> = scenes.iter().map(|scene| scene.id).collect();
        if number.is_multiple_of(2) {
            ids.reverse();
        }
        async move {
            let expected = Expected { acl: 0, roster: None };
            let by = user(1 + number as u64);
            let drafts = vec![message(by, "a"), note(by), message(by, "b")];
            let lane = |&id| Lane { conversation: id, expected, drafts: drafts.clone() };
            let batch: Arc<[Lane]> = ids.iter().map(lane).collect();
            let done = store.talk().log().append(batch).await;
            done.into_iter()
                .zip(ids)
                .flat_map(|(done, id)| {
                    let outcomes = done.unwrap().outcomes;
                    outcomes.into_iter().map(move |outcome| (id, appended(&outcome).seq))
                })
                .collect::<Vec<_>>()
        }
    })
    .await;
    let told: BTreeSet<_> = places.into_iter().flatten().collect();
    assert_eq!(told.len(), 64 * 4 * 3, "nobody shares a place");
    for scene in &scenes {
        let entries = scene.entries().await;
        assert!(entries.iter().map(|row| row.seq.get()).eq(1..=193));
        assert!(entries[1..].chunks(3).all(|three| three.iter().all(|row| row.by == three[0].by)));
        assert!(entries.iter().all(|row| row.seq == seq(1) || told.contains(&(scene.id, row.seq))));
        assert_eq!(scene.record().await.n, 128);
    }
}

/// One conversation in which everybody writes, edits and deletes his own at once: each sees his own order kept.
pub async fn everybody_at_once(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    race(16, |number| {
        let scene = scene.clone();
        async move {
            let by = 1 + number as u64;
            let said = scene.say_many(by, 3).await;
            let (kept, edited, deleted) = (said[0], said[1], said[2]);
            scene.put(super::scene::edit(user(by), edited, edited, &format!("edited by {by}"))).await;
            scene.put(super::scene::deletion(user(by), deleted, deleted)).await;
            assert_eq!(scene.message(kept).await.unwrap().rev, kept);
        }
    })
    .await;
    let entries = scene.entries().await;
    assert!(entries.iter().map(|row| row.seq.get()).eq(1..=80));
    for by in 1..=16 {
        let own = entries.iter().filter(|row| row.by == user(by));
        let texts: Vec<Option<String>> =
            own.map(|row| row.message.as_ref().and_then(|message| message.text.clone())).collect();
        let edited = Some(format!("edited by {by}"));
        assert_eq!(texts, [Some("text 0".to_owned()), edited.clone(), None, edited, None], "{by}");
    }
}
