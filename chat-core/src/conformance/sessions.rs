//! Logins: refresh families, ends, expiry.

use std::sync::Arc;

use super::scene::{assert_conflict, assert_taken, at, race, some_uuid, user};
use crate::id::SessionId;
use crate::store::{NewSession, RefreshState, Rotate, SessionRow, Sessions, Store, StoreError};
use crate::time::Timestamp;

pub(super) fn sessions(store: &Arc<dyn Store>) -> &dyn Sessions {
    store.access().sessions()
}

pub(super) fn refresh(generation: u64) -> RefreshState {
    let byte = u8::try_from(generation % 251).unwrap();
    RefreshState {
        generation,
        current: [byte; 32],
        previous: (generation > 1).then_some([byte.wrapping_sub(1); 32]),
        salt: [byte; 16],
        key_id: format!("key {generation} ä"),
        rotated_at: at(1_000),
    }
}

pub(super) fn login(number: u64, created: i64) -> SessionRow {
    SessionRow::new(NewSession {
        id: SessionId::from(some_uuid()),
        user: user(number),
        device: "Ana's phone \u{1F4F1}".to_owned(),
        created_at: at(created),
        idle_until: at(10_000),
        absolute_until: at(20_000),
        credential_version: 1,
        refresh: refresh(1),
    })
}

async fn create(store: &Arc<dyn Store>, row: &SessionRow) {
    assert_eq!(sessions(store).create(row, 1_000).await.unwrap(), []);
}

pub(super) async fn load(store: &Arc<dyn Store>, id: SessionId) -> Option<SessionRow> {
    sessions(store).load(&[id]).await.unwrap().remove(0)
}

async fn of_user(store: &Arc<dyn Store>, number: u64) -> Vec<SessionId> {
    sessions(store).of_user(user(number)).await.unwrap().into_iter().map(|row| row.id).collect()
}

pub(super) fn rotation(id: SessionId, generation: u64) -> Rotate {
    Rotate { id, refresh: refresh(generation), idle_until: at(15_000), credential_version: generation }
}

/// Every field comes back as it was.
pub async fn every_field_is_kept(store: Arc<dyn Store>) {
    let plain = login(1, 1_000);
    let mut strange = login(2, i64::MIN);
    strange.idle_until = at(i64::MAX);
    strange.absolute_until = at(i64::MAX);
    strange.last_seen_at = at(-1);
    strange.credential_version = (1 << 53) - 1;
    strange.device = String::new();
    strange.refresh = RefreshState { rotated_at: at(-7), ..refresh((1 << 53) - 1) };
    for row in [&plain, &strange] {
        create(&store, row).await;
    }
    let absent = SessionId::from(some_uuid());
    let found = sessions(&store).load(&[strange.id, absent, plain.id, strange.id]).await.unwrap();
    assert_eq!(found, [Some(strange.clone()), None, Some(plain), Some(strange)]);
}

/// An id is used once; a second create changes nothing and ends nobody.
pub async fn an_id_is_used_once(store: Arc<dyn Store>) {
    let row = login(1, 1_000);
    create(&store, &row).await;
    let mut other = login(1, 2_000);
    other.id = row.id;
    assert_taken(sessions(&store).create(&other, 1).await, "session");
    assert_eq!(load(&store, row.id).await, Some(row));
}

/// A new login ends the user's oldest others beyond `keep`, and nobody else's; ties go by id.
pub async fn the_oldest_logins_end(store: Arc<dyn Store>) {
    let mut rows: Vec<SessionRow> = [5, 3, 3, 4].into_iter().map(|created| login(1, created)).collect();
    let foreign = login(2, 1);
    for row in rows.iter().chain([&foreign]) {
        create(&store, row).await;
    }
    rows.sort_by_key(|row| (row.created_at, row.id));
    let newest = login(1, 6);
    let ended = sessions(&store).create(&newest, 3).await.unwrap();
    assert_eq!(ended, [rows[0].id, rows[1].id]);
    assert_eq!(of_user(&store, 1).await, [rows[2].id, rows[3].id, newest.id]);
    assert_eq!(load(&store, rows[0].id).await, None);
    assert_eq!(of_user(&store, 2).await, [foreign.id]);
}

/// The new login stays, also when the clock was set back and its time is the oldest.
pub async fn a_new_login_never_ends_itself(store: Arc<dyn Store>) {
    let old = login(1, 5_000);
    create(&store, &old).await;
    let new = login(1, 1_000);
    assert_eq!(sessions(&store).create(&new, 1).await.unwrap(), [old.id]);
    assert_eq!(of_user(&store, 1).await, [new.id]);
}

/// A user's logins are listed oldest first, those of the same moment by id.
pub async fn logins_are_listed_oldest_first(store: Arc<dyn Store>) {
    let mut rows: Vec<SessionRow> =
        [9, 1, 5, 5, 5, -3].into_iter().map(|created| login(1, created)).collect();
    for row in rows.iter().rev() {
        create(&store, row).await;
    }
    rows.sort_by_key(|row| (row.created_at, row.id));
    assert_eq!(sessions(&store).of_user(user(1)).await.unwrap(), rows);
    assert_eq!(sessions(&store).of_user(user(2)).await.unwrap(), []);
}

/// A rotation goes in only from the generation before it, and changes nothing but what it names.
pub async fn rotate_compares_the_generation(store: Arc<dyn Store>) {
    let row = login(1, 1_000);
    create(&store, &row).await;
    for wrong in [0, 1, 3] {
        assert_conflict(sessions(&store).rotate(&rotation(row.id, wrong)).await);
    }
    assert_eq!(load(&store, row.id).await, Some(row.clone()));
    sessions(&store).rotate(&rotation(row.id, 2)).await.unwrap();
    let refresh = refresh(2);
    let rotated = SessionRow { refresh, idle_until: at(15_000), credential_version: 2, ..row.clone() };
    assert_eq!(load(&store, row.id).await, Some(rotated));
    sessions(&store).rotate(&rotation(row.id, 3)).await.unwrap();
    assert_conflict(sessions(&store).rotate(&rotation(row.id, 3)).await);
}

/// Of two rotations at once exactly one wins.
pub async fn a_rotation_has_one_winner(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let row = login(1, 1_000);
        create(&store, &row).await;
        let results = race(2, |number| {
            let (store, mut rotate) = (Arc::clone(&store), rotation(row.id, 2));
            rotate.refresh.salt = [u8::try_from(number).unwrap(); 16];
            async move { sessions(&store).rotate(&rotate).await }
        })
        .await;
        let winner = results.iter().position(Result::is_ok).expect("one wins");
        let loser = &results[1 - winner];
        assert!(matches!(loser, Err(StoreError::Conflict)), "the other is told: {loser:?}");
        let stored = load(&store, row.id).await.unwrap().refresh;
        assert_eq!((stored.generation, stored.salt), (2, [u8::try_from(winner).unwrap(); 16]));
    }
}

/// What ended has no row: it is not alive, not listed, not rotated, and not brought back by a touch.
pub async fn an_ended_login_never_was(store: Arc<dyn Store>) {
    let (row, other) = (login(1, 1_000), login(1, 1_001));
    create(&store, &row).await;
    create(&store, &other).await;
    let absent = SessionId::from(some_uuid());
    assert_eq!(sessions(&store).end(&[absent, row.id]).await.unwrap(), [row.id]);
    assert_eq!(sessions(&store).end(&[row.id]).await.unwrap(), []);
    assert_eq!(sessions(&store).end(&[]).await.unwrap(), []);
    assert_conflict(sessions(&store).rotate(&rotation(row.id, 2)).await);
    sessions(&store).touch(&[(row.id, at(9_000)), (other.id, at(9_000))]).await.unwrap();
    assert_eq!(load(&store, row.id).await, None);
    assert_eq!(load(&store, other.id).await.unwrap().last_seen_at, at(9_000), "the others are touched");
    assert_eq!(sessions(&store).alive(&[row.id, other.id], at(1_500)).await.unwrap(), [false, true]);
    assert_eq!(of_user(&store, 1).await, [other.id]);
}

/// The time of last use is raised and never lowered, and nothing else moves.
pub async fn touch_only_raises(store: Arc<dyn Store>) {
    let row = login(1, 1_000);
    create(&store, &row).await;
    for seen in [3_000, 2_000] {
        sessions(&store).touch(&[(row.id, at(seen))]).await.unwrap();
    }
    sessions(&store).touch(&[]).await.unwrap();
    assert_eq!(load(&store, row.id).await, Some(SessionRow { last_seen_at: at(3_000), ..row }));
}

/// A login is over from its idle end or its absolute end on, whichever comes first.
pub async fn logins_expire(store: Arc<dyn Store>) {
    let ending = |idle: i64, absolute: i64| SessionRow {
        idle_until: at(idle),
        absolute_until: at(absolute),
        ..login(1, 1_000)
    };
    let rows = [ending(5_000, 9_000), ending(9_000, 5_000), ending(9_000, 9_000)];
    for row in &rows {
        create(&store, row).await;
    }
    let mut ids = rows.each_ref().map(|row| row.id).to_vec();
    ids.push(SessionId::from(some_uuid()));
    for (now, expected) in
        [(4_999, [true, true, true, false]), (5_000, [false, false, true, false]), (9_000, [false; 4])]
    {
        assert_eq!(sessions(&store).alive(&ids, at(now)).await.unwrap(), expected, "at {now}");
        let mut over = sessions(&store).expired(at(now), 10).await.unwrap();
        over.sort_unstable();
        let mut expected: Vec<SessionId> =
            rows.iter().zip(expected).filter(|(_, alive)| !alive).map(|(row, _)| row.id).collect();
        expected.sort_unstable();
        assert_eq!(over, expected, "at {now}");
    }
}

/// What is over is listed a few at a time, and goes on to the others when some have ended.
pub async fn expired_ones_are_listed_a_few_at_a_time(store: Arc<dyn Store>) {
    for number in 1..=5 {
        create(&store, &login(number, 1_000)).await;
    }
    let now: Timestamp = at(10_000);
    let mut rounds = Vec::new();
    loop {
        let over = sessions(&store).expired(now, 2).await.unwrap();
        if over.is_empty() {
            break;
        }
        assert_eq!(sessions(&store).end(&over).await.unwrap().len(), over.len());
        rounds.push(over.len());
    }
    assert_eq!(rounds, [2, 2, 1]);
}

/// However many log in at once, no more than `keep` are left, and each that ended is answered to exactly one.
pub async fn logins_at_once_stay_within_the_bound(store: Arc<dyn Store>) {
    let rows: Vec<SessionRow> = (0..32).map(|created| login(1, created)).collect();
    let ended = race(rows.len(), |number| {
        let (store, row) = (Arc::clone(&store), rows[number].clone());
        async move { sessions(&store).create(&row, 5).await.unwrap() }
    })
    .await;
    let mut all: Vec<SessionId> = ended.into_iter().flatten().chain(of_user(&store, 1).await).collect();
    assert_eq!(of_user(&store, 1).await.len(), 5);
    all.sort_unstable();
    let mut made: Vec<SessionId> = rows.iter().map(|row| row.id).collect();
    made.sort_unstable();
    assert_eq!(all, made);
}
