//! Writers at once, each deciding from what it read: no update is lost, no two that exclude each other both happen, and
//! nothing slips in between what a write looked for and what it wrote.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::accounts::{account, accounts, claim, found, load, owner, username, words};
use super::friendships::{FRIENDS, change, friendships};
use super::scene::{
    Build, Scene, append_lane, appended, assert_taken, at, deletion, edit, member, message, note, pair, race,
    seq, user,
};
use super::sessions::{login, rotation, sessions};
use crate::conversation::{Kind, Role};
use crate::id::Seq;
use crate::message::{Patch, kind};
use crate::store::{
    ClaimKind, Claims, ConversationPatch, Effect, Enter, Expected, Lane, Outcome, Store, StoreError,
};

/// Of many updates from one read one goes in, with its claims and words; the others leave none of theirs behind.
pub async fn the_losers_of_an_update_claim_nothing(store: Arc<dyn Store>) {
    accounts(&store).create(&account(1, "ana"), &username("ana")).await.unwrap();
    let name = |number: usize| format!("ana-{number}-");
    let won = race(16, |number| {
        let (store, name) = (Arc::clone(&store), name(number));
        async move {
            let mut next = account(1, &name);
            next.version = 2;
            let claims = Claims { words: words(&[&name]), ..username(&name) };
            accounts(&store).update(&next, &claims).await.is_ok()
        }
    })
    .await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let kept = load(&store, 1).await.unwrap().username;
    for (number, won) in won.into_iter().enumerate() {
        let name = name(number);
        let expected = won.then_some(user(1));
        assert_eq!(owner(&store, ClaimKind::Username, &name).await, expected, "{name} is claimed");
        assert_eq!(
            found(&store, &[&name]).await,
            expected.into_iter().collect::<Vec<_>>(),
            "{name} is found"
        );
        assert_eq!(kept == name, won);
    }
}

/// Two who want each other's name at once: neither gets it, as neither was ever free, and both keep their own.
pub async fn names_are_not_swapped(store: Arc<dyn Store>) {
    for round in 0..10_u64 {
        let people = [round * 2 + 1, round * 2 + 2];
        for number in people {
            let name = number.to_string();
            accounts(&store).create(&account(number, &name), &username(&name)).await.unwrap();
        }
        let results = race(2, |side| {
            let store = Arc::clone(&store);
            let (own, wanted) = (people[side], people[1 - side].to_string());
            async move {
                let mut next = account(own, &wanted);
                next.version = 2;
                let release = vec![claim(ClaimKind::Username, &own.to_string())];
                accounts(&store).update(&next, &Claims { release, ..username(&wanted) }).await
            }
        })
        .await;
        for (result, number) in results.into_iter().zip(people) {
            assert_taken(result, "username");
            assert_eq!(owner(&store, ClaimKind::Username, &number.to_string()).await, Some(user(number)));
            assert_eq!(load(&store, number).await.unwrap().version, 1);
        }
    }
}

/// A name that is given back while many wait for it goes to one of them or to none.
pub async fn a_name_given_back_is_taken_once(store: Arc<dyn Store>) {
    for round in 0..4_u64 {
        let (base, name) = (round * 10, format!("ana{round}"));
        accounts(&store).create(&account(base, &name), &username(&name)).await.unwrap();
        let results = race(6, |number| {
            let (store, name, number) = (Arc::clone(&store), name.clone(), base + number as u64);
            async move {
                if number > base {
                    return accounts(&store).create(&account(number, &name), &username(&name)).await.is_ok();
                }
                let mut next = account(base, "bo");
                next.version = 2;
                let release = vec![claim(ClaimKind::Username, &name)];
                accounts(&store).update(&next, &Claims { release, ..Claims::default() }).await.unwrap();
                false
            }
        })
        .await;
        let takers: Vec<_> =
            (base..).zip(results).filter(|(_, took)| *took).map(|(number, _)| user(number)).collect();
        assert!(takers.len() <= 1, "{takers:?}");
        assert_eq!(owner(&store, ClaimKind::Username, &name).await, takers.first().copied());
    }
}

/// All pairs of eight people at once, each person in seven of them: every feed is dense, and nobody waits for ever.
pub async fn pairs_in_a_ring(store: Arc<dyn Store>) {
    let all: Vec<(u64, u64)> = (1..=8).flat_map(|one| (1..one).map(move |other| (one, other))).collect();
    race(all.len(), |number| {
        let (store, (one, other)) = (Arc::clone(&store), all[number]);
        async move { friendships(&store).put(&change(pair(one, other), 0, FRIENDS)).await.unwrap() }
    })
    .await;
    for number in 1..=8 {
        let feed = friendships(&store).since(user(number), Some(0)).await.unwrap();
        assert!(feed.items.iter().map(|item| item.version).eq(1..=7), "{number}: {feed:?}");
        let others: BTreeSet<_> = feed.items.iter().map(|item| item.row.other).collect();
        assert_eq!(others.len(), 7);
    }
}

/// Somebody reads on one device and writes on another: his receipt is the furthest of both, and counts what it covers.
pub async fn reading_against_writing(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say_many(1, 20).await;
    race(24, |number| {
        let scene = scene.clone();
        async move {
            match number % 3 {
                0 => drop(scene.raise(2, number as u64, 21).await),
                1 => drop(scene.say(2, "mine").await),
                _ => drop(scene.append(vec![note(user(1)), message(user(1), "yours")]).await),
            }
        }
    })
    .await;
    let entries = scene.entries().await;
    let mine = entries.iter().rfind(|row| row.by == user(2)).unwrap();
    let row = scene.row(2).await.unwrap();
    assert_eq!((row.read, row.delivered, row.read_n), (mine.seq, mine.seq.max(seq(21)), mine.n));
    assert_eq!(scene.unread(2).await, entries.last().unwrap().n - mine.n);
}

/// A login is rotated while its use is noted: neither undoes the other.
pub async fn a_touch_against_a_rotation(store: Arc<dyn Store>) {
    for _ in 0..10 {
        let row = login(1, 1_000);
        sessions(&store).create(&row, 100).await.unwrap();
        race(4, |number| {
            let (store, id, seen) = (Arc::clone(&store), row.id, [0, 2_001, 2_003, 2_002][number]);
            async move {
                if number == 0 {
                    sessions(&store).rotate(&rotation(id, 2)).await.unwrap();
                } else {
                    sessions(&store).touch(&[(id, at(seen))]).await.unwrap();
                }
            }
        })
        .await;
        let kept = sessions(&store).load(&[row.id]).await.unwrap().remove(0).unwrap();
        let rotate = rotation(row.id, 2);
        assert_eq!((kept.last_seen_at, kept.idle_until), (at(2_003), rotate.idle_until));
        assert_eq!((kept.refresh, kept.credential_version), (rotate.refresh, rotate.credential_version));
    }
}

/// Members come by entries, enter and leave by themselves, all at once: the count is the number of rows.
pub async fn members_come_by_both_doors(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    race(32, |number| {
        let scene = scene.clone();
        async move {
            let (who, other) = (user(1 + number as u64), user(101 + number as u64));
            if number % 2 == 0 {
                until_in(&scene, || note(user(1)).with(member(who, Role::Member))).await;
            } else {
                enter(&scene, 1 + number as u64).await;
                assert!(scene.store.talk().memberships().exit(scene.id, who).await.unwrap());
                until_in(&scene, || note(user(1)).with(member(other, Role::Admin))).await;
            }
        }
    })
    .await;
    let rows = store.talk().memberships().list(scene.id, None, 1_000).await.unwrap();
    assert_eq!((scene.record().await.member_count, rows.len()), (32, 32));
    assert_eq!(scene.record().await.acl, 16, "each who left took a right");
}

/// Appends what does not depend on any right, again while others move `acl`.
async fn until_in(scene: &Scene, draft: impl Fn() -> crate::store::DraftEntry) -> Seq {
    loop {
        match scene.try_append(vec![draft()]).await {
            Ok(done) => return appended(&done.outcomes[0]).seq,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn enter(scene: &Scene, number: u64) {
    loop {
        let acl = scene.record().await.acl;
        let enter = Enter { conversation: scene.id, user: user(number), role: Role::Member, acl, at: at(0) };
        match scene.store.talk().memberships().enter(&enter).await {
            Ok(entered) => return assert!(entered),
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// One record, changed at once in every way there is: name and picture by entries, rights by fences, the count by
/// those who come, the log by those who talk. Each change is there in the end.
pub async fn no_change_of_a_record_is_lost(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    race(20, |number| {
        let scene = scene.clone();
        async move {
            let set = || Patch::Set(number.to_string());
            let patch = match number % 5 {
                0 => return scene.store.talk().conversations().fence(scene.id).await.unwrap(),
                1 => return enter(&scene, number as u64).await,
                2 => {
                    until_in(&scene, || message(user(1), "a")).await;
                    return;
                }
                3 => ConversationPatch { name: set(), ..ConversationPatch::default() },
                _ => ConversationPatch { picture: set(), ..ConversationPatch::default() },
            };
            until_in(&scene, || note(user(1)).with(Effect::SetConversation(patch.clone()))).await;
        }
    })
    .await;
    let record = scene.record().await;
    assert_eq!((record.acl, record.member_count, record.head, record.n), (4, 4, seq(12), 4));
    let named = record.name.unwrap().parse::<u64>().unwrap();
    let pictured = record.picture.unwrap().parse::<u64>().unwrap();
    assert_eq!((named % 5, pictured % 5), (3, 4));
}

/// Lanes of one sender that overlap in what they say: each thing is said once, whoever was first, and every answer
/// names its place.
pub async fn overlapping_lanes_of_one_sender(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let answers = race(16, |number| {
        let scene = scene.clone();
        async move {
            let said: Vec<usize> = (number..number + 4).collect();
            let drafts = said.iter().map(|one| message(user(1), "a").under(&format!("id-{one}"))).collect();
            let outcomes = scene.append(drafts).await;
            said.into_iter().zip(outcomes).collect::<Vec<_>>()
        }
    })
    .await;
    let entries = scene.entries().await;
    assert!(entries.iter().map(|row| row.seq.get()).eq(1..=19), "each once, without holes");
    for (said, outcome) in answers.into_iter().flatten() {
        let place = match outcome {
            Outcome::Appended(place) => place.seq,
            Outcome::Repeat { seq, .. } => seq,
        };
        let there = entries.iter().find(|row| row.seq == place).unwrap();
        assert_eq!(there.client_id.as_str(), format!("id-{said}"));
    }
}

/// Many mark one message at once: all marks are there, and its `rev` is the last of their positions.
pub async fn marks_at_once(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let target = scene.say(1, "a").await;
    race(32, |number| {
        let scene = scene.clone();
        async move {
            let by = user(1 + number as u64);
            let put = |key: &str| note(by).with(Effect::PutMark { target, key: key.to_owned(), by });
            let drop = note(by).with(Effect::DropMark { target, key: "b".to_owned(), by });
            scene.append(vec![put("a"), put("b"), drop]).await;
        }
    })
    .await;
    let marks = scene.log().marks(scene.id, &[target]).await.unwrap();
    assert!(marks.iter().map(|mark| mark.by).eq((1..=32).map(user)));
    assert!(marks.iter().all(|mark| mark.key == "a"));
    assert_eq!(scene.message(target).await.unwrap().rev, scene.record().await.head);
}

/// How often each tries to edit what another one deletes.
const EDITS_MAX: u32 = 20;

/// A deletion in the middle of edits, each from the latest `rev`: none comes after it, and no text is left.
pub async fn a_deletion_against_edits(store: Arc<dyn Store>) {
    for _ in 0..4 {
        let scene = Scene::group(&store, &[1]).await;
        let target = scene.say(1, "secret").await;
        race(6, |number| {
            let scene = scene.clone();
            async move {
                let mut edits = 0;
                while let Some(row) = scene.message(target).await.filter(|row| row.deleted_at.is_none()) {
                    // In the end nobody stands in the way of who deletes.
                    if number > 0 && edits == EDITS_MAX {
                        return;
                    }
                    edits += 1;
                    tokio::task::yield_now().await;
                    let draft = match number {
                        0 => deletion(user(1), target, row.rev).kind(kind::DELETED),
                        _ => edit(user(1), target, row.rev, "secret still").kind(kind::EDITED),
                    };
                    let lane = lane_of(&scene, draft);
                    match append_lane(&*scene.store, lane).await {
                        Ok(_) | Err(StoreError::Conflict) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        })
        .await;
        let entries = scene.entries().await;
        assert_eq!(entries.last().map(|row| row.kind), Some(kind::DELETED), "nothing after the deletion");
        assert!(!format!("{entries:?}").contains("secret"));
        assert_eq!(scene.message(target).await.unwrap().rev, scene.record().await.head);
    }
}

fn lane_of(scene: &Scene, draft: crate::store::DraftEntry) -> Lane {
    Lane { conversation: scene.id, expected: Expected { acl: 0, roster: None }, drafts: vec![draft] }
}
