//! Tenants of one database: what is one's is nobody else's.

use std::sync::Arc;

use super::fixture::Database;
use super::scene::{Scene, at, message, pair, some_uuid, user};
use crate::conversation::{Kind, Settings};
use crate::friendship::{Friendship, State};
use crate::id::{ConversationId, SessionId, Tenant};
use crate::page::Limit;
use crate::store::{
    Account, Claim, ClaimKind, Claims, FriendFilter, NewSession, PasswordHash, PutPair, RefreshState,
    SeatQuery, SessionRow, Shell, Store,
};

fn two(database: &Arc<dyn Database>) -> [Arc<dyn Store>; 2] {
    [Tenant(1), Tenant(u32::MAX)].map(|tenant| database.store(tenant))
}

/// A store knows whose it is, and all share one epoch.
pub async fn a_store_knows_its_tenant(database: Arc<dyn Database>) {
    let default = database.store(Tenant::default());
    assert_eq!(default.tenant(), Tenant::default());
    for (store, tenant) in two(&database).into_iter().zip([Tenant(1), Tenant(u32::MAX)]) {
        assert_eq!(store.tenant(), tenant);
        assert_eq!(store.talk().meta().await.unwrap(), default.talk().meta().await.unwrap());
    }
}

/// The same conversation id in two tenants is two conversations.
pub async fn conversations_are_apart(database: Arc<dyn Database>) {
    let stores = two(&database);
    let id = ConversationId::from(some_uuid());
    let kind = Kind::Group;
    let settings = Settings::of(kind);
    let shell = Shell { id, kind, pair: None, creator: None, settings, at: at(0) };
    stores[0].talk().conversations().ensure(&shell).await.unwrap();
    let scene = Scene { store: Arc::clone(&stores[0]), id };
    let draft = message(user(1), "a").clone();
    scene.put(draft.clone()).await;
    assert_eq!(stores[1].talk().conversations().load(&[id]).await.unwrap(), [None]);
    assert_eq!(stores[1].talk().conversations().walk(None, 10).await.unwrap(), []);
    stores[1].talk().conversations().ensure(&shell).await.unwrap();
    let other = Scene { store: Arc::clone(&stores[1]), id };
    assert_eq!(other.entries().await, []);
    other.put(draft).await;
    other.say(1, "b").await;
    assert_eq!((scene.entries().await.len(), other.entries().await.len()), (1, 2));
}

/// Members of one are no members of the other.
pub async fn memberships_are_apart(database: Arc<dyn Database>) {
    let stores = two(&database);
    Scene::group(&stores[0], &[1, 2]).await;
    let memberships = stores[1].talk().memberships();
    assert_eq!(memberships.positions(user(1)).await.unwrap(), []);
    let query = SeatQuery::Listed { after: None, limit: Limit::MAX };
    assert_eq!(memberships.seats(user(1), query).await.unwrap(), []);
    assert_eq!(memberships.counts(&[user(1)]).await.unwrap(), [0]);
    assert_eq!(stores[0].talk().memberships().counts(&[user(1)]).await.unwrap(), [1]);
}

/// Friendships, feeds and due fences of one are not the other's.
pub async fn friendships_are_apart(database: Arc<dyn Database>) {
    let stores = two(&database);
    let friendship = Friendship { state: State::Friends, blocked: [true, false] };
    let shown = crate::id::Side::BOTH.map(|side| Some(friendship.view(side)));
    let put = PutPair { pair: pair(1, 2), expected: 0, friendship, fence: true, shown, at: at(0) };
    stores[0].people().friendships().put(&put).await.unwrap();
    let other = stores[1].people().friendships();
    assert_eq!(other.of(&[pair(1, 2)]).await.unwrap(), [None]);
    assert_eq!(other.list(user(1), FriendFilter::All, None, Limit::MAX).await.unwrap(), []);
    assert_eq!(other.blocks(user(1)).await.unwrap(), []);
    assert_eq!(other.unfenced(Limit::MAX).await.unwrap(), []);
    assert_eq!(other.since(user(1), None).await.unwrap().cursor, 0);
    other.put(&put).await.unwrap();
}

/// What is read for a copy, and replaced by one, is of one tenant, at whatever end of the keys the other's lie.
pub async fn copies_are_apart(database: Arc<dyn Database>) {
    let stores = two(&database);
    for (one, store) in (0_u64..).zip(&stores) {
        let friendship = Friendship { state: State::Friends, blocked: [false, false] };
        let shown = crate::id::Side::BOTH.map(|side| Some(friendship.view(side)));
        let pair = pair(10 * one + 1, 10 * one + 2);
        let put = PutPair { pair, expected: 0, friendship, fence: false, shown, at: at(0) };
        store.people().friendships().put(&put).await.unwrap();
        let account = Account::new(user(10 * one + 1), "ana".to_owned(), PasswordHash(String::new()), at(0));
        store.people().accounts().create(&account, &Claims::default()).await.unwrap();
        store.access().sessions().create(&login(10 * one + 1), 1).await.unwrap();
    }
    for (one, store) in (0_u64..).zip(&stores) {
        let (people, access) = (store.people().transfer_people(), store.access().transfer_access());
        let pairs = people.pairs(None, 9).await.unwrap();
        assert!(pairs.iter().map(|copy| copy.record.pair).eq([pair(10 * one + 1, 10 * one + 2)]));
        let accounts = people.accounts_after(None, 9).await.unwrap();
        assert!(accounts.iter().map(|copy| copy.account.user).eq([user(10 * one + 1)]));
        assert_eq!(access.sessions_after(None, 9).await.unwrap(), [login(10 * one + 1)]);
    }
    for (emptied, kept) in [(0, 1), (1, 0)] {
        let left = stores[kept].access().transfer_access().sessions_after(None, 9).await.unwrap();
        stores[emptied].access().transfer_access().put_sessions(None, None, &[]).await.unwrap();
        let after = stores[kept].access().transfer_access().sessions_after(None, 9).await.unwrap();
        assert_eq!(after, left);
    }
}

/// A login whose id is that of its user.
fn login(of: u64) -> SessionRow {
    let refresh = RefreshState {
        generation: 1,
        current: [1; 32],
        previous: None,
        salt: [2; 16],
        key_id: "k".to_owned(),
        rotated_at: at(0),
    };
    SessionRow::new(NewSession {
        id: SessionId::from_bytes(*user(of).as_bytes()),
        user: user(of),
        device: "phone".to_owned(),
        created_at: at(0),
        idle_until: at(10),
        absolute_until: at(20),
        credential_version: 1,
        refresh,
    })
}

/// Accounts, claims and logins of one are not the other's.
pub async fn accounts_and_logins_are_apart(database: Arc<dyn Database>) {
    let stores = two(&database);
    let account = Account::new(user(1), "ana".to_owned(), PasswordHash(String::new()), at(0));
    let claim = Claim { kind: ClaimKind::Username, value: "ana".to_owned() };
    let claims = Claims { take: vec![claim.clone()], words: vec!["ana".to_owned()], ..Claims::default() };
    let login = login(1);
    stores[0].people().accounts().create(&account, &claims).await.unwrap();
    stores[0].access().sessions().create(&login, 1).await.unwrap();

    let (accounts, sessions) = (stores[1].people().accounts(), stores[1].access().sessions());
    assert_eq!(accounts.load(&[user(1)]).await.unwrap(), [None]);
    assert_eq!(accounts.claimed(std::slice::from_ref(&claim)).await.unwrap(), [None]);
    assert_eq!(accounts.search(&claims.words, None, Limit::MAX).await.unwrap(), []);
    assert_eq!(sessions.load(&[login.id]).await.unwrap(), [None]);
    assert_eq!(sessions.end(&[login.id]).await.unwrap(), []);
    assert_eq!(sessions.expired(at(100), 10).await.unwrap(), []);
    accounts.create(&account, &claims).await.unwrap();
    assert_eq!(sessions.create(&login, 1).await.unwrap(), []);
    assert_eq!(stores[0].access().sessions().load(&[login.id]).await.unwrap(), [Some(login)]);
}
