//! Lists walked in pages while they change: whoever was there throughout is seen exactly once, in order.

use std::sync::Arc;

use super::accounts::{account, accounts, username, words};
use super::friendships::{FRIENDS, change, friendships};
use super::scene::{Scene, edit, limit, pair, race, seq, user};
use super::sessions::{login, sessions};
use crate::friendship::Friendship;
use crate::id::{Seq, SessionId, UserId};
use crate::page::Limit;
use crate::store::{AccountState, After, Claims, FriendFilter, Store};

/// Compares what a walk has seen with who was there throughout: those with even numbers.
#[track_caller]
fn assert_seen(seen: Vec<UserId>, numbers: impl Iterator<Item = u64>) {
    assert!(seen.is_sorted_by(|one, other| one < other), "in order, none twice");
    let staying: Vec<UserId> = numbers.map(user).collect();
    let seen: Vec<UserId> = seen.into_iter().filter(|user| staying.contains(user)).collect();
    assert_eq!(seen, staying);
}

/// Friends, while others become friends and cease to be.
pub async fn friends_walked_while_others_come(store: Arc<dyn Store>) {
    for number in 10..40 {
        friendships(&store).put(&change(pair(1, number * 2), 0, FRIENDS)).await.unwrap();
    }
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 10..40 {
                let pair = pair(1, number * 2 + 1);
                friendships(&store).put(&change(pair, 0, FRIENDS)).await.unwrap();
                friendships(&store).put(&change(pair, 1, Friendship::default())).await.unwrap();
            }
        }
    });
    let mut seen: Vec<UserId> = Vec::new();
    loop {
        let after = seen.last().copied();
        let page = friendships(&store).list(user(1), FriendFilter::All, after, limit(2)).await.unwrap();
        let is_last = page.len() <= 2;
        seen.extend(page.into_iter().take(2).map(|row| row.other));
        if is_last {
            break;
        }
    }
    writer.await.unwrap();
    assert_seen(seen, (10..40).map(|number| number * 2));
}

/// Accounts found and accounts of a state, while others are made and renamed.
pub async fn accounts_walked_while_others_come(store: Arc<dyn Store>) {
    let create = async |store: &Arc<dyn Store>, number: u64| {
        let claims = Claims { words: words(&["ana"]), ..username(&number.to_string()) };
        accounts(store).create(&account(number, "ana"), &claims).await.unwrap();
    };
    for number in 10..35 {
        create(&store, number * 2).await;
    }
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 10..35 {
                create(&store, number * 2 + 1).await;
                let mut renamed = account(number * 2 + 1, "bo");
                (renamed.version, renamed.state) = (2, AccountState::Disabled);
                let claims = Claims { words: words(&["bo"]), ..Claims::default() };
                accounts(&store).update(&renamed, &claims).await.unwrap();
            }
        }
    });
    let (mut found, mut active): (Vec<UserId>, Vec<UserId>) = (Vec::new(), Vec::new());
    loop {
        let page = accounts(&store).search(&words(&["an"]), found.last().copied(), limit(2)).await.unwrap();
        let is_last = page.len() <= 2;
        found.extend(page.into_iter().take(2).map(|account| account.user));
        if is_last {
            break;
        }
    }
    loop {
        let page = accounts(&store).in_state(AccountState::Active, active.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        active.extend(page.into_iter().map(|account| account.user));
    }
    writer.await.unwrap();
    assert_seen(found, (10..35).map(|number| number * 2));
    assert_seen(active, (10..35).map(|number| number * 2));
}

/// Logins that are over, swept by two at once while others begin: each ends once, none that is not over.
pub async fn expired_logins_swept_by_two(store: Arc<dyn Store>) {
    let mut over: Vec<SessionId> = Vec::new();
    for number in 1..=30 {
        let row = login(number, 1_000);
        sessions(&store).create(&row, 1).await.unwrap();
        over.push(row.id);
    }
    let now = login(1, 1_000).idle_until;
    let ended = race(3, |number| {
        let store = Arc::clone(&store);
        async move {
            let mut ended = Vec::new();
            if number == 0 {
                for number in 1..=10 {
                    let mut row = login(100 + number, 1_000);
                    (row.idle_until, row.absolute_until) = (now.max(row.absolute_until), row.absolute_until);
                    sessions(&store).create(&row, 1).await.unwrap();
                }
                return ended;
            }
            loop {
                let some = sessions(&store).expired(now, 4).await.unwrap();
                if some.is_empty() {
                    return ended;
                }
                ended.extend(sessions(&store).end(&some).await.unwrap());
            }
        }
    })
    .await;
    let mut ended: Vec<SessionId> = ended.into_iter().flatten().collect();
    ended.sort_unstable();
    over.sort_unstable();
    assert_eq!(ended, over);
}

/// A log read from its beginning while it grows and what stands in it is edited: dense, without end, nothing twice.
pub async fn a_log_walked_while_it_grows(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.say_many(1, 60).await;
    let writer = tokio::spawn({
        let scene = scene.clone();
        async move {
            for number in 0..20 {
                scene.put(edit(user(1), seq(2 + number), seq(2 + number), "edited")).await;
                scene.say_many(1, 2).await;
            }
        }
    });
    let mut seen = Seq::ZERO;
    while seen < seq(121) {
        let wanted = [After { conversation: scene.id, after: seen }];
        let answer = scene.log().entries(&wanted, Limit::new(9).unwrap()).await.unwrap().remove(0);
        let positions = answer.items.iter().map(|row| row.seq);
        assert!(positions.eq((seen.get() + 1..).map(seq).take(answer.items.len())), "after {seen}");
        let expected = 9.min(answer.head.get() - seen.get());
        assert_eq!(answer.items.len() as u64, expected, "as many as there are, up to the limit");
        seen = answer.items.last().map_or(seen, |row| row.seq);
    }
    writer.await.unwrap();
}
