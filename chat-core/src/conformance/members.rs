//! What entries do to memberships: joining, coming back, roles, bans, going; and what becomes of receipts, counts
//! and the roster.

use std::sync::Arc;

use super::scene::{Build, Scene, at, banned, gone, member, message, note, seq, user};
use crate::conversation::{History, Kind, Membership, Role, Standing};
use crate::id::Seq;
use crate::store::{DraftEntry, Effect, Store};

fn does(effect: Effect) -> DraftEntry {
    note(user(1)).with(effect)
}

fn joins(number: u64, history: History) -> Effect {
    Effect::PutMember { user: user(number), standing: Some(Standing::Member(Role::Member)), history }
}

/// Who joins sees from the first entry or from his own, has read everything, and is a member since that entry.
pub async fn who_joins_begins_anew(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.say_many(1, 3).await;
    for (number, history, visible_from) in [(2, History::All, seq(1)), (3, History::FromJoin, seq(6))] {
        let place = scene.put(does(joins(number, history)).on(at(7_000))).await;
        let standing = Standing::Member(Role::Member);
        let mut row = Membership::new(scene.id, user(number), standing, visible_from, at(7_000));
        (row.read, row.delivered, row.read_n) = (place.seq, place.seq, 3);
        assert_eq!(scene.row(number).await, Some(row));
        assert_eq!(scene.unread(number).await, 0);
    }
    scene.say(1, "welcome").await;
    assert_eq!((scene.unread(2).await, scene.unread(3).await), (1, 1));
}

/// Of several who join in one entry each has his row.
pub async fn many_join_in_one_entry(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let mut draft = note(user(1));
    for number in 1..=100 {
        draft = draft.with(member(user(number), if number == 1 { Role::Owner } else { Role::Member }));
    }
    scene.put(draft).await;
    let record = scene.record().await;
    assert_eq!((record.member_count, record.roster, record.head), (100, 100, seq(1)));
    let rows = store.talk().memberships().list(scene.id, None, 1_000).await.unwrap();
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row.read == seq(1)));
}

/// A member whose role changes keeps everything else, at the same role too.
pub async fn a_role_changes_alone(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say_many(1, 3).await;
    scene.read(2, seq(2)).await;
    let before = scene.row(2).await.unwrap();
    for role in [Role::Admin, Role::Owner, Role::Member, Role::Member] {
        let from_join = Effect::PutMember {
            user: user(2),
            standing: Some(Standing::Member(role)),
            history: History::FromJoin,
        };
        scene.put(does(from_join).on(at(9_000))).await;
        let expected = Membership { standing: Standing::Member(role), ..before.clone() };
        assert_eq!(scene.row(2).await, Some(expected));
    }
    let record = scene.record().await;
    assert_eq!((record.member_count, record.roster), (2, 6));
    assert_eq!(scene.unread(2).await, 2, "of three one is read");
}

/// Who is removed has no row; who comes back begins anew and does not find what he had read.
pub async fn who_comes_back_begins_anew(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say_many(1, 2).await;
    scene.put(does(gone(user(2))).taking_right()).await;
    assert_eq!((scene.row(2).await, scene.seat(2).await.is_none()), (None, true));
    assert_eq!(scene.raise(2, 1, 1).await, None);
    assert_eq!(scene.record().await.member_count, 1);
    scene.say_many(1, 2).await;
    let place = scene.put(does(joins(2, History::FromJoin))).await;
    let row = scene.row(2).await.unwrap();
    assert_eq!((row.visible_from, row.read, row.delivered, row.read_n), (place.seq, place.seq, place.seq, 4));
    assert_eq!((scene.unread(2).await, scene.record().await.member_count), (0, 2));
}

/// A banned row keeps nothing but the standing, is no member, and is not counted.
pub async fn a_ban_keeps_nothing_else(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say_many(1, 2).await;
    scene.read(2, seq(3)).await;
    let place = scene.put(does(banned(user(2))).taking_right().on(at(4_000))).await;
    let row = Membership::new(scene.id, user(2), Standing::Banned, Seq::ZERO, place.at);
    assert_eq!(scene.row(2).await, Some(row));
    assert_eq!(scene.record().await.member_count, 1);
    let memberships = store.talk().memberships();
    let listed = memberships.list(scene.id, None, 10).await.unwrap();
    assert!(listed.iter().all(|row| row.user == user(1)));
    assert_eq!(memberships.positions(user(2)).await.unwrap(), []);
    assert_eq!(memberships.counts(&[user(2)]).await.unwrap(), [0]);
    assert_eq!(scene.raise(2, 3, 3).await, None);
    assert!(!scene.seat(2).await.unwrap().is_listed());
}

/// Somebody who never was a member can be banned, let go, and come in anew.
pub async fn strangers_can_be_banned(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.put(does(banned(user(2)))).await;
    assert_eq!(scene.record().await.member_count, 1);
    scene.put(does(gone(user(2)))).await;
    assert_eq!((scene.row(2).await, scene.record().await.member_count), (None, 1));
    scene.put(does(banned(user(2)))).await;
    let place = scene.put(does(member(user(2), Role::Admin))).await;
    let row = scene.row(2).await.unwrap();
    assert_eq!((row.role(), row.visible_from, row.read), (Some(Role::Admin), seq(1), place.seq));
    assert_eq!(scene.record().await.member_count, 2);
}

/// Every membership entry raises `roster` by one, also one that changes nothing; nothing else raises it.
pub async fn the_roster_counts_memberships(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let mut expected = scene.record().await;
    for effect in [
        member(user(2), Role::Member),
        member(user(2), Role::Member),
        gone(user(3)),
        banned(user(2)),
        gone(user(2)),
    ] {
        scene.put(does(effect)).await;
        expected.roster += 1;
        assert_eq!(scene.record().await.roster, expected.roster);
    }
    scene.put(message(user(1), "a").taking_right()).await;
    store.talk().conversations().fence(scene.id).await.unwrap();
    let after = scene.record().await;
    assert_eq!((after.roster, after.member_count), (expected.roster, 1));
}

/// Taking away a row that is not there is no error, and counts nobody down.
pub async fn taking_away_nothing(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.append(vec![does(gone(user(2))), does(gone(user(2)))]).await;
    assert_eq!(scene.record().await.member_count, 1);
    assert_eq!(scene.row(2).await, None);
}

/// Who joins and writes in one lane has read his own message and nothing is unread for him.
pub async fn joining_and_writing_in_one_lane(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene
        .append(vec![
            message(user(1), "a"),
            does(member(user(2), Role::Member)),
            message(user(2), "b"),
            message(user(1), "c"),
        ])
        .await;
    let row = scene.row(2).await.unwrap();
    assert_eq!((row.read, row.read_n, row.delivered), (seq(4), 2, seq(4)));
    assert_eq!((scene.unread(1).await, scene.unread(2).await), (0, 1));
}
