//! Numbers: nothing is rounded, wrapped or refused that the types allow, and what nobody has is compared like any other.

use std::sync::Arc;

use super::accounts::{account, accounts};
use super::friendships::{FRIENDS, change, friendships};
use super::scene::{
    Build, Scene, append_lane, assert_conflict, at, limit, message, note, pair, seq, some_uuid, user,
};
use super::sessions::{login, refresh, rotation, sessions};
use crate::conversation::{Kind, Role};
use crate::id::{ConversationId, Pair, Seq, SessionId, UserId};
use crate::page::Limit;
use crate::receipt::Receipt;
use crate::store::{
    AccountState, After, Claim, ClaimKind, Claims, Effect, Enter, Expected, Lane, PutPair, Raise, Rotate,
    SeatQuery, SessionRow, Store,
};

/// The largest number that every database keeps.
const LAST: u64 = i64::MAX as u64;

/// Counters of an account go up to the end of what every database counts, and are compared there.
pub async fn accounts_at_the_end_of_their_count(store: Arc<dyn Store>) {
    for (number, version) in (1..).zip([(1 << 53) - 1, 1 << 53, LAST - 1]) {
        let mut account = account(number, "ana");
        (account.version, account.credential_version) = (version, version + 1);
        accounts(&store).create(&account, &Claims::default()).await.unwrap();
        assert_eq!(accounts(&store).load(&[user(number)]).await.unwrap(), [Some(account.clone())]);
        for wrong in [0, 1, version - 1, version, version + 2, LAST + 1, u64::MAX] {
            account.version = wrong;
            assert_conflict(accounts(&store).update(&account, &Claims::default()).await);
        }
        account.version = version + 1;
        accounts(&store).update(&account, &Claims::default()).await.unwrap();
        assert_eq!(accounts(&store).load(&[user(number)]).await.unwrap(), [Some(account)]);
    }
}

/// Generations of a login too.
pub async fn logins_at_the_end_of_their_count(store: Arc<dyn Store>) {
    for (number, generation) in (1..).zip([(1 << 53) - 1, 1 << 53, LAST - 1]) {
        let row =
            SessionRow { refresh: refresh(generation), credential_version: LAST, ..login(number, 1_000) };
        sessions(&store).create(&row, u64::MAX).await.unwrap();
        assert_eq!(sessions(&store).load(&[row.id]).await.unwrap(), [Some(row.clone())]);
        for wrong in [0, 1, generation - 1, generation, generation + 2, LAST + 1, u64::MAX] {
            assert_conflict(
                sessions(&store).rotate(&Rotate { credential_version: 1, ..rotation(row.id, wrong) }).await,
            );
        }
        let rotate = Rotate { credential_version: LAST, ..rotation(row.id, generation + 1) };
        sessions(&store).rotate(&rotate).await.unwrap();
        assert_eq!(
            sessions(&store).load(&[row.id]).await.unwrap()[0].as_ref().unwrap().refresh,
            rotate.refresh
        );
    }
}

/// Kinds are 16 bits, each kept as it is.
pub async fn kinds_of_16_bits(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let kinds = [0, 1, 127, 128, 255, 256, 32_767, 32_768, 65_534, u16::MAX];
    scene.append(kinds.iter().map(|&kind| note(user(1)).kind(kind)).collect()).await;
    assert!(scene.entries().await.iter().map(|row| row.kind).eq(kinds));
}

/// What a caller expects may be any number: another than what is there is a conflict, not a failure.
pub async fn expectations_nobody_meets(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    scene.say(1, "a").await;
    let before = scene.everything().await;
    let wild = [1, 1 << 31, 1 << 32, 1 << 53, LAST, LAST + 1, u64::MAX];
    for number in wild {
        let [acl, roster] = [(number, None), (0, Some(number))].map(|(acl, roster)| Expected { acl, roster });
        for expected in [acl, roster] {
            let drafts = vec![message(user(1), "b")];
            assert_conflict(append_lane(&*store, Lane { conversation: scene.id, expected, drafts }).await);
        }
        let enter =
            Enter { conversation: scene.id, user: user(2), role: Role::Member, acl: number, at: at(0) };
        assert_conflict(store.talk().memberships().enter(&enter).await);
        assert_conflict(friendships(&store).put(&change(pair(1, 2), number, FRIENDS)).await);
    }
    assert_eq!(scene.everything().await, before);
    assert_eq!(friendships(&store).of(&[pair(1, 2)]).await.unwrap(), [None]);
    let fence = PutPair { fence: true, ..change(pair(1, 2), 0, FRIENDS) };
    friendships(&store).put(&fence).await.unwrap();
    friendships(&store).fenced(pair(1, 2), LAST).await.unwrap();
    assert_eq!(friendships(&store).of(&[pair(1, 2)]).await.unwrap()[0].unwrap().fenced, LAST);
}

/// Positions may be asked for that no log has: nothing is there, in every read, and nothing happens in any write.
pub async fn positions_nobody_has(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let said = scene.say(1, "a").await;
    let everything = scene.everything().await;
    let beyond = [Seq::ZERO, seq(99), seq(1 << 31), seq(1 << 32), Seq::MAX];
    assert_eq!(scene.log().at(scene.id, &beyond).await.unwrap(), [const { None }; 5]);
    assert_eq!(scene.log().marks(scene.id, &beyond).await.unwrap(), []);
    for after in &beyond[1..] {
        let wanted = [After { conversation: scene.id, after: *after }];
        let answer = scene.log().entries(&wanted, Limit::MAX).await.unwrap().remove(0);
        assert_eq!((answer.items, answer.head), (vec![], said), "after {after}");
    }
    for target in beyond {
        for draft in
            [super::scene::edit(user(1), target, target, "b"), super::scene::deletion(user(1), target, said)]
        {
            assert_conflict(scene.try_append(vec![draft]).await);
        }
    }
    assert_eq!(scene.everything().await, everything);
    let mark = Effect::PutMark { target: Seq::MAX, key: "x".to_owned(), by: user(1) };
    let place = scene.put(note(user(1)).about(Seq::MAX).with(mark)).await;
    let entry = scene.entries().await.pop().unwrap();
    assert_eq!((entry.seq, entry.target, entry.message), (place.seq, Some(Seq::MAX), None));
    assert_eq!(scene.raise(2, Seq::MAX.get(), Seq::MAX.get()).await.unwrap().after.read, place.seq);
}

/// A limit may be as large as numbers go, and as small as nothing.
pub async fn limits_without_bound(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    accounts(&store).create(&account(1, "ana"), &Claims::default()).await.unwrap();
    let row = login(1, 1_000);
    sessions(&store).create(&row, u64::MAX).await.unwrap();
    for (limit, expected) in [(usize::MAX, [1, 2, 1, 1]), (1 << 40, [1, 2, 1, 1]), (0, [0; 4])] {
        let walked = store.talk().conversations().walk(None, limit).await.unwrap().len();
        let members = store.talk().memberships().list(scene.id, None, limit).await.unwrap().len();
        let active = accounts(&store).in_state(AccountState::Active, None, limit).await.unwrap().len();
        let expired = sessions(&store).expired(row.idle_until, limit).await.unwrap().len();
        assert_eq!([walked, members, active, expired], expected, "limit {limit}");
    }
    let cursor = store.talk().talk_changes().since(None, usize::MAX).await.unwrap().cursor;
    scene.say(1, "a").await;
    let told = store.talk().talk_changes().since(Some(cursor), usize::MAX).await.unwrap();
    assert!(told.items.contains(&crate::store::Change::Head(scene.id)));
    assert_eq!(sessions(&store).create(&login(1, 2_000), 0).await.unwrap(), [row.id], "the new one stays");
}

/// How many are asked for at once.
const ASKED: usize = 3_000;

/// Strangers, with the one that is there among them: at the beginning, in the middle and at the end.
fn among<T: Copy>(there: T, stranger: impl Fn(u64) -> T) -> Vec<T> {
    let mut all: Vec<T> = (0..ASKED as u64).map(stranger).collect();
    (all[0], all[ASKED / 2], all[ASKED - 1]) = (there, there, there);
    all
}

/// Fails the case unless something was found in exactly the places of [`among`].
#[track_caller]
fn assert_places(found: impl IntoIterator<Item = bool>) {
    let found = found.into_iter().enumerate().filter(|(_, found)| *found);
    assert!(found.map(|(place, _)| place).eq([0, ASKED / 2, ASKED - 1]));
}

/// Thousands may be asked for in one call; the answer has one place for each, in order, repeated ones too.
pub async fn thousands_in_one_call(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let said = scene.say(1, "a").await;
    accounts(&store).create(&account(1, "ana"), &super::accounts::username("ana")).await.unwrap();
    friendships(&store).put(&change(pair(1, 2), 0, FRIENDS)).await.unwrap();
    let row = login(1, 1_000);
    sessions(&store).create(&row, 9).await.unwrap();

    let talk = store.talk();
    let users: Vec<UserId> = among(user(1), |number| user(1_000 + number));
    let conversations: Vec<ConversationId> = among(scene.id, |_| some_uuid().into());
    let logins: Vec<SessionId> = among(row.id, |_| some_uuid().into());
    let seqs: Vec<Seq> = among(said, |number| seq(1_000 + number));
    let pairs: Vec<Pair> = among(pair(1, 2), |number| pair(1_000 + number, 9));
    let claims: Vec<Claim> = users
        .iter()
        .map(|one| super::accounts::claim(ClaimKind::Username, if *one == user(1) { "ana" } else { "bo" }))
        .collect();

    assert_places(accounts(&store).load(&users).await.unwrap().iter().map(Option::is_some));
    assert_places(accounts(&store).claimed(&claims).await.unwrap().iter().map(Option::is_some));
    assert_places(friendships(&store).of(&pairs).await.unwrap().iter().map(Option::is_some));
    assert_places(sessions(&store).load(&logins).await.unwrap().iter().map(Option::is_some));
    assert_places(sessions(&store).alive(&logins, at(0)).await.unwrap());
    assert_places(talk.conversations().load(&conversations).await.unwrap().iter().map(Option::is_some));
    assert_places(talk.memberships().of(scene.id, &users).await.unwrap().iter().map(Option::is_some));
    assert_places(talk.memberships().counts(&users).await.unwrap().iter().map(|count| *count == 1));
    assert_places(talk.log().at(scene.id, &seqs).await.unwrap().iter().map(Option::is_some));
    assert_places(talk.log().last(&conversations).await.unwrap().iter().map(Option::is_some));
    assert_places(talk.log().heads(&conversations).await.unwrap().iter().map(Option::is_some));
    assert_eq!(talk.log().marks(scene.id, &seqs).await.unwrap(), []);
    let query = SeatQuery::These(&conversations);
    assert_eq!(talk.memberships().seats(user(2), query).await.unwrap().len(), 3);
    let wanted: Vec<After> =
        conversations.iter().map(|&conversation| After { conversation, after: Seq::ZERO }).collect();
    let entries = talk.log().entries(&wanted, limit(5)).await.unwrap();
    assert_eq!(entries.iter().map(|one| one.items.len()).collect::<Vec<_>>(), [2; 3]);
    let to = Receipt { read: said, delivered: said };
    let raises =
        conversations.iter().map(|&conversation| Raise { conversation, user: user(2), to }).collect();
    assert_places(talk.receipts().raise(raises).await.unwrap().iter().map(Option::is_some));
    let seen: Vec<_> = logins.iter().map(|&id| (id, at(5_000))).collect();
    sessions(&store).touch(&seen).await.unwrap();
    assert_eq!(sessions(&store).load(&[row.id]).await.unwrap()[0].as_ref().unwrap().last_seen_at, at(5_000));
    assert_eq!(sessions(&store).end(&logins).await.unwrap(), [row.id]);
}
