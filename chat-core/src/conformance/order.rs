//! Order under equal keys, and of ids whose highest bit is set: bytes, from the left, without a sign.

use std::sync::Arc;

use super::accounts::{account, accounts, username, words};
use super::friendships::{change, friendships};
use super::scene::{Build, Scene, at, limit, member, note, user};
use super::sessions::{login, sessions};
use super::unicode::users_of_ranges;
use crate::conversation::{Kind, Role, Settings};
use crate::friendship::{Friendship, State};
use crate::id::{ConversationId, Pair, SessionId, UserId};
use crate::store::{AccountState, Claims, Effect, FriendFilter, Mark, SeatQuery, SessionRow, Shell, Store};

/// 16 bytes at every bound where an order could turn: of signs, of halves, of bytes.
const BITS: [u128; 9] = [
    1,
    0x7f,
    0x80 << 56,
    1 << 64,
    (1 << 127) - 1,
    1 << 127,
    (0x80 << 120) | (0x7f << 56),
    0xff << 120,
    u128::MAX,
];

/// The same in an order that is neither theirs nor its reverse.
fn shuffled<T: Copy>(all: &[T]) -> Vec<T> {
    (0..all.len()).map(|place| all[(place * 7 + 3) % all.len()]).collect()
}

/// Friends of every range, in whichever side of the pair they stand, are listed by the bytes of their ids.
pub async fn friends_of_every_range(store: Arc<dyn Store>) {
    let mut others = users_of_ranges();
    let me = user(500);
    for &other in &others {
        let friendship = Friendship { state: State::Friends, blocked: [true, false] };
        let pair = Pair::new(me, other).unwrap();
        friendships(&store).put(&change(pair, 0, friendship)).await.unwrap();
    }
    others.sort_unstable();
    let mut listed: Vec<UserId> = Vec::new();
    loop {
        let after = listed.last().copied();
        let page = friendships(&store).list(me, FriendFilter::All, after, limit(2)).await.unwrap();
        let is_last = page.len() <= 2;
        listed.extend(page.into_iter().take(2).map(|row| row.other));
        if is_last {
            break;
        }
    }
    assert_eq!(listed, others);
    assert_eq!(friendships(&store).blocks(me).await.unwrap(), others);
    for &other in &others {
        let rows = friendships(&store).list(other, FriendFilter::All, None, limit(2)).await.unwrap();
        assert!(rows.iter().map(|row| row.other).eq([me]), "{other} sees the same");
    }
}

/// Conversations are walked, told and listed by the bytes of their ids.
pub async fn conversations_of_every_range(store: Arc<dyn Store>) {
    let ids: Vec<ConversationId> = BITS.map(uuid::Uuid::from_u128).map(ConversationId::from).to_vec();
    for id in shuffled(&ids) {
        let (kind, settings) = (Kind::Group, Settings::of(Kind::Group));
        let shell = Shell { id, kind, pair: None, creator: None, settings, at: at(1_000) };
        store.talk().conversations().ensure(&shell).await.unwrap();
        let scene = Scene { store: Arc::clone(&store), id };
        scene.put(note(user(1)).with(member(user(1), Role::Owner))).await;
    }
    let mut walked: Vec<ConversationId> = Vec::new();
    loop {
        let page = store.talk().conversations().walk(walked.last().copied(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        walked.extend(page.into_iter().map(|record| record.id));
    }
    assert_eq!(walked, ids);
    let memberships = store.talk().memberships();
    let told = memberships.positions(user(1)).await.unwrap();
    assert!(told.iter().map(|position| position.conversation).eq(ids.iter().copied()));
    for (place, &after) in ids.iter().enumerate() {
        let query = SeatQuery::Listed { after: Some(after), limit: limit(2) };
        let seats = memberships.seats(user(1), query).await.unwrap();
        let expected = ids.iter().copied().skip(place + 1).take(3);
        assert!(seats.iter().map(|seat| seat.conversation.id).eq(expected), "after {after}");
    }
}

/// Logins of the same moment are listed by the bytes of their ids, and end in that order.
pub async fn logins_of_one_moment(store: Arc<dyn Store>) {
    let ids: Vec<SessionId> = BITS.map(uuid::Uuid::from_u128).map(SessionId::from).to_vec();
    for id in shuffled(&ids) {
        let row = SessionRow { id, ..login(1, 1_000) };
        assert_eq!(sessions(&store).create(&row, 1_000).await.unwrap(), []);
    }
    let of_user = sessions(&store).of_user(user(1)).await.unwrap();
    assert!(of_user.iter().map(|row| row.id).eq(ids.iter().copied()));
    let newest = login(1, 1_000);
    assert_eq!(sessions(&store).create(&newest, 4).await.unwrap(), ids[..6]);
    let asked = shuffled(&ids[6..]);
    assert_eq!(sessions(&store).end(&asked).await.unwrap(), asked, "answered in the order named");
}

/// Accounts with the same words are found by the bytes of their users' ids, and listed so by state.
pub async fn accounts_of_every_range(store: Arc<dyn Store>) {
    let mut users = users_of_ranges();
    for (number, &user) in (0_u64..).zip(&users) {
        let mut account = account(number, "ana");
        account.user = user;
        let claims = Claims { words: words(&["ana"]), ..username(&number.to_string()) };
        accounts(&store).create(&account, &claims).await.unwrap();
    }
    users.sort_unstable();
    for (place, &after) in users.iter().enumerate() {
        let found = accounts(&store).search(&words(&["an"]), Some(after), limit(2)).await.unwrap();
        let expected = || users.iter().copied().skip(place + 1);
        assert!(found.iter().map(|account| account.user).eq(expected().take(3)), "found after {after}");
        let listed = accounts(&store).in_state(AccountState::Active, Some(after), 2).await.unwrap();
        assert!(listed.iter().map(|account| account.user).eq(expected().take(2)), "listed after {after}");
    }
}

/// Marks under one key come by the bytes of whose they are, the system's first.
pub async fn marks_of_every_range(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let target = scene.say(1, "a").await;
    let mut users = users_of_ranges();
    users.push(UserId::SYSTEM);
    let put = |&by| Effect::PutMark { target, key: "+1".to_owned(), by };
    scene.put(users.iter().map(put).fold(note(user(1)), Build::with)).await;
    users.sort_unstable();
    let expected: Vec<Mark> = users.into_iter().map(|by| Mark { target, key: "+1".to_owned(), by }).collect();
    assert_eq!(scene.log().marks(scene.id, &[target, target]).await.unwrap(), expected);
}
