//! Many at once: one winner where there can be one, all where there can be all.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;

use super::scene::{
    Build, Scene, append_lane, appended, at, banned, edit, gone, member, message, note, pair, race, seq, user,
};
use crate::conversation::{Kind, Role};
use crate::friendship::{Friendship, Shown, State};
use crate::id::{Seq, Side};
use crate::store::{Effect, Enter, Expected, Lane, Outcome, PutPair, Store, StoreError};

/// 64 writers on one conversation: everybody gets a position of his own, dense, and finds his entry there.
pub async fn writers_on_one_conversation(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let places = race(64, |number| {
        let scene = scene.clone();
        async move {
            let mut own = Vec::new();
            for round in 0..4 {
                let text = format!("{number} {round}");
                own.push((scene.say(number as u64 + 1, &text).await, text));
            }
            own
        }
    })
    .await;
    assert!(places.iter().all(|own| own.is_sorted_by_key(|(position, _)| *position)), "each in his order");
    let mut all: Vec<(Seq, String)> = places.into_iter().flatten().collect();
    all.sort_unstable();
    let entries = scene.entries().await.into_iter().skip(1);
    let kept: Vec<(Seq, String)> = entries.map(|row| (row.seq, row.message.unwrap().text.unwrap())).collect();
    assert_eq!(kept, all);
    assert!(all.iter().map(|(position, _)| position.get()).eq(2..258));
    assert_eq!(scene.record().await.n, 256);
}

/// One `client_id` 100 times at once is one entry, and everybody is told the same position.
pub async fn one_client_id_at_once(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let outcomes = race(100, |_| {
        let scene = scene.clone();
        async move { scene.append(vec![message(user(1), "once").under("x").digest(1)]).await.remove(0) }
    })
    .await;
    let new = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Appended(_))).count();
    assert_eq!(new, 1);
    let repeat = Outcome::Repeat { seq: seq(2), digest: Some([1; 16]) };
    assert!(outcomes.iter().all(|outcome| *outcome == repeat || appended(outcome).seq == seq(2)));
    assert_eq!(scene.entries().await.len(), 2);
}

/// Batches of many lanes that overlap, in different orders, all go through.
pub async fn overlapping_batches(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for _ in 0..8 {
        scenes.push(Scene::shell(&store, Kind::Group).await);
    }
    let expected = Expected { acl: 0, roster: None };
    race(16, |number| {
        let store = Arc::clone(&store);
        let mut ids: Vec<_> = scenes.iter().map(|scene| scene.id).collect();
        ids.rotate_left(number % 8);
        if number.is_multiple_of(2) {
            ids.reverse();
        }
        async move {
            for _ in 0..4 {
                let lane = |&id| Lane {
                    conversation: id,
                    expected,
                    drafts: vec![message(user(1), "a"), note(user(1))],
                };
                let batch: Arc<[Lane]> = ids.iter().map(lane).collect();
                for (answer, id) in store.talk().log().append(batch).await.into_iter().zip(&ids) {
                    assert_eq!(answer.unwrap().conversation.id, *id);
                }
            }
        }
    })
    .await;
    for scene in &scenes {
        let entries = scene.entries().await;
        assert!(entries.iter().map(|row| row.seq.get()).eq(1..=128));
        assert!(
            entries.chunks(2).all(|two| two[0].message.is_some() && two[1].message.is_none()),
            "lanes are not mixed"
        );
    }
}

/// Of many edits from one `rev` exactly one goes in; the others write nothing.
pub async fn an_edit_has_one_winner(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "a").await;
    let results = race(32, |number| {
        let scene = scene.clone();
        async move { scene.try_append(vec![edit(user(1), said, said, &number.to_string())]).await }
    })
    .await;
    let winners: Vec<usize> =
        (0..).zip(&results).filter(|(_, one)| one.is_ok()).map(|(number, _)| number).collect();
    assert_eq!(winners.len(), 1);
    assert!(results.iter().flatten().count() == 1);
    assert!(results.iter().all(|one| matches!(one, Ok(_) | Err(StoreError::Conflict))));
    assert_eq!(scene.message(said).await.unwrap().text, Some(winners[0].to_string()));
    assert_eq!(scene.entries().await.len(), 3);
}

/// A fence against appends: what was decided before it and is not in by then never comes in.
pub async fn a_fence_against_appends(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let scene = Scene::group(&store, &[1]).await;
        let acl = scene.record().await.acl;
        let heads = race(8, |number| {
            let scene = scene.clone();
            async move {
                if number == 0 {
                    scene.store.talk().conversations().fence(scene.id).await.unwrap();
                    return Some(scene.record().await.head);
                }
                let expected = Expected { acl, roster: None };
                let drafts = vec![message(user(1), "a")];
                let _ = append_lane(&*scene.store, Lane { conversation: scene.id, expected, drafts }).await;
                None
            }
        })
        .await;
        let seen_after_the_fence = heads[0].unwrap();
        assert_eq!(
            scene.record().await.head,
            seen_after_the_fence,
            "an append decided before the fence came after it"
        );
    }
}

/// A removal against the removed one's messages: none of them stands after it.
pub async fn a_removal_against_messages(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let scene = Scene::group(&store, &[1, 2]).await;
        let acl = scene.record().await.acl;
        race(8, |number| {
            let scene = scene.clone();
            async move {
                if number == 0 {
                    scene.put(note(user(1)).kind(7).with(gone(user(2))).taking_right()).await;
                } else {
                    let expected = Expected { acl, roster: None };
                    let drafts = vec![message(user(2), "a")];
                    let _ =
                        append_lane(&*scene.store, Lane { conversation: scene.id, expected, drafts }).await;
                }
            }
        })
        .await;
        let entries = scene.entries().await;
        assert_eq!(entries.last().map(|row| row.kind), Some(7), "nothing of his stands after his removal");
        assert_eq!(scene.row(2).await, None);
    }
}

/// Entering against a ban: in the end he is banned, whichever came first, and the count is right.
pub async fn entering_against_a_ban(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let scene = Scene::shell(&store, Kind::Channel).await;
        let acl = scene.record().await.acl;
        race(2, |number| {
            let scene = scene.clone();
            async move {
                if number == 0 {
                    scene.put(note(user(1)).with(banned(user(2))).taking_right()).await;
                } else {
                    let enter =
                        Enter { conversation: scene.id, user: user(2), role: Role::Member, acl, at: at(0) };
                    let _ = scene.store.talk().memberships().enter(&enter).await;
                }
            }
        })
        .await;
        assert_eq!(scene.row(2).await.unwrap().role(), None);
        assert_eq!(scene.record().await.member_count, 0);
    }
}

/// Many enter and leave a channel at once: the count is the number of rows.
pub async fn entering_and_leaving_at_once(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    let entered = race(64, |number| {
        let scene = scene.clone();
        async move {
            let number = number as u64 / 2;
            let entered = enter(&scene, number + 1).await;
            if number.is_multiple_of(4) {
                scene.store.talk().memberships().exit(scene.id, user(number + 1)).await.unwrap();
            }
            (number, entered)
        }
    })
    .await;
    let stayed: Vec<u64> =
        entered.iter().filter(|(number, new)| *new && number % 4 != 0).map(|one| one.0).collect();
    assert_eq!(stayed.iter().collect::<BTreeSet<_>>().len(), stayed.len(), "one of two entered anew");
    let rows = store.talk().memberships().list(scene.id, None, 1_000).await.unwrap();
    assert_eq!(scene.record().await.member_count, rows.len() as u64);
    assert_eq!(rows.len(), 24);
}

/// Enters with the `acl` of the moment, again while others move it; answers whether it was anew.
async fn enter(scene: &Scene, number: u64) -> bool {
    loop {
        let acl = scene.record().await.acl;
        let enter = Enter { conversation: scene.id, user: user(number), role: Role::Member, acl, at: at(0) };
        match scene.store.talk().memberships().enter(&enter).await {
            Ok(entered) => return entered,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("entering failed: {error}"),
        }
    }
}

/// Leaving a channel against the leaver's messages: none that was decided from his row comes in after it.
pub async fn leaving_against_messages(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let scene = Scene::shell(&store, Kind::Channel).await;
        enter(&scene, 2).await;
        let acl = scene.record().await.acl;
        let heads = race(8, |number| {
            let scene = scene.clone();
            async move {
                if number == 0 {
                    assert!(scene.store.talk().memberships().exit(scene.id, user(2)).await.unwrap());
                    return Some(scene.record().await.head);
                }
                let expected = Expected { acl, roster: None };
                let drafts = vec![message(user(2), "a")];
                let _ = append_lane(&*scene.store, Lane { conversation: scene.id, expected, drafts }).await;
                None
            }
        })
        .await;
        assert_eq!(Some(scene.record().await.head), heads[0], "a message of his came after he had left");
    }
}

/// Owners who remove each other at once, each sure that another is left: `roster` lets only one be right.
pub async fn the_roster_lets_one_through(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let scene = Scene::group(&store, &[1, 2]).await;
        let record = scene.record().await;
        let results = race(2, |number| {
            let scene = scene.clone();
            let expected = Expected { acl: record.acl, roster: Some(record.roster) };
            async move {
                let demoted: Effect = member(user(number as u64 + 1), Role::Member);
                let drafts = vec![note(user(1)).with(demoted).taking_right()];
                append_lane(&*scene.store, Lane { conversation: scene.id, expected, drafts }).await.is_ok()
            }
        })
        .await;
        assert_eq!(results.iter().filter(|went| **went).count(), 1);
    }
}

/// Crossed changes of one pair from one version: one goes in, wholly; the other is told.
pub async fn crossed_puts_of_one_pair(store: Arc<dyn Store>) {
    for number in 2..22 {
        let pair = pair(1, number);
        let results = race(2, |side| {
            let store = Arc::clone(&store);
            let by = Side::BOTH[side];
            let friendship =
                Friendship { state: State::Requested { by, shown: Shown::Yes }, blocked: [false; 2] };
            let shown = Side::BOTH.map(|side| Some(friendship.view(side)));
            let put = PutPair { pair, expected: 0, friendship, fence: false, shown, at: at(0) };
            async move { store.people().friendships().put(&put).await }
        })
        .await;
        let winner = results.iter().position(Result::is_ok).expect("one goes in");
        assert!(matches!(results[1 - winner], Err(StoreError::Conflict)));
        let record = store.people().friendships().of(&[pair]).await.unwrap().remove(0).unwrap();
        assert_eq!((Some(&record), record.version), (results[winner].as_ref().ok(), 1));
        for side in Side::BOTH {
            let changes = store.people().friendships().since(pair.user(side), Some(0)).await.unwrap();
            let last = changes.items.last().unwrap().row;
            assert_eq!((last.other, last.view), (pair.user(side.other()), record.friendship.view(side)));
        }
    }
    assert_eq!(store.people().friendships().since(user(1), None).await.unwrap().cursor, 20);
}

/// Many pairs of one user at once: his feed is dense, and who follows it finds no late fill-in.
pub async fn a_feed_is_read_while_it_grows(store: Arc<dyn Store>) {
    let friends = 48;
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut versions = Vec::new();
            while versions.len() < friends {
                let cursor = versions.last().copied().unwrap_or(0);
                let changes = store.people().friendships().since(user(1), Some(cursor)).await.unwrap();
                assert!(!changes.reset);
                versions.extend(changes.items.iter().map(|item| item.version));
                assert_eq!(changes.cursor, versions.last().copied().unwrap_or(0));
                tokio::task::yield_now().await;
            }
            versions
        }
    });
    race(friends, |number| {
        let store = Arc::clone(&store);
        async move {
            let friendship = Friendship { state: State::Friends, blocked: [false; 2] };
            let shown = Side::BOTH.map(|side| Some(friendship.view(side)));
            let pair = pair(1, 100 + number as u64);
            let put = PutPair { pair, expected: 0, friendship, fence: false, shown, at: at(0) };
            store.people().friendships().put(&put).await.unwrap();
        }
    })
    .await;
    assert!(reader.await.unwrap().into_iter().eq(1..=friends as u64));
}

/// Futures of every writing method dropped after one poll: done wholly or not at all, and done again without harm.
pub async fn dropped_writes_are_whole_or_nothing(store: Arc<dyn Store>) {
    let friendships = store.people().friendships();
    for number in 2..12 {
        let friendship = Friendship { state: State::Friends, blocked: [false; 2] };
        let shown = Side::BOTH.map(|side| Some(friendship.view(side)));
        let pair = pair(1, number);
        let put = PutPair { pair, expected: 0, friendship, fence: false, shown, at: at(0) };
        let _ = friendships.put(&put).now_or_never();
        let _ = friendships.put(&put).await;
        assert_eq!(friendships.of(&[pair]).await.unwrap()[0].unwrap().version, 1);
    }
    let feed = friendships.since(user(1), Some(0)).await.unwrap();
    assert!(feed.items.iter().map(|item| item.version).eq(1..=10), "record and feed are one write");

    let channel = Scene::shell(&store, Kind::Channel).await;
    for number in 2..12 {
        let enter =
            Enter { conversation: channel.id, user: user(number), role: Role::Member, acl: 0, at: at(0) };
        let memberships = store.talk().memberships();
        let _ = memberships.enter(&enter).now_or_never();
        memberships.enter(&enter).await.unwrap();
        let rows = memberships.list(channel.id, None, 1_000).await.unwrap();
        assert_eq!(channel.record().await.member_count, rows.len() as u64);
    }
}
