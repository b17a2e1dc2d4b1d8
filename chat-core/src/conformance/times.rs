//! Times: whole milliseconds of 64 bits, everywhere, whatever a calendar, a zone or a clock makes of them.

use std::sync::Arc;

use super::accounts::{account, accounts};
use super::friendships::{FRIENDS, change, friendships};
use super::scene::{Build, Scene, appended, at, deletion, edit, member, message, note, pair, seq, user};
use super::sessions::{login, rotation, sessions};
use crate::conversation::{Conversation, Kind, Role, Settings};
use crate::id::{ConversationId, SessionId};
use crate::store::{
    Claims, DraftEntry, Enter, FriendFilter, PutPair, RefreshState, Rotate, SessionRow, Shell, Store,
};

/// Instants at which some way of keeping time turns: the ends of 64 bits, of what a double holds, of 32 bits in
/// seconds, of four-digit years; a leap day, a leap second, hours that a zone has twice or not at all.
const INSTANTS: [i64; 22] = [
    i64::MIN,
    i64::MIN + 1,
    -(1 << 53) - 1,
    -62_135_596_800_001,
    -62_135_596_800_000,
    -2_208_988_800_001,
    -1,
    0,
    1,
    999,
    951_782_400_000,
    1_483_228_799_999,
    1_483_228_800_000,
    1_711_846_800_001,
    1_729_990_799_999,
    2_147_483_647_999,
    2_147_483_648_000,
    4_294_967_296_000,
    253_402_300_799_999,
    253_402_300_800_000,
    (1 << 53) + 1,
    i64::MAX,
];

/// Accounts and logins bear each instant in each of their times.
pub async fn people_of_every_instant(store: Arc<dyn Store>) {
    for (number, time) in (1..).zip(INSTANTS.map(at)) {
        let mut account = account(number, "ana");
        (account.created_at, account.email_verified_at) = (time, Some(time));
        accounts(&store).create(&account, &Claims::default()).await.unwrap();
        let kept = accounts(&store).load(&[user(number)]).await.unwrap();
        assert_eq!(kept, [Some(account)], "{time:?}");

        let plain = login(number, time.millis());
        let refresh = RefreshState { rotated_at: time, ..plain.refresh.clone() };
        let row = SessionRow { last_seen_at: time, idle_until: time, absolute_until: time, refresh, ..plain };
        sessions(&store).create(&row, 1).await.unwrap();
        let turned = rotation(row.id, 2);
        let refresh = RefreshState { rotated_at: time, ..turned.refresh.clone() };
        sessions(&store)
            .rotate(&Rotate { idle_until: time, refresh: refresh.clone(), ..turned })
            .await
            .unwrap();
        let expected = SessionRow { refresh, credential_version: 2, ..row.clone() };
        assert_eq!(sessions(&store).load(&[row.id]).await.unwrap(), [Some(expected)], "{time:?}");
    }
}

/// Pairs and what each side sees of them bear each instant, also when it falls.
pub async fn pairs_of_every_instant(store: Arc<dyn Store>) {
    let pair = pair(1, 2);
    for (version, time) in (0..).zip(INSTANTS.map(at)) {
        let put = PutPair { at: time, ..change(pair, version, FRIENDS) };
        assert_eq!(friendships(&store).put(&put).await.unwrap().at, time);
        let record = friendships(&store).of(&[pair]).await.unwrap().remove(0).unwrap();
        let limit = super::scene::limit(5);
        let row = friendships(&store).list(user(2), FriendFilter::All, None, limit).await.unwrap().remove(0);
        let told = friendships(&store).since(user(1), Some(version)).await.unwrap().items.remove(0);
        assert_eq!([record.at, row.at, told.row.at], [time; 3]);
    }
}

/// Conversations, members, entries and messages bear each instant: as they were made, edited and deleted.
pub async fn conversations_of_every_instant(store: Arc<dyn Store>) {
    for time in INSTANTS.map(at) {
        let id = ConversationId::from(super::scene::some_uuid());
        let (kind, settings) = (Kind::Channel, Settings::of(Kind::Channel));
        let shell = Shell { id, kind, pair: None, creator: None, settings, at: time };
        let made = store.talk().conversations().ensure(&shell).await.unwrap();
        assert_eq!(made, Conversation::shell(id, kind, time));
        let scene = Scene { store: Arc::clone(&store), id };
        let drafts: Vec<DraftEntry> = vec![
            note(user(1)).with(member(user(1), Role::Owner)),
            message(user(1), "a"),
            edit(user(1), seq(2), seq(2), "b"),
            deletion(user(1), seq(2), seq(3)),
        ];
        let outcomes = scene.append(drafts.into_iter().map(|draft| draft.on(time)).collect()).await;
        assert!(outcomes.iter().all(|outcome| appended(outcome).at == time));
        let enter = Enter { conversation: id, user: user(2), role: Role::Member, acl: 0, at: time };
        store.talk().memberships().enter(&enter).await.unwrap();

        let kept = scene.everything().await;
        assert_eq!([kept.record.created_at, kept.record.last_at], [time; 2]);
        assert!(kept.entries.iter().all(|row| row.at == time), "{time:?}");
        assert!(kept.members.iter().all(|row| row.since == time), "{time:?}");
        let row = scene.message(seq(2)).await.unwrap();
        assert_eq!([Some(row.at), row.edited_at, row.deleted_at], [Some(time); 3]);
    }
}

/// A login is over exactly from its instant on, at both ends of time too.
pub async fn logins_end_at_every_instant(store: Arc<dyn Store>) {
    let mut ids: Vec<SessionId> = Vec::new();
    for (number, time) in (1..).zip(INSTANTS.map(at)) {
        let row = SessionRow { idle_until: time, absolute_until: at(i64::MAX), ..login(number, 0) };
        sessions(&store).create(&row, 1).await.unwrap();
        ids.push(row.id);
    }
    for (over, &now) in INSTANTS.iter().enumerate() {
        let alive = sessions(&store).alive(&ids, at(now)).await.unwrap();
        // At the very end everything is over.
        let over = if now == i64::MAX { ids.len() } else { over + 1 };
        assert!(alive.iter().enumerate().all(|(place, alive)| *alive == (place >= over)), "at {now}");
        let mut expired = sessions(&store).expired(at(now), 100).await.unwrap();
        expired.sort_unstable_by_key(|id| ids.iter().position(|one| one == id));
        assert_eq!(expired, ids[..over], "at {now}");
    }
}

/// Nodes whose clocks are ten minutes apart take turns: a conversation's time stands still, but never falls.
pub async fn time_under_clocks_apart(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let clocks = [0, 600_000, -600_000].into_iter().cycle();
    let mut drafted = (0..).zip(clocks).map(|(step, apart)| 1_700_000_000_000 + step * 250 + apart);
    let mut last = at(1_000);
    for _ in 0..12 {
        let times: Vec<i64> = drafted.by_ref().take(5).collect();
        let drafts = times.iter().map(|&millis| message(user(1), "a").on(at(millis))).collect();
        for (outcome, drafted) in scene.append(drafts).await.iter().zip(times) {
            last = last.max(at(drafted));
            assert_eq!(appended(outcome).at, last);
        }
        assert_eq!(scene.record().await.last_at, last);
    }
    let entries = scene.entries().await;
    assert!(entries.is_sorted_by_key(|row| row.at));
    assert!(entries.iter().all(|row| row.message.as_ref().unwrap().at == row.at));
}
